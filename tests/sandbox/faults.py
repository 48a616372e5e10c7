"""Random faults, seeded, in runs of `RLM`: each ends as a typed error, or goes on and the model is told what was lost.

`PYTHONPATH=tests python -m sandbox.faults 200 [SEED]` runs that many and prints what came of each.
"""

import asyncio
import collections
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rlm import RLM, Limits
from rlm.errors import RlmError
from rlm.lms.scripted import Scripted
from rlm.sandbox import protocol, reaper
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.options import Sandbox
from sandbox.support import children, descendants

LIMITS = Limits(memory_mb=256, cell_seconds=20, seconds=90, turns=8)
SLOW = 30_000  # bytes a second
TEXT = "some words of an input\n" * 200

# What can go wrong, how often beside the others, and where it can be made to.
FAULTS = {
    "worker killed": (4, ("local", "bubblewrap", "docker")),
    "container removed": (3, ("docker",)),
    "engine restarted": (1, ("docker",)),
    "stream cut within a frame": (4, ("local", "bubblewrap", "docker")),
    "stream cut at once": (2, ("local", "bubblewrap", "docker")),
    "trace disk full": (2, ("local", "docker")),
    "scratch disk full": (2, ("bubblewrap", "docker")),
    "slow network": (3, ("local", "docker")),
    "host suspended": (3, ("local", "bubblewrap", "docker")),
    "worker suspended": (2, ("local", "docker")),
}


@dataclass(frozen=True)
class Fault:
    """One fault: what, in which launcher, and how many seconds after the cell's first sub-call began."""

    kind: str
    launcher: str
    delay: float


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        way: `unharmed`: the run was done and nothing lost; `told`: done, and the model was told of the loss; `typed`:
            an error of the tree, or a completion that is not `done` and says why.
        said: The error or the reason, or what the model was told.
    """

    way: str
    said: str


def drawn(count, seed):
    """So many faults, the same for the same seed."""
    chance = random.Random(seed)
    kinds, weights = list(FAULTS), [weight for weight, _ in FAULTS.values()]
    for kind in chance.choices(kinds, weights, k=count):
        yield Fault(kind, chance.choice(FAULTS[kind][1]), chance.choice([0.0, 0.0, 0.01, 0.05, 0.2]))


class Dockerd:
    """An engine that can be restarted, in a folder of its own."""

    def __init__(self, folder):
        self._folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self._restarting = None
        self.start()

    def start(self):
        config = self._folder / "daemon.json"
        config.write_text(json.dumps({}))
        options = ["--config-file", config, "--host", self.address, "--pidfile", self._folder / "pid"]
        options += ["--data-root", self._folder / "data", "--exec-root", self._folder / "exec"]
        options += ["--iptables=false", "--ip6tables=false", "--bridge=none", "--shutdown-timeout", "1"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(["dockerd", *options], stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 60
        while subprocess.run(["docker", "-H", self.address, "version"], capture_output=True).returncode != 0:
            assert time.monotonic() < deadline, (self._folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def restart(self):
        """Stops it and starts it again, whether or not anyone waits for that."""
        self._restarting = threading.Thread(target=lambda: (self.stop(), self.start()))
        self._restarting.start()
        self._restarting.join()

    def settle(self):
        """Waits until it is there again."""
        if self._restarting is not None:
            self._restarting.join()

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()

    def containers(self):
        """The ids of ours, the newest first."""
        return self._asked("ps", "-aq", "--filter", f"label={reaper.HOST}")

    def volumes(self):
        return self._asked("volume", "ls", "-q", "--filter", f"label={reaper.HOST}")

    def tell(self, *arguments):
        subprocess.run(["docker", "-H", self.address, *arguments], check=False, capture_output=True)

    def _asked(self, *arguments):
        done = subprocess.run(["docker", "-H", self.address, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.split()


class Bent:
    """An environment whose workers' streams go through our hands."""

    def __init__(self, environment, fault):
        self.names, self.env = environment.names, environment.env
        self.workers = []
        self._environment = environment
        self._fault = fault

    async def start(self, pieces=None):
        worker = await self._environment.start(pieces)
        if not self.workers and self._fault.kind in ("slow network", "stream cut within a frame", "stream cut at once"):
            worker = await BentWorker.made(worker, self._fault.kind == "slow network")
        self.workers.append(worker)
        return worker

    async def close(self):
        await self._environment.close()
        for worker in self.workers:
            if isinstance(worker, BentWorker):
                await worker.end()


