"""How quick the viewer is with a run of 200 turns and 10,000 sub-calls: `python benchmarks/viewer.py [FOLDER]`.

The run is made by scripted models (into FOLDER, where one is kept for the next time), served by `rlm view`, and opened
in headless Chromium, each time in a new browser context. Printed are, of five openings, the median and the best:

- `first view`: from navigation to the frame in which the answer, the tree, the time line and the first turns stand;
- `complete`: until nothing is fetched any more (labels of strategies, coverage, quotes);
- CPU of the server's process, and of the browser's processes, until then;
- frames while the page, and the table of a turn's sub-calls, are scrolled by 90 pixels a frame: gaps between frames
  (16.7 ms is smooth), how many were above 34 ms, and processor time a frame, of all processes;
- the page's JavaScript memory, and the server's.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measure
from playwright.sync_api import Browser, Page, sync_playwright

from rlm import RLM, Limits
from rlm.lms.scripted import Scripted
from rlm.trace import runs

TURNS, CALLS = 200, 50
CELL = """First I look at the next pieces, and ask about each.

```repl
start = {start}
prompts = [f'Who is named here? {{n}}: ' + context[n * 300 : n * 300 + 600] for n in range(start, start + {calls})]
replies = llm_query_batched(prompts)
print(start, len(replies), replies[0])
```"""
SCROLL = """async ([selector, frames]) => {
  const box = selector ? document.querySelector(selector) : document.scrollingElement;
  const gaps = [];
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < frames; frame++) {
    box.scrollTop += 90;
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  return [gaps, box.scrollTop];
}"""
VIEWED = "() => { const [at] = performance.getEntriesByName('first-view'); return at && at.startTime / 1000; }"


def make(folder: Path) -> str:
    """The run, made once; its name."""
    if found := runs.names(folder):
        return found[0]
    cells = [CELL.format(start=turn * CALLS, calls=CALLS) for turn in range(TURNS)]
    cells.append("```repl\nFINAL('Ann, in many places.')\n```")
    sub = Scripted(lambda request: f"Ann and Bo are named, and {len(request.messages[-1].content)} others.")
    limits = Limits(turns=TURNS + 5, sub_calls=TURNS * CALLS + 1, concurrency=16)
    rlm = RLM(model=Scripted(cells), sub_model=sub, trace=folder, route="never", limits=limits)
    text = "".join(
        f"{n}. Ann went to see Bo, who was not at home; it was a day like all others.\n" for n in range(50_000)
    )
    return rlm.completion("Who is named?", context=text).run_id


def cpu(pid: int) -> float:
    """Seconds of processor time of a process and those below it."""
    ticks = 0
    for one in [pid, *measure.children(pid)]:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def opening(browser: Browser, url: str, server: int) -> tuple[dict[str, float], Page]:
    """Opens the page; what that took."""
    page = browser.new_context(viewport={"width": 1360, "height": 900}).new_page()
    page.goto("about:blank")
    ours = os.getpid()
    before, before_server = cpu(ours), cpu(server)
    page.goto(url)
    page.wait_for_function(VIEWED, timeout=60_000)
    page.wait_for_load_state("networkidle")
    done: float = page.evaluate("performance.now() / 1000 - 0.5")  # idle means half a second without a request
    served = cpu(server) - before_server
    heap: float = page.evaluate("performance.memory.usedJSHeapSize / 1e6")
    found: dict[str, float] = {
        "first view, s": page.evaluate(VIEWED),
        "complete, s": done,
        "server's CPU, s": served,
        "browser's CPU, s": cpu(ours) - before - served,
        "page's memory, MB": heap,
    }
    return found, page


def smooth(page: Page, name: str, selector: str | None, frames: int) -> None:
    """Scrolls, and prints how evenly frames came."""
    before = cpu(os.getpid())
    gaps, at = page.evaluate(SCROLL, [selector, frames])
    spent = 1000 * (cpu(os.getpid()) - before) / frames
    gaps.sort()
    slow = sum(gap > 34 for gap in gaps)
    print(
        f"{name}: {at:,.0f} px in {len(gaps)} frames, median gap {statistics.median(gaps):.1f} ms, "
        f"95th {measure.p95(gaps):.1f} ms, longest {gaps[-1]:.1f} ms, {slow} above 34 ms; "
        f"{spent:.1f} ms of CPU a frame"
    )


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="rlm-viewer-"))
    name = make(folder / "runs")
    print(f"the run's log: {(folder / 'runs' / name / 'events.jsonl').stat().st_size / 1e6:.1f} MB")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    command = [sys.executable, "-m", "rlm", "view", name]
    environment = {**os.environ, "RLM_HOME": str(folder)}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            rows: list[dict[str, Any]] = []
            for _ in range(5):
                found, page = opening(browser, url, server.pid)
                rows.append(found)
                if len(rows) < 5:
                    page.context.close()
            for key in rows[0]:
                values = [row[key] for row in rows]
                print(f"{key}: median {statistics.median(values):.2f}, best {min(values):.2f}")
            smooth(page, "the page scrolled", None, 600)
            page.evaluate("scrollTo(0, 0)")
            time.sleep(0.5)
            smooth(page, "a table scrolled", "section.turn .table", 100)
            after = page.evaluate("performance.memory.usedJSHeapSize / 1e6")
            print(f"page's memory after that: {after:.0f} MB; the server's: {measure.memory(server.pid) / 1e6:.0f} MB")
            print(json.dumps({"elements": page.evaluate("document.querySelectorAll('*').length")}))
            browser.close()
    finally:
        server.terminate()
        server.wait()
        if len(sys.argv) < 2:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
