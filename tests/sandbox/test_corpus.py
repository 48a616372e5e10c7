"""The input as a cell sees it: exact offsets, exact lines, and nothing lost."""

import ast
import copy
import json
import pickle
import random
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from rlm.context import load
from rlm.lms.base import estimate_tokens
from rlm.sandbox import corpus
from rlm.sandbox.corpus import Corpus, Loaded, Piece, build_context, slice_context


def of_text(text: str) -> Loaded:
    return Loaded(text)


def of_files(**texts: str) -> Loaded:
    return Loaded(Corpus({name.replace("_", "."): text for name, text in texts.items()}))


# Building


def test_a_corpus_is_built_from_a_blob(tmp_path):
    texts = {"a": "plain\n", "b": "latin é", "c": "wide € 猫", "d": "astral 😀", "e": ""}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    context = load(tmp_path)
    parts = json.loads(json.dumps(context.parts))  # as they travel
    for source in (context.blob.fd, context.blob.read(), memoryview(context.blob.read())):
        assert dict(build_context("corpus", parts, source).value) == texts


@pytest.mark.parametrize("given", ["", "text", "é\ud800😀", ["a", {"b": 1}], None])
def test_a_text_or_value_is_built_from_a_descriptor_that_stays_open(given):
    context = load(given)
    for _ in range(2):
        assert build_context(context.kind, context.parts, context.blob.fd).value == given


def test_one_wide_character_widens_only_its_own_file():
    context = load("x")
    loaded = build_context("corpus", [("a", 0, 4), ("b", 4, 1000)], "😀".encode() + b"x" * 1000)
    assert sys.getsizeof(loaded.value["b"]) == sys.getsizeof("x" * 1000)
    context.close()


def test_all_files_are_python_3_8_and_import_nothing_of_ours():
    for name in ("corpus.py", "pieces.py", "search.py"):
        source = Path(corpus.__file__).with_name(name).read_text(encoding="utf-8")
        ast.parse(source, feature_version=(3, 8))
        assert "rlm" not in source


def test_they_work_as_plain_modules_in_a_folder():
    folder = str(Path(corpus.__file__).parent)
    code = f"import sys; sys.path.insert(0, {folder!r}); import corpus; print(corpus.Loaded('a b').search('b'))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['a b']\n"


# Piece


def test_a_piece_is_a_str_that_knows_where_it_is_from():
    piece = Piece("text", 7, "f.py", 3)
    assert (piece, piece.start, piece.end, piece.name, piece.line, piece.where) == ("text", 7, 11, "f.py", 3, "f.py:3")
    assert Piece("text", 7, "", 3).where == "line 3"
    assert type(piece.upper()) is str
    assert json.dumps([piece]) == '["text"]'
    assert {piece: 1}["text"] == 1


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda piece: pickle.loads(pickle.dumps(piece))])
def test_a_piece_can_be_copied(twin):
    piece = Piece("text", 7, "f.py", 3, "ex", 1.5)
    other = twin(piece)
    assert (other, other.start, other.end, other.where, other.match, other.score) == (
        "text",
        7,
        11,
        "f.py:3",
        "ex",
        1.5,
    )


# Corpus


def test_a_corpus_is_a_mapping_from_names_to_texts():
    files = Corpus({"a.py": "A", "b.py": "BB"})
    assert (len(files), list(files), files.names) == (2, ["a.py", "b.py"], ["a.py", "b.py"])
    assert files["b.py"] == "BB"
    assert "a.py" in files
    assert "c.py" not in files
    assert list(files.items()) == [("a.py", "A"), ("b.py", "BB")]
    assert files.get("c.py", "none") == "none"
    assert repr(files) == "Corpus(2 files, 3 characters: 'a.py', 'b.py')"
    assert repr(Corpus({str(i): "x" for i in range(9)})) == "Corpus(9 files, 9 characters: '0', '1', '2', ...)"


def test_a_wrong_name_is_answered_with_what_might_be_meant():
    files = Corpus({"src/a.py": "A"})
    with pytest.raises(KeyError, match=r"no file 'a\.py'; did you mean 'src/a\.py'\?"):
        files["a.py"]
    with pytest.raises(KeyError, match=r"see context\.names"):
        files["zzz"]
    with pytest.raises(TypeError, match="context holds 1 files: use context"):
        files[:500]


# grep


def test_each_match_is_a_hit_and_each_hit_its_line():
    loaded = of_text("one cat\ntwo cats, a cat\n\nlast cat")
    hits = loaded.grep("cat")
    assert hits == ["one cat", "two cats, a cat", "two cats, a cat", "last cat"]
    assert [hit.line for hit in hits] == [1, 2, 2, 4]
    assert [hit.match for hit in hits] == ["cat"] * 4
    assert [hit.where for hit in hits] == ["line 1", "line 2", "line 2", "line 4"]
    assert all(loaded.value[hit.start : hit.end] == hit for hit in hits)


