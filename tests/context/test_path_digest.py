"""Digests of what cells may read beside the input."""

import hashlib
import json
import os
import threading
from pathlib import Path

import pytest

from rlm import ContextError
from rlm.context.blob import StoppedError
from rlm.context.path_digest import path_digest


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_has_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    assert path_digest(tmp_path / "a") == sha(b"x" * 3_000_000)


def test_a_folder_has_that_of_its_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"two")
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "l").symlink_to("a")
    os.mkfifo(tmp_path / "p")
    told = [["a", sha(b"one")], ["b", ""], ["b/c", sha(b"two")], ["l", "link to a"], ["p", ""]]
    assert path_digest(tmp_path) == sha(json.dumps(told).encode())
    before = path_digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "aa")
    assert path_digest(tmp_path) != before


def test_what_can_not_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContextError, match=rf"^a file that cells may read can't be read: {tmp_path}/none: No such"):
        path_digest(tmp_path / "none")


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        path_digest(tmp_path, stop)
