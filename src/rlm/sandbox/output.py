"""What a cell prints: kept head and tail within a cap, and whole, up to a bound, for `outputs`.

Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import _thread
import codecs
import io
import mmap
import struct

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
else:
    from _collections import deque  # `collections` takes 1 ms

codecs.lookup("utf-32-le")  # a module, which each worker would load for itself at its first print
MAX_KEPT = 8 * 2**20  # characters of one cell's output that `outputs[i]` holds: 32 MiB at worst


class Remains:
    """The end of what the running cell has printed, in memory that the process which forks a worker shares with it.

    It outlives the worker, whatever it dies of. What is there can be forged by the code in the worker, and is bounded.
    """

    _SIZE = struct.Struct("=Q")  # characters printed so far, before a ring of UTF-32
    _CHARACTERS = 2000
    _BYTES = 4 * _CHARACTERS

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self._SIZE.size + self._BYTES)

    def begin(self) -> None:
        """A cell begins."""
        self._SIZE.pack_into(self._memory, 0, 0)

    def write(self, text: str) -> None:
        """Adds what was printed."""
        size = self._SIZE.unpack_from(self._memory)[0] + len(text)
        data = text[-self._CHARACTERS :].encode("utf-32-le", "replace")
        start = 4 * (size % self._CHARACTERS) - len(data)  # below zero: it goes round
        first, ring = max(0, -start), self._SIZE.size
        self._memory[ring + start + first : ring + start + len(data)] = data[first:]
        self._memory[ring + self._BYTES - first : ring + self._BYTES] = data[:first]
        self._SIZE.pack_into(self._memory, 0, size)

    def read(self) -> tuple[str, int]:
        """The end of it, and how many characters it was."""
        size = min(self._SIZE.unpack_from(self._memory)[0], 2**53)
        ring = self._memory[self._SIZE.size :]
        end = 4 * (size % self._CHARACTERS)
        data = ring[end:] + ring[:end]
        kept = min(size, self._CHARACTERS)
        return data[len(data) - 4 * kept :].decode("utf-32-le", "replace"), size

    def keep_from_forks(self) -> None:
        """Processes that are forked from now on don't have it."""
        self._memory.madvise(mmap.MADV_DONTFORK)

    def close(self) -> None:
        """Gives the memory back, here alone."""
        self._memory.close()


class Output:
    """One cell's output: counted in full, kept within bounds, however much is printed.

    Args:
        cap: Characters that are shown.
        remains: Told what is printed, for the case that this process does not live to say it.
    """

    def __init__(self, cap: int, remains: Remains | None = None) -> None:
        self.size = 0  # characters
        self._remains = remains
        self._cap = cap
        self._head = io.StringIO()
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._lock = _thread.allocate_lock()

    def write(self, text: str) -> None:
        """Adds what was printed; from any thread."""
        with self._lock:
            if self._remains is not None:
                self._remains.write(text)
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

    def shown(self, whole: str) -> str:
        """At most `cap` characters of all of it: the head, how much is missing, the tail."""
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
        output = self._current() if text else None
        if output is not None:
            output.write(str(text))
        return len(text)
