"""What loading an input gives: its bytes, its parts, and what may be said about it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from rlm.context.blob import Blob

Kind: TypeAlias = Literal["str", "json", "corpus"]


class Part(NamedTuple):
    """One file of a corpus: its name, and where its bytes lie in the blob."""

    name: str
    start: int
    length: int


class Skipped(NamedTuple):
    """What was listed and not loaded: its name, its size in bytes (0 where that means nothing), and why."""

    name: str
    size: int
    why: str


@dataclass(frozen=True, slots=True)
class Context:
    """A loaded input.

    Attributes:
        kind: What `context` is in a worker: a `str`, a parsed JSON value, or a `Corpus` of files.
        blob: The bytes: the text, the JSON text, or the texts of all files one after the other.
        parts: The files of a corpus, in order; empty otherwise.
        skipped: The files of a folder that were not loaded.
        description: What the root model is told: type, size and structure, never content. The first line stands alone.
        characters: Characters of the text, of all texts of a corpus, or of the JSON text.
    """

    kind: Kind
    blob: Blob
    parts: tuple[Part, ...]
    skipped: tuple[Skipped, ...]
    description: str
    characters: int

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal: of the bytes; of a corpus, of their digest and the files' names and sizes, as JSON."""
        if self.kind != "corpus":
            return self.blob.digest
        files = [[part.name, part.length] for part in self.parts]
        return hashlib.sha256(json.dumps([self.blob.digest, files]).encode()).hexdigest()

    def close(self) -> None:
        """Give the blob's memory back; zygotes that were given the descriptor keep theirs."""
        self.blob.close()
