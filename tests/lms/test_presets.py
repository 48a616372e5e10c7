"""Presets: what each sends, where to, and whose key."""

import asyncio
import json
from typing import Any

import openai
import pytest

from lms.fakes.openai import FakeOpenAI, Say, refuse
from rlm.errors import ConfigError, LMRefusedError, MissingKeyError
from rlm.lms import resolve
from rlm.lms.base import Price
from rlm.lms.openai import OpenAI
from rlm.lms.presets import PRESETS, Local, Preset
from rlm.lms.scripted_server import Answer, Received, ScriptedServer
from rlm.types import Message, Request

ASK = Request((Message("user", "2 + 2?"),), max_tokens=50)
HOSTED = [name for name, preset in PRESETS.items() if not isinstance(preset, Local)]
LOCAL = [name for name, preset in PRESETS.items() if isinstance(preset, Local)]
KEYS = {
    "azure_openai": "AZURE_OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "vercel": "AI_GATEWAY_API_KEY",
    "portkey": "PORTKEY_API_KEY",
    "together": "TOGETHER_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "groq": "GROQ_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "xai": "XAI_API_KEY",
}
URLS = {
    "azure_openai": "https://mine.openai.azure.com/openai/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "vercel": "https://ai-gateway.vercel.sh/v1",
    "portkey": "https://api.portkey.ai/v1",
    "together": "https://api.together.xyz/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "groq": "https://api.groq.com/openai/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "mistral": "https://api.mistral.ai/v1",
    "xai": "https://api.x.ai/v1",
}


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for preset in PRESETS.values():
        for name in (preset.key_variable, preset.url_variable):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("OPENAI_API_VERSION", raising=False)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com/")


def sent(name: str, monkeypatch: pytest.MonkeyPatch, answer: Answer = Answer("4"), **options: Any) -> tuple[Any, Any]:  # noqa: B008
    """The reply of a preset's model, and the request that it sent."""
    with ScriptedServer(lambda request: answer, chat_only=False) as server:
        monkeypatch.setenv(PRESETS[name].url_variable, server.url)
        lm = PRESETS[name].client("some/model", **options)
        return asyncio.run(lm.complete(ASK)), server.requests[-1]


def test_the_presets() -> None:
    assert set(HOSTED) == set(KEYS) == set(URLS)
    assert LOCAL == ["vllm", "sglang", "ollama", "lmstudio", "llamacpp-server"]
    assert all(name == preset.provider for name, preset in PRESETS.items())


@pytest.mark.parametrize("name", HOSTED)
def test_where_it_goes_and_with_whose_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other, variable in KEYS.items():
        monkeypatch.setenv(variable, f"key-of-{other}")
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    lm = resolve(f"{name}/some/model")
    assert isinstance(lm, OpenAI)
    assert lm.name == f"{name}/some/model"
    assert lm._base_url == URLS[name]
    keys = [value for header, value in lm._headers.items() if header != "Content-Type"]
    assert [key.removeprefix("Bearer ") for key in keys] == [f"key-of-{name}"]


@pytest.mark.parametrize("name", HOSTED)
def test_a_key_of_its_own_is_missed_before_anything_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    with pytest.raises(MissingKeyError, match=f"{name}/m at .* needs a key: set {KEYS[name]}"):
        PRESETS[name].client("m")


@pytest.mark.parametrize("name", [name for name in HOSTED if name != "azure_openai"])
def test_its_key_goes_nowhere_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS[name], "secret")
    with pytest.raises(MissingKeyError, match=rf"needs a key: give `api_key` \({KEYS[name]} is for "):
        PRESETS[name].client("m", base_url="https://elsewhere.example/v1")
    with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
        resolve("openai/m", base_url=URLS[name])


def test_a_key_in_the_headers_of_a_preset_is_not_shown() -> None:
    assert "sk-secret" not in repr(Preset("mine", "https://m.example/v1", "K", "U", headers={"x-auth": "sk-secret"}))


