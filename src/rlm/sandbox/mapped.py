"""A large text that is not decoded but read where it lies: a `str` whose characters are pages of a memory file.

CPython keeps a `str` of ASCII as a header, the characters and a NUL (PEP 393), one behind the other; in an object of a
subclass the characters are elsewhere, and two of its words say where. What is relied on is tried once a process, by
`works`: docs/design/2026-11-mapped-text.md.
"""

from __future__ import annotations

import _thread
import ctypes
import fcntl
import os
import struct
import sys

from . import pages

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from typing import Any

_MOST = 8192  # texts, and pieces: each takes three mappings of the 65,530 that a process may have
_FOR_GOOD = 1 << 30  # references to a text: it is never freed, nor immortal, which in each version is something else
_BLANK = 4099  # characters, a number that no other word of a header has
_BUFFER = 2**18  # bytes that are looked at together
_SEALS = 2 | 4 | 8  # against shrinking, growing and writing
_ADD_SEALS, _GET_SEALS = 1033, 1034  # not in `fcntl` of other systems
_WORD = 8  # bytes
_OWN = 2 * _WORD  # where a str begins to differ from other objects: behind its references and type

BLANK = " " * _BLANK  # what a piece is made of that is to show something else
_found: dict[str, Any] = {}
_texts: dict[int, int] = {}  # id -> the address of its first character
_pieces: dict[int, tuple[str, bytes, tuple[int, int, int]]] = {}  # id -> it, the words it was made with, its layout
_sweeping = _thread.allocate_lock()


def works() -> bool:
    """Whether this interpreter and kernel are such that it can be done; elsewhere nothing else here is to be called."""
    if "works" not in _found:
        _found["works"] = (
            sys.platform == "linux"
            and sys.implementation.name == "cpython"
            and (3, 11) <= sys.version_info[:2] <= (3, 14)
            and (struct.calcsize("P"), sys.byteorder) == (_WORD, "little")
            and _try()
        )
    return bool(_found["works"])


def text(fd: int, start: int, length: int, ascii: bool) -> str | None:
    """A text that shares its pages with a sealed file; None where it is to be decoded.

    Args:
        fd: The file; it may be closed afterwards.
        start: The text's first byte.
        length: Its bytes.
        ascii: It is known to be ASCII; otherwise it is looked at.
    """
    if length < pages.LEAST or len(_texts) >= _MOST:
        return None
    if not _is_sealed(fd) or not (ascii or _is_ascii(fd, start, length)):
        return None
    return _text(pages.File(fd, start), length)


def part(of: str, start: int, end: int) -> str | None:
    """The characters of a text or piece that shares pages, sharing them too; None where they are to be copied."""
    if not shares(of) or len(_texts) >= _MOST or end - start < pages.LEAST:
        return None
    return _text(pages.Memory(_first(of) + start), end - start)


def show(piece: str, of: str, start: int, end: int) -> bool:
    """Has a piece show characters of a text or piece that shares pages, sharing them too; False where it can't be.

    It lives until `sweep` finds that nobody else holds it.

    Args:
        piece: Of a subclass of `str`, made of `BLANK`.
        of: The text or piece.
        start: The first character.
        end: The one behind the last.
    """
    if not shares(of) or len(_pieces) >= _MOST or end - start < pages.LEAST:
        return False
    laid = pages.lay(pages.Memory(_first(of) + start), end - start)
    if laid is None:
        return False
    made = ctypes.string_at(id(piece) + _OWN, str.__basicsize__ - _OWN)
    now = {made[-_WORD:]: struct.pack("q", laid[2]), struct.pack("q", _BLANK): struct.pack("q", end - start)}
    words = (made[at : at + _WORD] for at in range(0, len(made), _WORD))
    changed = b"".join(now.get(word, word) for word in words)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(piece))  # or an interpreter that ends would free it as it is
    _pieces[id(piece)] = piece, made, laid
    ctypes.memmove(id(piece) + _OWN, changed, len(changed))  # one call: no interrupt comes between
    return True


