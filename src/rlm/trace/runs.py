"""The runs of a folder: what each was and how it went, what they take, and dropping old ones.

A run that is under way holds a lock on its log, so one that was killed can be told from one that goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from rlm.errors import ConfigError
from rlm.trace.events import CallEnd, NodeBegin, ReplyReceived, RunBegin, RunEnd
from rlm.trace.reader import LOG, Reader, TraceError, one_event
from rlm.trace.store import home
from rlm.types import Status

State: TypeAlias = Literal["running", "killed"] | Status
_DAY = 86_400.0
_LINE = 1_000  # bytes of a string that a list shows
_NAMED = 5  # runs that an error names
_TAIL = 1 << 16  # bytes of a log that its last event is looked for in


@dataclass(frozen=True, slots=True)
class Retention:
    """How long traces are kept: a run that is older, or that no longer fits, is dropped, the oldest first.

    Attributes:
        days: Since its last event; None for ever.
        gb: 10^9 bytes that all runs of the folder may take together; None for any.
    """

    days: float | None = 90.0
    gb: float | None = 10.0


@dataclass(frozen=True, slots=True)
class Summary:
    """One run, as a list shows it.

    Attributes:
        run_id: Its name.
        path: Its folder.
        state: How it ended; `running`, or `killed` where it has no end and no process writes it.
        begin: What was asked of what; its long strings are cut.
        end: How it ended; None where it has not.
        modified: When its last event was written, seconds since 1970.
        bytes: What it takes on disk.
        cost: US dollars; None where a price is unknown.
        tokens: Input and output together.
        seconds: From its first event to its last.
    """

    run_id: str
    path: Path
    state: State
    begin: RunBegin
    end: RunEnd | None
    modified: float
    bytes: int
    cost: float | None
    tokens: int
    seconds: float


def folder() -> Path:
    """Where runs are, unless a run was told otherwise: `runs` in `store.home()`."""
    return home() / "runs"


def is_running(path: Path) -> bool:
    """Whether a process writes the run in this folder now."""
    try:
        fd = os.open(path / LOG, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks: one that has just been written may be under way
        return os.fstat(fd).st_mtime > time.time() - _DAY
    finally:
        os.close(fd)
    return False


def names(runs: Path) -> list[str]:
    """The names of the runs in a folder, the oldest first."""
    try:
        with os.scandir(runs) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and _is_run(entry))
    except OSError:
        return []


def find(name: str | None, runs: Path | None = None) -> Path:
    """A run's folder: by the run's name, the start of it, or `last`, which None means too; or the folder itself.

    One that was killed before its first event is not the last.

    Raises:
        ConfigError: There is no such run, or more than one.
    """
    runs = runs or folder()
    found = names(runs)
    if name is None or name == "last":
        check(runs)
        if not found:
            raise ConfigError(f"no run in {runs} yet: rlm ask makes one")
        begun = (runs / one for one in reversed(found) if os.path.getsize(runs / one / LOG) or is_running(runs / one))
        return next(begun, runs / found[-1])
    if os.path.lexists(os.path.join(name, LOG)):
        return Path(name)
    meant = [name] if name in found else [one for one in found if one.startswith(name)]
    if not meant:
        check(runs)
        if os.path.isfile(name):
            raise ConfigError(
                f"{name} is a file, and it takes a run's folder to view, replay, resume or fork it; "
                "of a saved file, rlm show, rlm coverage and rlm export can be had"
            )
        raise ConfigError(f"no run named {name} in {runs}")
    if len(meant) > 1:
        shown = ", ".join(meant[:_NAMED]) + (", ..." if len(meant) > _NAMED else "")
        raise ConfigError(f"{len(meant)} runs named {name} in {runs}: {shown}")
    return runs / meant[0]


def check(runs: Path) -> None:
    """Raises ConfigError where a folder of runs is there and can't be read; where none is, there are no runs."""
    try:
        os.scandir(runs).close()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"the folder of runs, {runs}, can't be read: {error.strerror}") from error


def summaries(runs: Path | None = None) -> Iterator[Summary]:
    """Each run of a folder that can be read, the latest first; strings are read only as far as a list needs."""
    runs = runs or folder()
    for name in reversed(names(runs)):
        with contextlib.suppress(TraceError, FileNotFoundError):
            if (found := summary(runs / name)) is not None:
                yield found


