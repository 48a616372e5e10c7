"""The nodes of one run's call tree: each gets a worker, a broker and a conversation, and children of its own.

What a node *does* is in `loop`; what its cells may ask for, in `broker`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from typing import cast

from rlm import setup as setups
from rlm.approval import Approval
from rlm.broker import Broker
from rlm.context import Context, load
from rlm.errors import LMError
from rlm.kept import Kept
from rlm.ledger import Ledger
from rlm.lms.base import LM
from rlm.loop import Dialogue, Node, Outcome, run_direct, run_node
from rlm.playback import Live
from rlm.prompts import profiles
from rlm.prompts.profiles import Profile
from rlm.replies import Replies
from rlm.sandbox.launchers.base import ChildContext, Environment
from rlm.sandbox.session import Session
from rlm.sandbox.told import told
from rlm.setup import Setup
from rlm.toolbox import Toolbox
from rlm.tools import Toolset, opened
from rlm.trace.events import NodeBegin
from rlm.trace.store import Trace
from rlm.types import JSON, Answer, Message

# Of a cell's output, what travels to the host and into the trace: as much as the worker keeps.
MAX_OUTPUT = 8 * 2**20
_NAMES = 30  # variables of earlier questions that a root is told of


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node is in the tree, and what it is asked.

    Attributes:
        depth: 0: the root.
        parent: The span that it is below.
        question: What it is asked.
        description: What it is told of its input.
        pieces: The part of its parent's input that it gets; None: an environment of its own.
    """

    depth: int
    parent: int
    question: str
    description: str
    pieces: ChildContext | None = None


