"""Workers that are started one by one with `start.py`, on systems that have no zygotes: slower, and each with a copy
of the input. Written for macOS, and tested on Linux only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rlm.context import Context
from rlm.errors import SandboxError
from rlm.sandbox.exits import in_words
from rlm.sandbox.launchers.base import ChildContext
from rlm.types import JSON

_STREAM_LIMIT = 2**20  # bytes read ahead of a worker's stream


class SpawnedRun:
    """One run's input, handed to each worker as a descriptor: an `Environment`."""

    def __init__(self, context: Context) -> None:
        self._blob = os.dup(context.blob.fd)
        self._options = {"kind": context.kind, "parts": context.parts}
        self._workers: list[SpawnedWorker] = []
        self.names: Mapping[str, JSON] = {}
        self.env: Mapping[str, str] = {}

    async def start(self, pieces: ChildContext | None = None) -> SpawnedWorker:
        ours, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as options:
            options.write(json.dumps(self._options).encode())
            options.flush()
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-S", "-s", "-X", "utf8", str(Path(__file__).with_name("start.py"))),
                    *(f"/dev/fd/{self._blob}", f"/dev/fd/{options.fileno()}", json.dumps(pieces)),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=asyncio.subprocess.DEVNULL,
                    pass_fds=(self._blob, options.fileno()),
                    env={"PYTHONHASHSEED": "0"},
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise SandboxError(f"no worker can be started: {error}") from error
            except BaseException:
                ours.close()
                raise
        worker = SpawnedWorker(process, *await asyncio.open_connection(sock=ours, limit=_STREAM_LIMIT))
        self._workers.append(worker)
        return worker

    def stop(self, why: str) -> None:
        """Kills the workers that run now, which ended because of `why`."""
        for worker in self._workers:
            worker.stop(why)

    async def close(self) -> None:
        for worker in self._workers:
            worker.kill()
            await worker.wait()
        if self._blob >= 0:
            os.close(self._blob)
            self._blob = -1


class SpawnedWorker:
    """A process with a worker in it: a `Worker`."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer
        self._process = process
        self._why: str | None = None

    def interrupt(self) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self.writer.transport.abort()

    def stop(self, why: str) -> None:
        """Kills it, if it runs, and has it end because of `why`."""
        if self._process.returncode is None:
            self._why = why
            self.kill()

    async def wait(self) -> str:
        how = in_words(await self._process.wait())
        return self._why or how

    def printed(self) -> tuple[str, int]:
        return "", 0

    def cpu_seconds(self) -> float | None:
        return None
