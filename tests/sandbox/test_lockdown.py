"""What a confined process can still do, what it is, and when `lock_down` refuses. Attacks are in tests/escape."""

from __future__ import annotations

import ast
import ctypes
import errno
import os
import re
import select
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from rlm.sandbox import landlock, lockdown, seccomp, syscalls

MIB = 1 << 20
# Imported as the worker does: as one of a package of plain files that knows nothing of rlm.
IMPORT = f"""
import os, sys, types
sys.modules["sandbox"] = package = types.ModuleType("sandbox")
package.__path__ = [{os.path.dirname(lockdown.__file__)!r}]
from sandbox import lockdown
"""
CONFINE = """
enforced = lockdown.lock_down(lockdown.readable(), memory_bytes={memory}, landlock_abi_cap={cap})
"""
ABIS = range(1, landlock.abi() + 1)


def confined(code: str, memory: int | None = 2048 * MIB, cap: int | None = None) -> str:
    """What the code prints in a process that confined itself; a traceback fails the test."""
    program = IMPORT + CONFINE.format(memory=memory, cap=cap) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_reports_what_is_enforced() -> None:
    assert confined("print(enforced)") == "['files', 'network', 'processes', 'disk', 'memory']"
    assert confined("print(enforced)", memory=None) == "['files', 'network', 'processes', 'disk']"


@pytest.mark.parametrize("cap", ABIS)
def test_everyday_code_works(cap: int) -> None:
    code = """
        import asyncio, ctypes, decimal, multiprocessing, random, socket, sqlite3, tempfile, threading, time, zoneinfo
        from concurrent.futures import ThreadPoolExecutor

        async def both():
            a, b = socket.socketpair()
            reader, writer = await asyncio.open_connection(sock=a)
            writer.write(b"ping\\n")
            await writer.drain()
            echoed = await asyncio.get_running_loop().sock_recv(b, 5) if b.setblocking(False) is None else b""
            there = await asyncio.gather(asyncio.sleep(0.001, 1), asyncio.to_thread(lambda: 2))
            writer.close()
            return echoed, there

        assert asyncio.run(both()) == (b"ping\\n", [1, 2])
        with ThreadPoolExecutor(64) as pool:
            barrier = threading.Barrier(64)
            assert list(pool.map(lambda i: (barrier.wait(), i)[1], range(64))) == list(range(64))
        assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)
        assert decimal.Decimal("0.1") * 3 == decimal.Decimal("0.3")
        assert zoneinfo.ZoneInfo("Europe/Berlin").key == "Europe/Berlin"
        with tempfile.SpooledTemporaryFile() as spooled:
            assert spooled.write(b"held in memory") == 14
        assert len(os.urandom(8)) == 8 and 0 <= random.random() < 1 and time.time() > 0
        assert open(os.devnull, "r+").write("gone") == 4
        assert os.getpid() == int(ctypes.CDLL(None).getpid())
        print("all of it")
    """
    assert confined(code, cap=cap) == "all of it"


def test_numpy_and_pandas_import_late_and_work() -> None:
    code = """
        import numpy as np
        import pandas as pd
        assert (np.ones((200, 200)) @ np.ones((200, 200))).sum() == 200**3
        frame = pd.DataFrame({"name": ["a", "b", "a"], "n": [1, 2, 3]})
        print(frame.groupby("name")["n"].sum().to_dict())
    """
    assert confined(code) == "{'a': 4, 'b': 2}"


@pytest.mark.slow
def test_every_standard_module_that_imports_outside_imports_inside() -> None:
    code = """
        import sys
        failed = []
        for name in sorted(sys.stdlib_module_names - {"antigravity", "this"}):  # these two act when imported
            try:
                __import__(name)
            except Exception as error:
                failed.append(name)
        print(failed)
    """
    outside = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    code = "import warnings; warnings.simplefilter('ignore')\n" + textwrap.dedent(code)
    assert confined(code) == outside.stdout.strip()


def test_everyday_failures_are_permission_errors() -> None:
    code = """
        import socket, subprocess, tempfile
        for act in (socket.socket, os.fork, lambda: open("/etc/passwd"), lambda: os.mkdir("/tmp/x"),
                    lambda: os.chmod(sys.executable, 0o777), lambda: subprocess.run([sys.executable]),
                    lambda: os.listdir("/"), lambda: os.kill(os.getppid(), 0), lambda: os.chdir("/")):
            try:
                print("did", act())
            except PermissionError:
                print("ok", end=" ")
    """
    assert confined(code) == " ".join(["ok"] * 9)


