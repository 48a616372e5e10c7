"""Any endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from rlm.errors import ConfigError, LMRefusedError, LMReplyError, MissingKeyError
from rlm.lms.base import Price, estimate_tokens
from rlm.lms.http import Policy, post, warm
from rlm.lms.prices import Listing, listing
from rlm.types import JSON, Finish, Reply, Request, Usage

DEFAULT_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
URL_VARIABLE = "OPENAI_BASE_URL"
_FINISHES: dict[str, Finish] = {"length": "length", "content_filter": "filter"}
# `extra` can't set these; the limit of output is among them because budgets rest on it.
_OURS = {"model", "messages", "stream", "n", "max_tokens", "max_completion_tokens"}
_KEY_HEADERS = {"authorization", "api-key", "x-api-key", "x-portkey-api-key"}
# No call has more tokens, or costs more dollars: what an endpoint reports is added up, and must stay a number.
_BELIEVED = 10**9
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class OpenAI:
    """A model behind an OpenAI-compatible endpoint.

    Args:
        model: The model as the endpoint names it.
        base_url: Where `/chat/completions` is; default `$OPENAI_BASE_URL`, or OpenAI's own.
        api_key: Default `$OPENAI_API_KEY`; an endpoint on this machine, or `headers` with a key, needs none.
        window: Tokens of prompt and answer together; default: what is known of the model.
        price: What it costs at worst; default: what is known of the model at this endpoint.
        max_tokens: The most output tokens where a request does not say.
        max_tokens_field: The name of that limit on the wire; default: `max_completion_tokens` at OpenAI and
            Azure, `max_tokens` elsewhere.
        temperature: Sampling temperature where a request does not say.
        extra: More fields of the request, such as `{"reasoning_effort": "low"}`.
        headers: More headers.
        policy: Time-outs and retries.

    Raises:
        MissingKeyError: There is no key, and the endpoint is not on this machine.
        ConfigError: The base URL or a header is not one, or `extra` has a field that is ours.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        window: int | None = None,
        price: Price | None = None,
        max_tokens: int | None = None,
        max_tokens_field: str | None = None,
        temperature: float | None = None,
        extra: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        policy: Policy = Policy(),  # noqa: B008 (frozen)
    ) -> None:
        self.name = f"openai/{model}"
        self._model = model
        self._base_url = base_url or os.environ.get(URL_VARIABLE) or DEFAULT_URL
        host = _host(self._base_url)
        url = urlsplit(self._base_url)  # some gateways want a query, such as Azure's api-version
        self._shown_url = url._replace(query="").geturl()
        self._url = url._replace(path=url.path.rstrip("/") + "/chat/completions").geturl()
        key = (api_key or os.environ.get(KEY_VARIABLE) or "").strip()  # one read from a file ends with a line's end
        keyed = key or any(name.lower() in _KEY_HEADERS for name in headers or {})
        if not keyed and not _is_loopback(host):
            raise MissingKeyError(f"{self.name} at {host} needs a key: set {KEY_VARIABLE}, or give api_key=")
        if taken := sorted(_OURS & (extra or {}).keys()):
            raise ConfigError(f"extra can't set {', '.join(taken)}")
        self._headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        self._headers["Content-Type"] = "application/json"
        if odd := sorted(name for name, value in self._headers.items() if not (name + value).isprintable()):
            raise ConfigError(f"a header holds a control character: {', '.join(map(repr, odd))}")
        at_openai = host == "api.openai.com" or host.endswith((".openai.com", ".azure.com"))
        self._max_tokens_field = max_tokens_field or ("max_completion_tokens" if at_openai else "max_tokens")
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._extra = dict(extra or {})
        self._policy = policy
        self._window = window
        self._price = price
        # An endpoint on this machine is in no price list, and reading one takes 0.2 s.
        self._may_be_listed = not _is_loopback(host)
        warm()

    def __repr__(self) -> str:
        return f"OpenAI({self._model!r}, base_url={self._shown_url!r})"

    @property
    def window(self) -> int | None:
        """Tokens of prompt and answer together; None if unknown."""
        if self._window is None and (listed := self._listing()):
            return listed.window
        return self._window

    @property
    def price(self) -> Price | None:
        """What it costs at worst; None if unknown."""
        if self._price is None and (listed := self._listing()):
            return listed.price
        return self._price

    @price.setter
    def price(self, price: Price | None) -> None:
        self._price = price

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            LMRefusedError: The request can't succeed as it is, the key included.
            LMUnavailableError: The endpoint failed and kept failing through the retries.
            LMReplyError: The reply is empty, a refusal, filtered, or no chat completion.
        """
        try:
            value, retries = await post(self._url, self._headers, self._body(request), self._policy)
        except LMRefusedError as error:
            raise LMRefusedError(f"{self.name}: {error}{self._hint(str(error))}") from error
        return self._reply(value, retries, request)

    def _body(self, request: Request) -> bytes:
        """The request on the wire.

        What varies from call to call stands behind the messages, so that the body of a growing conversation begins
        with the last one's bytes.
        """
        fields: dict[str, JSON] = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        }
        max_tokens = request.max_tokens if request.max_tokens is not None else self._max_tokens
        if max_tokens is not None:
            fields[self._max_tokens_field] = max_tokens
        temperature = request.temperature if request.temperature is not None else self._temperature
        if temperature is not None:
            fields["temperature"] = temperature
        fields.update(self._extra)
        text = _encode(fields)
        try:
            return text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON readers refuse
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()

    def _reply(self, value: dict[str, Any], retries: int, request: Request) -> Reply:
        usage = _usage(value.get("usage")) or _estimated(request, value)
        cost = self._cost(value.get("usage"), usage)
        try:
            choice = value["choices"][0]
            message = choice["message"]
            text, refusal, ended = message.get("content"), message.get("refusal"), choice.get("finish_reason")
        except (LookupError, TypeError, AttributeError) as error:
            raise LMReplyError(f"{self.name}: the reply is not a chat completion", usage, cost) from error
        if isinstance(text, list):  # some servers send the parts
            text = "".join(str(part.get("text") or "") for part in text if isinstance(part, dict))
        if ended == "error":  # a gateway's upstream failed in the middle of its answer
            raise LMReplyError(f"{self.name}: the answer broke off with an error", usage, cost)
        finish = _FINISHES.get(str(ended), "stop")
        if refusal and not text:
            raise LMReplyError(f"{self.name} refused: {refusal}", usage, cost)
        if text is None and finish == "length":
            text = ""  # all the room went into thinking: the caller may give it more
        if not isinstance(text, str) or (not text and finish != "length"):
            why = "its content filter stopped it" if finish == "filter" else f"finish_reason {ended!r}"
            raise LMReplyError(f"{self.name}: the reply is empty ({why})", usage, cost)
        return Reply(text, usage, cost, finish, str(value.get("model") or self._model), retries)

    def _cost(self, reported: object, usage: Usage) -> float | None:
        """What the endpoint says it charged, else the price's arithmetic."""
        said = reported.get("cost") if isinstance(reported, dict) else None
        if isinstance(said, int | float) and 0 <= said <= _BELIEVED:
            return float(said)
        if self._price is not None:
            return self._price.cost(usage)
        listed = self._listing()
        return listed.cost(usage) if listed else None

    def _listing(self) -> Listing | None:
        return listing(self._model, self._base_url) if self._may_be_listed else None

    def _hint(self, message: str) -> str:
        if message.startswith(("401", "403")):
            return f"; the key is api_key= or the variable {KEY_VARIABLE}"
        if message.startswith("404"):
            return f"; is {self._model!r} a model at {_host(self._base_url)}, and {self._shown_url} the right base URL?"
        if message.startswith("400") and "max_tokens" in message:
            return "; the limit's name at this endpoint can be given, max_tokens_field="
        return ""


