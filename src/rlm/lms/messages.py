"""The Messages format, which Claude speaks at Anthropic and on Bedrock: what is asked, and what is made of a reply.

Formats: https://platform.claude.com/docs/en/api/messages/create and .../build-with-claude/streaming; the version of
July 2026 and after. Nothing here does input or output.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from rlm.errors import ConfigError, Fault, LMRefusedError
from rlm.lms.base import estimate_tokens, output_room
from rlm.lms.wire import check_extra, count
from rlm.types import JSON, Finish, Request, Usage

Cache: TypeAlias = Literal["5m", "1h"]
EFFORTS = ("low", "medium", "high", "xhigh", "max")

# `extra` can't set these; the limit of output is among them because budgets rest on it.
_OURS = {"model", "messages", "system", "stream", "max_tokens", "cache_control", "temperature", "tools"}
_FINISHES: dict[str, Finish] = {"max_tokens": "length", "model_context_window_exceeded": "length"}
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)")
# Output where nobody says: room for a long cell. Models that think spend most of it on thinking.
_OUTPUT, _THINKING_OUTPUT = 8192, 16_384
_LEAST_BUDGET = 1024


@dataclass(frozen=True, slots=True)
class Claude:
    """What a model of the Claude family takes, by its name; a name without a version may take anything.

    Source: https://platform.claude.com/docs/en/about-claude/models/overview and the migration guides.

    Attributes:
        ceiling: The most output tokens, thinking included; None if unknown.
        budgets: Thinking can be given a budget in tokens (up to 4.6).
        adapts: Thinking can be left to the model and its effort (from 4.6).
        thinks: It thinks unless told not to (from 5).
        samples: It takes a temperature (up to 4.6).
    """

    ceiling: int | None = None
    budgets: bool = True
    adapts: bool = True
    thinks: bool = False
    samples: bool = True

    @classmethod
    def named(cls, model: str) -> Claude:
        """What is known of `model`, as any provider spells it: `us.anthropic.claude-sonnet-4-5-20250929-v1:0`."""
        found = _VERSION.search(model)
        if not found:
            return cls()
        version = int(found[1]), int(found[2] or 0)
        if version >= (4, 6):
            ceiling = 128_000
        elif version >= (4, 5):
            ceiling = 64_000
        elif version >= (3, 7):
            ceiling = 32_000 if "opus" in model else 64_000
        else:
            ceiling = 8192 if version >= (3, 5) else 4096
        return cls(ceiling, version < (4, 7), version >= (4, 6), version >= (5, 0), version < (4, 7))


@dataclass(frozen=True, slots=True)
class Form:
    """How requests to one model are filled in.

    Attributes:
        model: The model as the endpoint names it.
        max_tokens: The most output tokens where a request does not say.
        temperature: Sampling temperature where a request does not say.
        thinking_tokens: A budget for thinking; 0 turns thinking off.
        effort: How much the model thinks and says: one of `EFFORTS`.
        cache: How long a conversation stays in the provider's cache; None keeps it out.
        extra: More fields.

    Raises:
        ConfigError: The model does not take what is asked for.
    """

    model: str
    max_tokens: int | None = None
    temperature: float | None = None
    thinking_tokens: int | None = None
    effort: str | None = None
    cache: Cache | None = "5m"
    extra: Mapping[str, JSON] = field(default_factory=dict)

    def __post_init__(self) -> None:
        knows = Claude.named(self.model)
        check_extra(self.extra, _OURS)
        if self.cache not in (None, "5m", "1h"):
            raise ConfigError(f"cache is '5m', '1h' or None, not {self.cache!r}")
        if self.effort is not None and self.effort not in EFFORTS:
            raise ConfigError(f"effort is one of {', '.join(EFFORTS)}, not {self.effort!r}")
        if self.thinking_tokens:
            if not knows.budgets:
                raise ConfigError(f"{self.model} takes no thinking_tokens: it thinks as its effort says; give `effort`")
            if self.thinking_tokens < _LEAST_BUDGET:
                raise ConfigError(f"thinking_tokens is 0 or at least {_LEAST_BUDGET:,}, not {self.thinking_tokens}")
        self._check_temperature(self.temperature)

    def fields(self, request: Request, window: int | None = None) -> dict[str, JSON]:
        """The request's body, but for `stream`.

        Where the request does not say, its limit of output is no more than the prompt leaves of the `window`, in
        tokens: models before 4.5 refuse what passes it together.

        What varies from call to call stands behind the messages, so that the body of a growing conversation begins
        with the last one's bytes.

        Raises:
            LMRefusedError: It asks for a temperature that the model does not take.
        """
        try:
            temperature = self._check_temperature(request.temperature)
        except ConfigError as error:
            raise LMRefusedError(str(error)) from error
        system, messages = self._conversation(request)
        limit = self._limit(request.max_tokens)
        if request.max_tokens is None and window is not None:
            size = sum(estimate_tokens(message.content) for message in request.messages)
            limit = min(limit, output_room(window, size))
        return {
            "model": self.model,
            **({"system": system} if system else {}),
            "messages": messages,
            "max_tokens": limit,
            **({"temperature": temperature} if temperature is not None else {}),
            **({"stop_sequences": [*request.stop]} if request.stop else {}),
            **self._thinking(limit),
            **self.extra,
            **request.fields,
        }

    @property
    def settings(self) -> dict[str, JSON]:
        """What answers depend on besides the request; the limit of output is the one that is sent."""
        return {**asdict(self), "max_tokens": self._limit(None)}

    @property
    def _told_to_think(self) -> bool:
        if self.thinking_tokens is not None:
            return self.thinking_tokens > 0
        return self.effort is not None and Claude.named(self.model).adapts

    def _conversation(self, request: Request) -> tuple[list[JSON], list[JSON]]:
        """The system prompt's blocks and the messages, with the breakpoints of the cache.

        A breakpoint ends the system prompt, for children and later runs; another ends the last message. The entry
        that it writes is found by the next request, whose own last breakpoint looks back over 20 blocks, of which
        the next turn takes two. A lone prompt has none: to write it costs a quarter more, and nobody reads it.
        https://platform.claude.com/docs/en/build-with-claude/prompt-caching
        """
        system, turns = conversation(request, lambda text: {"type": "text", "text": text})
        if self.cache is not None and (system or len(turns) > 1):
            mark: dict[str, JSON] = {"type": "ephemeral", **({"ttl": "1h"} if self.cache == "1h" else {})}
            for blocks in (system, turns[-1][1] if turns else None):
                if blocks:
                    blocks[-1]["cache_control"] = mark
        return [*system], [{"role": role, "content": [*blocks]} for role, blocks in turns]

    def _limit(self, asked: int | None) -> int:
        knows = Claude.named(self.model)
        limit = asked if asked is not None else self.max_tokens
        if limit is None:
            thinks = self._told_to_think or (knows.thinks and self.thinking_tokens is None)
            limit = _OUTPUT + (self.thinking_tokens or (_THINKING_OUTPUT - _OUTPUT if thinks else 0))
        return limit if knows.ceiling is None else min(limit, knows.ceiling)

    def _thinking(self, limit: int) -> dict[str, JSON]:
        """The fields that steer thinking.

        A budget has to stay below the limit of output, which is money and comes first: a quarter of it, at most
        the usual output, is kept for the answer, and where that leaves less than the least budget, the model does not
        think.
        """
        fields: dict[str, JSON] = {}
        if self.thinking_tokens is not None:
            budget = min(self.thinking_tokens, limit - min(max(limit // 4, 1), _OUTPUT))
            if budget >= _LEAST_BUDGET:
                fields["thinking"] = {"type": "enabled", "budget_tokens": budget}
            else:
                fields["thinking"] = {"type": "disabled"}
        elif self._told_to_think:
            fields["thinking"] = {"type": "adaptive"}
        if self.effort is not None:
            fields["output_config"] = {"effort": self.effort}
        return fields

    def _check_temperature(self, asked: float | None) -> float | None:
        """The temperature to send: 1 is every model's own, and those that take no other refuse to be told."""
        temperature = asked if asked is not None else self.temperature
        if temperature is None or temperature == 1:
            return None
        if not Claude.named(self.model).samples:
            raise ConfigError(f"{self.model} takes no temperature: leave it out")
        if self._told_to_think:
            raise ConfigError(f"{self.model} takes no temperature while it thinks: leave out one of the two")
        return temperature


