"""The OpenAI client: what it sends, and what it makes of what comes back."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import ConfigError, LMRefusedError, LMReplyError, MissingKeyError
from rlm.lms.base import Price, estimate_tokens
from rlm.lms.chat import CHAT
from rlm.lms.openai import OpenAI
from rlm.lms.scripted_server import Answer, Received, ScriptedServer, respond_from
from rlm.types import Message, Reply, Request, Usage

ASK = Request((Message("system", "Be brief."), Message("user", "2 + 2?")))
LOCAL = "http://127.0.0.1:9/v1"


def ask(answer: Answer | Callable[[Received], Answer], request: Request = ASK, **options: Any) -> tuple[Reply, Any]:
    """The client's reply, and the body that it sent."""
    respond = answer if callable(answer) else lambda request: answer
    with ScriptedServer(respond) as server:
        reply = asyncio.run(OpenAI("gpt-test", base_url=server.url, **options).complete(request))
        return reply, server.requests[-1].value


def body(request: Request, **options: Any) -> bytes:
    lm = OpenAI("gpt-test", base_url=LOCAL, **options)
    return lm._body(request, lm._terms)


def test_a_reply() -> None:
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 800, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 64},
    }
    reply, sent = ask(Answer("4", usage=usage), price=Price(1.0, 2.0, cached_mtok=0.5))
    assert reply == Reply(
        text="4",
        usage=Usage(1, 1000, 100, cached_tokens=800, reasoning_tokens=64),
        cost=pytest.approx((200 * 1.0 + 800 * 0.5 + 100 * 2.0) / 1e6),
        finish="stop",
        model="gpt-test",
        retries=0,
    )
    assert sent == {
        "model": "gpt-test",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}],
    }


def test_what_the_endpoint_says_it_charged_counts() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "cost": 0.0123}
    assert ask(Answer("4", usage=usage), price=Price(1.0, 2.0))[0].cost == 0.0123


@pytest.mark.parametrize("said", ["NaN", "Infinity", "-1.0", '"free"', "null"])
def test_a_charge_that_is_none_is_not_believed(said: str) -> None:
    choices = '[{"message": {"content": "4"}, "finish_reason": "stop"}]'
    text = f'{{"choices": {choices}, "usage": {{"prompt_tokens": 2, "completion_tokens": 1, "cost": {said}}}}}'
    assert ask(Answer(body=text), price=Price(1e6, 1e6))[0].cost == 3.0


def test_thinking_that_only_the_total_counts_is_output() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 52}
    details = {"completion_tokens_details": {"reasoning_tokens": 40}}
    assert ask(Answer("4", usage=usage | details))[0].usage == Usage(1, 10, 42, reasoning_tokens=40)


def test_cache_hits_by_their_other_name() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 2}
    assert ask(Answer("4", usage=usage))[0].usage.cached_tokens == 8


def test_an_unknown_price_is_not_free() -> None:
    assert ask(Answer("4"))[0].cost is None


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens_details": None}, {"prompt_tokens": 0, "completion_tokens": 0}])
def test_usage_that_is_not_reported_is_estimated(usage: dict[str, Any]) -> None:
    reply, _ = ask(Answer("four" * 100, usage=usage), price=Price(1.0, 1.0))
    asked = estimate_tokens("Be brief.") + estimate_tokens("2 + 2?")
    assert reply.usage.input_tokens == asked
    assert reply.usage.output_tokens >= estimate_tokens("four" * 100)
    assert reply.cost == pytest.approx(reply.usage.tokens / 1e6)


def test_null_details_of_the_usage_are_none_used() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": None, "completion_tokens_details": {}}
    assert ask(Answer("4", usage=usage))[0].usage == Usage(1, 3, 2)


@pytest.mark.parametrize(
    ("wire", "finish"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "filter"), (None, "stop"), (["odd"], "stop")],
)
def test_finish(wire: Any, finish: str) -> None:
    assert ask(Answer("4", finish=wire))[0].finish == finish


def test_thinking_is_no_part_of_the_reply() -> None:
    assert ask(Answer("4", message={"reasoning_content": "two and two", "reasoning": "..."}))[0].text == "4"


