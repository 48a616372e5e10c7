"""What OpenAI's endpoints answer, as far as clients of text depend on it: chat completions, Responses, and models.

It refuses what OpenAI refuses: fields that it does not know, a temperature of a reasoning model's, `max_tokens` of one,
chat completions with a model that only Responses serves. A token is four characters. Prompts are cached as documented:
the longest prefix that came before, from 1,024 tokens on, in steps of 128.
https://platform.openai.com/docs/guides/prompt-caching
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rlm.lms.scripted_server import Answer, Fault, Received, ScriptedServer

RATE_HEADERS = {
    "x-request-id": "req_fake",
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-reset-requests": "120ms",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-tokens": "29900",
    "x-ratelimit-reset-tokens": "6ms",
}
SSE = {**RATE_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"}
_CHAT = {
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "reasoning_effort",
    "stream",
    "seed",
}
_RESPONSES = {"model", "input", "instructions", "store", "max_output_tokens", "temperature", "reasoning", "stream"}
_PATH = re.compile(
    r"(?:/openai/deployments/(?P<deployment>[^/?]+)|/openai/v1|/v1)/(?P<what>chat/completions|responses|models)"
)


@dataclass(frozen=True)
class Say:
    """A reply: its text, its hidden reasoning, why it ended (in chat's word), and what becomes of its stream."""

    text: str | None = "ok"
    reasoning: str = ""
    finish: str = "stop"
    refusal: str | None = None
    breaks: bool = False  # the stream ends before the reply does
    fails: tuple[str, str] | None = None  # the stream turns into this error: code and message
    fault: Fault | None = None


def refuse(status: int, message: str, code: str | None = None, param: str | None = None, **headers: str) -> Answer:
    """An error, as the API sends it."""
    kind = {429: "requests", 500: "server_error", 503: "server_error"}.get(status, "invalid_request_error")
    error = {"message": message, "type": kind, "param": param, "code": code}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=json.dumps({"error": error}), headers={**RATE_HEADERS, **named})


def events(*values: dict[str, Any], named: bool = False, end: bool = True) -> str:
    """Values as server-sent events; `named` as Responses has them, `end` with chat's last line."""
    names = (f"event: {value['type']}\n" if named else "" for value in values)
    lines = [f"{name}data: {json.dumps(value)}\n\n" for name, value in zip(names, values, strict=True)]
    return "".join(lines) + ("data: [DONE]\n\n" if end and not named else "")


@dataclass
class FakeOpenAI:
    """Answers requests: what `say` gives for a body is made a reply, or sent as it is where it is an `Answer`."""

    say: Callable[[dict[str, Any]], Say | Answer]
    key: str = "sk-test"
    key_header: str = "authorization"
    window: int = 100_000
    models: tuple[str, ...] = ("gpt-test",)
    prompts: list[str] = field(default_factory=list)
    usages: list[dict[str, Any]] = field(default_factory=list)

    def serve(self) -> ScriptedServer:
        """A server that answers so."""
        return ScriptedServer(self, chat_only=False)

    def __call__(self, received: Received) -> Answer:
        path = _PATH.fullmatch(received.path.partition("?")[0])
        if path is None:
            return refuse(404, f"Invalid URL (POST {received.path})")
        if received.headers.get(self.key_header, "").removeprefix("Bearer ") != self.key:
            return refuse(401, f"Incorrect API key provided: {self.key}.", "invalid_api_key")
        if path["what"] == "models":
            listed = [{"id": name, "object": "model", "created": 1, "owned_by": "openai"} for name in self.models]
            return Answer(body=json.dumps({"object": "list", "data": listed}), headers=RATE_HEADERS)
        asked = received.value
        chat = path["what"] == "chat/completions"
        if wrong := _wrong(asked, chat):
            return wrong
        prompt = json.dumps(asked["messages"] if chat else [asked.get("instructions"), asked["input"]])
        if len(prompt) // 4 > self.window:
            return refuse(
                400,
                f"This model's maximum context length is {self.window} tokens. However, your messages resulted in "
                f"{len(prompt) // 4} tokens. Please reduce the length of the messages.",
                "context_length_exceeded",
                "messages",
            )
        said = self.say(asked)
        if isinstance(said, Answer):
            return said
        counts = self._counts(prompt, said)
        usage = _chat_usage(*counts) if chat else _responses_usage(*counts)
        self.usages.append(usage)
        value = _completion(asked, said, usage) if chat else _response(asked, said, usage)
        if not asked.get("stream"):
            return Answer(body=json.dumps(value), headers=RATE_HEADERS, fault=said.fault)
        body = _chat_stream(asked, value, said) if chat else _responses_stream(value, said)
        return Answer(body=body, headers=SSE, fault=said.fault)

    def _counts(self, prompt: str, said: Say) -> tuple[int, int, int, int]:
        """Tokens of the prompt, of it cached, of the output, of it reasoning."""
        shared = max((_shared(prompt, other) for other in self.prompts), default=0) // 4
        self.prompts.append(prompt)
        thought = len(said.reasoning) // 4
        spoken = len(said.text or said.refusal or "") // 4 + 1
        return len(prompt) // 4, shared // 128 * 128 if shared >= 1024 else 0, thought + spoken, thought


