"""Google's Gemini models: generateContent, by API key.

Formats: https://ai.google.dev/api/generate-content, as google-genai 3.4 types them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

from rlm.errors import ConfigError, Fault, LMRefusedError
from rlm.lms.base import Price
from rlm.lms.http import Policy
from rlm.lms.wire import (
    WireClient,
    check_extra,
    check_key,
    count,
    encode,
    estimated,
    find_key,
    host_of,
    join,
    without_query,
)
from rlm.types import JSON, Finish, Message, Reply, Request, Usage

DEFAULT_URL = "https://generativelanguage.googleapis.com/v1beta"
KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
URL_VARIABLE = "GEMINI_BASE_URL"
LEVELS = ("minimal", "low", "medium", "high", "xhigh")

# `extra` can't set these; the limit of output is among them because budgets rest on it.
_OURS = {"contents", "systemInstruction", "system_instruction"}
_OUR_CONFIG = {"maxOutputTokens", "max_output_tokens", "candidateCount", "candidate_count"}
_CUT = {"MAX_TOKENS", "CONTINUATION"}
_FILTERED = {
    *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "PUP_LIMITED_DISABLED"),
}
# The model wrote something that is no text, a call of a function mostly, and nobody was told what it was.
_BROKEN = {
    *("MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"),
    "MISSING_THOUGHT_SIGNATURE",
}
_SHOWN = 300
_MOST_STOPS = 5  # more are refused
_OUTPUT = 8192  # tokens of an answer, beside its thinking


@dataclass(frozen=True, slots=True)
class Form:
    """How requests to one model are filled in.

    Attributes:
        max_tokens: The most output tokens where a request does not say.
        temperature: Sampling temperature where a request does not say.
        thinking_budget: Tokens for thinking; 0 turns it off, -1 leaves it to the model (2.5 and before).
        thinking_level: One of `LEVELS` (3 and after).
        extra: More fields of the body; those of its `generationConfig` join ours.

    Raises:
        ConfigError: Both ways to steer thinking are given, the level is none, or `extra` has a field that is ours.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None
    extra: Mapping[str, JSON] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_extra(self.extra, _OURS)
        config = self.extra.get("generationConfig", {})
        if not isinstance(config, dict):
            raise ConfigError(f"extra's generationConfig must be an object, not {config!r}")
        check_extra(config, _OUR_CONFIG)
        if self.thinking_budget is not None and self.thinking_level is not None:
            raise ConfigError("a model takes thinking_budget or thinking_level, not both")
        if self.thinking_level is not None and self.thinking_level.lower() not in LEVELS:
            raise ConfigError(f"thinking_level is one of {', '.join(LEVELS)}, not {self.thinking_level!r}")

    @property
    def settings(self) -> dict[str, JSON]:
        """What answers depend on besides the request.

        The limit of output leaves the budget of thinking its room: where a run has limits, it is sent.
        """
        budget = self.thinking_budget or 0
        room = budget + _OUTPUT if budget > 0 else None
        return {**asdict(self), "max_tokens": self.max_tokens if self.max_tokens is not None else room}

    def fields(self, request: Request) -> dict[str, JSON]:
        """The request's body.

        What varies from call to call stands behind the contents, so that the body of a growing conversation begins
        with the last one's bytes: Gemini caches prefixes by itself.
        """
        system, contents = _conversation(request.messages)
        config = self._config(request)
        return {
            **{name: value for name, value in {**self.extra, **request.fields}.items() if name != "generationConfig"},
            **({"systemInstruction": {"parts": system}} if system else {}),
            "contents": contents,
            **({"generationConfig": config} if config else {}),
        }

    def _config(self, request: Request) -> dict[str, JSON]:
        config: dict[str, JSON] = {}
        for fields in (self.extra, request.fields):
            given = fields.get("generationConfig")
            config |= given if isinstance(given, dict) else {}
        max_tokens = request.max_tokens if request.max_tokens is not None else self.max_tokens
        if max_tokens is not None:
            config["maxOutputTokens"] = max_tokens
        temperature = request.temperature if request.temperature is not None else self.temperature
        if temperature is not None:
            config["temperature"] = temperature
        if request.stop:
            given = config.get("stopSequences")
            own = given if isinstance(given, list) else []
            config["stopSequences"] = [*own, *request.stop][:_MOST_STOPS]
        if self.thinking_budget is not None:
            config["thinkingConfig"] = {"thinkingBudget": self.thinking_budget}
        if self.thinking_level is not None:
            config["thinkingConfig"] = {"thinkingLevel": self.thinking_level.upper()}
        return config


