"""Answers the calls that a cell makes: plain LM calls, batches and maps of them, and child nodes.

One broker a node. What it raises reaches the cell as an exception; it never answers with an error as text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from rlm.approval import Approval
from rlm.asking import Asker, Call, Item, each, recorded
from rlm.errors import ConfigError, LimitError, LMError, RlmError
from rlm.ledger import Ledger
from rlm.lms.base import LM
from rlm.mapping import Pack, as_texts, check_repeated, pack_items
from rlm.playback import Live
from rlm.replies import Leftovers, Replies
from rlm.sandbox import protocol
from rlm.toolbox import Toolbox
from rlm.tools import Tool
from rlm.trace.events import CallBegin
from rlm.trace.record import given
from rlm.trace.store import Trace
from rlm.types import JSON

# Starts a child node: (its model, span, prompt, context as the worker sent it, its ledger) -> its answer as text.
SpawnChild = Callable[[LM, int, str, JSON, Ledger], Awaitable[str]]

PLAIN_CALLS = ("llm_query", "llm_query_batched", "llm_map")
CHILD_CALLS = ("rlm_query", "rlm_query_batched")
_HOTTEST = 100  # no provider takes as much


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
        replies: The run's answers that may be given again; None: the node's own.
        approval: Says whether a batch may be sent; None: the node's own, which allows all.
        tools: The user's tools that the node's cells may call.
        toolbox: Runs them; None: the node's own.
        playback: What an earlier run was answered; None: nothing.
    """

    def __init__(
        self,
        models: Mapping[str | None, LM],
        ledger: Ledger,
        trace: Trace,
        depth: int,
        spawn: SpawnChild,
        replies: Replies | None = None,
        approval: Approval | None = None,
        tools: Sequence[Tool] = (),
        toolbox: Toolbox | None = None,
        playback: Live | None = None,
    ) -> None:
        self._models = models
        self._ledger = ledger
        self._trace = trace
        self._spawn = spawn
        self._approval = approval or Approval(trace, ledger.limits.concurrency)
        self._tools = {tool.name: tool for tool in tools}
        self._toolbox = toolbox or Toolbox(trace, ledger.limits.concurrency)
        self._playback = playback or Live()
        self._asker = Asker(ledger, trace, replies or Replies(), self._playback)
        # What batches and maps that failed in part have been answered, for when they are asked again.
        self._left = Leftovers()
        self._mapped: dict[object, dict[str, JSON]] = {}  # what is asked, and how -> item -> result
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
        if name == protocol.TOOL:
            return await self._tool(**args)
        if name not in self.functions:
            raise ConfigError(f"{name} is not offered here; there is: {', '.join(self.functions) or 'no sub-call'}")
        answer: JSON = await getattr(self, f"_{name}")(**args)
        return answer

    async def _llm_query(
        self,
        prompt: JSON,
        model: JSON = None,
        temperature: JSON = None,
        fresh: JSON = False,
        origins: JSON = None,
    ) -> JSON:
        call = self._call("llm_query", _text(prompt, "prompt"), model, temperature, fresh)
        call = replace(call, origins=_claims(origins, [call.prompt])[0])
        await self._admit([call])
        return await self._asker.ask(call)

    async def _llm_query_batched(
        self,
        prompts: JSON,
        model: JSON = None,
        temperature: JSON = None,
        fresh: JSON = False,
        origins: JSON = None,
    ) -> JSON:
        first = self._call("llm_query_batched", "", model, temperature, fresh)
        texts = _texts(prompts, "prompts")
        claims = _claims(origins, texts)
        calls = [replace(first, prompt=text, origins=claim) for text, claim in zip(texts, claims, strict=True)]
        asked = [(id(first.lm), first.temperature, first.fresh, text) for text in texts]
        done = self._left.take(asked)
        missing = [index for index, answer in enumerate(done) if answer is None]

        async def ask(index: int) -> None:
            done[index] = await self._asker.ask(calls[index])

        failures: list[RlmError | None] = []
        try:
            await self._admit([calls[index] for index in missing])
            for call, answer in zip(calls, done, strict=True):
                if answer is not None:
                    self._asker.kept(call, answer)
            failures = await self._each(ask, missing)
        finally:
            if len(failures) < len(missing) or any(failures):  # cancelled too: what has come is paid for
                self._left.put(asked, done)
        return _whole([*done], failures, "; run the cell again to ask only those")

    async def _llm_map(
        self,
        items: JSON,
        instruction: JSON,
        schema: JSON = None,
        model: JSON = None,
        temperature: JSON = None,
        fresh: JSON = False,
        origins: JSON = None,
    ) -> JSON:
        call = self._call("llm_map", "", model, temperature, fresh)
        if not isinstance(items, list):
            raise ConfigError("llm_map takes a list of items")
        texts, task = as_texts(items), _text(instruction, "instruction")
        claims = dict(zip(texts, _claims(origins, texts), strict=True))
        key = id(call.lm), call.temperature, call.fresh, _sum(task), _sum(json.dumps(schema))
        found = dict(self._mapped.get(key, {}))
        packs = pack_items([text for text in texts if text not in found], task, schema, call.lm.window)

        def asked(pack: Pack) -> Call:
            pieces = tuple(piece for text in pack.items.values() for piece in claims[text])
            return replace(call, prompt=pack.prompt, once=True, keeps=pack.is_answered, origins=pieces)

        async def ask(pack: Pack) -> None:
            if read := pack.read(await self._asker.ask(asked(pack))):
                found.update(read)
                self._mapped.setdefault(key, {}).update(read)

        check_repeated(packs)
        await self._admit([asked(pack) for pack in packs])

        done = await self._each(ask, packs)
        again = [one for pack, failure in zip(packs, done, strict=True) if not failure for one in pack.split(found)]
        try:
            check_repeated(again)
            await self._admit([asked(pack) for pack in again])
            done += await self._each(ask, again)
        except (LimitError, ConfigError) as error:
            done.append(error)
        results = [found.get(text) for text in texts]
        if missing := sum(text not in found for text in texts):
            why = next((f", the first with: {failure}" for failure in done if failure is not None), "")
            raise BatchError(
                f"llm_map: no usable result for {missing} of {len(texts)} items{why}; run the cell again to ask only "
                "those",
                results,
            )
        self._mapped.pop(key, None)
        return results

    async def _rlm_query(self, prompt: JSON, context: JSON = None, model: JSON = None) -> JSON:
        call = self._call("rlm_query", _text(prompt, "prompt"), model)
        await self._admit([call])
        return await self._child(call, context)

    async def _rlm_query_batched(self, prompts: JSON, contexts: JSON = None, model: JSON = None) -> JSON:
        first = self._call("rlm_query_batched", "", model)
        texts = _texts(prompts, "prompts")
        inputs = contexts if contexts is not None else [None] * len(texts)
        if not isinstance(inputs, list) or len(inputs) != len(texts):
            raise ConfigError(f"rlm_query_batched takes as many contexts as prompts ({len(texts)})")
        await self._admit([replace(first, prompt=text) for text in texts])
        done: list[JSON] = [None] * len(texts)

        async def ask(index: int) -> None:
            done[index] = await self._child(replace(first, name="rlm_query", prompt=texts[index]), inputs[index])

        return _whole(done, await self._each(ask, range(len(texts))))

    async def _tool(self, name: JSON, args: JSON, kwargs: JSON) -> JSON:
        """Calls a tool of the user's; a session lets no call through but those of tools that were offered."""
        tool = self._tools[cast(str, name)]
        return await self._toolbox.call(tool, self.span, cast(list[JSON], args), cast(dict[str, JSON], kwargs))

    async def _each(self, call: Callable[[Item], Awaitable[None]], items: Sequence[Item]) -> list[RlmError | None]:
        return await each(call, items, self._ledger.limits.concurrency)

    async def _admit(self, calls: Sequence[Call]) -> None:
        """Before calls of one kind are made: all of them, or none.

        Raises:
            LimitError: They may not be.
        """
        self._ledger.check_sub_calls(len(calls))  # nobody is asked about what can't be
        if calls:
            name, lm = calls[0].name, calls[0].lm
            children = self._has_children and name in CHILD_CALLS
            prompts = [call.prompt for call in calls] if children else self._asker.to_send(calls)
            await self._approval(self.span, name, lm, prompts, children=children)
        self._ledger.take_sub_calls(len(calls))

    async def _child(self, call: Call, context: JSON) -> str:
        if not self._has_children:
            if context is not None:
                raise ConfigError("rlm_query takes no context at this depth: put the text into the prompt")
            return await self._asker.ask(call)
        begin = CallBegin(
            t=self._trace.now(),
            span=self._trace.new_span(),
            parent=call.span,
            name=call.name,
            prompt=call.prompt,
            model=call.lm.name,
            given=given(context),
        )
        ledger = Ledger(self._ledger.limits, self._ledger)
        with recorded(self._trace, begin) as record:
            if (before := await self._playback.call(record.span)) is not None:
                return self._asker.again(before, record, self._playback.below(record.span))
            try:
                async with self._ledger.child_slot():
                    record.reply = await self._spawn(call.lm, record.span, call.prompt, context, ledger)
                return record.reply
            finally:
                record.usage, record.cost = ledger.usage, ledger.cost

    def _call(self, name: str, prompt: str, model: JSON, temperature: JSON = None, fresh: JSON = False) -> Call:
        """A call with what all kinds of them take."""
        if not isinstance(fresh, bool):
            raise ConfigError(f"fresh must be True or False, not {type(fresh).__name__}")
        if temperature is not None:
            if isinstance(temperature, bool) or not isinstance(temperature, int | float):
                raise ConfigError(f"temperature must be a number, not {type(temperature).__name__}")
            if not 0 <= temperature <= _HOTTEST:
                raise ConfigError(f"temperature must be from 0 to {_HOTTEST}")
            temperature = float(temperature)
        return Call(name, prompt, self._model(model), self.span, temperature, fresh=fresh)

    def _model(self, name: JSON) -> LM:
        if name is None or isinstance(name, str):
            if (lm := self._models.get(name)) is not None:
                return lm
            known = ", ".join(sorted(repr(key) for key in self._models if key))
            raise ConfigError(f"no model {name!r} in this run; there is: {known}")
        raise ConfigError(f"model must be a name, not {type(name).__name__}")


def _whole(results: list[JSON], failures: list[RlmError | None], hint: str = "") -> list[JSON]:
    """The results of a batch.

    Raises:
        BatchError: Some calls failed.
    """
    errors = [failure for failure in failures if failure is not None]
    if not errors:
        return results
    raise BatchError(f"{len(errors)} of {len(results)} calls failed, the first with: {errors[0]}{hint}", results) from (
        errors[0]
    )


def _claims(origins: JSON, texts: Sequence[str]) -> list[tuple[JSON, ...]]:
    """The piece of the input that each text is, as the worker claims; its frame was checked to have one for each."""
    if not isinstance(origins, list):
        return [()] * len(texts)
    return [() if origin is None else (origin,) for origin in origins]


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _text(value: JSON, name: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be a str, not {type(value).__name__}")
    return value


def _texts(value: JSON, name: str) -> list[str]:
    if not isinstance(value, list):
        raise ConfigError(f"{name} must be a list of str, not {type(value).__name__}")
    return [_text(item, f"{name}[{index}]") for index, item in enumerate(value)]
