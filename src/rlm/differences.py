"""The first difference between what a run did and what its record has, in words. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from rlm.trace.events import CallBegin, Event, RequestSent, ToolBegin
from rlm.types import JSON, CellResult

# Where an object lies in memory is another place each time, and says nothing.
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")
_SHOWN = 120  # characters of each side
_BEFORE = 30  # of them before the difference


def of_results(before: CellResult, now: CellResult) -> str | None:
    """How the outcome of a cell differs; None if it does not. One that was interrupted could have come to any point."""
    if now.lost is not None:
        return f"its worker was lost this time: {now.lost}"
    if before.interrupted:
        return None
    if now.interrupted:
        return f"it was interrupted this time, after {now.seconds:.0f} s; it had taken {before.seconds:.1f} s"
    if (what := _of_texts("output", before.output, now.output)) is not None:
        return what
    if (what := _of_texts("error", before.error or "", now.error or "")) is not None:
        return what
    if before.output_size != now.output_size:
        return f"its output had {before.output_size:,} characters and has {now.output_size:,}"
    if before.answer == now.answer:
        return None
    then, given = before.answer, now.answer
    if then is None or given is None:
        return "it gave no answer then" if then is None else "it gave an answer then, and none now"
    if (then.is_repr, then.ready) == (given.is_repr, given.ready):
        if not isinstance(then.value, str) or not isinstance(given.value, str):
            return f"its answer was {_cut(repr(then.value))} and is {_cut(repr(given.value))}"
        return _of_texts("answer", then.value, given.value)
    return f"its answer was {_cut(repr(then))} and is {_cut(repr(given))}"


def of_code(before: str, now: str) -> str:
    """How the code of a cell differs."""
    return _of_texts("code", before, now) or "its code differs"


def of_messages(before: Sequence[JSON], now: Sequence[JSON]) -> str:
    """How the new messages of a request differ."""
    for number, (old, new) in enumerate(zip(before, now, strict=False), 1):
        then, sent = cast("tuple[dict[str, str], dict[str, str]]", (old, new))
        if then != sent:
            what = _of_texts(f"message {number} to the model", then["content"], sent["content"])
            return what or f"message {number} to the model is another's"
    return f"{len(before)} new messages were sent to the model, and now it is {len(now)}"


def of_asked(now: RequestSent | CallBegin | ToolBegin, *, waits: bool) -> str:
    """A call that the record has not."""
    if waits:
        return f"it waits for {_name(now)}, which had no answer when the cell ended"
    return f"it called {_name(now)}, and had not"


def of_unasked(before: Event, count: int) -> str:
    """Calls that the record has, the first of them `before`, and the cell did not make."""
    more = f" and {count - 1:,} more" if count > 1 else ""
    return f"it had called {_name(cast('CallBegin | ToolBegin', before))}{more}, and did not"


def _name(event: RequestSent | CallBegin | ToolBegin) -> str:
    if isinstance(event, CallBegin):
        return f"{event.name}({_cut(repr(event.prompt))})"
    if isinstance(event, ToolBegin):
        given = [repr(one) for one in event.args] + [f"{name}={value!r}" for name, value in event.kwargs.items()]
        return f"{event.name}({_cut(', '.join(given))})"
    return "the model"


def _of_texts(name: str, before: str, now: str) -> str | None:
    if before == now or _ADDRESS.sub("0x", before) == _ADDRESS.sub("0x", now):
        return None
    old, new = before.splitlines() or [""], now.splitlines() or [""]
    pairs = enumerate(zip(old, new, strict=False))
    number = next((at for at, (one, other) in pairs if one != other), min(len(old), len(new)))
    if old == new:
        return f"its {name} has other line ends: it had {len(before):,} characters and has {len(now):,}"
    if number >= len(old):
        return f"its {name} had {_lines(len(old))} and has more, the next {_cut(repr(new[number]))}"
    if number >= len(new):
        return f"its {name} has {_lines(len(new))} and had more, the next {_cut(repr(old[number]))}"
    return _of_lines(f"line {number + 1:,} of its {name}", old[number], new[number])


def _of_lines(where: str, old: str, new: str) -> str:
    at = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(min(old, new)))
    start = max(0, at - _BEFORE)
    dots = "..." if start else ""
    return f"{where} was {dots}{_cut(repr(old[start:]))} and is {dots}{_cut(repr(new[start:]))}"


def _lines(count: int) -> str:
    return f"{count:,} line{'' if count == 1 else 's'}"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
