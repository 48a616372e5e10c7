"""Whatever LiteLLM knows: the library translates, retries and what counts as a failure are ours."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from rlm import config
from rlm.errors import ConfigError, LMError, LMRefusedError, LMReplyError, MissingKeyError
from rlm.lms import window
from rlm.lms.base import Price
from rlm.lms.failures import Retryable, failure
from rlm.lms.http import Policy, tried
from rlm.lms.pace import Pace
from rlm.lms.wire import check_extra, count, dollars, estimated, host_of, is_loopback
from rlm.types import JSON, Finish, Reply, Request, Usage

_OURS = {"model", "messages", "stream", "n", "max_tokens", "max_completion_tokens", "num_retries", "max_retries"}
_FINISHES: dict[str, Finish] = {"length": "length", "content_filter": "filter"}
_ENDPOINTS = ("api_base", "base_url")
_SECRET = re.compile("key|secret|token|password|credential|header", re.IGNORECASE)


class LiteLLM:
    """A model as LiteLLM names it.

    The library, which alone knows where a model's key is, is imported when the model is made, 3 s, without downloading
    its price list and without reading a `.env` file of the working folder; set `LITELLM_LOCAL_MODEL_COST_MAP` and
    `LITELLM_MODE` yourself to have it otherwise.

    Args:
        model: Such as `cohere/command-r-plus`.
        window: Tokens of prompt and answer together; default: what was learnt, else what LiteLLM lists.
        price: What it costs at worst; default: what LiteLLM lists.
        max_tokens: The most output tokens where a request does not say.
        temperature: Sampling temperature where a request does not say.
        extra: More arguments of `litellm.acompletion`, such as `{"api_base": "...", "drop_params": True}`.
        policy: Time-outs and retries.

    Raises:
        ConfigError: LiteLLM is not installed, or `extra` has an argument that is ours.
        MissingKeyError: LiteLLM looks for a key in variables that are not set, or an endpoint that was named has none.
    """

    def __init__(
        self,
        model: str,
        *,
        window: int | None = None,
        price: Price | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        extra: Mapping[str, JSON] | None = None,
        policy: Policy = Policy(),  # noqa: B008 (frozen)
    ) -> None:
        self.name = f"litellm/{model}"
        self._model = model
        self._window = window
        self._price = price
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._extra = check_extra(extra, _OURS)
        self._policy = policy
        if importlib.util.find_spec("litellm") is None:
            raise ConfigError(f"{self.name} needs LiteLLM: pip install 'rlm-engine[litellm]'")
        self._found = self._key()
        shared = json.dumps([self._extra.get(name) for name in (*_ENDPOINTS, "api_key")], default=str)
        digest = hashlib.sha256((shared + "".join(self._found.values())).encode()).hexdigest()[:16]
        self._account = f"{self.name} {digest}"  # what shares a rate limit

    def __repr__(self) -> str:
        return f"LiteLLM({self._model!r})"

    @property
    def window(self) -> int | None:
        """Tokens of prompt and answer together; None if unknown."""
        if self._window is not None:
            return self._window
        if (tokens := window.learnt(self.name)) is not None:
            return tokens
        return count(self._listed(), "max_input_tokens") or None

    @property
    def price(self) -> Price | None:
        """What it costs at worst; None if unknown."""
        if self._price is not None:
            return self._price
        return _price(self._listed())

    @price.setter
    def price(self, price: Price | None) -> None:
        self._price = price

    @property
    def settings(self) -> Mapping[str, JSON]:
        """What answers depend on besides the request; of `extra`, nothing that may hold a key."""
        shown = {name: value for name, value in self._extra.items() if not _SECRET.search(name)}
        return {"max_tokens": self._max_tokens, "temperature": self._temperature, "extra": shown}

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            LMRefusedError: The request can't succeed as it is, the key included.
            LMUnavailableError: The provider failed and kept failing through the retries.
            LMReplyError: The prompt is too long, or the reply is empty, a refusal, filtered, or all thinking.
        """
        arguments = self._arguments(request)
        response, retries = await tried(partial(self._attempt, arguments), self.name, self._policy, self._account)
        return self._reply(response, retries, request)

    def _arguments(self, request: Request) -> dict[str, Any]:
        max_tokens = request.max_tokens if request.max_tokens is not None else self._max_tokens
        temperature = request.temperature if request.temperature is not None else self._temperature
        return {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            **({"max_tokens": max_tokens} if max_tokens is not None else {}),
            **({"temperature": temperature} if temperature is not None else {}),
            **({"stop": [*request.stop]} if request.stop else {}),
            **self._found,
            **self._extra,
            **request.fields,
            "num_retries": 0,
            "max_retries": 0,
        }

    def _key(self) -> dict[str, str]:
        """The key, where only the user's config file has it.

        An endpoint that was named gets the key that was given with it, and no other: LiteLLM would send it the one that
        the environment has for the provider.
        """
        if self._extra.keys() & {"api_key", "mock_response"}:
            return {}
        for url in (str(self._extra[name]) for name in _ENDPOINTS if self._extra.get(name)):
            if not is_loopback(host := host_of(url)):
                raise MissingKeyError(f"{self.name} at {host} needs a key of its own: give api_key in extra")
            return {"api_key": "none"}
        missing = _load().validate_environment(self._model)["missing_keys"]
        found = {name: config.variable(name) for name in missing}
        # AWS has more ways to say who one is than its variables.
        if lacking := sorted(
            name for name in missing if "KEY" in name and not name.startswith("AWS_") and not found[name]
        ):
            raise MissingKeyError(f"{self.name} needs a key: set {' and '.join(lacking)}")
        keys = [value for name, value in found.items() if value and name.endswith("_API_KEY")]
        return {"api_key": keys[0]} if len(keys) == 1 else {}

    async def _attempt(self, arguments: Mapping[str, Any], pace: Pace, seconds: float) -> Any:
        import litellm
        import openai

        try:
            async with asyncio.timeout(seconds):
                response = await litellm.acompletion(**arguments, timeout=seconds)
            pace.succeeded()
            return response
        except TimeoutError:
            raise Retryable("no answer in time") from None
        except litellm.exceptions.BudgetExceededError as error:
            raise LMRefusedError(f"{self.name}: {error}") from None
        except openai.OpenAIError as error:  # the base of what LiteLLM raises
            raise self._failure(error, litellm.exceptions) from None

    def _failure(self, error: Any, kinds: Any) -> Retryable | LMError:
        """What an error of LiteLLM's stands for, by its status and the provider's own body where it is kept."""
        status = error.status_code if isinstance(getattr(error, "status_code", None), int) else 500
        body = error.body if isinstance(getattr(error, "body", None), dict) else {}
        value = {"error": {**body, "message": getattr(error, "message", str(error))}}
        found = failure(status, getattr(error, "litellm_response_headers", None) or {}, value, b"", self._secrets())
        if isinstance(found, Retryable | LMReplyError):
            return found
        said = f"{self.name}: {found}"
        if isinstance(error, kinds.ContentPolicyViolationError):
            return LMReplyError(said, fault="filtered")
        told = window.told(str(found), getattr(found, "error", None))
        if told is not None or isinstance(error, kinds.ContextWindowExceededError):
            if told is not None and told.window is not None:
                window.learn(self.name, told.window)
            return LMReplyError(
                f"{self.name}: the prompt is too long: split it, or send less; {found}", fault="too_long"
            )
        if isinstance(found, LMRefusedError):
            return LMRefusedError(said, found.status, found.error)
        return type(found)(said)

    def _secrets(self) -> dict[str, str]:
        """What no message may repeat: LiteLLM's own may, and which of the keys it took is not known here."""
        known = {name: value for name, value in os.environ.items() if name.endswith(("_KEY", "_TOKEN", "_SECRET"))}
        given = self._extra.get("api_key")
        return {**known, **({"api_key": given} if isinstance(given, str) else {})}

    def _reply(self, response: Any, retries: int, request: Request) -> Reply:
        value = response.model_dump()
        usage = _usage(value.get("usage")) or estimated(request, value.get("choices"))
        cost = self._cost(response, usage)
        try:
            choice = value["choices"][0]
            text, ended = choice["message"]["content"], choice.get("finish_reason")
            refusal = (choice["message"].get("provider_specific_fields") or {}).get("refusal")
        except (LookupError, TypeError, AttributeError):
            raise LMReplyError(f"{self.name}: the reply is no chat completion", usage, cost) from None
        finish = _FINISHES.get(str(ended), "stop")
        if text:
            return Reply(text, usage, cost, finish, value.get("model") or self._model, retries)
        if refusal:
            raise LMReplyError(f"{self.name} refused: {refusal}", usage, cost, "refused")
        if finish == "length":
            spent = f"its {usage.output_tokens:,} output tokens"
            raise LMReplyError(
                f"{self.name}: was cut off before it answered: {spent} went into thinking", usage, cost, "thinking"
            )
        if finish == "filter":
            raise LMReplyError(
                f"{self.name}: the reply is empty (its content filter stopped it)", usage, cost, "filtered"
            )
        raise LMReplyError(f"{self.name}: the reply is empty (finish_reason {ended!r})", usage, cost, "empty")

    def _cost(self, response: Any, usage: Usage) -> float | None:
        """The caller's price, else what LiteLLM reckons, whose 0 is one too few where it has no usage."""
        if self._price is not None:
            return self._price.cost(usage)
        if reckoned := dollars(getattr(response, "_hidden_params", {}).get("response_cost")):
            return reckoned
        return self.price.cost(usage) if self.price is not None else None

    def _listed(self) -> Mapping[str, Any]:
        """What LiteLLM's list says of the model; empty for one that is not in it. Its look-up may ask a server."""
        litellm = _load()
        try:
            model, provider, *_ = litellm.get_llm_provider(self._model)
        except litellm.exceptions.BadRequestError:
            return {}
        for name in (f"{provider}/{model}", model):
            listed: Mapping[str, Any] = litellm.model_cost.get(name, {})
            if listed.get("litellm_provider") == provider:
                return listed
        return {}


