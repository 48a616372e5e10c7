"""What of a run's input reached a model: which characters, who read them, and how that is known.

All is computed from the trace. What a model read is in its sub-calls' prompts and in its nodes' requests (the outputs
of cells, as they were shown); each of these is a *reader*. A stretch of it that stands in the input counts as read:

- `origin`: the worker says which piece it is, and the text there is the same;
- `exact`: it was looked for, and stands in the input once;
- `ambiguous`: it stands there more than once (lines that are repeated), and which one was read can't be told.

What was rewritten before it was read can't be traced, nor can stretches of less than `locate.LEAST` characters that are
no whole lines: their share of all that was read is told. Of a JSON value, its strings are the input; keys and numbers
are not.

`Coverage.to_json` is, for a viewer (offsets are characters; rows, because there can be many):

    {"run": "20261121-...", "kind": "text" | "json" | "paths", "characters": 40000000,
     "texts": [["", 40000000], ...],                      name and characters of each text of the input, in order
     "read": 1200000, "share": 0.03,                      characters that were read for certain, and of all
     "maybe": 5000,                                       more that may have been: all places of ambiguous stretches
     "models": [["openai/gpt-5-mini", 1150000], ...],     characters that each model read for certain, most first
     "seen": 10200000, "untraced": 0.02,                  characters that models read in all; the share that is traced
                                                          to no place (instructions, too)
     "readers": [{"span": 12, "kind": "prompt" | "output" | "opening", "node": 1, "depth": 0, "turn": 3,
                  "model": "...", "t": 1.25, "characters": 20000, "traced": 19800}, ...],
     "stretches": [[reader, text, start, end, "exact"], ...],    reader and text by number, by reader
     "places": [[stretch, text, start, end], ...],        the other places of an ambiguous stretch
     "unread": [[text, start, text, end], ...]}           from one place to another, in order: never read, nor maybe

`span` is the sub-call's, or that of the turn whose request it was; `node` is the node that read it, or made the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from rlm.coverage.found import Column, Found
from rlm.coverage.locate import Match, located
from rlm.coverage.short_lines import add_short_lines
from rlm.coverage.source import Input, Span
from rlm.coverage.spans import AMBIGUOUS, EXACT, ORIGIN, Columns, Ranges, in_texts, without
from rlm.trace.tree import Call, Node, RunTree
from rlm.types import JSON

Kind: TypeAlias = Literal["prompt", "output", "opening"]
How: TypeAlias = Literal["origin", "exact", "ambiguous"]

_HOW: tuple[How, ...] = ("ambiguous", "origin", "exact")  # by `spans.AMBIGUOUS`, `ORIGIN`, `EXACT`
_BLANK = 100  # characters; a longer gap is told, whatever it is


@dataclass(frozen=True, slots=True)
class Reader:
    """A text that a model read.

    Attributes:
        span: The sub-call, or the turn whose request it was.
        kind: `prompt`: of a sub-call; `output`: of cells, as it was shown; `opening`: what a node began with.
        node, depth: The node that read it, or whose cell asked, and how deep that is.
        turn: The turn that read it, or whose cell asked.
        model: Who read it.
        t: When, in seconds since the run began.
        characters: Its length; `traced`: of them, those that are from the input.
    """

    span: int
    kind: Kind
    node: int
    depth: int
    turn: int
    model: str
    t: float
    characters: int
    traced: int


class Stretch(NamedTuple):
    """A stretch of the input that was read.

    Attributes:
        reader: Who read it, as its number in `Coverage.readers`.
        span: Where it is; of an ambiguous one, the first place.
        how: How that is known.
        others: The other places of an ambiguous one, as far as they were noted.
    """

    reader: int
    span: Span
    how: How
    others: tuple[Span, ...] = ()


@dataclass(frozen=True, eq=False)
class Coverage:
    """What of an input reached a model.

    Attributes:
        run_id: The run.
        input: The input.
        readers: All that was read, in the order of the call tree.
        columns: What of it is from the input, by reader; `stretches` has the same as objects, once they are asked for.
    """

    run_id: str
    input: Input
    readers: tuple[Reader, ...]
    columns: Columns

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """What of it is from the input, by reader."""
        columns = self.columns
        others = map(Span._make, columns.others.tolist())
        return tuple(
            Stretch(reader, Span(text, start, end), _HOW[how], tuple(islice(others, many)))
            for reader, text, start, end, how, many in zip(*(column.tolist() for column in columns[:6]), strict=True)
        )

    def read(self, model: str | None = None) -> list[Span]:
        """What was read for certain, by anyone or by one model; in order, what touches joined."""
        return self._spans(self._read(model))

    def maybe(self) -> list[Span]:
        """What else may have been read: the places of ambiguous stretches that were not read for certain."""
        return self._spans(self._maybe())

    def unread(self) -> list[tuple[Span, Span]]:
        """What no model ever read: from the start of one span to the end of another, which may be of a later text.

        White space alone is left out: lines that were read one by one leave their line ends.
        """
        size, everywhere = self.input.characters, np.ones(len(self.columns.how), np.bool_)
        read = self.columns.ranges(self.input, everywhere, others=True)
        gaps = without(np.array([[0, size]]), read, size)
        firsts = self._spans(np.stack([gaps[:, 0], gaps[:, 0] + 1], axis=1))
        lasts = self._spans(np.stack([gaps[:, 1] - 1, gaps[:, 1]], axis=1))
        return [(first, last) for first, last in zip(firsts, lasts, strict=True) if not self._is_blank(first, last)]

    def _is_blank(self, first: Span, last: Span) -> bool:
        """Whether a gap is the white space between two lines that were read."""
        whole = Span(first.text, first.start, last.end)
        return first.text == last.text and last.end - first.start < _BLANK and self.input.read(whole).isspace()

    @property
    def share(self) -> float:
        """The share of the input's characters that was read for certain; 0 of an empty input."""
        return _size(self._read()) / self.input.characters if self.input.characters else 0.0

    @property
    def untraced(self) -> float:
        """Of all that models read, the share that was traced to no place of the input."""
        seen = sum(reader.characters for reader in self.readers)
        return 1 - sum(reader.traced for reader in self.readers) / seen if seen else 0.0

    def models(self) -> list[tuple[str, int]]:
        """The characters that each model read for certain; the one that read most comes first."""
        names = dict.fromkeys(reader.model for reader in self.readers)
        return sorted(((name, _size(self._read(name))) for name in names), key=lambda item: -item[1])

    def to_json(self) -> dict[str, JSON]:
        """All of it, as the module's head says."""
        columns = self.columns
        stretches = zip(*(column.tolist() for column in columns[:4]), columns.how.tolist(), strict=True)
        places = zip(
            np.repeat(np.arange(len(columns.many)), columns.many).tolist(), columns.others.tolist(), strict=True
        )
        return {
            "run": self.run_id,
            "kind": self.input.kind,
            "characters": self.input.characters,
            "texts": [[name, size] for name, size in zip(self.input.names(), self.input.sizes, strict=True)],
            "read": _size(self._read()),
            "share": round(self.share, 6),
            "maybe": _size(self._maybe()),
            "models": [[name, size] for name, size in self.models()],
            "seen": sum(reader.characters for reader in self.readers),
            "untraced": round(self.untraced, 6),
            "readers": [asdict(reader) for reader in self.readers],
            "stretches": [[*where, _HOW[how]] for *where, how in stretches],
            "places": [[number, *other] for number, other in places],
            "unread": [[first.text, first.start, last.text, last.end] for first, last in self.unread()],
        }

    def _read(self, model: str | None = None) -> Ranges:
        theirs = np.array([model in (None, reader.model) for reader in self.readers], np.bool_)
        return self.columns.ranges(self.input, theirs[self.columns.reader] & (self.columns.how != AMBIGUOUS))

    def _maybe(self) -> Ranges:
        ambiguous = self.columns.ranges(self.input, self.columns.how == AMBIGUOUS, others=True)
        return without(ambiguous, self._read(), self.input.characters)

    def _spans(self, ranges: Ranges) -> list[Span]:
        return list(map(Span, *(column.tolist() for column in in_texts(self.input, ranges))))


