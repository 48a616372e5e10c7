"""More time than a cell is given. The host ends each of them, in every launcher."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target
from rlm.sandbox.trials.registry import attempt


@attempt("host", seconds=1)
def spin_past_interrupts(t: Target) -> None:
    """A loop that swallows KeyboardInterrupt."""
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001
            continue


@attempt("host", seconds=1)
def spin_without_signals(t: Target) -> None:
    """A loop with every signal blocked and ignored."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
    while True:
        pass


@attempt("host", seconds=1)
def spin_in_c(t: Target) -> None:
    """A regular expression that backtracks for years, again and again."""
    import re

    while True:
        try:
            re.match(r"(a*)*$", "a" * 40 + "b")
        except BaseException:  # noqa: BLE001
            continue


@attempt("host", seconds=1)
def never_tell_what_went_wrong(t: Target) -> None:
    """An exception that takes for ever to describe itself."""

    class Endless(BaseException):
        def __str__(self) -> str:
            while True:
                pass

    raise Endless


@attempt("host", seconds=1)
def spin_in_a_thread(t: Target) -> None:
    """Threads that spin while the cell waits for a sub-call, whose time is not its own."""
    import threading

    def spin() -> None:
        while True:
            pass

    for _ in range(4):
        threading.Thread(target=spin, daemon=True).start()
    while True:
        llm_query("p")  # type: ignore[name-defined]  # noqa: F821 (the worker's own)


@attempt("host")
def crash(t: Target) -> None:
    """A null pointer: the process ends by SIGSEGV."""
    import ctypes

    ctypes.string_at(0)


@attempt("host")
def overflow_the_stack(t: Target) -> None:
    """Recursion of the interpreter's own, without a limit."""
    import sys

    sys.setrecursionlimit(10**9)
    deep: list[object] = []
    for _ in range(300_000):
        deep = [deep]
    repr(deep)


@attempt("host", seconds=2)
def print_without_end(t: Target) -> None:
    """Gigabytes of output."""
    line = "x" * 1_000_000
    for _ in range(3000):
        print(line)
