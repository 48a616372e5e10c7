"""The host's side: secrets and listeners are planted, and whatever an attempt did to them is noticed."""

from __future__ import annotations

import os
import select
import socket
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

from rlm.sandbox.trials.prelude import Target

CANARY = "CANARY-7f2c90e1"
MEMORY_MB = 128
DISK_MB = 256

_VICTIM = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1 & 2**64 - 1), 0, 0, 0)  # anyone may trace it, Yama or not
secret = ctypes.create_string_buffer(os.environ["OPENAI_API_KEY"].encode())
kept = os.open(sys.argv[1], os.O_RDONLY)
print(ctypes.addressof(secret), kept, flush=True)
for _ in sys.stdin:
    print(secret.value.decode(errors="replace"), flush=True)
"""


class Victim:
    """Another process of the same user that holds a key."""

    def __init__(self, secret: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", _VICTIM, str(secret)],
            env={"OPENAI_API_KEY": CANARY},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        address, fd = self._process.stdout.readline().split()
        self.pid, self.address, self.fd = self._process.pid, int(address), int(fd)
        self._as_it_was = self._state()

    def _state(self) -> tuple[object, ...]:
        return os.getpriority(os.PRIO_PROCESS, self.pid), os.sched_getaffinity(self.pid)

    def harm(self) -> str | None:
        """What happened to it, if anything did."""
        if self._process.poll() is not None:
            return f"the victim was ended by {self._process.returncode}"
        if self._state() != self._as_it_was:
            return "the victim's priority was changed"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return "the victim is ending"
        if not select.select([self._process.stdout], [], [], 5)[0]:
            return "the victim was stopped"
        held = self._process.stdout.readline().strip()
        return None if held == CANARY else f"the victim's memory is {held!r}"

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Host:
    """Everything that is planted. `harm` says what changed since it was last asked, and puts it back.

    Attributes:
        readable: A folder that the worker may read, as it may Python's own; the tests add it to what Landlock grants.
    """

    def __init__(self, folder: Path) -> None:
        self._stack = ExitStack()
        self.folder, self.readable = folder / "private", folder / "readable"
        self.folder.mkdir()
        self.readable.mkdir()
        self._plant()
        self._listeners = {
            "TCP": self._listen(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "UDP": self._listen(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "UNIX": self._listen(socket.AF_UNIX, socket.SOCK_STREAM, str(self.folder / "stream")),
            "UNIX datagram": self._listen(socket.AF_UNIX, socket.SOCK_DGRAM, str(self.folder / "datagram")),
            "abstract UNIX": self._listen(socket.AF_UNIX, socket.SOCK_STREAM, f"\0rlm-{os.getpid()}"),
        }
        with suppress(OSError):  # not every container has IPv6
            self._listeners["TCP over IPv6"] = self._listen(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
        self.victim = Victim(self.secret)
        self._fd = os.open(self.secret, os.O_RDONLY)
        self._stack.callback(os.close, self._fd)
        self._before = self._state()
        self._begun: dict[str, int] = {}  # attempts, and the number of each
        self._attempts = 0

    def _plant(self) -> None:
        self.secret, self.writable = self.folder / "secret.txt", self.folder / "writable.txt"
        self.secret.write_text(CANARY)
        self.writable.write_text("as it was")
        (self.readable / "library.py").write_text("as it was")
        link = self.readable / "link"
        if not link.is_symlink():
            link.symlink_to(self.secret)
        os.utime(self.secret, (1_600_000_000, 1_600_000_000))
        self.secret.chmod(0o600)
        (self.folder / "empty").mkdir(exist_ok=True)
        (self.folder / "canary_module.py").write_text(f"SECRET = {CANARY!r}\n")
        database = self.folder / "secrets.db"
        if not database.exists():
            with sqlite3.connect(database) as connection:
                connection.execute("create table secrets (key text)")
                connection.execute("insert into secrets values (?)", (CANARY,))
            connection.close()

    def _listen(self, family: int, kind: int, address: object) -> socket.socket:
        listener = self._stack.enter_context(socket.socket(family, kind))
        listener.bind(address)  # type: ignore[arg-type]
        listener.setblocking(False)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        return listener

    def target(self, attempt: str, phase: int) -> Target:
        """What an attempt is told; nothing that it could not find out by trying."""
        if phase == 1:
            self._attempts += 1
            self._begun[attempt] = self._attempts
        number = self._begun[attempt]
        return Target(
            canary=CANARY,
            folder=str(self.folder),
            secret=str(self.secret),
            writable=str(self.writable),
            empty=str(self.folder / "empty"),
            database=str(self.folder / "secrets.db"),
            readable=str(self.readable),
            library=str(self.readable / "library.py"),
            token=f"rlm-escape-{os.getpid()}-{number}",
            number=os.getpid() << 8 | number & 0xFF,
            phase=phase,
            host=os.getpid(),
            host_group=os.getpgrp(),
            host_fd=self._fd,
            victim=self.victim.pid,
            victim_address=self.victim.address,
            victim_fd=self.victim.fd,
            tcp=self._listeners["TCP"].getsockname()[1],
            tcp6=self._listeners.get("TCP over IPv6", self._listeners["TCP"]).getsockname()[1],
            udp=self._listeners["UDP"].getsockname()[1],
            unix=str(self.folder / "stream"),
            unix_datagram=str(self.folder / "datagram"),
            abstract=f"rlm-{os.getpid()}",
            own_sockets=1,
            too_much=3 * MEMORY_MB << 20,
            too_much_disk=2 * DISK_MB << 20,
        )

    def _state(self) -> dict[str, tuple[object, ...]]:
        state: dict[str, tuple[object, ...]] = {}
        for path in sorted(self.folder.parent.rglob("*")):
            if "__pycache__" in path.parts:
                continue
            stat = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            state[path.name] = (stat.st_mode, stat.st_uid, stat.st_nlink, stat.st_mtime_ns, content)
        return state

    def harm(self) -> list[str]:
        """What the last attempt did, as the host sees it."""
        seen = [f"heard by {name}" for name, listener in self._listeners.items() if _heard(listener)]
        if (after := self._state()) != self._before:
            changed = sorted(name for name, _ in set(after.items()) ^ set(self._before.items()))
            seen.append(f"changed on disk: {', '.join(dict.fromkeys(changed))}")
            self._restore()
        for place in ("/tmp", "/dev/shm"):
            for left in Path(place).glob(f"rlm-escape-{os.getpid()}-*"):
                seen.append(f"left behind: {left}")
                left.unlink()
        if (hurt := self.victim.harm()) is not None:
            seen.append(hurt)
            self.victim.end()
            self.victim = Victim(self.secret)
        return seen

    def _restore(self) -> None:
        for path in sorted(self.folder.parent.rglob("*"), reverse=True):
            if path.name not in self._before or path.name in ("writable.txt", "library.py"):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        self._plant()
        self._before = self._state()

    def close(self) -> None:
        """Takes everything down."""
        self.victim.end()
        self._stack.close()


def _heard(listener: socket.socket) -> bool:
    heard = False
    while True:
        try:
            if listener.type == socket.SOCK_STREAM:
                listener.accept()[0].close()
            else:
                listener.recv(100)
        except BlockingIOError:
            return heard
        heard = True
