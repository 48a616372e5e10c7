"""What the host of an instance does for it: addresses may be any, and a stream tells interrupts ahead of frames."""

import ctypes
import os
import struct
import threading
import time

import pytest
import wasmtime

from rlm.sandbox import wasm_host, wasm_run
from rlm.sandbox.wasm_host import POLLED, SIGNALLED, STREAM, TRIPPED, Host, Memory, Stream

SIZE = 2**22
EBADF, EFAULT, EINVAL = 8, 21, 28


class Whole:
    """In the place of an instance's memory."""

    def __init__(self):
        self.bytes = (ctypes.c_ubyte * SIZE)()

    def data_ptr(self, store):
        return ctypes.pointer(self.bytes)

    def data_len(self, store):
        return SIZE


class Guest:
    """Calls a host's functions, as an instance would."""

    def __init__(self, source=-1, target=-1):
        self.whole, self.host = Whole(), Host(source, target, 0, lambda: None)
        self.host.attach(self.whole, None)
        self.functions = {}
        self.host.define(self)

    def define_func(self, module, name, kind, function, *, access_caller):
        assert (module, access_caller) == ("wasi_snapshot_preview1", True)
        self.functions[name] = function, len(kind.params)

    def call(self, name, *args):
        function, count = self.functions[name]
        assert len(args) == count
        return function(None, *args)

    def poke(self, at, data):
        self.whole.bytes[at : at + len(data)] = data

    def peek(self, at, size):
        return bytes(self.whole.bytes[at : at + size])


@pytest.fixture
def pipe():
    """What is read from, and what is written to."""
    read, write = os.pipe()
    yield read, write
    os.close(write)
    for thread in threading.enumerate():
        if thread.name.endswith("(_listen)"):
            thread.join(10)
    os.close(read)


def frame(payload):
    return len(payload).to_bytes(4, "big") + payload


def test_memory_is_read_and_written_within_its_bounds_only():
    held = ctypes.create_string_buffer(16)
    memory = Memory(ctypes.addressof(held), 8)
    memory.write(4, b"abcd")
    assert (memory.read(4, 4), memory.read(8, 0), held.raw[8:]) == (b"abcd", b"", bytes(8))
    for at, size in ((5, 4), (9, 0), (-1, 1), (0, 9), (2**32 - 1, 1)):
        with pytest.raises(IndexError):
            memory.read(at, size)
        if size > 0:
            with pytest.raises(IndexError):
                memory.write(at, b"x" * size)
    assert held.raw[8:] == bytes(8)


def test_addresses_that_are_none_are_an_error_and_signs_do_not_matter(pipe):
    source, ours = pipe
    os.write(ours, frame(b"x" * 64))
    guest = Guest(source)
    guest.host._stream.begin()
    guest.poke(100, struct.pack("<II", SIZE - 4, 8))
    assert guest.call("sock_recv", STREAM, 100, 1, 0, 200, 300) == 0  # the length of a frame, which fits
    assert guest.call("sock_recv", STREAM, 100, 1, 0, 200, 300) == EFAULT
    assert guest.call("sock_recv", STREAM, -8, 1, 0, 200, 300) == EFAULT
    assert guest.call("sock_send", STREAM, SIZE - 4, 1, 0, 200) == EFAULT
    guest.poke(100, struct.pack("<II", 2**32 - 1, 2**32 - 1))
    assert guest.call("sock_send", STREAM, 100, 1, 0, 200) == EFAULT
    assert guest.call("clock_time_get", 1, -1, -4) == EFAULT
    assert guest.call("poll_oneoff", SIZE, 0, 1, 0) == EFAULT


def test_no_descriptor_but_the_stream_is_served(pipe):
    out, target = pipe
    guest = Guest(target=target)
    guest.poke(0, b"to the host")
    guest.poke(100, struct.pack("<IIII", 0, 6, 6, 5))
    assert [guest.call("sock_send", fd, 100, 2, 0, 200) for fd in (STREAM, 0, 1, 2, 3, -1)] == [0] + [EBADF] * 5
    assert os.read(out, 100) == b"to the host"
    assert struct.unpack("<I", guest.peek(200, 4)) == (11,)
    assert [guest.call("sock_recv", fd, 100, 1, 0, 200, 300) for fd in (0, 1, 2, 3, -1)] == [EBADF] * 5
    assert guest.call("sock_send", STREAM, 0, 1025, 0, 200) == EINVAL


def test_the_input_comes_first_and_frames_are_read_in_any_sizes(pipe):
    source, ours = pipe
    os.write(ours, b"input" + frame(b"{}") + frame(b"abc"))
    stream = Stream(source, 5, lambda: None, lambda: False, lambda: None)
    assert (stream.read(3), stream.read(9)) == (b"inp", b"ut")
    assert (stream.read(4), stream.read(1), stream.read(9)) == (frame(b"{}")[:4], b"{", b"}")
    assert (stream.read(9), stream.read(9)) == (frame(b"abc")[:4], b"abc")


