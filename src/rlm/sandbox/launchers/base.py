"""What a launcher is: it says how a worker starts and hands back a byte stream to it. The rest is one protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

from rlm.context import Context
from rlm.types import JSON, Limits

MOST_READY = 64 * 2**20  # bytes of input that a place which is started without one has to have room for


class ChildContext(NamedTuple):
    """The piece of the input that is a child's: characters `start` to `end` of the file `name`, or of the text."""

    start: int
    end: int
    name: str


class Worker(Protocol):
    """A byte stream, and the means to stop what is behind it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def interrupt(self) -> None:
        """Sends SIGINT, where there are signals; the `interrupt` frame goes out as well."""

    def kill(self) -> None:
        """Ends it at once, and the stream with it; more than once is fine."""

    async def wait(self) -> str:
        """How it ended, in words; waits until it has."""

    def printed(self) -> tuple[str, int]:
        """Once it has ended: the end of what its last cell printed, and how many characters it was; `("", 0)` where
        that can't be known.
        """

    def cpu_seconds(self) -> float | None:
        """CPU seconds that it has used; None where that can't be known."""


class Environment(Protocol):
    """One run's input, ready for workers.

    Attributes:
        names: Names that cells find beside `context`, and their values.
        env: Variables of its workers' environment.
    """

    names: Mapping[str, JSON]
    env: Mapping[str, str]

    async def start(self, pieces: ChildContext | None = None) -> Worker:
        """Starts a worker on the run's input, or on a piece of it.

        Raises:
            SandboxError: It can't be started.
        """

    async def close(self) -> None:
        """Ends what is left of it, workers included, and waits for that."""


class Ready(NamedTuple):
    """A place that was started without an input, for one run: launchers that start slowly may have
    `async ready(limits) -> Ready`, which raises SandboxError where it can't be started.

    Attributes:
        open: As a launcher's `open`; once. The place is the environment's from then on, and ended where that fails.
        close: Ends it, where it is not needed.
        usable: Whether it can still be used, as far as is known.
    """

    open: Callable[[Context, Limits], Awaitable[Environment]]
    close: Callable[[], Awaitable[None]]
    usable: Callable[[], bool]


class Launcher(Protocol):
    """Starts workers of one kind.

    Attributes:
        name: As `RLM(sandbox=...)` takes it.
    """

    name: str

    def enforces(self) -> frozenset[str]:
        """What holds against hostile code on this machine, of `options.PROPERTIES`."""

    def why_not(self) -> str | None:
        """Why it can't hold what it promises on this machine, and what to do about it; None where it can."""

    def prepare(self) -> None:
        """Starts what needs no input, so that it is ready when the input is; returns at once, and may do nothing.

        Where that may take minutes, a launcher has `async prepared() -> None` too, which waits for it, so that it can
        end when nobody waits any more. What it raises ends the run; what `why_not` tells it leaves to that.
        """

    async def open(self, context: Context, limits: Limits) -> Environment:
        """Loads a run's input where its workers will find it; its blob may be closed afterwards.

        Raises:
            SandboxUnavailableError: This machine can't enforce what this launcher promises; says what to do.
            SandboxError: The input can't be loaded there.
        """
