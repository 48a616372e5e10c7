"""Runs that are cut off and resumed: real workers, a scripted model, and nothing recorded asked twice."""

import hashlib
import re
import time
from pathlib import Path

import pytest

from rlm import (
    RLM,
    Completion,
    ConfigError,
    ContextError,
    DivergedError,
    Limits,
    LMReplyError,
    LMUnavailableError,
    Price,
    Sandbox,
    replay,
    resume,
)
from rlm.coverage import coverage
from rlm.errors import LMError
from rlm.lms.scripted import Scripted
from rlm.trace.events import (
    CallBegin,
    CallEnd,
    CellBegin,
    CellEnd,
    Event,
    LimitReached,
    NodeBegin,
    RecordLeft,
    ReplyReceived,
    RequestSent,
    RunBegin,
    RunEnd,
    ToolEnd,
    TurnBegin,
)
from rlm.types import Reply, Usage
from worlds import World, cut, cut_at_turn, cut_before, events

CELLS = (
    "import random\nkept = [random.random() for _ in range(3)]\nprint(kept, {'a', 'b', 'c'}, {'x', 'y', 'z'})",
    "one = llm_query('first')\nprint(one, tool('side'))",
    "many = llm_query_batched([f'piece {n}' for n in range(5)])\nprint(many)",
    "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(4) as pool:\n    got = list(pool.map(llm_query, [f'thread {n}' for n in range(6)]))\n"
    "print(got, tool('more'))",
    "again = [llm_query('same', temperature=0) for _ in range(3)]\nprint(again)",
    "FINAL([one, many, got, again, kept, tool('last')])",
)


def check_cut(whole: Completion, at: int, extra: int) -> None:
    """Cuts a run of `CELLS` off there and resumes it; what is asked then is what the record has not."""
    world = World(*CELLS)
    path = cut(whole, at, extra)
    had = events(Completion("", None, False, "done", "", Usage(), 0.0, 0, path.name, path))
    done = world.resumed(path).result()
    assert (done.answer, done.status, done.usage, done.reused) == (whole.answer, "done", whole.usage, whole.reused)
    assert done.cost == pytest.approx(whole.cost)
    replies = sum(isinstance(event, ReplyReceived) for event in had)
    calls = sum(isinstance(event, CallEnd) and event.source == "model" for event in had)
    turns = sum(count for name, count in world.asked.items() if name.startswith("turn"))
    assert turns == len(CELLS) - replies
    assert world.asked.total() - turns == 13 - calls
    assert world.ran.total() == 3 - sum(isinstance(event, ToolEnd) for event in had)


def test_a_run_that_was_cut_off_gives_the_same_answer_and_asks_only_what_is_missing() -> None:
    whole = World(*CELLS).run()
    for at, extra in ((1, 0), (20, 50), (len(events(whole)) - 4, 3)):
        check_cut(whole, at, extra)


@pytest.mark.slow
def test_wherever_it_was_cut_off() -> None:
    whole = World(*CELLS).run()
    for at in range(1, len(events(whole)) + 1, 2):
        check_cut(whole, at, extra=at % 7)


def test_the_resumed_run_is_a_new_one_that_names_its_origin_and_tells_what_was_recorded() -> None:
    whole = World(*CELLS).run()
    before = whole.trace.joinpath("events.jsonl").read_bytes() if whole.trace else b""
    path = cut_at_turn(whole, 4)
    told = events(World(*CELLS).resumed(path).result())
    first, begin = told[0], events(whole)[0]
    assert isinstance(first, RunBegin)
    assert isinstance(begin, RunBegin)
    assert first.origin == {"run": path.name, "turn": None, "way": "resume"}
    assert (first.seed, first.digest, first.source) == (begin.seed, begin.digest, begin.source)
    sources = [event.source for event in told if isinstance(event, ReplyReceived)]
    assert sources == ["recorded"] * 3 + ["model"] * 3
    left = [event for event in told if isinstance(event, RecordLeft)]
    assert [event.difference for event in left] == [None]
    assert whole.trace is not None
    assert whole.trace.joinpath("events.jsonl").read_bytes() == before


def test_a_run_that_came_to_its_end_ends_again_and_asks_nobody() -> None:
    whole = World(*CELLS).run()
    world = World(*CELLS)
    assert world.resumed(whole).result().answer == whole.answer
    assert (world.asked.total(), world.ran.total()) == (0, 0)


