"""The engine beside the reference system, on one machine, in one run: `python benchmarks/engine.py`.

    python -m venv /tmp/reference && /tmp/reference/bin/pip install rlms
    python benchmarks/engine.py --reference /tmp/reference/bin/python

Without `--reference` only our side is measured. Both talk to one scripted server in a process of its own; ours runs
with the default sandbox and the trace on. Medians, and p95 where there are many; `limit` is what the project holds
itself to. Absolute times are this machine's: the ratios are what to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from measure import median, p95

HERE = Path(__file__).parent


def row_of_ours(url: str, row: str, repeats: int) -> Any:
    with tempfile.TemporaryDirectory() as home:
        output = subprocess.run(
            [sys.executable, HERE / "rows_ours.py", url, str(repeats), row],
            env={**os.environ, "RLM_HOME": home},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
    return json.loads(output)


def show(
    name: str, ours: float, limit: float, unit: str, reference: float | None = None, high: float | None = None
) -> None:
    verdict = "ok  " if ours <= limit else "OVER"
    spread = f" p95 {high:8.2f}" if high is not None else " " * 13
    beside = f"  reference {reference:8.1f} {unit}, {reference / ours:5.1f} x ours" if reference else ""
    print(f"{verdict} {name:46} {ours:8.2f}{spread} {unit}  (limit {limit:g}){beside}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", help="a Python with rlms installed")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    with subprocess.Popen([sys.executable, HERE / "server.py"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            measure_all(server.stdout.readline().strip(), options.repeats, options.reference)
        finally:
            server.kill()


def measure_all(url: str, repeats: int, python: str | None) -> None:
    theirs: dict[str, Any] = {}
    if python is not None:
        command = [python, str(HERE / "rows_reference.py"), url, "5"]
        theirs = json.loads(
            subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
        )
    ms = {row: 1e3 * median(spans) for row, spans in theirs.items() if isinstance(spans, list)}

    cold = [row_of_ours(url, "cold", 1) * 1e3 for _ in range(max(3, repeats // 2))]
    show("two turns, no zygote yet", median(cold), 90, "ms", ms.get("two_turns"), p95(cold))
    warm = [1e3 * s for s in row_of_ours(url, "two_turns", repeats)]
    show("two turns, warm", median(warm), 25, "ms", ms.get("two_turns"), p95(warm))
    start = [1e3 * s for s in row_of_ours(url, "start", max(3, repeats // 2))]
    show("rlm ask, process start to first request", median(start), 400, "ms", high=p95(start))
    turns = [1e3 * s for s in row_of_ours(url, "turns", 1)][1:]
    show("a further turn, median", median(turns), 3, "ms", ms.get("turns"))
    show("a further turn, p95", p95(turns), 6, "ms")
    batch = [1e3 * s for s in row_of_ours(url, "batch", max(3, repeats // 4))]
    show("512 sub-calls of 50 ms at 64, two root turns", median(batch), 580, "ms", ms.get("batch"), p95(batch))
    children = [1e3 * s for s in row_of_ours(url, "children", max(3, repeats // 4))]
    show("root and 16 children, two turns of 50 ms", median(children), 600, "ms", ms.get("children"), p95(children))
    for megabytes, most in ((42, 150.0), (420, 2000.0)):
        big = row_of_ours(url, f"big{megabytes}", 1)
        first = [1e3 * s for s in big["first_request"]]
        beside = ms.get("first_request") if megabytes == 42 else None
        show(f"{megabytes} MB of ASCII: to the first request", median(first), most, "ms", beside)
        host = theirs.get("host_memory", 0) / 1e6 if megabytes == 42 else None
        show(f"{megabytes} MB: host memory above its own copy", big["host"] / 1e6, 5, "MB", host)
        show(f"{megabytes} MB: worker", big["worker"], 1.3, "x getsizeof")
        print(f"     {'all processes of the sandbox':46} {big['sandbox']:8.2f}{'':13} x getsizeof")
        print(f"     {'the peak of one of them':46} {big['peak']:8.2f}{'':13} x getsizeof")
    grown = row_of_ours(url, "soak", 1)
    show("500 runs: memory grown after the first 100", grown["memory"] / 1e6, 2, "MB")
    show("500 runs: descriptors, processes, files grown", grown["fds"] + grown["processes"] + grown["files"], 0, "  ")


if __name__ == "__main__":
    main()
