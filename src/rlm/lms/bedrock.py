"""Amazon Bedrock: Claude through InvokeModel, which speaks Messages, and every other model through Converse.

Requests are signed by botocore, AWS's own, and travel over the same HTTP layer as everyone's: one policy for retries,
and a cancelled call is off the wire at once, which a blocking client's thread is not.

Formats: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html and API_runtime_Converse.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from rlm.errors import ConfigError, LMRefusedError, MissingKeyError
from rlm.lms.base import Price
from rlm.lms.http import Policy, post
from rlm.lms.messages import Cache, Form, Read, conversation, read, usage_of
from rlm.lms.wire import WireClient, check_extra, count, encode, estimated, find_key, join, without_query
from rlm.types import JSON, Finish, Reply, Request, Usage

KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
URL_VARIABLES = "ANTHROPIC_BEDROCK_BASE_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"
# Every Claude model on Bedrock takes this version of Messages; newer ones are for models from 4.7 on.
_VERSION = "bedrock-2023-05-31"
_INSTALL = "pip install 'rlm-engine[bedrock]'"
_OURS = {"modelId", "messages", "system", "inferenceConfig"}
_FINISHES: dict[str, Finish] = {"max_tokens": "length", "model_context_window_exceeded": "length"}
_FILTERS = ("guardrail_intervened", "content_filtered")


class Bedrock(WireClient):
    """A model on Amazon Bedrock.

    Args:
        model: A model, an inference profile or an ARN: `us.anthropic.claude-sonnet-4-6`, `amazon.nova-lite-v1:0`.
        region: Default `$AWS_REGION`, `$AWS_DEFAULT_REGION`, or the profile's.
        profile: Of AWS's config files; default `$AWS_PROFILE`.
        api_key: A Bedrock API key; default `$AWS_BEARER_TOKEN_BEDROCK`, where no `base_url` is given. Without one,
            requests are signed with the credentials that AWS's tools find.
        base_url: Default the region's endpoint.
        window: Tokens of prompt and answer together; default: what is known of the model.
        price: What it costs; default: what is known of the model.
        max_tokens: The most output tokens where a request does not say; default as at Anthropic, else the model's.
        temperature: Sampling temperature where a request does not say.
        thinking_tokens: A budget for thinking, as `rlm.lms.anthropic` has it; for Claude alone.
        effort: How much a Claude model thinks and says.
        cache: How long a Claude model's conversation stays in the prompt cache, `5m` or `1h`; None keeps it out.
        extra: More fields of a Claude model's request; `additionalModelRequestFields` of others.
        policy: Time-outs and retries.

    Raises:
        ConfigError: There is no region, botocore is not installed, or the model does not take what is asked for.
        MissingKeyError: There are no credentials.
    """

    def __init__(
        self,
        model: str,
        *,
        region: str | None = None,
        profile: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        window: int | None = None,
        price: Price | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        thinking_tokens: int | None = None,
        effort: str | None = None,
        cache: Cache | None = "5m",
        extra: Mapping[str, JSON] | None = None,
        policy: Policy = Policy(),  # noqa: B008 (frozen)
    ) -> None:
        name = f"bedrock/{model}"
        # What the variable has is AWS's, and not for whoever else `base_url` is.
        key = find_key(api_key, [KEY_VARIABLE] if base_url is None else [])
        self._region = region or os.environ.get("AWS_REGION") or _configured("region", profile, name)
        # Looked for before anything runs; those of a machine's role are fetched from its metadata server.
        self._credentials: Any = None if key else _configured("credentials", profile, name)
        given = [base_url, *(os.environ.get(variable) for variable in URL_VARIABLES)]
        super().__init__(
            name,
            model,
            next((url for url in given if url), f"https://bedrock-runtime.{self._region}.amazonaws.com"),
            headers={"Accept": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})},
            window=window,
            price=price,
            policy=policy,
            key_variables=(KEY_VARIABLE,) if key else (),
        )
        # Rate limits are a model's in an account's region.
        holder = self._credentials.access_key if self._credentials else key
        self._account = f"{self._host} {model} {hashlib.sha256(holder.encode()).hexdigest()[:16]}"
        self._claude: Form | None = None
        if "claude" in model:
            self._claude = Form(model, max_tokens, temperature, thinking_tokens, effort, cache, extra or {})
        elif thinking_tokens is not None or effort is not None:
            raise ConfigError(f"{name}: thinking_tokens and effort are for Claude; others may have a field for `extra`")
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._extra = {} if self._claude else check_extra(extra, _OURS)
        told: dict[str, JSON] = {"max_tokens": max_tokens, "temperature": temperature, "extra": self._extra}
        self.settings: dict[str, JSON] = {
            "url": without_query(self._base_url),
            **(self._claude.settings if self._claude else told),
        }
        path = f"/model/{quote(model, safe=':')}/{'invoke' if self._claude else 'converse'}"
        self._url = join(self._base_url, path)

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            LMRefusedError: The request can't succeed as it is, the credentials included.
            LMUnavailableError: The endpoint failed and kept failing through the retries.
            LMReplyError: The reply is empty, refused, filtered, all thinking, or none; or the prompt is too long.
        """
        if self._claude is not None:
            fields = self._claude.fields(request, self.window)
            del fields["model"]  # it is in the path
            value, retries = await self._send({"anthropic_version": _VERSION, **fields})
            usage = usage_of(value) or estimated(request, value.get("content"))
            said = read(value, usage)
        else:
            value, retries = await self._send(self._converse(request))
            usage = _usage(value.get("usage")) or estimated(request, value.get("output"))
            said = _read(value, usage)
        kept = usage.cache_write_tokens if self._claude and self._claude.cache == "1h" else 0
        cost = self._cost(usage, hour_writes=kept)
        if said.fault is not None:
            raise self._unusable(said.why, said.fault, usage, cost)
        return Reply(said.text, usage, cost, said.finish, self._model, retries)

    async def _send(self, fields: Mapping[str, JSON]) -> tuple[dict[str, Any], int]:
        """Sends a body; the reply, and the failed attempts before it."""
        body = encode(fields)

        async def sign() -> Mapping[str, str]:
            # Credentials that have run out are fetched anew, which waits for the network.
            return await asyncio.to_thread(self._signature, body)

        signed = sign if self._credentials is not None else None
        try:
            return await post(self._url, self._headers, body, self._policy, account=self._account, sign=signed)
        except LMRefusedError as error:
            raise self._refusal(error) from error

    def _signature(self, body: bytes) -> dict[str, str]:
        request = _botocore("awsrequest").AWSRequest(method="POST", url=self._url, data=body, headers=self._headers)
        try:
            held = self._credentials.get_frozen_credentials()
        except _botocore("exceptions").BotoCoreError as error:
            raise LMRefusedError(f"the AWS credentials have run out, and no new ones were had: {error}") from error
        _botocore("auth").SigV4Auth(held, "bedrock", self._region).add_auth(request)
        return {name: value for name, value in request.headers.items() if name not in self._headers}

    def _converse(self, request: Request) -> dict[str, JSON]:
        """The body of Converse; what varies from call to call stands behind the messages."""
        system, turns = conversation(request, lambda text: {"text": text})
        limit = request.max_tokens if request.max_tokens is not None else self._max_tokens
        temperature = request.temperature if request.temperature is not None else self._temperature
        inference: dict[str, JSON] = {
            **({"maxTokens": limit} if limit is not None else {}),
            **({"temperature": temperature} if temperature is not None else {}),
            **({"stopSequences": [*request.stop]} if request.stop else {}),
        }
        more = {**self._extra, **request.fields}
        return {
            **({"system": [*system]} if system else {}),
            "messages": [{"role": role, "content": [*blocks]} for role, blocks in turns],
            **({"inferenceConfig": inference} if inference else {}),
            **({"additionalModelRequestFields": more} if more else {}),
        }


