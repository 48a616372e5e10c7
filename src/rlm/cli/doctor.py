"""`rlm doctor`: measures a model, prints what was found, and suggests a profile."""

from __future__ import annotations

import json as json_text
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from rlm.cli import exit_codes
from rlm.doctor import Bounds, examine, plan
from rlm.doctor.findings import Findings, Plan
from rlm.doctor.suggest import as_toml
from rlm.errors import ConfigError, RlmError
from rlm.lms import default_model, resolve
from rlm.prompts import profile_file, profiles
from rlm.run_view import BAD_STYLE, GOOD_STYLE, QUIET_STYLE, console
from rlm.terminal import dollars, visible

_WIDTH = 14  # of the names of findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line gave; None where an option was left out."""

    model: str | None = None
    profile: str | None = None
    sandbox: str = "local"
    budget: float | None = None
    tokens: int | None = None
    timeout: float | None = None
    window: int | None = None
    json: bool = False
    save: Path | None = None


def run(options: Options) -> int:
    """Examines, prints, saves, and returns the exit status.

    Raises:
        RlmError: Nothing could be measured; with `--json` it has been printed as an object.
    """
    try:
        found = _examined(options)
    except RlmError as error:
        if options.json:
            print(json_text.dumps({"status": "failed", "error": type(error).__name__, "reason": str(error)}))
        raise
    if options.json:
        print(json_text.dumps({"status": "partial" if found.skipped else "done", **asdict(found)}))
    else:
        out = console(sys.stdout)
        for line in report(found):
            out.print(line)
    if options.save is not None:
        _save(found, options.save)
    return exit_codes.PARTIAL if found.skipped else exit_codes.DONE


