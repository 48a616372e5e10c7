"""One run, from its input to its completion: opens what it needs, starts the root of its call tree, closes all.

The nodes of the tree are in `nodes`.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from rlm import setup as setups
from rlm.context import Context, load
from rlm.context.path_digest import path_digest
from rlm.errors import ContextError, RlmError, SandboxError, SandboxUnavailableError
from rlm.kept import Kept, Place
from rlm.ledger import Ledger
from rlm.loop import Outcome, cut_short, finish
from rlm.nodes import Nodes, as_text
from rlm.playback import Left, Live
from rlm.route import Way, choose, sandboxed
from rlm.run import Watcher
from rlm.sandbox.launchers.base import Environment
from rlm.setup import Setup
from rlm.trace import runs, store
from rlm.trace.events import RunBegin, RunEnd
from rlm.trace.store import Trace
from rlm.types import JSON, Completion, Status, usage_fields
from rlm.version import VERSION

# What the sandbox must enforce where the caller does not say.
REQUIRED = frozenset({"files", "network", "memory", "time"})
NO_ISOLATION = ("unconfined", "jupyter")  # whoever asks for these by name knows that they hold nothing

_LONGEST_REASON = 200  # characters of an error that is not ours


def check_sandbox(setup: Setup, enforces: frozenset[str]) -> None:
    """Refuses a sandbox that can't be used here, or does not hold what it must.

    Raises:
        SandboxUnavailableError: It can't, or doesn't.
    """
    launcher, required = setup.launcher, setup.require
    if (why_not := launcher.why_not()) is not None:
        raise SandboxUnavailableError(why_not)
    if required is None:
        required = frozenset() if launcher.name in NO_ISOLATION else REQUIRED
    if missing := sorted(required - enforces):
        raise SandboxUnavailableError(
            f"the sandbox {launcher.name!r} does not enforce {', '.join(missing)} on this machine: "
            "choose one that does, or leave them out of `require`"
        )


class _TooEarlyError(Exception):
    """The run ended before there was anything to ask; says why."""


class Execution:
    """One run: what the nodes of its call tree share.

    Args:
        setup: What the engine gave.
        run: The handle that the caller has, or whatever is told the events.
        question: What is asked.
        playback: What it is served from, where it was made from another run; None: nothing.
        kept: What its sitting keeps, where it is one of several questions.
    """

    def __init__(
        self, setup: Setup, run: Watcher, question: str, playback: Live | None = None, kept: Kept | None = None
    ) -> None:
        self._setup = setup
        self._playback = playback or Live()
        self._run = run
        self._kept = kept
        self._question = question
        self._ledger = Ledger(setup.limits, clock=self._playback.seconds)
        run_id = store.new_run_id()
        folder = setup.trace if isinstance(setup.trace, Path) else store.home() / "runs"
        self._trace = Trace(run_id, folder / run_id if setup.trace else None, setup.redact)
        self._playback.attach(self._trace, setup.limits.seconds)
        self._nodes = Nodes(setup, self._trace, self._ledger, self._playback)
        self._files: dict[str, JSON] = {}  # what cells may read beside the input: name -> SHA-256
        self._enforces: frozenset[str] = frozenset()  # what the sandbox does; an engine may have to be asked
        self._way = Way(None, "the run ended before its input was loaded")

    async def main(self, value: object) -> Completion:
        """The run.

        Raises:
            RlmError: Nothing could be run; `RLM.completion` says when.
        """
        try:
            self._trace.subscribe(self._run.put)
            setup = self._setup
            if sandboxed(setup.route, setup.model, partial(setups.profile, setup), self._only_in_cells()):
                setup.launcher.prepare()
            with closing(await self._loaded(value)) as context:
                outcome = await self._outcome(context)
            return self._end(outcome)
        except _TooEarlyError as ended:
            return self._end(Outcome(None, "failed", str(ended), 0))
        finally:
            self._trace.close()

    async def _loaded(self, value: object) -> Context:
        """Loads the input, in a thread that ends soon after nobody waits for it any more: a process waits for threads.

        Raises:
            ContextError: It can't be read. The trace has not begun then.
        """
        stop = threading.Event()
        try:
            if self._kept is not None:
                async with self._preparing("the questions before it had been run again", timed=False):
                    await self._kept.restore()
                async with self._preparing("its sandbox was ready"):
                    await self._kept.check_place()
                if (place := self._kept.place) is not None:
                    self._enforces, self._files = place.enforces, place.files
                    self._begin(place.context.description, {}, self._kept.digest or "")
                    return place.context
            async with self._preparing("the input was loaded"):
                if (prepared := getattr(self._setup.launcher, "prepared", None)) is not None:
                    await prepared()
                context, source = await asyncio.to_thread(self._load, value, stop)
        except _TooEarlyError:
            self._begin("an input that was not loaded", {"kind": "none"}, "")
            raise
        finally:
            stop.set()
        self._begin(context.description, source, context.digest)
        return context

    def _load(self, value: object, stop: threading.Event) -> tuple[Context, dict[str, JSON]]:
        """The input, and what the trace says that it was; a value is in the trace then."""
        self._enforces = self._setup.launcher.enforces()
        self._files = self._read_files(stop)
        context = load(value, stop=stop)
        was = self._playback.digest if self._kept is None else self._kept.digest
        if was not in (None, digest := context.digest):
            context.close()
            raise ContextError(
                f"the input has changed since: its SHA-256 was {was} and is {digest}; put it back as it was, or ask "
                "again"
            )
        if self._kept is not None and self._kept.source_run is not None:
            return context, {}
        source = setups.source(value, context)
        if isinstance(text := source.get("text"), str) and context.blob.size > store.INLINE_BYTES:
            self._trace.keep(text, context.blob.fd, context.blob.size, context.blob.digest)
        return context, source

    def _read_files(self, stop: threading.Event) -> dict[str, JSON]:
        """The digests of the files that cells may read.

        Raises:
            ContextError: They can't be read, or the run that this one is made from had others.
        """
        files = self._setup.sandbox.files if self._setup.sandbox is not None else {}
        if self._trace.path is None and not self._playback.files:
            return {}
        digests: dict[str, JSON] = {name: path_digest(path, stop) for name, path in files.items()}
        for name, was in self._playback.files.items():
            if name not in digests:
                raise ContextError(f"cells of the run could read files[{name!r}], which is not given: give it anew")
            if digests[name] != was:
                raise ContextError(
                    f"files[{name!r}], which cells may read, has changed since: its SHA-256 was {was} and is "
                    f"{digests[name]}; put it back as it was, or ask again"
                )
        return digests

    @asynccontextmanager
    async def _preparing(self, what: str, *, timed: bool = True) -> AsyncIterator[None]:
        """Ends what runs inside when the run is stopped or, if it is timed, its time is up, as a `_TooEarlyError`."""
        timeout = asyncio.timeout(self._ledger.seconds_left(wrap_up=True) if timed else None)
        try:
            async with timeout:
                yield
        except TimeoutError as error:
            if not timeout.expired():  # it is a file system's own
                raise
            limit = self._setup.limits.seconds
            raise _TooEarlyError(f"the limit of {limit:g} s is reached, before {what}") from error
        except asyncio.CancelledError:
            if not self._run.stopping:
                raise
            raise _TooEarlyError("stopped") from None

    async def _outcome(self, context: Context) -> Outcome:
        try:
            setup = self._setup
            self._way = choose(setup.route, setup.model, partial(setups.profile, setup), context, self._only_in_cells())
            async with self._storing():
                if self._way.text is not None:
                    return await self._nodes.run_direct(context, self._question, self._way.text)
                return await self._recursive(context)
        except Left as left:
            return self._left(left)
        except RlmError as error:
            self._end(Outcome(None, "failed", str(error), 0))
            raise
        except Exception as error:  # of a model, a tool set or a hook that the caller gave, or a bug: told, and raised
            self._end(Outcome(None, "failed", f"{type(error).__name__}: {str(error)[:_LONGEST_REASON]}", 0))
            raise
        except asyncio.CancelledError:
            if not self._run.stopping:
                self._end(Outcome(None, "failed", "cancelled", 0))
                raise
            root = self._nodes.root
            assert root is not None, "before it begins, `_preparing` has ended the run"
            return root.outcome or finish(root, cut_short(root, "stopped"))

    @asynccontextmanager
    async def _storing(self) -> AsyncIterator[None]:
        """Copies the input into the trace meanwhile; a run that is stopped or cancelled does not wait for that."""
        if not self._trace.has_room:
            yield
            return
        stop = threading.Event()
        filling = asyncio.create_task(asyncio.to_thread(self._trace.fill, stop))
        try:
            yield
        except asyncio.CancelledError:
            stop.set()
            raise
        finally:
            await filling

    def _only_in_cells(self) -> str:
        """What a plain call has not; empty where nothing is."""
        return "names that later questions go on with" if self._kept is not None else setups.only_in_cells(self._setup)

    def _left(self, left: Left) -> Outcome:
        """The outcome where the record ends, and the run with it.

        Raises:
            DivergedError: It went another way than its record.
        """
        root = self._nodes.root
        assert root is not None, "before it begins, nothing is served"
        if left.error is None:
            return root.outcome or finish(root, cut_short(root, str(left)))
        self._end(cut_short(root, str(left.error)))
        raise left.error from None

    async def _recursive(self, context: Context) -> Outcome:
        """The root node and all below it, in a sandbox that is open as long as they run, or as their sitting is."""
        if self._kept is not None:
            return await self._in_sitting(self._kept, context)
        await self._check_sandbox()
        outcome: Outcome | None = None
        try:
            async with AsyncExitStack() as stack:
                environment = await self._opened(stack, context)
                outcome = await self._nodes.run_root(environment, self._question, context.description)
        except SandboxError as error:
            if outcome is None:
                raise
            # What was written did not come back, or something was not removed: the answer is there all the same.
            status: Status = "partial" if outcome.answer is not None else "failed"
            return replace(outcome, status=status, reason=f"{outcome.reason}; {error}".removeprefix("; "))
        return outcome

    async def _in_sitting(self, kept: Kept, context: Context) -> Outcome:
        """The same in the sandbox of the questions before, which stays open."""
        if (place := kept.place) is None:
            await self._check_sandbox()
            async with AsyncExitStack() as stack:
                environment = await self._opened(stack, context)
                place = Place(context, environment, self._enforces, self._nodes.tools, self._files, stack.pop_all())
            kept.place = place
        self._nodes.tools = place.tools
        try:
            return await self._nodes.run_root(place.environment, self._question, context.description, kept)
        finally:
            await kept.end_of_run(self._ledger)

    async def _check_sandbox(self) -> None:
        """Refuses a sandbox that does not hold what it must.

        Raises:
            SandboxUnavailableError: It doesn't.
        """
        async with self._preparing("its sandbox was ready"):
            await asyncio.to_thread(check_sandbox, self._setup, self._enforces)  # it may have to ask an engine

    async def _opened(self, stack: AsyncExitStack, context: Context) -> Environment:
        """The tools and the sandbox, with the input in it, as long as the stack is open."""
        async with self._preparing("its tools were ready"):
            await self._nodes.open_tools(stack)
        async with self._preparing("its sandbox was ready"):
            environment = await self._setup.launcher.open(context, self._setup.limits)
        stack.push_async_callback(environment.close)
        context.close()  # the sandbox has the input now: once is enough
        return environment

    def _begin(self, description: str, source: dict[str, JSON], digest: str) -> None:
        setup = self._setup
        if setup.verbose:
            from rlm.live import LiveTree  # rich takes 60 ms to import

            self._nodes.approval.screen = live = LiveTree()
            self._trace.subscribe(live.listen)
        if setup.tracer is not None:
            self._trace.subscribe(setup.tracer().take)
        if setup.keep is not None and self._trace.path is not None:
            runs.prune_daily(self._trace.path.parent, setup.keep, self._trace.run_id)
        sitting, added = self._kept.begun(self._trace.run_id, digest) if self._kept else (None, {})
        self._trace.emit(
            RunBegin(
                run_id=self._trace.run_id,
                started=datetime.now(UTC).isoformat(timespec="milliseconds"),
                question=self._question,
                context=description,
                model=setup.model.name,
                sub_model=setup.sub_model.name,
                sandbox=setup.launcher.name,
                enforces=cast(list[JSON], sorted(self._enforces)),
                limits=asdict(setup.limits),
                seed=self._nodes.seed,
                versions={"rlm": VERSION, "python": sys.version.split()[0], "trace": store.FORMAT_VERSION},
                source=source or {"kind": "earlier"},
                digest=digest,
                setup=setups.described(setup),
                origin=self._playback.origin,
                sitting=sitting,
                added=added,
                files=self._files,
            )
        )

    def _end(self, outcome: Outcome) -> Completion:
        """Tells the trace how the run ended, and makes of it what the caller gets."""
        ledger, answer = self._ledger, outcome.answer
        completion = Completion(
            response=as_text(answer) if answer else "",
            answer=answer.value if answer else None,
            answer_is_repr=answer.is_repr if answer else False,
            status=outcome.status,
            reason=self._reason(outcome),
            usage=ledger.usage,
            cost=ledger.cost,
            turns=outcome.turns,
            run_id=self._trace.run_id,
            trace=self._trace.path,
            route="rlm" if self._way.text is None else "direct",
            route_reason=self._way.reason,
            seconds=round(ledger.seconds, 6),
            reused=self._nodes.reused,
        )
        self._trace.emit(
            RunEnd(
                t=self._trace.now(),
                response=completion.response,
                status=completion.status,
                reason=completion.reason,
                route=completion.route,
                route_reason=completion.route_reason,
                usage=usage_fields(completion.usage),
                cost=completion.cost,
                seconds=completion.seconds,
                reused=completion.reused,
            )
        )
        return completion

    def _reason(self, outcome: Outcome) -> str:
        """Why the run did not end well, and what about its result is incomplete."""
        lost = self._ledger.lost
        calls = "1 call was" if lost == 1 else f"{lost:,} calls were"
        known = f"what is known comes to ${self._ledger.usd:.4f}"
        unknown = f"{calls} cancelled in flight, and what that cost is not known; {known}" if lost else ""
        return "; ".join(filter(None, (outcome.reason or self._trace.failure, unknown)))
