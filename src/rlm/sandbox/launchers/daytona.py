"""`daytona`: a sandbox of Daytona's a run. Its two-way streams are terminals, so a worker writes base64 in one."""

from __future__ import annotations

import contextlib
import math
import shlex
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import IO, Any

from rlm.context import Context
from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import vendor
from rlm.sandbox.far import FarLauncher, FarMachine, is_address, set_up
from rlm.sandbox.far_worker import ANNOUNCES, FarWorker, starting
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_KEY = "DAYTONA_API_KEY"
_IDLE = 5  # minutes without activity until a sandbox is stopped, and with that deleted
_COMMAND = 600  # seconds
_START = 600  # seconds: an image may have to be built
_PYTHON = "3.12"
_GIB = 1024  # MiB


class DaytonaLauncher(FarLauncher):
    """Runs cells in sandboxes of Daytona's; needs an account, its key in DAYTONA_API_KEY, and the extra `daytona`."""

    name = "daytona"
    module = "daytona"
    keys = (_KEY,)
    keeps = frozenset(("image", "packages", "cpus", "disk_mb", "files", "output", "network"))

    def enforces(self) -> frozenset[str]:
        """All; but `network` not where hosts are let through by name."""
        held = super().enforces()
        return held if all(map(is_address, self._sandbox.network)) else held - {"network"}

    async def _machine(self, context: Context, limits: Limits) -> FarMachine:
        library = vendor.library(self.module, self.name)
        client = library.AsyncDaytona()
        try:
            with _told():
                asked = _asked(library, self._sandbox, context, limits)
                made = await vendor.made(lambda: client.create(asked, timeout=_START), _may_pass)
        except BaseException as error:
            await client.close()
            if isinstance(error, SandboxError):
                raise SandboxUnavailableError(f"no sandbox could be had: {error}") from None
            raise
        machine = _Machine(self._sandbox, client, made)
        await set_up(machine)
        return machine


class _Machine(FarMachine):
    def __init__(self, sandbox: Sandbox, client: Any, made: Any) -> None:
        super().__init__(sandbox)
        self._client = client
        self._made = made
        self._lease = vendor.Lease(_IDLE * 60, self._extend)

    async def run(self, command: str, *, root: bool = False) -> str:
        with _told():
            done = await self._made.process.exec(command, timeout=_COMMAND)
        if done.exit_code != 0:
            said = " ".join(done.result.split())[:300]
            raise SandboxError(f"a command in the sandbox failed ({done.exit_code}): {said}")
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
        async with starting(text=True, announced=True) as worker, contextlib.AsyncExitStack() as stack:
            name = uuid.uuid4().hex
            with _told():
                terminal = await self._made.process.create_pty_session(id=name, on_data=worker.feed)
                stack.push_async_callback(terminal.disconnect)
                # A worker's own process group may not read a terminal, so something beside it does.
                pipe = f"{self.folder}/{name}"
                program = (
                    f"mkfifo {pipe}; cat </dev/tty >{pipe} & exec {shlex.join([*argv, 'text'])} <{pipe} 2>/dev/null"
                )
                command = f"{ANNOUNCES}; exec sh -c {shlex.quote(program)}"
                await terminal.send_input(f" stty raw -echo; {command}\n")
            await worker.number()  # from here on what is sent is not for the shell
            open_until = stack.pop_all()

            async def ended() -> str:
                async with open_until:
                    result = await terminal.wait()
                return "its stream broke" if result.exit_code is None else vendor.ending(result.exit_code)

            worker.attach(terminal.send_input, ended, terminal.kill, _told)
            return worker

    async def remove(self) -> None:
        await self._lease.end()
        try:
            with _told(), contextlib.suppress(vendor.library("daytona", "daytona").DaytonaNotFoundError):
                await self._made.delete()
        finally:
            await self._client.close()

    async def _extend(self) -> None:
        with _told():
            await self._made.refresh_activity()


def _asked(library: Any, sandbox: Sandbox, context: Context, limits: Limits) -> Any:
    names = [host for host in sandbox.network if not is_address(host)]
    addresses = [f"{host}/32" for host in sandbox.network if is_address(host)]
    common = {
        "labels": dict(vendor.LABELS),
        "ephemeral": True,
        "auto_stop_interval": _IDLE,
        "ttl_minutes": math.ceil(vendor.longest(limits) / 60),
        "network_block_all": not sandbox.network,
        "network_allow_list": ",".join(addresses) or None,
        "domain_allow_list": ",".join(names) or None,
    }
    default = Sandbox(sandbox.name)
    if all(getattr(sandbox, name) == getattr(default, name) for name in ("image", "packages", "cpus", "disk_mb")):
        return library.CreateSandboxFromSnapshotParams(**common)
    image = library.Image.base(sandbox.image) if sandbox.image else library.Image.debian_slim(_PYTHON)
    resources = library.Resources(
        cpu=math.ceil(sandbox.cpus or 1),
        memory=math.ceil(vendor.memory_mb(context, limits) / _GIB),
        disk=math.ceil((sandbox.disk_mb + 2 * context.blob.size / 2**20) / _GIB) + 1,
    )
    image = image.pip_install(*sandbox.packages) if sandbox.packages else image
    return library.CreateSandboxFromImageParams(image=image, resources=resources, **common)


def _may_pass(error: Exception) -> bool:
    library = vendor.library("daytona.common.errors", "daytona")
    return isinstance(error, (library.DaytonaServiceUnavailableError, library.DaytonaBadGatewayError))


def _told() -> contextlib.AbstractContextManager[None]:
    library = vendor.library("daytona", "daytona")
    return vendor.told_as_ours("Daytona", (library.DaytonaError, OSError), _KEY)