def test_a_pattern_is_a_multiline_regular_expression():
    loaded = of_text("def a():\n    def b():\n")
    assert loaded.grep(r"^def \w") == ["def a():"]
    assert loaded.grep(r":$") == ["def a():", "    def b():"]
    assert loaded.grep("DEF B", ignore_case=True) == ["    def b():"]
    assert loaded.grep(re.compile("DEF A", re.IGNORECASE)) == ["def a():"]
    assert loaded.grep("DEF") == []
    assert loaded.grep("def", limit=1) == ["def a():"]
    assert loaded.grep("def", limit=0) == []
    assert len(loaded.grep("")) == len(loaded.value) + 1


def test_an_invalid_pattern_says_how_to_look_for_plain_text():
    with pytest.raises(re.error, match=r"unterminated subpattern; to look for it as plain text, use grep\(re\.escape"):
        of_text("f(x)").grep("f(x")


def test_context_lines_stand_about_a_hit():
    loaded = of_text("1\n2\n3 hit\n4\n5\n")
    assert loaded.grep("hit", context=1) == ["2\n3 hit\n4"]
    assert loaded.grep("hit", context=9) == ["1\n2\n3 hit\n4\n5\n"]
    assert loaded.grep("^1", context=1) == ["1\n2"]
    assert loaded.grep("hit", context=1)[0].line == 3


def test_a_long_line_is_cut_about_the_match():
    text = "a" * 5000 + "NEEDLE" + "b" * 5000 + "\nnext"
    loaded = of_text(text)
    (hit,) = loaded.grep("NEEDLE")
    assert hit == "a" * 147 + "NEEDLE" + "b" * 147
    assert text[hit.start : hit.end] == hit
    assert len(of_text("NEEDLE" + "b" * 5000).grep("NEEDLE")[0]) == 300
    assert of_text("a" * 5000 + "NEEDLE").grep("NEEDLE")[0] == "a" * 294 + "NEEDLE"
    (long,) = of_text(text).grep("a{400}NEEDLE")
    assert long == "a" * 400 + "NEEDLE"


def test_a_match_over_several_lines_shows_them_all():
    loaded = of_text("x\nbegin 1\nmiddle\nend 2\ny")
    (hit,) = loaded.grep(r"begin(.|\n)*end")
    assert (hit, hit.line) == ("begin 1\nmiddle\nend 2", 2)


def test_a_hit_is_where_its_first_visible_character_stands():
    (hit,) = of_text("x\n\n\n  def f():\n").grep(r"^\s*def f\b.*\n")
    assert (hit, hit.line) == ("  def f():", 4)


def test_files_are_searched_one_by_one():
    loaded = of_files(a_py="no end", b_py="begin\nhit", c_txt="hit")
    assert [hit.where for hit in loaded.grep("hit")] == ["b.py:2", "c.txt:1"]
    assert loaded.grep("end\\s*begin") == []
    assert [hit.name for hit in loaded.grep(r"\A\w")] == ["a.py", "b.py", "c.txt"]
    assert [hit.name for hit in loaded.grep("hit", names="*.py")] == ["b.py"]
    assert [hit.name for hit in loaded.grep("hit", names=["c.txt", "gone"])] == ["c.txt"]
    assert [hit.name for hit in loaded.grep("hit", names="c.txt")] == ["c.txt"]
    (hit,) = loaded.grep("hit", names="b.py")
    assert loaded.value[hit.name][hit.start : hit.end] == "hit"


def test_strings_of_a_json_value_are_searched_and_named_by_their_path():
    loaded = Loaded([1, {"text": "a hit", "n": {"deep": ["no", "x\nhit"]}}, None, "hit"])
    hits = loaded.grep("hit")
    assert [hit.where for hit in hits] == ["[1]['text']:1", "[1]['n']['deep'][1]:2", "[3]:1"]
    assert loaded.value[1]["n"]["deep"][1][hits[1].start : hits[1].end] == "hit"
    assert Loaded(5).grep("hit") == []
    deep: list[object] = ["hit"]
    for _ in range(5000):
        deep = [deep]
    assert Loaded(deep).grep("hit") == ["hit"]


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"\bcat", r"\bcat\b", r"\bcats?\b", r"\bca+t", r"\bcat{2}", r"\bc", r"\bcat|dog", r"\bcat (x|y)", r"\bcats*"),
        *(r"\bcaté", r"\bcat\w", r"(?i)\bCAT", r"\bcat(?=s)", r"\bcat_\d", r"\b cat", r"\bcat\s+dog", r"\b"),
    ],
)
def test_the_quick_way_to_a_word_finds_what_the_plain_one_does(pattern):
    words = ["cat", "cats", "catt", "caat", "dog", "wildcat", "cat_1", "caté", "c", "cat x", "ecat", "_cat", "Cat"]
    text = " ".join(random.Random(1).choices(words, k=2000)).replace("dog ", "dog\n")
    hits = of_text(text).grep(pattern)
    spans = [match.group() for match in re.finditer(pattern, text, re.MULTILINE)]
    assert [hit.match for hit in hits] == spans


# chunks


