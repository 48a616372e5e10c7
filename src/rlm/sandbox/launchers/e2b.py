"""`e2b`: a virtual machine of E2B's a run, through its SDK. Its streams carry text, so a worker writes base64."""

from __future__ import annotations

import contextlib
import functools
import shlex
from collections.abc import AsyncIterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from rlm.context import Context
from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import vendor
from rlm.sandbox.far import FarLauncher, FarMachine, is_address, set_up
from rlm.sandbox.far_worker import FarWorker, starting
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

if TYPE_CHECKING:
    import e2b

_KEY = "E2B_API_KEY"
_LEASE = 300  # seconds that a machine stays when nobody asks for it to be kept
_COMMAND = 600  # seconds to install packages, or to unpack


class E2BLauncher(FarLauncher):
    """Runs cells in a machine of E2B's; needs an account, its key in E2B_API_KEY, and the extra `e2b`."""

    name = "e2b"
    module = "e2b"
    keys = (_KEY,)
    keeps = frozenset(("image", "packages", "files", "output", "network"))

    def enforces(self) -> frozenset[str]:
        """All; but `network` not where hosts are let through by name, since all of DNS is let through with them."""
        held = super().enforces()
        return held if all(map(is_address, self._sandbox.network)) else held - {"network"}

    async def _machine(self, context: Context, limits: Limits) -> FarMachine:
        library = vendor.library("e2b", self.name)
        try:
            with _told():
                made = await library.AsyncSandbox.create(
                    template=self._sandbox.image,
                    timeout=_LEASE,
                    metadata=vendor.LABELS,
                    network={} if self._sandbox.packages else _network(self._sandbox),
                )
        except SandboxError as error:
            raise SandboxUnavailableError(f"no machine could be had: {error}") from None
        machine = _Machine(self._sandbox, made)
        await set_up(machine)
        return machine


class _Machine(FarMachine):
    def __init__(self, sandbox: Sandbox, made: e2b.AsyncSandbox) -> None:
        super().__init__(sandbox)
        self._made = made
        self._lease = vendor.Lease(_LEASE, self._extend)

    async def run(self, command: str, *, root: bool = False) -> str:
        with _told():
            return (await self._made.commands.run(command, user="root" if root else None, timeout=_COMMAND)).stdout

    async def install(self) -> None:
        await super().install()
        if self.sandbox.packages:
            with _told():
                await self._made.update_network(_network(self.sandbox))

    async def put(self, path: str, file: IO[bytes]) -> None:
        with _told():
            await self._made.files.write(path, file)

    async def get(self, path: str) -> AsyncIterator[bytes]:
        with _told():
            chunks = await self._made.files.read(path, format="stream")
            async with chunks:
                async for chunk in chunks:
                    yield chunk

    async def start(self, argv: Sequence[str]) -> FarWorker:
        async with starting(text=True) as worker:
            with _told():
                handle: Any = await self._made.commands.run(
                    f"exec {shlex.join([*argv, 'text'])}",
                    background=True,
                    stdin=True,
                    timeout=0,  # no limit
                    on_stdout=worker.feed,
                    on_stderr=worker.complain,
                )

            worker.attach(handle.send_stdin, functools.partial(_ended, handle), handle.kill, _told)
            return worker

    async def remove(self) -> None:
        await self._lease.end()
        with _told():
            await self._made.kill()

    async def _extend(self) -> None:
        with _told():
            await self._made.set_timeout(_LEASE)


async def _ended(handle: Any) -> str:
    with contextlib.suppress(vendor.library("e2b", "e2b").CommandExitException):
        await handle.wait()
    return vendor.ending(handle.exit_code or 0)


def _network(sandbox: Sandbox) -> Any:
    return {"deny_out": ["0.0.0.0/0"], "allow_out": list(sandbox.network)}


def _told() -> contextlib.AbstractContextManager[None]:
    library = vendor.library("e2b", "e2b")
    raised = (library.SandboxException, library.AuthenticationException, library.ServiceBusyException, ConnectionError)
    lost = (vendor.library("httpx", "e2b").HTTPError, vendor.library("connectrpc.errors", "e2b").ConnectError)
    return vendor.told_as_ours("E2B", (*raised, *lost), _KEY)
