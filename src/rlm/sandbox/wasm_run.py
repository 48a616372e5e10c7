"""The workers of one run in WebAssembly: a process each, with an instance in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping

from rlm.context import Context
from rlm.context.blob import Blob
from rlm.errors import SandboxError
from rlm.sandbox.exits import in_words
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.wasm_module import HOST, PYTHON, sources
from rlm.types import JSON

_STREAM_LIMIT = 2**20  # bytes read ahead of a worker's stream
_PIECE = 2**20
_BASE = 64 * 2**20  # bytes of a Python with a worker in it, generously
MOST = 2**32 - 2**16  # bytes that an address of 32 bits reaches

# What the interpreter runs: the worker's files come first on the stream, then the input, then frames.
PROGRAM = """
import json, os, sys, types
from importlib.machinery import ModuleSpec

STREAM = 0

def receive(size):
    return os.read(STREAM, size)

def take(size):
    data = b""
    while len(data) < size:
        data += receive(size - len(data)) or os._exit(0)
    return data

class Shipped:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "rlm_worker":
            return ModuleSpec(name, self, is_package=name == "rlm_worker")
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(sources.get(module.__name__[11:], ""), module.__name__, "exec"), module.__dict__)

class NoMap:
    PROT_READ = MAP_PRIVATE = 0
    def mmap(self, *args, **kwargs):
        raise OSError("no memory can be mapped here")

start = json.loads(take(int.from_bytes(take(4), "big")))
sources = start["sources"]
sys.meta_path.insert(0, Shipped())
sys.modules["mmap"] = NoMap()
from rlm_worker.wasm_guest import main
main(receive, start)
"""


class WasmRun:
    """One run's input, sent to each worker: an `Environment`.

    Args:
        context: The input.
        module: The compiled Python.
        memory_bytes: What a worker may have beyond its input.

    Raises:
        SandboxError: The input is larger than an address of 32 bits can reach.
    """

    def __init__(self, context: Context, module: str, memory_bytes: int) -> None:
        self._size = context.blob.size
        needed = _BASE + 5 * self._size
        if needed > MOST:
            raise SandboxError(
                f"an input of {self._size >> 20:,} MiB does not fit into WebAssembly's 4 GiB; use another sandbox, "
                "such as 'docker'"
            )
        self._memory = min(needed + memory_bytes, MOST)
        self._module = module
        self._input = Blob(os.dup(context.blob.fd), self._size)
        self._start = {"kind": context.kind, "parts": [list(part) for part in context.parts], "size": self._size}
        self._workers: list[WasmWorker] = []
        self.names: Mapping[str, JSON] = {}
        self.env: Mapping[str, str] = {}

    async def start(self, pieces: ChildContext | None = None) -> WasmWorker:
        start = json.dumps({**self._start, "piece": pieces, "sources": sources()}).encode()
        ahead = 4 + len(start) + self._size
        try:
            process = await asyncio.create_subprocess_exec(
                *PYTHON,
                *(HOST, self._module, str(self._memory), PROGRAM, str(ahead)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                cwd="/",
                limit=_STREAM_LIMIT,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"no worker can be started: {error}") from error
        worker = WasmWorker(process)
        self._workers.append(worker)
        with contextlib.suppress(OSError):  # it has ended, which its stream tells
            worker.writer.write(len(start).to_bytes(4, "big") + start)
            for at in range(0, self._size, _PIECE):
                worker.writer.write(self._input.read(at, _PIECE))
                await worker.writer.drain()
        return worker

    async def close(self) -> None:
        for worker in self._workers:
            worker.kill()
            await worker.wait()
        self._input.close()


class WasmWorker:
    """A process with an instance in it: a `Worker`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.reader = process.stdout
        self.writer = process.stdin
        self.cpu: float | None = None  # seconds, as `ps` told where there is no /proc
        self._process = process

    def interrupt(self) -> None:
        """Nothing: the frame is enough."""

    def kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if not self.writer.transport.is_closing():
            self.writer.transport.abort()

    async def wait(self) -> str:
        return in_words(await self._process.wait())

    def printed(self) -> tuple[str, int]:
        return "", 0

    def cpu_seconds(self) -> float | None:
        try:
            with open(f"/proc/{self._process.pid}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            return self.cpu
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
