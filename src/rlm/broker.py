"""Answers the calls that a cell makes: plain LM calls, batches and maps of them, and child nodes.

One broker a node. What it raises reaches the cell as an exception; it never answers with an error as text.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from rlm.errors import ConfigError, LimitError, LMError, LMReplyError, RlmError
from rlm.ledger import Ledger
from rlm.lms.base import LM, estimate_tokens
from rlm.mapping import Pack, as_texts, pack_items
from rlm.trace.events import CallBegin, CallEnd
from rlm.trace.store import Trace
from rlm.types import JSON, Message, Reply, Request, Usage, usage_fields

# Starts a child node: (span, prompt, context as the worker sent it, its ledger) -> its answer as text.
SpawnChild = Callable[[int, str, JSON, Ledger], Awaitable[str]]

_Item = TypeVar("_Item")

PLAIN_CALLS = ("llm_query", "llm_query_batched", "llm_map")
CHILD_CALLS = ("rlm_query", "rlm_query_batched")


class BatchError(LMError):
    """Some prompts of a batch failed.

    Attributes:
        results: The answers that there are, in order; None where a prompt failed.
    """

    def __init__(self, message: str, results: list[JSON]) -> None:
        super().__init__(message)
        self.results = results


class Broker:
    """Serves one node's cells.

    Args:
        models: The models that a cell may name, `None` being the one it gets by default.
        ledger: The node's ledger.
        trace: The run's trace.
        depth: The node's depth; the root's is 0.
        spawn: Starts a child node.
    """

    def __init__(
        self, models: Mapping[str | None, LM], ledger: Ledger, trace: Trace, depth: int, spawn: SpawnChild
    ) -> None:
        self._models = models
        self._ledger = ledger
        self._trace = trace
        self._spawn = spawn
        # What batches and maps that failed in part have been answered, for when they are asked again.
        self._kept: dict[str, dict[str, list[str]]] = defaultdict(dict)  # model -> prompt -> answers
        self._mapped: dict[tuple[str, str, str], dict[str, JSON]] = defaultdict(dict)  # what is asked -> item -> result
        self._has_children = depth + 1 < ledger.limits.depth
        # Models that were trained to write `rlm_query` write it at any depth; where there can be no child, a plain
        # call answers. The prompt offers only what `offered` has.
        self.functions = PLAIN_CALLS + CHILD_CALLS if depth < ledger.limits.depth else ()
        self.offered = self.functions if self._has_children else self.functions[: len(PLAIN_CALLS)]
        self.span = 0  # the turn whose cell is running
        self.closed: LimitError | None = None  # set for the wrap-up, when sub-calls are over

    async def __call__(self, name: str, args: dict[str, JSON]) -> JSON:
        """Answers one call of a cell.

        Raises:
            RlmError: What the cell is to see as an exception.
        """
        if self.closed is not None:
            raise self.closed
        if name not in self.functions:
            raise ConfigError(f"{name} is not offered here; there is: {', '.join(self.functions) or 'no sub-call'}")
        answer: JSON = await getattr(self, f"_{name}")(**args)
        return answer

    async def _llm_query(self, prompt: JSON, model: JSON = None) -> JSON:
        lm = self._model(model)
        self._ledger.take_sub_calls(1)
        return await self._ask("llm_query", _text(prompt, "prompt"), lm)

    async def _llm_query_batched(self, prompts: JSON, model: JSON = None) -> JSON:
        lm = self._model(model)
        texts = _texts(prompts, "prompts")
        kept = self._kept[lm.name]
        known = sum(min(count, len(kept.get(text, ()))) for text, count in Counter(texts).items())
        self._ledger.take_sub_calls(len(texts) - known)
        done = [_take(kept, text) for text in texts]
        missing = [index for index, answer in enumerate(done) if answer is None]
        asked = await self._each(lambda index: self._ask("llm_query_batched", texts[index], lm), missing)
        for index, answer in zip(missing, asked, strict=True):
            done[index] = answer
        if any(isinstance(answer, RlmError) for answer in asked):
            for text, answer in zip(texts, done, strict=True):
                if isinstance(answer, str):
                    kept.setdefault(text, []).append(answer)
        return _whole(done, "; run the cell again to ask only those")

    async def _llm_map(self, items: JSON, instruction: JSON, schema: JSON = None, model: JSON = None) -> JSON:
        lm = self._model(model)
        if not isinstance(items, list):
            raise ConfigError("llm_map takes a list of items")
        texts, task = as_texts(items), _text(instruction, "instruction")
        key = lm.name, task, json.dumps(schema)
        found = self._mapped[key]
        packs = pack_items([text for text in texts if text not in found], task, schema, lm.window)
        self._ledger.take_sub_calls(len(packs))

        async def ask(pack: Pack) -> None:
            found.update(pack.read(await self._ask("llm_map", pack.prompt, lm)))

        done = await self._each(ask, packs)
        again = [one for pack, failure in zip(packs, done, strict=True) if not failure for one in pack.split(found)]
        try:
            self._ledger.take_sub_calls(len(again))
            done += await self._each(ask, again)
        except LimitError as error:
            done.append(error)
        results = [found.get(text) for text in texts]
        if missing := sum(text not in found for text in texts):
            failures = [failure for failure in done if failure is not None]
            why = f", the first with: {failures[0]}" if failures else ""
            raise BatchError(
                f"llm_map: no usable result for {missing} of {len(texts)} items{why}; run the cell again to ask only "
                "those",
                results,
            )
        self._mapped.pop(key, None)
        return results

    async def _rlm_query(self, prompt: JSON, context: JSON = None, model: JSON = None) -> JSON:
        self._model(model)
        self._ledger.take_sub_calls(1)
        return await self._child(_text(prompt, "prompt"), context)

    async def _rlm_query_batched(self, prompts: JSON, contexts: JSON = None, model: JSON = None) -> JSON:
        self._model(model)
        texts = _texts(prompts, "prompts")
        inputs = contexts if contexts is not None else [None] * len(texts)
        if not isinstance(inputs, list) or len(inputs) != len(texts):
            raise ConfigError(f"rlm_query_batched takes as many contexts as prompts ({len(texts)})")
        self._ledger.take_sub_calls(len(texts))
        return _whole(await self._each(lambda index: self._child(texts[index], inputs[index]), range(len(texts))))

    async def _each(self, call: Callable[[_Item], Awaitable[Any]], items: Sequence[_Item]) -> list[Any]:
        """What `call` gives for each item, in order, or the `RlmError` that it fails with.

        One failure does not stop the others: their answers are paid for. A task for each that can be in flight, and
        not for each item: a cell can ask for a million.
        """
        done: list[Any] = [None] * len(items)
        waiting = iter(enumerate(items))

        async def take() -> None:
            for index, item in waiting:
                try:
                    done[index] = await call(item)
                except RlmError as error:
                    done[index] = error

        tasks = (take() for _ in range(min(len(items), self._ledger.limits.concurrency)))
        for bug in await asyncio.gather(*tasks, return_exceptions=True):
            if bug is not None:
                raise bug
        return done

    async def _ask(self, name: str, prompt: str, lm: LM) -> str:
        """One plain LM call: held, sent, charged, traced."""
        span = self._begin(name, prompt, lm.name)
        began = time.monotonic()
        reply: Reply | None = None
        failure: RlmError | None = None
        try:
            size = estimate_tokens(prompt)
            if lm.window is not None and size > lm.window:
                raise LMReplyError(
                    f"the prompt has about {size:,} tokens and {lm.name} takes {lm.window:,}: split it, or send less"
                )
            async with self._ledger.hold(size, None, lm.price) as held:
                reply = await lm.complete(Request((Message("user", prompt),), held.max_tokens))
                self._ledger.charge(reply, lm.price)
            if not reply.text:
                said = f"{reply.usage.output_tokens:,} output tokens"
                raise LMReplyError(f"{lm.name} was cut off before it answered: its {said} went into thinking")
            return reply.text
        except RlmError as error:
            failure = error
            if isinstance(error, LMReplyError) and error.usage is not None:
                reply = Reply("", error.usage, error.cost)
            raise
        finally:
            self._end(span, began, reply, None if reply and not failure else str(failure or "cancelled"))

    async def _child(self, prompt: str, context: JSON) -> str:
        if not self._has_children:
            if context is not None:
                raise ConfigError("rlm_query takes no context at this depth: put the text into the prompt")
            return await self._ask("rlm_query", prompt, self._models[None])
        span = self._begin("rlm_query", prompt, self._models[None].name)
        began = time.monotonic()
        ledger = Ledger(self._ledger.limits, self._ledger)
        answer: str | None = None
        failure: RlmError | None = None
        try:
            async with self._ledger.child_slot():
                answer = await self._spawn(span, prompt, context, ledger)
            return answer
        except RlmError as error:
            failure = error
            raise
        finally:
            totals = Reply(answer or "", ledger.usage, ledger.cost)
            self._end(span, began, totals, None if answer is not None else str(failure or "cancelled"))

    def _begin(self, name: str, prompt: str, model: str) -> int:
        span = self._trace.new_span()
        self._trace.emit(
            CallBegin(t=self._trace.now(), span=span, parent=self.span, name=name, prompt=prompt, model=model)
        )
        return span

    def _end(self, span: int, began: float, reply: Reply | None, error: str | None) -> None:
        self._trace.emit(
            CallEnd(
                t=self._trace.now(),
                span=span,
                reply=reply.text if reply and error is None else None,
                error=error,
                finish=reply.finish if reply else None,
                usage=usage_fields(reply.usage if reply else Usage()),
                cost=reply.cost if reply else None,
                retries=reply.retries if reply else 0,
                seconds=round(time.monotonic() - began, 6),
            )
        )

    def _model(self, name: JSON) -> LM:
        if name is None or isinstance(name, str):
            if (lm := self._models.get(name)) is not None:
                return lm
            known = ", ".join(sorted(repr(key) for key in self._models if key))
            raise ConfigError(f"no model {name!r} in this run; there is: {known}")
        raise ConfigError(f"model must be a name, not {type(name).__name__}")


def _take(kept: dict[str, list[str]], prompt: str) -> JSON:
    """An answer that was kept for a prompt, or None; it is given once."""
    answers = kept.get(prompt)
    if answers is None:
        return None
    answer = answers.pop()
    if not answers:
        del kept[prompt]
    return answer


def _whole(done: list[Any], hint: str = "") -> list[JSON]:
    """The results of a batch.

    Raises:
        BatchError: Some calls failed.
    """
    errors = [item for item in done if isinstance(item, RlmError)]
    if not errors:
        return done
    raise BatchError(
        f"{len(errors)} of {len(done)} calls failed, the first with: {errors[0]}{hint}",
        [None if isinstance(item, RlmError) else item for item in done],
    ) from errors[0]


def _text(value: JSON, name: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be a str, not {type(value).__name__}")
    return value


def _texts(value: JSON, name: str) -> list[str]:
    if not isinstance(value, list):
        raise ConfigError(f"{name} must be a list of str, not {type(value).__name__}")
    return [_text(item, f"{name}[{index}]") for index, item in enumerate(value)]
