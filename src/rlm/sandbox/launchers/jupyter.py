"""`jupyter`: workers forked from a notebook's kernel, with all its variables. No isolation."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from rlm.context import Context
from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import shipped
from rlm.sandbox.kernel import Kernel, KernelRun, OwnKernel, own_connection
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.options import Sandbox, refuse_unkept
from rlm.sandbox.written import own_folder
from rlm.types import JSON, Limits

_MAX_TOLD = 2**16  # bytes
_INSTEAD = {
    "packages": "cells have what the kernel has, and what it has imported; install them there, by %pip install",
    "cpus": "cells have the kernel's; start that with fewer, by taskset",
}
# Address space for the arenas of threads, whose number can't be changed any more in a process that has had some.
_ARENAS_MB = 512


class JupyterLauncher:
    """Forks workers from a running kernel on this machine. They can do whatever you can.

    Args:
        sandbox: What the user asks for. Its `options`: `connection`, the kernel's connection file, or a part of its
            name; by default the kernel that this process is, or else the one that was used last.
    """

    name = "jupyter"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox(self.name)
        refuse_unkept(self._sandbox, set(), ("connection",), _INSTEAD)
        self._connection = self._sandbox.options.get("connection")

    def enforces(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def why_not(self) -> str | None:
        if sys.platform == "win32":
            return "a kernel can't be forked on Windows; use the sandbox 'unconfined'"
        if self._is_own() or find_spec("jupyter_client") is not None:
            return None
        return "the sandbox 'jupyter' needs jupyter_client: pip install 'rlm-engine[jupyter]'"

    def prepare(self) -> None:
        """Nothing: the kernel runs."""

    async def open(self, context: Context, limits: Limits) -> Environment:
        if (why_not := self.why_not()) is not None:
            raise SandboxUnavailableError(why_not)
        kernel: Kernel | OwnKernel = OwnKernel() if self._is_own() else Kernel(self._connection)
        folder = own_folder("rlm-kernel-")
        try:
            await asyncio.to_thread(_write, Path(folder), context, limits)
            await kernel.ask({"do": "tell", "folder": folder})
            told = await asyncio.to_thread(_read, Path(folder, "variables.json"))
        except BaseException as error:
            kernel.close()
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError | ValueError):
                raise SandboxError(f"the kernel can't be used: {error}") from error
            raise
        return KernelRun(kernel, folder, {"notebook": told}, self._sandbox.env)

    def _is_own(self) -> bool:
        """Whether this process is the kernel that is meant, which could not answer itself."""
        own = own_connection()
        return own is not None and (self._connection is None or str(self._connection) in own)


def _write(folder: Path, context: Context, limits: Limits) -> None:
    """Writes what workers start from."""
    for name, source in shipped.worker_sources().items():
        (folder / name).write_bytes(source)
    (folder / "input").write_bytes(context.blob.read())
    memory_bytes = (limits.memory_mb + _ARENAS_MB) << 20
    (folder / "options.json").write_bytes(shipped.start_options(context, memory_bytes=memory_bytes))


def _read(path: Path) -> JSON:
    with path.open("rb") as file:
        told: JSON = json.loads(file.read(_MAX_TOLD))
    return told
