"""OpenAI's Responses: a request's body, and what a reply and a stream of it say.

Nothing is kept at OpenAI (`store: false`): the conversation is sent whole, as it is to chat completions.

Format: https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rlm.lms.chat import Format, Said, charged
from rlm.lms.failures import event_failure
from rlm.lms.wire import count
from rlm.types import JSON, Finish, Message, Usage

_FINISHES: dict[str, Finish] = {"max_output_tokens": "length", "content_filter": "filter"}
# OpenAI serves these here alone, https://platform.openai.com/docs/models: the -pro models, those for code and for
# research. What is missing in it costs a request that is refused; then the endpoint's answer teaches it.
_ONLY_HERE = re.compile(r"(o\d|gpt-\d+(\.\d+)?)-pro\b|.*\bcodex\b|.*-deep-research\b|computer-use-preview")


def only_here(model: str) -> bool:
    """Whether OpenAI is known to serve `model` by Responses alone."""
    return _ONLY_HERE.match(model) is not None


def prompt(messages: Sequence[Message]) -> dict[str, JSON]:
    """The body's fields that hold the messages, whose system prompt is the `instructions`."""
    instructed = bool(messages) and messages[0].role == "system"
    fields: dict[str, JSON] = {"store": False}
    if instructed:
        fields["instructions"] = messages[0].content
    fields["input"] = [{"role": one.role, "content": one.content} for one in messages[instructed:]]
    return fields


def effort(level: str) -> dict[str, JSON]:
    """The field that sets the effort of reasoning."""
    return {"reasoning": {"effort": level}}


def read(value: Mapping[str, Any]) -> Said:
    """What a response says.

    Raises:
        LookupError, TypeError, AttributeError: It is none.
    """
    texts: list[str] = []
    refusals: list[str] = []
    for item in value["output"]:
        if item["type"] != "message":
            continue
        parts = item["content"]
        texts.append("".join(str(part.get("text") or "") for part in parts if part["type"] == "output_text"))
        refusals += [str(part.get("refusal") or "") for part in parts if part["type"] == "refusal"]
    reason = (value.get("incomplete_details") or {}).get("reason")
    return Said(
        text="\n".join(text for text in texts if text) if texts else None,
        finish=_FINISHES.get(str(reason), "stop") if value.get("status") != "completed" else "stop",
        ended=reason or value.get("status"),
        refusal="".join(refusals),
        usage=usage_of(value.get("usage")),
        charged=charged(value.get("usage")),
        tier=value.get("service_tier"),
        output=value["output"],
    )


def usage_of(reported: object) -> Usage | None:
    """The usage that a response reports, or None; a detail that is left out counts as 0."""
    if not isinstance(reported, dict) or "input_tokens" not in reported:
        return None
    asked, output = count(reported, "input_tokens"), count(reported, "output_tokens")
    details = reported.get("input_tokens_details")
    if not asked and not output:  # as in chat completions
        return None
    return Usage(
        calls=1,
        input_tokens=asked,
        output_tokens=output,
        cached_tokens=min(count(details, "cached_tokens"), asked),
        reasoning_tokens=min(count(reported.get("output_tokens_details"), "reasoning_tokens"), output),
        cache_write_tokens=min(count(details, "cache_write_tokens"), asked),
    )


class Events:
    """Puts a response together from the events of its stream."""

    def __init__(self) -> None:
        self._response: dict[str, Any] | None = None
        self._pieces: list[str] = []
        self.whole = False

    def feed(self, event: str, data: dict[str, Any]) -> None:
        """Takes an event; of an unknown kind, it is passed over.

        Raises:
            Retryable: The response failed, in a way that may pass.
            LMError: It failed, and stays so.
        """
        kind = str(data.get("type") or event)
        response = data.get("response")
        if kind in ("error", "response.failed"):
            raise event_failure({}, data, {})  # it was let in before: it says nothing of the key, and no time to wait
        if isinstance(response, dict):  # created, in_progress, and the last one: completed or incomplete
            self._response = response
            self.whole = kind in ("response.completed", "response.incomplete")
        elif kind.endswith(".delta") and isinstance(data.get("delta"), str):
            self._pieces.append(data["delta"])

    def value(self) -> dict[str, Any] | None:
        """The response so far; None before it began. Before its end, `output` is all that came, thinking too."""
        if self._response is None or self.whole:
            return self._response
        part = {"type": "output_text", "text": "".join(self._pieces)}
        return {**self._response, "output": [{"type": "message", "content": [part]}]}


RESPONSES = Format(
    noun="response",
    path="/responses",
    limit="max_output_tokens",
    ended="status",
    prompt=prompt,
    effort=effort,
    read=read,
    assembler=Events,
)
