"""What an engine really holds, found out by trying: a small program in a container of the kind that runs will get.

Engines take options that they can't keep (rootless podman on version 1 of cgroups ignores memory limits, gVisor with
`--ignore-cgroups` too), so what they say of themselves is not asked. What is found is kept for a day.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlm.errors import SandboxError
from rlm.sandbox.containers.engine import Engine
from rlm.sandbox.containers.plan import Plan
from rlm.sandbox.containers.share import can_mount, mounted_worker
from rlm.sandbox.containers.stream import attach
from rlm.trace.store import home

_FORMAT = 3  # of what is tried
_FRESH = 24 * 3600.0  # seconds
_SECONDS = 60.0  # for all of it
_MEMORY = 128 << 20  # bytes that the container may have; three times as much is tried
_DISK = 1  # MiB
_TOLD = ("ID", "ServerVersion", "KernelVersion", "CgroupDriver", "CgroupVersion", "SecurityOptions", "DefaultRuntime")
MOUNT = "mount"  # not something that is enforced: whether containers there see files of this machine
_TRIED = ("files", "network", "processes", "disk", MOUNT, "memory")
_OURS = frozenset(("time", "cpu"))  # counted on our side; the end is a kill of the container

_PROGRAM = """
import json, os, signal, socket
signal.alarm(30)
def fails(what):
    try:
        what()
    except OSError:
        return True
    return False
def fill():
    with open("/tmp/fill", "wb") as file:
        for _ in range(8):
            file.write(bytes(1 << 20))
def say(name, holds):
    print(json.dumps([name, bool(holds)]), flush=True)
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
say("files", os.getuid() and int(status["CapEff"], 16) == 0 and int(status["CapBnd"], 16) == 0
    and all(fails(lambda: open(path + "/probe", "w")) for path in ("/", "/etc", "/usr", "/var", "/root", "/rlm")))
say("network", fails(lambda: socket.create_connection(("192.0.2.1", 9), 0.5)))
say("processes", len([name for name in os.listdir("/proc") if name.isdigit()]) < 4)
say("disk", fails(fill))
say("mount", os.access("/rlm/start.py", os.R_OK))
say("memory", False)
child = os.fork()
if child == 0:
    held = bytearray(SIZE)
    for at in range(0, len(held), 4096):
        held[at] = 1
    os._exit(0)
say("memory", os.WIFSIGNALED(os.waitpid(child, 0)[1]))
"""


def measured(engine: Engine, plan: Plan) -> frozenset[str]:
    """What holds there, of `PROPERTIES`; and `MOUNT`. Half a second, or kept. Blocks.

    Raises:
        SandboxError: No container can be run, or Python doesn't run in it.
    """
    kept = _kept_at(engine, plan)
    with contextlib.suppress(OSError, ValueError):
        if time.time() - kept.stat().st_mtime < _FRESH:
            return frozenset(json.loads(kept.read_text())) & {*_TRIED, *_OURS}
    held = frozenset(_try(engine, plan)) | _OURS
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(sorted(held)))
        new.replace(kept)
    return held


def _try(engine: Engine, plan: Plan) -> list[str]:
    tmpfs = {path: options.rpartition("size=")[0] + f"size={_DISK}m" for path, options in plan.host["Tmpfs"].items()}
    small = replace(plan, host={**plan.host, "Memory": _MEMORY, "MemorySwap": _MEMORY, "Tmpfs": tmpfs})
    argv = ["-c", _PROGRAM.replace("SIZE", str(3 * _MEMORY))]
    if engine.is_near and can_mount():
        with mounted_worker() as mounts, contextlib.suppress(SandboxError):
            # It may refuse because it is in a virtual machine or in another container, and has no such path.
            return _held(asyncio.run(_output(engine, small.config(argv, mounts))))
    return _held(asyncio.run(_output(engine, small.config(argv, []))))


async def _output(engine: Engine, config: dict[str, Any]) -> str:
    """What a container prints until it ends."""
    container = (await engine.call(engine.api.create_container_from_config, config))["Id"]
    try:
        stream = await attach(engine.address, container)
        try:
            await engine.call(engine.api.start, container)
            async with asyncio.timeout(_SECONDS):
                text = await stream.reader.read(-1)
        finally:
            stream.writer.transport.abort()
    except TimeoutError:
        raise SandboxError(f"a container did not end within {_SECONDS:g} s") from None
    finally:
        await asyncio.to_thread(engine.remove, container)
    return text.decode(errors="replace")


def _held(text: str) -> list[str]:
    """Reads what the program said. Where it was ended in its last trial, memory held: that is how it shows."""
    said: dict[str, bool] = {}
    ended = True
    for line in text.splitlines():
        with contextlib.suppress(ValueError, TypeError):
            name, holds = json.loads(line)
            ended = name != "memory" or name not in said
            said[name] = holds
    if set(said) != set(_TRIED):
        raise SandboxError(
            f"Python does not run in a container as it should: {text.strip()[-500:] or 'it said nothing'}"
        )
    return [name for name in _TRIED if said[name] or (name == "memory" and ended)]


def _kept_at(engine: Engine, plan: Plan) -> Path:
    told_of_itself = [engine.info.get(name) for name in _TOLD]
    seen = json.dumps([_FORMAT, engine.address.path, told_of_itself, plan.image, plan.host.get("Runtime")])
    return home() / "engines" / hashlib.sha256(seen.encode()).hexdigest()[:24]
