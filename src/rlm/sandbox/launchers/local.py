"""`local`, the default: workers forked from a zygote that lock themselves down before the first cell."""

from __future__ import annotations

from rlm.context import Context
from rlm.errors import SandboxUnavailableError
from rlm.sandbox import lockdown
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.options import Sandbox, refuse_unkept
from rlm.sandbox.zygotes import open_run, process_zygote
from rlm.types import Limits


class LocalLauncher:
    """Confines workers with rlimits, Landlock and seccomp; needs Linux 5.13, and nothing installed.

    Args:
        sandbox: What the user asks for.
        landlock_abi_cap: Use at most this Landlock ABI, as an older kernel would; for tests.
    """

    name = "local"

    def __init__(self, sandbox: Sandbox | None = None, landlock_abi_cap: int | None = None) -> None:
        self._sandbox = sandbox or Sandbox("local")
        refuse_unkept(self._sandbox, set())
        self._landlock_abi_cap = landlock_abi_cap

    def enforces(self) -> frozenset[str]:
        if self.why_not() is not None:
            return frozenset()
        return frozenset(("files", "network", "memory", "cpu", "processes", "disk"))

    def why_not(self) -> str | None:
        return lockdown.supported(self._landlock_abi_cap)

    def prepare(self) -> None:
        if self.why_not() is None:
            process_zygote()

    async def open(self, context: Context, limits: Limits) -> Environment:
        if (why_not := self.why_not()) is not None:
            raise SandboxUnavailableError(why_not)
        run = await open_run(
            context,
            limits,
            {"confine": {"read": lockdown.readable(), "landlock_abi_cap": self._landlock_abi_cap}},
        )
        run.env = self._sandbox.env
        return run
