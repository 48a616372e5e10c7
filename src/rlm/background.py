"""The one event loop of the process, in a daemon thread of its own.

The HTTP pool, the zygote and the models live on it, warm between runs, and the sync methods work inside a running
loop (a notebook's). Its thread ends with the process and never before: the kernel kills the zygote when the thread
that started it ends.
"""

from __future__ import annotations

import asyncio
import os
import threading

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_pid = 0


def event_loop() -> asyncio.AbstractEventLoop:
    """The process's loop, started at the first call; a forked child gets one of its own."""
    global _loop, _pid
    with _lock:
        if _loop is None or _pid != os.getpid():
            _loop, _pid = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="rlm", daemon=True).start()
        return _loop
