"""`rlm resume`, `rlm replay` and `rlm fork`: a run that is made from an earlier one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rlm.cli import ask, env_file, exit_codes
from rlm.cli.confirm import ConfirmAbove
from rlm.cli.sandbox_flags import NO_FLAGS, SandboxFlags
from rlm.errors import ConfigError, RlmError
from rlm.live import LiveTree
from rlm.resuming import begin_of, fork, replay, resume
from rlm.run import Run
from rlm.run_view import passed_over
from rlm.terminal import visible
from rlm.trace import runs
from rlm.trace.events import Event, RecordLeft, RunBegin, TurnBegin
from rlm.trace.inputs import limits_of
from rlm.types import Limits

_WHOLE = ("tokens", "turns", "sub_calls", "depth", "concurrency", "memory_mb", "output_chars", "nudges")


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line gave."""

    live: bool = False
    limits: Sequence[str] = ()
    flags: SandboxFlags = NO_FLAGS
    mcp: Sequence[str] = ()
    profile: str | None = None
    confirm_above: float | None = None
    json: bool = False
    show_code: bool = False
    save: Path | None = None
    otel: bool = False
    view: bool = False
    env_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """What a fork does another way, and from which turn on."""

    at: int
    model: str | None = None
    sub_model: str | None = None
    cell: Path | None = None


def resumed(name: str | None, given: Given) -> int:
    """Resumes a run, prints its answer, and returns the exit status.

    Raises:
        RlmError: It can't be resumed, or went another way than recorded.
    """
    return _shown(lambda more: resume(name, live=given.live, limits=_limits(name, given.limits), **more), name, given)


def replayed(name: str | None, given: Given) -> int:
    """Replays a run, prints its answer, and returns the exit status: 0 if it went as recorded, as far as that goes.

    Raises:
        RlmError: It can't be replayed, or went another way than recorded.
    """

    def start(more: dict[str, Any]) -> Run:
        if given.view or given.save is not None:  # both need a trace, which a replay keeps none of else
            more["trace"] = runs.find(name).parent
        return replay(name, **more)

    status = _shown(start, name, given)
    if status in (exit_codes.DONE, exit_codes.INTERRUPTED):
        return status
    print("rlm: so it is recorded, and the replay went no other way (exit status 0)", file=sys.stderr)
    return exit_codes.DONE


def forked(name: str | None, how: Fork, given: Given) -> int:
    """Forks a run, prints its answer, and returns the exit status.

    Raises:
        RlmError: It can't be forked, or went another way than recorded before that turn.
    """
    try:
        cell = None if how.cell is None else how.cell.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--edit-cell {how.cell}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"--edit-cell {how.cell}: byte {error.start:,} is not UTF-8") from error

    def start(more: dict[str, Any]) -> Run:
        if how.sub_model is not None:
            more["sub_model"] = how.sub_model
        limits = _limits(name, given.limits)
        return fork(name, at=how.at, model=how.model, limits=limits, cell=cell, live=given.live, **more)

    return _shown(start, name, given)


class _Watch:
    """Draws the run, and notes where it left its record."""

    def __init__(self, live: ask.Listener) -> None:
        self.left: RecordLeft | None = None
        self.passed_over: list[str] = []
        self._live = live
        self._turns: dict[int, int] = {}
        self.turn = 0

    def listen(self, event: Event) -> None:
        """Takes the next event."""
        self._live.listen(event)
        if isinstance(event, TurnBegin):
            self._turns[event.span] = event.turn
        elif isinstance(event, RunBegin):
            self.passed_over = passed_over(event)
        elif isinstance(event, RecordLeft) and self.left is None:
            self.left, self.turn = event, self._turns.get(event.span, 0)

    def close(self) -> None:
        """The run has ended."""
        self._live.close()

    def told(self) -> str:
        """Where it left its record, in words."""
        if self.left is None:
            return "all of it was recorded: nobody was asked"
        why = (
            f"it went another way: {visible(self.left.difference)}" if self.left.difference else "the record ends there"
        )
        return f"live from turn {self.turn} on: {why}"


def _shown(start: Callable[[dict[str, Any]], Run], name: str | None, given: Given) -> int:
    """Starts a run with the options of `RLM` that were given, and prints how it goes and ends."""
    if given.env_file is not None:
        env_file.load(given.env_file)
    ask.check_save(given.save)
    page = ask.opened_page(runs.find(name).parent) if given.view else None
    live = LiveTree(code=given.show_code)
    watch = _Watch(live if page is None else page.with_other(live))
    try:
        _tell_session(name)
        completion, interrupted = ask.follow(start(_options(name, given, live)), watch)
    except RlmError as error:
        if given.json:
            print(json.dumps({"status": "failed", "error": type(error).__name__, "reason": str(error)}))
        raise
    if not live.drawn:
        print(ask.summary(completion), file=sys.stderr)
    for difference in watch.passed_over:
        print(f"rlm: passed over: {visible(difference)}", file=sys.stderr)
    print(f"rlm: {watch.told()}", file=sys.stderr)
    status = ask.printed(completion, interrupted, as_object=given.json)
    ask.keep(completion, interrupted, given.save, page)
    return status


def _tell_session(name: str | None) -> None:
    """Says why it may take a while until anything is seen of a later question of a session."""
    number = (begin_of(name).sitting or {}).get("number", 1)
    if number != 1:
        print(f"rlm: question {number} of a session: those before it run again first, as recorded", file=sys.stderr)


def _options(name: str | None, given: Given, live: LiveTree) -> dict[str, Any]:
    options: dict[str, Any] = {}
    sandbox = given.flags.sandbox(begin_of(name).sandbox)
    if not isinstance(sandbox, str):
        options["sandbox"] = sandbox
    if (required := given.flags.required()) is not None:
        options["require"] = required
    if given.mcp:
        options["tools"] = ask.servers(given.mcp)
    if given.profile is not None:
        options["profile"] = given.profile
    if given.otel:
        options["otel"] = True
    if given.confirm_above is not None:
        above = ConfirmAbove(given.confirm_above, live)
        options |= {"approve": above.approve, "confirm": above.confirm}
    return options


def _limits(name: str | None, given: Sequence[str]) -> Limits | None:
    """The run's limits with those that were given; None where none was.

    Raises:
        ConfigError: One is no limit, or no number.
    """
    if not given:
        return None
    known = {field.name for field in fields(Limits)}
    changes: dict[str, Any] = {}
    for one in (part for option in given for part in option.split(",")):
        limit, _, value = one.partition("=")
        if limit not in known:
            raise ConfigError(f"--limits {one}: the limits are {', '.join(sorted(known))}")
        try:
            changes[limit] = None if value == "none" else int(value) if limit in _WHOLE else float(value)
        except ValueError:
            raise ConfigError(f"--limits {one}: {limit} is a number, or none") from None
    return replace(limits_of(begin_of(name)), **changes)
