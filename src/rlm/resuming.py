"""Runs that are made from an earlier one: resumed where it was cut off, replayed without a model, forked at a turn.

The new run has the earlier one's question, input, seed, limits and models, runs its cells again in a fresh sandbox, and
is served from its record until that ends (`serving`). It has a trace of its own; that of the earlier one stays as it
is. `docs/resume.md` says what is the same in a cell that is run again, and what is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from rlm import setup as setups
from rlm.approval import Decision, Estimate
from rlm.earlier import Restored
from rlm.engine import RLM
from rlm.errors import ConfigError, MissingKeyError, SandboxError
from rlm.execution import Execution
from rlm.ledger import check_limits
from rlm.lms import resolve
from rlm.lms.base import LM, Price, priced
from rlm.prompts import profiles
from rlm.run import Run
from rlm.serving import Playback
from rlm.setup import Setup
from rlm.trace import runs
from rlm.trace.events import RunBegin
from rlm.trace.inputs import limits_of, value_of
from rlm.trace.reader import one_event
from rlm.trace.record import Record, chain
from rlm.trace.sittings import before, is_alone, source_of
from rlm.types import JSON, Completion, Limits, Reply, Request

# What a model's settings have, and a client has no option for.
_NO_OPTION = {"format"}


def resume(run: str | Path | None = None, *, live: bool = False, limits: Limits | None = None, **options: Any) -> Run:
    """Picks a run up where it was cut off: killed, stopped, at a limit, or by a failure of its provider or sandbox.

    What it was answered is served from its trace and charged again, so that its limits hold over the whole; a tool that
    had ended is not run again. A run that came to its end ends again, the same way.

    Args:
        run: The run's name, the start of it, or its folder; None: the last run.
        live: Where a cell goes another way than recorded, goes on from there; otherwise the run ends.
        limits: Other limits, for a run that one of them had ended.
        options: Options of `RLM` that can't be made again from the trace, or are to be others: `model` and `sub_model`
            where those are objects of your own, `tools`, `values`, `prices`, `trace`, `verbose`, `approve`, ...; and
            `context`, where the input was redacted.

    Returns:
        The run, as `RLM.stream` gives it. Its `result` raises `DivergedError` where a cell went another way, and
        `ContextError` where the input has changed since.

    Raises:
        ConfigError: There is no such run, it is under way, or an option that it needs is missing.
        TraceError: Its trace can't be read.
        MissingKeyError: A model needs a key that is not set.
    """
    path = _found(run)
    records = chain(path)
    origin: dict[str, JSON] = {"run": path.name, "turn": None, "way": "resume"}
    engine = _engine(path, records[0].begin, limits, options)
    _check_same(records[0].begin, engine)
    playback = Playback(records, origin, live=live, cell=_edited(records), redact=engine.setup.redact)
    return _started(engine, records, playback, options, live=live)


def replay(run: str | Path | None = None, **options: Any) -> Run:
    """Runs a run's cells again with no model: it ends where its record ends, or where it goes another way.

    It keeps no trace, unless `trace` is given.

    Args:
        run: The run's name, the start of it, or its folder; None: the last run.
        options: As for `resume`; models are not needed.

    Returns:
        The run. Its `result` is the recorded one, or `partial` or `failed` with the reason that the record ends; it
        raises `DivergedError` with the first difference.

    Raises:
        ConfigError: There is no such run, it is under way, or it had tools or values and they are not given.
        TraceError: Its trace can't be read.
    """
    path = _found(run)
    records = chain(path)
    begin = records[0].begin
    models, pool = _recorded(begin)
    given = {"model": models["model"], "sub_model": models["sub_model"], "sub_models": pool, "trace": False}
    engine = _engine(path, begin, None, {"approve": None, **given, **options})
    origin: dict[str, JSON] = {"run": path.name, "turn": None, "way": "replay"}
    playback = Playback(records, origin, replay=True, redact=engine.setup.redact)
    return _started(engine, records, playback, options)


def fork(
    run: str | Path | None = None,
    *,
    at: int,
    model: str | LM | None = None,
    limits: Limits | None = None,
    cell: str | None = None,
    live: bool = False,
    **options: Any,
) -> Run:
    """Goes another way from a turn on: what was before it is served from the run's trace, and from it on all is live.

    Args:
        run: The run's name, the start of it, or its folder; None: the last run.
        at: The root's turn from which it is live, from 1.
        model: Another root model; the sub-model stays as it was, unless `sub_model` is given.
        limits: Other limits.
        cell: Code to run in that turn, in the place of the model's.
        live: As for `resume`.
        options: As for `resume`.

    Returns:
        The run, as `RLM.stream` gives it.

    Raises:
        ConfigError, TraceError: As `resume`; or the run has no such turn.
    """
    path = _found(run)
    if isinstance(at, bool) or not isinstance(at, int):
        raise ConfigError(f"`at` is the number of a turn, not {at!r}")
    if at < 1:
        raise ConfigError(f"turns count from 1: a run can't be forked at {at}")
    records = chain(path, before=at)
    if at > (turns := max(record.turns for record in records)) + 1:
        raise ConfigError(f"the run has {turns} turns: it can be forked at 1 to {turns + 1}, not at {at}")
    begin = records[0].begin
    given = {**options, **({} if model is None else {"model": model})}
    if model is not None:  # it goes on with the conversation as it is
        given.setdefault("profile", begin.setup.get("profile") or profiles.profile_for(begin.model).name)
    engine = _engine(path, begin, limits, given)
    origin: dict[str, JSON] = {"run": path.name, "turn": at, "way": "fork"}
    if cell is not None:
        origin["cell"] = cell
    edited = None if cell is None else (at, cell)
    playback = Playback(records, origin, live=live, cell=edited, redact=engine.setup.redact)
    return _started(engine, records, playback, options, live=live)


def _edited(records: Sequence[Record]) -> tuple[int, str] | None:
    """The turn and the code of a fork that was cut off, perhaps before it came to that turn."""
    origins = [record.begin.origin for record in records if record.begin.origin is not None]
    return next((cast("tuple[int, str]", (one["turn"], one["cell"])) for one in origins if "cell" in one), None)


def _found(run: object) -> Path:
    if not isinstance(run, str | Path | None):
        kind = type(run).__name__
        raise ConfigError(f"a run's name or its folder is needed, not a {kind}; a Completion has its `run_id`")
    path = runs.find(None if run is None else str(run))
    if runs.is_running(path):
        raise ConfigError(f"the run {path.name} is under way: stop it first, or wait for its end")
    return path.resolve()


def _started(
    engine: RLM, records: Sequence[Record], playback: Playback, options: Mapping[str, Any], *, live: bool = False
) -> Run:
    record = records[0]
    question, restored = record.begin.question, None
    earlier = before(record.begin, record.path.parent)
    value = options["context"] if "context" in options else _input(record)
    if not is_alone(record.begin):
        assert playback.origin is not None
        restored = Restored(record, earlier, _unasked(engine, record.begin), value, playback.origin, live=live)

    async def work(run: Run) -> Completion:
        if restored is None:
            return await Execution(engine.setup, run, question, playback).main(value)
        try:
            completion = await Execution(engine.setup, run, question, playback, restored).main(value)
        except BaseException:
            with suppress(SandboxError):
                await restored.close()
            raise
        try:
            await restored.close()
        except SandboxError as error:  # the answer is there all the same
            reason = f"{completion.reason}; {error}".removeprefix("; ")
            return replace(completion, status="failed" if completion.status == "failed" else "partial", reason=reason)
        return completion

    return Run(work, events=True)


def _unasked(engine: RLM, begin: RunBegin) -> Setup:
    """What questions before one are run again with: nobody is asked, and nothing is kept of it."""
    models, pool = _recorded(begin)
    profile, name = engine.setup.profile, begin.setup.get("profile")  # a fork's is that of its own question
    if name is None or name in profiles.shipped():
        profile = None if name is None else profiles.find(str(name))
    return replace(
        engine.setup,
        profile=profile,
        model=models["model"],
        sub_model=models["sub_model"],
        sub_models=pool,
        approve=_allow if begin.setup.get("approve") else None,  # what was refused is served
        confirm=None,
        trace=False,
        verbose=False,
        kept=None,
        keep=None,
        tracer=None,
    )


def _recorded(begin: RunBegin) -> tuple[dict[str, LM], dict[str, LM]]:
    """The models of a run, as `_told_models` has them, and those that cells may name: none of them is ever asked."""
    models: dict[str, LM] = {name: _Recorded(told) for name, told in _told_models(begin).items()}
    return models, {name.partition(":")[2]: lm for name, lm in models.items() if name.startswith("pool:")}


def _input(record: Record) -> object:
    """What the run's input was, to be loaded again.

    Raises:
        ConfigError: It is not in the trace, or not as it was.
        ContextError: A file of it, or the trace that has it, is not there any more.
    """
    begin = cast(RunBegin, record.load(0))
    return value_of(source_of(begin, record.path.parent), begin.digest, begin.run_id)


def _engine(path: Path, begin: RunBegin, limits: Limits | None, given: Mapping[str, Any]) -> RLM:
    """An engine as that of the run in `path` was, but for what is given.

    Raises:
        ConfigError: Something of it can't be made again, and is not given; says what.
    """
    options = {name: value for name, value in given.items() if name != "context"}
    described = begin.setup
    told = _told_models(begin)
    options.setdefault("model", None)
    if options["model"] is None:
        options["model"] = _model("model", told["model"])
        if told["sub_model"] == told["model"]:
            options.setdefault("sub_model", options["model"])
    root = options["model"]
    if "sub_model" not in options:
        same = told["sub_model"]["name"] == getattr(root, "name", root)
        options["sub_model"] = root if same else _model("sub_model", told["sub_model"])
    if "sub_models" not in options:
        pool = {name.partition(":")[2]: one for name, one in told.items() if name.startswith("pool:")}
        options["sub_models"] = {name: _model(f"sub_models[{name!r}]", one) for name, one in pool.items()}
    _check_given(described, options)
    if described.get("approve") and options["approve"] is None:
        options["approve"] = _allow  # what was refused then was asked: it has to be asked for again to be refused
    options.setdefault("sandbox", begin.sandbox)
    if path.parent != runs.folder():
        options.setdefault("trace", path.parent)
    if begin.sitting is not None and is_alone(begin):
        options.setdefault("route", "never")  # as in its session
    for name in ("route", "profile", "once", "require"):
        if described.get(name) is not None:
            options.setdefault(name, described[name])
    options["limits"] = limits or limits_of(begin)
    check_limits(options["limits"])
    return RLM(**options)


def _allow(estimate: Estimate) -> Decision:
    return "allow"


_GIVEN = {"tools": "`tools`, or --mcp", "values": "`values`", "sandbox": "`sandbox`, or the same flags again"}


def _check_given(described: Mapping[str, JSON], options: Mapping[str, Any]) -> None:
    """Refuses to go on without what the run had and a trace can't hold.

    Raises:
        ConfigError: Something is not given; says what.
    """
    for name, where in (("tools", "tools"), ("values", "values"), ("sandbox_options", "sandbox")):
        if (had := described.get(name)) and where not in options:
            shown = ", ".join(map(str, cast("list[JSON]", had)))
            what = "options of its sandbox" if where == "sandbox" else name
            raise ConfigError(f"the run had {what} ({shown}), which its trace can't hold: give {_GIVEN[where]}")
    if described.get("redact") and "redact" not in options:
        raise ConfigError(
            "the run's trace was redacted: give `redact` from Python (None: it is not redacted from here on)"
        )
    if described.get("approve") and "approve" not in options:
        raise ConfigError(
            "the run had a policy for its sub-calls: give `approve` (None: all are allowed), or --confirm-above"
        )
    profile = described.get("profile")
    if profile is not None and profile not in profiles.shipped() and "profile" not in options:
        raise ConfigError(f"the run had a profile of yours, {profile}: give its folder as `profile`")


def begin_of(run: str | Path | None = None) -> RunBegin:
    """How a run began.

    Raises:
        ConfigError: There is no such run, or it was killed before its first event.
        TraceError: Its trace can't be read.
    """
    path = runs.find(None if run is None else str(run))
    first = one_event(path)
    if not isinstance(first, RunBegin):
        raise ConfigError(f"the run in {path} was killed before its first event: there is nothing to go on from")
    return first


def _told_models(begin: RunBegin) -> dict[str, dict[str, JSON]]:
    """What the trace says of the run's models: `model`, `sub_model`, and `pool:NAME` of each that cells may name.

    Raises:
        ConfigError: It says nothing, as that of a run which was imported.
    """
    setup = cast("dict[str, dict[str, JSON]]", begin.setup)
    if not {"model", "sub_model", "sub_models"} <= setup.keys():
        raise ConfigError(f"the trace of {begin.run_id} does not say how its run was set up: it can't be made again")
    told = {"model": setup["model"], "sub_model": setup["sub_model"]}
    pool = cast("dict[str, dict[str, JSON]]", setup["sub_models"])
    return told | {f"pool:{name}": one for name, one in pool.items()}


def _model(option: str, told: Mapping[str, JSON]) -> LM:
    """The model that a trace tells of, made again from its name and settings.

    Raises:
        MissingKeyError: It needs a key that is not set.
        ConfigError: It can't be, or it would be asked at another place.
    """
    name = cast(str, told["name"])
    try:
        lm = resolve(name)
        settings = cast("dict[str, JSON]", told["settings"])
        if cast("dict[str, JSON]", setups.told(lm)["settings"]) != settings:
            lm = resolve(name, **{key: value for key, value in settings.items() if key not in _NO_OPTION})
    except MissingKeyError:
        raise
    except ConfigError as error:
        raise ConfigError(
            f"the run's model {name} can't be made again from its name ({error}): give `{option}`"
        ) from error
    now = setups.told(lm)
    if now["host"] != told["host"]:
        raise ConfigError(
            f"the run's model {name} was asked at {told['host']}, and now would be at {now['host']}: give `{option}`"
        )
    if lm.price is None and isinstance(told["price"], dict):
        lm = priced(lm, _price(told["price"]))
    return lm


def _price(told: Mapping[str, Any]) -> Price:
    over = told.get("over")
    tier = (over[0], _price(over[1])) if over else None
    return replace(Price(**{**told, "over": None}), over=tier)


def _check_same(begin: RunBegin, engine: RLM) -> None:
    """Refuses models with other names than those that were asked: that is a fork.

    Raises:
        ConfigError: One has another name.
    """
    for option, had, lm in (
        ("model", begin.model, engine.setup.model),
        ("sub_model", begin.sub_model, engine.setup.sub_model),
    ):
        if lm.name != had:
            raise ConfigError(f"{option} is {lm.name}, and the run asked {had}: to go on with another, fork it")


class _Recorded:
    """A model that is never asked, with what a trace tells of it."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.name: str = told["name"]
        self.window: int | None = told["window"]
        self.price: Price | None = _price(told["price"]) if told["price"] else None
        self.settings: Mapping[str, JSON] = told["settings"]

    async def complete(self, request: Request) -> Reply:
        """Nobody answers."""
        raise AssertionError("a replay asks no model")
