"""A machine for tests: a temporary folder here, and child processes that run in it."""

import asyncio
import io
import os
import shutil
import signal
import socket
import sys
import tarfile
import tempfile
from pathlib import Path

from rlm.errors import SandboxError
from rlm.sandbox.exits import in_words


class FolderMachine:
    """A `Machine`. Its programs get variables that a place would have, which cells must not see.

    Attributes:
        uploads: The relative paths of each upload.
        fails: What every call raises from now on, if set.
    """

    def __init__(self, python=sys.executable):
        self.folder = tempfile.mkdtemp(prefix="rlm-machine-")
        self.python = python
        self.uploads = []
        self.workers = []
        self.removed = 0
        self.fails = None

    async def upload(self, files):
        self._check()
        self.uploads.append(sorted(files))
        for name, value in files.items():
            path = Path(self.folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(value.read_bytes() if isinstance(value, Path) else value)

    async def start(self, argv):
        self._check()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *argv,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=asyncio.subprocess.DEVNULL,
                    cwd="/",
                    env={"PLACE_TOKEN": "secret", "PATH": os.environ["PATH"]},
                    start_new_session=True,
                )
        except OSError as error:
            ours.close()
            raise SandboxError(f"no program can be started: {error}") from error
        worker = FolderWorker(process, *await asyncio.open_connection(sock=ours, limit=2**20))
        self.workers.append(worker)
        return worker

    async def download(self, folder):
        self._check()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(Path(self.folder, folder), folder)
        return packed.getvalue()

    async def remove(self):
        self.removed += 1
        for worker in self.workers:
            worker.kill()
            await worker.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check(self):
        if self.fails is not None:
            raise SandboxError(self.fails)


class FolderWorker:
    """A `Worker` of it."""

    def __init__(self, process, reader, writer):
        self.process, self.reader, self.writer = process, reader, writer

    def interrupt(self):
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)

    def kill(self):
        if self.process.returncode is None:
            self.process.kill()
        self.writer.transport.abort()

    async def wait(self):
        return in_words(await self.process.wait())

    def printed(self):
        return "", 0

    def cpu_seconds(self):
        return None
