"""What sandboxes cost, beside a bare interpreter in the same place: `python benchmarks/sandboxes.py [--docker URL]`.

Everything is measured in one run, the bare rows between ours, so that the ratios hold on a machine that is busy too.
`limit` is what the project holds itself to on a quiet one, where the median comes close to the least. With
`--docker` (an engine's address, such as `python tests/sandbox/engine.py` prints) the rows of containers come too;
`--runtime runsc` takes gVisor for them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import measure
from measure import median, p95

from rlm.context import Context, load
from rlm.sandbox.containers import image
from rlm.sandbox.containers.engine import connect
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers.base import ChildContext, Environment
from rlm.sandbox.launchers.docker import DockerLauncher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.session import Session
from rlm.types import JSON, Cell, Limits

LIMITS = Limits(memory_mb=2048)
CELLS, CALLS, LARGE = 300, 100, 5
INPUT_MB, PIECE_MB, CHILDREN = 500, 50, 64
COLD = """
import asyncio, sys, time
sys.path.insert(0, {folder!r})
import sandboxes
import rlm.sandbox.launchers.local
print(asyncio.run(sandboxes.to_first_cell(sandboxes.Sandbox("local"))))
"""


DECODE = """
import mmap, sys, time
with open(sys.argv[1], "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
    began = time.perf_counter()
    str(mapped, "ascii")
    print(time.perf_counter() - began)
"""


async def answer(name: str, args: dict[str, JSON]) -> JSON:
    return "an answer"


@contextlib.asynccontextmanager
async def session(environment: Environment, pieces: ChildContext | None = None) -> AsyncIterator[Session]:
    one = Session(
        environment,
        functions=["llm_query"],
        question="",
        limits=LIMITS,
        max_output=10_000,
        on_call=answer,
        pieces=pieces,
        names=environment.names,
        env=environment.env,
    )
    try:
        yield one
    finally:
        await one.close()


@contextlib.asynccontextmanager
async def opened(sandbox: Sandbox, text: str) -> AsyncIterator[Environment]:
    with contextlib.closing(load(text)) as context:
        environment = await find_launcher(sandbox).open(context, LIMITS)
    try:
        yield environment
    finally:
        await environment.close()


async def to_first_cell(sandbox: Sandbox, text: str = "an input") -> float:
    """Seconds from asking for a sandbox to the end of its first cell; what it is made from is ready."""
    return await first_cell(find_launcher(sandbox).open, text)


async def first_cell(opens: Callable[[Context, Limits], Awaitable[Environment]], text: str = "an input") -> float:
    """Seconds from there on to the end of a sandbox's first cell."""
    with contextlib.closing(load(text)) as context:
        began = time.perf_counter()
        environment = await opens(context, LIMITS)
        try:
            async with session(environment) as one:
                result = await one.run(Cell("len(context)"))
                seconds = time.perf_counter() - began
        finally:
            await environment.close()
    assert result.output == f"{len(text)}\n", result
    return seconds


async def from_a_pool(sandbox: Sandbox) -> float:
    """Seconds to the first cell of a container that was started before, as a pool does it."""
    ready = await DockerLauncher(sandbox).ready(LIMITS)
    await asyncio.sleep(1)  # until its worker waits
    return await first_cell(ready.open)


async def round_trips(sandbox: Sandbox) -> tuple[list[float], list[float]]:
    """Seconds of single cells that do nothing, and of single sub-calls that are answered at once."""
    async with opened(sandbox, "an input") as environment, session(environment) as one:
        cells = []
        for _ in range(CELLS):
            began = time.perf_counter()
            await one.run(Cell("1"))
            cells.append(time.perf_counter() - began)
        timed = (
            "import time\nspans = []\nfor _ in range({}):\n    began = time.perf_counter()\n    llm_query('p')\n"
            "    spans.append(time.perf_counter() - began)\nFINAL(spans)"
        )
        result = await one.run(Cell(timed.format(CALLS)))
        assert result.answer is not None, result
        assert isinstance(result.answer.value, list)
        return cells, [float(str(span)) for span in result.answer.value]


def held() -> int:
    """The proportional memory of all processes below this one, in bytes."""
    return sum(measure.share(pid) for pid in measure.children(os.getpid()))


async def a_large_input(text: str) -> tuple[list[float], float]:
    """Seconds to the first cell on it, and the memory of a run and 16 children together, in inputs."""
    # The first time, a machine of a cloud gets the memory from its host: that is the cloud's time.
    seconds = [await to_first_cell(Sandbox("local"), text) for _ in range(LARGE + 1)][1:]
    async with opened(Sandbox("local"), text) as environment, contextlib.AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(session(environment)) for _ in range(17)]
        await asyncio.gather(*[one.run(Cell("context.count('lorem')")) for one in workers])
        return seconds, held() / sys.getsizeof(text)


