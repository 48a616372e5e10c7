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
    """A language model.

    Attributes:
        name: `provider/model`, as traces and prompts show it.
        window: Tokens of prompt and answer together; None if unknown.
        price: What it costs at worst; None if unknown, which is not free.
    """

    name: str
    window: int | None
    price: Price | None

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            LMRefusedError: The request can't succeed as it is.
            LMUnavailableError: The provider failed and kept failing through the retries.
            LMReplyError: The reply can't be used.
        """
        ...


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, on the high side: nobody's tokenizer is here, and only the bill is exact.

    3.5 characters a token for ASCII; elsewhere a third of the UTF-8 bytes, which suits CJK and is high for accents.
    """
    if text.isascii():
        return int(len(text) / 3.5) + 1
    return len(text.encode("utf-8", "surrogatepass")) // 3 + 1
