"""Workers beside the kernel of a notebook: asked for over its connection, or here, where this process is the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from typing import Any

from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import in_kernel
from rlm.sandbox.exits import in_words
from rlm.sandbox.launchers.base import ChildContext
from rlm.types import JSON

_REPLY = 30.0  # seconds for a kernel to answer: it does one thing at a time
_STREAM_LIMIT = 2**20
_END = 5.0  # seconds for killed workers to be gone


def own_connection() -> str | None:
    """The connection file of the kernel that this process is, if it is one."""
    application = getattr(sys.modules.get("ipykernel.kernelapp"), "IPKernelApp", None)
    if application is None or not application.initialized():
        return None
    return str(application.instance().abs_connection_file)


class OwnKernel:
    """This process, which is a kernel."""

    async def ask(self, request: dict[str, Any]) -> None:
        """Does something at once."""
        in_kernel.act(request)

    def close(self) -> None:
        """Nothing."""


class Kernel:
    """A kernel of another process.

    Args:
        connection: Its connection file, or a part of its name; None for the one that was used last.

    Raises:
        SandboxUnavailableError: There is none, or it is elsewhere.
    """

    def __init__(self, connection: object) -> None:
        import jupyter_client
        from jupyter_client.asynchronous.client import AsyncKernelClient

        try:
            path = jupyter_client.find_connection_file(str(connection or "kernel-*.json"))
            self._client = AsyncKernelClient()
            self._client.load_connection_file(path)
        except (OSError, ValueError) as error:
            raise SandboxUnavailableError(f"no kernel is found: {error}") from error
        if self._client.transport != "ipc" and self._client.ip not in ("127.0.0.1", "localhost", "::1"):
            raise SandboxUnavailableError(f"the kernel is on {self._client.ip}: it has to run on this machine")
        self._client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
        self._asking = asyncio.Lock()

    async def ask(self, request: dict[str, Any]) -> None:
        """Has it do something.

        Raises:
            SandboxError: It does not answer, or can't.
        """
        path = in_kernel.__file__
        names = f"{{'__name__': 'rlm_in_kernel', 'REQUEST': {request!r}}}"
        code = f"exec(compile(open({path!r}, encoding='utf-8').read(), {path!r}, 'exec'), {names})"
        async with self._asking:
            try:
                reply = await self._client.execute(
                    code, silent=True, store_history=False, allow_stdin=False, reply=True, timeout=_REPLY
                )
            except TimeoutError:
                raise SandboxError(f"the kernel did not answer within {_REPLY:g} s: it is busy, or gone") from None
        content = reply["content"]
        if content["status"] != "ok":
            raise SandboxError(f"the kernel can't be used: {content.get('ename')}: {content.get('evalue')}"[:500])

    def close(self) -> None:
        """Lets go of it."""
        self._client.stop_channels()
        self._client.context.destroy(linger=0)


class KernelRun:
    """One run's input beside a kernel: an `Environment`."""

    def __init__(
        self, kernel: Kernel | OwnKernel, folder: str, names: Mapping[str, JSON], env: Mapping[str, str]
    ) -> None:
        self.names = names
        self.env = env
        self._kernel = kernel
        self._folder = folder
        self._workers: list[KernelWorker] = []

    async def start(self, pieces: ChildContext | None = None) -> KernelWorker:
        number = len(self._workers) + 1
        base = f"{self._folder}/{number}"
        os.mkfifo(f"{base}.ended", 0o600)
        ended = os.open(f"{base}.ended", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        worker = KernelWorker(ended)
        self._workers.append(worker)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"{base}.socket")
            listening.listen(1)
            listening.setblocking(False)
            piece = None if pieces is None else list(pieces)
            await self._kernel.ask(
                {"do": "fork", "folder": self._folder, "number": number, "source": "input", "piece": piece}
            )
            stream, _ = await asyncio.get_running_loop().sock_accept(listening)  # it has connected before it answered
        worker.reader, worker.writer = await asyncio.open_connection(sock=stream, limit=_STREAM_LIMIT)
        return worker

    async def close(self) -> None:
        for worker in self._workers:
            worker.kill()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END):
                    for worker in self._workers:
                        await worker.wait()
        finally:
            for worker in self._workers:
                worker.forget()
            self._kernel.close()
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


class KernelWorker:
    """A worker that a kernel forked: a `Worker`.

    Args:
        ended: A FIFO on which the kernel tells its exit status, and which closes with the kernel.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def __init__(self, ended: int) -> None:
        self._fd = ended
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._loop.add_reader(ended, self._on_ended)

    def interrupt(self) -> None:
        """Nothing: the `interrupt` frame goes out, and the worker interrupts itself."""

    def kill(self) -> None:
        """Closes the stream, whereupon the process that watches it kills it."""
        if hasattr(self, "writer"):
            self.writer.transport.abort()
        else:
            self.forget()

    async def wait(self) -> str:
        return await asyncio.shield(self._ended)

    def printed(self) -> tuple[str, int]:
        return "", 0

    def cpu_seconds(self) -> float | None:
        return None

    def forget(self) -> None:
        """Lets go of it, however it ends."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
        if not self._ended.done():
            self._ended.set_result("it was given up")

    def _on_ended(self) -> None:
        told = os.read(self._fd, 32)
        with contextlib.suppress(ValueError):
            self._ended.set_result(in_words(int(told)))
        if not self._ended.done():
            self._ended.set_result("its kernel ended")
        self.forget()
