"""The demo's input: a folder of ten million tokens of real text, with a few planted facts, and questions about them."""

from __future__ import annotations

import os
import random
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

CHARACTERS = 40_000_000  # ten million tokens at four characters each
_SUFFIXES = {".py", ".pyi", ".txt", ".rst", ".md"}
_LARGEST = 1_000_000  # bytes of one file; what is larger is mostly generated tables
_CLASS = re.compile(r"^class ([A-Z]\w{7,})\b", re.MULTILINE)
_SYLLABLES = (
    "ba",
    "ce",
    "do",
    "fi",
    "gu",
    "ka",
    "le",
    "mi",
    "no",
    "pu",
    "bral",
    "cor",
    "dell",
    "fenn",
    "gar",
    "hol",
    "quin",
    "vel",
)


@dataclass(frozen=True, slots=True)
class Question:
    """One question and its true answer: one value, a count, or the places as `file:line`."""

    kind: Literal["finding", "counting", "where"]
    text: str
    truth: str | int | frozenset[str]


@dataclass(slots=True)
class DemoInput:
    """What was built.

    Attributes:
        files: Name and text of each file, as they are in the folder.
        repeated: Characters of files that are in it a second time, because the installation is too small.
        questions: Five, of three kinds.
    """

    files: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    questions: list[Question] = field(default_factory=list)

    @property
    def characters(self) -> int:
        """The size of all files together."""
        return sum(map(len, self.files.values()))


def build(folder: Path, seed: int, characters: int = CHARACTERS) -> DemoInput:
    """Fills `folder` with at least `characters` of this Python's own text, and plants facts chosen by `seed`."""
    made = DemoInput()
    _collect(made, characters)
    _plant(made, random.Random(seed))
    for name, text in made.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return made


def _collect(made: DemoInput, characters: int) -> None:
    total = 0
    for name, text in _texts():
        made.files[name] = text
        total += len(text)
        if total >= characters:
            return
    originals, round_ = list(made.files.items()), 1
    while originals:
        round_ += 1
        for name, text in originals:
            made.files[f"copy-{round_}/{name}"] = text
            total += len(text)
            made.repeated += len(text)
            if total >= characters:
                return


def _texts() -> Iterator[tuple[str, str]]:
    """Name and text of the installation's files: the standard library, then the installed packages."""
    for key, prefix in (("stdlib", "python"), ("purelib", "site")):
        root = sysconfig.get_path(key)
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name not in ("site-packages", "__pycache__"))
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix in _SUFFIXES and (text := _text(path)):
                    yield f"{prefix}/{path.relative_to(root)}", text


def _text(path: Path) -> str:
    """A file's text; nothing if it is too large, not UTF-8, or can't be read."""
    try:
        return path.read_bytes().decode("utf-8") if path.stat().st_size <= _LARGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _plant(made: DemoInput, rng: random.Random) -> None:
    modules = sorted(name for name, text in made.files.items() if name.endswith(".py") and text.count("\n") > 50)
    port, ship, herb, guild = (_made_up_name(rng) for _ in range(4))
    code, captain = str(rng.randrange(10_000, 99_999)), f"{_made_up_name(rng)} {_made_up_name(rng)}"
    times = rng.randrange(11, 30)

    _insert(made, rng, modules, f"# The vault code of {port} is {code}.")
    _insert(made, rng, modules, f"# {captain} is the captain of the {ship}.")
    for _ in range(times):
        _insert(made, rng, modules, f"# {herb} grows here.")
    guild_files = rng.sample(modules, 3)
    for name in guild_files:
        _insert(made, rng, [name], f"# Reviewed by the {guild} guild.")

    class_name = _single_class(made, rng)
    made.questions = [
        Question("finding", f"What is the vault code of {port}?", code),
        Question("finding", f"Who is the captain of the {ship}?", captain),
        Question("counting", f"How many times is {herb} mentioned?", times),
        Question("where", f"Where is {guild} mentioned?", _places(made, re.compile(rf"\b{guild}\b"))),
        Question(
            "where",
            f"Where is the class {class_name} defined?",
            _places(made, re.compile(rf"^class {class_name}\b", re.MULTILINE)),
        ),
    ]


def _insert(made: DemoInput, rng: random.Random, names: list[str], line: str) -> None:
    """Puts `line` between two lines of one of the files."""
    name = rng.choice(names)
    lines = made.files[name].split("\n")
    lines.insert(rng.randrange(1, len(lines)), line)
    made.files[name] = "\n".join(lines)


def _single_class(made: DemoInput, rng: random.Random) -> str:
    """A class of the installation that is defined as seldom as any."""
    counts = Counter(name for text in made.files.values() for name in _CLASS.findall(text))
    least = min(counts.values())
    return str(rng.choice(sorted(name for name, count in counts.items() if count == least)))


def _places(made: DemoInput, pattern: re.Pattern[str]) -> frozenset[str]:
    return frozenset(
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
        for name, text in made.files.items()
        for match in pattern.finditer(text)
    )


def _made_up_name(rng: random.Random) -> str:
    return "".join(rng.sample(_SYLLABLES, 3)).capitalize()
