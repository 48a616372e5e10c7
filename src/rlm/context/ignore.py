"""Which files of a folder git would ignore: its `.gitignore` files, nested ones, and those above in its repository.

The patterns come out of a folder that may be hostile, and are matched in our own process. The well-known library
(pathspec) turns them into plain regular expressions, on which five stars and a name of 250 letters take 17 s; here a
star never gives back what it has passed, so that a match takes a time proportional to the name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FILE = ".gitignore"
MOST_BYTES = 1 << 18  # of one file that are read
_MOST_PATTERNS = 2_000  # of one file that are heeded

_NOTHING = re.compile("(?!)")
_ANY = None  # stands for `**`: any number of folders


class Pattern(NamedTuple):
    """One line: what it matches, part by part of a path (`_ANY` for any number), and what that means."""

    parts: tuple[re.Pattern[str] | None, ...]
    anchored: bool  # else it is matched against the last part alone
    folders_only: bool
    negated: bool


class Rules(NamedTuple):
    """One `.gitignore`: the folder it stands in, as a prefix of names, and its patterns.

    For a file above the given folder, `above` is the way from there to the given folder.
    """

    prefix: str
    above: tuple[str, ...]
    patterns: tuple[Pattern, ...]


def parse(data: bytes, prefix: str, above: tuple[str, ...] = ()) -> Rules:
    """Read the patterns of one file; a line that is no valid pattern is passed over, as git does."""
    lines = data[:MOST_BYTES].decode("utf-8", "surrogateescape").split("\n")
    patterns = [pattern for pattern in map(_pattern, lines) if pattern is not None]
    return Rules(prefix, above, tuple(patterns[:_MOST_PATTERNS]))


def ignored(rules: Sequence[Rules], name: str, is_folder: bool) -> bool:
    """Whether a file is ignored; the innermost file that says anything about it decides."""
    for rule in reversed(rules):
        said = _said(rule, [*rule.above, *name[len(rule.prefix) :].split("/")], is_folder)
        if said is not None:
            return said
    return False


def rules_above(folder: Path) -> tuple[Rules, ...]:
    """The rules of the repository that a folder lies in, from its root down to the folder's parent.

    None where it lies in no repository, or is itself ignored there: whoever names it wants to see it.
    """
    folder = folder.absolute()
    if os.path.exists(folder / ".git"):
        return ()
    found: list[Rules] = []
    for parent in folder.parents:
        above = folder.relative_to(parent).parts
        try:
            with open(os.open(parent / FILE, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                found.insert(0, parse(file.read(MOST_BYTES), "", above))
        except OSError:
            pass
        if os.path.exists(parent / ".git"):
            return () if any(_leaves_out(found, up) for up in range(len(above))) else tuple(found)
    return ()


def _leaves_out(rules: Sequence[Rules], up: int) -> bool:
    """Whether rules from above ignore the given folder, or the one so many levels up from it."""
    for rule in reversed(rules):
        path = rule.above[: len(rule.above) - up]
        said = _said(rule, path, is_folder=True) if path else None
        if said is not None:
            return said
    return False


def _said(rule: Rules, path: Sequence[str], is_folder: bool) -> bool | None:
    """What the last pattern that matches says: True to ignore, False not to; None if none does."""
    for pattern in reversed(rule.patterns):
        if (is_folder or not pattern.folders_only) and _matches(pattern, path):
            return not pattern.negated
    return None


def _matches(pattern: Pattern, path: Sequence[str]) -> bool:
    parts = pattern.parts
    if not pattern.anchored:
        return parts[0] is not None and parts[0].fullmatch(path[-1]) is not None
    part = at = passed = 0
    retry = -1  # the last `**`: only it is ever made longer
    while at < len(path):
        wanted = parts[part] if part < len(parts) else _NOTHING
        if wanted is _ANY:
            retry, passed = part, at
            part += 1
            if part == len(parts):
                return True
        elif wanted.fullmatch(path[at]):
            part += 1
            at += 1
        elif retry >= 0:
            passed += 1
            part, at = retry + 1, passed
        else:
            return False
    return part == len(parts)


def _pattern(line: str) -> Pattern | None:
    line = line.removesuffix("\r")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    line = line.removeprefix("!")
    folders_only = line.endswith("/")
    line = line.removesuffix("/")
    anchored = "/" in line
    texts = line.removeprefix("/").split("/")
    try:
        parts = tuple(_ANY if anchored and text == "**" else re.compile(_glob(text), re.DOTALL) for text in texts)
    except (ValueError, re.error):
        return None
    return Pattern(parts, anchored, folders_only, negated) if line.strip("/") else None


def _glob(text: str) -> str:
    """One part of a pattern as a regular expression.

    Raises:
        ValueError: A bracket is not closed, or nothing follows a backslash.
    """
    pieces = [""]  # what stands between the stars
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "*":
            pieces.append("")
        elif char == "?":
            pieces[-1] += "."
        elif char == "[":
            bracket, at = _bracket(text, at)
            pieces[-1] += bracket
        elif char == "\\":
            if at == len(text):
                raise ValueError("nothing follows the backslash")
            pieces[-1] += re.escape(text[at])
            at += 1
        else:
            pieces[-1] += re.escape(char)
    first, *rest = pieces
    if not rest:
        return first
    # The first place where a piece fits is as good as any, so it is kept: (?>...).
    return first + "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece) + ".*" + rest[-1]


def _bracket(text: str, at: int) -> tuple[str, int]:
    """A set of characters as a regular expression, and where it ends; `at` is behind its opening bracket."""
    negated = text[at : at + 1] in ("!", "^")
    at += negated
    pieces: list[str] = []
    while not pieces or text[at : at + 1] != "]":
        at += text[at : at + 1] == "\\"
        if at >= len(text):
            raise ValueError("the bracket is not closed")
        bare = text[at] == "-" and text[at - 1] != "\\"
        pieces.append("-" if bare else re.escape(text[at]))
        at += 1
    return f"[{'^' if negated else ''}{''.join(pieces)}]", at + 1
