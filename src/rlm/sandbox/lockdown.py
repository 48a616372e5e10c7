"""Locks the worker's own process down before it runs a cell: files, network, processes, memory. There is no way back.

Needs no root, no namespaces and nothing installed: Landlock says which files can be opened, a seccomp allowlist which
system calls exist, rlimits how much memory. Worker-side: standard library only, Python 3.8+, x86-64 and aarch64.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct
import sys

from . import landlock, seccomp

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterable, Sequence
    from typing import Any
else:
    import _signal as signal  # `signal` makes enums of all constants

_OPEN_FILES = 256  # also bounds what pipes and socket pairs hold outside RLIMIT_AS, to about 60 MB
_THREADS = 4096  # beyond the tasks that the machine has when the worker starts
_NO_ONES_UIDS = 0x70000000  # above every range that systems hand out
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 1, 4, 24, 38, 47
_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_HEADER = struct.pack("=Ii", 0x20080522, 0)  # version 3, this process
_M_ARENA_MAX = -8

_libc = ctypes.CDLL(None, use_errno=True)
# Looked up before any fork: a first look-up writes to pages that are shared.
_functions: list[Any] = [getattr(_libc, name, None) for name in ("prctl", "capset", "mallopt")]
_prctl, _capset, _mallopt = _functions
if _prctl is not None:
    _prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)

# Code opens /dev/null to write as often as to read, and nothing comes of it.
_DEVICES = {
    "/dev/null": landlock.READ_FILE | landlock.WRITE_FILE,
    "/dev/zero": landlock.READ_FILE,
    "/dev/urandom": landlock.READ_FILE,
    "/dev/random": landlock.READ_FILE,
}


def supported(landlock_abi_cap: int | None = None) -> str | None:
    """None where `lock_down` can hold on this machine; otherwise why not, and what to do about it."""
    if sys.platform != "linux":
        return "the local sandbox needs Linux (Landlock and seccomp); use a container, or the sandbox 'unconfined'"
    machine = os.uname().machine
    if machine not in seccomp.AUDIT_ARCH or struct.calcsize("P") != 8 or sys.byteorder != "little":
        return f"the local sandbox knows x86-64 and aarch64, not this {machine} Python; use the sandbox 'unconfined'"
    if landlock_abi_cap == 0:
        return "Landlock is capped at ABI 0, so files can't be kept from the worker; lift the cap"
    if landlock.abi() < 1:
        return {
            errno.EOPNOTSUPP: "Landlock is switched off: add 'landlock' to the kernel's lsm= boot parameter",
            errno.EPERM: "Landlock is blocked by a container: allow landlock_* in its seccomp profile",
        }.get(ctypes.get_errno(), "this kernel has no Landlock: it takes Linux 5.13 with CONFIG_SECURITY_LANDLOCK")
    if not os.path.exists("/proc/self/statm"):
        return "the local sandbox needs /proc mounted to size its memory limit: mount -t proc proc /proc"
    return None


def no_writing(landlock_abi_cap: int | None = None) -> str | None:
    """None where a writable folder can be had without mounts of its own; otherwise why not, and what to do about it.

    Before Landlock's ABI 3 nothing but the system-call filter stops a file that may be read from being emptied, and a
    filter can't tell it from one that may be written.
    """
    abi = landlock.abi() if landlock_abi_cap is None else min(landlock_abi_cap, landlock.abi())
    if abi >= 3:
        return None
    return "a writable folder takes Linux 6.2 (Landlock ABI 3) in the local sandbox; use the sandbox 'bubblewrap'"


def readable() -> list[str]:
    """What Python needs of the host and `lock_down` should leave readable.

    The interpreter, its standard library and packages, the folders of shared libraries, time zones, MIME types.
    """
    packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages", ".zip"))]
    if _found.get("packages") != packages:  # 0.4 ms to find out
        _found.update(packages=packages, paths=_readable(packages))
    return list(_found["paths"])


_found: dict[str, list[str]] = {}


def _readable(packages: list[str]) -> list[str]:
    import site  # on the host alone: a worker has no need of them, and they take 0.3 MB of it
    import sysconfig

    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    paths = [os.path.realpath(sys.executable)]
    for scheme in (sysconfig.get_paths(), sysconfig.get_paths(vars=base)):
        paths += [scheme[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += site.getsitepackages([sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix])
    paths += packages
    triplet = sysconfig.get_config_var("MULTIARCH") or f"{os.uname().machine}-linux-gnu"
    paths += [f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib64", "/usr/lib64", "/usr/local/lib"]
    if sys.base_prefix != "/usr":  # a Python that brings its libraries along; /usr/lib itself is the whole host's
        paths.append(os.path.join(sys.base_prefix, "lib"))
    paths += ["/etc/ld.so.cache", "/usr/share/zoneinfo", "/etc/localtime", "/etc/mime.types"]
    return list(dict.fromkeys(paths))


def prctl(option: int, *args: int) -> int:
    """Calls the system call of that name, with numbers."""
    result: int = _prctl(option, *(*args, 0, 0, 0, 0)[:4])
    return result


def _drop_capabilities() -> None:
    """Leaves none in any set. The effective uid stays: another one can't import from a Python under a 0700 folder."""
    capability = 0
    while prctl(_PR_CAPBSET_DROP, capability) == 0:  # EPERM at once where there is none to lose, EINVAL at the end
        capability += 1
    prctl(_PR_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL)
    if _capset(_CAPABILITY_HEADER, bytes(24)):
        raise OSError(ctypes.get_errno(), "capset failed")


