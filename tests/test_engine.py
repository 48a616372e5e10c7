"""Whole runs: a scripted model, real workers in the default sandbox, the trace on disk."""

import asyncio
import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rlm import (
    RLM,
    Completion,
    ConfigError,
    ContextError,
    Limits,
    LMUnavailableError,
    Price,
    SandboxUnavailableError,
    Usage,
)
from rlm.context import folder
from rlm.context.blob import BlobWriter
from rlm.context.files import Text
from rlm.lms.scripted import Scripted
from rlm.run import Run
from rlm.sandbox.launchers.local import LocalLauncher
from rlm.trace.events import CallEnd, CellBegin, CellEnd, Event, NodeBegin, RunBegin, RunEnd
from rlm.trace.store import read
from rlm.types import JSON, Reply, Request
from sandbox.support import children


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


def run(
    *cells: str, limits: Limits | None = None, sub: Callable[[Request], str] | None = None, context: object = "x" * 500
) -> Completion:
    sub_model = Scripted(sub or (lambda request: request.messages[-1].content.upper()), name="sub")
    rlm = RLM(model=Scripted([block(cell) for cell in cells]), sub_model=sub_model, limits=limits)
    return rlm.completion("What is it?", context=context)


def workers() -> list[int]:
    """Run zygotes and workers: all that is below the process's one zygote, but for what it has ready for the next."""
    found: list[int] = []
    pending = [pid for zygote in children(os.getpid()) for pid in children(zygote)]
    while pending:
        found.append(pending.pop())
        pending += children(found[-1])
    return found


def test_a_question_about_an_input() -> None:
    completion = run("print(question, len(context))", "FINAL(context.count('x'))")
    assert completion.response == "500"
    assert completion.answer == 500
    assert (completion.status, completion.reason, completion.turns, completion.route) == ("done", "", 2, "rlm")
    assert completion.usage.calls == 2
    assert completion.cost == 0.0


def test_a_prompt_alone_is_the_input() -> None:
    rlm = RLM(model=Scripted([block("FINAL(context[-11:] + question[:9])")]))
    assert rlm.completion("long text\n\nWhat is it?").response == "What is it?`context`"


@pytest.mark.parametrize(
    ("code", "answer", "is_repr", "response"),
    [
        ("FINAL({'a': [1, None, True]})", {"a": [1, None, True]}, False, '{"a": [1, null, true]}'),
        ("FINAL('é\\n')", "é\n", False, "é\n"),
        ("FINAL({1, 2})", "{1, 2}", True, "{1, 2}"),
        ("answer['content'] = 7; answer['ready'] = True", 7, False, "7"),
        ("n = 8\nFINAL_VAR('n')", 8, False, "8"),
        ("FINAL(float('nan'))", "nan", True, "nan"),
    ],
)
def test_answers_of_any_kind(code: str, answer: JSON, is_repr: bool, response: str) -> None:
    completion = run(code)
    assert (completion.answer, completion.answer_is_repr, completion.response) == (answer, is_repr, response)


def test_the_seed_of_a_run_is_its_own_and_in_its_trace() -> None:
    random.seed(3)
    before = random.getstate()
    completion = run("import random; FINAL(random.random())")
    assert random.getstate() == before
    begin = next(iter(events_of(completion)))
    assert isinstance(begin, RunBegin)
    assert completion.answer == random.Random(begin.seed).random()


def test_the_trace_has_it_all() -> None:
    completion = run("print(llm_query('abc'))", "FINAL(outputs[0])")
    assert completion.trace is not None
    events = list(read(completion.trace))
    assert [event.type for event in events] == [
        "run_begin", "node_begin",
        "turn_begin", "request", "reply", "cell_begin", "call_begin", "call_end", "cell_end",
        "turn_begin", "request", "reply", "cell_begin", "cell_end", "answer",
        "node_end", "run_end",
    ]  # fmt: skip
    first, last = events[0], events[-1]
    assert isinstance(first, RunBegin)
    assert isinstance(last, RunEnd)
    assert (first.run_id, first.sandbox, last.response) == (completion.run_id, "local", "ABC\n")
    assert "xxx" not in first.context, "the input itself is nobody's business but the cells'"


def test_calls_from_threads_and_from_asyncio_in_a_cell() -> None:
    code = """
import asyncio
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(20) as pool:
    first = list(pool.map(llm_query, [f"t{i}" for i in range(60)]))
async def one(i):
    return await asyncio.to_thread(llm_query, f"a{i}")
second = await asyncio.gather(*(one(i) for i in range(40)))
FINAL([len(first), first[59], len(second), second[39]])
"""
    assert run(code).answer == [60, "T59", 40, "A39"]


