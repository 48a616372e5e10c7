"""Questions of one session: each names the one before it, and the runs whose traces have its inputs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rlm.errors import ConfigError, ContextError
from rlm.trace.events import RunBegin
from rlm.trace.reader import LOG, TraceError, one_event
from rlm.trace.record import NOWHERE, Record
from rlm.types import JSON

_NAME = re.compile(r"context_[1-9][0-9]{0,8}", re.ASCII)
_RUN = re.compile(r"[\w.-]{1,80}", re.ASCII)


def with_sources(begin: RunBegin, folder: Path) -> RunBegin:
    """How a run began, with the sources of its input and of all contexts that were added, wherever they stand.

    Args:
        begin: As the run's own trace tells it.
        folder: Where the runs of its session are.

    Raises:
        ContextError: The trace of another one that has them is not there, or can't be read.
    """
    if begin.sitting is None:
        return begin
    added = {one.name: _added(one, begin, folder) for one in added_to(begin)}
    return replace(begin, source=source_of(begin, folder), added=added)


def source_of(begin: RunBegin, folder: Path) -> dict[str, JSON]:
    """The source of a run's input, wherever it stands.

    Raises:
        ContextError: As `with_sources`.
    """
    if begin.sitting is None or begin.source.get("kind") != "earlier":
        return begin.source
    return _begin(begin.sitting.get("input"), begin, folder).source


class AddedTo(NamedTuple):
    """A context that was added to a session: its name, its SHA-256, and the run whose trace has its source."""

    name: str
    digest: str
    run: str


def added_to(begin: RunBegin) -> list[AddedTo]:
    """The contexts that a question's cells find beside the input, in the order in which they were added.

    Raises:
        ContextError: What the trace says of one is not as it should be.
    """
    found = []
    told = (begin.sitting or {}).get("added")
    for one in told if isinstance(told, list) else []:
        parts = [one.get(part) for part in AddedTo._fields] if isinstance(one, dict) else []
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) != len(AddedTo._fields) or not _NAME.fullmatch(texts[0]):
            raise ContextError(f"the trace of {begin.run_id} names no context")
        found.append(AddedTo(*texts))
    return found


def added_source(one: AddedTo, begin: RunBegin, folder: Path) -> dict[str, JSON]:
    """The source of an added context, wherever it stands.

    Raises:
        ContextError: As `with_sources`.
    """
    source = _added(one, begin, folder)
    if not isinstance(source, dict):
        raise ContextError(f"the trace of {one.run} does not have {one.name}, which was added before its question")
    return source


def before(begin: RunBegin, folder: Path) -> list[Record]:
    """The records of the questions before one, in order. Each came to its end, and all cells of its root to theirs.

    Args:
        begin: How the run of the one began.
        folder: Where the runs of its session are.

    Raises:
        ConfigError: One has no trace any more, or was broken off; says which.
        TraceError: One can't be read.
    """
    found: list[Record] = []
    asked = begin
    while asked.sitting is not None and asked.sitting.get("number") != 1:
        if "before" not in asked.sitting:
            raise ConfigError(f"{_question(begin)}: its trace does not say which questions were before it")
        if (run := asked.sitting["before"]) is None:  # those before had no trace: nothing of theirs had begun
            break
        record = _question_before(run, asked, begin, folder)
        found.append(record)
        asked = record.begin
    return found[::-1]


def _question_before(run: JSON, asked: RunBegin, last: RunBegin, folder: Path) -> Record:
    if not isinstance(run, str) or not _RUN.fullmatch(run) or run in (".", "..") or not (folder / run / LOG).is_file():
        raise ConfigError(
            f"{_question(last)}: the trace of the run {run}, a question before it, is not there any more, so what its "
            "cells had made can't be made again; ask again, in a new session"
        )
    record = Record(folder / run)
    sitting, own = record.begin.sitting or {}, asked.sitting or {}
    number, bound = sitting.get("number"), own.get("number")
    if not (isinstance(number, int) and isinstance(bound, int) and 1 <= number < bound) or (
        sitting.get("run") != own.get("run")
    ):
        raise ConfigError(f"{_question(last)}: the run {run} is no question before it, though its trace says so")
    turns = [] if record.index.root is None else record.index.root.turns
    broken_off = any(turn.cell != NOWHERE and turn.end == NOWHERE for turn in turns)
    if broken_off or record.end is None:
        why = "was broken off while a cell ran" if broken_off else "has no end in its trace"
        raise ConfigError(
            f"{_question(last)}: question {number} of it, the run {run}, {why}, so what its cells had made by then is "
            "not known; ask again, in a new session"
        )
    return record


def _question(begin: RunBegin) -> str:
    sitting = begin.sitting or {}
    number, first = sitting.get("number"), sitting.get("run")
    return f"the run {begin.run_id} is question {number} of the session that began with {first}"


def _added(one: AddedTo, begin: RunBegin, folder: Path) -> JSON:
    return (begin if one.run == begin.run_id else _begin(one.run, begin, folder)).added.get(one.name)


def is_alone(begin: RunBegin) -> bool:
    """Whether a run's own trace has all that its cells used: no question was before it, and no context added."""
    return begin.sitting is None or (begin.sitting.get("number") == 1 and not begin.sitting.get("added"))


def _begin(run: JSON, asked: RunBegin, folder: Path) -> RunBegin:
    missing = (
        f"the input of the run {asked.run_id} is in the trace of {run}, which began its session or was added to it"
    )
    if not isinstance(run, str) or not _RUN.fullmatch(run) or run in (".", ".."):
        raise ContextError(f"the trace of {asked.run_id} does not say where its input is")
    try:
        found = one_event(folder / run)
    except TraceError as error:
        raise ContextError(f"{missing}: {error}") from error
    except OSError as error:
        raise ContextError(f"{missing}, and is not there any more") from error
    if not isinstance(found, RunBegin) or found.sitting is None or asked.sitting is None:
        raise ContextError(f"{missing}, and does not have it")
    if found.sitting.get("run") != asked.sitting.get("run"):
        raise ContextError(f"{missing}, and is of another session")
    return found
