"""The values that travel between the parts: frozen, and knowing nothing of who makes or uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from rlm.coverage import Citation

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None
Role: TypeAlias = Literal["system", "user", "assistant"]
Finish: TypeAlias = Literal["stop", "length", "filter"]
Status: TypeAlias = Literal["done", "partial", "failed"]
# Where a reply is from: asked for it, for an equal call in flight, for an earlier one, or by the run before this one.
Source: TypeAlias = Literal["model", "joined", "kept", "recorded"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a model.

    Attributes:
        messages: The conversation so far; a root's next request begins with its last one's messages.
        max_tokens: The most output tokens, thinking included; None leaves it to the client.
        temperature: Sampling temperature; None leaves it to the provider.
        stop: Strings that end the reply, and are no part of it. A client whose endpoint has no such thing leaves them
            out: they only save what would be dropped.
        fields: More fields of the request on the wire, in the endpoint's words; they go before the client's own.
    """

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    fields: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls consumed, in tokens.

    Tokens read from a provider's prompt cache (`cached_tokens`) and written to it (`cache_write_tokens`) are part of
    the input, reasoning of the output.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )


def usage_fields(usage: Usage) -> dict[str, JSON]:
    """`usage` as JSON, for traces and `--json`."""
    return {name: getattr(usage, name) for name in Usage.__slots__}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered.

    Attributes:
        text: The answer; thinking is not part of it.
        usage: What this one call consumed.
        cost: US dollars for this one call; None where the price is unknown, which is not 0.
        finish: Why it ended: by itself, at its token limit, or stopped by a content filter.
        model: The model as the provider names it.
        retries: Failed attempts before this reply.
    """

    text: str
    usage: Usage
    cost: float | None
    finish: Finish = "stop"
    model: str = ""
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use, its whole call tree together. None means no limit.

    Attributes:
        usd: US dollars.
        tokens: Input and output tokens of all calls.
        seconds: Wall-clock seconds of the run.
        turns: Turns of each node.
        sub_calls: LM and RLM calls made by cells.
        depth: 0: no sub-calls. 1: sub-calls are plain LM calls. 2 and up: `rlm_query` is offered.
        concurrency: Model calls in flight at once.
        cell_seconds: Seconds a cell may run, not counting its waits for sub-calls; CPU seconds too.
        memory_mb: MiB that a worker may allocate beyond its input.
        output_chars: Characters of a cell's output shown to the model; None takes the profile's.
        nudges: Replies without a cell that are answered with a nudge before the node gives up.
    """

    usd: float | None = None
    tokens: int | None = None
    seconds: float | None = None
    turns: int = 30
    sub_calls: int | None = None
    depth: int = 1
    concurrency: int = 64
    cell_seconds: float = 120.0
    memory_mb: int = 2048
    output_chars: int | None = None
    nudges: int = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One piece of code out of a reply, and the fence's language as the model wrote it."""

    code: str
    fence: str = "repl"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a cell gave as the answer.

    Attributes:
        value: The value as the cell set it, where JSON can carry it; otherwise its `repr`.
        is_repr: Whether `value` is a `repr`.
        ready: Whether the cell said that it is final.
    """

    value: JSON
    is_repr: bool = False
    ready: bool = True


@dataclass(frozen=True, slots=True)
class CellResult:
    """What running one cell did.

    Attributes:
        output: What it printed, a trailing expression's value included; cut head and tail at the
            session's cap, `output_size` characters in truth. Of a cell whose worker is lost, the end, if anything.
        error: The traceback of the model's code, as it should be shown; None if it raised nothing.
        answer: The answer, if the cell touched it.
        seconds: Wall-clock seconds, waits for sub-calls included.
        interrupted: It was interrupted for taking too long; its names survive, unless the worker is lost.
        lost: The worker died or was killed, and why: a new one starts, without the cell's names.
        resumed: It was run again from its start, since it had been cut off in the run that this one resumes.
    """

    output: str
    output_size: int
    error: str | None = None
    answer: Answer | None = None
    seconds: float = 0.0
    interrupted: bool = False
    lost: str | None = None
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """What a run returns.

    Attributes:
        response: The answer as text.
        answer: The answer as the cell set it, where JSON can carry it; else its `repr`.
        answer_is_repr: Whether `answer` is a `repr`.
        status: `done`; `partial`: a limit or a failure cut it short and this is the best there was;
            `failed`: there is no answer.
        reason: Why it is not `done`, that its trace is incomplete, or that cancelled calls make the cost unknown;
            empty otherwise.
        usage: Of the whole call tree.
        cost: US dollars of the whole call tree; None if any price, or what a cancelled call had spent, is unknown.
        turns: Turns of the root node.
        run_id: The run's name, as `rlm show` takes it.
        trace: The run's folder; None where tracing is off.
        route: `rlm`, or `direct` where the input went to the model in a plain call.
        route_reason: Why it went that way.
        seconds: Wall-clock seconds.
        reused: Sub-calls that were answered without asking, since an equal one was; `usage` and `cost` have none.
    """

    response: str
    answer: JSON
    answer_is_repr: bool
    status: Status
    reason: str
    usage: Usage
    cost: float | None
    turns: int
    run_id: str
    trace: Path | None
    route: Literal["rlm", "direct"] = "rlm"
    route_reason: str = ""
    seconds: float = 0.0
    reused: int = 0

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The passages that the answer quotes, each with where it stands in the input, or marked unsupported.

        They are looked for each time, in the input as it is now; that takes up to a second or two for 40 MB.

        Raises:
            ConfigError: The run kept no trace.
            TraceError: Its trace can't be read.
            ContextError: Its input can't be read any more, or is not what it was.
        """
        from rlm.coverage import citations  # nothing that a run needs

        return citations(self)
