"""What the root model is told about an input: its type, size and structure, never its content.

The first line stands alone. Names come from the input, so they are escaped and cut.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from rlm.context.base import Skipped
from rlm.context.files import Text
from rlm.context.names import shown

if TYPE_CHECKING:
    from rlm.context.folder import Gathered

_NOT_LOADED = "\nListed but not loaded, "
_EMPTY = re.compile(r"(?<![\d,])0 characters")
_LINES = 20  # lines of one list
_KEYS = 12  # keys named in one line
_SAMPLE = 200  # items that a list's shape is told from


def describe_text(text: Text, name: str = "") -> str:
    """One line for a text, with the file's name where it came from a file."""
    line = f"str, {_count(text.characters, 'character')}, {_count(text.lines, 'line')}"
    return f"{line} (the file {shown(name)!r})" if name else line


def describe_corpus(gathered: Gathered, folder: str | None) -> str:
    """Several files, or a folder of that name: kinds, top-level folders, and what was not loaded."""
    names = [part.name for part in gathered.parts]
    sizes = [text.characters for text in gathered.texts]
    kinds = Counter(os.path.splitext(name)[1] or "without ending" for name in names)
    first = f"{_count(len(names), 'file')}, {_count(sum(sizes), 'character')}"
    if folder is not None:
        first = f'folder "{shown(folder)}": {first}'
    if names:
        first += f" ({_listed((f'{count:,} {shown(kind)}' for kind, count in kinds.most_common()), 5, len(kinds))})"
    lines = [first, "It is a Corpus: context[name] is a file's text, context.names are the names."]
    lines += _tree(names, sizes)
    lines += _not_loaded(gathered.skipped)
    if gathered.ignored:
        lines.append(f"Left out as git ignores them: {gathered.ignored:,} files and folders.")
    return "\n".join(lines)


def describe_json(value: object, characters: int) -> str:
    """A JSON value: its shape, two levels deep."""
    lines = [f"{_shape(value)}, {characters:,} characters of JSON"]
    if isinstance(value, Mapping):
        lines += _capped((f"  {_key(key)}: {_shape(item)}" for key, item in value.items()), len(value))
    elif isinstance(value, (list, tuple)) and value:
        sample = value[:_SAMPLE]
        for kind, keep in (("dict", dict), ("list", (list, tuple))):
            items = [item for item in sample if isinstance(item, keep)]
            if items and kind == "dict":
                keys = dict.fromkeys(key for item in items for key in item)
                lines += _capped(
                    (f"  [i][{_key(key)}]: {_common(item[key] for item in items if key in item)}" for key in keys),
                    len(keys),
                )
            elif items:
                lines.append(f"  [i][j]: {_common(part for item in items for part in item[:_SAMPLE])}")
    return "\n".join(lines)


def not_loaded(description: str) -> tuple[str, str]:
    """What a description says was not loaded: how many files, and which and why, in one line; both empty if none."""
    _, mark, rest = description.partition(_NOT_LOADED)
    if not mark:
        return "", ""
    number, *lines = rest.splitlines()
    return number.rstrip(":"), "; ".join(line.strip() for line in takewhile(lambda line: line.startswith("  "), lines))


def is_empty(description: str) -> bool:
    """Whether a description is of a text, or of files, without a character."""
    return _EMPTY.search(description.partition("\n")[0]) is not None


def _tree(names: Sequence[str], sizes: Sequence[int]) -> list[str]:
    files: Counter[str] = Counter()
    characters: Counter[str] = Counter()
    for name, size in zip(names, sizes, strict=True):
        top, slash, _ = name.partition("/")
        key = top + slash
        files[key] += 1
        characters[key] += size
    lines = [
        f"  {shown(top)}: "
        + (_count(files[top], "file") + ", " if top.endswith("/") else "")
        + _count(size, "character")
        for top, size in characters.most_common(_LINES)
    ]
    return _capped(lines, len(characters), "context.names has all")


def _not_loaded(skipped: Sequence[Skipped]) -> list[str]:
    if not skipped:
        return []
    reasons: dict[str, list[Skipped]] = {}
    for one in skipped:
        reasons.setdefault(one.why.partition(":")[0], []).append(one)
    lines = []
    for why, group in sorted(reasons.items(), key=lambda item: -len(item[1])):
        some = _listed(map(_skipped, group), 5, len(group))
        lines.append(f"  {why}: {some}")
    return [f"{_NOT_LOADED.strip()} {len(skipped):,}:", *_capped(lines, len(lines))]


def _skipped(one: Skipped) -> str:
    detail = one.why.partition(": ")[2]  # of one that can't be decoded: which byte
    return f"{shown(one.name)} ({one.size:,} bytes{f', {detail}' if detail else ''})"


def _shape(value: object) -> str:
    if isinstance(value, Mapping):
        return f"dict with {_count(len(value), 'key')}" + (
            f" {_listed(map(_key, value), _KEYS, len(value))}" if value else ""
        )
    if isinstance(value, (list, tuple)):
        return f"list of {_count(len(value), 'item')}" + (f" ({_common(value[:_SAMPLE])})" if value else "")
    if isinstance(value, str):
        return f"str of {_count(len(value), 'character')}"
    return _type(value)


def _common(values: Iterable[object]) -> str:
    """What several values have in common: their types, and the keys that dicts have."""
    items = list(values)
    kinds = Counter(_type(item) for item in items)
    keys = dict.fromkeys(key for item in items if isinstance(item, Mapping) for key in item)
    told = []
    for kind, _ in kinds.most_common():
        told.append(f"dict with keys {_listed(map(_key, keys), _KEYS, len(keys))}" if kind == "dict" and keys else kind)
    return " or ".join(told)


def _type(value: object) -> str:
    if value is None:
        return "null"
    for name, kinds in (("str", str), ("dict", Mapping), ("list", (list, tuple)), ("bool", bool), ("int", int)):
        if isinstance(value, kinds):
            return name
    return type(value).__name__


def _key(key: object) -> str:
    return f"'{shown(str(key))}'"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _listed(items: Iterable[str], most: int, total: int) -> str:
    more = f", and {total - most:,} more" if total > most else ""
    return ", ".join(islice(items, most)) + more


def _capped(lines: Iterable[str], total: int, rest: str = "") -> list[str]:
    shown_lines = list(islice(lines, _LINES))
    if total <= _LINES:
        return shown_lines
    return [*shown_lines, f"  and {total - _LINES:,} more" + (f" ({rest})" if rest else "")]
