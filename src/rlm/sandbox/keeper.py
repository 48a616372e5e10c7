"""Keeps a run's folder on a machine that is reached by ssh: makes it, and removes it with all that runs from it.

`python3 -c SOURCE`, over the run's first connection. Prints the folder with the system's name and, each second, the CPU
seconds of its workers, as JSON objects, one a line. It ends the workers where they have made too many files for
`output`. It ends itself where standard input does, and where nothing has come from there for two minutes: a host that
vanished closes nothing. Each worker has a file `N.pid` in the folder with the number of the process that watches it,
and so has pip. Far side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time

_LEASE = 120.0  # seconds
_TELL = 1.0  # seconds
_MOST_FILES = 20_000  # files and folders in `output`: their bytes are bounded, their number is not
_TRIES = 20  # workers that are ending may still make files


def main() -> None:
    """Keeps the folder until nobody is there any more."""
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    folder = os.path.realpath(tempfile.mkdtemp(prefix="rlm-"))
    try:
        _tell({"folder": folder, "system": sys.platform})
        heard, seen = time.monotonic(), _MOST_FILES
        while time.monotonic() - heard < _LEASE:
            if select.select([0], [], [], _TELL)[0]:
                if not os.read(0, 4096):
                    break
                heard = time.monotonic()
            files = _files(os.path.join(folder, "output"))
            if files > seen:  # or still more than the last time: so the next worker can make room
                seen = files
                _tell({"over": f"it made more than {_MOST_FILES:,} files and folders; remove some"})
                _end_workers(folder)
            _tell({"cpu": {name: _cpu_seconds(pid) for name, pid in _workers(folder)}})
    except OSError:
        pass  # nobody reads any more
    finally:
        _end_workers(folder)
        for _ in range(_TRIES):
            shutil.rmtree(folder, ignore_errors=True)
            if not os.path.exists(folder):
                break
            time.sleep(0.1)


def _tell(message: object) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def _workers(folder: str) -> list[tuple[str, int]]:
    found = []
    for name in os.listdir(folder):
        if name.endswith(".pid"):
            with contextlib.suppress(OSError, ValueError), open(os.path.join(folder, name)) as file:
                found.append((name[:-4], int(file.read())))
    return found


def _end_workers(folder: str) -> None:
    for _, pid in _workers(folder):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)  # it ends its worker


def _files(folder: str) -> int:
    """How many files and folders are in a folder, as far as twice what may be."""
    count = 0
    for _, folders, files in os.walk(folder):
        count += len(folders) + len(files)
        if count > 2 * _MOST_FILES:
            break
    return count


def _cpu_seconds(watcher: int) -> float | None:
    """CPU seconds of a watcher's worker, its only child; None where this system doesn't tell."""
    try:
        with open(f"/proc/{watcher}/task/{watcher}/children") as children:
            worker = children.read().split()[0]
        with open(f"/proc/{worker}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except (OSError, IndexError):
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
