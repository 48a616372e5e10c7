"""Which encoding a text file is in: by its byte-order mark, as UTF-8, or by the best guess."""

from __future__ import annotations

import codecs
from typing import NamedTuple

# Of equally good guesses the first here wins. The detector knows a hundred encodings, and short texts fit many of
# them equally well; these are the ones that files are in.
_COMMON = (
    *("cp1252", "cp1251", "cp932", "gb18030", "big5", "euc_jp", "cp949", "koi8_r", "cp1250", "iso8859_2", "latin_1"),
    *("cp1253", "cp1254", "cp1255", "cp1256", "cp874", "cp866", "koi8_u", "iso8859_5", "iso8859_15"),
    *("mac_roman", "cp437", "cp850"),
)
_MULTIBYTE = frozenset({"cp932", "gb18030", "big5", "euc_jp", "cp949"})
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Guess(NamedTuple):
    """An encoding that a sample may be in, and whether to trust it without anyone having named the file."""

    encoding: str
    confident: bool


def by_mark(head: bytes) -> tuple[str, int]:
    """The encoding that the first bytes tell, and how many of them are its mark; UTF-8 where there is none."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    return "utf-8", 0


def unmarked_utf16(head: bytes) -> str | None:
    """UTF-16 without a mark, told by every other byte being zero, as in text that is mostly Latin."""
    half = len(head) // 2
    if half < 4:
        return None
    even, odd = head[0::2].count(0) / half, head[1::2].count(0) / half
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.05 else None


def guesses(sample: bytes) -> list[Guess]:
    """The encodings that a sample that is not UTF-8 may be in, the best first; none for what isn't text."""
    import charset_normalizer  # 30 ms, and seldom needed

    # Lines of ASCII tell nothing, and many of them drown what the others tell.
    telling = b"".join(line for line in sample.splitlines(keepends=True) if not line.isascii())
    matches = list(charset_normalizer.from_bytes(telling, cp_isolation=list(_COMMON), enable_fallback=False))
    if b"\0" in sample or not matches:
        return []
    fewest = min(match.chaos for match in matches)
    most = max(match.coherence for match in matches if match.chaos <= fewest + 0.02)
    latin = sum(byte < 0x80 for byte in sample) / len(sample) >= 0.9  # at worst a few letters are wrong
    found = []
    for match in matches:
        # A match stands for all encodings in which the sample reads the same.
        encoding = min(match.could_be_from_charset, key=_COMMON.index)
        sure = match.chaos < 0.1 and (match.coherence >= 0.1 or encoding in _MULTIBYTE or latin)
        place = (match.chaos > fewest + 0.02, match.coherence < most - 0.1, _COMMON.index(encoding))
        if match.chaos <= 0.2:
            found.append((place, Guess(encoding, sure)))
    return [guess for _, guess in sorted(found)]
