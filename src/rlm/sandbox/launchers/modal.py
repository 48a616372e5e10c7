"""`modal`: a sandbox of Modal's a run, its workers over `exec`, whose streams carry bytes."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any

from rlm.context import Context
from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import vendor
from rlm.sandbox.far import FarLauncher, FarMachine, is_address, set_up
from rlm.sandbox.far_worker import ANNOUNCES, FarWorker, starting
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_KEYS = ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET")
_APP = "rlm-engine"
_PYTHON = "3.12"
_LEASE = 300  # seconds that a sandbox stays when nobody touches its lease
_LEASE_FILE = "~/.rlm-lease"
_PIECE = 1 << 20  # bytes; Modal takes up to 16 MiB at once
_ANNOUNCED = ("sh", "-c", f'{ANNOUNCES}; exec "$@"', "sh")


class ModalLauncher(FarLauncher):
    """Runs cells in sandboxes of Modal's (gVisor); needs an account, its token, and the extra `modal`."""

    name = "modal"
    module = "modal"
    keeps = frozenset(("image", "packages", "cpus", "files", "output", "network"))

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        file = Path(os.environ.get("MODAL_CONFIG_PATH") or "~/.modal.toml").expanduser()
        self.keys = () if file.exists() else _KEYS
        super().__init__(sandbox)

    def enforces(self) -> frozenset[str]:
        """All but `disk`; nor `network` where hosts are let through by name, since how names are told is Modal's."""
        held = super().enforces() - {"disk"}
        return held if all(map(is_address, self._sandbox.network)) else held - {"network"}

    async def _machine(self, context: Context, limits: Limits) -> FarMachine:
        try:
            with _told():
                made = await vendor.made(functools.partial(self._made, context, limits), _may_pass)
        except SandboxError as error:
            raise SandboxUnavailableError(f"no sandbox could be had: {error}") from None
        machine = _Machine(self._sandbox, made)
        await set_up(machine)
        return machine

    async def _made(self, context: Context, limits: Limits) -> Any:
        library, memory = vendor.library("modal", self.name), vendor.memory_mb(context, limits)
        if self._sandbox.image is not None:
            image = library.Image.from_registry(self._sandbox.image)
        else:
            image = library.Image.debian_slim(python_version=_PYTHON)
        if self._sandbox.packages:
            image = image.pip_install(*self._sandbox.packages)
        names = [host for host in self._sandbox.network if not is_address(host)]
        addresses = [host for host in self._sandbox.network if is_address(host)]
        allowed = {"outbound_domain_allowlist": names, "outbound_cidr_allowlist": [f"{one}/32" for one in addresses]}
        cpus = self._sandbox.cpus or 1.0
        return await library.Sandbox.create.aio(
            *("python3", "-c", vendor.keeper(_LEASE_FILE, _LEASE)),
            app=await library.App.lookup.aio(_APP, create_if_missing=True),
            image=image,
            timeout=vendor.longest(limits),
            cpu=(cpus, cpus),
            memory=(min(limits.memory_mb, memory), memory),
            tags=vendor.LABELS,
            **(allowed if self._sandbox.network else {"block_network": True}),
        )


class _Machine(FarMachine):
    def __init__(self, sandbox: Sandbox, made: Any) -> None:
        super().__init__(sandbox)
        self._made = made
        self._lease = vendor.Lease(_LEASE, lambda: self.run(f"touch {_LEASE_FILE}"))

    async def run(self, command: str, *, root: bool = False) -> str:
        return (await self._run(command)).decode("utf-8", "replace")

    async def put(self, path: str, file: IO[bytes]) -> None:
        await self._run(f"cat > {path}", file)

    async def get(self, path: str) -> AsyncIterator[bytes]:
        with _told():
            process = await self._made.exec.aio("cat", path, text=False)
            async for chunk in process.stdout:
                yield chunk

    async def start(self, argv: Sequence[str]) -> FarWorker:
        async with starting(announced=True) as worker:
            with _told():
                process = await self._made.exec.aio(*_ANNOUNCED, *argv, text=False)

            async def ended() -> str:
                async for chunk in process.stdout:
                    await worker.feed(chunk)
                return vendor.ending(await process.wait.aio())

            async def kill() -> None:
                await self._run(f"kill -9 {await worker.number()}")

            worker.attach(functools.partial(_send, process), ended, kill, _told)
            return worker

    async def install(self) -> None:
        """Nothing: packages are in the image, which Modal builds once."""

    async def remove(self) -> None:
        await self._lease.end()
        with _told():
            await self._made.terminate.aio()
            await self._made.detach.aio()

    async def _run(self, command: str, file: IO[bytes] | None = None) -> bytes:
        with _told():
            process = await self._made.exec.aio("sh", "-c", command, text=False)
            if file is not None:
                while data := file.read(_PIECE):
                    await _send(process, data)
                process.stdin.write_eof()
                await process.stdin.drain.aio()
            printed: bytes = await process.stdout.read.aio()
            if code := await process.wait.aio():
                said = (await process.stderr.read.aio()).decode("utf-8", "replace")
                raise SandboxError(f"a command in the sandbox failed ({code}): {' '.join(said.split())[:300]}")
        return printed


async def _send(process: Any, data: bytes) -> None:
    process.stdin.write(data)
    await process.stdin.drain.aio()


def _may_pass(error: Exception) -> bool:
    raised = vendor.library("modal.exception", "modal")
    return isinstance(error, (raised.ResourceExhaustedError, raised.ServiceError, raised.InternalError))


def _told() -> contextlib.AbstractContextManager[None]:
    raised = vendor.library("modal.exception", "modal").Error
    grpc = vendor.library("grpclib.exceptions", "modal")
    return vendor.told_as_ours("Modal", (raised, grpc.GRPCError, grpc.StreamTerminatedError, OSError), *_KEYS)
