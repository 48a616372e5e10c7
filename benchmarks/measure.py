"""What the rows of the benchmarks share: medians, and what /proc says of memory. Standard library only."""

from __future__ import annotations

import json
import os
import statistics
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of `times` calls."""
    spans = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spans.append(time.perf_counter() - began)
    return spans


def median(values: list[float]) -> float:
    return statistics.median(values)


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def memory(pid: int | str = "self", field: str = "VmRSS") -> int:
    """Bytes, as /proc/PID/status has them."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def share(pid: int) -> int:
    """The process's proportional share of memory (PSS), in bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def reset_peak() -> None:
    """Sets this process's VmHWM to its VmRSS."""
    Path("/proc/self/clear_refs").write_text("5")


def children(pid: int) -> list[int]:
    """Processes below `pid`, at any depth."""
    found: list[int] = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parent = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found += [int(name), *children(int(name))]
    return found


def ascii_text(megabytes: int) -> str:
    return "lorem ipsum dolor sit amet\n" * (megabytes * 1_000_000 // 27)


def first_request(url: str) -> float | None:
    """When the server got its first request since this was last asked, in `time.monotonic()` seconds."""
    body = json.dumps({"model": "clock", "messages": [{"role": "user", "content": "?"}]}).encode()
    request = urllib.request.Request(url + "/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        first: float | None = json.loads(
            json.load(response)["choices"][0]["message"]["content"].replace("None", "null")
        )
    return first


def to_first_request(url: str, work: Callable[[], object]) -> float:
    """Seconds from the beginning of `work` to the first request that it sends."""
    first_request(url)
    began = time.monotonic()
    work()
    first = first_request(url)
    assert first is not None
    return first - began