async def many_children(text: str) -> tuple[float, float]:
    """Seconds until 64 children, each on one of the pieces that the root has from `chunks`, and keeps, have run a cell;
    the memory of all together, in inputs.
    """
    async with opened(Sandbox("local"), text) as environment, contextlib.AsyncExitStack() as stack:
        root = await stack.enter_async_context(session(environment))
        code = f"pieces = chunks({PIECE_MB}_000_000)\nFINAL([piece.origin[0] for piece in pieces])"
        cut = await root.run(Cell(code))
        assert cut.answer is not None, cut
        assert isinstance(cut.answer.value, list)
        starts = [int(str(start)) for start in cut.answer.value]
        spans = list(itertools.pairwise([*starts, len(text)]))
        pieces = [ChildContext(*spans[number % len(spans)], "") for number in range(CHILDREN)]
        workers = [await stack.enter_async_context(session(environment, piece)) for piece in pieces]
        began = time.perf_counter()
        results = await asyncio.gather(*[one.run(Cell("len(context)")) for one in workers])
        seconds = time.perf_counter() - began
        # A page that nobody has read yet is in no process.
        await asyncio.gather(*[one.run(Cell("context.count('lorem')")) for one in [root, *workers]])
        assert {result.output for result in results} == {f"{end - start}\n" for start, end in spans}, results[0]
        return seconds, held() / sys.getsizeof(text)


def show(name: str, values: list[float], limit: float, unit: str, bare: float | None = None) -> None:
    ours = median(values)
    verdict = "ok  " if ours <= limit else "OVER"
    spread = f" p95 {p95(values):8.2f} least {min(values):7.2f}" if len(values) > 2 else " " * 27
    beside = f"   {ours / bare:5.2f} x bare ({bare:.2f})" if bare else ""
    print(f"{verdict} {name:48} {ours:8.2f}{spread} {unit:2}  (limit {limit:g}){beside}", flush=True)


def in_ms(spans: list[float]) -> list[float]:
    return [1e3 * span for span in spans]


def bare_python() -> list[float]:
    return in_ms(measure.timed(lambda: subprocess.run([sys.executable, "-c", "1"], check=True), 9))


def bare_decode(text: str) -> float:
    """Seconds for a bare interpreter to make a str of these characters, which are in memory already: the floor."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        file.write(text.encode())
        file.flush()
        return float(subprocess.run([sys.executable, "-c", DECODE, file.name], check=True, stdout=-1).stdout)


def cold_start() -> float:
    code = COLD.format(folder=os.path.dirname(os.path.abspath(__file__)))
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def measure_local() -> None:
    bare = median(bare_python())
    show("local: cold start to the first cell", in_ms([cold_start() for _ in range(9)]), 35, "ms", bare)
    asyncio.run(to_first_cell(Sandbox("local")))
    warm = [asyncio.run(to_first_cell(Sandbox("local"))) for _ in range(25)]
    show("local: start to the first cell, from the zygote", in_ms(warm), 8, "ms", bare)
    cells, calls = asyncio.run(round_trips(Sandbox("local")))
    show("local: a cell", in_ms(cells), 0.2, "ms")
    show("local: a sub-call", in_ms(calls), 0.5, "ms")
    text = measure.ascii_text(INPUT_MB)
    large, copies = asyncio.run(a_large_input(text))
    bare = median([bare_decode(text) for _ in range(LARGE)])
    show(f"local: {INPUT_MB} MB to the first cell", large, 0.4, "s", bare)
    show("local: memory of a run and 16 children", [copies], 1.1, "x ")
    children = [asyncio.run(many_children(text)) for _ in range(3)]
    show(f"local: {CHILDREN} children, {PIECE_MB} MB each, all running", [seconds for seconds, _ in children], 1.5, "s")
    show("local: memory of them all", [copies for _, copies in children], 2.2, "x ")


def measure_docker(address: str, runtime: str) -> None:
    own = {"engine": address, "runtime": runtime}
    sandbox, engine = Sandbox("docker", options=own), connect(address)
    found = image.machine_image(engine, (), threading.Event())
    asyncio.run(to_first_cell(sandbox))
    run = ["docker", "-H", address, "run", "--rm", "--network", "none", "--runtime", runtime, found, image.PYTHON]
    bare, ours = [], []
    for _ in range(9):  # turn about, so that both meet the same neighbours
        bare += measure.timed(lambda: subprocess.run([*run, "-c", "1"], check=True), 1)
        ours.append(asyncio.run(to_first_cell(sandbox)))
    base = median(in_ms(bare))
    show(f"docker ({runtime}): start to the first cell", in_ms(ours), round(1.3 * base, 1), "ms", base)
    ready = [asyncio.run(from_a_pool(sandbox)) for _ in range(5)]
    show(f"docker ({runtime}): to the first cell, from a warm pool", in_ms(ready), 25, "ms", base)
    cells, calls = asyncio.run(round_trips(sandbox))
    show(f"docker ({runtime}): a cell", in_ms(cells), 0.6, "ms")
    show(f"docker ({runtime}): a sub-call", in_ms(calls), 1.2, "ms")
    text = measure.ascii_text(INPUT_MB)
    large = [asyncio.run(to_first_cell(sandbox, text)) for _ in range(LARGE + 1)][1:]
    bare_large = median([bare_decode(text) for _ in range(LARGE)])
    show(f"docker ({runtime}): {INPUT_MB} MB to the first cell, by mount", large, 1.0, "s", bare_large)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docker", metavar="URL", help="an engine's address")
    parser.add_argument("--runtime", action="append", help="of the containers; may be repeated; runc unless given")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    measure_local()
    for runtime in options.runtime or ["runc"] if options.docker else []:
        measure_docker(options.docker, runtime)


if __name__ == "__main__":
    main()
