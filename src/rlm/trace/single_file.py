"""A whole run in one file, to keep or to send: its events as JSON lines, every string in full, no pack beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from rlm.errors import ConfigError
from rlm.trace.events import Event
from rlm.trace.reader import TraceError, check_version, event_of


def write(events: Iterable[Event], path: Path) -> None:
    """Writes `events` to `path`, readable by its owner only; what was there is replaced.

    Raises:
        ConfigError: It can't be written.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="ascii") as file:
            for event in events:
                file.write(json.dumps({"type": event.type, **asdict(event)}) + "\n")
    except OSError as error:
        raise ConfigError(f"the run can't be saved to {path}: {error.strerror}") from error


def read(path: Path) -> Iterator[Event]:
    """The events of a run that `write` saved.

    Raises:
        TraceError: There is no such file, or it is not a saved run; names the line.
    """
    try:
        file = open(path, encoding="ascii")  # noqa: SIM115 (closed by the with below)
    except OSError as error:
        raise TraceError(f"no saved run at {path}: {error.strerror}") from error
    with file:
        number = 0
        try:
            for number, line in enumerate(file, 1):  # noqa: B007 (named in the message)
                event = event_of(json.loads(line))
                check_version(path, event)
                yield event
        except (ValueError, RecursionError) as error:
            raise TraceError(f"{path}, line {number or 1}: not a saved run ({error})") from error
        except (KeyError, TypeError, AttributeError) as error:  # whose words are Python's own
            raise TraceError(
                f"{path}, line {number or 1}: not a saved run (no event that this version knows)"
            ) from error
