"""A profile as it lies on disk: `profile.toml`, read and checked. docs/profiles.md has what its fields mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from string import Template
from typing import Any

from rlm.errors import ConfigError

FILE = "profile.toml"
# The texts that a profile can change, and what may be filled in in each.
TEXTS: Mapping[str, frozenset[str]] = {
    "first.md": frozenset({"question", "description", "headline"}),
    "system.md": frozenset({"functions", "output_chars", "cell_seconds", "turns", "delegation", "fence"}),
    "delegation.md": frozenset({"call_chars"}),
    "alone.md": frozenset(),
    "output.md": frozenset({"output"}),
    "nudge.md": frozenset({"fence"}),
    "wrap_up.md": frozenset({"reason"}),
    "given.md": frozenset({"given"}),
    "again.md": frozenset({"earlier", "forgotten", "contexts", "made"}),
}
# What budgets and the wire rest on: a profile can't set it.
_OURS = frozenset(
    {"model", "messages", "input", "system", "contents", "stream", "stream_options", "n", "store", "tools"}
)
_MARKER = re.compile(r"\w{0,20}", re.ASCII)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 100


def _is_line(value: object) -> bool:
    return isinstance(value, str) and "\n" not in value


def _is_fence(value: object) -> bool:
    return isinstance(value, str) and bool(value) and _MARKER.fullmatch(value) is not None


def _are_fences(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and _MARKER.fullmatch(one) for one in value)


def _are_stops(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 4 and all(isinstance(one, str) and one.strip() for one in value)


def _are_patterns(value: object) -> bool:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        return False
    try:
        return all(re.compile(one, re.IGNORECASE) for one in value)  # as they are searched with
    except re.error:
        return False


def _is_request(value: object) -> bool:
    return isinstance(value, dict) and not any(one in _OURS or one.startswith("max_") for one in value)


_FIELDS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "match": (_are_patterns, "a list of regular expressions"),
    "base": (_is_line, "the name of a profile that comes with rlm"),
    "system": (_is_flag, "true or false"),
    "system_role": (_is_flag, "true or false"),
    "direct": (_is_flag, "true or false"),
    "bare_final": (_is_flag, "true or false"),
    "fence": (_is_fence, "a fence's language, such as 'python'"),
    "fences": (_are_fences, "a list of fences' languages, '' for none"),
    "output_chars": (_is_size, "a number of characters, at least 100"),
    "call_chars": (_is_size, "a number of characters, at least 100"),
    "switch": (_is_line, "one line of text, such as '/no_think'"),
    "stop": (_are_stops, "a list of at most 4 strings, none of them blank"),
    "request": (_is_request, "a table of fields of the request; not the model, messages, stream or a limit of output"),
}


def read(folder: Path) -> dict[str, Any]:
    """The fields of the profile in `folder`, checked, and its texts too.

    Raises:
        ConfigError: There is none, or something in it is wrong; names the file, the field, and what it must be.
    """
    import tomllib  # not before a profile is looked for: importing rlm stays fast

    path = folder / FILE
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    for name, value in fields.items():
        if name not in _FIELDS:
            near = get_close_matches(name, _FIELDS, 1)
            raise ConfigError(
                f"{path}: a profile has no {name!r}"
                + (f": is {near[0]!r} meant?" if near else f": {', '.join(_FIELDS)}")
            )
        fits, kind = _FIELDS[name]
        if not fits(value):
            raise ConfigError(f"{path}: {name} is {kind}, not {value!r}")
    _check_texts(folder)
    return fields


def _check_texts(folder: Path) -> None:
    for path in sorted(folder.glob("*.md")):
        if (allowed := TEXTS.get(path.name)) is None:
            if folder.name == "default" and path.name == "functions.md":
                continue
            raise ConfigError(f"{path}: a profile has no such text: {', '.join(TEXTS)}")
        text = Template(path.read_text(encoding="utf-8"))
        if not text.is_valid() or (odd := set(text.get_identifiers()) - allowed):
            names = ", ".join(f"${name}" for name in sorted(allowed)) or "nothing"
            raise ConfigError(
                f"{path}: {names} can be filled in there, and a dollar sign is $$"
                + (f"; it has ${sorted(odd)[0]}" if text.is_valid() else "")
            )
