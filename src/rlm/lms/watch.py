"""Lets others see what passes between a client and its endpoint while a call is under way.

A measurement sees the status and headers of each HTTP answer, failed attempts too; a trace, each failed attempt and how
long is waited before the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Watcher: TypeAlias = Callable[[int, Mapping[str, str]], None]
Retried: TypeAlias = Callable[[str, float], None]

# Of the task that asks: other runs of the process don't see it.
watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_retried: ContextVar[Retried | None] = ContextVar("retried", default=None)


def tell(status: int, headers: Mapping[str, str]) -> None:
    """Tells whoever watches of an answer."""
    if (watch := watcher.get()) is not None:
        watch(status, headers)


@contextmanager
def retries(watch: Retried) -> Iterator[None]:
    """Has `watch` told of what fails inside, in this task, and is tried again: why, and the seconds until then."""
    token = _retried.set(watch)
    try:
        yield
    finally:
        _retried.reset(token)


def tell_retry(reason: str, wait: float) -> None:
    """Tells whoever watches that an attempt failed, and is made again in `wait` seconds."""
    if (watch := _retried.get()) is not None:
        watch(reason, wait)
