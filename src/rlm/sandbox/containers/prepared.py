"""What runs need of an engine, seen to once: the image, the volumes that it asks for, and what holds there."""

from __future__ import annotations

from typing import NamedTuple

from rlm.sandbox import reaper
from rlm.sandbox.containers import image
from rlm.sandbox.containers.engine import Engine
from rlm.sandbox.containers.measure import measured
from rlm.sandbox.containers.plan import Plan, planned
from rlm.sandbox.containers.share import reap as reap_shares
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_PROBE = Limits(seconds=60)


class Prepared(NamedTuple):
    """An engine that containers of one kind can be run on.

    Attributes:
        image: The image's id.
        volumes: Folders that it asks a volume for.
        held: What holds, of `options.PROPERTIES`; and `measure.MOUNT`.
        is_podman: Whether the engine is.
    """

    image: str
    volumes: tuple[str, ...]
    held: frozenset[str]
    is_podman: bool

    def plan(self, sandbox: Sandbox, limits: Limits, memory: int) -> Plan:
        """How a run's containers are made; `memory` is the input's, in bytes."""
        memory += limits.memory_mb << 20
        return planned(sandbox, self.image, reaper.labels(limits), memory, self.volumes, is_podman=self.is_podman)


def prepare(engine: Engine, sandbox: Sandbox) -> Prepared:
    """Removes what dead hosts have left, gets or makes the image, and tries what holds. Blocks, for seconds perhaps.

    Raises:
        ConfigError: The image has no Python, or a package can't be installed.
        SandboxError: No container can be run there.
    """
    engine.reap()
    reap_shares()
    if sandbox.image is not None:
        found = image.named_image(engine, sandbox.image)
    else:
        found = image.machine_image(engine, sandbox.packages)
    volumes = image.volumes(engine, found)
    probe = planned(sandbox, found, reaper.labels(_PROBE), 0, volumes, is_podman=engine.is_podman)
    return Prepared(found, volumes, measured(engine, probe), engine.is_podman)


def why_not(engine: Engine, sandbox: Sandbox) -> str | None:
    """Why no such containers can be run on an engine, by what it says of itself; None where they may."""
    runtime, known = sandbox.options.get("runtime"), engine.info.get("Runtimes") or {}
    if runtime is not None and runtime not in known:
        return f"the engine has no runtime {runtime!r}, only {', '.join(sorted(known))}: register it in daemon.json"
    return image.why_none(engine) if sandbox.image is None else None
