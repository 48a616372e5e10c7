"""The two zygotes: processes that are ready to be forked, so that a worker starts in milliseconds. Linux only.

The process zygote has the interpreter and the worker's code loaded. It forks a run zygote for each run, which loads
the input and forks the run's workers: they share its pages, the only `str` that costs nothing to hand over. Both stay
single-threaded, because a forked thread is lost with its locks held, and know nothing secret.

Started by `zygotes.py` as a program: `python -S -P -s -X utf8 zygote.py CONTROL_FD HOST_PIDFD PATHS`. Control messages
are JSON objects, one a packet, with descriptors beside them (SCM_RIGHTS).
"""

from __future__ import annotations

import _socket  # `socket` takes a tenth of the start: it loads `selectors` and makes enums of all constants
import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import sys
import types
from array import array

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from typing import Any

    from rlm.sandbox import corpus, output

PACKAGE = "rlm_worker"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_CLONE_NEWNS, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 0x00020000, 2, 4, 8
_PACKET = 2**16
_IDLE = 20  # milliseconds without a request, for what need not be ready for the first one
_LATE = ("ast", "socket")  # what cells are likely to import, and to share then
_LONG = 2**20  # characters of a piece from which on children share it


def main(control_fd: int, host: int, paths: list[str]) -> None:
    """The process zygote: forks run zygotes until the host is gone, also where a fork of the host holds its socket."""
    os.dup2(0, 2)
    os.environ.clear()
    sys.path.extend(paths)
    package = types.ModuleType(PACKAGE)
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules[PACKAGE] = package
    __import__(PACKAGE + ".worker")
    __import__(PACKAGE + ".lockdown")
    sys.dont_write_bytecode = True
    # The kernel reaps run zygotes, and workers that outlived theirs for a moment: process 1 may reap nothing.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    control = _socket.socket(fileno=control_fd)
    gc.freeze()
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(host, select.POLLIN)
    prepared = False
    while True:
        ready = [fd for fd, _ in poll.poll(None if prepared else _IDLE)]
        if not ready:
            _worker_module("search").prepare()
            for name in _LATE:
                __import__(name)
            prepared = True
            continue
        if host in ready:
            break
        data, fds = _received(control, 3)
        if not data:
            break
        try:
            pid = os.fork()
        except OSError:
            pid = -1  # the host sees the run's socket close
        if pid == 0:
            run_fd, blob, options = fds
            control.close()
            os.close(host)
            try:
                _run_zygote(_socket.socket(fileno=run_fd), blob, options)
            finally:
                os._exit(1)
        for fd in fds:
            os.close(fd)
    os._exit(0)


