"""The input as a cell sees it: `context`, and `grep`, `chunks` and `search` over it.

Shipped into every sandbox as it is: standard library only, Python 3.8 and up, and nothing of this package but its
sibling `search`. Every file, and every string of a JSON value, stays a string of its own: so a single emoji makes its
own file four bytes a character and not all of them, and nothing is ever joined or copied to be searched.
"""

from __future__ import annotations

import fnmatch
import mmap
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

if __package__:
    from .search import rank
else:
    from search import rank  # type: ignore[import-not-found, no-redef, unused-ignore]

CHUNK_SIZE = 100_000
HIT_WIDTH = 300  # characters of a line that are shown around a match


class Piece(str):
    """A piece of the input: a `str` that knows where it came from.

    Attributes:
        start, end: Its characters in its file, or in `context` when that is a `str`.
        name: Its file, or the path of its string inside a JSON value; "" when `context` is a `str`.
        line: The line that it starts on, from 1.
        match: What a pattern matched, for pieces from `grep`.
        score: How well it fits, for pieces from `search`.
    """

    __slots__ = ("end", "line", "match", "name", "score", "start")

    def __new__(
        cls, text: str, start: int = 0, name: str = "", line: int = 1, match: str = "", score: float = 0.0
    ) -> Piece:
        """Make a piece out of its text and where it starts."""
        self = super().__new__(cls, text)
        self.start = start
        self.end = start + len(text)
        self.name = name
        self.line = line
        self.match = match
        self.score = score
        return self

    @property
    def where(self) -> str:
        """Where it came from, in words: `name:line`, or `line 12`."""
        return "%s:%d" % (self.name, self.line) if self.name else "line %d" % self.line


