"""The rows of this engine: `PYTHON rows_ours.py URL REPEATS ROW` prints one JSON value. A row is a process."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import measure

from rlm import RLM, Limits
from rlm.lms import resolve

URL = sys.argv[1]
REPEATS = int(sys.argv[2])
SMALL = "word " * 4000


def ask(model: str, context: object, sub: str = "sub", **limits: int) -> None:
    """One run by way of the public interface: HTTP client, default sandbox and trace included."""
    root, sub_model = (resolve(f"openai/{name}", base_url=URL, api_key="none") for name in (model, sub))
    done = RLM(model=root, sub_model=sub_model, route="never", limits=Limits(**limits)).completion(
        "What is it?", context=context
    )
    assert (done.status, done.response) == ("done", "done"), done


def cold() -> float:
    """The first run of a process, its imports done."""
    import rlm.lms.openai
    import rlm.sandbox.launchers.local  # noqa: F401

    return measure.timed(lambda: ask("two", SMALL), 1)[0]


def two_turns() -> list[float]:
    ask("two", SMALL)
    return measure.timed(lambda: ask("two", SMALL), REPEATS)


def turns() -> list[float]:
    """Seconds between requests of one long run, by its trace."""
    root = resolve("openai/turns", base_url=URL, api_key="none")
    run = RLM(model=root, route="never", limits=Limits(turns=250)).stream("What is it?", context=SMALL)
    times = [event.t for event in run if event.type == "request"]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def batch() -> list[float]:
    ask("batch", SMALL, concurrency=64)
    return measure.timed(lambda: ask("batch", SMALL, concurrency=64), REPEATS)


def children() -> list[float]:
    ask("children", SMALL, sub="child", depth=2)
    return measure.timed(lambda: ask("children", SMALL, sub="child", depth=2), REPEATS)


def big(megabytes: int) -> dict[str, object]:
    """Time to the first request, and memory: of the host above its own copy, of the worker, of the whole sandbox.

    The worker's is its RSS, with what it shares; the sandbox's is the sum of its processes' proportional shares (PSS).
    """
    ask("two", SMALL)
    text = measure.ascii_text(megabytes)
    measure.reset_peak()
    before = measure.memory()
    spans = [measure.to_first_request(URL, lambda: ask("two", text)) for _ in range(5 if megabytes < 100 else 2)]
    host = measure.memory(field="VmHWM") - before
    run = threading.Thread(target=lambda: ask("size", text, sub="wait"))
    run.start()
    time.sleep(0.6 + megabytes / 300)  # the cell now waits three seconds for its sub-call
    below = measure.children(os.getpid())
    worker = max(
        measure.memory(pid) for pid in below if not measure.children(pid)
    )  # beside it, a zygote for the next run
    sandbox = sum(measure.share(pid) for pid in below)
    peak = max(measure.memory(pid, "VmHWM") for pid in below)
    run.join()
    size = sys.getsizeof(text)
    return {
        "first_request": spans,
        "host": host,
        "worker": worker / size,
        "sandbox": sandbox / size,
        "peak": peak / size,
    }


def start() -> list[float]:
    """Seconds from starting the command `rlm ask` to its first request."""
    command = [str(Path(sys.executable).parent / "rlm"), "ask", "What is it?", __file__, "--model", "openai/two"]
    environment = {**os.environ, "OPENAI_BASE_URL": URL, "OPENAI_API_KEY": "none"}

    def run() -> None:
        subprocess.run(command, env=environment, check=True, capture_output=True)

    run()
    return [measure.to_first_request(URL, run) for _ in range(REPEATS)]


def soak() -> dict[str, object]:
    """500 runs in one process: what grew after the first hundred."""
    states = []
    for number in range(501):
        ask("two", SMALL)
        if number % 100 == 0 and number:
            fds = len(os.listdir("/proc/self/fd"))
            files = len(os.listdir(tempfile.gettempdir()))  # not what is below: names take the memory that is measured
            states.append([measure.memory(), fds, len(measure.children(os.getpid())), files])
    grown = [last - first for first, last in zip(states[0], states[-1], strict=True)]
    return dict(zip(("memory", "fds", "processes", "files"), grown, strict=True))


ROWS = {
    "cold": cold,
    "two_turns": two_turns,
    "turns": turns,
    "batch": batch,
    "children": children,
    "big42": lambda: big(42),
    "big420": lambda: big(420),
    "start": start,
    "soak": soak,
}

if __name__ == "__main__":
    print(json.dumps(ROWS[sys.argv[3]]()))
