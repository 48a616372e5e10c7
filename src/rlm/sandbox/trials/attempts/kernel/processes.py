"""Reaching other processes: signals, their memory, their descriptors, their limits."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call
from rlm.sandbox.trials.registry import attempt


@attempt()
def kill_another(t: Target) -> str | None:
    """kill() of another process of the same user."""
    import os
    import signal

    os.kill(t.victim, signal.SIGKILL)
    return "sent"


@attempt()
def signal_the_parent(t: Target) -> str | None:
    """kill() of the process that forked the worker."""
    import os

    os.kill(os.getppid(), 0)
    return "it could be killed"


@attempt()
def signal_the_host(t: Target) -> str | None:
    """kill() of the host process."""
    import os

    os.kill(t.host, 0)
    return "it could be killed"


@attempt()
def signal_its_group(t: Target) -> str | None:
    """kill(0): every process of the group, the zygotes too."""
    import os

    os.kill(0, 0)
    return "they could be killed"


@attempt()
def signal_everyone(t: Target) -> str | None:
    """kill(-1)."""
    import os

    os.kill(-1, 0)
    return "they could be killed"


@attempt()
def signal_a_group(t: Target) -> str | None:
    """killpg() of the host's group."""
    import os

    os.killpg(t.host_group, 0)
    return "it could be killed"


@attempt()
def signal_with_high_bits(t: Target) -> str | None:
    """kill() with bits that the kernel drops."""
    call("kill", t.victim | 1 << 32, 0)
    return "it could be killed"


@attempt()
def signal_a_thread(t: Target) -> str | None:
    """tgkill() of another process's thread."""
    call("tgkill", t.victim, t.victim, 0)
    return "it could be killed"


@attempt()
def signal_a_thread_by_its_number(t: Target) -> str | None:
    """tkill(), which names no process."""
    call("tkill", t.victim, 0)
    return "it could be killed"


@attempt()
def queue_a_signal(t: Target) -> str | None:
    """rt_sigqueueinfo(), another call that kills."""
    import struct

    call("rt_sigqueueinfo", t.victim, 10, struct.pack("=iii", 10, 0, -1) + bytes(116))
    return "sent"


@attempt()
def signal_by_pidfd(t: Target) -> str | None:
    """pidfd_open(), then pidfd_send_signal()."""
    import os
    import signal

    signal.pidfd_send_signal(os.pidfd_open(t.victim), signal.SIGKILL)
    return "sent"


@attempt()
def signal_by_a_file(t: Target) -> str | None:
    """F_SETOWN: input on a pair of sockets sends SIGIO to whoever is named."""
    import fcntl
    import os
    import socket

    a, b = socket.socketpair()
    fcntl.fcntl(a, fcntl.F_SETOWN, t.victim)
    fcntl.fcntl(a, fcntl.F_SETFL, fcntl.fcntl(a, fcntl.F_GETFL) | os.O_ASYNC)
    b.send(b"x")
    return "sent"


@attempt()
def signal_by_an_ioctl(t: Target) -> str | None:
    """FIOSETOWN, the same by ioctl()."""
    import fcntl
    import socket
    import struct

    a, _ = socket.socketpair()
    fcntl.ioctl(a, 0x8901, struct.pack("=i", t.victim))
    return "owned by another"


@attempt()
def trace_another(t: Target) -> str | None:
    """ptrace(): attach, read a word, let go."""
    import ctypes
    import os

    peek, detach, seize, interrupt, wait_for_all = 2, 17, 0x4206, 0x4207, 0x40000000
    call("ptrace", seize, t.victim, 0, 0)
    call("ptrace", interrupt, t.victim, 0, 0)
    os.waitpid(t.victim, wait_for_all)
    word = ctypes.create_string_buffer(8)
    call("ptrace", peek, t.victim, t.victim_address, word)
    call("ptrace", detach, t.victim, 0, 0)
    return word.raw.decode()


@attempt(alters=True)
def offer_itself_to_a_tracer(t: Target) -> str | None:
    """ptrace(PTRACE_TRACEME), whose tracer is the zygote."""
    call("ptrace", 0, 0, 0, 0)
    return "traced"


