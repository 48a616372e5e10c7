"""Server-sent events out of the bytes of a response, as they come (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import codecs


class Events:
    """Splits a stream into events, whatever the pieces are that it comes in.

    Lines end with LF, CRLF or CR. Comments, ids and retry times are dropped. An event that the stream breaks off in
    is none.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._partial: list[str] = []  # the pieces of a line that has not ended
        self._after_cr = False
        self._event = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[tuple[str, str]]:
        """The events that `piece` completes: each its name, empty where it has none, and its data."""
        text = self._decode(piece)
        if not text:
            return []
        if self._after_cr and text[0] == "\n":  # the second half of a CRLF
            text = text[1:]
        self._after_cr = text[-1:] == "\r"
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        if len(lines) == 1:
            self._partial.append(text)
            return []
        lines[0] = "".join([*self._partial, lines[0]])
        self._partial = [lines.pop()]
        found = []
        for line in lines:
            if line:
                self._take(line)
            else:
                if self._data:
                    found.append((self._event, "\n".join(self._data)))
                self._event, self._data = "", []
        return found

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
