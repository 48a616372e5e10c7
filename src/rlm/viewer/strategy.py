"""Which strategies a run used, told from its cells and calls: the patterns that the RLM paper reports.

- `probing`: a small sample of the input, or its size and shape, is printed;
- `filtering`: a keyword or a regular expression picks out parts of the input (`grep`, `search`, `re`, `in`, `find`);
- `chunking`: the input is cut into pieces of one size (`chunks`, `range(0, len(context), size)`);
- `recursion`: a cell asks models, or starts children;
- `verification`: a model is asked to check what was found, in the cell's words, or is asked the same again; or a cell
  asserts it;
- `building`: a long answer is put together in a variable: no model wrote it whole, and it is no passage of the input.

Cells are read as code, never run: what `context` is called elsewhere (`lines = context.splitlines()`) is followed from
cell to cell of a node, and through loops and comprehensions, but not into functions' parameters, attributes or
containers; what was asked is known from the calls. A pattern in words of another kind is missed, and a turn in which
nothing was recognised says so: `Strategy.plain`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from rlm.trace.tree import Node, RunTree, Turn
from rlm.types import JSON
from rlm.viewer.cell_reading import Cell, Sight

Pattern: TypeAlias = Literal["probing", "filtering", "chunking", "recursion", "verification", "building"]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)

LONG = 1_000  # characters of an answer from which on it is long
_MOST_CODE = 200_000  # characters of a cell that is read
_EVIDENCE = 120  # characters
_CHECKING = re.compile(
    r"\b(?:verif(?:y|ies|ied|ication)|double[- ]check(?:ed|ing)?|cross[- ]check|sanity check|re-?check|"
    r"confirm(?: that| whether| if)?|is (?:this|that|it|the following) (?:answer |claim |statement )?"
    r"(?:correct|true|right|supported)|check (?:whether|if|that) (?:this|the) (?:answer|claim|result|statement))\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"\{[^{}\n]*\}|%[sdr]|%\(\w+\)[sdr]")  # what a template's values are put in place of
_MOST_WORDINGS = 50  # of one node's cells
_MOST_SAID = 20_000  # characters of one text in a cell
_QUOTED = 12  # characters of an earlier reply that a prompt has to hold to be about it


@dataclass(frozen=True, slots=True)
class Label:
    """A pattern that was recognised in a turn.

    Attributes:
        pattern: Which.
        node, span, turn: The node's span, the turn's span, and its number.
        line: The cell's line that shows it, from 1; None where the calls do.
        evidence: The code, or what the calls were, in one line.
        count: How often in this turn.
    """

    pattern: Pattern
    node: int
    span: int
    turn: int
    line: int | None
    evidence: str
    count: int = 1

    def to_json(self) -> dict[str, JSON]:
        """As the viewer's page gets it."""
        return {name: getattr(self, name) for name in Label.__slots__}


@dataclass(frozen=True, slots=True)
class Strategy:
    """What a run did.

    Attributes:
        labels: The patterns, in the order of the call tree; each at most once a turn.
        plain: The spans of turns with a cell in which nothing was recognised.
        unread: The spans of turns whose cell is no Python, or too long to be read.
    """

    labels: tuple[Label, ...]
    plain: tuple[int, ...]
    unread: tuple[int, ...]

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """Those that occur, each once."""
        found = {label.pattern for label in self.labels}
        return tuple(pattern for pattern in PATTERNS if pattern in found)


def recognise(tree: RunTree) -> Strategy:
    """The strategies of a run, as far as its events tell."""
    labels: list[Label] = []
    plain: list[int] = []
    unread: list[int] = []
    for node in _nodes(tree.root):
        reader = _NodeReader(node)
        for turn in node.turns:
            if turn.cell is None:
                continue
            cell = reader.read(turn.cell.code)
            found = list(reader.labels(turn, cell))
            labels += found
            if cell is None:
                unread.append(turn.begin.span)
            elif not found:
                plain.append(turn.begin.span)
    return Strategy(tuple(labels), tuple(plain), tuple(unread))


def count(runs: Iterable[Strategy]) -> dict[Pattern, int]:
    """In how many of the runs each pattern occurs."""
    counts = Counter(pattern for run in runs for pattern in run.patterns)
    return {pattern: counts[pattern] for pattern in PATTERNS}


def _nodes(node: Node | None) -> Iterator[Node]:
    if node is not None:
        yield node
        for turn in node.turns:
            for call in turn.calls:
                yield from _nodes(call.child)


