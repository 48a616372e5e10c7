"""`docker`: a container a worker, on Docker, on podman, or on either with gVisor."""

from __future__ import annotations

import asyncio
import concurrent.futures
import uuid
from typing import Any

from rlm.context import Context
from rlm.errors import ConfigError, SandboxUnavailableError
from rlm.sandbox import reaper, shipped
from rlm.sandbox.containers import image
from rlm.sandbox.containers.engine import Engine, connect
from rlm.sandbox.containers.run import ContainerRun, Plan
from rlm.sandbox.containers.share import MountedShare, Share, UploadedShare, can_mount
from rlm.sandbox.containers.share import reap as reap_shares
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.options import Sandbox, refuse_unkept
from rlm.types import Limits

_OWN = ("engine", "runtime", "python")
_PROCESSES = 128
_GVISOR_PROCESSES = 1024  # of its kernel on the host, which has several for each of a cell's
_OPEN_FILES = 1024
_BASE = 64 << 20  # bytes of memory for two interpreters and the kernel's share
_WIDEST = 4  # bytes a character of text that is not ASCII


class DockerLauncher:
    """Runs each worker in a container: no network, nothing writable but a sized tmpfs, no capabilities, limits.

    Args:
        sandbox: What the user asks for. Its own options: `engine`, the engine's URL; `runtime`, such as `"runsc"` for
            gVisor; `python`, the Python in `image`.
    """

    name = "docker"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox("docker")
        refuse_unkept(self._sandbox, {"image", "packages", "cpus", "disk_mb", "files", "output"}, _OWN)
        for option, value in self._sandbox.options.items():
            if not isinstance(value, str) or not value:
                raise ConfigError(f"the option {option} of the docker sandbox is a str, not {value!r}")
        self._image: concurrent.futures.Future[str] | None = None
        self._threads = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="rlm-docker")

    def enforces(self) -> frozenset[str]:
        return frozenset(("files", "network", "memory", "cpu", "processes", "disk"))

    def why_not(self) -> str | None:
        try:
            engine = self._engine()
        except SandboxUnavailableError as error:
            return str(error)
        runtime = self._sandbox.options.get("runtime")
        if runtime is not None and runtime not in (known := engine.info.get("Runtimes") or {}):
            return (
                f"the engine has no runtime {runtime!r} (it has {', '.join(sorted(known))}): register it in daemon.json"
            )
        return image.why_none(engine) if self._sandbox.image is None else None

    def prepare(self) -> None:
        if self._image is None:
            self._image = self._threads.submit(self._find_image)

    async def open(self, context: Context, limits: Limits) -> Environment:
        if (why_not := await asyncio.to_thread(self.why_not)) is not None:
            raise SandboxUnavailableError(why_not)
        self.prepare()
        assert self._image is not None
        found = await asyncio.wrap_future(self._image)
        plan = self._plan(found, context, limits)
        share = await asyncio.to_thread(self._share, plan, context, limits)
        run = ContainerRun(self._engine(), plan, share, self._sandbox)
        if self._sandbox.output is not None:
            try:
                await run.open_output(f"rlm-{uuid.uuid4().hex}")
            except BaseException:
                await run.close()
                raise
        return run

    def _engine(self) -> Engine:
        return connect(self._sandbox.options.get("engine"))

    def _find_image(self) -> str:
        engine = self._engine()
        engine.reap()
        reap_shares()
        if self._sandbox.image is not None:
            return image.named_image(engine, self._sandbox.image)
        return image.machine_image(engine, self._sandbox.packages)

    def _plan(self, found: str, context: Context, limits: Limits) -> Plan:
        options, disk = self._sandbox.options, self._sandbox.disk_mb << 20
        wide = context.characters != context.blob.size
        text = context.characters * (_WIDEST if wide else 1) + context.blob.size
        memory = _BASE + text + (limits.memory_mb << 20) + disk * (2 if self._sandbox.output else 1)
        host: dict[str, Any] = {
            "AutoRemove": True,
            "NetworkMode": "none",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Memory": memory,
            "MemorySwap": memory,  # together with memory: none beyond it
            "PidsLimit": _PROCESSES,
            "Tmpfs": {"/tmp": f"rw,nosuid,nodev,size={self._sandbox.disk_mb}m,mode=1777"},
            "ShmSize": min(disk, 64 << 20),
            "Ulimits": [
                {"Name": "nofile", "Soft": _OPEN_FILES, "Hard": _OPEN_FILES},
                {"Name": "core", "Soft": 0, "Hard": 0},
            ],
            "LogConfig": {"Type": "none"},
            "IpcMode": "private",
        }
        if self._sandbox.cpus is not None:
            host["NanoCpus"] = int(self._sandbox.cpus * 1e9)
        if "runtime" in options:
            host["Runtime"] = options["runtime"]
            host["PidsLimit"] = _GVISOR_PROCESSES if "runsc" in options["runtime"] else _PROCESSES
        python = options.get("python", "python3" if self._sandbox.image else image.PYTHON)
        return Plan(found, python, reaper.labels(limits), host)

    def _share(self, plan: Plan, context: Context, limits: Limits) -> Share:
        options = shipped.start_options(context, memory_bytes=limits.memory_mb << 20)
        engine, files = self._engine(), self._sandbox.files
        if engine.is_near and can_mount():
            return MountedShare(context, files, options)
        return UploadedShare(engine, plan.image, plan.labels, context, files, options)
