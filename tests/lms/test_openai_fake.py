"""The fake of OpenAI's endpoints, proved with the vendor's own client, and then both formats of ours over it."""

import asyncio
from typing import Any

import openai
import pytest
from openai.types.responses import Response

from lms.fakes.openai import RATE_HEADERS, FakeOpenAI, Say, refuse
from rlm.errors import LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms.base import Price
from rlm.lms.http import Policy
from rlm.lms.openai import OpenAI
from rlm.types import Message, Reply, Request, Usage

ASK = Request((Message("system", "Be brief."), Message("user", "2 + 2?")))
MESSAGES: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}]
APIS: Any = pytest.mark.parametrize("api", ["chat", "responses"])
STREAMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def ask(said: Say, request: Request = ASK, model: str = "gpt-test", **options: Any) -> tuple[Reply, FakeOpenAI]:
    fake = FakeOpenAI(lambda asked: said)
    with fake.serve() as server:
        lm = OpenAI(model, base_url=server.url, api_key="sk-test", policy=Policy(attempts=1), **options)
        return asyncio.run(lm.complete(request)), fake


# The fake, and the vendor's client.


def test_the_vendors_client_reads_a_completion() -> None:
    fake = FakeOpenAI(lambda asked: Say("Four.", reasoning="two and two"))
    with fake.serve() as server, openai.OpenAI(base_url=server.url, api_key="sk-test") as client:
        raw = client.chat.completions.with_raw_response.create(model="gpt-test", messages=MESSAGES)
        done = raw.parse()
    assert raw.headers["x-ratelimit-remaining-requests"] == "499"
    assert done.choices[0].message.content == "Four."
    assert done.usage is not None
    assert done.usage.completion_tokens_details is not None
    assert done.usage.completion_tokens_details.reasoning_tokens == 2


