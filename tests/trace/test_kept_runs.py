"""The runs of a folder: listed, found, told apart, dropped."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlm import RLM, ConfigError, Retention
from rlm.lms.scripted import Scripted
from rlm.setup import retention
from rlm.trace import runs
from rlm.trace.events import CellBegin
from rlm.trace.store import Trace

DAY = 86_400


def aged(folder: Path, name: str, days: float, size: int = 10) -> Path:
    """A run whose last event was so long ago."""
    trace = Trace(name, folder / name)
    trace.emit(CellBegin(code="x" * size))
    trace.close()
    then = time.time() - days * DAY
    os.utime(folder / name / "events.jsonl", (then, then))
    return folder / name


def test_every_kind_is_summed_up(every_kind: dict[str, Path]) -> None:
    states = {kind: summary.state for kind, path in every_kind.items() if (summary := runs.summary(path))}
    assert states == {
        "work": "done",
        "files": "done",
        "json": "done",
        "direct": "done",
        "partial": "partial",
        "failed": "failed",
        "refused": "failed",
        "lost": "done",
        "retried": "done",
        "denied": "done",
    }
    summary = runs.summary(every_kind["work"])
    assert summary is not None
    assert summary.end is not None
    usage = summary.end.usage
    assert (summary.cost, summary.tokens) == (summary.end.cost, usage["input_tokens"] + usage["output_tokens"])  # type: ignore[operator]
    assert (summary.begin.model, summary.begin.sub_model) == ("test/root", "test/sub")
    assert len(str(summary.begin.source["text"])) == 1000, "the input is read only as far as a list needs"
    assert summary.bytes == sum(file.stat().st_size for file in every_kind["work"].iterdir())


def test_the_latest_is_first_and_what_is_no_run_is_left_out(tmp_path: Path, every_kind: dict[str, Path]) -> None:
    for name in ("2", "1", "3"):
        shutil.copytree(every_kind["direct"], tmp_path / name)
    (tmp_path / "0").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "4").symlink_to(tmp_path / "1")
    (tmp_path / "3" / "events.jsonl").write_text("{}\n")
    assert runs.names(tmp_path) == ["1", "2", "3"]
    assert [run.run_id for run in runs.summaries(tmp_path)] == ["2", "1"]
    assert runs.names(tmp_path / "none") == []


def test_found_by_name_start_last_and_folder(tmp_path: Path) -> None:
    for name in ("20260101-a", "20260101-b", "20260102-a"):
        aged(tmp_path, name, 0)
    assert runs.find(None, tmp_path) == runs.find("last", tmp_path) == tmp_path / "20260102-a"
    killed = Trace("20260103-a", tmp_path / "20260103-a")
    assert runs.find(None, tmp_path) == tmp_path / "20260103-a"  # it is under way
    shutil.copytree(tmp_path / "20260103-a", tmp_path / "20260104-a")  # killed before its first event
    killed.close()
    assert runs.find(None, tmp_path) == tmp_path / "20260102-a"
    shutil.rmtree(tmp_path / "20260104-a")
    assert runs.find("20260102", tmp_path) == tmp_path / "20260102-a"
    assert runs.find(str(tmp_path / "20260101-b"), Path("/none")) == tmp_path / "20260101-b"
    with pytest.raises(ConfigError, match=r"2 runs named 20260101 in"):
        runs.find("20260101", tmp_path)
    with pytest.raises(ConfigError, match=r"no run named \.\./x in"):
        runs.find("../x", tmp_path)
    with pytest.raises(ConfigError, match="yet: rlm ask makes one"):
        runs.find(None, tmp_path / "none")


def test_a_run_under_way_is_told_from_one_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from rlm.trace.store import Trace\n"
        "from rlm.trace.events import CellBegin\n"
        "trace = Trace('r', Path(sys.argv[1])); trace.emit(CellBegin(code='1')); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "r"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert runs.is_running(tmp_path / "r")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not runs.is_running(tmp_path / "r")
    assert not runs.is_running(tmp_path / "none")
    here = Trace("h", tmp_path / "h")
    assert runs.is_running(tmp_path / "h"), "one of this process too"
    here.close()


def test_what_a_killed_run_had_cost_is_summed(tmp_path: Path, every_kind: dict[str, Path]) -> None:
    shutil.copytree(every_kind["work"], tmp_path / "r")
    log = tmp_path / "r" / "events.jsonl"
    whole = runs.summary(every_kind["work"])
    log.write_bytes(log.read_bytes()[: log.read_bytes().rindex(b'{"type":"run_end"') + 20])
    summary = runs.summary(tmp_path / "r")
    assert summary is not None
    assert whole is not None
    assert (summary.state, summary.end) == ("killed", None)
    assert (summary.tokens, summary.cost) == (whole.tokens, whole.cost)
    assert summary.seconds == pytest.approx(whole.seconds, abs=0.5)


def test_the_old_go_first_and_what_does_not_fit(tmp_path: Path) -> None:
    paths = [aged(tmp_path, str(days), days, 100_000) for days in (1, 2, 3, 40)]
    size = runs.size(paths[0])
    would = runs.prune(tmp_path, Retention(30, None), dry=True)
    assert would == [(paths[3], runs.size(paths[3]))]
    assert all(path.exists() for path in paths)
    assert runs.prune(tmp_path, Retention(30, None)) == would
    assert [path.exists() for path in paths] == [True, True, True, False]
    assert [path for path, _ in runs.prune(tmp_path, Retention(None, 2.5 * size / 1e9))] == [paths[2]]
    assert runs.prune(tmp_path, Retention(None, None)) == []
    assert [path for path, _ in runs.prune(tmp_path, Retention(0.0, None), spare=["2"])] == [paths[0]]
    assert runs.names(tmp_path) == ["2"]


def test_a_run_under_way_is_never_dropped(tmp_path: Path) -> None:
    trace = Trace("r", tmp_path / "r")
    trace.emit(CellBegin(code="1"))
    os.utime(tmp_path / "r" / "events.jsonl", (1, 1))
    assert runs.prune(tmp_path, Retention(1.0, 0.0)) == []
    trace.close()
    assert len(runs.prune(tmp_path, Retention(1.0, 0.0))) == 1


def test_nothing_beyond_the_folder_is_dropped(tmp_path: Path) -> None:
    kept = aged(tmp_path / "elsewhere", "r", 99)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(kept)
    (tmp_path / "runs" / "mine").mkdir()
    assert runs.prune(tmp_path / "runs", Retention(1.0, 0.0)) == []
    assert kept.exists()
    linked = aged(tmp_path / "runs", "r2", 99)
    (linked / "inside").symlink_to(kept)
    runs.prune(tmp_path / "runs", Retention(1.0, None))
    assert (linked.exists(), kept.exists()) == (False, True)


def test_a_run_prunes_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_KEEP_DAYS", "30")
    old, young = (aged(runs.folder(), name, days) for name, days in (("old", 31), ("young", 29)))
    rlm = RLM(model=Scripted(lambda request: "an answer"), route="always")
    assert rlm.setup.keep == Retention(30.0, 10.0)
    rlm.completion("Q", context="text")
    wait_for_pruning()
    assert (old.exists(), young.exists()) == (False, True)
    old = aged(runs.folder(), "old", 31)
    completion = rlm.completion("Q", context="text")
    wait_for_pruning()
    assert old.exists(), "not twice a day"
    mark = runs.folder().with_name(".runs.pruned")
    os.utime(mark, (time.time() - 2 * DAY, time.time() - 2 * DAY))
    rlm.completion("Q", context="text")
    wait_for_pruning()
    assert not old.exists()
    assert completion.trace is not None
    assert completion.trace.exists()


def wait_for_pruning() -> None:
    import threading

    for thread in threading.enumerate():
        if thread.name == "rlm-prune":
            thread.join()


def test_a_folder_of_ones_own_is_kept_unless_said(tmp_path: Path) -> None:
    model = Scripted(lambda request: "an answer")
    old = aged(tmp_path, "old", 1000)
    RLM(model=model, route="always", trace=tmp_path).completion("Q", context="text")
    wait_for_pruning()
    assert old.exists()
    RLM(model=model, route="always", trace=tmp_path, keep=Retention(days=30)).completion("Q", context="text")
    wait_for_pruning()
    assert not old.exists()


def test_how_long_is_said_by_the_environment_the_config_file_or_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert retention() == Retention(90.0, 10.0)
    path = tmp_path / "config.toml"
    path.write_text("[trace]\nkeep_days = 7\nkeep_gb = inf\n")
    monkeypatch.setenv("RLM_CONFIG", str(path))
    assert retention() == Retention(7.0, None)
    monkeypatch.setenv("RLM_KEEP_GB", "0.5")
    monkeypatch.setenv("RLM_KEEP_DAYS", "inf")
    assert retention() == Retention(None, 0.5)
    monkeypatch.setenv("RLM_KEEP_DAYS", "a week")
    with pytest.raises(ConfigError, match="RLM_KEEP_DAYS, or keep_days of the config file, is a number from 0, or inf"):
        retention()


@pytest.mark.parametrize("line", ["keep = 3", "keep_days = '3'", "keep_days = true", "keep_days = {}"])
def test_a_config_file_that_says_something_else(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"[trace]\n{line}\n")
    monkeypatch.setenv("RLM_CONFIG", str(path))
    with pytest.raises(ConfigError, match=r"\[trace\] has lines like keep_days = 30"):
        retention()
