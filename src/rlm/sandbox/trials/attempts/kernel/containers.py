"""The usual ways out of a container."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call
from rlm.sandbox.trials.registry import attempt


@attempt("nowhere")
def follow_the_root_of_process_1(t: Target) -> str | None:
    """/proc/1/root."""
    return open(f"/proc/1/root{t.secret}").read()


@attempt("nowhere", conclusive=True)
def have_the_kernel_run_a_program(t: Target) -> str | None:
    """A control group's release_agent, the core pattern, and the paths of modprobe and hotplug, opened to write."""
    import glob

    for path in (
        *glob.glob("/sys/fs/cgroup/release_agent"),
        *glob.glob("/sys/fs/cgroup/*/release_agent"),
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/sys/kernel/uevent_helper",
    ):
        try:
            with open(path, "r+b", buffering=0):
                return path
        except OSError:
            continue
    return None


@attempt("nowhere", conclusive=True)
def open_a_disk(t: Target) -> str | None:
    """mknod() of the machine's disks in any folder, then open()."""
    import os
    import stat

    for folder in ("/tmp", "/dev/shm", "/run", os.getcwd()):
        for major, minor in ((8, 0), (254, 0), (259, 0), (7, 0)):
            path = f"{folder}/{t.token}-disk"
            try:
                os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(major, minor))
            except OSError:
                continue
            try:
                os.close(os.open(path, os.O_RDONLY))
                return f"block device {major}:{minor}"
            except OSError:
                continue
            finally:
                os.unlink(path)
    return None


@attempt("nowhere", conclusive=True)
def mount_again_to_write(t: Target) -> str | None:
    """mount(MS_REMOUNT) of a folder that may only be read."""
    call("mount", b"none", t.readable.encode(), b"", 0x20 | 0x1000, 0)
    return "remounted"
