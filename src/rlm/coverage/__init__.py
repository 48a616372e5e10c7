"""What of its input a run looked at, and whether its answer's quotes stand there: from the trace alone, on demand."""

from typing import TYPE_CHECKING, Any

from rlm.coverage.quotes import Citation, Place
from rlm.coverage.runs import citations, coverage, quotes_anything

if TYPE_CHECKING:
    from rlm.coverage.reach import Coverage, Reader, Stretch

__all__ = ["Citation", "Coverage", "Place", "Reader", "Stretch", "citations", "coverage", "quotes_anything"]


def __getattr__(name: str) -> Any:
    """Imports what needs numpy once it is used: that takes 0.1 s."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rlm.coverage import reach

    return getattr(reach, name)