class Nodes:
    """Starts the nodes of one run.

    Args:
        setup: What the engine gave.
        trace: The run's trace.
        ledger: The run's ledger.
        playback: What the run is served from.

    Attributes:
        root: The root node, or the plain call; None before it begins.
        tools: Those of the root, and of its children.
        approval: What asks the caller's policy.
        seed: What `random` begins with in the workers.
        reused: How many replies were those of equal requests.
    """

    def __init__(self, setup: Setup, trace: Trace, ledger: Ledger, playback: Live) -> None:
        self.root: Dialogue | None = None
        concurrency = setup.limits.concurrency
        self.approval = Approval(trace, concurrency, setup.approve, setup.confirm, playback)
        # not `random`'s: the user's stay as they are
        self.seed = secrets.randbits(32) if playback.seed is None else playback.seed
        self._setup, self._trace, self._ledger, self._playback = setup, trace, ledger, playback
        self._toolbox = Toolbox(trace, concurrency, playback)
        self._replies = Replies(once=setup.once, folder=setup.kept)
        self.tools = (Toolset(), Toolset())

    @property
    def reused(self) -> int:
        return self._replies.reused

    async def open_tools(self, stack: AsyncExitStack) -> None:
        """Starts what has tools as long as the stack is open."""
        setup = self._setup
        own = await stack.enter_async_context(opened(setup.tools))
        self.tools = (own, own)
        if setup.sub_tools is not None:
            self.tools = (own, await stack.enter_async_context(opened(setup.sub_tools)))

    async def run_direct(self, context: Context, question: str, text: str) -> Outcome:
        """A plain call in the place of a root: question and input in one prompt."""
        prompt = text if question == profiles.task() else profiles.direct(question, text)
        dialogue = Dialogue(
            span=self._trace.new_span(),
            lm=self._setup.model,
            ledger=self._ledger,
            trace=self._trace,
            conversation=[Message("user", prompt)],
            playback=self._playback,
        )
        self._begin(dialogue, _Place(0, 0, question, context.description))
        return await run_direct(dialogue)

    async def run_root(
        self, environment: Environment, question: str, description: str, kept: Kept | None = None
    ) -> Outcome:
        """The root node, and all below it.

        Args:
            environment: Where their workers are started.
            question: What is asked.
            description: What the root is told of the input.
            kept: What its sitting keeps; its worker, which was that of the question before, stays.
        """
        place = _Place(0, 0, question, description)
        return await self._run(self._setup.model, environment, place, self._ledger, kept)

    async def _run(
        self, lm: LM, environment: Environment, place: _Place, ledger: Ledger, kept: Kept | None = None
    ) -> Outcome:
        """Runs one node in a worker of its own."""
        given = self.tools[1 if place.depth else 0]
        broker = self._broker(environment, place.depth, ledger, given)
        offers = setups.offers(self._setup)
        profile = setups.profile(self._setup, lm)
        session = self._session(environment, place, broker, given, offers[0].window, kept)
        node = Node(
            span=self._trace.new_span(),
            lm=lm,
            ledger=ledger,
            trace=self._trace,
            conversation=self._opening(profile, place, broker, offers, [*told(environment.names), *given.described()]),
            profile=profile,
            session=session,
            calls=broker,
            stop=profile.stop,
            fields=profile.request,
            playback=self._playback,
        )
        self._begin(node, place)
        try:
            await session.start()
            if kept is not None and self._playback.opening(node.span) is None:  # a recorded one has been told
                _tell_kept(node, kept, session)
            return await run_node(node)
        finally:
            if kept is None:
                await session.close()

    def _broker(self, environment: Environment, depth: int, ledger: Ledger, given: Toolset) -> Broker:
        async def spawn(lm: LM, span: int, prompt: str, value: JSON, child_ledger: Ledger) -> str:
            return await self._child(lm, environment, span, prompt, value, depth + 1, child_ledger)

        return Broker(
            setups.models(self._setup),
            ledger,
            self._trace,
            depth,
            spawn,
            self._replies,
            self.approval,
            given.tools,
            self._toolbox,
            self._playback,
        )

    def _session(
        self,
        environment: Environment,
        place: _Place,
        broker: Broker,
        given: Toolset,
        window: int | None,
        kept: Kept | None,
    ) -> Session:
        session = Session(
            environment,
            functions=broker.functions,
            question=place.question,
            limits=self._setup.limits,
            max_output=MAX_OUTPUT,
            on_call=broker,
            pieces=place.pieces,
            seed=self.seed,
            window=window,
            tools=given.offers(),
            names={**environment.names, **given.values, "history": kept.history if kept else []},
            env=environment.env,
            added=kept.contexts() if kept else None,
            after=kept.session if kept else None,
            goes_on=kept is not None,
        )
        if kept is not None:
            kept.session = session
        return session

    def _opening(
        self, profile: Profile, place: _Place, broker: Broker, offers: Sequence[profiles.Offer], given: Sequence[str]
    ) -> list[Message]:
        opening = profile.opening(
            place.question,
            place.description,
            functions={*broker.offered, "grep", "search", "chunks", "SHOW_VARS"},
            limits=self._setup.limits,
            sub_window=offers[0].window,
            models=offers if self._setup.sub_models else (),
            given=given,
        )
        return list(opening)

    def _begin(self, node: Dialogue, place: _Place) -> None:
        if place.depth == 0:
            self.root = node
        self._trace.emit(
            NodeBegin(
                t=self._trace.now(),
                span=node.span,
                parent=place.parent,
                depth=place.depth,
                question=place.question,
                context=place.description,
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
            described = f"str, {end - start:,} characters, a piece of {name or 'the input'}"
            place = _Place(depth, span, prompt, described, ChildContext(start, end, name))
            outcome = await self._run(lm, environment, place, ledger)
        else:
            value = given["value"] if isinstance(given, dict) else None
            question, value = (profiles.task(), cast(JSON, prompt)) if value is None else (prompt, value)
            with closing(await asyncio.to_thread(load, value)) as context:
                child = await self._setup.launcher.open(context, self._setup.limits)
                context.close()
                try:
                    outcome = await self._run(lm, child, _Place(depth, span, question, context.description), ledger)
                finally:
                    await child.close()
        if outcome.answer is None:
            raise LMError(f"the child has no answer: {outcome.reason}")
        text = as_text(outcome.answer)
        return text if outcome.status == "done" else f"[partial answer: {outcome.reason}]\n{text}"


def _tell_kept(node: Node, kept: Kept, session: Session) -> None:
    """Tells a root, at the end of its first message, what its sitting has beside the input."""
    contexts = [f"`{name}`: {one.description}" for name, one in kept.contexts().items()]
    made = None
    if session.variables is not None:
        made = list(session.variables[:_NAMES])
        if more := len(session.variables) - len(made):
            made.append(f"and at least {more} more, which `SHOW_VARS()` lists")
    if told := node.profile.again(kept.number - 1, kept.forgotten, contexts, made):
        first = node.conversation[-1]
        node.conversation[-1] = Message(first.role, f"{first.content}\n\n{told}")


def as_text(answer: Answer) -> str:
    """An answer as text: a str as it is, anything else as JSON."""
    return answer.value if isinstance(answer.value, str) else json.dumps(answer.value, ensure_ascii=False)
