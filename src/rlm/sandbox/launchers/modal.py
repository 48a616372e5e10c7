"""`modal`: a sandbox of Modal's a run, its workers over `exec`, whose streams carry bytes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from rlm.context import Context
from rlm.sandbox import vendor
from rlm.sandbox.far import FarLauncher, FarMachine, named_and_addresses
from rlm.sandbox.far_worker import ANNOUNCED, FarWorker, starting
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_KEYS = ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET")
_APP = "rlm-engine"
_LEASE = 300  # seconds that a sandbox stays when nobody touches its lease
_LEASE_FILE = "~/.rlm-lease"
_PIECE = 1 << 20  # bytes; Modal takes up to 16 MiB at once


class ModalLauncher(FarLauncher):
    """Runs cells in sandboxes of Modal's (gVisor); needs an account, its token, and the extra `modal`."""

    name = "modal"
    module = "modal"
    keeps = frozenset(("image", "packages", "cpus", "files", "output", "network"))
    lacks = frozenset(("disk",))

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        file = Path(os.environ.get("MODAL_CONFIG_PATH") or "~/.modal.toml").expanduser()
        self.keys = () if file.exists() else _KEYS
        super().__init__(sandbox)

    def _machine(self) -> FarMachine:
        return _Machine(self._sandbox)


class _Machine(FarMachine):
    _made: Any = None  # modal.Sandbox, once it is made

    async def make(self, context: Context, limits: Limits) -> None:
        errors = vendor.library("modal.exception", "modal")
        may_pass = (errors.ResourceExhaustedError, errors.ServiceError, errors.InternalError)
        with _told():
            self._made = await vendor.made(lambda: _asked(self.sandbox, context, limits), *may_pass)
        self.keep(_LEASE, lambda: self.run(f"touch {_LEASE_FILE}"))

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
                process = await self._made.exec.aio(*ANNOUNCED, *argv, text=False)

            ended = partial(worker.read, process.stdout, process.wait.aio)
            worker.attach(partial(_send, process), ended, partial(self.kill, worker), _told)
            return worker

    async def install(self) -> None:
        """Nothing: packages are in the image, which Modal builds once."""

    async def end(self) -> None:
        if self._made is not None:
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
            printed = await vendor.read_printed(process.stdout)
            if code := await process.wait.aio():
                raise vendor.failed(code, (await vendor.read_printed(process.stderr)).decode("utf-8", "replace"))
        return printed


async def _asked(sandbox: Sandbox, context: Context, limits: Limits) -> Any:
    library, memory = vendor.library("modal", "modal"), vendor.memory_mb(context, limits)
    names, addresses = named_and_addresses(sandbox.network)
    allowed = {"outbound_domain_allowlist": names, "outbound_cidr_allowlist": addresses}
    cpus = sandbox.cpus or 1.0
    return await library.Sandbox.create.aio(
        *("python3", "-c", vendor.keeper(_LEASE_FILE, _LEASE)),
        app=await library.App.lookup.aio(_APP, create_if_missing=True),
        image=vendor.image(library.Image.from_registry, library.Image.debian_slim, sandbox),
        timeout=vendor.longest(limits),
        cpu=(cpus, cpus),
        memory=(min(limits.memory_mb, memory), memory),
        tags=vendor.LABELS,
        **(allowed if sandbox.network else {"block_network": True}),
    )


async def _send(process: Any, data: bytes) -> None:
    process.stdin.write(data)
    await process.stdin.drain.aio()


def _told() -> contextlib.AbstractContextManager[None]:
    raised = vendor.library("modal.exception", "modal").Error
    grpc = vendor.library("grpclib.exceptions", "modal")
    return vendor.told_as_ours("Modal", (raised, grpc.GRPCError, grpc.StreamTerminatedError, OSError), *_KEYS)
