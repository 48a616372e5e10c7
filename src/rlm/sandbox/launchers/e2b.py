"""`e2b`: a virtual machine of E2B's a run, through its SDK. Its streams carry text, so a worker writes base64."""

from __future__ import annotations

import contextlib
import functools
import shlex
from collections.abc import AsyncIterator, Sequence
from typing import IO, Any, ClassVar

from rlm.context import Context
from rlm.sandbox import vendor
from rlm.sandbox.far import FarLauncher, FarMachine
from rlm.sandbox.far_worker import FarWorker, starting
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_KEY = "E2B_API_KEY"
_LEASE = 300  # seconds that a machine stays when nobody asks for it to be kept
_COMMAND = 600  # seconds to install packages, or to unpack


class E2BLauncher(FarLauncher):
    """Runs cells in a machine of E2B's; needs an account, its key in E2B_API_KEY, and the extra `e2b`.

    Where hosts are let through by name, all of DNS is let through with them.
    """

    name = "e2b"
    module = "e2b"
    keys = (_KEY,)
    keeps = frozenset(("image", "packages", "files", "output", "network"))
    instead: ClassVar = {
        "cpus": "a template has as many as it was built with (`cpu_count`), so name one as `image`",
        "disk_mb": "a template has the disk that it was built with (`min_free_disk_mb`), so name one as `image`",
    }

    def _machine(self) -> FarMachine:
        return _Machine(self._sandbox)


class _Machine(FarMachine):
    _made: Any = None  # e2b.AsyncSandbox, once it is made

    async def make(self, context: Context, limits: Limits) -> None:
        library = vendor.library("e2b", "e2b")
        with _told():
            self._made = await library.AsyncSandbox.create(
                template=self.sandbox.image,
                timeout=_LEASE,
                metadata=vendor.LABELS,
                network={} if self.sandbox.packages else _network(self.sandbox),
            )
        self.keep(_LEASE, self._extend)

    async def run(self, command: str, *, root: bool = False) -> str:
        with _told():
            done = await self._made.commands.run(
                command,
                user="root" if root else None,
                timeout=_COMMAND,
                on_stdout=vendor.Printed(),
                on_stderr=vendor.Printed(),
            )
        return str(done.stdout)

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
            # The SDK would keep all that a worker ever prints: each of its frames, for as long as the run takes.
            handle._stdout_chunks, handle._stderr_chunks = vendor.Forgotten(), vendor.Forgotten()
            worker.attach(handle.send_stdin, functools.partial(_ended, handle), handle.kill, _told)
            return worker

    async def end(self) -> None:
        if self._made is not None:
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
