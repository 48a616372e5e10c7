"""What the user gave -> a `Context`: sealed bytes and a short description."""

from rlm.context.base import Context, Part, Skipped
from rlm.context.blob import Blob
from rlm.context.load import check_paths, load

__all__ = ["Blob", "Context", "Part", "Skipped", "check_paths", "load"]
