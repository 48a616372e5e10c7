"""What cells wrote comes back: files and folders, and nothing that a hostile cell could make of them."""

import asyncio
import os
import socket

import pytest

from rlm.errors import SandboxError
from rlm.sandbox import written
from rlm.sandbox.written import WrittenFolder

MIB = 1 << 20


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "written"
    folder.mkdir()
    return folder


@pytest.fixture
def opened(source):
    folder = WrittenFolder(os.open(source, os.O_RDONLY), 3 * MIB, sized=False)
    yield folder
    folder.close()


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_and_folders_come_back(source, opened, tmp_path):
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "b" / "c.bin").write_bytes(b"x" * (2 * MIB + 1))
    (source / "é.txt").write_text("one")
    (source / "run.sh").write_text("ls")
    (source / "run.sh").chmod(0o777)
    target = tmp_path / "out"
    (target / "a").mkdir(parents=True)
    (target / "é.txt").write_text("longer than it was")
    (target / "kept").write_text("mine")
    opened.bring(target)
    assert tree(target) == {
        "a/b/c.bin": b"x" * (2 * MIB + 1),
        "é.txt": b"one",
        "run.sh": b"ls",
        "kept": b"mine",
    }
    assert (target / "run.sh").stat().st_mode & 0o111 == 0


def test_no_link_is_followed_and_nothing_special_copied(source, opened, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("sk-1")
    (source / "file").symlink_to(secret / "key")
    (source / "folder").symlink_to(secret)
    os.mkfifo(source / "fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(source / "socket"))
    target = tmp_path / "out"
    target.mkdir()
    with pytest.warns(
        UserWarning, match=r"4 of what cells wrote was not copied to .*'fifo': neither a file nor a folder"
    ):
        opened.bring(target)
    assert list(target.iterdir()) == []


def test_links_in_the_users_own_folder_are_not_written_through(source, opened, tmp_path):
    (source / "settings").write_text("hostile")
    (source / "home").mkdir()
    (source / "home" / ".profile").write_text("hostile")
    (tmp_path / "settings").write_text("mine")
    (tmp_path / "home").mkdir()
    target = tmp_path / "out"
    target.mkdir()
    (target / "settings").symlink_to(tmp_path / "settings")
    (target / "home").symlink_to(tmp_path / "home")
    with pytest.warns(UserWarning, match=r"2 of what .*'home': Not a directory; 'settings': Too many levels"):
        opened.bring(target)
    assert (tmp_path / "settings").read_text() == "mine"
    assert list((tmp_path / "home").iterdir()) == []


def test_all_of_it_is_bounded(source, opened, tmp_path, monkeypatch):
    monkeypatch.setattr(written, "MAX_FILES", 50)
    (source / "a-big").write_bytes(b"x" * 4 * MIB)
    (source / "b-sparse").touch()
    os.truncate(source / "b-sparse", 2**40)
    deep = source / "deep"
    for _ in range(40):
        deep.mkdir()
        deep /= "d"
    (source / "e\x1b[2J").touch()
    for number in range(30):
        (source / f"f{number:02}").touch()
    target = tmp_path / "out"
    target.mkdir()
    with pytest.warns(
        UserWarning, match=r"'a-big': too many bytes in all; it is cut; 'b-sparse': too many bytes"
    ) as told:
        opened.bring(target)
    assert "'e\\x1b[2J': its name" in str(told[0].message)
    assert "too many files" in str(told[0].message)
    assert sum(map(len, tree(target).values())) <= 3 * MIB
    assert len(list(target.rglob("*"))) <= 50


def test_too_much_is_told_once_and_again_only_where_it_grew(source, opened):
    assert opened.over() is None
    (source / "big").write_bytes(b"x" * 4 * MIB)
    assert opened.over() == "it wrote more than 3 MiB; remove some"
    assert opened.over() is None
    (source / "bigger").write_bytes(b"x" * MIB)
    assert opened.over() == "it wrote more than 3 MiB; remove some"


def test_files_and_folders_are_counted_at_every_depth(source, monkeypatch):
    monkeypatch.setattr(written, "MAX_FILES", 10)
    folder = WrittenFolder(os.open(source, os.O_RDONLY), 3 * MIB, sized=False)
    (source / "in").mkdir()
    for number in range(10):
        assert folder.over() is None
        (source / "in" / str(number)).touch()
    assert folder.over() == "it made more than 10 files and folders; remove some"
    assert folder.over() is None
    folder.close()


def test_a_sparse_file_counts_for_what_it_takes(source, opened):
    (source / "sparse").touch()
    os.truncate(source / "sparse", 2**40)
    assert opened.over() is None


def test_it_is_watched(source, opened, monkeypatch):
    monkeypatch.setattr(written, "_POLL", 0.01)

    async def main():
        stopped = asyncio.Queue()
        watch = asyncio.create_task(opened.watch(stopped.put_nowait))
        (source / "big").write_bytes(b"x" * 4 * MIB)
        why = await asyncio.wait_for(stopped.get(), 5)
        watch.cancel()
        await asyncio.wait([watch])
        return why

    assert asyncio.run(main()) == "it wrote more than 3 MiB; remove some"


def test_a_target_that_is_gone_is_told(opened, tmp_path):
    with pytest.warns(UserWarning, match="1 of what cells wrote was not copied to .*gone: all of it: No such file"):
        opened.bring(tmp_path / "gone")


def test_a_target_is_made_before_anything_is_spent(tmp_path):
    written.make_output(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match=r"output can't be made: .*file"):
        written.make_output(tmp_path / "file")
