"""Who serves models: what makes their clients, which key they take, which extra they need.

The wire clients and who else speaks theirs are listed here; presets of the user's config file, and clients that other
packages bring (entry points of the group `rlm.lms`), join them. Nothing of a client is imported before it is named.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

from rlm import config
from rlm.errors import ConfigError
from rlm.lms.base import LM

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from rlm.lms.presets import Preset

GROUP = "rlm.lms"
BOX = "nano"

Client = Callable[..., LM]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One that models can be had from, as `name/MODEL`.

    Attributes:
        name: As a model's name begins.
        what: What it is, in a line.
        load: Imports what makes its models: `(model, **options) -> LM`.
        keys: Variables that its key may be in, the first that is set; empty where it takes none.
        needs: The module that it needs beyond what is installed with this package; empty for none.
        extra: The extra that brings that module.
        url: Where it is, as the price list tells endpoints apart; empty where that says nothing.
        url_variable: The variable that says that it is elsewhere; empty for none.
        default: The model to take where a key is found and no model is named; empty for none.
        by: Who brings it: empty for this package, else `config` or a distribution's name.
        is_server: Whether it is a server that the user runs, so that MODEL may be left out.
    """

    name: str
    what: str
    load: Callable[[], Client]
    keys: tuple[str, ...] = ()
    needs: str = ""
    extra: str = ""
    url: str = ""
    url_variable: str = ""
    default: str = ""
    by: str = ""
    is_server: bool = False

    @property
    def key(self) -> str:
        """The variable whose key is found, in the environment or the config file; empty if none is."""
        return next((variable for variable in self.keys if config.variable(variable)), "")

    @property
    def at(self) -> str:
        """Where its models are asked for, and its key goes, if no `base_url` is given."""
        return os.environ.get(self.url_variable) or self.url

    @property
    def installed(self) -> bool:
        """Whether the module that it needs is there."""
        return not self.needs or _is_there(self.needs)

    @property
    def install(self) -> str:
        """The line that installs what it needs."""
        return f"pip install 'rlm-engine[{self.extra}]'"

    def client(self) -> Client:
        """What makes its models.

        Raises:
            ConfigError: What it needs is not installed, or it can't be imported.
        """
        if not self.installed:
            raise ConfigError(f"{self.name} models need {self.needs}: {self.install}")
        return self.load()


def _imported(dotted: str) -> Client:
    module, _, name = dotted.partition(":")
    client: Client = getattr(importlib.import_module(module), name)
    return client


def _own(name: str, what: str, dotted: str, **fields: Any) -> Provider:
    return Provider(name=name, what=what, load=partial(_imported, dotted), **fields)


# In the order in which `default_model` looks for keys; presets of presets.py come behind.
_TABLE = (
    _own(
        "openai",
        "OpenAI: chat completions and Responses; with base_url, any endpoint that speaks them",
        "rlm.lms.openai:OpenAI",
        keys=("OPENAI_API_KEY",),
        url="https://api.openai.com/v1",
        url_variable="OPENAI_BASE_URL",
        default="gpt-5-mini",
    ),
    _own(
        "anthropic",
        "Anthropic: Messages",
        "rlm.lms.anthropic:Anthropic",
        keys=("ANTHROPIC_API_KEY",),
        url="https://api.anthropic.com",
        url_variable="ANTHROPIC_BASE_URL",
        default="claude-sonnet-5",
    ),
    _own(
        "gemini",
        "Google: generateContent, by API key",
        "rlm.lms.gemini:Gemini",
        keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        url="https://generativelanguage.googleapis.com",
        url_variable="GEMINI_BASE_URL",
        default="gemini-3.8-flash",
    ),
    _own(
        "vertex",
        "Google Cloud: generateContent, with the credentials that google-auth finds",
        "rlm.lms.vertex:Vertex",
        needs="google.auth",
        extra="vertex",
        url="https://aiplatform.googleapis.com",
    ),
    _own(
        "bedrock",
        "Amazon Bedrock: Claude and, through Converse, other models, with the credentials that AWS tools find",
        "rlm.lms.bedrock:Bedrock",
        needs="botocore",
        extra="bedrock",
        url="https://bedrock-runtime.us-east-1.amazonaws.com",
    ),
    _own(
        "litellm",
        "LiteLLM: anything else; MODEL is its name there, and the key is in the variable that it wants",
        "rlm.lms.litellm:LiteLLM",
        needs="litellm",
        extra="litellm",
    ),
    _own("llamacpp", "llama.cpp in this process: MODEL is a GGUF file, or hf:owner/repo", "rlm.lms.llamacpp:LlamaCpp"),
)

_TITLES = {
    "azure_openai": "Azure OpenAI",
    "openrouter": "OpenRouter",
    "vercel": "Vercel AI Gateway",
    "portkey": "Portkey",
    "together": "Together AI",
    "fireworks": "Fireworks",
    "groq": "Groq",
    "deepseek": "DeepSeek",
    "mistral": "Mistral",
    "xai": "xAI",
    "vllm": "vLLM",
    "sglang": "SGLang",
    "ollama": "Ollama",
    "lmstudio": "LM Studio",
    "llamacpp-server": "llama.cpp's server",
}
# The models that `default_model` takes where such a key is found.
_DEFAULTS = {
    "openrouter": "openai/gpt-5-mini",
    "together": "openai/gpt-oss-120b",
    "fireworks": "accounts/fireworks/models/gpt-oss-120b",
    "groq": "openai/gpt-oss-120b",
    "deepseek": "deepseek-chat",
    "mistral": "mistral-large-4",
    "xai": "grok-4-fast-reasoning",
}
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
# What a preset of the config file may say; `Endpoint` has what it means.
_PRESET_FIELDS = {
    "base_url": str,
    "key_variable": str,
    "key_header": str,
    "needs_key": bool,
    "limit": str,
    "fields": dict,
    "note": str,
}


