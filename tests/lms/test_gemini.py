"""The Gemini client: what it sends, and what it makes of what comes back."""

import asyncio
import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms.fakes.gemini import Says, blocked, error, generated, over_quota, retry_in, serve, streamed
from rlm import RLM
from rlm.errors import CallCancelled, ConfigError, LMRefusedError, LMReplyError, LMUnavailableError, MissingKeyError
from rlm.lms.base import Price, estimate_tokens
from rlm.lms.gemini import Chunks, Gemini, read, tier_of, usage_of
from rlm.lms.http import Policy
from rlm.lms.scripted_server import Answer, Received
from rlm.lms.sse import Events
from rlm.types import Message, Reply, Request, Usage

ASK = Request((Message("system", "Be brief."), Message("user", "2 + 2?")))
LOCAL = "http://127.0.0.1:9/v1beta"
USAGE = {
    "promptTokenCount": 1000,
    "cachedContentTokenCount": 800,
    "candidatesTokenCount": 36,
    "thoughtsTokenCount": 64,
    "totalTokenCount": 1100,
}
FAST = Policy(attempts=3, backoff=0.001)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def ask(says: Says, request: Request = ASK, **options: Any) -> tuple[Reply, Received]:
    """The client's reply, and what the server had received for it."""
    with serve(says) as server:
        reply = asyncio.run(Gemini("gemini-test", base_url=server.url, **options).complete(request))
        return reply, server.requests[-1]


def fails(says: Says, **options: Any) -> LMReplyError:
    with pytest.raises(LMReplyError) as caught:
        ask(says, **options)
    return caught.value


def body(request: Request, **options: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(ask(lambda received: generated(), request, **options)[1].body)
    return value


def test_a_reply() -> None:
    reply, received = ask(lambda _: generated("4", usage=USAGE), price=Price(1.0, 2.0, cached_mtok=0.5), api_key="k-1")
    assert reply == Reply(
        text="4",
        usage=Usage(1, 1000, 100, cached_tokens=800, reasoning_tokens=64),
        cost=pytest.approx((200 * 1.0 + 800 * 0.5 + 100 * 2.0) / 1e6),
        finish="stop",
        model="gemini-test-001",
        retries=0,
    )
    assert received.value == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "2 + 2?"}]}],
    }


def test_the_key_is_in_a_header_and_never_in_the_url() -> None:
    for stream in (False, True):
        _, received = ask(lambda _: generated(), api_key=" k-secret\n", stream=stream)
        assert received.headers["x-goog-api-key"] == "k-secret"
        assert "k-secret" not in received.path
        assert "authorization" not in received.headers


def test_the_fields_of_the_request() -> None:
    sent = body(
        Request((Message("user", "hi"),), max_tokens=64, temperature=0.0),
        max_tokens=9,
        thinking_budget=0,
        extra={"generationConfig": {"topK": 20, "seed": 1}, "safetySettings": []},
    )
    assert sent["generationConfig"] == {
        "topK": 20,
        "seed": 1,
        "maxOutputTokens": 64,
        "temperature": 0.0,
        "thinkingConfig": {"thinkingBudget": 0},
    }
    assert sent["safetySettings"] == []
    assert body(ASK, max_tokens=9, temperature=0.5, thinking_level="low")["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "thinkingConfig": {"thinkingLevel": "LOW"},
    }


def test_what_a_request_brings_joins_what_the_caller_gave() -> None:
    extra: dict[str, Any] = {"generationConfig": {"topK": 20, "seed": 1, "stopSequences": ["END"]}}
    request = Request(ASK.messages, stop=("a", "b", "c", "d", "e"), fields={"generationConfig": {"topK": 3}})
    assert body(request, extra=extra)["generationConfig"] == {
        "topK": 3,
        "seed": 1,
        "stopSequences": ["END", "a", "b", "c", "d"],
    }


