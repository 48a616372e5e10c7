"""Commands in a pod, over the websocket of its `exec`: a byte in front of each message says which stream it is."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import IO, Any

from rlm.errors import SandboxError
from rlm.sandbox import vendor

_STDIN, _STDOUT, _STDERR, _STATUS = range(4)
_PIECE = 1 << 18  # bytes
_TOLD = 300  # characters


class PodExec:
    """One command in a pod while it runs.

    Attributes:
        code: Its exit code, once `stdout` has ended; None where the stream broke before it was told.
    """

    def __init__(self, socket: Any) -> None:
        self.code: int | None = None
        self.complaint = ""
        self._socket = socket

    async def write(self, data: bytes) -> None:
        await self._socket.send_bytes(bytes((_STDIN,)) + data)

    async def stdout(self) -> AsyncIterator[bytes]:
        """What it prints, until it ends."""
        async for message in self._socket:
            data = message.data if isinstance(message.data, bytes) else str(message.data).encode()
            channel, data = data[:1], data[1:]
            if channel == bytes((_STDOUT,)) and data:
                yield data
            elif channel == bytes((_STDERR,)):
                self.complaint = (self.complaint + data.decode("utf-8", "replace"))[:_TOLD]
            elif channel == bytes((_STATUS,)):
                self.code = _code(data)
                return


@contextlib.asynccontextmanager
async def executing(core: Any, namespace: str, pod: str, argv: Sequence[str], *, stdin: bool) -> AsyncIterator[PodExec]:
    """A command in a pod.

    Args:
        core: The API of `kubernetes.aio`, over its websocket client.
        namespace: The pod's.
        pod: Its name.
        argv: The command; no shell is between.
        stdin: Whether it is written to.
    """
    connecting = await core.connect_get_namespaced_pod_exec_without_preload_content(
        pod, namespace, command=list(argv), stdin=stdin, stdout=True, stderr=True, tty=False
    )
    async with connecting as socket:
        yield PodExec(socket)


async def run(core: Any, namespace: str, pod: str, argv: Sequence[str], source: IO[bytes] | None = None) -> bytes:
    """Runs a command to its end; what it printed.

    What it reads is `source`; it has to know how much that is, since its end can't be told. The rest as `executing`.

    Raises:
        SandboxError: It failed.
    """
    async with executing(core, namespace, pod, argv, stdin=source is not None) as command:
        if source is not None:
            while data := source.read(_PIECE):
                await command.write(data)
        printed = await vendor.read_printed(command.stdout())
    if command.code != 0:
        raise SandboxError(f"a command in the pod failed ({command.code}): {' '.join(command.complaint.split())}")
    return printed


def _code(status: bytes) -> int | None:
    """The exit code in the `Status` object that ends a command."""
    with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
        told = json.loads(status)
        if told["status"] == "Success":
            return 0
        causes = told["details"]["causes"]
        return next(int(cause["message"]) for cause in causes if cause["reason"] == "ExitCode")
    return None
