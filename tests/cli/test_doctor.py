"""`rlm doctor`: what it says, prints, saves and exits with."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Result
from doctor.patient import Patient, fenced
from rlm.errors import LMUnavailableError, SandboxUnavailableError
from rlm.lms.base import Price

Doctor = Callable[..., Result]


@pytest.fixture
def doctor(rlm: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    def run(patient: Patient, *arguments: str) -> Result:
        monkeypatch.setattr("rlm.cli.doctor.resolve", lambda spec: patient)
        return rlm("doctor", "-m", patient.name, "--window", "1000", *arguments)

    return run


def lines(text: str) -> dict[str, str]:
    """The report's findings by name."""
    return {line[2:16].strip(): line[16:] for line in text.splitlines() if line.startswith("  ")}


def test_a_report(doctor: Doctor) -> None:
    done = doctor(Patient(fenced("python", after="\n\nOutput:\n5901"), window=32_768, price=Price(0.25, 2.0)))
    assert done.status == 0
    assert re.fullmatch(
        r"rlm: test/patient: about 34 calls and [2-5]\d,\d{3} tokens, \$0\.0[1-4]\d\d; "
        r"never more than 200,000 tokens, 120 s and \$0\.05\n",
        done.err,
    )
    assert done.out.startswith("test/patient  with the profile default\n")
    assert "\x1b" not in done.out
    found = lines(done.out)
    assert found["answers"] == "2 of 2 right, 2 by code, cells: 4"
    assert found["fence"] == "```python 4"
    assert found["one cell"] == "all 4 replies"
    assert found["no inventing"] == "4 of 4 replies invent the output"
    assert found["max_tokens"] == found["stop"] == found["temperature"] == "honoured"
    assert found["window"].endswith(" tokens, or more: longer prompts were not tried (32,768 listed)")
    assert found["rate"] == "no limit told; 8 of 8 calls at once answered"
    assert found["took"].startswith("23 calls, ")
    assert done.out.endswith(
        """
profile.toml (--save FOLDER writes it):
# test/patient, as rlm doctor found it.
# - it writes ```python though it was shown ```repl: it is shown what it writes
# - it goes on after its cell: the cell's end stops it
match = ["^patient$"]
base = "default"
fence = "python"
stop = ["\\n```\\n"]
"""
    )


def test_as_json(doctor: Doctor) -> None:
    done = doctor(Patient(), "--json")
    value = json.loads(done.out)
    assert (done.status, value["status"], value["model"]) == (0, "done", "test/patient")
    assert value["habits"]["fences"] == {"repl": 4}
    assert value["controls"] == {"max_tokens": "honoured", "stop": "honoured", "temperature": "honoured"}
    assert value["suggested"] == {}


def test_what_is_saved_is_taken_by_ask(doctor: Doctor, rlm: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    done = doctor(Patient(fenced("tool_code")), "--save", str(folder))
    assert done.status == 0
    assert f"saved {folder / 'profile.toml'}" in done.err
    script = ["```tool_code\nFINAL(len(context))\n```"]
    asked = rlm("ask", "How long?", str(folder), "--profile", str(folder), "--sandbox", "local", script=script)
    assert asked.status == 0
    again = doctor(Patient(), "--save", str(folder))
    assert again.status == 2
    assert "there is a profile.toml already" in again.err


def test_nothing_is_saved_where_nothing_is_to_change(doctor: Doctor, tmp_path: Path) -> None:
    done = doctor(Patient(), "--save", str(tmp_path / "mine"))
    assert (done.status, list(tmp_path.iterdir())) == (0, [])
    assert "the profile that it has fits: nothing was saved" in done.err


def test_what_is_not_measured_is_partial(doctor: Doctor) -> None:
    done = doctor(Patient(price=Price(100.0, 400.0)), "--budget", "0.2")
    assert done.status == 3
    assert "and $0.2\n" in done.err
    assert "the limit of $0.2 is reached" in lines(done.out)["not measured"]


def test_a_model_that_does_not_answer(doctor: Doctor) -> None:
    class Dead(Patient):
        async def complete(self, request):
            raise LMUnavailableError("nobody there")

    done = doctor(Dead(), "--json")
    assert done.status == 1
    assert json.loads(done.out) == {"status": "failed", "error": "LMUnavailableError", "reason": "nobody there"}
    assert done.err.endswith("rlm: nobody there\n")


def test_ctrl_c(doctor: Doctor) -> None:
    class Slow(Patient):
        cancelled = threading.Event()

        async def complete(self, request):
            await asyncio.sleep(0.05)  # until it is waited for
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise

    assert doctor(Slow()).status == 130
    assert Slow.cancelled.wait(2)


def test_sub_calls_that_are_not_needed_are_said(doctor: Doctor) -> None:
    done = doctor(Patient(lambda turn, question: "```repl\nFINAL(llm_query_batched(['a', 'b'])[0])\n```"))
    assert lines(done.out)["sub-calls"] == "4 for questions that need none"


def test_no_sandbox(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def open_none(*_: object) -> None:
        raise SandboxUnavailableError("no Landlock here")

    monkeypatch.setattr("rlm.sandbox.launchers.local.LocalLauncher.open", open_none)
    done = doctor(Patient())
    assert (done.status, done.err.splitlines()[-1]) == (4, "rlm: no Landlock here")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--profile", "smal"), "no profile 'smal': deepseek-r1, default"),
        (("--budget", "0.5"), "the price of test/patient is not known, so a budget of $0.5 can't be kept"),
        (("--save", "/nowhere/at/all"), "/nowhere/at is no folder that can be written to"),
        (("--window", "5"), "--window"),
    ],
)
def test_wrong_options(doctor: Doctor, arguments: tuple[str, ...], said: str) -> None:
    done = doctor(Patient(price=None), *arguments)
    assert done.status == 2
    assert said in done.err
    assert done.out == ""
