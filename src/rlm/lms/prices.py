"""What models cost and how long their windows are, out of the data that genai-prices ships; nothing is downloaded.

The first look-up loads that data, about 0.2 s, so nothing here is called before it is needed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from rlm.lms.base import Price, dearer
from rlm.types import Usage

if TYPE_CHECKING:
    from decimal import Decimal

    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

    _Rate: TypeAlias = Decimal | TieredPrices | None

# Prices change at a date or an hour of the day: a call that is held at one may be billed at the next.
_LONGEST_CALL = timedelta(hours=1)
# The kinds of request context by which the list tells tariffs apart; providers have one namespace for all of them.
_TIER_KINDS = ("service_tier", "processing", "speed")


class Listing:
    """A model as it is listed for one endpoint.

    Attributes:
        window: Tokens of prompt and answer together; None if not listed.
    """

    def __init__(self, model: ModelInfo, provider: Provider) -> None:
        self.window = model.context_window
        self._model = model
        self._provider = provider
        self._minute: datetime | None = None
        self._tariffs: dict[str, Price | None] = {}  # of this minute, by tier

    @property
    def price(self) -> Price | None:
        """The standard tier's tariff, as `price_in` has it."""
        return self.price_in("")

    def price_in(self, tier: str) -> Price | None:
        """Today's tariff in a tier, None if not listed; where it changes within the hour, the dearest of both."""
        now = datetime.now(UTC)
        current, next_one = self.tariff(now, tier), _tariff(self._model, self._provider, now + _LONGEST_CALL, tier)
        if current == next_one or current is None or next_one is None:
            return current
        return dearer(current.worst(), next_one.worst())

    def tariff(self, at: datetime, tier: str = "") -> Price | None:
        """The tariff at a time; None if the list has none.

        Args:
            at: When, with its time zone.
            tier: As providers call it in their replies: `flex`, `priority`, `batch`, ...; the standard one where the
                list has no such tier.
        """
        minute = at.replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._tariffs = minute, {}
        if tier not in self._tariffs:
            self._tariffs[tier] = _tariff(self._model, self._provider, minute, tier)
        return self._tariffs[tier]

    def cost(self, usage: Usage, *, hour_writes: int = 0, tier: str = "") -> float | None:
        """US dollars for one call that ends now, as `Price.cost` has it; None if its price is not listed."""
        tariff = self.tariff(datetime.now(UTC), tier)
        return None if tariff is None else tariff.cost(usage, hour_writes=hour_writes)


@cache
def listing(model: str, base_url: str) -> Listing | None:
    """How `model` is listed for the endpoint at `base_url`; None where either is unknown."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        provider, found = get_snapshot().find_provider_model(model, None, None, base_url)
    except LookupError:
        return None
    return Listing(found, provider)


def _tariff(model: ModelInfo, provider: Provider, at: datetime, tier: str) -> Price | None:
    listed = model.get_prices(at, dict.fromkeys(_TIER_KINDS, tier) if tier else None)
    if listed.input_mtok is None and listed.output_mtok is None:
        # Priced by something else than tokens, or not at all. Only a name can say that it is for nothing.
        return Price(0.0, 0.0) if provider.id == "openrouter" and model.id.endswith(":free") else None
    starts = sorted({0, *(start for rate in vars(listed).values() for start in _starts(rate))})
    price = _flat(listed, starts[-1], None)
    for start, above in reversed(list(pairwise(starts))):
        price = _flat(listed, start, (above, price))
    return price


def _flat(listed: ModelPrice, start: int, over: tuple[int, Price] | None) -> Price:
    """The tariff of the tier that begins behind `start` input tokens.

    The list has other units too (searches, audio, pages); they are no part of these requests.
    """
    return Price(
        # A model may list no price for a direction, such as the output of an embedding model.
        input_mtok=_rate(listed.input_mtok, start) or 0.0,
        output_mtok=_rate(listed.output_mtok, start) or 0.0,
        cached_mtok=_rate(listed.cache_read_mtok, start),
        cache_write_mtok=_rate(listed.cache_write_mtok, start),
        cache_write_1h_mtok=_rate(listed.cache_write_1h_mtok, start),
        reasoning_mtok=_rate(listed.output_reasoning_mtok, start),
        call_usd=(_rate(listed.requests_kcount, start) or 0.0) / 1000,
        over=over,
    )


def _starts(rate: _Rate) -> list[int]:
    from decimal import Decimal  # 3 ms; the list has loaded it

    return [] if rate is None or isinstance(rate, Decimal) else [tier.start for tier in rate.tiers]


def _rate(rate: _Rate, start: int) -> float | None:
    from decimal import Decimal

    if rate is None or isinstance(rate, Decimal):
        return None if rate is None else float(rate)
    return float([rate.base, *(tier.price for tier in rate.tiers if tier.start <= start)][-1])
