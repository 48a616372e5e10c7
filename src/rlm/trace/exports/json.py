"""A run as one JSON object: its first and last events, and the tree of its nodes, turns and calls in between.

Every event has the fields that docs/trace-format.md describes; the tree has those of `rlm.trace.tree`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from rlm.trace.reader import FORMAT_VERSION
from rlm.trace.tree import RunTree


def export(run: RunTree, ends: str = "") -> Iterator[str]:
    """The object as text, in pieces.

    Args:
        run: The run.
        ends: Why it has no end, where it has none.
    """
    yield f'{{"format": {FORMAT_VERSION}, "ends": {json.dumps(ends)}'
    for name in ("begin", "root", "limits", "end"):
        value = getattr(run, name)
        shown = [asdict(item) for item in value] if isinstance(value, list) else value and asdict(value)
        yield f',\n"{name}": '
        yield from json.JSONEncoder().iterencode(shown)
    yield "}\n"
