"""One run's containers: a container a worker, so that each is killed, limited and counted by itself."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import json
import mmap
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rlm.context import Context
from rlm.errors import SandboxError, WorkerDiedError
from rlm.sandbox import shipped, unpacked
from rlm.sandbox.containers.engine import Engine, is_gone
from rlm.sandbox.containers.plan import USER, Plan
from rlm.sandbox.containers.share import INSIDE, Share
from rlm.sandbox.containers.stream import Stream, attach, watch_end
from rlm.sandbox.exits import in_words
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.options import Sandbox
from rlm.types import JSON, Limits

Made = TypeVar("Made")
OUTPUT = "/output"
_END = 10.0  # seconds for a container that was killed to be gone
_HOLDS = ["-c", "import sys; sys.stdin.read()"]
_RETURNS = 30.0  # seconds for an engine that is being restarted to be back
_PAUSE = 0.2
_HEARD = 0.1  # seconds for a cell to end by the frame that interrupts it
_KILLED = 137  # what SIGKILL makes of an exit status
# Where engines keep the CPU time of a container that runs on this machine, in nanoseconds (first) or in a table.
_CPU_FILES = (
    "/sys/fs/cgroup/cpu*acct/docker/{}/cpuacct.usage",
    "/sys/fs/cgroup/cpu*acct/*.slice/*{}.scope/cpuacct.usage",
    "/sys/fs/cgroup/cpu*acct/libpod_parent/libpod-{}/cpuacct.usage",
    "/sys/fs/cgroup/docker/{}/cpu.stat",
    "/sys/fs/cgroup/*.slice/*{}.scope/cpu.stat",
    "/sys/fs/cgroup/libpod_parent/libpod-{}/cpu.stat",
)


class ContainerRun:
    """One run's containers, and its input once it was given that: an `Environment`.

    `open_output` comes first where there is an output, `give` before any worker but one that is started early.
    """

    def __init__(self, engine: Engine, plan: Plan, share: Share, sandbox: Sandbox) -> None:
        names = shipped.names_inside(sandbox, INSIDE)
        self.names: Mapping[str, JSON] = {**names, "output_folder": OUTPUT} if sandbox.output else names
        self.env: Mapping[str, str] = sandbox.env
        self._engine = engine
        self._plan = plan
        self._share = share
        self._sandbox = sandbox
        self._mounts = list(share.mounts)
        self._workers: list[ContainerWorker] = []
        self._early: ContainerWorker | None = None
        self._holder: ContainerWorker | None = None
        self._holding = asyncio.Lock()
        self._volume: str | None = None

    async def open_output(self, volume: str) -> None:
        """Makes the file system for `output`: in memory, sized, shared by the run's containers.

        One of its own holds it, because it is empty again when nothing has it mounted.

        Raises:
            SandboxError: The engine can't make it.
        """
        size = f"size={self._sandbox.disk_mb}m"
        if self._engine.is_podman:  # for which that word asks for a quota on its own disk (4.3)
            size = f"nr_blocks={(self._sandbox.disk_mb << 20) // mmap.PAGESIZE}"
        mounted = f"{size},uid={USER.partition(':')[0]},mode=0777,nosuid,nodev"
        options = {"type": "tmpfs", "device": "tmpfs", "o": mounted}
        api = self._engine.api
        self._volume = volume
        made = self._engine.call(api.create_volume, volume, driver_opts=options, labels=dict(self._plan.labels))
        await undone(made, lambda _: api.remove_volume(volume, force=True))
        mount = {"Type": "volume", "Source": volume, "Target": OUTPUT, "ReadOnly": False}
        self._mounts.append({**mount, "VolumeOptions": {"NoCopy": True}})  # nor whose the image's folder is
        self._holder = await self._started(_HOLDS)

    async def give(self, context: Context, limits: Limits) -> None:
        """Brings the input, once; all ends where that fails.

        Raises:
            SandboxError: There is no room for it, or the engine doesn't take it.
        """
        options = shipped.start_options(context, memory_bytes=limits.memory_mb << 20)
        try:
            await undone(asyncio.to_thread(self._share.fill, context, options), lambda _: None)
        except BaseException:
            await self.remove()
            raise

    async def start_early(self) -> None:
        """Starts a worker that waits for its input; ends all where it can't be started.

        Raises:
            SandboxError: It can't be started.
        """
        try:
            self._early = await self._started(_arguments(None))
        except BaseException:
            await self.remove()
            raise

    def is_waiting(self) -> bool:
        """Whether there is a worker that was started early, and can be used."""
        return self._early is not None and not self._early.has_ended()

    async def start(self, pieces: ChildContext | None = None) -> ContainerWorker:
        if self._holder is not None:
            async with self._holding:  # or workers that start at once would each start one
                if not await self._holder.runs():  # it ended, as with its engine
                    ended, self._holder = self._holder, await self._started(_HOLDS)
                    await ended.gone()
        early = self._early if pieces is None else None
        if early is None:
            worker = await self._started(_arguments(pieces))
        else:
            worker, self._early = early, None
        self._workers.append(worker)
        await self._share.filled()
        return worker

    async def close(self) -> None:
        """Ends the containers, brings `output` back, removes all that the run has on the engine.

        Raises:
            SandboxError: `output` can't be brought back.
        """
        try:
            await _gone(self._workers)
            if self._holder is not None and self._sandbox.output is not None:
                await self._engine.call(self._bring_output, self._holder, self._sandbox.output)
        finally:
            await self.remove()

    async def remove(self) -> None:
        """Removes all that the run has on the engine; nothing of `output` comes back."""
        await _uncancelled(self._removed())

    async def _removed(self) -> None:
        workers, self._workers = self._workers, []
        await _gone([*workers, *(one for one in (self._early, self._holder) if one is not None)])
        if self._volume is not None:
            with contextlib.suppress(SandboxError):
                await self._engine.call(self._engine.api.remove_volume, self._volume, force=True)
        await asyncio.to_thread(self._share.close)

    async def _started(self, argv: list[str]) -> ContainerWorker:
        """A container that runs. An engine that is being restarted, which ends its containers, is waited for."""
        until = asyncio.get_running_loop().time() + _RETURNS
        while True:
            try:
                return await self._made(argv)
            except SandboxError as error:
                if not is_gone(error) and await asyncio.to_thread(self._engine.answers):
                    raise WorkerDiedError(f"no container could be started: {error}") from error
                await self._wait_for_engine(until, error)

    async def _wait_for_engine(self, until: float, lost: SandboxError) -> None:
        while asyncio.get_running_loop().time() < until:
            if await asyncio.to_thread(self._engine.answers):
                return
            await asyncio.sleep(_PAUSE)
        raise WorkerDiedError(
            f"no container could be started, and the engine did not come back within {_RETURNS:g} s: start it, and go "
            f"on with `rlm resume` ({lost})"
        ) from lost

    async def _made(self, argv: list[str]) -> ContainerWorker:
        engine = self._engine
        config = self._plan.config(argv, self._mounts)
        made = engine.call(engine.api.create_container_from_config, config)
        container = str((await undone(made, lambda done: engine.remove(done["Id"])))["Id"])
        try:
            ended = await watch_end(engine.address, container)
            stream: Stream | None = None
            try:
                stream = await attach(engine.address, container)
                # Waited for where this is cancelled: what starts can't be removed.
                await undone(engine.call(engine.api.start, container), lambda _: None)
            except BaseException:
                ended.cancel()
                if stream is not None:
                    stream.writer.transport.abort()
                raise
        except BaseException:
            await asyncio.to_thread(engine.remove, container)
            raise
        return ContainerWorker(engine, container, stream, ended)

    def _bring_output(self, holder: ContainerWorker, output: Path) -> None:
        most = self._sandbox.disk_mb << 20
        stream, _ = self._engine.api.get_archive(holder.container, OUTPUT)
        archive = bytearray()
        for chunk in stream:
            archive += chunk
            if len(archive) > most * 1.1 + 2**24:  # a tar of small files is larger than they are
                raise SandboxError(f"output holds more than {self._sandbox.disk_mb:,} MiB")
        unpacked.unpack_output(bytes(archive), output, most)


class ContainerWorker:
    """A container with a worker in it: a `Worker`."""

    def __init__(
        self,
        engine: Engine,
        container: str,
        stream: Stream,
        ended: asyncio.Task[int | None],
    ) -> None:
        self.container = container
        self.stream = stream
        self.reader: asyncio.StreamReader = stream.reader
        self.writer: asyncio.StreamWriter = stream.writer
        self._engine = engine
        self._ended = ended
        self._asked: set[asyncio.Task[None]] = set()
        self._killed = False
        self._cpu = _cpu_clock(container) if engine.is_near else None
        self._cpu_told: float | None = None  # by the engine, where its counters are not in reach
        self._asking = False

    def has_ended(self) -> bool:
        """Whether it has."""
        return self._ended.done()

    async def runs(self) -> bool:
        """Whether it does, asked of the engine: word of its end takes its time."""
        if self._ended.done():
            return False
        try:
            told = await self._engine.call(self._engine.api.inspect_container, self.container)
        except SandboxError:
            return False
        return bool(told["State"]["Running"])

    def interrupt(self) -> None:
        if not self._ended.done():
            self._start(self._interrupted(self.stream.received))

    def kill(self) -> None:
        self.writer.transport.abort()
        if not self._killed:
            self._killed = True
            self._start(self._send("SIGKILL"))

    async def wait(self) -> str:
        status = await asyncio.shield(self._ended)
        if status is None or (status == 0 and self._engine.is_podman):
            return "its container ended"
        if status == _KILLED and not self._killed:
            return f"{in_words(128 - status)}, which is what a container gets that is out of memory"
        return in_words(128 - status if status > 128 else status)

    def printed(self) -> tuple[str, int]:
        return "", 0

    def cpu_seconds(self) -> float | None:
        if self._cpu is not None:
            return self._cpu()
        if not self._asking and not self._ended.done():
            self._asking = True
            self._start(self._ask_cpu())
        return self._cpu_told

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _interrupted(self, received: int) -> None:
        """Sends SIGINT where the frame that says the same did nothing, and nothing else before that has arrived.

        A signal takes its time through an engine, and one that is late would interrupt the next cell.
        """
        await asyncio.sleep(_HEARD)
        if self.stream.received == received:
            self.stream.writer.hold()
            try:
                await self._send("SIGINT")  # to the process that watches, which passes it on
            finally:
                self.stream.writer.release()

    async def _ask_cpu(self) -> None:
        try:
            told = await self._engine.call(self._engine.api.stats, self.container, stream=False, one_shot=True)
            self._cpu_told = told["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        except (SandboxError, KeyError, TypeError):
            return  # it has ended, or such an engine doesn't count
        finally:
            self._asking = False

    async def _send(self, signal: str) -> None:
        with contextlib.suppress(SandboxError):  # it has ended
            await self._engine.call(self._engine.api.kill, self.container, signal)

    async def gone(self) -> None:
        """Ends it; waits until it is removed."""
        self.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END):
                await asyncio.gather(*self._asked)
                await asyncio.shield(self._ended)
        if not self._ended.done() or self._ended.result() is None:  # an engine that is killed forgets to remove it
            self._ended.cancel()
            await asyncio.to_thread(self._engine.remove, self.container)


def _arguments(pieces: ChildContext | None) -> list[str]:
    return [f"{INSIDE}/start.py", f"{INSIDE}/input", f"{INSIDE}/options.json", json.dumps(pieces)]


def _cpu_clock(container: str) -> Callable[[], float | None] | None:
    """Reads the CPU seconds of a container on this machine; None where the kernel's counters aren't found."""
    found = next((path for pattern in _CPU_FILES for path in glob.glob(pattern.format(container))), None)
    if found is None:
        return None
    path = Path(found)

    def read() -> float | None:
        try:
            text = path.read_text()
        except OSError:
            return None
        if path.name == "cpuacct.usage":
            return int(text) / 1e9
        return int(text.split("usage_usec", 1)[1].split()[0]) / 1e6

    return read


async def _gone(workers: list[ContainerWorker]) -> None:
    await asyncio.gather(*(worker.gone() for worker in workers))


async def undone(work: Coroutine[Any, Any, Made], undo: Callable[[Made], None]) -> Made:
    """The result of work in a thread, which goes on when whoever waits for it is cancelled: it is undone then."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if task.exception() is None:
            await asyncio.to_thread(undo, task.result())
        raise


async def _uncancelled(work: Coroutine[Any, Any, None]) -> None:
    """Waits for it even where whoever waits is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
