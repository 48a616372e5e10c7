"""A run as one page in one file, which needs no server and reaches nothing: its data stand inside it, as data."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlm.coverage import coverage
from rlm.errors import RlmError
from rlm.trace import runs
from rlm.trace.reader import LOG, PACK
from rlm.types import JSON
from rlm.viewer import run_data
from rlm.viewer.server import PAGE

# Each after those that it imports: joined, they are one script.
_MODULES = (
    *("dom", "source", "run_model", "code", "stored", "table", "time_line", "turn_view", "input_strip"),
    *("citations_view", "run_page", "list_page", "compare_page", "main"),
)


def html(run: Path) -> str:
    """The page of the run in a folder.

    Raises:
        TraceError: The trace can't be read.
    """
    script, style = _script(), (PAGE / "style.css").read_text()
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'"
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">',
            f"<title>rlm</title>\n<style>{style}</style>\n</head>\n<body>",
            f'<script type="application/json" id="run-data">{_inert(_data(run))}</script>',
            f'<script type="module">{script}</script>\n</body>\n</html>\n',
        ]
    )


def _data(run: Path) -> JSON:
    """What the page is served elsewhere: the log's lines, the strings that they name, what was read, what turns do."""
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
    }
    with suppress(RlmError):  # an input that is gone: the page says that it does not hold it
        found["coverage"] = coverage(run).to_json()
        found["citations"] = run_data.quoted(run)
    found["strategy"] = run_data.strategy(run)
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


def _script() -> str:
    """The page's modules as one script: each is a function that returns what it exports."""
    return "\n".join(_module(name) for name in _MODULES)


def _module(name: str) -> str:
    text = (PAGE / f"{name}.js").read_text()
    text = re.sub(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', r"const \1 = $\2;", text, flags=re.MULTILINE)
    exported = re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", text, flags=re.MULTILINE)
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return f"const ${name} = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