def test_an_interrupt_is_told_before_the_frames_ahead_of_it_are_read_and_again_until_it_is_seen(pipe):
    source, ours = pipe
    guest = Guest(source)
    guest.host._stream.begin()
    os.write(ours, frame(b"{}") + frame(wasm_host.INTERRUPT))
    wait_for(lambda: guest.peek(TRIPPED, 4) == b"\1\0\0\0")
    assert [guest.peek(word, 4) for word in SIGNALLED] == [b"\1\0\0\0"] * 4
    guest.poke(SIGNALLED[3], bytes(4))  # lost to a write of the instance's at the same time
    wait_for(lambda: guest.peek(SIGNALLED[3], 4) == b"\1\0\0\0")
    for word in SIGNALLED:
        guest.poke(word, bytes(4))
    time.sleep(0.05)
    assert guest.peek(TRIPPED, 4) == bytes(4)


def wait_for(done):
    ends = time.monotonic() + 10
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.002)


def test_frames_that_are_not_read_wait_outside_and_the_end_is_seen_all_the_same(monkeypatch):
    monkeypatch.setattr(wasm_host, "_AHEAD", 10)
    monkeypatch.setattr(wasm_host, "_LOOK", 0.01)
    ended = threading.Event()
    source, ours = os.pipe()
    stream = Stream(source, 0, lambda: None, lambda: False, ended.set)
    stream.begin()
    os.write(ours, frame(b"x" * 12) * 5)
    wait_for(lambda: stream._held > 10)
    time.sleep(0.05)
    assert (stream._held, ended.is_set()) == (16, False)
    assert b"".join(stream.read(99) for _ in range(4)) == frame(b"x" * 12) * 2
    os.close(ours)
    assert ended.wait(10)
    assert stream.read(99) == frame(b"x" * 12)[:4]
    os.close(source)


def clock(number, timeout, flags=0, data=7):
    return struct.pack("<QB7xIIQQH6x", data, 0, number, 0, timeout, 0, flags)


def reading(fd, data=8):
    return struct.pack("<QB7xI28x", data, 1, fd)


def polled(guest, *subscriptions):
    guest.poke(1000, b"".join(subscriptions))
    began = time.monotonic()
    assert guest.call("poll_oneoff", 1000, 5000, len(subscriptions), 900) == 0
    (count,) = struct.unpack("<I", guest.peek(900, 4))
    events = [struct.unpack("<QHB", guest.peek(5000 + 32 * n, 11)) for n in range(count)]
    return events, time.monotonic() - began


def test_waiting_ends_with_the_first_clock_the_stream_or_an_interrupt(pipe):
    source, ours = pipe
    guest = Guest(source)
    guest.host._stream.begin()
    events, seconds = polled(guest, clock(1, 20_000_000), clock(0, time.time_ns() + 10**12, flags=1, data=9))
    assert events == [(7, 0, 0), (9, 0, 0)]  # both: whoever waits looks at its own clock
    assert 0.019 < seconds < 5
    events, seconds = polled(guest, clock(1, time.monotonic_ns() - 5, flags=1))
    assert (events, seconds < 5) == ([(7, 0, 0)], True)
    os.write(ours, frame(b"{}"))
    assert polled(guest, clock(1, 10**12), reading(POLLED))[0] == [(8, 0, 1)]
    assert polled(guest, clock(1, 10**6), reading(5))[0] == [(7, 0, 0), (8, EBADF, 1)]
    guest.poke(TRIPPED, b"\1\0\0\0")
    assert polled(guest, clock(1, 10**12))[1] < 5
    assert [guest.call("poll_oneoff", 1000, 5000, count, 900) for count in (0, 65, -1)] == [EINVAL] * 3


def test_clocks_are_the_hosts():
    guest = Guest()
    for number, now in (
        (0, time.time_ns),
        (1, time.monotonic_ns),
        (2, time.process_time_ns),
        (9, time.process_time_ns),
    ):
        before = now()
        assert guest.call("clock_time_get", number, 1, 64) == 0
        assert before <= struct.unpack("<Q", guest.peek(64, 8))[0] <= now()


def test_both_sides_mean_the_same_descriptor():
    assert f"SOCK_STREAM, 0, {STREAM})" in wasm_run.PROGRAM


def test_modules_need_wasmtimes_own_format(tmp_path):
    (tmp_path / "module").write_bytes(b"\0asm\1\0\0\0")
    with pytest.raises(wasmtime.WasmtimeError):
        wasm_host.main(str(tmp_path / "module"), 2**20, "", 0, [])
    assert wasm_host.compile_module(str(tmp_path / "module"), str(tmp_path / "made")) == 0
    assert (tmp_path / "made").read_bytes()[:4] == b"\x7fELF"
