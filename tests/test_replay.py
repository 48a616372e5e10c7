"""Runs that are replayed: no model, the same events, or the first difference."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from rlm import RLM, ConfigError, DivergedError, Limits, replay
from rlm.cli import main
from rlm.lms.scripted import Scripted
from rlm.trace import runs
from rlm.trace.events import CellEnd, Event, ReplyReceived, RunBegin, RunEnd, ToolEnd
from worlds import World, block, cut_at_turn, cut_before, events

CELLS = (
    "import random\nprint(random.random(), tool('x'), llm_query_batched(['a', 'b']))",
    "print(rlm_query('child', context='text'))",
    "FINAL([llm_query('c'), 1.5, None])",
)
CHILD = ("FINAL(llm_query('in child') + context)",)


def told(seen: list[Event]) -> list[dict[str, Any]]:
    """Events but for when they were, where they are from, and the seconds that being served took."""
    plain = [replace(event, t=0.0) for event in seen if not isinstance(event, RunBegin | RunEnd)]
    rows = [{**asdict(event), "type": event.type} for event in plain]
    for row in rows:
        row.pop("source", None)
        if row["type"] in ("call_end", "tool_end"):
            row["seconds"] = 0.0
    return rows


def test_a_replay_has_the_same_events_asks_nobody_and_leaves_no_trace() -> None:
    whole = World(*CELLS, child=CHILD).run(limits=Limits(depth=2))
    world = World()
    run = replay(whole.run_id, tools=[world.tool])
    seen = list(run)
    done = run.result()
    assert (done.answer, done.status, done.usage) == (whole.answer, "done", whole.usage)
    assert done.cost == pytest.approx(whole.cost)
    assert told(seen) == told(events(whole))
    answered = [event for event in seen if isinstance(event, ReplyReceived | ToolEnd)]
    assert {event.source for event in answered} == {"recorded"}
    assert (len(answered), world.ran) == (5, {})
    assert (done.trace, runs.names(runs.folder())) == (None, [whole.run_id])


def test_a_replay_ends_where_the_record_does() -> None:
    whole = World(*CELLS, child=CHILD).run(limits=Limits(depth=2))
    within = cut_before(whole, lambda event: isinstance(event, CellEnd))
    for path, turns in ((within, 1), (cut_at_turn(whole, 3), 2)):
        done = replay(path, tools=[World().tool]).result()
        assert (done.status, done.reason, done.turns) == ("failed", "the record ends here", turns)


def test_a_replay_tells_the_first_difference() -> None:
    whole = World("print('same')", "import os\nprint(os.getpid())", "FINAL(1)").run()
    with pytest.raises(DivergedError) as caught:
        replay(whole.run_id, tools=[World().tool]).result()
    assert caught.value.turn == 2
    assert str(caught.value).startswith("turn 2 went another way than recorded: line 1 of its output was '")
    assert "--live" not in str(caught.value)


def test_no_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Scripted([block("print(chunks()[0][:4])"), block("FINAL('ok')")], name="openai/gpt-5-mini", window=9000)
    whole = RLM(model=script, route="never", limits=Limits(usd=1.0)).completion("What?", context="text " * 9000)
    assert replay(whole.run_id).result().answer == "ok"


def test_a_replay_needs_what_no_trace_can_hold() -> None:
    whole = World("FINAL(seven)").run(values={"seven": 7})
    with pytest.raises(ConfigError, match=r"^the run had values \(seven\), which its trace can't hold: give `values`$"):
        replay(whole.run_id, tools=[World().tool])
    assert replay(whole.run_id, tools=[World().tool], values={"seven": 7}).result().answer == 7


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = ["print(1)", "import os\nprint(os.getpid())", "FINAL(1)"]
    whole = RLM(model=Scripted([block(cell) for cell in cells]), route="never").completion("What?", context="x" * 99)
    assert whole.trace is not None
    assert main(["replay", whole.run_id]) == 1
    assert "turn 2 went another way than recorded: line 1 of its output was" in capsys.readouterr().err
    path = cut_at_turn(whole, 2)
    assert main(["replay", str(path)]) == 0
    assert capsys.readouterr().err.endswith(
        "rlm: the record ends here\nrlm: all of it was recorded: nobody was asked\n"
        "rlm: so it is recorded, and the replay went no other way (exit status 0)\n"
    )
