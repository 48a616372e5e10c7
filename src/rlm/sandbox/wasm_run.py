"""The workers of one run in WebAssembly: a process each, with an instance in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterable, Sequence

from rlm.context import Context
from rlm.context.blob import Blob
from rlm.errors import SandboxError
from rlm.sandbox import corpus, ps
from rlm.sandbox.exits import in_words
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.spawned import SpawnedWorker, Workers
from rlm.sandbox.wasm_module import HOST, PYTHON, sources
from rlm.types import JSON

_STREAM_LIMIT = 2**20  # bytes read ahead of a worker's stream
# Bytes of memory for each of the input: as it came, and as text of one byte a character, or of four, or as JSON values.
_ASCII, _OTHER = 2, 5
_TRAPPED = 70  # the exit status of `wasm_host`
_BASE = 64 * 2**20  # bytes of a Python with a worker in it, generously
MOST = 2**32 - 2**16  # bytes that an address of 32 bits reaches

# What the interpreter runs: the worker's files come first on the stream, then the input, then frames.
PROGRAM = """
import _socket, json, os, sys
from importlib.machinery import ModuleSpec

stream = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM, 0, 1000)

def take(size):
    data = b""
    while len(data) < size:
        data += stream.recv(size - len(data)) or os._exit(0)
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
main(stream, start)
"""


class WasmRun:
    """One run's input, sent to each worker.

    Args:
        context: The input.
        module: The compiled Python.
        memory_bytes: What a worker may have beyond its input.
        folders: Those that workers find: their paths here and there, and whether they may write to them.
        temporary: A folder that is removed with this.
        packages: The one of the folders there that workers import from, if one is.
    """

    def __init__(
        self,
        context: Context,
        module: str,
        memory_bytes: int,
        folders: Sequence[tuple[str, str, bool]] = (),
        temporary: str | None = None,
        packages: str | None = None,
    ) -> None:
        self._module = module
        self._packages = packages
        self._temporary = temporary
        self._folders = json.dumps(folders)
        self._more = _BASE + memory_bytes
        self._blob = Blob(os.dup(context.blob.fd), context.blob.size)
        self._kind = context.kind
        self._parts: list[JSON] = [list(part) for part in context.parts]
        self._each = 0  # bytes of memory for each of the input, once that is known
        self._loaded: corpus.Loaded | None = None
        self._loading = asyncio.Lock()
        self._workers = Workers(watched=sys.platform != "linux")

    async def start(self, pieces: ChildContext | None = None) -> WasmWorker:
        if pieces is None:
            if not self._each:
                self._each = _OTHER if self._kind == "json" else await asyncio.to_thread(_each, self._blob.pieces())
            each, size, sent = self._each, self._blob.size, self._blob.pieces()
            told: dict[str, JSON] = {"kind": self._kind, "parts": self._parts, "origin": None}
        else:
            piece = await self._piece(pieces)
            each, size, sent = _each((piece,)), len(piece), iter((piece,))
            told = {"kind": "str", "parts": [], "origin": [pieces.start, pieces.name]}
        if _BASE + each * size > MOST:
            raise SandboxError(f"{size >> 20:,} MiB of input do not fit into WebAssembly's 4 GiB; use another sandbox")
        header = json.dumps({**told, "size": size, "sources": sources(), "packages": self._packages}).encode()
        worker = await self._spawn(min(each * size + self._more, MOST), 4 + len(header) + size)
        try:
            worker.writer.write(len(header).to_bytes(4, "big") + header)
            for data in sent:
                worker.writer.write(data)
                await worker.writer.drain()
        except OSError:
            pass  # it has ended, which its stream tells
        except BaseException:
            worker.kill()
            raise
        return worker

    async def _piece(self, pieces: ChildContext) -> bytes:
        """A child's input. The first one has the whole decoded here, which stays as long as the run."""
        async with self._loading:
            if self._loaded is None:
                self._loaded = await asyncio.to_thread(corpus.build_context, self._kind, self._parts, self._blob.fd)
        try:
            text = corpus.slice_context(self._loaded, pieces.name, pieces.start, pieces.end).value
        except ValueError as error:
            raise SandboxError(f"no worker can be started: {error}") from None
        return str(text).encode("utf-8", "surrogatepass")

    async def _spawn(self, memory: int, ahead: int) -> WasmWorker:
        # Not pipes: up to Python 3.12.4 the end of a process is not told while its pipe has more than anybody reads.
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *PYTHON,
                    *(HOST, self._module, str(memory), PROGRAM, str(ahead), self._folders),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=asyncio.subprocess.DEVNULL,
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
        except OSError as error:
            ours.close()
            raise SandboxError(f"no worker can be started: {error}") from error
        except BaseException:
            ours.close()
            raise
        worker = WasmWorker(process, *await asyncio.open_connection(sock=ours, limit=_STREAM_LIMIT))
        self._workers.add(worker)
        return worker

    def stop(self, why: str) -> None:
        """Kills the workers that run now, which ended because of `why`."""
        self._workers.stop(why)

    async def close(self) -> None:
        await self._workers.close()
        self._blob.close()
        if self._temporary is not None:
            await asyncio.to_thread(shutil.rmtree, self._temporary, ignore_errors=True)


def _each(pieces: Iterable[bytes]) -> int:
    return _ASCII if all(piece.isascii() for piece in pieces) else _OTHER


class WasmWorker(SpawnedWorker):
    """A process with an instance in it."""

    def interrupt(self) -> None:
        """Nothing: the frame is enough."""

    async def wait(self) -> str:
        how = await super().wait()
        return "WebAssembly ended it: it did what can't be done there" if how == in_words(_TRAPPED) else how

    def cpu_seconds(self) -> float | None:
        if sys.platform != "linux" or not self.runs():
            return self.cpu
        with contextlib.suppress(OSError):  # it has just ended
            self.cpu = time.clock_gettime(ps.cpu_clock(self.pid))
        return self.cpu
