"""Characters laid out in memory without a copy: pages of a file, or of such a layout, appear in a place of their own.

Only the bytes of the first and last page are copied, for what comes before and behind. Linux 5.13 (MREMAP_DONTUNMAP of
what is a file's).
"""

from __future__ import annotations

import ctypes
import mmap
import os

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Source(Protocol):
        """Where characters are: `start` is the first one's offset or address."""

        start: int

        def copy(self, to: int, at: int, count: int) -> bool:
            """Copies so many bytes from an offset to an address; False where it can't."""

        def place(self, to: int, at: int, count: int) -> bool:
            """Has the pages of so many bytes appear at an address as well; False where it can't."""


PAGE = mmap.PAGESIZE
LEAST = 2 * PAGE  # bytes
_READ, _WRITE, _PRIVATE, _FIXED, _ANONYMOUS, _NORESERVE = 1, 2, 2, 0x10, 0x20, 0x4000
_MAY_MOVE, _MOVE_FIXED, _DONTUNMAP = 1, 2, 4
_FAILED = ctypes.c_void_p(-1).value
_functions: dict[str, Any] = {}


class File:
    """A sealed file from an offset on."""

    __slots__ = ("_fd", "start")

    def __init__(self, fd: int, start: int) -> None:
        self._fd = fd
        self.start = start

    def copy(self, to: int, at: int, count: int) -> bool:
        return count == 0 or os.preadv(self._fd, [(ctypes.c_char * count).from_address(to)], at) == count

    def place(self, to: int, at: int, count: int) -> bool:
        # MAP_PRIVATE: before Linux 6.7 a sealed file can't be mapped shared, not even for reading.
        return bool(_call("mmap")(to, count, _READ, _PRIVATE | _FIXED, self._fd, at) == to)


class Memory:
    """What was laid out before, from an address on."""

    __slots__ = ("start",)

    def __init__(self, start: int) -> None:
        self.start = start

    def copy(self, to: int, at: int, count: int) -> bool:
        ctypes.memmove(to, at, count)
        return True

    def place(self, to: int, at: int, count: int) -> bool:
        # The old place has the file's pages again when it is read next.
        return bool(_call("mremap")(at, count, count, _MAY_MOVE | _MOVE_FIXED | _DONTUNMAP, to) == to)


def lay(source: Source, length: int, header: bytes = b"") -> tuple[int, int, int] | None:
    """Lays characters out: a header, they themselves, and a NUL. None where that can't be done.

    Args:
        source: Where they are.
        length: Bytes, at least `LEAST`.
        header: Bytes before them, at most a page; they can be written to.

    Returns:
        The address and size of all of it, for `give_back`, and the first character's address.
    """
    offset = source.start % PAGE  # the same in either place: pages are placed whole
    size = PAGE * (2 + (offset + length) // PAGE)
    base: int = _call("mmap")(None, size, 0, _PRIVATE | _ANONYMOUS | _NORESERVE, -1, 0)
    if base == _FAILED:
        return None
    first = base + PAGE + offset
    end, there = first + length, source.start - first
    low, high = -(-first // PAGE) * PAGE, end // PAGE * PAGE  # whole pages are between
    protect = _call("mprotect")
    if (
        protect(base, low - base, _READ | _WRITE) == 0
        and protect(high, base + size - high, _READ | _WRITE) == 0
        and source.copy(first, source.start, low - first)
        and source.copy(high, high + there, end - high)
        and source.place(low, low + there, high - low)
    ):
        ctypes.memmove(first - len(header), header, len(header))
        return base, size, first
    # Not what is between: the kernel may have cleared that before it failed, and another thread has it by now.
    give_back(base, low - base)
    give_back(high, base + size - high)
    return None


def give_back(base: int, size: int) -> None:
    """Unmaps it."""
    _call("munmap")(base, size)


def _call(name: str) -> Any:
    if not _functions:
        library, pointer, size, number = ctypes.CDLL(None), ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        for function, result, arguments in (
            (library.mmap, pointer, (pointer, size, number, number, number, ctypes.c_long)),
            (library.mremap, pointer, (pointer, size, size, number, pointer)),
            (library.mprotect, number, (pointer, size, number)),
            (library.munmap, number, (pointer, size)),
        ):
            function.restype, function.argtypes = result, arguments
            _functions[function.__name__] = function
    return _functions[name]
