"""Questions in wordings, names and values that were written without sight of the training's.

There are several sets of them, `wordings*.py`, by people who did not know of each other's.

The texts are the last fifth of each book and of the standard library's modules, which training does not see either.
Each fact has decoys: the same attribute of other names, and other attributes of the same name.
"""

from __future__ import annotations

import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

NOT_FOUND = "not found"
# kind, question, input, truth
Told = tuple[str, str, "str | Path", "str | int | list[str]"]


def lines_of(books: Path, rng: random.Random, size: int) -> list[str]:
    """Held-out lines, `size` characters of them, in stretches; repeated where there are not enough."""
    pool: list[str] = []
    for book in sorted(books.glob("*.txt")):
        lines = [line.strip() for line in book.read_text("utf-8").splitlines() if line.strip()]
        pool += lines[len(lines) * 4 // 5 :]
    found: list[str] = []
    while size > 0:
        start = rng.randrange(len(pool))
        for line in pool[start : start + 300]:
            if size > 0:
                found.append(line)
                size -= len(line) + 1
    return found


def facts(
    rng: random.Random, lines: list[str], absent: bool, count: int, said: ModuleType
) -> Iterator[tuple[str, str]]:
    """Plants `count` facts with their decoys, or only the decoys, in `lines`; gives questions and values."""
    names = rng.sample(said.NAMES, count)
    asked = [(name, rng.choice(said.ATTRIBUTES)) for name in names]
    for name, attribute in asked:
        value = said.value(rng, attribute)
        decoys = [(other, attribute) for other in rng.sample(names, min(3, len(names)))]
        decoys += [(name, other) for other in rng.sample(said.ATTRIBUTES, 2)]
        told = [(who, what, said.value(rng, what)) for who, what in decoys if (who, what) not in asked]
        told += [] if absent else [(name, attribute, value)]
        for who, what, given in told:
            if given != value or (who, what) == (name, attribute):
                sentence = rng.choice(said.FACTS).format(name=who, attribute=what, value=given)
                lines.insert(rng.randrange(len(lines)), sentence)
        question = rng.choice(said.FIND).format(name=name, attribute=attribute)
        yield question, NOT_FOUND if absent else value


def terms(rng: random.Random, lines: list[str], count: int, said: ModuleType) -> list[str]:
    """Names, planted 0 to 9 times each."""
    names = rng.sample(said.NAMES, min(len(said.NAMES), count))
    for name in names:
        for _ in range(rng.choice((0, 1, 2, 3, 5, 9))):
            place = rng.randrange(len(lines))
            words = lines[place].split(" ")
            words.insert(rng.randrange(len(words) + 1), name)
            lines[place] = " ".join(words)
    return names


def told(kind: str, count: int, size: int, books: Path, seed: str, folder: Path, said: ModuleType) -> Iterator[Told]:
    """`count` questions of a kind, over inputs of `size` characters."""
    rng = random.Random(seed)
    if kind == "define":
        yield from _definitions(rng, count, size, folder, said)
        return
    batch = 8 if size < 1_000_000 else 40
    while count > 0:
        asked = min(batch, count)
        count -= asked
        lines = lines_of(books, rng, size)
        if kind in ("find", "absent"):
            pairs = list(facts(rng, lines, kind == "absent", asked, said))
            yield from ((kind, question, "\n".join(lines), truth) for question, truth in pairs)
            continue
        names = terms(rng, lines, asked, said)
        whole = "\n".join(lines)
        for name in names:
            found = re.finditer(r"(?<!\w)" + re.escape(name) + r"(?!\w)", whole)
            where = [f"line {whole.count(chr(10), 0, match.start()) + 1}" for match in found]
            if kind == "count":
                yield kind, rng.choice(said.COUNT).format(name=name), whole, len(where)
            else:
                question = rng.choice(said.MENTIONS).format(name=name)
                yield kind, question, whole, list(dict.fromkeys(where)) or NOT_FOUND


def _definitions(rng: random.Random, count: int, size: int, folder: Path, said: ModuleType) -> Iterator[Told]:
    """Invented classes and functions, planted in real modules; every tenth is not there."""
    place = folder / f"blind-{size}"
    place.mkdir(exist_ok=True)
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    sources = [path for path in sorted(stdlib.rglob("*.py")) if "site-packages" not in path.parts][::5]
    texts: list[list[str]] = []
    for number in range(100_000):
        if size <= 0:
            break
        text = sources[number % len(sources)].read_text("utf-8", errors="replace")
        size -= len(text)
        texts.append(text.split("\n"))
    names = [(name, "class") for name in said.CODE_NAMES_CLASS]
    names += [(name, "def") for name in said.CODE_NAMES_FUNCTION]
    chosen = rng.sample(names, min(count, len(names)))
    absent = {name for name, _ in chosen[::10]}
    for name, keyword in chosen:
        for _ in range(0 if name in absent else rng.choice((1, 1, 2))):
            lines = rng.choice(texts)
            indent = rng.choice(("", "    "))
            lines.insert(rng.randrange(len(lines)), f"{indent}{keyword} {name}{rng.choice(('(x):', '():', '(a, b):'))}")
            lines.insert(rng.randrange(len(lines)), f"    y = {name}(z)")
    for number, lines in enumerate(texts):
        (place / f"module_{number:05d}.py").write_text("\n".join(lines), encoding="utf-8")
    for name, keyword in chosen:
        where = [
            f"module_{number:05d}.py:{line}"
            for number, lines in enumerate(texts)
            for line, source in enumerate(lines, 1)
            if re.match(rf"\s*{keyword} {name}\b", source)
        ]
        asks = said.DEFINITIONS_CLASS if keyword == "class" else said.DEFINITIONS_FUNCTION
        yield "define", rng.choice(asks).format(name=name), place, where or NOT_FOUND