def test_an_unknown_option_is_told() -> None:
    with pytest.raises(ConfigError, match="groq: got an unexpected keyword argument 'temprature'"):
        PRESETS["groq"].client("m", api_key="k", temprature=1)


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("groq", "authorization", "Bearer k"),
        ("portkey", "x-portkey-api-key", "k"),
        ("azure_openai", "api-key", "k"),
    ],
)
def test_the_header_of_the_key(name: str, header: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, request = sent(name, monkeypatch, api_key="k")
    assert request.headers[header] == value
    assert ("authorization" in request.headers) == (header == "authorization")


@pytest.mark.parametrize("name", HOSTED)
def test_the_name_of_the_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, request = sent(name, monkeypatch, api_key="k")
    newer = name in ("azure_openai", "groq", "xai")
    assert request.value["max_completion_tokens" if newer else "max_tokens"] == 50


@pytest.mark.parametrize(
    ("name", "level", "fields"),
    [
        ("groq", "low", {"reasoning_effort": "low"}),
        ("azure_openai", "high", {"reasoning_effort": "high"}),
        ("openrouter", "low", {"reasoning": {"effort": "low"}}),
        ("vercel", "low", {"reasoning": {"effort": "low"}}),
        ("deepseek", "high", {"reasoning_effort": "high"}),
        ("deepseek", "none", {"thinking": {"type": "disabled"}}),
    ],
)
def test_the_effort_of_reasoning(name: str, level: str, fields: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, request = sent(name, monkeypatch, api_key="k", reasoning_effort=level)
    assert {
        key: request.value[key] for key in ("reasoning", "reasoning_effort", "thinking") if key in request.value
    } == (fields)


def test_how_a_stream_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in HOSTED:
        _, request = sent(name, monkeypatch, api_key="k", stream=True)
        assert request.value["stream"] is True
        # Mistral refuses fields that it does not know, and reports the usage unasked.
        assert request.value.get("stream_options") == (None if name == "mistral" else {"include_usage": True})


@pytest.mark.parametrize(
    ("name", "more", "cost"),
    [
        ("openrouter", {"cost": 0.0123, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.0123}}, 0.0123),
        ("openrouter", {"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}}, 0.021),
        ("openrouter", {"cost": 0.001, "is_byok": True, "cost_details": None}, None),
        ("openrouter", {"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, None),
        ("vercel", {"cost": 0, "market_cost": 0.5, "is_byok": False}, 0.0),
        ("xai", {"cost_in_usd_ticks": 12_345_678}, 0.0012345678),
        ("xai", {"cost_in_usd_ticks": -1}, None),
        ("together", {}, None),
    ],
)
def test_the_charge_that_is_reported(name: str, more: Any, cost: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11, **more}
    reply, request = sent(name, monkeypatch, Answer("4", usage=usage), api_key="k")
    assert reply.cost == (None if cost is None else pytest.approx(cost))
    assert request.value.get("usage") == ({"include": True} if name == "openrouter" else None)


def test_a_deployment_of_azures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clients send the same to the same URL, where there is a version and where there is none."""
    fake = FakeOpenAI(lambda asked: Say("4"), key_header="api-key")
    with fake.serve() as server:
        root = server.url.removesuffix("/v1")
        theirs = openai.AzureOpenAI(azure_endpoint=root, api_key="sk-test", api_version="2024-10-21")
        messages: Any = [{"role": "user", "content": "2 + 2?"}]
        with theirs:
            theirs.chat.completions.create(model="mine", messages=messages, max_completion_tokens=50)
        lm = PRESETS["azure_openai"].client("mine", base_url=root, api_key="sk-test", api_version="2024-10-21")
        assert asyncio.run(lm.complete(ASK)).text == "4"
        newer = PRESETS["azure_openai"].client("mine", base_url=root, api_key="sk-test")
        assert asyncio.run(newer.complete(ASK)).text == "4"
        responses = PRESETS["azure_openai"].client(
            "mine", base_url=root, api_key="sk-test", api_version="2024-10-21", api="responses"
        )
        assert asyncio.run(responses.complete(ASK)).text == "4"
    first, *ours = server.requests
    assert ours[0].value == first.value
    assert [request.path for request in ours] == [
        first.path,
        "/openai/v1/chat/completions",
        "/openai/v1/responses",
    ]
    assert first.path == "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
    assert ours[0].headers["api-key"] == first.headers["api-key"]


def test_azures_key_goes_to_the_resource_of_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "secret")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
    lm = PRESETS["azure_openai"].client("mine")
    assert repr(lm) == "OpenAI('mine', base_url='https://mine.openai.azure.com/openai/deployments/mine')"
    with pytest.raises(MissingKeyError, match=r"AZURE_OPENAI_API_KEY is for mine\.openai\.azure\.com"):
        PRESETS["azure_openai"].client("mine", base_url="https://other.openai.azure.com")
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT")
    with pytest.raises(
        ConfigError, match="needs its resource's URL: set AZURE_OPENAI_ENDPOINT, or give its option `base_url`"
    ):
        PRESETS["azure_openai"].client("mine")


def test_a_wrong_key_is_told_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-wrong-one")
    with FakeOpenAI(lambda asked: Say()).serve() as server:
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        with pytest.raises(LMRefusedError, match=r"groq/m: 401: .*; the key is `api_key` or the variable GROQ_API_KEY"):
            asyncio.run(PRESETS["groq"].client("m").complete(ASK))


def test_a_gateway_that_wants_the_other_limit_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    def say(asked: dict[str, Any]) -> Say | Answer:
        if "max_tokens" in asked:
            return refuse(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return Say("4")

    with FakeOpenAI(say, key_header="x-portkey-api-key").serve() as server:
        monkeypatch.setenv("PORTKEY_BASE_URL", server.url)
        lm = PRESETS["portkey"].client("@mine/gpt-test", api_key="sk-test")
        assert asyncio.run(lm.complete(ASK)).text == "4"
        assert asyncio.run(lm.complete(ASK)).text == "4"
    assert ["max_tokens" in request.value for request in server.requests] == [True, False, False]


# Servers of the user's.


def served(routes: dict[str, Any], key: str = "") -> ScriptedServer:
    """A server that has these paths: a JSON value each, or what gives one for a body."""

    def respond(request: Received) -> Answer:
        if key and request.headers.get("authorization") != f"Bearer {key}":
            return Answer("no", status=401)
        if request.path == "/v1/chat/completions":
            return Answer("4")
        if request.path not in routes:
            return Answer("no such path", status=404)
        value = routes[request.path]
        return Answer(body=json.dumps(value(request.value) if callable(value) else value))

    return ScriptedServer(respond, chat_only=False)


def model(name: str, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, spec: str = "", **options: Any) -> OpenAI:
    monkeypatch.setenv(PRESETS[name].url_variable, server.url)
    lm = PRESETS[name].client(spec, **options)
    assert isinstance(lm, OpenAI)
    return lm


def _models(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": [{"object": "model", "owned_by": "me", **entry} for entry in entries]}


ROUTES: dict[str, dict[str, Any]] = {
    "vllm": {"/v1/models": _models({"id": "qwen", "max_model_len": 40960})},
    "sglang": {"/v1/models": _models({"id": "qwen", "max_model_len": 40960})},
    "ollama": {
        "/api/ps": {"models": [{"name": "qwen:latest", "model": "qwen:latest", "context_length": 40960}]},
        "/api/tags": {"models": [{"name": "qwen:latest", "model": "qwen:latest"}, {"name": "llama:8b"}]},
    },
    "lmstudio": {
        "/api/v0/models": _models(
            {"id": "qwen", "type": "llm", "state": "loaded", "max_context_length": 99, "loaded_context_length": 40960},
            {"id": "other", "type": "vlm", "state": "not-loaded", "max_context_length": 32768},
            {"id": "embed", "type": "embeddings", "state": "loaded", "max_context_length": 2048},
        )
    },
    "llamacpp-server": {
        "/v1/models": _models({"id": "qwen", "meta": {"n_ctx_train": 131072}}),
        "/props": {"default_generation_settings": {"n_ctx": 40960}, "total_slots": 4},
    },
}


@pytest.mark.parametrize("name", LOCAL)
def test_the_one_model_of_a_server_and_its_window(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(ROUTES[name]) as server:
        lm = model(name, server, monkeypatch)
        latest = "qwen:latest" if name == "ollama" else "qwen"
        assert (lm.name, lm.window, lm.price) == (f"{name}/{latest}", 40960, Price(0.0, 0.0))
        reply = asyncio.run(lm.complete(ASK))
        assert model(name, server, monkeypatch, "qwen", price=Price(1.0, 1.0)).price == Price(1.0, 1.0)
    assert (reply.text, reply.cost) == ("4", 0.0)
    chat = [request for request in server.requests if request.path == "/v1/chat/completions"]
    assert chat[0].value["model"] == latest
    assert all("authorization" not in request.headers for request in server.requests)


@pytest.mark.parametrize("name", LOCAL)
def test_default_addresses_are_on_this_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = PRESETS[name].client("m", window=1000)  # both given: it is not asked
    ports = {"vllm": 8000, "sglang": 30000, "ollama": 11434, "lmstudio": 1234, "llamacpp-server": 8080}
    assert repr(lm) == f"OpenAI('m', base_url='http://127.0.0.1:{ports[name]}/v1')"
    assert lm.window == 1000


def test_a_key_that_a_server_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(ROUTES["vllm"], key="mine") as server:
        with pytest.raises(MissingKeyError, match=r"the vllm server at http://.* wants a key: give `api_key`"):
            model("vllm", server, monkeypatch)
        lm = model("vllm", server, monkeypatch, api_key="mine")
        assert asyncio.run(lm.complete(ASK)).text == "4"
        monkeypatch.setenv("VLLM_API_KEY", "mine")
        assert model("vllm", server, monkeypatch).window == 40960


def test_several_models_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    with served({"/v1/models": _models({"id": "qwen-7b"}, {"id": "llama"})}) as server:
        with pytest.raises(ConfigError, match=r"vllm/ names no model, and the server has vllm/qwen-7b, vllm/llama$"):
            model("vllm", server, monkeypatch)
        with pytest.raises(ConfigError, match=r"has no model 'qwen'; it has .*; meant vllm/qwen-7b\?$"):
            model("vllm", server, monkeypatch, "qwen")
        lm = model("vllm", server, monkeypatch, "llama")
        assert (lm.name, lm.window) == ("vllm/llama", None)


def test_a_server_without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        served({"/api/ps": {"models": []}, "/api/tags": {"models": []}}) as server,
        pytest.raises(ConfigError, match="the server has no model"),
    ):
        model("ollama", server, monkeypatch)


@pytest.mark.parametrize(
    ("shown", "window"),
    [
        (
            {"parameters": "stop  x\nnum_ctx                        8192\n", "model_info": {"q.context_length": 40960}},
            8192,
        ),
        ({"parameters": "", "model_info": {"qwen3.context_length": 40960}}, 4096),
        ({"model_info": {"tiny.context_length": 2048}}, 2048),
        ({}, 4096),
    ],
)
def test_the_window_of_a_model_that_ollama_has_not_loaded(
    shown: Any, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    routes = {**ROUTES["ollama"], "/api/show": lambda body: asked.append(body) or shown}
    with served(routes) as server:
        assert model("ollama", server, monkeypatch, "llama:8b").window == window
    assert asked == [{"model": "llama:8b"}]


def test_lmstudio_loads_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(ROUTES["lmstudio"]) as server:
        assert model("lmstudio", server, monkeypatch, "other").window == 32768


@pytest.mark.parametrize("name", LOCAL)
def test_no_server(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with served({}) as server:
        pass
    with pytest.raises(
        ConfigError, match=rf"no {name} server answers at {server.url} \(ConnectionRefusedError\): start"
    ):
        model(name, server, monkeypatch)


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("value", [[], {}, {"data": None, "models": 3}, {"data": [1], "models": [None]}])
def test_a_server_of_another_kind(name: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = dict.fromkeys(("/v1/models", "/props", "/api/ps", "/api/tags", "/api/v0/models"), value)
    for have in (routes, {}):
        with served(have) as server, pytest.raises(ConfigError, match=r"is no \S+ server: /|the server has no model"):
            model(name, server, monkeypatch)


def test_a_redirect_is_not_followed_with_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = Answer("", status=307, headers={"Location": "http://127.0.0.1:9/v1/models"})
    with ScriptedServer(lambda request: moved, chat_only=False) as server:
        with pytest.raises(ConfigError, match="is no vllm server: /v1/models gave 307"):
            model("vllm", server, monkeypatch, api_key="mine")
        assert len(server.requests) == 1
