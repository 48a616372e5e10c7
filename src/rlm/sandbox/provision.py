"""What the sandbox's options give a worker before it is locked down: packages, and how many CPUs.

Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from typing import Any


def provide(options: dict[str, Any]) -> None:
    """Does as `packages`, a folder, and `cpus`, a number, say; either may be missing or null.

    Raises:
        OSError: The CPUs can't be limited.
    """
    if options.get("packages"):
        _add_packages(options["packages"])
    if options.get("cpus"):
        _use_cpus(options["cpus"])


def _add_packages(folder: str) -> None:
    """Before the packages that Python has: it was asked for these versions. Behind the standard library, as ever."""
    others = (at for at, path in enumerate(sys.path) if path.endswith(("site-packages", "dist-packages")))
    sys.path.insert(next(others, len(sys.path)), folder)


def _use_cpus(most: int) -> None:
    """Any of those there are, so that workers don't crowd on the first ones; all, where there are no more than that."""
    usable = sorted(os.sched_getaffinity(0))
    first = int.from_bytes(os.urandom(2), "big") % len(usable)
    os.sched_setaffinity(0, (usable * 2)[first : first + most])
