"""Stops: a cell that takes too long, one that ends its worker, and what is told of the loss."""

from __future__ import annotations

import asyncio
import time

from rlm.sandbox.trials.contract.case import LIMITS, Place, case, equal, holds
from rlm.types import JSON, Cell


async def _interrupted(place: Place, code: str) -> None:
    stopped, after = await place.run(f"kept = 'kept'\n{code}", "kept", cell_seconds=1.0)
    holds(stopped.interrupted, f"it was not interrupted: {stopped}")
    equal((stopped.lost, after.output), (None, "'kept'\n"), "lost, then")
    holds("KeyboardInterrupt" in (stopped.error or ""), f"the error is {stopped.error!r}")


@case
async def spin_is_interrupted(place: Place) -> None:
    """A loop without end is interrupted, and its names survive."""
    await _interrupted(place, "while True:\n    pass")


@case
async def sleep_is_interrupted(place: Place) -> None:
    """A sleep is interrupted, and its names survive."""
    await _interrupted(place, "import time\ntime.sleep(60)")


@case
async def stubborn_cells_are_killed(place: Place) -> None:
    """A cell that swallows interrupts loses its worker; the loss is told, and a new one goes on."""
    stubborn = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    before, lost, after = await place.run("x = 1", stubborn, "'x' in globals()", cell_seconds=1.0)
    equal((before.lost, after.output, after.lost), (None, "False\n", None), "before, after")
    why = "it ran for more than 1 s and did not stop when it was interrupted"
    holds(lost.lost is not None and (lost.lost == why or "CPU" in lost.lost), f"the loss is told as {lost.lost!r}")


@case
async def call_is_interrupted(place: Place) -> None:
    """The end of the run's time ends a cell that waits for a sub-call."""

    async def never(name: str, args: dict[str, JSON]) -> JSON:
        await asyncio.sleep(600)
        return None

    async with place.session(on_call=never) as session:
        await session.start()
        began = time.monotonic()
        result = await session.run(Cell("llm_query('x')"), deadline=began + 0.5)
    holds(result.interrupted and time.monotonic() - began < 5, f"after {time.monotonic() - began:.1f} s: {result}")


@case
async def clock_stops_in_calls(place: Place) -> None:
    """A cell's own clock stands still while it waits for a sub-call."""

    async def slow(name: str, args: dict[str, JSON]) -> JSON:
        await asyncio.sleep(1.5)
        return "late"

    (result,) = await place.run("llm_query('x')", on_call=slow, cell_seconds=1.0)
    equal((result.output, result.interrupted), ("'late'\n", False), "output, interrupted")


@case
async def exit_is_told(place: Place) -> None:
    """A cell that ends its process loses its names; the loss is told, and a new worker goes on."""
    lost, after = await place.run("import os\nos._exit(3)", "print('on', 'os' in globals())")
    holds(lost.lost, f"the loss is not told: {lost}")
    equal((after.output, after.lost), ("on False\n", None), "afterwards")


@case
async def memory_is_bounded(place: Place) -> None:
    """More memory than the limit is a MemoryError or the loss of the worker, and the run goes on."""
    size = 3 * LIMITS.memory_mb << 20
    code = f"held = []\nwhile len(held) < {size >> 20}:\n    held.append(b'x' * (1 << 20))\nprint('all of it')"
    greedy, after = await place.run(code, "held = None\nprint('on')")
    holds("all of it" not in greedy.output, f"{size >> 20} MiB were held under a limit of {LIMITS.memory_mb} MiB")
    holds(greedy.lost or "MemoryError" in (greedy.error or ""), f"it ended with {greedy}")
    equal((after.output, after.lost), ("on\n", None), "afterwards")


@case
async def broken_frames_are_told(place: Place) -> None:
    """A stream that ends within a frame loses the worker, and the run goes on."""
    code = (
        "import gc, os, struct\nsend = next(o for o in gc.get_objects() if type(o).__name__ == 'Calls')._send\n"
        "send(struct.pack('>I', 1000) + b'{\"type\"')\nos._exit(0)"
    )
    lost, after = await place.run(code, "print('on')")
    holds(lost.lost, f"the loss is not told: {lost}")
    equal((after.output, after.lost), ("on\n", None), "afterwards")
