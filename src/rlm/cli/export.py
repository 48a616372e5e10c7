"""`rlm export` and `rlm import`: runs in other formats."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rlm.cli import exit_codes, show
from rlm.errors import ConfigError
from rlm.terminal import visible
from rlm.trace import runs
from rlm.trace.events import RunBegin
from rlm.trace.reader import Reader
from rlm.trace.store import Trace, new_run_id
from rlm.trace.tree import RunTree

FORMATS = ("html", "json", "openai-messages", "reference-jsonl", "otel")


def export(name: str | None, to: str, output: Path | None, with_input: bool | None = None) -> int:
    """Writes a run in another format, to a file that its owner alone can read, or to standard output.

    Args:
        name: As `rlm show` takes it.
        to: The format; `otel` sends spans to where the OTEL_* variables say.
        output: The file; `-` for standard output, and None where that is no terminal.
        with_input: Whether a page holds the text of the input; None: a short one, or what was read of it.

    Raises:
        ConfigError: There is no such run or format, the file can't be written, or none is given on a terminal.
        TraceError: The trace can't be read.
        ContextError: The input is to be in it, and is gone or has changed.
    """
    if to not in FORMATS:
        raise ConfigError(f"--to is one of {', '.join(FORMATS)}: not {to!r}")
    if with_input is not None and to != "html":
        raise ConfigError("--with-input and --without-input are for --to html")
    if to == "otel":
        return _send(name)
    if output is None and sys.stdout.isatty():
        raise ConfigError(f"a whole run as {to} is not for a terminal: give -o FILE (-o - writes it here)")
    pieces = [_page(name, with_input)] if to == "html" else _pieces(name, to)
    if output is None or str(output) == "-":
        for piece in pieces:
            sys.stdout.write(piece)
        return exit_codes.DONE
    try:
        fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.writelines(pieces)
    except OSError as error:
        raise ConfigError(f"the run can't be exported to {output}: {error.strerror}") from error
    return exit_codes.DONE


def import_log(path: Path) -> int:
    """Makes runs of a log of the reference system, and prints their names.

    Raises:
        TraceError: It is no such log.
    """
    from rlm.trace.exports import reference_import

    for began, events in list(reference_import.runs(path)):
        run_id = new_run_id(began)
        trace = Trace(run_id, runs.folder() / run_id)
        for event in events:
            trace.emit(replace(event, run_id=run_id) if isinstance(event, RunBegin) else event)
        trace.close()
        if trace.failure is not None:
            raise ConfigError(trace.failure)
        print(run_id)
    return exit_codes.DONE


def _page(name: str | None, with_input: bool | None) -> str:
    from rlm.viewer.one_file import html

    if name is None or not os.path.isfile(name):
        return html(runs.find(name), with_input)
    with TemporaryDirectory(prefix="rlm-") as folder:  # of a run that was saved to one file, a trace is made again
        trace = Trace(Path(name).name, Path(folder) / Path(name).name)
        for event in show.events(name):
            trace.emit(event)
        trace.close()
        return html(Path(folder) / Path(name).name, with_input)


def _pieces(name: str | None, to: str) -> Iterable[str]:
    events = show.events(name)
    run = RunTree(events)
    if run.begin is None:
        raise ConfigError(f"the run {name or 'before'} was killed before its first event")
    if to == "json":
        from rlm.trace.exports import json

        return json.export(run, events.reason if isinstance(events, Reader) else "")
    if to == "openai-messages":
        from rlm.trace.exports import openai_messages

        return openai_messages.export(run)
    from rlm.trace.exports import reference

    return reference.export(run)


def _send(name: str | None) -> int:
    from rlm.trace import spans

    provider = spans.provider()
    count = spans.send(show.events(name), provider)
    flush = getattr(provider, "force_flush", None)
    if (flush is not None and not flush()) or spans.lost():
        raise ConfigError("the spans could not be sent: is a collector there, as OTEL_EXPORTER_OTLP_ENDPOINT says?")
    print(visible(f"{count:,} spans sent"), file=sys.stderr)
    return exit_codes.DONE
