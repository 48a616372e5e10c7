"""What the doctor finds in models that misbehave, each in its way, and in one that does not."""

from __future__ import annotations

import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest

from doctor.patient import Patient, code, fenced
from rlm.doctor import Bounds, examine
from rlm.doctor.findings import Findings, Habits, Window
from rlm.doctor.suggest import as_toml
from rlm.errors import LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms import resolve
from rlm.lms.base import Price
from rlm.prompts.profiles import find, profile_for, shipped
from rlm.types import Limits

SHORT = Bounds(window=1_000)


def examined(patient: Patient, bounds: Bounds = SHORT) -> Findings:
    return examine(patient, bounds)


def test_a_model_that_does_all_right() -> None:
    found = examined(Patient(window=100_000))
    assert found.habits == Habits(runs=2, right=2, replies=4, fences={"repl": 4}, cells=4, answered=2)
    assert asdict(found.controls) == {"max_tokens": "honoured", "stop": "honoured", "temperature": "honoured"}
    assert found.window == Window(found.window.tokens, "at_least", 100_000)
    assert found.window.tokens is not None
    assert 850 < found.window.tokens < 1_000
    assert (found.rate.at_once, found.rate.answered, found.rate.limits) == (8, 8, {})
    assert (found.suggested, found.advice, found.skipped, found.profile) == ({}, [], {}, "default")
    assert (found.usd, found.thinking_tokens) == (0.0, 0)
    assert found.speed.reply_seconds is not None
    assert found.calls == 2 * 2 + 3 + 7 + 8 + 1
    assert found.calls <= found.plan.calls
    assert found.tokens <= found.plan.tokens


def test_the_runs_have_the_engine_s_own_prompts() -> None:
    patient = Patient()
    examined(patient)
    root = next(request for request in patient.requests if len(request.messages) == 2)
    opening = profile_for(patient.name).opening(
        "What is the vault code of Port Ellery?",
        root.messages[1].content.partition("`context` is: ")[2].partition("\n\nBegin with")[0],
        functions={"grep", "search", "chunks", "SHOW_VARS", "llm_query", "llm_query_batched", "llm_map"},
        limits=Limits(turns=6, cell_seconds=20.0),
        sub_window=None,
    )
    assert root.messages == opening


def test_it_writes_another_fence() -> None:
    found = examined(Patient(fenced("python")))
    assert found.habits.fences == {"python": 4}
    assert found.habits.right == 2
    assert found.suggested == {"match": ["^patient$"], "base": "default", "fence": "python"}
    assert found.advice == ["it writes ```python though it was shown ```repl: it is shown what it writes"]


def test_it_writes_a_fence_that_is_no_cell() -> None:
    found = examined(Patient(fenced("tool_code")))
    assert (found.habits.fences, found.habits.cells, found.habits.right) == ({"tool_code": 6}, 0, 0)
    assert found.habits.reasons == ["the model wrote no cell in 3 replies"] * 2
    assert found.suggested["fences"] == ["repl", "python", "python3", "py", "tool_code"]
    assert found.advice == ["it writes ```tool_code: that is taken for a cell"]


def test_it_writes_fences_without_a_mark() -> None:
    found = examined(Patient(fenced("")))
    assert found.habits.fences == {"": 6}
    assert found.suggested["fences"] == ["repl", "python", "python3", "py", ""]
    assert found.advice == ["it writes a fence without a mark: that is taken for a cell"]


def test_a_fence_of_something_else_is_not_made_a_cell() -> None:
    found = examined(Patient(lambda turn, question: '```json\n{"tool": "search"}\n```'))
    assert found.habits.fences == {"json": 6}
    assert (found.suggested, found.advice) == ({}, ["it writes ```json, which is no cell"])


def test_it_writes_no_code_at_all() -> None:
    found = examined(Patient(lambda turn, question: "I would look for it."))
    assert found.habits == Habits(runs=2, replies=6, unfenced=6, reasons=["the model wrote no cell in 3 replies"] * 2)
    assert found.suggested == {}


def test_it_gives_the_answer_as_bare_text() -> None:
    def root(turn: int, question: str) -> str:
        return fenced()(turn, question) if turn == 1 else f"So:\n{code(turn, question).rpartition(chr(10))[2]}"

    found = examined(Patient(root))
    assert found.habits.bare_finals == found.habits.unfenced == 6  # two runs, until the nudges are used up
    assert found.habits.fences == {"repl": 2}
    assert (found.habits.answered, found.habits.runs) == (0, 2)
    assert found.suggested == {"match": ["^patient$"], "base": "default", "bare_final": True}


