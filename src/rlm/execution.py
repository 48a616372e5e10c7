"""One run, from its input to its completion: opens what it needs, starts the nodes of its call tree, closes all.

What a node *does* is in `loop`; what its cells may ask for, in `broker`.
"""

from __future__ import annotations

import asyncio
import json
import platform
import secrets
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from rlm import setup as setups
from rlm.approval import Approval
from rlm.broker import Broker
from rlm.context import Context, load
from rlm.errors import ContextError, LMError, RlmError, SandboxError, SandboxUnavailableError
from rlm.ledger import Ledger
from rlm.lms.base import LM
from rlm.loop import Dialogue, Node, Outcome, cut_short, finish, run_direct, run_node
from rlm.playback import Left, Live
from rlm.prompts import profiles
from rlm.prompts.profiles import Profile
from rlm.replies import Replies
from rlm.route import Way, choose, sandboxed
from rlm.run import Run
from rlm.sandbox.launchers.base import ChildContext, Environment
from rlm.sandbox.session import Session
from rlm.setup import Setup as Setup
from rlm.toolbox import Toolbox
from rlm.tools import Toolset, opened
from rlm.trace import runs, store
from rlm.trace.events import NodeBegin, RunBegin, RunEnd
from rlm.trace.store import Trace
from rlm.types import JSON, Answer, Completion, Message, Status, usage_fields
from rlm.version import VERSION

# Of a cell's output, what travels to the host and into the trace: as much as the worker keeps.
MAX_OUTPUT = 8 * 2**20
# What the sandbox must enforce where the caller does not say; `unconfined` is asked for by that name.
REQUIRED = frozenset({"files", "network", "memory", "cpu"})


class _TooEarlyError(Exception):
    """The run ended before there was anything to ask; says why."""


