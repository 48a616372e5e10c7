"""The read-only folder `/rlm` that all containers of a run have: worker, input, options, files. Mounted or uploaded.

Where the engine is on this machine, it is a folder in memory here that is mounted; elsewhere a volume of the engine's
that is filled once. Either way a run's input is there once, however many workers it has.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import errno
import functools
import os
import py_compile
import shutil
import stat
import tarfile
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from rlm.context import Context
from rlm.context.blob import Blob
from rlm.errors import ConfigError, SandboxError
from rlm.sandbox import reaper, shipped
from rlm.sandbox.containers.engine import Engine, told

INSIDE = "/rlm"
_MEMORY = Path("/dev/shm")
_SLICE = 1 << 24
_NO_ROOM = "the input can't be put where containers find it"


class Share(Protocol):
    """What a run's containers mount. Made with the worker and the user's files; the input comes later, once."""

    mounts: list[dict[str, Any]]

    def fill(self, context: Context, options: bytes) -> None:
        """Puts the input and its options there, or begins to. Blocks.

        Raises:
            SandboxError: There is no room for it.
        """

    async def filled(self) -> None:
        """Waits until the input is there.

        Raises:
            SandboxError: There is no room for it.
        """

    def close(self) -> None:
        """Removes it. Blocks; more than once is fine."""


class MountedShare:
    """A folder in memory on this machine. Blocks while it is made.

    The input is copied into it by a thread while containers are started: half a second for 500 MB, as long as a start.

    Raises:
        ConfigError: A file of the user's can't be read by others, so not by a container either.
        SandboxError: There is no room.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        for name, path in files.items():
            needed = 0o005 if path.is_dir() else 0o004
            if path.stat().st_mode & needed != needed:
                raise ConfigError(f"files[{name!r}] can't be read by a container: chmod o+rX {path}")
        self._path = folder() / uuid.uuid4().hex
        self._stopped = threading.Event()
        self._filling: concurrent.futures.Future[None] | None = None
        try:
            self._path.mkdir(mode=0o755)
            self._path.chmod(0o755)
            for name, data in compiled_worker().items():
                _write(self._path / name, functools.partial(_write_bytes, data))
            for name, path in files.items():
                target = self._path / "files" / name
                target.parent.mkdir(exist_ok=True)
                target.mkdir() if path.is_dir() else target.touch()
        except OSError as error:
            self.close()
            raise SandboxError(f"{_NO_ROOM}: {error}") from error
        self.mounts = [_bind(self._path, INSIDE)]
        self.mounts += [_bind(path, f"{INSIDE}/files/{name}") for name, path in files.items()]

    def fill(self, context: Context, options: bytes) -> None:
        try:
            _write(self._path / "options.json", functools.partial(_write_bytes, options))
            blob = Blob(os.dup(context.blob.fd), context.blob.size)
        except OSError as error:
            raise SandboxError(f"{_NO_ROOM}: {error}") from error
        self._filling = concurrent.futures.Future()
        threading.Thread(target=self._copy, args=(blob, self._filling), name="rlm-share").start()

    async def filled(self) -> None:
        assert self._filling is not None
        await asyncio.shield(asyncio.wrap_future(self._filling))

    def close(self) -> None:
        self._stopped.set()
        if self._filling is not None:
            concurrent.futures.wait([self._filling])
        shutil.rmtree(self._path, ignore_errors=True)

    def _copy(self, blob: Blob, filling: concurrent.futures.Future[None]) -> None:
        try:
            _write(self._path / "input", functools.partial(_copy, blob, self._stopped))
            filling.set_result(None)
        except OSError as error:
            filling.set_exception(SandboxError(f"{_NO_ROOM}: {error}"))
        finally:
            blob.close()


