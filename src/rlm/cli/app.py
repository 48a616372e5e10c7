"""The commands and their options. What they do is in one file each, imported when the command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm.cli import chat_command, exit_codes, resume_commands, run_commands
from rlm.cli.sandbox_flags import NO_FLAGS, SandboxFlags, takes_sandbox_flags
from rlm.version import VERSION

app = typer.Typer(
    name="rlm",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _sandboxes() -> list[str]:
    from rlm.sandbox.launchers import LAUNCHERS

    return list(LAUNCHERS)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"rlm {VERSION}")
        raise typer.Exit


@app.callback(epilog=exit_codes.HELP, invoke_without_command=True)
def rlm(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Ask questions of inputs of any length. The input goes into a sandbox; a model writes code that reads it."""
    _help_alone(context)


def _help_alone(context: typer.Context) -> None:
    """Without a command its help is all that there is to say."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(exit_codes.USAGE)


@app.command(epilog=exit_codes.HELP)
@takes_sandbox_flags
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to find out.", show_default=False)],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH... | -", help="Files or folders to ask about; - reads standard input."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="MODEL", help="provider/name, or nano; else $RLM_MODEL.")
    ] = None,
    sub_model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="The model that cells call; the same one unless given."),
    ] = None,
    offer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=MODEL", help="Another model that cells may call by that name; may be repeated."),
    ] = None,
    route: Annotated[
        str, typer.Option(metavar="WHEN", help="A plain call without a sandbox: auto (short inputs), always or never.")
    ] = "auto",
    sandbox: Annotated[
        str,
        typer.Option(
            metavar="NAME", autocompletion=_sandboxes, help="Where the model's code runs; rlm sandbox list has them."
        ),
    ] = "local",
    flags: SandboxFlags = NO_FLAGS,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME|FOLDER", help="How the model is spoken to; by its name unless given."),
    ] = None,
    mcp: Annotated[
        list[str] | None,
        typer.Option(metavar="COMMAND|URL", help="An MCP server whose tools cells may call; may be repeated."),
    ] = None,
    budget: Annotated[float | None, typer.Option(metavar="USD", min=0, help="US dollars to spend at most.")] = None,
    confirm_above: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, help="Ask before sub-calls that are estimated to cost more."),
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[MODEL=]IN/OUT[/CACHED[/WRITE]]",
            help="US dollars per million tokens, where a price is unknown or another; may be repeated.",
        ),
    ] = None,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", min=0, help="Seconds to run at most.")] = None,
    max_turns: Annotated[int | None, typer.Option(metavar="N", min=1, help="Turns of each node at most.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the answer.")] = False,
    show_code: Annotated[bool, typer.Option("--show-code", help="Show each cell and its output as it ends.")] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the whole run to one file, for rlm show.")
    ] = None,
    otel: Annotated[
        bool, typer.Option("--otel", help="Tell the run to OpenTelemetry, as the OTEL_* variables say.")
    ] = False,
    view: Annotated[bool, typer.Option("--view", help="Open the run in a browser while it goes on.")] = False,
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take keys and settings from this file; none is read else.")
    ] = None,
) -> int:
    """Answer QUESTION about files, folders or standard input."""
    from rlm.cli import ask
    from rlm.cli import env_file as variables

    if env_file is not None:
        variables.load(env_file)
    return ask.run(
        question,
        paths or [],
        ask.Options(
            model=model,
            sub_model=sub_model,
            offer=tuple(offer or ()),
            route=route,
            sandbox=sandbox,
            flags=flags,
            profile=profile,
            mcp=tuple(mcp or ()),
            budget=budget,
            confirm_above=confirm_above,
            price=tuple(price or ()),
            timeout=timeout,
            max_turns=max_turns,
            json=json,
            show_code=show_code,
            save=save,
            otel=otel,
            view=view,
        ),
    )


@app.command(epilog=exit_codes.HELP)
def demo(
    seed: Annotated[int, typer.Option(help="Another number plants other facts.")] = 7,
) -> int:
    """Ask the model in the box five questions of ten million tokens."""
    from rlm.cli import demo

    return demo.run(seed)


@app.command(epilog=exit_codes.HELP)
def coverage(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            autocompletion=run_commands.names,
            help="A run's name, folder, or saved file; the last run if left out.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Show what of its input a run's models read, and what they never did; and check its answer's quotes."""
    from rlm.cli import coverage

    return coverage.run(run, json=json)


@app.command(epilog=exit_codes.HELP)
def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL | PROVIDER]...", help="Only these; all that is known of a provider."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take keys and settings from this file; none is read else.")
    ] = None,
) -> int:
    """List models: what they take and cost, and what is missing to ask them."""
    from rlm.cli import env_file as variables
    from rlm.cli import models

    if env_file is not None:
        variables.load(env_file)
    return models.run(names or [], as_json=json)


@app.command(epilog=exit_codes.HELP)
def doctor(
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="MODEL", help="provider/name, or nano; else $RLM_MODEL.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME|FOLDER", help="How it is spoken to; by its name unless given.")
    ] = None,
    sandbox: Annotated[
        str, typer.Option(metavar="NAME", autocompletion=_sandboxes, help="Where its code runs: local or unconfined.")
    ] = "local",
    budget: Annotated[
        float | None, typer.Option(metavar="USD", min=0, help="US dollars to spend at most; 0.05 unless given.")
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Tokens to use at most; 200,000 unless given.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=1, help="Seconds to take at most; 120 unless given.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(metavar="N", min=100, help="Tokens of the longest prompt to try; 16,384 unless given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the suggested profile there, for --profile.")
    ] = None,
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take keys and settings from this file; none is read else.")
    ] = None,
) -> int:
    """Measure a model for two minutes, and suggest a profile for it."""
    from rlm.cli import doctor
    from rlm.cli import env_file as variables

    if env_file is not None:
        variables.load(env_file)
    return doctor.run(
        doctor.Options(
            model=model,
            profile=profile,
            sandbox=sandbox,
            budget=budget,
            tokens=tokens,
            timeout=timeout,
            window=window,
            json=json,
            save=save,
        )
    )


sandbox_app = typer.Typer()
app.add_typer(sandbox_app, name="sandbox")


@sandbox_app.callback(invoke_without_command=True)
def sandboxes(context: typer.Context) -> None:
    """Which sandboxes can be had here, and what each is worth."""
    _help_alone(context)


@sandbox_app.command("list", epilog=exit_codes.HELP)
def list_sandboxes(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """List the sandboxes: which can be used here, what they enforce, and what is missing for the others."""
    from rlm.cli import sandbox

    return sandbox.show_list(as_json=json)


@sandbox_app.command("test", epilog=exit_codes.HELP)
def try_sandbox(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The sandbox.", autocompletion=_sandboxes)],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="KEY=VALUE", help="An option of it; may be repeated."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Test a sandbox: what has to work in it, and what must not. Exit status 1 if anything fails or gets out."""
    from rlm.cli import sandbox

    return sandbox.test(name, option or [], as_json=json)


@app.command(epilog=exit_codes.HELP)
def view(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="A run to begin with; else the list.", autocompletion=run_commands.names),
    ] = None,
    host: Annotated[str, typer.Option(metavar="HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0 takes a free one.")] = 0,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> int:
    """Look at runs in a browser: serves a page on this machine, and prints where it is."""
    from rlm.cli import view

    return view.run(run, host=host, port=port, open_browser=open_browser)


chat_command.register(app, ask)
resume_commands.register(app)
run_commands.register(app)