WRITE = """
    import tempfile
    folder = {folder!r}
    with open(folder + "/a.txt", "w") as file:
        file.write("first")
    with open(folder + "/a.txt", "w") as file:
        file.write("second")
        file.flush()
        os.fsync(file.fileno())
        file.truncate(3)
    os.makedirs(folder + "/deep/er")
    os.rename(folder + "/a.txt", folder + "/deep/er/b.txt")
    with tempfile.TemporaryDirectory(dir=folder) as made:
        open(made + "/c", "wb").close()
    did = []
    for act in (lambda: os.symlink("/etc", folder + "/link"), lambda: os.link(sys.executable, folder + "/python"),
                lambda: os.mkfifo(folder + "/fifo"), lambda: os.chmod(folder + "/deep", 0o777),
                lambda: open(sys.executable, "rb+"), lambda: os.truncate(sys.executable, 0),
                lambda: open({other!r}, "w"), lambda: os.rename(folder + "/deep/er/b.txt", {other!r}),
                lambda: os.execv(folder + "/deep/er/b.txt", ["b"])):
        try:
            did.append(act())
        except OSError:
            pass
    try:
        with open(folder + "/big", "wb") as file:
            file.write(bytes(2000))
            file.write(bytes(2000))
    except OSError as error:
        did.append(error.errno)
    print(enforced, sorted(os.listdir(folder)), open(folder + "/deep/er/b.txt").read(), did)
"""


@pytest.mark.parametrize(("cap", "own_mounts"), [(None, False), (3, False), (2, True), (None, True)])
def test_a_writable_folder_and_nothing_beyond_it(tmp_path: Path, cap: int | None, own_mounts: bool) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    program = textwrap.dedent(f"""
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        enforced = lockdown.lock_down(
            lockdown.readable(), memory_bytes=None, landlock_abi_cap={cap},
            write=[{str(folder)!r}], file_bytes=3000, own_mounts={own_mounts},
        )
    """) + textwrap.dedent(WRITE.format(folder=str(folder), other=str(tmp_path / "other")))
    done = subprocess.run([sys.executable, "-c", IMPORT + program], capture_output=True, text=True, timeout=60)
    disk = ["disk"] if own_mounts else []
    said = f"{['files', 'network', 'processes', *disk]} ['big', 'deep'] sec [{errno.EFBIG}]"
    assert (done.stdout.strip(), done.stderr) == (said, "")
    assert not (tmp_path / "other").exists()
    assert (folder / "big").stat().st_size == 3000


def test_before_abi_3_a_writable_folder_takes_mounts() -> None:
    assert lockdown.no_writing() is None
    assert "takes Linux 6.2" in str(lockdown.no_writing(landlock_abi_cap=2))
    with pytest.raises(OSError, match=r"use the sandbox 'bubblewrap'"):
        lockdown.lock_down([], memory_bytes=None, landlock_abi_cap=2, write=["/tmp"])


def test_memory_is_limited_to_what_was_asked_and_no_less() -> None:
    code = """
        held = bytearray({fits} << 20)
        try:
            more = bytearray({over} << 20)
            print("more")
        except MemoryError:
            print("refused")
    """
    assert confined(code.format(fits=100, over=40), memory=128 * MIB) == "refused"
    assert confined(code.format(fits=100, over=2), memory=128 * MIB) == "more"


def test_threads_do_not_eat_the_memory_limit_with_arenas() -> None:
    code = """
        import threading
        threading.stack_size(256 << 10)
        hold = threading.Event()
        threads = [threading.Thread(target=lambda: (bytes(100_000), hold.wait())) for _ in range(16)]
        [thread.start() for thread in threads]
        held = bytearray(100 << 20)
        hold.set()
        print("fits")
    """
    assert confined(code, memory=256 * MIB) == "fits"


def test_a_flood_of_threads_ends_before_process_numbers_do() -> None:
    program = """
        import _thread, threading
        lockdown._THREADS = 64
        lockdown.lock_down(lockdown.readable(), memory_bytes=None)
        threading.stack_size(128 << 10)  # the least on aarch64
        hold = _thread.allocate_lock()
        hold.acquire()
        started = 0
        try:
            while started < 20_000:
                _thread.start_new_thread(hold.acquire, ())
                started += 1
        except RuntimeError:
            print(started, flush=True)
        os._exit(0)
    """
    done = subprocess.run([sys.executable, "-c", IMPORT + textwrap.dedent(program)], capture_output=True, check=True)
    assert 60 <= int(done.stdout) < 10_000  # the machine's tasks and 64 more, less those that the user has


