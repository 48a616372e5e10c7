"""A worker that lies about what it does: done when it is not, idle when it spins, ahead of what it was told."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, cell_number, done, query, send
from rlm.sandbox.trials.registry import attempt


@attempt("host")
def say_done_twice(t: Target) -> None:
    """`done` now, and once more when the cell ends."""
    send(done(cell_number(), output="HELD: said twice\n", output_size=17))


@attempt("host")
def forge_a_later_result(t: Target) -> None:
    """`done` for cells that the host has not sent yet."""
    number = cell_number()
    send(*[done(number + ahead, output="forged\n", output_size=7) for ahead in range(1, 4)])


@attempt("host")
def forge_an_earlier_result(t: Target) -> None:
    """`done` for a cell that is long over."""
    send(done(cell_number() - 1, output="forged\n", output_size=7))


@attempt("host", seconds=1)
def be_idle_and_spin(t: Target) -> None:
    """`done`, while the cell runs on and lets no interrupt through."""
    send(done(cell_number(), output="HELD: idle\n", output_size=11))
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001
            continue


@attempt("host", seconds=1)
def be_idle_and_call(t: Target) -> None:
    """`done`, and then calls without end, which nobody asked for."""
    send(done(cell_number(), output="HELD: idle\n", output_size=11))
    for number in range(2_000_000, 2_200_000):
        send(query(number))


@attempt("host", seconds=1)
def be_idle_and_deaf(t: Target) -> None:
    """`done`, and then nothing: no cell is taken any more."""
    import signal

    send(done(cell_number(), output="HELD: idle\n", output_size=11))
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
    while True:
        signal.sigwait([signal.SIGUSR2])


@attempt("host")
def leave_a_thread_that_calls(t: Target) -> None:
    """A thread that calls on when its cell has ended."""
    import threading

    def on_and_on() -> None:
        for number in range(3_000_000, 3_000_200):
            send(query(number))

    threading.Thread(target=on_and_on, daemon=True).start()


@attempt("host")
def leave_a_thread_that_forges(t: Target) -> None:
    """A thread that ends the next cell as soon as it has begun."""
    import threading
    import time

    number = cell_number()

    def forge() -> None:
        time.sleep(0.05)
        send(done(number + 1, output="forged\n", output_size=7))

    threading.Thread(target=forge, daemon=True).start()
