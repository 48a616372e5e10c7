"""SHA-256 of what cells may read beside the input, so that a run which is made again notices where it has changed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from pathlib import Path

from rlm.context.blob import StoppedError
from rlm.errors import ContextError

_CHUNK = 1 << 20


def path_digest(path: Path, stop: threading.Event | None = None) -> str:
    """The digest of a file's bytes, or of a folder: of `[[NAME, DIGEST], ...]` as JSON, sorted; hexadecimal.

    A link in a folder is where it points to; a folder in it, and what is no file, is its name alone. 1 GB takes 0.6 s.

    Args:
        path: The file or folder.
        stop: Once another thread sets it, this ends soon.

    Raises:
        ContextError: It can't be read.
        StoppedError: `stop` was set.
    """
    try:
        if not os.path.isdir(path):
            return _of_file(path, stop)
        found = []
        for folder, folders, files in os.walk(path, onerror=_raise):
            for name in (*folders, *files):
                one = Path(folder, name)
                found.append([str(one.relative_to(path)), _of_entry(one, stop)])
    except OSError as error:
        raise ContextError(f"a file that cells may read can't be read: {error.filename}: {error.strerror}") from error
    return hashlib.sha256(json.dumps(sorted(found)).encode()).hexdigest()


def _of_entry(path: Path, stop: threading.Event | None) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"link to {os.readlink(path)}"
    return _of_file(path, stop) if stat.S_ISREG(mode) else ""


def _of_file(path: Path, stop: threading.Event | None) -> str:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(_CHUNK):
            if stop is not None and stop.is_set():
                raise StoppedError
            digest.update(piece)
    return digest.hexdigest()


def _raise(error: OSError) -> None:
    raise error
