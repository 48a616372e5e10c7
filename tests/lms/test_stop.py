"""What a profile adds to a request, on each wire: strings that end a reply, and fields in the endpoint's words."""

import asyncio
import json

from rlm.lms.bedrock import Bedrock
from rlm.lms.gemini import Form as GeminiForm
from rlm.lms.litellm import LiteLLM
from rlm.lms.llamacpp import box
from rlm.lms.messages import Form as MessagesForm
from rlm.lms.openai import OpenAI
from rlm.lms.scripted_server import Answer, ScriptedServer
from rlm.types import Message, Request

PLAIN = Request((Message("user", "hi"),), 9)
ASKED = Request((Message("user", "hi"),), 9, stop=("\nOutput:\n", "END"), fields={"top_k": 3})


def test_chat_completions() -> None:
    def respond(_: object) -> Answer:
        return Answer("ok")

    with ScriptedServer(respond) as server:
        lm = OpenAI("m", base_url=server.url, extra={"top_k": 1, "seed": 2})
        for request in (PLAIN, ASKED):
            asyncio.run(lm.complete(request))
        plain, asked = (json.loads(request.body) for request in server.requests)
    assert "stop" not in plain
    assert asked == {**plain, "stop": ["\nOutput:\n", "END"], "top_k": 3}


def test_messages() -> None:
    form = MessagesForm("claude-sonnet-4-5", None, None, None, None, None, {"top_k": 1})
    assert "stop_sequences" not in form.fields(PLAIN)
    assert form.fields(ASKED) == {**form.fields(PLAIN), "stop_sequences": ["\nOutput:\n", "END"], "top_k": 3}


def test_gemini() -> None:
    form = GeminiForm(None, None, None, None, {"labels": {"a": "b"}, "generationConfig": {"seed": 1}})
    plain, asked = form.fields(PLAIN), form.fields(ASKED)
    assert plain["generationConfig"] == {"seed": 1, "maxOutputTokens": 9}
    assert asked["generationConfig"] == {"seed": 1, "maxOutputTokens": 9, "stopSequences": ["\nOutput:\n", "END"]}
    assert (asked["top_k"], asked["labels"]) == (3, {"a": "b"})


def test_converse(monkeypatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "token")
    lm = Bedrock("meta.llama3-8b-instruct-v1:0", region="us-east-1")
    plain, asked = lm._converse(PLAIN), lm._converse(ASKED)
    assert plain["inferenceConfig"] == {"maxTokens": 9}
    assert asked["inferenceConfig"] == {"maxTokens": 9, "stopSequences": ["\nOutput:\n", "END"]}
    assert asked["additionalModelRequestFields"] == {"top_k": 3}


def test_litellm() -> None:
    lm = LiteLLM("openai/m", extra={"api_key": "k"})
    plain, asked = lm._arguments(PLAIN), lm._arguments(ASKED)
    assert asked == {**plain, "stop": ["\nOutput:\n", "END"], "top_k": 3}


def test_llamacpp_adds_to_the_client_s_own() -> None:
    lm = box()
    assert json.loads(lm._body(PLAIN))["stop"] == ["\n```repl"]
    assert json.loads(lm._body(ASKED))["stop"] == ["\n```repl", "\nOutput:\n", "END"]
    assert json.loads(lm._body(ASKED))["top_k"] == 3
