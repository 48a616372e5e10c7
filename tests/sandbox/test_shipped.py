"""What travels, and that a hostile archive can't write but where it may."""

import io
import tarfile
import zipfile

import pytest

from rlm.errors import SandboxError
from rlm.sandbox import shipped, worker


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


def test_the_zip_is_a_program_that_holds_what_is_shipped():
    assert {name.removesuffix(".py") for name in shipped.worker_sources()} == set(worker.SHIPPED)
    with zipfile.ZipFile(io.BytesIO(shipped.worker_zip())) as packed:
        assert {name.removesuffix(".py") for name in packed.namelist()} == {*worker.SHIPPED, "__main__"} - {"start"}


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_files_and_folders_come_back(tmp_path, mode):
    packed = archive(("output/a.txt", b"a"), ("output/b/c.txt", b"c"), ("output/.keep", b""), mode=mode)
    (tmp_path / "a.txt").write_text("before")
    shipped.unpack_output(packed, tmp_path, 2)
    assert sorted(str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*")) == ["a.txt", "b", "b/c.txt"]
    assert (tmp_path / "a.txt").read_text() == "a"


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "output/../../x"])
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(SandboxError, match="output has a file whose name leads out of the folder: "):
        shipped.unpack_output(archive((name, b"x")), tmp_path / "output", 10)
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_links_are_neither_made_nor_followed(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "output"
    outside.mkdir()
    folder.mkdir()
    (folder / "here").symlink_to(outside)
    (folder / "file").symlink_to(outside / "file")
    links = [("output/link", (tarfile.SYMTYPE, str(outside))), ("output/hard", (tarfile.LNKTYPE, "/etc/passwd"))]
    devices = [("output/null", (tarfile.CHRTYPE, "")), ("output/fifo", (tarfile.FIFOTYPE, ""))]
    shipped.unpack_output(archive(*links, *devices, ("output/file", b"x")), folder, 10)
    assert (folder / "file").read_text() == "x"
    assert not (folder / "file").is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == ["file", "here"]
    for name in ("output/here/x", "output/file/x"):
        with pytest.raises(SandboxError, match="output can't be brought back: "):
            shipped.unpack_output(archive((name, b"x")), folder, 10)
    assert list(outside.iterdir()) == []


def test_sizes_counts_and_bytes_that_are_no_tar_are_refused(tmp_path):
    with pytest.raises(SandboxError, match="output holds more than 0 MiB or 10,000 files"):
        shipped.unpack_output(archive(("a", b"x" * 11)), tmp_path, 10)
    with pytest.raises(SandboxError, match="output holds more than 0 MiB or 10,000 files"):
        shipped.unpack_output(archive(*[(f"{n}", b"") for n in range(10_001)]), tmp_path, 10)
    with pytest.raises(SandboxError, match="output can't be brought back: "):
        shipped.unpack_output(b"no tar" * 1000, tmp_path, 10)
    with pytest.raises(SandboxError, match="output can't be brought back: "):
        shipped.unpack_output(archive(("a", b"x" * 600))[:700], tmp_path, 1000)
