"""`rlm runs`: the runs of the data folder, what they take on disk, and dropping old ones."""

from __future__ import annotations

import json as json_text
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from rlm.cli import exit_codes
from rlm.errors import ConfigError
from rlm.prompts import profiles
from rlm.setup import retention
from rlm.terminal import dollars, one_line, visible
from rlm.trace import runs
from rlm.trace.reader import TraceError
from rlm.trace.runs import Retention, Summary

_STATES = ("done", "partial", "failed", "running", "killed")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_QUESTION = 60  # characters of a question
_UNREAD = 5  # names of runs that can't be read


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs are listed; None: any.

    Attributes:
        status: How it ended, `running` or `killed`.
        model: Part of the root model's or the sub-model's name, in any case.
        since: A date, a time or an age (`2026-11-20`, `2026-11-20T09:30`, `12h`, `3d`).
        text: Part of the question, or of the beginning of a whole request, in any case.
    """

    status: str | None = None
    model: str | None = None
    since: str | None = None
    text: str | None = None


def list_runs(chosen: Filter, most: int, *, as_json: bool) -> int:
    """Prints the runs that pass the filter, the latest first, `most` at most, and what all runs take on disk.

    Raises:
        ConfigError: The filter can't be right.
    """
    if chosen.status is not None and chosen.status not in _STATES:
        raise ConfigError(f"--status is one of {', '.join(_STATES)}: not {chosen.status!r}")
    since = None if chosen.since is None else _moment(chosen.since)
    folder = runs.folder()
    runs.check(folder)
    unread: list[str] = []
    shown = list(islice((run for run in _readable(folder, unread) if _passes(run, chosen, since)), most))
    if unread:
        named = ", ".join(one_line(name, 40) for name in unread[:_UNREAD]) + (", ..." if len(unread) > _UNREAD else "")
        print(f"rlm: {len(unread):,} can't be read: {named}; rlm show NAME says why", file=sys.stderr)
    if as_json:
        print(json_text.dumps([_fields(run) for run in shown]))
        return exit_codes.DONE
    rows = [_row(run) for run in shown]
    heads = ("RUN", "BEGAN", "STATUS", "COST", "TIME", "DISK", "MODEL", "QUESTION")
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    for row in (heads, *rows) if rows else ():
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    sizes = [runs.size(folder / name) for name in runs.names(folder)]
    count = f"{len(shown):,} of {len(sizes):,} run{'' if len(sizes) == 1 else 's'}"
    print(f"{count}; all take {_bytes(sum(sizes))} in {folder}", file=sys.stderr)
    return exit_codes.DONE


def prune(older_than: str | None, keep: int | None, *, dry_run: bool) -> int:
    """Drops runs; never one that is under way.

    Args:
        older_than: An age, such as `30d`; None: as runs are kept by default, or any age where `keep` is given.
        keep: So many of the latest runs stay, whatever their age.
        dry_run: Only say which it would be.

    Raises:
        ConfigError: The age is none.
    """
    folder = runs.folder()
    spare = runs.names(folder)[-keep:] if keep else []
    if older_than is not None:
        kept = Retention(_age(older_than) / _UNITS["d"], None)
    else:
        kept = Retention(0.0, None) if keep is not None else retention()
    dropped = runs.prune(folder, kept, dry=dry_run, spare=spare)
    for path, size in dropped:
        print(f"{visible(path.name)}  {_bytes(size)}")
    did = "would be dropped" if dry_run else "dropped"
    total = _bytes(sum(size for _, size in dropped))
    print(f"{len(dropped):,} run{'' if len(dropped) == 1 else 's'} {did}, {total} in {folder}", file=sys.stderr)
    return exit_codes.DONE


def _readable(folder: Path, unread: list[str]) -> Iterator[Summary]:
    """The runs, the latest first; names of those that can't be read, or have no event, go into `unread`."""
    for name in reversed(runs.names(folder)):
        try:
            found = runs.summary(folder / name)
        except FileNotFoundError:  # it was pruned meanwhile
            continue
        except (TraceError, OSError):
            found = None
        if found is None:
            unread.append(name)
        else:
            yield found


def _passes(run: Summary, chosen: Filter, since: float | None) -> bool:
    model = (chosen.model or "").lower()
    return (
        chosen.status in (None, run.state)
        and (model in run.begin.model.lower() or model in run.begin.sub_model.lower())
        and (since is None or _began(run) >= since)
        and (chosen.text or "").lower() in _question(run).lower()
    )


def _question(run: Summary) -> str:
    """What was asked; of a whole request, which has no question beside it, its beginning."""
    text = run.begin.source.get("text")
    return text if run.begin.question == profiles.task() and isinstance(text, str) else run.begin.question


def _numbered(run: Summary) -> str:
    """Which question of a session a run was; nothing of the first, and of one that was asked by itself."""
    number = (run.begin.sitting or {}).get("number")
    return f"#{number} " if isinstance(number, int) and number > 1 else ""


def _began(run: Summary) -> float:
    try:
        return datetime.fromisoformat(run.begin.started).timestamp()
    except ValueError:
        return 0.0


def _moment(text: str) -> float:
    """Seconds since 1970 of a date, a time, or so long ago."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return time.time() - _age(text)
    try:
        return moment.timestamp()
    except (ValueError, OverflowError):  # a year that this machine's clock can't have
        return float("-inf") if moment.year < 1970 else float("inf")


def _age(text: str) -> float:
    """Seconds."""
    if (match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)) is None:
        raise ConfigError(f"an age is like 90m, 12h or 30d, and a date like 2026-11-20: not {text!r}")
    return float(match[1]) * _UNITS[match[2]]


def _row(run: Summary) -> tuple[str, ...]:
    began = datetime.fromtimestamp(_began(run)).strftime("%Y-%m-%d %H:%M")
    cost = "?" if run.cost is None else dollars(run.cost)
    seconds = f"{run.seconds:.1f} s" if run.seconds < 600 else f"{run.seconds / 60:,.0f} min"
    model = one_line(run.begin.model, 40)
    question = one_line(_numbered(run) + _question(run), _QUESTION)
    return one_line(run.run_id, 40), began, run.state, cost, seconds, _bytes(run.bytes), model, question


def _fields(run: Summary) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "path": str(run.path),
        "started": run.begin.started,
        "status": run.state,
        "question": _question(run),
        "session": (run.begin.sitting or {}).get("run"),
        "number": (run.begin.sitting or {}).get("number"),
        "input": run.begin.context.partition("\n")[0],
        "model": run.begin.model,
        "sub_model": run.begin.sub_model,
        "cost": run.cost,
        "tokens": run.tokens,
        "seconds": run.seconds,
        "bytes": run.bytes,
    }


def _bytes(size: int) -> str:
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}"
    return f"{size} B"
