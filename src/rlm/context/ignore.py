"""Which files of a folder git would ignore: its `.gitignore` files, nested ones, and those above in its repository."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec  # 10 ms to import, and only folders need it

FILE = ".gitignore"
_MOST = 1 << 20  # bytes of one that are read


class Rules(NamedTuple):
    """One `.gitignore`: the folder it stands in, as a prefix of names, and its patterns.

    For a file above the given folder, `above` is the way from there to the given folder.
    """

    prefix: str
    above: str
    spec: GitIgnoreSpec


def parse(data: bytes, prefix: str, above: str = "") -> Rules:
    """Read the patterns of one file; a line that is no valid pattern is passed over, as git does."""
    from pathspec import GitIgnoreSpec

    lines = []
    for line in data[:_MOST].decode("utf-8", "replace").splitlines():
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        lines.append(line)
    return Rules(prefix, above, GitIgnoreSpec.from_lines(lines))


def ignored(rules: Sequence[Rules], name: str, is_folder: bool) -> bool:
    """Whether a file is ignored; the innermost file that says anything about it decides."""
    slash = "/" if is_folder else ""
    for rule in reversed(rules):
        said = rule.spec.check_file(rule.above + name[len(rule.prefix) :] + slash).include
        if said is not None:
            return said
    return False


def rules_above(folder: Path) -> tuple[Rules, ...]:
    """The rules of the repository that a folder lies in, from its root down to the folder's parent.

    None where it lies in no repository, or is itself ignored there: whoever names it wants to see it.
    """
    folder = folder.absolute()
    if (folder / ".git").exists():
        return ()
    found: list[Rules] = []
    for parent in folder.parents:
        above = folder.relative_to(parent).as_posix() + "/"
        try:
            with open(os.open(parent / FILE, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                found.insert(0, parse(file.read(_MOST), "", above))
        except OSError:
            pass
        if (parent / ".git").exists():
            return () if any(ignored([rule], "", is_folder=False) for rule in found) else tuple(found)
    return ()
