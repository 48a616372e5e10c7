"""`rlm sandbox`: the list, the options, the table and the exit status."""

from __future__ import annotations

import json
import sys

import pytest

from rlm.cli import sandbox
from rlm.cli.sandbox_flags import SandboxFlags, read_pairs
from rlm.errors import ConfigError
from rlm.sandbox.launchers import LAUNCHERS
from rlm.sandbox.trials import contract
from rlm.sandbox.trials.registry import Attempt, attempts

ALL = ["files", "network", "memory", "time", "cpu", "processes", "disk"]


@pytest.fixture
def a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cases, one of which may be refused, and three attempts."""
    cases = tuple(case for case in contract.cases() if case.name in ("first_cell", "env_is_set"))
    tried = tuple(attempt for attempt in attempts() if attempt.name in ("read_a_file", "tcp", "leave_a_file"))
    monkeypatch.setattr(contract, "cases", lambda: cases)
    monkeypatch.setattr(sandbox, "attempts", lambda: tried)


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launchers that look for nothing on this machine."""
    monkeypatch.setattr(sandbox, "LAUNCHERS", {name: LAUNCHERS[name] for name in ("local", "ssh", "unconfined")})


def test_the_list_has_every_launcher_and_what_it_enforces(rlm, three):
    result = rlm("sandbox", "list", "--json")
    rows = {row["name"]: row for row in json.loads(result.out)["sandboxes"]}
    assert list(rows) == ["local", "ssh", "unconfined"]
    assert rows["local"] == {"name": "local", "why_not": "", "enforces": ALL}
    assert rows["ssh"]["why_not"].startswith("the sandbox 'ssh' needs a host")
    assert rows["unconfined"] == {"name": "unconfined", "why_not": "", "enforces": []}
    assert result.status == 0


def test_the_list_says_why_not(rlm, three, monkeypatch):
    monkeypatch.setattr("rlm.sandbox.lockdown.supported", lambda *_, **__: "this kernel has no Landlock")
    result = rlm("sandbox", "list")
    lines = result.out.splitlines()
    assert lines[0] == "- local        this kernel has no Landlock"
    assert lines[2:] == ["* unconfined   enforces nothing", "", "* can be used here; - can't, and what to do about it."]


def test_local_holds(rlm, a_few):
    result = rlm("sandbox", "test", "local")
    assert result.status == 0, result.err
    assert result.out.startswith("local says that it enforces: files, network, memory, time, cpu, processes, disk\n")
    assert result.out.endswith("3 attempts, 0 got out. Contained: it reached something of the sandbox's own.\n")


def test_what_gets_out_is_told_and_fails(rlm, a_few):
    result = rlm("sandbox", "test", "unconfined")
    assert result.status == 1
    assert "  out: files: read_a_file: CANARY-7f2c90e1\n" in result.out
    assert "heard by TCP" in result.out
    assert "  out: persistence: leave_a_file: from the last run" in result.out


def test_a_case_that_fails_is_told_and_fails(rlm, a_few, monkeypatch):
    async def wrong(place: contract.Place) -> None:
        """It never holds."""
        await place.shows("print(1)", "2\n")

    monkeypatch.setattr(contract, "cases", lambda: (contract.Case("wrong", "cells", "it never holds", wrong),))
    monkeypatch.setattr(sandbox, "attempts", tuple)
    result = rlm("sandbox", "test", "local")
    assert result.status == 1
    fault = "lost, error, output: (None, None, '1\\n'), and should be (None, None, '2\\n')"
    assert f"  fails: wrong: {fault}\n" in result.out


def test_json_has_every_case_and_attempt(rlm, a_few):
    result = rlm("sandbox", "test", "local", "--json")
    told = json.loads(result.out)
    assert (told["sandbox"], told["enforces"], result.status) == ("local", ALL, 0)
    assert [(one["case"], one["fault"]) for one in told["contract"]] == [("first_cell", ""), ("env_is_set", "")]
    assert {one["attempt"]: (one["family"], one["verdict"]) for one in told["attempts"]} == {
        "read_a_file": ("files", "held"),
        "tcp": ("network", "held"),
        "leave_a_file": ("persistence", "held"),
    }


def test_what_breaks_is_no_success(rlm, a_few, monkeypatch):
    broken = Attempt("broken", "files", "a mistake", "def broken(t):\n    return t.nothing\n", "nowhere")
    monkeypatch.setattr(sandbox, "attempts", lambda: (broken,))
    assert rlm("sandbox", "test", "local").status == 1


def test_options_are_the_sandboxs_or_the_launchers():
    made = SandboxFlags(
        sandbox_option=["cpus=1.5", "packages=numpy>=2, pandas", "runtime=runsc", 'args={"a": 1}']
    ).sandbox("docker")
    assert (made.cpus, made.packages) == (1.5, ("numpy>=2", "pandas"))
    assert made.options == {"runtime": "runsc", "args": {"a": 1}}


@pytest.mark.parametrize(
    ("pair", "why"),
    [("cpus", "--option takes KEY=VALUE, not 'cpus'"), ("files=x", "--option files= can't be given here")],
)
def test_wrong_options_are_refused(pair, why):
    with pytest.raises(ConfigError, match=why):
        read_pairs([pair], "--option")


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (("nowhere",), 2, "no sandbox 'nowhere'"),
        (("local", "-o", "runtime=runsc"), 2, "the sandbox 'local' has no option runtime"),
    ],
)
def test_what_can_not_be_made_is_told(rlm, arguments, status, why):
    result = rlm("sandbox", "test", *arguments)
    assert result.status == status
    assert why in result.err


@pytest.mark.parametrize(
    ("name", "module", "told"),
    [
        ("docker", "docker", "the docker sandbox needs the Docker SDK"),
        ("e2b", "e2b", "the sandbox 'e2b' needs e2b"),
        ("modal", "modal", "the sandbox 'modal' needs modal"),
        ("daytona", "daytona", "the sandbox 'daytona' needs daytona"),
        ("prime", "prime_sandboxes", "the sandbox 'prime' needs prime_sandboxes"),
        ("kubernetes", "kubernetes", "the sandbox 'kubernetes' needs kubernetes"),
        ("wasm", "wasmtime", "the sandbox 'wasm' takes wasmtime and a Python for it"),
        ("jupyter", "jupyter_client", "the sandbox 'jupyter' needs jupyter_client"),
    ],
)
def test_a_sandbox_whose_library_is_missing_can_not_be_had_here(rlm, name, module, told, monkeypatch, tmp_path):
    monkeypatch.setenv("RLM_HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setitem(sys.modules, module, None)  # as where it can't be imported
    message = f"rlm: {told}: pip install 'rlm-engine[{name}]'\n"
    tested = rlm("sandbox", "test", name)
    assert (tested.status, tested.out, tested.err) == (4, "", message)
    asked = rlm("ask", "Who?", "--sandbox", name, "--route", "never", script=["never asked"])
    assert (asked.status, asked.out, asked.err[-len(message) :]) == (4, "", message)
