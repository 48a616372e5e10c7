"""Leaving anything on the host's disks, or changing what is there. The host compares before and after."""

# ruff: noqa: SIM115, D402, D403 (attempts are one-liners, and their docstrings name what is called)

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call
from rlm.sandbox.trials.registry import attempt


@attempt()
def write_to_tmp(t: Target) -> str | None:
    """A new file in /tmp."""
    open(f"/tmp/{t.token}", "w").write("here")
    return "written"


@attempt()
def write_to_the_folder(t: Target) -> str | None:
    """A new file among the user's."""
    open(f"{t.folder}/new.txt", "w").write("here")
    return "written"


@attempt()
def write_to_shared_memory(t: Target) -> str | None:
    """A new file in /dev/shm."""
    open(f"/dev/shm/{t.token}", "w").write("here")
    return "written"


@attempt()
def make_a_temporary_file(t: Target) -> str | None:
    """tempfile."""
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        return file.name


@attempt()
def make_an_unnamed_file(t: Target) -> str | None:
    """O_TMPFILE."""
    import os

    return f"{os.write(os.open(t.folder, os.O_TMPFILE | os.O_RDWR), b'here')} bytes"


@attempt()
def append(t: Target) -> str | None:
    """open(..., 'a') of a file of the user's."""
    with open(t.writable, "a") as file:
        return f"{file.write('more')} characters"


@attempt()
def empty_by_opening(t: Target) -> str | None:
    """O_TRUNC, which Landlock sees from ABI 3 only."""
    import os

    return f"{os.open(t.writable, os.O_RDONLY | os.O_TRUNC)}"


@attempt()
def empty_by_creating(t: Target) -> str | None:
    """open(..., 'w') of a file that exists."""
    return open(t.writable, "w").name


@attempt()
def empty_by_truncate(t: Target) -> str | None:
    """truncate(), which Landlock sees from ABI 3 only."""
    import os

    os.truncate(t.writable, 0)
    return "truncated"


@attempt()
def open_a_library_to_write(t: Target) -> str | None:
    """O_RDWR of a file that may be read, as the interpreter's may."""
    import os

    return f"{os.write(os.open(t.library, os.O_RDWR), b'x')} byte"


@attempt()
def empty_a_library_by_opening(t: Target) -> str | None:
    """O_RDONLY | O_TRUNC of a file that may be read, which Landlock sees from ABI 3 only."""
    import os

    return f"{os.open(t.library, os.O_RDONLY | os.O_TRUNC)}"


@attempt()
def empty_a_library_by_truncate(t: Target) -> str | None:
    """truncate() of a file that may be read."""
    import os

    os.truncate(t.library, 0)
    return "truncated"


@attempt()
def plant_a_startup_file(t: Target) -> str | None:
    """A .pth file in a folder that may be read, as site-packages may: the next Python would run it."""
    return open(f"{t.readable}/planted.pth", "w").name


@attempt()
def remove_a_library(t: Target) -> str | None:
    """unlink() of a file that may be read."""
    import os

    os.unlink(t.library)
    return "gone"


@attempt()
def link_a_secret_to_where_it_can_be_read(t: Target) -> str | None:
    """link() of a private file into a readable folder."""
    import os

    os.link(t.secret, f"{t.readable}/linked")
    return open(f"{t.readable}/linked").read()


@attempt()
def move_a_secret_to_where_it_can_be_read(t: Target) -> str | None:
    """rename() of a private file into a readable folder."""
    import os

    os.rename(t.writable, f"{t.readable}/moved")
    return open(f"{t.readable}/moved").read()


@attempt()
def rename(t: Target) -> str | None:
    """rename()."""
    import os

    os.rename(t.writable, t.writable + ".moved")
    return "renamed"


@attempt()
def link(t: Target) -> str | None:
    """link()."""
    import os

    os.link(t.writable, t.writable + ".link")
    return "linked"


@attempt()
def symlink(t: Target) -> str | None:
    """symlink()."""
    import os

    os.symlink("/", t.folder + "/symlink")
    return "linked"


