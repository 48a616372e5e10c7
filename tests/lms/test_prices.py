"""Prices and windows out of the list that is installed."""

import pytest

from rlm.lms.base import Price
from rlm.lms.prices import listing
from rlm.types import Usage

OPENAI = "https://api.openai.com/v1"
USAGE = Usage(calls=1, input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000)


def test_a_listed_model() -> None:
    listed = listing("gpt-4o", OPENAI)
    assert listed is not None
    assert listed.price == Price(2.5, 10.0)
    assert listed.window == 128_000
    assert listed.cost(USAGE) == pytest.approx(0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10.0)


def test_the_same_model_elsewhere_has_that_places_price() -> None:
    listed = listing("openai/gpt-5-mini", "https://openrouter.ai/api/v1")
    assert listed is not None
    assert listed.price == Price(0.25, 2.0)


@pytest.mark.parametrize(("model", "url"), [("no-such-model", OPENAI), ("gpt-4o", "https://models.example/v1")])
def test_what_is_not_listed_has_no_price(model: str, url: str) -> None:
    assert listing(model, url) is None


def test_prices_by_size_are_held_at_the_dearest_and_charged_at_their_own() -> None:
    listed = listing("gpt-5.4", OPENAI)
    assert listed is not None
    small = listed.cost(Usage(1, 1000, 1000))
    assert small == pytest.approx((1000 * 2.5 + 1000 * 15.0) / 1e6)
    assert listed.price.cost(Usage(1, 1000, 1000)) > small
    large = Usage(1, 1_000_000, 1000)
    assert listed.cost(large) == pytest.approx(listed.price.cost(large))


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5-nano", "gpt-5.4", "gpt-4.1"])
def test_our_arithmetic_is_the_lists(model: str) -> None:
    """The flat rates are computed here, for speed: they have to come to the same."""
    from genai_prices import Usage as ListedUsage
    from genai_prices import calc_price

    listed = listing(model, OPENAI)
    assert listed is not None
    counted = ListedUsage(input_tokens=1_000_000, output_tokens=100_000, cache_read_tokens=400_000)
    assert listed.cost(USAGE) == pytest.approx(float(calc_price(counted, model, provider_id="openai").total_price))


def test_cached_tokens_beyond_the_input_are_not_believed() -> None:
    odd = Usage(1, input_tokens=10, output_tokens=0, cached_tokens=1000)
    for model in ("gpt-4o", "gpt-5.4"):
        listed = listing(model, OPENAI)
        assert listed is not None
        assert 0 < listed.cost(odd) <= listed.price.cost(odd)
