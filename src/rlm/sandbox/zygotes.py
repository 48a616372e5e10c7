"""Our end of the zygotes: one process zygote for this process, started on first use and kept; a run zygote per run."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlm.context import Context
from rlm.errors import SandboxError, SandboxUnavailableError, WorkerDiedError
from rlm.sandbox import ps
from rlm.sandbox.exits import in_words
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.start import ENVIRONMENT
from rlm.types import JSON, Limits

FOLDER = os.path.dirname(os.path.abspath(__file__))
_MAX_SAID = 2000  # bytes
# A message comes all the same where its descriptor can't.
_NO_DESCRIPTOR = "this process has no file descriptor left (ulimit -n)"
_PACKET = 2**16  # bytes: the name of a piece, escaped, fits
_END = 2.0  # seconds for killed workers to be reaped
_STREAM_LIMIT, _AT_ONCE = 2**20, 2**16  # bytes read ahead of a worker's stream, and in one read
_FLAGS = ("-S", "-P", "-s", "-X", "utf8")


class ProcessZygote:
    """The process that run zygotes are forked from. Not bound to an event loop: it is only ever told, never asked.

    Args:
        around: A program and its arguments, which starts it in an environment of its own.
        folder: Where the files of this package lie there.
    """

    def __init__(self, around: Sequence[str] = (), folder: str = FOLDER) -> None:
        if not sys.executable:
            raise SandboxUnavailableError("sys.executable is empty, so no worker can be started: use a plain Python")
        packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        python = os.path.realpath(sys.executable)  # not an environment's: looking up what that stands for takes 4 ms
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._said = os.memfd_create("rlm-said", os.MFD_CLOEXEC)
        with theirs, _closing(os.pidfd_open(os.getpid())) as host:
            command = [python, *_FLAGS, f"{folder}/zygote.py", str(theirs.fileno()), str(host), json.dumps(packages)]
            self._process = subprocess.Popen(
                [*around, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                pass_fds=(theirs.fileno(), host),
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is the host's to handle
            )
        self._owner = os.getpid()

    def usable(self) -> bool:
        """Whether it lives, and is this process's own: a forked host must not share its parent's."""
        if self._owner != os.getpid():
            return False
        try:
            return bool(self._control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True  # it never says anything; its end of the socket closes when it dies
        except OSError:
            return False

    def open(self, run_control: socket.socket, blob: int, options: int) -> None:
        """Has it fork a run zygote.

        Raises:
            OSError: It has ended.
        """
        socket.send_fds(self._control, [b"{}"], [run_control.fileno(), blob, options])

    def said(self) -> str:
        """What was said on standard error before it ran: why it could not."""
        return os.pread(self._said, _MAX_SAID, 0).decode("utf-8", "replace").strip()

    def close(self) -> None:
        """Ends it, and every run zygote and worker with it."""
        self._release()
        if self._owner == os.getpid():
            self._process.wait()

    async def end(self) -> None:
        """`close`, without a wait that blocks the loop."""
        self._release()
        try:
            with _closing(os.pidfd_open(self._process.pid)) as pidfd, contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END):
                    await _ended(pidfd)
        finally:
            self.kill()

    def kill(self) -> None:
        """Ends it at once, if it has not ended."""
        self._release()
        self._process.kill()
        self._process.wait()

    def _release(self) -> None:
        if self._owner == os.getpid():
            with contextlib.suppress(OSError):  # it is closed
                self._control.shutdown(socket.SHUT_RDWR)  # a fork of this process may hold it open
        self._control.close()
        if self._said >= 0:
            os.close(self._said)
            self._said = -1


_zygote: ProcessZygote | None = None
_starting = threading.Lock()


def process_zygote() -> ProcessZygote:
    """This process's zygote, started if there is none."""
    global _zygote
    with _starting:
        if _zygote is not None and not _zygote.usable():
            _zygote.close()
            _zygote = None
        if _zygote is None:
            _zygote = ProcessZygote()
        return _zygote


