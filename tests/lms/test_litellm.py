"""LiteLLM behind our client: its own mock, and the scripted server through its OpenAI client."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from rlm.errors import ConfigError, LMRefusedError, LMReplyError, LMUnavailableError, MissingKeyError
from rlm.lms.base import Price, estimate_tokens
from rlm.lms.http import Policy
from rlm.lms.litellm import LiteLLM
from rlm.lms.scripted_server import Answer, Received, ScriptedServer
from rlm.types import Message, Reply, Request, Usage

pytestmark = pytest.mark.slow  # to import LiteLLM takes 3 s
KEYED = {"api_key": "sk-in-options"}

ASK = Request((Message("system", "Be brief."), Message("user", "2 + 2?")))
FAST = Policy(attempts=3, backoff=0.001)
USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "total_tokens": 1100,
    "prompt_tokens_details": {"cached_tokens": 800},
    "completion_tokens_details": {"reasoning_tokens": 64},
}


async def closing(call: Any) -> Reply:
    """A call in a loop of its own, whose connections LiteLLM would leave open."""
    import litellm

    try:
        reply: Reply = await call
        return reply
    finally:
        await litellm.close_litellm_async_clients()


def ask(
    answer: Answer | Callable[[Received], Answer],
    request: Request = ASK,
    model: str = "openai/gpt-test",
    **options: Any,
) -> tuple[Reply, list[Received]]:
    """The client's reply, and what the server had received."""
    respond = answer if callable(answer) else lambda request: answer
    with ScriptedServer(respond) as server:
        extra = {"api_base": server.url, "api_key": "sk-in-options", **options.pop("extra", {})}
        lm = LiteLLM(model, extra=extra, **{"policy": FAST, **options})
        return asyncio.run(closing(lm.complete(request))), server.requests


def mocked(said: str, **options: Any) -> Reply:
    lm = LiteLLM("openai/gpt-4o-mini", extra={"mock_response": said}, **{"policy": FAST, **options})
    return asyncio.run(closing(lm.complete(ASK)))


def test_a_mocked_reply() -> None:
    reply = mocked("four")
    assert (reply.text, reply.finish, reply.retries) == ("four", "stop", 0)
    assert reply.cost is not None
    assert reply.cost > 0
    assert mocked("four", price=Price(1e6, 0.0)).cost == reply.usage.input_tokens


@pytest.mark.parametrize(
    ("said", "error", "fault"),
    [
        ("litellm.RateLimitError", LMUnavailableError, None),
        ("litellm.InternalServerError", LMUnavailableError, None),
        ("litellm.ContextWindowExceededError", LMReplyError, "too_long"),
    ],
)
def test_mocked_errors(said: str, error: type[Exception], fault: str | None) -> None:
    with pytest.raises(error, match=r"^litellm/openai/gpt-4o-mini: ") as caught:
        mocked(said)
    assert getattr(caught.value, "fault", None) == fault


def test_a_reply_over_the_wire() -> None:
    reply, requests = ask(
        Answer("4", usage=USAGE),
        Request(ASK.messages, max_tokens=9, temperature=0.0),
        price=Price(1.0, 2.0, cached_mtok=0.5),
        extra={"seed": 1},
    )
    assert reply == Reply(
        text="4",
        usage=Usage(1, 1000, 100, cached_tokens=800, reasoning_tokens=64),
        cost=pytest.approx((200 * 1.0 + 800 * 0.5 + 100 * 2.0) / 1e6),
        finish="stop",
        model="gpt-test",
        retries=0,
    )
    sent = requests[0].value
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}]
    assert (sent["max_tokens"], sent["temperature"], sent["seed"]) == (9, 0.0, 1)
    assert requests[0].headers["authorization"] == "Bearer sk-in-options"


