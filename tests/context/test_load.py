"""What `load` gives for texts, files and lists of paths, and what it costs."""

import gc
import os
import random
import sys
import time
from pathlib import Path

import pytest

from rlm.context import Context, load
from rlm.errors import ContextError
from rlm.sandbox.corpus import build_context


def value(context: Context):
    """What a cell would see as `context`."""
    return build_context(context.kind, context.parts, context.blob.fd).value


@pytest.mark.parametrize(
    "text",
    ["", "a", "no end\nof line", "ends\n", "\r\nkept\r", "é€😀", "lone \ud800 surrogate", "x" * 70_000 + "😀" * 70_000],
)
def test_a_str_arrives_as_it_is(text):
    context = load(text)
    assert value(context) == text
    assert (context.kind, context.characters, context.parts, context.skipped) == ("str", len(text), (), ())
    assert context.blob.size == len(text.encode("utf-8", "surrogatepass"))


def test_a_str_is_never_a_path(tmp_path):
    (tmp_path / "f").write_text("inside")
    assert value(load(str(tmp_path / "f"))) == str(tmp_path / "f")


def test_a_text_is_described_without_its_content():
    assert load("one\ntwo\nthree").description == "str, 13 characters, 3 lines"
    assert load("one\ntwo\n").description == "str, 8 characters, 2 lines"
    assert load("").description == "str, 0 characters, 0 lines"


def test_the_blob_can_be_read_and_never_written():
    context = load("text")
    assert context.blob.read() == b"text"
    assert context.blob.read(1, 2) == b"ex"
    assert context.blob.read(2, 100) == b"xt"
    if sys.platform == "linux":
        with pytest.raises(PermissionError):
            os.pwrite(context.blob.fd, b"X", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(context.blob.fd, 0)
    assert not os.get_inheritable(context.blob.fd)


def test_a_file_is_a_str(tmp_path):
    path = tmp_path / "some.json"
    path.write_text('{"a": 1}\n')
    context = load(path)
    assert value(context) == '{"a": 1}\n'
    assert context.description == "str, 9 characters, 1 line (the file 'some.json')"


def test_a_named_file_is_read_through_a_link_and_whatever_its_name(tmp_path):
    (tmp_path / ".env").write_text("A=1")
    (tmp_path / "link").symlink_to(tmp_path / ".env")
    assert value(load(tmp_path / "link")) == "A=1"


def test_several_paths_are_named_from_the_folder_that_they_share(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.txt").write_text("2")
    (tmp_path / "b" / "deep").mkdir()
    (tmp_path / "b" / "deep" / "three.txt").write_text("3")
    (tmp_path / "one.txt").write_text("1")
    context = load([tmp_path / "one.txt", tmp_path / "b", tmp_path / "one.txt"])
    assert dict(value(context)) == {"one.txt": "1", "b/deep/three.txt": "3", "b/two.txt": "2"}
    assert context.description.startswith("3 files, 3 characters (3 .txt)\n")
    assert dict(value(load([tmp_path / "b" / "two.txt", tmp_path / "b" / "deep" / "three.txt"]))) == {
        "two.txt": "2",
        "deep/three.txt": "3",
    }


def test_a_list_of_one_path_is_that_path(tmp_path):
    (tmp_path / "f.txt").write_text("1")
    assert value(load([tmp_path / "f.txt"])) == "1"


@pytest.mark.parametrize("make", [os.mkfifo, None])
def test_what_is_not_a_file_is_refused_without_opening_it(tmp_path, make):
    path = Path("/dev/zero")
    if make:
        path = tmp_path / "pipe"
        make(path)
    with pytest.raises(ContextError, match=r"is a (FIFO|device), not a file"):
        load(path)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ContextError, match=r"gone\.txt: No such file or directory"):
        load(tmp_path / "gone.txt")
    with pytest.raises(ContextError, match=r"gone\.txt: No such file or directory"):
        load([tmp_path, tmp_path / "gone.txt"])
    with pytest.raises(ContextError, match=r"nnn: File name too long$"):
        load(tmp_path / ("n" * 300))
    with pytest.raises(ContextError, match=r"^'a\\x00b' is no path: embedded null byte$"):
        load([tmp_path, Path("a\0b")])


def open_fds() -> int:
    return len(os.listdir("/dev/fd"))


def test_nothing_stays_open(tmp_path):
    (tmp_path / "f").write_bytes(b"\x00\xff\xfe\xfd")
    gc.collect()
    before = open_fds()
    for given in ("text", [1], tmp_path, tmp_path / "gone", tmp_path / "f", [{1}]):
        try:
            load(given).close()
        except ContextError:
            pass
        else:
            load(given)  # dropped without being closed
    gc.collect()
    assert open_fds() == before


def resident() -> int:
    """Bytes of memory that are this process's alone."""
    fields = Path("/proc/self/statm").read_text().split()
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_42_mb_cost_no_second_copy():
    line = "".join(random.Random(1).choices("abcdefgh ", k=59)) + "\n"
    text = line * 700_000
    gc.collect()
    before, began = resident(), time.process_time()
    context = load(text)
    took, grown = time.process_time() - began, resident() - before
    assert context.characters == 42_000_000
    assert grown < 5_000_000
    assert took < 1.0  # 35 ms on an idle machine; this only tells slices from something quadratic
