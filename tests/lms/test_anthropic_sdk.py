"""The wire, proved against the vendor's own client: both ask the same server the same, and read the same."""

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from lms.fakes.anthropic import FakeAnthropic, Say, refuse
from rlm.errors import LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms.anthropic import Anthropic
from rlm.lms.http import Policy
from rlm.lms.scripted_server import Answer, ScriptedServer
from rlm.types import Message, Request

MODEL = "claude-haiku-4-5"
MESSAGES = (
    Message("system", "Be brief. " * 300),
    Message("user", 'Grüße, 世界 🎉 \x00 "quoted"\n'),
    Message("assistant", "```repl\nprint(1)\n```"),
    Message("user", "1"),
)
MARK = {"cache_control": {"type": "ephemeral"}}


def serve(say: Say | Answer | Callable[[dict[str, Any]], Say | Answer]) -> ScriptedServer:
    return ScriptedServer(FakeAnthropic(say if callable(say) else lambda asked: say), chat_only=False)


def sdk(server: ScriptedServer, retries: int = 0) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), api_key="sk-ant-test", max_retries=retries)


def ours(server: ScriptedServer, model: str = MODEL, attempts: int = 1, **options: Any) -> Anthropic:
    url = server.url.removesuffix("/v1")
    return Anthropic(model, base_url=url, api_key="sk-ant-test", policy=Policy(attempts, backoff=0.01), **options)


def text(content: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": content, **more}


def as_sent(messages: tuple[Message, ...] = MESSAGES) -> dict[str, Any]:
    """As the vendor's client takes them, the breakpoints where this one sets them."""
    system, *turns = messages
    made: list[dict[str, Any]] = [{"role": turn.role, "content": [text(turn.content)]} for turn in turns]
    made[-1]["content"][0] |= MARK
    return {"model": MODEL, "system": [text(system.content, **MARK)], "messages": made}


@pytest.mark.parametrize(
    ("model", "fields", "options", "max_tokens"),
    [
        (MODEL, {"max_tokens": 8192}, {}, None),
        (MODEL, {"max_tokens": 64}, {}, 64),
        (MODEL, {"max_tokens": 64_000, "stream": True}, {}, 100_000),
        (MODEL, {"max_tokens": 64, "extra_body": {"temperature": 0.0}}, {"temperature": 0.0}, 64),
        (
            MODEL,
            {"max_tokens": 12_192, "thinking": {"type": "enabled", "budget_tokens": 4000}},
            {"thinking_tokens": 4000},
            None,
        ),
        (
            "claude-opus-5",
            {"max_tokens": 16_384, "thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            {"effort": "low"},
            None,
        ),
        (MODEL, {"max_tokens": 9, "stop_sequences": ["###"]}, {"extra": {"stop_sequences": ["###"]}}, 9),
    ],
)
def test_both_send_the_same(model: str, fields: dict[str, Any], options: dict[str, Any], max_tokens: int) -> None:
    version = {"anthropic-version": "2023-06-01"} if model == MODEL else {}
    with serve(Say("fine")) as server:
        with sdk(server) as client:
            client.messages.create(**{**as_sent(), "model": model}, **fields, extra_headers=version)
        asyncio.run(ours(server, model, **options).complete(Request(MESSAGES, max_tokens)))
    theirs, own = server.requests
    assert own.value == theirs.value
    assert own.path == theirs.path
    for name in ("anthropic-version", "content-type"):
        assert own.headers[name] == theirs.headers[name]
    assert (own.headers["x-api-key"], theirs.headers["authorization"]) == ("sk-ant-test", "Bearer sk-ant-test")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "say",
    [
        Say("A reply.\n"),
        Say("Grüße, 世界 🎉", stop="max_tokens"),
        Say("4", thinking="two and two are four", stop="stop_sequence"),
        Say("So far", stop="model_context_window_exceeded"),
    ],
)
def test_both_read_the_same(say: Say, streamed: bool) -> None:
    with serve(say) as server:
        with sdk(server) as client:
            asked = {**as_sent(), "max_tokens": 8192}
            if streamed:
                with client.messages.stream(**asked) as events:
                    theirs = events.get_final_message()
            else:
                theirs = client.messages.create(**asked)
        own = asyncio.run(ours(server, stream=streamed).complete(Request(MESSAGES)))
    assert own.text == "".join(block.text for block in theirs.content if block.type == "text")
    assert own.finish == ("stop" if theirs.stop_reason in ("end_turn", "stop_sequence") else "length")
    assert own.model == theirs.model
    details = theirs.usage.output_tokens_details
    assert own.usage.reasoning_tokens == (details.thinking_tokens if details else 0)
    assert own.usage.output_tokens == theirs.usage.output_tokens
    # The first of the two wrote the cache, which the second read: together they are the same input.
    written = theirs.usage.cache_creation_input_tokens or 0
    assert written == own.usage.cached_tokens > 500
    assert own.usage.input_tokens == theirs.usage.input_tokens + written


@pytest.mark.parametrize(
    ("status", "kind", "theirs", "own"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError, LMRefusedError),
        (401, "authentication_error", anthropic.AuthenticationError, LMRefusedError),
        (402, "billing_error", anthropic.APIStatusError, LMRefusedError),
        (403, "permission_error", anthropic.PermissionDeniedError, LMRefusedError),
        (404, "not_found_error", anthropic.NotFoundError, LMRefusedError),
        (413, "request_too_large", anthropic.APIStatusError, LMReplyError),
        (429, "rate_limit_error", anthropic.RateLimitError, LMUnavailableError),
        (500, "api_error", anthropic.InternalServerError, LMUnavailableError),
        (504, "timeout_error", anthropic.APIStatusError, LMUnavailableError),
        (529, "overloaded_error", anthropic.APIStatusError, LMUnavailableError),
    ],
)
def test_both_fail_alike(status: int, kind: str, theirs: type[anthropic.APIStatusError], own: type[Exception]) -> None:
    with serve(refuse(status, kind, "no good")) as server:
        with sdk(server) as client, pytest.raises(theirs, match="no good") as told:
            client.messages.create(**as_sent(), max_tokens=9)
        with pytest.raises(own, match=f"{status}: no good"):
            asyncio.run(ours(server).complete(Request(MESSAGES)))
    assert (told.value.type, told.value.request_id) == (kind, "req_fake")


