"""What the doctor finds: values, as `--json` prints them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

# What became of an option: it did what it should, it did nothing, the endpoint refused it, or nobody can tell.
Honoured: TypeAlias = Literal["honoured", "ignored", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an examination is likely to take, if its runs use all their turns, and its bounds.

    Attributes:
        calls: Model calls.
        tokens: Input and output tokens.
        usd: US dollars; None where the price is unknown.
        budget: The most US dollars that are spent; None where the price is unknown.
        most_tokens: The most tokens that are used.
        seconds: The longest that it takes.
    """

    calls: int
    tokens: int
    usd: float | None
    budget: float | None
    most_tokens: int
    seconds: float


@dataclass(slots=True)
class Habits:
    """How the model behaved as the root of runs, with the engine's own prompts.

    Attributes:
        runs: Runs that were made.
        right: Those whose answer was right.
        replies: Replies of the root, the wrap-up's among them.
        fences: Replies by the language of their first fence, as written; empty for a fence without one.
        unfenced: Replies without any fence.
        cells: Cells that were run.
        several_cells: Replies that went on to a second cell.
        invented: Replies that went on to what the cell would print.
        bare_finals: Replies that gave `FINAL(...)` as bare text.
        answered: Runs whose answer came from code that the model wrote.
        repeated: Cells that were the same as an earlier one of their run.
        loops: Whether that happened again and again.
        cut: Replies that their limit cut off.
        thought: Replies that had thinking in their text.
        sub_calls: Calls that cells made.
        reasons: Why runs did not come to their own end.
        system_role: Whether a system message is taken.
    """

    runs: int = 0
    right: int = 0
    replies: int = 0
    fences: dict[str, int] = field(default_factory=dict)
    unfenced: int = 0
    cells: int = 0
    several_cells: int = 0
    invented: int = 0
    bare_finals: int = 0
    answered: int = 0
    repeated: int = 0
    loops: bool = False
    cut: int = 0
    thought: int = 0
    sub_calls: int = 0
    reasons: list[str] = field(default_factory=list)
    system_role: bool = True


@dataclass(slots=True)
class Controls:
    """Whether the options of a request do what they should."""

    max_tokens: Honoured = "unknown"
    stop: Honoured = "unknown"
    temperature: Honoured = "unknown"


@dataclass(slots=True)
class Speed:
    """How fast it is: seconds to a short reply (the middle one), and output tokens a second in a long one."""

    reply_seconds: float | None = None
    tokens_per_second: float | None = None


@dataclass(slots=True)
class Window:
    """How much fits.

    Attributes:
        tokens: Tokens of prompt and answer together; None if nothing was tried.
        how: `told` by the endpoint's error; `found` by trying; `cut`: longer prompts are cut without a word;
            `at_least`: it was not searched further.
        listed: What the client says; None if it does not.
    """

    tokens: int | None = None
    how: Literal["told", "found", "cut", "at_least", "unknown"] = "unknown"
    listed: int | None = None


@dataclass(slots=True)
class Rate:
    """What the account allows.

    Attributes:
        limits: As the answers' headers say, by what they count: requests, tokens, ...
        at_once: Calls that were sent together.
        answered: Those that were answered, after retries too.
        refused: Answers with status 429.
        before_refusal: Calls that were answered before the first of them; None if there was none.
        retry_after: Seconds that it asked to wait; None if it did not.
    """

    limits: dict[str, int] = field(default_factory=dict)
    at_once: int = 0
    answered: int = 0
    refused: int = 0
    before_refusal: int | None = None
    retry_after: float | None = None


@dataclass(slots=True)
class Findings:
    """All of it.

    Attributes:
        model: The model's name.
        profile: The profile that it was spoken to with.
        thinking_tokens: Reasoning tokens, as reported, of all calls.
        thinking_cut: Direct calls whose output went into thinking.
        skipped: What was not measured, and why.
        calls, tokens, seconds: What it took.
        usd: US dollars; None if unknown.
        suggested: The fields of a profile for this model; empty where the present one fits.
        advice: Why those, and what a profile can't set.
    """

    model: str
    profile: str
    plan: Plan
    habits: Habits = field(default_factory=Habits)
    controls: Controls = field(default_factory=Controls)
    speed: Speed = field(default_factory=Speed)
    window: Window = field(default_factory=Window)
    rate: Rate = field(default_factory=Rate)
    thinking_tokens: int = 0
    thinking_cut: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    tokens: int = 0
    usd: float | None = None
    seconds: float = 0.0
    suggested: dict[str, object] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)
