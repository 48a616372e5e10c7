"""What the wire clients share: bodies, keys, URLs, windows and prices, and the errors that replies stand for."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from rlm import config
from rlm.errors import CallCancelled, ConfigError, Fault, LMRefusedError, LMReplyError, MissingKeyError
from rlm.lms import window
from rlm.lms.base import Price, estimate_tokens
from rlm.lms.http import Assembler, Policy, post, warm
from rlm.lms.listed import nearest
from rlm.lms.prices import Listing, listing
from rlm.lms.window import known_as
from rlm.types import JSON, Request, Usage

KEY_HEADERS = {"authorization", "api-key", "x-api-key", "x-goog-api-key", "x-portkey-api-key"}
# No call has more tokens, or costs more dollars: what an endpoint reports is added up, and must stay a number.
BELIEVED = 10**9
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(fields: Mapping[str, JSON]) -> bytes:
    """A body: compact JSON in UTF-8, half of a surrogate pair, which JSON readers refuse, replaced.

    Fields keep their order: what varies from call to call belongs behind the messages, so that the body of a growing
    conversation begins with the last one's bytes.
    """
    text = _encode(fields)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def find_key(given: str | None, variables: Iterable[str]) -> str:
    """The key: what was given, or the first of the variables that `config.variable` has; empty if it has none."""
    keys = chain([given], map(config.variable, variables))
    return next((key.strip() for key in keys if key and key.strip()), "")  # one read from a file ends with a line's end


def check_key(keyed: bool, name: str, host: str, variables: Iterable[str], own: str) -> None:
    """Refuses an endpoint elsewhere without a key.

    Args:
        keyed: Whether there is one.
        name: The model's.
        host: The endpoint's.
        variables: What the key may be in.
        own: The host that what is in them is for.

    Raises:
        MissingKeyError: There is none, and the endpoint is not on this machine.
    """
    if keyed or is_loopback(host):
        return
    named = " or ".join(variables)
    if host != own:
        raise MissingKeyError(f"{name} at {host} needs a key: give `api_key` ({named} is for {own})")
    raise MissingKeyError(f"{name} at {host} needs a key: set {named}")


def host_of(url: str) -> str:
    """The host of a base URL.

    Raises:
        ConfigError: It is not a URL of HTTP, or holds a password.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = None, None
    if parts is None or not host or parts.scheme not in ("http", "https"):
        raise ConfigError("the base URL must look like https://host/v1")
    if parts.username or parts.password:
        raise ConfigError("the base URL must not hold a password: give `api_key` or `headers`")
    return host


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@lru_cache(maxsize=256)
def join(base_url: str, path: str) -> str:
    """`path` below the base URL; a query, such as Azure's api-version, stays at the end."""
    url = urlsplit(base_url)
    return url._replace(path=url.path.rstrip("/") + path).geturl()


def without_query(url: str) -> str:
    """The URL as it may be shown: some gateways take a key in the query."""
    return urlsplit(url)._replace(query="").geturl()


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuses what can't be sent.

    Raises:
        ConfigError: A header holds a control character.
    """
    if odd := sorted(name for name, value in headers.items() if not (name + value).isprintable()):
        raise ConfigError(f"a header holds a control character: {', '.join(map(repr, odd))}")


def check_extra(extra: Mapping[str, JSON] | None, ours: set[str]) -> dict[str, JSON]:
    """More fields of a body, none of which may be among `ours`.

    Raises:
        ConfigError: One is.
    """
    if taken := sorted(ours & (extra or {}).keys()):
        raise ConfigError(f"extra can't set {', '.join(taken)}")
    return dict(extra or {})


def count(reported: object, name: str) -> int:
    """A count of tokens as reported: 0 where it is missing, negative or no number, and never absurd."""
    value = reported.get(name) if isinstance(reported, dict) else None
    return min(max(0, value), BELIEVED) if isinstance(value, int) else 0


def dollars(said: object) -> float | None:
    """A charge as reported, or None where it is none to believe."""
    return float(said) if isinstance(said, int | float) and 0 <= said <= BELIEVED else None


def estimated(request: Request, said: object) -> Usage:
    """The usage where an endpoint reports none: a limit must hold there too. `said` is the reply's part that counts."""
    asked = sum(estimate_tokens(message.content) for message in request.messages)
    return Usage(1, asked, estimate_tokens(said if isinstance(said, str) else json.dumps(said)))


