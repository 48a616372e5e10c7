"""`seatbelt`: workers under macOS's `sandbox-exec`. Unverified: it has not run on macOS yet, and tries itself first."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from rlm.context import Context
from rlm.errors import SandboxUnavailableError
from rlm.sandbox import seatbelt_probe
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.options import Sandbox, refuse_unkept
from rlm.sandbox.packages import opened
from rlm.sandbox.seatbelt_profile import profile
from rlm.sandbox.spawned import SpawnedRun
from rlm.sandbox.written import Workers, open_equipped
from rlm.types import Limits

_PROBE = 20.0  # seconds
_INSTEAD = {"cpus": "macOS binds no process to CPUs"}


class SeatbeltLauncher:
    """Confines workers on macOS: files and network by `sandbox-exec`; memory and CPU time are watched.

    Args:
        sandbox: What the user asks for.
    """

    name = "seatbelt"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox(self.name)
        refuse_unkept(self._sandbox, {"files", "output", "disk_mb", "packages"}, instead=_INSTEAD)

    def enforces(self) -> frozenset[str]:
        """Files and network, where it has been tried. A process that left its parent is neither counted nor ended."""
        return frozenset() if self.why_not() is not None else frozenset(("files", "network"))

    def why_not(self) -> str | None:
        if not _on_macos():
            return "seatbelt is a part of macOS; use the sandbox 'local' here"
        if (sandbox_exec := shutil.which("sandbox-exec")) is None:
            return "there is no sandbox-exec; use the sandbox 'docker'"
        try:
            _try(sandbox_exec)
        except SandboxUnavailableError as error:
            return str(error)
        return None

    def prepare(self) -> None:
        """Nothing: there is no zygote on macOS."""

    async def open(self, context: Context, limits: Limits) -> Environment:
        if (why_not := await asyncio.to_thread(self.why_not)) is not None:
            raise SandboxUnavailableError(why_not)
        sandbox_exec = shutil.which("sandbox-exec") or "/usr/bin/sandbox-exec"
        packages = await opened(self._sandbox)

        async def run(folder: str | None) -> Workers:
            read = [*map(str, self._sandbox.files.values()), *([packages] if packages else [])]
            allowed = profile(read, [folder] if folder else [])
            return SpawnedRun(context, [sandbox_exec, "-p", allowed], limits.memory_mb << 20, packages)

        return await open_equipped(self._sandbox, run)


def _on_macos() -> bool:
    return sys.platform == "darwin"


@functools.cache
def _try(sandbox_exec: str) -> None:
    """Tries the profile with what it has to stop, and once it held, not again.

    Raises:
        SandboxUnavailableError: It stops less than it should, or Python does not start in it.
    """
    source = Path(seatbelt_probe.__file__).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="rlm-probe-") as folder, socket.create_server(("127.0.0.1", 0)) as server:
        secret = Path(folder, "secret")
        secret.write_text("secret")
        arguments = [os.path.realpath(sys.executable), "-S", "-c", source, str(secret), folder]
        command = [sandbox_exec, "-p", profile([]), *arguments]
        try:
            done = subprocess.run(
                [*command, str(server.getsockname()[1])],
                capture_output=True,
                text=True,
                timeout=_PROBE,
                cwd="/",
                env={},
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailableError(f"sandbox-exec can't be run: {error}; use the sandbox 'docker'") from None
    *could, end = done.stdout.splitlines() or [""]
    if end != "end":
        said = " ".join(done.stderr.split())[-300:]
        raise SandboxUnavailableError(f"Python does not start in sandbox-exec: {said}; use the sandbox 'docker'")
    if could:
        raise SandboxUnavailableError(f"sandbox-exec does not hold here: a cell could {', '.join(could)}")
