"""What the command's exit status says, in one place; `docs/cli.md` and every `--help` repeat it."""

from __future__ import annotations

from rlm.errors import ConfigError, ContextError, RlmError, SandboxUnavailableError
from rlm.trace.reader import TraceError
from rlm.types import Status

DONE = 0
FAILED = 1
USAGE = 2
PARTIAL = 3
NO_SANDBOX = 4
INTERRUPTED = 130

OF_STATUS: dict[Status, int] = {"done": DONE, "failed": FAILED, "partial": PARTIAL}

HELP = (
    "Exit status: 0 done; 1 failed, or standard output can't be written; "
    "2 a wrong option, a missing key or an input that can't be read; "
    "3 a partial answer, cut short by a limit or a failure; 4 no sandbox that holds what was asked for; "
    "130 interrupted."
)


def of_error(error: RlmError) -> int:
    """The exit status for a run that ended with `error`."""
    if isinstance(error, SandboxUnavailableError):
        return NO_SANDBOX
    return USAGE if isinstance(error, ConfigError | ContextError | TraceError) else FAILED
