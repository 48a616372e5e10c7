"""Anthropic's Messages endpoint, as far as clients of text depend on it: its checks, its cache, its stream.

The cache works as documented (https://platform.claude.com/docs/en/build-with-claude/prompt-caching): an entry for each
breakpoint, found by a later one that looks back over 20 blocks. A token is four characters.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from rlm.lms.scripted_server import Answer, Received

LOOK_BACK = 20
BREAKPOINTS = 4
RATE_HEADERS = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2026-11-21T12:00:01Z",
    "request-id": "req_fake",
}


@dataclass(frozen=True)
class Say:
    """A reply: its text, its thinking, and why it ended."""

    text: str = "ok"
    thinking: str = ""
    stop: str = "end_turn"
    details: dict[str, Any] | None = None
    breaks: bool = False  # the stream ends before the message does
    error: tuple[str, str] | None = None  # the stream turns into this error: type and message


def refuse(status: int, kind: str, message: str, **headers: str) -> Answer:
    """An error, as the API sends it."""
    body = {"type": "error", "error": {"type": kind, "message": message, "details": None}, "request_id": "req_fake"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=json.dumps(body), headers={**RATE_HEADERS, **named})


@dataclass
class FakeAnthropic:
    """Answers requests: what `say` gives for a body is made a message, or sent as it is where it is an `Answer`."""

    say: Callable[[dict[str, Any]], Say | Answer]
    key: str = "sk-ant-test"
    least: int = 512  # tokens of the shortest prefix that is cached
    window: int = 1_000_000
    entries: set[str] = field(default_factory=set)
    usages: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, received: Received) -> Answer:
        path = received.path.partition("?")[0]
        asked = received.value
        if path.startswith("/model/") and path.endswith("/invoke"):
            asked = {"model": path.split("/")[2], **asked}
        elif path != "/v1/messages":
            return refuse(404, "not_found_error", f"no such path: {path}")
        elif received.headers.get("x-api-key") != self.key and received.headers.get("authorization") != (
            f"Bearer {self.key}"
        ):
            return refuse(401, "authentication_error", "invalid x-api-key")
        version = asked.get("anthropic_version") or received.headers.get("anthropic-version", "")
        if wrong := _wrong(asked, version):
            return refuse(400, "invalid_request_error", wrong)
        size = sum(_tokens(block) for block in _blocks(asked))
        if size > self.window:
            return refuse(400, "invalid_request_error", f"prompt is too long: {size} tokens > {self.window} maximum")
        said = self.say(asked)
        if isinstance(said, Answer):
            return said
        usage = self._usage(asked, said)
        self.usages.append(usage)
        message = _message(asked, said, usage)
        if asked.get("stream"):
            events = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in _events(message, said))
            return Answer(body=events, headers={**RATE_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"})
        return Answer(body=json.dumps(message), headers=RATE_HEADERS)

    def _usage(self, asked: dict[str, Any], said: Say) -> dict[str, Any]:
        """What is read from the cache, written to it, and neither; and the output."""
        blocks = _blocks(asked)
        prefixes, sizes, hashed, size = [], [], "", 0
        for block in blocks:
            bare = {name: value for name, value in block.items() if name != "cache_control"}
            hashed += json.dumps(bare, sort_keys=True)
            size += _tokens(block)
            prefixes.append(asked["model"] + hashed)
            sizes.append(size)
        marked = [
            index for index, block in enumerate(blocks) if "cache_control" in block and sizes[index] >= self.least
        ]
        found = -1
        for index in marked:
            for back in range(index, max(-1, index - LOOK_BACK), -1):
                if prefixes[back] in self.entries:
                    found = max(found, back)
                    break
        self.entries |= {prefixes[index] for index in marked}
        read = sizes[found] if found >= 0 else 0
        written = max(0, (sizes[marked[-1]] if marked else 0) - read)
        hour = any(block.get("cache_control", {}).get("ttl") == "1h" for block in blocks)
        thought = len(said.thinking) // 4
        return {
            "input_tokens": size - read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0 if hour else written,
                "ephemeral_1h_input_tokens": written if hour else 0,
            },
            "output_tokens": thought + len(said.text) // 4 + 1,
            "output_tokens_details": {"thinking_tokens": thought},
            "service_tier": "standard",
        }


def _blocks(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The system's blocks and then the messages'."""
    system = asked.get("system") or []
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else list(system)
    for message in asked["messages"]:
        content = message["content"]
        blocks += [{"type": "text", "text": content}] if isinstance(content, str) else content
    return blocks


