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
from collections.abc import Mapping, Sequence
from pathlib import Path

from rlm.context import Context
from rlm.errors import SandboxError
from rlm.sandbox import ps
from rlm.sandbox.exits import in_words
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.start import ENVIRONMENT
from rlm.types import JSON

_STREAM_LIMIT = 2**20  # bytes read ahead of a worker's stream
_BASE = 64 * 2**20  # bytes of a Python with a worker in it, generously
_POLL = 0.25  # seconds


class SpawnedRun:
    """One run's input, handed to each worker as a descriptor: an `Environment`.

    Args:
        context: The input.
        around: A program and its arguments that workers are started in.
        memory_bytes: What a worker may use beyond its input; it is looked at four times a second. None is no limit.
        packages: A folder that workers import from as well.
    """

    def __init__(
        self,
        context: Context,
        around: Sequence[str] = (),
        memory_bytes: int | None = None,
        packages: str | None = None,
    ) -> None:
        self._blob = os.dup(context.blob.fd)
        self._program = [*around, os.path.realpath(sys.executable) if around else sys.executable]
        most = None if memory_bytes is None else memory_bytes + _BASE + 4 * context.blob.size
        self._workers = Workers(most, watched=most is not None)
        self._options = {"kind": context.kind, "parts": context.parts, "packages": packages}
        self.names: Mapping[str, JSON] = {}
        self.env: Mapping[str, str] = {}

    async def start(self, pieces: ChildContext | None = None) -> SpawnedWorker:
        ours, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as options:
            options.write(json.dumps(self._options).encode())
            options.flush()
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._program,
                    *("-S", "-s", "-X", "utf8", str(Path(__file__).with_name("start.py"))),
                    *(f"/dev/fd/{self._blob}", f"/dev/fd/{options.fileno()}", json.dumps(pieces)),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=asyncio.subprocess.DEVNULL,
                    pass_fds=(self._blob, options.fileno()),
                    env=ENVIRONMENT,
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
        self._workers.add(worker)
        return worker

    def stop(self, why: str) -> None:
        """Kills the workers that run now, which ended because of `why`."""
        self._workers.stop(why)

    async def close(self) -> None:
        await self._workers.close()
        if self._blob >= 0:
            os.close(self._blob)
            self._blob = -1


class Workers:
    """The workers of one run that are processes of ours.

    Args:
        most: Bytes of memory that each may use; None is no limit.
        watched: Whether `ps` is asked, four times a second, what they use.
    """

    def __init__(self, most: int | None = None, *, watched: bool) -> None:
        self._most = most
        self._watched = watched
        self._all: list[SpawnedWorker] = []
        self._watching: asyncio.Task[None] | None = None

    def add(self, worker: SpawnedWorker) -> None:
        """Takes one that was started."""
        self._all.append(worker)
        if self._watched and self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            used = await asyncio.to_thread(ps.used)
            for worker in self._all:
                if (its := used.get(worker.pid)) is not None and worker.runs():
                    worker.cpu = its.cpu
                    if self._most is not None and its.memory > self._most:
                        worker.stop("it used more memory than it may")
            await asyncio.sleep(_POLL)

    def stop(self, why: str) -> None:
        """Kills those that run now, which ended because of `why`."""
        for worker in self._all:
            worker.stop(why)

    async def close(self) -> None:
        """Ends all and waits until they are gone."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        for worker in self._all:
            worker.kill()
            await worker.wait()


class SpawnedWorker:
    """A process with a worker in it: a `Worker`."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.pid = process.pid
        self.cpu: float | None = None  # seconds, as `ps` told
        self._process = process
        self._why: str | None = None

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

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
        return self.cpu
