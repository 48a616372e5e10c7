"""The wordings that were written by hand, a line each: files `KIND-*.txt` of the folder `wordings`."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

FOLDER = Path(__file__).parent / "wordings"


def texts(kind: str) -> list[str]:
    """The files of a kind."""
    return [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob(f"{kind}-[0-9].txt"))]


def named(kind: str) -> dict[str, str]:
    """The files of a kind that have names for numbers, by name."""
    paths = sorted(FOLDER.glob(f"{kind}-*.txt"))
    return {path.stem.removeprefix(f"{kind}-"): path.read_text(encoding="utf-8") for path in paths}


def lines(kind: str) -> list[str]:
    r"""The templates of a kind; a backslash and n or t stand for a line's end or a tab."""
    return [unescaped(line) for text in texts(kind) for line in text.splitlines() if line.strip()]


def sections(kind: str) -> dict[str, list[str]]:
    """The templates of a kind by section: its name on the first line, a blank line behind it."""
    return blocks("\n\n".join(texts(kind)))


def blocks(text: str) -> dict[str, list[str]]:
    """The sections of one text."""
    found: dict[str, list[str]] = defaultdict(list)
    for block in re.split(r"\n\n+", text.strip()):
        name, *rest = block.strip().splitlines()
        found[name.strip()] += [unescaped(line) for line in rest]
    return found


def grammar(number: int) -> dict[str, list[str]]:
    """The rules of a grammar, `plain-NUMBER.txt`: symbol -> what it may be; a line of one space is nothing at all."""
    blocks = (FOLDER / f"plain-{number}.txt").read_text(encoding="utf-8").strip("\n").split("\n\n")
    rules = (block.split("\n") for block in blocks)
    return {name: ["" if line == " " else unescaped(line) for line in rest] for name, *rest in rules}


def unescaped(line: str) -> str:
    """The line with its line ends and tabs."""
    return line.replace("\\n", "\n").replace("\\t", "\t")
