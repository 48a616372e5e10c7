"""Whether max_tokens, stop and temperature do what they should, and how fast the model is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from statistics import median

from rlm.doctor.asked import Asked
from rlm.doctor.findings import Controls, Honoured, Speed
from rlm.errors import LMRefusedError, LMReplyError

LIMIT = 16  # output tokens, the least that every endpoint takes
LONG = 400
SHORT = 40
CALLS = 10
_COUNT = "Write the numbers from 1 to 200 in words, separated by commas."
_LINE = "Copy this line and write nothing else: alpha bravo charlie delta echo foxtrot golf hotel india juliett"
_FREE = "Write one sentence about a place that you make up."
_READY = "Answer with one word: ready"
_SLACK = 4  # some endpoints count the end mark
_WORD = re.compile(r"[^\W_]{3,}")


async def measure_speed(asked: Asked, speed: Speed) -> None:
    """Times two short replies and a long one."""
    short = [(await asked.ask(_READY, SHORT))[1] for _ in range(2)]
    reply, seconds = await asked.ask(_COUNT, LONG)
    speed.reply_seconds = round(median(short), 3)
    if reply.usage.output_tokens and seconds > 0:
        speed.tokens_per_second = round(reply.usage.output_tokens / seconds, 1)


async def measure_controls(asked: Asked, controls: Controls) -> None:
    """Asks with each option, and looks whether it made a difference."""
    controls.max_tokens = await _seen(_max_tokens, asked)
    controls.stop = await _seen(_stop, asked)
    controls.temperature = await _seen(_temperature, asked)


async def _seen(probe: Callable[[Asked], Awaitable[Honoured]], asked: Asked) -> Honoured:
    try:
        return await probe(asked)
    except LMRefusedError:
        return "refused"
    except LMReplyError:
        return "unknown"


async def _max_tokens(asked: Asked) -> Honoured:
    reply, _ = await asked.ask(_COUNT, LIMIT)
    if reply.usage.output_tokens > LIMIT + _SLACK or len(reply.text) > 10 * LIMIT:
        return "ignored"
    return "honoured" if reply.finish == "length" else "unknown"


async def _stop(asked: Asked) -> Honoured:
    """A word of what it says, so that it does not matter whether it does as it is told."""
    whole, _ = await asked.ask(_LINE, LONG, temperature=0)
    words = [word for word in _WORD.finditer(whole.text) if whole.text.find(word[0]) == word.start() > 0]
    if not words:
        return "unknown"
    word = words[len(words) // 2]
    stopped, _ = await asked.ask(_LINE, LONG, temperature=0, stop=(word[0],))
    if word[0] in stopped.text:
        return "ignored"
    return "honoured" if len(stopped.text) < len(whole.text) else "unknown"


async def _temperature(asked: Asked) -> Honoured:
    """The same at 0, and not the same at 1."""
    cold = [(await asked.ask(_FREE, SHORT, temperature=0))[0].text for _ in range(2)]
    if cold[0] != cold[1]:
        return "ignored"
    warm = [(await asked.ask(_FREE, SHORT, temperature=1))[0].text for _ in range(2)]
    return "honoured" if set(warm) - set(cold) else "unknown"
