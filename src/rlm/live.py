"""The live tree of a run on a terminal: fed with events on the run's thread, drawn on a thread of its own."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from rlm.trace.events import CallBegin, CallEnd, CellEnd, Event, RunBegin, RunEnd
from rlm.trace.tree import RunTree

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

REFRESH_SECONDS = 0.1
# Sub-calls' texts are only ever shown as the start of a line; a run may make thousands of large ones.
_TEXT_KEPT = 400
_LAST_DRAWING_SECONDS = 1.0


class LiveTree:
    """Draws a run as it goes, on `file`, and leaves its last state there; does nothing where that is no terminal.

    Give `listen` to the trace: it starts with the run's first event and ends with its last one. `rich` is imported on
    the drawing thread, so that the first request does not wait for it.

    Args:
        file: Where to draw; standard error if None.
        code: Also print each cell with its output when its turn has ended, above the tree; without a terminal, only
            that.
    """

    def __init__(self, file: TextIO | None = None, *, code: bool = False) -> None:
        self._run = RunTree()
        self._events: deque[Event] = deque()
        self._file = sys.stderr if file is None else file
        self._code = code
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pausing = threading.Event()
        self._paused = threading.Event()
        self._resumed = threading.Event()
        self._thread: threading.Thread | None = None
        self._began = time.monotonic()
        self._printed = 0

    @property
    def drawn(self) -> bool:
        """Whether there is a terminal to draw on."""
        return self._file.isatty()

    def listen(self, event: Event) -> None:
        """Takes one event; returns at once, whatever is being drawn, but waits for the last drawing of all."""
        self._events.append(_shortened(event))
        if self._thread is None and (self.drawn or self._code):
            self._thread = threading.Thread(target=self._draw, name="rlm-live", daemon=True)
            self._thread.start()
        if isinstance(event, RunEnd):
            self.close()

    def close(self) -> None:
        """Ends the drawing, with the state that the run has reached."""
        self._stop.set()
        self._resumed.set()
        if self._thread is not None:
            self._thread.join(_LAST_DRAWING_SECONDS)

    def pause(self) -> None:
        """Leaves the terminal to someone else, with the state so far above the cursor, until `resume`."""
        self._resumed.clear()
        self._pausing.set()
        if self._thread is not None and self.drawn and not self._stop.is_set():
            self._paused.wait(_LAST_DRAWING_SECONDS)

    def resume(self) -> None:
        """Draws on, below what was written meanwhile."""
        self._pausing.clear()
        self._paused.clear()
        self._resumed.set()

    @property
    def run(self) -> RunTree:
        """The run up to now."""
        with self._lock:
            while self._events:
                self._run.add(self._events.popleft())
        return self._run

    def _draw(self) -> None:
        from rich.live import Live

        from rlm import run_view

        console = run_view.console(self._file)
        if not self.drawn:
            while not self._stop.wait(REFRESH_SECONDS):
                self._print_turns(console, last=False)
            self._print_turns(console, last=True)
            return
        last = False
        while not last:
            # A new one after each pause, so that what was written meanwhile stays.
            with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
                while not (self._stop.wait(REFRESH_SECONDS) or self._pausing.is_set()):
                    self._refresh(live, last=False)
                last = self._stop.is_set()
                self._refresh(live, last=last)
            if not last:
                self._paused.set()
                self._resumed.wait()

    def _refresh(self, live: Live, *, last: bool) -> None:
        from rlm.run_view import view

        if self._code:
            self._print_turns(live.console, last=last)
        # A turn takes about four lines; what does not fit would push the newest out of sight.
        fitting = max(1, (live.console.height - 6) // 4)
        now = None if last else time.monotonic() - self._began
        live.update(view(self.run, last_turns=None if last and not self._code else fitting, now=now), refresh=True)

    def _print_turns(self, console: Console, *, last: bool) -> None:
        """Prints the root's turns that are whole (the next has begun, or the run has ended) and not printed yet."""
        from rlm.run_view import turn_view

        turns = self.run.root.turns if self.run.root else []
        whole = len(turns) if last else len(turns) - 1
        for turn in turns[self._printed : whole]:
            console.print(turn_view(turn))
            self._printed += 1


def _shortened(event: Event) -> Event:
    match event:
        case CallBegin(prompt=prompt) if len(prompt) > _TEXT_KEPT:
            return replace(event, prompt=prompt[:_TEXT_KEPT])
        case CallEnd(reply=str(reply)) if len(reply) > _TEXT_KEPT:
            return replace(event, reply=reply[:_TEXT_KEPT])
        case CellEnd():
            return replace(event, output="")
        case RunBegin():
            return replace(event, source={"kind": event.source["kind"]})  # it may be the whole input
    return event
