"""Ends: what is closed is gone."""

from __future__ import annotations

import asyncio

from rlm.sandbox.trials.contract.case import Place, case, equal, holds
from rlm.types import Cell

_GONE = 20.0  # seconds in which a worker has to be gone


@case
async def closing_ends_workers(place: Place) -> None:
    """A closed environment leaves no worker, and the streams of those that it had have ended."""
    environment = await place.open()
    worker = await environment.start()
    await environment.close()
    await asyncio.wait_for(worker.wait(), _GONE)
    try:
        left = await asyncio.wait_for(worker.reader.read(), _GONE)
    except ConnectionError:
        left = b""
    equal(left, b"", "bytes of the closed stream")


@case
async def closing_in_a_cell_ends_it(place: Place) -> None:
    """Cancelling a run while a cell spins ends the worker."""
    environment = await place.open()
    try:
        async with place.session(environment) as session:
            await session.start()
            task = asyncio.create_task(session.run(Cell("while True:\n    pass")))
            await asyncio.sleep(0.2)
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            holds(isinstance(ended, asyncio.CancelledError), f"it ended as {ended!r}")
            after = await asyncio.wait_for(session.run(Cell("print('on')")), _GONE)
        equal(after.output, "on\n", "a new worker's output")
    finally:
        await environment.close()


@case
async def runs_are_apart(place: Place) -> None:
    """Two runs at once have an input each, and none of the other's names."""
    one, two = await place.open("first"), await place.open("second")
    try:
        async with place.session(one) as left, place.session(two) as right:
            await left.run(Cell("name = context"))
            result = await right.run(Cell("print(context, 'name' in globals())"))
        equal(result.output, "second False\n", "what the second sees")
    finally:
        await one.close()
        await two.close()
