"""The options of commands that say where cells run and what they have there: thin, they make a `Sandbox`."""

from __future__ import annotations

import functools
import inspect
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from rlm.errors import ConfigError
from rlm.sandbox.options import PROPERTIES, Sandbox
from rlm.types import JSON

_LISTS = {"packages", "network"}
_GIVEN = {"image", "packages", "cpus", "disk_mb", "network"}  # options of `Sandbox` that fit in KEY=VALUE
_CALLED = {"packages": "package", "disk_mb": "disk", "files": "file"}  # where an option is not called as its field is


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxFlags:
    """What the command line gave; None where an option was left out."""

    sandbox_option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="An option of the sandbox's own, like runtime=runsc; may be repeated."),
    ] = None
    file: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]PATH",
            help="A file or folder that cells may read, in files[NAME] (else its own name); may be repeated.",
        ),
    ] = None
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="What cells write into output_folder is there at the end.")
    ] = None
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=VALUE]",
            help="A variable that cells see; a bare NAME gives them the value that it has here; may be repeated.",
        ),
    ] = None
    require: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help=f"What the sandbox must enforce, of {', '.join(PROPERTIES)}, or none; the first four if left out; "
            "may be repeated, or a list with commas.",
        ),
    ] = None
    image: Annotated[str | None, typer.Option(metavar="IMAGE", help="The image that cells run in.")] = None
    package: Annotated[
        list[str] | None,
        typer.Option(metavar="REQUIREMENT", help="A package that cells have, like numpy>=2; may be repeated."),
    ] = None
    network: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="A host that cells may reach; none unless given; may be repeated."),
    ] = None
    cpus: Annotated[float | None, typer.Option(metavar="N", help="CPUs that a worker may use at once.")] = None
    disk: Annotated[int | None, typer.Option(metavar="MIB", help="MiB that may be written.")] = None

    def sandbox(self, name: str) -> str | Sandbox:
        """The sandbox of that name with what was given; the name alone where nothing was.

        Raises:
            ConfigError: Something can't be right, or was given twice.
        """
        common, own = read_pairs(self.sandbox_option or (), "--sandbox-option")
        given: dict[str, Any] = {
            "files": _files(self.file or ()),
            "output": self.output,
            "env": _variables(self.env or ()),
            "image": self.image,
            "packages": self.package,
            "network": self.network,
            "cpus": self.cpus,
            "disk_mb": self.disk,
        }
        given = {field: value for field, value in given.items() if value not in (None, [], {})}
        for field in given.keys() & common.keys():
            raise ConfigError(f"--{_CALLED.get(field, field)} and --sandbox-option {field}= say the same: give one")
        if not (given or common or own):
            return name
        return Sandbox(name, **common, **given, options=own)

    def required(self) -> list[str] | None:
        """What `--require` names; None where it was left out.

        Raises:
            ConfigError: Nothing is called so.
        """
        if self.require is None:
            return None
        wanted = [word.strip() for given in self.require for word in given.split(",")]
        if wanted == ["none"]:
            return []
        for word in wanted:
            if word not in PROPERTIES:
                raise ConfigError(f"--require {word}: it takes {', '.join(PROPERTIES)}, or none")
        return wanted


NO_FLAGS = SandboxFlags()


def read_pairs(given: Sequence[str], flag: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options as `KEY=VALUE`: those of `Sandbox`, and the launcher's own.

    A value is JSON where it can be read as that, and text otherwise; lists may be written with commas.

    Raises:
        ConfigError: One can't be right.
    """
    common: dict[str, Any] = {}
    own: dict[str, Any] = {}
    known = {field.name for field in fields(Sandbox)}
    for pair in given:
        key, sign, text = pair.partition("=")
        if not sign or not key:
            raise ConfigError(f"{flag} takes KEY=VALUE, not {pair!r}")
        if key in known - _GIVEN:
            raise ConfigError(f"{flag} {key}= can't be given here; {', '.join(sorted(_GIVEN))} and the launcher's can")
        try:
            value: JSON = json.loads(text)
        except ValueError:
            value = text
        if key in _LISTS and isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        (common if key in known else own)[key] = value
    return common, own


def takes_sandbox_flags(command: Callable[..., int]) -> Callable[..., int]:
    """Gives a command all options of `SandboxFlags`, in the place of its parameter `flags`, in which it gets them."""
    hints = get_type_hints(SandboxFlags, include_extras=True)
    parameters = list(inspect.signature(command, eval_str=True).parameters.values())
    at = next(index for index, one in enumerate(parameters) if one.name == "flags")
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    shown = [inspect.Parameter(name, kind, default=None, annotation=hint) for name, hint in hints.items()]

    @functools.wraps(command)
    def called(**given: Any) -> int:
        flags = SandboxFlags(**{name: given.pop(name) for name in hints})
        return command(**given, flags=flags)

    signature = inspect.Signature([*parameters[:at], *shown, *parameters[at + 1 :]])
    called.__signature__ = signature  # type: ignore[attr-defined]
    return called


def _files(given: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for one in given:
        name, sign, path = one.partition("=")
        if not sign or "/" in name:  # a path that has the sign in it
            name, path = Path(one).resolve().name, one
        if name in found:
            raise ConfigError(f"--file {one}: there is a file {name!r} already: give it another name, NAME=PATH")
        found[name] = Path(path)
    return found


def _variables(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign and name not in os.environ:
            raise ConfigError(f"--env {name}: there is no such variable here; give its value, {name}=VALUE")
        found[name] = value if sign else os.environ[name]
    return found