def _load() -> Any:
    """LiteLLM, quiet: it prints advice, downloads its price list, and reads `.env`, unless told otherwise."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    import litellm

    litellm.suppress_debug_info = True
    return litellm


def _usage(reported: Any) -> Usage | None:
    """The usage of a reply, or None where there is none: LiteLLM fills in zeros."""
    asked, said, total = (count(reported, f"{name}_tokens") for name in ("prompt", "completion", "total"))
    if not asked and not said:
        return None
    input_details, output_details = (reported.get(f"{name}_tokens_details") for name in ("prompt", "completion"))
    return Usage(
        calls=1,
        input_tokens=asked,
        output_tokens=max(said, total - asked),
        cached_tokens=min(count(input_details, "cached_tokens"), asked),
        reasoning_tokens=count(output_details, "reasoning_tokens"),
        cache_write_tokens=count(input_details, "cache_creation_tokens"),
    )


def _price(listed: Mapping[str, Any]) -> Price | None:
    """The tariff of an entry in LiteLLM's list, with that of long inputs; None where it has no price for tokens.

    Such are models that are priced by the second or the character, or that come with a subscription.
    """
    if any(dollars(listed.get(f"{way}_cost_per_token")) is None for way in ("input", "output")):
        return None
    sizes = {
        int(found[1]) for name in listed if (found := re.fullmatch(r"input_cost_per_token_above_(\d+)k_tokens", name))
    }
    over: tuple[int, Price] | None = None
    for size in sorted(sizes, reverse=True):
        over = size * 1000, _tariff(listed, f"_above_{size}k_tokens", over)
    return _tariff(listed, "", over)


def _tariff(listed: Mapping[str, Any], tier: str, over: tuple[int, Price] | None) -> Price:
    def rate(name: str) -> float | None:
        value = dollars(listed.get(f"{name}{tier}", listed.get(name)))
        return None if value is None else value * 1e6

    return Price(
        rate("input_cost_per_token") or 0.0,
        rate("output_cost_per_token") or 0.0,
        rate("cache_read_input_token_cost"),
        rate("cache_creation_input_token_cost"),
        reasoning_mtok=rate("output_cost_per_reasoning_token"),
        over=over,
    )
