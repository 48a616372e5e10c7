"""`docker`: a container a worker, on Docker, on podman, or on either with gVisor."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from rlm.context import Context
from rlm.errors import ConfigError, SandboxError, SandboxUnavailableError
from rlm.sandbox.containers import prepared
from rlm.sandbox.containers.engine import Engine, connect
from rlm.sandbox.containers.measure import MOUNT
from rlm.sandbox.containers.plan import memory_of, most_memory_of
from rlm.sandbox.containers.prepared import Preparation, Prepared
from rlm.sandbox.containers.run import ContainerRun, undone
from rlm.sandbox.containers.share import MountedShare, Share, UploadedShare
from rlm.sandbox.launchers.base import MOST_READY, Environment, Ready
from rlm.sandbox.options import Sandbox, refuse_unkept
from rlm.types import Limits

_OWN = ("engine", "runtime", "python")


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
        self._preparation = Preparation(functools.partial(_prepare, self._sandbox))

    def enforces(self) -> frozenset[str]:
        """What was found out by trying, on this engine; nothing where no container can be run."""
        try:
            return frozenset() if self._why_no_engine() is not None else self._preparation.result().held - {MOUNT}
        except SandboxError:
            return frozenset()

    def why_not(self) -> str | None:
        try:
            if (why_not := self._why_no_engine()) is None:
                self._preparation.result()
        except SandboxError as error:
            return str(error)
        return why_not

    def prepare(self) -> None:
        self._preparation.begin()

    async def prepared(self) -> None:
        """Waits until `enforces` knows; when nobody waits any more, an installation of packages ends."""
        with contextlib.suppress(SandboxError):  # which it tells
            if await asyncio.to_thread(self._why_no_engine) is None:
                await self._preparation.wait()

    async def open(self, context: Context, limits: Limits) -> Environment:
        run = await self._run(limits, memory_of(context))
        await run.give(context, limits)
        return run

    async def ready(self, limits: Limits) -> Ready:
        """A container without an input, its worker waiting for one; see `WarmPool`."""
        run = await self._run(limits, most_memory_of(MOST_READY))
        await run.start_early()

        async def opened(context: Context, limits: Limits) -> Environment:
            await run.give(context, limits)
            return run

        return Ready(opened, run.remove, run.is_waiting)

    async def _run(self, limits: Limits, memory: int) -> ContainerRun:
        """A run without its input, for which there are `memory` bytes."""
        if (why_not := await asyncio.to_thread(self._why_no_engine)) is not None:
            raise SandboxUnavailableError(why_not)
        try:
            ready = await self._preparation.wait()
        except SandboxError as error:
            raise SandboxUnavailableError(str(error)) from error
        engine, sandbox = _engine(self._sandbox), self._sandbox
        plan = ready.plan(sandbox, limits, memory)
        share: Callable[[Mapping[str, Path]], Share] = MountedShare
        if MOUNT not in ready.held:
            share = functools.partial(UploadedShare, engine, plan.image, plan.labels)
        made = await undone(asyncio.to_thread(share, sandbox.files), lambda made: made.close())
        run = ContainerRun(engine, plan, made, sandbox)
        if sandbox.output is not None:
            try:
                await run.open_output(f"rlm-{uuid.uuid4().hex}")
            except BaseException:
                await run.remove()
                raise
        return run

    def _why_no_engine(self) -> str | None:
        try:
            return prepared.why_not(_engine(self._sandbox), self._sandbox)
        except SandboxUnavailableError as error:
            return str(error)


def _engine(sandbox: Sandbox) -> Engine:
    return connect(sandbox.options.get("engine"))


def _prepare(sandbox: Sandbox, stop: threading.Event) -> Prepared:
    return prepared.prepare(_engine(sandbox), sandbox, stop)
