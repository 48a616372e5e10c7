"""The system-call filter: an allowlist as a classic BPF program, for x86-64 and aarch64.

What is not named here answers ENOSYS, as an old kernel would. The default can't be EPERM: glibc falls back from
`clone3`, whose flags lie in memory that a filter can't read, to `clone` on ENOSYS alone, and every thread would fail.
Calls that Python code reaches by everyday functions answer EPERM, which becomes a `PermissionError`.

Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from .syscalls import NUMBERS

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
RET_ALLOW = 0x7FFF0000
RET_ERRNO = 0x00050000

_LOAD, _AND, _JUMP_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_prctl: Any = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
if _prctl is not None:
    _prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
_ANY_PID = 0x7FFFFFFE  # no process has it, and nothing else in a filter
_PID = struct.Struct("=I")

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2

_ALLOWED = """
    read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek close close_range fstat stat
    lstat newfstatat statx access faccessat faccessat2 getdents getdents64 readlink readlinkat getcwd statfs
    fstatfs dup dup2 dup3 mmap munmap mremap mprotect madvise brk membarrier rt_sigaction rt_sigprocmask
    rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause alarm setitimer getitimer
    nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times restart_syscall futex
    sched_yield sched_getaffinity sched_get_priority_max sched_get_priority_min sched_getparam
    sched_getscheduler set_tid_address set_robust_list rseq getcpu getpid getppid gettid getuid geteuid getgid
    getegid getresuid getresgid getgroups getpgid getpgrp getsid getpriority getrlimit getrusage sysinfo uname
    umask getrandom exit exit_group wait4 waitid poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl
    epoll_wait epoll_pwait epoll_pwait2 pipe pipe2 recvfrom shutdown getsockname getpeername
"""

# Denied either way; these say PermissionError instead of "Function not implemented". Landlock alone would let
# several of them through: it knows nothing of chmod, chown, utime, xattrs, UDP or sockets with a path.
_REFUSED = """
    socket connect bind listen accept accept4 sendmsg recvmsg sendmmsg recvmmsg setsockopt fork vfork execve
    execveat ptrace process_vm_readv process_vm_writev tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open
    pidfd_getfd pidfd_send_signal truncate ftruncate fallocate creat rename renameat renameat2 link linkat
    symlink symlinkat unlink unlinkat mkdir mkdirat rmdir mknod mknodat chmod fchmod fchmodat chown fchown
    lchown fchownat utime utimes futimesat utimensat setxattr getxattr listxattr chdir fchdir chroot mount
    umount2 unshare setns memfd_create personality setuid setgid setreuid setregid setresuid setresgid setgroups
    setsid setpgid setrlimit setpriority flock
"""

# Allowed where there is a writable folder: what they may touch is Landlock's to say.
_WRITING = """
    mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 ftruncate fallocate creat fsync fdatasync
