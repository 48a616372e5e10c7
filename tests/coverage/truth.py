"""Prompts made out of an input in the ways that models' code makes them, with what is true of each of their characters.

Used by the tests, on a small input, and by `benchmarks/coverage.py`, on 40 MB.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from rlm.coverage.locate import Match

TASK = "Read what follows and tell which of its entries are about a place. Answer with a list of numbers.\n\n"


@dataclass
class Prompt:
    """A text, and which of its characters are from the input: (start, start in the input, length)."""

    text: str = ""
    parts: list[tuple[int, int, int]] = field(default_factory=list)


def made(pieces: Iterable[str | tuple[int, int]], source: str) -> Prompt:
    """A prompt out of texts of its own and stretches of the input."""
    texts: list[str] = []
    parts: list[tuple[int, int, int]] = []
    at = 0
    for piece in pieces:
        if isinstance(piece, tuple):
            parts.append((at, piece[0], piece[1] - piece[0]))
            piece = source[slice(*piece)]
        texts.append(piece)
        at += len(piece)
    return Prompt("".join(texts), parts)


def lines_of(source: str) -> list[tuple[int, int]]:
    """Where each line is, without its end."""
    ends = [match.start() for match in re.finditer("\n", source)] + [len(source)]
    return list(zip([0, *(end + 1 for end in ends[:-1])], ends, strict=True))


def text(characters: int, seed: int = 1, *, repeated: float = 0.0) -> str:
    """Lines as of a table of questions and as of prose, in words as frequent as words are.

    Args:
        characters: About how many.
        seed: Another one is another text.
        repeated: The share of lines that stand somewhere else, too.
    """
    chance = random.Random(seed)
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(20_000)]
    weights = list(accumulate(1 / (rank + 1) for rank in range(len(words))))
    lines: list[str] = []
    size = 0
    while size < characters:
        if repeated and lines and chance.random() < repeated:
            line = chance.choice(lines)
        else:
            line = " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(5, 20))).capitalize()
            if chance.random() < 0.5:
                month, user = chance.choice(("Jan", "Feb", "Mar", "Apr")), chance.randrange(10_000, 99_999)
                line = f"Date: {month} {chance.randrange(1, 29):02}, 2023 || User: {user} || Instance: {line}?"
        lines.append(line)
        size += len(line) + 1
    return "\n".join(lines)


Make = Callable[[str, random.Random, int], Prompt]


def slices(source: str, chance: random.Random, size: int) -> Prompt:
    """`task + context[a:b]`."""
    start = chance.randrange(len(source) - size)
    return made([TASK, (start, start + size)], source)


def pieces_of_lines(source: str, chance: random.Random, size: int) -> Prompt:
    """`task + "\\n".join(context.splitlines()[a:b])`, each line by itself in what is true."""
    start = chance.randrange(len(source) - size - 2_000)
    found = [span for span in _lines_from(source, start, size) if span[1] > span[0]]
    return made([TASK, *_joined(found, "\n")], source)


def scattered(source: str, chance: random.Random, size: int) -> Prompt:
    """`task + "\\n".join(f"- {line}" for line in found)`: lines from everywhere, each with a mark."""
    return made([TASK, *_marked(_some_lines(source, chance, size), "- ", "\n")], source)


def numbered(source: str, chance: random.Random, size: int) -> Prompt:
    """`f"[{n}] {line}"`, as `llm_map` packs items."""
    pieces: list[str | tuple[int, int]] = [TASK]
    for number, span in enumerate(_some_lines(source, chance, size)):
        pieces += [f"[{number}] ", span, "\n"]
    return made(pieces, source)


def joined(source: str, chance: random.Random, size: int) -> Prompt:
    """`"; ".join(lines)`: no line ends."""
    return made([TASK, *_joined(_some_lines(source, chance, size), "; ")], source)


def as_list(source: str, chance: random.Random, size: int) -> Prompt:
    """`f"{task}{lines!r}"`: as Python shows a list."""
    spans = [span for span in _some_lines(source, chance, size) if "'" not in source[slice(*span)]]
    return made([TASK, "['", *_joined(spans, "', '"), "']"], source)


def hits(source: str, chance: random.Random, size: int) -> Prompt:
    """What a regular expression with a little about it matched: `re.findall(r"User: \\d+ \\|\\| .{0,60}", context)`."""
    found: list[tuple[int, int]] = []
    total = 0
    pattern = re.compile(r"User: \d+ \|\| Instance: .{0,60}|[A-Z]\w+(?: \w+){3,8}")
    while total < size:
        match = pattern.search(source, chance.randrange(len(source)))
        if match is not None:
            found.append(match.span())
            total += match.end() - match.start() + 1
    return made([TASK, *_joined(found, "\n")], source)


def rewritten(source: str, chance: random.Random, size: int) -> Prompt:
    """Words of the input in another order: nothing of it is in the input."""
    start = chance.randrange(len(source) - size)
    words = source[start : start + size].split()
    chance.shuffle(words)
    return Prompt(TASK + " ".join(words))


def capitals(source: str, chance: random.Random, size: int) -> Prompt:
    """`task + context[a:b].upper()`: from the input, and yet no stretch of it is in it."""
    start = chance.randrange(len(source) - size)
    return Prompt(TASK + source[start : start + size].upper())


def mixed(source: str, chance: random.Random, size: int) -> Prompt:
    """Any of the others."""
    return chance.choice((slices, pieces_of_lines, scattered, numbered, joined, hits, rewritten))(source, chance, size)


WAYS: dict[str, Make] = {
    "raw slices": slices,
    "splitlines pieces": pieces_of_lines,
    "scattered lines": scattered,
    "numbered items": numbered,
    "joined lines": joined,
    "a list as shown": as_list,
    "regex hits": hits,
    "rewritten": rewritten,
    "in capitals": capitals,
    "mixed": mixed,
}


@dataclass(frozen=True)
class Score:
    """How well stretches were found, in shares of characters.

    Attributes:
        precision: Of what was found in one place, what is from there; of nothing, 1.
        recall: Of what is from the input, what was found where it is, or in several places of which it is one.
        ambiguous: Of what was found, what was found in several places.
        traced: Of all characters of the prompts, what was found.
    """

    precision: float
    recall: float
    ambiguous: float
    traced: float


def score(prompts: Sequence[Prompt], found: Sequence[Sequence[Match]]) -> Score:
    """How what was found agrees with what is true, character by character; for an input that is one block."""
    single = right = among = several = true = size = 0
    for prompt, matches in zip(prompts, found, strict=True):
        size += len(prompt.text)
        true += sum(length for _, _, length in prompt.parts)
        for match in matches:
            ambiguous = len(match.places) > 1 or match.more
            length = match.end - match.start
            several += length if ambiguous else 0
            single += 0 if ambiguous else length
            shifts = {at - match.start for _, at in match.places}
            for start, at, part in prompt.parts:
                overlap = min(match.end, start + part) - max(match.start, start)
                if overlap > 0 and (match.more or at - start in shifts):
                    right += 0 if ambiguous else overlap
                    among += overlap if ambiguous else 0
    return Score(
        right / single if single else 1.0,
        (right + among) / true if true else 1.0,
        several / (single + several) if single + several else 0.0,
        (single + several) / size,
    )


def _lines_from(source: str, start: int, size: int) -> list[tuple[int, int]]:
    start = source.find("\n", start) + 1
    return [(start + low, start + high) for low, high in lines_of(source[start : start + size])]


def _some_lines(source: str, chance: random.Random, size: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    total = 0
    while total < size:
        start = source.find("\n", chance.randrange(len(source) - 2_000)) + 1
        end = source.find("\n", start)
        if end - start >= 25:
            found.append((start, end))
            total += end - start + 2
    return found


def _joined(spans: Sequence[tuple[int, int]], between: str) -> list[str | tuple[int, int]]:
    return [piece for span in spans for piece in (between, span)][1:]


def _marked(spans: Sequence[tuple[int, int]], before: str, after: str) -> list[str | tuple[int, int]]:
    return [piece for span in spans for piece in (before, span, after)]
