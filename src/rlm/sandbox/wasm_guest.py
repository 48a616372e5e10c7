"""The worker inside WebAssembly: as everywhere, in one thread, over descriptors that the host serves.

`main` is called by what `wasm_run` has the interpreter run. Worker-side: standard library only.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable

from . import calls, corpus, protocol, wasm_threads, worker

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from typing import Any, NoReturn

SHIPPED = ("wasm_guest", "wasm_threads", *worker.RUNS)

_POLLED = 0  # ready when a frame is: see `wasm_host`


class Calls(calls.Calls):
    """Calls that take the host's frames themselves while they wait, and that may be left open."""

    waits: wasm_threads.Waits

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._deferred: Any = None

    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def defer(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A future for a sub-call, which is sent; None for any other function."""
        if getattr(function, "__globals__", None) is not vars(worker):
            return None
        from concurrent.futures import Future

        future: Any = Future()
        future.set_running_or_notify_cancel()
        self._deferred = future
        try:
            function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the future's, as in any pool
            future.set_exception(error)
        finally:
            self._deferred = None
        return future

    def _wait_for_room(self) -> None:
        self._lock.release()
        try:
            self.waits.some(None)
        finally:
            self._lock.acquire()

    def _answered(self, number: int, waiting: Any) -> Any:
        future, self._deferred = self._deferred, None
        if future is None:
            try:
                self.waits.until(lambda: waiting.answer)
            finally:
                with self._lock:
                    self._take(number)
            return calls.value_of(waiting.answer)

        def settle() -> None:
            try:
                future.set_result(calls.value_of(waiting.answer))
            except calls.CallError as error:
                future.set_exception(error)

        waiting.answered = types.SimpleNamespace(release=settle)
        return None


class Worker(worker.Worker):
    """A worker that reads its stream whenever it waits.

    Args:
        stream: The socket that is the stream.
        loaded: The input.
    """

    def __init__(self, stream: Any, loaded: corpus.Loaded) -> None:
        super().__init__(stream.recv, stream.sendall, loaded, [])
        self._calls: Calls = Calls(stream.sendall, self._left.calling, self._interrupts)
        self.waits = self._calls.waits = wasm_threads.Waits(_POLLED, self._take_or_end, self._calls.count)

    def _listen(self) -> None:
        wasm_threads.install(self.waits, self._calls.defer)
        self.waits.idle = True

    def _next(self) -> protocol.Message:
        while not self._due:
            self._take_or_end()
        return self._due.pop(0)

    def _run(self, *args: Any) -> None:
        self.waits.idle = False
        super()._run(*args)
        self.waits.idle = True

    def _take_or_end(self) -> None:
        with self._interrupts:  # one within a frame would put the stream out of step
            if not self._take():
                os._exit(0)


def main(stream: Any, start: dict[str, Any]) -> NoReturn:
    """Takes the input off the stream and runs cells until it ends. Does not return.

    Args:
        stream: The socket that is the stream.
        start: `kind` and `parts` of the input, its `size` in bytes, and its `origin` where it is a child's piece of
            another: the offset and the name there. `packages`: a folder to import from besides, or None.
    """
    blob = bytearray(start["size"])
    view = memoryview(blob)
    while view:
        taken = stream.recv_into(view)
        if not taken:
            os._exit(0)
        view = view[taken:]
    loaded = corpus.build_context(start["kind"], start["parts"], blob)
    del blob
    if start["origin"] is not None:
        loaded.origin = tuple(start["origin"])
    sys.argv = [""]
    if start["packages"] is not None:
        sys.path.append(start["packages"])
    Worker(stream, loaded).serve()
    os._exit(0)
