"""Google's way to say how long to wait."""

from typing import Any

import pytest

from lms.fakes.gemini import over_quota, retry_in
from rlm.lms.rpc import is_used_up, retry_delay


@pytest.mark.parametrize(("delay", "seconds"), [("38s", 38.0), ("38.922534355s", 38.922534355), ("0s", 0.0)])
def test_a_delay(delay: str, seconds: float) -> None:
    assert retry_delay({"details": [over_quota("GenerateRequestsPerMinute"), retry_in(delay)]}) == seconds


@pytest.mark.parametrize(
    "error",
    [
        None,
        "busy",
        {},
        {"details": None},
        {"details": ["soon"]},
        {"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo"}]},
        *({"details": [retry_in(delay)]} for delay in ("", "soon", "-1s", "38", "9" * 400 + "s", "nans", "1es")),
    ],
)
def test_what_is_no_delay(error: Any) -> None:
    assert retry_delay(error) is None
    assert not is_used_up(error)


def test_a_quota_for_the_day() -> None:
    assert is_used_up({"details": [over_quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retry_in("30s")]})
    assert not is_used_up({"details": [over_quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")]})
    assert not is_used_up({"details": [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [1]}]})