def shares(one: str) -> bool:
    """Whether a text or piece shares its pages."""
    return id(one) in _texts or id(one) in _pieces


def sweep() -> None:
    """Gives back the pieces that nobody holds any more.

    A finalizer would be earlier, but an interrupt can come before its first line: CPython would then free pages that
    it never had.
    """
    if not _pieces or not _sweeping.acquire(False):
        return
    try:
        # The low half of the first word counts the references in every version. Two are ours.
        for known in [known for known in _pieces if ctypes.c_uint32.from_address(known).value == 2]:
            _, made, (base, size, _) = _pieces[known]
            ctypes.memmove(known + _OWN, made, len(made))
            del _pieces[known]
            pages.give_back(base, size)
            ctypes.pythonapi.Py_DecRef(ctypes.c_void_p(known))
    finally:
        _sweeping.release()


def _first(one: str) -> int:
    return _texts[id(one)] if id(one) in _texts else _pieces[id(one)][2][2]


def _is_sealed(fd: int) -> bool:
    try:
        return fcntl.fcntl(fd, _GET_SEALS) & _SEALS == _SEALS
    except OSError:  # no memory file
        return False


def _is_ascii(fd: int, start: int, length: int) -> bool:
    buffer, end = bytearray(_BUFFER), start + length
    while start < end:
        count = os.preadv(fd, [buffer], start)
        if count == 0 or not (buffer if count == _BUFFER <= end - start else buffer[: end - start]).isascii():
            return False
        start += count
    return True


def _text(source: pages.Source, length: int) -> str | None:
    words = [length if word == _BLANK else word for word in _found["header"]]
    laid = pages.lay(source, length, struct.pack(f"{len(words)}q", *words))
    if laid is None:
        return None
    made: str = ctypes.cast(laid[2] - len(words) * _WORD, ctypes.py_object).value
    _texts[id(made)] = laid[2]
    return made


def _try() -> bool:
    """Gets ready, and makes a text, a part of it, and a piece of that."""
    blank = bytes(_BLANK).decode("ascii")
    size = sys.getsizeof(blank) - _BLANK - 1
    _found["header"] = header = (_FOR_GOOD, *struct.unpack(f"{size // _WORD}q", ctypes.string_at(id(blank), size))[1:])
    if header[1] != id(str) or header.count(_BLANK) != 1:  # without the lock, objects begin otherwise
        return False
    plain = "".join(map(chr, range(32, 127))) * (3 * pages.PAGE // 95)
    fd = os.memfd_create("rlm-try", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.write(fd, plain.encode())
        fcntl.fcntl(fd, _ADD_SEALS, _SEALS)
        whole = text(fd, 0, len(plain), False)
    finally:
        os.close(fd)
    if whole is None or not _same(whole, plain):
        return False
    inner = part(whole, 95, len(plain) - 7)
    if inner is None or not _same(inner, plain[95:-7]):
        return False
    piece = _Tried(BLANK)
    return show(piece, inner, 3, len(inner)) and _same(piece, plain[98:-7])


class _Tried(str):
    __slots__ = ("one", "other")


def _same(one: str, plain: str) -> bool:
    """Whether a text is as one that CPython made."""
    as_utf8 = ctypes.PyDLL(None).PyUnicode_AsUTF8AndSize
    as_utf8.restype, as_utf8.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_void_p)
    size = ctypes.c_ssize_t()
    held = ctypes.string_at(as_utf8(one, ctypes.byref(size)), len(plain) + 1)
    return (
        (size.value, held) == (len(plain), plain.encode() + b"\0")
        and sys.getsizeof(one) == sys.getsizeof(plain if type(one) is str else type(one)(plain))
        and (len(one), hash(one), one.isascii()) == (len(plain), hash(plain), True)
        and one == plain
        and one[5:-5] == plain[5:-5]
        and one.find(plain[-100:]) == plain.find(plain[-100:])
    )