def builtin() -> dict[str, Provider]:
    """Who is listed in this package, by name, in the order in which keys are looked for."""
    return {one.name: one for one in (*_TABLE, *_presets())}


def known() -> dict[str, Provider]:
    """Who there is, by name: the built-in ones, presets of the config file, and entry points.

    Raises:
        ConfigError: The config file can't be used.
    """
    own, more = builtin(), {**_brought(), **_configured()}
    return {**own, **{name: provider for name, provider in more.items() if name not in own}}


def find(name: str) -> Provider | None:
    """The provider of that name, or None."""
    if (own := next((one for one in _TABLE if one.name == name), None)) is not None:
        return own
    # Looking for entry points takes 20 ms, so they are looked for last.
    for there in (builtin, _configured, _brought):
        if (provider := there().get(name)) is not None:
            return provider
    return None


def unknown(spec: str) -> ConfigError:
    """What to say of a model whose provider is unknown: which there are, and which may have been meant."""
    from rlm.lms.listed import providers_of

    providers = known()
    name, slash, model = spec.partition("/")
    near = get_close_matches(name, [*providers, *([] if slash else [BOX])], 1, 0.75)
    meant = [near[0] + slash + model] if near else [f"{one}/{spec}" for one in providers_of(spec, providers.values())]
    hint = f", meant {meant[0]!r}?" if meant else ";"
    there = ", ".join(sorted(providers))
    return ConfigError(f"no model {spec!r}{hint} a model is {BOX} or PROVIDER/MODEL, with PROVIDER one of {there}")


def _presets() -> Iterator[Provider]:
    """Who else speaks chat completions, and servers of the user's."""
    from rlm.lms.presets import PRESETS, Local

    for name, preset in PRESETS.items():
        is_local = isinstance(preset, Local)
        yield Provider(
            name=name,
            what=f"{_TITLES.get(name, name)}: {f'a server of yours, {preset.note}' if is_local else preset.note}",
            load=partial(getattr, preset, "client"),
            keys=(preset.key_variable,) if preset.needs_key else (),
            url="" if is_local else preset.base_url,
            url_variable=preset.url_variable,
            default=_DEFAULTS.get(name, ""),
            is_server=is_local,
        )


def _configured() -> dict[str, Provider]:
    """Presets of the config file: endpoints that speak chat completions.

    Raises:
        ConfigError: The config file can't be used, or one of them can't be right.
    """
    found: dict[str, Provider] = {}
    for name, fields in config.read().presets.items():
        preset = _preset(name, fields)
        keys = (preset.key_variable,) if preset.needs_key else ()
        what = f"{preset.note or 'chat completions'} at {preset.base_url}"
        found[name] = Provider(
            name=name, what=what, load=partial(getattr, preset, "client"), keys=keys, url=preset.base_url, by="config"
        )
    return found


def _preset(name: str, fields: Mapping[str, Any]) -> Preset:
    from rlm.lms.presets import Preset
    from rlm.lms.wire import host_of, is_loopback

    where = f"[presets.{name}] of the config file"
    if not _NAME.fullmatch(name) or name in {BOX, *builtin()}:
        raise ConfigError(f"{where}: a preset's name is small letters, digits, - and _, and not one that there is")
    if unknown := sorted(fields.keys() - _PRESET_FIELDS.keys()):
        raise ConfigError(f"{where} has no {unknown[0]!r}; there is: {', '.join(_PRESET_FIELDS)}")
    for field, kind in _PRESET_FIELDS.items():
        if field in fields and not isinstance(fields[field], kind):
            raise ConfigError(f"{where}: {field} must be a {kind.__name__}")
    if "base_url" not in fields:
        raise ConfigError(f"{where} needs base_url")
    host = host_of(fields["base_url"])
    # Of its own, so that the key of another provider is never sent there.
    variable = f"{name.replace('-', '_').upper()}_API_KEY"
    given = {"key_variable": variable, "needs_key": not is_loopback(host), **fields}
    return Preset(provider=name, url_variable="", **given)


def _brought() -> dict[str, Provider]:
    """Clients that installed packages bring."""
    from importlib.metadata import entry_points

    found: dict[str, Provider] = {}
    for point in entry_points(group=GROUP):
        by = point.dist.name if point.dist else point.value
        provider = Provider(name=point.name, what=f"of {by}", load=partial(_loaded, point), by=by)
        found.setdefault(point.name, provider)  # the first on the path, as for modules
    return found


def _loaded(point: EntryPoint) -> Client:
    try:
        client = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"the models {point.name}/... of {point.value} can't be loaded: {error}") from error
    if not callable(client):
        raise ConfigError(f"the entry point {point.name} = {point.value} is not callable: it makes no models")
    made: Client = client
    return made


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False
