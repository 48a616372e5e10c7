"""`WarmPool`: places that are started before their runs, for sandboxes that take seconds to start.

What is ready has had no input and no code. It is handed to one run and ended with it, and another takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from types import TracebackType
from typing import Protocol, runtime_checkable

from rlm.background import event_loop
from rlm.context import Context
from rlm.errors import ConfigError, RlmError, SandboxError
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers.base import MOST_READY, Environment, Launcher, Ready
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_RETRY = 30.0  # seconds until a place is started again after that failed
_END = 60.0  # seconds for all places to be ended


@runtime_checkable
class _StartsEarly(Protocol):
    async def ready(self, limits: Limits) -> Ready: ...


class WarmPool:
    """Keeps places of one launcher ready: `with WarmPool("e2b", size=4) as pool: rlm = RLM(sandbox=pool)`.

    A run takes one, or starts its own where none is ready, its input is over 64 MiB, or its limits differ in `seconds`
    or `memory_mb`. It is a launcher; places are started on the event loop where runs are.

    Args:
        sandbox: The launcher's name, with its options or without, or a launcher.
        size: Places that are kept ready. At a vendor's, each costs what it costs to run.
        limits: Of the runs to come.
        seconds: The age at which a place is replaced; vendors end what is old.

    Raises:
        ConfigError: An option can't be right, or that launcher has nothing to start early.
    """

    def __init__(
        self,
        sandbox: str | Sandbox | Launcher,
        *,
        size: int = 4,
        limits: Limits | None = None,
        seconds: float = 240.0,
    ) -> None:
        launcher = find_launcher(sandbox)
        if not isinstance(launcher, _StartsEarly):
            raise ConfigError(f"the sandbox {launcher.name!r} has nothing to keep warm: use it without a pool")
        if size < 1 or seconds <= 0:
            raise ConfigError(f"a pool has a size of 1 or more and seconds above 0, not {size} and {seconds:g}")
        self.name = launcher.name
        self._launcher: Launcher = launcher
        self._early: _StartsEarly = launcher
        self._size = size
        self._limits = limits or Limits()
        self._seconds = seconds
        self._places: deque[tuple[float, Ready]] = deque()
        self._starting: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._changed: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def enforces(self) -> frozenset[str]:
        return self._launcher.enforces()

    def why_not(self) -> str | None:
        return self._launcher.why_not()

    def prepare(self) -> None:
        """Begins to keep places ready, on the running loop."""
        if self._keeper is None and not self._closed:
            self._loop = asyncio.get_running_loop()
            self._changed = asyncio.Event()
            self._keeper = self._loop.create_task(self._keep())

    async def prepared(self) -> None:
        """As its launcher's, where that has one."""
        if (prepared := getattr(self._launcher, "prepared", None)) is not None:
            await prepared()

    async def open(self, context: Context, limits: Limits) -> Environment:
        self.prepare()
        while (place := self._taken(context, limits)) is not None:
            if not place.usable():
                await _ended(place)
                continue
            try:
                return await place.open(context, limits)
            except SandboxError:  # it had ended, unseen; if it is the run that can't be had, its own place will say so
                break
        return await self._launcher.open(context, limits)

    async def aclose(self) -> None:
        """Ends all that is ready or starting, and waits for that. What runs have is theirs to end."""
        self._closed = True
        tasks = [*self._starting, *([self._keeper] if self._keeper is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._places:
            self._end(self._places.popleft()[1])
        await asyncio.gather(*self._ending)

    def close(self) -> None:
        """`aclose`, for callers without a loop."""
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self.aclose(), self._loop).result(_END)
        self._closed = True

    def __enter__(self) -> WarmPool:
        event_loop().call_soon_threadsafe(self.prepare)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _taken(self, context: Context, limits: Limits) -> Ready | None:
        """A place that no other run will get; None where this one needs its own."""
        fits = (limits.seconds, limits.memory_mb) == (self._limits.seconds, self._limits.memory_mb)
        if not self._places or not fits or context.blob.size > MOST_READY:
            return None
        place = self._places.popleft()[1]
        if self._changed is not None:
            self._changed.set()
        return place

    async def _keep(self) -> None:
        """Replaces what was taken, what is old and what has ended."""
        assert self._changed is not None
        while not self._closed:
            self._changed.clear()
            now, kept = time.monotonic(), list(self._places)
            for born, place in kept:
                if now - born > self._seconds or not place.usable():
                    self._places.remove((born, place))
                    self._end(place)
            for _ in range(self._size - len(self._places) - len(self._starting)):
                task = asyncio.create_task(self._start())
                self._starting.add(task)
                task.add_done_callback(self._on_started)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds / 8):
                    await self._changed.wait()

    def _end(self, place: Ready) -> None:
        task = asyncio.create_task(_ended(place))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _start(self) -> None:
        try:
            place = await self._early.ready(self._limits)
        except RlmError:  # a run that needs one will be told
            await asyncio.sleep(_RETRY)
        else:
            self._places.append((time.monotonic(), place))

    def _on_started(self, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        if self._changed is not None:
            self._changed.set()


async def _ended(place: Ready) -> None:
    with contextlib.suppress(SandboxError):  # its own deadline ends it
        await place.close()