def _examined(options: Options) -> Findings:
    if options.save is not None:
        _check_save(options.save)
    lm = resolve(options.model or default_model())
    profile = profiles.find(options.profile) if options.profile else profiles.profile_for(lm.name)
    if options.budget is not None and lm.price is None:
        raise ConfigError(
            f"the price of {lm.name} is not known, so a budget of ${options.budget:g} can't be kept: leave it out "
            f"(--tokens holds then), or give the price in the config file"
        )
    given = {"usd": options.budget, "tokens": options.tokens, "seconds": options.timeout, "window": options.window}
    bounds = Bounds(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    print(f"rlm: {visible(lm.name)}: {cost(plan(lm, profile, bounds))}", file=sys.stderr)
    return examine(lm, bounds, profile, options.sandbox)


def cost(planned: Plan) -> str:
    """One line on what it takes, for before it begins."""
    about = f"about {planned.calls} calls and {planned.tokens:,} tokens"
    bounded = f"never more than {planned.most_tokens:,} tokens, {planned.seconds:g} s"
    if planned.usd is None or planned.budget is None:
        return f"{about}, price unknown; {bounded}"
    if planned.usd == 0:
        return f"{about}, free; {bounded}"
    return f"{about}, ${planned.usd:.4f}; {bounded} and ${planned.budget:g}"


def report(found: Findings) -> Iterator[Text]:
    """The lines of the report."""
    yield Text(visible(found.model), style="bold").append(f"  with the profile {found.profile}", QUIET_STYLE)
    yield from _habits(found)
    controls = found.controls
    for name in ("max_tokens", "stop", "temperature"):
        said = getattr(controls, name)
        yield _line(name, said, {"honoured": True, "ignored": False, "refused": False}.get(said))
    yield _line("window", _window(found))
    yield _line("rate", _rate(found))
    speed = found.speed
    if speed.reply_seconds is not None:
        each = f", {speed.tokens_per_second:g} tokens a second" if speed.tokens_per_second else ""
        yield _line("speed", f"{speed.reply_seconds:g} s to a short reply{each}")
    yield _line("took", f"{found.calls} calls, {found.tokens:,} tokens, {dollars(found.usd)}, {found.seconds:.1f} s")
    for name, why in found.skipped.items():
        yield _line("not measured", f"{name}: {visible(why)}", False)
    for advice in found.advice:
        yield _line("so", visible(advice))
    if found.suggested:
        yield Text("\nprofile.toml (--save FOLDER writes it):", style=QUIET_STYLE)
        yield Text(as_toml(found).rstrip())


def _habits(found: Findings) -> Iterator[Text]:
    habits = found.habits
    if not habits.replies:
        return
    runs = f"{habits.right} of {habits.runs} right, {habits.answered} by code, cells: {habits.cells}"
    yield _line("answers", runs, habits.right == habits.runs == habits.answered)
    fences = [f"```{fence or '(no mark)'} {count}" for fence, count in sorted(habits.fences.items())]
    if habits.unfenced:
        fences.append(f"none {habits.unfenced}")
    yield _line("fence", visible(", ".join(fences)), not habits.unfenced)
    yield _line("one cell", _of(habits.several_cells, habits.replies, "go on to another"), not habits.several_cells)
    yield _line("no inventing", _of(habits.invented, habits.replies, "invent the output"), not habits.invented)
    if habits.bare_finals:
        yield _line("bare FINAL", f"{habits.bare_finals} without code", False)
    if habits.repeated:
        yield _line(
            "loops", f"{habits.repeated} cells again" + (": it loops" if habits.loops else ""), not habits.loops
        )
    if habits.sub_calls:
        yield _line("sub-calls", f"{habits.sub_calls} for questions that need none", False)
    if found.thinking_tokens or habits.thought or found.thinking_cut:
        text = f", in the text of {habits.thought} replies" if habits.thought else ""
        cut = f", cut off {found.thinking_cut} times" if found.thinking_cut else ""
        yield _line("thinking", f"{found.thinking_tokens:,} tokens reported{text}{cut}")
    if not habits.system_role:
        yield _line("system", "its endpoint refuses a system message", False)
    for reason in habits.reasons:
        yield _line("a run ended", visible(reason), False)


def _of(count: int, whole: int, what: str) -> str:
    return f"{count} of {whole} replies {what}" if count else f"all {whole} replies"


def _window(found: Findings) -> str:
    window = found.window
    listed = f" ({window.listed:,} listed)" if window.listed is not None and window.listed != window.tokens else ""
    if window.tokens is None:
        return f"not tried{listed}"
    how = {
        "told": "as its endpoint says",
        "found": "found by trying",
        "cut": "what is longer is cut without a word",
        "at_least": "or more: longer prompts were not tried",
        "unknown": "",
    }[window.how]
    return f"{window.tokens:,} tokens, {how}{listed}"


def _rate(found: Findings) -> str:
    rate = found.rate
    limits = ", ".join(f"{count:,} {name}" for name, count in rate.limits.items()) or "no limit told"
    if rate.before_refusal is None:
        return f"{limits}; {rate.answered} of {rate.at_once} calls at once answered"
    wait = f", asked to wait {rate.retry_after:g} s" if rate.retry_after is not None else ""
    return f"{limits}; refused (429) {rate.refused} times, first after {rate.before_refusal} answers{wait}"


def _line(name: str, text: str, good: bool | None = None) -> Text:
    style = "" if good is None else GOOD_STYLE if good else BAD_STYLE
    return Text(f"  {name:<{_WIDTH}}", QUIET_STYLE).append(text, style)


def _check_save(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--save {folder}: it is a file; give a folder, which rlm ask --profile then takes")
    near = folder if folder.is_dir() else folder.parent
    if not os.access(near, os.W_OK):
        raise ConfigError(f"--save {folder}: {near} is no folder that can be written to")
    if (folder / profile_file.FILE).exists():
        raise ConfigError(f"--save {folder}: there is a {profile_file.FILE} already")


def _save(found: Findings, folder: Path) -> None:
    if not found.suggested:
        print("rlm: the profile that it has fits: nothing was saved", file=sys.stderr)
        return
    folder.mkdir(exist_ok=True)
    (folder / profile_file.FILE).write_text(as_toml(found), encoding="utf-8")
    print(f"rlm: saved {folder / profile_file.FILE}: use it with --profile {folder}, or as `profile`", file=sys.stderr)
