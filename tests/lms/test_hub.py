"""GGUF files of a repository: which one is meant, and where it comes from. The hub is a fake on loopback."""

import asyncio
import builtins
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from lms.bigram import chain, write_bigram
from lms.fakes.hub import COMMIT, FakeHub, point
from rlm.errors import ConfigError, LMUnavailableError
from rlm.lms import hub, resolve
from rlm.types import Message, Request

REPO = "someone/Some-3B-GGUF"
DEAD = "http://127.0.0.1:9"
QUANTS = {f"some-3b-{quant}.gguf": quant.encode() * 1000 for quant in ("Q4_K_S", "Q4_K_M", "Q8_0", "IQ4_XS")}
SPLIT = {f"Q5_K_M/big-00{number:03}-of-00003.gguf": b"%d" % number for number in (1, 2, 3)}


def fetch(monkeypatch: pytest.MonkeyPatch, cache: Path, files: dict[str, bytes], wanted: str = "") -> Path:
    with FakeHub({REPO: files}) as server:
        server.point(monkeypatch, cache)
        return hub.fetch(REPO + wanted)


def pick(names: list[str], wanted: str = "") -> list[str]:
    return hub._pick(REPO, wanted, names, "the repository")


def test_q4_k_m_is_taken_where_nothing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = fetch(monkeypatch, tmp_path, {"README.md": b"#", **QUANTS})
    assert file.name == "some-3b-Q4_K_M.gguf"
    assert file.read_bytes() == QUANTS[file.name]
    assert file == tmp_path / "models--someone--Some-3B-GGUF" / "snapshots" / COMMIT / file.name


def test_only_what_is_needed_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with FakeHub({REPO: QUANTS}) as server:
        server.point(monkeypatch, tmp_path)
        hub.fetch(REPO + ":q8_0")
        hub.fetch(REPO + ":q8_0")
        assert [path for path in server.requests if path.startswith("GET") and "/resolve/" in path] == [
            f"GET /{REPO}/resolve/main/some-3b-Q8_0.gguf"
        ]


def test_a_model_in_parts_is_downloaded_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = fetch(monkeypatch, tmp_path, SPLIT | {"mmproj-f16.gguf": b"no model"})
    assert file.name == "big-00001-of-00003.gguf"
    assert [part.read_bytes() for part in sorted(file.parent.iterdir())] == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("wanted", "file"),
    [
        ("", "m-Q4_K_M.gguf"),
        ("q4_k", "m.Q4_K.gguf"),
        ("Q4_K_M", "m-Q4_K_M.gguf"),
        ("IQ4_XS", "m-IQ4_XS.gguf"),
        ("Q8_0", "Q8_0/m.gguf"),
        ("m-IQ4_XS.gguf", "m-IQ4_XS.gguf"),
    ],
)
def test_what_a_name_means(wanted: str, file: str) -> None:
    names = ["m-Q4_K_M.gguf", "m.Q4_K.gguf", "m-IQ4_XS.gguf", "Q8_0/m.gguf", "mmproj-m-Q4_K_M.gguf", "m.imatrix.gguf"]
    assert pick(names, wanted) == [file]


def test_the_only_model_is_taken_whatever_its_name() -> None:
    assert pick(["tiny.gguf", "mmproj-tiny.gguf"]) == ["tiny.gguf"]


def test_a_choice_that_is_the_users_comes_with_its_list() -> None:
    with pytest.raises(ConfigError) as caught:
        pick(["m-Q8_0.gguf", "m-Q6_K.gguf"])
    assert str(caught.value) == (
        f"the repository has 2 files for hf:{REPO}; name one. There is:\n"
        f"  hf:{REPO}:m-Q6_K.gguf\n"
        f"  hf:{REPO}:m-Q8_0.gguf"
    )
    with pytest.raises(ConfigError, match=rf"no GGUF file Q2_K of {REPO}\. There is:\n  hf:{REPO}:m-Q8_0\.gguf"):
        pick(["m-Q8_0.gguf"], "Q2_K")
    with pytest.raises(ConfigError, match=r"2 files for hf:.*:Q4_K_M; name one"):
        pick(["m-Q4_K_M.gguf", "m-UD-Q4_K_M.gguf"], "Q4_K_M")
    with pytest.raises(ConfigError, match=r"no GGUF file of a model of .*There is:\n  nothing"):
        pick([])
    with pytest.raises(ConfigError, match=r"lacks a part of the model: m-00002-of-00002\.gguf"):
        pick(["m-00001-of-00002.gguf"])


