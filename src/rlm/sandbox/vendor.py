"""What the launchers of vendors share: their SDK and key, which live in the host alone, creation, leases, bundles."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import io
import math
import os
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import IO, Any, TypeVar

from rlm.context import Context
from rlm.errors import MissingKeyError, SandboxError, SandboxUnavailableError
from rlm.sandbox.exits import in_words
from rlm.sandbox.options import Sandbox
from rlm.sandbox.protocol import MAX_FRAME
from rlm.types import Limits

_Made = TypeVar("_Made")
_PAUSE = 1.0  # seconds before a machine is asked for again
_END = 5.0  # seconds for a lease to be let go of
_TOLD = 300  # characters of a vendor's message
_MOST_PRINTED = 1 << 20  # bytes
_MOST_AHEAD = 2 * MAX_FRAME
_PRINTED = "a command in the sandbox printed more than 1 MiB, which none of ours does"
_WORKERS = 4
_PYTHON = "3.12"
_SPARE = 600  # seconds for a run's beginning and end
LABELS = {"made-by": "rlm-engine"}


def library(module: str, sandbox: str) -> ModuleType:
    """A vendor's SDK, imported when it is needed.

    Raises:
        SandboxUnavailableError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise _missing(module, sandbox) from None


def check_host(sandbox: str, module: str, *variables: str) -> None:
    """Refuses a sandbox whose vendor can't be reached from this host; nothing is imported for it.

    Raises:
        SandboxUnavailableError: The SDK is not installed.
        MissingKeyError: One of the variables is not set; names it.
    """
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        raise _missing(module, sandbox)
    for variable in variables:
        if not os.environ.get(variable):
            raise MissingKeyError(f"the sandbox {sandbox!r} needs a key in the environment variable {variable}")


def _missing(module: str, sandbox: str) -> SandboxUnavailableError:
    package = module.partition(".")[0]
    return SandboxUnavailableError(f"the sandbox {sandbox!r} needs {package}: pip install 'rlm-engine[{sandbox}]'")


@contextlib.contextmanager
def told_as_ours(vendor: str, errors: tuple[type[Exception], ...], *variables: str) -> Iterator[None]:
    """Tells what a vendor's SDK raises as `SandboxError`, without the keys in those variables."""
    try:
        yield
    except errors as error:
        told = f"{type(error).__name__}: {error}"
        for value in filter(None, map(os.environ.get, variables)):
            told = told.replace(value, "***")
        raise SandboxError(f"{vendor}: {' '.join(told.split())[:_TOLD]}") from None


def failed(code: int, said: str) -> SandboxError:
    """What to raise where a command on a machine failed."""
    return SandboxError(f"a command on the machine failed ({code}): {' '.join(said.split())[:_TOLD]}")


def ending(code: int) -> str:
    """How a program ended, in words, from an exit code as shells and vendors tell it: 128 and a signal's number."""
    return in_words(128 - code if code > 128 else code)


def memory_mb(context: Context, limits: Limits) -> int:
    """MiB for the machine of a run: four workers at once, with a copy each of an input that is all emoji."""
    return _WORKERS * (limits.memory_mb + 4 * math.ceil(context.blob.size / 2**20)) + 64


def gib(mib: float) -> int:
    """MiB as whole GiB, for vendors who count in those."""
    return math.ceil(mib / 1024)


def disk_mb(context: Context, sandbox: Sandbox) -> int:
    """MiB of disk for the machine of a run: the input twice, packed and not, what may be written, and 1 GiB."""
    return sandbox.disk_mb + math.ceil(2 * context.blob.size / 2**20) + 1024


def longest(limits: Limits, most: int = 86_400) -> int:
    """Seconds that a run's machine may live: what the run has, its beginning and its end."""
    return most if limits.seconds is None else min(math.ceil(limits.seconds) + _SPARE, most)


def image(named: Callable[[str], Any], slim: Callable[[str], Any], sandbox: Sandbox) -> Any:
    """The image that a vendor builds: the user's or a plain one, with the packages.

    Args:
        named: Makes the vendor's image of one in a registry.
        slim: Makes it of a plain Debian with that Python.
        sandbox: What the user asks for.
    """
    found = slim(_PYTHON) if sandbox.image is None else named(sandbox.image)
    return found.pip_install(*sandbox.packages) if sandbox.packages else found


