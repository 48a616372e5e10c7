"""`prime`: a virtual machine of Prime Intellect's a run, its workers over live processes, whose streams carry bytes."""

from __future__ import annotations

import contextlib
import functools
import math
import shlex
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import IO, Any

from rlm.context import Context
from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import vendor
from rlm.sandbox.far import FarLauncher, FarMachine, is_address, set_up
from rlm.sandbox.far_worker import FarWorker, starting
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_KEY = "PRIME_API_KEY"
_IMAGE = "python:3.13-slim"
_IDLE = 10  # minutes without activity until a machine is ended
_COMMAND = 600  # seconds
_GIB = 1024  # MiB


class PrimeLauncher(FarLauncher):
    """Runs cells in machines of Prime Intellect's; needs an account, its key in PRIME_API_KEY, the extra `prime`."""

    name = "prime"
    module = "prime_sandboxes"
    keys = (_KEY,)
    keeps = frozenset(("image", "cpus", "disk_mb", "files", "output", "network"))

    def enforces(self) -> frozenset[str]:
        """All; but `network` not where hosts are let through by name."""
        held = super().enforces()
        return held if all(map(is_address, self._sandbox.network)) else held - {"network"}

    async def _machine(self, context: Context, limits: Limits) -> FarMachine:
        client = vendor.library(self.module, self.name).AsyncSandboxClient()
        machine = _Machine(self._sandbox, client)
        try:
            await machine.make(context, limits)
        except SandboxError as error:
            await machine.remove()
            raise SandboxUnavailableError(f"no machine could be had: {error}") from None
        except BaseException:
            await machine.remove()
            raise
        await set_up(machine)
        return machine


class _Machine(FarMachine):
    def __init__(self, sandbox: Sandbox, client: Any) -> None:
        super().__init__(sandbox)
        self._client = client
        self._id: str | None = None
        self._lease: vendor.Lease | None = None

    async def make(self, context: Context, limits: Limits) -> None:
        """Asks for the machine, and waits until it is up. The SDK tries again where a failure may pass."""
        library = vendor.library("prime_sandboxes", "prime")
        asked = library.CreateSandboxRequest(
            name=f"rlm-{uuid.uuid4().hex[:12]}",
            docker_image=self.sandbox.image or _IMAGE,
            cpu_cores=self.sandbox.cpus or 1.0,
            memory_gb=math.ceil(vendor.memory_mb(context, limits) / _GIB),
            disk_size_gb=math.ceil((self.sandbox.disk_mb + 2 * context.blob.size / 2**20) / _GIB) + 1,
            network_allowlist=list(self.sandbox.network),  # an empty one lets nothing through
            timeout_minutes=math.ceil(vendor.longest(limits) / 60),
            idle_timeout_minutes=_IDLE,
            labels=list(vendor.LABELS.values()),
            vm=True,
        )
        with _told():
            self._id = (await self._client.create(asked)).id
            await self._client.wait_for_creation(self._id)
        self._lease = vendor.Lease(_IDLE * 60, functools.partial(self.run, "true"))

    async def run(self, command: str, *, root: bool = False) -> str:
        with _told():
            done = await self._client.execute_command(self._id, command, timeout=_COMMAND)
        if done.exit_code != 0:
            said = " ".join(done.stderr.split())[:300]
            raise SandboxError(f"a command in the machine failed ({done.exit_code}): {said}")
        return str(done.stdout)

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
        async with starting() as worker, contextlib.AsyncExitStack() as stack:
            with _told():
                process = await self._client.open_process(self._id, f"exec {shlex.join(argv)} 2>/dev/null")
            stack.push_async_callback(process.aclose)
            open_until = stack.pop_all()

            async def ended() -> str:
                async with open_until:
                    async for chunk in process.stdout:
                        await worker.feed(chunk)
                    return vendor.ending(await process.wait())

            worker.attach(process.write_stdin, ended, process.kill, _told)
            return worker

    async def remove(self) -> None:
        if self._lease is not None:
            await self._lease.end()
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
