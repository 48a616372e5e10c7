"""What a model client is: one method. Usage and cost travel in the reply; a client keeps no per-call state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rlm.types import Reply, Request, Usage


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens; cached input costs as much as other input where `cached_mtok` is None."""

    input_mtok: float
    output_mtok: float
    cached_mtok: float | None = None

    def cost(self, usage: Usage) -> float:
        """US dollars for `usage`."""
        cached = 0 if self.cached_mtok is None else min(usage.cached_tokens, usage.input_tokens)
        fresh = usage.input_tokens - cached
        dollars = fresh * self.input_mtok + cached * (self.cached_mtok or 0.0) + usage.output_tokens * self.output_mtok
        return dollars / 1e6


class LM(Protocol):
    """A language model. Its three properties may be plain attributes."""

    @property
    def name(self) -> str:
        """`provider/model`, as traces and prompts show it."""
        ...

    @property
    def window(self) -> int | None:
        """Tokens of prompt and answer together; None if unknown."""
        ...

    @property
    def price(self) -> Price | None:
        """What it costs at worst; None if unknown, which is not free."""
        ...

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            LMRefusedError: The request can't succeed as it is.
            LMUnavailableError: The provider failed and kept failing through the retries.
            LMReplyError: The reply can't be used.
        """
        ...


class Priced:
    """A model at a price that its caller gives, because nobody else knows it."""

    def __init__(self, lm: LM, price: Price) -> None:
        self.name = lm.name
        self.price: Price | None = price
        self._lm = lm

    @property
    def window(self) -> int | None:
        """As the model has it."""
        return self._lm.window

    async def complete(self, request: Request) -> Reply:
        """As the model does; what a reply costs is reckoned by the ledger where the model does not say."""
        return await self._lm.complete(request)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, on the high side: nobody's tokenizer is here, and only the bill is exact.

    3.5 characters a token for ASCII; elsewhere a third of the UTF-8 bytes, which suits CJK and is high for accents.
    """
    if text.isascii():
        return int(len(text) / 3.5) + 1
    return len(text.encode("utf-8", "surrogatepass")) // 3 + 1
