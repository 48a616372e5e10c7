"""A small image of this machine's own Python: the interpreter, its standard library, the libraries that these need.

Made where no image is named, from files that are here, so that no registry has to be reached; about 50 MB, two seconds,
once for each Python. Packages are installed on this side (wheels only: nothing of theirs runs) and go into the image.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rlm.errors import ConfigError, SandboxError
from rlm.sandbox.containers.engine import Engine, told
from rlm.sandbox.packages import install

REPOSITORY = "rlm-python"
PYTHON = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
_ALIASES = {"amd64": "x86_64", "arm64": "aarch64"}  # podman's names, and the kernel's
_FORMAT = "1"  # of the image; another makes all anew
_LEFT_OUT = {"test", "tests", "idlelib", "turtledemo", "tkinter", "ensurepip", "lib2to3", "site-packages"}
_LEFT_OUT |= {"dist-packages", "pydoc_data"}
_ELSEWHERE = ("/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types")
_FOLDERS = ("tmp", "proc", "dev", "sys", "etc", "rlm", "output")
_PASSWD = b"root:x:0:0::/:/bin/false\nsandbox:x:65534:65534::/tmp:/bin/false\n"


def why_none(engine: Engine) -> str | None:
    """Why this machine's Python can't run on that engine; None where it can."""
    theirs = str(engine.info.get("Architecture", ""))
    if sys.platform == "linux" and _ALIASES.get(theirs, theirs) == platform.machine():
        return None
    return (
        f"this machine's Python ({sys.platform} {platform.machine()}) can't run on the engine's {theirs or 'machine'}: "
        "name an image, such as python:3.13-slim"
    )


def machine_image(engine: Engine, packages: Sequence[str], stop: threading.Event) -> str:
    """The id of the image, made if the engine doesn't have it. Blocks, but no installation goes on when `stop` is set.

    Raises:
        ConfigError: A package can't be installed.
        SandboxError: The engine can't take it, or it was stopped.
    """
    files = _files()
    tag = f"{platform.python_version()}-{_digest(files, packages)}"
    if (found := _found(engine, f"{REPOSITORY}:{tag}")) is not None:
        return found
    with tempfile.TemporaryDirectory(prefix="rlm-image-") as folder, tempfile.TemporaryFile(prefix="rlm-image-") as tar:
        if packages:
            files.update(_installed(packages, Path(folder), stop))
        _pack(files, tar)
        tar.seek(0)
        answer = str(told(engine.api.import_image_from_data, tar))
    if (made := re.search(r"sha256:[0-9a-f]{64}", answer)) is None:
        raise SandboxError("the container engine did not take the image of this machine's Python")
    told(engine.api.tag, made[0], REPOSITORY, tag)  # podman takes no tag with the import
    return made[0]


def named_image(engine: Engine, name: str) -> str:
    """The id of an image of the user's, pulled if the engine doesn't have it. Blocks.

    Raises:
        ConfigError: There is none of that name.
    """
    if (found := _found(engine, name)) is not None:
        return found
    repository, _, tag = name.partition("@") if "@" in name else name.rpartition(":")
    if not repository or "/" in tag:
        repository, tag = name, "latest"
    try:
        told(engine.api.pull, repository, tag=tag)
    except SandboxError as error:
        raise ConfigError(f"the engine has no image {name!r}, and it can't be pulled: {error}") from error
    if (pulled := _found(engine, name)) is None:
        raise ConfigError(f"the engine has no image {name!r}")
    return pulled


def volumes(engine: Engine, found: str) -> tuple[str, ...]:
    """The folders that an image asks a volume for: an engine would make them writable, and as large as its disk."""
    return tuple(told(engine.api.inspect_image, found)["Config"].get("Volumes") or ())


def _found(engine: Engine, name: str) -> str | None:
    from docker.errors import APIError, ImageNotFound  # type: ignore[import-untyped]

    try:
        return str(engine.api.inspect_image(name)["Id"])
    except ImageNotFound:
        return None
    except APIError as error:  # a name that none can have
        raise ConfigError(f"the engine has no image {name!r}: {error.explanation or error}") from error


def _files() -> dict[str, Path]:
    """Every file of the image but shared libraries: its path there, and here."""
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix, "installed_base": sys.base_prefix}
    roots = {os.path.realpath(sysconfig.get_path(key, vars=base)) for key in ("stdlib", "platstdlib")}
    files = {PYTHON: Path(PYTHON)}
    for root in sorted(roots):
        files.update(_walked(Path(root), root))
    files.update({path: Path(path) for path in _ELSEWHERE if os.path.exists(path)})
    zones = Path("/usr/share/zoneinfo")
    files.update({path: one for path, one in _walked(zones, str(zones)).items() if one.parent.name not in ("right",)})
    return files


def _walked(root: Path, target: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")]
        for name in names:
            if not re.search(r"\.(opt-[12]\.pyc|a|exe)$", name):
                path = Path(folder, name)
                found[os.path.join(target, path.relative_to(root))] = path
    return found


def _digest(files: dict[str, Path], packages: Sequence[str]) -> str:
    digest = hashlib.sha256(repr((_FORMAT, sys.version, sorted(packages))).encode())
    for name, path in sorted(files.items()):
        at = path.stat()
        if "__pycache__" not in name:  # written as modules are first used
            digest.update(f"{name}\0{at.st_size}\0{int(at.st_mtime)}\n".encode())
    return digest.hexdigest()[:12]


def _libraries(programs: Iterable[Path]) -> set[str]:
    """The shared libraries that programs and extension modules need, as the system's loader finds them."""
    if shutil.which("ldd") is None:
        raise SandboxError("an image of this machine's Python needs ldd to be made: name one, as `image`")
    done = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False)
    return {match for match in re.findall(r"(/\S+\.so[^\s:]*)(?= \(0x)", done.stdout) if os.path.exists(match)}


