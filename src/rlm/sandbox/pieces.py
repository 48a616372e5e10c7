"""Pieces of the input that a cell can have: what they know, and how a text is cut into them.

Shipped into every sandbox as it is: standard library only, Python 3.8 and up, and nothing of this package.
"""

from __future__ import annotations

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

CHUNK_SIZE = 100_000  # characters, where the window is not known
LARGE = 2**20  # characters of a text or piece from which on it is read where it lies, where that can be
_SAMPLES, _SAMPLE = 16, 4096  # how often, and how many characters, a text is looked at to tell its bytes a character

mapped: Any = None  # the module, in a process where large texts are read where they lie


class Piece(str):
    """A piece of the input: a `str` that knows where it came from.

    Attributes:
        start, end: Its characters in its file, or in `context` when that is a `str`.
        name: Its file, or the path of its string inside a JSON value; "" when `context` is a `str`.
        line: The line that it starts on, from 1; for pieces from `grep`, the line of the match.
        match: What a pattern matched, for pieces from `grep`.
        score: How well it fits, for pieces from `search`.
        origin: (start, end, name) in the input of the whole run, which a child's `context` may be a piece of; None if
            it isn't from there.
    """

    __slots__ = ("end", "line", "match", "name", "origin", "score", "start")
    start: int
    end: int
    name: str
    line: int
    match: str
    score: float
    origin: tuple[int, int, str] | None

    def __new__(
        cls,
        text: str,
        start: int = 0,
        name: str = "",
        line: int = 1,
        match: str = "",
        score: float = 0.0,
        origin: tuple[int, int, str] | None = None,
    ) -> Piece:
        """Make a piece out of its text and where it starts."""
        self = super().__new__(cls, text)
        self.start = start
        self.end = start + len(text)
        self.name = name
        self.line = line
        self.match = match
        self.score = score
        self.origin = origin
        return self

    @property
    def where(self) -> str:
        """Where it came from, in words: `name:line`, or `line 12`."""
        return f"{self.name}:{self.line}" if self.name else f"line {self.line}"


class Source:
    """A text to cut into chunks, and the start, name, line and origin that it has as a piece."""

    __slots__ = ("line", "name", "origin", "start", "text")

    def __init__(self, text: str, start: int, name: str, line: int, origin: tuple[int, int, str] | None) -> None:
        self.text = text
        self.start = start
        self.name = name
        self.line = line
        self.origin = origin


def fitting(text: str, window: int | None) -> int:
    """Characters of a text that take half of a window, at three bytes a token, by its densest sample."""
    if window is None:
        return CHUNK_SIZE
    samples = (text[at : at + _SAMPLE] for at in range(0, len(text), max(len(text) // _SAMPLES, 1)))
    dense = max((len(sample.encode("utf-8", "surrogatepass")) / len(sample) for sample in samples), default=1.0)
    return max(int(window / 2 * 3 / dense), 1)


def in_place(fd: int, start: int, length: int, ascii: bool) -> str | None:
    """A large text of ASCII in a sealed file, which shares its pages; None where it is to be decoded."""
    if mapped is None or length < LARGE:
        return None
    found: str | None = mapped.text(fd, start, length, ascii)
    return found


def part(text: str, start: int, end: int) -> str:
    """text[start:end], which shares the pages of a large text that does so."""
    shared: str | None = mapped.part(text, start, end) if mapped is not None and end - start >= LARGE else None
    return text[start:end] if shared is None else shared


def shares(text: str) -> bool:
    """Whether a text shares pages, so that `part` of it costs nothing."""
    return mapped is not None and bool(mapped.shares(text))


def sweep() -> None:
    """Gives back the address space of large pieces that nobody holds any more."""
    if mapped is not None:
        mapped.sweep()


def cut(source: Source, size: int, overlap: int) -> Iterator[Piece]:
    """Cuts a text into pieces of at most so many characters, each of which repeats so many of the one before."""
    sweep()
    text, line = source.text, source.line
    start = counted = 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            # At the last line end, unless that would make a piece less than half full.
            newline = text.rfind("\n", max(start + size // 2, start + overlap), end)
            end = newline + 1 if newline >= 0 else end
        line += text.count("\n", counted, start)
        counted = start
        origin = None
        if source.origin is not None:
            origin = source.origin[0] + start, source.origin[0] + end, source.origin[2]
        yield _piece(text, start, end, source.start + start, source.name, line, "", 0.0, origin)
        if end == len(text):
            return
        start = end - overlap


def _piece(text: str, start: int, end: int, *about: Any) -> Piece:
    if mapped is not None and end - start >= LARGE:
        piece = Piece(mapped.BLANK, *about)
        if mapped.show(piece, text, start, end):
            piece.end = piece.start + end - start
            return piece
    return Piece(text[start:end], *about)