def test_neighbours_of_one_role_are_one_content() -> None:
    said = [
        *(("system", "one"), ("system", "two"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "")),
        *(("assistant", "d"), ("system", "later"), ("user", "e")),
    ]
    sent = body(Request(tuple(Message(role, text) for role, text in said)))  # type: ignore[arg-type]
    assert sent == {
        "systemInstruction": {"parts": [{"text": "one"}, {"text": "two"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
            {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
            {"role": "user", "parts": [{"text": "later"}, {"text": "e"}]},
        ],
    }


def test_a_run_of_20_turns_keeps_its_prefix() -> None:
    """At least 95% of each of a root's requests are the prefix that a cache already holds."""

    def says(received: Received) -> dict[str, Any]:
        turn = sum(content["role"] == "model" for content in received.value["contents"])
        return generated(f"```repl\n{'FINAL(1)' if turn == 19 else f'print({turn})'}\n```")

    with serve(says) as server:
        lm = Gemini("gemini-test", base_url=server.url, thinking_level="low", extra={"safetySettings": []})
        done = RLM(model=lm).completion("Count.", context="x" * 100_000)
        bodies = [request.body for request in server.requests]
    assert (done.answer, len(bodies)) == (1, 20)
    for before, after in itertools.pairwise(bodies):
        shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
        assert shared >= 0.95 * len(before)


@pytest.mark.parametrize(
    ("wire", "finish"),
    [
        ("STOP", "stop"),
        ("OTHER", "stop"),
        ("SOMETHING_NEW", "stop"),
        (None, "stop"),
        ("MAX_TOKENS", "length"),
        ("CONTINUATION", "length"),
        ("SAFETY", "filter"),
        ("RECITATION", "filter"),
        ("PROHIBITED_CONTENT", "filter"),
        ("SPII", "filter"),
    ],
)
def test_finish(wire: str | None, finish: str) -> None:
    reply, _ = ask(lambda _: generated("4", wire))
    assert (reply.text, reply.finish) == ("4", finish)


@pytest.mark.parametrize(
    ("said", "fault", "why"),
    [
        (generated(None, "STOP"), "empty", r"the reply is empty \(STOP\)"),
        (generated("", None), "empty", r"the reply is empty \(no finishReason\)"),
        (generated(None, "OTHER", finishMessage="odd"), "empty", r"the reply is empty \(OTHER: odd\)"),
        ({"usageMetadata": {"promptTokenCount": 12}}, "empty", r"the reply is empty \(it has no candidates\)"),
        (generated(None, "SAFETY"), "filtered", "its content filter stopped it: SAFETY"),
        (generated(None, "RECITATION", content=None), "filtered", "its content filter stopped it: RECITATION"),
        (generated(None, "PROHIBITED_CONTENT"), "filtered", "its content filter stopped it: PROHIBITED_CONTENT"),
        (blocked("PROHIBITED_CONTENT"), "filtered", r"the prompt was blocked \(PROHIBITED_CONTENT\)"),
        (
            generated("first", "MALFORMED_FUNCTION_CALL", finishMessage="Malformed function call: print(x)"),
            "malformed",
            r"the reply broke off \(MALFORMED_FUNCTION_CALL: Malformed function call: print\(x\)\)",
        ),
        (generated(None, "UNEXPECTED_TOOL_CALL"), "malformed", r"broke off \(UNEXPECTED_TOOL_CALL\)"),
        (generated(None, "MAX_TOKENS"), "thinking", "was cut off before it answered: its 3 output tokens went into"),
        ({}, "malformed", "is no GenerateContentResponse"),
        ({"candidates": ["x"]}, "malformed", "is no GenerateContentResponse"),
        ({"candidates": {"a": 1}}, "malformed", "is no GenerateContentResponse"),
        (generated(parts=["x"]), "malformed", "is no GenerateContentResponse"),  # type: ignore[list-item]
    ],
)
def test_a_reply_that_can_not_be_used(said: dict[str, Any], fault: str, why: str) -> None:
    with pytest.raises(LMReplyError, match=f"^gemini/gemini-test:? .*{why}") as caught:
        ask(lambda _: said, price=Price(1.0, 1.0))
    assert caught.value.fault == fault
    if reported := usage_of(said):
        assert caught.value.usage == reported
        assert caught.value.usage.input_tokens == 12
        assert caught.value.cost == pytest.approx(reported.tokens / 1e6)


def test_thinking_that_used_the_budget_up_is_charged_and_said() -> None:
    usage = {"promptTokenCount": 10, "thoughtsTokenCount": 61, "totalTokenCount": 71}
    caught = fails(lambda _: generated(None, "MAX_TOKENS", usage=usage), price=Price(0.0, 1.0))
    assert caught.fault == "thinking"
    assert caught.usage == Usage(1, 10, 61, reasoning_tokens=61)
    assert str(caught) == (
        "gemini/gemini-test: was cut off before it answered: its 61 output tokens went into thinking"
    )


def test_thoughts_are_no_part_of_the_reply() -> None:
    parts = [{"text": "two and two", "thought": True}, {"text": "fo"}, {"text": "ur", "thoughtSignature": "x"}, {}]
    assert ask(lambda _: generated(parts=parts))[0].text == "four"


def test_usage_that_is_not_reported_is_estimated() -> None:
    reply, _ = ask(lambda _: generated("four" * 100, usage={}), price=Price(1.0, 1.0))
    assert reply.usage.input_tokens == estimate_tokens("Be brief.") + estimate_tokens("2 + 2?")
    assert reply.usage.output_tokens >= estimate_tokens("four" * 100)


def test_what_only_the_total_counts_is_output() -> None:
    usage = {"promptTokenCount": 10, "toolUsePromptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 57}
    assert usage_of({"usageMetadata": usage}) == Usage(1, 15, 42)


@pytest.mark.parametrize(
    ("reported", "tier"),
    [
        ({"trafficType": "ON_DEMAND"}, ""),
        ({"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ({"serviceTier": "flex"}, "flex"),
        ({}, ""),
    ],
)
def test_the_tier_that_is_billed(reported: dict[str, str], tier: str) -> None:
    assert tier_of({"usageMetadata": reported}) == tier


def test_what_answers_depend_on_is_told_without_the_key() -> None:
    lm = Gemini("gemini-test", base_url=LOCAL, api_key="k-secret", temperature=0.0, extra={"safetySettings": []})
    assert lm.settings == {
        "url": f"{LOCAL}/models/gemini-test:generateContent",
        "max_tokens": None,
        "temperature": 0.0,
        "thinking_budget": None,
        "thinking_level": None,
        "extra": {"safetySettings": []},
    }


@pytest.mark.parametrize("stream", [False, True])
def test_a_wait_that_the_body_asks_for_is_kept(stream: bool) -> None:
    limits = (over_quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), retry_in("0.12s"))
    answers = iter(
        [
            error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", *limits),
            error(503, "UNAVAILABLE", "The model is overloaded.", listed=True),
            generated(),
        ]
    )
    began = time.monotonic()
    reply, _ = ask(lambda _: next(answers), stream=stream, policy=Policy(attempts=3, backoff=0.0))
    assert time.monotonic() - began >= 0.12
    assert reply.retries == 2
    with pytest.raises(LMUnavailableError, match="it asks to wait 3,600 s"):
        ask(lambda _: error(429, "RESOURCE_EXHAUSTED", "Quota.", retry_in("3600s")), stream=stream)


def test_a_quota_for_the_day_is_not_waited_for() -> None:
    day = over_quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
    with pytest.raises(LMRefusedError, match=r"quota for the day; waiting does not help") as caught:
        ask(lambda _: error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", day, retry_in("30s")))
    assert caught.value.status == 429


@pytest.mark.parametrize(
    "message",
    [
        "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
        "The input token count exceeds the maximum number of tokens allowed 1048576.",
        "Unable to submit request because the input token count is 1189157 but model only supports up to 1048576. "
        "Reduce the input token count and try again.",
    ],
)
def test_a_prompt_that_is_too_long_teaches_the_window(message: str) -> None:
    with serve(lambda _: error(400, "INVALID_ARGUMENT", message)) as server:
        lm = Gemini("gemini-of-unknown-size", base_url=server.url)
        with pytest.raises(LMReplyError, match=r"too long .*1,048,576 tokens\): split it") as caught:
            asyncio.run(lm.complete(ASK))
        assert (caught.value.fault, caught.value.usage) == ("too_long", None)
        assert lm.window == 1_048_576
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), "GEMINI_API_KEY or GOOGLE"),
        (error(403, "PERMISSION_DENIED", "The key k-wrong has no access."), r"key \*\*\* has .*variable GEMINI_API_K"),
        (error(404, "NOT_FOUND", "models/gemini-test is not found"), "is 'gemini-test' a model at 127"),
        (error(400, "INVALID_ARGUMENT", "Budget 0 is invalid. This model only works in thinking mode."), "only works"),
    ],
)
def test_refusals(answer: Answer, said: str) -> None:
    with serve(lambda _: answer) as server:
        lm = Gemini("gemini-test", base_url=server.url, api_key="k-wrong")
        with pytest.raises(LMRefusedError, match=said) as caught:
            asyncio.run(lm.complete(ASK))
        assert "k-wrong" not in str(caught.value)
        assert len(server.requests) == 1


def test_a_missing_key_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        MissingKeyError, match=r"gemini-x at generativelanguage\.googleapis\.com needs a key: set GEMINI_"
    ):
        Gemini("gemini-x")
    monkeypatch.setenv("GOOGLE_API_KEY", "k-google")
    assert Gemini("models/gemini-x")._headers["x-goog-api-key"] == "k-google"
    monkeypatch.setenv("GEMINI_API_KEY", "k-gemini")
    lm = Gemini("gemini-x")
    assert lm._headers["x-goog-api-key"] == "k-gemini"
    assert "k-g" not in repr(lm)
    assert Gemini("gemini-x", headers={"X-Goog-Api-Key": "k-3"})._headers["X-Goog-Api-Key"] == "k-3"


def test_window_and_price_are_the_listed_ones() -> None:
    lm = Gemini("gemini-2.5-flash", api_key="k")
    assert lm.window == 1_048_576
    assert lm.price is not None
    assert lm.price.output_mtok > lm.price.input_mtok > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"thinking_budget": 0, "thinking_level": "low"}, "not both"),
        ({"thinking_level": "loud"}, "thinking_level is one of minimal, low,"),
        ({"extra": {"contents": []}}, "extra can't set contents"),
        ({"extra": {"generationConfig": {"maxOutputTokens": 1}}}, "extra can't set maxOutputTokens"),
        ({"extra": {"generationConfig": 1}}, "must be an object"),
        ({"base_url": "nowhere"}, "base URL"),
        ({"api_key": "k\x01k"}, "control character"),
    ],
)
def test_options_that_can_not_be_right(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Gemini("gemini-test", **{"base_url": LOCAL, **options})


CHUNKS = [
    generated(None, None, parts=[{"text": "hm", "thought": True}], usage={"promptTokenCount": 9, "totalTokenCount": 9}),
    generated("Grüße, ", None, usage={"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}),
    generated("世界 🎉", None, usage={"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}),
    generated("", "STOP", usage=USAGE),
]


def test_a_streamed_reply_is_the_unstreamed_one() -> None:
    reply, received = ask(lambda _: CHUNKS, stream=True)
    assert received.path == "/v1/models/gemini-test:streamGenerateContent?alt=sse"
    assert reply.text == "Grüße, 世界 🎉"
    assert (reply.usage, reply.finish, reply.model) == (usage_of({"usageMetadata": USAGE}), "stop", "gemini-test-001")


@pytest.mark.parametrize("fault", ["truncate", "reset"])
def test_a_stream_that_ends_early_is_tried_again(fault: Any) -> None:
    answers = iter([streamed(*CHUNKS[:3], fault=fault), streamed(*CHUNKS[:3]), streamed(*CHUNKS)])
    reply, _ = ask(lambda _: next(answers), stream=True, policy=FAST)
    assert (reply.text, reply.retries) == ("Grüße, 世界 🎉", 2)


def test_an_error_in_the_middle_of_a_stream() -> None:
    broken = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    with pytest.raises(LMUnavailableError, match="overloaded"):
        ask(lambda _: [CHUNKS[1], broken], stream=True, policy=Policy(attempts=1))


def test_a_prompt_that_is_blocked_in_a_stream() -> None:
    assert fails(lambda _: [blocked("SAFETY")], stream=True).fault == "filtered"


def test_a_cancelled_stream_tells_what_it_had_spent() -> None:
    async def cancel(lm: Gemini, after: float) -> None:
        call = asyncio.create_task(lm.complete(ASK))
        await asyncio.sleep(after)
        call.cancel()
        await call

    with serve(lambda _: streamed(*CHUNKS, fault="stall")) as server:
        lm = Gemini("gemini-test", base_url=server.url, stream=True, price=Price(0.0, 1.0))
        with pytest.raises(CallCancelled) as caught:
            asyncio.run(cancel(lm, 0.2))
    assert caught.value.usage == Usage(1, 9, 5)
    assert caught.value.cost == pytest.approx(5e-6)
    with serve(lambda _: Answer(fault="hang")) as server:
        lm = Gemini("gemini-test", base_url=server.url, stream=True)
        with pytest.raises(asyncio.CancelledError) as plain:
            asyncio.run(cancel(lm, 0.1))
    assert not isinstance(plain.value, CallCancelled)


NAMES = [
    *("candidates", "content", "parts", "text", "thought", "finishReason", "promptFeedback", "blockReason"),
    *("usageMetadata", "promptTokenCount", "candidatesTokenCount", "totalTokenCount", "modelVersion"),
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
objects = anything.filter(lambda value: isinstance(value, dict))


@given(objects)
@settings(max_examples=100, deadline=None)
def test_whatever_comes_is_a_reply_or_a_fault(value: Any) -> None:
    usage = usage_of(value) or Usage(1)
    assert min(usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens) >= 0
    said = read(value, usage)
    assert (said.fault is None) == (not said.why)
    assert said.text or said.fault is not None


@pytest.mark.slow
@given(st.lists(objects, max_size=4))
@settings(max_examples=100, deadline=None)
def test_whatever_is_streamed_makes_a_value(chunks: list[Any]) -> None:
    whole = Chunks()
    for chunk in chunks:
        whole.feed("", chunk)
    value = whole.value()
    if value is not None:
        read(value, usage_of(value) or Usage(1))


def test_a_stream_that_is_cut_anywhere_is_whole_or_known_to_be_cut() -> None:
    text = (streamed(*CHUNKS).body or "").encode()
    seen = set()
    for cut in range(len(text) + 1):
        events, chunks = Events(), Chunks()
        for name, data in events.feed(text[:cut]):
            chunks.feed(name, json.loads(data))
        seen.add((chunks.whole, read(chunks.value() or {}, Usage(1)).text))
    texts = ["", "Grüße, ", "Grüße, 世界 🎉"]
    assert seen == {(False, text) for text in texts} | {(True, texts[-1])}


@pytest.mark.parametrize("cut", [1, 20, 60, 120])
def test_a_body_that_is_cut_off_is_no_reply(cut: int) -> None:
    text = json.dumps(generated())[:-cut]
    with pytest.raises(LMReplyError, match="something else than a JSON object") as caught:
        ask(lambda _: Answer(body=text))
    assert caught.value.fault == "malformed"
