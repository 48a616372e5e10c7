"""`load`: what the user gave -> a `Context`. Strings are texts, never paths; a `Path` is read."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from rlm.context.base import Context
from rlm.context.blob import SLICE, BlobWriter
from rlm.context.describe import describe_corpus, describe_text
from rlm.context.files import Text, load_file, open_file
from rlm.context.folder import MAX_FILE_BYTES, MAX_TOTAL_BYTES, Gathered, open_folder
from rlm.context.names import safe_name
from rlm.context.values import load_json


def load(
    value: object,
    *,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_total_bytes: int = MAX_TOTAL_BYTES,
    stop: threading.Event | None = None,
) -> Context:
    """Load an input: a `str`, a JSON value, a `Path` to a file or folder, or a list of such paths.

    Args:
        value: The input. One file becomes a `str`; a folder or several paths become a corpus.
        max_file_bytes: A larger file in a folder is listed, not loaded; files named by the user always are.
        max_total_bytes: Files of a folder beyond this are listed, not loaded.
        stop: Once another thread sets it, loading ends soon.

    Raises:
        ContextError: It can't be read, or JSON can't carry it; the message says which part and why.
        StoppedError: `stop` was set.
    """
    if isinstance(value, str):
        return _load_text(value, stop)
    if isinstance(value, Path):
        value = [value]
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, Path) for item in value):
        if len(value) == 1 and not os.path.isdir(value[0]):
            return _load_one(value[0], stop)
        return _load_paths(list(value), max_file_bytes, max_total_bytes, stop)
    return load_json(value, stop)


def check_paths(paths: list[Path]) -> None:
    """Opens what `load` would, and reads nothing.

    Raises:
        ContextError: A path is not there, or can't be opened, or is neither a file nor a folder.
    """
    for path in paths:
        os.close(open_folder(path) if os.path.isdir(path) else open_file(path))


def _load_text(text: str, stop: threading.Event | None) -> Context:
    lines = 0
    with BlobWriter(stop) as writer:
        for start in range(0, len(text), SLICE):
            piece = text[start : start + SLICE]
            lines += piece.count("\n")
            writer.write(piece.encode("utf-8", "surrogatepass"))
        lines += bool(text) and not text.endswith("\n")
        return Context("str", writer.seal(), (), (), describe_text(Text(len(text), lines)), len(text))


def _load_one(path: Path, stop: threading.Event | None) -> Context:
    with BlobWriter(stop) as writer:
        text = load_file(path, writer)
        description = describe_text(text, safe_name(path.name))
        return Context("str", writer.seal(), (), (), description, text.characters)


def _load_paths(paths: list[Path], max_file_bytes: int, max_total_bytes: int, stop: threading.Event | None) -> Context:
    """Several paths, or one folder; names are relative to the folder, or to the one that all paths share."""
    single = len(paths) == 1
    with BlobWriter(stop) as writer:
        gathered = Gathered(writer, max_file_bytes, max_total_bytes)
        shared = "" if single else _shared_folder(paths)
        for path in dict.fromkeys(paths):
            if os.path.isdir(path):
                gathered.add_folder(path, "" if single else _relative(path, shared, "/"))
            else:
                gathered.add_file(path, _relative(path, shared, ""))
        description = describe_corpus(gathered, safe_name(paths[0].absolute().name) if single else None)
        characters = sum(text.characters for text in gathered.texts)
        parts, skipped = tuple(gathered.parts), tuple(gathered.skipped)
        return Context("corpus", writer.seal(), parts, skipped, description, characters)


def _shared_folder(paths: list[Path]) -> str:
    return os.path.commonpath([path.absolute().parent for path in paths])


def _relative(path: Path, shared: str, end: str) -> str:
    return os.path.relpath(path.absolute(), shared) + end
