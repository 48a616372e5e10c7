"""Any endpoint that speaks OpenAI's chat completions, and OpenAI's Responses."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rlm.errors import ConfigError, LMRefusedError, LMReplyError
from rlm.lms.base import Price
from rlm.lms.chat import CHAT, Format
from rlm.lms.http import Policy
from rlm.lms.responses import RESPONSES, only_here
from rlm.lms.wire import (
    KEY_HEADERS,
    WireClient,
    check_extra,
    check_key,
    encode,
    estimated,
    find_key,
    host_of,
    join,
    without_query,
)
from rlm.types import JSON, Reply, Request, Usage

# `extra` can't set these; the limit of output is among them because budgets rest on it.
_OURS = {"model", "messages", "input", "instructions", "store", "stream", "stream_options", "n"} | {
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "background",
}
_UNSUPPORTED = re.compile(r"unsupported|n[o']t support|only the default|deprecated", re.IGNORECASE)


@dataclass(frozen=True)
class Endpoint:
    """Who serves the wire, and how it differs from OpenAI.

    Attributes:
        provider: Its name; a model's is `provider/model`.
        base_url: Where it is, unless the variable `url_variable` says otherwise.
        key_variable: What its key is in; a key goes to this endpoint alone.
        key_header: What the key is sent in; in `Authorization` as a bearer's.
        needs_key: Whether it refuses requests without one.
        limit: The name of the limit of output; None for `max_completion_tokens` at OpenAI, `max_tokens` elsewhere.
        effort: The fields that set the effort of reasoning.
        fields: More fields of each request.
        streamed: The fields that ask for a stream.
        headers: More headers of each request.
    """

    provider: str = "openai"
    base_url: str = "https://api.openai.com/v1"
    key_variable: str = "OPENAI_API_KEY"
    url_variable: str = "OPENAI_BASE_URL"
    key_header: str = "Authorization"
    needs_key: bool = True
    limit: str | None = None
    effort: Callable[[str], dict[str, JSON]] = CHAT.effort
    fields: Mapping[str, JSON] = field(default_factory=dict)
    streamed: Mapping[str, JSON] = field(default_factory=lambda: CHAT.streamed)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """The base URL where the caller gives none."""
        return os.environ.get(self.url_variable) or self.base_url

    def find_key(self, given: str | None, host: str) -> str:
        """The key for `host`; empty if there is none. The variable's is for the endpoint's own host alone."""
        return find_key(given, [self.key_variable] if host == host_of(self.url) else [])

    def check_key(self, keyed: bool, name: str, host: str) -> None:
        """Refuses to go on without a key that is needed.

        Raises:
            MissingKeyError: There is none, and `host` is not this machine.
        """
        if self.needs_key:
            check_key(keyed, name, host, [self.key_variable], host_of(self.url))


@dataclass(frozen=True, slots=True)
class _Terms:
    """How a model is spoken to, as far as its endpoint has taught it."""

    format: Format
    limit: str
    temperature: bool = True

    def taught(self, refusal: LMRefusedError) -> _Terms | None:
        """The terms that a refusal asks for; None if it is for another reason.

        Which models take which fields changes by model, effort and month, and a table of it is never right: the
        endpoint's own words are. They cost one refused request, which is not billed.
        """
        said = str(refusal)
        if refusal.status not in (400, 404, 422):
            return None
        if self.format is CHAT and "v1/responses" in said:
            return replace(self, format=RESPONSES, limit=RESPONSES.limit)
        if self.limit == "max_tokens" and "max_completion_tokens" in said:
            return replace(self, limit="max_completion_tokens")
        if self.temperature and "temperature" in said and _UNSUPPORTED.search(said):
            return replace(self, temperature=False)
        return None


class OpenAI(WireClient):
    """A model behind an endpoint that speaks chat completions or Responses.

    Args:
        model: The model as the endpoint names it.
        endpoint: Who serves it; default: OpenAI, or who `base_url` is.
        api: `chat` or `responses`; default: `responses` for models that OpenAI serves there alone, else `chat`.
        base_url: Where `/chat/completions` or `/responses` is; default `$OPENAI_BASE_URL`, or OpenAI's own.
        api_key: Default `$OPENAI_API_KEY`, for the default URL alone; an endpoint on this machine, or `headers` with
            a key, needs none.
        window: Tokens of prompt and answer together; default: what was learnt, else what is listed.
        price: What it costs at worst; default: what is listed for the model at this endpoint.
        max_tokens: The most output tokens where a request does not say.
        max_tokens_field: The name of that limit on the wire of chat completions.
        temperature: Sampling temperature where a request does not say; left out for a model that refuses it.
        reasoning_effort: How long it may think, in the endpoint's words, such as `low`.
        stream: Whether replies are streamed: for long ones, and to know what a cancelled call had consumed.
        extra: More fields of the request, such as `{"seed": 1}`.
        headers: More headers.
        policy: Time-outs and retries.

    Raises:
        MissingKeyError: There is no key, and the endpoint needs one.
        ConfigError: The base URL or a header is not one, `api` is none, or `extra` has a field that is ours.
    """

    def __init__(
        self,
        model: str,
        *,
        endpoint: Endpoint = Endpoint(),
        api: Literal["chat", "responses"] | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        window: int | None = None,
        price: Price | None = None,
        max_tokens: int | None = None,
        max_tokens_field: str | None = None,
        temperature: float | None = None,
        reasoning_effort: str | None = None,
        stream: bool = False,
        extra: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        policy: Policy = Policy(),  # noqa: B008 (frozen)
    ) -> None:
        name = f"{endpoint.provider}/{model}"
        url = base_url or endpoint.url
        host = host_of(url)
        key = endpoint.find_key(api_key, host)
        endpoint.check_key(bool(key) or any(one.lower() in KEY_HEADERS for one in headers or {}), name, host)
        keyed = {endpoint.key_header: f"Bearer {key}" if endpoint.key_header == "Authorization" else key} if key else {}
        super().__init__(
            name,
            model,
            url,
            headers={**endpoint.headers, **keyed, **(headers or {})},
            window=window,
            price=price,
            policy=policy,
            tier=(extra or {}).get("service_tier"),
            key_variables=(endpoint.key_variable,),
            own=endpoint.base_url,
        )
        if api not in (None, "chat", "responses"):
            raise ConfigError(f"api is 'chat' or 'responses', not {api!r}")
        at_openai = host == "api.openai.com" or host.endswith((".openai.com", ".azure.com"))
        limit = max_tokens_field or endpoint.limit or ("max_completion_tokens" if at_openai else "max_tokens")
        responses = api == "responses" or (api is None and at_openai and only_here(model))
        self._terms = _Terms(RESPONSES, RESPONSES.limit) if responses else _Terms(CHAT, limit)
        self._endpoint = endpoint
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._effort = reasoning_effort
        self._streams = stream
        self._extra = check_extra(extra, _OURS)
        self.settings: dict[str, JSON] = {
            "url": without_query(url),
            "format": self._terms.format.path,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "reasoning_effort": reasoning_effort,
            "extra": {**endpoint.fields, **self._extra},
        }

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            LMRefusedError: The request can't succeed as it is, the key included.
            LMUnavailableError: The endpoint failed and kept failing through the retries.
            LMReplyError: The prompt is too long, or the reply can't be used: `fault` says why.
            CallCancelled: It was cancelled in the middle of a stream.
        """
        terms = self._terms
        while True:
            try:
                return await self._complete(request, terms)
            except LMRefusedError as error:
                if (taught := terms.taught(error)) is None:
                    raise
                self._terms = terms = taught

    async def _complete(self, request: Request, terms: _Terms) -> Reply:
        value, retries = await self._post(
            join(self._base_url, terms.format.path),
            self._body(request, terms),
            terms.format.assembler if self._streams else None,
            lambda begun: self._spent(begun, request, terms.format),
        )
        return self._reply(value, retries, request, terms.format)

    def _body(self, request: Request, terms: _Terms) -> bytes:
        """The request on the wire; what varies from call to call stands behind the messages."""
        chat = terms.format is CHAT
        fields: dict[str, JSON] = {"model": self._model}
        more = {**self._endpoint.fields, **self._extra, **request.fields}
        # Chat completions' own name of it may be in `extra`; Responses refuses that.
        effort = self._effort if chat else more.pop("reasoning_effort", self._effort)
        if effort is not None:
            fields |= (self._endpoint.effort if chat else terms.format.effort)(str(effort))
        if self._streams:
            fields |= self._endpoint.streamed if chat else terms.format.streamed
        fields |= {**more, **terms.format.prompt(request.messages)}
        max_tokens = request.max_tokens if request.max_tokens is not None else self._max_tokens
        if max_tokens is not None:
            fields[terms.limit] = max_tokens
        temperature = request.temperature if request.temperature is not None else self._temperature
        if temperature is not None and terms.temperature:
            fields["temperature"] = temperature
        if request.stop and chat:  # Responses has no such field
            fields["stop"] = list(request.stop)
        return encode(fields)

    def _reply(self, value: dict[str, Any], retries: int, request: Request, form: Format) -> Reply:
        try:
            said = form.read(value)
        except (LookupError, TypeError, AttributeError) as error:
            usage = estimated(request, value)
            raise self._unusable(f"the reply is not a {form.noun}", "malformed", usage, self._cost(usage)) from error
        usage = said.usage or estimated(request, said.output)
        cost = self._cost(usage, said.charged, tier=said.tier)

        def unusable(why: str, fault: Literal["empty", "refused", "filtered", "thinking", "malformed"]) -> LMReplyError:
            return self._unusable(why, fault, usage, cost)

        if said.ended == "error":  # a gateway's upstream failed in the middle of its answer
            raise unusable("the answer broke off with an error", "malformed")
        if said.text is not None and said.text.strip():
            return Reply(said.text, usage, cost, said.finish, str(value.get("model") or self._model), retries)
        if said.refusal:
            raise unusable(f"refused: {said.refusal}", "refused")
        if said.finish == "length":
            spent = f"its {usage.output_tokens:,} output tokens"
            raise unusable(f"was cut off before it answered: {spent} went into thinking", "thinking")
        if said.finish == "filter":
            raise unusable("the reply is empty (its content filter stopped it)", "filtered")
        raise unusable(f"the reply is empty ({form.ended} {said.ended!r})", "empty")

    def _spent(self, begun: Mapping[str, Any], request: Request, form: Format) -> Usage | None:
        """What a stream that was cancelled had consumed: reported at its end alone, so mostly estimated."""
        try:
            said = form.read(begun)
        except (LookupError, TypeError, AttributeError):
            return None
        return said.usage or estimated(request, said.output)

    def _hint(self, error: LMRefusedError) -> str:
        if error.status == 400 and "max_tokens" in str(error):
            return "; the limit's name at this endpoint can be given, as `max_tokens_field`"
        return super()._hint(error)