def test_what_is_listed() -> None:
    lm = LiteLLM("openai/gpt-4o-mini", extra=KEYED)
    assert (lm.window, lm.price) == (128_000, Price(0.15, 0.6, 0.075))
    tiered = LiteLLM("gemini/gemini-2.5-pro", extra=KEYED)
    long = Price(2.5, 15.0, pytest.approx(0.25))
    assert (tiered.window, tiered.price) == (1_048_576, Price(1.25, 10.0, 0.125, over=(200_000, long)))
    for unlisted in ("openai/gpt-test", "nobody/nothing"):
        lm = LiteLLM(unlisted, extra=KEYED)
        assert (lm.window, lm.price) == (None, None)
    assert LiteLLM("openai/gpt-test", extra=KEYED, window=5, price=Price(1.0, 1.0)).window == 5
    subscribed = LiteLLM("bedrock/us-east-1/1-month-commitment/anthropic.claude-v1")  # $0.0175 a second
    assert (subscribed.window, subscribed.price) == (100_000, None)
    assert LiteLLM("ollama/llama3").price == Price(0.0, 0.0)
    assert ask(Answer("4", usage=USAGE))[0].cost is None
    charged = ask(Answer("4", usage=USAGE), model="openai/gpt-4o-mini")[0].cost
    assert charged == pytest.approx((200 * 0.15 + 800 * 0.075 + 100 * 0.6) / 1e6)


def test_usage_that_is_not_reported_is_estimated() -> None:
    reply, _ = ask(Answer("four" * 100, usage={}))
    assert reply.usage.input_tokens == estimate_tokens("Be brief.") + estimate_tokens("2 + 2?")
    assert reply.usage.output_tokens >= estimate_tokens("four" * 100)


@pytest.mark.parametrize(("wire", "finish"), [("stop", "stop"), ("length", "length"), ("content_filter", "filter")])
def test_finish(wire: str, finish: str) -> None:
    assert ask(Answer("4", finish=wire))[0].finish == finish


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(""), "empty"),
        (Answer(None, finish="length", usage=USAGE), "thinking"),
        (Answer(None, finish="content_filter"), "filtered"),
        (Answer(None, message={"refusal": "I won't."}), "refused"),
    ],
)
def test_a_reply_that_can_not_be_used_is_charged_all_the_same(answer: Answer, fault: str) -> None:
    with pytest.raises(LMReplyError, match=r"^litellm/openai/gpt-test") as caught:
        ask(answer, price=Price(1e6, 0.0))
    assert caught.value.fault == fault
    assert caught.value.usage is not None
    assert caught.value.cost == caught.value.usage.input_tokens > 0


def test_what_may_pass_is_tried_again_here_and_not_there() -> None:
    answers = iter([Answer("busy", status=429, headers={"Retry-After": "0"}), Answer("no", status=503), Answer("4")])
    reply, requests = ask(lambda request: next(answers))
    assert (reply.text, reply.retries, len(requests)) == ("4", 2, 3)
    answers = iter([Answer(fault="reset"), Answer("4")])
    assert ask(lambda request: next(answers))[0].retries == 1


def test_a_wait_that_is_too_long_is_not_begun() -> None:
    with pytest.raises(
        LMUnavailableError, match=r"^litellm/openai/gpt-test: 429: .*busy; sent once; it asks to wait 3,600 s"
    ):
        ask(Answer("busy", status=429, headers={"Retry-After": "3600"}))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("Incorrect API key: sk-in-options", status=401), r"401: .*API key: \*\*\*$"),
        (Answer("no such model", status=404), "404: .*no such model"),
        (Answer("broke", status=429, error={"code": "insufficient_quota"}), "no credit left"),
    ],
)
def test_refusals_are_not_tried_again_and_hold_no_key(answer: Answer, said: str) -> None:
    received: list[Received] = []
    with pytest.raises(LMRefusedError, match=said) as caught:
        ask(lambda request: received.append(request) or answer)  # type: ignore[func-returns-value]
    assert len(received) == 1
    assert caught.value.__cause__ is None
    assert "sk-in" not in str(caught.value)


def test_a_prompt_that_is_too_long_teaches_the_window() -> None:
    message = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    error = {"code": "context_length_exceeded", "type": "invalid_request_error"}
    with pytest.raises(LMReplyError, match="the prompt is too long: split it, or send less") as caught:
        ask(Answer(message, status=400, error=error))
    assert (caught.value.fault, caught.value.usage) == ("too_long", None)
    assert LiteLLM("openai/gpt-test", extra=KEYED).window == 8192


