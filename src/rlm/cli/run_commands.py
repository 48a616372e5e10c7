"""The commands about saved runs, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm.cli import exit_codes


def names() -> list[str]:
    """What a shell completes a run's name with."""
    from rlm.trace import runs

    return [*runs.names(runs.folder()), "last"]


Run = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        autocompletion=names,
        help="A run's name or the start of it, last, its folder, or a saved file; the last run if left out.",
    ),
]


def show(
    run: Run = None,
    turn: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only that turn of the root, whole.")] = None,
) -> int:
    """Show a saved run as a tree, after a crash too."""
    from rlm.cli import show

    return show.run(run, turn)


def list_runs(
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="Only these: done, partial, failed, running or killed.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", metavar="TEXT", help="Only with such a model.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Only from then on: 2026-11-20, or an age such as 12h or 3d.")
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Only with that in the question.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="List so many at most.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Drop old runs instead: as they are kept by default, or as the next two say."),
    ] = False,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="With --prune: those whose last event is older, such as 30d.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="With --prune: so many of the latest stay.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --prune: only say which it would be.")] = False,
) -> int:
    """List saved runs and what they take on disk, or drop old ones."""
    from rlm.cli import runs
    from rlm.errors import ConfigError

    if prune:
        return runs.prune(older_than, keep, dry_run=dry_run)
    if older_than is not None or keep is not None or dry_run:
        raise ConfigError("--older-than, --keep and --dry-run say what --prune drops: add it")
    return runs.list_runs(runs.Filter(status, model, since, text), limit, as_json=json)


def export(
    run: Run = None,
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="html (one page), json, openai-messages, reference-jsonl, or otel (spans to a collector).",
        ),
    ] = "html",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file; standard output unless given, where that is no terminal."
        ),
    ] = None,
    with_input: Annotated[
        bool | None,
        typer.Option(
            "--with-input/--without-input",
            help="Of html: hold the text of the input, or none of it; else a short one, or what was read of it.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Write a run in another format."""
    from rlm.cli import export

    return export.export(run, to, output, with_input)


def import_log(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A .jsonl log of the reference system.")],
) -> int:
    """Make runs of a log of the reference system, for rlm show and rlm view."""
    from rlm.cli import export

    return export.import_log(path)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for name, command in (("show", show), ("runs", list_runs), ("export", export), ("import", import_log)):
        app.command(name, epilog=exit_codes.HELP)(command)
