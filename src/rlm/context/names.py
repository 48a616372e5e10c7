"""Names out of an input are untrusted text: how they are written where a person or a model reads them."""

from __future__ import annotations

import os

SHOWN = 120  # characters of a name in a description


def safe_name(name: str) -> str:
    r"""Write control, format and undecodable characters as escapes such as \x1b; everything printable stays."""
    if name.isprintable():
        return name
    # Bytes that are not UTF-8 come from the file system as lone surrogates; they are shown as the bytes they are.
    text = os.fsencode(name).decode("utf-8", "backslashreplace") if _is_path_text(name) else name
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def shown(name: str) -> str:
    """A safe name, cut in the middle if it is long."""
    half = (SHOWN - 3) // 2
    if len(name) > 2 * SHOWN:  # escapes only make it longer: the middle can't show
        return f"{safe_name(name[:half])[:half]}...{safe_name(name[-half:])[-half:]}"
    text = safe_name(name)
    return text if len(text) <= SHOWN else f"{text[:half]}...{text[-half:]}"


def _is_path_text(name: str) -> bool:
    return all(not "\ud800" <= char <= "\udfff" or "\udc80" <= char <= "\udcff" for char in name)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
