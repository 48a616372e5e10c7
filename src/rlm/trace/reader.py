"""Reading a run's folder: its events in order, and where and why they end.

A trace may come from anywhere, so what it holds is checked before it is believed: the fields of events and their types,
the length of a line, the places that it names in the pack.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from rlm.errors import RlmError
from rlm.trace.events import EVENT_TYPES, Event, RunBegin, RunEnd
from rlm.trace.fields import fields_of
from rlm.types import Usage, usage_fields

FORMAT_VERSION = 2
LOG, PACK = "events.jsonl", "strings.pack"
LoadString: TypeAlias = Callable[[Any], str]  # given a place in the pack: [offset, length, hash]
_NOTHING = usage_fields(Usage())  # what is 0 is not written
_MOST = 1e9  # seconds, dollars
_LARGEST = 1 << 60  # bytes of a pack
_LONGEST_LINE = 256 << 20  # bytes; an answer, which is never packed as a whole, has at most 32 MiB


class TraceError(RlmError):
    """A trace can't be read; the message names the file and the line."""


class Reader(Iterator[Event]):
    """The events of the run in a folder, in order, their strings whole.

    A run that was killed, or goes on, has no `RunEnd`: what was written is read, and `reason` says where it stops. Once
    the events are used up, it can be asked again for what has been added since.

    Args:
        path: The run's folder.
        at: The byte of the log to begin at, the `ends_at` of another reader.
        longest: Strings of more bytes are cut there, for lists and overviews; they are not compared with their hash.

    Attributes:
        ends_at: Bytes of the log that were read: the end of the last whole event.
        reason: Why there are no more events: `""` after a `RunEnd`, and before the last event was read.

    Raises:
        TraceError: There is no trace there, it is of another format, or what is there can't be read; names the line.
    """

    def __init__(self, path: Path, *, at: int = 0, longest: int | None = None) -> None:
        self.path = path
        self.ends_at = at
        self.reason = ""
        self._longest = longest
        self._number = 0
        self._ended = False
        self._events = self._read()
        for name in (LOG, PACK):
            try:
                os.stat(path / name)
            except OSError as error:
                raise TraceError(f"no trace at {path}: {error.strerror}") from error

    def __next__(self) -> Event:
        try:
            return next(self._events)
        except StopIteration:
            self._events = self._read()
            raise

    def close(self) -> None:
        """Closes the files: at its end it has, and before that only this does until it is collected as garbage."""
        self._events.close()

    def _read(self) -> Generator[Event, None, None]:
        with open(self.path / LOG, "rb") as log, open(self.path / PACK, "rb") as pack:
            log.seek(self.ends_at)
            while line := log.readline(_LONGEST_LINE):
                where = f"line {self._number + 1}" if self._number or not self.ends_at else f"byte {self.ends_at:,}"
                if not line.endswith(b"\n"):
                    self.reason = f"{LOG} ends within {where}"
                    return
                try:
                    row = json.loads(line)
                    if isinstance(row, dict) and row.get("type") == RunBegin.type:
                        self._load_input(row, pack)
                    event = event_of(row, lambda place: self._string(place, pack))
                except _PackEndsError:
                    self.reason = f"{PACK} ends before a string of {LOG}, {where}"
                    return
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                    raise TraceError(f"{self.path / LOG}, {where}: {error}") from error
                check_version(self.path, event)
                self._number += 1
                self.ends_at = log.tell()
                self._ended = isinstance(event, RunEnd)
                yield event
        self.reason = "" if self._ended else f"no run_end: the run goes on, or was killed, after byte {self.ends_at:,}"

    def _load_input(self, row: dict[str, Any], pack: BinaryIO) -> None:
        """Puts a run's input in the place of where it is; it was being copied there when a run was killed early."""
        match row.get("source"):
            case {"text": {"$s": place}} if isinstance(row["source"], dict):
                try:
                    row["source"]["text"] = self._string(place, pack)
                except _OtherStringError:
                    row["source"] = {"kind": "incomplete"}

    def _string(self, place: Any, pack: BinaryIO) -> str:
        offset, length, digest = place
        if type(offset) is not int or type(length) is not int or min(offset, length) < 0 or offset > _LARGEST:
            raise ValueError(f"no place in {PACK} is [{offset}, {length}]")
        pack.seek(offset)
        if self._longest is not None and length > self._longest:
            return pack.read(self._longest).decode("utf-8", "ignore")
        data = pack.read(min(length, os.fstat(pack.fileno()).st_size))
        if len(data) < length:
            raise _PackEndsError
        if hashlib.sha256(data).hexdigest()[:16] != digest:
            raise _OtherStringError(f"{PACK} does not hold the string at {offset}")
        return data.decode("utf-8", "surrogatepass")


def one_event(path: Path, *, at: int = 0, longest: int | None = None) -> Event | None:
    """The first event of the run in a folder, or the one at a byte of its log; None where no whole one is there.

    Raises:
        TraceError: As `Reader`.
    """
    reader = Reader(path, at=at, longest=longest)
    try:
        return next(reader, None)
    finally:
        reader.close()


class _OtherStringError(ValueError):
    """What the pack has at a place is not what the log says."""


class _PackEndsError(Exception):
    """The pack is shorter than the log says."""


def event_of(row: Any, string: LoadString | None = None) -> Event:
    """The event that a line of a log tells.

    Args:
        row: The line's JSON value.
        string: Gives the string at a place of the pack; None where a log has all strings whole.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: It is no event.
    """
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    cls = EVENT_TYPES[row.pop("type")]
    if string is not None:
        row = {name: _loaded(value, string) for name, value in row.items()}
    if "usage" in row:
        row["usage"] = _NOTHING | row["usage"]
    event = cls(**row)
    for name, kinds, values, _ in fields_of(cls):
        value = getattr(event, name)
        kind = type(value)
        if (
            kind not in kinds
            or (values and kind is str and value not in values)
            or (kind in (int, float) and float in kinds and str not in kinds and _is_odd(value))
        ):
            raise ValueError(f"{name} of {cls.type} can't be {str(value)[:40]!r}")
    return event


def _is_odd(value: float) -> bool:
    """Whether it is no time, price or temperature that a run can have: NaN too."""
    return not -_MOST < value < _MOST


def check_version(path: Path, event: Event) -> None:
    """Raises TraceError where an event says that it is of a trace of another format."""
    if isinstance(event, RunBegin) and (found := event.versions.get("trace")) not in (None, FORMAT_VERSION):
        raise TraceError(f"{path}: a trace of format {found}, and this version of rlm reads format {FORMAT_VERSION}")


def _loaded(value: Any, string: LoadString) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$s"}:
            return string(value["$s"])
        return {key.removeprefix("$"): _loaded(item, string) for key, item in value.items()}
    if isinstance(value, list):
        return [_loaded(item, string) for item in value]
    return value
