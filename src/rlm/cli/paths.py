"""What the paths of a command line name, and standard input among them."""

from __future__ import annotations

import os
import select
import stat
import sys
from pathlib import Path

from rlm.errors import ConfigError, ContextError


def given(paths: list[Path]) -> str | Path | list[Path] | None:
    """What the paths of a command line name, as `RLM.completion` takes it.

    Raises:
        ConfigError: `-` together with other paths.
        ContextError: Standard input is closed, or not UTF-8.
    """
    if Path("-") not in paths:
        return paths[0] if len(paths) == 1 else paths or None
    if len(paths) > 1:
        raise ConfigError("- reads standard input as the whole input; leave out the other paths")
    if sys.stdin is None:
        raise ContextError("standard input is closed, and - reads the input there")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContextError(
            f"standard input is not UTF-8 at byte {error.start}; save it to a file and name that, "
            "since a file's encoding is detected"
        ) from error


def is_piped() -> bool:
    """Whether there is something at standard input that nobody has named: in a file, or by now in a pipe."""
    try:
        fd = -1 if sys.stdin is None else sys.stdin.fileno()
        found = os.fstat(fd)
    except (OSError, ValueError):
        return False
    if stat.S_ISFIFO(found.st_mode):
        return bool(select.select([fd], [], [], 0)[0])
    return stat.S_ISREG(found.st_mode) and found.st_size > 0