def reached(tree: RunTree, source: Input) -> Coverage:
    """What of its input a run's models read."""
    readings = list(_readings(tree.root)) if tree.root is not None else []
    texts: list[str] = []
    known: list[list[Match]] = []
    numbers: dict[tuple[str, tuple[Match, ...]], int] = {}  # a batch that is asked again has the same prompts
    which: list[int] = []
    for _, text, call in readings:
        claimed = tuple(_claimed(text, call, source)) if call is not None else ()
        number = numbers.setdefault((text, claimed), len(texts))
        if number == len(texts):
            texts.append(text)
            known.append(list(claimed))
        which.append(number)
    found = add_short_lines(texts, source.blocks, located(texts, source.blocks, known))
    traced = np.bincount(found.text, found.end - found.start, minlength=len(texts)).astype(np.int64).tolist()
    readers = tuple(
        replace(reader, traced=traced[number]) for (reader, _, _), number in zip(readings, which, strict=True)
    )
    columns = Columns.of(found, _how(found, known), source).read_by(np.array(which, np.int64))
    assert tree.begin is not None, "a run with a root has begun"
    return Coverage(tree.begin.run_id, source, readers, columns)


def _how(found: Found, known: Sequence[Sequence[Match]]) -> Column:
    """How each of the stretches of texts is known, given those that were claimed."""
    claims = {(text, match.start) for text, matches in enumerate(known) for match in matches}
    how = np.where((found.many > 1) | found.more, AMBIGUOUS, EXACT)
    if claims:
        claimed = [place in claims for place in zip(found.text.tolist(), found.start.tolist(), strict=True)]
        how[np.array(claimed) & (how == EXACT)] = ORIGIN
    return how


