"""A folder that the workers of a run write to: watched while they run, and copied to the user's when they have ended.

What is in it was made by hostile code. So no link is followed on either side, nothing but files and folders is copied,
and everything is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from rlm.errors import SandboxError
from rlm.sandbox.launchers.base import ChildContext, Worker
from rlm.sandbox.options import Sandbox
from rlm.types import JSON

_Result = TypeVar("_Result")
MAX_FILES = 20_000  # files and folders; each takes 1 kB of the kernel's memory on a tmpfs, which its size leaves out
_MAX_DEPTH = 32
_PREFIX = "rlm-output-"
_POLL = 0.25  # seconds
_PIECE = 2**20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


async def open_equipped(sandbox: Sandbox, open_run: Callable[[str | None], Awaitable[Workers]]) -> EquippedRun:
    """An environment whose workers see the files of this machine: `files` by their own paths, and a temporary folder
    that is copied to `sandbox.output` at the end.

    Args:
        sandbox: What the user asks for.
        open_run: Starts what starts the workers, which may write to that folder.
    """
    paths = {name: str(path) for name, path in sandbox.files.items()}
    if sandbox.output is None:
        return EquippedRun(await open_run(None), sandbox, paths)
    make_output(sandbox.output)
    folder = await asyncio.to_thread(own_folder, _PREFIX)

    async def end() -> None:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    try:
        run = await open_run(folder)
    except BaseException:
        await end()
        raise
    written = WrittenFolder(os.open(folder, _FOLDER), sandbox.disk_mb * 2**20, sized=False)
    return EquippedRun(run, sandbox, paths, written, folder, end)


def make_output(output: Path) -> None:
    """Makes the user's folder, before anything is spent on what will be in it.

    Raises:
        SandboxError: It can't be made, or not be written.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"output can't be made: {error}") from error
    if not os.access(output, os.W_OK | os.X_OK):
        raise SandboxError(f"output can't be written: {output}")


def own_folder(prefix: str) -> str:
    """A temporary folder that says whose it is; those of processes that have died are removed.

    Args:
        prefix: What its name begins with, dash included.
    """
    remove_left(prefix)
    return tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-")


def remove_left(prefix: str) -> None:
    """Removes the folders of processes that have died."""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*-*"):
        owner = left.name[len(prefix) :].partition("-")[0]
        with contextlib.suppress(OSError):
            if owner.isdigit() and not _lives(int(owner)) and left.lstat().st_uid == os.geteuid():
                shutil.rmtree(left, ignore_errors=True)


@functools.cache
def _remove_left_once() -> None:
    remove_left(_PREFIX)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