@attempt()
def read_another(t: Target) -> str | None:
    """process_vm_readv()."""
    import ctypes
    import struct

    buffer = ctypes.create_string_buffer(len(t.canary))
    local = struct.pack("=QQ", ctypes.addressof(buffer), len(buffer))
    remote = struct.pack("=QQ", t.victim_address, len(buffer))
    call("process_vm_readv", t.victim, local, 1, remote, 1, 0)
    return buffer.raw.decode()


@attempt()
def write_another(t: Target) -> str | None:
    """process_vm_writev()."""
    import ctypes
    import struct

    buffer = ctypes.create_string_buffer(b"OWNED")
    local = struct.pack("=QQ", ctypes.addressof(buffer), 5)
    remote = struct.pack("=QQ", t.victim_address, 5)
    return f"{call('process_vm_writev', t.victim, local, 1, remote, 1, 0)} bytes"


@attempt("nowhere")
def take_a_descriptor(t: Target) -> str | None:
    """pidfd_getfd() of a file that another process has open."""
    import os

    fd = call("pidfd_getfd", os.pidfd_open(t.victim), t.victim_fd, 0)
    return os.pread(fd, 100, 0).decode()


@attempt("nowhere")
def get_a_pidfd_from_the_stream(t: Target) -> str | None:
    """SO_PEERPIDFD of a pair of sockets."""
    import socket

    a, _ = socket.socketpair()
    return f"pidfd {a.getsockopt(socket.SOL_SOCKET, 77)}"


@attempt("nowhere")
def compare_another(t: Target) -> str | None:
    """kcmp()."""
    import os

    call("kcmp", os.getpid(), t.victim, 1, 0, 0)
    return "compared"


@attempt()
def slow_another_down(t: Target) -> str | None:
    """setpriority() of another process."""
    import os

    os.setpriority(os.PRIO_PROCESS, t.victim, 1)
    return "slowed down"


@attempt()
def move_another(t: Target) -> str | None:
    """sched_setaffinity() of another process."""
    import os

    os.sched_setaffinity(t.victim, os.sched_getaffinity(0))
    return "moved"


@attempt()
def limit_another(t: Target) -> str | None:
    """prlimit() of another process."""
    import resource

    return f"{resource.prlimit(t.victim, resource.RLIMIT_NOFILE)}"


@attempt()
def advise_another(t: Target) -> str | None:
    """ioprio_set() of another process."""
    call("ioprio_set", 1, t.victim, 3 << 13)
    return "it waits for everyone"


@attempt()
def share_memory_by_key(t: Target) -> str | None:
    """System V shared memory."""
    import ctypes

    ipc_creat, ipc_rmid = 0o1000, 0
    segment = call("shmget", 0x52_4C_4D, 4096, ipc_creat | 0o600)
    ctypes.CDLL(None).shmctl(segment, ipc_rmid, None)
    return f"segment {segment}"


@attempt()
def queue_a_message(t: Target) -> str | None:
    """A System V message queue."""
    import ctypes

    queue = call("msgget", 0, 0o600)
    ctypes.CDLL(None).msgctl(queue, 0, None)
    return f"queue {queue}"


@attempt()
def share_a_semaphore(t: Target) -> str | None:
    """System V semaphores."""
    import ctypes

    semaphores = call("semget", 0, 1, 0o600)
    ctypes.CDLL(None).semctl(semaphores, 0, 0)
    return f"semaphores {semaphores}"


@attempt()
def post_a_message(t: Target) -> str | None:
    """A POSIX message queue."""
    import ctypes

    queue = call("mq_open", t.token.encode(), 0o102, 0o600, 0)
    ctypes.CDLL(None).mq_unlink(b"/" + t.token.encode())
    return f"queue {queue}"


@attempt()
def named_semaphore(t: Target) -> str | None:
    """multiprocessing.Lock(), a named semaphore in /dev/shm."""
    import multiprocessing

    return f"{multiprocessing.Lock()}"
