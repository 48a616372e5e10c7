"""Who started a thing that runs elsewhere, and whether it was left behind: for whoever finds it later.

A host that is killed can't remove what it started. Where streams end all by themselves, little is left; the rest is
labelled with the host's identity and a deadline, and the next run here removes what is left.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rlm.types import Limits

HOST, DEADLINE = "rlm.host", "rlm.deadline"  # label names; values fit Kubernetes (63 letters, digits, ._-)
_LONGEST = 7 * 24 * 3600.0  # seconds: a run without a limit is given up by other hosts
_MARGIN = 600.0  # seconds beyond a run's own limit


def labels(limits: Limits) -> dict[str, str]:
    """What marks a thing as this process's, and says until when (seconds since 1970) it can be of use to it."""
    return {HOST: host_id(), DEADLINE: str(int(time.time() + lifetime(limits)))}


def lifetime(limits: Limits) -> float:
    """Seconds after which what a run started is of no use to it: for labels, and for vendors' own time-outs."""
    return _LONGEST if limits.seconds is None else limits.seconds + _MARGIN


def host_id() -> str:
    """This process: where process ids mean the same, its own, and when it started, as `where-pid-start`."""
    return f"{_where()}-{os.getpid()}-{_started(os.getpid()) or 0}"


def is_left(found: Mapping[str, str], now: float | None = None) -> bool:
    """Whether the labels are of a host that has died, or of one that we can't see and whose deadline is over."""
    where, _, process = found.get(HOST, "").partition("-")
    if where == _where():
        pid, _, start = process.partition("-")
        return not (pid.isdigit() and start == str(_started(int(pid)) or 0) and _lives(int(pid)))
    deadline = found.get(DEADLINE, "")
    return deadline.isdigit() and int(deadline) < (time.time() if now is None else now)


def _where() -> str:
    """The kernel since it was booted, and the name space of process ids: containers share the first."""
    if sys.platform != "linux":
        import uuid

        seen = hex(uuid.getnode())
    else:
        seen = Path("/proc/sys/kernel/random/boot_id").read_text() + os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(seen.encode()).hexdigest()[:16]


def _started(pid: int) -> int | None:
    """When a process started, in clock ticks since the boot; None where that can't be known."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
