"""What coverage costs and finds: `python benchmarks/coverage.py [WAY ...]`, for 40 MB of input, 500 sub-calls of 20 KB.

For each way in which models' code makes prompts (`tests/coverage/truth.py`), a trace is written, and read by a process
of its own. Seconds are of `coverage(run)`, the trace and the input read and hashed in them; `peak` is how much memory
that takes at most beyond what the process had before, `beyond` the same less the input's text itself. What it takes to
load numpy, once a process, is told apart. Precision,
recall and what is ambiguous or traced are shares of characters. Text inputs are in the trace; `folder` is the first row
once more with the input as 400 files, and `duplicated lines` are scattered ones where a fifth stands twice or more.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "coverage"))

import measure
import truth

from rlm.context import load
from rlm.coverage import coverage
from rlm.coverage.locate import locate
from rlm.trace import store
from rlm.trace.events import CallBegin, CallEnd, NodeBegin, RunBegin, TurnBegin
from rlm.types import JSON

LOADING = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import measure, rlm.coverage
before, began = measure.memory(), time.perf_counter()
import rlm.coverage.anchors, rlm.coverage.reach
print(json.dumps([time.perf_counter() - began, measure.memory() - before]))
"""
SIZE, CALLS, PROMPT = 40_000_000, 500, 20_000


def write(path: Path, prompts: list[str], source: dict[str, JSON], digest: str) -> None:
    """The trace of a run whose one cell asked all of these."""
    trace = store.Trace("run", path)
    trace.emit(
        RunBegin(
            run_id="run", started="", sub_model="sub", sandbox="local", enforces=[], limits={}, seed=0,
            versions={"trace": store.FORMAT_VERSION}, source=source, digest=digest,
            question="q", context="str", model="root",
        )
    )  # fmt: skip
    trace.emit(NodeBegin(span=1, parent=0, depth=0, question="q", context="str", model="root"))
    trace.emit(TurnBegin(span=2, parent=1, turn=1))
    for number, prompt in enumerate(prompts, 3):
        trace.emit(CallBegin(span=number, parent=2, name="llm_query", prompt=prompt, model="sub"))
        usage: dict[str, JSON] = {"calls": 1}
        trace.emit(
            CallEnd(
                span=number, reply="ok", error=None, finish="stop", usage=usage, cost=0.0, retries=0, seconds=0.1
            )
        )  # fmt: skip
    trace.close()


def once(path: Path) -> dict[str, float]:
    """One coverage, in this process, which has numpy already."""
    for name in ("anchors", "reach"):
        importlib.import_module(f"rlm.coverage.{name}")
    measure.reset_peak()
    before = measure.memory()
    began, cpu = time.perf_counter(), time.process_time()
    covered = coverage(path)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = measure.memory(field="VmHWM") - before
    return {"seconds": seconds, "cpu": cpu, "peak": peak, "share": covered.share}


def row(way: str, source: str, folder: Path) -> None:
    chance = random.Random(5)
    make = truth.WAYS[{"folder": "raw slices", "duplicated lines": "scattered lines"}.get(way, way)]
    if way == "duplicated lines":
        source = truth.text(SIZE, repeated=0.2)[:SIZE]
    prompts = [make(source, chance, PROMPT) for _ in range(CALLS)]
    texts = [prompt.text for prompt in prompts]
    if way == "folder":
        files = folder / "files"
        files.mkdir()
        part = len(source) // 400
        for number in range(400):
            (files / f"{number:03}.txt").write_text(source[number * part : (number + 1) * part])
        context = load(files)
        digest = context.digest
        context.close()
        told: dict[str, JSON] = {"kind": "paths", "paths": [str(files)]}
    else:
        digest = hashlib.sha256(source.encode()).hexdigest()
        told = {"kind": "text", "text": source}
    path = folder / way.replace(" ", "-")
    write(path, texts, told, digest)
    done = json.loads(subprocess.check_output([sys.executable, __file__, "--once", str(path)]))
    score = truth.score(prompts, locate(texts, [source])) if way != "folder" else None
    shares = f"{score.precision:9.4f} {score.recall:8.4f} {score.ambiguous:9.4f} {score.traced:8.4f}" if score else ""
    mb = 1e6
    print(
        f"{way:18} {done['seconds']:7.2f} {done['cpu']:6.2f} {done['peak'] / mb:8.0f} "
        f"{(done['peak'] - SIZE) / mb:8.0f} {shares}",
        flush=True,
    )


def main() -> None:
    if sys.argv[1:2] == ["--once"]:
        print(json.dumps(once(Path(sys.argv[2]))))
        return
    here = str(Path(__file__).parent)
    seconds, size = json.loads(subprocess.check_output([sys.executable, "-c", LOADING, here]))
    print(f"numpy itself: {seconds:.2f} s, {size / 1e6:.0f} MB")
    ways = sys.argv[1:] or [*truth.WAYS, "duplicated lines", "folder"]
    source = truth.text(SIZE)[:SIZE]
    print(f"{'way':18} {'seconds':>7} {'cpu':>6} {'peak MB':>8} {'beyond':>8} precision   recall ambiguous   traced")
    with tempfile.TemporaryDirectory() as folder:
        for way in ways:
            row(way, source, Path(folder))


if __name__ == "__main__":
    main()