def _read(value: Mapping[str, Any], usage: Usage) -> Read:
    """What a reply of Converse says."""
    try:
        blocks = value["output"]["message"]["content"]
        pieces = [block["text"] for block in blocks if isinstance(block.get("text"), str)]
        thought = any("reasoningContent" in block for block in blocks)
    except (LookupError, TypeError, AttributeError):
        return Read("", fault="malformed", why="the reply is not one of Converse")
    text, ended = "".join(pieces), str(value.get("stopReason"))
    finish = _FINISHES.get(ended, "stop")
    if ended in _FILTERS:
        return Read(text, fault="filtered", why=f"a filter stopped the reply ({ended})")
    if text.strip():
        return Read(text, finish)
    if ended == "model_context_window_exceeded":
        return Read("", fault="too_long", why="the prompt left no room for an answer in the window")
    if finish == "length":
        spent = f"{usage.output_tokens:,} output tokens" + (" went into thinking" if thought else "")
        return Read("", finish, fault="thinking", why=f"was cut off before it answered: its {spent}")
    return Read("", fault="empty", why=f"the reply is empty (stopReason {ended!r})")


def _usage(reported: object) -> Usage | None:
    """`inputTokens` on the wire is what was neither read from the cache nor written to it; here it is all of them."""
    if not isinstance(reported, dict) or "inputTokens" not in reported:
        return None
    cached, written = count(reported, "cacheReadInputTokens"), count(reported, "cacheWriteInputTokens")
    return Usage(
        calls=1,
        input_tokens=count(reported, "inputTokens") + cached + written,
        output_tokens=count(reported, "outputTokens"),
        cached_tokens=cached,
        cache_write_tokens=written,
    )


def _botocore(module: str) -> Any:
    try:
        return importlib.import_module(f"botocore.{module}")
    except ImportError as error:
        raise ConfigError(f"models on Bedrock need botocore: {_INSTALL}") from error


def _configured(what: str, profile: str | None, name: str) -> Any:
    """The `region` or the `credentials` that AWS's tools would use."""
    session = _botocore("session").Session(profile=profile)
    try:
        found = session.get_credentials() if what == "credentials" else session.get_config_variable("region")
    except _botocore("exceptions").BotoCoreError as error:
        raise ConfigError(f"{name}: {error}") from error
    if found:
        return found
    if what == "region":
        raise ConfigError(f"{name} needs a region: set AWS_REGION, or give its option `region`")
    raise MissingKeyError(
        f"{name} needs AWS credentials: set {KEY_VARIABLE}, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in"
        " with a profile of AWS's"
    )
