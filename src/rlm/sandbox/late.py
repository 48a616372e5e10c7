"""What cells are likely to want, and the first of a process need not wait for: a zygote loads it as soon as it is idle.

What a zygote has loaded, its workers share. The first one to be forked may come before; then it loads for itself what
its cells ask for.
"""

from __future__ import annotations

import gc

from . import lockdown, packets, worker

IDLE = 20  # milliseconds without a request
_REHEARSALS = 12  # Python 3.11 to 3.13 note nothing more after 8
_MODULES = ("ast", "array", "heapq", "json", "linecache", "random", "re", "signal", "socket", "contextlib", "threading")

loaded = False  # here or in the zygote that this process was forked from


def load() -> None:
    """Loads it; 40 ms."""
    global loaded
    from . import mapped, search

    for name in _MODULES:
        __import__(name)
    search.prepare()
    mapped.works()
    lockdown.prepare()
    worker.rehearse(_REHEARSALS)
    packets.rehearse(_REHEARSALS)
    gc.freeze()
    loaded = True
