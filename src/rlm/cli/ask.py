"""`rlm ask`: one question about files, folders or standard input."""

from __future__ import annotations

import json as json_text
import math
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from rlm import config
from rlm.cli import exit_codes
from rlm.cli.confirm import ConfirmAbove
from rlm.cli.paths import given, is_piped
from rlm.cli.sandbox_flags import NO_FLAGS, SandboxFlags
from rlm.context.describe import is_empty, not_loaded
from rlm.engine import RLM
from rlm.errors import ConfigError, ContextError, RlmError
from rlm.live import LiveTree
from rlm.lms import default_model, default_sub_model
from rlm.lms.base import Price
from rlm.route import Route
from rlm.run import Run
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.options import Sandbox
from rlm.terminal import dollars, one_line, visible
from rlm.trace.events import Event, RunBegin, RunEnd
from rlm.trace.reader import TraceError, one_event
from rlm.types import JSON, Completion, Limits

if TYPE_CHECKING:
    from rlm.cli.view import Beside
    from rlm.mcp import MCPServer


_WHICH = 300  # characters on what was not loaded


class Listener(Protocol):
    """What is told a run's events until it ends."""

    def listen(self, event: Event) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line gave; None where an option was left out."""

    model: str | None = None
    sub_model: str | None = None
    offer: tuple[str, ...] = ()
    route: str = "auto"
    sandbox: str = "local"
    flags: SandboxFlags = NO_FLAGS
    profile: str | None = None
    mcp: tuple[str, ...] = ()
    budget: float | None = None
    confirm_above: float | None = None
    price: tuple[str, ...] = ()
    timeout: float | None = None
    max_turns: int | None = None
    json: bool = False
    show_code: bool = False
    save: Path | None = None
    otel: bool = False
    view: bool = False


def run(question: str, paths: list[Path], options: Options) -> int:
    """Asks, prints, and returns the exit status.

    Raises:
        RlmError: Nothing could be run; with `--json` it has been printed as an object.
    """
    page = opened_page() if options.view else None
    try:
        completion, interrupted = _ask(question, paths, options, page)
    except RlmError as error:
        if options.json:
            print(json_text.dumps({"status": "failed", "error": type(error).__name__, "reason": str(error)}))
        raise
    status = printed(completion, interrupted, as_object=options.json)
    keep(completion, interrupted, options.save, page)
    return status


def opened_page(folder: Path | None = None) -> Beside:
    """The page that `--view` opens, about the runs of a folder; None: of that which runs are kept in.

    Raises:
        ConfigError: It can't be served.
    """
    from rlm.cli.view import Beside

    return Beside(folder)


def keep(completion: Completion, interrupted: bool, save: Path | None, page: Beside | None) -> None:
    """What is left to do after a run: `--save` it, and serve the page of `--view` until Ctrl-C."""
    if save is not None and completion.trace is not None:
        from rlm.trace import single_file, store

        single_file.write(store.read(completion.trace), save)
    if page is not None and not interrupted:
        page.wait()


def check_save(path: Path | None) -> None:
    """Refuses a `--save` that could not be written, before anything is paid for.

    Raises:
        ConfigError: It is a folder, or in none that can be written to.
    """
    if path is not None and os.path.isdir(path):
        raise ConfigError(f"--save {path} is a folder: name a file in it")
    if path is not None and not os.access(path.parent, os.W_OK):
        raise ConfigError(f"--save {path}: {path.parent} is no folder that can be written to")


def printed(completion: Completion, interrupted: bool, *, as_object: bool) -> int:
    """Prints an answer, and how to go on where there is none or not the whole one; the exit status."""
    if as_object:
        # JSON escapes ESC, but not the C1 and bidi controls; in ASCII it escapes all of them.
        print(json_text.dumps(as_json(completion), ensure_ascii=sys.stdout.isatty()))
    elif completion.status != "failed":
        print(visible(completion.response) if sys.stdout.isatty() else completion.response)
    if completion.trace is not None and completion.status != "done" and _can_go_on(completion.trace):
        more = "" if interrupted else " (--limits raises a limit)"
        print(f"rlm: to go on from here: rlm resume {completion.run_id}{more}", file=sys.stderr)
    return exit_codes.INTERRUPTED if interrupted else exit_codes.OF_STATUS[completion.status]


def _can_go_on(trace: Path) -> bool:
    """Whether a run can be resumed: before it had its input there is nothing to go on from."""
    try:
        begin = one_event(trace)
    except TraceError:
        return False
    return isinstance(begin, RunBegin) and begin.source.get("kind") != "none"


def as_json(completion: Completion) -> dict[str, object]:
    """The object that `--json` prints."""
    fields = asdict(completion)
    fields["trace"] = None if completion.trace is None else str(completion.trace)
    fields["citations"] = _citations(completion)
    return fields


def _citations(completion: Completion) -> list[dict[str, JSON]] | None:
    """The passages that the answer quotes; None where there is no trace, or no input to look for them in."""
    if completion.trace is None:
        return None
    try:
        return [citation.to_json() for citation in completion.citations]
    except (ContextError, TraceError):
        return None


def follow(run: Run, live: Listener) -> tuple[Completion, bool]:
    """Waits for a run's end while it is drawn; Ctrl-C ends it early, keeping what it has.

    Returns:
        The completion, and whether it was interrupted.
    """
    interrupted = False
    try:
        try:
            for event in run:
                live.listen(event)
        except KeyboardInterrupt:
            interrupted = True
            run.stop()
            for event in run:
                live.listen(event)
        return run.result(), interrupted
    finally:
        live.close()


def _ask(question: str, paths: list[Path], options: Options, page: Beside | None) -> tuple[Completion, bool]:
    if not question.strip():
        raise ConfigError("the question is empty")
    sandbox = options.flags.sandbox(options.sandbox)
    if options.sandbox == "local" and options.route != "always":
        find_launcher("local").prepare()  # it starts beside the imports of the model's client and the input's loading
    if not paths and is_piped():
        print("rlm: standard input is not read: to have it read, name it as the path -", file=sys.stderr)
    value = given(paths)
    check_save(options.save)
    live = LiveTree(code=options.show_code)
    above = None if options.confirm_above is None else ConfirmAbove(options.confirm_above, live)
    engine = made(options, sandbox, above)
    started = engine.stream(question) if value is None else engine.stream(question, context=value)
    shown = Noted(note_of(options, engine), live if page is None else page.with_other(live))
    completion, interrupted = follow(started, shown)
    if not live.drawn:
        print(summary(completion), file=sys.stderr)
    return completion, interrupted


def made(options: Options, sandbox: str | Sandbox, above: ConfirmAbove | None) -> RLM:
    """The engine of a command line.

    Args:
        options: What it gave.
        sandbox: Where cells run.
        above: What `--confirm-above` asks.

    Raises:
        ConfigError: Something can't be right.
    """
    if options.timeout == 0:
        raise ConfigError("--timeout 0 leaves no time: give seconds, or leave it out for as long as it takes")
    limits = Limits(usd=options.budget, seconds=options.timeout)
    if options.max_turns is not None:
        limits = replace(limits, turns=options.max_turns)
    prices = _prices(options)
    engine = RLM(
        model=options.model,
        sub_model=options.sub_model,
        sub_models=_offered(options),
        route=cast(Route, options.route),  # checked there
        sandbox=sandbox,
        require=options.flags.required(),
        profile=options.profile,
        tools=servers(options.mcp),
        limits=limits,
        prices=prices,
        approve=above.approve if above else None,
        confirm=above.confirm if above else None,
        otel=options.otel,
    )
    _check_prices(engine, options)
    return engine


def note_of(options: Options, engine: RLM) -> str:
    """What is said of the model once a run has begun; empty where a model was chosen."""
    named = options.model or os.environ.get("RLM_MODEL") or config.read().model
    if named or engine.setup.model.name != "nano":
        return ""
    return "rlm: no model configured, no key found: asking nano, the one in the box"


class Noted:
    """Prints a note above what `live` draws, once a run's sandbox is there: one that can't begin has an error alone.

    Args:
        note: The line; empty for none.
        live: What draws the run; where there is a note, it is told of the beginning with the next event.
        with_input: Whether what was not loaded of the input is told too.
    """

    def __init__(self, note: str, live: Listener, *, with_input: bool = True) -> None:
        self._note = note
        self._live = live
        self._with_input = with_input
        self._begin: RunBegin | None = None

    def listen(self, event: Event) -> None:
        """Takes the next event."""
        if isinstance(event, RunBegin):
            if is_empty(event.context) and self._with_input:
                print("rlm: the input is empty", file=sys.stderr)
            number, which = not_loaded(event.context)
            if number and self._with_input:
                print(f"rlm: not loaded, {number}: {one_line(which, _WHICH)}", file=sys.stderr)
            if self._note:
                self._begin = event
                return
        if self._begin is not None:
            if not isinstance(event, RunEnd):
                print(self._note, file=sys.stderr)
            self._live.listen(self._begin)
            self._begin = None
        self._live.listen(event)

    def close(self) -> None:
        """The run has ended."""
        self._live.close()


def servers(given: Sequence[str]) -> list[MCPServer]:
    """Each `--mcp COMMAND` or `--mcp URL`.

    Raises:
        ConfigError: One is no command.
    """
    if not given:
        return []
    from rlm.mcp import MCPServer

    found = []
    for one in given:
        if one.startswith(("http://", "https://")):
            found.append(MCPServer(url=one))
            continue
        try:
            found.append(MCPServer(shlex.split(one)))
        except ValueError as error:
            raise ConfigError(f"--mcp {one}: {error}") from None
    return found


def _offered(options: Options) -> dict[str, str]:
    """Each `--offer NAME=MODEL`."""
    for one in options.offer:
        if not all(one.partition("=")):
            raise ConfigError(f"--offer {one}: give a name and a model, like fast=openai/gpt-5-nano")
    return dict(one.split("=", 1) for one in options.offer)


def _prices(options: Options) -> dict[str, Price]:
    """Each `--price [MODEL=]IN/OUT[/CACHED[/WRITE]]`; without a model, it is of those of the run that have none."""
    root = options.model or default_model()
    sub = options.sub_model or (None if options.model else default_sub_model())
    prices: dict[str, Price] = {}
    for given_price in options.price:
        model, _, rates = given_price.rpartition("=")
        price = _price(given_price, rates)
        for name in [model] if model else filter(None, (root, sub)):
            prices[name] = price if model else prices.get(name, price)
    return prices


def _price(given_price: str, rates: str) -> Price:
    try:
        numbers = [float(part) for part in rates.split("/")]
        if not 2 <= len(numbers) <= 4 or not all(0 <= number < math.inf for number in numbers):
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"--price {given_price}: give two numbers, US dollars per million tokens in and out, like 0.25/2; "
            "a third is for input read from a cache, a fourth for input written to it"
        ) from None
    cached, written, *_ = [*numbers[2:], None, None]
    return Price(numbers[0], numbers[1], cached, written)


def _check_prices(engine: RLM, options: Options) -> None:
    """Refuses `--confirm-above` where a price is not known."""
    models = (engine.setup.model, engine.setup.sub_model, *engine.setup.sub_models.values())
    unknown = None if options.confirm_above is None else next((lm.name for lm in models if lm.price is None), None)
    if unknown is not None:
        raise ConfigError(
            f"the price of {unknown} is not known, so --confirm-above can't tell what costs more: give --price IN/OUT"
        )


def summary(completion: Completion) -> str:
    """One line on how a run ended and what it used, for where no tree was drawn."""
    turns = f"{completion.turns} turn{'' if completion.turns == 1 else 's'}"
    line = (
        f"rlm: {completion.status}: {turns}, {completion.usage.tokens:,} tokens, {dollars(completion.cost)}, "
        f"{completion.seconds:.1f} s"
        + (f", {completion.reused:,} sub-calls answered without asking" if completion.reused else "")
        + ("" if completion.trace is None else f", run {completion.run_id}")  # that of a replay is on no disk
    )
    return line + (f"\nrlm: {visible(completion.reason)}" if completion.reason else "")
