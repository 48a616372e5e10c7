"""Walking a folder: what is loaded, what is only listed, and why.

Every step opens a name relative to the descriptor of the folder that it was listed in, without following links, so
that nothing outside the given folder is read even if it is rearranged meanwhile.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rlm.context import ignore
from rlm.context.base import Part, Skipped
from rlm.context.blob import BlobWriter
from rlm.context.files import (
    OPEN_FILE,
    BinaryError,
    Text,
    TooLargeError,
    UndecodableError,
    copy_text,
    kind_of,
    load_file,
)
from rlm.context.ignore import Rules
from rlm.context.names import safe_name
from rlm.context.secret import may_hold_keys
from rlm.errors import ContextError

MAX_FILE_BYTES = 64 << 20
MAX_TOTAL_BYTES = 1 << 30

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_DEPTH = 64  # folders inside each other; each holds a descriptor open
_VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})


def open_folder(path: Path) -> int:
    """A descriptor of a folder that the user named.

    Raises:
        ContextError: It can't be opened.
    """
    try:
        return os.open(path, _OPEN_FOLDER)
    except OSError as error:
        raise ContextError(f"{path}: {error.strerror}") from error


@dataclass
class Gathered:
    """The files gathered for one input.

    Attributes:
        parts: What was loaded, and `texts` how long each is.
        skipped: What was listed and not loaded.
        ignored: How many files and folders were left out because git ignores them.
    """

    writer: BlobWriter
    max_file_bytes: int
    max_total_bytes: int
    parts: list[Part] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    ignored: int = 0
    _names: set[str] = field(default_factory=set)

    def add_file(self, path: Path, name: str) -> None:
        """Load a file that the user named.

        Raises:
            ContextError: It can't be read or decoded.
        """
        start = self.writer.size
        self._loaded(name, start, load_file(path, self.writer))

    def add_folder(self, path: Path, prefix: str) -> None:
        """Load what is in a folder, in the order of its names.

        Raises:
            ContextError: The folder itself can't be read.
        """
        fd = open_folder(path)
        try:
            rules = tuple(rule._replace(prefix=prefix) for rule in ignore.rules_above(path))
            self._folder(fd, prefix, rules, 0)
        finally:
            os.close(fd)

    def _folder(self, fd: int, prefix: str, rules: tuple[Rules, ...], depth: int) -> None:
        with os.scandir(fd) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        if any(entry.name == ignore.FILE for entry in found):
            rules = (*rules, *_rules_in(fd, prefix))
        for entry in found:
            self.writer.check()
            if entry.name in _VERSION_CONTROL:
                continue
            name = prefix + entry.name
            try:
                info = entry.stat(follow_symlinks=False)
            except OSError as error:
                self._skip(name, 0, _why(error))
                continue
            is_folder = stat.S_ISDIR(info.st_mode)
            if may_hold_keys(entry.name, is_folder):
                self._skip(name, 0 if is_folder else info.st_size, "may hold keys")
            elif ignore.ignored(rules, name, is_folder):
                self.ignored += 1
            elif is_folder:
                self._enter(fd, entry.name, name + "/", rules, depth + 1)
            elif stat.S_ISREG(info.st_mode):
                self._file(fd, entry.name, name, info.st_size)
            else:
                self._skip(name, 0, kind_of(info.st_mode))

    def _enter(self, parent: int, entry: str, prefix: str, rules: tuple[Rules, ...], depth: int) -> None:
        if depth > _DEPTH:
            self._skip(prefix, 0, f"more than {_DEPTH} folders deep")
            return
        try:
            with _opened(entry, _OPEN_FOLDER | os.O_NOFOLLOW, parent) as fd:
                self._folder(fd, prefix, rules, depth)
        except OSError as error:
            self._skip(prefix, 0, _why(error))

    def _file(self, parent: int, entry: str, name: str, size: int) -> None:
        start = self.writer.size
        if size > self.max_file_bytes:
            self._skip(name, size, f"larger than {_mib(self.max_file_bytes)}")
            return
        if start + size > self.max_total_bytes:
            self._skip(name, size, f"past the {_mib(self.max_total_bytes)} that are loaded")
            return
        try:
            with _opened(entry, OPEN_FILE | os.O_NOFOLLOW, parent) as fd:
                info = os.fstat(fd)
                if not stat.S_ISREG(info.st_mode):  # it was exchanged after it was listed
                    self._skip(name, 0, kind_of(info.st_mode))
                    return
                text = copy_text(fd, self.writer, named=False, most=self.max_file_bytes)
        except BinaryError:
            self._skip(name, size, "binary")
        except UndecodableError as error:
            self._skip(name, size, f"undecodable: {error}")
        except TooLargeError:
            self._skip(name, size, "grew while it was read")
        except OSError as error:
            self._skip(name, size, _why(error))
        else:
            self._loaded(name, start, text)

    def _loaded(self, name: str, start: int, text: Text) -> None:
        name = safe_name(name)
        base, number = name, 1
        while name in self._names:  # two names can look alike once they are safe to show
            number += 1
            name = f"{base} ({number})"
        self._names.add(name)
        self.parts.append(Part(name, start, self.writer.size - start))
        self.texts.append(text)

    def _skip(self, name: str, size: int, why: str) -> None:
        self.skipped.append(Skipped(safe_name(name), size, why))


@contextmanager
def _opened(entry: str, flags: int, parent: int) -> Iterator[int]:
    fd = os.open(entry, flags, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)


def _rules_in(fd: int, prefix: str) -> tuple[Rules, ...]:
    try:
        with _opened(ignore.FILE, OPEN_FILE | os.O_NOFOLLOW, fd) as file:
            if stat.S_ISREG(os.fstat(file).st_mode):
                return (ignore.parse(os.read(file, ignore.MOST_BYTES), prefix),)
    except OSError:  # then it is listed like any file that can't be read
        pass
    return ()


def _why(error: OSError) -> str:
    return (error.strerror or "can't be read").lower()


def _mib(size: int) -> str:
    return f"{size >> 20:,} MiB" if size >= 1 << 20 else f"{size:,} bytes"
