"""What happens in a run, one frozen class an event: the trace's vocabulary, and what `stream` yields.

Spans are numbers. An event that begins one (`NodeBegin`, `TurnBegin`, `EstimateMade`, `CallBegin`, `ToolBegin`) carries
its own `span` and its `parent`; every other event carries the span that it belongs to. The tree is built on reading
(`trace.tree`). docs/trace-format.md describes them as they lie on disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from rlm.errors import Fault
from rlm.types import JSON, Finish, Source, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events have.

    Attributes:
        t: Seconds since the run began.
        span: The span that the event begins, ends or belongs to; 0 is the run itself.
    """

    type: ClassVar[str]
    t: float = 0.0
    span: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegin(Event):
    """A run starts: what was asked, of what, with which models and limits, by which versions.

    `seed` is what `random` begins with in its workers: a cell that is run again goes the same way. `source` is the
    input: `{"kind": "text" | "json", "text": ...}`, of a value its JSON text; `{"kind": "paths", "paths": [...]}`, of
    files; `{"kind": "none"}`, of one that was never loaded; `{"kind": "incomplete"}`, on reading, of one that was being
    copied when the run was killed. `digest` is the SHA-256 of its bytes as they were loaded,
    hexadecimal, and `""` of the last kind. `setup` has the options that make such an `RLM` again, none of them a key.
    `origin` is the run that this one was made from: `{"run": id, "turn": n | None, "way": "resume"|"replay"|"fork"}`;
    of a question of a session, `passed_over` in it says how cells of questions before it went another way.
    `files` are those that cells may read beside the input, each with its SHA-256 (`context.path_digest`).

    `sitting` is there where it is a question of a session: `{"run": id, "number": n, "input": id, "added": [...],
    "before": id | None, "lost": ...}`, the first run, which question it is, the run whose `source` is the input
    (`source` is `{"kind": "earlier"}` in others), the contexts that were added, each `{"name": ..., "digest": ...,
    "run": id}`, the run of the question before, and what had been lost since then: None, the `worker` with all names,
    or the whole `sandbox`. `added` has the sources of those contexts that no earlier run has, by name.
    """

    type: ClassVar[str] = "run_begin"
    run_id: str
    started: str
    question: str
    context: str
    model: str
    sub_model: str
    sandbox: str
    enforces: list[JSON]
    limits: dict[str, JSON]
    seed: int
    versions: dict[str, JSON]
    source: dict[str, JSON] = field(default_factory=lambda: {"kind": "none"})
    digest: str = ""
    setup: dict[str, JSON] = field(default_factory=dict)
    origin: dict[str, JSON] | None = None
    sitting: dict[str, JSON] | None = None
    added: dict[str, JSON] = field(default_factory=dict)
    files: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBegin(Event):
    """A node of the call tree starts; depth 0 is the root."""

    type: ClassVar[str] = "node_begin"
    parent: int
    depth: int
    question: str
    context: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnBegin(Event):
    """A turn starts: the model is about to be asked. Turns count from 1; a wrap-up turn is marked."""

    type: ClassVar[str] = "turn_begin"
    parent: int
    turn: int
    wrap_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSent(Event):
    """The messages that are new in this request; those before them are in the earlier ones of the node."""

    type: ClassVar[str] = "request"
    messages: list[JSON]
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyReceived(Event):
    """A model answered its node: `text` is whole, as it came; `model` is the name that the provider gives itself.

    `source` is `recorded` where the run that this one was made from has the reply, and nobody was asked.
    """

    type: ClassVar[str] = "reply"
    text: str
    finish: Finish
    usage: dict[str, JSON]
    cost: float | None
    retries: int = 0
    seconds: float
    model: str = ""
    source: Source = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFailed(Event):
    """A node's request has no reply that could be used; a reply that was charged for is told before, as one.

    `fault` is an `LMReplyError`'s.
    """

    type: ClassVar[str] = "request_failed"
    error: str
    fault: Fault | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Event):
    """An attempt of the turn's request, or of the call's, failed with `reason`; `wait` seconds until the next one."""

    type: ClassVar[str] = "retry"
    reason: str
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge(Event):
    """A reply had no cell, and was answered with `message`."""

    type: ClassVar[str] = "nudge"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellBegin(Event):
    """A cell starts."""

    type: ClassVar[str] = "cell_begin"
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellEnd(Event):
    """A cell ended; `shown` is its output as the model is shown it, `output` whole, or as much as the worker kept.

    `resumed`: in the run that this one was made from it had been cut off, so it was run again from its start, and the
    model is told.
    """

    type: ClassVar[str] = "cell_end"
    output: str
    output_size: int
    shown: str
    error: str | None = None
    interrupted: bool = False
    lost: str | None = None
    seconds: float
    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLeft(Event):
    """A run that was made from another one goes on live from this turn, for the first time in it.

    The other one's record ends here; or `difference` says how this run went another way. `seconds` are the run's so
    far, as its limit counts them: those of the record, and none of being served.
    """

    type: ClassVar[str] = "record_left"
    difference: str | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateMade(Event):
    """A cell is about to ask `calls` times (`parent` is its turn): what that is likely to take, None where unknown."""

    type: ClassVar[str] = "estimate"
    parent: int
    function: str
    model: str
    calls: int
    input_tokens: int | None
    output_tokens: int | None
    usd: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateDecided(Event):
    """Whether what was estimated may be asked; `asked`: whether someone was asked to confirm it."""

    type: ClassVar[str] = "estimate_decided"
    allowed: bool
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBegin(Event):
    """A cell asks a model something (`llm_query`, or each prompt of a batch) or starts a child (`rlm_query`).

    `origins` are the pieces of the input that the prompt holds, as the worker claims: each `[start, end, name]`,
    characters of the file `name`, or of the text where that is `""`. `given` is a digest of the context that a child
    is given; None of a plain call.
    """

    type: ClassVar[str] = "call_begin"
    parent: int
    name: str
    prompt: str
    model: str
    temperature: float | None = None
    fresh: bool = False
    origins: list[JSON] = field(default_factory=list)
    given: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnd(Event):
    """A sub-call ended, with a reply or with an error.

    `source` says where the reply is from: `model`; `joined`, to an equal call that was in flight; `kept`, from an
    earlier one; `recorded`, by the run that this one was made from. `joined` and `kept` consumed nothing. `raised` is
    the error's class, and `fault` an `LMReplyError`'s. A call that was asked once more, with more room, has the usage
    of both.
    """

    type: ClassVar[str] = "call_end"
    reply: str | None
    error: str | None = None
    fault: Fault | None = None
    source: Source = "model"
    finish: Finish | None
    usage: dict[str, JSON]
    cost: float | None
    retries: int = 0
    seconds: float
    raised: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolBegin(Event):
    """A cell calls a tool of the user's; `parent` is its turn."""

    type: ClassVar[str] = "tool_begin"
    parent: int
    name: str
    args: list[JSON]
    kwargs: dict[str, JSON]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnd(Event):
    """A tool ended, with a value or with an error; `recorded` where that was served and the tool did not run."""

    type: ClassVar[str] = "tool_end"
    value: JSON
    error: str | None
    seconds: float
    source: Literal["tool", "recorded"] = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReached(Event):
    """A limit of the run was reached; what follows is the wrap-up."""

    type: ClassVar[str] = "limit"
    limit: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSet(Event):
    """A cell gave an answer."""

    type: ClassVar[str] = "answer"
    value: JSON
    is_repr: bool
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEnd(Event):
    """A node ended, with its own usage and its children's."""

    type: ClassVar[str] = "node_end"
    status: Status
    reason: str
    turns: int
    usage: dict[str, JSON]
    cost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd(Event):
    """The run ended: the whole tree's totals, and how many of its sub-calls were answered without asking."""

    type: ClassVar[str] = "run_end"
    response: str
    status: Status
    reason: str
    route: Literal["rlm", "direct"]
    route_reason: str = ""
    usage: dict[str, JSON]
    cost: float | None
    seconds: float
    reused: int = 0


EVENT_TYPES: dict[str, type[Event]] = {
    cls.type: cls
    for cls in (
        RunBegin,
        NodeBegin,
        TurnBegin,
        RequestSent,
        ReplyReceived,
        RequestFailed,
        Retry,
        Nudge,
        CellBegin,
        CellEnd,
        RecordLeft,
        EstimateMade,
        EstimateDecided,
        CallBegin,
        CallEnd,
        ToolBegin,
        ToolEnd,
        LimitReached,
        AnswerSet,
        NodeEnd,
        RunEnd,
    )
}
