"""A model from a list or a function, for tests, examples and training data."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from rlm.errors import LMError, RlmError
from rlm.lms.base import Price
from rlm.types import Reply, Request, Usage

Line: TypeAlias = str | Reply | RlmError


class Scripted:
    """Answers from a script.

    Usage is counted as one token per four characters.

    Args:
        script: The replies in order (an error is raised instead), or a function from request to reply, sync or async.
        name: The model's name.
        price: What it costs; free by default.
        window: Tokens of prompt and answer together.
        latency: Seconds before each reply.

    Attributes:
        requests: What it was asked so far.
    """

    def __init__(
        self,
        script: Iterable[Line] | Callable[[Request], Line | Awaitable[Line]],
        *,
        name: str = "scripted",
        price: Price | None = Price(0.0, 0.0),  # noqa: B008 (frozen)
        window: int | None = None,
        latency: float = 0.0,
    ) -> None:
        self.name = name
        self.price = price
        self.window = window
        self.requests: list[Request] = []
        self._script = script if callable(script) else list(script)
        self._answered = 0
        self._latency = latency

    async def complete(self, request: Request) -> Reply:
        """The next reply of the script.

        Raises:
            LMError: The script says so, or is at its end.
        """
        self.requests.append(request)
        if self._latency:
            await asyncio.sleep(self._latency)
        if callable(self._script):
            made = self._script(request)
            answer = await made if inspect.isawaitable(made) else made
        else:
            if self._answered == len(self._script):
                raise LMError(f"the script of {self.name} is at its end: {len(self._script)} replies")
            answer = self._script[self._answered]
            self._answered += 1
        if isinstance(answer, RlmError):
            raise answer
        if isinstance(answer, Reply):
            return answer
        size = sum(len(message.content) for message in request.messages)
        usage = Usage(1, size // 4, len(answer) // 4)
        return Reply(answer, usage, self.price.cost(usage) if self.price else None, model=self.name)