class BentLauncher:
    """A launcher whose environments are `Bent`."""

    def __init__(self, launcher, fault):
        self.name, self.enforces, self.why_not = launcher.name, launcher.enforces, launcher.why_not
        self.prepare = launcher.prepare
        self.opened = []
        self._launcher = launcher
        self._fault = fault

    async def open(self, context, limits):
        bent = Bent(await self._launcher.open(context, limits), self._fault)
        self.opened.append(bent)
        return bent


class BentWorker:
    """A worker behind two pumps, which can be slow, or stop within a frame."""

    @classmethod
    async def made(cls, worker, slow):
        import socket

        ours, theirs = socket.socketpair()
        self = cls()
        self.reader, self.writer = await asyncio.open_connection(sock=ours)
        self.interrupt, self.kill_worker, self.wait = worker.interrupt, worker.kill, worker.wait
        self.printed, self.cpu_seconds = worker.printed, worker.cpu_seconds
        self._far = await asyncio.open_connection(sock=theirs)
        self._left = None  # bytes until the stream is cut
        self._slow = slow
        self._pumps = [
            asyncio.create_task(self._pump(worker.reader, self._far[1], cut=True)),
            asyncio.create_task(self._pump(self._far[0], worker.writer, cut=False)),
        ]
        return self

    def cut_after(self, size):
        self._left = size

    def kill(self):
        self.kill_worker()
        self.writer.transport.abort()

    async def end(self):
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        self._far[1].transport.abort()
        self.writer.transport.abort()

    async def _pump(self, source, sink, *, cut):
        with contextlib.suppress(OSError):
            while data := await source.read(1500 if self._slow else 65536):
                if cut and self._left is not None:
                    data, self._left = data[: self._left], self._left - len(data)
                sink.write(data)
                if cut and self._left is not None and self._left <= 0:
                    break
                if self._slow:
                    await asyncio.sleep(len(data) / SLOW)
                await sink.drain()
        sink.close()


