"""What runs need of an engine, seen to once: the image, the volumes that it asks for, and what holds there."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Iterator
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


class Preparation:
    """Prepares in a thread, once for all runs, and again where that failed; ends it when nobody waits for it any more.

    Args:
        prepare: Prepares until the event is set, as `prepare` does.
    """

    def __init__(self, prepare: Callable[[threading.Event], Prepared]) -> None:
        self._prepare = prepare
        self._threads = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="rlm-docker")
        self._lock = threading.Lock()
        self._begun: _Begun | None = None

    def begin(self) -> None:
        """Begins, if it has not; it goes on until those who wait for it then have gone."""
        with self._lock:
            self._current()

    def result(self) -> Prepared:
        """Blocks. Raises as `prepare` does."""
        with self._waited() as future:
            return future.result()

    async def wait(self) -> Prepared:
        """The same without blocking."""
        with self._waited() as future:
            ended = asyncio.wrap_future(future)
            try:
                await asyncio.wait([ended])
            except asyncio.CancelledError:
                ended.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody asks any more
                raise
            return ended.result()

    @contextlib.contextmanager
    def _waited(self) -> Iterator[concurrent.futures.Future[Prepared]]:
        with self._lock:
            begun = self._current()
            begun.waiting += 1
        try:
            yield begun.future
        finally:
            with self._lock:
                begun.waiting -= 1
                if not begun.waiting and not begun.future.done():
                    begun.stop.set()

    def _current(self) -> _Begun:
        begun = self._begun
        if begun is None or begun.stop.is_set() or (begun.future.done() and begun.future.exception() is not None):
            stop = threading.Event()
            begun = self._begun = _Begun(self._threads.submit(self._prepare, stop), stop)
        return begun


class _Begun:
    """One try, and how many wait for it."""

    def __init__(self, future: concurrent.futures.Future[Prepared], stop: threading.Event) -> None:
        self.future = future
        self.stop = stop
        self.waiting = 0


def prepare(engine: Engine, sandbox: Sandbox, stop: threading.Event) -> Prepared:
    """Removes what dead hosts have left, gets or makes the image, and tries what holds. Blocks, for seconds perhaps.

    Raises:
        ConfigError: The image has no Python, or a package can't be installed.
        SandboxError: No container can be run there, or packages were being installed when `stop` was set.
    """
    engine.reap()
    reap_shares()
    if sandbox.image is not None:
        found = image.named_image(engine, sandbox.image)
    else:
        found = image.machine_image(engine, sandbox.packages, stop)
    volumes = image.volumes(engine, found)
    probe = planned(sandbox, found, reaper.labels(_PROBE), 0, volumes, is_podman=engine.is_podman)
    return Prepared(found, volumes, measured(engine, probe), engine.is_podman)


def why_not(engine: Engine, sandbox: Sandbox) -> str | None:
    """Why no such containers can be run on an engine, by what it says of itself; None where they may."""
    runtime, known = sandbox.options.get("runtime"), engine.info.get("Runtimes") or {}
    if runtime is not None and runtime not in known:
        return f"the engine has no runtime {runtime!r}, only {', '.join(sorted(known))}: register it in daemon.json"
    return image.why_none(engine) if sandbox.image is None else None
