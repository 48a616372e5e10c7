"""What the details of a google.rpc.Status say: how long to wait, and whether waiting helps.

Formats: google/rpc/error_details.proto; Google's endpoints for models send neither Retry-After nor limits in headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_KINDS = "type.googleapis.com/google.rpc."


def retry_delay(error: object) -> float | None:
    """Seconds that the RetryInfo of an error asks to wait; None if it has none."""
    for detail in _details(error, "RetryInfo"):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and re.fullmatch(r"\d{1,9}(\.\d+)?s", delay, re.ASCII):
            return float(delay[:-1])
    return None


def is_used_up(error: object) -> bool:
    """Whether a quota for the day is used up: the delay that comes with it is one of seconds all the same."""
    violations = [detail.get("violations") for detail in _details(error, "QuotaFailure")]
    return any(
        isinstance(violation, dict) and "PerDay" in str(violation.get("quotaId"))
        for found in violations
        if isinstance(found, list)
        for violation in found
    )


def _details(error: object, kind: str) -> Iterator[dict[str, Any]]:
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and detail.get("@type") == _KINDS + kind:
            yield detail
