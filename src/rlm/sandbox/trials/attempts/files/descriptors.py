"""Descriptors that were left open for the worker, or can be passed on."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target
from rlm.sandbox.trials.registry import attempt


@attempt("plain")
def read_an_inherited_file(t: Target) -> str | None:
    """pread() of every descriptor."""
    import os
    import stat

    for fd in range(1024):
        try:
            regular = stat.S_ISREG(os.fstat(fd).st_mode)
            text = os.pread(fd, 1 << 16, 0) if regular else b""
        except OSError:
            continue
        if regular and not text.startswith(b"\x7fELF"):
            return f"descriptor {fd}: {text[:40]!r}"
    return None


@attempt("plain")
def walk_from_an_inherited_folder(t: Target) -> str | None:
    """openat() from every descriptor that is a folder."""
    import os
    import stat

    for fd in range(1024):
        try:
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                return f"descriptor {fd}: {os.listdir(fd)}"
        except OSError:
            continue
    return None


@attempt("plain")
def use_an_inherited_socket(t: Target) -> str | None:
    """Sockets beyond the worker's own stream."""
    import os
    import socket
    import stat

    sockets = []
    for fd in range(1024):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                sockets.append((fd, socket.socket(fileno=os.dup(fd)).family))
        except OSError:
            continue
    return str(sockets) if len(sockets) > t.own_sockets else None


@attempt("plain")
def use_an_inherited_pipe(t: Target) -> str | None:
    """Pipes: the worker is given none."""
    import os
    import stat

    for fd in range(1024):
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                return f"descriptor {fd}"
        except OSError:
            continue
    return None


@attempt("plain")
def write_to_inherited_output(t: Target) -> str | None:
    """Descriptors 0 to 2 that lead anywhere but /dev/null."""
    import os

    null = os.stat("/dev/null").st_rdev
    loose = [fd for fd in range(3) if os.fstat(fd).st_rdev != null]
    return f"descriptors {loose}" if loose else None


@attempt()
def pass_a_descriptor(t: Target) -> str | None:
    """SCM_RIGHTS over a pair of sockets."""
    import array
    import socket

    a, _ = socket.socketpair()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))]
    return f"{a.sendmsg([b'x'], rights)} byte"


@attempt()
def take_a_passed_descriptor(t: Target) -> str | None:
    """recvmsg(), by which others' descriptors come in."""
    import socket

    a, b = socket.socketpair()
    b.send(b"x")
    return f"{a.recvmsg(1, 1024)}"


@attempt()
def reopen_to_write(t: Target) -> str | None:
    """/proc/self/fd of a file opened to read, opened again to write."""
    import os

    fd = os.open(t.library, os.O_RDONLY)
    return f"{os.open(f'/proc/self/fd/{fd}', os.O_RDWR)}"


@attempt()
def climb_from_a_readable_folder(t: Target) -> str | None:
    """openat('..') from a folder that may be read."""
    import os

    fd = os.open(t.readable, os.O_RDONLY | os.O_DIRECTORY)
    up = os.open("/".join([".."] * 12), os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
    return f"{os.listdir(up)}"
