"""The wire, proved against the vendor's own client: both ask the same server the same, and read the same."""

import asyncio
from typing import Any

import openai
import pytest

from rlm.errors import LMRefusedError, LMUnavailableError
from rlm.lms.http import Policy
from rlm.lms.openai import OpenAI
from rlm.lms.scripted_server import Answer, ScriptedServer
from rlm.types import Message, Request

MESSAGES = (
    Message("system", "Be brief."),
    Message("user", 'Grüße, 世界 🎉 \x00 "quoted"\n'),
    Message("assistant", "```repl\nprint(1)\n```"),
    Message("user", "1"),
)
USAGE = {
    "prompt_tokens": 30,
    "completion_tokens": 20,
    "total_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 12, "audio_tokens": 0},
}


def sdk(server: ScriptedServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.url, api_key="sk-test", max_retries=0)


def ours(server: ScriptedServer, **options: Any) -> OpenAI:
    return OpenAI("gpt-test", base_url=server.url, api_key="sk-test", policy=Policy(attempts=1), **options)


def as_sent(messages: tuple[Message, ...]) -> Any:
    return [{"role": message.role, "content": message.content} for message in messages]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"max_tokens": 64},
        {"max_completion_tokens": 64, "temperature": 0.0},
        {"temperature": 1.0, "reasoning_effort": "low", "seed": 3, "stop": ["###"]},
    ],
)
def test_both_send_the_same(fields: dict[str, Any]) -> None:
    with (
        ScriptedServer(lambda request: Answer("fine")) as server,
        sdk(server) as client,
    ):
        client.chat.completions.create(model="gpt-test", messages=as_sent(MESSAGES), **fields)
        named = {"max_tokens", "max_completion_tokens", "temperature"}
        extra = {name: value for name, value in fields.items() if name not in named}
        limit = "max_completion_tokens" if "max_completion_tokens" in fields else "max_tokens"
        request = Request(MESSAGES, fields.get(limit), fields.get("temperature"))
        asyncio.run(ours(server, extra=extra, max_tokens_field=limit).complete(request))
    theirs, own = server.requests
    assert own.value == theirs.value
    assert own.path == theirs.path
    for name in ("authorization", "content-type"):
        assert own.headers[name] == theirs.headers[name]


@pytest.mark.parametrize(
    "answer",
    [
        Answer("A reply.\n", usage=USAGE),
        Answer("Grüße, 世界 🎉", finish="length"),
        Answer("cut", finish="content_filter", usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}),
    ],
)
def test_both_read_the_same(answer: Answer) -> None:
    with (
        ScriptedServer(lambda request: answer) as server,
        sdk(server) as client,
    ):
        theirs = client.chat.completions.create(model="gpt-test", messages=as_sent(MESSAGES))
        own = asyncio.run(ours(server).complete(Request(MESSAGES)))
    choice, usage = theirs.choices[0], theirs.usage
    assert own.text == choice.message.content
    assert own.finish == {"content_filter": "filter"}.get(choice.finish_reason, choice.finish_reason)
    assert own.model == theirs.model
    assert usage is not None
    assert (own.usage.input_tokens, own.usage.output_tokens) == (usage.prompt_tokens, usage.completion_tokens)
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0
    reasoning = usage.completion_tokens_details.reasoning_tokens if usage.completion_tokens_details else 0
    assert (own.usage.cached_tokens, own.usage.reasoning_tokens) == (cached, reasoning)


@pytest.mark.parametrize(
    ("status", "theirs", "own"),
    [
        (400, openai.BadRequestError, LMRefusedError),
        (401, openai.AuthenticationError, LMRefusedError),
        (404, openai.NotFoundError, LMRefusedError),
        (422, openai.UnprocessableEntityError, LMRefusedError),
        (429, openai.RateLimitError, LMUnavailableError),
        (500, openai.InternalServerError, LMUnavailableError),
        (529, openai.InternalServerError, LMUnavailableError),
    ],
)
def test_both_fail_alike(status: int, theirs: type[openai.APIStatusError], own: type[Exception]) -> None:
    with ScriptedServer(lambda request: Answer("no good", status=status)) as server:
        with sdk(server) as client, pytest.raises(theirs, match="no good"):
            client.chat.completions.create(model="gpt-test", messages=as_sent(MESSAGES))
        with pytest.raises(own, match=f"{status}: no good"):
            asyncio.run(ours(server).complete(Request(MESSAGES)))


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_both_try_again_after_the_same_wait(status: int) -> None:
    answer = Answer("busy", status=status, headers={"retry-after-ms": "1"})
    with ScriptedServer(lambda request: answer) as server:
        client = openai.OpenAI(base_url=server.url, api_key="sk-test", max_retries=1)
        with client, pytest.raises(openai.APIStatusError):
            client.chat.completions.create(model="gpt-test", messages=as_sent(MESSAGES))
        with pytest.raises(LMUnavailableError, match="sent 2 times"):
            asyncio.run(OpenAI("gpt-test", base_url=server.url, policy=Policy(attempts=2)).complete(Request(MESSAGES)))
        assert len(server.requests) == 4
