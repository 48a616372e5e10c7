"""Reading text files into a blob: in slices, checked while they are copied, and never anything but a regular file."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path
from typing import NamedTuple

from rlm.context.blob import SLICE, BlobWriter
from rlm.context.encoding import by_mark, guesses, unmarked_utf16
from rlm.errors import ContextError

# O_NONBLOCK: opening a FIFO or a modem must not wait for a writer or a carrier.
OPEN_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_SAMPLE = 1 << 15  # bytes that the encoding is guessed from
_MULTIBYTE_EVIDENCE = 8  # valid UTF-8 sequences after which a bad byte means damage, not another encoding
# What is to be done about a file that can't be decoded.
_DAMAGED = "what stands before it is UTF-8, and iconv -c -f UTF-8 -t UTF-8 leaves such bytes out"
_OTHER = "convert it first: iconv -f ITS-ENCODING -t UTF-8"
_NO_TEXT = "it is no text: name the text that a converter makes of it, such as pdftotext of a PDF"


class Text(NamedTuple):
    """What was copied: characters, and lines (a last one without its end counts)."""

    characters: int
    lines: int


class UndecodableError(Exception):
    """A file is text in no encoding that we know.

    Attributes:
        offset: The first byte that is not UTF-8.
        advice: What its user can do.
    """

    def __init__(self, offset: int, tried: list[str], advice: str) -> None:
        tail = f" (nor {', '.join(tried)})" if tried else ""
        super().__init__(f"byte {offset:,} is not UTF-8{tail}")
        self.offset = offset
        self.advice = advice


class BinaryError(Exception):
    """A file holds a NUL byte: it isn't text."""


class TooLargeError(Exception):
    """A file grew past its limit while it was read."""


def kind_of(mode: int) -> str:
    """What a file that isn't a regular one is, in words; "" for a regular file."""
    kinds = {
        stat.S_IFDIR: "folder",
        stat.S_IFLNK: "symbolic link",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return "" if stat.S_ISREG(mode) else kinds.get(stat.S_IFMT(mode), "special file")


def open_file(path: Path) -> int:
    """A descriptor of a file that the user named: through symbolic links, but only a regular file.

    Raises:
        ContextError: It can't be opened, or isn't a file.
    """
    try:
        kind = kind_of(path.stat().st_mode)  # before opening: to open a device can be to act on it
        if kind:
            raise ContextError(f"{path} is a {kind}, not a file")
        fd = os.open(path, OPEN_FILE)
    except OSError as error:
        raise ContextError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ContextError(f"{str(path)!r} is no path: {error}") from error
    if kind_of(os.fstat(fd).st_mode):
        os.close(fd)
        raise ContextError(f"{path} is no longer a file")
    return fd


def load_file(path: Path, writer: BlobWriter) -> Text:
    """Copy a file that the user named: of any size, through symbolic links, but only a regular file.

    Raises:
        ContextError: It can't be opened, isn't a file, or can't be decoded: names the byte.
    """
    fd = open_file(path)
    try:
        return copy_text(fd, writer)
    except UndecodableError as error:
        raise ContextError(f"{path}: {error}; {error.advice}") from error
    except OSError as error:
        raise ContextError(f"{path}: {error.strerror}") from error
    finally:
        os.close(fd)


def copy_text(fd: int, writer: BlobWriter, *, named: bool = True, most: int | None = None) -> Text:
    """Copy a text file into the blob as UTF-8, line ends as they are, its byte-order mark left out.

    Args:
        fd: A regular file at its start.
        writer: Left as it was where this raises.
        named: The user named this file: zeros are text then, and the best guess of an encoding will do.
        most: Bytes that it may have.

    Raises:
        UndecodableError: No encoding fits.
        BinaryError: It holds a zero byte, and nobody named it.
        TooLargeError: It has more than `most` bytes.
        OSError: It can't be read.
    """
    start = writer.size
    try:
        return _copy_or_guess(fd, writer, named, most)
    except BaseException:
        writer.truncate(start)
        raise


def _copy_or_guess(fd: int, writer: BlobWriter, named: bool, most: int | None) -> Text:
    start = writer.size
    head = os.read(fd, SLICE)
    encoding, mark = by_mark(head)
    if named and encoding == "utf-8" and b"\0" in head:
        encoding = unmarked_utf16(head[:512]) or "utf-8"
    zeros = named or encoding != "utf-8"
    try:
        return _copy(fd, writer, encoding, mark, zeros, most)
    except _DecodeError as error:
        writer.truncate(start)
        first = error
    if encoding != "utf-8" or first.sequences >= _MULTIBYTE_EVIDENCE:
        raise UndecodableError(first.offset, *(([], _DAMAGED) if encoding == "utf-8" else ([encoding], _OTHER)))
    tried = []
    found = guesses(_sample(fd, first.offset))
    for guess in found:
        if guess.confident or named:
            try:
                return _copy(fd, writer, guess.encoding, 0, False, most)
            except _DecodeError as error:
                writer.truncate(start)
                tried.append(f"{guess.encoding} from byte {error.offset:,}")
    raise UndecodableError(first.offset, tried[:3], _OTHER if found else _NO_TEXT)


class _DecodeError(Exception):
    def __init__(self, offset: int, sequences: int) -> None:
        super().__init__(offset)
        self.offset = offset
        self.sequences = sequences  # characters beyond ASCII before it, in the same slice


def _copy(fd: int, writer: BlobWriter, encoding: str, mark: int, zeros: bool, most: int | None) -> Text:
    decoder = codecs.getincrementaldecoder(encoding)()
    raw = encoding == "utf-8"  # its bytes are copied as they are
    os.lseek(fd, mark, os.SEEK_SET)
    size, characters, lines, last, beyond = mark, 0, 0, "\n", 0
    while True:
        data = os.read(fd, SLICE)
        if raw and not zeros and b"\0" in data:  # before decoding: most that isn't text fails at that, too
            raise BinaryError
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(data, not data)
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(encoding, "ignore")
            beyond += sum(char > "\x7f" for char in good)
            raise _DecodeError(size - pending + error.start, beyond) from error
        size += len(data)
        if most is not None and size > most:
            raise TooLargeError
        if not zeros and "\0" in text:
            raise BinaryError
        if text:
            characters += len(text)
            lines += text.count("\n")
            last = text[-1]
            beyond += 0 if text.isascii() else _MULTIBYTE_EVIDENCE
        if raw:
            writer.write(data)
        else:
            writer.write_text(text)
        if not data:
            return Text(characters, lines + (last != "\n"))


def _sample(fd: int, offset: int) -> bytes:
    """Bytes about the first that is not UTF-8, from a line's start."""
    first = max(0, offset - _SAMPLE // 4)
    sample = os.pread(fd, _SAMPLE, first)
    line = sample.find(b"\n", 0, offset - first) + 1 if first else 0
    last = sample.rfind(b"\n", offset - first)
    return sample[line : last + 1 if len(sample) == _SAMPLE and last > 0 else None]
