"""Who else speaks OpenAI's chat completions, and how each differs: providers, gateways, and servers of the user's.

    PRESETS["groq"].client("llama-3.3-70b-versatile")

A key is read from its provider's own variable, and sent to that provider alone.
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from typing import Any

from rlm.errors import ConfigError
from rlm.lms import served
from rlm.lms.base import LM, Price
from rlm.lms.openai import Endpoint, OpenAI
from rlm.lms.responses import only_here
from rlm.lms.wire import host_of, is_loopback
from rlm.types import JSON


@dataclass(frozen=True)
class Preset(Endpoint):
    """An endpoint by name.

    Attributes:
        note: Where its keys are made, or how it is started; for lists and messages.
    """

    note: str = ""

    def client(self, model: str, **options: Any) -> LM:
        """A model of it; `options` as `OpenAI` takes them, but for `endpoint`.

        Raises:
            MissingKeyError: It needs a key that is not set.
            ConfigError: An option is none of the client's, or wrong.
        """
        try:
            inspect.signature(OpenAI).bind(model, endpoint=self, **options)
        except TypeError as error:
            raise ConfigError(f"{self.provider}: {error}") from None
        return OpenAI(model, endpoint=self, **options)


@dataclass(frozen=True)
class Azure(Preset):
    """Azure OpenAI: each resource has a URL of its own, and a model is a deployment of the user's."""

    version_variable: str = "OPENAI_API_VERSION"

    def client(self, model: str, **options: Any) -> LM:
        """The deployment `model`; `base_url` is the resource's, `https://NAME.openai.azure.com`.

        With `api_version`, or its variable, chat completions go to the deployment's URL; without, and for Responses,
        to the resource's `/openai/v1`, which takes no version:
        https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle
        """
        resource = options.pop("base_url", None) or os.environ.get(self.url_variable)
        version = options.pop("api_version", None) or os.environ.get(self.version_variable)
        if not resource:
            raise ConfigError(
                f"{self.provider} needs its resource's URL: set {self.url_variable}, or give its option `base_url`"
            )
        host_of(resource)
        root = resource.rstrip("/").removesuffix("/v1").removesuffix("/openai") + "/openai"
        api = options.get("api") or ("responses" if only_here(model) else "chat")
        url = f"{root}/deployments/{model}?api-version={version}" if version and api == "chat" else f"{root}/v1"
        return super().client(model, **options, base_url=url)


@dataclass(frozen=True)
class Local(Preset):
    """A server that the user runs. It is asked what it serves before anything runs."""

    needs_key: bool = False
    look: served.Look = served.listed

    def client(self, model: str = "", **options: Any) -> LM:
        """The model `model` of the server, or the only one that it has; its window as the server says.

        The server is not asked where `model` and `window` are both given. Where it is on this machine, it costs
        nothing, unless `price` is set.

        Raises:
            ConfigError: No such server answers, it has no such model, or several and none is named.
            MissingKeyError: It wants a key.
        """
        url = options.get("base_url") or self.url
        host = host_of(url)
        if not model or options.get("window") is None:
            key = self.find_key(options.get("api_key"), host)
            headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **(options.get("headers") or {})}
            found = served.find(served.Server(self.provider, url, headers), self.look, model)
            model = found.name
            if options.get("window") is None:
                options["window"] = found.window
        if is_loopback(host):
            options.setdefault("price", Price(0.0, 0.0))
        return super().client(model, **options)


def _reasoning(level: str) -> dict[str, JSON]:
    """How OpenRouter and Vercel say it for all models behind them."""
    return {"reasoning": {"effort": level}}


def _thinking(level: str) -> dict[str, JSON]:
    """How DeepSeek says it: thinking is on unless it is switched off. https://api-docs.deepseek.com"""
    return {"thinking": {"type": "disabled"}} if level == "none" else {"reasoning_effort": level}


def _hosted(provider: str, base_url: str, key_variable: str, **more: Any) -> Preset:
    url_variable = f"{provider.upper()}_BASE_URL"
    return Preset(provider, base_url, key_variable, url_variable, **more)


def _local(provider: str, port: int, look: served.Look, note: str, **more: Any) -> Local:
    name = provider.replace("-", "_").upper()
    url = f"http://127.0.0.1:{port}/v1"
    return Local(provider, url, f"{name}_API_KEY", f"{name}_BASE_URL", look=look, note=note, **more)


PRESETS: dict[str, Preset] = {
    preset.provider: preset
    for preset in (
        Azure(
            "azure_openai",
            "https://resource.openai.azure.com",
            "AZURE_OPENAI_API_KEY",
            "AZURE_OPENAI_ENDPOINT",
            key_header="api-key",
            limit="max_completion_tokens",
            note="https://ai.azure.com",
        ),
        _hosted(
            "openrouter",
            "https://openrouter.ai/api/v1",
            "OPENROUTER_API_KEY",
            effort=_reasoning,
            fields={"usage": {"include": True}},  # what it charged; by now it says so unasked
            note="https://openrouter.ai/keys",
        ),
        _hosted(
            "vercel",
            "https://ai-gateway.vercel.sh/v1",
            "AI_GATEWAY_API_KEY",
            effort=_reasoning,
            note="https://vercel.com/ai-gateway",
        ),
        _hosted(
            "portkey",
            "https://api.portkey.ai/v1",
            "PORTKEY_API_KEY",
            key_header="x-portkey-api-key",
            note="https://app.portkey.ai",
        ),
        _hosted("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY", note="https://api.together.ai"),
        _hosted("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", note="https://fireworks.ai"),
        _hosted(
            "groq",
            "https://api.groq.com/openai/v1",
            "GROQ_API_KEY",
            limit="max_completion_tokens",
            note="https://console.groq.com/keys",
        ),
        _hosted(
            "deepseek",
            "https://api.deepseek.com/v1",
            "DEEPSEEK_API_KEY",
            effort=_thinking,
            note="https://platform.deepseek.com/api_keys",
        ),
        _hosted(
            "mistral",
            "https://api.mistral.ai/v1",
            "MISTRAL_API_KEY",
            streamed={"stream": True},  # it refuses fields that it does not know, and its last chunk has the usage
            note="https://console.mistral.ai/api-keys",
        ),
        _hosted(
            "xai", "https://api.x.ai/v1", "XAI_API_KEY", limit="max_completion_tokens", note="https://console.x.ai"
        ),
        _local("vllm", 8000, served.listed, "vllm serve MODEL"),
        _local("sglang", 30000, served.listed, "python -m sglang.launch_server --model-path MODEL"),
        _local("ollama", 11434, served.ollama, "ollama serve"),
        _local("lmstudio", 1234, served.lmstudio, "lms server start"),
        _local(
            "llamacpp-server",
            8080,
            served.llamacpp,
            "llama-server -m MODEL.gguf",
            # Each connection that is kept holds one of its few threads for 5 s, and new ones wait for that.
            headers={"Connection": "close"},
        ),
    )
}
