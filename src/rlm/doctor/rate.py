"""What an account allows: as the answers' headers say, and by some calls at once."""

from __future__ import annotations

import asyncio
import re

from rlm.doctor.asked import Asked
from rlm.doctor.findings import Rate
from rlm.errors import LMError

AT_ONCE = 8
_REPLY = 16
# OpenAI and those that follow it; Anthropic; the draft of the IETF.
_LIMIT = re.compile(r"^(?:x-)?ratelimit-limit(?:-(?P<after>[a-z-]+))?$|^anthropic-ratelimit-(?P<before>[a-z-]+)-limit$")


async def measure_rate(asked: Asked, rate: Rate) -> None:
    """Sends some calls at once, and reads the headers of all answers so far; fills `rate` in.

    Raises:
        LimitError: The examination's budget, tokens or time are used up.
    """
    rate.at_once = AT_ONCE
    answered = await asyncio.gather(*(_one(asked) for _ in range(AT_ONCE)))
    rate.answered = sum(answered)
    read_headers(asked, rate)


def read_headers(asked: Asked, rate: Rate) -> None:
    """What the HTTP answers so far say of the limits."""
    good = 0
    for status, headers in asked.answers:
        for name, value in headers.items():
            if (found := _LIMIT.match(name)) and value.isdigit():
                rate.limits[found["after"] or found["before"] or "requests"] = int(value)
        good += status == 200
        if status == 429:
            rate.refused += 1
            if rate.before_refusal is None:
                rate.before_refusal = good
                rate.retry_after = _seconds(headers.get("retry-after", ""))


async def _one(asked: Asked) -> bool:
    try:
        await asked.ask("Answer with one word: ready", _REPLY)
    except LMError:
        return False
    return True


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