def test_a_time_out_is_ours() -> None:
    with pytest.raises(LMUnavailableError, match="sent 2 times"):
        ask(Answer(fault="hang"), policy=Policy(attempts=2, attempt=0.1, backoff=0.001))


def test_a_cancelled_call_closes_its_connection() -> None:
    with ScriptedServer(lambda request: Answer(fault="hang")) as server:
        lm = LiteLLM("openai/gpt-test", extra={"api_base": server.url, "api_key": "k"})

        async def cancel() -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(lm.complete(ASK), 0.2)
            await asyncio.sleep(0.05)

        asyncio.run(closing(cancel()))
        assert server.closed == 1


def test_a_missing_key_is_told_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(MissingKeyError, match="litellm/anthropic/claude-x needs a key: set ANTHROPIC_API_KEY"):
        LiteLLM("anthropic/claude-x")


def test_an_endpoint_gets_the_key_that_was_given_with_it_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    for name in ("api_base", "base_url"):
        with pytest.raises(MissingKeyError, match=r"litellm/openai/x at example\.com needs a key of its own"):
            LiteLLM("openai/x", extra={name: "https://example.com/v1"})
    with ScriptedServer(lambda request: Answer("4")) as server:
        lm = LiteLLM("openai/x", extra={"api_base": server.url})
        asyncio.run(closing(lm.complete(ASK)))
        assert "sk-of-openai" not in str(server.requests[0].headers)


def test_models_and_keys_have_a_rate_limit_each() -> None:
    made = [LiteLLM("openai/x", extra=KEYED), LiteLLM("openai/x", extra=KEYED), LiteLLM("openai/y", extra=KEYED)]
    accounts = [lm._account for lm in (*made, LiteLLM("openai/x", extra={"api_key": "another"}))]
    assert accounts[0] == accounts[1]
    assert len(set(accounts)) == 3
    assert "sk-in-options" not in str(accounts)


def test_a_key_of_the_config_file_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setattr("rlm.config.variable", lambda name: "k-config" if name == "ANTHROPIC_API_KEY" else "")
    assert LiteLLM("anthropic/claude-x")._found == {"api_key": "k-config"}


def test_options_that_can_not_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="extra can't set max_tokens, num_retries"):
        LiteLLM("openai/x", extra={"num_retries": 3, "max_tokens": 1})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"litellm/openai/x needs LiteLLM: pip install 'rlm-engine\[litellm\]'"):
        LiteLLM("openai/x")


def test_what_answers_depend_on_is_told_without_a_key() -> None:
    extra = {
        "api_base": "http://host/v1",
        "api_key": "k",
        "aws_secret_access_key": "s",
        "vertex_credentials": "c",
        "seed": 1,
    }
    assert LiteLLM("openai/x", temperature=0.0, extra=extra).settings == {
        "max_tokens": None,
        "temperature": 0.0,
        "extra": {"api_base": "http://host/v1", "seed": 1},
    }


def test_it_is_imported_late_and_quietly(tmp_path: Any) -> None:
    """To know the client imports nothing; making one prints nothing, and reads no `.env` of the working folder."""
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-of-somebodys-project\n")
    code = """
import sys
from rlm.errors import MissingKeyError
from rlm.lms.litellm import LiteLLM
assert "litellm" not in sys.modules
assert LiteLLM("nobody/nothing").price is None
try:
    LiteLLM("openai/gpt-test")
except MissingKeyError as error:
    print(error)
"""
    settings = {name: value for name, value in os.environ.items() if "KEY" not in name and "LITELLM" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("litellm/openai/gpt-test needs a key: set OPENAI_API_KEY\n", "")


def test_the_wire_is_litellms_own() -> None:
    """What the scripted server answers is what LiteLLM itself reads as a chat completion."""
    import litellm

    async def theirs(url: str) -> Any:
        try:
            return await litellm.acompletion(
                model="openai/gpt-test", messages=[{"role": "user", "content": "hi"}], api_base=url, api_key="k"
            )
        finally:
            await litellm.close_litellm_async_clients()

    with ScriptedServer(lambda request: Answer("Grüße", usage=USAGE)) as server:
        response = asyncio.run(theirs(server.url))
    assert response.choices[0].message.content == "Grüße"
    assert json.loads(response.usage.model_dump_json())["prompt_tokens"] == 1000
