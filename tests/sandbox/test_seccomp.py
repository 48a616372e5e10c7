"""The filter itself, for both machines: its program is run by a small BPF interpreter, call by call."""

from __future__ import annotations

import errno
import struct

import pytest

from rlm.sandbox import seccomp

PID = 4321
X86, ARM = seccomp.AUDIT_ARCH["x86_64"], seccomp.AUDIT_ARCH["aarch64"]
I386 = 0x40000003

# Written down from the kernel's tables, apart from rlm.sandbox.syscalls: x86-64, aarch64.
ALLOWED = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62), "mmap": (9, 222),
    "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134),
    "rt_sigreturn": (15, 139), "pread64": (17, 67), "sched_yield": (24, 124), "mremap": (25, 216),
    "madvise": (28, 233), "nanosleep": (35, 101), "getpid": (39, 172), "recvfrom": (45, 207), "exit": (60, 93),
    "futex": (202, 98), "getdents64": (217, 61), "set_tid_address": (218, 96), "restart_syscall": (219, 128),
    "clock_gettime": (228, 113), "clock_nanosleep": (230, 115), "exit_group": (231, 94), "newfstatat": (262, 79),
    "ppoll": (271, 73), "set_robust_list": (273, 99), "dup3": (292, 24), "pipe2": (293, 59),
    "getrandom": (318, 278), "statx": (332, 291), "rseq": (334, 293), "epoll_pwait": (281, 22),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "sigaltstack": (131, 132), "gettid": (186, 178),
}  # fmt: skip
REFUSED = {
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "sendmsg": (46, 211), "recvmsg": (47, 212),
    "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "memfd_create": (319, 279), "pidfd_open": (434, 434), "unshare": (272, 97),
    "setns": (308, 268), "mount": (165, 40), "chroot": (161, 51), "fchmodat": (268, 53), "utimensat": (280, 88),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "truncate": (76, 45), "unlinkat": (263, 35),
    "renameat2": (316, 276), "setuid": (105, 146), "setrlimit": (160, 164), "personality": (135, 92),
}  # fmt: skip
UNKNOWN = {
    "clone3": (435, 435), "openat2": (437, 437), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "memfd_secret": (447, 447), "process_madvise": (440, 440), "kcmp": (312, 272),
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "seccomp": (317, 277),
    "inotify_init1": (294, 26), "fanotify_init": (300, 262), "open_by_handle_at": (304, 265), "vmsplice": (278, 75),
    "splice": (275, 76), "remap_file_pages": (216, 234), "init_module": (175, 105), "kexec_load": (246, 104),
    "pivot_root": (155, 41), "move_mount": (429, 429), "process_mrelease": (448, 448), "landlock_add_rule": (445, 445),
    "mlockall": (151, 230), "syslog": (103, 116), "reboot": (169, 142), "fchmodat2": (452, 452),
}  # fmt: skip


def run(program: bytes, arch: int, number: int, args: tuple[int, ...] = ()) -> int:
    """What the kernel would answer: the value of the RET that the program reaches."""
    padded = (*args, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, arch, 0, *(arg & (1 << 64) - 1 for arg in padded))
    code = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator = position = 0
    while True:
        op, if_true, if_false, k = code[position]
        position += 1
        if op == 0x20:  # BPF_LD | BPF_W | BPF_ABS
            (accumulator,) = struct.unpack_from("<I", data, k)
        elif op == 0x54:  # BPF_ALU | BPF_AND | BPF_K
            accumulator &= k
        elif op == 0x15:  # BPF_JMP | BPF_JEQ | BPF_K
            position += if_true if accumulator == k else if_false
        else:
            assert op == 0x06  # BPF_RET | BPF_K
            return k


ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
MACHINES = [("x86_64", X86, 0), ("aarch64", ARM, 1)]


@pytest.mark.parametrize(("machine", "arch", "column"), MACHINES)
def test_each_named_call_gets_its_answer(machine: str, arch: int, column: int) -> None:
    program = seccomp.program(machine, PID, deny_truncate=False)
    for names, answer in ((ALLOWED, ALLOW), (REFUSED, EPERM), (UNKNOWN, ENOSYS)):
        for name, numbers in names.items():
            assert run(program, arch, numbers[column]) == answer, name


@pytest.mark.parametrize(("machine", "arch", "column"), MACHINES)
def test_the_whole_range_of_numbers_is_an_allowlist(machine: str, arch: int, column: int) -> None:
    program = seccomp.program(machine, PID, deny_truncate=True)
    answers = {number: run(program, arch, number) for number in range(1024)}
    assert set(answers.values()) == {ALLOW, EPERM, ENOSYS}
    # With all arguments 0 the conditional calls that pass are open, openat, fcntl (F_DUPFD), prlimit64 (get), sendto.
    assert sum(answer == ALLOW for answer in answers.values()) == {"x86_64": 113, "aarch64": 97}[machine]
    assert all(answers[number] == ENOSYS for number in range(470, 1024))