def conversation(
    request: Request, block: Callable[[str], dict[str, JSON]]
) -> tuple[list[dict[str, JSON]], list[tuple[str, list[dict[str, JSON]]]]]:
    """The system prompt's blocks, and the messages as (role, blocks), neighbours of one role in one.

    Blank texts are left out, because endpoints refuse them. `block` makes a block of a text.
    """
    system: list[dict[str, JSON]] = []
    turns: list[tuple[str, list[dict[str, JSON]]]] = []
    for message in request.messages:
        if not message.content.strip():
            continue
        if message.role == "system":
            system.append(block(message.content))
        elif turns and turns[-1][0] == message.role:
            turns[-1][1].append(block(message.content))
        else:
            turns.append((message.role, [block(message.content)]))
    return system, turns


@dataclass(frozen=True, slots=True)
class Read:
    """What a reply says.

    Attributes:
        text: The answer, thinking left out.
        finish: Why it ended.
        fault: What is wrong with it, if it can't be used.
        why: That in words, to stand behind the model's name.
    """

    text: str
    finish: Finish = "stop"
    fault: Fault | None = None
    why: str = ""


def read(value: Mapping[str, Any], usage: Usage) -> Read:
    """What `value`, a message of the Messages API, says."""
    content = value.get("content")
    if not isinstance(content, list):
        return Read("", fault="malformed", why="the reply is not a message")
    blocks = [block for block in content if isinstance(block, dict)]
    texts = [block.get("text") for block in blocks if block.get("type") == "text"]
    text = "".join(piece for piece in texts if isinstance(piece, str))
    ended = value.get("stop_reason")
    finish = _FINISHES.get(str(ended), "stop")
    if ended == "refusal":
        return Read(text, fault="refused", why=f"refused{_refusal(value.get('stop_details'))}")
    if ended == "pause_turn":
        return Read(
            text, fault="malformed", why="paused its turn for a tool of the server's, which is not gone on with"
        )
    if text.strip():
        return Read(text, finish)
    if ended == "model_context_window_exceeded":
        return Read("", fault="too_long", why="the prompt left no room for an answer in the window")
    if finish == "length":
        said = f"its {usage.output_tokens:,} output tokens"
        return Read("", "length", fault="thinking", why=f"was cut off before it answered: {said} went into thinking")
    return Read("", fault="empty", why=f"the reply is empty (stop_reason {ended!r})")