class Scene:
    """One fault in one run."""

    def __init__(self, fault, dockerd, folder):
        self._fault = fault
        self._dockerd = dockerd
        self._folder = folder
        self._told = ""
        options = {"engine": dockerd.address} if fault.launcher == "docker" else {}
        self._launcher = BentLauncher(find_launcher(Sandbox(fault.launcher, options=options)), fault)
        self._before = descendants()

    def outcome(self):
        """Runs it.

        Raises:
            AssertionError: It ended as nothing should.
        """
        rlm = RLM(
            model=Scripted(self._reply),
            sub_model=Scripted(self._answer),
            sandbox=self._launcher,
            limits=LIMITS,
            route="never",
            trace=self._folder,
        )
        began = time.monotonic()
        try:
            result = rlm.completion("What is it?", context=TEXT)
        except RlmError as error:
            return Outcome("typed", f"{type(error).__name__}: {error}")
        finally:
            assert time.monotonic() - began < LIMITS.seconds, "it took longer than its limit"
        if result.status != "done":
            assert result.reason, result
            return Outcome("typed", f"{result.status}: {result.reason}")
        kept = "kept: True" in result.response
        assert kept or self._told, f"names were lost, and the model was not told: {result.response}"
        if self._told and not kept:
            return Outcome("told", self._told)
        return Outcome("unharmed", result.reason or self._told)

    def _reply(self, request):
        said = [message.content for message in request.messages if message.role == "user"]
        turn = sum(message.role == "assistant" for message in request.messages)
        lost = next((line for one in said for line in one.splitlines() if "[the REPL was lost" in line), "")
        self._told = self._told or lost
        if turn == 0:
            return "```repl\nkept = 41\nprint(len(context))\n```"
        if turn == 1:
            return f"```repl\n{self._cell()}\n```"
        return f"```repl\nFINAL('kept: ' + str('kept' in globals()) + ' ' + str(len(context) == {len(TEXT)}))\n```"

    def _cell(self):
        if self._fault.kind == "scratch disk full":
            return (
                "import os, tempfile\nllm_query('now')\ntry:\n"
                "    for n in range(200):\n        with open(f'/tmp/{n}', 'wb') as file:\n"
                "            file.write(bytes(8 << 20))\nexcept OSError as error:\n    print(error)\n"
            )
        return "llm_query('now')\ngot = [llm_query(str(n)) for n in range(20)]\nprint('x' * 20_000, got[-1])"

    async def _answer(self, request):
        if request.messages[-1].content == "now":
            await asyncio.sleep(self._fault.delay)
            await self._strike()
        return "an answer " * 20

    async def _strike(self):
        kind, docker = self._fault.kind, self._fault.launcher == "docker"
        worker = self._launcher.opened[0].workers[0]
        if kind == "worker killed" and docker:
            await asyncio.to_thread(self._dockerd.tell, "kill", *self._dockerd.containers()[:1])
        elif kind == "worker killed":
            os.kill(self._newest(), signal.SIGKILL)
        elif kind == "container removed":
            await asyncio.to_thread(self._dockerd.tell, "rm", "-f", *self._dockerd.containers()[:1])
        elif kind == "engine restarted":
            await asyncio.to_thread(self._dockerd.restart)
        elif kind == "stream cut within a frame":
            worker.cut_after(len(protocol.encode({"type": "call"})) // 2)
        elif kind == "stream cut at once":
            worker.cut_after(0)
        elif kind == "host suspended":
            wake = f"sleep 0.5; kill -CONT {os.getpid()}"
            waker = subprocess.Popen(["sh", "-c", wake], start_new_session=True)  # noqa: ASYNC220
            os.kill(os.getpid(), signal.SIGSTOP)
            await asyncio.to_thread(waker.wait)
        elif kind == "worker suspended" and docker:
            name = self._dockerd.containers()[0]
            await asyncio.to_thread(self._dockerd.tell, "pause", name)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(self._dockerd.tell, "unpause", name)
        elif kind == "worker suspended":
            newest = self._newest()
            os.kill(newest, signal.SIGSTOP)
            await asyncio.sleep(0.3)
            os.kill(newest, signal.SIGCONT)

    def _newest(self):
        """The pid of the worker: the youngest process below the zygotes that has none itself."""
        return max(pid for pid in descendants() - self._before if not children(pid))


@contextlib.contextmanager
def full_disk():
    """A folder with room for a few events."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def suffered(fault, dockerd):
    """What comes of one fault, in a run of its own, after which nothing may be left on the engine."""
    place = full_disk() if fault.kind == "trace disk full" else tempfile.TemporaryDirectory()
    with place as folder:
        outcome = Scene(fault, dockerd, Path(folder)).outcome()
    dockerd.settle()
    assert dockerd.containers() == []
    assert dockerd.volumes() == []
    assert [path for path in Path("/dev/shm").glob(f"rlm-{reaper.host_id()}*") if any(path.iterdir())] == []
    return outcome


def soak(count, seed, told=lambda fault, outcome: None):
    """So many faults, one after the other; how often each kind ended in each way."""
    folder = Path(tempfile.mkdtemp(prefix="rlm-faults-"))
    dockerd = Dockerd(folder)
    ways = collections.Counter()
    try:
        for fault in drawn(count, seed):
            outcome = suffered(fault, dockerd)
            told(fault, outcome)
            ways[fault.kind, outcome.way] += 1
    finally:
        dockerd.settle()
        dockerd.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return ways


def main(count, seed):
    """Runs them, and prints what comes of each."""
    began = time.monotonic()

    def told(fault, outcome):
        seconds = time.monotonic() - began
        print(f"{seconds:7.1f} s  {fault.kind:26}{fault.launcher:12}{outcome.way:10}{outcome.said[:120]}", flush=True)

    ways = soak(count, seed, told)
    print(f"\n{count} faults, seed {seed}, {time.monotonic() - began:.0f} s; all ended as they may")
    for (kind, way), times in sorted(ways.items()):
        print(f"{kind:26} {way:10} {times:4}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
