"""Google's own client and ours, on one fake: what it takes the fake for, and that both send and read the same."""

import asyncio
import re
import warnings
from typing import Any

import pytest

from lms.fakes.gemini import USAGE, blocked, error, generated, over_quota, retry_in, serve
from rlm.errors import LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms.gemini import Gemini
from rlm.lms.http import Policy
from rlm.lms.scripted_server import Answer, ScriptedServer
from rlm.types import Message, Request

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from google import genai
    from google.genai import errors, types

MESSAGES = (
    Message("system", "Be brief."),
    Message("user", "Grüße, 世界?"),
    Message("assistant", "🎉"),
    Message("user", "And then?"),
)
FULL = USAGE | {"cachedContentTokenCount": 8, "thoughtsTokenCount": 30, "totalTokenCount": 45}


def sdk(server: ScriptedServer, attempts: int = 1) -> genai.Client:
    retry = types.HttpRetryOptions(attempts=attempts, initial_delay=0.001, jitter=0)
    options = types.HttpOptions(base_url=server.url.removesuffix("/v1"), api_version="v1", retry_options=retry)
    return genai.Client(api_key="k-test", vertexai=False, http_options=options)


def ours(server: ScriptedServer, **options: Any) -> Gemini:
    return Gemini("gemini-test", base_url=server.url, api_key="k-test", policy=Policy(attempts=1), **options)


def asked(**config: Any) -> dict[str, Any]:
    contents = [
        types.Content(
            role={"assistant": "model"}.get(message.role, message.role), parts=[types.Part(text=message.content)]
        )
        for message in MESSAGES[1:]
    ]
    given = types.GenerateContentConfig(system_instruction=MESSAGES[0].content, **config)
    return {"model": "gemini-test", "contents": contents, "config": given}


