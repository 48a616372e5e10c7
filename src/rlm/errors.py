"""The error tree.

RlmError
├── ConfigError             a wrong option, name or combination, found before anything ran
│   └── MissingKeyError     a model needs a key that is not set
├── ContextError            an input can't be read: names the file, and the byte where decoding failed
├── LMError                 a provider failed, after retries
│   ├── LMRefusedError      a request that can't succeed (4xx other than 429): never retried
│   ├── LMUnavailableError  429, 5xx, time-outs, resets: retried, and still failing
│   └── LMReplyError        a reply that can't be used; `fault` says why: empty, refused, filtered, ...
├── LimitError              a limit of the run was reached; `limit` names it
├── DivergedError           a run that was made from another one went another way than that
├── SandboxError            a worker or its launcher failed
│   ├── SandboxUnavailableError   this machine can't enforce what was required
│   └── WorkerDiedError     a worker ended before it was told to
├── ToolError               a tool of the user's failed, as the cell that called it is told
│   └── MCPError            an MCP server can't be reached, or does not speak the protocol
└── TraceError              a trace, a saved run or a log can't be read (in trace/reader.py): names the line

What the model's own code raises is not here: it is shown to the model. A bug of ours is not here
either: it propagates as what it is.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from rlm.types import JSON, Usage


Fault: TypeAlias = Literal["empty", "refused", "filtered", "thinking", "too_long", "malformed"]


class RlmError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(RlmError):
    """A wrong option, name or combination of them, found before anything ran."""


class MissingKeyError(ConfigError):
    """A model needs an API key that is not set; the message names the variable."""


class ContextError(RlmError):
    """An input can't be read; the message names the file, and the byte where decoding failed."""


class LMError(RlmError):
    """A model provider failed."""


class LMRefusedError(LMError):
    """The provider rejected the request itself (4xx other than 429); retrying can't help.

    Attributes:
        status: The HTTP status; None where there was no answer.
        error: The error as the endpoint sent it, keys cut out; None if there is none.
    """

    def __init__(self, message: str, status: int | None = None, error: JSON = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = error


class LMUnavailableError(LMError):
    """The provider was rate-limited, overloaded or unreachable, and stayed so through the retries."""


class LMReplyError(LMError):
    """The provider answered with something that can't be used.

    Attributes:
        usage: What the call consumed all the same, or None if it was not sent or is unknown.
        cost: US dollars for it, or None if unknown.
        fault: What is wrong with it. `thinking`: the whole output budget went into thinking; `too_long`: the prompt
            does not fit the model's window; `malformed`: not what such an endpoint sends.
    """

    def __init__(
        self, message: str, usage: Usage | None = None, cost: float | None = None, fault: Fault = "malformed"
    ) -> None:
        super().__init__(message)
        self.usage = usage
        self.cost = cost
        self.fault = fault


class CallCancelled(asyncio.CancelledError):
    """A call was cancelled in flight, and something is known of what it had consumed.

    Attributes:
        usage: What it had consumed so far, as its provider reported.
        cost: US dollars for it, or None if unknown.
    """

    def __init__(self, usage: Usage, cost: float | None = None) -> None:
        super().__init__()
        self.usage = usage
        self.cost = cost


class LimitError(RlmError):
    """A limit of the run was reached.

    Attributes:
        limit: The name of the field of `Limits` that was reached.
    """

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit


class DivergedError(RlmError):
    """A run that is resumed or replayed went another way than its record.

    Attributes:
        turn: Where.
        difference: The first difference, in words.
    """

    def __init__(self, message: str, turn: int = 0, difference: str = "") -> None:
        super().__init__(message)
        self.turn = turn
        self.difference = difference


class SandboxError(RlmError):
    """A worker or its launcher failed."""


class SandboxUnavailableError(SandboxError):
    """This machine can't enforce what was required; the message names the fix."""


class WorkerDiedError(SandboxError):
    """A worker ended before it was told to; the message says how."""


class ToolError(RlmError):
    """A tool of the user's failed, or can't be called so; the cell that called it sees the message."""


class MCPError(ToolError):
    """An MCP server can't be started or reached, ended, or does not speak the protocol."""


def again(name: str | None, message: str, fault: Fault | None = None) -> RlmError:
    """The error that a trace tells of, as far as a cell can see.

    Args:
        name: Its class; None or one that is not here: an `LMError`.
        message: Its message.
        fault: An `LMReplyError`'s.
    """
    if fault is not None:
        return LMReplyError(message, fault=fault)
    if name == LimitError.__name__:
        return LimitError("", message)
    kinds = (SandboxError, SandboxUnavailableError, WorkerDiedError, ConfigError, ContextError, ToolError)
    return next((kind for kind in kinds if kind.__name__ == name), LMError)(message)
