"""What an attempt may use. This file is sent into the sandbox ahead of the attempt, so it stands on its own."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

try:
    import ctypes
except ImportError:  # WebAssembly has no system calls to try
    _libc = None
else:
    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.syscall.restype = ctypes.c_long

# x86-64, aarch64
NUMBERS = {
    "open_by_handle_at": (304, 265), "openat2": (437, 437), "openat": (257, 56), "chmod": (90, None),
    "kill": (62, 129), "tgkill": (234, 131), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "getpid": (39, 172),
    "pidfd_getfd": (438, 438), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "clone": (56, 220), "clone3": (435, 435), "vfork": (58, None), "execveat": (322, 281), "execve": (59, 221),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "io_uring_setup": (425, 425), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "keyctl": (250, 219), "personality": (135, 92), "init_module": (175, 105),
    "seccomp": (317, 277), "fanotify_init": (300, 262), "inotify_init1": (294, 26), "syslog": (103, 116),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "vmsplice": (278, 75), "capget": (125, 90),
    "mount": (165, 40), "umount2": (166, 39), "unshare": (272, 97), "setns": (308, 268), "ptrace": (101, 117),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "prlimit64": (302, 261), "sendto": (44, 206),
    "name_to_handle_at": (303, 264), "landlock_create_ruleset": (444, 444), "ioprio_set": (251, 30),
    "remap_file_pages": (216, 234), "quotactl": (179, 60), "fsopen": (430, 430), "kexec_load": (246, 104),
    "process_madvise": (440, 440), "exit_group": (231, 94),
}  # fmt: skip


class Target(SimpleNamespace):
    """Where the planted things are; see `host.py`."""


def attempt(*_: Any, **__: Any) -> Callable[[Any], Any]:
    """Inside the sandbox the decorator of attempts does nothing."""
    return lambda act: act


def call(name: str | int, *args: Any) -> int:
    """A raw system call; raises OSError where the kernel refuses."""
    if _libc is None:
        raise OSError(errno.ENOSYS, f"{name}: there are no system calls here")
    number = NUMBERS[name][0 if os.uname().machine == "x86_64" else 1] if isinstance(name, str) else name
    if number is None:
        raise OSError(errno.ENOSYS, f"{name} does not exist on this machine")
    wide = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    result: int = _libc.syscall(ctypes.c_long(number), *wide)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name} refused: {os.strerror(ctypes.get_errno())}")
    return result


def reached(name: str | int, *args: Any) -> str | None:
    """Evidence that the kernel looked at a call at all, whether or not it liked the arguments."""
    try:
        call(name, *args)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM, errno.EACCES):
            raise
    return f"the kernel listens to {name}"


def touched(memory: Any) -> Any:
    """Writes to every page: what was only reserved is not yet held."""
    view = memoryview(memory).cast("B")
    for at in range(0, len(view), 4096):
        view[at] = 1
    return memory


def calls() -> Any:
    """The worker's own calls, which any code that it runs can find: `send` bytes, or `call` whatever it likes."""
    import gc

    return next(held for held in gc.get_objects() if type(held).__name__ == "Calls")


def framed(message: Any) -> bytes:
    """A message as a frame, unchecked."""
    import json

    payload = json.dumps(message).encode()
    return len(payload).to_bytes(4, "big") + payload


def send(*frames: Any) -> None:
    """Sends to the host: bytes as they are, anything else as a frame of JSON."""
    for frame in frames:
        calls()._send(frame if isinstance(frame, bytes) else framed(frame))


def cell_number() -> int:
    """The number of the cell that runs, as the host counts them."""
    import sys

    frame: Any = sys._getframe()
    while not frame.f_code.co_filename.startswith("<cell "):
        frame = frame.f_back
    return int(frame.f_code.co_filename[len("<cell ") : -1])


def done(number: int, **fields: Any) -> dict[str, Any]:
    """A worker's last word on a cell, as a worker sends it."""
    plain = {"type": "done", "id": number, "output": "", "output_size": 0, "error": None, "answer": None, "seconds": 0}
    return {**plain, **fields}


def query(number: int, **fields: Any) -> dict[str, Any]:
    """A call of `llm_query`, as a worker sends it."""
    args = {"prompt": "p", "model": None, "temperature": None, "fresh": False, "origins": None}
    return {"type": "call", "id": number, "name": "llm_query", "args": {**args, **fields.pop("args", {})}, **fields}


def report(act: Callable[[Target], str | None], target: Target) -> None:
    """Says how the attempt ended. Any other exception is a mistake in the attempt, and fails its test."""
    before = _descriptors()
    try:
        evidence = act(target)
    except (OSError, MemoryError, ImportError, RuntimeError, LookupError, ValueError, EOFError) as error:
        print(f"HELD: {type(error).__name__}: {error}")
    except (AttributeError, TypeError) as error:
        if _libc is not None:
            raise
        print(f"HELD: a function that is not there, or takes less: {error}")
    else:
        print(f"ESCAPED: {evidence}" if evidence else "HELD: nothing came of it")
    for fd in _descriptors() - before:  # the next attempt may run in this worker, and must not lack descriptors
        os.close(fd)


def _descriptors() -> set[int]:
    found = set()
    for fd in range(1024):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.add(fd)
    return found
