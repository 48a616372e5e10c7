"""Sessions with real workers: calls, clocks, cancellation, and what is left afterwards."""

import asyncio
import os
import signal
import time

import pytest

from rlm.errors import LimitError, LMUnavailableError, RlmError, SandboxError
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.session import Session
from rlm.types import Cell, Limits
from sandbox.support import FUNCTIONS, children, descendants, echo, open_fds, open_session, output, run_cell, run_cells

BOTH = pytest.mark.parametrize("launcher", ["local", "unconfined"])


def recorder(answer=lambda name, args: name):
    calls = []

    async def on_call(name, args):
        calls.append((name, args))
        return answer(name, args)

    return calls, on_call


@BOTH
def test_calls_reach_the_host_as_written_and_answers_come_back(launcher):
    calls, on_call = recorder(lambda name, args: {"name": name, "list": [1, None, "é"]})
    code = (
        "print(llm_query('a', model='m', temperature=0.5))\nllm_query_batched(['a', 'b'], fresh=True)\n"
        "llm_map([1, {'x': 2}], 'do', schema={'type': 'integer'})\n"
        "rlm_query('q', context={'k': [1]})\nrlm_query('q')\nrlm_query_batched(['q', 'r'], ['c', chunks(3)[1]])\n"
        "rlm_query(prompt='q', context=grep('two')[0])"
    )
    result = run_cell(code, launcher=launcher, on_call=on_call)
    assert result.error is None
    assert result.output.startswith("{'name': 'llm_query', 'list': [1, None, 'é']}\n")
    assert calls == [
        ("llm_query", {"prompt": "a", "model": "m", "temperature": 0.5, "fresh": False, "origins": None}),
        (
            "llm_query_batched",
            {"prompts": ["a", "b"], "model": None, "temperature": None, "fresh": True, "origins": None},
        ),
        (
            "llm_map",
            {"items": [1, {"x": 2}], "instruction": "do", "schema": {"type": "integer"}, "model": None}
            | {"temperature": None, "fresh": False, "origins": None},
        ),
        ("rlm_query", {"prompt": "q", "context": {"value": {"k": [1]}}, "model": None}),
        ("rlm_query", {"prompt": "q", "context": None, "model": None}),
        (
            "rlm_query_batched",
            {"prompts": ["q", "r"], "contexts": [{"value": "c"}, {"piece": [3, 6, ""]}], "model": None},
        ),
        ("rlm_query", {"prompt": "q", "context": {"piece": [0, 7, ""]}, "model": None}),
    ]


def test_calls_from_threads_and_coroutines_are_answered_each():
    async def on_call(name, args):
        await asyncio.sleep(0.01 if args["prompt"][-1] in "13579" else 0)
        return args["prompt"] + "!"

    threads = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(64) as pool:\n    replies = list(pool.map(llm_query, map(str, range(300))))\n"
        "replies == [f'{n}!' for n in range(300)]"
    )
    coroutines = (
        "import asyncio\n"
        "replies = await asyncio.gather(*[asyncio.to_thread(llm_query, str(n)) for n in range(50)])\n"
        "replies == [f'{n}!' for n in range(50)]"
    )
    # Twice: the loop's threads live on between cells, and are not taken for threads left behind.
    results = run_cells(threads, coroutines, coroutines, on_call=on_call)
    assert [(one.output, one.error) for one in results] == [("True\n", None)] * 3


def test_a_tool_is_called_as_it_was_written_and_from_threads():
    calls, on_call = recorder(lambda name, args: [args["name"], len(calls)])
    tools = [{"name": "look", "signature": "(key, *, deep=False)", "doc": "Looks a key up."}]
    code = (
        "from concurrent.futures import ThreadPoolExecutor\nprint(look('a', deep=True), look.__name__, look.__doc__)\n"
        "with ThreadPoolExecutor(8) as pool:\n    found = list(pool.map(look, range(50)))\n"
        "import asyncio\nfound += await asyncio.gather(*[asyncio.to_thread(look, 1) for n in range(9)])\n"
        "sorted(n for _, n in found) == list(range(2, 61))"
    )
    result = run_cell(code, on_call=on_call, tools=tools)
    assert (result.error, result.output) == (
        None,
        "['look', 1] look look(key, *, deep=False)\n\nLooks a key up.\nTrue\n",
    )
    assert calls[0] == ("tool", {"name": "look", "args": ["a"], "kwargs": {"deep": True}})


def test_names_and_tools_come_back_for_the_next_cell():
    tools = [{"name": "look", "signature": "()", "doc": ""}]
    results = run_cells(
        "print(limit, table['a'], callable(look))\nlimit = table = look = None",
        "print(limit, table['a'], callable(look), SHOW_VARS())",
        names={"limit": 3, "table": {"a": [1]}},
        tools=tools,
    )
    assert [(one.output, one.error) for one in results] == [
        ("3 [1] True\n", None),
        ("3 [1] True no variables yet\n", None),
    ]


