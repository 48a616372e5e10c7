"""/proc and /sys: other processes' secrets as files."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target
from rlm.sandbox.trials.registry import attempt


@attempt()
def list_processes(t: Target) -> str | None:
    """listdir('/proc')."""
    import os

    return f"{len(os.listdir('/proc'))} entries"


@attempt()
def read_anothers_environment(t: Target) -> str | None:
    """/proc/PID/environ of a process that holds a key."""
    return t.canary if t.canary.encode() in open(f"/proc/{t.victim}/environ", "rb").read() else None


@attempt()
def read_the_parents_environment(t: Target) -> str | None:
    """/proc/PID/environ of the worker's parent."""
    import os

    return f"{len(open(f'/proc/{os.getppid()}/environ', 'rb').read())} bytes"


@attempt()
def read_anothers_memory(t: Target) -> str | None:
    """/proc/PID/mem."""
    with open(f"/proc/{t.victim}/mem", "rb", buffering=0) as memory:
        memory.seek(t.victim_address)
        return memory.read(len(t.canary)).decode()


@attempt()
def write_anothers_memory(t: Target) -> str | None:
    """/proc/PID/mem, to write."""
    with open(f"/proc/{t.victim}/mem", "r+b", buffering=0) as memory:
        memory.seek(t.victim_address)
        return f"{memory.write(b'OWNED')} bytes"


@attempt()
def write_own_memory_past_protection(t: Target) -> str | None:
    """/proc/self/mem, which ignores page protection."""
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        return f"{memory.fileno()}"


@attempt()
def read_the_hosts_command_line(t: Target) -> str | None:
    """/proc/PID/cmdline of the host process."""
    return open(f"/proc/{t.host}/cmdline").read()


@attempt()
def reopen_the_hosts_file(t: Target) -> str | None:
    """/proc/PID/fd/N of a file that the host has open."""
    return open(f"/proc/{t.host}/fd/{t.host_fd}").read()


@attempt()
def follow_the_hosts_root(t: Target) -> str | None:
    """/proc/PID/root, another way to the same files."""
    return open(f"/proc/{t.host}/root{t.secret}").read()


@attempt()
def follow_its_own_root(t: Target) -> str | None:
    """/proc/self/root."""
    return open(f"/proc/self/root{t.secret}").read()


@attempt()
def ask_where_the_host_is(t: Target) -> str | None:
    """readlink() of /proc/PID/cwd, which needs no open()."""
    import os

    return os.readlink(f"/proc/{t.host}/cwd")


@attempt()
def read_the_network(t: Target) -> str | None:
    """/proc/net/tcp and /proc/net/unix."""
    return open("/proc/net/tcp").read() + open("/proc/net/unix").read()[:100]


@attempt()
def read_kernel_settings(t: Target) -> str | None:
    """/proc/sys and /sys."""
    import os

    return open("/proc/sys/kernel/hostname").read() + str(os.listdir("/sys"))


@attempt("nowhere")
def write_kernel_settings(t: Target) -> str | None:
    """/proc/sys/kernel/core_pattern and /proc/sysrq-trigger, opened to write."""
    return open("/proc/sys/kernel/core_pattern", "a").name + open("/proc/sysrq-trigger", "a").name


@attempt()
def raise_its_own_oom_score(t: Target) -> str | None:
    """/proc/self/oom_score_adj, so that the kernel kills others first."""
    with open("/proc/self/oom_score_adj", "r+") as file:
        return f"was {file.read()}"
