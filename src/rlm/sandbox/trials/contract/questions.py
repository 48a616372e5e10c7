"""Questions: a worker that goes on with a second one, and contexts beside the input."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path

from rlm.context import load
from rlm.sandbox.trials.contract.case import Place, case, equal, holds
from rlm.types import JSON, Cell

_HISTORY: dict[str, JSON] = {"history": [{"question": "why?", "answer": ["so", 1]}]}


@case
async def names_stay_for_the_next_question(place: Place) -> None:
    """The next question finds the names of the cells before it, and what is asked and answered so far."""
    made = "x = 1\ndef twice():\n    return 2 * x\nanswer['content'] = 'so'\nFINAL('so')"
    look = "x, twice(), question, history, answer, len(outputs)"
    async with place.session() as first:
        before = await first.run(Cell(made))
        async with place.session(after=first, question="and then?", names=_HISTORY) as second:
            await second.start()
            after = await second.run(Cell(look))
            equal(second.variables, ("twice: function", "x: int 1"), "variables")
    holds(before.answer is not None and before.answer.ready, f"the first one's answer is {before.answer}")
    found = (1, 2, "and then?", _HISTORY["history"], {"content": "", "ready": False}, 0)
    equal((after.output, after.error, after.answer), (f"{found!r}\n", None, None), "output, error, answer")


@case
async def contexts_are_added(place: Place) -> None:
    """A text, a JSON value and a folder are there beside the input, and are looked into with it."""
    look = (
        "import json\nprint(json.dumps([context_1, context_2, context_3.names, context_3['a.py'], "
        "[[hit.name, hit.start, hit.end] for hit in grep('tw')], [p.name for p in chunks(of=context_3)]]))"
    )
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        (Path(folder) / "a.py").write_text("two = 2\n")
        (Path(folder) / "b.py").write_text("b = 1\n")
        values = {"context_1": "twenty", "context_2": {"k": ["x", "twelve"]}, "context_3": Path(folder)}
        added = {name: stack.enter_context(contextlib.closing(load(value))) for name, value in values.items()}
        async with place.session(added=added) as first:
            equal((await first.run(Cell("context_1 = None\ncontext_0 is context"))).output, "True\n", "context_0")
            async with place.session(added=added, after=first) as second:
                seen = await second.run(Cell(look))
    hits = '[["", 0, 7], ["context_1", 0, 6], ["context_2[\'k\'][1]", 0, 6], ["context_3/a.py", 0, 7]]'
    names = '["context_3/a.py", "context_3/b.py"]'
    expected = f'["twenty", {{"k": ["x", "twelve"]}}, ["a.py", "b.py"], "two = 2\\n", {hits}, {names}]\n'
    equal((seen.error, seen.output), (None, expected), "error, output")


@case
async def long_contexts_come_whole(place: Place) -> None:
    """An added context of some megabytes comes whole, whatever is in it."""
    text = "one line \N{SNOWMAN}\n" * 400_000 + "\udc80"
    with contextlib.closing(load(text)) as context:
        async with place.session(added={"context_1": context}) as session:
            seen = await session.run(Cell("len(context_1), context_1[:10], context_1[-1]"))
    equal((seen.error, seen.output), (None, f"({len(text)}, 'one line \N{SNOWMAN}', '\\udc80')\n"), "error, output")


@case
async def a_lost_worker_is_replaced(place: Place) -> None:
    """A worker that is gone when the next question comes is replaced, and contexts are there again."""
    with contextlib.closing(load("more")) as context:
        added = {"context_1": context}
        async with place.session(added=added) as first:
            lost = await first.run(Cell("x = 1\nimport os\nos._exit(3)"))
            holds(lost.lost, f"the loss is not told: {lost}")
            async with place.session(added=added, after=first) as second:
                await second.start()
                seen = await second.run(Cell("'x' in globals(), context_1, context"))
                equal(second.variables, None, "variables")
    equal((seen.error, seen.output), (None, "(False, 'more', 'one two\\nthree\\n')\n"), "error, output")


@case
async def a_cancelled_question_keeps_the_names(place: Place) -> None:
    """A cell that is cancelled is interrupted where its worker is to go on; so is one that waits for a call."""

    async def never(name: str, args: dict[str, JSON]) -> JSON:
        await asyncio.sleep(600)
        return None

    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(place.session(on_call=never, goes_on=True))
        await session.start()
        for code in ("x = 1\nimport time\ntime.sleep(60)", "y = 2\nllm_query('?')"):
            running = asyncio.create_task(session.run(Cell(code)))
            await asyncio.sleep(0.5)
            running.cancel()
            (ended,) = await asyncio.gather(running, return_exceptions=True)
            holds(isinstance(ended, asyncio.CancelledError), f"it ended as {ended!r}")
            session = await stack.enter_async_context(place.session(on_call=never, goes_on=True, after=session))
        seen = await session.run(Cell("x, y"))
    equal((seen.error, seen.output), (None, "(1, 2)\n"), "error, output")
