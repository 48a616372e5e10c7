"""Inputs: any size and kind, intact, and the functions that look into them."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from rlm.sandbox.trials.contract.case import Place, case, equal

_BIG = 20_000_000  # characters


@case
async def input_is_intact(place: Place) -> None:
    """An input of 20 million characters arrives as it is, by its hash."""
    line = "Zeile ünd 漢字 and plain words, 0123456789\n"
    text = (line * (_BIG // len(line) + 1))[:_BIG]
    digest = hashlib.sha256(text.encode()).hexdigest()
    code = "import hashlib\nprint(len(context), hashlib.sha256(context.encode()).hexdigest())"
    await place.shows(code, f"{_BIG} {digest}\n", value=text)


@case
async def json_input(place: Place) -> None:
    """A JSON value is there as a value."""
    value = [{"id": 1, "text": "é\u0000"}, [None, 1.5, True], "x"]
    await place.shows(f"context == {value!r}", "True\n", value=value)


@case
async def folder_input(place: Place) -> None:
    """A folder is there as a corpus of its files, by their names."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sub").mkdir()
        (Path(folder) / "a.txt").write_text("alpha\n", encoding="utf-8")
        (Path(folder) / "sub" / "b.md").write_text("beta ü\n", encoding="utf-8")
        code = "print(sorted(context), context['sub/b.md'], [hit.name for hit in grep('alpha')])"
        await place.shows(code, "['a.txt', 'sub/b.md'] beta ü\n ['a.txt']\n", value=Path(folder))


@case
async def pieces_know_their_place(place: Place) -> None:
    """`grep`, `chunks` and `search` find what is there, and say where."""
    code = (
        "text = context\nparts = chunks(1000)\nprint(''.join(parts) == text, len(grep('needle')), "
        "'needle' in search('the needle', 1)[0])\n"
        "print(all(text[p.origin[0]:p.origin[1]] == p for p in [*parts, *grep('needle')]))"
    )
    filler = "some words that fill a line of text\n" * 300
    await place.shows(code, "True 1 True\nTrue\n", value=f"{filler}the needle is here\n{filler}")


@case
async def input_is_for_every_worker(place: Place) -> None:
    """What one worker does to its input, the next does not see."""
    first, second = "context = context.upper()\nprint(len(context))", "print(context[:3])"
    results = [(await place.run(code))[0].output for code in (first, second)]
    equal(results, ["14\n", "one\n"], "outputs")
