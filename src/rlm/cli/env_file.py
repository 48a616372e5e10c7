"""Reads the file that `--env-file` names. No `.env` is ever read unless it is named: a hostile one could set a URL."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rlm.errors import ConfigError

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def load(path: Path) -> None:
    """Puts the variables of the file into the environment; those already set stay as they are.

    Lines are `NAME=value`, with `export` before and quotes around the value allowed, and `#` comments. Nothing is
    expanded.

    Raises:
        ConfigError: The file can't be read, or a line is none of these; names the line, never its content.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--env-file {path} can't be read: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if (match := _LINE.fullmatch(line)) is None or "\0" in line:  # no variable can hold one
            raise ConfigError(f"--env-file {path}, line {number}: expected NAME=value")
        os.environ.setdefault(match[1], _value(match[2]))


def _value(text: str) -> str:
    if text[:1] in ("'", '"') and (end := text.find(text[0], 1)) > 0:
        return text[1:end]
    return text.split(" #", 1)[0].rstrip()
