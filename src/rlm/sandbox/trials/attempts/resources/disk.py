"""More disk, or more processes, than was given."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target
from rlm.sandbox.trials.registry import attempt


@attempt()
def fill_the_disk(t: Target) -> str | None:
    """Files of 8 MB in every folder that takes them, until there are too many."""
    import os

    made, written = [], 0
    folders = ["/tmp", "/var/tmp", "/dev/shm", "/run", os.getcwd(), os.path.expanduser("~")]
    folders += [folder for folder in (globals().get("output_folder"),) if folder]
    try:
        for folder in folders:
            for number in range(t.too_much_disk >> 23):
                path = os.path.join(folder, f"{t.token}-{number}")
                try:
                    with open(path, "wb", buffering=0) as file:
                        made.append(path)
                        written += file.write(bytes(8 << 20))
                except OSError:
                    break
                if written >= t.too_much_disk:
                    return f"{written >> 20} MiB"
    finally:
        for path in made:
            os.unlink(path)
    return None


@attempt()
def start_many_processes(t: Target) -> str | None:
    """600 processes at once."""
    import os
    import signal

    started = []
    try:
        for _ in range(600):
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            started.append(pid)
    finally:
        for pid in started:
            os.kill(pid, signal.SIGKILL)
        for pid in started:
            os.waitpid(pid, 0)
    return f"{len(started)} processes"
