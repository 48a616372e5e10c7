"""The trace on disk: an append-only event log, and an append-only pack that holds each long string once.

A run's folder has `events.jsonl` (one event a line) and `strings.pack` (bytes, no framing). A string of more than
`INLINE_BYTES` stands in an event as `{"$s": [offset, length, hash]}`: where its UTF-8 bytes are in the pack, and the
first 16 hexadecimal digits of their SHA-256. The pack is written first, so whatever the log names is there; after a
kill at any byte all whole lines can be read. Nothing is synced: it survives the process, not a power cut. The input
alone comes later than its line: it has room in the pack, and is copied there while the sandbox is opened.

Both files are 0600 in a 0700 folder. They hold what the user asked and what was answered.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii
from numbers import Integral, Real
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from rlm.errors import ConfigError
from rlm.trace.events import Event, RunBegin
from rlm.trace.fields import REQUIRED, fields_of
from rlm.trace.reader import FORMAT_VERSION as FORMAT_VERSION
from rlm.trace.reader import LOG, PACK, Reader
from rlm.trace.reader import TraceError as TraceError

INLINE_BYTES = 100
_LARGE = 1 << 20  # bytes of an input that is copied by a thread: a smaller one takes no longer than that takes to start
_SLICE = 1 << 16  # bytes of the input that are copied at a time: under the allocator's mmap threshold
Redact: TypeAlias = Callable[[str], str]
# Fields that say what a trace is and of what.
_OURS = frozenset(
    ("run_id", "started", "digest", "versions", "limits", "usage", "enforces", "origin", "given", "sitting", "files")
)
# Fields whose objects have keys that are not ours; in others, keys with words of ours as their values.
_ANY = frozenset(("value", "args", "kwargs"))
_WORDS = frozenset(("role", "kind"))


class _Kept(NamedTuple):
    """A text that `Trace.keep` was given, what of it may be shown, and where in the pack that is."""

    text: str
    shown: str
    place: str | None


class _Room(NamedTuple):
    """What `Trace.fill` is to copy: from where, to where in the pack, how many bytes, and their SHA-256."""

    fd: int
    start: int
    size: int
    digest: str


def home() -> Path:
    """The folder for runs and their traces: `$RLM_HOME`, or `~/.local/share/rlm`."""
    named = os.environ.get("RLM_HOME")
    return Path(named) if named else Path.home() / ".local" / "share" / "rlm"


def new_run_id(began: datetime | None = None) -> str:
    """A run's name: sorts by time, to a quarter of a millisecond; unique without asking anyone.

    Args:
        began: When the run began; None is now.
    """
    moment = (began or datetime.now(UTC)).astimezone(UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{moment.microsecond * 4096 // 1_000_000:03x}{secrets.token_hex(3)[:5]}"


class Trace:
    """Takes the events of one run: writes them, and tells whoever listens.

    Args:
        run_id: The run's name.
        path: The run's folder, made here; None keeps nothing on disk.
        redact: Gives each string of an event as it may be written and shown; what it raises ends the run, and is not
            asked again then: of what follows nothing but the words of the format is told.

    Attributes:
        failure: Why events are missing at the end; None if none are.
    """

    def __init__(self, run_id: str, path: Path | None, redact: Redact | None = None) -> None:
        self.run_id = run_id
        self.path = path
        self.failure: str | None = None
        self._began = time.monotonic()
        self._last_span = 0
        self._listeners: list[Callable[[Event], None]] = []
        self._known: dict[bytes, str] = {}  # SHA-256 -> where it is in the pack, as JSON
        self._pack_size = 0
        self._redact = redact
        self._kept: _Kept | None = None
        self._room: _Room | None = None
        self._lock = threading.Lock()  # the input is copied by another thread
        self._log_fd = self._pack_fd = -1
        self._empty = True
        if path is not None:
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # runs' names tell when somebody asked
                path.mkdir(mode=0o700)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                self._log_fd = os.open(path / LOG, flags | os.O_APPEND, 0o600)
                with contextlib.suppress(OSError):  # a file system without locks
                    fcntl.flock(self._log_fd, fcntl.LOCK_EX)  # for as long as the run lives: `runs` asks for it
                self._pack_fd = os.open(path / PACK, flags, 0o600)
            except OSError as error:
                self.close()
                raise ConfigError(
                    f"the trace can't be written to {path}: {error.strerror}; set RLM_HOME, or `trace` to False"
                ) from error

    def now(self) -> float:
        """Seconds since the run began."""
        return round(time.monotonic() - self._began, 6)

    def new_span(self) -> int:
        """A span number that this run has not used."""
        self._last_span += 1
        return self._last_span

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """Calls `listener` with every event from now on, on the run's own thread; it must not block."""
        self._listeners.append(listener)

    def keep(self, text: str, fd: int, size: int, digest: str) -> None:
        """Makes room in the pack for a long text, the input, so that an event which holds it can be written at once.

        A large one is there once `fill` has been called, in a thread. One that is redacted is written here.

        Args:
            text: The text, as the event will hold it.
            fd: Its UTF-8 bytes, surrogates passed; it may be closed then.
            size: How many these are.
            digest: Their SHA-256, hexadecimal.
        """
        shown = text if self._redact is None else self._redact(text)
        with self._lock:
            self._kept = _Kept(text, shown, None)
            if self._log_fd < 0:
                return
            if self._redact is None:
                self._kept = _Kept(text, shown, _place(self._pack_size, size, digest))
                self._room = _Room(os.dup(fd), self._pack_size, size, digest)
                self._pack_size += size
            else:
                try:
                    place = self._pack(shown.encode("utf-8", "surrogatepass"))
                except OSError as error:
                    self._fail(error)
                else:
                    self._kept = _Kept(text, shown, place)
        if size < _LARGE:
            self.fill(threading.Event())

    @property
    def has_room(self) -> bool:
        """Whether `fill` has anything to copy."""
        return self._room is not None

    def fill(self, stop: threading.Event) -> None:
        """Copies the text that `keep` made room for, beside all else; where that fails, `failure` says so.

        Args:
            stop: Once another thread sets it, copying ends; the trace then says that its input is incomplete.
        """
        with self._lock:
            room, self._room = self._room, None
            if room is None:
                return
            pack = os.dup(self._pack_fd)
        try:
            at = 0
            while at < room.size and not stop.is_set():
                piece = os.pread(room.fd, min(_SLICE, room.size - at), at)
                if not piece:
                    break
                _write_at(pack, piece, room.start + at)
                at += len(piece)
        except OSError as error:
            with self._lock:
                self._fail(error)
        else:
            if at == room.size:
                with self._lock:
                    self._known[bytes.fromhex(room.digest)] = _place(room.start, room.size, room.digest)
        finally:
            os.close(pack)
            os.close(room.fd)

    def emit(self, event: Event) -> None:
        """Writes one event, on disk when this returns.

        Where that fails (a full disk), nothing more is written and `failure` says why: what is paid for goes on, and
        what was written can be read.
        """
        if self._redact is not None:
            try:
                event = self._redacted(event, self._redact)
            except BaseException:
                self._redact = _withheld
                raise
        with self._lock:
            if self._log_fd >= 0 and self.failure is None:
                try:
                    self._write(event)
                except OSError as error:
                    self._fail(error)
            if isinstance(event, RunBegin):
                self._kept = None  # it may be the whole input
        for listener in self._listeners:
            listener(event)

    def _redacted(self, event: Event, redact: Redact) -> Event:
        """The event with its strings redacted, but for the words that the format itself gives their meaning."""

        def shown(text: str) -> str:
            return self._kept.shown if self._kept is not None and text is self._kept.text else redact(text)

        changes = {
            field.name: _redacted(getattr(event, field.name), shown, field.name in _ANY)
            for field in fields_of(type(event))
            if field.name not in _OURS and not field.values
        }
        return replace(event, **changes)

    def _fail(self, error: OSError) -> None:
        # The files stay open: the lock says that the run goes on.
        self.failure = f"the trace at {self.path} is incomplete: {error.strerror}"

    def _write(self, event: Event) -> None:
        self._empty = False
        # By hand, since the fields are known: a JSON encoder alone would take as long as all of this.
        get, keys = _format(event.__class__)
        pieces = []
        for (key, default), value in zip(keys, get(event), strict=True):
            if value is default or value == default:
                continue
            if value.__class__ is str:
                pieces.append(key + self._string(value))
            elif (text := _TEXTS.get(value.__class__)) is not None:
                pieces.append(key + text(value))
            elif key == _USAGE:
                pieces.append(key + _counts(value))
            else:
                pieces.append(key + self._json(value))
        pieces.append("}\n")
        _write_all(self._log_fd, "".join(pieces).encode("ascii"))

    def close(self) -> None:
        """Closes the files; what was emitted stays, and where nothing was, no folder does."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self.path is not None and self._log_fd >= 0 and self._empty:
            with contextlib.suppress(OSError):
                os.unlink(self.path / LOG)
                os.unlink(self.path / PACK)
                self.path.rmdir()
        for fd in (self._log_fd, self._pack_fd, self._room.fd if self._room is not None else -1):
            if fd >= 0:
                os.close(fd)
        self._log_fd = self._pack_fd = -1
        self._room = None

    def _json(self, value: Any) -> str:
        """A value as JSON, its long strings put into the pack; any containers, as the answer of a cell may be."""
        if isinstance(value, str):
            return self._string(value)
        if (text := _TEXTS.get(value.__class__)) is not None:
            return text(value)
        if isinstance(value, dict):
            # A value of the user's may have a key "$s" itself.
            inside = [
                f"{encode_basestring_ascii('$' + key if key[:1] == '$' else key)}:{self._json(item)}"
                for key, item in value.items()
            ]
            return f"{{{','.join(inside)}}}"
        if isinstance(value, Real):  # numpy's, say
            return repr(int(value)) if isinstance(value, Integral) else _float(float(value))
        return f"[{','.join([self._json(item) for item in value])}]"

    def _string(self, text: str) -> str:
        if (size := len(text)) * 4 <= INLINE_BYTES or (size <= INLINE_BYTES and text.isascii()):
            return encode_basestring_ascii(text)
        if self._kept is not None and text is self._kept.shown and self._kept.place is not None:
            return self._kept.place
        # A lone surrogate is not UTF-8, but a cell can print one.
        data = text.encode("utf-8", "surrogatepass")
        return encode_basestring_ascii(text) if len(data) <= INLINE_BYTES else self._pack(data)

    def _pack(self, data: bytes) -> str:
        digest = hashlib.sha256(data).digest()
        if (place := self._known.get(digest)) is None:
            _write_at(self._pack_fd, data, self._pack_size)
            place = self._known[digest] = _place(self._pack_size, len(data), digest.hex())
            self._pack_size += len(data)
        return place


def read(path: Path) -> Reader:
    """The events of the run in the folder `path`, in order, their strings whole.

    Raises:
        TraceError: There is no trace there, or what is there can't be read; names the line.
    """
    return Reader(path)


def _withheld(text: str) -> str:
    """What is told where the caller's own redaction failed."""
    return "[withheld: its redaction failed]" if text else text


