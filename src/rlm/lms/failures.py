"""What an answer that is none stands for: whether to try again, when, and what to say of it."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rlm.errors import LMError, LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms import rpc, window
from rlm.types import JSON

_SHOWN = 500
# Errors that begin after a good status, in a stream or a gateway's answer, may have a name in place of a code.
_STATUS_OF = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "bio_policy": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_USED_UP = {"insufficient_quota", "exceeded_current_quota_error", "billing_hard_limit_reached"}
_SLOW_DOWN = (429, 503, 529)
_RETRIED = (408, 425)
_LIMITS: dict[str, tuple[tuple[str, str, str], ...]] = {
    counted: (
        (f"x-ratelimit-remaining-{counted}", f"x-ratelimit-reset-{counted}", f"x-ratelimit-limit-{counted}"),
        (
            f"anthropic-ratelimit-{counted}-remaining",
            f"anthropic-ratelimit-{counted}-reset",
            f"anthropic-ratelimit-{counted}-limit",
        ),
    )
    for counted in ("requests", "tokens", "input-tokens", "output-tokens")
}
# OpenRouter, Together and others: one limit, for a span of time, which is whole again at its end and not before.
_LIMITS["requests"] += (("x-ratelimit-remaining", "x-ratelimit-reset", ""),)
_LATER = re.compile(r"(?:try again|retry) (?:in|after) ((?:[\d.]+ ?(?:ms|h|m|s)[a-z]*)+)", re.IGNORECASE)
_PIECE = re.compile(r"([\d.]+) ?(ms|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')  # of JSON


class Retryable(Exception):  # noqa: N818 (not an error of ours: a decision)
    """One attempt failed in a way that may pass.

    Attributes:
        wait: Seconds that the provider asks to wait; None if it does not say.
        slow_down: It was refused for its rate, or for overload.
        limited: It was refused for its rate: the request itself is good.
        sent: Whether it was sent at all; what was not can't have cost anything.
        most: The attempts that may fail like this, if fewer than the policy's.
    """

    def __init__(
        self, message: str, wait: float | None = None, status: int = 0, *, sent: bool = True, most: int | None = None
    ) -> None:
        super().__init__(message)
        self.wait = wait
        self.slow_down = status in _SLOW_DOWN
        self.limited = status == 429
        self.sent = sent
        self.most = most


def read_answer(status: int, headers: Mapping[str, str], text: bytes, sent: Mapping[str, str]) -> dict[str, Any]:
    """The answer's object.

    Args:
        status: Of HTTP.
        headers: Of the answer, names in lower case.
        text: The body.
        sent: The request's headers, and what its URL asks for: either may have a key that the answer repeats.

    Raises:
        Retryable: It failed in a way that may pass.
        LMError: It failed, and stays so.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # UnicodeDecodeError too; and brackets a thousand deep
        value = None
    if 200 <= status < 300:
        if isinstance(value, dict) and not value.get("error"):
            return value
        if not isinstance(value, dict):
            kind = headers.get("content-type", "no content type")
            raise LMReplyError(
                f"the endpoint answered with something else than a JSON object ({kind}): is its URL right?"
            )
        status = _named_status(value["error"])  # gateways that began to answer before they knew say it in the body
    raise failure(status, headers, value, text, sent)


def failure(
    status: int, headers: Mapping[str, str], value: object, text: bytes, sent: Mapping[str, str]
) -> Retryable | LMError:
    """What a failed answer, `value` where it is JSON, stands for."""
    if isinstance(value, list) and value:  # Gemini's way in a stream
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    error = _without_secrets(error if isinstance(error, dict) else value if isinstance(value, dict) else None, sent)
    message = f"{status}: {_without_secrets(_message(value, text), sent)}"
    broke = isinstance(error, dict) and (error.get("code") in _USED_UP or error.get("type") in _USED_UP)
    if broke or rpc.is_used_up(error):
        left = "no credit left" if broke else "used up its quota for the day"
        return LMRefusedError(f"{message} (the account has {left}; waiting does not help)", status, error)
    if 300 <= status < 400:
        where = headers.get("location", "").partition("?")[0]  # some gateways take a key in the query
        where = _without_secrets(where, sent) or "nowhere"
        return LMRefusedError(f"{status}: it redirects to {where}; give that as the base URL", status)
    retried = status in _RETRIED or status == 429 or status >= 500 or (status == 409 and re.search(r"\block", message))
    should = headers.get("x-should-retry")  # what OpenAI and Anthropic tell their own SDKs
    if (not retried and should != "true") or window.told(message, error) is not None:
        return LMRefusedError(message, status, error)
    if should == "false":
        return LMUnavailableError(f"{message}; the provider says not to try again")
    return Retryable(message, asked_wait(headers, message, error), status)