@pytest.mark.parametrize(
    "after",
    [
        "\n\nOutput:\n5901\n\nSo it is 7.",
        "\n```output\n5901\n```",
        "\n\n**Expected output:**\n```\n5901\n```",
        "\n\n# Result: 5901",
    ],
)
def test_it_invents_what_its_cell_prints(after: str) -> None:
    found = examined(Patient(fenced(after=after)))
    assert (found.habits.invented, found.habits.several_cells, found.habits.right) == (4, 0, 2)
    assert found.suggested["stop"] == ["\n```\n"]
    assert found.advice == ["it goes on after its cell: the cell's end stops it"]


def test_words_after_a_cell_are_no_invented_output() -> None:
    found = examined(Patient(fenced(after="\n\nThis prints how long the output would be.")))
    assert (found.habits.invented, found.habits.several_cells) == (0, 0)


def test_it_goes_on_to_another_cell() -> None:
    found = examined(Patient(fenced(after="\n\n```repl\nFINAL('a guess')\n```")))
    assert (found.habits.invented, found.habits.several_cells, found.habits.right) == (0, 4, 2)
    assert found.suggested["stop"] == ["\n```\n"]


def test_a_stop_string_is_not_suggested_where_it_does_nothing() -> None:
    found = examined(Patient(fenced(after="\n\nOutput:\n5901"), ignores=("stop",)))
    assert found.controls.stop == "ignored"
    assert (found.suggested, found.advice) == ({}, ["it goes on after its cell: what follows is dropped, and paid for"])


def test_it_runs_the_same_cell_again_and_again() -> None:
    found = examined(Patient(lambda turn, question: "```repl\nprint(context[:100])\n```"))
    assert found.habits.loops
    # Six turns and the wrap-up's, in each of two runs.
    assert (found.habits.cells, found.habits.repeated, found.habits.answered) == (14, 12, 0)
    assert found.habits.reasons == ["the limit of 6 turns is reached"] * 2
    assert found.advice == ["it ran the same cell again and again: another model would do better as the root"]


def test_options_that_do_nothing() -> None:
    found = examined(Patient(ignores=("max_tokens", "stop", "temperature")))
    assert asdict(found.controls) == {"max_tokens": "ignored", "stop": "ignored", "temperature": "ignored"}


def test_options_that_are_refused() -> None:
    found = examined(Patient(name="ollama/phi4", refuses=("stop", "temperature")))
    assert (found.controls.stop, found.controls.temperature) == ("refused", "refused")
    # Its profile sends a stop string, so its runs fail, and all that can be said is why.
    assert found.profile == "small"
    assert "Unsupported parameter: 'stop'" in found.skipped["habits"]
    assert found.suggested == {"match": ["^phi4$"], "base": "small", "stop": []}


def test_it_takes_no_system_message() -> None:
    found = examined(Patient(refuses=("system",)))
    assert not found.habits.system_role
    assert (found.habits.runs, found.habits.right) == (2, 2)
    assert found.suggested == {"match": ["^patient$"], "base": "default", "system_role": False}


def test_it_thinks_in_its_text() -> None:
    def root(turn: int, question: str) -> str:
        return f"<think>\nOutput: maybe\n```repl\n1/0\n```\n</think>\n{fenced()(turn, question)}"

    found = examined(Patient(root))
    assert (found.habits.thought, found.habits.invented, found.habits.several_cells) == (4, 0, 0)
    assert found.habits.fences == {"repl": 4}
    assert found.suggested == {"match": ["^patient$"], "base": "thinking"}
    assert find("thinking") is shipped()["thinking"]


def test_it_thinks_out_of_sight_and_runs_out_of_room() -> None:
    found = examined(Patient(thinks=30))
    assert found.thinking_cut > 0
    assert found.thinking_tokens > 30 * 4
    assert found.controls.max_tokens == "honoured"
    assert found.suggested["base"] == "thinking"
    assert found.advice[-1].startswith("replies were cut off by their length")


def test_its_window_is_told_by_the_error() -> None:
    told = LMReplyError("too long; 400: This model's maximum context length is 4096 tokens", fault="too_long")
    found = examined(Patient(takes=4_000, too_long=told, window=8_192), Bounds())
    assert found.window == Window(4_096, "told", 8_192)
    assert found.suggested == {"match": ["^patient$"], "base": "default", "output_chars": 1_500}
    assert found.advice[0] == ("its window is 4,096 tokens, not 8,192: give model_options={'window': 4096}")


