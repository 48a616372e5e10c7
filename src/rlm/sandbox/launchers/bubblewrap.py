"""`bubblewrap`: what `local` runs, in namespaces of its own: a file system of what is named here, and no network."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import subprocess
import weakref
from collections.abc import Mapping
from pathlib import Path

from rlm.context import Context
from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import lockdown
from rlm.sandbox.launchers.base import ChildContext, Environment, Worker
from rlm.sandbox.options import Sandbox, refuse_unkept
from rlm.sandbox.written import WrittenFolder
from rlm.sandbox.zygotes import FOLDER, ProcessZygote, RunZygote, open_in
from rlm.types import JSON, Limits

# The zygote is process 1 of its namespace: what ends with it is all there is.
_NAMESPACES = (
    *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--hostname", "rlm", "--die-with-parent", "--as-pid-1", "--cap-drop", "ALL", "--chdir", "/", "--proc", "/proc"),
)
# Root needs no user namespace where it has its capabilities, and each worker gets a uid of its own there.
_AS_ROOT, _AS_USER = ("--cap-add", "CAP_SETUID"), ("--unshare-user",)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_CODE, _FILES, _TMP, _OUTPUT = "/rlm", "/files", "/tmp", "/tmp/output"
_PROBE = 10.0  # seconds


class BubblewrapLauncher:
    """Runs a run's zygote in a sandbox of `bwrap`, where its workers lock themselves down as well.

    Args:
        sandbox: What the user asks for.
    """

    name = "bubblewrap"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox(self.name)
        refuse_unkept(self._sandbox, {"disk_mb", "files", "output"})
        self._ready: list[ProcessZygote] = []
        weakref.finalize(self, _end, self._ready)

    def enforces(self) -> frozenset[str]:
        if self.why_not() is not None:
            return frozenset()
        return frozenset(("files", "network", "memory", "cpu", "processes", "disk"))

    def why_not(self) -> str | None:
        if (why_not := lockdown.supported()) is not None:
            return why_not
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            return "bwrap is not installed: apt-get install bubblewrap, or dnf install bubblewrap"
        try:
            _namespaces(bwrap, os.geteuid())
        except SandboxUnavailableError as error:
            return str(error)
        return None

    def prepare(self) -> None:
        if self.why_not() is None and not self._ready:
            self._ready.append(self._zygote())

    async def open(self, context: Context, limits: Limits) -> Environment:
        if (why_not := self.why_not()) is not None:
            raise SandboxUnavailableError(why_not)
        zygote = self._ready.pop() if self._ready else self._zygote()
        size = self._sandbox.disk_mb * 2**20
        read = [*lockdown.readable(), *self._paths().values()]
        confine = {"read": read, "write": [_TMP], "file_bytes": size, "own_mounts": True}
        options = {"confine": confine, "memory_bytes": limits.memory_mb * 2**20, "share": _OUTPUT}
        try:
            run = await open_in(zygote, context, options)
        except BaseException as error:
            said = zygote.said()
            await zygote.end()
            if isinstance(error, OSError | SandboxError) and said:
                raise SandboxError(f"the sandbox can't be opened: {said}") from error
            raise
        assert run.shared is not None
        return BubblewrapRun(self._sandbox, zygote, run, WrittenFolder(run.shared, size, sized=True), self._paths())

    def _paths(self) -> dict[str, str]:
        """Where each of the user's files is inside."""
        return {name: f"{_FILES}/{name}/{path.name or 'root'}" for name, path in self._sandbox.files.items()}

    def _zygote(self) -> ProcessZygote:
        bwrap = shutil.which("bwrap") or "bwrap"
        arguments = [*_NAMESPACES, *_namespaces(bwrap, os.geteuid())]
        for device in _DEVICES:
            arguments += ["--dev-bind", device, device]
        for path in lockdown.readable():
            arguments += ["--ro-bind-try", path, path]
        arguments += ["--ro-bind", FOLDER, _CODE]
        for name, path in self._paths().items():
            arguments += ["--ro-bind", str(self._sandbox.files[name]), path]
        arguments += ["--size", str(self._sandbox.disk_mb * 2**20), "--tmpfs", _TMP, "--dir", _OUTPUT]
        arguments += ["--remount-ro", "/proc", "--remount-ro", "/"]
        return ProcessZygote([bwrap, *arguments, "--"], _CODE)


class BubblewrapRun:
    """One run's input in a sandbox that all its workers share: an `Environment`."""

    def __init__(
        self, sandbox: Sandbox, zygote: ProcessZygote, run: RunZygote, written: WrittenFolder, paths: Mapping[str, str]
    ) -> None:
        self.names: Mapping[str, JSON] = {
            **({"files": dict(paths)} if paths else {}),
            **({"output_folder": _OUTPUT} if sandbox.output else {}),
        }
        self.env = sandbox.env
        self._output: Path | None = sandbox.output
        self._zygote = zygote
        self._run = run
        self._written = written
        self._watch = asyncio.create_task(written.watch(run.stop))

    async def start(self, pieces: ChildContext | None = None) -> Worker:
        return await self._run.start(pieces)

    async def close(self) -> None:
        self._watch.cancel()
        try:
            await self._run.close()
            await self._zygote.end()
            if self._output is not None:
                await asyncio.to_thread(self._written.bring, self._output)
        finally:  # a run can be cancelled while it ends
            self._zygote.kill()
            self._written.close()


def _end(zygotes: list[ProcessZygote]) -> None:
    while zygotes:
        zygotes.pop().close()


@functools.cache
def _namespaces(bwrap: str, uid: int) -> tuple[str, ...]:
    """How namespaces can be had here; tried once, and again where they could not.

    Raises:
        SandboxUnavailableError: They can't; says what to do.
    """
    said = ""
    for way in (_AS_ROOT, _AS_USER) if uid == 0 else (_AS_USER,):
        command = [bwrap, *_NAMESPACES, *way, "--ro-bind", "/", "/", "--size", "4096", "--tmpfs", _TMP, "--", "true"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_PROBE, errors="replace", check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailableError(f"bwrap can't be run: {error}") from None
        if done.returncode == 0:
            return way
        said = done.stderr.strip()[:500]
    raise SandboxUnavailableError(f"bwrap can't make a sandbox ({said}): {_fix(said)}")


def _fix(said: str) -> str:
    if "--size" in said:
        return "it takes bubblewrap 0.7 or newer, and not one that is setuid"
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "give /usr/bin/bwrap an AppArmor profile that allows `userns` (docs/launchers/bubblewrap.md has it)"
    if _setting("kernel/unprivileged_userns_clone") == "0":
        return "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"
    if _setting("user/max_user_namespaces") == "0":
        return "allow user namespaces: sysctl user.max_user_namespaces=10000"
    return "in a container, allow it to make namespaces and to mount /proc, or use sandbox='local'"


def _setting(name: str) -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    return ""
