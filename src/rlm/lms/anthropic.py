"""Anthropic's Messages API, and endpoints that speak it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from rlm.lms.base import Price
from rlm.lms.http import Policy
from rlm.lms.messages import Assembler, Cache, Claude, Form, read, usage_of
from rlm.lms.wire import KEY_HEADERS, WireClient, check_key, encode, estimated, find_key, host_of, join, without_query
from rlm.types import JSON, Reply, Request, Usage

DEFAULT_URL = "https://api.anthropic.com"
KEY_VARIABLE = "ANTHROPIC_API_KEY"
URL_VARIABLE = "ANTHROPIC_BASE_URL"
# The newer version of the API takes a temperature for no model, the older one for those that have it; to clients of
# text they are the same otherwise. https://platform.claude.com/docs/en/api/migration-2026-10-21
_VERSION, _SAMPLING_VERSION = "2026-10-21", "2023-06-01"
# Output that takes more than ten minutes at the slowest; connections that idle so long are cut on the way. The vendor's
# own client refuses to ask for more without streaming.
_UNSTREAMED = 21_333


class Anthropic(WireClient):
    """A Claude model behind the Messages API.

    Args:
        model: The model as the endpoint names it, such as `claude-sonnet-5`.
        base_url: Where `/v1/messages` is; default `$ANTHROPIC_BASE_URL`, or Anthropic's own.
        api_key: Default `$ANTHROPIC_API_KEY`, for the default URL alone; an endpoint on this machine, or `headers` with
            a key, needs none.
        window: Tokens of prompt and answer together; default: what is known of the model.
        price: What it costs at worst; default: what is known of the model at this endpoint.
        max_tokens: The most output tokens, thinking included, where a request does not say; default: 8,192, 16,384
            where the model thinks, and 8,192 more than a budget of thinking. Never more than the model gives.
        temperature: Sampling temperature where a request does not say; models from 4.7 on take none but 1.
        thinking_tokens: A budget for thinking, of at least 1,024, for models up to 4.6; 0 turns thinking off.
        effort: `low`, `medium`, `high`, `xhigh` or `max`: how much the model thinks and says; models from 4.6 on
            then think as much as they see fit.
        cache: How long a conversation stays in Anthropic's prompt cache, `5m` or `1h`; None keeps it out.
        stream: Whether replies are streamed; None streams those that may take longer than ten minutes.
        extra: More fields of the request.
        headers: More headers.
        policy: Time-outs and retries.

    Raises:
        MissingKeyError: There is no key, and the endpoint is not on this machine.
        ConfigError: The model does not take what is asked for, the base URL or a header is not one, or `extra` has a
            field that is ours.
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
        temperature: float | None = None,
        thinking_tokens: int | None = None,
        effort: str | None = None,
        cache: Cache | None = "5m",
        stream: bool | None = None,
        extra: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        policy: Policy = Policy(),  # noqa: B008 (frozen)
    ) -> None:
        name = f"anthropic/{model}"
        url = os.environ.get(URL_VARIABLE) or DEFAULT_URL
        base_url = base_url or url
        host, own = host_of(base_url), host_of(url)
        key = find_key(api_key, [KEY_VARIABLE] if host == own else [])
        keyed = bool(key) or any(header.lower() in KEY_HEADERS for header in headers or {})
        check_key(keyed, name, host, [KEY_VARIABLE], own)
        super().__init__(
            name,
            model,
            base_url,
            headers={
                **({"x-api-key": key} if key else {}),
                "anthropic-version": _SAMPLING_VERSION if Claude.named(model).samples else _VERSION,
                **(headers or {}),
            },
            window=window,
            price=price,
            policy=policy,
            tier=(extra or {}).get("speed"),
            key_variables=(KEY_VARIABLE,),
            own=DEFAULT_URL,
        )
        self._form = Form(model, max_tokens, temperature, thinking_tokens, effort, cache, extra or {})
        self.settings: dict[str, JSON] = {"url": without_query(base_url), **self._form.settings}
        self._stream = stream
        versioned = base_url.partition("?")[0].rstrip("/").endswith("/v1")
        self._url = join(base_url, "/messages" if versioned else "/v1/messages")

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            CallCancelled: It was cancelled while its reply was streamed.
            LMRefusedError: The request can't succeed as it is, the key included.
            LMUnavailableError: The endpoint failed and kept failing through the retries.
            LMReplyError: The reply is empty, refused, all thinking, or no message; or the prompt is too long.
        """
        fields = self._form.fields(request, self.window)
        limit = fields["max_tokens"]
        assert isinstance(limit, int)
        streamed = limit > _UNSTREAMED if self._stream is None else self._stream
        if streamed:
            fields["stream"] = True
        value, retries = await self._post(self._url, encode(fields), Assembler if streamed else None, usage_of)
        return self._reply(value, retries, request)

    def _reply(self, value: dict[str, Any], retries: int, request: Request) -> Reply:
        usage = usage_of(value) or estimated(request, value.get("content"))
        cost = self._cost(usage, tier=_tier(value.get("usage")))
        said = read(value, usage)
        if said.fault is not None:
            raise self._unusable(said.why, said.fault, usage, cost)
        return Reply(said.text, usage, cost, said.finish, str(value.get("model") or self._model), retries)

    def _cost(self, usage: Usage, charged: object = None, *, hour_writes: int = 0, tier: object = None) -> float | None:
        """US dollars: what is written to the cache is kept as long as all of this client's conversations."""
        kept = usage.cache_write_tokens if self._form.cache == "1h" else hour_writes
        return super()._cost(usage, charged, hour_writes=kept, tier=tier)


def _tier(reported: object) -> object:
    """What a reply says of how it was served, as far as it is priced: fast, or else in which tier."""
    if not isinstance(reported, dict):
        return None
    return "fast" if reported.get("speed") == "fast" else reported.get("service_tier")