class WrittenFolder:
    """An open folder that workers write to.

    Args:
        fd: Its descriptor, which is closed with this.
        most: Bytes that may be in it.
        sized: Whether its file system holds no more than that; otherwise `over` counts.
    """

    def __init__(self, fd: int, most: int, sized: bool) -> None:
        self.fd = fd
        self._most = most
        self._sized = sized
        self._seen = MAX_FILES, most

    def over(self) -> str | None:
        """Why there is too much in it, or still more than the last time that there was; None where there is not.

        So the next worker can make room, and only one that adds to it is stopped as well.
        """
        if self._sized:
            system = os.fstatvfs(self.fd)
            files, size = system.f_files - system.f_ffree, 0
        else:
            files, size = _count(self.fd, 2 * MAX_FILES, 0)
        more_files, more_bytes = files > self._seen[0], size > self._seen[1]
        self._seen = max(files, self._seen[0]), max(size, self._seen[1])
        if more_files:
            return f"it made more than {MAX_FILES:,} files and folders; remove some"
        return f"it wrote more than {self._most >> 20:,} MiB; remove some" if more_bytes else None

    async def watch(self, stop: Callable[[str], None]) -> None:
        """Looks at it again and again, and has its workers stopped while there is too much in it."""
        while True:
            await asyncio.sleep(_POLL)
            if (why := await _in_thread(self.over)) is not None:
                stop(why)
                await asyncio.sleep(_POLL)
                await _in_thread(self.over)  # what they wrote before they were dead is not their successors'

    def bring(self, target: Path) -> None:
        """Copies what is in it below `target`, over what has the same names.

        Warns of what was left out, and why: an error here would take the place of the run's answer, which is paid.
        """
        copying = _Copying(self._most)
        try:
            with _opened(str(target), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, None) as to:
                copying.folder(self.fd, to, "", 0)
        except OSError as error:
            copying.left_out.append(f"all of it: {error.strerror}")
        if copying.left_out:
            first = "; ".join(copying.left_out[:5])
            warnings.warn(
                f"{len(copying.left_out)} of what cells wrote was not copied to {target}: {first}", stacklevel=2
            )

    def close(self) -> None:
        """Lets go of it; more than once is fine."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class Workers(Protocol):
    """What starts workers on this machine."""

    async def start(self, pieces: ChildContext | None = None) -> Worker: ...

    def stop(self, why: str) -> None:
        """Kills those that run now, which ended because of `why`."""

    async def close(self) -> None: ...


class EquippedRun:
    """An `Environment` on this machine that has more than the input: files, variables, a folder to write to.

    Args:
        run: What starts its workers.
        sandbox: What the user asks for.
        paths: Where cells find each of `sandbox.files`.
        written: The folder that workers write to, which is watched, and closed with this.
        folder: The path of that.
        end: Ends what is around it all.
    """

    def __init__(
        self,
        run: Workers,
        sandbox: Sandbox,
        paths: Mapping[str, str],
        written: WrittenFolder | None = None,
        folder: str = "",
        end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        names: dict[str, JSON] = {"files": dict(paths)} if paths else {}
        if written:
            names["output_folder"] = folder
        if sandbox.packages:
            names["packages"] = list(sandbox.packages)
        self.names: Mapping[str, JSON] = names
        self.env = sandbox.env
        self._run = run
        self._written = written
        self._output = sandbox.output
        self._end = end
        self._watch = asyncio.create_task(written.watch(run.stop)) if written else None

    async def start(self, pieces: ChildContext | None = None) -> Worker:
        return await self._run.start(pieces)

    async def close(self) -> None:
        """Ends its workers, copies what they wrote, and ends the rest, also where it is cancelled meanwhile."""
        try:
            if self._watch is not None:
                self._watch.cancel()
                await asyncio.wait([self._watch])
            await self._run.close()
            if self._written is not None and self._output is not None:
                await _in_thread(functools.partial(self._written.bring, self._output))
        finally:
            if self._written is not None:
                self._written.close()
            if self._end is not None:
                await self._end()
            # A run without an output meets them here, at no cost to its start. A thread a run took 1 ms of its end.
            if not _remove_left_once.cache_info().currsize:
                await asyncio.to_thread(_remove_left_once)


async def _in_thread(act: Callable[[], _Result]) -> _Result:
    """Calls that in a thread, and waits for it when cancelled too: the descriptor that it uses is closed afterwards."""
    acting = asyncio.ensure_future(asyncio.to_thread(act))
    try:
        return await asyncio.shield(acting)
    except asyncio.CancelledError:
        await asyncio.wait([acting])
        raise


class _Copying:
    """One copy of a folder, and what is left of its allowance."""

    def __init__(self, most: int) -> None:
        self.left_out: list[str] = []
        self._bytes = most
        self._files = MAX_FILES

    def folder(self, source: int, target: int, path: str, depth: int) -> None:
        """Copies what is in one open folder to another."""
        with os.scandir(source) as entries:
            names = sorted(entry.name for entry in entries)
        for name in names:
            where = f"{path}{name}"
            self._files -= 1
            if self._files < 0 or depth > _MAX_DEPTH or not name.isprintable():
                self.left_out.append(f"{where[:200]!r}: {'its name' if self._files >= 0 else 'too many files'}")
                if self._files < 0:
                    return
                continue
            try:
                why = self._entry(source, target, name, where, depth)
            except OSError as error:
                why = error.strerror or type(error).__name__
            if why is not None:
                self.left_out.append(f"{where[:200]!r}: {why}")

    def _entry(self, source: int, target: int, name: str, where: str, depth: int) -> str | None:
        """Copies one file or folder; why not, where it is neither."""
        mode = os.stat(name, dir_fd=source, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=target)
            with _opened(name, _FOLDER, source) as below, _opened(name, _FOLDER, target) as beside:
                self.folder(below, beside, where + "/", depth + 1)
            return None
        if not stat.S_ISREG(mode):
            return "neither a file nor a folder"
        flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # it may have become a link or a FIFO
        with _opened(name, os.O_RDONLY | flags, source) as file:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return "neither a file nor a folder"
            with _opened(name, os.O_WRONLY | os.O_CREAT | flags, target) as copy:
                if not stat.S_ISREG(os.fstat(copy).st_mode):
                    return "something else has its name"
                os.ftruncate(copy, 0)
                return self._content(file, copy)

    def _content(self, file: int, copy: int) -> str | None:
        while data := os.read(file, min(_PIECE, self._bytes + 1)):
            self._bytes -= len(data)
            if self._bytes < 0:
                self._bytes = 0
                return "too many bytes in all; it is cut"
            view = memoryview(data)
            while view:
                view = view[os.write(copy, view) :]
        return None


@contextlib.contextmanager
def _opened(name: str, flags: int, folder: int | None) -> Iterator[int]:
    fd = os.open(name, flags, 0o666, dir_fd=folder)
    try:
        yield fd
    finally:
        os.close(fd)


def _count(folder: int, most: int, depth: int) -> tuple[int, int]:
    """The files and folders below an open folder, until there are more than `most`, and their bytes on disk."""
    files = size = 0
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            files += 1
            size += 512 * found.st_blocks
            if stat.S_ISDIR(found.st_mode):
                if depth > 2 * _MAX_DEPTH:
                    return most + 1, size
                with _opened(name, _FOLDER, folder) as below:
                    more = _count(below, most - files, depth + 1)
                files, size = files + more[0], size + more[1]
        if files > most:
            break
    return files, size
