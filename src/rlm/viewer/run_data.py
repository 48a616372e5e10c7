"""What the page asks of runs, as JSON: their list, what each turn does, strings of a pack, passages of an input."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from pathlib import Path

from rlm.coverage import citations
from rlm.coverage.source import Input, Span
from rlm.errors import RlmError
from rlm.prompts import profiles
from rlm.trace import runs
from rlm.trace.events import RunBegin
from rlm.trace.reader import Reader
from rlm.trace.tree import RunTree
from rlm.types import JSON
from rlm.viewer.strategy import count, recognise

_MOST_RUNS = 2000  # of a list: the latest
_MOST_COUNTED = 100  # runs whose strategies are counted: their cells are read whole


def listed(folder: Path) -> list[JSON]:
    """The runs of a folder, the latest first."""
    rows: list[JSON] = []
    for summary in runs.summaries(folder):
        begin = summary.begin
        rows.append(
            {
                "run": summary.run_id,
                "status": summary.state,
                "question": _asked(begin),
                "characters": _characters(begin.context),
                "made": _made(begin.origin) or _numbered(begin.sitting),
                "model": begin.model,
                "started": begin.started,
                "tokens": summary.tokens,
                "cost": summary.cost,
                "seconds": summary.seconds,
                "bytes": summary.bytes,
            }
        )
        if len(rows) == _MOST_RUNS:
            break
    return rows


def _asked(begin: RunBegin) -> str:
    """What was asked; of a whole request, which has no question beside it, its text."""
    text = begin.source.get("text")
    return text if begin.question == profiles.task() and isinstance(text, str) else begin.question


def _characters(context: str) -> int | None:
    """How long an input is, of what models were told of it; names in it are in quotation marks."""
    first = re.sub(r"""'[^']*'|"[^"]*\"""", "", context.partition("\n")[0])
    found = re.search(r"([\d,]{1,30}) characters?\b", first)
    return int(found[1].replace(",", "") or 0) if found else None


def _made(origin: object) -> str:
    """What a run was made from, in words; nothing of one that was asked."""
    if not isinstance(origin, dict) or not isinstance(origin.get("run"), str):
        return ""
    turn = f", turn {origin['turn']}" if isinstance(origin.get("turn"), int) else ""
    return f"{origin.get('way')} of {origin['run']}{turn}"


def _numbered(sitting: object) -> str:
    """Which question of a session a run was, in words."""
    if not isinstance(sitting, dict) or not isinstance(sitting.get("number"), int):
        return ""
    return f"question {sitting['number']} of {sitting.get('run')}"


def string(pack: Path, offset: int, length: int, digest: str, longest: int = 0) -> str | None:
    """The string at a place of a pack; None where the pack does not hold one of that hash there.

    Args:
        pack: The file.
        offset: Where it begins.
        length: Its bytes.
        digest: Of its hash, what the log has.
        longest: Bytes from which on a string is cut, and then not compared with its hash; 0: it is whole.
    """
    with open(pack, "rb") as file:
        file.seek(offset)
        data = file.read(min(length, longest or length))
    if longest and length > longest:
        return data.decode("utf-8", "ignore")
    if hashlib.sha256(data).hexdigest()[:16] != digest:
        return None
    return data.decode("utf-8", "replace")


def quoted(run: Path) -> JSON:
    """The passages that a run's answer quotes, as `rlm.coverage.quotes` describes them.

    Raises:
        RlmError: It can't be told.
    """
    return [citation.to_json() for citation in citations(run)]


def passage(source: Input, text: int, start: int, end: int) -> JSON:
    """Characters of one text of an input: `{"pieces": [[start, "..."]]}`, as a page in one file has them too."""
    found = source.read(Span(text, start, end)) if text < len(source) else ""
    return {"pieces": [[start, found]] if found else []}


def strategy(run: Path) -> JSON:
    """The patterns that were recognised in each turn of a run: `{"labels": [{"span": 3, "pattern": "probing", ...}]}`.

    Raises:
        TraceError: The trace can't be read.
    """
    return {"labels": [label.to_json() for label in recognise(RunTree(Reader(run))).labels]}


def strategies(folder: Path) -> JSON:
    """In how many of the latest runs each pattern was seen: `{"runs": 20, "patterns": [{"name", "runs"}, ...]}`."""
    found = []
    for name in list(reversed(runs.names(folder)))[:_MOST_COUNTED]:
        with suppress(RlmError, OSError):
            found.append(recognise(RunTree(Reader(folder / name))))
    patterns: list[JSON] = [{"name": name, "runs": many} for name, many in count(found).items() if many]
    return {"runs": len(found), "patterns": patterns}
