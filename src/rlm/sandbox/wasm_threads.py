"""Threads and `asyncio` where there is one thread and no socket: in WebAssembly.

A thread's function runs when the thread starts, to its end. What is submitted to a `ThreadPoolExecutor` runs at once
too, but for a sub-call itself (`pool.map(llm_query, prompts)`, `asyncio.to_thread(llm_query, prompt)`): that is sent,
and its future waits, so such calls are answered side by side. Whatever waits, waits for the host's next frame.
Worker-side: standard library only.
"""

from __future__ import annotations

import _thread
import importlib.abc
import importlib.machinery
import select
import sys
import threading
import time
from collections.abc import Callable

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_ALONE = "nothing else can run while this waits: there is one thread in this sandbox, and no sub-call is open"

Defer = Callable[..., "Any"]


class Waits:
    """What waiting is, in one thread.

    Args:
        fd: Where the host's frames come.
        take: Takes the next frame, and waits until it is there.
        open_calls: How many sub-calls are open: without one, nothing comes.
    """

    def __init__(self, fd: int, take: Callable[[], None], open_calls: Callable[[], int]) -> None:
        self._fd = fd
        self._take = take
        self._open_calls = open_calls
        self.idle = False  # no cell runs: a frame will come all the same

    def until(self, done: Callable[[], object], timeout: float | None = None) -> bool:
        """Takes frames until it is done; False where that took longer.

        Args:
            done: Whether it is.
            timeout: Seconds; None waits as long as anything can still come.

        Raises:
            RuntimeError: Nothing can.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not done():
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            if not self.idle and not self._open_calls():
                if left is None:
                    raise RuntimeError(_ALONE)
                time.sleep(left)
            elif left is None or select.select([self._fd], [], [], left)[0]:
                self._take()
        return True

    def some(self, timeout: float | None) -> None:
        """Waits for one frame, so long at most."""
        taken = False

        def done() -> bool:
            nonlocal taken
            was, taken = taken, True
            return was

        self.until(done, timeout)


def install(waits: Waits, defer: Defer) -> None:
    """Puts the stand-ins in place; those for modules that are not imported yet, when they are.

    Args:
        waits: How to wait.
        defer: Given a function and its arguments, a future where it is a sub-call, which is under way; else None.
    """
    time.process_time, time.process_time_ns = time.perf_counter, time.perf_counter_ns  # its own are in no known unit
    _replace_threads()
    _replace_waiting(waits)
    patches = {
        "queue": lambda module: setattr(module, "SimpleQueue", module.__dict__["_PySimpleQueue"]),
        "asyncio": lambda module: _give_loop(module, waits),
        "concurrent.futures.thread": lambda module: _make_pool(module, defer),
    }
    sys.meta_path.insert(0, _OnImport(patches))


class _OnImport(importlib.abc.MetaPathFinder):
    """Changes modules as they are imported: `asyncio` alone costs a fifth of a start, and few cells need it.

    Args:
        patches: What changes each, by its name; one that is not there is made from nothing.
    """

    def __init__(self, patches: dict[str, Callable[[ModuleType], None]]) -> None:
        self._patches = patches

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        patch = self._patches.pop(name, None)
        if patch is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path) or importlib.machinery.ModuleSpec(name, None)
        spec.loader = _Patched(spec.loader, patch)
        return spec


class _Patched(importlib.abc.Loader):
    """A module's loader, which may load others too, and what changes this one."""

    def __init__(self, loader: Any, patch: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._patch = patch

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec) if self._loader is not None else None

    def exec_module(self, module: ModuleType) -> None:
        if self._loader is not None:
            self._loader.exec_module(module)
        self._patch(module)


