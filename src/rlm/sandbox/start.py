"""Starts one worker by itself, where there is no zygote: in a container, on another machine, on macOS.

`python start.py INPUT OPTIONS [PIECE [text]]`: the input's bytes (gzip where the name ends in `.gz`), a JSON object of
options, and for a child `[start, end, name]`, or `null`. Frames travel over standard input and output, and with `text`
leave as lines of base64. The files that `worker.SHIPPED` names lie beside this one, in a folder or in one zip.
Worker-side: standard library only, Python 3.8+.

Options: `kind` and `parts` of the input; `confine`, "try" to lock down what the kernel lets it, or null to leave that
to the sandbox around it; `memory_bytes` that may be added to what the input takes, or null; `read` and `write`, paths
for cells; `file_bytes`, the most that a file of theirs may hold; `packages` and `cpus`, as `provision.py` has them.
Neither file has to be there before the first frame comes: a place may be started early.

The process that is started watches: it ends the worker, which is its child, as soon as the stream is closed, also where
the worker spins without a chance to see that; and it passes SIGINT on. The cells can neither kill nor trace it where it
is process 1 of a container.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import types

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from typing import Any, BinaryIO, NoReturn

PACKAGE = "rlm_worker"
# What a worker's interpreter is started with.
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",  # so that a run repeats
    "MALLOC_ARENA_MAX": "2",  # each reserves 64 MB of the address space that is limited
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # large texts in pages of 2 MB, which are a third of the time
}
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_LINE = 48 * 1024  # bytes
_RDHUP = getattr(select, "POLLRDHUP", 0x2000 if sys.platform == "linux" else 0)


def main(
    input_path: str,
    options_path: str,
    piece: list[Any] | None,
    text: bool = False,
    variables: dict[str, Any] | None = None,
) -> NoReturn:
    """Runs cells until standard input ends, with variables that are there already. Does not return."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    watcher = os.getpid()
    child = os.fork()
    if child:
        _watch(child, wake)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.close(wake)
    os.close(woken)
    os.setpgid(0, 0)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != watcher:
        os._exit(1)
    _work(input_path, options_path, piece, text, variables)


def _watch(child: int, wake: int) -> NoReturn:
    """Waits until the worker ends, and ends as it did; ends it when nobody is at the other end of the stream."""
    _prctl(_PR_SET_DUMPABLE, 0)  # what has the same uid could trace it otherwise
    poll = select.poll()
    poll.register(0, _RDHUP)  # and hung up, which is always told
    poll.register(wake, select.POLLIN)
    os.close(1)
    while True:
        ready = [fd for fd, _ in poll.poll()]
        numbers = os.read(wake, 64) if wake in ready else b""
        while True:  # process 1 reaps what cells leave, too
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                os._exit(0)
            if pid == 0:
                break
            if pid == child:
                _end(child, status)
        if 0 in ready or signal.SIGTERM in numbers:
            _end(child, 0)
        if signal.SIGINT in numbers:
            os.kill(child, signal.SIGINT)


def _end(child: int, status: int) -> NoReturn:
    """Ends as the worker did, and with it what it started."""
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    if os.getpid() != 1:
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(128 + number)


def _work(
    input_path: str, options_path: str, piece: list[Any] | None, text: bool, variables: dict[str, Any] | None
) -> NoReturn:
    receive, send = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", 0)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):  # what a cell prints past `sys.stdout` must not reach the wire
        os.dup2(null, fd)
    os.close(null)
    package = types.ModuleType(PACKAGE)
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules[PACKAGE] = package
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != package.__path__[0]]
    __import__(PACKAGE + ".worker")
    corpus, worker = sys.modules[PACKAGE + ".corpus"], sys.modules[PACKAGE + ".worker"]
    select.select([receive], [], [])
    with open(options_path, "rb") as file:
        options = json.load(file)
    with _opened(input_path) as source:
        loaded = corpus.build_context(options["kind"], options["parts"], source.fileno())
    if options.get("packages") or options.get("cpus"):
        __import__(PACKAGE + ".provision")
        sys.modules[PACKAGE + ".provision"].provide(options)
    if piece is not None:
        start, end, name = piece
        loaded = corpus.slice_context(loaded, name, start, end)

    def send_whole(data: bytes) -> None:
        view = memoryview(_lines(data) if text else data)
        while view:
            view = view[send.write(view) :]

    worker.Worker(receive.read, send_whole, loaded, _confine(options), variables=variables).serve()
    os._exit(0)


def _lines(data: bytes) -> bytes:
    """For streams that carry text only: base64, in lines that whoever reads them can bound."""
    import base64

    return b"".join(base64.b64encode(data[at : at + _LINE]) + b"\n" for at in range(0, len(data), _LINE))


def _opened(path: str) -> BinaryIO:
    """A file with the input's own bytes."""
    if not path.endswith(".gz"):
        return open(path, "rb")
    import gzip
    import shutil
    import tempfile

    if hasattr(os, "memfd_create"):
        plain: Any = os.fdopen(os.memfd_create("input"), "w+b")
    else:
        plain = tempfile.TemporaryFile()  # noqa: SIM115 - it is the caller's
    with gzip.open(path) as packed:
        shutil.copyfileobj(packed, plain, 2**20)
    plain.flush()
    return plain  # type: ignore[no-any-return]


def _confine(options: dict[str, Any]) -> list[str]:
    """Limits this process as far as it is asked to and the kernel lets it; what is enforced."""
    memory: int | None = options.get("memory_bytes")
    if options.get("confine") == "try":
        __import__(PACKAGE + ".lockdown")
        lockdown = sys.modules[PACKAGE + ".lockdown"]
        write = [path for path in options["write"] if lockdown.no_writing() is None]
        if lockdown.supported() is None and write == options["write"]:
            enforced: list[str] = lockdown.lock_down(
                [*lockdown.readable(), *options["read"]],
                memory_bytes=memory,
                write=write,
                file_bytes=options["file_bytes"],
            )
            return enforced
    if memory is not None and sys.platform == "linux":  # so that too much is a MemoryError before it is a death
        import resource

        with open("/proc/self/statm", "rb") as statm:
            size = int(statm.read().split()[0]) * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return []


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        unused = ctypes.c_ulong(0)
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), unused, unused, unused)


def _in_clean_environment() -> None:
    """Starts again without the variables of the place, which are not the cells' to see, and with constant hashes."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, "-s", "-X", "utf8", *sys.argv], ENVIRONMENT)


if __name__ == "__main__":
    _in_clean_environment()
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]) if len(sys.argv) > 3 else None, sys.argv[4:] == ["text"])
