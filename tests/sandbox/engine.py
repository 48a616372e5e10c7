"""Real container engines for tests: dockerd, with gVisor registered, and podman, each in a temporary folder.

They are shared, and stopped at the end. `python tests/sandbox/engine.py [podman]` prints the address of one and keeps
it until it is interrupted.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from rlm.sandbox.containers.engine import connect

START = 60  # seconds for the engine to answer
# In memory where there is some: an image is made of two thousand small files.
_MEMORY = Path("/dev/shm")
_ROOT = _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 2 << 30 else Path(tempfile.gettempdir())
_RUNSC = {"path": shutil.which("runsc") or "", "runtimeArgs": ["--platform=ptrace", "--network=none"]}


_PROGRAMS = {"dockerd": ("dockerd", "containerd", "runc"), "podman": ("podman", "conmon")}


def why_none(kind="dockerd"):
    """Why there can be no engine here; None where there can."""
    if os.geteuid() != 0:
        return "an engine of one's own takes root"
    missing = [name for name in _PROGRAMS[kind] if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)} (tests/engines.sh installs them)" if missing else None


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """The address of dockerd; import it where it is used. What it holds is found out once a session."""
    yield from _kept("dockerd", tmp_path_factory)


@pytest.fixture(scope="session")
def podman(tmp_path_factory):
    """The address of podman's service."""
    yield from _kept("podman", tmp_path_factory)


def _kept(kind, tmp_path_factory):
    if (why := why_none(kind)) is not None:
        pytest.skip(why)
    kept = tmp_path_factory.mktemp("engine")
    with running_engine(kind) as address, pytest.MonkeyPatch.context() as patch:
        patch.setattr("rlm.sandbox.containers.measure.home", lambda: kept)
        yield address
        connect(address).api.close()


@contextlib.contextmanager
def running_engine(kind="dockerd"):
    """The address of an engine; the processes of one test session share it, and the last one to leave ends it."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))[:12]  # podman takes 50 characters of a path
    folder = _ROOT / f"rlm-{kind}-{session}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "starting").open("w") as starting, (folder / "used").open("w") as used:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(used, fcntl.LOCK_SH)
        if not _answers(folder):
            _start(folder, kind)
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield f"unix://{folder}/socket"


def _start(folder, kind):
    """Starts the process that keeps the engine, and waits until that answers."""
    keeper = ["setsid", "--fork", sys.executable, __file__, kind, str(folder)]
    with (folder / "log").open("wb") as log:
        subprocess.run(keeper, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)
    deadline = time.monotonic() + START
    while not _answers(folder):
        if time.monotonic() > deadline:
            pytest.skip(f"{kind} does not start here: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.05)


def _answers(folder):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(f"{folder}/socket")
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return client.recv(64).startswith(b"HTTP/1.0 200")
        except OSError:
            return False


def _keep(kind, folder):
    """Runs an engine until nobody uses it any more, by death too, and leaves nothing of it."""
    with (folder / "used").open("w") as used:
        engine = subprocess.Popen(
            _dockerd(folder) if kind == "dockerd" else [*_podman(folder), *_serves(folder)], cwd=folder
        )
        fcntl.flock(used, fcntl.LOCK_EX)
        if kind == "podman":
            subprocess.run([*_podman(folder), "rm", "--all", "--force", "--time", "0"], check=False)
        engine.send_signal(signal.SIGTERM)
        engine.wait()
        subprocess.run(["umount", "--recursive", "--quiet", folder / "data" / "overlay"], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _podman(folder):
    options = {
        "root": folder / "data",
        "runroot": folder / "run",
        "tmpdir": folder / "tmp",
        "storage-driver": "overlay",
        "cgroup-manager": "cgroupfs",  # there may be no systemd here
        "events-backend": "file",
        "log-level": "fatal",
    }
    return ["podman", *(f"--{name}={value}" for name, value in options.items())]


def _serves(folder):
    return ["system", "service", "--time=0", f"unix://{folder}/socket"]


def _dockerd(folder):
    config = folder / "daemon.json"
    config.write_text(json.dumps({"runtimes": {"runsc": _RUNSC} if _RUNSC["path"] else {}}))
    options = {
        "config-file": config,
        "host": f"unix://{folder}/socket",
        "pidfile": folder / "pid",
        "data-root": folder / "data",
        "exec-root": folder / "exec",
        "shutdown-timeout": 2,
        "iptables": "false",
        "ip6tables": "false",
        "bridge": "none",
    }
    return ["dockerd", *(f"--{name}={value}" for name, value in options.items())]


if __name__ == "__main__" and len(sys.argv) == 3:
    _keep(sys.argv[1], Path(sys.argv[2]))
elif __name__ == "__main__":
    with running_engine(*sys.argv[1:]) as address:
        print(address, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
