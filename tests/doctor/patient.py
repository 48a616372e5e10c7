"""A model that can be told to misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from rlm.errors import LMRefusedError, LMReplyError
from rlm.lms.base import Price
from rlm.types import Finish, Reply, Request, Usage

# What a root says at a turn of its, given the question.
Root = Callable[[int, str], str]


def code(turn: int, question: str) -> str:
    """The code of a root that does all right: a look, then the answer."""
    if turn == 1:
        return "print(len(context))"
    if "vault" in question:
        return 'import re\nFINAL(re.search(r"Port Ellery is (\\d+)", context)[1])'
    return 'FINAL(context.count("Zelkova"))'


def fenced(mark: str = "repl", after: str = "") -> Root:
    """A root that does all right, with this mark on its fences, and goes on with `after`."""
    return lambda turn, question: f"I look.\n```{mark}\n{code(turn, question)}\n```{after}"


class Patient:
    """Answers probes and roots; a token is four characters.

    Args:
        root: What it says as a root.
        name: Its name.
        ignores: Options of a request that do nothing: max_tokens, stop, temperature.
        refuses: Options that are an error, and `system`, for a system message.
        takes: Tokens that it takes.
        too_long: What a longer prompt raises; None cuts it without a word.
        thinks: Reasoning tokens of each reply.
        price: What it costs.
        window: What it says of its window.
        delay: Seconds for each reply.
        reports: Whether it says what it consumed.
    """

    def __init__(
        self,
        root: Root = fenced(),  # noqa: B008
        *,
        name: str = "test/patient",
        ignores: tuple[str, ...] = (),
        refuses: tuple[str, ...] = (),
        takes: int = 10**9,
        too_long: Exception | None = None,
        thinks: int = 0,
        price: Price | None = Price(0.0, 0.0),  # noqa: B008
        window: int | None = None,
        delay: float = 0.0,
        reports: bool = True,
    ) -> None:
        self.name, self.price, self.window = name, price, window
        self.requests: list[Request] = []
        self._root, self._ignores, self._refuses = root, ignores, refuses
        self._takes, self._too_long, self._thinks, self._delay = takes, too_long, thinks, delay
        self._reports = reports

    async def complete(self, request: Request) -> Reply:
        self.requests.append(request)
        await asyncio.sleep(self._delay)
        self._refuse(request)
        asked = sum(len(message.content) for message in request.messages) // 4
        if asked > self._takes:
            if self._too_long is not None:
                raise self._too_long
            asked = self._takes
        text = self._text(request)
        finish: Finish = "stop"
        if "stop" not in self._ignores:
            text = min((text.partition(stop)[0] for stop in request.stop), key=len, default=text)
        most = request.max_tokens
        if most is not None and "max_tokens" not in self._ignores and self._thinks + len(text) // 4 > most:
            text, finish = text[: max(most - self._thinks, 0) * 4], "length"
        usage = Usage(1, asked, min(self._thinks + len(text) // 4, most or 10**9), 0, min(self._thinks, most or 10**9))
        if not self._reports:
            usage = Usage(1)
        if self._thinks and not text:
            raise LMReplyError(f"{self.name}: it all went into thinking", usage, 0.0, "thinking")
        return Reply(text, usage, self.price.cost(usage) if self.price else None, finish, self.name)

    def _refuse(self, request: Request) -> None:
        given: dict[str, Any] = {
            "stop": request.stop or None,
            "temperature": request.temperature,
            "system": next((message for message in request.messages if message.role == "system"), None),
        }
        for option in self._refuses:
            if given[option] is not None:
                what = "System role not supported" if option == "system" else f"Unsupported parameter: '{option}'"
                raise LMRefusedError(f"400: {what}", 400)

    def _text(self, request: Request) -> str:
        prompt = request.messages[-1].content
        if "REPL" in request.messages[0].content:
            first = "\n".join(message.content for message in request.messages[:2])
            question = "vault" if "vault code" in first else "Zelkova"
            turn = sum(message.role == "assistant" for message in request.messages) + 1
            return self._root(turn, question)
        if "numbers" in prompt:
            return ", ".join(f"number {number}" for number in range(1, 201))
        if "Copy" in prompt:
            return prompt.partition(": ")[2]
        if "sentence" in prompt:
            warm = request.temperature == 1 or "temperature" in self._ignores
            return f"There is a town by the sea{len(self.requests) if warm else ''}."
        return "ready"
