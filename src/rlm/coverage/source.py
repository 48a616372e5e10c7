"""A run's input once more, as its trace names it: the texts in which what models read is found again.

A text is a file, a string of a JSON value, or the whole input where that is one text; it is called what a cell's pieces
call it (`Piece.name`), and numbered in order. Texts lie in *blocks*, strings that are searched as a whole: a large text
is a block of its own, small ones share one, with a line end between them. So a million strings are a few hundred
blocks, and one wide character widens its own block alone.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from rlm.context import load
from rlm.errors import ContextError
from rlm.sandbox.corpus import Loaded, build_context
from rlm.trace.events import RunBegin
from rlm.types import JSON

_SHARED = 1 << 17  # characters of a block that small texts share; a longer text is its own
_SLICE = 1 << 16
_BETWEEN = "\0"  # between the names of one block: no file's name and no path in JSON has it


class Span(NamedTuple):
    """Characters of one text: its number, and where they start and end in it."""

    text: int
    start: int
    end: int


class Input:
    """The texts of an input, in order.

    Attributes:
        kind: `text`, `json` or `paths`.
        blocks: The strings that hold the texts.
        firsts: The first text of each block.
        starts: Where each text starts in its block.
        sizes: The characters of each text.
        characters: Of all texts together.
    """

    def __init__(self, kind: str, texts: Iterable[tuple[str, str]]) -> None:
        self.kind = kind
        self.blocks: list[str] = []
        self.sizes = array("q")
        self.firsts = array("q")
        self.starts = array("q")
        self._names: list[str] = []  # of each block, the names of its texts
        self._numbers: dict[str, int] | None = None  # name -> text, once a name is looked for
        shared: list[tuple[str, str]] = []
        size = 0
        for name, text in texts:
            if shared and size + len(text) > _SHARED:
                self._add(shared)
                shared, size = [], 0
            shared.append((name, text))
            size += len(text) + 1
        self._add(shared)
        self.characters = sum(self.sizes)

    def _add(self, texts: list[tuple[str, str]]) -> None:
        if not texts:
            return
        self.firsts.append(len(self.sizes))
        at = 0
        for _, text in texts:
            self.starts.append(at)
            self.sizes.append(len(text))
            at += len(text) + 1
        self._names.append(_BETWEEN.join(name for name, _ in texts))
        self.blocks.append(texts[0][1] if len(texts) == 1 else "\n".join(text for _, text in texts))

    def __len__(self) -> int:
        return len(self.sizes)

    def names(self) -> list[str]:
        """The names of all texts, in order."""
        return [name for joined in self._names for name in joined.split(_BETWEEN)]

    def name(self, text: int) -> str:
        """The name of a text; "" where the input is one text."""
        block = self._block(text)
        return self._names[block].split(_BETWEEN)[text - self.firsts[block]]

    def read(self, span: Span) -> str:
        """The characters of a span; fewer where it reaches beyond its text."""
        start = self.starts[span.text]
        return self.blocks[self._block(span.text)][
            start + span.start : start + min(max(span.end, span.start), self.sizes[span.text])
        ]

    def place(self, origin: JSON) -> tuple[int, int, str] | None:
        """Where a piece `[start, end, name]` is, as a worker claims it: its block, its start there, and its text.

        None where there is no such piece.
        """
        if not isinstance(origin, list | tuple) or len(origin) != 3:
            return None
        start, end, name = origin
        if not (isinstance(start, int) and isinstance(end, int) and isinstance(name, str)):
            return None
        if self._numbers is None:
            self._numbers = {known: number for number, known in enumerate(self.names())}
        text = self._numbers.get(name)
        if text is None or not 0 <= start < end <= self.sizes[text]:
            return None
        return self._block(text), self.starts[text] + start, self.read(Span(text, start, end))

    def line(self, text: int, offset: int) -> tuple[int, int]:
        """The line of an offset in a text and the character in that line, both from 1."""
        block, start = self.blocks[self._block(text)], self.starts[text]
        at = start + offset
        return block.count("\n", start, at) + 1, at - max(block.rfind("\n", start, at) + 1, start) + 1

    def spans(self, block: int, start: int, end: int) -> list[Span]:
        """The texts' parts of block[start:end]: what stands between texts is of none."""
        first = self.firsts[block]
        last = self.firsts[block + 1] if block + 1 < len(self.firsts) else len(self.sizes)
        if last - first == 1:
            return [Span(first, start, end)]
        spans: list[Span] = []
        text = bisect_right(self.starts, start, first, last) - 1
        while text < last and self.starts[text] < end:
            at = self.starts[text]
            low, high = max(start - at, 0), min(end - at, self.sizes[text])
            if low < high:
                spans.append(Span(text, low, high))
            text += 1
        return spans

    def _block(self, text: int) -> int:
        return bisect_right(self.firsts, text) - 1


def load_input(begin: RunBegin) -> Input:
    """The input of a run, read again where it is files; after it, the contexts that were added to a session's.

    Args:
        begin: How the run began, with all sources (`trace.sittings.with_sources`).

    Raises:
        ContextError: It is not in the trace, was redacted there, can't be read any more, or is not what it was: then
            both hashes are named.
    """
    kind = begin.source.get("kind")
    if kind not in ("text", "json", "paths"):
        raise ContextError(
            f"the run {begin.run_id} has no input to look into: it ended before its input was loaded, or it was "
            "imported from a log that does not have it; or it was killed while it was stored"
        )
    return Input(str(kind), chain(_texts(begin.run_id, begin.source, begin.digest), _added(begin)))


def _added(begin: RunBegin) -> Iterator[tuple[str, str]]:
    told = begin.sitting.get("added") if begin.sitting is not None else None
    for one in told if isinstance(told, list) else []:
        if isinstance(one, dict) and isinstance(source := begin.added.get(str(one.get("name"))), dict):
            for inside, text in _texts(begin.run_id, source, str(one.get("digest"))):
                between = "/" if inside and source.get("kind") == "paths" else ""
                yield f"{one.get('name')}{between}{inside}", text


def _texts(run: str, source: Mapping[str, JSON], digest: str) -> Iterator[tuple[str, str]]:
    """The texts of one input."""
    kind, text, paths = (source.get(name) for name in ("kind", "text", "paths"))
    if kind == "paths" and isinstance(paths, list):
        yield from _read(run, [Path(str(path)) for path in paths], digest)
    elif not isinstance(text, str) or _digest(text) != digest:  # strings of a trace are checked as they are read
        raise ContextError(
            f"the input of the run {run} was redacted before it was written to the trace: where in it something "
            "stands can't be told"
        )
    else:
        yield from Loaded(text if kind == "text" else json.loads(text)).texts()


def _read(run: str, paths: list[Path], was: str) -> Iterator[tuple[str, str]]:
    context = load(paths)
    try:
        if (digest := context.digest) != was:
            raise ContextError(
                f"the input of the run {run} has changed since: its SHA-256 was {was[:16]}..., and is {digest[:16]}... "
                "now"
            )
        if context.kind != "corpus":
            text = build_context(context.kind, (), context.blob.fd).value
            context.close()  # a second copy of the bytes
            yield "", text
        for name, start, length in context.parts:
            yield name, context.blob.read(start, length).decode("utf-8", "surrogatepass")
    finally:
        context.close()


def _digest(text: str) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(text), _SLICE):  # never encoded as a whole: that is a second copy
        digest.update(text[start : start + _SLICE].encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