def _shared(one: str, other: str) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _wrong(asked: dict[str, Any], chat: bool) -> Answer | None:
    """What the API would refuse a request for."""
    model = asked["model"]
    known = _CHAT | {"stream_options"} if chat else _RESPONSES
    if unknown := sorted(asked.keys() - known):
        return refuse(400, f"Unknown parameter: '{unknown[0]}'.", "unknown_parameter", unknown[0])
    if chat and "-pro" in model:
        return refuse(404, "This model is only supported in v1/responses and not in v1/chat/completions.")
    if not asked["messages" if chat else "input"]:
        return refuse(400, "Invalid 'messages': empty array.", "empty_array", "messages")
    if asked.get("stream_options") and not asked.get("stream"):
        return refuse(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    if "gpt-5" not in model:
        return None
    if asked.get("temperature", 1) != 1:
        said = f"does not support {asked['temperature']} with this model. Only the default (1) value is supported."
        if not chat:
            said = "is not supported with this model."
        return refuse(400, f"Unsupported value: 'temperature' {said}", "unsupported_value", "temperature")
    if "max_tokens" in asked:
        said = "is not supported with this model. Use 'max_completion_tokens' instead."
        return refuse(400, f"Unsupported parameter: 'max_tokens' {said}", "unsupported_parameter", "max_tokens")
    return None


def _chat_usage(asked: int, cached: int, output: int, thought: int) -> dict[str, Any]:
    return {
        "prompt_tokens": asked,
        "completion_tokens": output,
        "total_tokens": asked + output,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": thought,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _responses_usage(asked: int, cached: int, output: int, thought: int) -> dict[str, Any]:
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": asked + output,
    }


def _completion(asked: dict[str, Any], said: Say, usage: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": said.refusal, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1700000000,
        "model": asked["model"] + "-2026-01-01",
        "choices": [choice],
        "usage": usage,
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }


def _chat_stream(asked: dict[str, Any], value: dict[str, Any], said: Say) -> str:
    counted = bool((asked.get("stream_options") or {}).get("include_usage"))
    head = {name: value[name] for name in ("id", "created", "model", "service_tier", "system_fingerprint")}
    head["object"] = "chat.completion.chunk"

    def chunk(delta: dict[str, Any], ended: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": ended}
        return {**head, "choices": [choice], **({"usage": None} if counted else {})}

    chunks = [chunk({"role": "assistant", "content": "", "refusal": None})]
    name = "refusal" if said.refusal else "content"
    chunks += [chunk({name: piece}) for piece in _pieces(said.refusal or said.text or "")]
    if said.breaks:
        return events(*chunks, end=False)
    if said.fails:
        error = {"message": said.fails[1], "type": said.fails[0], "param": None, "code": said.fails[0]}
        return events(*chunks, {"error": error}, end=False)
    chunks.append(chunk({}, said.finish))
    if counted:
        chunks.append({**head, "choices": [], "usage": value["usage"]})
    return events(*chunks)


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + 3] for at in range(0, len(text), 3))


def _response(asked: dict[str, Any], said: Say, usage: dict[str, Any]) -> dict[str, Any]:
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(said.finish)
    output: list[dict[str, Any]] = []
    if said.reasoning:
        output.append({"id": "rs_fake", "type": "reasoning", "summary": []})
    status = "incomplete" if reason else "completed"
    if said.refusal or said.text is not None:
        part: dict[str, Any] = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
        if said.refusal:
            part = {"type": "refusal", "refusal": said.refusal}
        output.append({"id": "msg_fake", "type": "message", "status": status, "role": "assistant", "content": [part]})
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": 1700000000,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "model": asked["model"] + "-2026-01-01",
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None, **(asked.get("reasoning") or {})},
        "service_tier": "default",
        "store": asked.get("store", True),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "metadata": {},
    }


def _responses_stream(value: dict[str, Any], said: Say) -> str:
    begun = {**value, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    found: list[dict[str, Any]] = [
        {"type": f"response.{kind}", "response": begun} for kind in ("created", "in_progress")
    ]
    for index, item in enumerate(value["output"]):
        found.append({"type": "response.output_item.added", "output_index": index, "item": {**item, "content": []}})
        for part in item.get("content", ()):
            name = "text" if part["type"] == "output_text" else "refusal"
            at = {"output_index": index, "content_index": 0, "item_id": item["id"]}
            found.append({"type": "response.content_part.added", **at, "part": {**part, name: ""}})
            kind = f"response.{part['type']}"
            found += [{"type": f"{kind}.delta", **at, "delta": piece} for piece in _pieces(part[name])]
            if not (said.breaks or said.fails):
                found += [
                    {"type": f"{kind}.done", **at, name: part[name]},
                    {"type": "response.content_part.done", **at, "part": part},
                    {"type": "response.output_item.done", "output_index": index, "item": item},
                ]
    if said.fails:
        failed = {**begun, "status": "failed", "error": {"code": said.fails[0], "message": said.fails[1]}}
        found.append({"type": "response.failed", "response": failed})
    elif not said.breaks:
        found.append({"type": f"response.{value['status']}", "response": value})
    return events(*({**one, "sequence_number": at} for at, one in enumerate(found)), named=True)
