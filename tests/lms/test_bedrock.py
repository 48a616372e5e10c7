"""Models on Bedrock: signed by us and by the vendors' clients, asked and read alike."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import boto3
import pytest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from lms.fakes.anthropic import Say, refuse
from lms.fakes.bedrock import API_KEY, KEY_ID, REGION, SECRET, TOKEN, FakeBedrock, converse, fail
from rlm.errors import ConfigError, LMRefusedError, LMReplyError, LMUnavailableError, MissingKeyError
from rlm.lms.base import Price
from rlm.lms.bedrock import URL_VARIABLES, Bedrock
from rlm.lms.bedrock import _read as read_converse
from rlm.lms.http import Policy
from rlm.lms.scripted_server import Answer, ScriptedServer
from rlm.types import Message, Reply, Request, Usage

CLAUDE, NOVA = "us.anthropic.claude-haiku-4-5-20251001-v1:0", "amazon.nova-lite-v1:0"
PROFILE = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc"
MESSAGES = (
    Message("system", "Be brief. " * 300),
    Message("user", 'Grüße, 世界 🎉 "quoted"\n'),
    Message("assistant", "```repl\nprint(1)\n```"),
    Message("user", "1"),
)


JUNK = st.recursive(
    st.none() | st.text(max_size=9) | st.dictionaries(st.just("text"), st.text(max_size=9)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["message", "content"]), inner),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_BEARER_TOKEN_BEDROCK", *URL_VARIABLES):
        monkeypatch.delenv(name, raising=False)


def serve(say: Say | Answer | Callable[[dict[str, Any]], Say | Answer]) -> ScriptedServer:
    return ScriptedServer(FakeBedrock(say if callable(say) else lambda asked: say), chat_only=False)


def root(server: ScriptedServer) -> str:
    return server.url.removesuffix("/v1")


def ours(server: ScriptedServer, model: str, attempts: int = 1, **options: Any) -> Bedrock:
    return Bedrock(model, base_url=root(server), policy=Policy(attempts, backoff=0.01), **options)


def ask(say: Say | Answer, model: str = NOVA, request: Request | None = None, **options: Any) -> Reply:
    with serve(say) as server:
        return asyncio.run(ours(server, model, **options).complete(request or Request(MESSAGES)))


def sdk(server: ScriptedServer) -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client("bedrock-runtime", region_name=REGION, endpoint_url=root(server), config=config)


def test_claude_is_asked_as_anthropics_own_client_asks() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    system, *turns = ({"type": "text", "text": message.content} for message in MESSAGES)
    sent: Any = [{"role": message.role, "content": [turn]} for message, turn in zip(MESSAGES[1:], turns, strict=True)]
    turns[-1] |= mark
    with serve(Say("fine", thinking="hm" * 20)) as server:
        with anthropic.AnthropicBedrock(base_url=root(server), aws_region=REGION, max_retries=0) as client:
            theirs = client.messages.create(
                model=CLAUDE,
                max_tokens=9000,
                system=[{**system, **mark}],  # type: ignore[list-item]
                messages=sent,
                thinking={"type": "enabled", "budget_tokens": 2000},
                extra_body={"anthropic_version": "bedrock-2023-05-31"},
            )
        own = asyncio.run(ours(server, CLAUDE, thinking_tokens=2000).complete(Request(MESSAGES, 9000)))
    first, second = server.requests
    assert second.value == first.value
    assert second.path == first.path == f"/model/{CLAUDE}/invoke"
    assert (own.text, own.finish) == ("fine", "stop")
    assert own.usage.output_tokens == theirs.usage.output_tokens
    assert own.usage.reasoning_tokens == 10
    assert own.usage.cached_tokens == theirs.usage.cache_creation_input_tokens > 500


@pytest.mark.parametrize("model", [NOVA, PROFILE])
def test_others_are_asked_as_aws_own_client_asks(model: str) -> None:
    answer = converse("fine", "max_tokens", "hm", cacheReadInputTokens=100, cacheWriteInputTokens=20)
    with serve(answer) as server:
        theirs = sdk(server).converse(
            modelId=model,
            system=[{"text": MESSAGES[0].content}],
            messages=[{"role": message.role, "content": [{"text": message.content}]} for message in MESSAGES[1:]],
            inferenceConfig={"maxTokens": 64, "temperature": 0.0},
            additionalModelRequestFields={"topK": 20},
        )
        own = asyncio.run(ours(server, model, extra={"topK": 20}).complete(Request(MESSAGES, 64, 0.0)))
    first, second = server.requests
    assert second.value == first.value
    assert second.path.replace(":", "%3A") == first.path
    assert own.text == theirs["output"]["message"]["content"][1]["text"] == "fine"
    assert (theirs["stopReason"], own.finish) == ("max_tokens", "length")
    assert own.usage == Usage(1, 130, 5, cached_tokens=100, cache_write_tokens=20)


def test_a_wrong_signature_is_refused_to_both() -> None:
    with serve(converse()) as server:
        with pytest.raises(LMRefusedError, match="403: The request signature we calculated does not match"):
            asyncio.run(ours(server, NOVA, region="eu-west-1").complete(Request(MESSAGES)))
        wrong = boto3.client("bedrock-runtime", region_name="eu-west-1", endpoint_url=root(server))
        with pytest.raises(wrong.exceptions.ClientError, match="signature"):
            wrong.converse(modelId=NOVA, messages=[{"role": "user", "content": [{"text": "x"}]}])


def test_an_api_key_needs_no_signature() -> None:
    with serve(converse()) as server:
        made = ours(server, NOVA, api_key=API_KEY)
        assert asyncio.run(made.complete(Request(MESSAGES))).text == "4"
        assert server.requests[0].headers["authorization"] == f"Bearer {API_KEY}"
        assert API_KEY not in repr(made)
        with pytest.raises(LMRefusedError, match=r"403: .*; the key is `api_key` or the variable AWS_BEARER_TOKEN"):
            asyncio.run(ours(server, NOVA, api_key="wrong-key").complete(Request(MESSAGES)))


def test_what_is_missing_is_said_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(MissingKeyError, match="bedrock/m needs AWS credentials: set AWS_BEARER_TOKEN_BEDROCK, or AWS_"):
        Bedrock("m")
    with pytest.raises(ConfigError, match=r"bedrock/m: The config profile \(nobody\) could not be found"):
        Bedrock("m", profile="nobody")
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(ConfigError, match="bedrock/m needs a region: set AWS_REGION, or give its option `region`"):
        Bedrock("m", api_key="k")
    gateway = Bedrock("m:0", api_key="k", region="eu-west-1", base_url="https://gate.way/aws/?key=sk-secret")
    assert gateway._url == "https://gate.way/aws/model/m:0/converse?key=sk-secret"
    assert "sk-secret" not in f"{gateway} {gateway.settings}"
    made = Bedrock("m", api_key="k", region="eu-west-1")
    assert made._url == "https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/converse"


@pytest.mark.parametrize(
    ("model", "options", "why"),
    [
        (NOVA, {"effort": "low"}, "thinking_tokens and effort are for Claude"),
        (NOVA, {"extra": {"messages": []}}, "extra can't set messages"),
        ("anthropic.claude-opus-5", {"temperature": 0.0}, "anthropic.claude-opus-5 takes no temperature"),
        ("anthropic.claude-opus-5", {"thinking_tokens": 2000}, "takes no thinking_tokens"),
    ],
)
def test_options_that_can_not_be(model: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Bedrock(model, **options)


def test_without_botocore_the_install_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "botocore.session", None)
    with pytest.raises(ConfigError, match=r"models on Bedrock need botocore: pip install 'rlm-engine\[bedrock\]'"):
        Bedrock(NOVA)


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_throttling_is_tried_again_and_signed_anew(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    says: Iterator[Say | Answer] = iter(
        [
            fail(429, "ThrottlingException", "Too many requests", retry_after="0"),
            fail(408, "ModelTimeoutException", "The model took too long", retry_after="0"),
            fail(503, "ServiceUnavailableException", "Try again", retry_after="0"),
            Say("fine"),
        ]
    )
    signed: list[bytes] = []
    signature = Bedrock._signature

    def sign(made: Bedrock, body: bytes) -> dict[str, str]:
        signed.append(body)
        return signature(made, body)

    monkeypatch.setattr(Bedrock, "_signature", sign)
    with serve(lambda asked: next(says)) as server:
        reply = asyncio.run(ours(server, model, attempts=5).complete(Request(MESSAGES)))
        assert (reply.text, reply.retries, len(server.requests)) == ("fine", 3, 4)
    assert len(signed) == 4


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (fail(400, "ValidationException", "The model ID is wrong"), LMRefusedError, "400: The model ID is wrong"),
        (fail(403, "AccessDeniedException", "You don't have access"), LMRefusedError, "403: You don't have access"),
        (fail(404, "ResourceNotFoundException", "No model"), LMRefusedError, "is 'amazon.nova-lite-v1:0' a model at"),
        (fail(500, "InternalServerException", "Oops"), LMUnavailableError, "500: Oops; sent once"),
        (fail(429, "ThrottlingException", "Slow down"), LMUnavailableError, "429: Slow down; sent once"),
    ],
)
def test_errors_are_typed(answer: Answer, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        ask(answer)


@pytest.mark.parametrize(
    "message", ["Input is too long for requested model.", "prompt is too long: 9 tokens > 8 maximum"]
)
@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_a_prompt_that_is_too_long(model: str, message: str) -> None:
    with pytest.raises(LMReplyError, match="too long") as told:
        ask(fail(400, "ValidationException", message), model)
    assert (told.value.fault, told.value.usage) == ("too_long", None)


@pytest.mark.parametrize(
    ("answer", "fault", "why"),
    [
        (converse(None), "empty", r"the reply is empty \(stopReason 'end_turn'\)"),
        (converse("  "), "empty", "the reply is empty"),
        (converse("half", "guardrail_intervened"), "filtered", r"a filter stopped the reply \(guardrail_intervened\)"),
        (converse("", "content_filtered"), "filtered", "a filter stopped the reply"),
        (converse(None, "max_tokens", "hm"), "thinking", "its 5 output tokens went into thinking"),
        (converse(None, "model_context_window_exceeded"), "too_long", "left no room for an answer"),
        (Answer(body='{"output": {"message": null}}'), "malformed", "the reply is not one of Converse"),
        (Answer(body='{"output": {"message": {"content": ["x"]}}}'), "malformed", "the reply is not one of Converse"),
    ],
)
def test_replies_that_cannot_be_used_are_typed_and_charged(answer: Answer, fault: str, why: str) -> None:
    with pytest.raises(LMReplyError, match=why) as told:
        ask(answer, price=Price(1.0, 1.0))
    assert told.value.fault == fault
    assert told.value.usage is not None
    assert told.value.cost == pytest.approx(told.value.usage.tokens / 1e6)


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("output", "stopReason", "usage"), JUNK)))
def test_a_malformed_reply_is_an_error_of_ours(value: dict[str, Any]) -> None:
    said = read_converse(value, Usage())
    assert (said.fault is None) == bool(said.text.strip())


@pytest.mark.parametrize(("stop", "fault"), [("refusal", "refused"), ("max_tokens", "thinking")])
def test_claude_says_as_much_as_at_anthropic(stop: str, fault: str) -> None:
    with pytest.raises(LMReplyError) as told:
        ask(Say("", "hm", stop), CLAUDE)
    assert told.value.fault == fault
    with pytest.raises(LMUnavailableError, match="529: Overloaded"):
        ask(refuse(529, "overloaded_error", "Overloaded"), CLAUDE)


@pytest.mark.parametrize(("cache", "rate"), [("5m", 6.25), ("1h", 10.0)])
def test_what_the_cache_costs(cache: Any, rate: float) -> None:
    price = Price(5.0, 25.0, cached_mtok=0.5, cache_write_mtok=6.25, cache_write_1h_mtok=10.0)
    reply = ask(Say("fine"), CLAUDE, cache=cache, price=price)
    assert reply.usage.cache_write_tokens == reply.usage.input_tokens > 500
    assert reply.cost == pytest.approx((reply.usage.input_tokens * rate + reply.usage.output_tokens * 25.0) / 1e6)


def test_what_an_answer_depends_on_is_said_without_a_key() -> None:
    claude, nova = (Bedrock(model, temperature=0.5, api_key="a-secret").settings for model in (CLAUDE, NOVA))
    assert (claude["temperature"], claude["cache"], claude["model"]) == (0.5, "5m", CLAUDE)
    assert nova == {
        "url": f"https://bedrock-runtime.{REGION}.amazonaws.com",
        "max_tokens": None,
        "temperature": 0.5,
        "extra": {},
    }
    assert "a-secret" not in json.dumps([claude, nova])


def test_a_growing_conversation_begins_with_the_same_bytes() -> None:
    for model in (CLAUDE, NOVA):
        with serve(Say("fine")) as server:
            made = ours(server, model)
            for size in (2, 4):
                asyncio.run(made.complete(Request(MESSAGES[:size], 64 * size)))
        first, second = (request.body for request in server.requests)
        kept = first[: first.index(b"quoted")]
        assert second.startswith(kept)
        assert len(kept) / len(first) > 0.93


def test_a_cancelled_call_is_off_the_wire_at_once() -> None:
    async def cancel(server: ScriptedServer) -> None:
        task = asyncio.create_task(ours(server, NOVA).complete(Request(MESSAGES)))
        while not server.requests:  # noqa: ASYNC110 (the server is in another thread)
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while not server.closed:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    with serve(Answer(body=json.dumps({}), fault="hang")) as server:
        asyncio.run(asyncio.wait_for(cancel(server), 2.0))
        assert server.closed == 1
