"""A hostile archive can't write but where it may, and can't take more than it may."""

import gzip
import io
import random
import tarfile

import pytest

from rlm.errors import SandboxError
from rlm.sandbox.unpacked import unpack_output


def archive(*members, mode="w"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, tuple):
                info.type, info.linkname = data
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_files_and_folders_come_back(tmp_path, mode):
    packed = archive(("output/a.txt", b"a"), ("output/b/c.txt", b"c"), ("output/.keep", b""), mode=mode)
    (tmp_path / "a.txt").write_text("before")
    unpack_output(packed, tmp_path, 2)
    assert sorted(str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*")) == ["a.txt", "b", "b/c.txt"]
    assert (tmp_path / "a.txt").read_text() == "a"


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "output/../../x"])
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(SandboxError, match="output has a file whose name leads out of the folder: "):
        unpack_output(archive((name, b"x")), tmp_path / "output", 10)
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_links_are_neither_made_nor_followed(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "output"
    outside.mkdir()
    folder.mkdir()
    (folder / "here").symlink_to(outside)
    (folder / "file").symlink_to(outside / "file")
    links = [("output/link", (tarfile.SYMTYPE, str(outside))), ("output/hard", (tarfile.LNKTYPE, "/etc/passwd"))]
    devices = [("output/null", (tarfile.CHRTYPE, "")), ("output/fifo", (tarfile.FIFOTYPE, ""))]
    with pytest.warns(
        UserWarning, match="4 of what cells wrote was not copied to .*: 'output/link': neither a file nor"
    ):
        unpack_output(archive(*links, *devices, ("output/file", b"x")), folder, 10)
    assert (folder / "file").read_text() == "x"
    assert not (folder / "file").is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == ["file", "here"]
    for name in ("output/here/x", "output/file/x"):
        with pytest.warns(UserWarning, match=f"1 of what cells wrote was not copied to .*: '{name}': Not a directory"):
            unpack_output(archive((name, b"x"), ("output/next", b"y")), folder, 10)
        assert (folder / "next").read_text() == "y"
    assert list(outside.iterdir()) == []


def test_bytes_that_are_no_tar_are_refused(tmp_path):
    with pytest.raises(SandboxError, match="output can't be brought back: "):
        unpack_output(b"no tar" * 1000, tmp_path, 10)
    with pytest.raises(SandboxError, match="output can't be brought back: "):
        unpack_output(archive(("a", b"x" * 600))[:700], tmp_path, 1000)


def test_what_is_too_much_is_left_out_and_the_rest_comes(tmp_path):
    with pytest.warns(UserWarning, match="1 of what cells wrote was not copied to .*: 'large': too many bytes in all"):
        unpack_output(archive(("first", b"x"), ("large", b"x" * 10), ("last", b"y")), tmp_path, 10)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"first": "x", "last": "y"}


@pytest.mark.slow
def test_too_many_files_are_left_out(tmp_path):
    folders = [(f"output/{number % 7}", (tarfile.DIRTYPE, "")) for number in range(20_001)]
    with pytest.warns(UserWarning, match="1 of what cells wrote was not copied to .*: and the rest: too many files"):
        unpack_output(archive(*folders), tmp_path, 10)
    assert len(list(tmp_path.iterdir())) == 7


def test_what_the_folder_does_not_take_is_left_out_and_the_rest_comes(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    members = [
        ("output/folder", b"1"),
        ("output/file/below", b"2"),
        ("output/" + "n" * 300, b"3"),
        ("output/last", b"4"),
    ]
    with pytest.warns(UserWarning, match="3 of what cells wrote") as told:
        unpack_output(archive(*members), tmp_path, 10)
    (warning,) = told
    assert str(warning.message) == (
        f"3 of what cells wrote was not copied to {tmp_path}: 'output/folder': Is a directory; "
        f"'output/file/below': Not a directory; {members[2][0][:200]!r}: File name too long"
    )
    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "last").read_text() == "4"


def test_a_large_file_comes_back_as_it_is(tmp_path):
    data = random.Random(1).randbytes(5 * 2**20 + 7)
    unpack_output(archive(("output/large", data), ("output/next", b"x")), tmp_path, 6 * 2**20)
    assert (tmp_path / "large").read_bytes() == data
    assert (tmp_path / "next").read_bytes() == b"x"


def test_folders_without_files_and_second_names_of_files_come_back(tmp_path):
    members = [
        ("output/empty", (tarfile.DIRTYPE, "")),
        ("output/b/first", b"xy"),
        ("output/second", (tarfile.LNKTYPE, "output/b/first")),
    ]
    unpack_output(archive(*members), tmp_path, 4)
    assert sorted(str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*")) == ["b", "b/first", "empty", "second"]
    assert (tmp_path / "second").read_bytes() == b"xy"
    assert (tmp_path / "second").stat().st_nlink == 1
    with pytest.warns(UserWarning, match="'output/second': too many bytes in all"):
        unpack_output(archive(*members), tmp_path, 3)


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", "\udcff", "a/" * 32 + "b"])
def test_names_that_show_as_something_else_are_left_out(tmp_path, name):
    with pytest.warns(UserWarning, match="1 of what cells wrote was not copied to .*: its name"):
        unpack_output(archive((name, b"1"), ("b", b"2")), tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def header(name, size, kind=tarfile.REGTYPE):
    """A header whose size is what it says, however large or negative."""
    info = tarfile.TarInfo(name)
    info.type = kind
    made = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    made[124:136] = bytes([0xFF if size < 0 else 0x80]) + (size % 2**88).to_bytes(11, "big")
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made)
    return bytes(made)


def pax(**headers):
    info = tarfile.TarInfo("output/x")
    info.pax_headers = headers
    return info.tobuf(tarfile.PAX_FORMAT)


@pytest.mark.parametrize(
    "hostile",
    [
        header("x", 2**33, tarfile.XHDTYPE),
        header("x", 2**33, tarfile.GNUTYPE_LONGNAME),
        header("x", 3 * 2**20, tarfile.XHDTYPE) + bytes(2**20),
        header("output/a", -(2**40)) + header("output/b", 5),
        pax(**{"GNU.sparse.map": "0,abc", "GNU.sparse.size": "5"}),
        pax(**{"GNU.sparse.map": f"0,{10**13}", "GNU.sparse.size": "5"}),
        header("y", 1, tarfile.GNUTYPE_LONGNAME) + bytes(512) + header("output/" + "a" * 90, 2**50),
        (header("x", 1, tarfile.GNUTYPE_LONGNAME) + bytes(512)) * 2000 + header("output/f", 1),
    ],
)
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_headers_that_lie_end_it_in_words(tmp_path, hostile, packed):
    with pytest.raises(SandboxError, match=r"output can't be brought back: "):
        unpack_output(packed(hostile + bytes(1024)), tmp_path, 2**20)


@pytest.mark.slow
def test_what_is_small_only_when_packed_is_not_unpacked_for_ever(tmp_path):
    bomb = gzip.compress(header("g", 2**20, tarfile.XGLTYPE) + bytes(2**20), 1) * 60
    with pytest.raises(SandboxError, match="output can't be brought back: "):
        unpack_output(bomb, tmp_path, 2**20)
