"""Models by name: `provider/model`, or an object with `complete`, which is taken as it is."""

from __future__ import annotations

import importlib
import inspect
import os
from difflib import get_close_matches
from typing import Any

from rlm.errors import ConfigError
from rlm.lms.base import LM

# What makes a provider's models: (model, **options) -> LM. Imported when it is named.
PROVIDERS = {
    "llamacpp": "rlm.lms.llamacpp:LlamaCpp",
    "openai": "rlm.lms.openai:OpenAI",
}
BOX = "nano"


def resolve(spec: str | LM, **options: Any) -> LM:
    """The model that `spec` names.

    Args:
        spec: `openai/NAME`, `llamacpp/PATH.gguf`, `nano` (the one in the box), or a model.
        options: Of the provider's client, such as `base_url` or `window`.

    Raises:
        ConfigError: There is no such provider, it takes no such option, or `spec` is neither a name nor a model.
        MissingKeyError: The provider needs a key that is not set.
    """
    if not isinstance(spec, str):
        if options or not hasattr(spec, "complete"):
            raise ConfigError(f"a model is a name, or an object with `complete` and without options: not {spec!r}")
        return spec
    if spec == BOX:
        return _make("rlm.lms.llamacpp:box", BOX, options)
    provider, _, model = spec.partition("/")
    if provider not in PROVIDERS:
        known = ", ".join([*(f"{name}/MODEL" for name in sorted(PROVIDERS)), BOX])
        near = get_close_matches(provider, [*PROVIDERS, BOX], 1)
        raise ConfigError(f"no model {spec!r}; there is: {known}" + (f"; meant {near[0]!r}?" if near else ""))
    if not model:
        raise ConfigError(f"{spec!r} names no model: {provider}/MODEL")
    return _make(PROVIDERS[provider], provider, options, model)


def default_model() -> str:
    """The model to use where none is named: `$RLM_MODEL`, one whose key is set, or the one in the box."""
    return os.environ.get("RLM_MODEL") or ("openai/gpt-5-mini" if os.environ.get("OPENAI_API_KEY") else BOX)


def _make(dotted: str, provider: str, options: dict[str, Any], *model: str) -> LM:
    module, _, name = dotted.partition(":")
    client = getattr(importlib.import_module(module), name)
    try:
        inspect.signature(client).bind(*model, **options)
    except TypeError as error:
        raise ConfigError(f"{provider}: {error}") from None
    made: LM = client(*model, **options)
    return made
