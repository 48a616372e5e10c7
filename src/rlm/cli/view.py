"""`rlm view`: the page about runs, served until Ctrl-C."""

from __future__ import annotations

import sys
import webbrowser

from rlm.trace import runs
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
