"""Sessions for tests: real workers, and workers that a test plays itself."""

import asyncio
import contextlib
import os
import socket
from pathlib import Path

from rlm.context import load
from rlm.sandbox import protocol
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.session import Session
from rlm.types import Cell, Limits

FUNCTIONS = ("llm_query", "llm_query_batched", "llm_map", "rlm_query", "rlm_query_batched")

DEFAULT = Limits()


async def echo(name, args):
    return f"{name} {args['prompt']}"


@contextlib.asynccontextmanager
async def open_session(value="one two\n", *, launcher="local", limits=DEFAULT, pieces=None, **options):
    options = {"functions": FUNCTIONS, "question": "why?", "max_output": 2000, "on_call": echo, **options}
    with contextlib.closing(load(value)) as context:
        environment = await find_launcher(launcher).open(context, limits)
    try:
        session = Session(environment, limits=limits, pieces=pieces, **options)
        try:
            yield session
        finally:
            await session.close()
    finally:
        await environment.close()


def run_cells(*codes, value="one two\n", **options):
    """The results of cells run one after the other in one real worker."""

    async def main():
        async with open_session(value, **options) as session:
            return [await session.run(Cell(code)) for code in codes]

    return asyncio.run(main())


def run_cell(code, **options):
    return run_cells(code, **options)[0]


def output(code, **options):
    """What a cell that must not fail prints."""
    result = run_cell(code, **options)
    assert (result.error, result.lost) == (None, None)
    return result.output


def _parents():
    """Every process, zombies included: pid -> its parent's. Without spares, which zygotes fork for runs to come."""
    found, spare = _processes()
    return {pid: parent for pid, parent in found.items() if pid not in spare}


def spares(zygote):
    """The processes that a zygote has forked for runs to come."""
    found, spare = _processes()
    return [pid for pid in spare if found[pid] == zygote]


def _processes():
    """Every process, pid -> its parent's, and the spares among them."""
    found, zygotes = {}, set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                start, _, rest = (folder / "stat").read_text().rpartition(")")
                found[int(folder.name)] = int(rest.split()[1])
                if start.endswith("(rlm-zygote"):
                    zygotes.add(int(folder.name))
    return found, {pid for pid in zygotes if found[pid] in zygotes}


def children(pid):
    return [child for child, parent in _parents().items() if parent == pid]


def descendants():
    """The pids of all processes below this one."""
    parents = _parents()
    found, level = set(), {os.getpid()}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found |= level
    return found


def open_fds():
    return sorted(os.listdir("/proc/self/fd"))


class PlayedWorker:
    """A worker whose every byte the test sends."""

    def __init__(self, reader, writer, peer):
        self.reader, self.writer, self.peer = reader, writer, peer
        self.killed = False
        self.interrupts = 0
        self.cpu = 0.0
        self.ended = asyncio.Event()

    def interrupt(self):
        self.interrupts += 1

    def kill(self):
        self.killed = True
        self.writer.transport.abort()
        self.peer.close()
        self.ended.set()

    async def wait(self):
        await self.ended.wait()
        return "it was played to the end"

    def printed(self):
        return "", 0

    def cpu_seconds(self):
        return self.cpu


class PlayedEnvironment:
    """Starts workers that are played by `script(peer)`, one after the other."""

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.workers = []
        self.tasks = []

    async def start(self, pieces=None):
        ours, theirs = socket.socketpair()
        worker = PlayedWorker(
            *await asyncio.open_connection(sock=ours), Peer(*await asyncio.open_connection(sock=theirs))
        )
        self.workers.append(worker)
        script = self.scripts.pop(0)
        self.tasks.append(asyncio.create_task(script(worker.peer)))
        return worker

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for worker in self.workers:
            worker.kill()


class Peer:
    """The worker's end of a stream."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def receive(self):
        header = await self.reader.readexactly(4)
        return protocol.decode(await self.reader.readexactly(protocol.length(header)))

    def send(self, **message):
        self.writer.write(protocol.encode(message))

    def send_raw(self, data):
        self.writer.write(data)

    def close(self):
        self.writer.transport.abort()

    async def greet(self):
        """Says `ready`, and waits for the first cell; its number."""
        hello = await self.receive()
        assert hello["type"] == "hello"
        self.send(type="ready", version=protocol.VERSION, python="3.8.0", enforces=[])
        return (await self.receive())["id"]

    def done(self, number, **fields):
        message = {"output": "", "output_size": 0, "error": None, "answer": None, "seconds": 0.0, **fields}
        self.send(type="done", id=number, **message)


async def polite(peer):
    """A worker that does nothing with each cell."""
    number = await peer.greet()
    while True:
        peer.done(number, output="fine", output_size=4)
        number = (await peer.receive())["id"]