def _conversation(messages: Sequence[Message]) -> tuple[list[JSON], list[JSON]]:
    """The parts of the system instruction, and the contents: neighbours of one role are parts of one content.

    A system message that comes later is the user's: before the conversation, it would change the prefix that a cache
    holds. Empty messages are left out, since the endpoint refuses them.
    """
    system: list[JSON] = []
    contents: list[JSON] = []
    parts: list[JSON] = []
    last = ""
    for message in messages:
        if not message.content:
            continue
        part: JSON = {"text": message.content}
        if message.role == "system" and not contents:
            system.append(part)
            continue
        role = "model" if message.role == "assistant" else "user"
        if role == last:
            parts.append(part)
        else:
            parts, last = [part], role
            contents.append({"role": role, "parts": parts})
    return system, contents


@dataclass(frozen=True, slots=True)
class Read:
    """What a reply says.

    Attributes:
        text: The answer, thoughts left out.
        finish: Why it ended.
        fault: What is wrong with it, if it can't be used.
        why: That in words, to stand behind the model's name.
    """

    text: str
    finish: Finish = "stop"
    fault: Fault | None = None
    why: str = ""


def read(value: Mapping[str, Any], usage: Usage) -> Read:
    """What `value`, a GenerateContentResponse, says."""
    candidates, feedback = value.get("candidates"), value.get("promptFeedback")
    if not candidates:
        if isinstance(feedback, dict) and (reason := feedback.get("blockReason")):
            return Read(
                "", "filter", "filtered", f"the prompt was blocked ({reason}{_said(feedback, 'blockReasonMessage')})"
            )
        if not value.keys() & {"candidates", "promptFeedback", "usageMetadata"}:
            return Read("", fault="malformed", why="the reply is no GenerateContentResponse")
        return Read("", fault="empty", why="the reply is empty (it has no candidates)")
    try:
        candidate = candidates[0]
        ended = str(candidate.get("finishReason") or "no finishReason")
        parts = (candidate.get("content") or {}).get("parts") or []
        text = "".join(part["text"] for part in parts if isinstance(part.get("text"), str) and not part.get("thought"))
    except (LookupError, TypeError, AttributeError):
        return Read("", fault="malformed", why="the reply is no GenerateContentResponse")
    said = _said(candidate, "finishMessage")
    if ended in _BROKEN:
        return Read(text, fault="malformed", why=f"the reply broke off ({ended}{said})")
    if ended in _FILTERED:
        if text:
            return Read(text, "filter")
        return Read("", "filter", "filtered", f"the reply is empty (its content filter stopped it: {ended}{said})")
    finish: Finish = "length" if ended in _CUT else "stop"
    if text:
        return Read(text, finish)
    if finish == "length":
        spent = f"its {usage.output_tokens:,} output tokens"
        return Read("", "length", "thinking", f"was cut off before it answered: {spent} went into thinking")
    return Read("", fault="empty", why=f"the reply is empty ({ended}{said})")


def _said(holder: Mapping[str, Any], name: str) -> str:
    said = holder.get(name)
    return f": {said[:_SHOWN]}" if isinstance(said, str) and said else ""


def usage_of(value: Mapping[str, Any]) -> Usage | None:
    """The usage that a reply reports, or None. What only the total counts, thinking at times, is output.

    `candidatesTokenCount` is without thinking, `promptTokenCount` with what the cache gave.
    """
    reported = value.get("usageMetadata")
    if not isinstance(reported, dict) or "promptTokenCount" not in reported:
        return None
    asked = count(reported, "promptTokenCount") + count(reported, "toolUsePromptTokenCount")
    thought = count(reported, "thoughtsTokenCount")
    output = max(count(reported, "candidatesTokenCount") + thought, count(reported, "totalTokenCount") - asked)
    cached = count(reported, "cachedContentTokenCount")
    return Usage(1, asked, output, cached_tokens=min(cached, asked), reasoning_tokens=thought)


def tier_of(value: Mapping[str, Any]) -> str:
    """The service tier that a reply was served in, as price lists call it; empty where it does not say."""
    reported = value.get("usageMetadata")
    if not isinstance(reported, dict):
        return ""
    traffic = str(reported.get("trafficType", ""))  # Vertex's way
    return traffic.removeprefix("ON_DEMAND_").lower() if "_DEMAND_" in traffic else str(reported.get("serviceTier", ""))


class Chunks:
    """Puts a reply together from the chunks of its stream: each is a reply with some more parts."""

    def __init__(self) -> None:
        self._value: dict[str, Any] = {}
        self._candidate: dict[str, Any] = {}
        self._parts: list[Any] = []
        self.whole = False

    def feed(self, event: str, data: dict[str, Any]) -> None:
        """Takes one chunk; what it counts is counted from the reply's beginning."""
        known = ("promptFeedback", "usageMetadata", "modelVersion")
        self._value |= {name: data[name] for name in known if data.get(name)}
        feedback = data.get("promptFeedback")
        self.whole |= isinstance(feedback, dict) and bool(feedback.get("blockReason"))
        candidates = data.get("candidates")
        if not isinstance(candidates, list) or not candidates or not isinstance(candidates[0], dict):
            return
        self._candidate |= {name: value for name, value in candidates[0].items() if value is not None}
        content = candidates[0].get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        if isinstance(parts, list):
            self._parts += parts
        self.whole |= bool(candidates[0].get("finishReason"))

    def value(self) -> dict[str, Any] | None:
        """The reply so far; None if nothing came."""
        if not self._candidate:
            return self._value or None
        content = {"role": "model", "parts": self._parts}
        return {**self._value, "candidates": [{**self._candidate, "content": content}]}


