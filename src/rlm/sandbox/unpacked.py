"""`output` as a tar from a place that is not ours, put into a folder of the user's. Every byte of it is hostile.

What can't be put there is left out, and told; the rest comes, as it does from places on this machine (`written.py`).
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import tarfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from rlm.errors import SandboxError

KEEP = ".keep"  # an empty file that makes a folder where only files can be made
_MAX_FILES = 20_000
_MAX_DEPTH = 32
_SLICE = 1 << 20
_HEADERS = 1 << 12  # bytes of a tar for each file, beside what is in it
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def unpack_output(archive: bytes, folder: Path, max_bytes: int) -> None:
    """Puts a tar of `output` into a folder of ours.

    Warns of what was left out: links, devices, odd names, what is too much, what the folder does not take.

    Args:
        archive: A tar, plain or compressed by gzip; its names may begin with one folder `output`, or not.
        folder: Made if it is not there; files in it of the same name are replaced.
        max_bytes: The most that all files together may hold.

    Raises:
        SandboxError: It is no tar, a name leads out of the folder, or it is larger than what it tells of its files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    unpacking = _Unpacking(folder, max_bytes)
    try:
        with tarfile.open(fileobj=_Tar(archive, max_bytes), mode="r:") as tar:
            for member in tar:
                if not unpacking.has_room():
                    break
                unpacking.member(tar, member)
    except (tarfile.TarError, OSError, ValueError, RecursionError) as error:
        raise SandboxError(f"output can't be brought back: {error}") from error
    if left_out := unpacking.left_out:
        told = "; ".join(left_out[:5])
        warnings.warn(f"{len(left_out)} of what cells wrote was not copied to {folder}: {told}", stacklevel=2)


class _Unpacking:
    """One tar on its way into a folder, and what is left of its allowance."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.left_out: list[str] = []
        self._folder = folder
        self._bytes = max_bytes
        self._files = _MAX_FILES
        self._written: dict[tuple[str, ...], int] = {}  # and its size

    def has_room(self) -> bool:
        """Whether another file may come."""
        self._files -= 1
        if self._files < 0:
            self.left_out.append("and the rest: too many files")
        return self._files >= 0

    def member(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Puts a file or folder there; leaves out what is neither, and what can't be put there."""
        parts = _safe_parts(member.name)
        if parts in ((), (KEEP,)):
            return
        try:
            why = self._put(tar, member, parts)
        except OSError as error:  # the folder's: what comes from the tar is a TarError
            why = error.strerror or type(error).__name__
        if why is not None:
            self.left_out.append(f"{member.name[:200]!r}: {why}")

    def _put(self, tar: tarfile.TarFile, member: tarfile.TarInfo, parts: tuple[str, ...]) -> str | None:
        """Puts one there; why not, where it can't be."""
        if len(parts) > _MAX_DEPTH or not "".join(parts).isprintable():
            return "its name"
        if member.isdir():
            with _folder_at(self._folder, parts):
                return None
        size = member.size if member.isreg() else -1
        if member.islnk():  # another name of a file that came before
            size = self._written.get(_parts(member.linkname), -1)
        if size < 0:
            return "neither a file nor a folder"
        if size > self._bytes:
            return "too many bytes in all"
        self._bytes -= size
        if member.islnk():
            with _opened(self._folder, _parts(member.linkname), os.O_RDONLY | os.O_NONBLOCK) as copied:
                self._write(parts, copied, size)
        elif (source := tar.extractfile(member)) is not None:
            self._write(parts, source, size)
        return None

    def _write(self, parts: tuple[str, ...], source: IO[bytes], size: int) -> None:
        with _opened(self._folder, parts, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
            shutil.copyfileobj(source, file, _SLICE)
        self._written[parts] = size


class _Tar(io.RawIOBase):
    """The bytes of a tar in one direction. A header that claims to be large is not read: it would be held whole."""

    def __init__(self, archive: bytes, max_bytes: int) -> None:
        packed = archive.startswith(b"\x1f\x8b")
        file = io.BytesIO(archive)
        self._file: gzip.GzipFile | io.BytesIO = gzip.GzipFile(fileobj=file) if packed else file
        self._left = max_bytes + _HEADERS * _MAX_FILES
        self._at = 0

    def tell(self) -> int:
        return self._at

    def seek(self, at: int, whence: int = 0) -> int:
        if whence != 0 or at < self._at:
            raise tarfile.StreamError("it leads backwards")
        while self._at < at and self.read(min(at - self._at, _SLICE)):
            pass
        return self._at

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= 2 * _SLICE:
            raise tarfile.ReadError("a header of it is too large")
        try:
            data = self._file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise tarfile.ReadError(str(error)) from None
        self._at += len(data)
        self._left -= len(data)
        if self._left < 0:
            raise tarfile.ReadError("it is larger than what may be in it")
        return data


def _safe_parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise SandboxError(f"output has a file whose name leads out of the folder: {name[:200]!r}")
    return _parts(name)


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    return parts[1:] if parts[:1] == ("output",) else parts


@contextlib.contextmanager
def _folder_at(folder: Path, parts: tuple[str, ...]) -> Iterator[int]:
    """A folder below the folder, made if it is not there and reached without following a link that lies there."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=at)
            below = os.open(part, _FOLDER, dir_fd=at)
            os.close(at)
            at = below
        yield at
    finally:
        os.close(at)


@contextlib.contextmanager
def _opened(folder: Path, parts: tuple[str, ...], flags: int) -> Iterator[IO[bytes]]:
    """A file below the folder; a new one takes the place of what has its name."""
    with _folder_at(folder, parts[:-1]) as at:
        if flags & os.O_EXCL:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(parts[-1], dir_fd=at)
        fd = os.open(parts[-1], flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=at)
        with os.fdopen(fd, "wb" if flags & os.O_WRONLY else "rb") as file:
            yield file