@atexit.register
def _close() -> None:
    if _zygote is not None:
        _zygote.close()


async def open_run(context: Context, limits: Limits, options: dict[str, Any]) -> RunZygote:
    """Starts a run zygote and has it load the input.

    Args:
        context: The input; its blob may be closed afterwards.
        limits: `memory_mb` is what a worker gets.
        options: `confine`: what `lockdown.make_rules` is called with, or None.

    Raises:
        SandboxError: It could not be started, or could not load the input.
    """
    everything = {"memory_bytes": limits.memory_mb * 2**20, **options}
    for _ in range(2):
        zygote = process_zygote()
        try:
            return await open_in(zygote, context, everything)
        except (OSError, WorkerDiedError) as error:
            if zygote.usable():  # otherwise it was killed, and a new one may do
                raise WorkerDiedError(f"the input can't be loaded: {error}") from error
    raise WorkerDiedError("the process that workers are forked from was killed twice")


async def open_in(zygote: ProcessZygote, context: Context, options: Mapping[str, Any]) -> RunZygote:
    """Has a zygote fork one for a run, and waits until that has loaded the input.

    Raises:
        OSError, SandboxError: It could not.
    """
    known = {"kind": context.kind, "parts": context.parts, "ascii": context.characters == context.blob.size}
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs, os.fdopen(os.memfd_create("rlm-options", os.MFD_CLOEXEC), "w+b") as file:
            file.write(json.dumps({**known, **options}).encode())
            file.seek(0)
            zygote.open(theirs, context.blob.fd, file.fileno())
    except BaseException:
        ours.close()
        raise
    run = RunZygote(ours)
    try:
        await run.loaded
    except BaseException:
        await run.close()
        raise
    return run


