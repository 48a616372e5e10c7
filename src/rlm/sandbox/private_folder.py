"""Folders of the user's whose contents run: nobody else may have written them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rlm.errors import SandboxError


def make_private(folder: Path, what: str) -> None:
    """Makes a folder for `what`, if there is none.

    Raises:
        SandboxError: It can't be made, or others made it or may write to it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise SandboxError(f"there is no place for {what}: {error}; set RLM_HOME") from error
    if os.name == "posix" and (
        not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022
    ):
        raise SandboxError(f"{folder} is not a folder that you alone can write to; remove it")