@BOTH
def test_the_environment_has_the_variables_that_are_given(launcher):
    code = "import os\nprint(os.environ['GREETING'], sorted(os.environ))"
    shown = output(code, launcher=launcher, env={"GREETING": "h\u00e9 = 1"})
    assert shown == "h\u00e9 = 1 ['GREETING']\n"


def test_sixty_four_threads_fit_in_a_small_memory_limit():
    code = (
        "from concurrent.futures import ThreadPoolExecutor\nimport time\n"
        "with ThreadPoolExecutor(64) as pool:\n    print(sum(pool.map(lambda n: time.sleep(0.01) or n, range(64))))"
    )
    assert output(code, limits=Limits(memory_mb=512)) == "2016\n"


def test_a_batch_of_thousands_is_one_call():
    calls, on_call = recorder(lambda name, args: args["prompts"][::-1])
    code = "r = llm_query_batched([f'prompt {n}' for n in range(10_000)])\nprint(len(r), r[0])"
    assert output(code, on_call=on_call) == "10000 prompt 9999\n"
    assert len(calls) == 1


def test_more_calls_than_may_be_open_wait_for_room():
    async def on_call(name, args):
        await asyncio.sleep(0.02)
        return 1

    code = (
        "import threading\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(1100) as pool:\n    print(sum(pool.map(llm_query, ['x'] * 1500)))"
    )
    assert output(code, on_call=on_call, limits=Limits(memory_mb=4096)) == "1500\n"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (LMUnavailableError("no model"), "LMError: no model"),
        (LimitError("usd", "too dear"), "LimitError: too dear"),
        (RlmError("not so"), "ToolError: not so"),
    ],
)
def test_errors_of_calls_are_raised_in_the_cell(error, shown):
    async def on_call(name, args):
        raise error

    assert run_cell("llm_query('x')", on_call=on_call).error.endswith("\n" + shown)
    kind = shown.partition(":")[0]
    code = f"try:\n    llm_query('x')\nexcept {kind} as e:\n    print(isinstance(e, RuntimeError), e, e.results)"
    assert output(code, on_call=on_call) == f"True {error} None\n"


def test_a_batch_that_failed_in_part_gives_what_there_is():
    class PartialError(LMUnavailableError):
        results = ("one", None)

    async def on_call(name, args):
        raise PartialError("1 of 2 failed")

    code = "try:\n    llm_query_batched(['a', 'b'])\nexcept LMError as e:\n    print(e, e.results)"
    assert output(code, on_call=on_call) == "1 of 2 failed ['one', None]\n"


@pytest.mark.parametrize("value", ["{1, 2}", "b'x'", "object()", "float('nan')", "[[float('inf')]]"])
def test_what_json_cannot_carry_is_a_type_error(value):
    calls, on_call = recorder()
    code = f"try:\n    rlm_query('q', {value})\nexcept TypeError as e:\n    print(e)"
    assert output(code, on_call=on_call).startswith("rlm_query: only JSON values can be sent: ")
    assert calls == []


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("llm_query_batched('abc')", "prompts must be a list, not str"),
        ("llm_map({'a': 1}, 'do')", "items must be a list, not dict"),
        ("rlm_query_batched(['q'], 'context')", "contexts must be a list, not str"),
    ],
)
def test_one_thing_where_a_list_is_due_is_a_type_error(code, error):
    calls, on_call = recorder()
    assert run_cell(code, on_call=on_call).error.endswith(f"TypeError: {error}")
    assert calls == []


def test_a_piece_whose_name_is_too_long_to_travel_goes_as_its_text():
    calls, on_call = recorder()
    output("rlm_query('q', grep('x')[0])", value={"k" * 5000: "x y"}, on_call=on_call)
    assert calls[0][1]["context"] == {"value": "x y"}


def test_a_call_too_large_for_a_frame_is_an_error_and_the_next_one_works():
    _, on_call = recorder()
    code = "try:\n    llm_query('x' * (65 * 2**20))\nexcept ToolError as e:\n    print(e)\nllm_query('y')"
    shown = output(code, on_call=on_call)
    assert shown.startswith("llm_query: too much for one call: 68,")
    assert shown.endswith("'llm_query'\n")


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("rlm_query('q', deep)", "nested deeper than 64"),
        ("llm_query(deep)", "nested deeper than 64"),
        pytest.param(
            "llm_map([[0] * 12] * 200_000, 'count')", "more than 1,048,576 values in a frame", marks=pytest.mark.slow
        ),
    ],
)
def test_a_call_that_no_host_would_take_is_an_error_and_the_names_are_kept(call, why):
    calls, on_call = recorder()
    code = f"deep = ()\nfor _ in range(100): deep = (deep,)\ntry:\n    {call}\nexcept ToolError as e:\n    print(e)"
    assert output(code, on_call=on_call) == f"{call.partition('(')[0]}: too much for one call: {why}\n"
    assert calls == []