class GenerateContent(WireClient):
    """A model behind an endpoint that speaks generateContent.

    Args:
        name: `provider/model`.
        model: The model as the price list names it.
        base_url: The endpoint.
        path: The model's resource below it.
        form: How requests are filled in.
        stream: Whether replies are streamed.
        options: As `WireClient` takes them.
    """

    def __init__(
        self, name: str, model: str, base_url: str, path: str, form: Form, stream: bool, **options: Any
    ) -> None:
        super().__init__(name, model, base_url, **options)
        method = ":streamGenerateContent" if stream else ":generateContent"
        self._url = join(base_url, quote(path, safe="/@") + method)
        if stream:
            self._url += "&alt=sse" if "?" in self._url else "?alt=sse"
        self._form = form
        self._stream = stream
        # What answers depend on besides the request; made once, for each call looks at it.
        self.settings: Mapping[str, JSON] = {"url": without_query(self._url), **form.settings}

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            LMRefusedError: The request can't succeed as it is, the key included.
            LMUnavailableError: The endpoint failed and kept failing through the retries.
            LMReplyError: The prompt is too long, or the reply is empty, blocked, all thinking or none at all.
            CallCancelled: It was cancelled in the middle of a streamed reply.
        """
        body = encode(self._form.fields(request))
        value, retries = await self._post(self._url, body, Chunks if self._stream else None, usage_of)
        usage = usage_of(value) or estimated(request, value.get("candidates"))
        cost = self._cost(usage, tier=tier_of(value))
        said = read(value, usage)
        if said.fault is not None:
            raise self._unusable(said.why, said.fault, usage, cost)
        model = value.get("modelVersion")
        return Reply(said.text, usage, cost, said.finish, model if isinstance(model, str) else self._model, retries)


class Gemini(GenerateContent):
    """A model behind the Gemini API.

    Args:
        model: The model as the endpoint names it.
        base_url: Where `/models` is, its version included; default `$GEMINI_BASE_URL`, or Google's own.
        api_key: Default `$GEMINI_API_KEY`, then `$GOOGLE_API_KEY`, for the default URL alone; an endpoint on this
            machine, or `headers` with a key, needs none.
        window: Tokens of prompt and answer together; default: what is known of the model.
        price: What it costs at worst; default: what is known of the model.
        max_tokens: The most output tokens, thinking included, where a request does not say.
        temperature: Sampling temperature where a request does not say.
        thinking_budget: Tokens for thinking; 0 turns it off, -1 leaves it to the model (2.5 and before).
        thinking_level: `minimal`, `low`, `medium`, `high` or `xhigh` (3 and after).
        stream: Whether replies are streamed: for long ones, and to know what a cancelled call has spent.
        extra: More fields of the body, such as `{"generationConfig": {"topK": 20}, "safetySettings": [...]}`.
        headers: More headers.
        policy: Time-outs and retries.

    Raises:
        MissingKeyError: There is no key, and the endpoint is not on this machine.
        ConfigError: The base URL or a header is not one, or an option can't be right.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        window: int | None = None,
        price: Price | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        thinking_budget: int | None = None,
        thinking_level: str | None = None,
        stream: bool = False,
        extra: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        policy: Policy = Policy(),  # noqa: B008 (frozen)
    ) -> None:
        model = model.removeprefix("models/")
        name, default = f"gemini/{model}", os.environ.get(URL_VARIABLE) or DEFAULT_URL
        url = base_url or default
        host, own = host_of(url), host_of(default)
        key = find_key(api_key, KEY_VARIABLES if host == own else ())
        keyed = bool(key) or any(header.lower() == "x-goog-api-key" for header in headers or {})
        check_key(keyed, name, host, KEY_VARIABLES, own)
        super().__init__(
            name,
            model,
            url,
            f"/{model}" if "/" in model else f"/models/{model}",
            Form(max_tokens, temperature, thinking_budget, thinking_level, dict(extra or {})),
            stream,
            headers={**({"x-goog-api-key": key} if key else {}), **(headers or {})},
            window=window,
            price=price,
            policy=policy,
            key_variables=KEY_VARIABLES,
            own=DEFAULT_URL,
        )

    def _hint(self, error: LMRefusedError) -> str:
        if error.status == 400 and "API key" in str(error):  # a wrong key is a 400 here
            return super()._hint(LMRefusedError("", 401))
        return super()._hint(error)
