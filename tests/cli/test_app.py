"""The command itself: its help and its completion."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlm.cli import exit_codes
from rlm.cli.app import app
from rlm.sandbox.launchers import LAUNCHERS

Rlm = Callable[..., SimpleNamespace]

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]


def test_without_a_command_there_is_help_and_status_2(rlm: Rlm) -> None:
    done = rlm()
    assert (done.status, done.out) == (exit_codes.USAGE, "")
    assert done.err.startswith("Usage: rlm [OPTIONS]")
    assert all(f"\n  {command} " in done.err for command in COMMANDS)
    done = rlm("sandbox")
    assert (done.status, done.out) == (exit_codes.USAGE, "")
    assert done.err.startswith("Usage: rlm sandbox [OPTIONS]")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_tells_the_exit_statuses(rlm: Rlm, command: str) -> None:
    done = rlm(*filter(None, [command]), "--help")
    assert (done.status, done.err) == (0, "")
    assert exit_codes.HELP in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("typed", "helper"), [("view --port 99999", "rlm view"), ("sandbox tes", "rlm sandbox"), ("--nope", "rlm")]
)
def test_a_wrong_option_leads_to_the_help_that_has_it(rlm: Rlm, typed: str, helper: str) -> None:
    done = rlm(*typed.split())
    assert (done.status, done.out) == (exit_codes.USAGE, "")
    assert done.err.rstrip().endswith(f"({helper} --help lists what there is)")


def test_a_reader_that_has_gone_is_not_complained_to(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "rlm", "sandbox", "list", "--json"]
    environment = {**os.environ, "RLM_HOME": str(tmp_path)}
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (exit_codes.FAILED, "")


def on_a_full_disk(tmp_path: Path, unbuffered: str, *arguments: str) -> tuple[int, str]:
    environment = {**os.environ, "RLM_HOME": str(tmp_path), "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "rlm", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("unbuffered", ["", pytest.param("1", marks=pytest.mark.slow)])
def test_an_output_that_can_not_be_written_is_told_in_a_line(tmp_path: Path, unbuffered: str) -> None:
    told = "rlm: standard output can't be written: No space left on device\n"
    assert on_a_full_disk(tmp_path, unbuffered, "runs", "--json") == (exit_codes.FAILED, told)
    assert on_a_full_disk(tmp_path, unbuffered, "--version") == (exit_codes.FAILED, told)


def test_an_error_as_an_object_that_can_not_be_written(tmp_path: Path) -> None:
    status, told = on_a_full_disk(tmp_path, "", "ask", "Who?", "--model", "nobody", "--json")
    assert status == exit_codes.FAILED
    first, second = told.splitlines()
    assert first.startswith("rlm: no model 'nobody'; ")
    assert second == "rlm: standard output can't be written: No space left on device"


def test_an_output_that_is_closed(tmp_path: Path) -> None:
    command = f"{sys.executable} -m rlm runs --json >&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "rlm: standard output is closed, and answers go there\n")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("rlm a", "ask"),
        ("rlm ask --sandbox ", "\n".join(LAUNCHERS)),
        ("rlm ask --max-t", "--max-turns"),
        ("rlm show 2026", "20261121-000000-abc123"),
    ],
)
def test_the_shell_completes(typed: str, offered: str, tmp_path: Path) -> None:
    (tmp_path / "runs" / "20261121-000000-abc123").mkdir(parents=True)
    (tmp_path / "runs" / "20261121-000000-abc123" / "events.jsonl").touch()
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from rlm.cli import main; sys.exit(main())"],
        env={**os.environ, **words, "_RLM_COMPLETE": "complete_bash", "RLM_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == offered
