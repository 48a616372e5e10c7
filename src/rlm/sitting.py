"""Several questions over one loaded input and one REPL: what `RLM.session` gives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import fields, replace
from types import TracebackType
from typing import Any

from rlm import setup as setups
from rlm.background import event_loop
from rlm.context import load
from rlm.errors import ConfigError, LimitError
from rlm.execution import Execution
from rlm.kept import Added, Kept
from rlm.ledger import check_limits
from rlm.run import Run
from rlm.setup import Setup
from rlm.types import JSON, Completion, Limits

_SHARED = ("usd", "tokens", "seconds", "sub_calls")  # the limits that all questions together may have


class Sitting:
    """Questions about one input, asked one after the other: names that cells make stay, and `history` has the answers.

    Each question is a run of its own, with its own limits, usage and trace. The input is loaded and the sandbox opened
    with the first one. As a context manager, sync or async, it is closed on leaving.

    Args:
        setup: What the engine gave.
        context: The input, as `RLM.completion` takes it.
        limits: What all questions together may use, of `usd`, `tokens`, `seconds` and `sub_calls`.

    Raises:
        ConfigError: A limit can't be right, or the engine makes plain calls.
    """

    def __init__(self, setup: Setup, context: object, limits: Limits | None = None) -> None:
        check_limits(limits or Limits())
        _check_shared(limits or Limits())
        if setup.route == "always":
            raise ConfigError(
                "the route 'always' is a plain call, and the questions of a session are answered in its REPL"
            )
        self._setup = setup
        self._value = context
        self._limits = limits or Limits()
        self._kept = Kept()
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._adds = 0
        self._open = True

    @property
    def history(self) -> list[JSON]:
        """What cells find as `history`: `{"question": ..., "answer": ...}` of each question that came to its end."""
        return [*self._kept.history]

    def ask(self, question: str) -> Completion:
        """Answers a question, and waits for it.

        Raises:
            ConfigError: The session is closed, or answering another question; or the question is empty.
            LimitError: What all questions together may use is used.
            RlmError: As `RLM.completion`. The next question can be asked all the same.
        """
        with self.started(question, events=False) as run:
            return run.result()

    async def aask(self, question: str) -> Completion:
        """`ask`, for async callers; cancelling it ends the question, and the next one can be asked."""
        return await self.started(question, events=False).aresult()

    def stream(self, question: str) -> Run:
        """Starts a question and returns at once, as `RLM.stream` does."""
        return self.started(question, events=True)

    def add(self, context: object) -> str:
        """Loads a further context, which cells find from the next question on.

        Args:
            context: As the session's own.

        Returns:
            The name that they find it by: `context_1`, `context_2`, ...

        Raises:
            ConfigError: The session is closed, or answering a question.
            ContextError: It can't be read.
        """
        with self._lock:
            self._check()
            loaded = load(context)
            self._adds += 1
            name = f"context_{self._adds}"
            self._kept.added[name] = Added(loaded, setups.source(context, loaded))
            return name

    async def aadd(self, context: object) -> str:
        """`add`, for async callers."""
        return await asyncio.to_thread(self.add, context)

    def close(self) -> None:
        """Ends the question that is being answered, and the sandbox; more than once is fine.

        Raises:
            SandboxError: What cells wrote did not come back, or something was not removed.
        """
        if (end := self._end()) is not None:
            asyncio.run_coroutine_threadsafe(end, event_loop()).result()

    async def aclose(self) -> None:
        """`close`, for async callers."""
        if (end := self._end()) is not None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(end, event_loop()))

    def started(self, question: str, *, events: bool) -> Run:
        """A question that has been started; `events` says whether anyone will iterate over them."""
        setups.check_question(question)
        with self._lock:
            self._check()
            setup = replace(self._setup, limits=self._left())
            self._run = Run(lambda run: self._answered(run, setup, str(question)), events=events)
            return self._run

    async def _answered(self, run: Run, setup: Setup, question: str) -> Completion:
        self._kept.number += 1
        completion = await Execution(setup, run, question, kept=self._kept).main(self._value)
        if completion.status != "failed":
            self._kept.remember(question, completion.answer)
        return completion

    def _check(self) -> None:
        if not self._open:
            raise ConfigError("the session is closed: open another one with RLM.session(...)")
        if self._run is not None and not self._run.ended:
            raise ConfigError("the session is answering a question: wait for its end, or stop it, before the next one")

    def _left(self) -> Limits:
        """The limits of the next question: its own, or what the session has left where that is less.

        Raises:
            LimitError: There is nothing left.
        """
        changes: dict[str, Any] = {}
        for name in _SHARED:
            most, own = getattr(self._limits, name), getattr(self._setup.limits, name)
            if most is not None:
                left = most - getattr(self._kept.spent, name)
                if left <= 0:
                    raise LimitError(name, f"the session's limit of {most:g} {name} is reached: open another session")
                changes[name] = left if own is None else min(own, left)
        return replace(self._setup.limits, **changes)

    def _end(self) -> Coroutine[Any, Any, None] | None:
        with self._lock:
            if not self._open:
                return None
            self._open = False
            return self._ended(self._run)

    async def _ended(self, run: Run | None) -> None:
        if run is not None:
            await run.cancelled()
        await self._kept.close()

    def __enter__(self) -> Sitting:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Sitting:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()


def _check_shared(limits: Limits) -> None:
    """Refuses limits that only one question can have: they would limit nothing here.

    Raises:
        ConfigError: There is one.
    """
    own = [one.name for one in fields(Limits) if one.name not in _SHARED]
    if odd := [name for name in own if getattr(limits, name) != getattr(Limits(), name)]:
        raise ConfigError(
            f"all questions of a session together may have limits of {', '.join(_SHARED)}: {', '.join(odd)} is each "
            "question's own, RLM(limits=...)"
        )