def test_a_prompt_that_is_too_long_is_refused_to_both() -> None:
    fake = FakeAnthropic(lambda asked: Say(), window=100)
    with ScriptedServer(fake, chat_only=False) as server:
        with sdk(server) as client, pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
            client.messages.create(**as_sent(), max_tokens=9)
        with pytest.raises(LMReplyError, match="too long") as told:
            asyncio.run(ours(server, "claude-too-long").complete(Request(MESSAGES)))
    assert (told.value.fault, told.value.usage) == ("too_long", None)


@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limit_error"), (529, "overloaded_error"), (500, "api_error")])
def test_both_try_again_after_the_same_wait(status: int, kind: str) -> None:
    with serve(refuse(status, kind, "busy", retry_after_ms="1")) as server:
        with sdk(server, retries=1) as client, pytest.raises(anthropic.APIStatusError):
            client.messages.create(**as_sent(), max_tokens=9)
        with pytest.raises(LMUnavailableError, match="sent 2 times"):
            asyncio.run(ours(server, attempts=2).complete(Request(MESSAGES)))
        assert len(server.requests) == 4


def test_a_stream_that_turns_into_an_error_fails_both_and_is_tried_again() -> None:
    says = iter([Say("half", error=("overloaded_error", "Overloaded"))] * 2 + [Say("half", breaks=True), Say("whole")])
    with serve(lambda asked: next(says)) as server:
        with sdk(server) as client, pytest.raises(anthropic.APIStatusError, match="Overloaded"):  # noqa: SIM117
            with client.messages.stream(**as_sent(), max_tokens=9) as events:
                events.get_final_message()
        reply = asyncio.run(ours(server, attempts=3, stream=True).complete(Request(MESSAGES)))
    assert (reply.text, reply.retries) == ("whole", 2)