def test_a_resumed_run_that_is_cut_off_is_resumed_in_turn_from_both_records() -> None:
    whole = World(*CELLS).run()
    path = cut_at_turn(whole, 5)
    second = World(*CELLS).resumed(path).result()
    for turn in (3, 6):  # before the first record ends, and after it
        world = World(*CELLS)
        again = cut_at_turn(second, turn)
        assert world.resumed(again).result().answer == whole.answer
        assert set(world.asked) == ({"turn 5", "turn 6", "same"} if turn == 3 else {"turn 6"})
        assert world.ran == {"last": 1}


def test_a_cell_that_was_cut_off_is_run_again_and_the_model_is_told() -> None:
    cells = ("print(llm_query('a'), llm_query('b'), tool('t'))", "FINAL(1)")
    whole = World(*cells).run()
    path = cut_before(whole, lambda event: isinstance(event, CellEnd))
    world = World(*cells)
    done = world.resumed(path).result()
    assert world.asked == {"turn 2": 1}
    assert world.ran == {}
    shown = world.root.requests[0].messages[-1].content
    assert shown.endswith("A B 1\n[the run was cut off while this cell ran, and it has been run again from its start]")
    third = World(*cells)
    assert third.resumed(cut_before(done, lambda event: isinstance(event, RunEnd))).result().answer == 1
    assert third.asked == {}  # the note is part of what was sent


def test_an_interrupted_cell_is_run_again_and_what_the_model_was_shown_stays() -> None:
    cells = ("n = 0\nwhile True:\n    n += 1\n    m = n", "print(n > 5)", "FINAL('found')")
    limits = Limits(cell_seconds=0.3)
    whole = World(*cells).run(limits=limits)
    path = cut_at_turn(whole, 3)
    world = World(*cells)
    done = world.resumed(path).result()
    assert (done.answer, dict(world.asked)) == ("found", {"turn 3": 1})
    ends = [[event for event in events(run) if isinstance(event, CellEnd)] for run in (whole, done)]
    assert ends[1][0].interrupted
    assert ends[0][0].error == ends[1][0].error


def test_what_an_interrupted_cell_asks_beyond_its_record_is_not_asked() -> None:
    cells = (
        "import time\nn = 0\nwhile True:\n    n += 1\n    tool(str(n))\n    time.sleep(0.1)",
        "print(n > 1)",
        "FINAL(tool('end'))",
    )
    whole = World(*cells).run(limits=Limits(cell_seconds=0.35))
    world = World(*cells)
    assert world.resumed(whole).result().answer == 3
    assert (world.asked, world.ran) == ({}, {})


def test_a_cell_that_lost_its_worker_is_not_run_again() -> None:
    cells = ("kept = 1", "import os\nprint('gone')\nos._exit(3)", "kept", "FINAL(tool('x'))")
    whole = World(*cells).run()
    assert [event.error for event in events(whole) if isinstance(event, CellEnd)][2] is not None
    path = cut_at_turn(whole, 4)
    world = World(*cells)
    assert world.resumed(path).result().answer == 1
    assert world.asked == {"turn 4": 1}


# Other ways than recorded -------------------------------------------------------------------------------------------

CLOCK = ("import time\nprint('now')\nprint(time.time())", "print(llm_query('after'))", "FINAL(llm_query('last'))")


def test_a_cell_that_goes_another_way_stops_the_run_with_the_first_difference() -> None:
    whole = World(*CLOCK).run()
    world = World(*CLOCK)
    with pytest.raises(DivergedError) as caught:
        world.resumed(whole).result()
    assert re.fullmatch(
        r"turn 1 went another way than recorded: line 2 of its output was '[\d.]+' and is '[\d.]+'; "
        r"live=True, or --live, goes on from there",
        str(caught.value),
    )
    assert caught.value.turn == 1
    assert caught.value.difference.startswith("line 2 of its output was")
    assert world.asked == {}


def test_live_goes_on_from_there_and_sub_calls_that_are_recorded_are_still_not_asked_again() -> None:
    whole = World(*CLOCK).run()
    world = World(*CLOCK)
    run = world.resumed(whole, live=True)
    told = list(run)
    assert run.result().answer == "LAST"
    assert world.asked == {"turn 2": 1, "turn 3": 1}
    left = [event for event in told if isinstance(event, RecordLeft)]
    assert len(left) == 1
    assert (left[0].difference or "").startswith("line 2 of its output was")