class Corpus(Mapping):  # type: ignore[type-arg]  # Mapping[...] at run time needs 3.9
    """Several files: `corpus[name]` is a file's text; iterating gives the names, in order; `len` counts the files."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    @property
    def names(self) -> list[str]:
        """The names of all files, in order."""
        return list(self._texts)

    def __getitem__(self, name: str) -> str:
        if not isinstance(name, str):
            raise TypeError("context holds %d files: use context[name], with a name of context.names" % len(self))
        try:
            return self._texts[name]
        except KeyError:
            near = [known for known in self._texts if name in known][:5]
            hint = "; did you mean %s?" % " or ".join(map(repr, near)) if near else "; see context.names"
            raise KeyError("no file %r%s" % (name, hint)) from None

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __repr__(self) -> str:
        names = ", ".join(map(repr, self.names[:3])) + (", ..." if len(self) > 3 else "")
        return "Corpus(%d files, %d characters: %s)" % (len(self), sum(map(len, self._texts.values())), names)


class Loaded:
    """An input in a worker: `value` is what a cell calls `context`; `grep`, `chunks` and `search` look into it.

    Attributes:
        value: A `str`, a JSON value, or a `Corpus`.
        chunk_size: What `chunks` takes when it is not told.
    """

    def __init__(self, value: Any, chunk_size: int = CHUNK_SIZE) -> None:
        self.value = value
        self.chunk_size = chunk_size

    def texts(self, names: str | Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
        """Every text with its name, in order; `names` is a glob pattern, or the names themselves."""
        pairs = _leaves(self.value, "") if not isinstance(self.value, Corpus) else iter(self.value.items())
        if names is None:
            return pairs
        if isinstance(names, str):
            accept = re.compile(fnmatch.translate(names)).match
            return (pair for pair in pairs if pair[0] == names or accept(pair[0]))
        wanted = set(names)
        return (pair for pair in pairs if pair[0] in wanted)

    def grep(
        self,
        pattern: str | re.Pattern[str],
        ignore_case: bool = False,
        limit: int | None = None,
        context: int = 0,
        names: str | Iterable[str] | None = None,
    ) -> list[Piece]:
        """Find every match of a regular expression; each hit is the line it stands on.

        Args:
            pattern: A regular expression, in which ^ and $ are the ends of a line; `re.escape` for plain text.
            ignore_case: Match capitals and small letters alike.
            limit: The most hits.
            context: Lines shown before and after each hit.
            names: Only these files: a glob pattern such as "*.py", or a list of names.
        """
        compiled = _compile(pattern, ignore_case)
        hits: list[Piece] = []
        if limit is not None and limit <= 0:
            return hits
        for name, text in self.texts(names):
            line, counted = 1, 0
            for match in compiled.finditer(text):
                start, end = _line_around(text, match.start(), match.end(), context)
                line += text.count("\n", counted, start)
                counted = start
                hits.append(Piece(text[start:end], start, name, line, match.group()))
                if len(hits) == limit:
                    return hits
        return hits

    def chunks(self, size: int | None = None, overlap: int = 0, of: str | None = None) -> list[Piece]:
        """Cut the input into pieces of at most `size` characters, at line ends where there are any.

        Args:
            size: Characters a piece; None fits a sub-model's window.
            overlap: Characters that a piece repeats of the one before.
            of: A file's name, or a piece or text, to cut up instead of the whole input.
        """
        size = self.chunk_size if size is None else size
        if size < 1 or not 0 <= overlap < size:
            raise ValueError(
                "chunks needs size >= 1 and 0 <= overlap < size, not size=%r, overlap=%r" % (size, overlap)
            )
        return [piece for text in self._whole(of) for piece in _cut(text, size, overlap)]

    def search(self, query: str, k: int = 5) -> list[Piece]:
        """Find the k passages that share the rarest words of a query; the best comes first.

        Words count by how rare they are in this input, in any language; capitals don't matter.
        """
        found = rank(self.texts, query, k)
        return [
            Piece(text[start:end], start, name, text.count("\n", 0, start) + 1, "", score)
            for name, text, start, end, score in found
        ]

    def _whole(self, of: str | None) -> Iterator[Piece]:
        if isinstance(of, Piece):
            yield of
        elif of is None:
            for name, text in self.texts():
                yield Piece(text, 0, name)
        elif isinstance(self.value, Corpus) and of in self.value:
            yield Piece(self.value[of], 0, of)
        else:
            yield Piece(of)


def build_context(kind: str, parts: Iterable[Any], source: Any) -> Loaded:
    """Build the input out of a blob.

    Args:
        kind: "str", "json" or "corpus".
        parts: (name, start byte, byte length) of each file of a corpus.
        source: The blob: a file descriptor, which stays open, or any buffer.

    The blob is mapped and decoded straight out of its pages, so that nothing but the text itself is allocated: for
    ASCII, peak and result are one byte a character; other text is decoded in growing steps, with a peak of at most
    twice its own size.
    """
    if isinstance(source, int):
        with _map(source) as mapped, memoryview(mapped) as view:
            return build_context(kind, parts, view)
    if kind == "corpus":
        view = memoryview(source)
        return Loaded(Corpus({name: _decode(view[start : start + length]) for name, start, length in parts}))
    text = _decode(source)
    if kind == "json":
        import json

        return Loaded(json.loads(text))
    return Loaded(text)


def slice_context(loaded: Loaded, name: str, start: int, end: int) -> Loaded:
    """The input of a child that was given one piece: its text alone.

    Raises:
        ValueError: There is no such piece.
    """
    for known, text in loaded.texts():
        if known == name:
            if 0 <= start <= end <= len(text):
                return Loaded(text[start:end], chunk_size=loaded.chunk_size)
            break
    raise ValueError("no piece %r[%d:%d] in the input" % (name, start, end))


def _decode(buffer: Any) -> str:
    return str(buffer, "utf-8", "surrogatepass")


def _map(fd: int) -> Any:
    # MAP_PRIVATE: before Linux 6.7 a sealed file can't be mapped shared, not even for reading.
    try:
        return mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    except ValueError:
        return memoryview(b"")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            for leaf in _leaves(item, "%s[%r]" % (path, key)):
                yield leaf
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            for leaf in _leaves(item, "%s[%d]" % (path, index)):
                yield leaf


def _compile(pattern: str | re.Pattern[str], ignore_case: bool) -> re.Pattern[str]:
    text, flags = (pattern, re.MULTILINE) if isinstance(pattern, str) else (pattern.pattern, pattern.flags)
    try:
        return re.compile(text, flags | (re.IGNORECASE if ignore_case else 0))
    except re.error as error:
        raise re.error(
            "%s; to look for this as plain text, use grep(re.escape(...))" % error.msg, error.pattern, error.pos
        ) from None


def _line_around(text: str, start: int, end: int, context: int) -> tuple[int, int]:
    left = text.rfind("\n", 0, start) + 1
    right = text.find("\n", end if end > start and text[end - 1] != "\n" else max(end - 1, start))
    right = len(text) if right < 0 else right
    if right - left > HIT_WIDTH:
        room = max(HIT_WIDTH - (end - start), 0) // 2
        left, right = max(left, start - room), min(right, max(end + room, end))
    for _ in range(context):
        left = text.rfind("\n", 0, max(left - 1, 0)) + 1
        after = text.find("\n", right + 1)
        right = len(text) if after < 0 else after
    return left, right


def _cut(piece: Piece, size: int, overlap: int) -> Iterator[Piece]:
    text, start, line, counted = str(piece), 0, piece.line, 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            newline = text.rfind("\n", start + size // 2, end)
            end = newline + 1 if newline >= 0 else end
        line += text.count("\n", counted, start)
        counted = start
        yield Piece(text[start:end], piece.start + start, piece.name, line)
        if end == len(text):
            return
        start = max(end - overlap, start + 1)
