"""Prices and windows out of the list that is installed; `test_bills` has what they come to."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.lms import prices
from rlm.lms.base import Price
from rlm.lms.openai import OpenAI
from rlm.lms.prices import Listing, listing
from rlm.types import Usage

OPENAI = "https://api.openai.com/v1"
DEEPSEEK = "https://api.deepseek.com"


def listed(model: str, url: str = OPENAI) -> Listing:
    found = listing(model, url)
    assert found is not None
    return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[datetime]:
    """The time that `prices` sees; set `now_is`."""

    class Clock(datetime):
        now_is = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return cls.now_is

    monkeypatch.setattr(prices, "datetime", Clock)
    return Clock


def test_a_listed_model() -> None:
    assert listed("gpt-4o").price == Price(2.5, 10.0, cached_mtok=1.25)
    assert listed("gpt-4o").window == 128_000


def test_a_model_with_tiers() -> None:
    above = Price(5.0, 22.5, cached_mtok=0.5)
    assert listed("gpt-5.4").price == Price(2.5, 15.0, cached_mtok=0.25, over=(272_000, above))


def test_the_same_model_elsewhere_has_that_places_price() -> None:
    assert listed("openai/gpt-5-mini", "https://openrouter.ai/api/v1").price == Price(0.25, 2.0, cached_mtok=0.025)


def test_a_price_is_that_of_the_hour_and_not_that_of_the_first_look(clock: type[datetime]) -> None:
    model, usage = listed("deepseek-v4-flash", DEEPSEEK), Usage(1, 1_000_000, 0)
    assert model.price == Price(0.15, 0.6, cached_mtok=0.003)
    assert model.cost(usage) == pytest.approx(0.15)
    clock.now_is = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # type: ignore[attr-defined]
    assert model.price == Price(0.3, 1.2, cached_mtok=0.006)
    assert model.cost(usage) == pytest.approx(0.30)


def test_a_tier_that_is_asked_for_is_held_at_its_price_and_charged_where_the_reply_does_not_say() -> None:
    plain, dear = (OpenAI("gpt-5", api_key="k", extra=extra) for extra in ({}, {"service_tier": "priority"}))
    assert plain.price == Price(1.25, 10.0, cached_mtok=0.125)
    assert dear.price == Price(2.5, 20.0, cached_mtok=0.25)
    usage = Usage(1, 1_000_000, 0)
    assert [dear._cost(usage), dear._cost(usage, tier="flex"), plain._cost(usage)] == pytest.approx([2.5, 0.625, 1.25])


@pytest.mark.parametrize("minute", [0, 30, 59])
def test_what_is_held_covers_a_price_that_changes_within_the_hour(clock: type[datetime], minute: int) -> None:
    clock.now_is = datetime(2026, 11, 30, 23, minute, tzinfo=UTC)  # type: ignore[attr-defined]
    model = listed("gemini-4-argon", "https://generativelanguage.googleapis.com")
    assert model.price == Price(4.0, 20.0)
    assert model.cost(Usage(1, 1_000_000, 0)) == pytest.approx(2.0)


def _all_listed() -> list[Listing]:
    from genai_prices.data_snapshot import get_snapshot

    return [Listing(model, provider) for provider in get_snapshot().providers for model in provider.models]


@st.composite
def usages(draw: st.DrawFn) -> tuple[Usage, int]:
    """A call, and how many of its cache writes are kept for an hour."""
    size = draw(st.sampled_from([1_000, 128_001, 200_000, 200_001, 272_001, 900_000]))
    cached = draw(st.integers(0, size))
    written = draw(st.integers(0, size - cached))
    said = draw(st.integers(0, 100_000))
    return Usage(1, size, said, cached, draw(st.integers(0, said)), written), draw(st.integers(0, written))


LISTED = _all_listed()


@given(
    st.sampled_from(LISTED),
    usages(),
    st.sampled_from(["", "batch", "flex", "priority", "fast"]),
    st.integers(0, 40 * 24),
)
def test_our_arithmetic_is_the_lists_and_what_is_held_is_never_less(
    model: Listing, call: tuple[Usage, int], tier: str, hour: int
) -> None:
    from genai_prices import Usage as ListedUsage

    usage, hour_writes = call
    at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour)
    context = dict.fromkeys(("service_tier", "processing", "speed"), tier) if tier else {}
    rates = model._model.get_prices(at, context)
    tariff = model.tariff(at, tier)
    if tariff is None or rates.input_mtok is None:
        return
    counted = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_write_1h_tokens": hour_writes,
        "output_reasoning_tokens": usage.reasoning_tokens,
    }
    theirs = model._model.calc_price(
        ListedUsage(**counted), model._provider, genai_request_timestamp=at, price_context=context
    )
    ours = tariff.cost(usage, hour_writes=hour_writes)
    assert ours == pytest.approx(float(theirs.total_price), rel=1e-9)
    assert tariff.worst(usage.input_tokens).cost(Usage(1, usage.input_tokens, usage.output_tokens)) >= ours * (1 - 1e-9)
