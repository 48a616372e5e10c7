"""A machine that the user's own `ssh` reaches: a `Machine`. Sessions share connections, and one keeps its folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from rlm.context import Context
from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import vendor
from rlm.sandbox.exits import in_words
from rlm.sandbox.far import FarMachine
from rlm.sandbox.options import Sandbox
from rlm.sandbox.packages import INSTALL, OPTIONS
from rlm.sandbox.spawned import SpawnedWorker
from rlm.sandbox.written import own_folder
from rlm.types import Limits

_SESSIONS = 8  # of one connection: sshd allows 10 unless told otherwise
_CONNECT = 30.0  # seconds
_BEAT = 20.0  # seconds; the keeper gives up after 120
_END = 20.0  # seconds for the keeper to remove the folder
_LINE = 2**16  # bytes
_SAID = 500  # characters
_CHUNK = 2**18
_OPTIONS = (
    *("-T", "-a", "-x"),  # no terminal, no agent and no display over there
    *(f"-o{option}" for option in ("BatchMode=yes", "ClearAllForwardings=yes", "PermitLocalCommand=no")),
    *(f"-o{option}" for option in ("RemoteCommand=none", "ControlPersist=no", "LogLevel=ERROR", "ConnectTimeout=15")),
    *(f"-o{option}" for option in ("ServerAliveInterval=15", "ServerAliveCountMax=4")),
)
_FIXES = {
    "Host key verification failed": "connect to it once by hand, so that its key is known",
    "Permission denied": "it needs a key or an agent that asks for nothing (ssh -o BatchMode=yes)",
    "Could not resolve": "is the name right?",
}
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "KRB5CCNAME", "XDG_RUNTIME_DIR")


class Connection:
    """One connection to a host, which sessions share.

    Args:
        host: As `ssh` takes it.
        config: A file for `ssh -F`; None for the user's own.
        socket_path: Where sessions find it.
    """

    def __init__(self, host: str, config: str | None, socket_path: str) -> None:
        self.sessions: list[asyncio.subprocess.Process] = []
        self._base = ["ssh", *_OPTIONS, *(["-F", config] if config else []), "-S", socket_path]
        self._host = host
        self.first: asyncio.subprocess.Process

    async def open(self, command: str) -> bytes:
        """Connects, with a first session that runs this as long as the connection is needed; its first line.

        Raises:
            SandboxUnavailableError: It can't; says what to do.
        """
        self.first = process = await self._run(["-M"], command, asyncio.subprocess.PIPE, asyncio.subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(_CONNECT):
                line = await process.stdout.readline()
                said = "" if line else (await process.stderr.read(4096)).decode("utf-8", "replace")
        except (TimeoutError, ValueError) as error:
            line, said = b"", f"no answer within {_CONNECT:g} s" if isinstance(error, TimeoutError) else "no sense"
        except BaseException:
            await self.end()
            raise
        if not line:
            await self.end()
            said = " ".join(said.split())[:_SAID] or "it ended"
            fix = next((f": {fix}" for sign, fix in _FIXES.items() if sign in said), "")
            raise SandboxUnavailableError(f"ssh {self._host}: {said}{fix}")
        return line

    def has_room(self) -> bool:
        """Whether another session may be started."""
        self.sessions = [one for one in self.sessions if one.returncode is None]
        return self.first.returncode is None and len(self.sessions) < _SESSIONS

    async def session(self, command: str, stdin: Any, stdout: Any, stderr: Any) -> asyncio.subprocess.Process:
        """Runs a command; never over a connection of its own."""
        own = ["-oControlMaster=no", "-oProxyCommand=false"]
        process = await self._run(own, command, stdin, stdout, stderr)
        self.sessions.append(process)
        return process

    async def end(self, seconds: float = 0.0) -> bool:
        """Has the first session end, and waits that long before the rest is killed; whether it ended by itself."""
        if self.first.stdin is not None:
            self.first.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.first.wait()
        by_itself = self.first.returncode == 0
        for process in (*self.sessions, self.first):
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return by_itself

    async def _run(
        self, more: Sequence[str], command: str, stdin: Any, stdout: Any, stderr: Any = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            return await asyncio.create_subprocess_exec(
                *(*self._base, *more, "--", self._host, command),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=env,
                limit=_LINE,
                start_new_session=True,  # no terminal to ask on, and Ctrl-C is the host's to handle
            )
        except OSError as error:
            raise SandboxUnavailableError(f"ssh can't be started: {error}") from error


class SshMachine(FarMachine):
    """A machine behind `ssh`.

    Args:
        sandbox: What the user asks for.
        host: As `ssh` takes it.
        python: The Python there.
        config: A file for `ssh -F`; None for the user's own.
    """

    def __init__(self, sandbox: Sandbox, host: str, python: str, config: str | None) -> None:
        super().__init__(sandbox)
        self.python = python
        self.cpu: Mapping[str, float | None] = {}
        self._workers: list[SshWorker] = []
        self._host = host
        self._config = config
        self._sockets = own_folder("rlm-ssh-")
        self._connections: list[Connection] = []
        self._connecting = asyncio.Lock()
        self._started = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def make(self, context: Context, limits: Limits) -> None:
        """Connects: the machine is there already."""
        await self.connect()

    async def connect(self) -> None:
        """Connects, and has the keeper make the folder there.

        Raises:
            SandboxUnavailableError: It can't; says what to do.
        """
        first = await self._connected(f"exec {shlex.join([self.python, '-c', _keeper()])}")
        try:
            told = json.loads(first)
            self.folder, system = told["folder"], told["system"]
        except (ValueError, TypeError, KeyError):
            await self.remove()
            raise SandboxUnavailableError(
                f"ssh {self._host}: its shell prints something by itself, which breaks streams: {first[:100]!r}"
            ) from None
        self._tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._hear())]
        if self.sandbox.cpus is not None and system != "linux":
            await self.remove()
            raise SandboxUnavailableError(f"ssh {self._host}: `cpus` takes Linux there, and it is {system!r:.40}")

    async def install(self) -> None:
        """Installs packages into the folder, which the keeper removes: from wheels alone, so nothing of theirs runs."""
        if not self.sandbox.packages:
            return
        options = ("--target", f"{self.folder}/packages", "--no-cache-dir", *OPTIONS)
        argv = ["env", f"TMPDIR={self.folder}", self.python, "-m", "pip", "install", *options]
        command = f"cd {shlex.quote(self.folder)} && {self._kept('pip', [*argv, '--', *self.sandbox.packages])}"
        try:
            async with asyncio.timeout(INSTALL):
                await self.run(command)
        except TimeoutError:
            raise SandboxError(f"ssh {self._host}: pip took more than {INSTALL:g} s") from None
        except SandboxError as error:
            raise SandboxError(f"packages can't be installed: {error}") from None

    def lives(self) -> bool:
        """Whether its keeper is still connected."""
        return bool(self._connections) and self._connections[0].first.returncode is None

    async def run(self, command: str, *, root: bool = False) -> str:
        process = await self._session(command, subprocess.DEVNULL, subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            out, said = await asyncio.gather(
                *(vendor.read_printed(_pieces(of)) for of in (process.stdout, process.stderr))
            )
        except BaseException:
            # This ends it, too. Its output is held by the connection's own process as well, and ends with that.
            process._transport.close()  # type: ignore[attr-defined]
            raise
        await process.wait()
        self._check(process, said)
        return out.decode("utf-8", "replace")

    async def put(self, path: str, file: IO[bytes]) -> None:
        process = await self._session(f"cat > {shlex.quote(path)}", file.fileno(), subprocess.DEVNULL)
        _, said = await process.communicate()
        self._check(process, said)

    async def get(self, path: str) -> AsyncIterator[bytes]:
        process = await self._session(
            f"cat {shlex.quote(path)}", subprocess.DEVNULL, subprocess.PIPE, subprocess.DEVNULL
        )
        assert process.stdout is not None
        while data := await process.stdout.read(_CHUNK):
            yield data
        await process.wait()
        self._check(process, b"")

    async def start(self, argv: Sequence[str]) -> SshWorker:
        self._started += 1
        number = str(self._started)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await self._session(
                    self._kept(number, argv), theirs.fileno(), theirs.fileno(), subprocess.DEVNULL
                )
            worker = SshWorker(self, number, process, *await asyncio.open_connection(sock=ours, limit=2**20))
        except BaseException:
            ours.close()
            raise
        self._workers.append(worker)
        return worker

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        connections, self._connections = self._connections, []
        try:
            removed = [await one.end(_END if one is connections[0] else 0.0) for one in connections]
        finally:
            shutil.rmtree(self._sockets, ignore_errors=True)
        if self.folder and removed and not removed[0]:
            raise SandboxError(f"ssh {self._host}: the connection broke; its keeper removes {self.folder} by itself")

    def _kept(self, name: str, argv: Sequence[str]) -> str:
        """A command that the keeper ends, if it has not ended."""
        pid = shlex.quote(f"{self.folder}/{name}.pid")
        inner = f"echo $$ > {pid}; exec {shlex.join(argv)}"
        return f"exec sh -c {shlex.quote(f'sh -c {shlex.quote(inner)}; s=$?; rm -f {pid}; exit $s')}"

    async def _connected(self, command: str) -> bytes:
        connection = Connection(self._host, self._config, f"{self._sockets}/{len(self._connections)}")
        try:
            first = await connection.open(command)
        except BaseException:
            if not self._connections:
                shutil.rmtree(self._sockets, ignore_errors=True)
            raise
        self._connections.append(connection)
        return first

    async def _session(
        self, command: str, stdin: Any, stdout: Any, stderr: Any = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        async with self._connecting:
            if not any(one.has_room() for one in self._connections):
                if not self.lives():
                    raise SandboxError(f"ssh {self._host}: the connection is gone")
                await self._connected("echo; exec cat > /dev/null")
            connection = next(one for one in self._connections if one.has_room())
            return await connection.session(command, stdin, stdout, stderr)

    def _check(self, process: asyncio.subprocess.Process, said: bytes) -> None:
        if process.returncode:
            text = " ".join(said.decode("utf-8", "replace").split())[-_SAID:]
            raise SandboxError(f"ssh {self._host}: {text or in_words(process.returncode)}")

    async def _beat(self) -> None:
        stdin = self._connections[0].first.stdin
        assert stdin is not None
        with contextlib.suppress(OSError):
            while True:
                await asyncio.sleep(_BEAT)
                stdin.write(b".")

    async def _hear(self) -> None:
        """What the keeper tells; a line that makes no sense is none."""
        stdout = self._connections[0].first.stdout
        assert stdout is not None
        with contextlib.suppress(ValueError, OSError):
            while line := await stdout.readline():
                told = json.loads(line)
                why, cpu = (told.get("over"), told.get("cpu")) if isinstance(told, dict) else (None, None)
                if isinstance(why, str):  # the keeper ends them
                    for worker in self._workers:
                        worker.stop(why[:_SAID])
                if isinstance(cpu, dict):
                    self.cpu = {name: used for name, used in cpu.items() if isinstance(used, float | None)}


def _keeper() -> str:
    return Path(__file__).with_name("keeper.py").read_text(encoding="utf-8")


async def _pieces(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while data := await stream.read(_CHUNK):
        yield data


class SshWorker(SpawnedWorker):
    """A worker behind a session of ssh."""

    def __init__(
        self,
        machine: SshMachine,
        number: str,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        super().__init__(process, reader, writer)
        self._machine = machine
        self._number = number

    def interrupt(self) -> None:
        """Nothing: the signal would end ssh. The `interrupt` frame goes out, and the worker interrupts itself."""

    async def wait(self) -> str:
        status = await self._process.wait()
        if self._why is not None:
            return self._why
        if status == 255:
            return "its connection ended"
        return in_words(128 - status if status > 128 else status)

    def cpu_seconds(self) -> float | None:
        return self._machine.cpu.get(self._number)
