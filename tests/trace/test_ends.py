"""How a run's trace ends: also where what the caller gave raises, and where the disk is full."""

import os
from pathlib import Path

import pytest

from rlm import RLM, Request
from rlm.approval import Decision, Estimate
from rlm.lms.scripted import Scripted
from rlm.route import Route
from rlm.trace import runs
from rlm.trace.events import CellBegin, RunEnd
from rlm.trace.reader import Reader
from rlm.trace.store import Trace, read


class OwnError(Exception):
    """What a caller's own code may raise."""


def end_of(folder: Path) -> RunEnd:
    (run,) = folder.iterdir()
    *_, end = read(run)
    assert isinstance(end, RunEnd)
    return end


@pytest.mark.parametrize("route", ["never", "always"])
def test_what_a_model_of_the_callers_own_raises_ends_the_run_and_is_raised(tmp_path: Path, route: Route) -> None:
    def broken(request: Request) -> str:
        raise OwnError("a socket of mine " + "x" * 1000)

    with pytest.raises(OwnError, match="a socket of mine"):
        RLM(model=Scripted(broken), route=route, trace=tmp_path).completion("Q", context="text")
    end = end_of(tmp_path)
    assert (end.status, end.response) == ("failed", "")
    assert end.reason == "OwnError: a socket of mine " + "x" * 183
    (listed,) = runs.summaries(tmp_path)
    assert listed.state == "failed"


def test_what_a_policy_raises_ends_the_run_and_is_raised(tmp_path: Path) -> None:
    def policy(estimate: Estimate) -> Decision:
        raise OwnError("no policy")

    root = Scripted(["```repl\nllm_query_batched(['a', 'b'])\n```"])
    with pytest.raises(OwnError):
        RLM(model=root, sub_model=Scripted(["x", "y"]), route="never", approve=policy, trace=tmp_path).completion(
            "Q", context="text"
        )
    assert end_of(tmp_path).reason == "OwnError: no policy"


def test_where_a_redaction_raises_nothing_is_told_but_that_the_run_failed(tmp_path: Path) -> None:
    def redact(text: str) -> str:
        if "secret" in text:
            raise OwnError("no pattern")
        return text

    with pytest.raises(OwnError):
        RLM(model=Scripted(["a secret"]), route="always", redact=redact, trace=tmp_path).completion("Q", context="text")
    end = end_of(tmp_path)
    assert (end.status, end.reason) == ("failed", "[withheld: its redaction failed]")
    (run,) = tmp_path.iterdir()
    assert b"secret" not in b"".join(file.read_bytes() for file in run.iterdir())


def test_while_the_disk_is_full_a_run_is_told_to_go_on(tmp_path: Path) -> None:
    trace = Trace("r", tmp_path / "r")
    trace.emit(CellBegin(code="a"))
    full = os.open("/dev/full", os.O_WRONLY)
    log = os.dup(trace._log_fd)
    os.dup2(full, trace._log_fd)
    trace.emit(CellBegin(code="b"))
    os.dup2(log, trace._log_fd)
    os.close(full)
    trace.emit(CellBegin(code="c"))  # the disk has room again, and still nothing follows what is missing
    assert trace.failure == f"the trace at {tmp_path / 'r'} is incomplete: No space left on device"
    assert runs.is_running(tmp_path / "r")
    os.close(log)
    trace.close()
    assert not runs.is_running(tmp_path / "r")
    reader = Reader(tmp_path / "r")
    assert [event.code for event in reader if isinstance(event, CellBegin)] == ["a"]
    assert reader.reason.startswith("no run_end")
