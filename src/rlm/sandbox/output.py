"""What a cell prints: kept head and tail within a cap, and whole, up to a bound, for `outputs`.

Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

MAX_KEPT = 32 * 2**20  # characters of one cell's output that `outputs[i]` holds


class Output:
    """One cell's output: counted in full, kept within bounds, however much is printed."""

    def __init__(self, cap: int) -> None:
        self.size = 0  # characters
        self._cap = cap
        self._parts: list[str] = []
        self._kept = 0
        self._tail = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        with self._lock:
            self.size += len(text)
            room = MAX_KEPT - self._kept
            if room > 0:
                part = text if len(text) <= room else text[:room]
                self._parts.append(part)
                self._kept += len(part)
                if len(self._parts) > 10_000:  # a million one-character prints must not cost a hundred bytes each
                    self._parts = ["".join(self._parts)]
            if len(text) > room:
                self._tail = (self._tail + text[max(0, room) :][-self._cap :])[-self._cap :]

    def whole(self) -> str:
        """All of it, or its first 32 Mi characters and the end."""
        with self._lock:
            text = "".join(self._parts)
            self._parts = [text]
            return text if self.size <= MAX_KEPT else text + _mark(self.size - MAX_KEPT - len(self._tail)) + self._tail

    def shown(self) -> str:
        """At most `cap` characters: the head, how much is missing, the tail."""
        text = self.whole()
        if len(text) <= self._cap:
            return text
        mark = _mark(self.size - self._cap)
        half = max(0, self._cap - len(mark)) // 2
        return text[:half] + _mark(self.size - 2 * half) + (text[-half:] if half else "")


def _mark(missing: int) -> str:
    return f"\n[... {missing:,} characters cut ...]\n" if missing > 0 else ""


class Stream(io.TextIOBase):
    """What `sys.stdout` and `sys.stderr` are in a worker: they write to whatever `current` gives, or nowhere."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name: str, current: Callable[[], Output | None]) -> None:
        super().__init__()
        self.name = f"<{name}>"
        self._current = current

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        output = self._current()
        if output is not None:
            output.write(str(text))
        return len(text)
