"""Lets a measurement see the status and headers of each HTTP answer, failed attempts too, that its calls get."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TypeAlias

Watcher: TypeAlias = Callable[[int, Mapping[str, str]], None]

# Of the task that asks: other runs of the process don't see it.
watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def tell(status: int, headers: Mapping[str, str]) -> None:
    """Tells whoever watches of an answer."""
    if (watch := watcher.get()) is not None:
        watch(status, headers)