class UploadedShare:
    """A volume of the engine's, filled through a container that never starts: only a container can be written to.

    Blocks while it is made.

    Raises:
        SandboxError: The engine doesn't take it.
    """

    def __init__(self, engine: Engine, image: str, labels: Mapping[str, str], files: Mapping[str, Path]) -> None:
        self._engine = engine
        self._volume = f"rlm-{uuid.uuid4().hex}"
        self._holder: str | None = None
        self.mounts = [{"Type": "volume", "Source": self._volume, "Target": INSIDE, "ReadOnly": True}]
        told(engine.api.create_volume, self._volume, labels=dict(labels))
        try:
            writable = [{**self.mounts[0], "ReadOnly": False}]
            config = {"Image": image, "Cmd": ["true"], "Labels": dict(labels), "HostConfig": {"Mounts": writable}}
            self._holder = str(told(engine.api.create_container_from_config, config)["Id"])
            with self._upload() as tar:
                for name, data in shipped.worker_sources().items():
                    _add(tar, name, len(data), functools.partial(_write_to, data))
                for name, path in shipped.listed_files(files).items():
                    with path.open("rb") as source:
                        size = os.fstat(source.fileno()).st_size
                        _add(tar, f"files/{name}", size, functools.partial(shutil.copyfileobj, source))
        except BaseException:
            self.close()
            raise

    def fill(self, context: Context, options: bytes) -> None:
        with self._upload() as tar:
            _add(tar, "options.json", len(options), functools.partial(_write_to, options))
            _add(tar, "input", context.blob.size, functools.partial(_write_blob, context.blob))
        self._let_go()

    async def filled(self) -> None:
        """It is, once it was given the input."""

    def close(self) -> None:
        self._let_go()
        with contextlib.suppress(SandboxError):
            told(self._engine.api.remove_volume, self._volume, force=True)

    @contextlib.contextmanager
    def _upload(self) -> Iterator[tarfile.TarFile]:
        """A tar that is unpacked in the volume at the end."""
        with tempfile.TemporaryFile(prefix="rlm-input-") as packed:
            with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
                yield tar
            packed.seek(0)
            told(self._engine.api.put_archive, self._holder, INSIDE, packed)

    def _let_go(self) -> None:
        holder, self._holder = self._holder, None
        if holder is not None:
            self._engine.remove(holder)


@contextlib.contextmanager
def mounted_worker() -> Iterator[list[dict[str, Any]]]:
    """Mounts with the worker's files and no input, to try whether a container sees them."""
    path = folder() / uuid.uuid4().hex
    try:
        path.mkdir(mode=0o755)
        path.chmod(0o755)
        for name, data in shipped.worker_sources().items():
            _write(path / name, functools.partial(_write_bytes, data))
        yield [_bind(path, INSIDE)]
    finally:
        shutil.rmtree(path, ignore_errors=True)


def can_mount() -> bool:
    """Whether this machine has a file system in memory."""
    return _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)


def folder() -> Path:
    """This process's folder in memory, which only its user enters: the engine mounts what lies in it by itself.

    Raises:
        SandboxError: Somebody else has made it, who could read and change what is in it: its name can be guessed.
    """
    path = _MEMORY / f"rlm-{reaper.host_id()}"
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        atexit.register(_leave, path, os.getpid())
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise SandboxError(f"{path} is not ours: remove it, or start again")
    return path


def _leave(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)


def reap() -> None:
    """Removes the folders of processes that have died."""
    for path in _MEMORY.glob("rlm-*-*-*"):
        with contextlib.suppress(OSError):
            if path.stat().st_uid == os.getuid() and reaper.is_left({reaper.HOST: path.name[4:]}):
                shutil.rmtree(path, ignore_errors=True)


@functools.cache
def compiled_worker() -> dict[str, bytes]:
    """The worker's files by relative path, and what this Python compiles them to, which an equal one reads instead."""
    files = dict(shipped.worker_sources())
    with tempfile.TemporaryDirectory(prefix="rlm-worker-") as at:
        for name, source in list(files.items()):
            path = Path(at, name)
            path.write_bytes(source)
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            made = py_compile.compile(str(path), dfile=f"{INSIDE}/{name}", doraise=True, invalidation_mode=mode)
            files[str(Path(str(made)).relative_to(at))] = Path(str(made)).read_bytes()
    return files


def _bind(path: Path, target: str) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(path), "Target": target, "ReadOnly": True}


def _write(path: Path, fill: Callable[[int], None]) -> None:
    path.parent.mkdir(exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.fchmod(fd, 0o644)
        fill(fd)
    finally:
        os.close(fd)


def _write_bytes(data: bytes, fd: int) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _copy(blob: Blob, stopped: threading.Event, fd: int) -> None:
    """The input's bytes, from kernel to kernel where that can be."""
    done = 0
    while done < blob.size and not stopped.is_set():
        try:
            sent = os.sendfile(fd, blob.fd, done, _SLICE)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS):
                raise
            sent = os.write(fd, blob.read(done, _SLICE))
        done += sent


def _write_to(data: bytes, file: Any) -> None:
    file.write(data)


def _write_blob(blob: Blob, file: Any) -> None:
    for start in range(0, blob.size, _SLICE):
        file.write(blob.read(start, _SLICE))


def _add(tar: tarfile.TarFile, name: str, size: int, fill: Callable[[Any], object]) -> None:
    """Adds a member without holding it: its header, its bytes, the padding of the format."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    tar.addfile(info)
    file = tar.fileobj
    assert file is not None
    fill(file)
    file.write(bytes(-size % tarfile.BLOCKSIZE))
    tar.offset += size + -size % tarfile.BLOCKSIZE
