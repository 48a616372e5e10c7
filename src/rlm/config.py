"""The user's config file: keys, the models to use by default, prices, options of models, presets of one's own.

It is TOML, at `$RLM_CONFIG` (an absolute path) or `rlm/config.toml` in the platform's folder for such files. It is
never looked for in the working folder: a file that came with somebody's project could send a key elsewhere.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlm.errors import ConfigError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Where a table of the file may hold a key.
_SECRET = {"api_key", "headers"}
_NAMES = ("model", "sub_model")
_TABLES = ("keys", "prices", "options", "presets", "trace")
_KEEP = ("keep_days", "keep_gb")  # what `[trace]` may say


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says; all of it may be empty.

    Attributes:
        path: The file; None if there is none.
        model: The root model where none is named.
        sub_model: The model that cells call, where neither is named.
        keys: Variable -> key, for variables that the environment lacks. Not shown by `repr`.
        prices: Model -> fields of a `Price`, in US dollars per million tokens.
        options: Model or provider -> options of its client. Not shown by `repr`.
        presets: Name -> fields of a preset. Not shown by `repr`.
        trace: `keep_days` and `keep_gb`: how long traces are kept.
    """

    path: Path | None = None
    model: str | None = None
    sub_model: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    prices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    trace: Mapping[str, float] = field(default_factory=dict)


def default_path() -> Path:
    """Where the file is: `$RLM_CONFIG`, or `rlm/config.toml` in the platform's folder for config files.

    Raises:
        ConfigError: `$RLM_CONFIG` is no absolute path: it would name another file in each working folder.
    """
    if named := os.environ.get("RLM_CONFIG"):
        path = Path(named).expanduser()
        if not path.is_absolute():
            raise ConfigError(f"RLM_CONFIG must be an absolute path, not {named!r}")
        return path
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "rlm" / "config.toml"
    folder = Path(os.environ.get("APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME", ""))
    # A relative one is to be ignored, says the XDG base directory specification.
    return (folder if folder.is_absolute() else Path.home() / ".config") / "rlm" / "config.toml"


def read() -> Config:
    """What the user's file says; an empty `Config` where there is no file.

    Raises:
        ConfigError: It can't be read, is not TOML, has a name or a kind of value that it can't have, or others may
            write it, or read a key in it. The message never has a value of the file.
    """
    path = default_path()
    try:
        with path.open("rb") as file:
            text, mode = file.read(), os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        if os.environ.get("RLM_CONFIG"):
            raise ConfigError(f"RLM_CONFIG names {path}, which does not exist") from None
        return Config()
    except OSError as error:
        raise ConfigError(f"the config file {path} can't be read: {error.strerror}") from error
    value = _parsed(path, text)
    _check_mode(path, mode, value)
    return Config(path, **value)


def variable(name: str) -> str:
    """The value of a variable: the environment's, else the one in the config file's `[keys]`; empty if neither has it.

    Raises:
        ConfigError: It is not in the environment, and the config file can't be used.
    """
    return os.environ.get(name) or read().keys.get(name, "")


def _parsed(path: Path, text: bytes) -> dict[str, Any]:
    """The file's names and tables, each of the kind that it must be."""
    import tomllib

    try:
        value = tomllib.loads(text.decode())
    except ValueError as error:  # its words may quote the file, and so a key: only the place is told
        place = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
        where = f", {place[1]}" if place else ""
        # `from None`: a traceback would quote what the words do.
        raise ConfigError(f"the config file {path} is not TOML in UTF-8{where}") from None
    if unknown := sorted(value.keys() - {*_NAMES, *_TABLES}):
        there = ", ".join((*_NAMES, *(f"[{name}]" for name in _TABLES)))
        # A key that stands in the wrong place is not repeated.
        shown = f" {unknown[0]!r}" if re.fullmatch("[a-z_]{1,20}", unknown[0]) else " a name"
        raise ConfigError(f"the config file {path} has{shown} that means nothing there; there is: {there}")
    for name in value:
        kind = str if name in _NAMES else dict
        if not isinstance(value[name], kind):
            raise ConfigError(f"the config file {path}: {name} must be a {'string' if kind is str else 'table'}")
    for variable in value.get("keys", {}):
        if not _VARIABLE.fullmatch(variable):  # it may be a key, put before the equals sign: not repeated
            raise ConfigError(f"the config file {path}: [keys] has lines like OPENAI_API_KEY = '...'")
    for entry, given in value.get("trace", {}).items():
        if entry not in _KEEP or isinstance(given, bool) or not isinstance(given, int | float):
            raise ConfigError(f"the config file {path}: [trace] has lines like keep_days = 30; there is: {_KEEP}")
    for name in _TABLES[:-1]:
        for entry, given in value.get(name, {}).items():
            if not isinstance(given, str if name == "keys" else dict):
                what = "a string" if name == "keys" else f'a table: [{name}."provider/model"]'
                raise ConfigError(f"the config file {path}: {entry} in [{name}] must be {what}")
    return value


def _check_mode(path: Path, mode: int, value: dict[str, Any]) -> None:
    """Refuses a file that others may write, or that has keys which others may read."""
    if os.name != "posix" or not stat.S_ISREG(mode):
        return
    remedy = f"chmod 600 {shlex.quote(str(path))}"
    if mode & 0o022:
        raise ConfigError(f"others can write the config file {path}, and so send your keys elsewhere: {remedy}")
    if mode & 0o077 and _has_key(value):
        raise ConfigError(f"others can read the config file {path}, and there are keys in it: {remedy}")


def _has_key(value: Mapping[str, Any]) -> bool:
    inner = [table for name in ("options", "presets") for table in value.get(name, {}).values()]
    return bool(value.get("keys")) or any(_SECRET & table.keys() for table in inner)
