"""Starting another process or program."""

# ruff: noqa: SIM115 (attempts are one-liners, and their process ends with them)

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call
from rlm.sandbox.trials.registry import attempt


@attempt()
def fork(t: Target) -> str | None:
    """os.fork()."""
    import os

    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return f"pid {os.waitpid(pid, 0)[0]}"


@attempt()
def fork_by_clone(t: Target) -> str | None:
    """clone() without CLONE_THREAD, by its number."""
    import os

    pid = call("clone", 17, 0, 0, 0, 0)
    if pid == 0:
        call("exit_group", 0)
    return f"pid {os.waitpid(pid, 0)[0]}"


@attempt()
def fork_by_clone3(t: Target) -> str | None:
    """clone3(), whose flags a filter can't see."""
    import os
    import struct

    pid = call("clone3", struct.pack("=11Q", 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0), 88)
    if pid == 0:
        call("exit_group", 0)
    return f"pid {os.waitpid(pid, 0)[0]}"


@attempt()
def fork_sharing_memory(t: Target) -> str | None:
    """clone(CLONE_VM | CLONE_VFORK), as posix_spawn() does it."""
    import os

    os.posix_spawn("/bin/true", ["true"], {})
    return "spawned"


@attempt("nowhere")
def fork_by_vfork(t: Target) -> str | None:
    """vfork(), by its number, where there is one."""
    import os

    if os.uname().machine != "x86_64":
        return None
    code = "4c8b1424 b83a000000 0f05 85c0 7507 b83c000000 0f05 4c891424 c3"
    import ctypes
    import mmap

    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex(code))
    pid = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    return f"pid {pid}" if pid > 0 else None


@attempt()
def run_a_program(t: Target) -> str | None:
    """subprocess.run()."""
    import subprocess

    return subprocess.run(["/bin/echo", "here"], capture_output=True, text=True, check=True).stdout


@attempt()
def run_a_shell(t: Target) -> str | None:
    """os.system()."""
    import os

    return "a shell ran" if os.system("true") == 0 else None


@attempt()
def run_a_pipe(t: Target) -> str | None:
    """popen() of the C library."""
    import ctypes

    libc = ctypes.CDLL(None)
    libc.popen.restype = ctypes.c_void_p
    stream = libc.popen(b"true", b"r")
    return None if not stream else f"closed with {libc.pclose(ctypes.c_void_p(stream))}"


@attempt()
def become_a_program(t: Target) -> str | None:
    """execve() of something that is not there: does the kernel look."""
    import os

    try:
        os.execve("/nonexistent/program", ["program"], {})
    except FileNotFoundError:
        return "it looked"


@attempt()
def become_a_file(t: Target) -> str | None:
    """execveat() of an open descriptor."""
    import errno
    import os

    try:
        call("execveat", os.open("/dev/null", os.O_RDONLY), b"", 0, 0, 0x1000)
    except OSError as error:
        if error.errno != errno.EACCES:
            raise
        return "it looked"
    return None


@attempt()
def become_what_memory_holds(t: Target) -> str | None:
    """A program in a memfd, executed by its descriptor."""
    import os

    fd = os.memfd_create("program")
    os.write(fd, open("/bin/true", "rb").read())
    pid = os.posix_spawn(f"/proc/self/fd/{fd}", ["true"], {})
    return f"it ended with {os.waitpid(pid, 0)[1]}"


@attempt()
def start_a_worker_process(t: Target) -> str | None:
    """multiprocessing.Process."""
    import multiprocessing

    process = multiprocessing.get_context("fork").Process(target=int)
    process.start()
    process.join()
    return f"it ended with {process.exitcode}"


@attempt()
def start_a_process_pool(t: Target) -> str | None:
    """ProcessPoolExecutor."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        return f"{pool.submit(abs, -1).result(5)}"


@attempt()
def open_a_terminal(t: Target) -> str | None:
    """pty.openpty()."""
    import os

    return f"{os.openpty()}"


@attempt()
def fork_from_a_thread(t: Target) -> str | None:
    """fork() in another thread: the filter holds for all."""
    import os
    import threading

    pids: list[int] = []

    def act() -> None:
        try:
            pid = os.fork()
        except OSError:
            return
        if pid == 0:
            os._exit(0)
        pids.append(os.waitpid(pid, 0)[0])

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    return f"pids {pids}" if pids else None
