"""`prime`: a virtual machine of Prime Intellect's a run, its workers over live processes, whose streams carry bytes."""

from __future__ import annotations

import asyncio
import contextlib
import math
import shlex
import uuid
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import IO

from rlm.context import Context
from rlm.errors import SandboxError
from rlm.sandbox import vendor
from rlm.sandbox.far import FarLauncher, FarMachine
from rlm.sandbox.far_worker import FarWorker, starting
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_KEY = "PRIME_API_KEY"
_IMAGE = "python:3.13-slim"
_IDLE = 10  # minutes without activity until a machine is ended
_COMMAND = 600  # seconds
_LOOKS, _PAUSE = 30, 1.0  # and seconds between two, until the network is shut


class PrimeLauncher(FarLauncher):
    """Runs cells in machines of Prime Intellect's; needs an account, its key in PRIME_API_KEY, the extra `prime`."""

    name = "prime"
    module = "prime_sandboxes"
    keys = (_KEY,)
    keeps = frozenset(("image", "packages", "cpus", "disk_mb", "files", "output", "network"))

    def _machine(self) -> FarMachine:
        return _Machine(self._sandbox)


class _Machine(FarMachine):
    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self._client = vendor.library("prime_sandboxes", "prime").AsyncSandboxClient()
        self._id: str | None = None

    async def make(self, context: Context, limits: Limits) -> None:
        """The SDK tries again where a failure may pass."""
        library = vendor.library("prime_sandboxes", "prime")
        hosts = list(self.sandbox.network)
        asked = library.CreateSandboxRequest(
            name=f"rlm-{uuid.uuid4().hex[:12]}",
            docker_image=self.sandbox.image or _IMAGE,
            cpu_cores=self.sandbox.cpus or 1.0,
            memory_gb=vendor.gib(vendor.memory_mb(context, limits)),
            disk_size_gb=vendor.gib(vendor.disk_mb(context, self.sandbox)),
            network_allowlist=None if self.sandbox.packages else hosts,  # an empty one lets nothing through
            timeout_minutes=math.ceil(vendor.longest(limits) / 60),
            idle_timeout_minutes=_IDLE,
            labels=list(vendor.LABELS.values()),
            vm=True,
        )
        with _told():
            self._id = (await self._client.create(asked)).id
            await self._client.wait_for_creation(self._id)
        self.keep(_IDLE * 60, partial(self.run, "true"))

    async def run(self, command: str, *, root: bool = False) -> str:
        with _told():
            done = await self._client.execute_command(self._id, command, timeout=_COMMAND)
        if done.exit_code != 0:
            raise vendor.failed(done.exit_code, done.stderr)
        return str(done.stdout)

    async def install(self) -> None:
        """With the network open, which is shut before anything of the run is there."""
        if not self.sandbox.packages:
            return
        await super().install()
        rule = {"allow": list(self.sandbox.network)} if self.sandbox.network else {"deny": ["*"]}
        with _told():
            status = await self._client.set_network(self._id, **rule)
            for _ in range(_LOOKS):
                if status.applied:
                    return
                await asyncio.sleep(_PAUSE)
                status = await self._client.get_network(self._id)
        raise SandboxError(f"its network was not shut within {_LOOKS * _PAUSE:g} s")

    async def put(self, path: str, file: IO[bytes]) -> None:
        with _told():
            await self._client.upload_bytes(self._id, path, file.read(), path.rpartition("/")[2])

    async def get(self, path: str) -> AsyncIterator[bytes]:
        with _told():
            process = await self._client.open_process(self._id, f"exec cat {path}")
            try:
                async for chunk in process.stdout:
                    yield chunk
            finally:
                await process.aclose()

    async def start(self, argv: Sequence[str]) -> FarWorker:
        async with starting() as worker:
            with _told():
                process = await self._client.open_process(self._id, f"exec {shlex.join(argv)} 2>/dev/null")
            worker.until.push_async_callback(process.aclose)
            ended = partial(worker.read, vendor.ReadAhead(process.stdout), process.wait)
            worker.attach(process.write_stdin, ended, process.kill, _told)
            return worker

    async def end(self) -> None:
        try:
            if self._id is not None:
                with _told():
                    await self._delete(self._id)
        finally:
            await self._client.aclose()

    async def _delete(self, name: str) -> None:
        try:
            await self._client.delete(name)
        except vendor.library("prime_sandboxes", "prime").APIError as error:
            if "HTTP 404" not in str(error):  # else it is gone already
                raise


def _told() -> contextlib.AbstractContextManager[None]:
    library = vendor.library("prime_sandboxes", "prime")
    raised = (library.APIError, library.SandboxNotRunningError, library.CommandTimeoutError, library.UploadTimeoutError)
    lost = (vendor.library("httpx", "prime").HTTPError, OSError)
    return vendor.told_as_ours("Prime", (*raised, *lost), _KEY)