@pytest.mark.parametrize(("machine", "arch", "column"), MACHINES)
def test_other_architectures_and_x32_are_refused(machine: str, arch: int, column: int) -> None:
    program = seccomp.program(machine, PID, deny_truncate=False)
    for number in range(512):
        assert run(program, I386, number) == ENOSYS
        assert run(program, ARM if arch == X86 else X86, number) == ENOSYS
        assert run(program, arch, number | 0x40000000) == ENOSYS


HIGH = 1 << 32  # a bit that the kernel drops from an int, and keeps in a pointer

CASES = [
    # call, its numbers, arguments, allowed
    ("kill itself", (62, 129), (PID, 9), True),
    ("kill its parent", (62, 129), (PID - 1, 0), False),
    ("kill its group", (62, 129), (0, 0), False),
    ("kill all", (62, 129), (-1, 0), False),
    ("kill a group", (62, 129), (-PID, 0), False),
    ("kill another, high bits set", (62, 129), (HIGH | 1, 9), False),
    ("tgkill itself", (234, 131), (PID, PID + 1, 9), True),
    ("tgkill another", (234, 131), (PID + 1, PID + 1, 9), False),
    ("a thread as glibc makes one", (56, 220), (0x3D0F00,), True),
    ("a thread as musl makes one", (56, 220), (0x7D0F00,), True),
    ("fork", (56, 220), (17 | 0x01200000,), False),
    ("vfork", (56, 220), (17 | 0x4100,), False),
    ("a thread in a new network", (56, 220), (0x3D0F00 | 0x40000000,), False),
    ("a process in a new user namespace", (56, 220), (17 | 0x10000000,), False),
    ("name the thread", (157, 167), (15,), True),
    ("clear PDEATHSIG", (157, 167), (1, 0), False),
    ("become dumpable", (157, 167), (4, 1), False),
    ("let anyone trace it", (157, 167), (0x59616D61, -1), False),
    ("read its limits", (302, 261), (0, 9, 0), True),
    ("set its limits", (302, 261), (0, 9, 0x7000), False),
    ("set its limits from an address whose low half is 0", (302, 261), (0, 9, HIGH), False),
    ("read another's limits", (302, 261), (1, 9, 0), False),
    ("a stream pair", (53, 199), (1, 1 | 0o2000000, 0), True),
    ("a datagram pair", (53, 199), (1, 2, 0), False),
    ("a raw pair, which is a datagram pair", (53, 199), (1, 3, 0), False),
    ("a pair of another family", (53, 199), (30, 1, 0), False),
    ("send to the peer", (44, 206), (5, 0x1000, 1, 0, 0, 0), True),
    ("send to an address", (44, 206), (5, 0x1000, 1, 0, 0x1000, 16), False),
    ("send to an address whose low half is 0", (44, 206), (5, 0x1000, 1, 0, HIGH, 16), False),
    ("a socket's type", (55, 209), (5, 1, 3), True),
    ("a pidfd of the peer", (55, 209), (5, 1, 77), False),
    ("another level's option", (55, 209), (5, 6, 3), False),
    ("get a file's flags", (72, 25), (5, 3), True),
    ("own a file's signals", (72, 25), (5, 8, 1), False),
    ("lease a file", (72, 25), (5, 1024, 0), False),
    ("watch a folder", (72, 25), (5, 1026, 0), False),
    ("grow a pipe", (72, 25), (5, 1031, 1 << 20), False),
    ("is it a terminal", (16, 29), (0, 0x5401), True),
    ("type into a terminal", (16, 29), (0, 0x5412), False),
    ("take a terminal", (16, 29), (0, 0x540E), False),
    ("open to read", (257, 56), (-100, 0x1000, 0), True),
    ("open without opening", (257, 56), (-100, 0x1000, 0o10000000), False),
    ("an unnamed file", (257, 56), (-100, 0x1000, 0o20000002), False),
]  # fmt: skip


@pytest.mark.parametrize(("numbers", "args", "allowed"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
@pytest.mark.parametrize(("machine", "arch", "column"), MACHINES)
def test_arguments(
    machine: str, arch: int, column: int, numbers: tuple[int, int], args: tuple[int, ...], allowed: bool
) -> None:
    program = seccomp.program(machine, PID, deny_truncate=False)
    assert run(program, arch, numbers[column], args) == (ALLOW if allowed else EPERM)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("deny_truncate", [False, True])
@pytest.mark.parametrize("writes", [False, True])
def test_a_filter_that_is_made_ahead_is_the_program_of_each_process(
    machine: str, deny_truncate: bool, writes: bool
) -> None:
    ahead = seccomp.Filter(machine, deny_truncate, writes)
    for pid in (PID, 1, 4_194_304):
        ahead.make_for(pid)
        assert ahead.code.raw == seccomp.program(machine, pid, deny_truncate, writes)


@pytest.mark.parametrize(("machine", "arch", "column"), MACHINES)
def test_truncating_opens_are_refused_where_landlock_cannot(machine: str, arch: int, column: int) -> None:
    for deny, answer in ((False, ALLOW), (True, EPERM)):
        program = seccomp.program(machine, PID, deny_truncate=deny)
        assert run(program, arch, (257, 56)[column], (-100, 0x1000, 0o1000)) == answer
        if machine == "x86_64":
            assert run(program, arch, 2, (0x1000, 0o1000)) == answer