def _redacted(value: Any, redact: Redact, keys: bool) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(item, redact, keys) for item in value]
    if isinstance(value, dict):
        return {
            redact(key) if keys else key: item if not keys and key in _WORDS else _redacted(item, redact, keys)
            for key, item in value.items()
        }
    return value


_FORMATS: dict[type[Event], tuple[attrgetter[Any], list[tuple[str, object]]]] = {}
_USAGE = ',"usage":'


def _format(cls: type[Event]) -> tuple[attrgetter[Any], list[tuple[str, object]]]:
    """What gives the fields of an event; of each, what stands before it in a line, and what is not written."""
    if (found := _FORMATS.get(cls)) is None:
        keys = [(f',"{field.name}":', field.default) for field in fields_of(cls)]
        keys[:2] = [(f'{{"type":"{cls.type}","t":', REQUIRED), (',"span":', REQUIRED)]
        found = _FORMATS[cls] = attrgetter(*(field.name for field in fields_of(cls))), keys
    return found


def _counts(usage: dict[str, Any]) -> str:
    """Tokens and calls as they stand in a line: what is 0 is not there."""
    return "{" + ",".join([f'"{name}":{count}' for name, count in usage.items() if count]) + "}"


def _place(offset: int, length: int, digest: str) -> str:
    return f'{{"$s":[{offset},{length},"{digest[:16]}"]}}'


def _float(value: float) -> str:
    return repr(value) if value - value == 0.0 else "null"  # JSON has none that is not finite: unknown


# How values that have nothing inside of them stand in a line.
_TEXTS: dict[type, Callable[[Any], str]] = {
    int: repr,
    float: _float,
    bool: lambda value: "true" if value else "false",
    type(None): lambda value: "null",
}


def _write_all(fd: int, data: bytes) -> None:
    if (written := os.write(fd, data)) == len(data):
        return
    view = memoryview(data)[written:]
    while view:
        view = view[os.write(fd, view) :]


def _write_at(fd: int, data: bytes, offset: int) -> None:
    if (written := os.pwrite(fd, data, offset)) == len(data):
        return
    view = memoryview(data)
    while written < len(data):
        written += os.pwrite(fd, view[written:], offset + written)
