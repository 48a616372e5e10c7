"""What every client shares: prices and the estimate of tokens."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.lms.base import Price, estimate_tokens
from rlm.types import Usage

USAGE = Usage(calls=1, input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000)


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 1), ("x" * 35, 11), ("世界" * 10, 21), ("é", 1), ("\ud800" * 3, 4), ("🎉" * 3, 5)]
)
def test_the_estimate(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


def test_a_price_of_the_callers() -> None:
    assert Price(1.0, 2.0).cost(USAGE) == pytest.approx(1.0 + 0.2)
    assert Price(1.0, 2.0, cached_mtok=0.1).cost(USAGE) == pytest.approx(0.6 + 0.04 + 0.2)
    assert Price(1.0, 2.0, cached_mtok=0.0).cost(USAGE) == pytest.approx(0.6 + 0.2)


def test_cache_writes_cost_as_input_unless_something_else_is_said() -> None:
    usage = Usage(1, 1_000_000, 0, cache_write_tokens=500_000)
    assert Price(1.0, 2.0).cost(usage, hour_writes=200_000) == pytest.approx(1.0)
    assert Price(1.0, 2.0, cache_write_mtok=1.25).cost(usage, hour_writes=200_000) == pytest.approx(0.5 + 0.5 * 1.25)
    both = Price(1.0, 2.0, cache_write_mtok=1.25, cache_write_1h_mtok=2.0)
    assert both.cost(usage, hour_writes=200_000) == pytest.approx(0.5 + 0.3 * 1.25 + 0.2 * 2)


def test_a_tier_is_of_the_whole_call() -> None:
    price = Price(1.0, 2.0, over=(1000, Price(10.0, 20.0, over=(2000, Price(100.0, 200.0)))))
    costs = [price.cost(Usage(1, size, 10)) * 1e6 for size in (1000, 1001, 2001)]
    assert costs == pytest.approx([1000 + 20, 10_010 + 200, 200_100 + 2000])


def test_parts_beyond_the_whole_are_not_believed() -> None:
    odd = Usage(1, input_tokens=10, output_tokens=5, cached_tokens=1000, reasoning_tokens=1000, cache_write_tokens=1000)
    price = Price(1.0, 2.0, cached_mtok=0.1, cache_write_mtok=1.25, reasoning_mtok=3.0)
    assert price.cost(odd, hour_writes=1000) * 1e6 == pytest.approx(10 * 0.1 + 5 * 3.0)


def test_a_fee_is_for_each_call() -> None:
    assert Price(0.0, 0.0, call_usd=0.005).cost(Usage(3, 10, 10)) == pytest.approx(0.015)


sizes = st.integers(0, 10**6)
rates = st.floats(0, 1000)
perhaps = st.none() | rates
flat = st.builds(Price, rates, rates, perhaps, perhaps, perhaps, perhaps, rates)
tiered = st.recursive(
    flat, lambda inner: st.builds(lambda one, at, more: replace(one, over=(at, more)), flat, sizes, inner), max_leaves=3
)


@given(tiered, sizes, sizes, sizes, sizes, sizes, sizes)
def test_no_call_costs_more_than_the_worst_price_of_its_size(
    price: Price, size: int, cached: int, written: int, hour: int, said: int, thought: int
) -> None:
    cost = price.cost(Usage(1, size, said, cached, thought, written), hour_writes=hour)
    for bound in (price.worst(), price.worst(size), price.worst(2 * size)):
        assert bound.cost(Usage(1, size, said)) >= cost * (1 - 1e-9)