def _installed(packages: Sequence[str], folder: Path, stop: threading.Event) -> dict[str, Path]:
    """Packages, where the image's Python finds them.

    Raises:
        ConfigError: They can't be installed.
        SandboxError: It was stopped.
    """
    install(packages, folder, stop)
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    target = sysconfig.get_path("purelib", vars=base)
    return {os.path.join(target, path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def _pack(files: dict[str, Path], target: io.BufferedIOBase | tempfile._TemporaryFileWrapper[bytes]) -> None:
    """Writes the image's tar: all of root's, readable by all, writable by none."""
    libraries = _libraries([Path(PYTHON), *(path for path in files.values() if ".so" in path.name)])
    known = {os.path.normpath(path) for path in files.values()}  # a package's own libraries, found by way of `..`
    needed = {os.path.normpath(name) for name in libraries} - known
    everything = {**{name: Path(name) for name in needed}, **files}
    with tarfile.open(fileobj=target, mode="w") as tar:
        for folder in _folders(everything):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(info)
        _add(tar, "etc/passwd", io.BytesIO(_PASSWD), len(_PASSWD), 0)
        _add(tar, "usr/bin/python3", None, 0, 0, PYTHON)
        for name, path in everything.items():
            with path.open("rb") as file:
                at = os.fstat(file.fileno())
                _add(tar, name.lstrip("/"), file, at.st_size, int(at.st_mtime))


def _folders(names: Iterable[str]) -> Iterator[str]:
    folders = set(_FOLDERS) | {"usr/bin"}
    for name in names:
        folders.update(str(parent) for parent in Path(name.lstrip("/")).parents if str(parent) != ".")
    yield from sorted(folders)


def _add(tar: tarfile.TarFile, name: str, file: io.IOBase | None, size: int, mtime: int, link: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.mode, info.size, info.mtime = 0o755, size, mtime
    if link:
        if f"/{name}" == link:
            return
        info.type, info.linkname = tarfile.SYMTYPE, link
    tar.addfile(info, file)
