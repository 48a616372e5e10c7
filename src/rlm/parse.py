"""Reply text -> the cell in it. Pure.

A cell is the first fenced block marked `repl` or `python`, in any case, closed or not, on lines of its own or inline;
a profile may say that other marks are cells, or none. What follows the first cell is dropped, so that a model can't act
on output that it imagined.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from rlm.types import Cell

FENCES = ("repl", "python", "python3", "py")
# The tags of most models, and Magistral's; gpt-oss has a channel for it, which a server may leave in the text.
_THINKING = re.compile(
    r"\s*(?:<(think|thinking|reasoning)>.*?(?:</\1>|\Z)|\[THINK\].*?(?:\[/THINK\]|\Z)"
    r"|<\|channel\|>analysis<\|message\|>.*?(?:<\|channel\|>final<\|message\|>|\Z))",
    re.DOTALL | re.IGNORECASE,
)
_THINKING_END = re.compile(r"</(?:think|thinking|reasoning)>|\[/THINK\]", re.IGNORECASE)
_BARE_FINAL = re.compile(r"^[ \t]*(FINAL(?:_VAR)?\()", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A reply taken apart.

    Attributes:
        text: The reply up to the end of its first cell, without thinking; what the conversation keeps.
        cell: The first cell, or None.
        rest: What follows the first cell, which nobody acts on.
    """

    text: str
    cell: Cell | None
    rest: str = ""

    @property
    def dropped(self) -> int:
        """Characters of what follows the first cell."""
        return len(self.rest)


def parse(reply: str, *, bare_final: bool = False, fences: Sequence[str] = FENCES) -> Parsed:
    """Finds the cell of a reply.

    Args:
        reply: The text as the model wrote it.
        bare_final: Take a `FINAL(...)` or `FINAL_VAR(...)` that ends a reply without a fence as a cell: some models
            can't be brought to write the fence.
        fences: The marks that make a fence a cell; an empty one takes a fence without a mark where there is no other.
    """
    text = _without_thinking(reply)
    opening = _opening(text, fences)
    if opening is None:
        bare = _bare_final(text) if bare_final else None
        return Parsed(text, None if bare is None else Cell(bare, "final"))
    code, end = _body(text, opening)
    kept = text[:end] if end < len(text) else _closed(text, opening["ticks"])
    return Parsed(kept, Cell(code, opening["language"].lower()), rest=text[end:].strip())


def _bare_final(text: str) -> str | None:
    """The `FINAL(...)` that begins on a line of its own and ends the text; found in one pass, however many begin."""
    ended = text.rstrip(" \t")
    found = _BARE_FINAL.search(ended) if ended.endswith(")") else None
    return None if found is None else ended[found.start(1) :]


def _opening(text: str, fences: Sequence[str]) -> re.Match[str] | None:
    """The fence that opens the first cell."""
    marked = _pattern(tuple(fence for fence in fences if fence)).search(text)
    return marked if marked is not None or "" not in fences else _unmarked(text)


def _unmarked(text: str) -> re.Match[str] | None:
    """The first fence without a mark that opens a block: those that close one look the same."""
    is_open = False
    for fence in _FENCE.finditer(text):
        if not is_open and not fence["language"]:
            return fence
        is_open = not is_open or bool(fence["language"])
    return None


@cache
def _pattern(fences: tuple[str, ...]) -> re.Pattern[str]:
    marks = "|".join(map(re.escape, fences)) or "(?!)"
    return re.compile(rf"^[ \t>]*(?P<ticks>`{{3,}})[ \t]*(?P<language>{marks})\b[ \t]*", re.IGNORECASE | re.MULTILINE)


_FENCE = re.compile(r"^[ \t>]*(?P<ticks>`{3,})[ \t]*(?P<language>[^\s`]*)[ \t]*$", re.MULTILINE)


def _body(text: str, opening: re.Match[str]) -> tuple[str, int]:
    """The code of the block that `opening` opens, and where the block ends."""
    ticks = re.escape(opening["ticks"])
    line_end = text.find("\n", opening.end())
    line_end = len(text) if line_end < 0 else line_end
    first_line = text[opening.end() : line_end]
    if inline := re.search(rf"{ticks}`*", first_line):
        return first_line[: inline.start()].strip(), opening.end() + inline.end()
    closing = _closing(text, line_end, re.compile(rf"^[ \t>]*{ticks}`*[ \t]*$", re.MULTILINE))
    end = closing.start() if closing else len(text)
    code = first_line + text[line_end:end] if first_line.strip() else text[line_end + 1 : end]
    return code.strip("\n"), closing.end() if closing else len(text)


def _closing(text: str, start: int, fence: re.Pattern[str]) -> re.Match[str] | None:
    """The fence that ends the block: the first one that stands in no triple-quoted string, as far as quotes tell.

    Answers in Markdown have fences of their own.
    """
    first = None
    is_open = {'"""': False, "'''": False}
    for found in fence.finditer(text, start):
        first = first or found
        for quotes in is_open:
            is_open[quotes] ^= text.count(quotes, start, found.start()) % 2 == 1
        if not any(is_open.values()):
            return found
        start = found.end()
    return first


def _closed(text: str, ticks: str) -> str:
    """`text`, with the fence that it leaves open closed: the next turn must not be read as code."""
    return text if text.rstrip().endswith(ticks) else text.rstrip("\n") + "\n" + ticks


def _without_thinking(reply: str) -> str:
    """The reply without a leading thinking block; one that was opened in the prompt has no opening tag."""
    text = reply
    while found := _THINKING.match(text):
        text = text[found.end() :]
    end = _THINKING_END.search(text)
    opening = _opening(text, FENCES)
    if end and (opening is None or end.start() < opening.start()):
        text = text[end.end() :]
    return text.strip()
