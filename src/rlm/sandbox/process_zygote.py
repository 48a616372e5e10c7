"""The process zygote: an interpreter with the worker's code loaded, which forks a run zygote for each run. Linux only.

It forks the next one before that is asked for, as a *spare*, which has seen nothing of any run. Both are named
`rlm-zygote` until the spare takes a run. It stays single-threaded, because a forked thread is lost with its locks
held, and knows nothing secret.

A packet over its control socket stands for a run, with three descriptors: the run's control socket, input and options.
"""

from __future__ import annotations

import _socket  # `socket` makes enums of all constants, and loads `selectors`
import ctypes
import gc
import os
import select
import sys

from . import late, lockdown, packets, protocol, run_zygote

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # `signal` makes enums of all constants

_PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 15, 36
_ZYGOTE, _RUN = ctypes.create_string_buffer(b"rlm-zygote"), ctypes.create_string_buffer(b"rlm-run")
_PAUSE = 5  # milliseconds that the run has for itself which took the spare, before the next one is forked
_FAILED = 1000  # where none could be


def main(control_fd: int, host: int, paths: str) -> None:
    """Forks run zygotes until the host is gone, also where a fork of the host holds its socket. Does not return."""
    os.dup2(0, 2)
    os.environ.clear()
    sys.path.extend(protocol.from_json(paths))
    # The kernel reaps run zygotes, and workers that outlived theirs for a moment: process 1 may reap nothing.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    lockdown.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _name(_ZYGOTE)
    gc.freeze()
    _serve(_socket.socket(fileno=control_fd), host)
    os._exit(0)


def _serve(control: _socket.socket, host: int) -> None:
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(host, select.POLLIN)
    spare = -1  # hangs up when the spare has taken a run
    pause = _PAUSE
    while True:
        poll.modify(control, select.POLLIN if spare < 0 else 0)  # what comes is the spare's
        wait = (None if spare >= 0 else pause) if late.loaded else late.IDLE
        events = dict(poll.poll(wait))
        asked = events.get(control.fileno(), 0)
        if host in events or asked & select.POLLHUP:
            return
        if spare in events:
            poll.unregister(spare)
            os.close(spare)
            spare = -1
        if not events and not late.loaded:
            late.load()
        if spare < 0 and (asked or not events):
            try:
                spare = _fork(control, host)
                poll.register(spare, 0)
                pause = _PAUSE
            except OSError:
                pause = _FAILED
                if asked:  # the host sees the run's socket close
                    for fd in packets.receive(control, 3)[1]:
                        os.close(fd)


def _fork(control: _socket.socket, host: int) -> int:
    """Forks a run zygote that takes the next run; a descriptor that hangs up when it has."""
    taken, held = os.pipe()
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        os.close(taken)
        os.close(held)
        raise
    if pid:
        os.close(held)
        return taken
    try:
        os.close(taken)
        os.close(host)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        lockdown.die_with(parent)
        data, fds = packets.receive(control, 3)
        if data:
            _name(_RUN)
            control.close()
            os.close(held)
            run_zygote.main(*fds)
    finally:
        os._exit(1)


def _name(name: ctypes.Array[ctypes.c_char]) -> None:
    lockdown.prctl(_PR_SET_NAME, ctypes.addressof(name))
