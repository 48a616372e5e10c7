"""What goes to a place that shares no memory with us, and what comes back: the worker, the input, files, `output`."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from rlm.context import Context
from rlm.context.blob import Blob
from rlm.errors import ConfigError, SandboxError
from rlm.sandbox.options import Sandbox
from rlm.sandbox.worker import SHIPPED
from rlm.types import JSON

_PACKED_FROM = 1 << 16  # bytes: below, gzip saves nothing worth its time
_SLICE = 1 << 20
KEEP = ".keep"  # an empty file that makes a folder where only files can be made
_MAX_FILES = 10_000  # in `files` and in `output`


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
    wait: bool = False,
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
        "wait": wait,
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
    return names


def unpack_output(archive: bytes, folder: Path, max_bytes: int) -> None:
    """Puts a tar of `output` into a folder of ours. Its bytes are hostile: links and devices are left out.

    Args:
        archive: A tar, plain or compressed by gzip; its names may begin with one folder `output`, or not.
        folder: Made if it is not there; files in it of the same name are replaced.
        max_bytes: The most that all files together may hold.

    Raises:
        SandboxError: It is no tar, a name leads out of the folder, or it holds too much.
    """
    folder.mkdir(parents=True, exist_ok=True)
    left, count = max_bytes, 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|*") as tar:
            for member in tar:
                count += 1
                left -= member.size if member.isreg() else 0
                if left < 0 or count > _MAX_FILES:
                    raise SandboxError(f"output holds more than {max_bytes >> 20:,} MiB or {_MAX_FILES:,} files")
                parts = _safe_parts(member.name)
                if member.isreg() and parts not in ((), (KEEP,)) and (source := tar.extractfile(member)) is not None:
                    with _created(folder, parts) as file:
                        shutil.copyfileobj(source, file, _SLICE)
    except (tarfile.TarError, EOFError, OSError, UnicodeError) as error:
        raise SandboxError(f"output can't be brought back: {error}") from error


def _safe_parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise SandboxError(f"output has a file whose name leads out of the folder: {name[:200]!r}")
    return path.parts[1:] if path.parts[:1] == ("output",) else path.parts


@contextlib.contextmanager
def _created(folder: Path, parts: tuple[str, ...]) -> Iterator[io.BufferedWriter]:
    """A new file below the folder, reached without following a link that lies there."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=at)
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        with contextlib.suppress(FileNotFoundError):
            os.unlink(parts[-1], dir_fd=at)
        fd = os.open(parts[-1], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=at)
        with os.fdopen(fd, "wb") as file:
            yield file
    finally:
        os.close(at)
