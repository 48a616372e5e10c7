"""Which way an input goes: to the model in one plain call, or into a sandbox; and why, which the result says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rlm.context import Context
from rlm.lms.base import LM, estimate_tokens
from rlm.prompts.profiles import Profile

# Below about this many tokens a plain call answers better and cheaper (figure 1 of arXiv 2512.24601).
DIRECT_TOKENS = 2**14

Route = Literal["auto", "always", "never"]
ROUTES: tuple[Route, ...] = ("auto", "always", "never")


@dataclass(frozen=True, slots=True)
class Way:
    """The way that was chosen.

    Attributes:
        text: The input as a plain call has it; None where the input goes into a sandbox.
        reason: Why, for the caller.
    """

    text: str | None
    reason: str


def sandboxed(route: Route, lm: LM, profile: Callable[[LM], Profile], only_in_cells: str = "") -> str:
    """Why no input can go to this model in a plain call; empty where that depends on the input."""
    if route == "never":
        return 'route="never"'
    if route == "always":
        return ""
    if only_in_cells:
        return f"there are {only_in_cells}, which a plain call has not"
    if lm.window is None:
        return f"the window of {lm.name} is not known, so nothing is known to fit into a plain call"
    if not profile(lm).direct:  # the first look at profiles takes 10 ms
        return f"{lm.name} answers through code alone"
    return ""


def choose(route: Route, lm: LM, profile: Callable[[LM], Profile], context: Context, only_in_cells: str = "") -> Way:
    """The way of an input: under `auto`, one that fits comfortably goes to the model in a plain call."""
    if why := sandboxed(route, lm, profile, only_in_cells):
        return Way(None, why)
    if route == "always":
        return Way(_text(context), 'route="always"')
    if context.skipped:
        return Way(None, "the input has files that are listed and not loaded")
    limit = min(DIRECT_TOKENS, (lm.window or 0) // 2)
    size = f"the input has {context.characters:,} characters"
    # No tokenizer makes fewer tokens than one of 4 bytes each: a long input is not read for this.
    if context.blob.size <= 4 * limit and estimate_tokens(text := _text(context)) <= limit:
        return Way(text, f"{size}, which fit well into a plain call (up to about {limit:,} tokens)")
    return Way(None, f"{size}, more than a plain call answers well (about {limit:,} tokens)")


def _text(context: Context) -> str:
    data = context.blob.read()
    if context.kind != "corpus":
        return data.decode("utf-8", "surrogatepass")
    files = ((part.name, data[part.start : part.start + part.length]) for part in context.parts)
    return "\n\n".join(f"=== {name} ===\n{text.decode('utf-8', 'surrogatepass')}" for name, text in files)
