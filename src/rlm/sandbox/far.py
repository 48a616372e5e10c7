"""What the launchers of far places have in common: a launcher is its vendor's words for a few steps, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import shlex
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import IO, ClassVar

from rlm.context import Context, load
from rlm.errors import SandboxError
from rlm.sandbox import vendor
from rlm.sandbox.launchers.base import Environment, Ready, Worker
from rlm.sandbox.machine import MachineRun
from rlm.sandbox.options import PROPERTIES, Sandbox, refuse_unkept
from rlm.types import Limits

_INSTALLS = "-m pip install --quiet --no-input --disable-pip-version-check --root-user-action ignore"


class FarMachine(ABC):
    """A machine at a vendor's: a `Machine`, once its launcher has said how to run, put, get, start and remove.

    Args:
        sandbox: What the user asks for.
        home: The folder in which its own is made, as the shell there writes it.
    """

    def __init__(self, sandbox: Sandbox, home: str = "$HOME") -> None:
        self.sandbox = sandbox
        self.folder = ""
        self.python = ""
        self._home = home

    @abstractmethod
    async def run(self, command: str, *, root: bool = False) -> str:
        """Runs a command of `sh` there to its end, as root if it has to be and can; what it printed.

        Raises:
            SandboxError: It failed.
        """

    @abstractmethod
    async def put(self, path: str, file: IO[bytes]) -> None:
        """Writes a file there."""

    @abstractmethod
    def get(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of a file there, as they come."""

    @abstractmethod
    async def start(self, argv: Sequence[str]) -> Worker: ...

    @abstractmethod
    async def remove(self) -> None: ...

    async def make_folder(self) -> None:
        """Makes its folder, and finds its Python; once, first.

        Raises:
            SandboxError: It has none.
        """
        finds = "command -v python3 || command -v python || echo -"
        told = await self.run(f"mkdir -p {self._home}/rlm && cd {self._home}/rlm && pwd && ({finds})")
        self.folder, self.python = [*told.splitlines(), "", ""][:2]
        if not self.folder.startswith("/") or not self.python.startswith("/"):
            raise SandboxError("it has no python3; choose an image with Python 3.8 or newer")

    async def install(self) -> None:
        """Installs the packages that the user asks for, with the pip that is there."""
        if self.sandbox.packages:
            packages = shlex.join(self.sandbox.packages)
            await self.run(f"PIP_BREAK_SYSTEM_PACKAGES=1 {self.python} {_INSTALLS} {packages}", root=True)

    async def upload(self, files: Mapping[str, bytes | Path]) -> None:
        bundle = vendor.bundle(files)
        tar = await asyncio.to_thread(bundle.__enter__)
        try:
            await self.put(f"{self.folder}/bundle.tar", tar)
        finally:
            bundle.__exit__(None, None, None)
        await self.run(f"cd {self.folder} && {self.python} -m tarfile -e bundle.tar . && rm bundle.tar")

    async def download(self, folder: str) -> bytes:
        packed = f"{self.folder}/packed.tar.gz"
        await self.run(f"cd {self.folder} && {self.python} -m tarfile -c {packed} {folder}")
        return await vendor.read_bounded(self.get(packed), self.sandbox)


class FarLauncher(ABC):
    """A vendor's launcher: what it keeps and needs, and how a machine is made.

    Args:
        sandbox: What the user asks for.

    Raises:
        ConfigError: It can't be kept, or the vendor's SDK is not installed.
        MissingKeyError: The vendor's key is not set.
    """

    name: ClassVar[str]
    module: ClassVar[str]  # the SDK's
    keys: tuple[str, ...] = ()
    keeps: ClassVar[frozenset[str]]
    own: ClassVar[tuple[str, ...]] = ()

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox(self.name)
        refuse_unkept(self._sandbox, self.keeps, self.own)
        vendor.check_host(self.name, self.module, *self.keys)

    def enforces(self) -> frozenset[str]:
        """All: the machine is not ours, and nothing leaves it but over our stream."""
        return frozenset(PROPERTIES)

    def why_not(self) -> str | None:
        """None: it holds wherever the vendor can be reached; `open` tells where it can't."""
        return None

    def prepare(self) -> None:  # noqa: B027 (to do nothing is meant)
        """Nothing: a machine costs from when it is made."""

    async def open(self, context: Context, limits: Limits) -> Environment:
        await asyncio.to_thread(vendor.library, self.module, self.name)  # seconds, for some
        machine = await self._machine(context, limits)
        return await MachineRun.open(machine, context, limits, self._sandbox)

    async def ready(self, limits: Limits) -> Ready:
        """A machine without an input; see `WarmPool`."""
        with contextlib.closing(await asyncio.to_thread(load, "")) as nothing:
            machine = await self._machine(nothing, limits)

        async def opened(context: Context, limits: Limits) -> Environment:
            return await MachineRun.open(machine, context, limits, self._sandbox)

        return Ready(opened, machine.remove, lambda: True)

    @abstractmethod
    async def _machine(self, context: Context, limits: Limits) -> FarMachine:
        """A machine of the run's own, its folder made and its packages installed.

        Raises:
            SandboxUnavailableError: None could be had.
        """


def is_address(host: str) -> bool:
    """Whether a host that is let through is an IPv4 address: those are held by firewalls, names by look-ups."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).version == 4
    return False


async def set_up(machine: FarMachine) -> None:
    """Makes a new machine ready, and removes it where that fails."""
    try:
        await machine.make_folder()
        await machine.install()
    except BaseException:
        await asyncio.shield(machine.remove())
        raise
