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

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

from rlm.coverage.locate import Match, locate
from rlm.coverage.short_lines import add_short_lines
from rlm.coverage.source import Input, Span
from rlm.trace.tree import Call, Node, RunTree
from rlm.types import JSON

Kind: TypeAlias = Literal["prompt", "output", "opening"]
How: TypeAlias = Literal["origin", "exact", "ambiguous"]

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


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of an input reached a model.

    Attributes:
        run_id: The run.
        input: The input.
        readers: All that was read, in the order of the call tree.
        stretches: What of it is from the input, by reader.
    """

    run_id: str
    input: Input
    readers: tuple[Reader, ...]
    stretches: tuple[Stretch, ...]

    def read(self, model: str | None = None) -> list[Span]:
        """What was read for certain, by anyone or by one model; in order, what touches joined."""
        spans = (
            s.span for s in self.stretches if s.how != "ambiguous" and model in (None, self.readers[s.reader].model)
        )
        return self._spans(self._union(spans))

    def maybe(self) -> list[Span]:
        """What else may have been read: the places of ambiguous stretches that were not read for certain."""
        return self._spans(_minus(self._union(self._ambiguous()), self._union(self.read())))

    def unread(self) -> list[tuple[Span, Span]]:
        """What no model ever read: from the start of one span to the end of another, which may be of a later text.

        White space alone is left out: lines that were read one by one leave their line ends.
        """
        known = self._union([*self.read(), *self._ambiguous()])
        gaps = _minus([(0, self.input.characters)] if self.input.characters else [], known)
        bases = self._bases()
        ends = ((self._span(bases, start, start + 1), self._span(bases, end - 1, end)) for start, end in gaps)
        return [(first, last) for first, last in ends if not self._is_blank(first, last)]

    def _is_blank(self, first: Span, last: Span) -> bool:
        """Whether a gap is the white space between two lines that were read."""
        whole = Span(first.text, first.start, last.end)
        return first.text == last.text and last.end - first.start < _BLANK and self.input.read(whole).isspace()

    @property
    def share(self) -> float:
        """The share of the input's characters that was read for certain; 0 of an empty input."""
        return _size(self.read()) / self.input.characters if self.input.characters else 0.0

    @property
    def untraced(self) -> float:
        """Of all that models read, the share that was traced to no place of the input."""
        seen = sum(reader.characters for reader in self.readers)
        return 1 - sum(reader.traced for reader in self.readers) / seen if seen else 0.0

    def models(self) -> list[tuple[str, int]]:
        """The characters that each model read for certain; the one that read most comes first."""
        names = dict.fromkeys(reader.model for reader in self.readers)
        return sorted(((name, _size(self.read(name))) for name in names), key=lambda item: -item[1])

    def to_json(self) -> dict[str, JSON]:
        """All of it, as the module's head says."""
        places: list[JSON] = [
            [number, *other] for number, stretch in enumerate(self.stretches) for other in stretch.others
        ]
        return {
            "run": self.run_id,
            "kind": self.input.kind,
            "characters": self.input.characters,
            "texts": [[name, size] for name, size in zip(self.input.names(), self.input.sizes, strict=True)],
            "read": _size(self.read()),
            "share": round(self.share, 6),
            "maybe": _size(self.maybe()),
            "models": [[name, size] for name, size in self.models()],
            "seen": sum(reader.characters for reader in self.readers),
            "untraced": round(self.untraced, 6),
            "readers": [asdict(reader) for reader in self.readers],
            "stretches": [[stretch.reader, *stretch.span, stretch.how] for stretch in self.stretches],
            "places": places,
            "unread": [[first.text, first.start, last.text, last.end] for first, last in self.unread()],
        }

    def _ambiguous(self) -> Iterator[Span]:
        for stretch in self.stretches:
            if stretch.how == "ambiguous":
                yield stretch.span
                yield from stretch.others

    def _bases(self) -> list[int]:
        return list(accumulate(self.input.sizes, initial=0))

    def _union(self, spans: Iterable[Span]) -> list[tuple[int, int]]:
        bases = self._bases()
        return _joined(sorted((bases[span.text] + span.start, bases[span.text] + span.end) for span in spans))

    def _spans(self, ranges: Iterable[tuple[int, int]]) -> list[Span]:
        bases, spans = self._bases(), []
        for start, end in ranges:
            while start < end:
                span = self._span(bases, start, end)
                spans.append(span)
                start += span.end - span.start
        return spans

    def _span(self, bases: Sequence[int], start: int, end: int) -> Span:
        """The part of a range that is in its first text."""
        text = bisect_right(bases, start) - 1
        return Span(text, start - bases[text], min(end, bases[text + 1]) - bases[text])


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
    found = locate(texts, source.blocks, known)
    add_short_lines(texts, source.blocks, found)
    claims = [{match.start for match in matches} for matches in known]
    readers: list[Reader] = []
    stretches: list[Stretch] = []
    last = {text: number for number, text in enumerate(which)}
    for number, (reader, _, _) in enumerate(readings):
        matches, claimed_at = found[which[number]], claims[which[number]]
        traced = sum(match.end - match.start for match in matches)
        readers.append(replace(reader, traced=traced))
        for match in matches:
            if len(match.places) == 1 and not match.more:
                how: How = "origin" if claimed_at and match.start in claimed_at else "exact"
                block, at = match.places[0]
                for span in source.spans(block, at, at + match.end - match.start):
                    stretches.append(Stretch(number, span, how))
            else:
                stretches += _ambiguous(number, match, source)
        if last[which[number]] == number:
            matches.clear()  # a hundred thousand of them, and as many stretches, take 80 MB together
    assert tree.begin is not None, "a run with a root has begun"
    return Coverage(tree.begin.run_id, source, tuple(readers), tuple(stretches))


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


def _ambiguous(reader: int, match: Match, source: Input) -> Iterable[Stretch]:
    """What a match in several places is in the texts of the input: more than one where texts were read in one go."""
    size = match.end - match.start
    places = [source.spans(block, at, at + size) for block, at in match.places]
    return [
        Stretch(reader, span, "ambiguous", tuple(other[number] for other in places[1:] if number < len(other)))
        for number, span in enumerate(places[0])
    ]


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges, sorted by their starts, with those that overlap or touch made one."""
    joined: list[tuple[int, int]] = []
    for start, end in ranges:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _minus(ranges: Iterable[tuple[int, int]], taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of the ranges is in none of those taken; both are in order and joined."""
    left: list[tuple[int, int]] = []
    index = 0
    for start, end in ranges:
        while index < len(taken) and taken[index][1] <= start:
            index += 1
        at = index
        while at < len(taken) and taken[at][0] < end:
            if start < taken[at][0]:
                left.append((start, taken[at][0]))
            start = taken[at][1]
            at += 1
        if start < end:
            left.append((start, end))
    return left


def _size(spans: Iterable[Span]) -> int:
    return sum(span.end - span.start for span in spans)