@dataclass
class _NodeReader:
    """One node's cells, in order: what its names hold, what was answered so far, which variables grew."""

    node: Node
    names: dict[str, str] = field(default_factory=lambda: {"context": "whole"})
    replies: set[str] = field(default_factory=set)
    prompts: set[str] = field(default_factory=set)
    wordings: dict[str, None] = field(default_factory=dict)  # of cells so far, that ask for a check
    grown: dict[str, list[int]] = field(default_factory=dict)  # variable -> the turns whose cells added to it

    def read(self, code: str) -> Cell | None:
        """A cell, read with what earlier cells called things; None where that can't be done."""
        if len(code) > _MOST_CODE:
            return None
        try:
            return Cell(ast.parse(code), self.names)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def labels(self, turn: Turn, cell: Cell | None) -> Iterator[Label]:
        """The patterns of a turn."""
        assert turn.cell is not None
        code = turn.cell.code
        if cell is not None:
            done: dict[Pattern, list[Sight]] = {
                "probing": cell.probes,
                "filtering": cell.filters,
                "chunking": cell.chunkings,
            }
            yield from (self._seen(pattern, turn, sights, code) for pattern, sights in done.items() if sights)
        if turn.calls:
            yield self._label("recursion", turn, None, _asked(turn), len(turn.calls))
        if (checked := self._checked(turn, cell, code)) is not None:
            yield checked
        if cell is not None:
            for name in cell.grown:
                self.grown.setdefault(name, []).append(turn.begin.turn)
            if (built := self._built(turn, cell, code)) is not None:
                yield built
        for call in turn.calls:
            self.prompts.add(call.begin.prompt)
            if call.end is not None and call.end.reply and len(call.end.reply) >= _QUOTED:
                self.replies.add(call.end.reply.strip())

    def _checked(self, turn: Turn, cell: Cell | None, code: str) -> Label | None:
        """A turn that checks what was found."""
        asked = [call.begin.prompt for call in turn.calls]
        wordings = self._wordings(cell)
        said = {prompt: wording for prompt in asked if wordings and (wording := _first_in(prompt, wordings))}
        words = [prompt for prompt in asked if prompt in said]
        about = [prompt for prompt in words if any(reply in prompt for reply in self.replies)]
        again = [prompt for prompt in asked if prompt in self.prompts]
        if about:
            return self._label("verification", turn, None, f"asks about an earlier reply: {about[0]}", len(about))
        if words:
            return self._label("verification", turn, None, f"asks: {said[words[0]]}", len(words))
        if again:
            return self._label("verification", turn, None, f"asks the same again: {again[0]}", len(again))
        if cell is not None and cell.asserts:
            return self._seen("verification", turn, cell.asserts, code)
        return None

    def _wordings(self, cell: Cell | None) -> list[str]:
        """What cells say when they ask for a check: the code's own words, since the input may have such words too."""
        if cell is not None:
            for text in cell.said:
                for part in _PLACEHOLDER.split(text[:_MOST_SAID]):
                    if len(self.wordings) < _MOST_WORDINGS and _CHECKING.search(part):
                        self.wordings[" ".join(part.split())] = None
        return list(self.wordings)

    def _built(self, turn: Turn, cell: Cell, code: str) -> Label | None:
        """A turn that gives a long answer which no model wrote: it isn't in the cell's own text."""
        if turn.answer is None or cell.answer is None:
            return None
        value = turn.answer.value
        text = value if isinstance(value, str) else str(value)
        if len(text) < LONG or text in code or text.strip() in self.replies:
            return None
        if isinstance(cell.answer.node, ast.Subscript) and cell.kind(cell.answer.node) in ("whole", "part"):
            return None  # a passage of the input
        turns = sorted({number for name in cell.answer.names for number in self.grown.get(name, ())})
        built = f", built in turn{'' if len(turns) == 1 else 's'} {', '.join(map(str, turns))}" if turns else ""
        source = ast.get_source_segment(code, cell.answer.node) or ""
        evidence = f"{len(text):,} characters from `{source}`{built}"
        return self._label("building", turn, cell.answer.node.lineno, evidence, max(len(turns), 1))

    def _seen(self, pattern: Pattern, turn: Turn, sights: Sequence[Sight], code: str) -> Label:
        first = sights[0]
        return self._label(pattern, turn, first.lineno, ast.get_source_segment(code, first) or "", len(sights))

    def _label(self, pattern: Pattern, turn: Turn, line: int | None, evidence: str, times: int) -> Label:
        told = " ".join(evidence[: 4 * _EVIDENCE].split())
        told = told if len(told) <= _EVIDENCE else told[: _EVIDENCE - 1] + "…"
        return Label(pattern, self.node.begin.span, turn.begin.span, turn.begin.turn, line, told, times)


def _first_in(prompt: str, wordings: Sequence[str]) -> str:
    text = " ".join(prompt.split())
    return next((wording for wording in wordings if wording in text), "")


def _asked(turn: Turn) -> str:
    """What a turn's calls were, in words."""
    counts = Counter((call.begin.name, call.begin.model, call.child is not None) for call in turn.calls)
    return ", ".join(
        f"{name} × {times:,} to {model}{' (children)' if child else ''}"
        for (name, model, child), times in counts.items()
    )
