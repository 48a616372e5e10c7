"""The Anthropic client: what it sends, and what it makes of what comes back."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms.fakes.anthropic import FakeAnthropic, Say, refuse
from rlm.errors import CallCancelled, ConfigError, LMRefusedError, LMReplyError, MissingKeyError
from rlm.lms.anthropic import Anthropic
from rlm.lms.base import Price, estimate_tokens
from rlm.lms.http import Policy
from rlm.lms.messages import Assembler, Claude, Form
from rlm.lms.scripted_server import Answer, Received, ScriptedServer
from rlm.types import Message, Reply, Request, Usage

ASK = Request((Message("user", "2 + 2?"),))
TALK = Request((Message("system", "Be brief."), Message("user", "2 + 2?")))
LOCAL = "http://127.0.0.1:9"
OLD, NEW = "claude-haiku-4-5", "claude-opus-5"
MARK = {"type": "ephemeral"}


def client(server: ScriptedServer, model: str = OLD, **options: Any) -> Anthropic:
    url = server.url.removesuffix("/v1")
    return Anthropic(model, base_url=url, api_key="sk-ant-test", policy=Policy(attempts=1), **options)


def ask(say: Say | Answer | Callable[[Received], Answer], request: Request = ASK, **options: Any) -> Reply:
    respond = say if callable(say) else FakeAnthropic(lambda asked: say)
    with ScriptedServer(respond, chat_only=False) as server:
        return asyncio.run(client(server, **options).complete(request))


def fields(request: Request = ASK, model: str = OLD, **options: Any) -> dict[str, Any]:
    return Form(model, **options).fields(request)


def message(content: Any, stop: str | None = "end_turn", **more: Any) -> Answer:
    usage = {"input_tokens": 10, "output_tokens": 5}
    return Answer(body=json.dumps({"content": content, "stop_reason": stop, "usage": usage, **more}))


def text(content: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": content}]


# What is sent.


def test_system_messages_go_to_the_system_and_neighbours_of_one_role_are_one_message() -> None:
    said = (("system", "A"), ("user", "1"), ("user", "2"), ("assistant", "3"), ("assistant", " \n"), ("system", "B"))
    sent = fields(Request(tuple(Message(role, content) for role, content in (*said, ("user", "4")))), cache=None)  # type: ignore[arg-type]
    assert sent["system"] == [*text("A"), *text("B")]
    assert sent["messages"] == [
        {"role": "user", "content": [*text("1"), *text("2")]},
        {"role": "assistant", "content": text("3")},
        {"role": "user", "content": text("4")},
    ]


@pytest.mark.parametrize(
    ("model", "options", "asked", "limit"),
    [
        (OLD, {}, None, 8192),
        (OLD, {}, 100, 100),
        (OLD, {}, 100_000, 64_000),
        (OLD, {"max_tokens": 500}, None, 500),
        (OLD, {"thinking_tokens": 4000}, None, 12_192),
        (OLD, {"thinking_tokens": 60_000}, None, 64_000),
        (NEW, {}, None, 16_384),
        (NEW, {}, 200_000, 128_000),
        (NEW, {"thinking_tokens": 0}, None, 8192),
        ("claude-opus-4-8", {}, None, 8192),
        ("claude-opus-4-8", {"effort": "max"}, None, 16_384),
        ("claude-opus-4-1-20250805", {}, 50_000, 32_000),
        ("claude-3-5-haiku-20241022", {}, 50_000, 8192),
        ("my-own-model", {}, 500_000, 500_000),
    ],
)
def test_the_limit_of_output(model: str, options: dict[str, Any], asked: int | None, limit: int) -> None:
    assert fields(Request(ASK.messages, asked), model, **options)["max_tokens"] == limit


@pytest.mark.parametrize(
    ("characters", "asked", "limit"),
    [(35, None, 8192), (140_000, None, 8192), (665_000, None, 5000), (696_500, None, 500), (665_000, 9000, 9000)],
)
def test_the_limit_of_output_is_no_more_than_the_prompt_leaves_of_the_window(
    characters: int, asked: int | None, limit: int
) -> None:
    seen: list[Any] = []

    def respond(received: Received) -> Answer:
        seen.append(json.loads(received.body))
        return message(text("fine"))

    ask(respond, Request((Message("user", "x" * characters),), asked), window=200_000)
    assert seen[0]["max_tokens"] == limit


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-opus-4-5-20251101", "4.5"),
        ("claude-sonnet-4-20250514", "4.0"),
        ("us.anthropic.claude-sonnet-4-6", "4.6"),
        ("anthropic.claude-opus-4-1-20250805-v1:0", "4.0"),
        ("claude-opus-4@20250514", "4.0"),
        ("anthropic/claude-4.6-opus", "4.6"),
        ("claude-opus-4-7-20260416", "4.7"),
        ("claude-haiku-5-5", "5"),
        ("claude-fable-5", "5"),
        ("claude-3-7-sonnet-latest", "3.7"),
        ("claude-mythos-preview", "unknown"),
        ("deepseek-chat", "unknown"),
    ],
)
def test_what_a_model_takes_is_in_its_name(model: str, version: str) -> None:
    assert (
        Claude.named(model)
        == {
            "3.7": Claude(64_000, budgets=True, adapts=False, thinks=False, samples=True),
            "4.0": Claude(
                32_000 if "opus" in model else 64_000, budgets=True, adapts=False, thinks=False, samples=True
            ),
            "4.5": Claude(64_000, budgets=True, adapts=False, thinks=False, samples=True),
            "4.6": Claude(128_000, budgets=True, adapts=True, thinks=False, samples=True),
            "4.7": Claude(128_000, budgets=False, adapts=True, thinks=False, samples=False),
            "5": Claude(128_000, budgets=False, adapts=True, thinks=True, samples=False),
            "unknown": Claude(None, budgets=True, adapts=True, thinks=False, samples=True),
        }[version]
    )


@pytest.mark.parametrize(
    ("model", "options", "limit", "thinking"),
    [
        (OLD, {"thinking_tokens": 4000}, 8192, {"type": "enabled", "budget_tokens": 4000}),
        (OLD, {"thinking_tokens": 32_000}, 40_192, {"type": "enabled", "budget_tokens": 32_000}),
        (OLD, {"thinking_tokens": 4000}, 4000, {"type": "enabled", "budget_tokens": 3000}),
        (OLD, {"thinking_tokens": 4000}, 1300, {"type": "disabled"}),  # no room for the least budget
        (OLD, {"thinking_tokens": 0}, 8192, {"type": "disabled"}),
        (OLD, {}, 8192, None),
        ("claude-opus-4-5", {"effort": "low"}, 8192, None),  # it has an effort, but does not adapt
        ("claude-opus-4-6", {"effort": "low"}, 8192, {"type": "adaptive"}),
        ("claude-opus-4-6", {"effort": "low", "thinking_tokens": 0}, 8192, {"type": "disabled"}),
        (NEW, {"effort": "max"}, 8192, {"type": "adaptive"}),
        (NEW, {}, 8192, None),
    ],
)
def test_thinking(model: str, options: dict[str, Any], limit: int, thinking: dict[str, Any] | None) -> None:
    sent = fields(Request(ASK.messages, limit), model, **options)
    assert sent.get("thinking") == thinking
    assert sent.get("output_config") == ({"effort": options["effort"]} if "effort" in options else None)
    assert sent["max_tokens"] == limit


@pytest.mark.parametrize(("temperature", "sent"), [(0.0, {"temperature": 0.0}), (0.5, {"temperature": 0.5}), (1.0, {})])
def test_temperature_where_a_model_has_one(temperature: float, sent: dict[str, float]) -> None:
    for made in (fields(Request(ASK.messages, None, temperature)), fields(temperature=temperature)):
        assert {name: value for name, value in made.items() if name == "temperature"} == sent
    assert "temperature" not in fields(Request(ASK.messages, None, 1.0), temperature=0.3)


@pytest.mark.parametrize(
    ("model", "options", "why"),
    [
        (NEW, {"temperature": 0.0}, "claude-opus-5 takes no temperature: leave it out"),
        (OLD, {"temperature": 0.0, "thinking_tokens": 2000}, "no temperature while it thinks"),
        ("claude-opus-4-6", {"temperature": 0.0, "effort": "low"}, "no temperature while it thinks"),
        (NEW, {"thinking_tokens": 2000}, "takes no thinking_tokens: it thinks as its effort says; give `effort`"),
        (OLD, {"thinking_tokens": 500}, "thinking_tokens is 0 or at least 1,024, not 500"),
        (NEW, {"effort": "huge"}, "effort is one of low, medium, high, xhigh, max, not 'huge'"),
        (NEW, {"cache": "2h"}, "cache is '5m', '1h' or None, not '2h'"),
        (NEW, {"extra": {"max_tokens": 1, "system": "x"}}, "extra can't set max_tokens, system"),
    ],
)
def test_what_a_model_does_not_take_is_said_before_anything_runs(model: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Anthropic(model, base_url=LOCAL, **options)


def test_a_request_with_a_temperature_that_the_model_does_not_take_is_refused() -> None:
    with pytest.raises(LMRefusedError, match="claude-opus-5 takes no temperature: leave it out"):
        fields(Request(ASK.messages, None, 0.0), NEW)


def test_what_a_profile_asks_for_stands_behind_the_messages() -> None:
    sent = fields(Request(ASK.messages, stop=("Observation:",), fields={"top_k": 20}), extra={"top_k": 5})
    assert (sent["stop_sequences"], sent["top_k"]) == (["Observation:"], 20)
    assert list(sent).index("messages") < list(sent).index("stop_sequences")


def test_keys_and_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    with pytest.raises(MissingKeyError, match=r"anthropic/m at api\.anthropic\.com needs a key: set ANTHROPIC_API_KEY"):
        Anthropic("m")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret\n")
    made = Anthropic("m")
    assert "secret" not in repr(made)
    assert (made.name, made._headers["x-api-key"]) == ("anthropic/m", "sk-ant-secret")
    assert made._url == "https://api.anthropic.com/v1/messages"
    gateway = Anthropic("m", base_url="https://gate.way/v1/?k=1", api_key="k")
    assert gateway._url == "https://gate.way/v1/messages?k=1"
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://gate.way/anthropic")
    assert Anthropic("m")._url == "https://gate.way/anthropic/v1/messages"
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert Anthropic("m", headers={"Authorization": "Bearer x"})._headers["Authorization"] == "Bearer x"


def test_a_wrong_key_is_said_without_the_key() -> None:
    with ScriptedServer(FakeAnthropic(lambda asked: Say()), chat_only=False) as server:
        wrong = Anthropic(OLD, base_url=server.url, api_key="sk-ant-wrong", policy=Policy(attempts=1))
        with pytest.raises(LMRefusedError, match=r"401: .*; the key is `api_key` or .* ANTHROPIC_API_KEY"):
            asyncio.run(wrong.complete(ASK))


# What comes back.


def test_a_reply() -> None:
    usage = {
        "input_tokens": 100,
        "cache_read_input_tokens": 800,
        "cache_creation_input_tokens": 50,
        "cache_creation": {"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 30},
    }
    content = [{"type": "thinking", "thinking": "hm", "signature": "s"}, *text("fo"), *text("ur")]
    reply = ask(lambda request: message(content, usage=usage, model="claude-x"), price=Price(1.0, 2.0))
    assert (reply.text, reply.finish, reply.model, reply.retries) == ("four", "stop", "claude-x", 0)
    assert reply.usage == Usage(1, 950, 40, cached_tokens=800, reasoning_tokens=30, cache_write_tokens=50)
    assert reply.cost is not None


@pytest.mark.parametrize(
    ("cache", "served", "rates"),
    [
        ("5m", {"service_tier": "standard"}, (5.0, 0.5, 6.25, 25.0)),
        ("1h", {"service_tier": "priority"}, (5.0, 0.5, 10.0, 25.0)),
        ("5m", {"speed": "fast", "service_tier": "standard"}, (10.0, 1.0, 12.5, 50.0)),
    ],
)
def test_a_listed_model_is_billed_by_its_tariff(cache: Any, served: dict[str, str], rates: tuple[float, ...]) -> None:
    usage = {"input_tokens": 100, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 300}
    value = {"content": text("4"), "stop_reason": "end_turn", "usage": {**usage, "output_tokens": 40, **served}}
    made = Anthropic(NEW, api_key="sk-ant-test", base_url="https://api.anthropic.com", cache=cache)
    counts = (100, 2000, 300, 40)
    bill = sum(count * rate for count, rate in zip(counts, rates, strict=True)) / 1e6
    assert made._reply(value, 0, ASK).cost == pytest.approx(bill)


def test_what_is_held_for_the_fast_tier_is_its_price() -> None:
    slow, fast = (
        Anthropic(NEW, api_key="sk-ant-test", base_url="https://api.anthropic.com", extra=extra).price
        for extra in ({}, {"speed": "fast"})
    )
    assert slow is not None
    assert fast is not None
    assert (slow.output_mtok, fast.output_mtok) == (25.0, 50.0)


def test_an_unknown_price_is_not_free() -> None:
    assert ask(Say("4")).cost is None


@pytest.mark.parametrize(
    ("answer", "fault", "why"),
    [
        (message([]), "empty", r"the reply is empty \(stop_reason 'end_turn'\)"),
        (message(text(" \n")), "empty", "the reply is empty"),
        (message([{"type": "tool_use", "name": "x", "input": {}}], "tool_use"), "empty", "'tool_use'"),
        (message(text("I"), "refusal"), "refused", "anthropic/claude-haiku-4-5: refused$"),
        (
            message([], "refusal", stop_details={"category": "bio", "explanation": "No.", "type": "refusal"}),
            "refused",
            "refused: bio: No.",
        ),
        (message(text("Let me search"), "pause_turn"), "malformed", "paused its turn for a tool of the server's"),
        (
            message([{"type": "thinking", "thinking": "hm"}], "max_tokens"),
            "thinking",
            "cut off before it answered: its 5 output tokens went into thinking",
        ),
        (message([], "model_context_window_exceeded"), "too_long", "left no room for an answer"),
        (message("four"), "malformed", "the reply is not a message"),
        (message(None), "malformed", "the reply is not a message"),
    ],
)
def test_replies_that_cannot_be_used_are_typed_and_charged(answer: Answer, fault: str, why: str) -> None:
    with pytest.raises(LMReplyError, match=why) as told:
        ask(lambda request: answer, price=Price(1.0, 1.0))
    assert told.value.fault == fault
    assert told.value.usage == Usage(1, 10, 5)
    assert told.value.cost == pytest.approx(15e-6)


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("something_new", "stop"),
        (None, "stop"),
    ],
)
def test_finish(stop: str | None, finish: str) -> None:
    assert ask(lambda request: message(text("4"), stop)).finish == finish


def test_usage_that_is_not_reported_is_estimated() -> None:
    reply = ask(lambda request: message(text("four" * 100), usage=None), price=Price(1.0, 1.0))
    assert reply.usage.input_tokens == estimate_tokens("2 + 2?")
    assert reply.usage.output_tokens >= estimate_tokens("four" * 100)


def test_a_prompt_that_is_too_long_teaches_the_window() -> None:
    with ScriptedServer(FakeAnthropic(lambda asked: Say(), window=1000), chat_only=False) as server:
        model = client(server, "claude-of-a-small-window")
        with pytest.raises(LMReplyError, match=r"too long \(anthropic/claude-of-a-small-window takes 1,000 tokens\)"):
            asyncio.run(model.complete(Request((Message("user", "word " * 2000),))))
        assert model.window == 1000


@pytest.mark.parametrize("stop", ["input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000"])
def test_prompt_and_answer_together_can_be_too_long(stop: str) -> None:
    with pytest.raises(LMReplyError) as told:
        ask(refuse(400, "invalid_request_error", stop))
    assert told.value.fault == "too_long"


# Streams.


def test_a_stream_is_read_like_a_whole() -> None:
    say = Say("Grüße, 世界 🎉" * 50, thinking="hm" * 100, stop="max_tokens")
    assert ask(say, stream=True) == ask(say, stream=False)


def test_replies_that_may_take_long_are_streamed() -> None:
    for limit, streamed in ((21_333, False), (21_334, True)):
        with ScriptedServer(FakeAnthropic(lambda asked: Say()), chat_only=False) as server:
            asyncio.run(client(server, NEW).complete(Request(ASK.messages, limit)))
        assert server.requests[0].value.get("stream", False) is streamed


def test_a_cancelled_stream_says_what_it_had_consumed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeAnthropic(lambda asked: Say("four " * 100, breaks=True))

    def respond(request: Received) -> Answer:
        made = fake(request)
        return Answer(body=(made.body or "") + ": " + "." * 20, headers=made.headers, fault="stall")

    async def cancel(model: Anthropic) -> CallCancelled:
        heard = asyncio.Event()

        class Listening(Assembler):
            def feed(self, event: str, data: dict[str, Any]) -> None:
                super().feed(event, data)
                if (self.value() or {}).get("content", [{}])[-1:] == text("four " * 100):
                    heard.set()

        monkeypatch.setattr("rlm.lms.anthropic.Assembler", Listening)
        task = asyncio.create_task(model.complete(Request((Message("user", "word " * 100),))))
        await heard.wait()
        task.cancel()
        with pytest.raises(CallCancelled) as told:
            await task
        return told.value

    with ScriptedServer(respond, chat_only=False) as server:
        told = asyncio.run(cancel(client(server, stream=True, price=Price(1.0, 1.0))))
    assert told.usage.calls == 1
    assert told.usage.input_tokens == fake.usages[0]["input_tokens"]
    assert told.usage.output_tokens == estimate_tokens("four " * 100)
    assert told.cost == pytest.approx(told.usage.tokens / 1e6)


def read_or_refuse(value: dict[str, Any]) -> Reply | LMReplyError:
    try:
        return Anthropic(OLD, base_url=LOCAL)._reply(value, 0, ASK)
    except LMReplyError as error:
        return error


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("content", "stop_reason", "usage", "stop_details"), JUNK)))
def test_a_malformed_reply_is_an_error_of_ours(value: dict[str, Any]) -> None:
    made = read_or_refuse(value)
    assert made.usage is not None
    assert isinstance(made, LMReplyError) or made.text.strip()


KINDS = ("message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop", "ping")
EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional=dict.fromkeys(("message", "index", "content_block", "delta", "usage"), JUNK),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(EVENT, max_size=8))
def test_malformed_events_make_a_reply_or_an_error_of_ours(events: list[dict[str, Any]]) -> None:
    made = Assembler()
    for data in events:
        made.feed(data["type"], data)
    if (value := made.value()) is not None:
        assert read_or_refuse(value).usage is not None
