"""`wasm`: workers in WebAssembly, by pip alone: CPython for WASI under wasmtime, and nothing of this machine inside."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from rlm.context import Context
from rlm.errors import ConfigError, SandboxError, SandboxUnavailableError
from rlm.sandbox import wasm_module
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.options import PROPERTIES, Sandbox, refuse_unkept
from rlm.sandbox.packages import opened
from rlm.sandbox.shipped import names_inside
from rlm.sandbox.wasm_run import WasmRun
from rlm.sandbox.written import Workers, open_equipped, own_folder
from rlm.types import Limits

_PREFIX = "rlm-files-"
_FILES, _OUTPUT, _PACKAGES = "/files", "/output", "/packages"


class WasmLauncher:
    """Runs cells in WebAssembly: slower than Python by far, and in one thread.

    Args:
        sandbox: What the user asks for.
    """

    name = "wasm"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox(self.name)
        refuse_unkept(self._sandbox, {"files", "output", "disk_mb", "packages", "cpus"})
        if self._sandbox.cpus is not None and self._sandbox.cpus < 1:
            raise ConfigError(
                "a worker of the sandbox 'wasm' is one thread, which has a CPU: `cpus` is 1 or more there, not "
                f"{self._sandbox.cpus:g}"
            )

    def enforces(self) -> frozenset[str]:
        """All there is, since an instance has its memory and nothing else; a folder's size is watched, and no limit."""
        if self.why_not() is not None:
            return frozenset()
        return frozenset(PROPERTIES) - ({"disk"} if self._sandbox.output else set())

    def why_not(self) -> str | None:
        return wasm_module.why_not()

    def prepare(self) -> None:
        """Nothing: an instance starts from what is on the disk."""

    async def open(self, context: Context, limits: Limits) -> Environment:
        if (why_not := self.why_not()) is not None:
            raise SandboxUnavailableError(why_not)
        module = await asyncio.to_thread(wasm_module.compiled)
        compiled = functools.partial(wasm_module.compile_packages, module)
        packages = await opened(self._sandbox, wasm_module.TARGET, compiled)

        async def run(output: str | None) -> Workers:
            copies = await asyncio.to_thread(_copied, self._sandbox.files)
            folders = [
                (str(path), f"{_FILES}/{name}", False) for name, path in self._sandbox.files.items() if path.is_dir()
            ]
            folders += [(copies, _FILES, False)] if copies else []
            folders += [(output, _OUTPUT, True)] if output else []
            folders += [(packages, _PACKAGES, False)] if packages else []
            inside = _PACKAGES if packages else None
            return WasmRun(context, module, limits.memory_mb << 20, folders, copies, inside)

        environment = await open_equipped(self._sandbox, run)
        environment.names = {"one_thread": True, **names_inside(self._sandbox, "")}
        return environment


def _copied(files: Mapping[str, Path]) -> str | None:
    """A temporary folder with copies of those that are no folders, since an instance is given folders alone.

    Raises:
        SandboxError: One can't be read.
    """
    single = {name: path for name, path in files.items() if not path.is_dir()}
    if not single:
        return None
    folder = own_folder(_PREFIX)
    for name, path in single.items():
        try:
            shutil.copyfile(path, os.path.join(folder, name))
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise SandboxError(f"files[{name!r}] can't be copied: {error}") from error
    return folder