def _tokens(block: dict[str, Any]) -> int:
    return len(block["text"]) // 4 + 1


def _wrong(asked: dict[str, Any], version: str) -> str:
    """What the API would refuse a request for."""
    if version not in ("2023-06-01", "2026-10-21", "bedrock-2023-05-31"):
        return f"anthropic-version: {version!r} is not a valid version"
    if not isinstance(asked.get("max_tokens"), int):
        return "max_tokens: Field required"
    limit, messages = asked["max_tokens"], asked.get("messages")
    if not messages:
        return "messages: at least one message is required"
    if messages[0]["role"] != "user" or messages[-1]["role"] != "user":
        return 'messages: the first and the last message must use the "user" role'
    if any(one["role"] == two["role"] for one, two in pairwise(messages)):
        return 'messages: roles must alternate between "user" and "assistant"'
    blocks = _blocks(asked)
    if any(not block["text"].strip() for block in blocks):
        return "messages: text content blocks must contain non-whitespace text"
    if (marks := sum("cache_control" in block for block in blocks)) > BREAKPOINTS:
        return f"A maximum of 4 blocks with cache_control may be provided. Found {marks}."
    newer = not any(old in asked["model"] for old in ("-3-", "-4-0", "-4-1", "-4-5", "-4-6"))
    if "temperature" in asked and (newer or version == "2026-10-21"):
        return "temperature: Extra inputs are not permitted"
    thinking = asked.get("thinking") or {"type": "disabled"}
    if thinking["type"] == "enabled":
        if newer:
            return '"thinking.type.enabled" is not supported for this model.'
        if not 1024 <= thinking["budget_tokens"] < limit:
            return "`max_tokens` must be greater than `thinking.budget_tokens`, and that at least 1024"
    if thinking["type"] != "disabled" and "temperature" in asked:
        return "`temperature` may only be set to 1 when thinking is enabled"
    if limit > 128_000 or ("-4-5" in asked["model"] and limit > 64_000):
        return f"max_tokens: {limit} is more than the maximum allowed number of output tokens for {asked['model']}"
    return ""


def _message(asked: dict[str, Any], said: Say, usage: dict[str, Any]) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if said.thinking:
        content.append({"type": "thinking", "thinking": said.thinking, "signature": "c2ln"})
    if said.text:
        content.append({"type": "text", "text": said.text})
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": content,
        "stop_reason": said.stop,
        "stop_sequence": None,
        "stop_details": said.details,
        "usage": usage,
    }


def _events(message: dict[str, Any], said: Say) -> list[dict[str, Any]]:
    """The message as the events of a stream."""
    usage = message["usage"]
    begun = {**message, "content": [], "stop_reason": None, "stop_details": None}
    begun["usage"] = {name: value for name, value in usage.items() if name != "output_tokens_details"}
    begun["usage"]["output_tokens"] = 1
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    for index, block in enumerate(message["content"]):
        name = block["type"]  # `text` and `thinking` hold their text under their own name
        bare = {**block, name: ""} if name == "text" else {"type": name, "thinking": "", "signature": ""}
        events.append({"type": "content_block_start", "index": index, "content_block": bare})
        text = block[name]
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            delta = {"type": f"{name}_delta", name: piece}
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        if name == "thinking":
            delta = {"type": "signature_delta", "signature": block["signature"]}
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        if said.breaks:
            return events
        events.append({"type": "content_block_stop", "index": index})
    if said.error:
        return [*events, {"type": "error", "error": {"type": said.error[0], "message": said.error[1]}}]
    delta = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    counted = {name: usage[name] for name in ("output_tokens", "output_tokens_details", "cache_read_input_tokens")}
    return [*events, {"type": "message_delta", "delta": delta, "usage": counted}, {"type": "message_stop"}]
