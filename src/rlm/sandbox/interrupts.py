"""SIGINT in a worker: an interrupt of its cell, and of nothing else.

Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import _thread

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    import signal
    from typing import Any
else:
    import _signal as signal  # `signal` makes enums of all constants


class Interrupts:
    """Turns SIGINT into one KeyboardInterrupt a cell, never outside one, and never within a frame.

    As a context manager it is the shield that holds an interrupt back for a moment.
    """

    def __init__(self) -> None:
        self._main = _thread.get_ident()
        self._handler = self._on_signal
        self._armed = False
        self._shields = 0
        self._pending = False
        self._early = False

    def expect(self) -> None:
        """A cell is due: what interrupts from here on is meant for it, and not for the one before."""
        self._early = False

    def arm(self) -> bool:
        """A cell begins; True if it is interrupted already. Takes the signal back, whatever an earlier cell did."""
        self._pending = False
        self._take_back()
        self._armed = not self._early
        return self._early

    def disarm(self) -> None:
        """No cell runs: an interrupt that comes late does nothing."""
        self._armed = False
        self._take_back()

    def _take_back(self) -> None:
        if signal.getsignal(signal.SIGINT) is not self._handler:  # to ask takes no system call
            signal.signal(signal.SIGINT, self._handler)

    def deliver(self) -> None:
        """Interrupts the cell, from another thread; one that is due, before it begins."""
        self._early = True
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(self._main, signal.SIGINT)

    def _on_signal(self, number: int, frame: Any) -> None:
        if not self._armed:
            return
        if self._shields:
            self._pending = True
            return
        self._armed = False
        raise KeyboardInterrupt

    def __enter__(self) -> None:
        if _thread.get_ident() == self._main:
            self._shields += 1

    def __exit__(self, *exc: object) -> None:
        if _thread.get_ident() == self._main:
            self._shields -= 1
            if self._pending and not self._shields:
                self._pending = False
                self._armed = False
                raise KeyboardInterrupt
