"""Which threads an earlier cell left behind at their work. What they print is dropped, and their calls are refused.

Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import _thread
import sys
from types import FrameType

# The frames around a thread's own code. A thread of a pool that has no others waits for work and belongs to no cell.
_AROUND = ("threading.py", "concurrent/futures/thread.py")


class LeftBehind:
    """Knows them by the frame that they were in when their cell ended: a pool's thread that moves on is free again."""

    def __init__(self) -> None:
        self._frames: dict[int, FrameType] = {}
        self._left_out: int | None = None

    def leave_out(self) -> None:
        """The calling thread belongs to no cell."""
        self._left_out = _thread.get_ident()

    def note(self) -> None:
        """A cell has ended; called in the thread that ran it."""
        others = (_thread.get_ident(), self._left_out)
        found = {ident: _outermost(frame) for ident, frame in sys._current_frames().items() if ident not in others}
        self._frames = {ident: frame for ident, frame in found.items() if frame is not None}

    def calling(self) -> bool:
        """Whether the calling thread is one of them."""
        if not self._frames:
            return False
        left = self._frames.get(_thread.get_ident())
        if left is None:
            return False
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame is left:
                return True
            frame = frame.f_back
        return False


def _outermost(frame: FrameType | None) -> FrameType | None:
    """The first frame of a thread's own code."""
    own = None
    while frame is not None:
        if not frame.f_code.co_filename.endswith(_AROUND):
            own = frame
        frame = frame.f_back
    return own
