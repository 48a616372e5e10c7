"""`docker`: a container a worker, on Docker, on podman, or on either with gVisor."""

from __future__ import annotations

import asyncio
import concurrent.futures
import uuid
from typing import NamedTuple

from rlm.context import Context
from rlm.errors import ConfigError, SandboxError, SandboxUnavailableError
from rlm.sandbox import reaper, shipped
from rlm.sandbox.containers import image
from rlm.sandbox.containers.engine import Engine, connect
from rlm.sandbox.containers.measure import MOUNT, measured
from rlm.sandbox.containers.plan import Plan, memory_of, planned
from rlm.sandbox.containers.run import ContainerRun, undone
from rlm.sandbox.containers.share import MountedShare, Share, UploadedShare
from rlm.sandbox.containers.share import reap as reap_shares
from rlm.sandbox.launchers.base import Environment
from rlm.sandbox.options import Sandbox, refuse_unkept
from rlm.types import Limits

_OWN = ("engine", "runtime", "python")
_PROBE = Limits(seconds=60)


class _Ready(NamedTuple):
    image: str
    volumes: tuple[str, ...]
    held: frozenset[str]


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
        self._ready: concurrent.futures.Future[_Ready] | None = None
        self._threads = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="rlm-docker")

    def enforces(self) -> frozenset[str]:
        """What was found out by trying, on this engine; nothing where no container can be run."""
        try:
            return frozenset() if self._why_no_engine() is not None else self._made_ready().result().held - {MOUNT}
        except SandboxError:
            return frozenset()

    def why_not(self) -> str | None:
        try:
            if (why_not := self._why_no_engine()) is None:
                self._made_ready().result()
        except SandboxError as error:
            return str(error)
        return why_not

    def prepare(self) -> None:
        self._made_ready()

    async def open(self, context: Context, limits: Limits) -> Environment:
        if (why_not := await asyncio.to_thread(self.why_not)) is not None:
            raise SandboxUnavailableError(why_not)
        ready = await asyncio.wrap_future(self._made_ready())
        engine, sandbox = self._engine(), self._sandbox
        memory = memory_of(context) + (limits.memory_mb << 20)
        plan = planned(sandbox, ready.image, reaper.labels(limits), memory, ready.volumes)
        making = asyncio.to_thread(self._share, engine, plan, context, limits, MOUNT in ready.held)
        share = await undone(making, lambda made: made.close())
        run = ContainerRun(engine, plan, share, sandbox)
        if sandbox.output is not None:
            try:
                await run.open_output(f"rlm-{uuid.uuid4().hex}")
            except BaseException:
                await run.close()
                raise
        return run

    def _engine(self) -> Engine:
        return connect(self._sandbox.options.get("engine"))

    def _why_no_engine(self) -> str | None:
        try:
            engine = self._engine()
        except SandboxUnavailableError as error:
            return str(error)
        runtime, known = self._sandbox.options.get("runtime"), engine.info.get("Runtimes") or {}
        if runtime is not None and runtime not in known:
            return f"the engine has no runtime {runtime!r}, only {', '.join(sorted(known))}: register it in daemon.json"
        return image.why_none(engine) if self._sandbox.image is None else None

    def _made_ready(self) -> concurrent.futures.Future[_Ready]:
        """What runs need of the engine, in a while; started once, and again where it failed."""
        if self._ready is None or (self._ready.done() and self._ready.exception() is not None):
            self._ready = self._threads.submit(self._make_ready)
        return self._ready

    def _make_ready(self) -> _Ready:
        engine, sandbox = self._engine(), self._sandbox
        engine.reap()
        reap_shares()
        if sandbox.image is not None:
            found = image.named_image(engine, sandbox.image)
        else:
            found = image.machine_image(engine, sandbox.packages)
        volumes = image.volumes(engine, found)
        probe = planned(sandbox, found, reaper.labels(_PROBE), 0, volumes)
        return _Ready(found, volumes, measured(engine, probe))

    def _share(self, engine: Engine, plan: Plan, context: Context, limits: Limits, mounted: bool) -> Share:
        files, memory = self._sandbox.files, limits.memory_mb << 20
        if mounted:
            return MountedShare(context, files, shipped.start_options(context, memory_bytes=memory, wait=True))
        options = shipped.start_options(context, memory_bytes=memory)
        return UploadedShare(engine, plan.image, plan.labels, context, files, options)
