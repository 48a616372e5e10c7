"""One WebAssembly instance with a worker in it: what the host of that code does, and all that it does.

`python wasm_host.py MODULE MEMORY PROGRAM AHEAD FOLDERS`: a compiled module, the bytes of memory that it may have, the
Python that it runs, how many bytes of standard input come before the first frame, and a JSON list of the folders that
it finds, each `[here, there, may it write]`. Standard input and output are the stream.

`python wasm_host.py WASM MODULE` compiles one. Each is a process of its own: a killed process is the one sure end of a
loop. Needs `wasmtime`, and nothing of this package.

The instance has no variable, no socket and no folder but those named. Of the functions of WASI (preview 1,
`wasi_snapshot_preview1`) four are replaced: those of sockets, by which it reaches the stream, waiting, which an
interrupt ends, and the clock, which waiting is measured by.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

import wasmtime

STREAM = 1000  # the descriptor of the stream, in the instance: no file's
POLLED = 0  # what is waited for in its place: this libc polls no number that it has not opened
INTERRUPT = b'{"type":"interrupt"}'  # as a session sends it
# Words of CPython 3.12.0 as `wasm_module.SHA256` has it. They are what its `PyErr_SetInterrupt` sets to 1: the handler
# of SIGINT and `is_tripped`, then the interpreter's `signals_pending` and `eval_breaker`. Found by comparing the memory
# before and after `_thread.interrupt_main()`, with every word that also differs without it left out.
SIGNALLED = (3825048, 3825560, 3825796, 3866492)
TRIPPED = SIGNALLED[1]
_AHEAD = 64 * 2**20  # bytes of frames that wait for the instance to read them
_PIECE = 2**20
_LOOK = 0.25  # seconds
_REMIND = 0.01  # seconds
_REMINDERS = 200
_STACK = 2 * 2**20  # bytes
_TRAPPED = 70  # an exit status
_EBADF, _EFAULT, _EINVAL = 8, 21, 28  # as WASI numbers them
_SUBSCRIPTION, _EVENT = 48, 32  # bytes
_VECTORS = 1024
_ABSOLUTE = 1
_CLOCKS: dict[int, Callable[[], int]] = {0: time.time_ns, 1: time.monotonic_ns}
_MASK = 2**32 - 1


class Memory:
    """An instance's memory, whose addresses are the guest's and may be any.

    Args:
        base: Where it begins in this process.
        size: Its bytes; it only grows.
    """

    def __init__(self, base: int, size: int) -> None:
        self._base = base
        self.size = size

    def read(self, at: int, size: int) -> bytes:
        """Raises IndexError outside of it."""
        return ctypes.string_at(self._place(at, size), size)

    def write(self, at: int, data: bytes) -> None:
        """Raises IndexError outside of it."""
        ctypes.memmove(self._place(at, len(data)), data, len(data))

    def _place(self, at: int, size: int) -> int:
        if not 0 <= at <= at + size <= self.size:
            raise IndexError(at)
        return self._base + at


class Stream:
    """What the host sends: the input first, as it is read; then frames, ahead of their reading, for interrupts.

    Args:
        fd: What it is read from.
        ahead: Bytes before the first frame.
        interrupt: Interrupts the instance.
        unseen: Whether it has not noticed that yet.
        end: Called where the stream has ended: nobody is there any more.
    """

    def __init__(
        self,
        fd: int,
        ahead: int,
        interrupt: Callable[[], None],
        unseen: Callable[[], bool],
        end: Callable[[], None],
    ) -> None:
        self._fd = fd
        self._end = end
        self._left = ahead
        self._interrupt = interrupt
        self._unseen = unseen
        self._frames: deque[bytes] = deque()
        self._held = 0
        self._changed = threading.Condition()

    def begin(self) -> None:
        """Reads frames from now on."""
        threading.Thread(target=self._listen, daemon=True).start()

    def read(self, size: int) -> bytes:
        """At most so many bytes; waits for them."""
        if self._left:
            data = os.read(self._fd, min(size, self._left, _PIECE))
            self._left = self._left - len(data) if data else 0
            if not self._left:
                self.begin()
            return data
        with self._changed:
            self._changed.wait_for(lambda: self._frames)
            frame = self._frames.popleft()
            if len(frame) > size:
                self._frames.appendleft(frame[size:])
            self._held -= min(len(frame), size)
            self._changed.notify_all()
        return frame[:size]

    def wait(self, seconds: float | None, for_frames: bool) -> bool:
        """Waits, for an interrupt at most; whether there is something to read."""
        with self._changed:
            self._changed.wait_for(lambda: (for_frames and self._frames) or self._unseen(), seconds)
            return bool(self._frames)

    def _listen(self) -> None:
        try:
            while True:
                self._take()
        except EOFError:
            self._end()

    def _take(self) -> None:
        header = self._exactly(4)
        payload = self._exactly(int.from_bytes(header, "big"))
        if payload == INTERRUPT:
            self._interrupt()
        with self._changed:
            while not self._changed.wait_for(lambda: self._held <= _AHEAD, _LOOK):
                if self._is_left():
                    raise EOFError
            self._frames.append(header)
            self._frames.append(payload)
            self._held += len(header) + len(payload)
            self._changed.notify_all()
        if payload == INTERRUPT:
            self._remind()

    def _is_left(self) -> bool:
        """Whether nobody can write to it any more, whatever there is still to read."""
        poll = select.poll()
        poll.register(self._fd, 0)
        return any(event & select.POLLHUP for _, event in poll.poll(0))

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            data = os.read(self._fd, min(size, _PIECE))
            if not data:
                raise EOFError
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def _remind(self) -> None:
        """The instance may have written the same word at the same time."""
        for _ in range(_REMINDERS):
            time.sleep(_REMIND)
            if not self._unseen():
                return
            self._interrupt()


class Host:
    """The functions that the instance finds changed.

    Args:
        source, target: The descriptors that the stream comes from and goes to.
        ahead: Bytes of it before the first frame.
        end: Called where it has ended.
    """

    def __init__(self, source: int, target: int, ahead: int, end: Callable[[], None]) -> None:
        self._stream = Stream(source, ahead, self._interrupt, self._unseen, end)
        self._target = target
        self._memory: Memory
        self._whole: wasmtime.Memory

    def attach(self, memory: wasmtime.Memory, store: wasmtime.Store) -> None:
        """Gives it the instance's memory, before anything runs there."""
        self._whole = memory
        self._memory = Memory(ctypes.addressof(memory.data_ptr(store).contents), memory.data_len(store))

    def define(self, linker: wasmtime.Linker) -> None:
        """Puts them in the place of WASI's own."""
        i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
        linker.allow_shadowing = True
        for function, types in (
            (self.sock_recv, [i32] * 6),
            (self.sock_send, [i32] * 5),
            (self.poll_oneoff, [i32] * 4),
            (self.clock_time_get, [i32, i64, i32]),
        ):
            kind = wasmtime.FuncType(types, [i32])
            linker.define_func(
                "wasi_snapshot_preview1", function.__name__, kind, self._checked(function), access_caller=True
            )

    def _checked(self, function: Callable[..., int]) -> Callable[..., int]:
        """The function for arguments that are unsigned, as addresses are; one that is none is the guest's error."""

        def call(caller: wasmtime.Caller, *args: int) -> int:
            self._memory.size = self._whole.data_len(caller)
            try:
                return function(*(arg & _MASK for arg in args))
            except IndexError:
                return _EFAULT

        return call

    def sock_recv(self, fd: int, vectors: int, count: int, flags: int, read: int, told: int) -> int:
        if fd != STREAM:
            return _EBADF
        at, size = struct.unpack("<II", self._memory.read(vectors, 8)) if count else (0, 0)
        data = self._stream.read(size) if size else b""
        self._memory.write(at, data)
        self._memory.write(read, len(data).to_bytes(4, "little"))
        self._memory.write(told, bytes(2))
        return 0

    def sock_send(self, fd: int, vectors: int, count: int, flags: int, sent: int) -> int:
        if fd != STREAM:
            return _EBADF
        if count > _VECTORS:
            return _EINVAL
        whole = 0
        for at, size in struct.iter_unpack("<II", self._memory.read(vectors, 8 * count)):
            whole += size
            for start in range(at, at + size, _PIECE):
                self._send(self._memory.read(start, min(_PIECE, at + size - start)))
        self._memory.write(sent, (whole & _MASK).to_bytes(4, "little"))
        return 0

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._target, view) :]

    def clock_time_get(self, clock: int, precision: int, time_at: int) -> int:
        now = _CLOCKS.get(clock, time.process_time_ns)()
        self._memory.write(time_at, now.to_bytes(8, "little"))
        return 0

    def poll_oneoff(self, asked: int, events: int, count: int, happened: int) -> int:
        """Waits for the first of its clocks, or for the stream."""
        if not 0 < count <= 64:
            return _EINVAL
        seconds: float | None = None
        wants = False
        subscriptions = list(struct.iter_unpack("<QB7xIIQQH6x", self._memory.read(asked, _SUBSCRIPTION * count)))
        for _, kind, number, _, timeout, _, flags in subscriptions:
            if kind == 0:
                since = _CLOCKS.get(number, time.monotonic_ns)() if flags & _ABSOLUTE else 0
                after = max(0, timeout - since) / 1e9
                seconds = after if seconds is None else min(seconds, after)
            else:
                wants = wants or (kind == 1 and number == POLLED)
        ready = self._stream.wait(None if seconds is None else min(seconds, threading.TIMEOUT_MAX), wants)
        found = b"".join(
            struct.pack("<QHB5xQH6x", data, 0 if kind == 0 or number == POLLED else _EBADF, kind, 1, 0)
            for data, kind, number, *_ in subscriptions
            if (kind == 0 and not (wants and ready)) or (kind == 1 and (ready or number != POLLED)) or kind == 2
        )
        self._memory.write(events, found)
        self._memory.write(happened, (len(found) // _EVENT).to_bytes(4, "little"))
        return 0

    def _unseen(self) -> bool:
        return self._memory.read(TRIPPED, 4) != bytes(4)

    def _interrupt(self) -> None:
        """Has the interpreter find a SIGINT."""
        for word in SIGNALLED:
            self._memory.write(word, b"\1\0\0\0")


def engine() -> wasmtime.Engine:
    """What modules are compiled for and run in: the memory stays where it is, since another thread writes to it."""
    config = wasmtime.Config()
    config.max_wasm_stack = _STACK
    config.memory_reservation = 2**32
    config.memory_may_move = False
    return wasmtime.Engine(config)


def main(module: str, memory_bytes: int, program: str, ahead: int, folders: list[tuple[str, str, bool]]) -> int:
    """Runs the program to its end; the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    host, compiler = Host(0, 1, ahead, lambda: os._exit(0)), engine()
    linker = wasmtime.Linker(compiler)
    linker.define_wasi()
    host.define(linker)
    store = wasmtime.Store(compiler)
    store.set_limits(memory_size=memory_bytes)
    wasi = wasmtime.WasiConfig()
    wasi.argv = ("python", "-S", "-B", "-X", "utf8", "-c", program)
    wasi.env = [("PYTHONHASHSEED", "0")]
    for here, there, may_write in folders:
        wasi.preopen_dir(here, there, may_write)
    store.set_wasi(wasi)
    exports = linker.instantiate(store, wasmtime.Module.deserialize_file(compiler, module)).exports(store)
    memory, start = exports["memory"], exports["_start"]
    assert isinstance(memory, wasmtime.Memory)
    assert isinstance(start, wasmtime.Func)
    host.attach(memory, store)
    try:
        start(store)
    except wasmtime.ExitTrap as end:
        return end.code
    except wasmtime.Trap:
        return _TRAPPED
    return 0


def compile_module(wasm: str, module: str) -> int:
    """Compiles it, which takes ten seconds and 300 MB; the exit status."""
    with open(module, "wb") as file:
        file.write(wasmtime.Module.from_file(engine(), wasm).serialize())
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 3:
        sys.exit(compile_module(sys.argv[1], sys.argv[2]))
    os._exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), json.loads(sys.argv[5])))
