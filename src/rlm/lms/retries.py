"""One policy for retries: what may pass is tried again, at the pace of its account, for so long and so often."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

from rlm.errors import CallCancelled, LMUnavailableError
from rlm.lms import watch
from rlm.lms.failures import Retryable
from rlm.lms.pace import Pace
from rlm.types import Usage

_random = random.SystemRandom()  # the user's seeds stay as they are
_T = TypeVar("_T")
# All runs of a process share one event loop.
_paces: WeakKeyDictionary[asyncio.AbstractEventLoop, defaultdict[str, Pace]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Policy:
    """How long and how often a request is tried; times in seconds.

    Attributes:
        attempts: The most times it may fail; being told to slow down does not count while others of its account
            are answered.
        connect: For a connection to stand, TLS included.
        attempt: For one attempt as a whole; a model that thinks long needs minutes.
        total: For all attempts and the waits between them. A provider that asks for a longer wait is given up.
        backoff: The first wait is drawn from 0 to this; each further one from twice as much.
        longest_wait: The most that a wait which the provider did not ask for can be.
    """

    attempts: int = 6
    connect: float = 10.0
    attempt: float = 600.0
    total: float = 900.0
    backoff: float = 0.5
    longest_wait: float = 20.0


async def tried(
    attempt: Callable[[Pace, float], Awaitable[_T]], where: str, policy: Policy, account: str = ""
) -> tuple[_T, int]:
    """Makes attempts until one succeeds, at the pace of their account: for clients that send by other means, too.

    Args:
        attempt: Makes one, in at most so many seconds, and tells the pace of its success. What may pass is `Retryable`;
            where it is cancelled before it has sent anything, it may say so with `CallCancelled`.
        where: What stands before the words of an error.
        policy: How long and how often.
        account: What shares a rate limit; `where` by default.

    Returns:
        What the attempt gave, and how many had failed before.

    Raises:
        CallCancelled: It was cancelled before anything was sent that can have cost something.
        LMUnavailableError: They kept failing, or the provider asks for a wait beyond the policy's total.
    """
    pace = _paces.setdefault(asyncio.get_running_loop(), defaultdict(Pace))[account or where]
    failed = counted = sent = 0
    costless = True
    left, ends = policy.total, 0.0
    while True:
        if not pace.enter() and not await _idle(pace.wait(left, first=failed > 0), costless):
            raise LMUnavailableError(_given_up(where, policy, pace.reason, failed, sent, pace.held))
        began = time.monotonic()
        ends = ends or began + policy.total  # from the first attempt on: to queue for one's turn is no failure
        try:
            return await attempt(pace, min(policy.attempt, ends - began)), failed
        except CallCancelled as error:
            if costless:
                raise
            raise asyncio.CancelledError from error
        except Retryable as failure:
            failed += 1
            sent += failure.sent
            counted += not (failure.limited and pace.is_answering)
            costless &= failure.slow_down or not failure.sent  # of others, half an answer may be billed
            if failure.slow_down:
                pace.refused()
                pace.hold(failure.wait, str(failure))
            if counted >= min(policy.attempts, failure.most or policy.attempts):
                raise LMUnavailableError(_given_up(where, policy, str(failure), failed, sent)) from failure.__cause__
            left = ends - time.monotonic()
            wait = _wait(policy, counted or 1, failure.wait)
            if wait >= left:
                raise LMUnavailableError(
                    _given_up(where, policy, str(failure), failed, sent, failure.wait or 0.0)
                ) from failure.__cause__
            watch.tell_retry(str(failure), wait)
        finally:
            pace.leave()
        await _idle(asyncio.sleep(wait), costless)


async def _idle(waiting: Awaitable[_T], costless: bool) -> _T:
    """Waits while nothing is in flight."""
    try:
        return await waiting
    except asyncio.CancelledError as error:
        if costless:
            raise CallCancelled(Usage(), 0.0) from error
        raise


def _given_up(where: str, policy: Policy, why: str, failed: int, sent: int, asked: float = 0.0) -> str:
    """Why it is given up, after so many attempts, `sent` of them sent, and where so many seconds were asked for."""
    did, times = ("sent", sent) if sent else ("tried", failed)
    done = "not sent" if not failed else f"{did} once" if times == 1 else f"{did} {times} times"
    most = f"; it asks to wait {asked:,.0f} s; {policy.total:g} s is the most that is waited" if asked else ""
    return f"{where}: {why}; {done}{most}"


def _wait(policy: Policy, failed: int, asked: float | None) -> float:
    """Seconds to the next attempt: what the provider asked for and a little, or drawn from a growing range.

    The range begins at 0 ("full jitter"), so that calls which failed together don't come back together.
    """
    if asked is not None:
        return asked + _random.uniform(0.0, min(1.0, 0.1 * asked))
    return _random.uniform(0.0, min(policy.longest_wait, policy.backoff * 2.0 ** (failed - 1)))
