"""How a run's containers are made: what they may use, and what they may not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlm.context import Context
from rlm.sandbox.containers import image
from rlm.sandbox.options import Sandbox
from rlm.sandbox.start import ENVIRONMENT

USER = "65534:65534"
_PROCESSES = 128
_GVISOR_PROCESSES = 1024  # of its kernel on the host, which has several for each of a cell's
_OPEN_FILES = 1024
# Of the uid, all containers together. podman asks for 4,194,304 unless told, which a root without CAP_SYS_RESOURCE is
# refused.
_PODMAN_PROCESSES = 8192
_BASE = 64 << 20  # bytes of memory for two interpreters and the kernel's share
_WIDEST = 4  # bytes a character of text that is not ASCII


@dataclass(frozen=True)
class Plan:
    """How each container of a run is made.

    Attributes:
        image: The image's id.
        python: The Python in it.
        labels: Whose it is, and until when.
        host: `HostConfig` of the Engine API, mounts aside.
    """

    image: str
    python: str
    labels: Mapping[str, str]
    host: Mapping[str, Any]

    def config(self, argv: list[str], mounts: list[dict[str, Any]]) -> dict[str, Any]:
        """What the engine makes a container from (`POST /containers/create`)."""
        return {
            "Image": self.image,
            "Entrypoint": [self.python, "-s", "-X", "utf8", *argv],
            "Cmd": [],
            "Env": [*(f"{name}={value}" for name, value in ENVIRONMENT.items()), "PYTHONDONTWRITEBYTECODE=1"],
            "User": USER,
            "WorkingDir": "/tmp",
            "Hostname": "sandbox",
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": False,
            "OpenStdin": True,
            "StdinOnce": True,  # and so it ends when our end of the stream does, by kill -9 too
            "Tty": False,
            "NetworkDisabled": True,
            "Healthcheck": {"Test": ["NONE"]},
            "Labels": dict(self.labels),
            "HostConfig": {**self.host, "Mounts": mounts},
        }


def memory_of(context: Context) -> int:
    """Bytes that a worker needs for the input: as it is mapped, and as text."""
    ascii_alone = context.characters == context.blob.size
    return context.blob.size + context.characters * (1 if ascii_alone else _WIDEST)


def most_memory_of(size: int) -> int:
    """`memory_of`, at most, for an input of `size` bytes that is not there yet: all of it ASCII but one character."""
    return (1 + _WIDEST) * size


def planned(
    sandbox: Sandbox,
    found: str,
    labels: Mapping[str, str],
    memory: int,
    volumes: tuple[str, ...] = (),
    *,
    is_podman: bool = False,
) -> Plan:
    """The plan for a run.

    Args:
        sandbox: What the user asks for.
        found: The image's id.
        labels: Whose the containers are.
        memory: Bytes for the input and what cells make of it.
        volumes: Folders that the image asks a volume for, which get a sized tmpfs.
        is_podman: Whether the engine is.
    """
    disk = sandbox.disk_mb << 20
    folders = dict.fromkeys(("/tmp", *volumes))
    memory += _BASE + disk * (len(folders) + (1 if sandbox.output else 0))  # a tmpfs counts as memory
    runtime = sandbox.options.get("runtime")
    host: dict[str, Any] = {
        "AutoRemove": True,
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Memory": memory,
        "MemorySwap": memory,  # together with memory: none beyond it
        "PidsLimit": _GVISOR_PROCESSES if runtime and "runsc" in runtime else _PROCESSES,
        "Tmpfs": dict.fromkeys(folders, f"rw,nosuid,nodev,mode=1777,size={sandbox.disk_mb}m"),
        "ShmSize": min(disk, 64 << 20),
        "Ulimits": [
            {"Name": "nofile", "Soft": _OPEN_FILES, "Hard": _OPEN_FILES},
            {"Name": "core", "Soft": 0, "Hard": 0},
            *([{"Name": "nproc", "Soft": _PODMAN_PROCESSES, "Hard": _PODMAN_PROCESSES}] if is_podman else []),
        ],
        "LogConfig": {"Type": "none"},  # frames are no log
        "IpcMode": "private",
    }
    if sandbox.cpus is not None:
        host["NanoCpus"] = int(sandbox.cpus * 1e9)
    if runtime is not None:
        host["Runtime"] = runtime
    python = sandbox.options.get("python", "python3" if sandbox.image else image.PYTHON)
    return Plan(found, python, labels, host)