def test_a_batch_of_thousands() -> None:
    completion = run("r = llm_query_batched([f'p{i}' for i in range(3000)])\nFINAL([len(r), r[2999]])")
    assert completion.answer == [3000, "P2999"]
    assert completion.usage.calls == 3001


def test_a_failing_call_is_an_exception_and_the_run_goes_on() -> None:
    def fails(request: Request) -> str:
        raise LMUnavailableError("the provider is overloaded")

    code = "try:\n    llm_query('a')\nexcept LMError as e:\n    print('caught', e)"
    completion = run(code, "FINAL(outputs[0])", sub=fails)
    assert completion.response == "caught the provider is overloaded\n"


def test_children_have_a_context_and_a_ledger_of_their_own() -> None:
    def sub(request: Request) -> str:
        if len(request.messages) == 2:
            return block("print(len(context), question)")
        return block("FINAL(outputs[0].strip())")

    code = """
piece = chunks(100)[2]
FINAL(rlm_query_batched(["a?", "b?", "c?"], [piece, [1, 2, 3], "word"]))
"""
    completion = run(code, sub=sub, limits=Limits(depth=2))
    assert completion.answer == ["100 a?", "3 b?", "4 c?"]
    assert completion.trace is not None
    events = list(read(completion.trace))
    assert [e.depth for e in events if isinstance(e, NodeBegin)] == [0, 1, 1, 1]
    calls = [e for e in events if isinstance(e, CallEnd)]
    assert [c.usage["calls"] for c in calls] == [2, 2, 2]
    assert completion.usage.calls == 7


def test_a_child_can_not_pass_the_limits_of_the_run() -> None:
    def sub(request: Request) -> str:
        return block("for i in range(9): llm_query('more')")

    completion = run("rlm_query('a', 'b')", limits=Limits(depth=3, sub_calls=5, turns=1), sub=sub)
    assert completion.status == "failed"
    assert completion.trace is not None
    assert sum(e.type == "call_begin" for e in read(completion.trace)) == 5


def test_a_cell_that_spins_is_interrupted_and_its_names_survive() -> None:
    completion = run("n = 41\nwhile True: pass", "FINAL(n + 1)", limits=Limits(cell_seconds=0.3))
    assert completion.answer == 42


def test_a_worker_that_dies_is_replaced_and_the_model_is_told() -> None:
    completion = run("n = 1\nimport os; os._exit(3)", "FINAL('n' in globals())")
    assert completion.answer is False
    assert completion.trace is not None
    lost = [e.lost for e in read(completion.trace) if isinstance(e, CellEnd)]
    assert lost[0] is not None
    assert lost[1] is None


def test_the_time_of_the_run_ends_a_cell_and_leaves_its_names_for_the_wrap_up() -> None:
    began = time.monotonic()
    completion = run("n = 7\nimport time; time.sleep(60)", "FINAL(n)", limits=Limits(seconds=1.0))
    assert (completion.status, completion.answer) == ("partial", 7)
    assert completion.reason == "the limit of 1 s is reached"
    assert time.monotonic() - began < 3


def test_money() -> None:
    price = Price(1000.0, 1000.0)
    replies = [Reply(block("answer['content'] = 'so far'"), usage, price.cost(usage)) for usage in [_usage(1000, 400)]]
    rlm = RLM(model=Scripted([*replies, block("FINAL('wrapped up')")], price=price), limits=Limits(usd=2))
    completion = rlm.completion("q", context="x")
    assert completion.cost == pytest.approx(1.4)
    assert (completion.status, completion.answer) == ("partial", "so far")
    assert completion.reason == "the limit of $2 is reached: $1.4000 is spent"


def _usage(tokens_in: int, tokens_out: int) -> Usage:
    return Usage(1, tokens_in, tokens_out)


def test_a_money_limit_holds_where_a_callers_model_tells_no_cost() -> None:
    replies = [Reply(block("print(1)"), Usage(1, 300_000, 0), None)] * 9
    rlm = RLM(model=Scripted(replies, price=None), limits=Limits(usd=1), prices={"scripted": Price(1.0, 1.0)})
    completion = rlm.completion("q", context="x")
    assert (completion.status, completion.usage.calls) == ("failed", 4)
    assert completion.cost == pytest.approx(1.2)


def test_a_money_limit_needs_a_price() -> None:
    with pytest.raises(ConfigError, match="the price of scripted is not known, so a limit of \\$1 can't be kept"):
        RLM(model=Scripted([], price=None), limits=Limits(usd=1))
    model = Scripted([], price=None)
    RLM(model=model, limits=Limits(usd=1), prices={"scripted": Price(1, 1)})
    assert model.price is None, "the caller's model is as it was"


