"""`unconfined`: workers with limits on memory and nothing else. They can do whatever you can."""

from __future__ import annotations

import sys

from rlm.context import Context
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.spawned import SpawnedRun
from rlm.sandbox.zygotes import open_run, process_zygote
from rlm.types import Limits


class UnconfinedLauncher:
    """Runs cells as you, with your files and your network: for code that you would run yourself."""

    name = "unconfined"

    def enforces(self) -> frozenset[str]:
        """Nothing: its limits hold against accidents, and a forked process has as much again."""
        return frozenset()

    def why_not(self) -> None:
        """It promises nothing."""

    def prepare(self) -> None:
        if sys.platform == "linux":
            process_zygote()

    async def open(self, context: Context, limits: Limits) -> Environment:
        if sys.platform != "linux":
            return SpawnedRun(context)
        return await open_run(context, limits, {"confine": False})
