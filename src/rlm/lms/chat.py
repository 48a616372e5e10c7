"""OpenAI's chat completions: a request's body, and what a reply and a stream of it say.

Format: https://platform.openai.com/docs/api-reference/chat, and what other endpoints add to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlm.lms.http import Assembler
from rlm.lms.wire import BELIEVED, count, dollars
from rlm.types import JSON, Finish, Message, Usage

_FINISHES: dict[str, Finish] = {"length": "length", "content_filter": "filter"}
_TICKS = 1e10  # of xAI's, to a dollar: https://docs.x.ai/developers/cost-tracking


@dataclass(frozen=True, slots=True)
class Said:
    """What a reply says, whatever its format.

    Attributes:
        text: The answer; None if there is none. Thinking is no part of it.
        finish: Why it ended, and `ended` in the endpoint's word.
        ended: `finish_reason`, or the like.
        refusal: The model's words where it refused.
        usage: As reported; None if it was not.
        charged: US dollars as reported; None if they were not.
        tier: The service tier that it was served in, as reported.
        output: The part of the reply whose tokens are output, for an estimate.
    """

    text: str | None
    finish: Finish
    ended: object
    refusal: str
    usage: Usage | None
    charged: float | None
    tier: object
    output: object


@dataclass(frozen=True, slots=True)
class Format:
    """One wire format of OpenAI's.

    Attributes:
        noun: A reply of it.
        path: Below the base URL.
        limit: The name of the limit of output, at OpenAI.
        ended: The name of what says why a reply ended.
        prompt: The body's fields that hold the messages.
        effort: The fields that set the effort of reasoning.
        streamed: The fields that ask for a stream.
        read: What a reply says; a LookupError, TypeError or AttributeError where it is none.
        assembler: Puts a stream together.
    """

    noun: str
    path: str
    limit: str
    ended: str
    prompt: Callable[[Sequence[Message]], dict[str, JSON]]
    effort: Callable[[str], dict[str, JSON]]
    read: Callable[[Mapping[str, Any]], Said]
    assembler: Callable[[], Assembler]
    streamed: Mapping[str, JSON] = field(default_factory=lambda: {"stream": True})


def prompt(messages: Sequence[Message]) -> dict[str, JSON]:
    """The body's field that holds the messages."""
    return {"messages": [{"role": one.role, "content": one.content} for one in messages]}


def effort(level: str) -> dict[str, JSON]:
    """The field that sets the effort of reasoning."""
    return {"reasoning_effort": level}


def read(value: Mapping[str, Any]) -> Said:
    """What a chat completion says.

    Raises:
        LookupError, TypeError, AttributeError: It is none.
    """
    choices = value["choices"]
    message, ended = choices[0]["message"], choices[0].get("finish_reason")
    text, refusal = message.get("content"), message.get("refusal")
    if isinstance(text, list):  # some servers send the parts, thinking among them
        text = "".join(part["text"] for part in text if isinstance(part, dict) and isinstance(part.get("text"), str))
    return Said(
        text=text if isinstance(text, str) else None,
        finish=_FINISHES.get(str(ended), "stop"),
        ended=ended,
        refusal=str(refusal) if refusal else "",
        usage=usage_of(value.get("usage")),
        charged=charged(value.get("usage")),
        tier=value.get("service_tier"),
        output=[message.get(name) for name in ("content", "refusal", "reasoning_content", "reasoning", "tool_calls")],
    )


def usage_of(reported: object) -> Usage | None:
    """The usage that a reply reports, or None; a detail that is left out counts as 0.

    Some endpoints leave thinking out of `completion_tokens`, and bill it: it is in their total.
    """
    if not isinstance(reported, dict) or "prompt_tokens" not in reported:
        return None
    asked, said, total = (count(reported, f"{name}_tokens") for name in ("prompt", "completion", "total"))
    details = reported.get("prompt_tokens_details")
    cached = count(details, "cached_tokens") or count(reported, "prompt_cache_hit_tokens")  # DeepSeek's name for it
    output = max(said, total - asked)
    if not asked and not output:  # zeros in place of nothing: no prompt has no tokens
        return None
    return Usage(
        calls=1,
        input_tokens=asked,
        output_tokens=output,
        cached_tokens=min(cached, asked),
        reasoning_tokens=min(count(reported.get("completion_tokens_details"), "reasoning_tokens"), output),
        cache_write_tokens=min(count(details, "cache_write_tokens"), asked),
    )


def charged(reported: object) -> float | None:
    """The US dollars that a reply's usage names: OpenRouter's and Vercel's `cost`, xAI's ticks; None if there are none.

    Where the caller's own key served (`is_byok`), `cost` is the gateway's fee, and the provider's bill comes on top: a
    fee alone is not what the call cost.
    """
    if not isinstance(reported, dict):
        return None
    ticks = reported.get("cost_in_usd_ticks")
    if isinstance(ticks, int) and 0 <= ticks <= BELIEVED * _TICKS:
        return ticks / _TICKS
    cost, details = dollars(reported.get("cost")), reported.get("cost_details")
    if cost is None or reported.get("is_byok") is not True:
        return cost
    billed = dollars(details.get("upstream_inference_cost")) if isinstance(details, dict) else None
    return None if billed is None else cost + billed


class Chunks:
    """Puts a chat completion together from the chunks of its stream."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[str]] = {}
        self._value: dict[str, Any] | None = None
        self._ended: object = None

    @property
    def whole(self) -> bool:
        """Whether it said why it ended. The chunk with the usage may still come."""
        return self._ended is not None

    def feed(self, event: str, data: dict[str, Any]) -> None:
        """Takes a chunk; what is not one is passed over."""
        if self._value is None:
            self._value = {}
        for name in ("id", "model", "service_tier", "usage"):
            if data.get(name) is not None:
                self._value[name] = data[name]
        choices = data.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return
        if choice.get("finish_reason") is not None:
            self._ended = choice["finish_reason"]
        delta = choice.get("delta")
        for name in ("content", "refusal", "reasoning_content", "reasoning"):
            piece = delta.get(name) if isinstance(delta, dict) else None
            if isinstance(piece, list):
                piece = "".join(str(part.get("text") or "") for part in piece if isinstance(part, dict))
            if isinstance(piece, str):
                self._pieces.setdefault(name, []).append(piece)

    def value(self) -> dict[str, Any] | None:
        """The completion so far; None before the first chunk."""
        if self._value is None:
            return None
        message = {name: "".join(pieces) for name, pieces in self._pieces.items()}
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": self._ended}
        return {**self._value, "choices": [choice]}


CHAT = Format(
    noun="chat completion",
    path="/chat/completions",
    limit="max_completion_tokens",
    ended="finish_reason",
    prompt=prompt,
    effort=effort,
    read=read,
    assembler=Chunks,
    streamed={"stream": True, "stream_options": {"include_usage": True}},
)
