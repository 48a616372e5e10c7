"""Leaving something for the next run or another worker. Each attempt runs in one worker, then in a second."""

# ruff: noqa: SIM115 (attempts are one-liners, and their process ends with them)

# mypy: disable-error-code="attr-defined, name-defined"

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call
from rlm.sandbox.trials.registry import attempt


@attempt("nowhere", phases=2)
def patch_a_builtin(t: Target) -> str | None:
    """A changed builtin: workers share the zygote's pages, but copy what they write."""
    import builtins

    if hasattr(builtins, "left_behind"):
        return "the next worker has it"
    builtins.left_behind = t.token
    return None


@attempt("nowhere", phases=2)
def patch_a_module(t: Target) -> str | None:
    """A changed module of the worker's own code."""
    import json
    import sys

    if getattr(json, "left_behind", None):
        return "the next worker has it"
    json.left_behind = sys.modules["left_behind"] = json
    return None


@attempt("nowhere", phases=2)
def change_the_input(t: Target) -> str | None:
    """Bytes written over the input's own memory, which forked workers share."""
    import ctypes
    import sys

    if context != "an input":  # noqa: F821 (the worker's own)
        return f"the next worker reads {context!r}"  # noqa: F821
    header = sys.getsizeof("") - 1
    ctypes.memmove(id(context) + header, b"OWNED", 5)  # noqa: F821
    return None if context.startswith("OWNED") else "the input was not where it should be"  # noqa: F821


@attempt("nowhere", phases=2)
def set_a_variable(t: Target) -> str | None:
    """The environment of a later worker."""
    import os

    if "LEFT_BEHIND" in os.environ:
        return "the next worker has it"
    os.environ["LEFT_BEHIND"] = t.token
    return None


@attempt(phases=2)
def leave_a_file(t: Target) -> str | None:
    """A file that the next worker reads."""
    import os

    path = f"/tmp/{t.token}-note"
    if os.path.exists(path):
        return open(path).read()
    open(path, "w").write("from the last run")
    return None


@attempt(phases=2)
def leave_a_process(t: Target) -> str | None:
    """A child that lives on and listens on an abstract socket."""
    import os
    import socket

    name = f"\0{t.token}-daemon"
    if t.phase == 2:
        socket.socket(socket.AF_UNIX).connect(name)
        return "it is still there"
    ready, begun = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            server = socket.socket(socket.AF_UNIX)
            server.settimeout(5)
            server.bind(name)
            server.listen()
            os.write(begun, b"x")
            try:
                server.accept()
            finally:
                os._exit(0)
        os._exit(0)
    os.read(ready, 1)
    return None


@attempt(phases=2)
def leave_shared_memory(t: Target) -> str | None:
    """A System V segment that the next worker attaches."""
    import ctypes

    libc = ctypes.CDLL(None)
    libc.shmat.restype = ctypes.c_void_p
    segment = call("shmget", t.number, 4096, 0o1600)
    at = libc.shmat(segment, None, 0)
    if t.phase == 1:
        ctypes.memmove(at, b"from the last run", 18)
        return None
    libc.shmctl(segment, 0, None)
    return ctypes.string_at(at).decode() or None
