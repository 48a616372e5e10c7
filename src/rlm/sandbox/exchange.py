"""What a session says to its worker and hears from it, between frames and our own values."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator

from rlm.context import Context
from rlm.errors import LimitError, LMError, RlmError, SandboxError
from rlm.sandbox import protocol
from rlm.types import Answer, CellResult

LOST = (OSError, EOFError, protocol.FrameError)  # what a lost worker raises; a time-out is an OSError
REST = 30.0  # seconds for the rest of a frame, once its length has come
_LENGTH = 4  # bytes of a frame's length
_AT_ONCE, _MOST = 2**16, 2**20  # bytes that are read at once, ahead and of the rest of a frame
_PIECE = 3 << 20  # bytes of an added context in one frame
_MARK = 100  # characters beyond `max_output`, to say how much was cut
_ERROR = 100_000  # characters of an error: several times what a worker sends
_VARIABLES, _LINE = 100, 200  # that a worker tells of, and characters of each


def pieces(name: str, context: Context) -> Iterator[bytes]:
    """The frames that add a context to a worker's input."""
    blob, parts = context.blob, [list(part) for part in context.parts]
    for start in range(0, max(blob.size, 1), _PIECE):
        data = base64.b64encode(blob.read(start, _PIECE)).decode()
        said: protocol.Message = {"type": "add", "name": name, "kind": context.kind, "parts": [], "data": data}
        last = start + _PIECE >= blob.size
        yield protocol.encode({**said, "parts": parts if last else [], "last": last})


def variables(kept: protocol.Message) -> tuple[str, ...]:
    """What a worker says that earlier cells have made.

    Raises:
        FrameError: That is more than it may say.
    """
    lines = kept["variables"]
    if len(lines) > _VARIABLES or not all(type(line) is str and len(line) <= _LINE for line in lines):
        raise protocol.FrameError("`kept` holds more than was asked for")
    return tuple(lines)


def reply(message: protocol.Message) -> bytes:
    """The answer to a call as a frame; one that is too long says so in its place."""
    try:
        return protocol.encode(message)
    except protocol.FrameError as error:
        too_long = SandboxError(f"the answer is too long: {error}")
        return protocol.encode({"type": "raise", "id": message["id"], "error": sent_error(too_long)})


def check_size(done: protocol.Message, max_output: int) -> None:
    """Raises FrameError where a cell's output or error is longer than a worker makes them: both are kept for good."""
    if len(done["output"]) > max_output + _MARK or len(done["error"] or "") > _ERROR:
        raise protocol.FrameError("`done` holds more than was asked for")


def sent_error(error: RlmError) -> protocol.Message:
    """An error as a `raise` carries it."""
    kind = next((base.__name__ for base in (LMError, LimitError) if isinstance(error, base)), "ToolError")
    sent: protocol.Message = {"type": kind, "message": str(error)}
    for name in ("results", "fault"):
        if (told := getattr(error, name, None)) is not None:
            sent[name] = told
    return sent


def result(done: protocol.Message, interrupted: bool, seconds: float) -> CellResult:
    """A worker's `done` as what the cell did."""
    answer = done["answer"]
    return CellResult(
        output=done["output"],
        output_size=done["output_size"],
        error=done["error"],
        answer=None if answer is None else Answer(answer["value"], answer["is_repr"], answer["ready"]),
        seconds=seconds,
        interrupted=interrupted,
    )


def lost(why: str, printed: tuple[str, int], interrupted: bool, seconds: float) -> CellResult:
    """What a cell did whose worker was lost: the end of what it printed is known, if anything."""
    text, size = printed
    if size > len(text):
        text = f"[... {size - len(text):,} characters cut ...]\n{text}"
    return CellResult(text, size, lost=why, seconds=seconds, interrupted=interrupted)


def why(error: BaseException, how: str) -> str:
    """Why a worker was lost, which ended so after that error."""
    return f"it broke the protocol: {error}" if isinstance(error, protocol.FrameError) else how


class Frames:
    """The messages that a worker sends. What has come is read at once, and a frame that is whole takes no timer: both
    would cost a cell more than its code.

    Args:
        reader: Its stream.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._come = bytearray()

    async def next(self, seconds: float) -> protocol.Message:
        """The next one; a call has its `size` in bytes beside its fields. It may be cancelled, and called again.

        Args:
            seconds: For the rest of a frame, once it has begun to come.

        Raises:
            OSError, EOFError: The stream ended.
            protocol.FrameError: It is not allowed, or did not come whole in time.
        """
        if not self._come:
            await self._more(_AT_ONCE)
        missing = self._missing()
        if missing:
            try:
                async with asyncio.timeout(seconds):
                    while missing := self._missing():
                        await self._more(min(missing, _MOST))
            except TimeoutError:
                raise protocol.FrameError("a frame did not come whole in time") from None
        size = protocol.length(self._come[:_LENGTH])
        payload = bytes(self._come[_LENGTH : _LENGTH + size])
        del self._come[: _LENGTH + size]
        message = protocol.decode(payload)
        protocol.check_from_worker(message)
        if message["type"] == "call":
            message["size"] = size
        return message

    async def heard(self, kind: str, begins: float) -> protocol.Message:
        """The next one, which is to be of that kind.

        Args:
            kind: Its type.
            begins: Seconds until it begins.

        Raises:
            OSError, EOFError: The stream ended, or nothing came in time.
            protocol.FrameError: It is another one, or not allowed, or did not come whole in time.
        """
        async with asyncio.timeout(begins):
            message = await self.next(REST)
        if message["type"] != kind:
            raise protocol.FrameError(f"`{message['type']}` is not due")
        return message

    def _missing(self) -> int:
        """Bytes that have not come, of the length or of the frame."""
        if len(self._come) < _LENGTH:
            return _LENGTH - len(self._come)
        return max(0, _LENGTH + protocol.length(self._come[:_LENGTH]) - len(self._come))

    async def _more(self, most: int) -> None:
        come = await self._reader.read(most)
        if not come:
            raise EOFError("the stream ended")
        self._come += come
