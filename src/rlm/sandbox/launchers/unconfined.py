"""`unconfined`: workers with limits on memory and nothing else. They can do whatever you can."""

from __future__ import annotations

import sys

from rlm.context import Context
from rlm.errors import ConfigError
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.options import Sandbox, refuse_unkept, whole_cpus
from rlm.sandbox.packages import opened
from rlm.sandbox.spawned import SpawnedRun
from rlm.sandbox.written import Workers, open_equipped
from rlm.sandbox.zygotes import open_run, process_zygote
from rlm.types import Limits


class UnconfinedLauncher:
    """Runs cells as you, with your files and your network: for code that you would run yourself.

    Args:
        sandbox: What the user asks for.
    """

    name = "unconfined"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox("unconfined")
        refuse_unkept(self._sandbox, {"output", "disk_mb", "packages", "cpus"})
        self._cpus = whole_cpus(self._sandbox)
        if self._cpus is not None and sys.platform != "linux":
            raise ConfigError("the sandbox 'unconfined' keeps `cpus` on Linux only; use the sandbox 'docker'")

    def enforces(self) -> frozenset[str]:
        """Nothing: its limits hold against accidents, and a forked process has as much again."""
        return frozenset()

    def why_not(self) -> None:
        """It promises nothing."""

    def prepare(self) -> None:
        if sys.platform == "linux":
            process_zygote()

    async def open(self, context: Context, limits: Limits) -> Environment:
        packages = await opened(self._sandbox)

        async def run(folder: str | None) -> Workers:
            if sys.platform != "linux":
                return SpawnedRun(context, memory_bytes=limits.memory_mb << 20, packages=packages)
            return await open_run(context, limits, {"confine": None, "cpus": self._cpus, "packages": packages})

        return await open_equipped(self._sandbox, run)
