"""`seatbelt`: workers under macOS's `sandbox-exec`. Unverified: it has not run on macOS yet, and tries itself first."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rlm.context import Context
from rlm.errors import SandboxUnavailableError
from rlm.sandbox import lockdown
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.options import Sandbox, refuse_unkept
from rlm.sandbox.spawned import SpawnedRun
from rlm.sandbox.written import Workers, open_equipped
from rlm.types import Limits

_PROBE = 20.0  # seconds
_CODE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What any program of macOS reads as it starts, and what Python's libraries are linked with.
_SYSTEM = ("/usr/lib", "/System/Library", "/System/Volumes/Preboot/Cryptexes", "/private/var/db/dyld", "/dev/fd")
_DEVICES = ("/dev/random", "/dev/urandom", "/dev/zero")


class SeatbeltLauncher:
    """Confines workers on macOS: files and network by `sandbox-exec`; memory and CPU time are watched.

    Args:
        sandbox: What the user asks for.
    """

    name = "seatbelt"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox(self.name)
        refuse_unkept(self._sandbox, {"files", "output", "disk_mb"})

    def enforces(self) -> frozenset[str]:
        """Files and network, where it has been tried. A process that left its parent is neither counted nor ended."""
        return frozenset() if self.why_not() is not None else frozenset(("files", "network"))

    def why_not(self) -> str | None:
        if not _on_macos():
            return "seatbelt is a part of macOS; use sandbox='local' here"
        if (sandbox_exec := shutil.which("sandbox-exec")) is None:
            return "there is no sandbox-exec; use sandbox='docker'"
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

        async def run(folder: str | None) -> Workers:
            allowed = profile(list(map(str, self._sandbox.files.values())), [folder] if folder else [])
            return SpawnedRun(context, [sandbox_exec, "-p", allowed], limits.memory_mb << 20)

        return await open_equipped(self._sandbox, run)


def _on_macos() -> bool:
    return sys.platform == "darwin"


def profile(read: Sequence[str], write: Sequence[str] = ()) -> str:
    """What is allowed, in the language of seatbelt: Python, what it needs, and the paths given.

    Args:
        read: Files and folders that can be read, with all below them.
        write: Folders that can be written and read.
    """
    python = os.path.realpath(sys.executable)
    programs = [python, f"{sys.base_prefix}/Resources/Python.app/Contents/MacOS/Python"]
    needed = (*_SYSTEM, *lockdown.readable(), sys.base_prefix, _CODE, *read)
    readable = list(dict.fromkeys(map(os.path.realpath, needed)))
    writable = list(map(os.path.realpath, write))
    return "\n".join(
        [
            "(version 1)",
            "(deny default)",
            "(allow process-fork)",
            f"(allow process-exec {_named('literal', programs)})",
            "(allow signal (target same-sandbox))",
            "(allow sysctl-read)",
            "(allow file-read-metadata)",
            '(allow file-read* (literal "/"))',
            f"(allow file-read* {_named('literal', _DEVICES)} {_named('subpath', readable)})",
            '(allow file-read* file-write-data (literal "/dev/null"))',
            *([f"(allow file-read* file-write* {_named('subpath', writable)})"] if write else []),
        ]
    )


def _named(kind: str, paths: Sequence[str]) -> str:
    return " ".join(f"({kind} {json.dumps(path, ensure_ascii=False)})" for path in paths)


@functools.cache
def _try(sandbox_exec: str) -> None:
    """Tries the profile with what it has to stop, and once it held, not again.

    Raises:
        SandboxUnavailableError: It stops less than it should, or Python does not start in it.
    """
    source = (Path(_CODE) / "seatbelt_probe.py").read_text(encoding="utf-8")
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
            raise SandboxUnavailableError(f"sandbox-exec can't be run: {error}; use sandbox='docker'") from None
    *could, end = done.stdout.splitlines() or [""]
    if end != "end":
        said = " ".join(done.stderr.split())[-300:]
        raise SandboxUnavailableError(f"Python does not start in sandbox-exec: {said}; use sandbox='docker'")
    if could:
        raise SandboxUnavailableError(f"sandbox-exec does not hold here: a cell could {', '.join(could)}")
