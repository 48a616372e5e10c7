"""Real text to hide facts in: books and Python source. Training takes the first part of each, evaluation the rest."""

from __future__ import annotations

import random
import re
import sysconfig
from collections import Counter
from functools import cache
from pathlib import Path

import values
import words

TRAIN_SHARE = 0.8


@cache
def paragraphs(books: Path, held_out: bool) -> tuple[str, ...]:
    """The paragraphs of the books in a folder."""
    found: list[str] = []
    for book in sorted(books.glob("*.txt")):
        lines = [line.strip() for line in book.read_text("utf-8").splitlines() if len(line) > 60]
        cut = int(len(lines) * TRAIN_SHARE)
        found += lines[cut:] if held_out else lines[:cut]
    if not found:
        raise SystemExit(f"no books (*.txt) in {books}")
    return tuple(found)


@cache
def sources(held_out: bool) -> tuple[str, ...]:
    """The standard library's modules; every fifth is held out."""
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(
        path for path in stdlib.rglob("*.py") if "site-packages" not in path.parts and "test" not in str(path)
    )
    chosen = [path for place, path in enumerate(paths) if (place % 5 == 0) == held_out]
    return tuple(path.read_text("utf-8", errors="replace") for path in chosen)


@cache
def source_lines(held_out: bool) -> tuple[str, ...]:
    """Lines of Python source."""
    return tuple(line.rstrip() for text in sources(held_out) for line in text.splitlines() if len(line.strip()) > 8)


@cache
def common(books: Path) -> tuple[str, ...]:
    """The words in small letters that the training's part of the books has ten times or more."""
    counts = Counter(word for line in paragraphs(books, False) for word in re.findall(r"\b[a-z]{3,}\b", line))
    return tuple(word for word, count in counts.items() if count >= 10)


@cache
def code_words() -> tuple[str, ...]:
    """What the identifiers of the training's modules are made of: their words, in small letters, seen ten times."""
    names = (name for text in sources(False) for name in re.findall(r"[A-Za-z_]{3,}", text))
    counts = Counter(part.lower() for name in names for part in re.findall(r"[A-Z]?[a-z]+", name))
    return tuple(part for part, count in counts.items() if count >= 10)


def sentences(paragraph: str) -> list[str]:
    """A paragraph, cut after each full stop."""
    return re.split(r"(?<=[.!?”])\s+(?=[A-Z“])", paragraph)


def log_line(rng: random.Random) -> str:
    """A line of an invented log or table."""
    stamp = f"20{rng.randint(10, 39)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    level = rng.choice(("INFO", "WARN", "DEBUG", "ERROR"))
    word, other = words.pseudo(rng), rng.choice(words.CODE_WORDS)
    return rng.choice(
        (
            f"{stamp} {values.clock(rng)} {level} {word}: {other} took {rng.randint(1, 900)} ms",
            f"{stamp},{word},{rng.randint(1, 9999)},{words.person(rng)},{level.lower()}",
            f"| {word} | {rng.randint(1, 99)} | {words.person(rng)} | {values.phrase(rng)} |",
            f"[{level}] {other}.{word} = {values.code(rng)}",
            f"- {values.phrase(rng)} ({values.date(rng)}): {word}",
        )
    )


def filler(rng: random.Random, books: Path, held_out: bool, style: str) -> str:
    """One line of surroundings, in the style `prose`, `code` or `log`."""
    if style == "prose":
        return rng.choice(paragraphs(books, held_out))
    return rng.choice(source_lines(held_out)) if style == "code" else log_line(rng)
