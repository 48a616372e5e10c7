"""Runs in the kernel of a notebook: tells of its variables, and forks workers, which have a copy of all of them.

A fork costs nothing for data of any size, leaves the user's own variables as they are, and can be interrupted and
killed without the kernel. What it can't take along: other threads, and what lives outside memory (a GPU, a connection).
Executed from its file, with `REQUEST` set. The kernel's side: IPython and the standard library only, Python 3.8+.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import signal
import socket
import sys
import threading
import types
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAX_TOLD = 200  # variables
_MAX_LINE = 200  # characters
_PR_SET_PDEATHSIG = 1


def variables() -> dict[str, Any]:
    """The user's own."""
    import IPython

    shell = IPython.get_ipython()  # type: ignore[attr-defined, no-untyped-call, unused-ignore]
    if shell is None:
        raise RuntimeError("this is no IPython kernel")
    hidden = shell.user_ns_hidden
    return {
        name: value
        for name, value in shell.user_ns.items()
        if not name.startswith("_") and (name not in hidden or hidden[name] is not value)
    }


def tell(folder: str) -> None:
    """Writes what there is, as a JSON object of names and descriptions."""
    told = {name: _described(value) for name, value in variables().items() if not isinstance(value, types.ModuleType)}
    with open(f"{folder}/variables.json", "w", encoding="utf-8") as file:
        json.dump(dict(list(told.items())[:_MAX_TOLD]), file)


def fork(folder: str, number: int, source: str, piece: list[Any] | None) -> None:
    """Forks a worker, which connects to `N.socket` in the folder; how it ends is written to `N.ended`, a FIFO."""
    found = variables()
    ended = os.open(f"{folder}/{number}.ended", os.O_WRONLY | os.O_NONBLOCK)
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(f"{folder}/{number}.socket")
        kernel = os.getpid()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the kernel has threads
            pid = os.fork()
        if pid == 0:
            try:
                os.close(ended)
                _become_worker(folder, source, piece, stream, found, kernel)
            finally:
                os._exit(1)
    threading.Thread(target=_reap, args=(pid, ended), name="rlm-reaper", daemon=True).start()


def _become_worker(
    folder: str, source: str, piece: list[Any] | None, stream: socket.socket, found: dict[str, Any], kernel: int
) -> None:
    os.setsid()
    if sys.platform == "linux":
        unused = ctypes.c_ulong(0)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), unused, unused, unused)
        if os.getppid() != kernel:
            return
    for fd in (0, 1):
        os.dup2(stream.fileno(), fd)
    stream.close()
    spec = importlib.util.spec_from_file_location("rlm_start", f"{folder}/start.py")
    assert spec is not None
    assert spec.loader is not None
    start = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(start)
    start.main(f"{folder}/{source}", f"{folder}/options.json", piece, variables=found)


def _reap(pid: int, ended: int) -> None:
    try:
        status = os.waitpid(pid, 0)[1]
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        os.write(ended, str(code).encode())
    except OSError:  # it was reaped by somebody else, or nobody asks any more
        pass
    finally:
        os.close(ended)


def _described(value: Any) -> str:
    """A value's type and size, in a line; never what it holds."""
    text = type(value).__name__
    try:
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple):
            text += f" of shape {shape}"
            columns = getattr(value, "columns", None)
            text += "" if columns is None else f", columns {list(columns)}"
        elif hasattr(value, "__len__"):
            text += f" of {len(value)}"
    except Exception:  # noqa: BLE001 - the user's own methods
        pass
    return text[:_MAX_LINE]


def act(request: dict[str, Any]) -> None:
    """Does what the host asks for."""
    if request.pop("do") == "tell":
        tell(**request)
    else:
        fork(**request)


if __name__ == "rlm_in_kernel":
    act(globals()["REQUEST"])
