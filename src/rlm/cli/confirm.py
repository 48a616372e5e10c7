"""`--confirm-above`: sub-calls that are estimated to cost more than so much wait for a yes on the terminal."""

from __future__ import annotations

import asyncio
import os
import sys
import termios

from rlm.approval import Decision, Estimate
from rlm.live import LiveTree
from rlm.terminal import visible


class ConfirmAbove:
    """A policy for one run, and the question that it asks.

    Single calls are small, and a loop of them is not: what has been sent without a question adds up, and is asked
    about when it passes the amount.

    Args:
        usd: US dollars that may be spent on sub-calls without a question, at an estimate.
        live: The tree that is drawn on the terminal; it rests while the question stands.

    Attributes:
        live: The same; with each question of a session there is another.
    """

    def __init__(self, usd: float, live: LiveTree) -> None:
        self._usd = usd
        self.live = live
        self._unasked = 0.0

    def approve(self, estimate: Estimate) -> Decision:
        """Allows what is cheap enough."""
        if estimate.usd is None or self._unasked + estimate.usd > self._usd:
            return "ask"
        self._unasked += estimate.usd
        return "allow"

    async def confirm(self, estimate: Estimate) -> bool:
        """Asks on the terminal; without one, the answer is no."""
        if self.approve(estimate) == "allow":  # the yes to a question before this one has made room for it
            return True
        above = f"that is more than ${self._usd:g}"
        if estimate.usd is None:
            above = f"it may be more than ${self._usd:g}"
        elif estimate.usd <= self._usd:
            above = f"with the sub-calls since the last question it is more than ${self._usd:g}"
        await asyncio.to_thread(self.live.pause)
        try:
            agreed = await ask(f"rlm: {visible(str(estimate))}\nrlm: {above}. Go on? [y/N] ")
        finally:
            self.live.resume()
        if agreed:
            self._unasked = 0.0
        return agreed


async def ask(question: str) -> bool:
    """Whether the user types `y` or `yes`; False where there is no terminal.

    It reads the terminal itself, since standard input may be the text that is asked about, and without a thread, which
    would outlive the question when Ctrl-C ends it.
    """
    terminal = _terminal()
    if terminal is None:
        return False
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[bytes] = loop.create_future()

    def read() -> None:
        if not typed.done():
            typed.set_result(_read(terminal))

    try:
        termios.tcflush(terminal, termios.TCIFLUSH)  # what was typed before the question does not answer it
        os.write(terminal, question.encode())
        loop.add_reader(terminal, read)
        try:
            return (await typed).strip().lower() in (b"y", b"yes")
        finally:
            loop.remove_reader(terminal)
    finally:
        os.close(terminal)


def _terminal() -> int | None:
    """The user's terminal, opened anew; None if there is none."""
    for stream in (sys.stderr, sys.stdin):
        try:
            return os.open(os.ttyname(stream.fileno()), os.O_RDWR | os.O_NOCTTY)
        except (OSError, ValueError):  # no terminal, or closed, or no file at all
            continue
    return None


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1024)
    except OSError:  # it hung up
        return b""
