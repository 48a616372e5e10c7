"""Pieces of the input: long ones share its pages, or are cut once for all children that are given them."""

import asyncio

import pytest

from rlm.sandbox import corpus, run_zygote
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.session import Session
from rlm.types import Cell, Limits
from sandbox.support import echo, open_session, output, run_cells

MIB = 2**20


@pytest.fixture
def loaded():
    return corpus.Loaded("abc" * MIB)


def given(cuts, piece):
    cuts.prepare(piece)
    return cuts.given(piece)


def test_long_pieces_are_kept_and_short_ones_are_not(loaded):
    cuts = run_zygote._Pieces(loaded, 3 * MIB)
    long, short = [0, MIB, ""], [3, MIB, ""]
    assert given(cuts, None) is loaded
    assert given(cuts, long) is given(cuts, long)
    assert given(cuts, long).value == ("abc" * MIB)[:MIB]
    assert given(cuts, short) is not given(cuts, short)
    with pytest.raises(ValueError, match="no piece"):
        given(cuts, [0, 4 * MIB, ""])


def test_what_is_kept_is_no_larger_than_the_input_and_the_oldest_goes_first(loaded):
    cuts = run_zygote._Pieces(loaded, 3 * MIB)
    cut_once = [[start * MIB, (start + 1) * MIB, ""] for start in range(3)]
    first, second, third = [given(cuts, piece) for piece in cut_once]
    assert [given(cuts, piece) for piece in cut_once] == [first, second, third]
    assert given(cuts, cut_once[0]) is first
    given(cuts, [1, 1 + MIB, ""])
    assert given(cuts, cut_once[2]) is third
    assert given(cuts, cut_once[0]) is first
    assert given(cuts, cut_once[1]) is not second
    assert given(cuts, [0, 3 * MIB, ""]) is given(cuts, [0, 3 * MIB, ""])
    assert list(cuts._kept) == [(0, 3 * MIB, "")]


@pytest.mark.parametrize("first", ["0", "é"])
def test_children_of_a_long_piece_have_it(first):
    text = first + "".join(f"{number:08}" for number in range(3 * MIB // 8))
    pieces = ChildContext(5, 5 + 2 * MIB, "")

    async def main():
        async with open_session(text, pieces=pieces) as one:
            first = await one.run(Cell("FINAL(context)"))
            await one.close()
            return first.answer.value, (await one.run(Cell("FINAL(context)"))).answer.value

    assert asyncio.run(main()) == (text[5 : 5 + 2 * MIB],) * 2


# Texts that are read where they lie


MAPPED = "import sys; mapped = sys.modules[type(grep('0', limit=1)[0]).__module__].mapped\n"
TEXT = "".join(f"{number:07}\n" for number in range(4 * MIB // 8))
BOTH = pytest.mark.parametrize("launcher", ["local", "unconfined"])


@BOTH
def test_a_large_text_and_its_large_pieces_share_the_pages_of_the_input(launcher):
    code = MAPPED + (
        "cut = chunks(3 * 2**19)\n"
        "print(len(context), mapped.shares(context), [mapped.shares(piece) for piece in cut])\n"
        "print(''.join(cut) == context, [(piece.start, piece.end, piece.line) for piece in cut])\n"
        "again = chunks(2**20 + 5, overlap=9, of=cut[1])\n"
        "print([mapped.shares(piece) for piece in again], again[0] == context[again[0].start : again[0].end])\n"
        "print(again[1].origin, again[1] == context[again[1].start : again[1].end])\n"
    )
    assert output(code, value=TEXT, launcher=launcher) == (
        "4194304 True [True, True, True]\n"
        "True [(0, 1572864, 1), (1572864, 3145728, 196609), (3145728, 4194304, 393217)]\n"
        "[True, False] True\n"
        "(2621431, 3145728, '') True\n"
    )


@BOTH
def test_what_a_cell_lets_go_of_is_given_back(launcher):
    limits = Limits(memory_mb=256)
    code = "for turn in range(100):\n    cut = chunks(2**21)\n    assert cut[1][:8] == '0262144\\n'"
    results = run_cells(code, "del cut", MAPPED + "len(mapped._pieces)", value=TEXT, limits=limits, launcher=launcher)
    assert [result.error for result in results] == [None, None, None]
    assert results[-1].output == "0\n"


def test_an_interrupt_among_pieces_that_come_and_go_breaks_nothing():
    async def main():
        async with open_session(TEXT, limits=Limits(cell_seconds=0.2)) as one:
            looping = await one.run(Cell("while True:\n    for piece in chunks(2**20):\n        'none' in piece"))
            after = await one.run(Cell("''.join(chunks(2**20)) == context"))
            return looping.error, looping.lost, after.output

    error, lost, after = asyncio.run(main())
    assert error.endswith("KeyboardInterrupt")
    assert (lost, after) == (None, "True\n")


@BOTH
def test_a_child_shares_the_pages_of_its_piece(launcher):
    piece = ChildContext(13, 13 + 3 * MIB, "")
    code = MAPPED + (
        "print(len(context), mapped.shares(context), type(context) is str)\n"
        "cut = chunks(2**20)\n"
        "print([mapped.shares(piece) for piece in cut], cut[1].origin, grep('0200000')[0].origin)\n"
        "FINAL(context)"
    )

    async def main():
        async with open_session(TEXT, pieces=piece, launcher=launcher) as one:
            return await one.run(Cell(code))

    result = asyncio.run(main())
    assert result.output == (
        "3145728 True True\n[False, True, True, False] (1048584, 2097160, '') (1600000, 1600007, '')\n"
    )
    assert result.answer.value == TEXT[13 : 13 + 3 * MIB]


def test_of_several_files_the_large_ones_of_ascii_share_pages(tmp_path):
    texts = {"ascii.txt": TEXT, "late.txt": "x" * 2 * MIB + "é", "early.txt": "é" + TEXT, "short.txt": "0"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    code = MAPPED + "FINAL([[name, mapped.shares(context[name]), len(context[name])] for name in context.names])"
    shared = [["ascii.txt", True, 4 * MIB], ["early.txt", False, 4 * MIB + 1], ["late.txt", False, 2 * MIB + 1]]
    assert run_cells(code, value=tmp_path)[0].answer.value == [*shared, ["short.txt", False, 1]]


def test_a_json_value_is_built_as_ever():
    code = MAPPED + "print(mapped.shares(context[0]), context[0] == '0' * 2 * 2**20)"
    assert output(code, value=["0" * 2 * MIB]) == "False True\n"


def test_what_a_worker_writes_over_its_pages_no_other_sees():
    code = MAPPED + (
        "import ctypes\n"
        "page = (mapped._texts[id(context)] // 4096 + 5) * 4096\n"
        "print(ctypes.CDLL(None).mprotect(ctypes.c_void_p(page), 4096, 3))\n"
        "ctypes.memset(page, ord('!'), 4096)\n"
        "print(context.count('!'))"
    )

    async def main():
        async with open_session(TEXT) as one:
            sibling = Session(
                one._environment,
                limits=one._limits,
                functions=[],
                question="",
                max_output=100,
                on_call=echo,
            )
            try:
                first = await one.run(Cell(code))
                second = await sibling.run(Cell("context.count('!')"))
                await one.close()
                return first.output, second.output, (await one.run(Cell("context.count('!')"))).output
            finally:
                await sibling.close()

    assert asyncio.run(main()) == ("0\n4096\n", "0\n", "0\n")
