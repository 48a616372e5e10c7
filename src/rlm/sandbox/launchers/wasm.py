"""`wasm`: workers in WebAssembly, by pip alone: CPython for WASI under wasmtime, with no file, variable or socket."""

from __future__ import annotations

import asyncio

from rlm.context import Context
from rlm.errors import SandboxUnavailableError
from rlm.sandbox import wasm_module
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.options import PROPERTIES, Sandbox, refuse_unkept
from rlm.sandbox.wasm_run import WasmRun
from rlm.types import Limits


class WasmLauncher:
    """Runs cells in WebAssembly: slower than Python by far, and in one thread.

    Args:
        sandbox: What the user asks for.
    """

    name = "wasm"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox(self.name)
        refuse_unkept(self._sandbox, frozenset())

    def enforces(self) -> frozenset[str]:
        """All there is: an instance has nothing but its memory, which is limited, and its process, which is watched."""
        return frozenset() if self.why_not() is not None else frozenset(PROPERTIES)

    def why_not(self) -> str | None:
        return wasm_module.why_not()

    def prepare(self) -> None:
        """Nothing: an instance starts from what is on the disk."""

    async def open(self, context: Context, limits: Limits) -> Environment:
        if (why_not := self.why_not()) is not None:
            raise SandboxUnavailableError(why_not)
        module = await asyncio.to_thread(wasm_module.compiled)
        run = WasmRun(context, module, limits.memory_mb << 20)
        run.env = dict(self._sandbox.env)
        return run
