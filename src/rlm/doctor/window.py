"""How much really fits: prompts that grow until one is refused, cut, or large enough."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rlm.doctor.asked import Asked
from rlm.doctor.findings import Window
from rlm.errors import LMRefusedError, LMReplyError
from rlm.lms import window as told_windows
from rlm.lms.base import estimate_tokens

FIRST = 1_000  # tokens
_REPLY = 16
_FEWEST, _MOST = 1.0, 8.0  # characters a token: no tokenizer is outside, whatever is reported
_EXACT = 0.05  # of the window, that a search is content with
_CUT = 0.75  # of the tokens that were sent: fewer that arrive were cut
_WORDS = ("river", "stone", "lamp", "cedar", "north", "quiet", "paper", "violet", "harbor", "window", "copper")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Whether a prompt went through; else what the endpoint told, if it did. `arrived`: tokens, as it counts them."""

    fits: bool
    told: int | None = None
    arrived: int = 0


async def measure_window(asked: Asked, window: Window, most: int) -> None:
    """Fills `window` in as it goes: what stops the search midway leaves what was found.

    Args:
        asked: The model.
        window: What is filled in.
        most: The most tokens that are tried.

    Raises:
        LimitError: The examination's budget, tokens or time are used up.
        LMError: The model failed otherwise.
    """
    per_token = 0.0  # characters
    size = min(FIRST, most)
    good = 0
    while True:
        characters = int(size * (per_token or 3.5))
        outcome = await _try(asked, _prompt(characters))
        if not outcome.fits:
            break
        per_token = per_token or min(max(characters / outcome.arrived, _FEWEST), _MOST)
        if good and outcome.arrived < _CUT * characters / per_token:
            window.tokens, window.how = outcome.arrived + _REPLY, "cut"
            return
        good = outcome.arrived
        window.tokens, window.how = good + _REPLY, "at_least"
        if size >= most:
            return
        size = min(2 * size, most)
    if outcome.told is not None:
        window.tokens, window.how = outcome.told, "told"
        return
    await _search(asked, window, good, size, per_token or 3.5)


async def _search(asked: Asked, window: Window, good: int, bad: int, per_token: float) -> None:
    """Halves the range between a size that fits and one that does not."""
    while bad - good > max(_EXACT * bad, 64):
        size = (good + bad) // 2
        outcome = await _try(asked, _prompt(int(size * per_token)))
        if outcome.told is not None:
            window.tokens, window.how = outcome.told, "told"
            return
        if outcome.fits:
            good = size
            window.tokens = good + _REPLY
        else:
            bad = size
    window.tokens, window.how = good + _REPLY, "found"


async def _try(asked: Asked, prompt: str) -> _Outcome:
    try:
        reply, _ = await asked.ask(prompt, _REPLY)
    except (LMRefusedError, LMReplyError) as error:
        too_long = told_windows.told(str(error), getattr(error, "error", None))
        if isinstance(error, LMReplyError) and error.fault not in ("too_long", "malformed"):
            usage = error.usage  # an empty answer, say: the prompt went through all the same
            return _Outcome(True, arrived=(usage and usage.input_tokens) or estimate_tokens(prompt))
        if too_long is None and not (isinstance(error, LMReplyError) and error.fault == "too_long"):
            raise
        return _Outcome(False, too_long.window if too_long else None)
    return _Outcome(True, arrived=reply.usage.input_tokens or estimate_tokens(prompt))


def _prompt(characters: int) -> str:
    """Text of so many characters, the same each time: words in no order, which no tokenizer makes short work of."""
    draw = random.Random(7)
    words: list[str] = []
    size = 0
    while size < characters:
        words.append(draw.choice(_WORDS))
        size += len(words[-1]) + 1
    return " ".join(words) + "\n\nAnswer with one word: ready"
