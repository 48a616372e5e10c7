"""The bytes of an input: written once, then sealed, and handed to a zygote as a file descriptor."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator

from rlm.context.digest import TrailingDigest

if sys.platform == "linux":
    import fcntl

    _SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE

# Characters of a string, or bytes of a file, that are copied at a time. Slices under the allocator's mmap threshold
# (128 KiB) reuse the same pages: 42 MB take 31 ms so, and no memory to speak of.
SLICE = 1 << 16


class Blob:
    """Sealed bytes behind a file descriptor: UTF-8, surrogates passed.

    Whoever receives the descriptor reads it with `pread`, or maps it with MAP_PRIVATE (before Linux 6.7 a sealed
    file refuses MAP_SHARED).

    Attributes:
        fd: The descriptor; -1 once closed.
        size: Bytes.
    """

    def __init__(self, fd: int, size: int, digest: str | None = None) -> None:
        self.fd = fd
        self.size = size
        self._digest = digest

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, hexadecimal. Of a large blob it is known; of a small one it is computed once."""
        if self._digest is None:
            digest = hashlib.sha256()
            for piece in self.pieces():
                digest.update(piece)
            self._digest = digest.hexdigest()
        return self._digest

    def pieces(self, stop: threading.Event | None = None) -> Iterator[bytes]:
        """The bytes, one after the other in pieces of at most `SLICE`; a `StoppedError` once `stop` is set."""
        start = 0
        while piece := os.pread(self.fd, min(SLICE, self.size - start), start):
            if stop is not None and stop.is_set():
                raise StoppedError
            yield piece
            start += len(piece)

    def read(self, start: int = 0, length: int | None = None) -> bytes:
        """Return `length` bytes from `start`, to the end if None."""
        want = max(self.size - start if length is None else min(length, self.size - start), 0)
        pieces = []
        while want > 0:  # one pread gives at most 2 GiB
            piece = os.pread(self.fd, want, start)
            if not piece:
                break
            pieces.append(piece)
            start += len(piece)
            want -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Give the bytes back; more than once is fine."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.close()


class StoppedError(Exception):
    """Nobody waits for the blob any more."""


class BlobWriter:
    """Writes a blob in slices.

    On Linux it is a memory file that its seals make read-only for everyone, us included; elsewhere an unlinked
    temporary file.

    Args:
        stop: Once it is set, writing ends in a `StoppedError`.
    """

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = stop
        self._fd = _open()
        self._digest = TrailingDigest(self._fd)
        self.size = 0
        self._pending: list[bytes] = []
        self._pending_size = 0

    def check(self) -> None:
        """Raises `StoppedError` where nobody waits any more."""
        if self._stop is not None and self._stop.is_set():
            raise StoppedError

    def write(self, data: bytes) -> None:
        """Append bytes; small ones are gathered so that ten thousand files are not ten thousand writes."""
        self.check()
        self.size += len(data)
        self._pending.append(data)
        self._pending_size += len(data)
        if self._pending_size >= SLICE:
            self._flush()

    def write_text(self, text: str) -> None:
        """Append a string in slices, so that it is never held twice."""
        for start in range(0, len(text), SLICE):
            self.write(text[start : start + SLICE].encode("utf-8", "surrogatepass"))

    def truncate(self, size: int) -> None:
        """Drop everything from byte `size` on."""
        self._flush()
        self._digest.cut(size)
        os.ftruncate(self._fd, size)
        os.lseek(self._fd, size, os.SEEK_SET)
        self.size = size

    def seal(self) -> Blob:
        """Make the bytes unchangeable and hand them over; the writer is done."""
        self._flush()
        if sys.platform == "linux":
            fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, _SEALS)
        digest = self._digest.finish()
        fd, self._fd = self._fd, -1
        return Blob(fd, self.size, digest)

    def close(self) -> None:
        """Drop what was written, if it was not sealed."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._digest.stop()
            os.close(fd)

    def _flush(self) -> None:
        view = memoryview(b"".join(self._pending))  # join hands back a single piece as it is
        self._pending = []
        self._pending_size = 0
        while view:
            view = view[os.write(self._fd, view) :]
        self._digest.written(self.size)

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _open() -> int:
    if sys.platform != "linux":
        with tempfile.TemporaryFile(prefix="rlm-context-") as file:
            return os.dup(file.fileno())
    return os.memfd_create("rlm-context", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
