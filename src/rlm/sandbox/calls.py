"""The functions that a cell calls and the host answers, and what waits in the worker meanwhile.

Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import _thread
import itertools

from . import protocol

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any

_INTERRUPTED = "the cell was interrupted while this call was open"
_ENDED = "the cell that made this call has ended"
_OPEN_BYTES = protocol.MAX_OPEN_BYTES // 2  # well under what the host tolerates


class CallError(RuntimeError):
    """A call failed.

    Attributes:
        results: What a batch has all the same, None where it failed; None if it was no batch.
        fault: What is wrong with a reply: empty, refused, filtered, thinking, malformed, or too_long, the prompt's
            fault; None where something else is.
    """

    def __init__(self, message: str, results: list[Any] | None = None, fault: str | None = None) -> None:
        super().__init__(message)
        self.results = results
        self.fault = fault


class LMError(CallError):
    """A language model could not be asked, or gave no usable reply."""


class LimitError(CallError):
    """A limit of the run was reached."""


class ToolError(CallError):
    """The call itself is not possible."""


ERRORS = {"LMError": LMError, "LimitError": LimitError, "ToolError": ToolError}
for _error in ERRORS.values():
    _error.__module__ = "builtins"  # shown by its bare name


class _Open:
    """A call that waits for its answer."""

    __slots__ = ("answer", "answered", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.answer: protocol.Message = {}
        self.answered = _thread.allocate_lock()
        self.answered.acquire()


class Calls:
    """All calls of one worker.

    Args:
        send: Sends a frame whole.
        refuses: Whether the calling thread is one that an earlier cell left behind.
        shield: Keeps an interrupt from tearing a frame apart.
    """

    def __init__(
        self, send: Callable[[bytes], None], refuses: Callable[[], bool], shield: AbstractContextManager[object]
    ) -> None:
        self._send = send
        self._refuses = refuses
        self._shield = shield
        self._numbers = itertools.count(1)
        self._open: dict[int, _Open] = {}
        self._bytes = 0
        self._cell: object = None
        self._lock = _thread.allocate_lock()
        self._waiting: list[_thread.LockType] = []  # threads that wait for room

    def begin(self) -> None:
        """A cell begins: calls are taken."""
        with self._lock:
            self._cell = object()

    def end(self) -> None:
        """The cell has ended: open calls fail, and those that its threads still try are refused."""
        self._fail(_ENDED, close=True)

    def interrupt(self) -> None:
        """Fails the open calls."""
        self._fail(_INTERRUPTED, close=False)

    def answer(self, message: protocol.Message) -> None:
        """Hands a `return` or `raise` to the call that waits for it, if there still is one."""
        with self._lock:
            waiting = self._take(message["id"])
        if waiting is not None:
            waiting.answer = message
            waiting.answered.release()

    def call(self, name: str, args: dict[str, Any]) -> Any:
        """Asks the host, and waits.

        Raises:
            LMError, LimitError, ToolError: What the host answered instead of a value.
            TypeError: JSON can't carry an argument.
        """
        number = next(self._numbers)
        shown = args["name"] if name == protocol.TOOL else name
        try:
            frame = protocol.encode_checked({"type": "call", "id": number, "name": name, "args": args})
        except protocol.FrameError as error:
            raise ToolError(f"{shown}: too much for one call: {error}") from None
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(f"{shown}: only JSON values can be sent: {error}") from None
        waiting = _Open(len(frame))
        with self._shield:
            self._register(number, frame, waiting, shown)
        return self._answered(number, waiting)

    def _answered(self, number: int, waiting: _Open) -> Any:
        """Waits for the answer to a call; its value."""
        try:
            waiting.answered.acquire()
        finally:
            with self._lock:
                self._take(number)
        return value_of(waiting.answer)

    def _register(self, number: int, frame: bytes, waiting: _Open, name: str) -> None:
        with self._lock:
            cell = self._cell
            while len(self._open) >= protocol.MAX_OPEN_CALLS or (
                self._open and self._bytes + waiting.size > _OPEN_BYTES
            ):
                self._wait_for_room()
            if self._cell is None or self._cell is not cell or self._refuses():
                raise ToolError(f"{name}: {_ENDED}")
            self._open[number] = waiting
            self._bytes += waiting.size
            self._send(frame)  # under the lock, so that no call is on its way once the cell has ended

    def _take(self, number: int) -> _Open | None:
        waiting = self._open.pop(number, None)
        if waiting is not None:
            self._bytes -= waiting.size
            if self._waiting:
                self._waiting.pop(0).release()
        return waiting

    def _wait_for_room(self) -> None:
        """Leaves the lock to others until a call is answered. Not to be interrupted."""
        turn = _thread.allocate_lock()
        turn.acquire()
        self._waiting.append(turn)
        self._lock.release()
        turn.acquire()
        self._lock.acquire()

    def _fail(self, why: str, close: bool) -> None:
        with self._lock:
            if close:
                self._cell = None
            failed = [self._take(number) for number in list(self._open)]
            while self._waiting:
                self._waiting.pop().release()
        for waiting in failed:
            if waiting is not None:
                waiting.answer = {"type": "raise", "error": {"type": "ToolError", "message": why}}
                waiting.answered.release()


def value_of(answer: protocol.Message) -> Any:
    """What the host answered.

    Raises:
        LMError, LimitError, ToolError: It answered that instead of a value.
    """
    if answer["type"] == "return":
        return answer["value"]
    given = answer["error"]
    raise ERRORS.get(given["type"], ToolError)(given["message"], given.get("results"), given.get("fault"))