def _refusal(details: object) -> str:
    if not isinstance(details, dict):
        return ""
    said = [str(details[name]) for name in ("category", "explanation") if details.get(name)]
    return f": {': '.join(said)}" if said else ""


def usage_of(value: Mapping[str, Any]) -> Usage | None:
    """The usage that a message reports, or None.

    `input_tokens` on the wire is what was neither read from the cache nor written to it; here it is all of them.
    """
    reported = value.get("usage")
    if not isinstance(reported, dict) or "input_tokens" not in reported:
        return None
    cached, written = count(reported, "cache_read_input_tokens"), count(reported, "cache_creation_input_tokens")
    asked, output = count(reported, "input_tokens") + cached + written, count(reported, "output_tokens")
    if not asked and not output:  # zeros in place of nothing: no prompt has no tokens
        return None
    return Usage(
        calls=1,
        input_tokens=asked,
        output_tokens=output,
        cached_tokens=cached,
        reasoning_tokens=min(count(reported.get("output_tokens_details"), "thinking_tokens"), output),
        cache_write_tokens=written,
    )


class Assembler:
    """Puts a message together from the events of its stream."""

    def __init__(self) -> None:
        self._message: dict[str, Any] | None = None
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[int, list[str]] = {}
        self.whole = False

    def feed(self, event: str, data: dict[str, Any]) -> None:
        """Takes the next event; one of an unknown kind or shape is passed over, as the API's versioning asks."""
        kind, index = data.get("type") or event, count(data, "index")
        if kind == "message_start":
            self._message = _object(data, "message")
        elif kind == "content_block_start":
            self._blocks[index] = _object(data, "content_block")
        elif kind == "content_block_delta":
            delta = _object(data, "delta")
            if isinstance(text := delta.get("text", delta.get("thinking")), str):
                self._pieces.setdefault(index, []).append(text)
        elif kind == "message_delta" and self._message is not None:
            said = {name: given for name, given in _object(data, "usage").items() if given is not None}
            usage = {**_object(self._message, "usage"), **said}
            self._message = {**self._message, **_object(data, "delta"), "usage": usage}
        elif kind == "message_stop":
            self.whole = True

    def value(self) -> dict[str, Any] | None:
        """The message so far; None before it began.

        Its output tokens are at least about what came: the API counts them only at the end.
        """
        if self._message is None:
            return None
        content, came = [], 0
        for index, block in sorted(self._blocks.items()):
            name = "thinking" if block.get("type") == "thinking" else "text"
            if index in self._pieces:
                text = "".join(self._pieces[index])
                block = {**block, name: text}
                came += estimate_tokens(text)
            content.append(block)
        usage = _object(self._message, "usage")
        if usage and not self.whole:
            usage["output_tokens"] = max(count(usage, "output_tokens"), came)
        return {**self._message, "content": content, "usage": usage}


def _object(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    return dict(value) if isinstance(value, dict) else {}