def event_failure(headers: Mapping[str, str], data: dict[str, Any], sent: Mapping[str, str]) -> Retryable | LMError:
    """What an event of a stream that holds an error stands for."""
    held = data.get("response", data)  # OpenAI's Responses: what failed is the response
    value = held if isinstance(held, dict) and held.get("error") else {"error": data}
    return failure(_named_status(value["error"]), headers, value, b"", sent)


def asked_wait(headers: Mapping[str, str], message: str = "", error: JSON = None) -> float | None:
    """Seconds that the provider asks to wait, or None.

    `retry-after-ms`; `Retry-After` in seconds or as a date; when an exhausted limit refills; Gemini's RetryInfo; else
    what the message says.
    """
    for said, read in ((headers.get("retry-after-ms"), _milliseconds), (headers.get("retry-after"), _moment)):
        if said and (wait := read(said)) is not None:
            return wait
    if (wait := exhausted(headers, _LIMITS)) is not None:
        return wait
    if (wait := rpc.retry_delay(error)) is not None:
        return wait
    found = _LATER.search(message)
    return _duration(found[1]) if found else None


def exhausted(headers: Mapping[str, str], counted: Iterable[str] = ("requests",)) -> float | None:
    """Seconds until exhausted limits take one more request; None where no header tells of one that is exhausted.

    A limit on requests is named with when it is full again: one request is there after that time over the limit.
    """
    waits = []
    for what in counted:
        for remaining, reset, limit in _LIMITS[what]:
            if headers.get(remaining) == "0" and (said := headers.get(reset)) and (wait := _moment(said)) is not None:
                many = headers.get(limit, "") if what == "requests" else ""
                waits.append(wait / max(1, int(many)) if many.isdecimal() else wait)
    return max(waits, default=None)


def _named_status(error: object) -> int:
    """The status that an error's own code or type stands for; 500 where neither is known."""
    if isinstance(error, dict):
        for name in ("code", "status", "type"):
            said = error.get(name)
            if isinstance(said, int) and 400 <= said < 600:
                return said
            if isinstance(said, str) and said in _STATUS_OF:
                return _STATUS_OF[said]
    return 500


def _message(value: object, text: bytes) -> str:
    """What the provider says is wrong; servers differ in where they put it."""
    for holder in (value.get("error") if isinstance(value, dict) else None, value):
        if isinstance(holder, str):
            return holder[:_SHOWN]
        if isinstance(holder, dict):
            for name in ("message", "detail", "error"):
                if isinstance(said := holder.get(name), str) and said:
                    return said[:_SHOWN]
    return text[:200].decode("utf-8", "replace").strip() or "no message"


def _without_secrets(said: Any, sent: Mapping[str, str]) -> Any:
    """Text, or JSON, without the key: some servers repeat the one that they refuse."""
    if isinstance(said, dict):
        # In its strings alone: a header's value can be `true`, and there may be more brackets than we can go down.
        return json.loads(
            _STRING.sub(lambda one: json.dumps(_without_secrets(json.loads(one[0]), sent)), json.dumps(said))
        )
    if not isinstance(said, str):
        return said
    for name, value in sent.items():
        if name.lower() == "content-type":
            continue
        for secret in (value, value.rpartition(" ")[2]):
            if len(secret) >= 4:
                said = said.replace(secret, "***")
    return said


def _milliseconds(said: str) -> float | None:
    try:
        return _positive(float(said) / 1000)
    except ValueError:
        return None


def _moment(said: str) -> float | None:
    """Seconds from now to a moment: so many seconds, a length such as `6m0s`, a time since 1970, or a date."""
    said = said.strip()
    try:
        if said.replace(".", "", 1).isdecimal():
            seconds = float(said)
            if seconds > 1e11:  # milliseconds since 1970
                seconds /= 1000
            return _positive(seconds - time.time() if seconds > 1e9 else seconds)
        if _PIECE.match(said):
            return _duration(said)
        if said[4:5] == "-":
            moment = datetime.fromisoformat(said)
        else:
            from email.utils import parsedate_to_datetime  # 3 ms, for the few that say it so

            moment = parsedate_to_datetime(said)
        return _positive(moment.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None  # neither: our own waits apply


def _duration(said: str) -> float | None:
    """Seconds of a length such as `6m0s`, `120ms` or `7 seconds`."""
    try:
        return sum(float(number) * _SECONDS[unit] for number, unit in _PIECE.findall(said.lower()))
    except ValueError:
        return None


def _positive(seconds: float) -> float | None:
    return max(0.0, seconds) if math.isfinite(seconds) else None