def _limit_resources(memory_bytes: int | None, file_bytes: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    if memory_bytes is None:
        return
    # Each thread would reserve 64 MB of address space for an arena of its own, and the limit counts that as used.
    if _mallopt is not None:
        _mallopt(_M_ARENA_MAX, 2)
    size = int(_read("/proc/self/statm").split()[0]) * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _leave_uid_0() -> None:
    """Makes the limit on tasks hold, which spares the real uid 0. Files go by the effective one, which stays.

    A uid for each worker, so that none uses up what another has.
    """
    if os.getuid() == 0:
        try:  # noqa: SIM105 - `contextlib` takes 1 ms of a cold start
            os.setresuid(_NO_ONES_UIDS + os.getpid(), -1, -1)
        except OSError:
            pass


def limit_tasks() -> None:
    """Stops a flood of threads before it takes every process number there is; memory limits come too late for that.

    The limit counts all tasks of the real uid, so it starts from what the whole machine runs: no harm to a worker that
    shares its uid with a busy user.
    """
    tasks = int(_read("/proc/loadavg").split()[3].split(b"/")[1])
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    threads = tasks + _THREADS if hard == resource.RLIM_INFINITY else min(tasks + _THREADS, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))


def _read(path: str) -> bytes:
    """A short file of /proc. What `open` makes around it would cost each worker 60 KB of pages of its own."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


def die_with(parent: int) -> None:
    """Has the kernel kill this process when its parent ends. After any change of uid, which would undo it.

    Raises:
        OSError: The kernel refused.
    """
    if prctl(_PR_SET_PDEATHSIG, signal.SIGKILL):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it ended before it could be watched
        os._exit(1)


def prepare() -> None:
    """Makes what is the same for all processes that will be confined."""
    if supported() is None:
        seccomp.prepared(os.uname().machine, False, False)


class Rules:
    """What several processes can be confined by, one after the other; `ruleset` is a descriptor of Landlock's."""

    __slots__ = ("enforced", "file_bytes", "filter", "ruleset")

    def __init__(self, ruleset: int, calls: seccomp.Filter, file_bytes: int, enforced: list[str]) -> None:
        self.ruleset = ruleset
        self.filter = calls
        self.file_bytes = file_bytes
        self.enforced = enforced


def make_rules(
    read: Iterable[str],
    *,
    landlock_abi_cap: int | None = None,
    write: Sequence[str] = (),
    file_bytes: int = 0,
    own_mounts: bool = False,
) -> Rules:
    """Gets ready what `confine` confines by, as `lock_down` has it.

    Raises:
        OSError: Something can't be enforced.
    """
    why_not = supported(landlock_abi_cap)
    if why_not is None and write and not own_mounts:
        why_not = no_writing(landlock_abi_cap)
    if why_not is not None:
        raise OSError(errno.ENOTSUP, why_not)
    abi = landlock.abi() if landlock_abi_cap is None else min(landlock_abi_cap, landlock.abi())
    deny_truncate = abi < 3 and not (write and own_mounts)
    enforced = ["files", "network", "processes"] + (["disk"] if own_mounts or not write else [])
    calls = seccomp.prepared(os.uname().machine, deny_truncate, bool(write))
    ruleset = landlock.make_ruleset(read, _DEVICES, abi, write)
    return Rules(ruleset, calls, file_bytes if write else 0, enforced)


def confine(rules: Rules, *, memory_bytes: int | None, parent: int) -> list[str]:
    """Confines this process by rules that are ready, as `lock_down` does, and closes its descriptor of them.

    Raises:
        OSError: Something can't be enforced. Nothing may run in this process then.
    """
    if len(os.listdir("/proc/self/task")) != 1:
        raise OSError(errno.EBUSY, "lock_down confines one thread, and this process has several")
    _leave_uid_0()
    limit_tasks()
    _drop_capabilities()
    _limit_resources(memory_bytes, rules.file_bytes)
    prctl(_PR_SET_DUMPABLE, 0)  # a crash handler ignores RLIMIT_CORE and would store the user's input
    die_with(parent)
    if prctl(_PR_SET_NO_NEW_PRIVS, 1):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS) failed")
    landlock.restrict(rules.ruleset)
    rules.filter.install(os.getpid())
    return [*rules.enforced, *(["memory"] if memory_bytes is not None else [])]


def lock_down(read: Iterable[str], *, memory_bytes: int | None, parent: int | None = None, **options: Any) -> list[str]:
    """Confines this process, which must have one thread and no open file that a cell must not reach.

    Args:
        read: Files and folders that stay readable; `readable()` is what Python needs.
        memory_bytes: Address space that may be added to what is in use now; None leaves it unlimited.
        parent: The process to die with; None takes the parent at the time of the call.
        options: Of `make_rules`:
            landlock_abi_cap: Use at most this ABI, as an older kernel would.
            write: Folders that files can be made and changed in; beyond Linux 6.2 (ABI 3), or with `own_mounts`, alone.
            file_bytes: The most that a file there may hold.
            own_mounts: The file systems of `write` are limited in size, and all others are mounted read-only.

    Returns:
        What is enforced from now on: of files, network, memory, processes, disk.

    Raises:
        OSError: Something can't be enforced. Nothing may run in this process then.
    """
    parent = os.getppid() if parent is None else parent
    return confine(make_rules(read, **options), memory_bytes=memory_bytes, parent=parent)