def test_the_clock_stops_while_a_call_is_open():
    async def on_call(name, args):
        await asyncio.sleep(0.3)
        return "late"

    result = run_cell("llm_query('x')", on_call=on_call, limits=Limits(cell_seconds=0.1))
    assert (result.output, result.interrupted) == ("'late'\n", False)
    assert result.seconds >= 0.3


def test_cpu_time_counts_while_a_call_is_open():
    async def never(name, args):
        await asyncio.sleep(60)

    code = (
        "import threading\ndef spin():\n    while True: pass\n"
        "threading.Thread(target=spin, daemon=True).start()\nllm_query('x')"
    )
    result = run_cell(code, on_call=never, limits=Limits(cell_seconds=0.3))
    assert result.interrupted
    assert result.seconds < 5
    assert result.lost is None
    assert "KeyboardInterrupt" in result.error or "interrupted" in result.error


@BOTH
def test_an_interrupt_that_comes_before_its_cell_begins_is_not_lost(launcher):
    async def main():
        async with open_session(launcher=launcher) as session:
            await session.start()
            for tenths in range(30):
                stopped = await session.run(Cell("while True: pass"), deadline=time.monotonic() + tenths / 10_000)
                assert (stopped.interrupted, stopped.lost) == (True, None)
                assert stopped.error.endswith("KeyboardInterrupt")
                goes_on = await session.run(Cell("1"))
                assert (goes_on.output, goes_on.interrupted) == ("1\n", False)

    asyncio.run(main())


@BOTH
@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time\ntime.sleep(60)",
        "llm_query('x')",
        "import re\nre.match('(a+)+b', 'a' * 40)",
        "import threading\nthreading.Event().wait()",
        "import asyncio\nawait asyncio.sleep(60)",
        "7 ** 10 ** 9",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\nwhile True: pass",
    ],
)
def test_an_interrupt_ends_the_cell_and_keeps_its_names(code, launcher):
    async def main():
        async def never(name, args):
            await asyncio.sleep(60)

        async with open_session(launcher=launcher, on_call=never) as session:
            await session.start()
            await session.run(Cell("kept = 1"))
            first = await session.run(Cell(code), deadline=time.monotonic() + 0.1)
            return first, await session.run(Cell("kept"))

    first, second = asyncio.run(main())
    assert (first.interrupted, first.lost) == (True, None)
    assert first.error.endswith("KeyboardInterrupt")
    assert first.seconds < 1.5
    assert (second.output, second.interrupted) == ("1\n", False)


def test_an_interrupt_fails_the_calls_of_other_threads():
    async def never(name, args):
        await asyncio.sleep(60)

    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool:\n    futures = [pool.submit(llm_query, 'x') for _ in range(8)]"
    )
    after = "sorted({str(f.exception()) for f in futures})"

    async def main():
        async with open_session(on_call=never) as session:
            return [
                await session.run(Cell(code), deadline=time.monotonic() + 1.0),
                await session.run(Cell(after)),
            ]

    first, second = asyncio.run(main())
    assert (first.interrupted, first.lost) == (True, None)
    # The signal may end the cell before the frame has failed its calls.
    reasons = "the cell was interrupted while this call was open", "the cell that made this call has ended"
    assert second.output in [f"['{reason}']\n" for reason in reasons]


def test_threads_left_behind_print_nowhere_and_their_calls_are_refused():
    calls, on_call = recorder()
    leave = (
        "import threading, time\nerrors = []\ngo = threading.Event()\n"
        "def work():\n    go.wait()\n    print('late')\n    try:\n        llm_query('late')\n"
        "    except ToolError as e:\n        errors.append(str(e))\n"
        "thread = threading.Thread(target=work)\nthread.start()"
    )
    after = "go.set()\nthread.join()\nprint(errors)\nllm_query('own')"
    first, second = run_cells(leave, after, on_call=on_call)
    assert (first.error, first.output) == (None, "")
    assert second.output == "['llm_query: the cell that made this call has ended']\n'llm_query'\n"
    assert [args["prompt"] for _, args in calls] == ["own"]


def test_a_call_open_when_its_cell_ends_fails():
    async def never(name, args):
        await asyncio.sleep(60)

    leave = (
        "import threading, time\nerrors = []\n"
        "def work():\n    try:\n        llm_query('x')\n    except ToolError as e:\n        errors.append(str(e))\n"
        "thread = threading.Thread(target=work)\nthread.start()\ntime.sleep(0.02)"
    )
    _, second = run_cells(leave, "thread.join()\nerrors", on_call=never)
    assert second.output == "['the cell that made this call has ended']\n"