def test_without_a_network_the_cache_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    online = fetch(monkeypatch, tmp_path, QUANTS, ":Q8_0")
    point(monkeypatch, DEAD, tmp_path)
    assert hub.fetch(REPO) == online  # the only one there
    assert hub.fetch(REPO + ":Q8_0") == online
    with pytest.raises(ConfigError, match="the cache has no GGUF file Q4_K_M"):
        hub.fetch(REPO + ":Q4_K_M")


def test_offline_mode_is_kept_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with FakeHub({REPO: QUANTS}) as server:
        server.point(monkeypatch, tmp_path)
        file = hub.fetch(REPO)
        server.requests.clear()
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        assert hub.fetch(REPO) == file
        with pytest.raises(LMUnavailableError, match=r"nothing of someone/other, and .*offline mode is enabled"):
            hub.fetch("someone/other")
        assert server.requests == []


def test_without_a_network_and_a_cache_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point(monkeypatch, DEAD, tmp_path)
    with pytest.raises(
        LMUnavailableError, match=rf"nothing of {REPO}, and there is no connection to {DEAD} \(.*refused\)"
    ):
        hub.fetch(REPO)


def test_no_such_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with FakeHub({REPO: QUANTS}) as server:
        server.gated.add("someone/gated")
        server.point(monkeypatch, tmp_path)
        with pytest.raises(ConfigError, match="there is no repository someone/other, or it is private"):
            hub.fetch("someone/other")
        with pytest.raises(ConfigError, match="someone/gated is open only to those who asked"):
            hub.fetch("someone/gated")


def test_a_download_that_breaks_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with FakeHub({REPO: QUANTS}) as server:
        server.point(monkeypatch, tmp_path)
        server.breaks = 100
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
        monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
        with pytest.raises(LMUnavailableError, match=rf"the download of some-3b-Q4_K_M\.gguf of {REPO} failed: "):
            hub.fetch(REPO)
        server.breaks = None
        assert hub.fetch(REPO).read_bytes() == QUANTS["some-3b-Q4_K_M.gguf"]


def test_a_model_of_a_repository_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = write_bigram(tmp_path / "hello.gguf", chain("helo wrd"))
    with FakeHub({REPO: {"hello-Q8_0.gguf": file.read_bytes()}}) as server:
        server.point(monkeypatch, tmp_path / "cache")
        lm = resolve(f"llamacpp/hf:{REPO}:Q8_0", threads=1, temperature=0)
    assert lm.name == "llamacpp/hello-Q8_0"
    assert asyncio.run(lm.complete(Request((Message("user", "hi"),)))).text == "helo wrd"


@pytest.mark.parametrize("spec", ["", "owner", "owner/", "a/b/c", "../x", "owner/re po", ":Q4_K_M"])
def test_names_that_are_none(spec: str) -> None:
    with pytest.raises(ConfigError, match="must look like hf:owner/repo"):
        hub.fetch(spec)


def test_a_name_that_only_the_hub_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point(monkeypatch, DEAD, tmp_path)
    with pytest.raises(ConfigError, match="hf:owner/a--b names no repository"):
        hub.fetch("owner/a--b")


def test_without_the_extra_its_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "huggingface_hub":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'rlm-engine\[hub\]'"):
        hub.fetch(REPO)


@pytest.mark.slow
def test_the_library_itself_takes_the_fake_for_a_hub(tmp_path: Path) -> None:
    """In a process of its own, told where the hub is by the environment alone."""
    code = f"""
from huggingface_hub import HfApi, hf_hub_download, list_repo_files
from rlm.lms.hub import fetch
assert HfApi().model_info({REPO!r}).sha == {COMMIT!r}
assert list_repo_files({REPO!r}) == {list(QUANTS)!r}
theirs = hf_hub_download({REPO!r}, "some-3b-Q8_0.gguf")
assert str(fetch("{REPO}:Q8_0")) == theirs
print(len(open(theirs).read()))
"""
    with FakeHub({REPO: QUANTS}) as server:
        settings = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **settings}, capture_output=True, text=True, timeout=60
        )
    assert (done.stdout, done.returncode) == (f"{len(QUANTS['some-3b-Q8_0.gguf'])}\n", 0), done.stderr
    assert "some-3b" not in done.stderr  # no progress bar where there is no terminal


@pytest.mark.slow
def test_on_a_terminal_there_is_a_progress_bar(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    with FakeHub({REPO: QUANTS}) as server:
        settings = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"}
        code = f"from rlm.lms.hub import fetch; fetch({REPO!r})"
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **settings}, stderr=theirs, stdout=theirs, timeout=60
        )
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0, shown
    assert "some-3b-Q4_K_M.gguf: 100%" in shown
