"""Finds the one package that can't be installed beside this one: `rlms`, which owns the import name `rlm` too."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from rlm.errors import ConfigError


def check(paths: Iterable[str] | None = None) -> None:
    """Refuses to go on where the distribution `rlms` is installed in the same environment.

    Whichever of the two was installed last has overwritten files of the other, so what would run is a mixture. Only
    the names in the folders of `paths` are looked at (0.2 ms); `importlib.metadata` would take 20 ms to import.

    Args:
        paths: The folders to look in; `sys.path` if None.

    Raises:
        ConfigError: It is installed; the message names the folder and what to do.
    """
    for folder in sys.path if paths is None else paths:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.startswith("rlms-") and name.endswith((".dist-info", ".egg-info")):
                raise ConfigError(
                    f"the package rlms is installed in {folder} and owns the import name rlm too; keep it in an "
                    "environment of its own: pip uninstall rlms rlm-engine, then install rlm-engine again"
                )