def test_the_vendors_client_reads_a_stream() -> None:
    fake = FakeOpenAI(lambda asked: Say("Grüße, 世界"))
    with fake.serve() as server, openai.OpenAI(base_url=server.url, api_key="sk-test") as client:
        chunks = list(
            client.chat.completions.create(
                model="gpt-test", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Grüße, 世界"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == fake.usages[0]["completion_tokens"]


def test_the_vendors_client_reads_a_response() -> None:
    fake = FakeOpenAI(lambda asked: Say("Four.", reasoning="two and two"))
    with fake.serve() as server, openai.OpenAI(base_url=server.url, api_key="sk-test") as client:
        done = client.responses.create(model="gpt-test", input=MESSAGES[1:], instructions="Be brief.", store=False)
    assert (done.output_text, done.status) == ("Four.", "completed")
    assert done.usage is not None
    assert done.usage.output_tokens_details.reasoning_tokens == 2
    Response.model_validate(done.model_dump())  # its types, and not only what it let pass


def test_the_vendors_client_reads_a_response_as_it_streams() -> None:
    fake = FakeOpenAI(lambda asked: Say("Grüße, 世界", finish="length"))
    with fake.serve() as server, openai.OpenAI(base_url=server.url, api_key="sk-test") as client:
        with client.responses.stream(model="gpt-test", input=MESSAGES) as stream:
            kinds = [event.type for event in stream]
        events = list(client.responses.create(model="gpt-test", input=MESSAGES, stream=True))
    assert kinds[0] == "response.created"
    assert kinds[-1] == events[-1].type == "response.incomplete"
    assert "".join(one.delta for one in events if one.type == "response.output_text.delta") == "Grüße, 世界"


@pytest.mark.parametrize(
    ("asked", "theirs"),
    [
        ({"model": "gpt-5-mini", "temperature": 0}, openai.BadRequestError),
        ({"model": "gpt-5-mini", "max_tokens": 5}, openai.BadRequestError),
        ({"model": "gpt-5-pro"}, openai.NotFoundError),
        ({"model": "gpt-test", "top_q": 1}, openai.BadRequestError),
    ],
)
def test_the_vendors_client_is_refused_what_openai_refuses(asked: Any, theirs: type[Exception]) -> None:
    fake = FakeOpenAI(lambda asked: Say())
    with fake.serve() as server, openai.OpenAI(base_url=server.url, api_key="sk-test", max_retries=0) as client:
        with pytest.raises(theirs):
            client.chat.completions.create(messages=MESSAGES, extra_body=asked, model=asked["model"])
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="sk-other").chat.completions.create(messages=MESSAGES, model="gpt-test")
        assert [model.id for model in client.models.list()] == ["gpt-test"]


# Ours.


@APIS
@STREAMS
def test_a_reply(api: Any, stream: bool) -> None:
    reply, fake = ask(
        Say("Grüße, 世界 🎉\n", reasoning="hm. " * 6), api=api, stream=stream, price=Price(1.0, 2.0, cached_mtok=0.5)
    )
    asked = fake.usages[0].get("prompt_tokens") or fake.usages[0]["input_tokens"]
    assert reply == Reply(
        text="Grüße, 世界 🎉\n",
        usage=Usage(1, asked, 10, reasoning_tokens=6),
        cost=pytest.approx((asked + 10 * 2.0) / 1e6),
        model="gpt-test-2026-01-01",
    )


@APIS
@STREAMS
def test_both_clients_send_the_same(api: Any, stream: bool) -> None:
    request = Request(ASK.messages, max_tokens=64, temperature=0.5)
    fake = FakeOpenAI(lambda asked: Say())
    with fake.serve() as server, openai.OpenAI(base_url=server.url, api_key="sk-test") as client:
        lm = OpenAI(
            "gpt-test",
            api=api,
            stream=stream,
            base_url=server.url,
            api_key="sk-test",
            max_tokens_field="max_completion_tokens",
            reasoning_effort="low",
        )
        asyncio.run(lm.complete(request))
        more: Any = {"stream": True} if stream else {}
        if api == "chat":
            more |= {"stream_options": {"include_usage": True}} if stream else {}
            client.chat.completions.create(
                model="gpt-test",
                messages=MESSAGES,
                max_completion_tokens=64,
                temperature=0.5,
                reasoning_effort="low",
                **more,
            )
        else:
            client.responses.create(
                model="gpt-test",
                store=False,
                instructions="Be brief.",
                input=MESSAGES[1:],
                max_output_tokens=64,
                temperature=0.5,
                reasoning={"effort": "low"},
                **more,
            )
        ours, theirs = server.requests
    assert ours.value == theirs.value
    assert ours.path == theirs.path
    assert ours.headers["authorization"] == theirs.headers["authorization"]


@APIS
@STREAMS
@pytest.mark.parametrize(
    ("said", "fault", "words"),
    [
        (Say(""), "empty", "the reply is empty"),
        (Say(None), "empty", "the reply is empty"),
        (Say(None, refusal="I won't."), "refused", r"refused: I won't\."),
        (Say(None, finish="content_filter"), "filtered", "its content filter stopped it"),
        (Say(None, reasoning="hm. " * 9, finish="length"), "thinking", "its 10 output tokens went into thinking"),
    ],
    ids=["empty", "none", "refusal", "filter", "thinking"],
)
def test_a_reply_that_can_not_be_used(api: Any, stream: bool, said: Say, fault: str, words: str) -> None:
    with pytest.raises(LMReplyError, match=f"openai/gpt-test:? .*{words}") as caught:
        ask(said, api=api, stream=stream, price=Price(1.0, 1.0))
    assert caught.value.fault == fault
    assert caught.value.usage is not None
    assert caught.value.usage.output_tokens >= 1
    assert caught.value.cost == pytest.approx(caught.value.usage.tokens / 1e6)


@APIS
@STREAMS
@pytest.mark.parametrize(("wire", "finish"), [("stop", "stop"), ("length", "length"), ("content_filter", "filter")])
def test_why_it_ended(api: Any, stream: bool, wire: str, finish: str) -> None:
    assert ask(Say("half", finish=wire), api=api, stream=stream)[0].finish == finish


@APIS
def test_a_temperature_that_is_refused_is_left_out_from_then_on(api: Any) -> None:
    fake = FakeOpenAI(lambda asked: Say())
    with fake.serve() as server:
        lm = OpenAI("gpt-5-mini", api=api, base_url=server.url, api_key="sk-test", temperature=0.0, max_tokens=9)

        async def twice() -> list[Reply]:
            return [await lm.complete(ASK), await lm.complete(Request(ASK.messages, temperature=0.3))]

        assert [reply.text for reply in asyncio.run(twice())] == ["ok", "ok"]
        sent = [request.value for request in server.requests]
    assert ["temperature" in one for one in sent] == [True, *([False] * (len(sent) - 1))]
    # Chat's limit is told by its other name in the same way, where the endpoint is not known to be OpenAI's.
    assert len(sent) == (4 if api == "chat" else 3)
    assert "max_tokens" not in sent[-1]


def test_a_temperature_out_of_range_is_an_error() -> None:
    said = refuse(400, "Invalid 'temperature': decimal above maximum value.", "decimal_above_max_value", "temperature")
    with FakeOpenAI(lambda asked: said).serve() as server:
        lm = OpenAI("gpt-test", base_url=server.url, api_key="sk-test", temperature=3.0)
        with pytest.raises(LMRefusedError, match="decimal above maximum value"):
            asyncio.run(lm.complete(ASK))
    assert len(server.requests) == 1


def test_a_model_that_only_responses_serves_is_asked_there() -> None:
    fake = FakeOpenAI(lambda asked: Say())
    with fake.serve() as server:
        lm = OpenAI("new-pro", base_url=server.url, api_key="sk-test", max_tokens=20)
        for _ in range(2):
            assert asyncio.run(lm.complete(ASK)).text == "ok"
    assert [request.path for request in server.requests] == ["/v1/chat/completions", "/v1/responses", "/v1/responses"]
    assert server.requests[-1].value["max_output_tokens"] == 20


@APIS
def test_a_prompt_that_is_too_long_teaches_the_window(api: Any) -> None:
    fake = FakeOpenAI(lambda asked: Say(), window=500)
    with fake.serve() as server:
        lm = OpenAI("gpt-test", api=api, base_url=server.url, api_key="sk-test")
        assert lm.window is None
        with pytest.raises(
            LMReplyError, match=r"the prompt is too long \(openai/gpt-test takes 500 tokens\)"
        ) as caught:
            asyncio.run(lm.complete(Request((Message("user", "long " * 1000),))))
    assert (caught.value.fault, caught.value.usage) == ("too_long", None)
    assert lm.window == 500
    assert OpenAI("gpt-test", api_key="sk-test").window is None, "at OpenAI it is another model"


@APIS
@STREAMS
def test_cached_input_is_counted(api: Any, stream: bool) -> None:
    fake = FakeOpenAI(lambda asked: Say())
    with fake.serve() as server:
        lm = OpenAI("gpt-test", api=api, stream=stream, base_url=server.url, api_key="sk-test")

        async def talk() -> list[Usage]:
            messages = (Message("system", "Rules. " * 1000), Message("user", "first"))
            first = await lm.complete(Request(messages))
            more = (*messages, Message("assistant", first.text), Message("user", "second"))
            return [first.usage, (await lm.complete(Request(more))).usage]

        first, second = asyncio.run(talk())
    assert first.cached_tokens == 0
    assert 1600 < second.cached_tokens <= second.input_tokens
    assert second.cached_tokens % 128 == 0


@APIS
def test_a_rate_limit_is_waited_for(api: Any) -> None:
    said = iter([refuse(429, "Rate limit reached.", "rate_limit_exceeded", retry_after_ms="5"), Say("at last")])
    with FakeOpenAI(lambda asked: next(said)).serve() as server:
        lm = OpenAI("gpt-test", api=api, base_url=server.url, api_key="sk-test")
        reply = asyncio.run(lm.complete(ASK))
    assert (reply.text, reply.retries) == ("at last", 1)
    assert "x-ratelimit-reset-requests" in RATE_HEADERS


@APIS
@STREAMS
@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (refuse(401, "Incorrect API key provided: sk-test.", "invalid_api_key"), LMRefusedError),
        (refuse(400, "Invalid value.", "invalid_value"), LMRefusedError),
        (refuse(429, "You exceeded your current quota.", "insufficient_quota"), LMRefusedError),
        (refuse(500, "The server had an error."), LMUnavailableError),
    ],
    ids=["key", "value", "quota", "server"],
)
def test_an_error_is_typed_and_holds_no_key(api: Any, stream: bool, refusal: Any, kind: type[Exception]) -> None:
    with FakeOpenAI(lambda asked: refusal).serve() as server:
        lm = OpenAI(
            "gpt-test", api=api, stream=stream, base_url=server.url, api_key="sk-test", policy=Policy(attempts=1)
        )
        with pytest.raises(kind) as caught:
            asyncio.run(lm.complete(ASK))
    assert "sk-test" not in str(caught.value)
    assert len(server.requests) == 1