class Execution:
    """One run: what the nodes of its call tree share.

    Args:
        setup: What the engine gave.
        run: The handle that the caller has.
        question: What is asked.
        playback: What it is served from, where it was made from another run; None: nothing.
    """

    def __init__(self, setup: Setup, run: Run, question: str, playback: Live | None = None) -> None:
        self._setup = setup
        self._playback = playback or Live()
        self._run = run
        self._question = question
        self._ledger = Ledger(setup.limits, clock=self._playback.seconds)
        self._replies = Replies(once=setup.once, folder=setup.kept)
        run_id = store.new_run_id()
        folder = setup.trace if isinstance(setup.trace, Path) else store.home() / "runs"
        self._trace = Trace(run_id, folder / run_id if setup.trace else None, setup.redact)
        concurrency = setup.limits.concurrency
        self._playback.attach(self._trace, setup.limits.seconds)
        self._approval = Approval(self._trace, concurrency, setup.approve, setup.confirm, self._playback)
        self._toolbox = Toolbox(self._trace, concurrency, self._playback)
        self._tools = self._sub_tools = Toolset()
        seed = self._playback.seed
        self._seed = secrets.randbits(32) if seed is None else seed  # not `random`'s: the user's stay as they are
        self._enforces: frozenset[str] = frozenset()  # what the sandbox does; an engine may have to be asked
        self._root: Dialogue | None = None
        self._way = Way(None, "the run ended before its input was loaded")

    async def main(self, value: object) -> Completion:
        """The run.

        Raises:
            RlmError: Nothing could be run; `RLM.completion` says when.
        """
        try:
            self._trace.subscribe(self._run.put)
            setup = self._setup
            if sandboxed(setup.route, setup.model, setups.profile(setup, setup.model), bool(setup.tools)):
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
            async with self._preparing("the input was loaded"):
                context, source = await asyncio.to_thread(self._load, value, stop)
        except _TooEarlyError:
            self._begin("an input that was not loaded", {"kind": "none"}, "")
            raise
        finally:
            stop.set()
        self._begin(context.description, source, context.blob.digest)
        return context

    def _load(self, value: object, stop: threading.Event) -> tuple[Context, dict[str, JSON]]:
        """The input, and what the trace says that it was; a value is in the trace then."""
        self._enforces = self._setup.launcher.enforces()
        context = load(value, stop=stop)
        if self._playback.digest not in (None, context.blob.digest):
            digest = context.blob.digest
            context.close()
            raise ContextError(
                f"the input has changed since: its SHA-256 was {self._playback.digest} and is {digest}; put it back as "
                "it was, or ask again"
            )
        source = setups.source(value, context)
        if isinstance(text := source.get("text"), str) and context.blob.size > store.INLINE_BYTES:
            self._trace.keep(text, context.blob.pieces(stop), context.blob.digest)
        return context, source

    @asynccontextmanager
    async def _preparing(self, what: str) -> AsyncIterator[None]:
        """Ends what runs inside when the run is stopped or its time is up, as a `_TooEarlyError`."""
        timeout = asyncio.timeout(self._ledger.seconds_left(wrap_up=True))
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
            lm = self._setup.model
            self._way = choose(self._setup.route, lm, setups.profile(self._setup, lm), context, bool(self._setup.tools))
            if self._way.text is not None:
                return await self._direct(context, self._way.text)
            return await self._recursive(context)
        except RlmError as error:
            self._end(Outcome(None, "failed", str(error), 0))
            raise
        except Left as left:
            return self._left(left)
        except asyncio.CancelledError:
            if not self._run.stopping:
                self._end(Outcome(None, "failed", "cancelled", 0))
                raise
            assert self._root is not None, "before it begins, `_preparing` has ended the run"
            return self._root.outcome or finish(self._root, cut_short(self._root, "stopped"))

    def _left(self, left: Left) -> Outcome:
        """The outcome where the record ends, and the run with it.

        Raises:
            DivergedError: It went another way than its record.
        """
        root = self._root
        assert root is not None, "before it begins, nothing is served"
        if left.error is None:
            return root.outcome or finish(root, cut_short(root, str(left)))
        self._end(cut_short(root, str(left.error)))
        raise left.error from None

    async def _direct(self, context: Context, text: str) -> Outcome:
        """A plain call: question and input in one prompt."""
        prompt = text if self._question == profiles.task() else profiles.direct(self._question, text)
        dialogue = Dialogue(
            span=self._trace.new_span(),
            lm=self._setup.model,
            ledger=self._ledger,
            trace=self._trace,
            conversation=[Message("user", prompt)],
            playback=self._playback,
        )
        self._begin_node(dialogue, 0, 0, self._question, context.description)
        return await run_direct(dialogue)

    async def _recursive(self, context: Context) -> Outcome:
        """The root node and all below it, in a sandbox that is open as long as they run."""
        launcher = self._setup.launcher
        async with self._preparing("its sandbox was ready"):
            why_not = await asyncio.to_thread(launcher.why_not)  # it may have to ask an engine
        if why_not is not None:
            raise SandboxUnavailableError(why_not)
        required = self._setup.require
        if required is None:
            required = REQUIRED if launcher.name != "unconfined" else frozenset()
        if missing := sorted(required - self._enforces):
            raise SandboxUnavailableError(
                f"the sandbox {launcher.name!r} does not enforce {', '.join(missing)} on this machine: "
                "choose one that does, or give `require` without them"
            )
        outcome: Outcome | None = None
        try:
            async with AsyncExitStack() as stack:
                async with self._preparing("its tools were ready"):
                    await self._open_tools(stack)
                async with self._preparing("its sandbox was ready"):
                    environment = await launcher.open(context, self._setup.limits)
                stack.push_async_callback(environment.close)
                context.close()  # the sandbox has the input now: once is enough
                outcome = await self._node(
                    self._setup.model, environment, None, context.description, self._question, 0, 0, self._ledger
                )
        except SandboxError as error:
            if outcome is None:
                raise
            # What was written did not come back, or something was not removed: the answer is there all the same.
            status: Status = "partial" if outcome.answer is not None else "failed"
            return replace(outcome, status=status, reason=f"{outcome.reason}; {error}".removeprefix("; "))
        return outcome

    async def _open_tools(self, stack: AsyncExitStack) -> None:
        """Starts what has tools as long as the run lasts."""
        setup = self._setup
        self._tools = self._sub_tools = await stack.enter_async_context(opened(setup.tools))
        if setup.sub_tools is not None:
            self._sub_tools = await stack.enter_async_context(opened(setup.sub_tools))

    async def _node(
        self,
        lm: LM,
        environment: Environment,
        pieces: ChildContext | None,
        description: str,
        question: str,
        depth: int,
        parent: int,
        ledger: Ledger,
    ) -> Outcome:
        """Runs one node in a worker of its own."""
        setup, trace = self._setup, self._trace

        async def spawn(child_lm: LM, span: int, prompt: str, given: JSON, child_ledger: Ledger) -> str:
            return await self._child(child_lm, environment, span, prompt, given, depth + 1, child_ledger)

        given = self._sub_tools if depth else self._tools
        broker = Broker(
            setups.models(setup),
            ledger,
            trace,
            depth,
            spawn,
            self._replies,
            self._approval,
            given.tools,
            self._toolbox,
            self._playback,
        )
        profile = setups.profile(self._setup, lm)
        offers = setups.offers(setup)
        session = Session(
            environment,
            functions=broker.functions,
            question=question,
            limits=setup.limits,
            max_output=MAX_OUTPUT,
            on_call=broker,
            pieces=pieces,
            seed=self._seed,
            window=offers[0].window,
            tools=given.offers(),
            names={**environment.names, **given.values},
            env=environment.env,
        )
        node = Node(
            span=trace.new_span(),
            lm=lm,
            ledger=ledger,
            trace=trace,
            conversation=self._opening(profile, question, description, broker, offers, given),
            profile=profile,
            session=session,
            calls=broker,
            stop=profile.stop,
            fields=profile.request,
            playback=self._playback,
        )
        self._begin_node(node, parent, depth, question, description)
        try:
            await session.start()
            return await run_node(node)
        finally:
            await session.close()

    def _opening(
        self,
        profile: Profile,
        question: str,
        description: str,
        broker: Broker,
        offers: Sequence[profiles.Offer],
        given: Toolset,
    ) -> list[Message]:
        opening = profile.opening(
            question,
            description,
            functions={*broker.offered, "grep", "search", "chunks", "SHOW_VARS"},
            limits=self._setup.limits,
            sub_window=offers[0].window,
            models=offers if self._setup.sub_models else (),
            given=given.described(),
        )
        return list(opening)

    def _begin_node(self, node: Dialogue, parent: int, depth: int, question: str, description: str) -> None:
        if depth == 0:
            self._root = node
        self._trace.emit(
            NodeBegin(
                t=self._trace.now(),
                span=node.span,
                parent=parent,
                depth=depth,
                question=question,
                context=description,
                model=node.lm.name,
            )
        )
        node.conversation[:] = self._playback.opening(node.span) or node.conversation

    async def _child(
        self, lm: LM, environment: Environment, span: int, prompt: str, given: JSON, depth: int, ledger: Ledger
    ) -> str:
        """A child node's answer as text.

        Raises:
            LMError: It has none.
        """
        if isinstance(given, dict) and "piece" in given:
            start, end, name = cast(tuple[int, int, str], given["piece"])
            pieces = ChildContext(start, end, name)
            described = f"str, {end - start:,} characters, a piece of {name or 'the input'}"
            outcome = await self._node(lm, environment, pieces, described, prompt, depth, span, ledger)
        else:
            value = given["value"] if isinstance(given, dict) else None
            question, value = (profiles.task(), cast(JSON, prompt)) if value is None else (prompt, value)
            with closing(await asyncio.to_thread(load, value)) as context:
                child = await self._setup.launcher.open(context, self._setup.limits)
                context.close()
                try:
                    outcome = await self._node(lm, child, None, context.description, question, depth, span, ledger)
                finally:
                    await child.close()
        if outcome.answer is None:
            raise LMError(f"the child has no answer: {outcome.reason}")
        text = as_text(outcome.answer)
        return text if outcome.status == "done" else f"[partial answer: {outcome.reason}]\n{text}"

    def _begin(self, description: str, source: dict[str, JSON], digest: str) -> None:
        setup = self._setup
        if setup.verbose:
            from rlm.live import LiveTree  # rich takes 60 ms to import

            self._approval.screen = live = LiveTree()
            self._trace.subscribe(live.listen)
        if setup.tracer is not None:
            self._trace.subscribe(setup.tracer().take)
        if setup.keep is not None and self._trace.path is not None:
            runs.prune_daily(self._trace.path.parent, setup.keep, self._trace.run_id)
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
                seed=self._seed,
                versions={"rlm": VERSION, "python": platform.python_version(), "trace": store.FORMAT_VERSION},
                source=source,
                digest=digest,
                setup=setups.described(setup),
                origin=self._playback.origin,
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
            reused=self._replies.reused,
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


def as_text(answer: Answer) -> str:
    """An answer as text: a str as it is, anything else as JSON."""
    return answer.value if isinstance(answer.value, str) else json.dumps(answer.value, ensure_ascii=False)
