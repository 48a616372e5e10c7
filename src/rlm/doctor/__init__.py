"""Measures a model with the engine's own prompts, and suggests a profile for it. docs/doctor.md has what and how."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rlm.background import event_loop
from rlm.broker import PLAIN_CALLS
from rlm.doctor import controls, habits, rate, window
from rlm.doctor.asked import Asked
from rlm.doctor.findings import Findings, Plan
from rlm.doctor.suggest import suggest
from rlm.errors import LimitError, LMError
from rlm.ledger import Ledger
from rlm.lms.base import LM, estimate_tokens
from rlm.lms.watch import watcher
from rlm.prompts.profiles import Profile, profile_for
from rlm.sandbox.launchers.base import Launcher
from rlm.types import Limits, Usage

# Of a turn, on the high side: what a cell and its output add to the conversation, and what a reply has.
_TURN_TOKENS = 700
_CELL_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an examination may take.

    Attributes:
        usd: US dollars; not kept where the price is unknown.
        tokens: Input and output tokens.
        seconds: Wall-clock seconds.
        window: The longest prompt that is tried, in tokens.
    """

    usd: float = 0.05
    tokens: int = 200_000
    seconds: float = 120.0
    window: int = 16_384


def plan(lm: LM, profile: Profile, bounds: Bounds) -> Plan:
    """About what it takes, on the high side; nothing is sent."""
    opening = profile.opening(
        habits.QUESTIONS[0][0], "str", functions=PLAIN_CALLS, limits=Limits(), sub_window=profile.reads(lm.window)
    )
    first = sum(estimate_tokens(message.content) for message in opening)
    runs, turns = len(habits.QUESTIONS), habits.TURNS
    sizes, size = [], min(window.FIRST, bounds.window)
    while True:
        sizes.append(size)
        if size >= bounds.window:
            break
        size = min(2 * size, bounds.window)
    calls = runs * turns + controls.CALLS + 3 + len(sizes) + rate.AT_ONCE
    asked = runs * sum(first + turn * _TURN_TOKENS for turn in range(turns)) + sum(sizes) + 30 * (calls - runs * turns)
    said = runs * turns * _CELL_TOKENS + controls.CALLS * controls.SHORT + 4 * controls.LONG + 16 * rate.AT_ONCE
    price = lm.price
    usd = None if price is None else price.worst().cost(Usage(calls, asked, said))
    return Plan(calls, asked + said, usd, None if price is None else bounds.usd, bounds.tokens, bounds.seconds)


def examine(
    lm: LM,
    bounds: Bounds = Bounds(),
    profile: Profile | None = None,
    sandbox: str | Launcher = "local",
) -> Findings:
    """Measures a model.

    Args:
        lm: The model.
        bounds: What that may take.
        profile: How it is spoken to; by default as runs do.
        sandbox: Where its cells run.

    Raises:
        LMError: It did not answer at all.
        SandboxError: There is no such sandbox here.
    """
    profile = profile or profile_for(lm.name)
    work = _examine(lm, bounds, profile, sandbox)
    future = asyncio.run_coroutine_threadsafe(work, event_loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()  # Ctrl-C came while it was waited for
        raise


async def _examine(lm: LM, bounds: Bounds, profile: Profile, sandbox: str | Launcher) -> Findings:
    found = Findings(lm.name, profile.name, plan(lm, profile, bounds))
    found.window.listed = lm.window
    usd = None if lm.price is None else bounds.usd
    asked = Asked(lm, Ledger(Limits(usd=usd, tokens=bounds.tokens, seconds=bounds.seconds, concurrency=rate.AT_ONCE)))
    watcher.set(asked.note)

    async def habits_of() -> None:
        await habits.measure_habits(asked, found.habits, profile, sandbox)

    for name, measure in (
        ("speed", lambda: controls.measure_speed(asked, found.speed)),
        ("habits", habits_of),
        ("controls", lambda: controls.measure_controls(asked, found.controls)),
        ("rate", lambda: rate.measure_rate(asked, found.rate)),
        ("window", lambda: window.measure_window(asked, found.window, bounds.window)),
    ):
        await _measured(name, measure, asked, found)
    ledger = asked.ledger
    found.thinking_tokens = ledger.usage.reasoning_tokens
    found.thinking_cut = asked.thinking_cut
    found.calls, found.tokens, found.usd = ledger.usage.calls, ledger.usage.tokens, ledger.cost
    found.seconds = round(ledger.seconds, 3)
    suggest(found, profile)
    return found


async def _measured(name: str, measure: Callable[[], Awaitable[object]], asked: Asked, found: Findings) -> None:
    """One measurement; what it can't measure is noted, unless the model never answered at all."""
    try:
        await measure()
    except LimitError as error:
        found.skipped[name] = str(error)
    except LMError as error:
        if not asked.ledger.usage.calls:
            raise
        found.skipped[name] = str(error)
