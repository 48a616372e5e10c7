"""What a session had kept before one of its questions, made again from the traces of the questions before it.

Their cells run again in one fresh worker, each question along its own record: replies, sub-calls and tools are served
from it, and nothing else is. So the question finds the names, the `history` and the contexts that it had.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from rlm.context import Context, load
from rlm.errors import ContextError, DivergedError, LMError
from rlm.execution import Execution
from rlm.kept import Added, Kept
from rlm.serving import Playback
from rlm.setup import Setup
from rlm.trace.events import Event, RunBegin
from rlm.trace.inputs import limits_of, value_of
from rlm.trace.record import Record
from rlm.trace.sittings import AddedTo, added_source, added_to
from rlm.types import JSON


class Restored(Kept):
    """What is kept for a question of a session that is asked again.

    Args:
        record: The question's own: a run of the session, or one that was made from it.
        before: Those of the questions before it, in order.
        setup: What these run with: models that are never asked, and no trace.
        value: The input.
        origin: That of the question's run, which is told what was passed over: the first difference of each question.
        live: A cell of theirs that did something else is passed over.
    """

    def __init__(
        self,
        record: Record,
        before: Sequence[Record],
        setup: Setup,
        value: object,
        origin: dict[str, JSON],
        *,
        live: bool,
    ) -> None:
        super().__init__()
        sitting = record.begin.sitting or {}
        self.first = str(sitting.get("run"))
        self.source_run = str(sitting.get("input"))
        self.digest = record.begin.digest or None
        self._origin = origin
        self._passed_over: list[JSON] = []
        self._steps = [*before, record]
        self._setup, self._value, self._live = setup, value, live

    async def restore(self) -> None:
        """Runs the questions before it again.

        Raises:
            DivergedError: A cell went another way; names the question.
            ContextError, ConfigError: A context that was added is not there any more, or is not what it was.
            SandboxError: As that of any run.
        """
        steps, self._steps = self._steps, []
        for record in steps:
            await self._begin(record)
            if record is not steps[-1] and record.index.root is not None:
                await self._ask(record)
        if self._passed_over:
            self._origin["passed_over"] = self._passed_over

    async def _begin(self, record: Record) -> None:
        """As it was when the question began: contexts had been added, and perhaps all names lost."""
        sitting = record.begin.sitting or {}
        self.number = cast(int, sitting.get("number"))
        begin = record.begin
        for one in added_to(begin):
            if one.name not in self.added:
                self.added[one.name] = Added(await self._loaded(one, record), None, one.run)
        lost = sitting.get("lost")
        if lost == "sandbox":
            await self.close_place()
        elif self.session is not None and lost == "worker":
            await self.session.close()
        elif self.session is not None and self.session.is_gone:
            what = "the worker of the questions before it was lost this time"
            raise DivergedError(f"{_named(begin)} can't be asked again as it was: {what}", 0, what)
        self.before = cast("str | None", sitting.get("before"))

    async def _loaded(self, one: AddedTo, record: Record) -> Context:
        stop = threading.Event()

        def loaded() -> Context:
            begin = cast(RunBegin, record.load(0))
            value = value_of(added_source(one, begin, record.path.parent), one.digest, one.run, one.name)
            return load(value, stop=stop)

        try:
            context = await asyncio.to_thread(loaded)
        finally:
            stop.set()
        if context.digest != one.digest:
            now = context.digest
            context.close()
            raise ContextError(
                f"{one.name}, which was added to the session, has changed since: its SHA-256 was {one.digest} and is "
                f"{now}; put it back as it was, or ask again, in a new session"
            )
        return context

    async def _ask(self, record: Record) -> None:
        begin, end = record.begin, record.end
        assert end is not None, "a question without an end is refused"
        playback = Playback([record], self._origin, earlier=True, live=self._live, redact=self._setup.redact)
        setup = replace(self._setup, limits=limits_of(begin))
        try:
            completion = await Execution(setup, _Unseen(), begin.question, playback, self).main(self._value)
        except DivergedError as error:
            raise DivergedError(f"{_named(begin)}: {error}", error.turn, error.difference) from None
        except LMError:
            if end.status != "failed":
                raise
            return  # as it did then, before anything was paid for
        if completion.status != end.status:
            what = f"it ended as {end.status}, and now as {completion.status} ({completion.reason})"
            raise DivergedError(f"{_named(begin)} went another way than recorded: {what}", completion.turns, what)
        if playback.passed_over is not None:
            self._passed_over.append(f"{_named(begin)}, {playback.passed_over}")
        if end.status != "failed":
            self.remember(begin.question, completion.answer)


class _Unseen:
    """The handle of a run that nobody watches; it is ended with the one that it is run for."""

    stopping = False

    def put(self, event: Event) -> None:
        """Takes an event."""


def _named(begin: RunBegin) -> str:
    return f"question {(begin.sitting or {}).get('number')} of the session, the run {begin.run_id}"
