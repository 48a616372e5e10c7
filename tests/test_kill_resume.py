"""The host is killed with SIGKILL at random points and the run resumed; `RLM_KILLS=50` for as many as that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "kill_resume.py"


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--session",)])
def test_a_killed_run_gives_the_same_answer_and_pays_for_nothing_twice(more: tuple[str, ...]) -> None:
    kills = os.environ.get("RLM_KILLS", "3")
    command = [sys.executable, SCRIPT, "--kills", kills, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{kills} runs, " in done.stdout
    assert ": 0 wrong; " in done.stdout
