"""What a sitting keeps from one question to the next: its sandbox, its root's worker, its contexts, its history.

A *sitting* is what `RLM.session` gives; our end of a worker is a session already.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Literal

from rlm.context import Context
from rlm.errors import ContextError, SandboxError
from rlm.ledger import Ledger
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.session import Session
from rlm.tools import Toolset
from rlm.types import JSON

_REST = 1.0  # seconds between looks at a worker that should rest
_HISTORY = 4 << 20  # characters of JSON: every worker gets it in one frame
_VALUES = 1 << 18  # in it


@dataclass(slots=True)
class Added:
    """A context that was added.

    Attributes:
        context: Its bytes are kept, for a worker in the place of a lost one.
        source: What it was, until a trace has it.
        run: The run whose trace has it.
    """

    context: Context
    source: dict[str, JSON] | None
    run: str | None = None


@dataclass(slots=True)
class Place:
    """What is open: a sandbox with the input in it.

    Attributes:
        context: The input; its bytes are closed.
        environment: Where workers are started.
        enforces: What the sandbox enforces.
        tools: Those of the root, and of its children.
        files: What cells may read beside the input, and their SHA-256.
        stack: Closes it.
    """

    context: Context
    environment: Environment
    enforces: frozenset[str]
    tools: tuple[Toolset, Toolset]
    files: dict[str, JSON]
    stack: AsyncExitStack


@dataclass(slots=True)
class Spent:
    """What the questions so far have used; of money and tokens at most: a lost call may have cost all that it could."""

    usd: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    sub_calls: int = 0


class Kept:
    """What the runs of one sitting share.

    Attributes:
        first: The first run, by whose name the sitting goes.
        number: The questions so far, that which is being answered included.
        before: The run of the question before.
        lost: What its cells had made that is gone: that of the `worker`, or all of the `sandbox`.
        place: What is open; None before the first question, and where it was lost.
        session: The root's, of the last question.
        digest: Of the input, as it was loaded first.
        source_run: The run whose trace has the input.
        added: The contexts beside the input, by name.
        history: The questions that were answered, each with its answer.
        forgotten: How many of the oldest ones are left out of `history`.
        spent: What they used.
    """

    def __init__(self) -> None:
        self.first: str | None = None
        self.number = 0
        self.before: str | None = None
        self.lost: Literal["worker", "sandbox"] | None = None
        self.place: Place | None = None
        self.session: Session | None = None
        self.digest: str | None = None
        self.source_run: str | None = None
        self.added: dict[str, Added] = {}
        self.history: list[JSON] = []
        self.forgotten = 0
        self.spent = Spent()
        self._sizes: list[tuple[int, int]] = []
        self._watch: asyncio.Task[None] | None = None

    def begun(self, run_id: str, digest: str) -> tuple[dict[str, JSON], dict[str, JSON]]:
        """A run of it begins: which one it is, and the sources of contexts that no trace of an earlier run has.

        Args:
            run_id: The run.
            digest: The input's; empty where it was not loaded.

        Returns:
            `sitting` and `added` of `RunBegin`.
        """
        self.first = self.first or run_id
        if digest:
            self.digest = digest
            self.source_run = self.source_run or run_id
        sources: dict[str, JSON] = {}
        told: list[JSON] = []
        for name, one in self.added.items():
            if one.source is not None:
                sources[name], one.source, one.run = one.source, None, run_id
            told.append({"name": name, "digest": one.context.digest, "run": one.run})
        sitting: dict[str, JSON] = {
            "run": self.first,
            "number": self.number,
            "input": self.source_run,
            "added": told,
            "before": self.before,
            "lost": self.lost,
        }
        self.before, self.lost = run_id, None
        return sitting, sources

    def contexts(self) -> dict[str, Context]:
        """The added ones, by name."""
        return {name: one.context for name, one in self.added.items()}

    async def end_of_run(self, ledger: Ledger) -> None:
        """A question came to its end: what it used counts, and a sandbox that starts no worker any more is ended."""
        spent = self.spent
        self.spent = Spent(
            spent.usd + ledger.most_usd,
            spent.tokens + ledger.most_tokens,
            spent.seconds + ledger.seconds,
            spent.sub_calls + ledger.sub_calls,
        )
        if (session := self.session) is not None:
            if (refused := self.added.pop(session.refused or "", None)) is not None:
                refused.context.close()  # or no later question could be asked either
            if session.unstartable:
                with contextlib.suppress(SandboxError):  # it is the one that has been told
                    await self.close_place()
        if self.session is not None:
            self._watch = asyncio.create_task(_watched(self.session))

    def remember(self, question: str, answer: JSON) -> None:
        """A question has its answer. Of a history that is too long for a worker, the oldest ones are left out."""
        entry: JSON = {"question": question, "answer": answer}
        text = json.dumps(entry)
        self.history.append(entry)
        self._sizes.append((len(text), text.count(",") + text.count("[") + text.count("{")))
        while sum(size for size, _ in self._sizes) > _HISTORY or sum(count for _, count in self._sizes) > _VALUES:
            self._sizes.pop(0)
            self.history.pop(0)
            self.forgotten += 1

    async def restore(self) -> None:
        """Before a question: what those before it had left is made again, where it is not there."""

    async def check_place(self) -> None:
        """Before a question: a sandbox that was lost since the last one is ended, and will be opened again."""
        self._end_watch()
        if self.session is not None:
            if self.session.is_gone:
                self.lost = "worker"
            try:
                await self.session.renew()
            except ContextError:  # it will be told again
                pass
            except SandboxError:
                with contextlib.suppress(SandboxError):
                    await self.close_place()

    async def close_place(self) -> None:
        """Ends the sandbox, and what cells have made with it.

        Raises:
            SandboxError: What was written did not come back, or something was not removed.
        """
        self._end_watch()
        session, self.session = self.session, None
        place, self.place = self.place, None
        if session is not None:
            self.lost = "sandbox"
            await session.close()
        if place is not None:
            await place.stack.aclose()

    async def close(self) -> None:
        """Ends all of it.

        Raises:
            SandboxError: As `close_place`.
        """
        for one in self.added.values():
            one.context.close()
        await self.close_place()

    def _end_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()


async def _watched(session: Session) -> None:
    """Nobody keeps a worker's time between two questions, which may be an hour."""
    while True:
        await asyncio.sleep(_REST)
        await session.check_rest()