def test_a_price_is_of_a_model_of_the_run() -> None:
    with pytest.raises(ConfigError, match=r"a price is given for scripted-2, and the run has scripted$"):
        RLM(model=Scripted([]), prices={"scripted": Price(1, 1), "scripted-2": Price(1, 1)})


def test_a_price_may_be_given_for_what_a_model_was_asked_for_as(monkeypatch: pytest.MonkeyPatch) -> None:
    """`vllm/` is whatever the server has, and has its name only then."""
    monkeypatch.setattr("rlm.engine.resolve", lambda spec: Scripted([], name="vllm/qwen", price=None))
    rlm = RLM(model="vllm/", limits=Limits(usd=1), prices={"vllm/": Price(1, 2)})
    assert (rlm.setup.model.name, rlm.setup.model.price) == ("vllm/qwen", Price(1, 2))


def test_what_the_sandbox_must_enforce() -> None:
    rlm = RLM(model=Scripted([block("FINAL(1)")] * 2), sandbox="unconfined")
    assert rlm.completion("q", context="x").answer == 1
    rlm = RLM(model=Scripted([block("FINAL(1)")]), sandbox="unconfined", require={"network", "memory"})
    with pytest.raises(
        SandboxUnavailableError, match="the sandbox 'unconfined' does not enforce memory, network on this"
    ):
        rlm.completion("q", context="x")


