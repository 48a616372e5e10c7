"""The reference's backends as our models: all of them, sub-models of another kind, and sampling arguments."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from rlm import RLM, ConfigError, Message, MissingKeyError, Request
from rlm.backends import model_of
from rlm.lms.anthropic import Anthropic
from rlm.lms.base import LM
from rlm.lms.gemini import Gemini
from rlm.lms.openai import OpenAI
from rlm.lms.scripted_server import Answer, Received, ScriptedServer
from rlm.types import JSON


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Root models write one cell; others say who they are."""

    def respond(request: Received) -> Answer:
        model = request.value["model"]
        if model != "root":
            return Answer(model)
        code = "FINAL([llm_query('a'), llm_query('b', model='second'), llm_query('c', model='third')])"
        return Answer(f"```repl\n{code}\n```")

    with ScriptedServer(respond) as running:
        yield running


def kwargs(server: ScriptedServer, model: str, **more: Any) -> dict[str, Any]:
    return {"model_name": model, "base_url": server.url, "api_key": "k", **more}


def sent(server: ScriptedServer, model: str) -> dict[str, JSON]:
    """What a request to the model had besides its messages."""
    (value,) = [request.value for request in server.requests if request.value["model"] == model]
    return {name: field for name, field in value.items() if name not in ("model", "messages")}


@pytest.mark.parametrize(
    ("backend", "variable", "client", "name"),
    [
        ("openai", "OPENAI_API_KEY", OpenAI, "openai/m"),
        ("anthropic", "ANTHROPIC_API_KEY", Anthropic, "anthropic/m"),
        ("gemini", "GEMINI_API_KEY", Gemini, "gemini/m"),
        ("azure_openai", "AZURE_OPENAI_API_KEY", OpenAI, "azure_openai/m"),
        ("openrouter", "OPENROUTER_API_KEY", OpenAI, "openrouter/m"),
        ("vercel", "AI_GATEWAY_API_KEY", OpenAI, "vercel/m"),
        ("portkey", "PORTKEY_API_KEY", OpenAI, "portkey/m"),
        ("groq", "GROQ_API_KEY", OpenAI, "groq/m"),
    ],
)
def test_each_backend_and_its_key(
    backend: str, variable: str, client: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")
    with pytest.raises(MissingKeyError, match=variable):
        model_of(backend, {"model_name": "m"})
    monkeypatch.setenv(variable, "k")
    lm = model_of(backend, {"model_name": "m"})
    assert (type(lm), lm.name) == (client, name)


def test_a_vllm_server_needs_no_key_and_is_not_asked_what_it_serves() -> None:
    lm = model_of("vllm", {"model_name": "m", "base_url": "http://10.0.0.7:8000/v1"})
    assert lm.name == "vllm/m"


def test_gemini_has_a_model_of_its_own() -> None:
    assert model_of("gemini", {"api_key": "k"}).name == "gemini/gemini-2.5-flash"


@pytest.mark.parametrize(
    ("url", "variable", "name"),
    [
        ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "openrouter/m"),
        ("https://ai-gateway.vercel.sh/v1", "AI_GATEWAY_API_KEY", "vercel/m"),
        ("https://api.pinference.ai/api/v1/", "PRIME_API_KEY", "openai/m"),
        ("https://api.openai.com/v1", "OPENAI_API_KEY", "openai/m"),
    ],
)
def test_the_key_goes_by_the_url(url: str, variable: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv(variable, "sk-its-own")
    lm = model_of("openai", {"model_name": "m", "base_url": url})
    assert isinstance(lm, OpenAI)
    assert (lm.name, lm._headers["Authorization"]) == (name, "Bearer sk-its-own")


def test_a_deployment_at_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"api_key": "k", "model_name": "gpt-5", "azure_endpoint": "https://mine.openai.azure.com"}
    lm = model_of("azure_openai", {**given, "azure_deployment": "fast", "api_version": "2025-01-01"})
    assert repr(lm) == "OpenAI('fast', base_url='https://mine.openai.azure.com/openai/deployments/fast')"
    monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT", "named")
    assert model_of("azure_openai", given).name == "azure_openai/named"


def test_other_backends_are_the_sub_model_and_what_cells_may_name(server: ScriptedServer) -> None:
    rlm = RLM(
        backend="openai",
        backend_kwargs=kwargs(server, "root"),
        other_backends=["openai", "vllm"],
        other_backend_kwargs=[kwargs(server, "second"), kwargs(server, "third")],
        sampling_args={"temperature": 0.5, "seed": 1},
        sub_sampling_args={"top_p": 0.9, "max_tokens": 50},
    )
    assert rlm.completion("input").answer == ["second", "second", "third"]
    assert sent(server, "root") == {"temperature": 0.5, "seed": 1}
    assert [request.value.get("top_p") for request in server.requests] == [None, 0.9, 0.9, None]
    assert "model='third'`: vllm/third, how much fits is unknown" in server.requests[0].value["messages"][0]["content"]


def test_sampling_of_sub_calls_alone_is_the_same_model_with_other_arguments(server: ScriptedServer) -> None:
    rlm = RLM(
        backend="openai",
        backend_kwargs=kwargs(server, "root", sampling_args={"seed": 1}),
        sub_sampling_args={"temperature": 0.25},
    )
    assert rlm.setup.sub_model.name == rlm.setup.model.name == "openai/root"
    asyncio.run(rlm.setup.sub_model.complete(Request((Message("user", "x"),))))
    assert sent(server, "root") == {"seed": 1, "temperature": 0.25}


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("anthropic", {"max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "stop_sequences": ["x"]}),
        (
            "gemini",
            {"generationConfig": {"topP": 0.9, "stopSequences": ["x"], "maxOutputTokens": 9, "temperature": 0.5}},
        ),
    ],
)
def test_sampling_arguments_in_the_words_of_each_wire(backend: str, expected: dict[str, JSON]) -> None:
    bodies: list[dict[str, JSON]] = []

    def respond(request: Received) -> Answer:
        bodies.append(request.value)
        return Answer("no", status=400)

    sampling = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 9, "stop": ["x"], "seed": None}
    with ScriptedServer(respond, chat_only=False) as server:
        options = {"model_name": "claude-sonnet-4-0", "base_url": server.url, "api_key": "k", "sampling_args": sampling}
        lm: LM = model_of(backend, options)
        with pytest.raises(Exception, match="400"):
            asyncio.run(lm.complete(Request((Message("user", "x"),))))
    assert {name: value for name, value in bodies[0].items() if name in expected} == expected


def test_headers_and_a_query_of_the_reference_s_client(server: ScriptedServer) -> None:
    lm = model_of("openai", kwargs(server, "m", organization="org-1", default_query={"v": "a b"}))
    asyncio.run(lm.complete(Request((Message("user", "x"),))))
    assert server.requests[0].headers["openai-organization"] == "org-1"
    assert server.requests[0].path.endswith("/chat/completions?v=a+b")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend": "anthropc"}, "unknown backend 'anthropc', meant 'anthropic'\\? there is: anthropic, azure_openai"),
        ({"other_backends": ["openai"]}, "other_backend_kwargs has 0 entries for 1 other_backends"),
        ({"other_backends": ["openai"], "other_backend_kwargs": [{}]}, "needs model_name"),
        ({"other_backends": ["openai"], "sub_model": "openai/m"}, "sub_model: not together with backend_kwargs"),
    ],
)
def test_what_can_not_be_right(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        RLM(backend_kwargs={"model_name": "m", "api_key": "k"}, **options)
