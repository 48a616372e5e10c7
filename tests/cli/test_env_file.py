"""Files of variables that `--env-file` names."""

import os
from pathlib import Path

import pytest

from rlm.cli import env_file
from rlm.errors import ConfigError


@pytest.fixture
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"SET": "before"})


@pytest.mark.usefixtures("_clean")
def test_what_a_file_says(tmp_path: Path) -> None:
    lines = [
        "# keys",
        "",
        "PLAIN=sk-1",
        "export EXPORTED = sk-2",
        'QUOTED="sk-3 # not a comment"  # a comment',
        "SINGLE='sk-4'",
        "COMMENTED=sk-5 # a comment",
        "HASH=sk#6",
        "DOLLAR=$HOME`id`",
        "EMPTY=",
        "SET=after",
    ]
    path = tmp_path / "keys.env"
    path.write_bytes("\ufeff".encode() + "\r\n".join(lines).encode())
    env_file.load(path)
    assert {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} == {
        "SET": "before",
        "PLAIN": "sk-1",
        "EXPORTED": "sk-2",
        "QUOTED": "sk-3 # not a comment",
        "SINGLE": "sk-4",
        "COMMENTED": "sk-5",
        "HASH": "sk#6",
        "DOLLAR": "$HOME`id`",
        "EMPTY": "",
    }


@pytest.mark.usefixtures("_clean")
@pytest.mark.parametrize("line", ["sk-canary", "sk-canary=", "KEY=sk-\0canary", "KEY: sk-canary"])
def test_a_line_that_is_none_is_named_and_not_quoted(tmp_path: Path, line: str) -> None:
    path = tmp_path / "keys.env"
    path.write_text(f"A=1\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        env_file.load(path)
    assert str(caught.value) == f"--env-file {path}, line 2: expected NAME=value"
    assert "canary" not in repr(caught.value.__context__)


@pytest.mark.usefixtures("_clean")
def test_a_file_that_is_no_text_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "keys.env"
    path.write_bytes(b"A=sk-canary\xff\n")
    with pytest.raises(ConfigError) as caught:
        env_file.load(path)
    assert str(caught.value).startswith(f"--env-file {path} can't be read: ")
    assert "canary" not in str(caught.value)