async def made(make: Callable[[], Awaitable[_Made]], *may_pass: type[Exception]) -> _Made:
    """Makes something at a vendor's, and tries once more where that failed in a way that may pass."""
    try:
        return await make()
    except may_pass:
        pass
    await asyncio.sleep(_PAUSE)
    return await make()


@contextlib.contextmanager
def bundle(files: Mapping[str, bytes | Path]) -> Iterator[IO[bytes]]:
    """Files by their relative paths as one tar, so that they travel at once; call it in a thread."""
    with tempfile.TemporaryFile(prefix="rlm-bundle-") as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, source in files.items():
                member = tarfile.TarInfo(name)
                member.mode = 0o644
                if isinstance(source, bytes):
                    member.size = len(source)
                    tar.addfile(member, io.BytesIO(source))
                else:
                    member.size = source.stat().st_size
                    with source.open("rb") as file:
                        tar.addfile(member, file)
        packed.seek(0)
        yield packed


async def read_bounded(chunks: AsyncIterable[bytes], sandbox: Sandbox) -> bytes:
    """What a vendor sends of `output`.

    Raises:
        SandboxError: It is more than `disk_mb`, with what a tar adds.
    """
    most = (sandbox.disk_mb << 20) * 1.1 + (1 << 21)
    return await _read(chunks, most, f"output holds more than {sandbox.disk_mb:,} MiB")


async def read_printed(chunks: AsyncIterable[bytes]) -> bytes:
    """What a command of ours printed, on a machine where cells that ran before may have put another in its place.

    Raises:
        SandboxError: It is more than any of ours prints.
    """
    return await _read(chunks, _MOST_PRINTED, _PRINTED)


class Printed:
    """Counts what a command of ours prints, and raises as `read_printed` does, where the SDK collects it by itself."""

    def __init__(self) -> None:
        self._left = _MOST_PRINTED

    def __call__(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise SandboxError(_PRINTED)


class ReadAhead:
    """Bounds what an SDK reads of a worker before we take it, where it puts all that comes into a queue without end.

    Args:
        stream: The SDK's, with `feed` and `fail` for what comes; to be iterated over by nobody else.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._feed: Callable[[bytes], None] = stream.feed
        self._waiting = 0
        stream.feed = self._fed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._stream:
            self._waiting -= len(data)
            yield data

    def _fed(self, data: bytes) -> None:
        if self._waiting > _MOST_AHEAD:  # for good: what comes later would lack this
            return
        self._waiting += len(data)
        if self._waiting > _MOST_AHEAD:
            self._waiting = sys.maxsize
            self._stream.fail(SandboxError("the worker sends more than anybody asked for"))
        else:
            self._feed(data)


class Forgotten(list[str]):
    """A list that stays empty, in place of one where an SDK would keep all that a worker prints."""

    def append(self, text: str) -> None:
        """Nothing."""


async def _read(chunks: AsyncIterable[bytes], most: float, too_much: str) -> bytes:
    parts, size = [], 0
    async for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > most:
            raise SandboxError(too_much)
    return b"".join(parts)


def keeper(lease: str, seconds: float) -> str:
    """A program for Python that ends, and its machine with it, once nobody has touched the file `lease` for so long."""
    return (
        f"import os, time\nlease = os.path.expanduser({lease!r})\nopen(lease, 'w').close()\n"
        f"while time.time() - os.stat(lease).st_mtime < {seconds}: time.sleep({min(seconds / 20, 5)})"
    )


class Lease:
    """Keeps a machine for as long as this process lives: its deadline is moved on, and passes once nobody does that.

    Args:
        seconds: How long the machine stays without us.
        extend: Moves the deadline so many seconds from now on; raises `SandboxError` where it can't.
    """

    def __init__(self, seconds: float, extend: Callable[[], Awaitable[Any]]) -> None:
        self._every = seconds / 3
        self._extend = extend
        self._ended = False
        self._task = asyncio.create_task(self._keep())

    async def end(self) -> None:
        self._ended = True  # some SDKs turn a cancellation into an error of theirs
        self._task.cancel()
        await asyncio.wait([self._task], timeout=_END)

    async def _keep(self) -> None:
        while not self._ended:
            await asyncio.sleep(self._every)
            with contextlib.suppress(SandboxError):  # the next time may do; if not, the stream ends and tells
                await self._extend()
