"""The run zygote: loads a run's input, and forks the run's workers, which share its pages. Linux only.

They are the only way to hand over a `str` that costs nothing. It stays single-threaded, because a forked thread is lost
with its locks held, and knows nothing secret.
"""

from __future__ import annotations

import _socket  # `socket` makes enums of all constants, and loads `selectors`
import ctypes
import gc
import os
import select
import sys

from . import corpus, late, lockdown, output, packets, pieces, protocol, worker

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    import signal
    from typing import Any
else:
    import _signal as signal  # `signal` makes enums of all constants

_CLONE_NEWNS, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 0x00020000, 2, 4, 8


def main(control_fd: int, blob: int, options_fd: int) -> None:
    """Loads the input, then forks workers until its control socket closes. Does not return."""
    sys.dont_write_bytecode = True
    control = _socket.socket(fileno=control_fd)
    own = os.pidfd_open(os.getpid())
    packets.tell(control, {"started": True}, [own])
    os.close(own)
    options, cuts = _load(control, blob, options_fd)
    rules = _rules(options)  # while the host asks for the first worker
    workers: dict[int, tuple[int, int, output.Remains]] = {}  # pidfd -> number, pid, what it printed
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        events = poll.poll(None if late.loaded else late.IDLE)
        if not events:
            late.load()
        for fd, _ in events:
            if fd != control.fileno():
                poll.unregister(fd)
                _reap(control, fd, *workers.pop(fd))
                continue
            data, fds = packets.receive(control, 1)
            if not data:
                os._exit(0)  # the workers die with their parent
            request = protocol.from_json(data.decode())
            remains = output.Remains()
            try:
                cuts.prepare(request["piece"])
                pid = os.fork()
            except (OSError, ValueError, MemoryError) as error:
                remains.close()
                os.close(fds[0])
                packets.tell(control, {"failed": request["fork"], "message": str(error)})
                packets.tell(control, {"exited": request["fork"], "status": 1})
                continue
            if pid == 0:
                try:
                    _worker(control, fds[0], request["fork"], request["piece"], cuts, options, rules, remains)
                finally:
                    os._exit(1)
            remains.keep_from_forks()  # or the next worker could read and write what this one prints
            os.close(fds[0])
            pidfd = os.pidfd_open(pid)
            workers[pidfd] = request["fork"], pid, remains
            poll.register(pidfd, select.POLLIN)
            packets.tell(control, {"forked": request["fork"]}, [pidfd])


class _Pieces:
    """Pieces of the input that children are given. Long ones of a text that was decoded are kept, so that children of
    the same one share it: all that are kept together take no more than the input's own bytes, and a MiB for what each
    has beside its text, so that all pieces of an input that was cut once have room.
    """

    def __init__(self, loaded: corpus.Loaded, most: int) -> None:
        self._loaded = loaded
        self._most = most + pieces.LARGE
        self._kept: dict[tuple[int, int, str], corpus.Loaded] = {}  # the last one used is the last

    def prepare(self, piece: list[Any] | None) -> None:
        """Cuts a long piece before a worker is forked that is given it, unless to share its pages is for the worker.

        Raises:
            ValueError: There is no such piece.
        """
        if piece is None:
            return
        start, end, name = key = (piece[0], piece[1], piece[2])
        text = corpus.piece_in(self._loaded, name, start, end)
        if end - start < pieces.LARGE or pieces.shares(text):
            return
        kept = self._kept.pop(key, None)
        self._kept[key] = kept or corpus.slice_context(self._loaded, name, start, end)
        while sum(sys.getsizeof(one.value) for one in self._kept.values()) > self._most:
            self._kept.pop(next(iter(self._kept)))

    def given(self, piece: list[Any] | None) -> corpus.Loaded:
        """The input of this worker, which is given that piece of it, or all of it; the piece was prepared."""
        if piece is None:
            return self._loaded
        start, end, name = key = (piece[0], piece[1], piece[2])
        return self._kept.get(key) or corpus.slice_context(self._loaded, name, start, end)


def _load(control: _socket.socket, blob: int, options_fd: int) -> tuple[dict[str, Any], _Pieces]:
    """The options and the input. Says so, with the folder that the host shares; does not return where it fails."""
    try:
        with open(options_fd, encoding="utf-8") as file:
            options = protocol.from_json(file.read())
        size = os.fstat(blob).st_size
        if size >= pieces.LARGE:
            from . import mapped

            pieces.mapped = mapped if mapped.works() else None
        loaded = corpus.build_context(options["kind"], options["parts"], blob, options["ascii"])
        cuts = _Pieces(loaded, size)
        os.close(blob)
        shared = [os.open(options["share"], os.O_RDONLY | os.O_DIRECTORY)] if options.get("share") else []
    except (OSError, ValueError, MemoryError) as error:
        packets.tell(
            control, {"failed": None, "message": f"the input can't be loaded: {type(error).__name__}: {error}"}
        )
        os._exit(1)
    gc.freeze()
    packets.tell(control, {"loaded": True}, shared)
    for fd in shared:
        os.close(fd)
    return options, cuts


def _rules(options: dict[str, Any]) -> lockdown.Rules | None:
    """What all workers are confined by; None where each needs its own: a rule holds for a folder as it is mounted."""
    if not options["confine"] or "tmp" in options:
        return None
    try:
        return lockdown.make_rules(**options["confine"])
    except OSError:
        return None  # each worker fails then, and says why


def _reap(control: _socket.socket, pidfd: int, number: int, pid: int, remains: output.Remains) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:  # noqa: SIM105 - `contextlib` takes 1 ms of a cold start
        os.killpg(pid, signal.SIGKILL)  # what it forked, where it could
    except ProcessLookupError:
        pass
    os.close(pidfd)
    packets.tell(control, {"exited": number, "status": status, "printed": remains.read()})
    remains.close()


def _worker(
    control: _socket.socket,
    stream_fd: int,
    number: int,
    piece: list[Any] | None,
    cuts: _Pieces,
    options: dict[str, Any],
    rules: lockdown.Rules | None,
    remains: output.Remains,
) -> None:
    """Confines this process and runs cells in it. Does not return."""
    os.setpgid(0, 0)
    try:
        loaded = cuts.given(piece)
        if options.get("packages") or options.get("cpus"):
            from . import provision

            provision.provide(options)
        if "tmp" in options:
            _mount_tmp(**options["tmp"])
        enforced: list[str] = []
        if options["confine"]:
            rules = rules or lockdown.make_rules(**options["confine"])
            enforced = lockdown.confine(rules, memory_bytes=options["memory_bytes"], parent=os.getppid())
        else:
            lockdown.die_with(os.getppid())
            _limit(options["memory_bytes"])
            _let_fork()
    except (OSError, ValueError, MemoryError) as error:
        packets.tell(control, {"failed": number, "message": str(error)})
        os._exit(1)
    os.dup2(stream_fd, 3)
    os.closerange(4, 1 << 20)
    read = open(3, "rb", closefd=False).read  # noqa: SIM115 - as long as the process
    worker.Worker(read, _socket.socket(fileno=3).sendall, loaded, enforced, remains).serve()


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


def _let_fork() -> None:
    """Has `threading` and others get ready what cells fork here, as they asked for: the zygotes did without."""
    import posix

    os.register_at_fork = posix.register_at_fork
    for hooks in sys.modules[__package__].at_fork:
        os.register_at_fork(**hooks)


def _limit(memory_bytes: int) -> None:
    """What `unconfined` has: limits against accidents. A child process gets as much again."""
    import resource

    with open("/proc/self/statm", "rb") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    lockdown.limit_tasks()
