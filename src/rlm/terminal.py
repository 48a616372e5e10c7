"""Text of models and files, made safe to show: what would drive a terminal, or reorder its line, is spelled out."""

from __future__ import annotations

import re

# C0 but tab and newline, DEL and C1 (a terminal may obey 0x9b as ESC [), the marks that change the direction of
# writing or end a line, invisible tags, lone surrogates (they can't be encoded), and the byte-order mark.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""`text` with everything but tab, newline and printing characters written as `\x1b` or `\u202e`."""
    return _UNSAFE.sub(_spelled, text)


def one_line(text: str, width: int) -> str:
    """The start of `text` in one safe line of at most `width` characters, runs of blanks folded."""
    head = " ".join(visible(text[: 4 * width]).split())
    if len(head) > width or len(text) > 4 * width:
        return head[: width - 1].rstrip() + "…"
    return head


def dollars(usd: float | None) -> str:
    """An amount of US dollars; None where a price is unknown."""
    return "price unknown" if usd is None else "$0" if usd == 0 else f"${usd:.4f}"


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
