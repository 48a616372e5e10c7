"""A run as one page in one file, which needs no server and reaches nothing: its data stand inside it, as data."""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlm.coverage import coverage
from rlm.errors import ConfigError, ContextError
from rlm.trace import runs
from rlm.trace.reader import LOG, PACK, one_event
from rlm.types import JSON
from rlm.viewer import input_text, run_data
from rlm.viewer.script import PAGE, script


def html(run: Path, with_input: bool | None = None) -> str:
    """The page of the run in a folder.

    Args:
        run: The folder.
        with_input: Whether it holds the text of the input; None: of a long one what was read (`input_text`).

    Raises:
        TraceError: The trace can't be read.
        ConfigError: The run was killed before its first event; or the input can't be held.
        ContextError: The input is to be held, and is gone or has changed.
    """
    code, style = script(), (PAGE / "style.css").read_text()
    policy = f"default-src 'none'; script-src '{_hash(code)}'; style-src '{_hash(style)}'; base-uri 'none'"
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">',
            f"<title>rlm</title>\n<style>{style}</style>\n</head>\n<body>",
            f'<script type="application/json" id="run-data">{_inert(_data(run, with_input))}</script>',
            f'<script type="module">{code}</script>\n</body>\n</html>\n',
        ]
    )


def _data(run: Path, with_input: bool | None) -> JSON:
    """What the page is served elsewhere: the log's lines, the strings that they name, what was read, what turns do."""
    if one_event(run, longest=0) is None:
        raise ConfigError(f"the run {run.name} was killed before its first event")
    events: list[Any] = []
    for line in (run / LOG).read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            with suppress(ValueError):
                events.append(json.loads(line))
    strings = {str(place[0]): run_data.string(run / PACK, *place) for place in _places(events)}
    found: dict[str, JSON] = {
        "run": run.name,
        "running": runs.is_running(run),
        "events": events,
        "strings": dict(strings),
        "strategy": run_data.strategy(run),
    }
    try:
        read = coverage(run)
        found |= {"coverage": read.to_json(), "citations": run_data.quoted(run)}
        found["input"] = input_text.held(read, with_input)
    except ContextError:  # an input that is gone: the page says that it does not hold it
        if with_input:
            raise
    return found


def _places(events: list[Any]) -> list[tuple[int, int, str]]:
    places, waiting = [], list(events)
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            place = value.get("$s")
            if set(value) == {"$s"} and isinstance(place, list) and [type(item) for item in place] == [int, int, str]:
                places.append((place[0], place[1], place[2]))
            else:
                waiting += value.values()
    return places


def _inert(value: JSON) -> str:
    """JSON that no parser of HTML can take for anything but text."""
    text = json.dumps(value)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
