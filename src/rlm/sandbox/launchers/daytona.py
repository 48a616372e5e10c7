"""`daytona`: a sandbox of Daytona's a run. Its two-way streams are terminals, so a worker writes base64 in one."""

from __future__ import annotations

import contextlib
import math
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import IO, Any

from rlm.context import Context
from rlm.sandbox import vendor
from rlm.sandbox.far import FarLauncher, FarMachine, named_and_addresses
from rlm.sandbox.far_worker import FarWorker, in_terminal, starting
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_KEY = "DAYTONA_API_KEY"
_IDLE = 5  # minutes without activity until a sandbox is stopped, and with that deleted
_COMMAND = 600  # seconds
_START = 600  # seconds: an image may have to be built


class DaytonaLauncher(FarLauncher):
    """Runs cells in sandboxes of Daytona's; needs an account, its key in DAYTONA_API_KEY, and the extra `daytona`."""

    name = "daytona"
    module = "daytona"
    keys = (_KEY,)
    keeps = frozenset(("image", "packages", "cpus", "disk_mb", "files", "output", "network"))

    def _machine(self) -> FarMachine:
        return _Machine(self._sandbox)


class _Machine(FarMachine):
    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self._client = vendor.library("daytona", "daytona").AsyncDaytona()
        self._made: Any = None  # daytona.AsyncSandbox, once it is made

    async def make(self, context: Context, limits: Limits) -> None:
        errors = vendor.library("daytona.common.errors", "daytona")
        may_pass = (errors.DaytonaServiceUnavailableError, errors.DaytonaBadGatewayError)
        with _told():
            asked = _asked(self.sandbox, context, limits)
            self._made = await vendor.made(lambda: self._client.create(asked, timeout=_START), *may_pass)
        self.keep(_IDLE * 60, self._extend)

    async def run(self, command: str, *, root: bool = False) -> str:
        with _told():
            done = await self._made.process.exec(command, timeout=_COMMAND)
        if done.exit_code != 0:
            raise vendor.failed(done.exit_code, done.result)
        return str(done.result)

    async def install(self) -> None:
        """Nothing: packages are in the image, which Daytona builds."""

    async def put(self, path: str, file: IO[bytes]) -> None:
        with _told():
            await self._made.fs.upload_file_stream(file, path)

    async def get(self, path: str) -> AsyncIterator[bytes]:
        with _told():
            async for chunk in await self._made.fs.download_file_stream(path):
                yield chunk

    async def start(self, argv: Sequence[str]) -> FarWorker:
        async with starting(text=True, announced=True) as worker:
            name = uuid.uuid4().hex
            with _told():
                terminal = await self._made.process.create_pty_session(id=name, on_data=worker.feed)
                worker.until.push_async_callback(terminal.disconnect)
                await terminal.send_input(in_terminal([*argv, "text"], f"{self.folder}/{name}"))
            await worker.number()  # from here on what is sent is not for the shell

            async def ended() -> str:
                result = await terminal.wait()
                return "its stream broke" if result.exit_code is None else vendor.ending(result.exit_code)

            worker.attach(terminal.send_input, ended, terminal.kill, _told)
            return worker

    async def end(self) -> None:
        try:
            if self._made is not None:
                with _told(), contextlib.suppress(vendor.library("daytona", "daytona").DaytonaNotFoundError):
                    await self._made.delete()
        finally:
            await self._client.close()

    async def _extend(self) -> None:
        with _told():
            await self._made.refresh_activity()


def _asked(sandbox: Sandbox, context: Context, limits: Limits) -> Any:
    library = vendor.library("daytona", "daytona")
    names, addresses = named_and_addresses(sandbox.network)
    common = {
        "labels": dict(vendor.LABELS),
        "ephemeral": True,
        "auto_stop_interval": _IDLE,
        "ttl_minutes": math.ceil(vendor.longest(limits) / 60),
        "network_block_all": not sandbox.network,
        "network_allow_list": ",".join(addresses) or None,
        "domain_allow_list": ",".join(names) or None,
    }
    if not {"image", "packages", "cpus", "disk_mb"}.intersection(sandbox.given()):
        return library.CreateSandboxFromSnapshotParams(**common)
    image = vendor.image(library.Image.base, library.Image.debian_slim, sandbox)
    resources = library.Resources(
        cpu=math.ceil(sandbox.cpus or 1),
        memory=vendor.gib(vendor.memory_mb(context, limits)),
        disk=vendor.gib(vendor.disk_mb(context, sandbox)),
    )
    return library.CreateSandboxFromImageParams(image=image, resources=resources, **common)


def _told() -> contextlib.AbstractContextManager[None]:
    library = vendor.library("daytona", "daytona")
    return vendor.told_as_ours("Daytona", (library.DaytonaError, OSError), _KEY)
