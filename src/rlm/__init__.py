"""Recursive language models: ask questions of inputs of any length, safely.

from rlm import RLM, Limits

rlm = RLM(model="openai/gpt-5-mini", limits=Limits(usd=0.50))
print(rlm.completion("Who is the tallest?", context=Path("people/")).response)
"""

from typing import TYPE_CHECKING

from rlm.approval import Estimate
from rlm.errors import (
    ConfigError,
    ContextError,
    DivergedError,
    LimitError,
    LMError,
    LMRefusedError,
    LMReplyError,
    LMUnavailableError,
    MCPError,
    MissingKeyError,
    RlmError,
    SandboxError,
    SandboxUnavailableError,
    ToolError,
    WorkerDiedError,
)
from rlm.lms.base import LM, Price
from rlm.reference import RLM
from rlm.run import Run
from rlm.sandbox.options import Sandbox
from rlm.sitting import Sitting
from rlm.tools import Tool
from rlm.trace.reader import TraceError
from rlm.trace.runs import Retention
from rlm.types import Completion, Limits, Message, Reply, Request, Usage
from rlm.version import VERSION as __version__  # noqa: N811

if TYPE_CHECKING:
    from rlm.coverage import citations
    from rlm.resuming import fork, replay, resume
    from rlm.sandbox.warm import WarmPool

__all__ = [
    "LM",
    "RLM",
    "Completion",
    "ConfigError",
    "ContextError",
    "DivergedError",
    "Estimate",
    "LMError",
    "LMRefusedError",
    "LMReplyError",
    "LMUnavailableError",
    "LimitError",
    "Limits",
    "MCPError",
    "Message",
    "MissingKeyError",
    "Price",
    "Reply",
    "Request",
    "Retention",
    "RlmError",
    "Run",
    "Sandbox",
    "SandboxError",
    "SandboxUnavailableError",
    "Sitting",
    "Tool",
    "ToolError",
    "TraceError",
    "Usage",
    "WarmPool",
    "WorkerDiedError",
    "__version__",
    "citations",
    "fork",
    "replay",
    "resume",
]


def __getattr__(name: str) -> object:
    if name == "citations":  # 10 ms, for those who ask
        from rlm.coverage import citations

        return citations
    if name in ("fork", "replay", "resume"):
        from rlm import resuming

        return getattr(resuming, name)
    if name == "WarmPool":
        from rlm.sandbox.warm import WarmPool

        return WarmPool
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
