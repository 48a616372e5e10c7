"""`local`, the default: workers forked from a zygote that lock themselves down before the first cell."""

from __future__ import annotations

from rlm.context import Context
from rlm.errors import ConfigError, SandboxUnavailableError
from rlm.sandbox import lockdown
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.options import Sandbox, refuse_unkept, whole_cpus
from rlm.sandbox.packages import opened
from rlm.sandbox.written import open_equipped
from rlm.sandbox.zygotes import RunZygote, open_run, process_zygote
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
        refuse_unkept(self._sandbox, {"files", "output", "disk_mb", "packages", "cpus"})
        self._cpus = whole_cpus(self._sandbox)
        if self._sandbox.output and (why_not := lockdown.no_writing(landlock_abi_cap)) is not None:
            raise ConfigError(f"the sandbox 'local' can't keep `output` here: {why_not}")
        self._landlock_abi_cap = landlock_abi_cap

    def enforces(self) -> frozenset[str]:
        if self.why_not() is not None:
            return frozenset()
        held = frozenset(("files", "network", "memory", "time", "cpu", "processes"))
        return held if self._sandbox.output else held | {"disk"}  # a folder's size is watched, which is no limit

    def why_not(self) -> str | None:
        return lockdown.supported(self._landlock_abi_cap)

    def prepare(self) -> None:
        if self.why_not() is None:
            process_zygote()

    async def open(self, context: Context, limits: Limits) -> Environment:
        if (why_not := self.why_not()) is not None:
            raise SandboxUnavailableError(why_not)
        process_zygote()  # it loads while the rest is made ready
        packages = await opened(self._sandbox)

        async def run(folder: str | None) -> RunZygote:
            confine = {
                "read": [
                    *lockdown.readable(),
                    *map(str, self._sandbox.files.values()),
                    *([packages] if packages else []),
                ],
                "landlock_abi_cap": self._landlock_abi_cap,
                "write": [folder] if folder else [],
                "file_bytes": self._sandbox.disk_mb * 2**20,
            }
            options = {"confine": confine, "cpus": self._cpus, "packages": packages}
            return await open_run(context, limits, options)

        return await open_equipped(self._sandbox, run)
