"""Work that numpy does without the interpreter's lock, in two threads: more would hold more memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

_THREADS = 2

_T = TypeVar("_T")


def threaded(work: Callable[..., _T], items: Iterable[tuple[Any, ...]]) -> Iterator[_T]:
    """What some threads make of the items, in order; they are one item ahead, as all that is ahead takes memory."""
    with ThreadPoolExecutor(_THREADS) as threads:
        ahead: deque[Future[_T]] = deque()
        for item in items:
            ahead.append(threads.submit(work, *item))
            if len(ahead) > _THREADS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
