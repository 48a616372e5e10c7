"""Parts of the kernel that a cell has no use for, by number and by the back doors of the instruction set."""

# ruff: noqa: D402, D403 (the docstrings name what is called)

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call, reached
from rlm.sandbox.trials.registry import attempt


@attempt("nowhere")
def ring(t: Target) -> str | None:
    """io_uring: system calls that no filter sees."""
    return reached("io_uring_setup", 4, bytes(120))


@attempt("nowhere")
def load_a_program(t: Target) -> str | None:
    """bpf()."""
    return reached("bpf", 0, bytes(128), 128)


@attempt("nowhere")
def measure(t: Target) -> str | None:
    """perf_event_open()."""
    return reached("perf_event_open", bytes(128), 0, -1, -1, 0)


@attempt("nowhere")
def handle_faults(t: Target) -> str | None:
    """userfaultfd()."""
    return reached("userfaultfd", 0)


@attempt("nowhere")
def store_a_key(t: Target) -> str | None:
    """add_key(), a store that outlives the process."""
    return reached("add_key", b"user", t.token.encode(), b"x", 1, -2)


@attempt("nowhere")
def search_keys(t: Target) -> str | None:
    """keyctl()."""
    return reached("keyctl", 0, -2, 0)


@attempt()
def change_personality(t: Target) -> str | None:
    """personality(): no more address randomisation."""
    return f"was {call('personality', 0xFFFFFFFF):#x}"


@attempt("nowhere")
def load_a_module(t: Target) -> str | None:
    """init_module()."""
    return reached("init_module", b"x", 1, b"")


@attempt("nowhere")
def load_a_kernel(t: Target) -> str | None:
    """kexec_load()."""
    return reached("kexec_load", 0, 1 << 20, 0, 0)


@attempt("nowhere")
def read_the_kernel_log(t: Target) -> str | None:
    """syslog()."""
    return f"{call('syslog', 10, 0, 0)} bytes"


@attempt(alters=True)
def confine_itself_differently(t: Target) -> str | None:
    """seccomp(), whose notifications could answer for the kernel."""
    return reached("seccomp", 2, 0, b"\x06\x00\x00\x00")


@attempt()
def make_a_ruleset(t: Target) -> str | None:
    """landlock_create_ruleset()."""
    return reached("landlock_create_ruleset", 0, 0, 1)


@attempt("nowhere", alters=True)
def new_namespaces(t: Target) -> str | None:
    """unshare() of mounts, network and host name."""
    return f"{call('unshare', 0x00020000 | 0x40000000 | 0x04000000)}"


@attempt("nowhere")
def clone_into_a_namespace(t: Target) -> str | None:
    """clone(CLONE_NEWUSER), by its number."""
    import os

    pid = call("clone", 0x10000000 | 17, 0, 0, 0, 0)
    if pid == 0:
        call("exit_group", 0)
    return f"pid {os.waitpid(pid, 0)[0]}"


@attempt("nowhere", alters=True)
def enter_a_namespace(t: Target) -> str | None:
    """setns()."""
    return reached("setns", -1, 0)


@attempt("nowhere", alters=True)
def mount(t: Target) -> str | None:
    """mount() of a tmpfs over the user's folder."""
    call("mount", b"none", t.empty.encode(), b"tmpfs", 0, 0)
    call("umount2", t.empty.encode(), 0)
    return "mounted"


@attempt("nowhere")
def mount_the_new_way(t: Target) -> str | None:
    """fsopen()."""
    return f"{call('fsopen', b'tmpfs', 0)}"


@attempt("nowhere", alters=True)
def change_the_root(t: Target) -> str | None:
    """chroot()."""
    import os

    os.chroot(t.folder)
    return "a root of its own"


@attempt("nowhere")
def type_into_the_terminal(t: Target) -> str | None:
    """TIOCSTI."""
    import errno
    import fcntl

    try:
        fcntl.ioctl(0, 0x5412, b"x")
    except OSError as error:
        if error.errno == errno.ENOTTY:
            return "only the terminal was missing"
        raise
    return "typed"


@attempt("nowhere", alters=True)
def take_the_terminal(t: Target) -> str | None:
    """TIOCSCTTY and TIOCLINUX."""
    import errno
    import fcntl

    for request in (0x540E, 0x541C):
        try:
            fcntl.ioctl(0, request, b"x")
        except OSError as error:
            if error.errno == errno.ENOTTY:
                return "only the terminal was missing"
    return None


@attempt()
def remap_pages(t: Target) -> str | None:
    """remap_file_pages(), an old one."""
    return reached("remap_file_pages", 0, 0, 0, 0, 0)


@attempt("nowhere", alters=True)
def change_segments(t: Target) -> str | None:
    """modify_ldt(), x86's old segments."""
    import os

    return reached(154, 0, bytes(16), 16) if os.uname().machine == "x86_64" else None


@attempt("nowhere")
def call_as_i386(t: Target) -> str | None:
    """int 0x80: 32-bit numbers, where 20 is getpid()."""
    import ctypes
    import mmap
    import os

    if os.uname().machine != "x86_64":
        return None
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex("53 b814000000 cd80 5b c3"))  # push rbx; mov eax, 20; int 0x80; pop rbx; ret
    pid = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    return f"pid {pid}" if pid == os.getpid() else None


@attempt("nowhere")
def call_as_x32(t: Target) -> str | None:
    """x32's numbers, where bit 30 is set."""
    import os

    return f"pid {call(39 | 0x40000000)}" if os.uname().machine == "x86_64" else None


@attempt("nowhere")
def call_by_an_unknown_number(t: Target) -> str | None:
    """Numbers that no table has yet."""
    import errno

    for number in range(470, 600):
        try:
            call(number, 0, 0, 0, 0, 0, 0)
        except OSError as error:
            if error.errno == errno.ENOSYS:
                continue
        return f"number {number}"
    return None


@attempt()
def call_from_machine_code(t: Target) -> str | None:
    """The syscall instruction in a page of its own: openat() of the secret."""
    import ctypes
    import mmap
    import os

    x86 = "4989ca b801010000 0f05 c3"  # mov r10, rcx; mov eax, 257; syscall; ret
    arm = "080780d2 010000d4 c0035fd6"  # mov x8, 56; svc 0; ret
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex(x86 if os.uname().machine == "x86_64" else arm))
    openat = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_int)(
        ctypes.addressof(ctypes.c_char.from_buffer(page))
    )
    fd = openat(-100, t.secret.encode(), os.O_RDONLY, 0)
    return os.read(fd, 100).decode() if fd >= 0 else None