def _readings(node: Node) -> Iterator[tuple[Reader, str, Call | None]]:
    """The texts that the models of a node and of those below it read; with a prompt, its call."""
    answered = max((number for number, turn in enumerate(node.turns) if turn.replies), default=-1)
    opening = True
    for number, turn in enumerate(node.turns):
        for request in turn.requests:
            for message in request.messages if number <= answered else ():
                if isinstance(message, dict) and message.get("role") == "user" and (text := str(message["content"])):
                    kind: Kind = "opening" if opening else "output"
                    yield (
                        _reader(node, turn.begin.span, kind, turn.begin.turn, node.begin.model, request.t, text),
                        text,
                        None,
                    )
            opening = False
        for call in turn.calls:
            if call.child is not None:
                yield from _readings(call.child)
            elif call.end is not None and (call.end.reply is not None or call.end.usage.get("calls")):
                text, model = call.begin.prompt, call.begin.model
                yield _reader(node, call.begin.span, "prompt", turn.begin.turn, model, call.begin.t, text), text, call


def _reader(node: Node, span: int, kind: Kind, turn: int, model: str, t: float, text: str) -> Reader:
    return Reader(span, kind, node.begin.span, node.begin.depth, turn, model, t, len(text), 0)


def _claimed(prompt: str, call: Call, source: Input) -> list[Match]:
    """The pieces that the worker says a prompt holds, where that is so: what a worker says can be forged."""
    matches: list[Match] = []
    at = 0
    for origin in call.begin.origins:
        place = source.place(origin)
        if place is None:
            continue
        block, start, text = place
        found = prompt.find(text, at)
        if found >= 0:
            at = found + len(text)
            matches.append(Match(found, at, ((block, start),), False))
    return matches


def _size(ranges: Ranges) -> int:
    return int((ranges[:, 1] - ranges[:, 0]).sum())
