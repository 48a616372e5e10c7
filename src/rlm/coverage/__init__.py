"""What of its input a run looked at, and whether its answer's quotes stand there: from the trace alone, on demand."""

from rlm.coverage.quotes import Citation, Place
from rlm.coverage.reach import Coverage, Reader, Stretch
from rlm.coverage.runs import citations, coverage, quotes_anything

__all__ = ["Citation", "Coverage", "Place", "Reader", "Stretch", "citations", "coverage", "quotes_anything"]
