"""Reading what is on the host."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call, reached
from rlm.sandbox.trials.registry import attempt


@attempt()
def read_a_file(t: Target) -> str | None:
    """open() of a file of the user's."""
    return open(t.secret).read()


@attempt()
def read_by_a_path_out_of_a_readable_folder(t: Target) -> str | None:
    """.. out of the standard library."""
    import os

    return open(os.path.join(os.path.dirname(os.__file__), *[".."] * 12, t.secret.lstrip("/"))).read()


@attempt()
def read_from_c(t: Target) -> str | None:
    """fopen() through ctypes."""
    import ctypes

    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    stream = libc.fopen(t.secret.encode(), b"r")
    if not stream:
        return None
    buffer = ctypes.create_string_buffer(100)
    libc.fgets(buffer, 100, ctypes.c_void_p(stream))
    return buffer.value.decode()


@attempt()
def read_by_openat2(t: Target) -> str | None:
    """openat2(), whose flags a filter can't see."""
    import os
    import struct

    fd = call("openat2", -100, t.secret.encode(), struct.pack("=QQQ", os.O_RDONLY, 0, 0), 24)
    return os.read(fd, 100).decode()


@attempt()
def read_by_an_o_path_handle(t: Target) -> str | None:
    """O_PATH first, then its contents by /proc/self/fd."""
    import os

    fd = os.open(t.secret, os.O_PATH)
    return open(f"/proc/self/fd/{fd}").read()


@attempt()
def take_a_handle_without_opening(t: Target) -> str | None:
    """O_PATH alone."""
    import os

    return f"a handle: {os.open(t.secret, os.O_PATH)}"


@attempt("nowhere")
def read_by_file_handle(t: Target) -> str | None:
    """name_to_handle_at(), then open_by_handle_at()."""
    import ctypes
    import os
    import struct

    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    call("name_to_handle_at", -100, t.secret.encode(), handle, ctypes.byref(ctypes.c_int()), 0)
    mount = os.open(t.folder, os.O_RDONLY | os.O_DIRECTORY)
    return os.read(call("open_by_handle_at", mount, handle, os.O_RDONLY), 100).decode()


@attempt("nowhere")
def reach_open_by_handle(t: Target) -> str | None:
    """open_by_handle_at() with rubbish: does the kernel listen."""
    return reached("open_by_handle_at", -1, 0, 0)


@attempt()
def read_with_sqlite(t: Target) -> str | None:
    """ATTACH of a database of the user's."""
    import sqlite3

    try:
        return str(sqlite3.connect(t.database).execute("select * from secrets").fetchall())
    except sqlite3.Error as error:
        raise OSError(str(error)) from None


@attempt()
def import_a_module(t: Target) -> str | None:
    """Import of the user's code."""
    import sys

    sys.path.insert(0, t.folder)
    import canary_module  # type: ignore[import-not-found]

    return str(canary_module.SECRET)


@attempt()
def list_a_folder(t: Target) -> str | None:
    """listdir() of a folder of the user's."""
    import os

    return str(os.listdir(t.folder))


@attempt()
def list_the_root(t: Target) -> str | None:
    """listdir('/')."""
    import os

    return str(os.listdir("/"))


@attempt()
def read_accounts(t: Target) -> str | None:
    """/etc/passwd."""
    return open("/etc/passwd").readline()


@attempt()
def read_the_resolver(t: Target) -> str | None:
    """/etc/hosts."""
    return open("/etc/hosts").readline() or "empty"


@attempt()
def follow_a_link(t: Target) -> str | None:
    """A symlink to a private file in a folder that may be read."""
    return open(f"{t.readable}/link").read()


@attempt()
def read_by_an_own_symlink(t: Target) -> str | None:
    """A symlink in /tmp to the file."""
    import os

    link = f"/tmp/{t.token}-link"
    os.symlink(t.secret, link)
    try:
        return open(link).read()
    finally:
        os.unlink(link)


@attempt("nowhere")
def read_kernel_memory(t: Target) -> str | None:
    """/dev/mem, /dev/kmsg, /proc/kcore, disks."""
    for device in ("/dev/mem", "/dev/kmsg", "/proc/kcore", "/dev/vda", "/dev/sda", "/dev/nvme0n1"):
        try:
            with open(device, "rb", buffering=0) as file:
                return f"opened {file.name}"
        except OSError:
            continue
    return None


@attempt("nowhere")
def read_extended_attributes(t: Target) -> str | None:
    """getxattr() of a file of the user's, which Landlock does not know."""
    import os

    return f"attributes: {os.listxattr(t.secret)}"


@attempt()
def change_the_folder(t: Target) -> str | None:
    """chdir() into the user's folder, then a relative path."""
    import os

    os.chdir(t.folder)
    return open("secret.txt").read()
