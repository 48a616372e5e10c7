"""`rlm chat` as the command line has it: the options of `rlm ask`, but for those that are about one answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from rlm.cli import exit_codes
from rlm.cli.sandbox_flags import NO_FLAGS, SandboxFlags, takes_sandbox_flags

_ONE_ANSWER = ("question", "paths", "route", "save", "view")


def register(app: typer.Typer, ask: Callable[..., int]) -> None:
    """Adds the command, with the options that `ask` has."""

    def chat(*, paths: list[Path] | None, flags: SandboxFlags, env_file: Path | None, **given: Any) -> int:
        """Ask one question after the other about files or folders, in one REPL: a line each, until Ctrl-D."""
        from rlm.cli import ask as asks
        from rlm.cli import chat
        from rlm.cli import env_file as variables

        if env_file is not None:
            variables.load(env_file)
        given |= {name: tuple(given[name] or ()) for name in ("offer", "mcp", "price")}
        return chat.run(paths or [], asks.Options(**given, flags=flags))

    what = typer.Argument(metavar="PATH...", help="Files or folders to ask about.")
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = inspect.Parameter("paths", kind, default=None, annotation=Annotated[list[Path] | None, what])
    flags = inspect.Parameter("flags", kind, default=NO_FLAGS, annotation=SandboxFlags)
    kept = [one for one in inspect.signature(ask).parameters.values() if one.name not in _ONE_ANSWER]
    kept = [one for one in kept if one.name not in SandboxFlags.__dataclass_fields__]
    at = next(index for index, one in enumerate(kept) if one.name == "sandbox") + 1
    chat.__signature__ = inspect.Signature([own, *kept[:at], flags, *kept[at:]])  # type: ignore[attr-defined]
    app.command("chat", epilog=exit_codes.HELP)(takes_sandbox_flags(chat))