def test_content_in_parts_is_put_together() -> None:
    parts = {"content": [{"type": "text", "text": "fo"}, {"type": "text", "text": "ur"}]}
    assert ask(Answer(message=parts))[0].text == "four"


@pytest.mark.parametrize(
    ("answer", "fault", "said"),
    [
        (Answer(None), "empty", r"the reply is empty \(finish_reason 'stop'\)"),
        (Answer(""), "empty", r"the reply is empty \(finish_reason 'stop'\)"),
        (Answer(" \n"), "empty", r"the reply is empty \(finish_reason 'stop'\)"),
        (Answer(None, finish="content_filter"), "filtered", r"the reply is empty \(its content filter stopped it\)"),
        (Answer(None, message={"refusal": "I won't."}), "refused", r"refused: I won't\."),
        (Answer(None, finish="length"), "thinking", "cut off before it answered: its 0 output tokens went into think"),
        (Answer("half an ans", finish="error"), "malformed", "the answer broke off with an error"),
        (Answer(None, finish="tool_calls", message={"tool_calls": []}), "empty", r"\(finish_reason 'tool_calls'\)"),
    ],
)
def test_a_reply_that_can_not_be_used_is_charged_all_the_same(answer: Answer, fault: str, said: str) -> None:
    with pytest.raises(LMReplyError, match=said) as caught:
        ask(answer, price=Price(4.0, 0.0))
    assert caught.value.fault == fault
    assert caught.value.usage == Usage(1, 3, len(answer.text or "") // 4)
    assert caught.value.cost == pytest.approx(12e-6)


@pytest.mark.parametrize("text", ['{"choices": []}', "{}", '{"choices": null}', '{"choices": ["x"]}'])
def test_what_is_no_chat_completion(text: str) -> None:
    with pytest.raises(LMReplyError, match="openai/gpt-test: the reply is not a chat completion"):
        ask(Answer(body=text))


def test_retries_are_counted() -> None:
    answers = iter([Answer("busy", status=429, headers={"retry-after-ms": "1"}), Answer("4")])
    assert ask(lambda request: next(answers))[0].retries == 1


def test_a_wrong_key_is_told_with_its_variable_and_without_the_key() -> None:
    key = "sk-not-a-good-one"
    with pytest.raises(LMRefusedError) as caught:
        ask(Answer(f"Incorrect API key: {key}", status=401), api_key=key)
    assert str(caught.value) == (
        "openai/gpt-test: 401: Incorrect API key: ***; the key is `api_key` or the variable OPENAI_API_KEY"
    )


def test_an_unknown_model_is_told_with_where_it_was_looked_for() -> None:
    with pytest.raises(LMRefusedError, match=r"404: no such model; is 'gpt-test' a model at 127\.0\.0\.1"):
        ask(Answer("no such model", status=404))


def test_a_missing_key_is_told_before_anything_runs() -> None:
    with pytest.raises(MissingKeyError, match=r"openai/gpt-test at api\.openai\.com needs a key: set OPENAI_API_KEY"):
        OpenAI("gpt-test")


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", "http://127.0.0.1:1/v1", "http://[::1]:8000/v1"])
def test_an_endpoint_on_this_machine_needs_no_key(url: str) -> None:
    assert "Authorization" not in OpenAI("gpt-test", base_url=url)._headers


@pytest.mark.parametrize("name", ["Authorization", "api-key", "x-portkey-api-key"])
def test_a_key_in_a_header_is_a_key(name: str) -> None:
    lm = OpenAI("gpt-test", base_url="https://models.example/v1", headers={name: "secret"})
    assert lm._headers == {name: "secret", "Content-Type": "application/json"}
    with pytest.raises(MissingKeyError):
        OpenAI("gpt-test", base_url="https://models.example/v1", headers={"X-Title": "mine"})


def test_key_and_url_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(lambda request: Answer("4")) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
        asyncio.run(OpenAI("gpt-test").complete(ASK))
        asyncio.run(OpenAI("gpt-test", api_key="sk-given", headers={"X-Title": "test"}).complete(ASK))
    first, second = (request.headers for request in server.requests)
    assert first["authorization"] == "Bearer sk-of-the-environment"
    assert second["authorization"] == "Bearer sk-given"
    assert second["x-title"] == "test"


def test_the_environments_key_goes_to_the_environments_url_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    said = r"openai/m at api\.other\.example needs a key: give `api_key` \(OPENAI_API_KEY is for api\.openai\.com\)"
    with pytest.raises(MissingKeyError, match=said):
        OpenAI("m", base_url="https://api.other.example/v1")
    assert "Authorization" not in OpenAI("m", base_url=LOCAL)._headers
    given = OpenAI("m", base_url="https://api.other.example/v1", api_key="sk-other")
    assert given._headers["Authorization"] == "Bearer sk-other"
    same = OpenAI("m", base_url="https://api.openai.com/v1/")
    assert same._headers["Authorization"] == "Bearer sk-openai"


@pytest.mark.parametrize(
    ("base", "path"), [("/v1", ""), ("/v1/", ""), ("/v1?api-version=1", "?api-version=1"), ("/v1/?a=b", "?a=b")]
)
def test_where_requests_go(base: str, path: str) -> None:
    with ScriptedServer(lambda request: Answer("4")) as server:
        asyncio.run(OpenAI("gpt-test", base_url=server.url.removesuffix("/v1") + base).complete(ASK))
    assert server.requests[0].path == f"/v1/chat/completions{path}"


def test_keys_are_not_shown() -> None:
    lm = OpenAI("gpt-test", base_url=f"{LOCAL}?key=sk-other", api_key="sk-secret")
    assert repr(lm) == f"OpenAI('gpt-test', base_url='{LOCAL}')"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("api.openai.com/v1", "must look like https://host/v1"),
        ("ftp://host/v1", "must look like https://host/v1"),
        ("http://[::1/v1", "must look like https://host/v1"),
        ("https://user:secret@host/v1", "must not hold a password"),
    ],
)
def test_a_base_url_that_is_none(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        OpenAI("gpt-test", base_url=url, api_key="sk-x")
    assert "secret" not in str(caught.value)


def test_sampling_and_limits_are_sent() -> None:
    extra = {"reasoning_effort": "low", "seed": 7}
    sent = json.loads(body(Request(ASK.messages, max_tokens=50, temperature=0.5), extra=extra, max_tokens=9))
    assert list(sent) == ["model", "reasoning_effort", "seed", "messages", "max_tokens", "temperature"]
    assert (sent["max_tokens"], sent["temperature"], sent["reasoning_effort"], sent["seed"]) == (50, 0.5, "low", 7)
    sent = json.loads(body(ASK, max_tokens=9, temperature=0.0))
    assert (sent["max_tokens"], sent["temperature"]) == (9, 0.0)


@pytest.mark.parametrize(
    ("url", "options", "field"),
    [
        ("https://api.openai.com/v1", {}, "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", {}, "max_completion_tokens"),
        ("https://example.openai.azure.com/openai/v1", {}, "max_completion_tokens"),
        ("https://openrouter.ai/api/v1", {}, "max_tokens"),
        ("https://notopenai.com/v1", {}, "max_tokens"),
        ("https://openrouter.ai/api/v1", {"max_tokens_field": "max_completion_tokens"}, "max_completion_tokens"),
    ],
)
def test_the_limit_has_the_endpoints_name(url: str, options: dict[str, Any], field: str) -> None:
    lm = OpenAI("gpt-test", base_url=url, api_key="sk-x", **options)
    assert json.loads(lm._body(Request(ASK.messages, max_tokens=5), lm._terms))[field] == 5


def test_extra_fields_can_not_replace_ours() -> None:
    with pytest.raises(ConfigError, match="extra can't set messages, stream"):
        OpenAI("gpt-test", base_url=LOCAL, extra={"stream": True, "messages": []})
    with pytest.raises(ConfigError, match="extra can't set max_completion_tokens"):
        OpenAI("gpt-test", base_url=LOCAL, extra={"max_completion_tokens": 10**6})


def test_an_endpoint_that_names_the_limit_otherwise_is_told_how() -> None:
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    with pytest.raises(LMRefusedError, match="can be given, as `max_tokens_field`"):
        ask(Answer(said, status=400))


def test_a_growing_conversation_begins_with_the_last_ones_bytes() -> None:
    """Prompt caches hit on what came before, so nothing before the newest message may differ, limits included."""
    messages: list[Message] = [Message("system", 'Say "ü" and \n\\ and 🎉.')]
    bodies = []
    for turn in range(6):
        messages += [Message("user", f"output {turn} " + "né" * turn)]
        bodies.append(body(Request(tuple(messages), max_tokens=1000 - turn, temperature=0.1 * turn)))
        messages += [Message("assistant", f"```repl\nprint({turn})\n```")]
    ends = [json.dumps(json.loads(one)["messages"][-1], ensure_ascii=False, separators=(",", ":")) for one in bodies]
    for last, end, following in zip(bodies, ends, bodies[1:], strict=False):
        prefix = last[: last.index(end.encode()) + len(end.encode())]
        assert following.startswith(prefix + b",")


def test_half_a_surrogate_pair_is_sent_as_the_replacement_character() -> None:
    sent = json.loads(body(Request((Message("user", "a\ud800b\U0001f389"),))))
    assert sent["messages"][0]["content"] == "a\ufffdb\U0001f389"


def test_window_and_price_are_looked_up_where_none_is_given() -> None:
    lm = OpenAI("gpt-5-mini", api_key="sk-x")
    assert lm.window == 400_000
    assert lm.price is not None
    assert (lm.price.input_mtok, lm.price.output_mtok) == (0.25, 2.0)
    lm.price = Price(9.0, 9.0)
    assert lm.price == Price(9.0, 9.0)
    given = OpenAI("gpt-5-mini", api_key="sk-x", window=1000, price=Price(0.0, 0.0))
    assert (given.window, given.price) == (1000, Price(0.0, 0.0))


def test_an_unknown_model_has_neither() -> None:
    lm = OpenAI("no-such-model", api_key="sk-x")
    assert (lm.window, lm.price) == (None, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def partly(**fields: Any) -> Any:
    """Objects of these fields, any of which may be something else or missing."""
    return JSON | st.fixed_dictionaries({}, optional={name: JSON | value for name, value in fields.items()})


DETAILS = partly(cached_tokens=st.integers(), reasoning_tokens=st.integers())
MESSAGE = partly(content=st.text(), refusal=st.text())
REPLY = partly(
    model=st.text(),
    choices=st.lists(partly(message=MESSAGE, finish_reason=st.sampled_from(["stop", "length"])), max_size=2),
    usage=partly(
        prompt_tokens=st.integers() | st.just(10**400),
        completion_tokens=st.integers(),
        prompt_tokens_details=DETAILS,
        completion_tokens_details=DETAILS,
        cost=st.floats() | st.just(10**400),
    ),
)


@pytest.mark.slow
@settings(max_examples=200, derandomize=True, deadline=None)
@given(REPLY.filter(lambda value: isinstance(value, dict)))
def test_whatever_comes_back_is_a_reply_or_a_typed_error(value: dict[str, Any]) -> None:
    lm = OpenAI("gpt-test", base_url=LOCAL, price=Price(1.0, 2.0))
    try:
        got: Reply | LMReplyError = lm._reply(value, 0, ASK, CHAT)
    except LMReplyError as error:
        got = error
    assert got.usage is not None
    assert got.cost is not None
    assert 0 <= got.cost < 1e10
    assert 0 <= got.usage.tokens < 1e10
    if isinstance(got, Reply):
        assert got.text.strip()


def test_a_key_is_what_is_left_without_its_line_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-abc\n")
    with ScriptedServer(respond_from({"m": ["hello"]})) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        reply = asyncio.run(OpenAI("m").complete(Request((Message("user", "hi"),))))
    assert reply.text == "hello"
    assert server.requests[0].headers["authorization"] == "Bearer sk-abc"


def test_a_header_that_can_not_be_sent_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match="a header holds a control character: 'X-A'"):
        OpenAI("m", base_url="http://127.0.0.1:9", headers={"X-A": "a\r\nX-B: b"})