def test_a_pool_may_be_used_by_a_later_cell():
    code = (
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\nlist(pool.map(print, 'ab'))"
    )
    first, second = run_cells(code, "pool.submit(lambda: print('c') or llm_query('d')).result()")
    assert sorted(first.output.split("\n")[:2]) == ["a", "b"]
    assert second.output == "c\n'llm_query d'\n"


@BOTH
def test_a_child_gets_its_piece_of_the_input(launcher):
    code = "print(context, [h.start for h in grep('d')])"
    assert output(code, value="abcdef", pieces=ChildContext(2, 5, ""), launcher=launcher) == "cde [0]\n"
    result = run_cell("context", value={"a": ["xyz"]}, pieces=ChildContext(0, 2, "['a'][0]"), launcher=launcher)
    assert result.output == "'xy'\n"


@BOTH
def test_a_piece_that_is_not_there_is_refused(launcher):
    with pytest.raises(SandboxError, match=r"the worker did not start: no piece ''\[2:9\] in the input"):
        run_cell("1", value="abc", pieces=ChildContext(2, 9, ""), launcher=launcher)


@BOTH
def test_cancelling_a_cell_ends_its_worker_and_its_calls(launcher):
    ends = []

    async def never(name, args):
        try:
            await asyncio.sleep(60)
        finally:
            ends.append(name)

    async def main():
        async with open_session(launcher=launcher, on_call=never) as session:
            await session.start()
            before = descendants()
            task = asyncio.create_task(session.run(Cell("x = 1\nllm_query('x')")))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gone = before - descendants()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            return gone, tasks, await session.run(Cell("'x' in globals()"))

    gone, tasks, after = asyncio.run(main())
    assert len(gone) == 1
    assert tasks == set()
    assert ends == ["llm_query"]
    assert after.output == "False\n"


@BOTH
def test_nothing_is_left_after_close(launcher):
    run_cell("1", launcher=launcher)  # the process's zygote stays
    before = open_fds(), descendants()
    for _ in range(3):
        run_cells("1", "import os\nos._exit(0)", "2", launcher=launcher)
    assert (open_fds(), descendants()) == before
    assert len(before[1]) == 1


def test_closing_and_cancelling_while_it_starts_leaves_nothing():
    run_cell("1")
    before = open_fds(), descendants()

    async def main(delay):
        async def use():
            async with open_session("x" * 1_000_000) as session:
                await session.start()
                await asyncio.sleep(60)

        task = asyncio.create_task(use())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for delay in (0, 0.001, 0.002, 0.003, 0.004, 0.006, 0.01):
        asyncio.run(main(delay))
    deadline = time.monotonic() + 2
    while (left := (open_fds(), descendants())) != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == before


def test_sixteen_workers_at_once_from_one_input():
    async def main():
        async with open_session("word " * 1000) as first:
            environment = first._environment
            sessions = [
                Session(environment, functions=FUNCTIONS, question=str(n), limits=Limits(), max_output=99, on_call=echo)
                for n in range(16)
            ]
            try:
                results = await asyncio.gather(*[one.run(Cell("print(question, len(context))")) for one in sessions])
            finally:
                await asyncio.gather(*[one.close() for one in sessions])
            return [result.output for result in results]

    assert asyncio.run(main()) == [f"{n} 5000\n" for n in range(16)]


def test_a_run_whose_zygote_is_gone_ends_typed():
    async def main():
        async with open_session() as session:
            await session.start()
            (zygote,) = children(*children(os.getpid()))
            os.kill(zygote, signal.SIGKILL)
            await asyncio.sleep(0.05)
            lost = await session.run(Cell("1"))
            with pytest.raises(SandboxError):
                await session.run(Cell("1"))
            return lost

    assert asyncio.run(main()).lost is not None
    assert output("1") == "1\n"


def test_a_process_zygote_that_was_killed_is_started_anew():
    output("1")
    (zygote,) = children(os.getpid())
    os.kill(zygote, signal.SIGKILL)
    os.waitid(os.P_PID, zygote, os.WEXITED | os.WNOWAIT)  # a run that is opened while it dies would die with it
    assert output("2") == "2\n"
    assert children(os.getpid()) != [zygote]


def test_the_clean_up_of_a_call_is_not_cut_short_when_its_cell_ends():
    ended = []

    async def answer(name, args):
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            ended.append(args["prompt"])

    code = "import threading\nthreading.Thread(target=llm_query, args=('a',), daemon=True).start()\nwhile True: pass"
    result = run_cell(code, on_call=answer, limits=Limits(cell_seconds=0.2))
    assert result.interrupted
    assert ended == ["a"]