def _usage(reported: object) -> Usage | None:
    """The usage that a reply reports, or None; a detail that is left out counts as 0.

    Some endpoints leave thinking out of `completion_tokens`, and bill it: it is in their total.
    """
    if not isinstance(reported, dict) or "prompt_tokens" not in reported:
        return None
    asked, said, total = (_count(reported, f"{name}_tokens") for name in ("prompt", "completion", "total"))
    cached = _count(reported.get("prompt_tokens_details"), "cached_tokens")
    return Usage(
        calls=1,
        input_tokens=asked,
        output_tokens=max(said, total - asked),
        cached_tokens=cached or _count(reported, "prompt_cache_hit_tokens"),  # DeepSeek's name for it
        reasoning_tokens=_count(reported.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _estimated(request: Request, value: dict[str, Any]) -> Usage:
    """The usage where an endpoint reports none: a limit must hold there too."""
    asked = sum(estimate_tokens(message.content) for message in request.messages)
    return Usage(1, asked, estimate_tokens(json.dumps(value.get("choices"))))


def _count(reported: object, name: str) -> int:
    value = reported.get(name) if isinstance(reported, dict) else None
    return min(max(0, value), _BELIEVED) if isinstance(value, int) else 0


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = None, None
    if parts is None or not host or parts.scheme not in ("http", "https"):
        raise ConfigError("the base URL must look like https://host/v1")
    if parts.username or parts.password:
        raise ConfigError("the base URL must not hold a password: give api_key= or headers=")
    return host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
