"""`bubblewrap`: what `local` runs, in namespaces of its own: a file system of what is named here, and no network."""

from __future__ import annotations

import functools
import os
import shutil
import weakref

from rlm.context import Context
from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import lockdown, namespaces
from rlm.sandbox.launchers.base import Environment, Ready
from rlm.sandbox.options import PROPERTIES, Sandbox, refuse_unkept, whole_cpus
from rlm.sandbox.packages import opened
from rlm.sandbox.written import MAX_FILES, EquippedRun, WrittenFolder, make_output
from rlm.sandbox.zygotes import FOLDER, ProcessZygote, open_in
from rlm.types import Limits

_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_CODE, _FILES, _PACKAGES, _TMP, _OUTPUT = "/rlm", "/files", "/packages", "/tmp", "/output"


class BubblewrapLauncher:
    """Runs a run's zygote in a sandbox of `bwrap`, where its workers lock themselves down as well.

    Args:
        sandbox: What the user asks for.
    """

    name = "bubblewrap"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox(self.name)
        refuse_unkept(self._sandbox, {"disk_mb", "files", "output", "packages", "cpus"})
        self._cpus = whole_cpus(self._sandbox)
        self._ready: list[ProcessZygote] = []
        weakref.finalize(self, _end, self._ready)

    def enforces(self) -> frozenset[str]:
        return frozenset() if self.why_not() is not None else frozenset(PROPERTIES)

    def why_not(self) -> str | None:
        if (why_not := lockdown.supported()) is not None:
            return why_not
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            return "bwrap is not installed: apt-get install bubblewrap, or dnf install bubblewrap"
        try:
            namespaces.arguments(bwrap, os.geteuid())
        except SandboxUnavailableError as error:
            return str(error)
        return None

    def prepare(self) -> None:
        if self.why_not() is None and not self._ready and not self._sandbox.packages:  # these may take minutes
            self._ready.append(self._zygote(None))

    async def open(self, context: Context, limits: Limits) -> Environment:
        if (why_not := self.why_not()) is not None:
            raise SandboxUnavailableError(why_not)
        zygote = self._ready.pop() if self._ready else self._zygote(await opened(self._sandbox))
        return await self._opened(zygote, context, limits)

    async def ready(self, limits: Limits) -> Ready:
        """A sandbox without an input; see `WarmPool`."""
        if (why_not := self.why_not()) is not None:
            raise SandboxUnavailableError(why_not)
        zygote = self._zygote(await opened(self._sandbox))
        return Ready(functools.partial(self._opened, zygote), zygote.end, zygote.usable)

    async def _opened(self, zygote: ProcessZygote, context: Context, limits: Limits) -> Environment:
        size = self._sandbox.disk_mb * 2**20
        packages = _PACKAGES if self._sandbox.packages else None
        read = [*lockdown.readable(), *self._paths().values(), *([packages] if packages else [])]
        shared = _OUTPUT if self._sandbox.output else None
        write = [_TMP, shared] if shared else [_TMP]
        options = {
            "confine": {"read": read, "write": write, "file_bytes": size, "own_mounts": True},
            "tmp": {"folder": _TMP, "size": size, "files": MAX_FILES},
            "memory_bytes": limits.memory_mb * 2**20,
            "share": shared,
            "packages": packages,
            "cpus": self._cpus,
        }
        try:
            if self._sandbox.output is not None:
                make_output(self._sandbox.output)
            run = await open_in(zygote, context, options)
        except BaseException as error:
            said = zygote.said()
            await zygote.end()
            if isinstance(error, OSError | SandboxError) and said:
                raise SandboxError(f"the sandbox can't be opened: {said}") from error
            raise
        written = None if run.shared is None else WrittenFolder(run.shared, size, sized=True)
        return EquippedRun(run, self._sandbox, self._paths(), written, _OUTPUT, zygote.end)

    def _paths(self) -> dict[str, str]:
        """Where each of the user's files is inside."""
        return {name: f"{_FILES}/{name}/{path.name or 'root'}" for name, path in self._sandbox.files.items()}

    def _zygote(self, packages: str | None) -> ProcessZygote:
        bwrap = shutil.which("bwrap") or "bwrap"
        arguments = [*namespaces.arguments(bwrap, os.geteuid())]
        for device in _DEVICES:
            arguments += ["--dev-bind", device, device]
        for path in lockdown.readable():
            arguments += ["--ro-bind-try", path, path]
        arguments += ["--ro-bind", FOLDER, _CODE]
        for name, path in self._paths().items():
            arguments += ["--ro-bind", str(self._sandbox.files[name]), path]
        if packages is not None:
            arguments += ["--ro-bind", packages, _PACKAGES]
        if self._sandbox.output:
            arguments += ["--size", str(self._sandbox.disk_mb * 2**20), "--tmpfs", _OUTPUT]
        arguments += ["--dir", _TMP, "--remount-ro", "/proc", "--remount-ro", "/"]
        return ProcessZygote([bwrap, *arguments, "--"], _CODE)


def _end(zygotes: list[ProcessZygote]) -> None:
    while zygotes:
        zygotes.pop().close()
