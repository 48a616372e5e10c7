"""Runs the user's tools for the cells of one run: how many at once, for how long, how often; and tells the trace.

What a tool does is not ours to end: a thread can't be stopped. So one that is out of time is left behind, in a thread
that keeps neither the run nor the process from ending, and when too many are, no more are started.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple, cast

from rlm.errors import ToolError
from rlm.playback import Live
from rlm.tools import Tool, as_json
from rlm.trace.events import ToolBegin, ToolEnd
from rlm.trace.store import Trace
from rlm.types import JSON

MAX_STUCK = 64  # tools that were given up and still run
_GRACE = 0.5  # seconds for an async tool to end when it is cancelled
_MESSAGE = 2_000  # characters of what a tool raised
_KEYS = re.compile("(KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_LEAST_KEY = 8  # characters: what is shorter is no key, and may be part of a word


class _Done(NamedTuple):
    """How a tool ended."""

    value: object
    error: BaseException | None = None


class Toolbox:
    """The tools of one run.

    Args:
        trace: The run's trace.
        concurrency: How many run at once.
        playback: What an earlier run was given: it is not run again.
    """

    def __init__(self, trace: Trace, concurrency: int, playback: Live | None = None) -> None:
        self._trace = trace
        self._playback = playback or Live()
        self._slots = asyncio.Semaphore(concurrency)
        self._calls: Counter[int] = Counter()
        self._stuck = 0

    async def call(self, tool: Tool, span: int, args: list[JSON], kwargs: dict[str, JSON]) -> JSON:
        """What the tool gives.

        Args:
            tool: The tool.
            span: The turn whose cell asks.
            args: What the cell called it with.
            kwargs: Likewise, by name.

        Raises:
            ToolError: It failed, took too long, was called too often or with arguments that it does not take, or what
                it gave is not JSON.
        """
        try:  # first: what is told to the trace is kept, and calls are free
            as_json([args, kwargs], "what it is called with")
        except ValueError as too_large:
            raise ToolError(f"{tool.name}: {too_large}") from None
        async with self._slots:
            begin = ToolBegin(
                t=self._trace.now(),
                span=self._trace.new_span(),
                parent=span,
                name=tool.name,
                args=args,
                kwargs=kwargs,
            )
            self._trace.emit(begin)
            began = time.monotonic()
            value: JSON = None
            error: str | None = "cancelled"
            source: Literal["tool", "recorded"] = "tool"
            try:
                if (before := await self._playback.tool(begin.span)) is not None:
                    source = "recorded"
                    self._calls[id(tool)] += 1
                    if before.error is not None:
                        raise ToolError(before.error)
                    value, error = before.value, None
                    return value
                value = await self._value(tool, args, kwargs)
                error = None
                return value
            except ToolError as failure:
                error = str(failure)
                raise
            finally:
                seconds = round(time.monotonic() - began, 6)
                now = self._trace.now()
                self._trace.emit(
                    ToolEnd(t=now, span=begin.span, value=value, error=error, seconds=seconds, source=source)
                )

    async def _value(self, tool: Tool, args: list[JSON], kwargs: dict[str, JSON]) -> JSON:
        if tool.calls is not None and self._calls[id(tool)] >= tool.calls:
            raise ToolError(f"{tool.name}: the limit of {tool.calls:,} calls a run is reached")
        if self._stuck >= MAX_STUCK:
            raise ToolError(f"{tool.name}: {self._stuck} calls of tools were given up and still run: no more are made")
        try:
            tool.bind(args, kwargs)
        except TypeError as error:
            raise ToolError(f"{tool.name}{tool.signature}: {error}") from None
        self._calls[id(tool)] += 1
        done = await self._run(tool, args, kwargs)
        if done.error is not None:
            raise ToolError(_told(tool, done.error)) from None
        try:
            return as_json(done.value, "result")
        except ValueError as error:
            raise ToolError(f"{tool.name}: {error}") from None

    async def _run(self, tool: Tool, args: Sequence[JSON], kwargs: Mapping[str, JSON]) -> _Done:
        """Runs it; what it raises is a result."""
        task = asyncio.create_task(self._guarded(tool, args, kwargs))
        try:
            await asyncio.wait({task}, timeout=tool.seconds)
            if task.done():
                return task.result()
        finally:
            if not task.done():
                await self._give_up(task)
        raise ToolError(f"{tool.name}: no result within {tool.seconds:g} s; what it began may go on")

    async def _guarded(self, tool: Tool, args: Sequence[JSON], kwargs: Mapping[str, JSON]) -> _Done:
        try:
            if _is_async(tool.function):
                return _Done(await tool.function(*args, **kwargs))
            done = await self._in_thread(lambda: tool.function(*args, **kwargs))
            return _Done(await done.value) if inspect.isawaitable(done.value) else done
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return _Done(None, error)  # the tool's own
        except BaseException as error:  # noqa: BLE001 - the user's own code, SystemExit too: the cell is told
            return _Done(None, error)

    async def _in_thread(self, work: Callable[[], object]) -> _Done:
        """Runs it in a thread of its own: one of a pool would keep the process from ending until it did."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[_Done] = loop.create_future()
        given_up = False

        def settle(done: _Done) -> None:
            if given_up:
                self._stuck -= 1
            elif not ended.done():
                ended.set_result(done)

        def run() -> None:
            try:
                done = _Done(work())
            except BaseException as error:  # noqa: BLE001 - the user's own code: the cell is told
                done = _Done(None, error)
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(settle, done)

        threading.Thread(target=run, name="rlm tool", daemon=True).start()
        try:
            return await ended
        except asyncio.CancelledError:
            given_up = True
            self._stuck += 1
            raise

    async def _give_up(self, task: asyncio.Task[_Done]) -> None:
        task.cancel()
        await asyncio.wait({task}, timeout=_GRACE)
        if not task.done():  # it does not let itself be cancelled
            self._stuck += 1
            task.add_done_callback(self._ended_late)

    def _ended_late(self, task: asyncio.Task[_Done]) -> None:
        self._stuck -= 1
        if not task.cancelled():
            task.exception()  # seen


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def _told(tool: Tool, error: BaseException) -> str:
    """What a cell is told of an error: its type and message, without the traceback and without any key of ours."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - the error's own method
        message = ""
    kind = type(error).__name__
    text = message if isinstance(error, ToolError) else f"{kind}: {message}" if message else kind
    return f"{tool.name}: {without_keys(text)[:_MESSAGE]}"


def without_keys(text: str) -> str:
    """`text` without what stands in a variable of the environment whose name says that it is a key."""
    for name, value in cast(Mapping[str, str], os.environ).items():
        if len(value) >= _LEAST_KEY and _KEYS.search(name):
            text = text.replace(value, "[key]")
    return text