@pytest.mark.parametrize(
    ("cell", "difference"),
    [
        ("import os\nprint(len(llm_query(f'x{os.getpid()}')) > 1)", r"it called llm_query\('x\d+'\), and had not"),
        ("import os\ntool(f'x{os.getpid()}')", r"it called tool\('x\d+'\), and had not"),
        ("import os\nraise ValueError(os.getpid())", r"line 4 of its error was 'ValueError: \d+' and is .*"),
        ("import os\nanswer['content'] = [os.getpid()]", r"its answer was \[\d+\] and is \[\d+\]"),
        ("import os\nanswer['content'] = str(os.getpid())", r"line 1 of its answer was '\d+' and is '\d+'"),
        (
            "import time\nif time.time() < {until}: llm_query('early')",
            r"it had called llm_query\('early'\), and did not",
        ),
        (
            "import time\nif time.time() < {until}: print(1)",
            "line 1 of its output was '1' and is ''",
        ),
    ],
)
def test_what_is_compared(cell: str, difference: str) -> None:
    cells = (cell.replace("{until}", str(time.time() + 0.7)), "FINAL(1)")
    whole = World(*cells).run()
    assert whole.answer == 1
    if "{until}" in cell:
        time.sleep(0.7)
    with pytest.raises(DivergedError) as caught:
        World(*cells).resumed(whole).result()
    assert re.fullmatch(difference, caught.value.difference), caught.value.difference


def test_where_objects_lie_in_memory_is_no_difference() -> None:
    cells = ("print(object())", "FINAL(1)")
    whole = World(*cells).run()
    world = World(*cells)
    assert world.resumed(whole).result().answer == 1
    assert world.asked == {}


# What failed ---------------------------------------------------------------------------------------------------------


def test_a_call_that_failed_fails_again_where_its_cell_had_ended_and_is_made_again_where_it_had_not() -> None:
    def sub(prompt: str) -> str | LMError:
        return LMUnavailableError("503 from the provider") if prompt == "bad" else prompt.upper()

    cells = (
        "got = []\nfor prompt in ('good', 'bad'):\n    try:\n        got.append(llm_query(prompt))\n"
        "    except LMError as error:\n        got.append(str(error))\nprint(got)",
        "FINAL(got)",
    )
    whole = World(*cells, sub=sub).run()
    assert whole.answer == ["GOOD", "503 from the provider"]
    world = World(*cells)
    assert world.resumed(cut_before(whole, lambda event: isinstance(event, RunEnd))).result().answer == whole.answer
    assert world.asked == {}
    world = World(*cells)
    assert world.resumed(cut_before(whole, lambda event: isinstance(event, CellEnd))).result().answer == ["GOOD", "BAD"]
    assert world.asked == {"bad": 1, "turn 2": 1}


def test_a_batch_that_failed_in_part_and_was_run_again_goes_the_same_way() -> None:
    failed: list[str] = []

    def sub(prompt: str) -> str | LMError:
        if prompt == "b" and not failed:
            failed.append(prompt)
            return LMUnavailableError("503")
        return prompt.upper()

    cells = ("got = llm_query_batched(['a', 'b', 'a'])", "got = llm_query_batched(['a', 'b', 'a'])", "FINAL(got)")
    whole = World(*cells, sub=sub).run()
    assert (whole.answer, whole.reused) == (["A", "B", "A"], 2)
    world = World(*cells)
    done = world.resumed(whole).result()
    assert (done.answer, done.reused, done.usage) == (whole.answer, 2, whole.usage)
    assert world.asked == {}


def test_a_run_that_ended_with_its_providers_failure_goes_on_live_from_there() -> None:
    cells = ("print(llm_query('a'))", LMUnavailableError("503 from the provider"), "FINAL('end')")
    whole = World(*cells).run()
    assert whole.status == "failed"
    assert "503 from the provider" in whole.reason
    world = World(cells[0], "print(llm_query('b'))", cells[2])
    assert world.resumed(whole).result().answer == "end"
    assert world.asked == {"turn 2": 1, "b": 1, "turn 3": 1}