@pytest.mark.parametrize("size", [1, 2, 7, 100, 10_000])
def test_chunks_put_together_are_the_input(size):
    rnd = random.Random(size)
    text = "".join(rnd.choices("ab é😀\n", k=3000))
    pieces = of_text(text).chunks(size)
    assert "".join(pieces) == text
    assert all(len(piece) <= size for piece in pieces)
    assert all(text[piece.start : piece.end] == piece for piece in pieces)
    assert all(text.count("\n", 0, piece.start) + 1 == piece.line for piece in pieces)


def test_chunks_end_at_line_ends_where_they_can():
    assert of_text("aaaa\nbbbb\ncccc\n").chunks(12) == ["aaaa\nbbbb\n", "cccc\n"]
    assert of_text("a\n" + "b" * 20).chunks(10) == ["a\nbbbbbbbb", "bbbbbbbbbb", "bb"]


def test_chunks_can_overlap():
    text = "".join(map(str, range(1000)))
    pieces = of_text(text).chunks(100, overlap=30)
    assert all(text[piece.start : piece.end] == piece for piece in pieces)
    assert all(after.start == before.end - 30 for before, after in pairwise(pieces))
    assert pieces[-1].end == len(text)
    lines = of_text("a\n" * 500).chunks(100, overlap=99)
    assert lines[-1].end == 1000


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (-1, 0), (5, 5), (5, -1)])
def test_chunks_refuse_sizes_that_cannot_be(size, overlap):
    with pytest.raises(ValueError, match="chunks needs size >= 1"):
        of_text("x").chunks(size, overlap)


def test_chunks_of_files_of_one_file_of_a_piece_and_of_a_text():
    loaded = of_files(a_txt="aaaa", b_txt="", c_txt="cc\ncccc")
    assert [(piece.name, piece) for piece in loaded.chunks(4)] == [
        ("a.txt", "aaaa"),
        ("c.txt", "cc\n"),
        ("c.txt", "cccc"),
    ]
    assert loaded.chunks(2, of="a.txt") == ["aa", "aa"]
    (whole,) = loaded.chunks(100, of="c.txt")
    tail = Piece(whole[3:], 3, "c.txt", 2)
    assert [(piece.start, piece.end, piece.where) for piece in loaded.chunks(2, of=tail)] == [
        (3, 5, "c.txt:2"),
        (5, 7, "c.txt:2"),
    ]
    assert loaded.chunks(3, of="a text") == ["a t", "ext"]


def test_a_chunk_takes_half_of_the_sub_models_window():
    loaded = of_text("x" * 250_000)
    assert [len(piece) for piece in loaded.chunks()] == [100_000, 100_000, 50_000]
    loaded.window = 100_000
    assert [len(piece) for piece in loaded.chunks()] == [150_000, 100_000]


@pytest.mark.parametrize(("text", "size"), [("x", 1500), ("é", 750), ("語", 500), ("🎉", 375)])
def test_a_chunk_of_wide_characters_takes_no_more_tokens(text, size):
    loaded = of_text(text * 2000)
    loaded.window = 1000
    assert len(loaded.chunks()[0]) == size
    assert estimate_tokens(loaded.chunks()[0]) <= 501


def test_a_chunk_is_as_small_as_the_densest_part_of_a_text_needs():
    loaded = of_text("x" * 100_000 + "語" * 10_000)
    loaded.window = 1000
    assert len(loaded.chunks()[0]) == 500


def test_chunks_of_the_input_itself_are_of_the_input():
    loaded = of_text("aabb")
    assert [piece.origin for piece in loaded.chunks(2, of=loaded.value)] == [(0, 2, ""), (2, 4, "")]


# A child's input


def test_a_piece_of_a_piece_knows_its_place_in_the_whole_input():
    files = of_files(a_py="intro\nabc needle def\nend")
    (piece,) = files.grep("needle")
    assert piece.origin == (6, 20, "a.py")
    child = slice_context(files, *[piece.origin[i] for i in (2, 0, 1)])
    assert child.value == "abc needle def"
    for inner in (
        *child.grep("needle"),
        *child.search("needle", 1),
        *child.chunks(4),
        *child.chunks(2, of=child.value),
    ):
        start, end, name = inner.origin
        assert files.value[name][start:end] == inner == child.value[inner.start : inner.end]
    (outer,) = child.grep("needle")
    for inner in child.chunks(5, of=outer):
        start, end, name = inner.origin
        assert files.value[name][start:end] == inner


def test_a_piece_of_any_other_text_has_no_place_in_the_input():
    assert [piece.origin for piece in of_text("abcd").chunks(2, of="wxyz")] == [None, None]
    assert Piece("text").origin is None


def test_a_child_gets_one_piece():
    assert slice_context(of_text("0123456789"), "", 2, 5).value == "234"
    assert slice_context(of_files(a_py="0123456789"), "a.py", 0, 10).value == "0123456789"
    assert slice_context(Loaded([{"t": "abc"}]), "[0]['t']", 1, 3).value == "bc"


@pytest.mark.parametrize(("name", "start", "end"), [("", 0, 11), ("", -1, 2), ("", 3, 2), ("x", 0, 1)])
def test_a_piece_that_is_not_there_is_refused(name, start, end):
    with pytest.raises(ValueError, match="no piece"):
        slice_context(of_text("0123456789"), name, start, end)
