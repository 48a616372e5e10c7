"""The reference system's `backend` and `backend_kwargs`, and what goes with them, as models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlencode, urlsplit

from rlm import config
from rlm.errors import ConfigError
from rlm.lms import providers, resolve
from rlm.lms.base import LM

# What its OpenAI client looks for where it is told such a host; hosts of our own presets have theirs.
_KEYS = {"api.pinference.ai": "PRIME_API_KEY"}
_HEADERS = {"organization": "OpenAI-Organization", "project": "OpenAI-Project"}
# OpenAI's names of sampling arguments, where a wire has others.
_GOOGLE = {
    "top_p": "topP",
    "top_k": "topK",
    "stop": "stopSequences",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_SAMPLING = {
    "anthropic": {"stop": "stop_sequences"},
    "bedrock": {"stop": "stop_sequences"},
    "gemini": _GOOGLE,
    "vertex": _GOOGLE,
}


def model_of(backend: str, kwargs: Mapping[str, Any]) -> LM:
    """The model of a backend: one of the reference's, or any provider of ours.

    Args:
        backend: Its name.
        kwargs: As there: `model_name`, `api_key`, `base_url`, `timeout`, `max_retries`, `default_headers`,
            `default_query`, `sampling_args`, Azure's `azure_endpoint`, `api_version` and `azure_deployment`; and
            options of our client.

    Raises:
        ConfigError: There is no such backend, or an option that is missing, wrong or unknown.
        MissingKeyError: It needs a key that is not set.
    """
    options = dict(kwargs)
    name = options.pop("model_name", None) or ("gemini-2.5-flash" if backend == "gemini" else None)
    if providers.find(backend) is None:
        known = sorted(providers.known())
        near = get_close_matches(backend, known, 1)
        hint = f", meant {near[0]!r}?" if near else ";"
        raise ConfigError(f"unknown backend {backend!r}{hint} there is: {', '.join(known)}")
    if not name:
        raise ConfigError('backend_kwargs needs model_name, such as {"model_name": "gpt-5-nano"}')
    if backend == "vllm" and not options.get("base_url"):
        raise ConfigError("the backend vllm needs base_url in backend_kwargs")
    if backend == "azure_openai":
        name = _azure(name, options)
    if backend in ("openai", "vllm"):
        backend = _openai(backend, options)
    return resolve(f"{backend}/{name}", **_client_options(backend, options))


def others_of(backend: str, kwargs: Mapping[str, Any], named: Mapping[str, Any]) -> tuple[LM | None, dict[str, LM]]:
    """The model that cells call, None for the root's, and those that they may name.

    Args:
        backend: The root's.
        kwargs: The root's options.
        named: The reference's `other_backends`, `other_backend_kwargs` and `sub_sampling_args`, as far as given.

    Raises:
        ConfigError: They don't fit together, or a model can't be had.
        MissingKeyError: A model needs a key that is not set.
    """
    sampling = named.get("sub_sampling_args")
    backends: Sequence[str] = named.get("other_backends") or []
    given = [dict(one or {}) for one in named.get("other_backend_kwargs") or []]
    if len(given) != len(backends):
        raise ConfigError(f"other_backend_kwargs has {len(given)} entries for {len(backends)} other_backends")
    if sampling is not None and not backends:
        backends, given = [backend], [dict(kwargs)]
    if not backends:
        return None, {}
    if sampling is not None:
        given[0] = sampled(given[0], sampling)
    models = [model_of(one, options) for one, options in zip(backends, given, strict=True)]
    names = [str(options.get("model_name")) for options in given]
    return models[0], dict(zip(names[1:], models[1:], strict=True))


def sampled(kwargs: Mapping[str, Any], sampling: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options of a backend with more sampling arguments."""
    if sampling is None:
        return dict(kwargs)
    return {**kwargs, "sampling_args": {**(kwargs.get("sampling_args") or {}), **sampling}}


def _azure(name: str, options: dict[str, Any]) -> str:
    """Renames Azure's options to ours; a model is a deployment there."""
    if endpoint := options.pop("azure_endpoint", None):
        options["base_url"] = endpoint
    version = options.pop("api_version", None) or os.environ.get("AZURE_OPENAI_API_VERSION")
    if version:
        options["api_version"] = version
    return str(options.pop("azure_deployment", None) or os.environ.get("AZURE_OPENAI_DEPLOYMENT") or name)


def _openai(backend: str, options: dict[str, Any]) -> str:
    """Whose wire it is, by the URL, since the key and the quirks hang on it; puts what that needs into the options."""
    from rlm.lms.presets import PRESETS

    url = options.get("base_url")
    host = urlsplit(url).hostname if url else None
    if headers := {header: options.pop(name) for name, header in _HEADERS.items() if options.get(name)}:
        options["default_headers"] = {**headers, **(options.get("default_headers") or {})}
    if backend == "vllm":
        options["endpoint"] = PRESETS["vllm"]  # it is not asked what it serves: the reference doesn't
        return "openai"
    if host in _KEYS and not options.get("api_key"):
        options["api_key"] = config.variable(_KEYS[host]) or None
    for name, preset in PRESETS.items():
        if host and preset.needs_key and name != "azure_openai" and host == urlsplit(preset.base_url).hostname:
            return name
    return backend


def _client_options(backend: str, options: dict[str, Any]) -> dict[str, Any]:
    """The client's options for those that the reference passes to its own client."""
    from rlm.lms.http import Policy

    sampling = {name: value for name, value in (options.pop("sampling_args", None) or {}).items() if value is not None}
    sampling.update(sampling.pop("extra_body", None) or {})
    for name in ("max_tokens", "max_completion_tokens", "temperature"):
        if name in sampling:
            options["temperature" if name == "temperature" else "max_tokens"] = sampling.pop(name)
    timing = {"attempt": options.pop("timeout", None)}
    retries = options.pop("max_retries", None)
    timing["attempts"] = None if retries is None else retries + 1
    if given := {name: value for name, value in timing.items() if value is not None}:
        options["policy"] = Policy(**given)
    if headers := options.pop("default_headers", None):
        options["headers"] = headers
    if query := options.pop("default_query", None):
        url = options.get("base_url") or providers.builtin()[backend].at
        options["base_url"] = f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"
    if not sampling:
        return options
    extra = {_SAMPLING.get(backend, {}).get(name, name): value for name, value in sampling.items()}
    return {**options, "extra": {"generationConfig": extra} if backend in ("gemini", "vertex") else extra}
