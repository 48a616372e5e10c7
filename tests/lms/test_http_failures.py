"""What failed answers stand for, and when they ask to come back."""

import datetime
import email.utils
import json
import time
from typing import Any

import pytest

from rlm.errors import LMError, LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms.failures import Retryable, asked_wait, event_failure, exhausted, failure


def failed(status: int, error: Any = None, **headers: str) -> Retryable | LMError:
    value = {"error": error or {"message": "said"}}
    return failure(status, {name.replace("_", "-"): said for name, said in headers.items()}, value, b"", {})


def in_seconds(seconds: float) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(
    ("status", "error", "slow_down", "limited"),
    [
        (408, None, False, False),
        (409, {"message": "could not get a lock on it"}, False, False),
        (425, None, False, False),
        (429, None, True, True),
        (500, None, False, False),
        (502, None, False, False),
        (503, None, True, False),
        (504, None, False, False),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, True, False),
    ],
)
def test_what_may_pass(status: int, error: Any, slow_down: bool, limited: bool) -> None:
    found = failed(status, error)
    assert isinstance(found, Retryable)
    assert (found.slow_down, found.limited, found.wait) == (slow_down, limited, None)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, None),
        (402, None),
        (409, {"message": "blocked: it exists"}),
        (429, {"code": "insufficient_quota", "message": "You exceeded your quota"}),
        (429, {"type": "exceeded_current_quota_error", "message": "no balance"}),
        (429, {"code": "rate_limit_exceeded", "message": "Request too large for m on tokens per min (TPM)"}),
        (500, {"type": "exceed_context_size_error", "message": "it exceeds the context", "n_ctx": 4096}),
        (503, {"message": "maximum context length is 8192 tokens"}),
    ],
)
def test_what_can_not(status: int, error: Any) -> None:
    found = failed(status, error)
    assert isinstance(found, LMRefusedError)
    assert found.status == status
    assert found.error == (error or {"message": "said"})


def test_a_provider_may_say_whether_to_try_again() -> None:
    assert isinstance(failed(500, x_should_retry="false"), LMUnavailableError)
    assert isinstance(failed(400, x_should_retry="true"), Retryable)


NOW = time.time()


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry-after": "7"}, 7.0, 7.0),
        ({"retry-after": " 1.5 "}, 1.5, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0, 7.0),
        ({"retry-after": email.utils.formatdate(NOW + 600.0, usegmt=True)}, 500.0, 601.0),
        ({"retry-after": email.utils.formatdate(NOW - 9.0, usegmt=True)}, 0.0, 0.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360.0, 360.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m2.5s"}, 62.5, 62.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12, 0.12),
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": in_seconds(90),
            },
            30.0,
            91.0,
        ),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "60s",
                "x-ratelimit-limit-requests": "500",
            },
            0.12,
            0.12,
        ),
        (
            {
                "x-ratelimit-limit": "20",
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": str(int((NOW + 600.0) * 1000)),
            },
            500.0,
            600.0,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30.0, 30.0),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "8s",
            },
            8.0,
            8.0,
        ),
    ],
)
def test_when_to_come_back(monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], low: float, high: float) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)  # the tests before this one may have taken many minutes
    wait = asked_wait(headers)
    assert wait is not None
    assert low - 1e-9 <= wait <= high + 1e-9


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": "soon"},
        {"retry-after": "-3"},
        {"retry-after": ""},
        {"retry-after-ms": "nan"},
        {"retry-after-ms": "inf"},
        {"retry-after": "9" * 400},
        {"retry-after": "2026-99-99"},
        {"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "6m0s"},
        {"x-ratelimit-remaining-requests": "0"},
        {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "..s"},
    ],
)
def test_where_nobody_says_when(headers: dict[str, str]) -> None:
    assert asked_wait(headers) is None


@pytest.mark.parametrize(
    ("message", "wait"),
    [
        ("429: Rate limit reached for m. Please try again in 1.2s. Visit the page.", 1.2),
        ("429: Please try again in 120ms.", 0.12),
        ("429: Please try again in 7m12.5s.", 432.5),
        ("429: Please retry after 6 seconds.", 6.0),
        ("429: Please retry in 1h2m", 3720.0),
        ("429: try again in a while", None),
        ("429: try again in ..s", None),
    ],
)
def test_what_the_message_says(message: str, wait: float | None) -> None:
    assert asked_wait({}, message) == (None if wait is None else pytest.approx(wait))


def test_a_limit_on_requests_that_is_reached_by_an_answer() -> None:
    headers = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": in_seconds(60.0),
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": in_seconds(600.0),
    }
    assert exhausted(headers) == pytest.approx(1.2, abs=0.1)


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            Retryable,
            "529: Overloaded",
        ),
        ({"error": {"code": 429, "message": "slow down"}}, Retryable, "429: slow down"),
        ({"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, Retryable, "429: slow down"),
        ({"error": "something"}, Retryable, "500: something"),
        ({"error": {"type": "invalid_request_error", "message": "no"}}, LMRefusedError, "400: no"),
        ({"type": "error", "code": "server_error", "message": "broken"}, Retryable, "500: broken"),
        ({"error": {"code": "context_length_exceeded", "message": "too much"}}, LMRefusedError, "400: too much"),
    ],
)
def test_an_error_in_a_stream(data: dict[str, Any], kind: type[Exception], said: str) -> None:
    found = event_failure({}, data, {})
    assert type(found) is kind
    assert str(found) == said


def test_no_key_is_in_what_an_error_holds() -> None:
    key = "sk-very-secret"
    error = {"message": f"Incorrect key: {key}", "param": [f"Bearer {key}"]}
    found = failure(401, {}, {"error": error}, b"", {"x-api-key": key})
    assert isinstance(found, LMRefusedError)
    assert key not in str(found) + json.dumps(found.error)
    assert found.error == {"message": "Incorrect key: ***", "param": ["Bearer ***"]}


def test_a_header_that_looks_like_json_spoils_no_answer() -> None:
    sent = {"x-cache": "true", "x-seconds": "3600", "authorization": "Bearer null"}
    error = {"message": "not true", "retryable": True, "wait": 3600, "null": None}
    found = failure(400, {}, {"error": error}, b"", sent)
    assert isinstance(found, LMRefusedError)
    assert found.error == {"message": "not ***", "retryable": True, "wait": 3600, "***": None}


def test_a_proxys_page_is_no_reply() -> None:
    found = failure(503, {}, None, b"<html>Service Unavailable</html>", {})
    assert str(found) == "503: <html>Service Unavailable</html>"
    assert not isinstance(found, LMReplyError)
