"""A real container engine for tests: dockerd in a temporary folder, gVisor registered, shared, stopped at the end.

`python tests/sandbox/engine.py` prints the address of one and keeps it until it is interrupted.
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


def why_none():
    """Why there can be no engine here; None where there can."""
    if os.geteuid() != 0:
        return "an engine of one's own takes root"
    missing = [name for name in ("dockerd", "containerd", "runc") if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)} (tests/engines.sh installs them)" if missing else None


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """The address of an engine; import it where it is used. What it holds is found out once a session."""
    if (why := why_none()) is not None:
        pytest.skip(why)
    kept = tmp_path_factory.mktemp("engine")
    with running_engine() as address, pytest.MonkeyPatch.context() as patch:
        patch.setattr("rlm.sandbox.containers.measure.home", lambda: kept)
        yield address
        connect(address).api.close()


@contextlib.contextmanager
def running_engine():
    """The address of an engine; the processes of one test session share it, and the last one to leave ends it."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = _ROOT / f"rlm-engine-{session}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "starting").open("w") as starting, (folder / "used").open("w") as used:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(used, fcntl.LOCK_SH)
        if not _answers(folder):
            _start(folder)
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield f"unix://{folder}/docker.sock"


def _start(folder):
    """Starts the process that keeps the engine, and waits until that answers."""
    keeper = ["setsid", "--fork", sys.executable, __file__, str(folder)]
    with (folder / "log").open("wb") as log:
        subprocess.run(keeper, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)
    deadline = time.monotonic() + START
    while not _answers(folder):
        if time.monotonic() > deadline:
            pytest.skip(f"dockerd does not start here: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.05)


def _answers(folder):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(f"{folder}/docker.sock")
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return client.recv(64).startswith(b"HTTP/1.0 200")
        except OSError:
            return False


def _keep(folder):
    """Runs dockerd until nobody uses it any more, by death too, and leaves nothing of it."""
    config = folder / "daemon.json"
    config.write_text(json.dumps({"runtimes": {"runsc": _RUNSC} if _RUNSC["path"] else {}}))
    options = {
        "config-file": config,
        "host": f"unix://{folder}/docker.sock",
        "pidfile": folder / "pid",
        "data-root": folder / "data",
        "exec-root": folder / "exec",
        "shutdown-timeout": 2,
        "iptables": "false",
        "ip6tables": "false",
        "bridge": "none",
    }
    dockerd = subprocess.Popen(["dockerd", *(f"--{name}={value}" for name, value in options.items())])
    with (folder / "used").open("w") as used:
        fcntl.flock(used, fcntl.LOCK_EX)
        dockerd.send_signal(signal.SIGTERM)
        dockerd.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__" and len(sys.argv) == 2:
    _keep(Path(sys.argv[1]))
elif __name__ == "__main__":
    with running_engine() as address:
        print(address, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