class WireClient:
    """A model behind an endpoint: what does not depend on the format.

    Args:
        name: `provider/model`.
        model: The model as the endpoint and the price list name it.
        base_url: The endpoint.
        headers: Of each request, with the key.
        window: Tokens of prompt and answer together; default: what was learnt, else what is listed.
        price: What it costs at worst; default: what is listed for the model at this endpoint.
        policy: Time-outs and retries.
        key_variables: What the key may be in, for what is said of a wrong one.
        tier: The service tier that is asked for, if one is: some cost more.
        own: The provider's own URL, where a caller may name another one.

    Raises:
        ConfigError: The base URL or a header is not one.
    """

    def __init__(
        self,
        name: str,
        model: str,
        base_url: str,
        *,
        headers: Mapping[str, str],
        window: int | None,
        price: Price | None,
        policy: Policy,
        key_variables: tuple[str, ...] = (),
        tier: object = None,
        own: str = "",
    ) -> None:
        self.name = name
        self._model = model
        self._base_url = base_url
        self._host = host_of(base_url)
        self._headers = {**headers, "Content-Type": "application/json"}
        check_headers(self._headers)
        self._window = window
        self._price = price
        self._policy = policy
        self._key_variables = key_variables
        self._tier = tier if isinstance(tier, str) else ""
        self._local = is_loopback(self._host)
        self._known_as = known_as(name, base_url, own or base_url)
        key = "\n".join(value for header, value in self._headers.items() if header.lower() in KEY_HEADERS)
        # Providers limit each model of an account for itself; servers at two ports are two.
        self._account = f"{urlsplit(base_url).netloc} {model} {hashlib.sha256(key.encode()).hexdigest()[:16]}"
        if base_url.startswith("https"):
            warm()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._model!r}, base_url={without_query(self._base_url)!r})"

    @property
    def window(self) -> int | None:
        """Tokens of prompt and answer together; None if unknown."""
        if self._window is not None:
            return self._window
        if (tokens := window.learnt(self._known_as)) is not None:
            return tokens
        return listed.window if (listed := self._listing()) else None

    @property
    def price(self) -> Price | None:
        """What it costs at worst; None if unknown."""
        if self._price is None and (listed := self._listing()):
            return listed.price_in(self._tier)
        return self._price

    @price.setter
    def price(self, price: Price | None) -> None:
        self._price = price

    def _listing(self) -> Listing | None:
        # An endpoint on this machine is in no price list, and reading one takes 0.2 s.
        return None if self._local else listing(self._model, self._base_url)

    def _cost(self, usage: Usage, charged: object = None, *, hour_writes: int = 0, tier: object = None) -> float | None:
        """US dollars: what the endpoint says it charged, else the price's arithmetic; None if unknown.

        Args:
            usage: What the call consumed.
            charged: US dollars, as the endpoint reports them, if it does.
            hour_writes: How many of the cache writes are kept for an hour.
            tier: The service tier that the endpoint says it served the call in; else it is the one asked for.
        """
        if (said := dollars(charged)) is not None:
            return said
        if self._price is not None:
            return self._price.cost(usage, hour_writes=hour_writes)
        if (listed := self._listing()) is None:
            return None
        return listed.cost(usage, hour_writes=hour_writes, tier=tier if isinstance(tier, str) else self._tier)

    async def _post(
        self,
        url: str,
        body: bytes,
        stream: Callable[[], Assembler] | None = None,
        spent: Callable[[dict[str, Any]], Usage | None] | None = None,
    ) -> tuple[dict[str, Any], int]:
        """Sends a body, and has the reply as the endpoint's JSON object, and the failed attempts before it.

        Args:
            url: Where to.
            body: The request.
            stream: Makes what puts a streamed reply together.
            spent: The usage in a reply that broke off, or None if nothing is known: what a cancelled call cost.

        Raises:
            CallCancelled: It was cancelled, and `spent` knows what it had consumed.
            LMRefusedError: The request can't succeed as it is.
            LMUnavailableError: The endpoint failed and kept failing.
            LMReplyError: The prompt is too long, or the answer is none.
        """
        latest: list[Assembler] = []

        def begin() -> Assembler:
            assert stream is not None
            latest[:] = [stream()]
            return latest[0]

        try:
            return await post(
                url,
                self._headers,
                body,
                self._policy,
                account=self._account,
                stream=begin if stream is not None else None,
            )
        except LMRefusedError as error:
            raise self._refusal(error) from error
        except asyncio.CancelledError as error:
            value = latest[0].value() if latest else None
            if value is not None and spent is not None and (usage := spent(value)) is not None:
                raise CallCancelled(usage, self._cost(usage)) from error
            raise

    def _refusal(self, error: LMRefusedError) -> LMRefusedError | LMReplyError:
        """What a refusal stands for, said with what to do about it."""
        if (found := window.told(str(error), error.error)) is not None:
            if found.window is not None:
                window.learn(self._known_as, found.window, keep=not self._local)
            fits = f" ({self.name} takes {found.window:,} tokens)" if found.window else ""
            return self._unusable(f"the prompt is too long{fits}: split it, or send less; {error}", "too_long")
        return LMRefusedError(f"{self.name}: {error}{self._hint(error)}", error.status, error.error)

    def _hint(self, error: LMRefusedError) -> str:
        """What to do about a refusal; empty if nobody knows."""
        if error.status in (401, 403) and self._key_variables:
            return f"; the key is `api_key` or the variable {' or '.join(self._key_variables)}"
        if error.status == 404:
            shown, near = without_query(self._base_url), "" if self._local else nearest(self._model, self._base_url)
            meant = f"; meant {near!r}?" if near else ""
            return f"; is {self._model!r} a model at {self._host}, and {shown} the right base URL?{meant}"
        return ""

    def _unusable(self, why: str, fault: Fault, usage: Usage | None = None, cost: float | None = None) -> LMReplyError:
        """An error for a reply that can't be used, with what it consumed all the same."""
        return LMReplyError(f"{self.name}: {why}", usage, cost, fault)
