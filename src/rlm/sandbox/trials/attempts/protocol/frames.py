"""Bytes that are no message: the host has to refuse each without growing, waiting or breaking."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, cell_number, done, query, send
from rlm.sandbox.trials.registry import attempt


@attempt("host")
def announce_four_gib(t: Target) -> None:
    """A frame's length of 4 GiB."""
    send(b"\xff\xff\xff\xff")


@attempt("host")
def announce_nothing(t: Target) -> None:
    """A frame of no bytes."""
    send(b"\0\0\0\0")


@attempt("host", seconds=1)
def say_half_and_wait(t: Target) -> None:
    """Half a frame, and silence."""
    import time

    send(b"\0\0\x27\x10" + b'{"type": "done"')
    time.sleep(30)


@attempt("host", seconds=1)
def say_it_byte_by_byte(t: Target) -> None:
    """A frame that comes one byte at a time, without end."""
    import time

    send(b"\0\xff\xff\xff")
    while True:
        send(b" ")
        time.sleep(0.05)


@attempt("host")
def end_within_a_frame(t: Target) -> None:
    """Half a frame, and the process ends."""
    import os

    send(b"\0\0\x27\x10" + b'{"type": "done"')
    os._exit(0)


@attempt("host")
def send_rubbish(t: Target) -> None:
    """A frame that is no JSON, nor UTF-8."""
    send(b"\0\0\0\x04\xff\xfe\x00\x80")


@attempt("host")
def speak_another_protocol(t: Target) -> None:
    """HTTP on the stream."""
    send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


@attempt("host")
def nest_without_end(t: Target) -> None:
    """100,000 brackets, to overflow the parser's stack."""
    payload = b'{"type":"done","answer":' + b"[" * 100_000
    send(len(payload).to_bytes(4, "big") + payload)


@attempt("host")
def nest_deeply(t: Target) -> None:
    """A thousand levels, closed as they should be."""
    payload = b'{"type":"done","answer":' + b"[" * 1000 + b"]" * 1000 + b"}"
    send(len(payload).to_bytes(4, "big") + payload)


@attempt("host")
def send_millions_of_values(t: Target) -> None:
    """Six million empty lists in 18 MB, some 400 MB once they are parsed."""
    payload = b'{"type":"done","answer":[' + b"[]," * 6_000_000 + b"0]}"
    send(len(payload).to_bytes(4, "big") + payload)


@attempt("host")
def send_a_long_number(t: Target) -> None:
    """A number of a million digits, which takes minutes to read."""
    payload = b'{"type":"done","id":' + b"9" * 1_000_000 + b"}"
    send(len(payload).to_bytes(4, "big") + payload)


@attempt("host")
def send_what_is_no_number(t: Target) -> None:
    """NaN, Infinity, and a number too large for a float."""
    for text in (b"NaN", b"-Infinity", b"1e999"):
        payload = b'{"type":"done","seconds":' + text + b"}"
        send(len(payload).to_bytes(4, "big") + payload)


@attempt("host")
def send_a_lone_surrogate(t: Target) -> None:
    """Half a character, which no file and no provider takes."""
    send(done(cell_number(), output="\ud800"))


@attempt("host")
def repeat_a_field(t: Target) -> None:
    """The same field twice, for parsers that disagree on which one counts."""
    payload = b'{"type":"call","type":"hello","id":1,"id":2}'
    send(len(payload).to_bytes(4, "big") + payload)


@attempt("host")
def tear_frames_apart(t: Target) -> None:
    """Two threads whose frames fall into each other."""
    import json
    import threading

    payload = json.dumps(query(1)).encode()
    whole = len(payload).to_bytes(4, "big") + payload

    def drip() -> None:
        for at in range(0, len(whole), 3):
            send(whole[at : at + 3])

    threads = [threading.Thread(target=drip) for _ in range(4)]
    for thread in threads:
        thread.start()
    send(whole[: len(whole) // 2], whole, whole[len(whole) // 2 :])
    for thread in threads:
        thread.join()


@attempt("host")
def close_the_stream(t: Target) -> None:
    """Every descriptor closed: the stream ends, and the process stays."""
    import os
    import time

    os.closerange(0, 1024)
    time.sleep(1)
