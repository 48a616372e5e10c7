"""Streams: broken off, turned into an error, cancelled, and cut anywhere."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms.fakes.openai import FakeOpenAI, Say
from rlm.errors import CallCancelled, LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms.base import Price, estimate_tokens
from rlm.lms.chat import CHAT, Format
from rlm.lms.http import Policy
from rlm.lms.openai import OpenAI
from rlm.lms.responses import RESPONSES
from rlm.lms.scripted_server import Answer, Received
from rlm.types import Message, Reply, Request

ASK = Request((Message("user", "Say a lot."),))
APIS: Any = pytest.mark.parametrize("api", ["chat", "responses"])
FORMATS = pytest.mark.parametrize("form", [CHAT, RESPONSES], ids=["chat", "responses"])
QUICK = Policy(backoff=0.001)


@APIS
def test_a_stream_that_ends_early_is_asked_again(api: Any) -> None:
    said = iter([Say("half a reply", breaks=True), Say("a reply", fault="truncate", breaks=True), Say("whole")])
    with FakeOpenAI(lambda asked: next(said)).serve() as server:
        lm = OpenAI("gpt-test", api=api, stream=True, base_url=server.url, api_key="sk-test", policy=QUICK)
        reply = asyncio.run(lm.complete(ASK))
    assert (reply.text, reply.retries) == ("whole", 2)


@APIS
@pytest.mark.parametrize("code", ["server_error", "rate_limit_exceeded"])
def test_an_error_in_the_middle_that_may_pass_is_tried_again(api: Any, code: str) -> None:
    said = iter([Say("half a reply", fails=(code, "try again")), Say("whole")])
    with FakeOpenAI(lambda asked: next(said)).serve() as server:
        lm = OpenAI("gpt-test", api=api, stream=True, base_url=server.url, api_key="sk-test", policy=QUICK)
        reply = asyncio.run(lm.complete(ASK))
    assert (reply.text, reply.retries) == ("whole", 1)


@APIS
def test_an_error_in_the_middle_that_stays_is_told_at_once(api: Any) -> None:
    said = Say("half a reply", fails=("invalid_prompt", "it violates a policy"))
    with FakeOpenAI(lambda asked: said).serve() as server:
        lm = OpenAI("gpt-test", api=api, stream=True, base_url=server.url, api_key="sk-test", policy=QUICK)
        with pytest.raises(LMRefusedError, match="openai/gpt-test: 400: it violates a policy"):
            asyncio.run(lm.complete(ASK))
    assert len(server.requests) == 1


def test_a_stream_that_never_ends_well_is_unavailable() -> None:
    with FakeOpenAI(lambda asked: Say("half", breaks=True)).serve() as server:
        lm = OpenAI(
            "gpt-test", stream=True, base_url=server.url, api_key="sk-test", policy=Policy(attempts=2, backoff=0.001)
        )
        with pytest.raises(LMUnavailableError, match="the stream ended early; sent 2 times"):
            asyncio.run(lm.complete(ASK))


def test_an_endpoint_that_does_not_stream_is_taken_at_that() -> None:
    with FakeOpenAI(lambda asked: asked.pop("stream") and Say("whole")).serve() as server:
        lm = OpenAI("gpt-test", stream=True, base_url=server.url, api_key="sk-test")
        assert asyncio.run(lm.complete(ASK)).text == "whole"


async def _cancel(lm: OpenAI, server: Any) -> BaseException:
    """What a call ends with that is cancelled in the middle of its answer, which never ends; the server sees it go."""
    call = asyncio.create_task(lm.complete(ASK))
    await asyncio.sleep(0.3)  # the stream has begun, and stalls
    call.cancel()
    try:
        await call
    except asyncio.CancelledError as error:
        async with asyncio.timeout(10):
            while not server.closed:  # noqa: ASYNC110 - the server is in another thread
                await asyncio.sleep(0.01)
        assert server.closed == 1
        return error
    raise AssertionError("it was answered")


@APIS
def test_a_cancelled_stream_tells_what_is_known_to_be_spent(api: Any) -> None:
    text = "many words " * 30
    with FakeOpenAI(lambda asked: Say(text, fault="stall", breaks=True)).serve() as server:
        lm = OpenAI("gpt-test", api=api, stream=True, base_url=server.url, api_key="sk-test", price=Price(1.0, 10.0))
        error = asyncio.run(_cancel(lm, server))
    assert isinstance(error, CallCancelled)
    assert error.usage.calls == 1
    assert error.usage.input_tokens == estimate_tokens("Say a lot.")
    assert 0.9 * estimate_tokens(text) < error.usage.output_tokens < 1.2 * estimate_tokens(text) + 20
    assert error.cost == pytest.approx((error.usage.input_tokens + 10 * error.usage.output_tokens) / 1e6)


def test_a_cancelled_call_of_which_nothing_came_tells_nothing() -> None:
    with FakeOpenAI(lambda asked: Say(fault="hang")).serve() as server:
        lm = OpenAI("gpt-test", stream=True, base_url=server.url, api_key="sk-test")
        error = asyncio.run(_cancel(lm, server))
    assert type(error) is asyncio.CancelledError


def _stream(form: Format, said: Say) -> list[tuple[str, dict[str, Any]]]:
    """The events of a reply as the fake streams it."""
    path = f"/v1{form.path}"
    asked = {"model": "m", **form.prompt(ASK.messages), **form.streamed}
    got = FakeOpenAI(lambda asked: said)(
        Received(path, {"authorization": "Bearer sk-test"}, json.dumps(asked).encode())
    )
    assert got.body is not None
    lines = [event.partition("data: ")[2] for event in got.body.split("\n\n")]
    return [("", json.loads(line)) for line in lines if line.startswith("{")]


@FORMATS
@given(text=st.text(min_size=1, max_size=30), cut=st.integers(0, 40))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_a_stream_cut_anywhere_is_whole_or_not_and_never_something_else(form: Format, text: str, cut: int) -> None:
    found = _stream(form, Say(text, finish="length"))
    assembler = form.assembler()
    for name, data in found[:cut]:
        assembler.feed(name, data)
    value = assembler.value()
    assert (value is None) == (cut == 0)
    if assembler.whole:
        assert value is not None
        said = form.read(value)
        assert (said.text, said.finish) == (text, "length")
        if cut >= len(found):
            assert said.usage is not None
    elif value is not None:
        assert text.startswith(form.read(value).text or "")
    assert assembler.whole or cut < len(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def partly(**fields: Any) -> Any:
    """Objects of these fields, any of which may be something else or missing."""
    return JSON | st.fixed_dictionaries({}, optional={name: JSON | value for name, value in fields.items()})


CHUNK = partly(
    choices=st.lists(partly(delta=partly(content=st.text(), refusal=st.text()), finish_reason=st.just("stop"))),
    usage=partly(prompt_tokens=st.integers(), completion_tokens=st.integers(), prompt_tokens_details=partly()),
)
EVENT = partly(
    type=st.sampled_from(["response.created", "response.output_text.delta", "response.completed"]),
    delta=st.text(),
    response=partly(
        status=st.sampled_from(["completed", "incomplete"]),
        output=st.lists(partly(type=st.just("message"), content=st.lists(partly(type=st.just("output_text"))))),
        usage=partly(input_tokens=st.integers(), output_tokens=st.integers(), input_tokens_details=partly()),
    ),
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.lists(CHUNK | EVENT, max_size=4), st.sampled_from([CHAT, RESPONSES]))
def test_whatever_a_stream_holds_is_a_reply_or_a_typed_error(found: list[Any], form: Format) -> None:
    lm = OpenAI("gpt-test", base_url="http://127.0.0.1:9/v1", price=Price(1.0, 2.0))
    assembler = form.assembler()
    for data in found:
        if isinstance(data, dict) and data.get("type") not in ("error", "response.failed"):
            assembler.feed("", data)
    value = assembler.value()
    if value is None:
        return
    try:
        got: Reply | LMReplyError = lm._reply(value, 0, ASK, form)
    except LMReplyError as error:
        got = error
    assert got.usage is not None
    assert got.cost is not None
    assert 0 <= got.usage.tokens < 1e10
    lm._spent(value, ASK, form)


def test_an_answer_of_another_kind_is_malformed() -> None:
    with FakeOpenAI(lambda asked: Answer(body='{"object": "list"}')).serve() as server:
        for api, noun in (("chat", "chat completion"), ("responses", "response")):
            lm = OpenAI("gpt-test", api=api, base_url=server.url, api_key="sk-test")  # type: ignore[arg-type]
            with pytest.raises(LMReplyError, match=f"the reply is not a {noun}") as caught:
                asyncio.run(lm.complete(ASK))
            assert caught.value.fault == "malformed"