@attempt()
def unlink(t: Target) -> str | None:
    """unlink()."""
    import os

    os.unlink(t.writable)
    return "gone"


@attempt()
def make_a_folder(t: Target) -> str | None:
    """mkdir()."""
    import os

    os.mkdir(t.folder + "/new")
    return "made"


@attempt()
def remove_a_folder(t: Target) -> str | None:
    """rmdir()."""
    import os

    os.rmdir(t.empty)
    return "gone"


@attempt()
def make_a_fifo(t: Target) -> str | None:
    """mkfifo()."""
    import os

    os.mkfifo(t.folder + "/fifo")
    return "made"


@attempt("nowhere")
def make_a_device(t: Target) -> str | None:
    """mknod() of a disk."""
    import os
    import stat

    os.mknod(t.folder + "/device", 0o600 | stat.S_IFBLK, os.makedev(8, 0))
    return "made"


@attempt()
def bind_a_socket(t: Target) -> str | None:
    """A UNIX socket in the user's folder."""
    import socket

    socket.socket(socket.AF_UNIX).bind(t.folder + "/socket")
    return "bound"


@attempt()
def change_permissions(t: Target) -> str | None:
    """chmod(), which Landlock does not know."""
    import os

    os.chmod(t.secret, 0o666)
    return "open to all"


@attempt()
def change_permissions_of_a_library(t: Target) -> str | None:
    """fchmod() of a file that may be read."""
    import os

    fd = os.open(t.library, os.O_RDONLY)
    os.fchmod(fd, 0o777)
    return "changed"


@attempt()
def change_the_owner(t: Target) -> str | None:
    """chown(), which Landlock does not know."""
    import os

    os.chown(t.secret, os.geteuid(), os.getegid())
    return "owned"


@attempt()
def change_times(t: Target) -> str | None:
    """utime(), which Landlock does not know."""
    import os

    os.utime(t.secret, (0, 0))
    return "touched"


@attempt("nowhere")
def change_attributes(t: Target) -> str | None:
    """setxattr(), which Landlock does not know."""
    import os

    os.setxattr(t.secret, "user.rlm", b"here")
    return "set"


@attempt()
def allocate(t: Target) -> str | None:
    """posix_fallocate()."""
    import os

    os.posix_fallocate(os.open(t.writable, os.O_RDWR), 0, 1 << 20)
    return "1 MiB"


@attempt()
def lock_a_file(t: Target) -> str | None:
    """flock() of a file that may be read, which others wait for."""
    import fcntl

    fcntl.flock(open(t.library, "rb"), fcntl.LOCK_EX)
    return "locked"


@attempt()
def lock_a_range(t: Target) -> str | None:
    """A POSIX lock on a file that may be read."""
    import fcntl

    fcntl.lockf(open(t.library, "rb"), fcntl.LOCK_SH)
    return "locked"


@attempt()
def lease_a_file(t: Target) -> str | None:
    """F_SETLEASE on a file that may be read: whoever writes it waits."""
    import fcntl

    fcntl.fcntl(open(t.library, "rb"), fcntl.F_SETLEASE, fcntl.F_RDLCK)
    return "leased"


@attempt()
def copy_in_the_kernel(t: Target) -> str | None:
    """sendfile() of a readable file into a new one."""
    import shutil

    shutil.copyfile(t.library, t.folder + "/copy")
    return "copied"


@attempt()
def watch_a_folder(t: Target) -> str | None:
    """inotify: what others do with files."""
    return f"{call('inotify_init1', 0)}"


@attempt("nowhere")
def watch_everything(t: Target) -> str | None:
    """fanotify."""
    return f"{call('fanotify_init', 0, 0)}"


@attempt("nowhere")
def write_to_a_device(t: Target) -> str | None:
    """Devices beside /dev/null, opened to write."""
    import os

    for device in ("/dev/tty", "/dev/ptmx", "/dev/kmsg", "/dev/full", "/dev/zero", "/dev/fuse", "/dev/net/tun"):
        try:
            return f"{device}: {os.open(device, os.O_WRONLY | os.O_NOCTTY)}"
        except OSError:
            continue
    return None
