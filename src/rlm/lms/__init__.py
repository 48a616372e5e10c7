"""Models by name: `provider/model`, or an object with `complete`, which is taken as it is."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Mapping
from typing import Any

from rlm import config
from rlm.errors import ConfigError
from rlm.lms import providers
from rlm.lms.base import LM, Price, priced
from rlm.lms.providers import BOX, Client

# What the options of our clients are in TOML, whose values are checked before a client is made of them.
_TEXT, _TOKENS, _TABLE = ((str,), "a string"), ((int,), "a number of tokens"), ((dict,), "a table")
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    **dict.fromkeys(("api_key", "base_url", "api", "reasoning_effort", "effort", "thinking_level"), _TEXT),
    **dict.fromkeys(("cache", "project", "location", "region", "profile", "max_tokens_field", "api_version"), _TEXT),
    **dict.fromkeys(("window", "max_tokens", "thinking_tokens", "thinking_budget"), _TOKENS),
    **dict.fromkeys(("extra", "headers"), _TABLE),
    "temperature": ((int, float), "a number"),
    "stream": ((bool,), "true or false"),
}


def resolve(spec: str | LM, **options: Any) -> LM:
    """The model that `spec` names.

    Args:
        spec: `openai/NAME`, `anthropic/NAME`, `llamacpp/PATH.gguf`, ... (`rlm models` lists them), `nano` (the one in
            the box), or a model.
        options: Of the provider's client, such as `base_url` or `window`. They go before those of the config file,
            where a model's go before its provider's.

    Raises:
        ConfigError: There is no such provider, it takes no such option, what it needs is not installed, `spec` is
            neither a name nor a model, or the config file can't be used.
        MissingKeyError: The provider needs a key that is not set.
    """
    if not isinstance(spec, str):
        if options or isinstance(spec, type) or not hasattr(spec, "complete"):
            raise ConfigError(f"a model is a name, or an object with `complete` and without options: not {spec!r}")
        return spec
    settings = config.read()
    _check_names(settings)
    name, _, model = spec.partition("/")
    given = {**options_of(spec, settings), **options}
    if spec == BOX:
        from rlm.lms.llamacpp import box

        return _priced(_make(box, BOX, given), spec, settings)
    provider = providers.find(name)
    if provider is None:
        raise providers.unknown(spec)
    if not model and not provider.is_server:
        raise ConfigError(f"{spec!r} names no model: {name}/MODEL")
    return _priced(_make(provider.client(), name, given, model), spec, settings)


def default_model() -> str:
    """The model to use where none is named.

    `$RLM_MODEL`, the config file's `model`, the default model of the first provider whose key is found (in the order of
    `rlm models`), or the one in the box.

    Raises:
        ConfigError: The config file can't be used.
    """
    if named := os.environ.get("RLM_MODEL") or config.read().model:
        return named
    keyed = (one for one in providers.builtin().values() if one.default and one.key)
    return next((f"{one.name}/{one.default}" for one in keyed), BOX)


def default_sub_model() -> str | None:
    """The model that cells call where neither model is named: `$RLM_SUB_MODEL`, the config file's, or the root's.

    Raises:
        ConfigError: The config file can't be used.
    """
    return os.environ.get("RLM_SUB_MODEL") or config.read().sub_model


def nearest(name: str) -> str:
    """The model that the price list knows and that `name` was probably meant to be; empty if there is none."""
    from rlm.lms import listed  # decimal, which it needs, takes 5 ms to import

    provider = providers.find(name.partition("/")[0])
    if provider is None:
        return ""
    near = listed.nearest(name.partition("/")[2], provider.url)
    return f"{provider.name}/{near}" if near else ""


def options_of(spec: str, settings: config.Config) -> dict[str, Any]:
    """The config file's options for a model and, behind them, its provider, as the client takes them.

    Raises:
        ConfigError: One is of the wrong kind.
    """
    provider = spec.partition("/")[0]
    return {**_checked(provider, settings), **(_checked(spec, settings) if spec != provider else {})}


def _check_names(settings: config.Config) -> None:
    """Refuses options and prices for a provider that there isn't: a slip would leave them without an effect.

    Raises:
        ConfigError: There is such an entry.
    """
    for table, entries in (("options", settings.options), ("prices", settings.prices)):
        for spec in entries:
            if spec != BOX and providers.find(spec.partition("/")[0]) is None:
                raise ConfigError(f'[{table}."{spec}"] of the config file: {providers.unknown(spec)}')


def _checked(name: str, settings: config.Config) -> dict[str, Any]:
    options = dict(settings.options.get(name, {}))
    if "price" in options:
        raise ConfigError(f'[options."{name}"] of the config file has no price: that is [prices."{name}"]')
    for field, (kinds, what) in _KINDS.items():
        if field in options and type(options[field]) not in kinds:
            raise ConfigError(f'[options."{name}"] of the config file: {field} must be {what}')
    if any(options.get(field, 1) < 1 for field in ("window", "max_tokens")):
        raise ConfigError(f'[options."{name}"] of the config file: window and max_tokens are at least 1')
    if not all(isinstance(value, str) for value in options.get("headers", {}).values()):
        raise ConfigError(f'[options."{name}"] of the config file: each of the headers must be a string')
    if "policy" in options:
        from rlm.lms.http import Policy

        given = options["policy"]
        fields = tuple(Policy.__slots__)
        if not isinstance(given, dict) or not all(
            field in fields and type(value) in (int, float) and 0 < value < math.inf for field, value in given.items()
        ):
            raise ConfigError(
                f'[options."{name}"] of the config file: policy is a table of numbers above 0: {", ".join(fields)}'
            )
        options["policy"] = Policy(**given)
    return options


def _make(client: Client, provider: str, options: Mapping[str, Any], *model: str) -> LM:
    try:
        inspect.signature(client).bind(*model, **options)
    except TypeError as error:
        raise ConfigError(f"{provider}: {error}") from None
    made = client(*model, **options)
    if not hasattr(made, "complete"):
        raise ConfigError(f"{provider}: what it makes has no `complete`: {type(made).__name__}")
    return made


def _priced(lm: LM, spec: str, settings: config.Config) -> LM:
    """The model at the config file's price, if that has one."""
    fields = settings.prices.get(spec)
    return lm if fields is None else priced(lm, price_of(spec, fields))


def price_of(spec: str, fields: Mapping[str, Any]) -> Price:
    """A price as the config file says it for the model `spec`.

    Raises:
        ConfigError: It is none.
    """
    try:
        rates: dict[str, Any] = {name: float(rate) for name, rate in fields.items()}
        if not all(0 <= rate < math.inf for rate in rates.values()):
            raise ValueError
        return Price(**rates)
    except (TypeError, ValueError):
        raise ConfigError(
            f'[prices."{spec}"] of the config file has US dollars per million tokens: input_mtok and output_mtok, '
            "and, where they differ, cached_mtok and the like"
        ) from None
