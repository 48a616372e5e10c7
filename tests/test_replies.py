"""Answers on disk across runs, and what is left of a batch."""

import asyncio
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm.errors import ConfigError
from rlm.replies import Folder, Key, Leftovers, Replies, key
from rlm.types import JSON, Source


def files(path: Path) -> list[str]:
    return sorted(os.listdir(path))


def digest(number: int) -> str:
    return key(number, lasts=True).digest


def put(folder: Folder, number: int, text: str) -> None:
    asyncio.run(folder.put(digest(number), text))


def asked(folder: Folder | None, parts: JSON, text: str, *, lasts: bool = True) -> tuple[str, Source]:
    """What a run of its own is answered, if `text` is what the model would say."""

    async def ask() -> str:
        return text

    return asyncio.run(Replies(folder=folder).answer(key(parts, lasts=lasts), ask, bool))


def test_an_answer_is_there_in_another_run_and_for_that_call_only(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "replies")
    assert asked(folder, ["m", "a"], "one") == ("one", "model")
    assert asked(Folder(tmp_path / "replies"), ["m", "a"], "two") == ("one", "kept")
    assert asked(folder, ["m", "b"], "three") == ("three", "model")


def test_without_a_folder_or_a_key_that_lasts_nothing_is_written(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert asked(folder, 1, "one", lasts=False) == ("one", "model")
    assert asked(folder, 1, "two", lasts=False) == ("two", "model")
    assert asked(None, 1, "three") == ("three", "model")
    assert files(tmp_path) == []


def test_files_and_folder_are_their_owners_alone_and_hold_no_prompt(tmp_path: Path) -> None:
    path = tmp_path / "a" / "replies"
    asked(Folder(path), ["secret prompt"], "answer é\ud800")
    (name,) = files(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((path / name).stat().st_mode) == 0o600
    assert "secret" not in name + (path / name).read_text()
    assert asked(Folder(path), ["secret prompt"], "other")[0] == "answer é\ud800"


def test_a_folder_that_others_can_write_to_or_that_can_not_be_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match="others can write there"):
        Folder(tmp_path)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ConfigError, match="answers can't be kept in"):
        Folder(file)


def damaged(data: bytes) -> Iterator[bytes]:
    yield from (b"", data[:-1], data[: len(data) // 2], data + b"x", b"[" * 100_000, b"[]", b'{"text": 1}', b"\xff\xfe")
    entry = json.loads(data)
    for field, value in (("text", "other"), ("sum", "0"), ("key", "0")):
        yield json.dumps({**entry, field: value}).encode()


def test_a_damaged_entry_is_ignored_and_written_anew(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    put(folder, 1, "answer")
    path = tmp_path / files(tmp_path)[0]
    whole = path.read_bytes()
    for data in damaged(whole):
        path.write_bytes(data)
        assert folder.get(digest(1)) is None
    put(folder, 1, "answer")
    assert path.read_bytes() == whole


def test_an_entry_under_another_calls_name_is_ignored(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    put(folder, 1, "answer")
    (tmp_path / files(tmp_path)[0]).rename(tmp_path / (digest(2) + ".reply"))
    assert folder.get(digest(2)) is None


def test_where_it_can_not_be_written_whole_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    folder = Folder(tmp_path)
    monkeypatch.setattr(os, "replace", full)
    put(folder, 1, "answer")
    assert files(tmp_path) == []


def test_the_folder_is_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    folder = Folder(tmp_path, most=16_000)
    for number in range(40):
        put(folder, number, "x" * 1000)
        os.utime(tmp_path / (digest(number) + ".reply"), (number, number))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 17_500
    left = [number for number in range(40) if folder.get(digest(number))]
    assert left == list(range(left[0], 40))
    assert len(left) > 8


def test_files_of_others_are_left_and_those_of_dead_writers_go(tmp_path: Path) -> None:
    stale, fresh, other = (tmp_path / name for name in ("a.reply.0000", "b.reply.0000", "notes.txt"))
    for path in (stale, fresh, other):
        path.write_text("x")
    os.utime(stale, (time.time() - 4000,) * 2)
    put(Folder(tmp_path), 1, "answer")
    assert files(tmp_path) == sorted([fresh.name, other.name, digest(1) + ".reply"])


def test_what_a_run_keeps_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlm.replies._IN_MEMORY", 25)
    replies = Replies()

    async def main() -> list[Source]:
        sources = []
        for number in (1, 2, 3, 3, 1, 3):
            asked = Key(str(number), lasts=False)

            async def ask() -> str:
                return "x" * 10

            sources.append((await replies.answer(asked, ask, bool))[1])
        return sources

    assert asyncio.run(main()) == ["model", "model", "model", "kept", "model", "kept"]


def test_a_key_stands_for_all_its_parts_in_any_order_of_names() -> None:
    parts: list[JSON] = ["m", {"a": 1, "b": [None, "é\ud800"]}, 0.5]
    assert key(parts, lasts=True) == key(["m", {"b": [None, "é\ud800"], "a": 1}, 0.5], lasts=True)
    assert key(parts, lasts=True) != key(parts[:2], lasts=True)


def test_what_is_left_of_a_batch_is_given_once() -> None:
    left = Leftovers()
    left.put(["a", "a", "b", "c"], ["A1", "A2", None, "C"])
    assert left.take(["a", "b", "d"]) == ["A2", None, None]
    assert left.take(["a", "a", "c"]) == ["A1", None, "C"]
    assert left.take(["a", "c"]) == [None, None]