def test_the_kernel_sees_it_confined() -> None:
    program = IMPORT + CONFINE.format(memory=64 * MIB, cap=None) + "print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        status = dict(re.findall(r"^(\w+):\s+(\S+)", Path(f"/proc/{worker.pid}/status").read_text(), re.M))
        limits = Path(f"/proc/{worker.pid}/limits").read_text()
        worker.communicate()
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    for caps in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[caps], 16) == 0
    assert os.geteuid() != 0 or int(status["CapBnd"], 16) == 0
    for name, value in (("core file size", "0"), ("file size", "0"), ("open files", "256")):
        assert re.search(rf"Max {name}\s+{value}\s+{value}\s", limits), limits


SPIN = """
parent = os.getpid()
if os.fork() == 0:
    lockdown.lock_down(lockdown.readable(), memory_bytes=None, parent=parent)
    os.write(1, b"%d\\n" % os.getpid())
    {act}
    while True:
        pass
sys.stdin.read()
"""


@pytest.mark.parametrize(
    "act",
    [
        "pass",
        # The signal belongs to the thread that asked for it: that one ends, and another spins on.
        "import ctypes, threading; threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start(); "
        "ctypes.CDLL(None).syscall({exit}, 0)".format(exit=60 if os.uname().machine == "x86_64" else 93),
        "import signal; [signal.signal(s, signal.SIG_IGN) for s in range(1, 32) if s not in (9, 19)]",
    ],
    ids=["spinning", "main thread gone", "signals ignored"],
)
def test_it_dies_with_its_parent(act: str) -> None:
    program = IMPORT + SPIN.format(act=act)
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = os.pidfd_open(int(parent.stdout.readline()))
        time.sleep(0.05)  # let it act
        parent.kill()
    try:
        assert select.select([worker], [], [], 2.0)[0], "the worker outlived its parent"
    finally:
        os.close(worker)


def test_it_ends_where_its_parent_is_already_gone() -> None:
    program = """
        lockdown.lock_down(lockdown.readable(), memory_bytes=None, parent=1 << 30)
        print("ran")
    """
    done = subprocess.run(
        [sys.executable, "-c", IMPORT + textwrap.dedent(program)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (1, "")


def test_refuses_several_threads() -> None:
    program = """
        import threading
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        lockdown.lock_down(lockdown.readable(), memory_bytes=None)
    """
    done = subprocess.run(
        [sys.executable, "-c", IMPORT + textwrap.dedent(program)], capture_output=True, text=True, timeout=120
    )
    assert "lock_down confines one thread, and this process has several" in done.stderr


def test_refuses_at_abi_0() -> None:
    assert "ABI 0" in str(lockdown.supported(landlock_abi_cap=0))
    with pytest.raises(OSError, match="ABI 0"):
        lockdown.lock_down([], memory_bytes=None, landlock_abi_cap=0)


@pytest.mark.parametrize(
    ("error", "fix"),
    [(errno.ENOSYS, "Linux 5.13"), (errno.EOPNOTSUPP, "lsm= boot parameter"), (errno.EPERM, "seccomp profile")],
)
def test_says_what_to_do_where_landlock_is_missing(monkeypatch: pytest.MonkeyPatch, error: int, fix: str) -> None:
    def no_abi() -> int:
        ctypes.set_errno(error)
        return 0

    monkeypatch.setattr(landlock, "abi", no_abi)
    assert fix in str(lockdown.supported())


def test_says_what_to_do_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "needs Linux" in str(lockdown.supported())


def test_readable_names_no_home_and_no_root() -> None:
    paths = lockdown.readable()
    home = os.path.expanduser("~")
    assert not {"/", "/usr", "/usr/lib", "/etc", "/home", "/tmp", "/proc", "/sys", "/dev", home} & set(paths)
    assert not any(home.startswith(path + "/") for path in paths)


@pytest.mark.parametrize("module", [landlock, lockdown, seccomp, syscalls])
def test_worker_side_files_are_python_3_8(module: object) -> None:
    ast.parse(Path(str(module.__file__)).read_text(), feature_version=(3, 8))  # type: ignore[attr-defined]