"""


class Test:
    """Passes where 32 bits of an argument, masked, equal a value; the high ones or the low ones."""

    __slots__ = ("arg", "high", "mask", "value")

    def __init__(self, arg: int, value: int, mask: int = 0xFFFFFFFF, high: bool = False) -> None:
        self.arg = arg
        self.value = value
        self.mask = mask
        self.high = high


TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Alternatives = tuple[tuple[Test, ...], ...]

_O_TRUNC, _O_PATH, _O_TMPFILE = 0o1000, 0o10000000, 0o20000000
_CLONE_THREAD, _CLONE_NEW_NAMESPACES = 0x00010000, 0x7E020000
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPE_MASK = 1, 1, 0xF
_SOL_SOCKET = 1
_FCNTL = (0, 1, 2, 3, 4, 1030)  # dup, get and set of fd and file flags, dup with close-on-exec; no owner, no lease
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIO(N)CLEX
_PRCTL = (2, 3, 15, 16, 21, 23, 39, 0x53564D41)  # getters, the thread's name, the name of a mapping
_GETSOCKOPT = (3, 4, 7, 8, 38, 39)  # type, error, buffer sizes, protocol, domain; none that yields a pidfd


def _one_of(arg: int, values: Sequence[int]) -> Alternatives:
    return tuple((Test(arg, value),) for value in values)


def _null(arg: int) -> tuple[Test, Test]:
    return Test(arg, 0), Test(arg, 0, high=True)


def _own(pid: int) -> dict[str, Alternatives]:
    """The calls that are allowed for one process, the worker itself."""
    return {
        "kill": ((Test(0, pid),),),
        "tgkill": ((Test(0, pid),),),
        "prlimit64": ((Test(0, 0), *_null(2)), (Test(0, pid), *_null(2))),
    }


def _conditions(deny_truncate: bool) -> dict[str, Alternatives]:
    """The calls that are allowed with certain arguments: any alternative, all of its tests.

    Args:
        deny_truncate: Refuse to truncate while opening, which Landlock can't see before its ABI 3.
    """
    open_flags = _O_PATH | _O_TMPFILE | (_O_TRUNC if deny_truncate else 0)
    return {
        "open": ((Test(1, 0, open_flags),),),
        "openat": ((Test(2, 0, open_flags),),),
        "clone": ((Test(0, _CLONE_THREAD, _CLONE_THREAD | _CLONE_NEW_NAMESPACES),),),
        "prctl": _one_of(0, _PRCTL),
        "fcntl": _one_of(1, _FCNTL),
        "ioctl": _one_of(1, _IOCTL),
        # Streams only: a datagram socket of a pair still sends to any address, /dev/log for one.
        "socketpair": ((Test(0, _AF_UNIX), Test(1, _SOCK_STREAM, _SOCK_TYPE_MASK)),),
        "sendto": (_null(4),),
        "getsockopt": tuple((Test(1, _SOL_SOCKET), Test(2, option)) for option in _GETSOCKOPT),
    }


def _number(name: str, machine: str) -> int | None:
    return NUMBERS[name][0 if machine == "x86_64" else 1]


def _instruction(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, k)


def _block(alternatives: Alternatives) -> list[bytes]:
    """Instructions that allow the call if an alternative holds, and refuse it otherwise."""
    block: list[bytes] = []
    for tests in alternatives:
        code = [_instruction(_RETURN, RET_ALLOW)]
        for test in reversed(tests):
            # A failed test jumps to the next alternative, over what is already in `code`.
            check = [_instruction(_LOAD, 16 + 8 * test.arg + 4 * test.high)]
            if test.mask != 0xFFFFFFFF:
                check.append(_instruction(_AND, test.mask))
            check.append(_instruction(_JUMP_EQUAL, test.value, 0, len(code)))
            code = check + code
        block += code
    return [*block, _instruction(_RETURN, RET_ERRNO | errno.EPERM)]


def _compared(machine: str, blocks: Iterable[tuple[str, list[bytes]]]) -> bytes:
    """Instructions that compare the call's number with each name's, and go on with its block where they are equal."""
    code: list[bytes] = []
    for name, block in blocks:
        number = _number(name, machine)
        if number is not None:
            code.append(_instruction(_JUMP_EQUAL, number, 0, len(block)))
            code += block
    return b"".join(code)


def _fixed(machine: str, deny_truncate: bool, writes: bool) -> tuple[bytes, bytes]:
    """What comes before the calls of `_own`, and after them."""
    default = _instruction(_RETURN, RET_ERRNO | errno.ENOSYS)
    start = [
        _instruction(_LOAD, 4),
        _instruction(_JUMP_EQUAL, AUDIT_ARCH[machine], 1, 0),
        default,
        _instruction(_LOAD, 0),
    ]
    allowed = _ALLOWED.split() + (_WRITING.split() if writes else [])
    allow, refuse = [_instruction(_RETURN, RET_ALLOW)], [_instruction(_RETURN, RET_ERRNO | errno.EPERM)]
    refused = [name for name in _REFUSED.split() if name not in allowed]
    blocks = [(name, allow) for name in allowed]
    blocks += [(name, _block(alternatives)) for name, alternatives in _conditions(deny_truncate).items()]
    before = b"".join(start) + _compared(machine, blocks)
    return before, _compared(machine, [(name, refuse) for name in refused]) + default


def program(machine: str, pid: int, deny_truncate: bool, writes: bool = False) -> bytes:
    """The filter as `struct sock_filter[]`, for a little-endian machine of `AUDIT_ARCH`; `writes`: there is a writable
    folder.

    Call numbers are compared for equality, so x32's, which carry bit 30, match nothing; another architecture's
    (`int 0x80`) are never looked at.
    """
    before, after = _fixed(machine, deny_truncate, writes)
    return before + _compared(machine, [(name, _block(tests)) for name, tests in _own(pid).items()]) + after


class _SockFprog(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


_prepared: dict[tuple[str, bool, bool], Filter] = {}


def prepared(machine: str, deny_truncate: bool, writes: bool) -> Filter:
    """A filter, made once for all processes that are forked from this one."""
    key = machine, deny_truncate, writes
    if key not in _prepared:
        _prepared[key] = Filter(*key)
    return _prepared[key]


class Filter:
    """A program that is ready but for the process that it is for. What is made before a fork is shared: made in each
    worker it took 0.2 MB and 1 ms of it.

    Args:
        machine, deny_truncate, writes: As `program` has them.
    """

    def __init__(self, machine: str, deny_truncate: bool, writes: bool = False) -> None:
        code = program(machine, _ANY_PID, deny_truncate, writes)
        self.code = ctypes.create_string_buffer(code, len(code))
        values = enumerate(struct.iter_unpack("=HBBI", code))
        self._places = [8 * n + 4 for n, (_, _, _, value) in values if value == _ANY_PID]
        self._fprog = _SockFprog(len(code) // 8, ctypes.cast(self.code, ctypes.c_void_p))
        self._arguments = (_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(self._fprog), 0, 0)

    def make_for(self, pid: int) -> None:
        """Writes the number of the process into `code`, the program."""
        for place in self._places:
            _PID.pack_into(self.code, place, pid)

    def install(self, pid: int) -> None:
        """Filters this thread and those it will start, for good. PR_SET_NO_NEW_PRIVS has to be set by then.

        Raises:
            OSError: The kernel refused; nothing may run then.
        """
        self.make_for(pid)
        if _prctl(*self._arguments):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_SECCOMP) failed")
