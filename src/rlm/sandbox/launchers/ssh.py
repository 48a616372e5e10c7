"""`ssh`: a machine of yours that `ssh HOST` reaches, where workers lock themselves down as `local` does."""

from __future__ import annotations

import asyncio
import functools
import shutil
from pathlib import Path

from rlm.context import Context
from rlm.errors import ConfigError, SandboxUnavailableError
from rlm.sandbox.launchers.base import Environment, Ready
from rlm.sandbox.machine import MachineRun
from rlm.sandbox.options import Sandbox, refuse_unkept, whole_cpus
from rlm.sandbox.session import Session
from rlm.sandbox.ssh_machine import SshMachine
from rlm.types import JSON, Limits

_KEEPS = {"files", "output", "disk_mb", "packages", "cpus"}


class SshLauncher:
    """Runs cells on another machine, over the user's own `ssh`: its config, agent and known hosts.

    Args:
        sandbox: What the user asks for. Its `options`: `host`, as `ssh` takes it; `python`, the Python there (by
            default `python3`); `config`, a file for `ssh -F`; `confine=False` to accept a machine that can't confine
            workers.

    Raises:
        ConfigError: An option can't be right.
    """

    name = "ssh"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox(self.name)
        refuse_unkept(self._sandbox, _KEEPS, ("host", "python", "config", "confine"))
        self._cpus = whole_cpus(self._sandbox)
        options = {"python": "python3", "config": None, "confine": True, **self._sandbox.options}
        self._host = options.get("host")
        if not isinstance(self._host, str) or not self._host or self._host.startswith("-") or " " in self._host:
            raise ConfigError("the sandbox 'ssh' needs a host: give its option `host`, such as me@box")
        if str(options["confine"]).lower() not in ("true", "false"):
            raise ConfigError(f"the option confine of the sandbox 'ssh' is True or False, not {options['confine']!r}")
        for name in ("python", "config"):
            if not isinstance(options[name], str | Path | None) or (name == "python" and not options[name]):
                raise ConfigError(f"the option {name} of the sandbox 'ssh' is a path, not {options[name]!r}")
        self._python, self._confine = str(options["python"]), str(options["confine"]).lower() == "true"
        self._config = None if options["config"] is None else str(Path(options["config"]).expanduser())

    def enforces(self) -> frozenset[str]:
        """What the machine has to be able to enforce: `open` asks it, and refuses where it can't."""
        if not self._confine or self.why_not() is not None:
            return frozenset()
        held = frozenset(("files", "network", "memory", "time", "cpu", "processes"))
        return held if self._sandbox.output else held | {"disk"}

    def why_not(self) -> str | None:
        """Whether there is an `ssh`; the machine is asked by `open`."""
        return None if shutil.which("ssh") else "ssh is not installed: apt-get install openssh-client"

    def prepare(self) -> None:
        """Nothing: the machine is a run's own folder."""

    async def open(self, context: Context, limits: Limits) -> Environment:
        return await self._opened(await self._connected(), context, limits)

    async def ready(self, limits: Limits) -> Ready:
        """A connection and an empty folder; see `WarmPool`."""
        machine = await self._connected()
        return Ready(functools.partial(self._opened, machine), machine.remove, machine.lives)

    async def _connected(self) -> SshMachine:
        if (why_not := self.why_not()) is not None:
            raise SandboxUnavailableError(why_not)
        machine = SshMachine(self._sandbox, str(self._host), self._python, self._config)
        await machine.connect()
        try:
            await machine.install()
        except BaseException:
            await asyncio.shield(machine.remove())
            raise
        return machine

    async def _opened(self, machine: SshMachine, context: Context, limits: Limits) -> Environment:
        packages = f"{machine.folder}/packages" if self._sandbox.packages else None
        run = await MachineRun.open(machine, context, limits, self._sandbox, packages, self._cpus)
        try:
            await self._check(run, limits)
        except BaseException:
            await run.close()
            raise
        return run

    async def _check(self, run: Environment, limits: Limits) -> None:
        """Refuses a machine whose workers can't confine themselves as promised; asks the first one."""
        session = Session(run, functions=(), question="", limits=limits, max_output=0, on_call=_nothing)
        try:
            await session.start()
        finally:
            await session.close()
        # CPU time is counted here.
        if missing := sorted(self.enforces() - {"time", "cpu"} - session.enforces):
            raise SandboxUnavailableError(
                f"ssh {self._host}: workers there can't confine {', '.join(missing)}: that takes Linux 5.13 "
                "with Landlock (6.2 with `output`), or its option `confine` as false, for a machine that may be lost"
            )


async def _nothing(name: str, args: dict[str, JSON]) -> JSON:
    return None