def _replace_threads() -> None:
    def start(thread: Any) -> None:
        if thread._started.is_set():
            raise RuntimeError("threads can only be started once")
        thread._started.set()
        try:
            thread.run()
        except SystemExit:
            pass
        except Exception:  # noqa: BLE001 - as a thread's, it is told and goes no further
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), thread)))

    def join(thread: Any, timeout: float | None = None) -> None:
        if not thread._started.is_set():
            raise RuntimeError("cannot join thread before it is started")

    threads: Any = threading.Thread
    threads.start, threads.join, threads.is_alive = start, join, lambda thread: False


def _replace_waiting(waits: Waits) -> None:
    """`Condition.wait` is what events, semaphores, queues and futures wait by."""

    def wait(condition: Any, timeout: float | None = None) -> bool:
        if not condition._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        waiter = _thread.allocate_lock()
        waiter.acquire()
        condition._waiters.append(waiter)
        saved = condition._release_save()
        try:
            return waits.until(lambda: not waiter.locked(), timeout)
        finally:
            condition._acquire_restore(saved)
            if waiter in condition._waiters:
                condition._waiters.remove(waiter)

    threading.Condition.wait = wait  # type: ignore[method-assign, assignment]


def _make_pool(module: ModuleType, defer: Defer) -> None:
    """`concurrent.futures.thread`, which this Python is built without."""
    from concurrent.futures import _base

    class BrokenThreadPool(_base.BrokenExecutor):
        """A pool whose initializer failed."""

    class ThreadPoolExecutor(_base.Executor):
        """A pool of no threads.

        Args:
            max_workers: Of no consequence.
            thread_name_prefix: Of no consequence.
            initializer, initargs: Called once, before the first function.
        """

        def __init__(
            self,
            max_workers: int | None = None,
            thread_name_prefix: str = "",
            initializer: Callable[..., object] | None = None,
            initargs: tuple[Any, ...] = (),
        ) -> None:
            if max_workers is not None and max_workers <= 0:
                raise ValueError("max_workers must be greater than 0")
            self._begin: Any = initializer and (lambda: initializer(*initargs))
            self._shutdown = False

        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            if self._shutdown:
                raise RuntimeError("cannot schedule new futures after shutdown")
            begin, self._begin = self._begin, None
            if begin:
                begin()
            found = defer(*_unwrapped(function, args), kwargs)
            return _done(_base.Future(), function, args, kwargs) if found is None else found

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            self._shutdown = True

    for one in (BrokenThreadPool, ThreadPoolExecutor):
        one.__module__ = module.__name__
        setattr(module, one.__name__, one)


def _done(future: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    future.set_running_or_notify_cancel()
    try:
        future.set_result(function(*args, **kwargs))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the future's, as in any pool
        future.set_exception(error)
    return future


def _unwrapped(function: Any, args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """What `asyncio.to_thread` was asked to call: it wraps that in a partial of `Context.run`."""
    import contextvars
    import functools

    while True:
        if type(function) is functools.partial and not function.keywords:
            function, args = function.func, (*function.args, *args)
        elif args and isinstance(getattr(function, "__self__", None), contextvars.Context):
            function, args = args[0], args[1:]
        else:
            return function, args


def _give_loop(asyncio: ModuleType, waits: Waits) -> None:
    """An event loop that waits for the host's frames, and for nothing else."""
    names: Any = asyncio

    class Idle:
        """In the place of a selector."""

        def select(self, timeout: float | None) -> list[Any]:
            if timeout is None or timeout > 0:
                waits.some(timeout)
            return []

    class Loop(names.BaseEventLoop):  # type: ignore[misc]
        """As asyncio's own, without sockets, pipes and signals."""

        def __init__(self) -> None:
            super().__init__()
            self._selector = Idle()

        def _process_events(self, events: list[Any]) -> None:
            """There are none."""

        def _write_to_self(self) -> None:
            """Nothing else runs while this loop sleeps."""

    class Policy(names.events.BaseDefaultEventLoopPolicy):  # type: ignore[misc]
        _loop_factory = Loop

    names.set_event_loop_policy(Policy())