def test_replies_that_were_cut_off_or_could_not_be_used_are_served_in_their_order() -> None:
    cut_off = Reply("```repl\nFINAL(", Usage(1, 10, 100), 0.01, finish="length")
    empty = LMReplyError("nothing came", Usage(1, 10, 0), 0.02, fault="empty")
    script = Scripted(
        [empty, cut_off, Reply("```repl\nprint(1)\n```", Usage(1, 10, 5), 0.01), "```repl\nFINAL(2)\n```"]
    )
    whole = RLM(model=script, route="never").completion("What is it?", context="x" * 500)
    assert (whole.answer, len(script.requests)) == (2, 4)
    again = Scripted([])
    done = resume(whole.run_id, model=again).result()
    assert (done.answer, done.usage, again.requests) == (2, whole.usage, [])
    assert done.cost == pytest.approx(whole.cost)


# Children -----------------------------------------------------------------------------------------------------------

PARENT = ("print(rlm_query('sum up', context='some text ' * 50), rlm_query('sum up', context='other'))", "FINAL(1)")
CHILD = ("seen = llm_query_batched(['c1', 'c2', context[:5]])", "tool('in child')", "FINAL(seen[2] + llm_query('c3'))")


def test_a_child_that_had_its_answer_is_served_whole_with_all_that_it_cost() -> None:
    limits = Limits(depth=2, sub_calls=12)
    whole = World(*PARENT, child=CHILD).run(limits=limits)
    assert [event.output for event in events(whole) if isinstance(event, CellEnd)][-2] == "SOME C3 OTHERC3\n"
    more = ("llm_query_batched(['o1', 'o2'])", "llm_query_batched(['p1', 'p2', 'p3'])", "FINAL(2)")
    world = World(PARENT[0], *more, child=CHILD)
    path = cut_at_turn(whole, 2)
    done = world.resumed(path).result()
    assert not any(isinstance(event, NodeBegin) and event.depth for event in events(done))
    assert done.answer == 2
    # 10 were recorded, 2 are made, and 3 more pass the limit
    assert world.asked == {"turn 2": 1, "o1": 1, "o2": 1, "turn 3": 1, "turn 4": 1}
    assert world.ran == {}


def test_a_child_that_was_under_way_goes_on_from_its_own_record() -> None:
    whole = World(*PARENT, child=CHILD).run(limits=Limits(depth=2))
    path = cut_before(whole, lambda event: isinstance(event, CallBegin) and event.prompt == "c3", last=True)
    world = World(*PARENT, child=CHILD)
    done = world.resumed(path).result()
    assert (done.answer, done.usage) == (1, whole.usage)
    assert world.asked == {"c3": 1, "turn 2": 1}
    assert world.ran == {}


# Limits -------------------------------------------------------------------------------------------------------------


def test_recorded_money_counts() -> None:
    cells = ("print(1)",) * 6
    world = World(*cells)
    world.root.price = Price(1.0, 1.0)
    path = cut_at_turn(world.run(limits=Limits(usd=0.05)), 4)
    after = World(*cells)
    after.root.price = Price(1.0, 1.0)
    done = after.resumed(path).result()
    assert done.reason.startswith("the limit of $0.05 is reached: $0.0")
    assert after.asked == {"turn 4": 1, "turn 5": 1}
    assert done.cost == pytest.approx(0.05)


def test_a_limit_that_ended_the_run_ends_it_again_and_another_one_does_not() -> None:
    cells = ("print(1)", "print(2)", "FINAL('end')", "FINAL('end')")
    whole = World(*cells).run(limits=Limits(turns=2))
    assert (whole.answer, whole.status) == ("end", "partial")
    world = World(*cells)
    done = world.resumed(whole).result()
    assert (done.answer, done.status, done.reason, world.asked) == ("end", "partial", whole.reason, {})
    world = World(*cells)
    done = world.resumed(whole, limits=Limits(turns=5)).result()
    assert (done.answer, done.status, dict(world.asked)) == ("end", "done", {"turn 3": 1})


@pytest.mark.slow
def test_seconds_of_the_record_count_and_those_of_being_served_do_not() -> None:
    cells = ("import time\ntime.sleep(0.3)", "print(1)", "import time\ntime.sleep(9)", "FINAL('end')")
    whole = World(*cells).run(limits=Limits(seconds=1.0))
    assert (whole.status, whole.reason) == ("partial", "the limit of 1 s is reached")
    assert any(isinstance(event, LimitReached) and event.limit == "seconds" for event in events(whole))
    world = World(*cells)
    done = world.resumed(whole).result()
    assert (done.answer, done.status, done.reason, world.asked) == (whole.answer, "partial", whole.reason, {})
    path = cut_at_turn(whole, 2)
    world = World(cells[0], "FINAL(1)")
    done = world.resumed(path, limits=Limits(seconds=60)).result()
    assert 0.3 <= done.seconds < 0.9