def summary(path: Path) -> Summary | None:
    """What a list shows of the run in a folder; None where it was killed before its first event.

    Raises:
        TraceError: It can't be read.
    """
    begin = one_event(path, longest=_LINE)
    if not isinstance(begin, RunBegin):
        return None
    state: State
    end = _end(path)
    if end is not None:
        state, seconds, cost = end.status, end.seconds, end.cost
        tokens = _tokens(end.usage)
    else:
        state = "running" if is_running(path) else "killed"
        tokens, cost, seconds = _so_far(path)
    modified = (path / LOG).stat().st_mtime
    return Summary(path.name, path, state, begin, end, modified, size(path), cost, tokens, seconds)


def size(path: Path) -> int:
    """Bytes of the files in a run's folder."""
    with os.scandir(path) as entries:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in entries)


def prune(runs: Path, keep: Retention, *, dry: bool = False, spare: Sequence[str] = ()) -> list[tuple[Path, int]]:
    """Drops the runs that are too old or do not fit; never one that is under way.

    Args:
        runs: The folder of runs.
        keep: What stays.
        dry: Only say which it would be.
        spare: Names of runs that stay whatever they are.

    Returns:
        The folders that were dropped, the oldest first, and the bytes of each.
    """
    known = []
    for name in names(runs):
        with contextlib.suppress(OSError):
            known.append(((runs / name / LOG).stat().st_mtime, size(runs / name), runs / name))
    left = sum(bytes_ for _, bytes_, _ in known)
    oldest = 0.0 if keep.days is None else time.time() - keep.days * _DAY
    most = float("inf") if keep.gb is None else keep.gb * 1e9
    dropped = []
    for modified, bytes_, path in sorted(known):
        if (modified < oldest or left > most) and path.name not in spare and not is_running(path):
            if not dry:
                shutil.rmtree(path, ignore_errors=True)
            left -= bytes_
            dropped.append((path, bytes_))
    return dropped


def prune_daily(runs: Path, keep: Retention, spare: str) -> threading.Thread | None:
    """`prune` in a thread of its own, if that has not been done for a day; costs a run that starts 10 µs."""
    mark = runs.with_name(f".{runs.name}.pruned")  # beside it: what is in the folder are runs
    try:
        if mark.stat().st_mtime > time.time() - _DAY:
            return None
    except OSError:
        pass
    with contextlib.suppress(OSError):
        mark.touch(mode=0o600)
        os.utime(mark)
        thread = threading.Thread(
            target=prune, args=(runs, keep), kwargs={"spare": (spare,)}, name="rlm-prune", daemon=True
        )
        thread.start()
        return thread
    return None


def _is_run(entry: os.DirEntry[str]) -> bool:
    return os.path.isfile(os.path.join(entry.path, LOG))


def _end(path: Path) -> RunEnd | None:
    """A run's last event, if that is its end: read from the end of the log."""
    size = os.stat(path / LOG).st_size
    with open(path / LOG, "rb") as log:
        log.seek(max(0, size - _TAIL))
        tail = log.read(_TAIL)
    if not tail.endswith(b"\n"):
        return None
    last = size - (len(tail) - (tail.rfind(b"\n", 0, -1) + 1))
    event = one_event(path, at=last, longest=_LINE)
    return event if isinstance(event, RunEnd) else None


def _tokens(usage: object) -> int:
    spent = usage if isinstance(usage, dict) else {}
    return sum(n for n in (spent.get("input_tokens"), spent.get("output_tokens")) if isinstance(n, int))


def _so_far(path: Path) -> tuple[int, float | None, float]:
    """Tokens, US dollars and seconds of a run that has no end."""
    tokens, cost, seconds = 0, 0.0, 0.0
    unpriced = False
    children: set[int] = set()
    reader = Reader(path, longest=0)
    with contextlib.suppress(TraceError):
        for event in reader:
            seconds = event.t
            if isinstance(event, NodeBegin):
                children.add(event.parent)
            elif isinstance(event, ReplyReceived) or (isinstance(event, CallEnd) and event.span not in children):
                tokens += _tokens(event.usage)
                unpriced |= event.cost is None and bool(event.usage.get("calls"))
                cost += event.cost or 0.0
    return tokens, None if unpriced else cost, seconds
