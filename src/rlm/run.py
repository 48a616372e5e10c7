"""A run under way, as its caller holds it: events as they happen, the result, and the ways to end it."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Protocol

from rlm.background import event_loop
from rlm.trace.events import Event
from rlm.types import Completion


class Watcher(Protocol):
    """What a run tells its events, and asks whether it is to stop."""

    @property
    def stopping(self) -> bool: ...
    def put(self, event: Event) -> None: ...


class Run:
    """A run that has been started.

    Iterating over it (`for` or `async for`) gives its events until it ends; several iterations share one stream.
    As a context manager it is cancelled on leaving, if it has not ended.

    Args:
        work: The run. It gets this object, and tells its events to `put`.
        events: Whether anyone will iterate. Events hold all prompts and replies of a run until they are taken.
    """

    def __init__(self, work: Callable[[Run], Awaitable[Completion]], *, events: bool = True) -> None:
        self._wanted = events
        self._events: deque[Event | None] = deque()  # None: the run has ended
        self._arrival = asyncio.Event()
        self._stopping = self._ending = False
        self._task: asyncio.Task[Completion] | None = None
        self._loop = event_loop()
        self._future = asyncio.run_coroutine_threadsafe(self._main(work), self._loop)

    async def _main(self, work: Callable[[Run], Awaitable[Completion]]) -> Completion:
        self._task = asyncio.current_task()
        try:
            if self._ending and self._task is not None:
                self._task.cancel()
            return await work(self)
        finally:
            self._add(None)

    def put(self, event: Event) -> None:
        """Takes an event for whoever iterates."""
        if self._wanted:
            self._add(event)

    def _add(self, event: Event | None) -> None:
        self._events.append(event)
        self._arrival.set()

    async def _arrived(self) -> None:
        """Waits, on the run's own loop, until there is an event to take."""
        while not self._events:
            self._arrival.clear()
            await self._arrival.wait()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called: the run then ends with what it has, instead of raising."""
        return self._stopping

    @property
    def ended(self) -> bool:
        """Whether it has come to its end, or was ended."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> Completion:
        """Waits for the end.

        Raises:
            RlmError: What the run failed with before it had anything to return.
            concurrent.futures.CancelledError: It was cancelled.
            TimeoutError: `timeout` seconds have passed; the run goes on.
        """
        return self._future.result(timeout)

    async def aresult(self) -> Completion:
        """`result`, for async callers. Cancelling it cancels the run, and waits until that is cleaned up."""
        try:
            return await asyncio.shield(asyncio.wrap_future(self._future))
        except asyncio.CancelledError:
            self.cancel()
            await asyncio.wait([asyncio.wrap_future(self._future)])
            raise

    def stop(self) -> None:
        """Ends the run now, keeping the best answer so far: `result` gives it, as `partial` or `failed`."""
        self._stopping = True
        self._loop.call_soon_threadsafe(self._cancel_task)

    def cancel(self) -> None:
        """Ends the run now, for nothing: its worker, calls and tasks are gone when `result` raises."""
        self._loop.call_soon_threadsafe(self._cancel_task)

    async def cancelled(self) -> None:
        """`cancel`, for who runs on the run's own loop; waits until it has ended."""
        self._cancel_task()
        if not self._future.done():
            await asyncio.wait([asyncio.wrap_future(self._future)])

    def _cancel_task(self) -> None:
        # Once: a second one would reach the clean-up that the first one started.
        if self._task is not None and not self._ending:
            self._task.cancel()
        self._ending = True

    def __iter__(self) -> Iterator[Event]:
        while True:
            try:
                event = self._events.popleft()
            except IndexError:
                waiting = asyncio.run_coroutine_threadsafe(self._arrived(), self._loop)
                try:
                    waiting.result()
                finally:
                    waiting.cancel()
                continue
            if event is None:
                break
            yield event
        self._loop.call_soon_threadsafe(self._add, None)  # for the others

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            try:
                event = self._events.popleft()
            except IndexError:  # not with a thread that waits: it can't be cancelled, and would take an event with it
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._arrived(), self._loop))
                continue
            if event is None:
                break
            yield event
        self._loop.call_soon_threadsafe(self._add, None)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._future.done():
            self.cancel()
            concurrent.futures.wait([self._future])
