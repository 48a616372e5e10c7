"""Keys: in the environment, and in memory left over from whoever started the worker."""

# ruff: noqa: SIM115 (attempts are one-liners, and their process ends with them)

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target
from rlm.sandbox.trials.registry import attempt


@attempt("plain")
def read_the_environment(t: Target) -> str | None:
    """os.environ."""
    import os

    return next((f"{name}={value}" for name, value in os.environ.items() if value == t.canary), None)


@attempt("plain")
def read_the_c_environment(t: Target) -> str | None:
    """The C library's environ, which Python can't clear."""
    import ctypes

    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    at = 0
    while environ and environ[at]:
        if t.canary.encode() in environ[at]:
            return str(environ[at], "utf-8")
        at += 1
    return None


@attempt("plain")
def read_the_first_environment(t: Target) -> str | None:
    """/proc/self/environ: what the process was started with."""
    found = t.canary.encode() in open("/proc/self/environ", "rb").read()
    return t.canary if found else None


@attempt("plain")
def search_the_heap(t: Target) -> str | None:
    """Every object that the garbage collector knows."""
    import gc

    gc.unfreeze()  # the zygotes' objects too
    for holder in gc.get_objects():
        for held in gc.get_referents(holder):
            if isinstance(held, dict):
                for key in ("OPENAI_API_KEY", b"OPENAI_API_KEY"):
                    if key in held:
                        return f"{held[key]!r}"
    return None


@attempt("plain")
def search_the_stack(t: Target) -> str | None:
    """The memory above the stack, where the kernel put the first environment."""
    import ctypes
    import re

    program_name_at_the_end = 31  # AT_EXECFN: the environment's strings come right before it
    libc = ctypes.CDLL(None)
    libc.getauxval.restype = ctypes.c_ulong
    end = libc.getauxval(ctypes.c_ulong(program_name_at_the_end))
    found = re.search(rb"OPENAI_API_KEY=[^\0]+", ctypes.string_at(end - 1024, 1024))
    return found[0].decode() if found else None