def plain(value: Any) -> Any:
    """Google's JSON takes a field in either case; the instruction's role and an empty object say nothing."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub("_(.)", lambda found: found[1].upper(), key): plain(item) for key, item in value.items()}
    if "systemInstruction" in named:
        named["systemInstruction"].pop("role", None)
    return {key: item for key, item in named.items() if item != {}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("config", "options", "request_options"),
    [
        ({}, {}, {}),
        ({"max_output_tokens": 64, "temperature": 0.0}, {}, {"max_tokens": 64, "temperature": 0.0}),
        ({"thinking_config": types.ThinkingConfig(thinking_budget=0)}, {"thinking_budget": 0}, {}),
        (
            {"thinking_config": types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW)},
            {"thinking_level": "low"},
            {},
        ),
        (
            {
                "top_k": 20,
                "stop_sequences": ["###"],
                "safety_settings": [
                    types.SafetySetting(
                        category=types.HarmCategory.HARM_CATEGORY_HARASSMENT, threshold=types.HarmBlockThreshold.OFF
                    )
                ],
            },
            {
                "extra": {
                    "generationConfig": {"topK": 20, "stopSequences": ["###"]},
                    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
                }
            },
            {},
        ),
    ],
)
def test_both_send_the_same(
    stream: bool, config: dict[str, Any], options: dict[str, Any], request_options: dict[str, Any]
) -> None:
    with serve(lambda _: generated()) as server:
        with sdk(server) as client:
            if stream:
                list(client.models.generate_content_stream(**asked(**config)))
            else:
                client.models.generate_content(**asked(**config))
        asyncio.run(ours(server, stream=stream, **options).complete(Request(MESSAGES, **request_options)))
    theirs, own = server.requests
    assert own.path == theirs.path
    assert plain(own.value) == plain(theirs.value)
    for name in ("x-goog-api-key", "content-type"):
        assert own.headers[name] == theirs.headers[name]


@pytest.mark.parametrize(
    "said",
    [
        generated("A reply.\n", usage=FULL),
        generated("Grüße, 世界 🎉", "MAX_TOKENS"),
        generated("half", "SAFETY"),
        generated(parts=[{"text": "hm", "thought": True}, {"text": "so "}, {"text": "4"}], usage=FULL),
    ],
)
def test_both_read_the_same(said: dict[str, Any]) -> None:
    with serve(lambda _: said) as server:
        with sdk(server) as client:
            theirs = client.models.generate_content(**asked())
        own = asyncio.run(ours(server).complete(Request(MESSAGES)))
    assert own.text == theirs.text
    assert theirs.candidates is not None
    reason = theirs.candidates[0].finish_reason
    assert reason is not None
    assert own.finish == {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "filter"}[reason.value]
    assert own.model == theirs.model_version
    usage = theirs.usage_metadata
    assert usage is not None
    assert own.usage.input_tokens == usage.prompt_token_count
    assert own.usage.output_tokens == (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    assert own.usage.cached_tokens == (usage.cached_content_token_count or 0)
    assert own.usage.reasoning_tokens == (usage.thoughts_token_count or 0)
    assert own.usage.tokens == usage.total_token_count


def test_both_put_the_same_stream_together() -> None:
    chunks = [
        generated(None, None, parts=[{"text": "hm", "thought": True}], usage={"promptTokenCount": 12}),
        *(generated(text, None, usage={"promptTokenCount": 12}) for text in ("Grüße,", " 世界\n", "\n🎉")),
        generated("", "STOP", usage=FULL),
    ]
    with serve(lambda _: chunks) as server:
        with sdk(server) as client:
            theirs = list(client.models.generate_content_stream(**asked()))
        own = asyncio.run(ours(server, stream=True).complete(Request(MESSAGES)))
    assert own.text == "".join(chunk.text or "" for chunk in theirs)
    assert theirs[-1].usage_metadata is not None
    assert own.usage.tokens == theirs[-1].usage_metadata.total_token_count


def test_both_see_that_a_prompt_was_blocked() -> None:
    with serve(lambda _: blocked("PROHIBITED_CONTENT")) as server:
        with sdk(server) as client:
            theirs = client.models.generate_content(**asked())
        with pytest.raises(LMReplyError, match="PROHIBITED_CONTENT") as caught:
            asyncio.run(ours(server).complete(Request(MESSAGES)))
    assert theirs.candidates is None
    assert theirs.prompt_feedback is not None
    assert theirs.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert caught.value.fault == "filtered"


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    ("status", "name", "theirs", "own"),
    [
        (400, "INVALID_ARGUMENT", errors.ClientError, LMRefusedError),
        (403, "PERMISSION_DENIED", errors.ClientError, LMRefusedError),
        (404, "NOT_FOUND", errors.ClientError, LMRefusedError),
        (429, "RESOURCE_EXHAUSTED", errors.ClientError, LMUnavailableError),
        (500, "INTERNAL", errors.ServerError, LMUnavailableError),
        (503, "UNAVAILABLE", errors.ServerError, LMUnavailableError),
    ],
)
def test_both_fail_alike(
    status: int, name: str, theirs: type[errors.APIError], own: type[Exception], listed: bool
) -> None:
    answer = error(status, name, "no good", retry_in("0.01s"), over_quota("PerMinute"), listed=listed)
    with serve(lambda _: answer) as server:
        with sdk(server) as client, pytest.raises(theirs, match="no good") as caught:
            client.models.generate_content(**asked())
        assert (caught.value.code, caught.value.status) == (status, name)
        with pytest.raises(own, match=f"{status}: no good"):
            asyncio.run(ours(server).complete(Request(MESSAGES)))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_both_try_the_same_again(status: int) -> None:
    answers: list[Answer | dict[str, Any]] = []
    with serve(lambda _: answers.pop()) as server:
        answers += [generated("fine"), error(status, "SOME", "busy", retry_in("0.001s"))]
        with sdk(server, attempts=2) as client:
            assert client.models.generate_content(**asked()).text == "fine"
        answers += [generated("fine"), error(status, "SOME", "busy", retry_in("0.001s"))]
        own = Gemini("gemini-test", base_url=server.url, api_key="k-test", policy=Policy(attempts=2, backoff=0.001))
        reply = asyncio.run(own.complete(Request(MESSAGES)))
    assert (reply.text, reply.retries) == ("fine", 1)
    assert len(server.requests) == 4
