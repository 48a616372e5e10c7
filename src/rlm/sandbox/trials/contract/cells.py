"""Cells: what they print, keep, raise and answer."""

from __future__ import annotations

from rlm.sandbox.trials.contract.case import MAX_OUTPUT, Place, case, equal, holds


@case
async def first_cell(place: Place) -> None:
    """A cell runs, and what it prints comes back."""
    await place.shows("print(1 + 1)", "2\n")


@case
async def question_is_there(place: Place) -> None:
    """`question` holds what was asked."""
    await place.shows("print(question)", "why?\n")


@case
async def state_is_kept(place: Place) -> None:
    """Names, functions and imports of a cell are there in the next one."""
    first, second = await place.run(
        "import math\n_kept = [1]\ndef twice(x):\n    return 2 * x * len(_kept)",
        "_kept.append(2)\ntwice(math.floor(2.5))",
    )
    equal((first.output, second.output, second.error), ("", "8\n", None), "outputs")


@case
async def expression_is_shown(place: Place) -> None:
    """A trailing expression's value is shown, and None is not."""
    shown, none = await place.run("x = 3\n{'x': x}", "None")
    equal((shown.output, none.output), ("{'x': 3}\n", ""), "outputs")


@case
async def output_is_cut(place: Place) -> None:
    """Long output comes cut, with its true size, and whole in `outputs`."""
    first, second = await place.run("print('a' * 50_000 + 'z')", "len(outputs[0]), outputs[0][-2:]")
    equal(first.output_size, 50_002, "output_size")
    holds(len(first.output) <= MAX_OUTPUT + 100, f"{len(first.output)} characters came of {MAX_OUTPUT}")
    holds(first.output.startswith("aaa") and first.output.endswith("z\n"), f"not head and tail: {first.output}")
    equal(second.output, "(50002, 'z\\n')\n", "outputs[0]")


@case
async def both_streams_are_shown(place: Place) -> None:
    """What goes to standard output and to standard error is shown, in order."""
    await place.shows("import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('out')", "out\nerr\nout\n")


@case
async def stray_bytes_stay_off_the_wire(place: Place) -> None:
    """Bytes written to descriptors 1 and 2 do no harm."""
    code = (
        "import os\nfor fd in (1, 2):\n    try:\n        os.write(fd, b'\\xff' * 5000)\n"
        "    except OSError:\n        pass\nprint('on')"
    )
    await place.shows(code, "on\n")


@case
async def exceptions_are_shown(place: Place) -> None:
    """An exception comes with its line, and names set before it survive."""
    first, second = await place.run("before = 1\nprint('so far')\n1 / 0", "before")
    equal((first.output, first.lost, second.output), ("so far\n", None, "1\n"), "output, lost, then")
    error = first.error or ""
    holds(error.endswith("ZeroDivisionError: division by zero") and "1 / 0" in error, f"the error is {error!r}")


@case
async def mistakes_run_nothing(place: Place) -> None:
    """A cell with a syntax error does not run in part."""
    first, second = await place.run("ran = True\n(", "'ran' in globals()")
    holds("SyntaxError" in (first.error or ""), f"the error is {first.error!r}")
    equal(second.output, "False\n", "whether it ran")


@case
async def await_works(place: Place) -> None:
    """A cell may await at its top level."""
    await place.shows("import asyncio\nprint(await asyncio.sleep(0, 'awaited'))", "awaited\n")


@case
async def names_come_back(place: Place) -> None:
    """A built-in name that a cell has overwritten is itself again in the next."""
    _, second = await place.run(
        "context = llm_query = grep = None", "type(context).__name__, llm_query('x'), len(grep('o'))"
    )
    equal((second.output, second.error), ("('str', 're: x', 2)\n", None), "output, error")


@case
async def unicode_is_intact(place: Place) -> None:
    """Characters of every width go in and out as they are."""
    text = "é漢😀\u0000\u2028‮"
    result, lone = await place.run(f"s = {text!r}\nprint(s, len(s))", "print('\\ud800')")
    equal((result.error, result.output), (None, f"{text} {len(text)}\n"), "error, output")
    equal((lone.lost, lone.error), (None, None), "a lone surrogate: lost, error")


@case
async def answers_come_as_values(place: Place) -> None:
    """An answer is a JSON value where it can be one, and its repr otherwise."""
    value = {"a": [1, 2.5, None, True, "é"], "b": {}}
    content, final, variable, other = await place.run(
        f"answer['content'] = {value!r}", "FINAL([1, 'two'])", "found = 7\nFINAL_VAR('found')", "FINAL(object)"
    )
    got = [None if one.answer is None else (one.answer.value, one.answer.is_repr, one.answer.ready) for one in
           (content, final, variable, other)]  # fmt: skip
    expected = [(value, False, False), ([1, "two"], False, True), (7, False, True), ("<class 'object'>", True, True)]
    equal(got, expected, "answers")
