"""Questions of one session: their inputs stand in the trace of the first that had each, and others name that run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from rlm.errors import ContextError
from rlm.trace.events import RunBegin
from rlm.trace.reader import Reader, TraceError
from rlm.types import JSON

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
    source = begin.source
    if source.get("kind") == "earlier":
        source = _begin(begin.sitting.get("input"), begin, folder).source
    added: dict[str, JSON] = {}
    for one in cast("list[Mapping[str, JSON]]", begin.sitting.get("added") or []):
        name, run = one.get("name"), one.get("run")
        if not isinstance(name, str):
            raise ContextError(f"the trace of {begin.run_id} names no context")
        added[name] = (begin if run == begin.run_id else _begin(run, begin, folder)).added.get(name)
    return replace(begin, source=source, added=added)


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
        found = next(Reader(folder / run), None)
    except TraceError as error:
        raise ContextError(f"{missing}: {error}") from error
    except OSError as error:
        raise ContextError(f"{missing}, and is not there any more") from error
    if not isinstance(found, RunBegin) or found.sitting is None or asked.sitting is None:
        raise ContextError(f"{missing}, and does not have it")
    if found.sitting.get("run") != asked.sitting.get("run"):
        raise ContextError(f"{missing}, and is of another session")
    return found