def _run_zygote(control: _socket.socket, blob: int, options_fd: int) -> None:
    """Loads the input, then forks workers until its control socket closes. Does not return."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _die_with_parent()
    own = os.pidfd_open(os.getpid())
    _tell(control, {"started": True}, [own])
    os.close(own)
    options, pieces = _load(control, blob, options_fd)
    workers: dict[int, tuple[int, int, output.Remains]] = {}  # pidfd -> number, pid, what it printed
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd != control.fileno():
                poll.unregister(fd)
                _reap(control, fd, *workers.pop(fd))
                continue
            data, fds = _received(control, 1)
            if not data:
                os._exit(0)  # the workers die with their parent
            request = json.loads(data)
            remains = _worker_module("output").Remains()
            try:
                given = pieces.given(request["piece"])
                pid = os.fork()
            except (OSError, ValueError, MemoryError) as error:
                remains.close()
                os.close(fds[0])
                _tell(control, {"failed": request["fork"], "message": str(error)})
                _tell(control, {"exited": request["fork"], "status": 1})
                continue
            if pid == 0:
                try:
                    for _, _, other in workers.values():
                        other.close()  # or it could read and write what the other workers print
                    _worker(control, fds[0], request, given, options, remains)
                finally:
                    os._exit(1)
            os.close(fds[0])
            pidfd = os.pidfd_open(pid)
            workers[pidfd] = request["fork"], pid, remains
            poll.register(pidfd, select.POLLIN)
            _tell(control, {"forked": request["fork"]}, [pidfd])


class _Pieces:
    """Pieces of the input that children are given. Long ones are kept, so that children of the same one share it: all
    that are kept together take no more than the input's own bytes, and a MiB for what each has beside its text, so that
    all pieces of an input that was cut once have room.
    """

    def __init__(self, loaded: corpus.Loaded, most: int) -> None:
        self._loaded = loaded
        self._most = most + _LONG
        self._kept: dict[tuple[int, int, str], corpus.Loaded] = {}  # the last one used is the last

    def given(self, piece: list[Any] | None) -> corpus.Loaded:
        """The input of a worker that is given that piece of it, or all of it.

        Raises:
            ValueError: There is no such piece.
        """
        if piece is None:
            return self._loaded
        start, end, name = key = (piece[0], piece[1], piece[2])
        found = self._kept.pop(key, None) or _worker_module("corpus").slice_context(self._loaded, name, start, end)
        if end - start >= _LONG:
            self._kept[key] = found
            while sum(sys.getsizeof(one.value) for one in self._kept.values()) > self._most:
                self._kept.pop(next(iter(self._kept)))
        return found


def _load(control: _socket.socket, blob: int, options_fd: int) -> tuple[dict[str, Any], _Pieces]:
    """The options and the input. Says so, with the folder that the host shares; does not return where it fails."""
    try:
        with open(options_fd, "rb") as file:
            options = json.load(file)
        loaded = _worker_module("corpus").build_context(options["kind"], options["parts"], blob)
        pieces = _Pieces(loaded, os.fstat(blob).st_size)
        os.close(blob)
        shared = [os.open(options["share"], os.O_RDONLY | os.O_DIRECTORY)] if options.get("share") else []
    except (OSError, ValueError, MemoryError) as error:
        _tell(control, {"failed": None, "message": f"the input can't be loaded: {type(error).__name__}: {error}"})
        os._exit(1)
    gc.freeze()
    _tell(control, {"loaded": True}, shared)
    for fd in shared:
        os.close(fd)
    return options, pieces


def _reap(control: _socket.socket, pidfd: int, number: int, pid: int, remains: output.Remains) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what it forked, where it could
    os.close(pidfd)
    _tell(control, {"exited": number, "status": status, "printed": remains.read()})
    remains.close()


def _worker(
    control: _socket.socket,
    stream_fd: int,
    request: dict[str, Any],
    loaded: corpus.Loaded,
    options: dict[str, Any],
    remains: output.Remains,
) -> None:
    """Confines this process and runs cells in it. Does not return."""
    os.setpgid(0, 0)
    try:
        lockdown = _worker_module("lockdown")
        if "tmp" in options:
            _mount_tmp(**options["tmp"])
        if options["confine"]:
            enforced = lockdown.lock_down(memory_bytes=options["memory_bytes"], **options["confine"])
        else:
            enforced = []
            _die_with_parent()
            _limit(options["memory_bytes"])
    except (OSError, ValueError, MemoryError) as error:
        _tell(control, {"failed": request["fork"], "message": str(error)})
        os._exit(1)
    os.dup2(stream_fd, 3)
    os.closerange(4, 1 << 20)
    read = open(3, "rb", closefd=False).read  # noqa: SIM115 - as long as the process
    _worker_module("worker").Worker(read, _socket.socket(fileno=3).sendall, loaded, enforced, remains).serve()


def _mount_tmp(folder: str, size: int, files: int) -> None:
    """Gives this process a temporary folder that no other sees, of so many bytes and files; it ends with the process.

    Raises:
        OSError: It can't be had.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    flags = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    data = f"size={size},nr_inodes={files},mode=700".encode()
    if libc.unshare(_CLONE_NEWNS) or libc.mount(b"tmpfs", folder.encode(), b"tmpfs", flags, data):
        raise OSError(ctypes.get_errno(), f"no file system for {folder} can be mounted")


def _limit(memory_bytes: int) -> None:
    """What `unconfined` has: limits against accidents. A child process gets as much again."""
    import resource

    with open("/proc/self/statm", "rb") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _worker_module("lockdown").limit_tasks()


def _worker_module(name: str) -> Any:
    return sys.modules[f"{PACKAGE}.{name}"]


def _received(control: _socket.socket, most: int) -> tuple[bytes, list[int]]:
    """A packet, and at most so many descriptors beside it."""
    descriptors = array("i")
    data, beside, _, _ = control.recvmsg(_PACKET, _socket.CMSG_SPACE(most * descriptors.itemsize))
    for level, kind, sent in beside:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            descriptors.frombytes(sent[: len(sent) - len(sent) % descriptors.itemsize])
    return data, descriptors.tolist()


def _tell(control: _socket.socket, message: dict[str, Any], fds: list[int] | None = None) -> None:
    if "message" in message:
        message["message"] = message["message"][:1000]
    try:
        control.sendmsg(
            [json.dumps(message).encode()], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", fds or []))]
        )
    except OSError:
        os._exit(0)  # the host is gone, and the workers die with their parent


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _die_with_parent() -> None:
    parent = os.getppid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]))