def test_its_window_is_searched_for() -> None:
    found = examined(Patient(takes=5_000, too_long=LMRefusedError("400: prompt is too long", 400)), Bounds())
    assert found.window.how == "found"
    assert found.window.tokens is not None
    assert 4_700 < found.window.tokens <= 5_016
    assert found.advice[0] == f"its window was not known: give model_options={{'window': {found.window.tokens}}}"


def test_its_window_cuts_without_a_word() -> None:
    found = examined(Patient(takes=3_000, window=32_768), Bounds())
    assert found.window == Window(3_016, "cut", 32_768)
    assert found.advice[0].endswith("or have its server take more")


def test_it_does_not_say_what_it_consumed() -> None:
    patient = Patient(reports=False)
    found = examined(patient, Bounds(window=5_000))
    assert found.window.how == "at_least"
    assert max(len(request.messages[0].content) for request in patient.requests) < 5_000 * 5
    assert found.controls.max_tokens == "honoured"


def test_the_longest_prompt_is_the_one_that_was_allowed() -> None:
    patient = Patient()
    found = examined(patient, Bounds(window=5_000))
    assert found.window.how == "at_least"
    sizes = [len(request.messages[0].content) // 4 for request in patient.requests if len(request.messages) == 1]
    assert 4_900 < max(sizes) < 5_050


def test_the_budget_holds_and_what_it_left_out_is_said() -> None:
    patient = Patient(price=Price(100.0, 400.0))
    found = examined(patient, Bounds(usd=0.2))
    assert found.usd is not None
    assert 0.1 < found.usd <= 0.2
    assert found.plan.usd is not None
    assert found.plan.usd > 0.2 == found.plan.budget
    assert found.skipped["habits"].startswith("the limit of $0.2 is reached") or "window" in found.skipped
    assert "window" in found.skipped


def test_tokens_hold_where_the_price_is_unknown() -> None:
    found = examined(Patient(price=None), Bounds(tokens=20_000))
    assert found.usd is None
    assert (found.plan.usd, found.plan.budget) == (None, None)
    assert found.tokens <= 20_000
    assert "the limit of 20,000 tokens is reached" in found.skipped["window"]


def test_a_run_that_its_share_cuts_short_is_said() -> None:
    patient = Patient(lambda turn, question: f"```repl\nprint({turn})\n```" + "# word " * 3_000)
    found = examined(patient, Bounds(tokens=40_000, window=1_000))
    assert "tokens is reached" in found.skipped["habits"]
    assert found.habits.runs == 1
    assert found.tokens <= 40_000


def test_time_holds() -> None:
    found = examined(Patient(delay=0.2), Bounds(seconds=0.5))
    assert found.seconds < 1.0
    assert set(found.skipped) >= {"habits", "controls", "rate", "window"}
    assert "0.5 s" in found.skipped["controls"]


def test_a_model_that_does_not_answer() -> None:
    class Dead(Patient):
        async def complete(self, request):
            raise LMUnavailableError("nobody there")

    with pytest.raises(LMUnavailableError, match="nobody there"):
        examined(Dead())


def test_what_is_suggested_helps(tmp_path: Path) -> None:
    root = fenced("tool_code", after="\n\nOutput:\n5901\n\nSo it is 7.")
    first = examined(Patient(root))
    (tmp_path / "profile.toml").write_text(as_toml(first))
    assert tomllib.loads(as_toml(first)) == first.suggested
    profile = find(tmp_path)
    assert profile.is_for("other/patient")
    assert not profile.is_for("other/patient-2")
    found = examine(Patient(root), SHORT, profile)
    assert (found.habits.right, found.habits.answered, found.habits.invented) == (2, 2, 0)
    assert (found.suggested, found.advice) == ({}, [])


@pytest.mark.slow
def test_the_model_in_the_box() -> None:
    found = examine(resolve("nano"))
    assert found.habits == Habits(runs=2, right=2, replies=3, fences={"repl": 3}, cells=3, answered=2)
    assert (found.controls.max_tokens, found.controls.stop) == ("honoured", "honoured")
    assert found.window == Window(2_048, "told", 2_048)
    assert (found.profile, found.usd, found.skipped) == ("nano", 0.0, {})
    assert (found.suggested, found.advice) == ({}, [])