@pytest.mark.parametrize(
    ("require", "message"),
    [
        ("network", "require takes a list of what the sandbox has to enforce, not 'network'"),
        ({"speed"}, "require has 'speed', which is none of files, network, memory, time, cpu, processes, disk"),
        ([5], "require has 5, which is none of files, network, memory, time, cpu, processes, disk"),
    ],
)
def test_what_no_sandbox_enforces_can_not_be_required(require: Any, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        RLM(model=Scripted([]), require=require)
    assert str(raised.value) == message


def test_a_sandbox_that_can_not_hold_is_refused_with_what_to_do() -> None:
    model = Scripted([block("FINAL(1)")])
    with pytest.raises(SandboxUnavailableError, match="capped at ABI 0, so files can't be kept from the worker; lift"):
        RLM(model=model, sandbox=LocalLauncher(landlock_abi_cap=0)).completion("q", context="x")
    assert model.requests == []


def test_an_input_that_can_not_be_read_is_an_error_before_anything_is_asked(tmp_path: Path) -> None:
    model = Scripted([])
    with pytest.raises(ContextError):
        RLM(model=model).completion("q", context=tmp_path / "none")
    assert model.requests == []
    assert list((tmp_path / "home" / "runs").iterdir()) == [], "no run was made"


def test_a_short_input_is_a_plain_call_where_the_window_is_known() -> None:
    model = Scripted(lambda request: request.messages[0].content, window=100_000)
    completion = RLM(model=model).completion("Which?", context="Some text.")
    assert completion.route == "direct"
    assert completion.route_reason == (
        "the input has 10 characters, which fit well into a plain call (up to about 16,384 tokens)"
    )
    assert completion.response == "Some text.\n\nQuestion: Which?"
    types = ["run_begin", "node_begin", "turn_begin", "request", "reply", "answer", "node_end", "run_end"]
    assert [event.type for event in events_of(completion)] == types
    assert RLM(model=model).completion("just this").response == "just this"
    long = RLM(model=Scripted([block("FINAL(1)")], window=100_000)).completion("q", context="word " * 20_000)
    assert long.route == "rlm"
    assert long.route_reason == (
        "the input has 100,000 characters, more than a plain call answers well (about 16,384 tokens)"
    )


def test_the_way_can_be_said() -> None:
    cells, window = [block("FINAL(1)")], 100_000
    never = RLM(model=Scripted(cells, window=window), route="never").completion("q", context="x")
    assert (never.route, never.route_reason) == ("rlm", 'route="never"')
    always = RLM(model=Scripted(["yes"]), route="always").completion("q", context="word " * 20_000)
    assert (always.route, always.route_reason, always.response) == ("direct", 'route="always"', "yes")
    assert always.trace is not None
    end = list(events_of(always))[-1]
    assert isinstance(end, RunEnd)
    assert (end.route, end.route_reason) == ("direct", 'route="always"')
    with pytest.raises(ConfigError, match="route is one of auto, always, never: not 'direct'"):
        RLM(model=Scripted([]), route="direct")  # type: ignore[arg-type]


def test_streaming_gives_events_as_they_happen() -> None:
    with RLM(model=Scripted([block("print(1)"), block("FINAL(2)")])).stream("q", context="x") as stream:
        codes = [event.code for event in stream if isinstance(event, CellBegin)]
        assert codes == ["print(1)", "FINAL(2)"]
        assert stream.result().answer == 2


def test_streaming_from_async_code() -> None:
    async def main() -> list[str]:
        stream = RLM(model=Scripted([block("FINAL(2)")])).stream("q", context="x")
        types = [event.type async for event in stream]
        assert (await stream.aresult()).answer == 2
        return types

    types = asyncio.run(main())
    assert (types[0], types[-1]) == ("run_begin", "run_end")


async def _in_a_moment(request: Request) -> str:
    await asyncio.sleep(0.3)
    return block("FINAL(1)")


def test_an_iteration_that_is_cancelled_takes_no_event_and_leaves_no_thread() -> None:
    async def main() -> list[str]:
        stream = RLM(model=Scripted(_in_a_moment)).stream("q", context="x")
        seen: list[str] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as timeout:
                async for event in stream:
                    seen.append(event.type)
                    if event.type == "request":
                        timeout.reschedule(asyncio.get_running_loop().time() + 0.05)
        assert seen[-1] == "request"
        names = {thread.name for thread in threading.enumerate()}
        assert not any(name.startswith("asyncio_") for name in names - before)
        async for event in stream:
            seen.append(event.type)
        return seen

    before = {thread.name for thread in threading.enumerate()}
    seen = asyncio.run(main())
    assert seen == [
        *("run_begin", "node_begin", "turn_begin", "request", "reply", "cell_begin", "cell_end", "answer"),
        *("node_end", "run_end"),
    ]


def test_several_iterations_share_a_stream_and_all_end() -> None:
    async def main() -> list[str]:
        stream = RLM(model=Scripted(_in_a_moment)).stream("q", context="x")

        async def take() -> list[str]:
            return [event.type async for event in stream]

        return [name for part in await asyncio.gather(take(), take(), take()) for name in part]

    assert len(asyncio.run(main())) == 10


def test_a_completion_keeps_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[Run] = []
    end = Run.__exit__

    def noted(run: Run, *exc: object) -> None:
        runs.append(run)
        end(run, *exc)

    monkeypatch.setattr(Run, "__exit__", noted)
    RLM(model=Scripted([block("FINAL(2)")])).completion("q", context="x")
    assert list(runs[0]) == []


def test_stopping_before_there_is_anything_is_a_failed_completion() -> None:
    stream = RLM(model=Scripted([block("FINAL(1)")])).stream("q", context="x" * 20_000_000)
    stream.stop()
    completion = stream.result()
    assert (completion.status, completion.reason, completion.usage.calls) == ("failed", "stopped", 0)


@pytest.mark.parametrize("how", ["stop", "seconds"])
def test_an_input_that_takes_too_long_to_load_ends_with_the_run(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that loads it ends too: the process would wait for it."""
    copied: list[int] = []
    copy = folder.copy_text

    def slow(fd: int, writer: BlobWriter, **options: Any) -> Text:
        copied.append(fd)
        time.sleep(0.1)
        return copy(fd, writer, **options)

    monkeypatch.setattr(folder, "copy_text", slow)
    for number in range(50):
        (tmp_path / f"{number}.txt").write_text("x")
    model, began = Scripted([]), time.monotonic()
    limits = Limits(seconds=0.2 if how == "seconds" else None)
    with RLM(model=model, limits=limits).stream("q", context=tmp_path) as stream:
        while how == "stop" and not copied:
            time.sleep(0.01)
        if how == "stop":
            stream.stop()
        completion = stream.result()
    assert time.monotonic() - began < 1
    reason = "stopped" if how == "stop" else "the limit of 0.2 s is reached, before the input was loaded"
    assert (completion.status, completion.reason, model.requests) == ("failed", reason, [])
    assert [event.type for event in events_of(completion)] == ["run_begin", "run_end"]
    time.sleep(0.3)
    assert len(copied) < 10


def test_limits_are_looked_at_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match="the limit concurrency must be at least 1, not 0"):
        RLM(model=Scripted([]), limits=Limits(concurrency=0))


def test_stopping_keeps_the_best_answer_so_far() -> None:
    cells = ["answer['content'] = 'half'", "import time; time.sleep(60)"]
    stream = RLM(model=Scripted([block(cell) for cell in cells])).stream("q", context="x")
    for event in stream:
        if isinstance(event, CellBegin) and "sleep" in event.code:
            stream.stop()
    completion = stream.result()
    assert (completion.status, completion.answer, completion.reason) == ("partial", "half", "stopped")
    assert workers() == []


def test_cancelling_leaves_no_process_and_no_task() -> None:
    async def main() -> None:
        rlm = RLM(model=Scripted([block("while True: pass")]))
        task = asyncio.create_task(rlm.acompletion("q", context="x"))
        await asyncio.sleep(0.2)
        started = workers()
        assert len(started) == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [pid for pid in started if os.path.exists(f"/proc/{pid}")] == []

    asyncio.run(main())
    assert workers() == []
    from rlm.background import event_loop

    async def others() -> list[str]:
        return [str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    left = asyncio.run_coroutine_threadsafe(others(), event_loop()).result()
    assert [task for task in left if "session" in task or "loop.py" in task or "run.py" in task] == []


def test_it_works_inside_a_running_loop_and_from_many_threads() -> None:
    async def main() -> Completion:
        return run("FINAL(1)")  # a blocking call, as in a notebook's cell

    assert asyncio.run(main()).answer == 1
    answers: list[JSON] = []
    threads = [threading.Thread(target=lambda: answers.append(run("FINAL(len(context))").answer)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [500] * 8


def test_runs_leave_nothing_behind() -> None:
    run("FINAL(1)")
    fds = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        run("llm_query_batched(['a', 'b'])", "FINAL(1)")
    assert len(os.listdir("/proc/self/fd")) == fds
    assert workers() == []


def test_without_a_trace_nothing_is_written(tmp_path: Path) -> None:
    completion = RLM(model=Scripted([block("FINAL(1)")]), trace=False).completion("q", context="x")
    assert completion.trace is None
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"trace": "runs"}, "trace is True, False or the Path of a folder, not 'runs'"),
        ({"cache": "answers"}, "cache is True, False or the Path of a folder, not 'answers'"),
        ({"keep": 3}, "keep is a Retention(...), not 3"),
        ({"values": [3]}, "values is a dict of values by name, not [3]"),
        ({"approve": "allow"}, "approve is a function, not 'allow'"),
        ({"redact": "key"}, "redact is a function, not 'key'"),
        (
            {"model": Scripted},
            f"a model is a name, or an object with `complete` and without options: not {Scripted!r}",
        ),
        ({"profile": 3}, "profile is a profile's name, or the folder of one, not 3"),
        ({"model": "nano", "model_options": {"nope": 1}}, "nano: got an unexpected keyword argument 'nope'"),
        ({"sub_models": ["nano"]}, "sub_models is a dict of models by name, not ['nano']"),
        ({"prices": {"nano": 3}}, "prices['nano'] is a Price(...), not 3"),
    ],
)
def test_what_is_of_another_kind_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        RLM(**{"model": Scripted([]), **given})
    assert str(raised.value) == told


def test_a_callers_own_model_needs_one_method() -> None:
    class Mine:
        name = "mine"
        window = None
        price = None

        async def complete(self, request: Request) -> Reply:
            return Reply(block("FINAL('mine')"), _usage(1, 1), None)

    completion = RLM(model=Mine()).completion("q", context="x")
    assert (completion.response, completion.cost) == ("mine", None)


def events_of(completion: Completion) -> Iterator[Event]:
    assert completion.trace is not None
    return read(completion.trace)


def test_output_is_shown_head_and_tail_with_its_true_size() -> None:
    completion = run("print('a' * 5000 + 'b' * 5000)", "FINAL(len(outputs[0]))", limits=Limits(output_chars=100))
    assert completion.answer == 10_001
    shown = next(e.shown for e in events_of(completion) if isinstance(e, CellEnd))
    assert shown == "a" * 50 + "\n[... 9,900 of 10,000 characters cut ...]\n" + "b" * 50


def test_a_worker_carries_no_modules_that_it_does_not_need() -> None:
    heavy = ["typing", "dataclasses", "inspect", "asyncio", "site", "subprocess", "numpy"]
    assert run(f"import sys\nFINAL([name for name in {heavy} if name in sys.modules])").answer == []


@pytest.mark.parametrize(("asked", "told"), [(None, "None"), ("", "empty"), (" \n", "empty")])
def test_a_question_that_says_nothing_is_refused(asked: Any, told: str) -> None:
    rlm = RLM(model=Scripted([]))
    kept = RLM(model=Scripted([]), persistent=True)
    with rlm.session("x") as session:
        asks: list[Callable[[Any], object]] = [rlm.completion, rlm.stream, kept.completion, session.ask, session.stream]
        for ask in asks:
            with pytest.raises(ConfigError, match=f"^the question is {told}$"):
                ask(asked)
