"""Places where something may be left: every folder, the worker's own code, and stores of the kernel's."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call
from rlm.sandbox.trials.registry import attempt


@attempt(phases=2)
def leave_a_file_anywhere(t: Target) -> str | None:
    """A file in any folder that takes one, Python's own among them."""
    import os
    import sys

    folders = ["/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/usr/local", os.getcwd(), os.path.expanduser("~")]
    folders += [path for path in sys.path if os.path.isdir(path)]
    found = []
    for folder in folders:
        path = os.path.join(folder, f"{t.token}-anywhere")
        if t.phase == 2 and os.path.exists(path):
            found.append(path)
            os.unlink(path)
        elif t.phase == 1:
            try:
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))
            except OSError:
                continue
    return f"found {found}" if found else None


@attempt(conclusive=True)
def change_the_workers_code(t: Target) -> str | None:
    """The files that the next worker will run, opened to write."""
    import gc
    import os
    import sys

    worker = next(type(held) for held in gc.get_objects() if type(held).__name__ == "Calls")
    folder = os.path.dirname(os.path.abspath(sys.modules[worker.__module__].__file__ or ""))
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try:
            os.close(os.open(path, os.O_RDWR))
        except OSError:
            continue
        return f"{path} could be changed"
    return None


@attempt("nowhere", phases=2)
def leave_a_key(t: Target) -> str | None:
    """A key in the user's keyring, which the kernel keeps."""
    user_keyring, search = -4, 10
    if t.phase == 1:
        call("add_key", b"user", t.token.encode(), b"from the last run", 17, user_keyring)
        return None
    return f"key {call('keyctl', search, user_keyring, b'user', t.token.encode(), 0)}"


@attempt(phases=2)
def leave_a_message(t: Target) -> str | None:
    """A POSIX message queue."""
    import ctypes

    name = t.token.encode()
    if t.phase == 1:
        call("mq_open", name, 0o102, 0o666, 0)
        return None
    queue = call("mq_open", name, 0o2, 0, 0)
    ctypes.CDLL(None).mq_unlink(b"/" + name)
    return f"queue {queue}"
