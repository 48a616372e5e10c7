"""How a process ended, in words that a model can use."""

from __future__ import annotations

import contextlib
import signal


def in_words(status: int) -> str:
    """Tells an exit status, negative where it is a signal's number."""
    if status >= 0:
        return f"it exited with status {status}"
    with contextlib.suppress(ValueError):
        return f"it was killed by {signal.Signals(-status).name}"
    return f"it was killed by signal {-status}"
