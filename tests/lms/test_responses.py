"""Responses: what is asked for, what is made of each kind of answer, and which models are asked so."""

import json
from typing import Any

import pytest

from rlm.backends import model_of
from rlm.errors import ConfigError, LMReplyError
from rlm.lms.base import Price
from rlm.lms.openai import OpenAI
from rlm.lms.responses import RESPONSES, Events, only_here, prompt, read
from rlm.types import Message, Reply, Request, Usage

USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 16, "cache_write_tokens": 8},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 12},
    "total_tokens": 50,
}
LOCAL = "http://127.0.0.1:9/v1"


def message(*parts: str | dict[str, Any], **fields: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": part} if isinstance(part, str) else part for part in parts]
    return {"type": "message", "role": "assistant", "content": content, **fields}


def response(*output: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"object": "response", "status": "completed", "model": "m-1", "output": [*output], "usage": USAGE, **fields}


def reply(value: dict[str, Any]) -> Reply:
    lm = OpenAI("m", api="responses", base_url=LOCAL, price=Price(1.0, 2.0, cached_mtok=0.5, cache_write_mtok=4.0))
    return lm._reply(value, 0, Request((Message("user", "hi"),)), RESPONSES)


def test_a_response() -> None:
    assert reply(response({"type": "reasoning", "summary": []}, message("Four."))) == Reply(
        text="Four.",
        usage=Usage(1, 30, 20, cached_tokens=16, reasoning_tokens=12, cache_write_tokens=8),
        cost=pytest.approx((6 * 1.0 + 16 * 0.5 + 8 * 4.0 + 20 * 2.0) / 1e6),
        model="m-1",
    )


def test_parts_are_joined_and_messages_stand_below_each_other() -> None:
    two = response(message("First ", "part.", phase="commentary"), message(""), message("```repl\n1\n```"))
    assert reply(two).text == "First part.\n```repl\n1\n```"


def test_a_refusal_beside_text_is_no_refusal() -> None:
    assert reply(response(message("Yes.", {"type": "refusal", "refusal": "No."}))).text == "Yes."


@pytest.mark.parametrize(
    ("value", "fault", "said"),
    [
        (response(message()), "empty", r"the reply is empty \(status 'completed'\)"),
        (response(), "empty", r"the reply is empty \(status 'completed'\)"),
        (response(status="cancelled"), "empty", r"the reply is empty \(status 'cancelled'\)"),
        (response(message({"type": "refusal", "refusal": "I won't."})), "refused", r"refused: I won't\."),
        (
            response({"type": "reasoning"}, status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            "thinking",
            "its 20 output tokens went into thinking",
        ),
        (
            response(status="incomplete", incomplete_details={"reason": "content_filter"}),
            "filtered",
            "its content filter stopped it",
        ),
        ({"object": "list"}, "malformed", "the reply is not a response"),
        (response(output=None), "malformed", "the reply is not a response"),
        (response(output=[3]), "malformed", "the reply is not a response"),
        (response(message(3)), "malformed", "the reply is not a response"),  # type: ignore[arg-type]
    ],
)
def test_a_response_that_can_not_be_used(value: Any, fault: str, said: str) -> None:
    with pytest.raises(LMReplyError, match=said) as caught:
        reply(value)
    assert caught.value.fault == fault
    assert caught.value.usage is not None
    assert caught.value.usage.calls == 1


@pytest.mark.parametrize("usage", [None, {"input_tokens": 0, "output_tokens": 0}])
def test_usage_that_is_not_reported_is_estimated(usage: Any) -> None:
    got = reply(response(message("word " * 100), usage=usage))
    assert got.usage.input_tokens == 1
    assert got.usage.output_tokens > 100


def test_the_conversation() -> None:
    messages = [Message("system", "Be brief."), Message("user", "a"), Message("assistant", "b"), Message("system", "c")]
    assert prompt(messages) == {
        "store": False,
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "system", "content": "c"},
        ],
    }
    assert prompt(messages[1:2]) == {"store": False, "input": [{"role": "user", "content": "a"}]}


def test_what_is_sent() -> None:
    lm = OpenAI("m", api="responses", base_url=LOCAL, reasoning_effort="low", temperature=0.5, extra={"metadata": {}})
    sent = json.loads(lm._body(Request((Message("user", "hi"),), max_tokens=20), lm._terms))
    assert list(sent) == ["model", "reasoning", "metadata", "store", "input", "max_output_tokens", "temperature"]
    assert (sent["reasoning"], sent["max_output_tokens"], sent["store"]) == ({"effort": "low"}, 20, False)


@pytest.mark.parametrize(("said", "sent"), [("high", {"effort": "high"}), (None, None)])
def test_an_effort_by_the_name_of_chat_completions_is_sent_by_the_name_of_responses(said: Any, sent: Any) -> None:
    lm = model_of("openai", {"model_name": "o1-pro", "api_key": "k", "sampling_args": {"reasoning_effort": said}})
    assert isinstance(lm, OpenAI)
    body = json.loads(lm._body(Request((Message("user", "hi"),)), lm._terms))
    assert (body.get("reasoning"), "reasoning_effort" in body, "input" in body) == (sent, False, True)
    chat = OpenAI("m", api="chat", base_url=LOCAL, extra={"reasoning_effort": "high"})
    assert json.loads(chat._body(Request((Message("user", "hi"),)), chat._terms))["reasoning_effort"] == "high"


@pytest.mark.parametrize(
    ("model", "only"),
    [
        ("o1-pro", True),
        ("o3-pro-2025-06-10", True),
        ("gpt-5-pro", True),
        ("gpt-5.5-pro-2026-04-23", True),
        ("gpt-5-codex", True),
        ("gpt-5.1-codex-mini", True),
        ("o4-mini-deep-research", True),
        ("computer-use-preview-2025-03-11", True),
        ("gpt-5", False),
        ("gpt-5.2-chat-latest", False),
        ("o3", False),
        ("gpt-4o-mini", False),
        ("my-pro", False),
    ],
)
def test_which_models_only_responses_serves(model: str, only: bool) -> None:
    assert only_here(model) is only
    assert (OpenAI(model, api_key="sk-x")._terms.format is RESPONSES) is only
    # Elsewhere, a model of that name may be anything; and the caller has the last word.
    assert OpenAI(model, base_url="https://models.example/v1", api_key="sk-x")._terms.format is not RESPONSES
    assert OpenAI(model, api="chat", api_key="sk-x")._terms.format is not RESPONSES
    assert OpenAI(model, api="responses", api_key="sk-x")._terms.format is RESPONSES


def test_another_api_is_none() -> None:
    with pytest.raises(ConfigError, match="api is 'chat' or 'responses', not 'completions'"):
        OpenAI("m", api="completions", api_key="sk-x")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["store", "input", "instructions", "background", "max_output_tokens"])
def test_extra_fields_can_not_replace_ours(name: str) -> None:
    with pytest.raises(ConfigError, match=f"extra can't set {name}"):
        OpenAI("m", api="responses", api_key="sk-x", extra={name: True})


def test_a_stream_so_far_holds_all_that_came() -> None:
    events = Events()
    assert events.value() is None
    events.feed("response.created", {"type": "response.created", "response": {"model": "m-1", "output": []}})
    events.feed("response.reasoning_summary_text.delta", {"delta": "hm"})
    events.feed("response.output_text.delta", {"delta": "Fo"})
    events.feed("response.output_text.delta", {"delta": ["odd"]})
    events.feed("response.from.the.future", {"more": 1})
    value = events.value()
    assert value is not None
    assert (events.whole, read(value).text, value["model"]) == (False, "hmFo", "m-1")
