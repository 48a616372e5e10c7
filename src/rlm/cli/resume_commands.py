"""The commands that make a run from an earlier one, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from rlm.cli import exit_codes, run_commands
from rlm.cli.sandbox_flags import NO_FLAGS, SandboxFlags, takes_sandbox_flags

_Run: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="RUN", autocompletion=run_commands.names, help="A run's name or folder; else the last run."),
]
_Live: TypeAlias = Annotated[
    bool, typer.Option("--live", help="Go on where a cell goes another way than recorded, in place of stopping.")
]
_Limits: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Another limit, like usd=2 or turns=50 (none: no limit); may be repeated."),
]
_Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the answer.")]
_ShowCode: TypeAlias = Annotated[bool, typer.Option("--show-code", help="Show each cell and its output as it ends.")]
_Mcp: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="COMMAND | URL", help="A server of tools, as rlm ask was given it; may be repeated."),
]
_Profile: TypeAlias = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="A profile of yours, as rlm ask was given it.")
]
_ConfirmAbove: TypeAlias = Annotated[
    float | None, typer.Option(metavar="USD", min=0, help="Ask before sub-calls that are estimated to cost more.")
]
_Save: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the whole run to one file, for rlm show.")
]
_Otel: TypeAlias = Annotated[
    bool, typer.Option("--otel", help="Tell the run to OpenTelemetry, as the OTEL_* variables say.")
]
_View: TypeAlias = Annotated[bool, typer.Option("--view", help="Open the run in a browser while it goes on.")]
_EnvFile: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Take keys and settings from this file; none is read else.")
]


def register(app: typer.Typer) -> None:
    """Adds them to `app`."""
    for command in (resume, replay, fork):
        app.command(epilog=exit_codes.HELP)(takes_sandbox_flags(command))


def resume(
    run: _Run = None,
    live: _Live = False,
    limits: _Limits = None,
    flags: SandboxFlags = NO_FLAGS,
    mcp: _Mcp = None,
    profile: _Profile = None,
    confirm_above: _ConfirmAbove = None,
    json: _Json = False,
    show_code: _ShowCode = False,
    save: _Save = None,
    otel: _Otel = False,
    view: _View = False,
    env_file: _EnvFile = None,
) -> int:
    """Pick a run up where it was cut off; what it was answered is not asked again."""
    from rlm.cli import resume

    given = resume.Given(
        live=live,
        limits=limits or [],
        flags=flags,
        mcp=mcp or [],
        profile=profile,
        confirm_above=confirm_above,
        json=json,
        show_code=show_code,
        save=save,
        otel=otel,
        view=view,
        env_file=env_file,
    )
    return resume.resumed(run, given)


def replay(
    run: _Run = None,
    flags: SandboxFlags = NO_FLAGS,
    mcp: _Mcp = None,
    profile: _Profile = None,
    json: _Json = False,
    show_code: _ShowCode = False,
    save: _Save = None,
    otel: _Otel = False,
    view: _View = False,
) -> int:
    """Run a run's cells again without a model, up to the first difference."""
    from rlm.cli import resume

    given = resume.Given(
        flags=flags,
        mcp=mcp or [],
        profile=profile,
        json=json,
        show_code=show_code,
        save=save,
        otel=otel,
        view=view,
    )
    return resume.replayed(run, given)


def fork(
    run: _Run = None,
    at: Annotated[
        int, typer.Option(metavar="TURN", min=1, help="The turn from which it goes another way.", show_default=False)
    ] = ...,  # type: ignore[assignment]  # typer's way to say that it is required
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="MODEL", help="Another root model from there on.")
    ] = None,
    sub_model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Another model for cells to call from there on.")
    ] = None,
    limits: _Limits = None,
    edit_cell: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Run this code in that turn, in the place of the model's.")
    ] = None,
    live: _Live = False,
    flags: SandboxFlags = NO_FLAGS,
    mcp: _Mcp = None,
    profile: _Profile = None,
    confirm_above: _ConfirmAbove = None,
    json: _Json = False,
    show_code: _ShowCode = False,
    save: _Save = None,
    otel: _Otel = False,
    view: _View = False,
    env_file: _EnvFile = None,
) -> int:
    """Try another model, limit or cell from a turn on; what was before it is not asked again."""
    from rlm.cli import resume

    given = resume.Given(
        live=live,
        limits=limits or [],
        flags=flags,
        mcp=mcp or [],
        profile=profile,
        confirm_above=confirm_above,
        json=json,
        show_code=show_code,
        save=save,
        otel=otel,
        view=view,
        env_file=env_file,
    )
    return resume.forked(run, resume.Fork(at, model, sub_model, edit_cell), given)
