"""What a cell prints: kept head and tail within a cap, and whole, up to a bound, for `outputs`.

Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable

MAX_KEPT = 8 * 2**20  # characters of one cell's output that `outputs[i]` holds: 32 MiB at worst


class Output:
    """One cell's output: counted in full, kept within bounds, however much is printed."""

    def __init__(self, cap: int) -> None:
        self.size = 0  # characters
        self._cap = cap
        self._head = io.StringIO()
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Adds what was printed; from any thread."""
        with self._lock:
            room = max(0, MAX_KEPT - self.size)
            self.size += len(text)
            if room:
                self._head.write(text[:room])
            if len(text) > room:
                self._add_to_tail(text[room:][-self._cap :])

    def _add_to_tail(self, text: str) -> None:
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size - len(self._tail[0]) >= self._cap:
            self._tail_size -= len(self._tail.popleft())

    def whole(self) -> str:
        """All of it, or its first 8 Mi characters and the end."""
        with self._lock:
            tail = "".join(self._tail)[-self._cap :]
            return self._head.getvalue() + _mark(self.size - MAX_KEPT - len(tail)) + tail

    def shown(self) -> str:
        """At most `cap` characters: the head, how much is missing, the tail."""
        whole = self.whole()
        if len(whole) <= self._cap:
            return whole
        half = max(0, self._cap - len(_mark(self.size))) // 2
        return whole[:half] + _mark(self.size - 2 * half) + whole[len(whole) - half :]


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

    def close(self) -> None:
        """Stays open: a later cell prints here too."""

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        output = self._current()
        if output is not None:
            output.write(str(text))
        return len(text)
