"""A `str` that is the pages of a memory file is like any other, at every place in a page, and costs no memory."""

import copy
import fcntl
import gc
import json
import os
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rlm.sandbox import mapped, pages, pieces
from rlm.sandbox.pieces import Piece

PAGE = pages.PAGE
PLAIN = "".join(f"{number:07}\n" for number in range(40_000))  # 320,000 characters, no two lines alike
ENDS = (40 * PAGE - 1, 40 * PAGE, 40 * PAGE + 1, len(PLAIN) - 1, len(PLAIN))
STARTS = (0, 1, 39, 40, 41, 47, 48, PAGE - 1, PAGE, 3 * PAGE + 40)


@pytest.fixture(autouse=True)
def works():
    assert mapped.works()
    yield
    gc.collect()
    mapped.sweep()
    assert mapped._pieces == {}


def memory_file(data: bytes, seals: int = 15) -> int:
    fd = os.memfd_create("a-test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


@pytest.fixture(scope="module")
def whole():
    assert mapped.works()
    fd = memory_file(PLAIN.encode())
    one = mapped.text(fd, 0, len(PLAIN), True)
    os.close(fd)
    return one


def piece_of(text, start, end):
    piece = Piece(mapped.BLANK, start, "a.txt", 7)
    assert mapped.show(piece, text, start, end)
    return piece


def mappings() -> int:
    return len(Path("/proc/self/maps").read_text().splitlines())


# Texts


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("end", ENDS)
def test_a_text_is_like_any_other_wherever_it_begins_and_ends(start, end):
    fd = memory_file(PLAIN.encode())
    one = mapped.text(fd, start, end - start, False)
    os.close(fd)
    assert type(one) is str
    assert mapped._same(one, PLAIN[start:end])


@pytest.mark.parametrize("start", STARTS[1:])
@pytest.mark.parametrize("end", ENDS)
def test_a_part_and_a_piece_are_too(whole, start, end):
    inner = mapped.part(whole, start, end)
    assert type(inner) is str
    assert mapped._same(inner, PLAIN[start:end])
    for piece in (piece_of(whole, start, end), piece_of(inner, 0, end - start)):
        assert mapped._same(piece, PLAIN[start:end])
        assert mapped._same(piece_of(piece, 5, len(piece)), PLAIN[start + 5 : end])
    assert mapped._same(whole, PLAIN)  # what they were taken from


def test_what_python_does_with_strings_it_does_with_these(whole):
    piece = piece_of(whole, 8, 200_000)
    for one, plain in ((whole, PLAIN), (piece, PLAIN[8:200_000])):
        assert {one: 1}[plain] == 1
        assert one.encode() == plain.encode()
        assert plain in {one}
        assert one + "é" == plain + "é"
        assert one.upper() == plain.upper()
        assert one.split("\n") == plain.split("\n")
        assert one[::-1] == plain[::-1]
        assert "0020000\n" in one
        assert "é" not in one
        assert len(re.findall(r"^0\d+9$", one, re.MULTILINE)) == plain.count("9\n")
        assert json.loads(json.dumps(one)) == plain
        assert pickle.loads(pickle.dumps(one)) == plain
        assert copy.deepcopy(one) == plain
        assert str(one) == f"{one}" == plain
    copied = pickle.loads(pickle.dumps(piece))
    assert (copied.start, copied.end, copied.name, copied.line) == (8, 8 + mapped._BLANK, "a.txt", 7)
    assert not mapped.shares(copied)


def test_a_text_can_be_interned_and_forgotten():
    fd = memory_file(PLAIN.encode())
    one = mapped.text(fd, 8, len(PLAIN) - 8, True)
    os.close(fd)
    assert sys.intern(one) is sys.intern(PLAIN[8:])
    one += "x"
    assert one == PLAIN[8:] + "x"
    del one
    gc.collect()
    assert sys.intern(PLAIN[8:]) == PLAIN[8:]


def test_source_that_is_compiled_ends_where_its_piece_does():
    code = "x = 1\n" * 10_000
    fd = memory_file((code + "this is no Python\n").encode())
    one = mapped.text(fd, 0, len(code) + 18, True)
    os.close(fd)
    names: dict[str, int] = {}
    exec(piece_of(one, 0, len(code)), names)
    assert names["x"] == 1


# What is not shared


@pytest.mark.parametrize("at", [0, PAGE, 99_999])
def test_a_text_of_other_than_ascii_is_decoded(at):
    data = bytearray(b"x" * 100_000)
    data[at : at + 1] = "é".encode()
    fd = memory_file(data)
    assert mapped.text(fd, 0, len(data), False) is None
    assert mapped.text(fd, at + 2, 50_000 if at < 50_000 else 0, False) == ("x" * 50_000 if at < 50_000 else None)
    os.close(fd)


@pytest.mark.parametrize("more", [-1, 0, 1, 5000])
def test_only_the_texts_own_bytes_are_looked_at(more):
    length = mapped._BUFFER + more
    fd = memory_file("é".encode() + b"x" * length + "é".encode())
    assert mapped.text(fd, 2, length, False) == "x" * length
    assert mapped.text(fd, 1, length, False) is None
    assert mapped.text(fd, 2, length + 1, False) is None
    assert mapped.text(fd, 2, length + 100, False) is None  # the file ends before
    os.close(fd)


def test_a_file_that_could_change_is_decoded(tmp_path):
    for seals in (0, fcntl.F_SEAL_WRITE, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW):
        fd = memory_file(PLAIN.encode(), seals)
        assert mapped.text(fd, 0, len(PLAIN), True) is None
        os.close(fd)
    (tmp_path / "a.txt").write_text(PLAIN)
    with open(tmp_path / "a.txt", "rb") as file:
        assert mapped.text(file.fileno(), 0, len(PLAIN), True) is None


def test_pieces_of_other_texts_and_short_ones_are_copied(whole):
    assert mapped.part(PLAIN, 0, len(PLAIN)) is None
    assert not mapped.show(Piece(mapped.BLANK), PLAIN, 0, len(PLAIN))
    assert mapped.part(whole, 0, pages.LEAST - 1) is None
    piece = Piece(mapped.BLANK)
    assert not mapped.show(piece, whole, 5, 5 + pages.LEAST - 1)
    assert piece == mapped.BLANK


def test_where_mappings_run_out_texts_are_decoded_and_pieces_copied(whole, monkeypatch):
    monkeypatch.setattr(pages, "_FAILED", pages._call("mmap")(None, PAGE, 0, 0x22, -1, 0))
    real, before = pages._call("mremap"), mappings()
    monkeypatch.setitem(pages._functions, "mremap", lambda *arguments: pages._FAILED)
    assert mapped.part(whole, 0, 100_000) is None
    assert not mapped.show(Piece(mapped.BLANK), whole, 0, 100_000)
    monkeypatch.setitem(pages._functions, "mremap", real)
    assert mappings() - before <= 2  # what may be another thread's by then stays reserved
    monkeypatch.setattr(mapped, "_MOST", len(mapped._texts))
    assert mapped.part(whole, 0, 100_000) is None


# What is given back


def test_a_piece_is_given_back_when_nobody_holds_it(whole):
    before = mappings()
    held = [piece_of(whole, start, 100_000) for start in range(10)]
    circle = [piece_of(whole, 1, 50_000)]
    circle.append(circle)
    match = re.compile("0000003").search(piece_of(whole, 8, 90_000))
    mapped.sweep()
    assert len(mapped._pieces) == 12
    assert all(piece == PLAIN[start:100_000] for start, piece in enumerate(held))
    del held[1:], circle
    gc.collect()
    mapped.sweep()
    assert len(mapped._pieces) == 2
    assert match.group() == "0000003"
    assert match.string == PLAIN[8:90_000]
    assert held[0] == PLAIN[:100_000]
    del held, match
    mapped.sweep()
    assert mapped._pieces == {}
    assert mappings() - before <= 2  # the allocator's own


def test_pieces_that_come_and_go_in_threads_stay_what_they_are(whole):
    wrong = []

    def work(seed):
        for turn in range(60):
            start = (seed * 997 + turn * 131) % 100_000
            piece = piece_of(whole, start, start + 60_000)
            mapped.sweep()
            if piece != PLAIN[start : start + 60_000]:
                wrong.append((seed, turn))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_check_fails_where_a_str_is_laid_out_otherwise(monkeypatch):
    monkeypatch.setattr(mapped, "_found", {})
    monkeypatch.setattr(mapped, "_same", lambda one, plain: False)
    assert not mapped.works()
    monkeypatch.setattr(mapped, "_found", {})
    monkeypatch.setattr(sys, "version_info", (3, 15, 0))
    assert not mapped.works()


def test_the_interpreter_has_no_complaint_and_ends_as_usual():
    code = (
        "import os; from rlm.sandbox import mapped; from rlm.sandbox.pieces import Piece\n"
        "import fcntl; assert mapped.works(); fd = os.memfd_create('x', 2); os.write(fd, b'a line\\n' * 100_000)\n"
        "fcntl.fcntl(fd, 1033, 15); text = mapped.text(fd, 3, 600_000, True); os.close(fd)\n"
        "kept = Piece(mapped.BLANK); assert mapped.show(kept, text, 5, 300_000)\n"
        "gone = Piece(mapped.BLANK); assert mapped.show(gone, text, 5, 300_000)\n"
        "del gone; mapped.sweep(); print(len(kept), len(mapped._pieces))\n"
    )
    for options in ([], ["-X", "dev"]):
        done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("299995 1\n", "")


def test_the_hook_is_off_in_a_process_that_does_not_load_inputs():
    assert pieces.mapped is None
    assert pieces.in_place(0, 0, 10 * pieces.LARGE, True) is None
    assert pieces.part("abc", 1, 2) == "b"
    assert not pieces.shares("abc")
