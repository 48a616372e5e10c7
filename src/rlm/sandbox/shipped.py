"""What goes to a place that shares no memory with us: the worker, the input, files."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from rlm.context import Context
from rlm.context.blob import Blob
from rlm.errors import ConfigError
from rlm.sandbox.options import Sandbox
from rlm.sandbox.worker import SHIPPED
from rlm.types import JSON

_PACKED_FROM = 1 << 16  # bytes: below, gzip saves nothing worth its time
_SLICE = 1 << 20
_MAX_FILES = 10_000


def worker_sources() -> dict[str, bytes]:
    """The worker's files, as they lie in one folder: name -> source."""
    here = Path(__file__).parent
    return {f"{name}.py": (here / f"{name}.py").read_bytes() for name in SHIPPED}


def worker_zip() -> bytes:
    """The worker's files in one zip that Python runs: `python worker.zip INPUT OPTIONS [PIECE]`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in worker_sources().items():
            archive.writestr("__main__.py" if name == "start.py" else name, source)
    return packed.getvalue()


@contextlib.contextmanager
def packed_input(blob: Blob) -> Iterator[tuple[str, bytes | Path]]:
    """The input as it travels: a name for it, and its bytes or a temporary file of them.

    Takes a second for 100 MB of text: call it in a thread.
    """
    if blob.size < _PACKED_FROM:
        yield "input", blob.read()
        return
    with tempfile.NamedTemporaryFile(prefix="rlm-input-", suffix=".gz") as file:
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packer:
            for start in range(0, blob.size, _SLICE):
                packer.write(blob.read(start, _SLICE))
        file.flush()
        yield "input.gz", Path(file.name)


def start_options(
    context: Context,
    *,
    memory_bytes: int | None,
    confine: bool = False,
    read: tuple[str, ...] = (),
    write: tuple[str, ...] = (),
    file_bytes: int = 0,
    packages: str | None = None,
    cpus: int | None = None,
) -> bytes:
    """The options file of `start.py`, which says what each means."""
    options: dict[str, JSON] = {
        "kind": context.kind,
        "parts": [list(part) for part in context.parts],
        "memory_bytes": memory_bytes,
        "confine": "try" if confine else None,
        "read": list(read),
        "write": list(write),
        "file_bytes": file_bytes,
        "packages": packages,
        "cpus": cpus,
    }
    return json.dumps(options).encode()


def listed_files(files: Mapping[str, Path]) -> dict[str, Path]:
    """Every file of `Sandbox.files` by its relative path there; folders are walked, links in them left out.

    Raises:
        ConfigError: There are more than ten thousand.
    """
    found: dict[str, Path] = {}
    for name, path in files.items():
        if path.is_file():
            found[name] = path
        for folder, _, names in os.walk(path):
            for each in names:
                one = Path(folder, each)
                if stat.S_ISREG(one.lstat().st_mode):
                    found[str(PurePosixPath(name, *one.relative_to(path).parts))] = one
            if len(found) > _MAX_FILES:
                raise ConfigError(f"files[{name!r}] has more than {_MAX_FILES:,} files: give an archive of them")
    return found


def names_inside(sandbox: Sandbox, folder: str) -> dict[str, JSON]:
    """`Environment.names` where files lie in `files` and output in `output` below `folder`, as seen inside."""
    names: dict[str, JSON] = {}
    if sandbox.files:
        names["files"] = {name: f"{folder}/files/{name}" for name in sandbox.files}
    if sandbox.output is not None:
        names["output_folder"] = f"{folder}/output"
    if sandbox.packages:
        names["packages"] = list(sandbox.packages)
    return names
