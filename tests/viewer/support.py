"""Runs to look at: real ones of scripted models, and hostile ones."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm import RLM
from rlm.lms.scripted import Scripted
from rlm.viewer.server import Viewer

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u202egnp\x1b[31m"
)


def cell(code: str, said: str = "I look.") -> str:
    return f"{said}\n\n```repl\n{code}\n```"


def make_run(
    folder: Path, cells: list[str], question: str = "How many?", context: str = "one two three\n" * 400
) -> str:
    """A run of a root that writes these cells; its name."""
    rlm = RLM(model=Scripted(cells), sub_model=Scripted(lambda request: "seen"), trace=folder, route="never")
    return rlm.completion(question, context=context).run_id


def opened(page: Page, url: str) -> None:
    page.goto("about:blank")
    page.goto(url)
    page.wait_for_selector("body[data-ready]", timeout=20_000)


def text_of(page: Page, selector: str) -> str:
    found: str = page.locator(selector).first.inner_text()
    return found


CELLS = [
    cell("found = grep('two', limit=3)\nprint(len(context))\nprint(found)", "First I look for it."),
    cell("replies = llm_query_batched([f'{n}: {context[n * 14:n * 14 + 700]}' for n in range(5)])\n1/0"),
    cell("FINAL(f'{len(replies)} replies')"),
]


def focused(page: Page) -> str:
    found: Any = page.evaluate("document.activeElement.id")
    return str(found)


def hostile_run(folder: Path, name: str = "20260101-000000-aaaaaa", sub_calls: int = 3, depth: int = 200) -> str:
    """A trace that somebody wrote: markup in every string, children in children, lines that are no events."""
    run = folder / name
    run.mkdir(parents=True)
    (run / "strings.pack").write_bytes(b"")
    usage = {"calls": 1, "input_tokens": 1, "output_tokens": 1}
    begin = {
        **dict.fromkeys(("question", "context", "model", "sub_model", "sandbox", "digest"), HOSTILE),
        "run_id": name,
        "started": "2026-01-01T00:00:00",
        "enforces": [],
        "limits": {HOSTILE: 1},
        "seed": 1,
        "versions": {"trace": 2},
        "source": {"kind": "none"},
        "setup": {},
        "origin": None,
    }
    rows: list[object] = [{"type": "run_begin", **begin}]
    span = parent = 0
    for level in range(depth):
        node, turn, call = span + 1, span + 2, span + 3
        span += 3
        rows += [
            {
                "type": "node_begin",
                "span": node,
                "parent": parent,
                "depth": level,
                "question": HOSTILE,
                "context": "",
                "model": HOSTILE,
            },
            {"type": "turn_begin", "span": turn, "parent": node, "turn": HOSTILE, "wrap_up": False},
            {
                "type": "reply",
                "span": turn,
                "text": HOSTILE,
                "finish": "stop",
                "usage": usage,
                "cost": 0,
                "retries": 0,
                "seconds": "x",
            },
            {"type": "cell_begin", "span": turn, "code": f"x = '''{HOSTILE}"},
            {
                "type": "cell_end",
                "span": turn,
                "output": HOSTILE,
                "output_size": 9,
                "shown": HOSTILE,
                "error": HOSTILE,
                "interrupted": True,
                "lost": HOSTILE,
                "seconds": 1e308,
            },
            {"type": "call_begin", "span": call, "parent": turn, "name": HOSTILE, "prompt": HOSTILE, "model": HOSTILE},
        ]
        parent = call
    for number in range(sub_calls):
        span += 1
        rows.append(
            {
                "type": "call_begin",
                "span": span,
                "parent": 2,
                "name": "llm_query",
                "prompt": f"{HOSTILE} {number}",
                "model": "m",
                "t": -1,
            }
        )
    rows += [
        {"type": "__proto__"},
        {"type": "reply", "span": "toString"},
        [],
        None,
        {"type": "call_end", "span": 3, "reply": {"$s": [0, 9, "../../x"]}, "error": None, "usage": None},
    ]
    lines = [json.dumps(row) for row in rows]
    lines.insert(3, "{ no JSON")
    (run / "events.jsonl").write_text("\n".join(lines) + "\n")
    return name


@contextmanager
def serving(folder: Path, host: str = "127.0.0.1") -> Iterator[Viewer]:
    with Viewer(folder, host) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
