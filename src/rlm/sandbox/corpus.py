"""The input as a cell sees it: `context`, and `grep`, `chunks` and `search` over it.

Shipped into every sandbox as it is: standard library only, Python 3.8 and up, and nothing of this package but its
siblings `pieces` and `search`. Every file, and every string of a JSON value, stays a string of its own: so a single
emoji makes its own file four bytes a character and not all of them, and nothing is ever joined or copied to be
searched.
"""

from __future__ import annotations

import itertools
import mmap
from _collections_abc import Mapping

if __package__:
    from . import pieces
    from .search import lines_of, rank  # not at the first search: a worker that is confined can't read our own files
else:
    import pieces  # type: ignore[import-not-found, no-redef, unused-ignore]
    from search import lines_of, rank  # type: ignore[import-not-found, no-redef, unused-ignore]

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator
    from typing import Any

Piece = pieces.Piece
HIT_WIDTH = 300  # characters of a line that are shown around a match
_LEADING_WORD = r"(?a)\\b(\w{2,})(?![\w?*+{])"  # a word's edge and its letters, none of them optional


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
            raise TypeError(f"context holds {len(self)} files: use context[name], with a name out of context.names")
        try:
            return self._texts[name]
        except KeyError:
            near = [known for known in self._texts if name in known][:5]
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "see context.names"
            raise KeyError(f"no file {name!r}; {hint}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __repr__(self) -> str:
        names = ", ".join(map(repr, self.names[:3])) + (", ..." if len(self) > 3 else "")
        return f"Corpus({len(self)} files, {sum(map(len, self._texts.values()))} characters: {names})"


class AddedName(str):
    """The name of a text in a context that was added later: no other worker of the run has it."""


class Loaded:
    """An input in a worker: `value` is what a cell calls `context`; `grep`, `chunks` and `search` look into it.

    Attributes:
        value: A `str`, a JSON value, or a `Corpus`.
        added: Contexts that were added later, by the name that a cell calls each; they are looked into as well.
        window: Tokens that the model which cells call takes, None if unknown: `chunks` fits its pieces to it.
        origin: (offset, name) of `value` in the input of the whole run, where it is a piece of that.
    """

    def __init__(self, value: Any, window: int | None = None, origin: tuple[int, str] | None = None) -> None:
        self.value = value
        self.window = window
        self.origin = origin
        self.added: dict[str, Any] = {}

    def texts(self, names: str | Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
        """Every text with its name, in order; `names` is a glob pattern, or the names themselves."""
        pairs = itertools.chain(_leaves(self.value), *map(self._texts_of_added, self.added))
        if names is None:
            return pairs
        if isinstance(names, str):
            from fnmatch import fnmatchcase  # 7 ms, with `re`: zygotes load that when they are idle

            return (pair for pair in pairs if pair[0] == names or fnmatchcase(pair[0], names))
        wanted = set(names)
        return (pair for pair in pairs if pair[0] in wanted)

    def _texts_of_added(self, name: str) -> Iterator[tuple[str, str]]:
        start = f"{name}/" if isinstance(self.added[name], Corpus) else name
        return ((AddedName(start + inside), text) for inside, text in _leaves(self.added[name]))

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
        compiled, context = _compile(pattern, ignore_case), max(context, 0)
        hits: list[Piece] = []
        if limit is not None and limit <= 0:
            return hits
        for name, text in self.texts(names):
            line, counted = 1, 0
            for match in compiled.finditer(text):
                first, last = _seen(match)
                line += text.count("\n", counted, first)
                counted = first
                start, end = _lines_around(text, first, last, context)
                origin = self._origin(name, start, end)
                hits.append(Piece(text[start:end], start, name, line, match.group(), 0.0, origin))
                if len(hits) == limit:
                    return hits
        return hits

    def chunks(self, size: int | None = None, overlap: int = 0, of: str | None = None) -> list[Piece]:
        """Cut the input into pieces of at most `size` characters, at line ends where there are any.

        Args:
            size: Characters a piece; None fills half of a sub-model's window: the rest is for question and answer.
            overlap: Characters that a piece repeats of the one before.
            of: A file's name, a piece or text, or one of several contexts, to cut up instead of the whole input.
        """
        cut: list[Piece] = []
        for source in self._sources(of):
            most = pieces.fitting(source.text, self.window) if size is None else size
            if most < 1 or not 0 <= overlap < most:
                raise ValueError(f"chunks needs size >= 1 and 0 <= overlap < size, not size={most}, overlap={overlap}")
            cut += pieces.cut(source, most, overlap)
        return cut

    def search(self, query: str, k: int = 5, names: str | Iterable[str] | None = None) -> list[Piece]:
        """Find the k passages that share the rarest words of a query; the best comes first.

        Words count by how rare they are in this input, in any language; capitals don't matter.

        Args:
            query: A question, or some words.
            k: The most passages.
            names: Only these files, as for `grep`.
        """
        found = rank(self.texts(names), query, k)
        lines = lines_of((text, start) for _, text, start, _, _ in found)
        return [
            Piece(text[start:end], start, name, line, "", score, self._origin(name, start, end))
            for (name, text, start, end, score), line in zip(found, lines)  # noqa: B905 - 3.8
        ]

    def _origin(self, name: str, start: int, end: int) -> tuple[int, int, str]:
        if self.origin is None:
            return start, end, name
        offset, whole = self.origin
        return offset + start, offset + end, whole

    def _sources(self, of: str | None) -> Iterator[pieces.Source]:
        """What `chunks` cuts."""
        if isinstance(of, Piece):
            yield pieces.Source(of, of.start, of.name, of.line, of.origin)
        elif of is None or of is self.value or any(of is value for value in self.added.values()):
            added = [self._texts_of_added(name) for name, value in self.added.items() if of is value]
            for name, text in self.texts() if of is None else next(iter(added), _leaves(self.value)):
                yield pieces.Source(text, 0, name, 1, self._origin(name, 0, 0))
        elif isinstance(self.value, Corpus) and of in self.value:
            yield pieces.Source(self.value[of], 0, of, 1, self._origin(of, 0, 0))
        else:
            yield pieces.Source(of, 0, "", 1, None)


def build_context(kind: str, parts: Iterable[Any], source: Any, ascii: bool = False) -> Loaded:
    """Build the input out of a blob.

    Args:
        kind: "str", "json" or "corpus".
        parts: (name, start byte, byte length) of each file of a corpus.
        source: The blob: a file descriptor, which may be closed afterwards, or any buffer.
        ascii: All of it is known to be ASCII.

    A large text of ASCII in a file is read where it lies, where the process can do that (`pieces.mapped`): it takes
    nothing but the file itself. Anything else is decoded straight out of the blob's pages, and what is allocated is the
    text: 42 MB of ASCII take 42 MB (and the 42 MB of the map while decoding). Where a wide character comes late, the
    narrow text before it lives until it is widened: 42 MB of ASCII and one emoji take 168 MB, 210 MB at the peak. A
    JSON value takes its text beside it while it is parsed.
    """
    if not isinstance(source, int):
        return _build(kind, parts, memoryview(source))
    with _map(source) as blob, memoryview(blob) as view:
        return _build(kind, parts, view, source if kind != "json" else None, ascii)


def slice_context(loaded: Loaded, name: str, start: int, end: int) -> Loaded:
    """The input of a child that was given one piece: its text alone.

    Raises:
        ValueError: There is no such piece.
    """
    return Loaded(pieces.part(piece_in(loaded, name, start, end), start, end), loaded.window, (start, name))


def piece_in(loaded: Loaded, name: str, start: int, end: int) -> str:
    """The text that has such a piece.

    Raises:
        ValueError: There is none.
    """
    for known, text in loaded.texts():
        if known == name:
            if 0 <= start <= end <= len(text):
                return text
            break
    raise ValueError(f"no piece {name!r}[{start}:{end}] in the input")


def _build(kind: str, parts: Iterable[Any], view: memoryview, fd: int | None = None, ascii: bool = False) -> Loaded:
    def text(start: int, length: int) -> str:
        there = None if fd is None else pieces.in_place(fd, start, length, ascii)
        return str(view[start : start + length], "utf-8", "surrogatepass") if there is None else there

    if kind == "corpus":
        return Loaded(Corpus({name: text(start, length) for name, start, length in parts}))
    whole = text(0, len(view))
    if kind == "json":
        import json

        return Loaded(json.loads(whole))
    return Loaded(whole)


def _map(fd: int) -> Any:
    # MAP_PRIVATE: before Linux 6.7 a sealed file can't be mapped shared, not even for reading.
    try:
        return mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    except ValueError:
        return memoryview(b"")


def _leaves(value: Any) -> Iterator[tuple[str, str]]:
    """Every string in a JSON value with its path, as `['a'][3]`, or every file; no recursion, for any depth."""
    if isinstance(value, (str, Corpus)):
        yield from [("", value)] if isinstance(value, str) else value.items()
    stack = [("", _items(value))]
    while stack:
        path, items = stack[-1]
        for key, item in items:
            if isinstance(item, str):
                yield f"{path}[{key!r}]", item
            elif isinstance(item, (dict, list, tuple)):
                stack.append((f"{path}[{key!r}]", _items(item)))
                break
        else:
            stack.pop()


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return enumerate(value) if isinstance(value, (list, tuple)) else iter(())


def _compile(pattern: str | re.Pattern[str], ignore_case: bool) -> re.Pattern[str]:
    import re

    text, flags = (pattern, re.MULTILINE) if isinstance(pattern, str) else (pattern.pattern, pattern.flags)
    try:
        compiled = re.compile(text, flags | (re.IGNORECASE if ignore_case else 0))
    except re.error as error:
        message = f"{error.msg}; to look for it as plain text, use grep(re.escape(...))"
        raise re.error(message, error.pattern, error.pos) from None
    word = re.match(_LEADING_WORD, text)
    if word is None or compiled.flags & (re.IGNORECASE | re.VERBOSE) or "|" in text:
        return compiled
    # The engine skips ahead only to what begins with letters: with the edge behind them, 42 MB take 30 ms and not 600.
    return re.compile(rf"{word[1]}(?<=\b{word[1]}){text[word.end() :]}", compiled.flags)


def _seen(match: re.Match[str]) -> tuple[int, int]:
    """The match's span less the line ends about it: where it begins with blank lines, they are not the place meant."""
    text, first, last = match.group(), match.start(), match.end()
    if text[:1].isspace() or text[-1:] == "\n":
        blank = text[: len(text) - len(text.lstrip())]
        if len(blank) < len(text):
            first += blank.rfind("\n") + 1
            last -= len(text) - len(text.rstrip("\n"))
    return first, last


def _lines_around(text: str, start: int, end: int, context: int) -> tuple[int, int]:
    """The lines that hold text[start:end] and `context` lines about them, cut around it where they are long."""
    width = max(HIT_WIDTH * (1 + 2 * context), end - start)
    last = end - 1 if end > start and text[end - 1] == "\n" else end
    low, high = max(0, start - width), min(len(text), last + width)
    left, right = start, last
    for _ in range(context + 1):
        left = text.rfind("\n", low, left)
        if left < 0:
            break
    for _ in range(context + 1):
        right = text.find("\n", right, high) + 1
        if right == 0:
            break
    left = left + 1 if left >= 0 else low
    right = right - 1 if right > 0 else high
    if right - left <= width:
        return left, right
    side = (width - (end - start)) // 2
    if start - left < side:
        return left, left + width
    if right - end < side:
        return right - width, right
    return start - side, end + side
