"""Windows that a provider's error told: read out of its words, and remembered across runs.

A window that was learnt is believed for `_DAYS`: providers widen them, and a prompt that is refused before it is sent
teaches nothing new.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard
from urllib.parse import urlsplit

from rlm.trace.store import home
from rlm.types import JSON

_DAYS = 30
_LEAST, _MOST = 256, 10**9  # tokens; no window is outside
_FILE_BYTES = 1 << 20

_SAID = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"maximum context length(?: is| of|:) ([\d,]+)",  # OpenAI, Azure, vLLM, SGLang, DeepSeek, OpenRouter, Fireworks
        r"with ([\d,]+) maximum context length",  # Mistral
        r"tokens > ([\d,]+) maximum",  # Anthropic: the prompt
        r"exceed context limit: [\d,]+ \+ [\d,]+ > ([\d,]+)",  # Anthropic: prompt and answer
        r"maximum number of tokens allowed \(?([\d,]+)",  # Gemini
        r"model only supports up to ([\d,]+)",  # Vertex
        r"maximum model length of ([\d,]+)",  # vLLM
        r"context length \(?(?:of only )?([\d,]+)",  # vLLM, SGLang, LM Studio
        r"available context size \(([\d,]+) tokens\)",  # llama.cpp
        r"maximum prompt length is ([\d,]+)",  # xAI
        r"`max_new_tokens` must be <= ([\d,]+)",  # Together
    )
]
_MARKS = re.compile(
    r"context_length_exceeded|exceed_context_size|exceeds? the (?:available )?context|exceeds the context window"
    r"|exceeded max context length|(?:input|prompt) is too long|reduce the length of (?:the|your) (?:messages|prompt)"
    r"|request[ _]too[ _]large|string_above_max_length",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TooLong:
    """What an error told: the prompt does not fit, and the window, or None where the words don't name it."""

    window: int | None


def told(message: str, error: JSON = None) -> TooLong | None:
    """Whether an error says that the prompt, or prompt and answer, are longer than the window; None if it does not.

    Args:
        message: The provider's words.
        error: The error's object, where there is one.
    """
    if isinstance(error, dict):
        if _is_window(n_ctx := error.get("n_ctx")):  # llama.cpp
            return TooLong(n_ctx)
        message = f"{message} {error.get('code')} {error.get('type')}"
    for pattern in _SAID:
        if found := pattern.search(message):
            tokens = int(found[1].replace(",", "") or 0)
            return TooLong(tokens if _is_window(tokens) else None)
    return TooLong(None) if _MARKS.search(message) else None


def known_as(name: str, url: str, own: str) -> str:
    """What a window is remembered under: a model of the same name at another endpoint may have another.

    Args:
        name: As `LM.name` is.
        url: The endpoint's.
        own: The provider's.
    """
    there = urlsplit(url).netloc
    return name if there == urlsplit(own).netloc else f"{name} at {there}"


def learn(name: str, tokens: int, *, keep: bool = True) -> None:
    """Remembers the window of the model `name`.

    Args:
        name: As `known_as` has it.
        tokens: Prompt and answer together.
        keep: On disk too, in the home folder for runs; a disk that refuses is passed over. A server on this machine
            may have another window tomorrow.
    """
    known = _known(os.environ.get("RLM_HOME"))
    if not _is_window(tokens) or learnt(name) == tokens:
        return
    known[name] = tokens, int(time.time())
    if keep:
        _write(home() / "windows.json", name, known[name])


def learnt(name: str) -> int | None:
    """The window of the model `name` as it was learnt, in tokens of prompt and answer together; None if it was not."""
    entry = _known(os.environ.get("RLM_HOME")).get(name)
    return entry[0] if entry is not None and time.time() - entry[1] < _DAYS * 86400 else None


def _write(path: Path, name: str, entry: tuple[int, int]) -> None:
    scratch = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch.unlink(missing_ok=True)
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            json.dump({**_read(path), name: entry}, file)
        os.replace(scratch, path)
    except OSError:
        return


@lru_cache(maxsize=8)
def _known(_home: str | None) -> dict[str, tuple[int, int]]:
    """Name -> window and when it was learnt, in seconds since 1970; read once for each home folder."""
    return _read(home() / "windows.json")


def _read(path: Path) -> dict[str, tuple[int, int]]:
    """What is on disk, as far as it makes sense: a file that is broken is one that is not there."""
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_FILE_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    found = {}
    for name, entry in value.items() if isinstance(value, dict) else ():
        match entry:
            case [int(tokens), int(at)] if _is_window(tokens):
                found[name] = tokens, at
    return found


def _is_window(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and _LEAST <= value <= _MOST
