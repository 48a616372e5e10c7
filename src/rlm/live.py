"""The live tree of a run on a terminal: fed with events on the run's thread, drawn on a thread of its own."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from rlm.trace.events import CallBegin, CallEnd, CellEnd, Event
from rlm.trace.tree import RunTree

if TYPE_CHECKING:
    from rich.live import Live

REFRESH_SECONDS = 0.1
# Sub-calls' texts are only ever shown as the start of a line; a run may make thousands of large ones.
_TEXT_KEPT = 400


class LiveTree:
    """Draws a run as it goes, on `file`, and leaves its last state there; does nothing where that is no terminal.

    Use as a context manager, and give `listen` to the trace. `rich` is imported on the drawing thread, so that the
    first request does not wait for it.

    Args:
        file: Where to draw; standard error if None.
        code: Also print each cell with its output when it has ended, above the tree.
    """

    def __init__(self, file: TextIO | None = None, *, code: bool = False) -> None:
        self._run = RunTree()
        self._events: deque[Event] = deque()
        self._file = sys.stderr if file is None else file
        self._code = code
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._began = time.monotonic()
        self._printed = 0

    def __enter__(self) -> LiveTree:
        if self._file.isatty():
            self._thread = threading.Thread(target=self._draw, name="rlm-live", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def listen(self, event: Event) -> None:
        """Takes one event; returns at once, whatever is being drawn."""
        self._events.append(_shortened(event))

    @property
    def run(self) -> RunTree:
        """The run up to now."""
        with self._lock:
            while self._events:
                self._run.add(self._events.popleft())
        return self._run

    def _draw(self) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._file, highlight=False, markup=False, emoji=False)
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                last = self._stop.wait(REFRESH_SECONDS)
                self._refresh(live, last)
                if last:
                    return

    def _refresh(self, live: Live, last: bool) -> None:
        from rlm.run_view import turn_view, view

        run = self.run
        turns = run.root.turns if run.root else []
        # A turn is whole once the next one has begun, or the run has ended.
        whole = len(turns) if last else len(turns) - 1
        if self._code:
            while self._printed < whole:
                live.console.print(turn_view(turns[self._printed]))
                self._printed += 1
        # A turn takes about four lines; what does not fit would push the newest out of sight.
        fitting = max(1, (live.console.height - 6) // 4)
        now = None if last else time.monotonic() - self._began
        live.update(view(run, last_turns=None if last and not self._code else fitting, now=now), refresh=True)


def _shortened(event: Event) -> Event:
    match event:
        case CallBegin(prompt=prompt) if len(prompt) > _TEXT_KEPT:
            return replace(event, prompt=prompt[:_TEXT_KEPT])
        case CallEnd(reply=str(reply)) if len(reply) > _TEXT_KEPT:
            return replace(event, reply=reply[:_TEXT_KEPT])
        case CellEnd():
            return replace(event, output="")
    return event