def test_what_a_user_has_allowed_is_not_asked_again() -> None:
    asked = []

    def approve(estimate: object) -> str:
        asked.append(estimate)
        return "allow" if len(asked) == 1 else "deny"

    cells = (
        "print(llm_query_batched(['a', 'b']))",
        "try:\n    llm_query('c')\nexcept LimitError as error:\n    print(error)",
    )
    whole = World(*cells, "FINAL(1)").run(approve=approve)
    assert len(asked) == 2
    with pytest.raises(
        ConfigError, match=r"had a policy for its sub-calls: give `approve` \(None: all are allowed\), or --conf"
    ):
        World(*cells, "FINAL(1)").resumed(whole)
    world = World(*cells, "FINAL(1)")
    assert world.resumed(whole, approve=approve).result().answer == 1
    assert (len(asked), world.asked) == (2, {})
    for one in (world.resumed(whole, approve=None), replay(whole.run_id, tools=[world.tool])):
        assert one.result().answer == 1  # what was refused is refused again
    assert world.asked == {}


# What can't be made again -------------------------------------------------------------------------------------------


def test_an_input_that_has_changed_is_refused_with_both_hashes(tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_text("one\n")
    whole = World("FINAL(1)").run(path)
    path.write_text("two\n")
    with pytest.raises(ContextError) as caught:
        World("FINAL(1)").resumed(whole).result()
    assert str(caught.value) == (
        "the input has changed since: its SHA-256 was "
        "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806 and is "
        "27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a; put it back as it was, or ask again"
    )
    path.unlink()
    with pytest.raises(ContextError, match=f"^the run's input is not there any more: {path}; put it back, or give `co"):
        World("FINAL(1)").resumed(whole)
    assert World("FINAL(1)").resumed(whole, context="one\n").result().answer == 1


def test_files_that_cells_may_read_are_compared_too(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("1,2")
    sandbox = Sandbox(files={"table": path})
    whole = World("FINAL(open(files['table']).read())").run(sandbox=sandbox)
    assert World("FINAL(0)").resumed(whole, sandbox=sandbox).result().answer == "1,2"
    with pytest.raises(ContextError, match=r"^cells of the run could read files\['table'\], which is not given"):
        World("FINAL(0)").resumed(whole, sandbox=Sandbox()).result()
    path.write_text("1,3")
    was, now = (hashlib.sha256(text).hexdigest() for text in (b"1,2", b"1,3"))
    with pytest.raises(ContextError) as caught:
        World("FINAL(0)").resumed(whole, sandbox=sandbox).result()
    assert str(caught.value) == (
        f"files['table'], which cells may read, has changed since: its SHA-256 was {was} and is {now}; put it back "
        "as it was, or ask again"
    )


def test_a_file_that_was_renamed_or_cut_elsewhere_is_another_input(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    (tmp_path / "b.txt").write_text("three")
    whole = World("FINAL(1)").run(tmp_path)
    (tmp_path / "b.txt").rename(tmp_path / "c.txt")
    with pytest.raises(ContextError, match=r"^the input has changed since: its SHA-256 was [0-9a-f]{64} and is "):
        World("FINAL(1)").resumed(whole).result()
    with pytest.raises(ContextError, match="has changed since"):
        coverage(whole)
    (tmp_path / "c.txt").rename(tmp_path / "b.txt")
    assert World("FINAL(1)").resumed(whole).result().answer == 1
    (tmp_path / "a.txt").write_text("one ")
    (tmp_path / "b.txt").write_text("twothree")
    with pytest.raises(ContextError, match=r"^the input has changed since"):
        World("FINAL(1)").resumed(whole).result()


def test_json_and_an_input_that_is_the_prompt_come_from_the_trace() -> None:
    whole = World("FINAL(context['a'])").run({"a": [1, 2]})
    assert World("FINAL(context['a'])").resumed(whole).result().answer == [1, 2]
    alone = RLM(model=Scripted(["direct"], window=100_000)).completion("What is it?")
    assert alone.route == "direct"
    again = Scripted([], window=100_000)
    done = resume(alone.run_id, model=again).result()
    assert (done.answer, done.route, again.requests) == ("direct", "direct", [])


def test_models_and_tools_of_the_users_own_are_asked_for() -> None:
    whole = World("FINAL(1)").run()
    world = World("FINAL(1)")
    with pytest.raises(
        ConfigError, match=r"^the run's model root can't be made again from its name \(.*\): give `model`$"
    ):
        resume(whole.run_id)
    with pytest.raises(ConfigError, match=r"^the run's model sub can't be made .*: give `sub_model`$"):
        resume(whole.run_id, model=world.root)
    with pytest.raises(
        ConfigError, match=r"^the run had tools \(tool\), which its trace can't hold: give `tools`, or --mcp$"
    ):
        resume(whole.run_id, model=world.root, sub_model=world.sub)
    with pytest.raises(
        ConfigError, match=r"^sub_model is root, and the run asked sub: to go on with another, fork it$"
    ):
        resume(whole.run_id, model=world.root, sub_model=world.root, tools=[world.tool])


def test_a_key_that_is_missing_is_told_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlm.lms.retries._wait", lambda *_: 0.0)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(LMUnavailableError):
        RLM(model="openai/gpt-5-mini", route="never").completion("What is it?", context="x")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:9/v1")
    with pytest.raises(ConfigError, match=r"was asked at 127\.0\.0\.1, and now would be at localhost: give `model`$"):
        resume()
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        resume()


def test_a_run_that_is_under_way_or_never_began_is_refused(tmp_path: Path) -> None:
    world = World("import time\ntime.sleep(5)")
    run = RLM(**world.options(route="never")).stream("What is it?", context="x")
    begin = next(iter(run))
    assert isinstance(begin, RunBegin)
    with pytest.raises(ConfigError, match=f"^the run {begin.run_id} is under way: stop it first, or wait for its end$"):
        resume(begin.run_id)
    run.stop()
    run.result()
    path = cut(World("FINAL(1)").run(), 0, 20)
    with pytest.raises(ConfigError, match=r"was killed before its first event: there is nothing to go on from$"):
        resume(path)


def test_what_is_compared_is_redacted_like_the_trace() -> None:
    def redact(text: str) -> str:
        return text.replace("SECRET", "[cut]")

    cells = ("print(llm_query('a secret'))", "FINAL(llm_query('b'))")
    whole = World(*cells).run(redact=redact)
    with pytest.raises(
        ConfigError, match=r"^the run's trace was redacted: give `redact` from Python \(None: it is not redacted from"
    ):
        World(*cells).resumed(whole)
    hidden = World("FINAL(1)").run("SECRET", redact=redact)
    with pytest.raises(
        ConfigError, match=r"^the run's input was redacted in its trace: give it as `context`, from Python$"
    ):
        World("FINAL(1)").resumed(hidden, redact=redact)
    assert World("FINAL(1)").resumed(hidden, redact=redact, context="SECRET").result().answer == 1
    world = World(*cells)
    done = world.resumed(cut_at_turn(whole, 2), redact=redact)
    assert done.result().answer == "B"
    assert world.asked == {"turn 2": 1, "b": 1}


def test_answers_come_in_the_order_in_which_they_came() -> None:
    cells = (
        "import threading\norder = []\ndef ask(n):\n    order.append(llm_query(str(n)))\n"
        "threads = [threading.Thread(target=ask, args=(n,)) for n in range(5)]\n"
        "[thread.start() for thread in threads]\n[thread.join() for thread in threads]",
        "FINAL(1)",
    )
    whole = World(*cells).run()
    ends = order(events(whole))
    for _ in range(3):
        assert order(events(World(*cells).resumed(whole).result())) == ends


def order(told: list[Event]) -> list[str]:
    prompts = {event.span: event.prompt for event in told if isinstance(event, CallBegin)}
    return [prompts[event.span] for event in told if isinstance(event, CallEnd)]


def test_the_record_keeps_no_string() -> None:
    import tracemalloc

    from rlm.trace.record import Record

    prompts = "[f'{n} ' + 'x' * 20_000 for n in range(300)]"
    whole = World(f"got = llm_query_batched({prompts})", "FINAL(len(got))").run(tools=[])
    assert whole.trace is not None
    tracemalloc.start()
    record = Record(whole.trace)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 600_000
    assert record.index.root is not None
    assert len(list(record.index.all_asked())) == 301  # and the estimate
    assert {type(record.load(line)) for line in (0, 1)} == {RunBegin, NodeBegin}
    assert [type(event) for event in map(record.load, range(2, 6))] == [
        TurnBegin,
        RequestSent,
        ReplyReceived,
        CellBegin,
    ]
