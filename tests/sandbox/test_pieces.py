"""Pieces of the input: long ones are cut once for all children that are given them."""

import asyncio

import pytest

from rlm.sandbox import corpus, run_zygote
from rlm.sandbox.launchers.base import ChildContext
from rlm.types import Cell
from sandbox.support import open_session

MIB = 2**20


@pytest.fixture
def loaded():
    return corpus.Loaded("abc" * MIB)


def test_long_pieces_are_kept_and_short_ones_are_not(loaded):
    pieces = run_zygote._Pieces(loaded, 3 * MIB)
    long, short = [0, MIB, ""], [3, MIB, ""]
    assert pieces.given(None) is loaded
    assert pieces.given(long) is pieces.given(long)
    assert pieces.given(long).value == ("abc" * MIB)[:MIB]
    assert pieces.given(short) is not pieces.given(short)
    with pytest.raises(ValueError, match="no piece"):
        pieces.given([0, 4 * MIB, ""])


def test_what_is_kept_is_no_larger_than_the_input_and_the_oldest_goes_first(loaded):
    pieces = run_zygote._Pieces(loaded, 3 * MIB)
    cut_once = [[start * MIB, (start + 1) * MIB, ""] for start in range(3)]
    first, second, third = [pieces.given(piece) for piece in cut_once]
    assert [pieces.given(piece) for piece in cut_once] == [first, second, third]
    assert pieces.given(cut_once[0]) is first
    pieces.given([1, 1 + MIB, ""])
    assert pieces.given(cut_once[2]) is third
    assert pieces.given(cut_once[0]) is first
    assert pieces.given(cut_once[1]) is not second
    assert pieces.given([0, 3 * MIB, ""]) is pieces.given([0, 3 * MIB, ""])
    assert list(pieces._kept) == [(0, 3 * MIB, "")]


def test_children_of_a_long_piece_have_it():
    text = "".join(f"{number:08}" for number in range(3 * MIB // 8))
    pieces = ChildContext(5, 5 + 2 * MIB, "")

    async def main():
        async with open_session(text, pieces=pieces) as one:
            first = await one.run(Cell("FINAL(context)"))
            await one.close()
            return first.answer.value, (await one.run(Cell("FINAL(context)"))).answer.value

    assert asyncio.run(main()) == (text[5 : 5 + 2 * MIB],) * 2
