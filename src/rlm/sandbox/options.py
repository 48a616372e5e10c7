"""`Sandbox`: where cells run, and the options that mean the same everywhere. What a launcher can't keep, it refuses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rlm.errors import ConfigError

# What a launcher may enforce. `time`: a cell that is past its seconds is ended, with all that it started. `cpu`: CPU
# seconds of its threads and processes are counted too, or are those of a machine that is nobody else's.
PROPERTIES = ("files", "network", "memory", "time", "cpu", "processes", "disk")
# Which launchers keep an option, strongest isolation first; a refusal names them. `env` all keep.
KEPT_BY: Mapping[str, tuple[str, ...]] = {
    "image": ("docker", "kubernetes", "modal", "e2b", "daytona", "prime"),
    "packages": ("docker", "bubblewrap", "kubernetes", "modal", "e2b", "daytona", "prime", "local", "wasm", "ssh"),
    "cpus": ("docker", "bubblewrap", "kubernetes", "modal", "daytona", "prime", "local", "wasm", "ssh"),
    "disk_mb": ("docker", "bubblewrap", "kubernetes", "daytona", "prime", "local", "wasm", "ssh"),
    "files": ("docker", "bubblewrap", "local", "wasm", "ssh", "kubernetes", "modal", "e2b", "daytona", "prime"),
    "output": ("docker", "bubblewrap", "local", "wasm", "ssh", "kubernetes", "modal", "e2b", "daytona", "prime"),
    "network": ("modal", "e2b", "daytona", "prime"),
}

_FILE_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,99}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
# By name alone: of a path or a URL, pip would run the source, even where it is told to take wheels alone.
_REQUIREMENT = re.compile(r"[A-Za-z0-9][^\s;@|&<>`$\\'\"/:]*([<>=!~][^\s;@|&`$\\'\"/:]+)?", re.ASCII)


@dataclass(frozen=True)
class Sandbox:
    """Where cells run, and what they have there: `RLM(sandbox=Sandbox("docker", image="python:3.13-slim"))`.

    Memory and the seconds of a cell are `Limits.memory_mb` and `Limits.cell_seconds`, in every sandbox.

    Args:
        name: The launcher's name.
        image: The image to run, where there are images: one with Python 3.8 or newer. Not together with `packages`.
        packages: Requirements by name, such as `"numpy>=2"`, installed where the sandbox is made; they go before what
            is there. No paths and no URLs.
        cpus: CPUs that a worker may use at once.
        disk_mb: MiB that may be written, where a sized file system can be had.
        files: Files or folders that cells may read; a cell finds the path of each in `files[name]`.
        output: A folder on this machine. What cells write into `output_folder` is in it when the run has ended.
        env: Variables of the workers' environment; the host's own are never in it.
        network: Hosts that cells may reach; none by default.
        options: The launcher's own options, such as `{"runtime": "runsc"}`; its page in docs/launchers has them.

    Raises:
        ConfigError: An option can't be right. Which ones a launcher keeps is checked when it is made.
    """

    name: str = "local"
    image: str | None = None
    packages: tuple[str, ...] = ()
    cpus: float | None = None
    disk_mb: int = 256
    files: Mapping[str, Path] = field(default_factory=dict)
    output: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # a key may be among them
    network: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # a host's password may be in it

    def __post_init__(self) -> None:
        for name in ("packages", "network"):
            given = getattr(self, name)
            if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
                raise ConfigError(f"{name} takes a list of str, not {type(given).__name__}")
            object.__setattr__(self, name, tuple(given))
        for name in ("files", "env", "options"):
            if not isinstance(getattr(self, name), Mapping):
                raise ConfigError(f"{name} takes names and their values, not {type(getattr(self, name)).__name__}")
        if self.output is not None:
            object.__setattr__(self, "output", _path("output", self.output))
        files = {name: _path(f"files[{name!r}]", path) for name, path in self.files.items()}
        object.__setattr__(self, "files", files)
        self._check()

    def given(self) -> list[str]:
        """The names of the options that were given."""
        return [name for one in fields(self) if (name := one.name) != "name" and _is_set(self, name)]

    def _check(self) -> None:
        if not isinstance(self.name, str):
            raise ConfigError(f"a sandbox is named by a str, such as 'docker', not {self.name!r}")
        if self.image is not None and self.packages:
            raise ConfigError("image and packages exclude each other: put the packages into the image")
        if self.image is not None and (not isinstance(self.image, str) or not self.image):
            raise ConfigError(f"image is an image's name, not {self.image!r}")
        if self.cpus is not None and not (type(self.cpus) in (int, float) and 0 < self.cpus <= 4096):
            raise ConfigError(f"cpus must be above 0, not {self.cpus!r}")
        if type(self.disk_mb) is not int or not 1 <= self.disk_mb <= 2**30:
            raise ConfigError(f"disk_mb must be a whole number, 1 or more, not {self.disk_mb!r}")
        patterns = {
            "packages": (_REQUIREMENT, "a requirement such as 'numpy>=2'"),
            "network": (_HOST, "a host's name"),
            "files": (_FILE_NAME, "a name of letters, digits and ._-"),
            "env": (_VARIABLE, "a variable's name"),
            "options": (_VARIABLE, "an option's name"),
        }
        for name, (pattern, meant) in patterns.items():
            for one in getattr(self, name):
                if not isinstance(one, str) or not pattern.fullmatch(one):
                    raise ConfigError(f"{name} has {one!r}, which is not {meant}")
        for variable, value in self.env.items():
            if not isinstance(value, str) or "\0" in value:
                raise ConfigError(f"env[{variable!r}] must be a str without NUL")
        for name, path in self.files.items():
            if not os.path.exists(path):
                raise ConfigError(f"files[{name!r}] is not there: {path}")
        if self.output is not None and os.path.exists(self.output) and not os.path.isdir(self.output):
            raise ConfigError(f"output must be a folder, and {self.output} is none")


def refuse_unkept(
    sandbox: Sandbox,
    keeps: set[str] | frozenset[str],
    own: tuple[str, ...] = (),
    instead: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Refuses what a launcher can't keep; every launcher calls it when it is made.

    Args:
        sandbox: What the user asks for.
        keeps: The options that the launcher keeps, of `KEPT_BY`'s.
        own: The names of the launcher's own options.
        instead: Why not, and what to do about it without another launcher, for some of the rest.

    Raises:
        ConfigError: Names the option, the launcher, and launchers that can.
    """
    for given in fields(Sandbox):
        name = given.name
        if name not in KEPT_BY or name in keeps or not _is_set(sandbox, name):
            continue
        others = [other for other in KEPT_BY[name] if other != sandbox.name]
        why = f": {instead[name]}" if name in instead else ""
        raise ConfigError(f"the sandbox {sandbox.name!r} can't keep `{name}`{why}; one that can: {', '.join(others)}")
    if unknown := sorted(set(sandbox.options) - set(own)):
        there = f"it has {', '.join(own)}" if own else "it has none of its own"
        raise ConfigError(f"the sandbox {sandbox.name!r} has no option {', '.join(unknown)}; {there}")


def whole_cpus(sandbox: Sandbox) -> int | None:
    """`cpus` where workers are kept to so many by the scheduler, which knows no fractions; None where it is not given.

    Raises:
        ConfigError: It is no whole number.
    """
    if sandbox.cpus is None:
        return None
    if sandbox.cpus != int(sandbox.cpus):
        raise ConfigError(f"the sandbox {sandbox.name!r} keeps a whole number of `cpus`, not {sandbox.cpus:g}")
    return int(sandbox.cpus)


def _path(what: str, given: object) -> Path:
    if not isinstance(given, str | os.PathLike) or not given:
        raise ConfigError(f"{what} is a path, not {given!r}")
    return Path(given).absolute()


def _is_set(sandbox: Sandbox, name: str) -> bool:
    value = getattr(sandbox, name)
    return bool(value != Sandbox.disk_mb if name == "disk_mb" else value)
