"""Getting back what was given up."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call
from rlm.sandbox.trials.registry import attempt


@attempt(alters=True)
def outlive_the_parent(t: Target) -> str | None:
    """prctl(PR_SET_PDEATHSIG, 0)."""
    import ctypes
    import os

    if ctypes.CDLL(None, use_errno=True).prctl(1, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "it would live on"


@attempt("nowhere", alters=True)
def outlive_the_parent_by_setuid(t: Target) -> str | None:
    """setresuid(), which clears PDEATHSIG."""
    import os

    os.setresuid(65534, 65534, 65534)
    return "someone else"


@attempt(alters=True)
def change_the_file_uid(t: Target) -> str | None:
    """setresuid() to what it is already."""
    import os

    os.setresuid(*os.getresuid())
    return "set"


@attempt(alters=True)
def become_dumpable(t: Target) -> str | None:
    """prctl(PR_SET_DUMPABLE, 1)."""
    import ctypes
    import os

    if ctypes.CDLL(None, use_errno=True).prctl(4, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "others may trace it, and its memory may be stored"


@attempt("nowhere")
def hold_capabilities(t: Target) -> str | None:
    """capget(): is any left."""
    import ctypes
    import struct

    data = ctypes.create_string_buffer(24)
    call("capget", struct.pack("=Ii", 0x20080522, 0), data)
    held = struct.unpack("=6I", data.raw)
    return f"{held}" if any(held) else None


@attempt(alters=True)
def leave_the_session(t: Target) -> str | None:
    """setpgid() and setsid(): away from the group that is killed."""
    import os

    os.setpgid(0, 0)
    return "a group of its own"


@attempt(alters=True)
def raise_its_priority(t: Target) -> str | None:
    """nice()."""
    import os

    return f"now {os.nice(1)}"


@attempt(alters=True)
def become_realtime(t: Target) -> str | None:
    """sched_setscheduler()."""
    import os

    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    return "another scheduler"


@attempt(alters=True)
def change_its_groups(t: Target) -> str | None:
    """setresgid() to what it is already."""
    import os

    os.setresgid(*os.getresgid())
    return "set"
