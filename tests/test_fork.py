"""Runs that are forked at a turn: another model, limit or cell from there on, and nothing before it asked again."""

from pathlib import Path

import pytest

from rlm import RLM, ConfigError, Limits, fork, replay, resume
from rlm.lms.scripted import Scripted
from rlm.trace.events import RecordLeft, ReplyReceived, RequestSent, RunBegin
from rlm.types import Request
from worlds import World, block, cut_at_turn, events

CELLS = (
    "a = llm_query('a')\nprint(a, tool('t'))",
    "b = llm_query('b')\nprint(b)",
    "print(llm_query('c'))",
    "FINAL([a, b])",
)


def other(request: Request) -> str:
    turn = sum(message.role == "assistant" for message in request.messages)
    return block("print(llm_query('b'), a)" if turn == 1 else "FINAL(['other', a])")


def test_another_model_from_a_turn_on() -> None:
    whole = World(*CELLS).run()
    world, model = World(*CELLS), Scripted(other, name="other")
    done = fork(whole.run_id, at=2, **world.options(model=model)).result()
    assert done.answer == ["other", "A"]
    assert (dict(world.asked), dict(world.ran)) == ({"b": 1}, {})  # what was from turn 2 on is no part of it
    asked, sent = model.requests[0].messages, [event for event in events(whole) if isinstance(event, RequestSent)]
    assert [message.content for message in asked] == [
        one["content"] for event in sent[:2] for one in event.messages if isinstance(one, dict)
    ]
    told = events(done)
    begin = told[0]
    assert isinstance(begin, RunBegin)
    assert (begin.model, begin.sub_model) == ("other", "sub")
    assert begin.origin == {"run": whole.run_id, "turn": 2, "way": "fork"}
    assert [event.source for event in told if isinstance(event, ReplyReceived)] == ["recorded", "model", "model"]
    assert sum(isinstance(event, RecordLeft) for event in told) == 1


def test_an_edited_cell() -> None:
    whole = World(*CELLS).run()
    world = World(*CELLS)
    code = 'b = """```\nlooks like the end\n```"""\nprint(a, len(b))'
    done = fork(whole.run_id, at=2, cell=code, **world.options()).result()
    assert done.answer == ["A", "```\nlooks like the end\n```"]
    assert dict(world.asked) == {"turn 3": 1, "c": 1, "turn 4": 1}
    begin = events(done)[0]
    assert isinstance(begin, RunBegin)
    assert begin.origin == {"run": whole.run_id, "turn": 2, "way": "fork", "cell": code}


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_fork_that_was_cut_off_is_resumed_and_replayed(turn: int) -> None:
    whole = World(*CELLS).run()
    code = "b = 'edited'"
    forked = fork(whole.run_id, at=2, cell=code, **World(*CELLS).options()).result()
    path = cut_at_turn(forked, turn)
    world = World(*CELLS)
    done = world.resumed(path).result()
    assert done.answer == ["A", "edited"]
    assert dict(world.asked) == {"turn 3": 1, "c": 1, "turn 4": 1}
    assert dict(world.ran) == {}
    assert replay(done.run_id, tools=[world.tool]).result().answer == ["A", "edited"]


def test_a_fork_of_a_resumed_run_is_cut_in_both_records() -> None:
    whole = World(*CELLS).run()
    second = World(*CELLS).resumed(whole).result()
    world = World(*CELLS)
    assert fork(second.run_id, at=3, **world.options()).result().answer == ["A", "B"]
    assert dict(world.asked) == {"turn 3": 1, "c": 1, "turn 4": 1}


def test_other_limits_and_the_conversation_as_it_was() -> None:
    whole = World(*CELLS).run()
    world = World(*CELLS)
    done = fork(whole.run_id, at=2, limits=Limits(turns=1, output_chars=500), **world.options()).result()
    assert (done.status, done.reason) == ("failed", "the limit of 1 turns is reached")
    assert dict(world.asked) == {"turn 2": 1}


def test_another_sub_model_has_what_is_recorded_of_the_first_one() -> None:
    whole = World(*CELLS).run()
    world = World(*CELLS)
    fast = Scripted(lambda request: "fast", name="fast")
    done = fork(whole.run_id, at=2, model=world.root, sub_model=fast, tools=[world.tool]).result()
    assert done.answer == ["A", "fast"]
    assert [request.messages[-1].content for request in fast.requests] == ["b", "c"]
    again = resume(cut_at_turn(done, 1), model=world.root, sub_model=fast, tools=[world.tool]).result()
    assert again.answer == ["A", "fast"]
    assert [request.messages[-1].content for request in fast.requests[2:]] == ["b", "c"]


def test_where_it_can_not_be_forked() -> None:
    whole = World(*CELLS).run()
    for at, message in (
        (0, r"^turns count from 1: a run can't be forked at 0$"),
        ("2", r"^`at` is the number of a turn, not '2'$"),
        (6, r"^the run has 4 turns: it can be forked at 1 to 5, not at 6$"),
    ):
        with pytest.raises(ConfigError, match=message):
            fork(whole.run_id, at=at, **World(*CELLS).options())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"^a run's name or its folder is needed, not a Completion; a"):
        fork(whole, at=1)  # type: ignore[arg-type]


def test_at_its_first_turn_all_is_live_but_the_input_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("one two")
    whole = World("FINAL(context)").run(path)
    world = World("FINAL(context.upper())")
    assert fork(whole.run_id, at=1, **world.options()).result().answer == "ONE TWO"
    assert dict(world.asked) == {"turn 1": 1}


def test_python_and_command_have_the_same_names() -> None:
    assert {resume.__name__, replay.__name__, fork.__name__} == {"resume", "replay", "fork"}
    assert RLM is not None
