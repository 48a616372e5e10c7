"""More memory than the limit. The worker has 128 MiB; plain Python shows that the machine has more.

What is reached and not filled is no proof where a control group counts pages, as in containers.
"""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call, touched
from rlm.sandbox.trials.registry import attempt


@attempt("plain")
def allocate_at_once(t: Target) -> str | None:
    """A large bytearray."""
    return f"{len(touched(bytearray(t.too_much)))} bytes"


@attempt("plain")
def allocate_in_pieces(t: Target) -> str | None:
    """Many small ones."""
    held = [touched(bytearray(1 << 20)) for _ in range(t.too_much >> 20)]
    return f"{len(held)} MiB"


@attempt("plain")
def allocate_in_threads(t: Target) -> str | None:
    """Each thread its own."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        held = list(pool.map(lambda _: touched(bytearray(t.too_much // 8)), range(8)))
    return f"{len(held)} threads' worth"


@attempt("plain")
def map_shared(t: Target) -> str | None:
    """An anonymous shared mapping."""
    import mmap

    return f"{len(touched(mmap.mmap(-1, t.too_much)))} bytes"


@attempt("plain")
def map_by_c(t: Target) -> str | None:
    """mmap(MAP_NORESERVE) through ctypes."""
    import ctypes
    import mmap

    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000
    at = libc.mmap(None, ctypes.c_size_t(t.too_much), 3, flags, -1, ctypes.c_long(0))
    if at in (None, ctypes.c_void_p(-1).value):
        return None
    touched((ctypes.c_char * t.too_much).from_address(at))
    return f"mapped at {at:#x}"


@attempt("plain", conclusive=False)
def grow_the_stack(t: Target) -> str | None:
    """A thread with a huge stack."""
    import threading

    threading.stack_size(t.too_much)
    try:
        threading.Thread(target=lambda: None).start()
    finally:
        threading.stack_size(0)
    return "started"


@attempt(conclusive=False)
def hold_in_memory_files(t: Target) -> str | None:
    """memfd_create(): pages that no limit counts."""
    import os

    fd = os.memfd_create("hoard")
    return f"{os.write(fd, bytes(1 << 20))} bytes uncounted"


@attempt("nowhere", conclusive=False)
def hold_in_secret_files(t: Target) -> str | None:
    """memfd_secret()."""
    return f"{call('memfd_secret', 0)}"


@attempt(conclusive=False)
def hold_in_shared_memory(t: Target) -> str | None:
    """multiprocessing.shared_memory."""
    from multiprocessing import shared_memory

    block = shared_memory.SharedMemory(create=True, size=1 << 20)
    try:
        return block.name
    finally:
        block.unlink()


@attempt(conclusive=False)
def hold_in_pipes(t: Target) -> str | None:
    """vmsplice(): pages that stay pinned in a pipe after they are unmapped."""
    import ctypes
    import mmap
    import os
    import struct

    page = mmap.mmap(-1, 4096)
    at = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return f"{call('vmsplice', os.pipe()[1], struct.pack('=QQ', at, 4096), 1, 0)} bytes pinned"


@attempt(conclusive=False)
def hold_in_a_larger_pipe(t: Target) -> str | None:
    """F_SETPIPE_SZ."""
    import fcntl
    import os

    return f"{fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)} bytes"


@attempt(conclusive=False)
def hold_in_many_descriptors(t: Target) -> str | None:
    """Thousands of pipes, each with a buffer."""
    import os

    pipes = [os.pipe() for _ in range(400)]
    for _, end in pipes:
        os.set_blocking(end, False)
        os.write(end, bytes(1 << 16))
    return f"{len(pipes)} buffers"


@attempt(conclusive=False)
def hold_in_a_child(t: Target) -> str | None:
    """fork(): a process with as much again."""
    import os

    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "as much again"


@attempt("nowhere", conclusive=False, alters=True)
def raise_the_limit(t: Target) -> str | None:
    """setrlimit(RLIMIT_AS) beyond the hard limit."""
    import resource

    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, unlimited)
    return "unlimited"


@attempt("nowhere", conclusive=False, alters=True)
def raise_the_limit_by_prlimit(t: Target) -> str | None:
    """prlimit64() of itself, by its number."""
    import os
    import struct

    call("prlimit64", os.getpid(), 9, struct.pack("=QQ", 2**64 - 1, 2**64 - 1), 0)
    return "unlimited"


@attempt(conclusive=False, alters=True)
def change_a_limit(t: Target) -> str | None:
    """setrlimit() within the hard limit, a call that is of no use here."""
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))
    return "set"


@attempt(conclusive=False)
def open_many_files(t: Target) -> str | None:
    """More descriptors than a worker may have."""
    import os

    return f"{len([os.open('/dev/null', os.O_RDONLY) for _ in range(900)])} descriptors"
