"""What the launchers of far places have in common: a launcher is its vendor's words for a few steps, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import shlex
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, ClassVar

from rlm.context import Context, load
from rlm.errors import ConfigError, SandboxError, SandboxUnavailableError
from rlm.sandbox import packages, target_python, vendor
from rlm.sandbox.far_worker import FarWorker
from rlm.sandbox.launchers.base import Environment, Ready, Worker
from rlm.sandbox.machine import MachineRun
from rlm.sandbox.options import PROPERTIES, Sandbox, refuse_unkept
from rlm.types import Limits

# From wheels alone: nothing of theirs runs while the network is open, so no connection can be left over from then.
_INSTALLS = f"-m pip install {' '.join(packages.OPTIONS)} --root-user-action ignore"

MOST_PACKAGES_MB = 1024  # that are uploaded


class FarMachine(ABC):
    """A machine at a vendor's: a `Machine`, once its launcher has said how to make, run, put, get, start and end.

    It is not there before `set_up`. `packages` is a folder there that workers import from besides, if there is one.

    Args:
        sandbox: What the user asks for.
        home: The folder in which its own is made, as the shell there writes it.
    """

    def __init__(self, sandbox: Sandbox, home: str = "$HOME") -> None:
        self.sandbox = sandbox
        self.folder = ""
        self.python = ""
        self.packages: str | None = None
        self._home = home
        self._lease: vendor.Lease | None = None

    @abstractmethod
    async def make(self, context: Context, limits: Limits) -> None:
        """Has the vendor make it, waits until it is up, and then has it kept (`keep`).

        Raises:
            SandboxError: It can't be had.
        """

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
    async def end(self) -> None:
        """Has the vendor remove it, where it was made; lets go of what we hold in any case."""

    async def set_up(self, context: Context, limits: Limits) -> None:
        """Makes it, its folder in it, and installs packages; removes it where that fails.

        Raises:
            SandboxUnavailableError: The vendor makes none.
            SandboxError: It has no Python, or a package can't be installed.
            ConfigError: A package can't be installed here.
        """
        try:
            try:
                await self.make(context, limits)
            except SandboxError as error:
                raise SandboxUnavailableError(f"no machine could be had: {error}") from None
            await self._make_folder()
            await self.install()
        except BaseException:
            await asyncio.shield(self.remove())
            raise

    def keep(self, seconds: float, extend: Callable[[], Awaitable[object]]) -> None:
        """Has it kept for as long as we live, by moving its deadline on, which is `seconds` away."""
        self._lease = vendor.Lease(seconds, extend)

    async def kill(self, worker: FarWorker) -> None:
        """Ends a worker that has announced itself."""
        await self.run(f"kill -9 {await worker.number()}")

    async def remove(self) -> None:
        if self._lease is not None:
            await self._lease.end()
        await self.end()

    async def _make_folder(self) -> None:
        finds = "command -v python3 || command -v python || echo -"
        told = await self.run(f"mkdir -p {self._home}/rlm && cd {self._home}/rlm && pwd && ({finds})")
        self.folder, self.python = [*told.splitlines(), "", ""][:2]
        if not self.folder.startswith("/") or not self.python.startswith("/"):
            raise SandboxError("it has no python3; choose an image with Python 3.8 or newer")

    async def install(self) -> None:
        """Installs the packages that the user asks for, with the pip that is there."""
        if self.sandbox.packages:
            wanted = shlex.join(self.sandbox.packages)
            await self.run(f"PIP_BREAK_SYSTEM_PACKAGES=1 {self.python} {_INSTALLS} {wanted}", root=True)

    async def bring_packages(self) -> None:
        """What `install` is where there is no network: packages are installed here, for the Python there, and uploaded.

        They are compiled there, once and without their tests, which are the most of some: each worker would do that
        for itself, and may write nothing that stays.

        Raises:
            ConfigError: They can't be installed, or are too large.
        """
        if not self.sandbox.packages:
            return
        target = target_python.asked(await self.run(shlex.join([self.python, "-c", target_python.ASKS])))
        folder = await packages.opened(self.sandbox, target)
        assert folder is not None
        await self.upload(await asyncio.to_thread(_listed, Path(folder)))
        self.packages = f"{self.folder}/packages"
        await self.run(f"{self.python} -m compileall -qq -x '/tests?/' {self.packages} > /dev/null; true")

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
        ConfigError: It can't be kept.
        SandboxUnavailableError: The vendor's SDK is not installed.
        MissingKeyError: The vendor's key is not set.
    """

    name: ClassVar[str]
    module: ClassVar[str]  # the SDK's
    keys: tuple[str, ...] = ()
    keeps: ClassVar[frozenset[str]]
    own: ClassVar[tuple[str, ...]] = ()
    instead: ClassVar[Mapping[str, str]] = {}  # as `refuse_unkept` has it
    lacks: ClassVar[frozenset[str]] = frozenset()  # of `PROPERTIES`

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox(self.name)
        refuse_unkept(self._sandbox, self.keeps, self.own, self.instead)
        vendor.check_host(self.name, self.module, *self.keys)

    def enforces(self) -> frozenset[str]:
        """All that a machine holds which is not ours; but `network` not where hosts are let through by name."""
        named = not all(map(is_address, self._sandbox.network))
        return frozenset(PROPERTIES) - self.lacks - ({"network"} if named else set())

    def why_not(self) -> str | None:
        """None: it holds wherever the vendor can be reached; `open` tells where it can't."""
        return None

    def prepare(self) -> None:  # noqa: B027 (to do nothing is meant)
        """Nothing: a machine costs from when it is made."""

    async def open(self, context: Context, limits: Limits) -> Environment:
        machine = await self._set_up(context, limits)
        return await MachineRun.open(machine, context, limits, self._sandbox, machine.packages)

    async def ready(self, limits: Limits) -> Ready:
        """A machine without an input; see `WarmPool`."""
        with contextlib.closing(await asyncio.to_thread(load, "")) as nothing:
            machine = await self._set_up(nothing, limits)

        async def opened(context: Context, limits: Limits) -> Environment:
            return await MachineRun.open(machine, context, limits, self._sandbox, machine.packages)

        return Ready(opened, machine.remove, lambda: True)

    async def _set_up(self, context: Context, limits: Limits) -> FarMachine:
        await asyncio.to_thread(vendor.library, self.module, self.name)  # seconds, for some
        machine = self._machine()
        await machine.set_up(context, limits)
        return machine

    @abstractmethod
    def _machine(self) -> FarMachine:
        """A machine of a run's own, not made yet."""


def _listed(folder: Path) -> dict[str, Path]:
    """The files of packages, as they are uploaded."""
    found = {f"packages/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
    size = sum(path.stat().st_size for path in found.values()) >> 20
    if size > MOST_PACKAGES_MB:
        raise ConfigError(
            f"packages take {size:,} MiB, and at most {MOST_PACKAGES_MB:,} are uploaded for each run: put them into an "
            "image"
        )
    return found


def is_address(host: str) -> bool:
    """Whether a host that is let through is an IPv4 address: those are held by firewalls, names by look-ups."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).version == 4
    return False


def named_and_addresses(hosts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Hosts that are let through: those by name, and IPv4 addresses as networks of one."""
    return [one for one in hosts if not is_address(one)], [f"{one}/32" for one in hosts if is_address(one)]
