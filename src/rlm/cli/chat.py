"""`rlm chat`: one question after the other about one input, in one REPL."""

from __future__ import annotations

import contextlib
import json as json_text
import sys
from collections.abc import Iterator
from pathlib import Path

from rlm.cli import exit_codes
from rlm.cli.ask import Noted, Options, follow, made, note_of, printed, summary
from rlm.cli.confirm import ConfirmAbove
from rlm.cli.paths import given
from rlm.context import check_paths
from rlm.errors import ConfigError, ContextError, RlmError, SandboxUnavailableError
from rlm.execution import check_sandbox
from rlm.live import LiveTree
from rlm.sandbox.launchers import find_launcher
from rlm.sitting import Sitting
from rlm.terminal import visible
from rlm.types import Limits

_PROMPT = "> "


def run(paths: list[Path], options: Options) -> int:
    """Answers the lines of standard input until it ends; the exit status is that of the last question.

    Ctrl-C ends a question early, and the session where none is being answered; so does a second one.

    Raises:
        RlmError: Nothing can be asked.
    """
    if Path("-") in paths:
        raise ConfigError("- would read standard input as the input, and rlm chat reads questions there: name a file")
    if sys.stdin is None:
        raise ConfigError("standard input is closed, and rlm chat reads questions there")
    sandbox = options.flags.sandbox(options.sandbox)
    if options.sandbox == "local":
        find_launcher("local").prepare()
    live = LiveTree(code=options.show_code)
    above = None if options.confirm_above is None else ConfirmAbove(options.confirm_above, live)
    value = given(paths)
    status = exit_codes.DONE
    limits = Limits(usd=options.budget)  # of all questions; the others are each one's
    engine = made(options, sandbox, above)
    check_paths(paths)  # here, and not with the first question: nobody types it for nothing
    check_sandbox(engine.setup, engine.setup.launcher.enforces())
    note = note_of(options, engine)
    with engine.session("" if value is None else value, limits=limits) as session:
        for number, question in enumerate(_questions(), 1):
            live = LiveTree(code=options.show_code)
            if above is not None:
                above.live = live
            noted = Noted(note if number == 1 else "", live, with_input=number == 1)
            status = _answered(session, question, live, noted, as_object=options.json)
    return status


def _answered(session: Sitting, question: str, live: LiveTree, noted: Noted, *, as_object: bool) -> int:
    """Asks and prints; the exit status.

    Raises:
        RlmError: No other question could be answered either.
    """
    try:
        completion, interrupted = follow(session.stream(question), noted)
    except (ConfigError, ContextError, SandboxUnavailableError):
        raise
    except RlmError as error:
        if as_object:
            told = {"status": "failed", "error": type(error).__name__, "reason": str(error)}
            print(json_text.dumps(told), flush=True)
        print(f"rlm: {visible(str(error))}", file=sys.stderr)
        return exit_codes.of_error(error)
    status = printed(completion, interrupted, as_object=as_object)
    sys.stdout.flush()
    if not live.drawn:
        print(summary(completion), file=sys.stderr)
    return status


def _questions() -> Iterator[str]:
    """The lines that are not empty, until there are no more."""
    typed = sys.stdin.isatty()
    if typed:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - lines that are typed can be edited then
    while True:
        try:
            line = _typed() if typed else sys.stdin.readline()
        except EOFError:
            print(file=sys.stderr)
            return
        if not line:
            return
        if question := line.strip():
            yield question


def _typed() -> str:
    if sys.stdout.isatty():
        return input(_PROMPT) + "\n"
    print(_PROMPT, end="", file=sys.stderr, flush=True)
    return input() + "\n"
