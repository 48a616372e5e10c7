"""What models cost and how long their windows are, out of the data that genai-prices ships; nothing is downloaded.

The first look-up loads that data, about 0.2 s, so nothing here is called before it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from rlm.lms.base import Price
from rlm.types import Usage


@dataclass(frozen=True, slots=True)
class Listing:
    """A model as it is listed.

    Attributes:
        price: What it costs at worst: the dearest tier, nothing cached.
        window: Tokens of prompt and answer together; None if not listed.
    """

    price: Price
    window: int | None
    _flat: Price | None
    _model: Any
    _provider: Any

    def cost(self, usage: Usage) -> float:
        """US dollars for one call, cached input at its own price, in the tier of its size, at today's price."""
        if self._flat is not None:
            return self._flat.cost(usage)
        from genai_prices import Usage as ListedUsage

        counted = ListedUsage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=min(usage.cached_tokens, usage.input_tokens),
        )
        return float(self._model.calc_price(counted, self._provider).total_price)


@cache
def listing(model: str, base_url: str) -> Listing | None:
    """How `model` is listed for the endpoint at `base_url`; None where either is unknown."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        provider, found = get_snapshot().find_provider_model(model, None, None, base_url)
    except LookupError:
        return None
    prices = found.get_prices(datetime.now(UTC))
    # A model may list no price for a direction, such as the output of an embedding model.
    worst = Price(_dearest(prices.input_mtok), _dearest(prices.output_mtok))
    listed = (prices.input_mtok, prices.cache_read_mtok, prices.output_mtok)
    flat = None
    if not isinstance(found.prices, list) and all(rate is None or isinstance(rate, Decimal) for rate in listed):
        cached = None if prices.cache_read_mtok is None else _dearest(prices.cache_read_mtok)
        flat = Price(worst.input_mtok, worst.output_mtok, cached)
    return Listing(worst, found.context_window, flat, found, provider)


def _dearest(rate: Any) -> float:
    if rate is None or isinstance(rate, Decimal):
        return float(rate or 0)
    return max(float(price) for price in [rate.base, *(tier.price for tier in rate.tiers)])
