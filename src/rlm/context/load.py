"""`load`: what the user gave -> a `Context`. Strings are texts, never paths; a `Path` is read."""

from __future__ import annotations

from pathlib import Path

from rlm.context.base import Context
from rlm.context.blob import SLICE, BlobWriter
from rlm.context.values import load_json
from rlm.errors import ContextError


def load(value: object) -> Context:
    """Load an input: a `str`, a JSON value, a `Path` to a file or folder, or a list of such paths.

    Raises:
        ContextError: It can't be read, or JSON can't carry it; the message says which part and why.
    """
    if isinstance(value, str):
        return _load_text(value)
    if isinstance(value, Path):
        try:
            return _load_text(value.read_bytes().decode("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ContextError(f"{value}: {error}") from error
    return load_json(value)


def _load_text(text: str) -> Context:
    lines = 0
    with BlobWriter() as writer:
        for start in range(0, len(text), SLICE):
            piece = text[start : start + SLICE]
            lines += piece.count("\n")
            writer.write(piece.encode("utf-8", "surrogatepass"))
        lines += bool(text) and not text.endswith("\n")
        description = f"str, {len(text):,} characters, {lines:,} lines"
        return Context("str", writer.seal(), (), (), description, len(text))
