"""Answers that may be given again: to calls in flight at the same time, within a run, and on disk across runs.

Which calls may be answered so is the caller's to say; a key here stands for all that an answer depends on. Nothing but
usable, whole answers are kept, and of the prompts nothing but the digest.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import stat
import time
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rlm.errors import ConfigError
from rlm.types import JSON, Source

# Characters of answers that a run keeps in memory; the oldest go first.
_IN_MEMORY = 32 * 2**20
# Bytes of answers that a folder holds, and how much of that is left when it is tidied.
FOLDER_BYTES = 256 * 2**20
_LEFT = 0.75
_ENDING = ".reply"
_STALE = 3600.0  # seconds after which a file that was never finished is taken for a dead process's


@dataclass(frozen=True, slots=True)
class Key:
    """What an answer depends on, as a digest.

    Attributes:
        digest: SHA-256, hexadecimal.
        lasts: Whether it means the same in another run.
    """

    digest: str
    lasts: bool


def key(parts: JSON, *, lasts: bool) -> Key:
    """The key that stands for `parts`."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return Key(hashlib.sha256(text.encode()).hexdigest(), lasts)


class Folder:
    """Answers on disk, a file each, shared by all runs and processes that are given the same folder.

    A file is written under another name and renamed, so it is there whole or not at all; it names its own digests, so
    one that was damaged is taken for missing.

    Args:
        path: The folder; made if need be, readable by its owner only, as are its files.
        most: Bytes that it may hold. It is tidied when a sixteenth of that has been written: the oldest go first.

    Raises:
        ConfigError: It can't be made or read, or others can write to it and so decide what models seem to have said.
    """

    def __init__(self, path: Path, most: int = FOLDER_BYTES) -> None:
        self.path = path
        self._most = most
        self._since_tidied = most  # by others: the first answer that is kept looks
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = path.stat()
            os.listdir(path)
        except OSError as error:
            raise ConfigError(f"answers can't be kept in {path}: {error.strerror}") from error
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigError(f"answers can't be kept in {path}: others can write there; chmod 700, or name another")

    def get(self, digest: str) -> str | None:
        """The answer that is kept under a digest; None if there is none, or none that can be read."""
        try:
            entry = json.loads((self.path / (digest + _ENDING)).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        text = entry.get("text") if isinstance(entry, dict) else None
        whole = isinstance(text, str) and entry.get("key") == digest and entry.get("sum") == _sum(text)
        return text if whole else None

    def has(self, digest: str) -> bool:
        """Whether there is a file for it; that it can be read, `get` says."""
        return os.path.exists(self.path / (digest + _ENDING))

    async def put(self, digest: str, text: str) -> None:
        """Keeps an answer. Where that fails (a full disk), it is not kept: the answer itself is what was paid for."""
        data = json.dumps({"key": digest, "sum": _sum(text), "text": text}).encode()
        with suppress(OSError):
            _write(self.path / (digest + _ENDING), data)
        self._since_tidied += len(data)
        if self._since_tidied > self._most // 16:
            self._since_tidied = 0
            await asyncio.to_thread(self._tidy)

    def _tidy(self) -> None:
        entries = self._files()
        size = sum(size for _, size, _ in entries)
        target = self._most * _LEFT if size > self._most else size
        for written, bytes_, path in sorted(entries):
            dead = not path.endswith(_ENDING) and written < time.time() - _STALE
            if size > target or dead:
                with suppress(OSError):  # another process was faster
                    os.unlink(path)
                size -= bytes_

    def _files(self) -> list[tuple[float, int, str]]:
        """When each file was written, its bytes and its path; unfinished ones too."""
        files = []
        with suppress(OSError), os.scandir(self.path) as found:
            for entry in found:
                if _ENDING in entry.name and entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        about = entry.stat(follow_symlinks=False)
                        files.append((about.st_mtime, about.st_size, entry.path))
        return files


class Replies:
    """The answers of one run that may be given again. Used on one event loop.

    Args:
        once: False asks every call.
        folder: Answers of other runs; None keeps none on disk.

    Attributes:
        reused: Calls that were answered without asking.
    """

    def __init__(self, *, once: bool = True, folder: Folder | None = None) -> None:
        self.once = once
        self.reused = 0
        self._folder = folder
        self._in_flight: dict[Key, asyncio.Future[str | None]] = {}
        self._kept: dict[Key, str] = {}
        self._characters = 0

    async def answer(
        self, asked: Key, ask: Callable[[], Awaitable[str]], keeps: Callable[[str], bool]
    ) -> tuple[str, Source]:
        """The answer to a call, and where it is from: asked for only if it is neither kept nor on its way.

        A failure is told to all that wait for it, and forgotten. Where the one that asks is cancelled, the next one
        that waits asks.

        Args:
            asked: What the answer depends on.
            ask: Asks the model.
            keeps: Whether an answer is one to keep.
        """
        while True:
            if (text := self._get(asked)) is not None:
                self.reused += 1
                return text, "kept"
            first = self._in_flight.get(asked)
            if first is None:
                return await self._ask(asked, ask, keeps), "model"
            await asyncio.wait([first])  # unlike awaiting it, being cancelled here leaves it to the others
            if (joined := first.result()) is not None:
                self.reused += 1
                return joined, "joined"

    def has(self, asked: Key) -> bool:
        """Whether an answer is kept, or on its way, so that nobody would be asked now."""
        if asked in self._kept or asked in self._in_flight:
            return True
        return self._folder is not None and asked.lasts and self._folder.has(asked.digest)

    def keep(self, asked: Key, text: str) -> None:
        """Keeps an answer that an earlier run had; on disk it is already, if it was to be."""
        self._keep(asked, text)

    async def _ask(self, asked: Key, ask: Callable[[], Awaitable[str]], keeps: Callable[[str], bool]) -> str:
        told: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._in_flight[asked] = told
        try:
            text = await ask()
            told.set_result(text)
        except Exception as error:
            told.set_exception(error)
            told.exception()  # it may be that nobody else waits: that is no forgotten failure
            raise
        finally:
            del self._in_flight[asked]
            if not told.done():
                told.set_result(None)
        if keeps(text):
            self._keep(asked, text)
            if self._folder is not None and asked.lasts:
                await self._folder.put(asked.digest, text)
        return text

    def _get(self, asked: Key) -> str | None:
        text = self._kept.get(asked)
        if text is None and self._folder is not None and asked.lasts:
            text = self._folder.get(asked.digest)
        return text

    def _keep(self, asked: Key, text: str) -> None:
        self._characters += len(text) - len(self._kept.pop(asked, ""))
        self._kept[asked] = text
        while self._characters > _IN_MEMORY:
            oldest = next(iter(self._kept))
            self._characters -= len(self._kept.pop(oldest))


class Leftovers:
    """Answers of a batch that failed in part: each is given once, to the batch that is asked again."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, list[str]] = {}

    def take(self, asked: Sequence[Hashable]) -> list[str | None]:
        """The answers that there are to what is asked, in order."""
        taken: list[str | None] = []
        for one in asked:
            answers = self._answers.get(one)
            taken.append(answers.pop() if answers else None)
            if answers is not None and not answers:
                del self._answers[one]
        return taken

    def put(self, asked: Sequence[Hashable], answers: Sequence[str | None]) -> None:
        """Keeps the answers that there are."""
        for one, answer in zip(asked, answers, strict=True):
            if answer is not None:
                self._answers.setdefault(one, []).append(answer)


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _write(path: Path, data: bytes) -> None:
    unfinished = f"{path}.{secrets.token_hex(8)}"
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(data)
        os.replace(unfinished, path)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished)
        raise
