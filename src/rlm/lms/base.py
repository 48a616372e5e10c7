"""What a model client is: one method. Usage and cost travel in the reply; a client keeps no per-call state."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

from rlm.types import JSON, Reply, Request, Usage

# Fewer output tokens than this are of no use: no cell fits.
LEAST_OUTPUT = 32
_TEMPLATE = 64  # tokens, about, that a chat template adds to a short prompt


@dataclass(frozen=True, slots=True)
class Price:
    """A tariff: US dollars per million tokens.

    Attributes:
        input_mtok: Input that is neither read from a prompt cache nor written to it.
        output_mtok: Output.
        cached_mtok: Input read from a cache; None: as other input.
        cache_write_mtok: Input written to a cache; None: as other input.
        cache_write_1h_mtok: Input written to a cache that keeps it for an hour; None: as other writes.
        reasoning_mtok: Reasoning; None: as other output.
        call_usd: US dollars a call, whatever its size.
        over: (tokens, tariff): what a call costs, all of it, whose input has more than so many tokens.
    """

    input_mtok: float
    output_mtok: float
    cached_mtok: float | None = None
    cache_write_mtok: float | None = None
    cache_write_1h_mtok: float | None = None
    reasoning_mtok: float | None = None
    call_usd: float = 0.0
    over: tuple[int, Price] | None = None

    def cost(self, usage: Usage, *, hour_writes: int = 0) -> float:
        """US dollars for one call.

        Args:
            usage: What it consumed.
            hour_writes: How many of its `cache_write_tokens` are kept for an hour.
        """
        if self.over is not None and usage.input_tokens > self.over[0]:
            return self.over[1].cost(usage, hour_writes=hour_writes)
        # What an endpoint reports may not add up: a part is never more than what is left of the whole.
        cached = min(usage.cached_tokens, usage.input_tokens)
        written = min(usage.cache_write_tokens, usage.input_tokens - cached)
        hour = min(hour_writes, written)
        thought = min(usage.reasoning_tokens, usage.output_tokens)
        write = _or(self.cache_write_mtok, self.input_mtok)
        dollars = (
            (usage.input_tokens - cached - written) * self.input_mtok
            + cached * _or(self.cached_mtok, self.input_mtok)
            + (written - hour) * write
            + hour * _or(self.cache_write_1h_mtok, write)
            + (usage.output_tokens - thought) * self.output_mtok
            + thought * _or(self.reasoning_mtok, self.output_mtok)
        )
        return dollars / 1e6 + usage.calls * self.call_usd

    def worst(self, input_tokens: int | None = None) -> Price:
        """A flat tariff that no call at this one can cost more than: the dearest rate of each direction.

        Args:
            input_tokens: Only calls with at most so many input tokens; None for any.
        """
        if self.over is None or (input_tokens is not None and input_tokens <= self.over[0]):
            return _dearest(self)
        return dearer(_dearest(self), self.over[1].worst(input_tokens))


def _or(rate: float | None, other: float) -> float:
    return other if rate is None else rate


@cache
def _dearest(price: Price) -> Price:
    """Of the tier that `price` begins with."""
    read = (price.input_mtok, price.cached_mtok, price.cache_write_mtok, price.cache_write_1h_mtok)
    dearest_in = max(rate for rate in read if rate is not None)
    dearest_out = max(price.output_mtok, _or(price.reasoning_mtok, price.output_mtok))
    return Price(dearest_in, dearest_out, call_usd=price.call_usd)


def dearer(one: Price, other: Price) -> Price:
    """A flat tariff that no call at either can cost more than; both are flat."""
    return Price(
        max(one.input_mtok, other.input_mtok),
        max(one.output_mtok, other.output_mtok),
        call_usd=max(one.call_usd, other.call_usd),
    )


class LM(Protocol):
    """A language model. Its three properties may be plain attributes.

    It may have a fourth, `settings`: what its answers depend on besides the request (its endpoint, sampling, limits),
    as a JSON object, without any key. Its `temperature` says whether equal calls may be asked once, and without
    `settings` no answer is kept on disk: nobody knows whether another run's model is the same.
    """

    @property
    def name(self) -> str:
        """`provider/model`, as traces and prompts show it."""
        ...

    @property
    def window(self) -> int | None:
        """Tokens of prompt and answer together; None if unknown."""
        ...

    @property
    def price(self) -> Price | None:
        """What it costs today; None if unknown, which is not free. Ledgers hold `price.worst()`."""
        ...

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            LMRefusedError: The request can't succeed as it is.
            LMUnavailableError: The provider failed and kept failing through the retries.
            LMReplyError: The reply can't be used.
        """
        ...


def priced(lm: LM, price: Price) -> LM:
    """`lm` at a price that its caller gives; `lm` itself is left as it is.

    A client keeps nothing of its calls, so a copy of it is as good, and reckons with its own `price`. Only what the
    provider reports goes before it.
    """
    try:
        copied: Any = copy(lm)
        copied.price = price
    except (AttributeError, TypeError):
        return Priced(lm, price)
    return cast(LM, copied)


class Priced:
    """A model at a price that its caller gives, because the model's own can't be set."""

    def __init__(self, lm: LM, price: Price) -> None:
        self.name = lm.name
        self.price: Price | None = price
        self._lm = lm
        self.settings: Mapping[str, JSON] | None = getattr(lm, "settings", None)

    @property
    def window(self) -> int | None:
        """As the model has it."""
        return self._lm.window

    async def complete(self, request: Request) -> Reply:
        """As the model does; what a reply costs is reckoned by the ledger where the model does not say."""
        return await self._lm.complete(request)


def output_room(window: int, size: int) -> int:
    """The output tokens that a prompt leaves of a window; endpoints refuse what passes it together.

    Args:
        window: Tokens of prompt and answer together.
        size: The prompt's tokens, estimated; it may have half as many more, and its chat template adds some.
    """
    room = max(window - size, 0)
    return max(room - max(min(size, room) // 2, _TEMPLATE), LEAST_OUTPUT)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, on the high side: nobody's tokenizer is here, and only the bill is exact.

    3.5 characters a token for ASCII; elsewhere a third of the UTF-8 bytes, which suits CJK and is high for accents.
    """
    if text.isascii():
        return int(len(text) / 3.5) + 1
    return len(text.encode("utf-8", "surrogatepass")) // 3 + 1
