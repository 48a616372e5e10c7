"""The passages that an answer quotes, looked for in the input: where each stands, or that it does not.

A passage is what stands in quotation marks or in a block quote (`> `), of three words or more; and what is taken from
the input word for word without saying so, from `VERBATIM` characters on. A quote is *exact* where the input has its
very characters; *loose* where only spaces and line ends, the shape of quotation marks, apostrophes and dashes differ,
or parts are left out and shown to be (`...`); else *unsupported*. That a quote stands in the input does not make what
the answer says of it true.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple, TypeAlias

from rlm.coverage.locate import MOST_PLACES, Match, locate
from rlm.coverage.source import Input
from rlm.types import JSON

VERBATIM = 40  # characters

Kind: TypeAlias = Literal["quoted", "block", "verbatim"]
How: TypeAlias = Literal["exact", "loose", "unsupported", "unchecked"]

_MOST = 1_000  # passages of one answer
_LONGEST = 20_000  # characters of one passage
_BUDGET = 1_000_000_000  # characters of the input that are searched, all passages together: some 0.6 s
_LEFT_OUT = 2_000  # characters of the input that three dots may stand for
_TRIES = 10_000  # places of a passage's first piece from which the others are looked for
_WORDS = 3  # of a passage; fewer in quotation marks are a name or a term
_UNSPACED = 12  # characters of a passage in a script without spaces

# Opening and closing marks; a straight one must stand at a word's edge.
_QUOTED = re.compile(
    r'"([^"\n]+)"(?!\w)|“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|»([^«»]+)«|「([^「」]+)」|『([^『』]+)』'
    r"|(?<!\w)‘([^‘\n]+?)’(?!\w)|(?<![\w'])'([^'\n]+(?:'\w[^'\n]*)*)'(?![\w'])"
)
_BLOCK = re.compile(r"(?:^[ \t]*>[ \t]?[^\n]*(?:\n|$))+", re.MULTILINE)
_BLOCK_MARK = re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE)
_DOTS = re.compile(r"\s*(?:\[\s*(?:\.{3}|…)\s*\]|\(\s*(?:\.{3}|…)\s*\)|\.{3,}|…)\s*")
_ALIKE = ('"“”„«»″', "'‘’‚′`", "-‐‑‒–—−")  # marks that are told apart by their shape alone
_PARTS = re.compile(r"\s+|[" + re.escape("".join(_ALIKE)) + r"]|[^\s" + re.escape("".join(_ALIKE)) + r"]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands in the input.

    Attributes:
        name: The file, or the path of the string inside a JSON value; "" where the input is one text.
        start, end: Its characters there.
        line, character: Where it starts, both from 1.
    """

    name: str
    start: int
    end: int
    line: int
    character: int


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage of an answer, and whether the input has it.

    Attributes:
        text: The passage, without its marks.
        start, end: Its characters in the answer's text (`Completion.response`).
        kind: `quoted`: in quotation marks; `block`: a block quote; `verbatim`: not marked as a quote.
        how: `exact`, `loose`, `unsupported`; `unchecked`: the answer has too many passages for an input of this size.
        places: Where it stands, in order, up to eight; none where it is not supported.
    """

    text: str
    start: int
    end: int
    kind: Kind
    how: How
    places: tuple[Place, ...] = ()

    @property
    def supported(self) -> bool:
        """Whether the input has it."""
        return bool(self.places)

    def to_json(self) -> dict[str, JSON]:
        """As `rlm ask --json` and `rlm coverage --json` print it."""
        places: list[JSON] = [
            {"name": p.name, "start": p.start, "end": p.end, "line": p.line, "character": p.character}
            for p in self.places
        ]
        whole: dict[str, JSON] = {"text": self.text, "start": self.start, "end": self.end}
        return {**whole, "kind": self.kind, "how": self.how, "places": places}


_Found: TypeAlias = tuple[int, int, int]  # block, start, end


class _Passage(NamedTuple):
    text: str
    start: int
    end: int
    kind: Kind


def cited(answer: str, source: Input, *, marked: bool = True) -> tuple[Citation, ...]:
    """The passages of an answer, in order.

    Args:
        answer: Its text.
        source: The input.
        marked: Whether quotation marks in it mark quotes; in JSON they mark every string.
    """
    passages = list(_passages(answer))[:_MOST] if marked else []
    found = locate([*(passage.text for passage in passages), answer], source.blocks)
    search = _Search(source)
    citations = [search.citation(passage, found[number]) for number, passage in enumerate(passages)]
    for match in found[-1]:
        if match.end - match.start >= VERBATIM and not any(
            passage.start < match.end and match.start < passage.end for passage in passages
        ):
            text = answer[match.start : match.end]
            places = search.places([(block, at, at + len(text)) for block, at in match.places])
            citations.append(Citation(text, match.start, match.end, "verbatim", "exact", places))
    return tuple(sorted(citations, key=lambda citation: (citation.start, citation.end)))


def quotes_anything(answer: str) -> bool:
    """Whether an answer has a passage that is marked as a quote: no input is needed to tell."""
    return next(_passages(answer), None) is not None


def _passages(answer: str) -> Iterator[_Passage]:
    blocks = []
    for block in _BLOCK.finditer(answer):
        blocks.append(block.span())
        text = _BLOCK_MARK.sub("", block.group()).strip()
        if _is_passage(text):
            yield _Passage(text, *block.span(), "block")
    for quote in _QUOTED.finditer(answer):
        assert quote.lastindex is not None
        text, (start, end) = quote.group(quote.lastindex), quote.span(quote.lastindex)
        if _is_passage(text) and not any(low <= start < high for low, high in blocks):
            yield _Passage(text, start, end, "quoted")


def _is_passage(text: str) -> bool:
    words = sum(any(map(str.isalnum, word)) for word in text.split())
    unspaced = 0 < words < _WORDS and not text.isascii() and len(text) >= _UNSPACED
    return (words >= _WORDS or unspaced) and len(text) <= _LONGEST


class _Search:
    """Passages looked for in one input, as long as that takes no more than a second or so."""

    def __init__(self, source: Input) -> None:
        self._source = source
        self._left = _BUDGET

    def citation(self, passage: _Passage, matches: Sequence[Match]) -> Citation:
        """A passage, given what of it is known to stand in the input."""
        text = passage.text
        for match in matches:
            if match.start == 0 and match.end == len(text):
                return Citation(
                    *passage, "exact", self.places([(block, at, at + len(text)) for block, at in match.places])
                )
        pieces = _loosely(text)
        found: list[_Found] = []
        for match in matches:  # all of it has to be about the places where a part of it is
            reach = len(text) * 2 + _LEFT_OUT
            for block, at in match.places:
                found += self._in_block(pieces, block, max(at - reach, 0), at + reach)
        if not found:
            for block in range(len(self._source.blocks)):
                if self._left <= 0:
                    return Citation(*passage, "unchecked")
                self._left -= len(self._source.blocks[block])
                found += self._in_block(pieces, block)
        if not found:
            return Citation(*passage, "unsupported")
        exact = all(self._source.blocks[block][start:end] == text for block, start, end in found)
        return Citation(*passage, "exact" if exact else "loose", self.places(found))

    def places(self, found: Sequence[_Found]) -> tuple[Place, ...]:
        """What was found, as (block, start, end), each once and in order."""
        places = []
        for block, start, end in sorted(set(found))[:MOST_PLACES]:
            for span in self._source.spans(block, start, end):
                line, character = self._source.line(span.text, span.start)
                places.append(Place(self._source.name(span.text), span.start, span.end, line, character))
        return tuple(places)

    def _in_block(
        self, pieces: Sequence[re.Pattern[str]], number: int, start: int = 0, end: int = sys.maxsize
    ) -> list[_Found]:
        """Where the pieces stand in a part of a block, one after the other with not too much between: the first places.

        Each piece is taken where it comes first, so that no passage can make this take forever.
        """
        block = self._source.blocks[number]
        found: list[_Found] = []
        for first in islice(pieces[0].finditer(block, start, end), _TRIES):
            last: re.Match[str] | None = first
            for piece in pieces[1:]:
                last = piece.search(block, last.end(), last.end() + _LEFT_OUT) if last is not None else None
            if last is not None:
                found.append((number, first.start(), last.end()))
                if len(found) >= MOST_PLACES:
                    break
        return found


def _loosely(text: str) -> list[re.Pattern[str]]:
    """What matches the pieces of a passage between its dots, however their spaces are wide and their marks shaped."""
    pieces = [piece for piece in _DOTS.split(text.strip()) if piece]
    return [re.compile(_loose_piece(piece)) for piece in pieces or [text]]


def _loose_piece(text: str) -> str:
    pattern = ""
    for part in _PARTS.findall(text):
        alike = next((marks for marks in _ALIKE if part in marks), "")
        pattern += r"\s+" if part.isspace() else f"[{re.escape(alike)}]" if alike else re.escape(part)
    return pattern
