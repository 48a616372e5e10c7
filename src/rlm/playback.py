"""Where a run gets what it asks for: from models and tools, or first from the record of the run that it was made from.

`Live` has nothing recorded; `serving.Playback` has the records of earlier runs. Both are asked at the same few places:
the loop before a request and around a cell, the asker, the broker and the toolbox before a call, approval before a
decision. Each asks by the span of an event that it has emitted already: what is looked up is what the trace says.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from rlm.errors import DivergedError
from rlm.trace.events import CallEnd, EstimateDecided, EstimateMade, ReplyReceived, ToolEnd
from rlm.trace.store import Trace
from rlm.types import JSON, Cell, CellResult, Message


class Left(Exception):  # noqa: N818 - not an error: how a run ends that leaves its record
    """Ends a run: it went another way than its record, or came to the end of one that it must not leave.

    It is no `RlmError`, which would reach the cell.

    Attributes:
        error: How it went another way; None at the end of the record.
    """

    def __init__(self, error: DivergedError | None) -> None:
        super().__init__(str(error or "the record ends here"))
        self.error = error


class Runner(Protocol):
    """What runs cells."""

    async def run(self, cell: Cell, *, deadline: float | None = None) -> CellResult: ...
    async def lose(self) -> None: ...


class Live:
    """Nothing is recorded.

    Attributes:
        seed: What `random` begins with in the workers; None: anything.
        digest: The digest that the input must have; None: any.
        files: The digests that files which cells may read must have, by name.
        origin: What the run was made from, as `RunBegin` has it.
    """

    seed: int | None = None
    digest: str | None = None
    files: Mapping[str, JSON] = MappingProxyType({})
    origin: dict[str, JSON] | None = None

    def attach(self, trace: Trace, limit: float | None) -> None:
        """The run begins: with this trace and this limit of seconds."""

    def seconds(self) -> float | None:
        """The run's seconds, as its limit counts them; None: those of the clock."""
        return None

    def opening(self, span: int) -> list[Message] | None:
        """The messages that a node began with."""
        return None

    def reply(self, span: int) -> ReplyReceived | None:
        """The reply to the last request of a turn.

        Raises:
            LMError: The request failed.
            Left: The run ends here.
        """
        return None

    async def outcome(self, span: int, runner: Runner, cell: Cell, deadline: float | None) -> CellResult:
        """Runs a turn's cell, and compares what it did with what is recorded.

        Raises:
            SandboxError: No worker could be started.
            Left: The run ends here.
        """
        return await runner.run(cell, deadline=deadline)

    async def call(self, span: int) -> CallEnd | None:
        """How a sub-call ended.

        Raises:
            Left: The run ends here.
        """
        return None

    async def tool(self, span: int) -> ToolEnd | None:
        """How a tool ended.

        Raises:
            Left: The run ends here.
        """
        return None

    def skip(self, span: int) -> None:
        """A sub-call was answered with what a batch had left: so it was in the record."""

    def below(self, span: int) -> int:
        """The sub-calls that were made below a call which is served as a whole."""
        return 0

    def decision(self, span: int) -> tuple[EstimateMade, EstimateDecided] | None:
        """What was decided of an estimate."""
        return None
