"""What every client shares: prices and the estimate of tokens."""

import pytest

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
