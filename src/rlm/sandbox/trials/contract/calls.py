"""Sub-calls: from wherever a cell makes them, and the children that they start."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from rlm.errors import LimitError, LMError, LMUnavailableError, SandboxError
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.trials.contract.case import Place, case, equal
from rlm.types import JSON, Cell


@case
async def call_is_answered(place: Place) -> None:
    """A sub-call blocks until its answer is there, as a value."""
    await place.shows("llm_query('a'), llm_query(prompt='b', temperature=0.5)", "('re: a', 're: b')\n")


@case
async def calls_from_threads(place: Place) -> None:
    """300 calls from 64 threads are answered, each with its own answer."""
    code = (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(64) as pool:\n"
        "    got = list(pool.map(llm_query, map(str, range(300))))\ngot == [f're: {n}' for n in range(300)]"
    )
    await place.shows(code, "True\n")


@case
async def calls_from_coroutines(place: Place) -> None:
    """Calls by `asyncio.to_thread`, awaited together, are answered."""
    code = (
        "import asyncio\ngot = await asyncio.gather(*[asyncio.to_thread(llm_query, str(n)) for n in range(40)])\n"
        "got == [f're: {n}' for n in range(40)]"
    )
    await place.shows(code, "True\n")


@case
async def answers_out_of_order(place: Place) -> None:
    """Calls that are open together may be answered in any order."""

    async def last_first(name: str, args: dict[str, JSON]) -> JSON:
        await asyncio.sleep(0.002 * (20 - int(str(args["prompt"]))))
        return args["prompt"]

    code = (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(20) as pool:\n"
        "    got = list(pool.map(llm_query, map(str, range(20))))\ngot == [str(n) for n in range(20)]"
    )
    await place.shows(code, "True\n", on_call=last_first)


@case
async def batch_of_500(place: Place) -> None:
    """A batch of 500 prompts of 2,000 characters is one call, answered in order."""
    calls = 0

    async def reverse(name: str, args: dict[str, JSON]) -> JSON:
        nonlocal calls
        calls += 1
        prompts = args["prompts"]
        return [str(prompt)[::-1] for prompt in prompts] if isinstance(prompts, list) else None

    code = "p = [f'{n:04}' + 'x' * 2000 for n in range(500)]\nllm_query_batched(p) == [s[::-1] for s in p]"
    await place.shows(code, "True\n", on_call=reverse)
    equal(calls, 1, "calls")


@case
async def map_over_items(place: Place) -> None:
    """`llm_map` sends items, instruction and schema, and returns the results."""
    seen: list[dict[str, JSON]] = []

    async def keep(name: str, args: dict[str, JSON]) -> JSON:
        seen.append({"name": name, "items": args["items"], "do": args["instruction"], "schema": args["schema"]})
        return [1, 2]

    await place.shows("llm_map(['a', {'b': 1}], 'count', schema={'type': 'integer'})", "[1, 2]\n", on_call=keep)
    asked = {"name": "llm_map", "items": ["a", {"b": 1}], "do": "count", "schema": {"type": "integer"}}
    equal(seen, [asked], "what the host was asked")


@case
async def errors_reach_the_cell(place: Place) -> None:
    """A call that fails raises in the cell, which may go on."""

    async def fail(name: str, args: dict[str, JSON]) -> JSON:
        raise LMUnavailableError("no model") if args["prompt"] == "lm" else LimitError("usd", "too dear")

    code = (
        "for p in ('lm', 'limit'):\n    try:\n        llm_query(p)\n"
        "    except (LMError, LimitError) as e:\n        print(type(e).__name__, e)"
    )
    await place.shows(code, "LMError no model\nLimitError too dear\n", on_call=fail)


@case
async def batches_keep_what_there_is(place: Place) -> None:
    """A batch that failed in part gives the cell the rest."""

    class PartialError(LMError):
        results = ("one", None)

    async def fail(name: str, args: dict[str, JSON]) -> JSON:
        raise PartialError("1 of 2 failed")

    code = "try:\n    llm_query_batched(['a', 'b'])\nexcept LMError as e:\n    print(e, e.results)"
    await place.shows(code, "1 of 2 failed ['one', None]\n", on_call=fail)


@case
async def tools_are_called(place: Place) -> None:
    """A tool's call reaches the host with its arguments; its value comes back, or what it raised."""
    seen: list[JSON] = []

    async def serve(name: str, args: dict[str, JSON]) -> JSON:
        seen.append([name, args["name"], args["args"], args["kwargs"]])
        if args["args"] == [0]:
            raise SandboxError("ValueError: not 0")
        return {"found": "é"}

    tool = {"name": "look_up", "signature": "(key, *, deep=False)", "doc": "Looks a key up."}
    code = "print(look_up('k', deep=True))\ntry:\n    look_up(0)\nexcept ToolError as e:\n    print(e)"
    async with place.session(on_call=serve, tools=[tool]) as session:
        result = await session.run(Cell(code))
    equal((result.error, result.output), (None, "{'found': 'é'}\nValueError: not 0\n"), "error, output")
    equal(seen, [["tool", "look_up", ["k"], {"deep": True}], ["tool", "look_up", [0], {}]], "what the host was asked")


async def _child(place: Place, code: str, expected: str) -> None:
    """Runs a cell whose `rlm_query` starts a worker on what it hands over; the child says what it has."""
    environment = await place.open("alpha beta gamma\n")

    async def start_child(name: str, args: dict[str, JSON]) -> JSON:
        given = args["context"]
        look = Cell("print(type(context).__name__, context, sep=': ', end='')")
        if isinstance(given, dict) and isinstance(given.get("piece"), list):
            pieces = ChildContext(*cast("list[Any]", given["piece"]))
            async with place.session(environment, pieces=pieces) as child:
                return (await child.run(look)).output
        inner = await place.open(given["value"] if isinstance(given, dict) else None)
        try:
            async with place.session(inner) as child:
                return (await child.run(look)).output
        finally:
            await inner.close()

    try:
        async with place.session(environment, on_call=start_child) as session:
            result = await session.run(Cell(code))
        equal((result.error, result.output), (None, expected), "error, output")
    finally:
        await environment.close()


@case
async def child_with_a_piece(place: Place) -> None:
    """A child of `rlm_query` gets the piece of the input that it was given by its place."""
    await _child(place, "rlm_query('q', context=grep('beta')[0]), rlm_query('q', chunks(6)[0])",
                 "('str: alpha beta gamma', 'str: alpha ')\n")  # fmt: skip


@case
async def child_with_a_value(place: Place) -> None:
    """A child of `rlm_query` gets a JSON value of the cell's as its own context."""
    await _child(place, "rlm_query('q', context=['x', {'y': 1}])", "\"list: ['x', {'y': 1}]\"\n")


@case
async def children_at_once(place: Place) -> None:
    """Eight workers of one run work side by side, each with names of its own."""

    async def one(number: int) -> str:
        async with place.session() as session:
            await session.run(Cell(f"mine = {number}"))
            return (await session.run(Cell("mine, context[:3]"))).output

    got = await asyncio.gather(*[one(number) for number in range(8)])
    equal(got, [f"({number}, 'one')\n" for number in range(8)], "what each has")