class RunZygote:
    """One run's input in a process that forks its workers: an `Environment`.

    Attributes:
        shared: A descriptor of the folder that its workers write to, where `options["share"]` named one; whoever takes
            it closes it.
    """

    def __init__(self, control: socket.socket) -> None:
        self.shared: int | None = None
        self._loop = asyncio.get_running_loop()
        self._control = control
        self._pidfd: int | None = None
        self._workers: dict[int, ForkedWorker] = {}
        self._number = 0
        self.names: Mapping[str, JSON] = {}
        self.env: Mapping[str, str] = {}
        self.loaded: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(control, self._on_readable)

    async def start(self, pieces: ChildContext | None = None) -> ForkedWorker:
        number = self._number = self._number + 1
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise SandboxError(f"no worker can be started: {error}") from None
        worker = self._workers[number] = ForkedWorker(self._loop)
        packet = json.dumps({"fork": number, "piece": pieces}).encode()
        try:
            with theirs:
                socket.send_fds(self._control, [packet], [theirs.fileno()])
            worker.reader, worker.writer = await asyncio.open_connection(sock=ours, limit=_STREAM_LIMIT)
            # asyncio reads into 256 KiB, for which each read maps memory anew: 17 of a cell's 200 microseconds.
            worker.writer.transport.max_size = _AT_ONCE  # type: ignore[attr-defined]
            await worker.forked  # last: it is forked meanwhile
        except OSError as error:
            ours.close()
            self._workers.pop(number, None)
            raise SandboxError(f"the run's zygote has ended: {error}") from None
        except BaseException:
            worker.kill()  # and the stream with it, where that is open
            if not hasattr(worker, "writer"):
                ours.close()
            raise
        return worker

    async def close(self) -> None:
        workers = list(self._workers.values())
        for worker in workers:
            worker.kill()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END):
                    for worker in workers:
                        await worker.wait()  # the zygote is to reap them while it lives
        finally:  # a run can be cancelled while it ends
            self._lose("the run has ended")
            await self._kill()

    async def _kill(self) -> None:
        pidfd, self._pidfd = self._pidfd, None
        if pidfd is None:
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)  # it may be loading still
        try:
            await _ended(pidfd)
        finally:
            os.close(pidfd)

    def stop(self, why: str) -> None:
        """Kills the workers that run now, which ended because of `why`."""
        for worker in self._workers.values():
            worker.why = why
            worker.kill()

    def _on_readable(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._control, _PACKET, 1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        if not data:
            self._lose("the run's zygote ended")
            return
        message = json.loads(data)
        if "started" in message:
            if fds:
                self._pidfd = fds[0]
            else:
                self._lose(_NO_DESCRIPTOR)
        elif "loaded" in message:
            self.shared = fds[0] if fds else None
            if not self.loaded.done():
                self.loaded.set_result(None)
        elif "forked" in message:
            self._workers[message["forked"]].on_forked(fds[0] if fds else None)
        elif "exited" in message:
            printed = message.get("printed", ("", 0))
            self._workers.pop(message["exited"]).on_exited(in_words(message["status"]), *printed)
        elif message["failed"] is not None:
            self._workers[message["failed"]].why = message["message"]
        elif not self.loaded.done():
            self.loaded.set_exception(SandboxError(message["message"]))

    def _lose(self, why: str) -> None:
        """Nothing more will come from the zygote: settle what is waiting for it."""
        if self._control.fileno() < 0:
            return
        self._loop.remove_reader(self._control)
        self._control.close()
        if not self.loaded.done():
            self.loaded.set_exception(WorkerDiedError(f"{why} before it had loaded the input"))
        for worker in self._workers.values():
            worker.kill()
            worker.on_exited(why)
        self._workers.clear()


class ForkedWorker:
    """A worker that a run zygote forked: a `Worker`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.forked: asyncio.Future[None] = loop.create_future()
        self.why: str | None = None
        self._ended: asyncio.Future[str] = loop.create_future()
        self._pidfd: int | None = None
        self._clock: int | None = None
        self._killed = False
        self._printed = "", 0

    def interrupt(self) -> None:
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        self._killed = True
        self._signal(signal.SIGKILL)
        if hasattr(self, "writer"):
            self.writer.transport.abort()  # a process that it forked may hold the other end

    async def wait(self) -> str:
        return await asyncio.shield(self._ended)

    def printed(self) -> tuple[str, int]:
        return self._printed

    def cpu_seconds(self) -> float | None:
        if self._pidfd is None:
            return None
        if self._clock is None:  # asked four times a cell: /proc would take half as long as the cell itself
            self._clock = ps.cpu_clock(_pid(self._pidfd))
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return None

    def on_forked(self, pidfd: int | None) -> None:
        """The zygote says that it runs. Without a pidfd it is of no use: it ends when its stream is closed."""
        self._pidfd = pidfd
        if pidfd is None and not self.forked.done():
            self.forked.set_exception(SandboxError(f"no worker can be started: {_NO_DESCRIPTOR}"))
        if self._killed:
            self._signal(signal.SIGKILL)
        if not self.forked.done():
            self.forked.set_result(None)

    def on_exited(self, how: str, text: str = "", size: int = 0) -> None:
        """The zygote says how it ended, and the end of what its last cell had printed: `size` characters."""
        self._printed = text, size
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        if not self.forked.done():
            self.forked.set_exception(WorkerDiedError(f"the worker did not start: {self.why or how}"))
            self.forked.exception()  # seen: whoever waits was cancelled
        if not self._ended.done():
            self._ended.set_result(self.why or how)

    def _signal(self, number: int) -> None:
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)


def _pid(pidfd: int) -> int:
    """The number of a process here: in a namespace of its own it has another; -1: it has ended."""
    with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as info:
        return next((int(line.split()[1]) for line in info if line.startswith("Pid:")), 0)


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


async def _ended(pidfd: int) -> None:
    """Waits for a process to end."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(pidfd)
