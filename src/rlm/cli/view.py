"""`rlm view`: the page about runs, served until Ctrl-C; and `rlm ask --view`, beside the run that it shows."""

from __future__ import annotations

import sys
import threading
import webbrowser
from pathlib import Path
from typing import Protocol

from rlm.trace import runs
from rlm.trace.events import Event, RunBegin
from rlm.viewer.server import Viewer


def run(name: str | None, *, host: str, port: int, open_browser: bool) -> int:
    """Serves the page; returns at Ctrl-C.

    Args:
        name: A run to begin with, as `rlm show` takes it; None: the list of all.
        host: The address to listen on.
        port: 0 takes a free one.
        open_browser: Whether a browser is opened.

    Raises:
        ConfigError: There is no such run, or the address can't be listened on.
    """
    path = runs.find(name) if name else None
    with Viewer(path.parent if path else runs.folder(), host, port) as server:
        url = server.url + (f"#run/{path.name}" if path else "")
        print(url, flush=True)
        print("rlm: serving; Ctrl-C ends it", file=sys.stderr)
        if not server.local:
            print("rlm: whoever has this URL can read all runs here", file=sys.stderr)
        if open_browser:
            webbrowser.open(url)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return 0
    return 0


class _Listener(Protocol):
    def listen(self, event: Event) -> None: ...
    def close(self) -> None: ...


class Beside:
    """The page of a run, served while it goes on: opened in a browser with the run's first event.

    Args:
        folder: The folder of runs; None: that in which they are kept.

    Raises:
        ConfigError: It can't be served.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._server = Viewer(folder or runs.folder())
        self._thread = threading.Thread(target=self._server.serve_forever, name="rlm-view", daemon=True)
        self._thread.start()
        self._other: _Listener | None = None

    def with_other(self, other: _Listener) -> Beside:
        """Passes events on to another listener too."""
        self._other = other
        return self

    def listen(self, event: Event) -> None:
        """Takes the next event of the run."""
        if isinstance(event, RunBegin):
            url = f"{self._server.url}#run/{event.run_id}"
            print(f"rlm: shown at {url}", file=sys.stderr, flush=True)
            # Not here: a browser in the terminal would hold the run up.
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        if self._other is not None:
            self._other.listen(event)

    def close(self) -> None:
        """The run has ended; the page is served on."""
        if self._other is not None:
            self._other.close()

    def wait(self) -> None:
        """Serves until Ctrl-C."""
        print("rlm: the page is still served; Ctrl-C ends it", file=sys.stderr, flush=True)
        try:
            self._thread.join()
        except KeyboardInterrupt:
            self._server.shutdown()
        self._server.server_close()
