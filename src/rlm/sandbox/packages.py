"""`Sandbox.packages` on this machine: installed by pip, from wheels alone: nothing of theirs runs outside of cells.

Each list of requirements has a folder in `$RLM_HOME/packages`, made once for each Python: what "numpy" was then it
stays, until the folder is removed, which is safe between runs. One that no run has opened for 90 days is removed when
the next one is made. The Python may be another than this one, in a place that has no network.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rlm.errors import ConfigError, SandboxError
from rlm.sandbox.options import Sandbox
from rlm.sandbox.private_folder import make_private
from rlm.sandbox.target_python import TargetPython
from rlm.trace.store import home

INSTALL = 600.0  # seconds
_LOOK = 0.1  # seconds between looks whether it is to end
_UNUSED = 90 * 86_400.0  # seconds
_ABANDONED = 86_400.0  # seconds: no installation takes that long
_MAKING = ".installing-"
Finish = Callable[[Path, threading.Event], None]
_OPTIONS = ("--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--progress-bar=off")
OPTIONS = (*_OPTIONS, "--quiet")
# Of a conflict: who needs what, and what no wheel fits.
_CONFLICT = re.compile(
    r"^The conflict is caused by:\n(.*\n)(?: {4}.*\n)*(?:\n(Additionally.*\n(?: {4}.*\n)+))?", re.MULTILINE
)
_LINE, _TOLD = 300, 1000  # characters


async def opened(sandbox: Sandbox, target: TargetPython | None = None, finish: Finish | None = None) -> str | None:
    """The folder with a sandbox's packages; None where it asks for none. The rest as `kept_folder`.

    Raises:
        ConfigError: They can't be installed.
        SandboxError: There is no place for them.
    """
    if not sandbox.packages:
        return None
    stop = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(kept_folder, sandbox.packages, stop, target, finish))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)
        raise


def kept_folder(
    packages: Sequence[str],
    stop: threading.Event | None = None,
    target: TargetPython | None = None,
    finish: Finish | None = None,
) -> str:
    """The folder with these packages, made if there is none. Blocks, for as long as pip takes or until `stop` is set.

    It is made beside and renamed: two at once, or one that is killed, leave no half of it.

    Args:
        packages: Requirements.
        stop: Set by another thread when nobody waits for it any more.
        target: The Python that will import from it; this one otherwise.
        finish: Called with a folder that has just been installed, and `stop`.

    Raises:
        ConfigError: They can't be installed.
        SandboxError: There is no place for them, or it was stopped.
    """
    import platform  # 1.4 ms of every start otherwise

    stop = stop or threading.Event()
    root = home() / "packages"
    make_private(root, "packages")  # `unconfined` cells import from it, and may do all that you may
    key = repr((sorted(packages), *((sys.version, platform.machine()) if target is None else target)))
    folder = root / hashlib.sha256(key.encode()).hexdigest()[:16]
    if not folder.is_dir():
        _remove_unused(root)
        with tempfile.TemporaryDirectory(prefix=_MAKING, dir=root) as beside:
            made = Path(beside, "packages")
            made.mkdir(mode=0o700)
            install(packages, made, stop, target)
            if finish is not None:
                finish(made, stop)
            try:
                made.rename(folder)
            except OSError as error:
                if not folder.is_dir():  # else another was quicker
                    raise SandboxError(f"packages can't be kept in {folder}: {error}") from error
    with contextlib.suppress(OSError):
        os.utime(folder)
    return str(folder.absolute())


def install(packages: Sequence[str], folder: Path, stop: threading.Event, target: TargetPython | None = None) -> None:
    """Installs packages and what they need into a folder, for a target or for this Python.

    Raises:
        ConfigError: pip is missing, or refuses.
        SandboxError: Another thread has set `stop`.
    """
    base = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    python = next((one for one in (sys.executable, base) if _has_pip(one)), None)
    if python is None:
        raise ConfigError("`packages` needs pip on this machine: python -m ensurepip")
    pip, options = (["-m", "pip"], []) if target is None else (target.pip(), target.options())
    argv = [python, "-P", *pip, "install", "--target", str(folder.absolute()), *options, *_OPTIONS, "--", *packages]
    # In the folder: a name such as x.tar.gz is a file to pip where there is one, and built.
    code, printed = run(argv, folder, stop)
    if code:
        where = "" if target is None else f" for {target}"
        raise ConfigError(f"packages can't be installed{where}: {_why(printed)}")


def run(argv: Sequence[str], folder: Path, stop: threading.Event) -> tuple[int, str]:
    """Runs what makes packages ready, in their folder: its exit status, and what it printed.

    Raises:
        ConfigError: It takes too long.
        SandboxError: It is to end before.
    """
    null = subprocess.DEVNULL
    with subprocess.Popen(argv, cwd=folder, stdin=null, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        until = time.monotonic() + INSTALL
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    printed = process.communicate(timeout=_LOOK)[0]
                    return process.returncode, printed.decode("utf-8", "replace")
                if stop.is_set():
                    raise SandboxError("packages are not installed: nobody waits for them any more")
                if time.monotonic() > until:
                    raise ConfigError(f"packages can't be installed: it took more than {INSTALL:g} s")
        finally:
            process.kill()  # where it has not ended


def _why(printed: str) -> str:
    """What of that tells why pip failed."""
    told = [line[:_LINE] for line in printed.splitlines() if line.startswith("ERROR: ")]
    if (conflict := _CONFLICT.search(printed)) is not None:
        told += [" ".join(part.split())[:_LINE] for part in conflict.groups("") if part]
    return "\n".join(told)[-_TOLD:] or printed.strip()[-_TOLD:]


def _has_pip(python: str) -> bool:
    return subprocess.run([python, "-P", "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def _remove_unused(root: Path) -> None:
    for folder in root.iterdir():
        most = _ABANDONED if folder.name.startswith(_MAKING) else _UNUSED
        with contextlib.suppress(OSError):
            if time.time() - folder.lstat().st_mtime > most:
                shutil.rmtree(folder)
