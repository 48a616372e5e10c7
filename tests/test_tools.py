"""Tools: what models are told of them, how their calls run, and what cells get."""

import asyncio
import functools
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm import RLM, Completion, ConfigError, Limits, Run
from rlm.errors import ToolError
from rlm.lms.scripted import Scripted
from rlm.toolbox import MAX_STUCK, Toolbox
from rlm.tools import RESERVED, Tool, as_json, toolset
from rlm.trace import store
from rlm.trace.events import Event, ToolBegin, ToolEnd
from rlm.trace.store import Trace
from rlm.types import JSON, Request


def look(key: str, *, deep: bool = False) -> dict[str, int]:
    """Looks a key up.

    Deep looks cost $1.
    """
    return {key: 2 if deep else 1}


async def fetch(page: int = 1) -> str:
    await asyncio.sleep(0)
    return f"page {page}"


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


def asked(*cells: str, model: Scripted | None = None, **options: Any) -> Completion:
    """What a run gives whose model writes these cells."""
    rlm = RLM(model=model or Scripted([block(cell) for cell in cells]), route="never", trace=False, **options)
    return rlm.completion("what?", context="the input")


def started(code: str, *tools: Callable[..., Any]) -> Run:
    return RLM(model=Scripted([block(code)]), route="never", trace=False, tools=tools).stream("?", context="x")


def answer(code: str, **options: Any) -> JSON:
    """The answer of a run of one cell, which has to be done."""
    completion = asked(code, **options)
    assert (completion.status, completion.reason) == ("done", "")
    return completion.answer


def told(code: str, **options: Any) -> str:
    """What the `ToolError` says that `code` raises in a cell."""
    cell = f"try:\n    {code}\nexcept ToolError as error:\n    FINAL(str(error))"
    found = answer(cell, **options)
    assert isinstance(found, str)
    return found


def system_of(request: Request) -> str:
    return request.messages[0].content


class TestTool:
    def test_its_name_signature_and_description_are_the_functions(self) -> None:
        tool = Tool(look)
        assert (tool.name, tool.seconds, tool.calls) == ("look", 60.0, None)
        assert tool.signature == "(key: str, *, deep: bool = False) -> dict[str, int]"
        assert tool.doc == "Looks a key up.\n\nDeep looks cost $1."

    def test_what_is_given_goes_before(self) -> None:
        tool = Tool(look, "find", "Finds.", seconds=3, calls=2)
        assert (tool.name, tool.doc, tool.seconds, tool.calls) == ("find", "Finds.", 3, 2)

    def test_annotations_that_are_strings_are_shown_without_quotes(self) -> None:
        def one(a: "list[str]", b: "Nowhere | None" = None) -> "Nowhere": ...  # type: ignore[name-defined] # noqa: F821

        assert Tool(one).signature == "(a: list[str], b: Nowhere | None = None) -> Nowhere"

    def test_a_default_that_is_long_or_may_be_a_key_is_not_shown(self) -> None:
        def one(
            api_key: str = "sk-1", text: str = "x" * 99, size: object = object(), few: tuple[()] = (), n: int = 3
        ) -> None: ...

        assert Tool(one).signature == (
            "(api_key: str = ..., text: str = ..., size: object = ..., few: tuple[()] = (), n: int = 3) -> None"
        )

    def test_a_function_that_does_not_say_its_parameters(self) -> None:
        assert Tool(dict.fromkeys, "fromkeys").signature in ("(...)", "(iterable, value=None, /)")
        assert Tool(int.__new__, "new").signature == "(*args, **kwargs)"

    def test_a_method_a_partial_and_an_object_are_functions_too(self) -> None:
        class Counter:
            """A class."""

            def count(self, by: int = 1) -> int:
                """Counts."""
                return by

            def __call__(self, by: int) -> int:
                return by

        assert (Tool(Counter().count).signature, Tool(Counter().count).doc) == ("(by: int = 1) -> int", "Counts.")
        part = Tool(functools.partial(look, deep=True), "deep")
        assert (part.signature, part.doc) == ("(key: str, *, deep: bool = True) -> dict[str, int]", Tool(look).doc)
        assert (Tool(Counter(), "counter").signature, Tool(Counter(), "counter").doc) == (
            "(by: int) -> int",
            "A class.",
        )

    def test_a_long_description_is_cut(self) -> None:
        assert Tool(look, description="x" * 9_000).doc == "x" * 4_000 + " [...]"

    @pytest.mark.parametrize("name", ["no name", "2x", "class", "a-b", "x" * 65, "größe", "__init__", "<lambda>"])
    def test_a_name_that_code_can_not_use_is_refused(self, name: str) -> None:
        with pytest.raises(ConfigError, match="a tool's name is one that Python code can use"):
            Tool(look, name)

    @pytest.mark.parametrize(
        "name", ["context", "llm_query", "grep", "FINAL", "ToolError", "files", "packages", "print", "open"]
    )
    def test_a_name_that_cells_have_already_is_refused(self, name: str) -> None:
        with pytest.raises(ConfigError) as raised:
            Tool(look, name)
        assert str(raised.value) == (
            f'cells have {name!r} already, so no tool can have that name: give another: Tool(function, name="...")'
        )

    @pytest.mark.parametrize(
        "options", [{"seconds": 0}, {"seconds": "1"}, {"calls": -1}, {"calls": True}, {"calls": 1.5}]
    )
    def test_limits_that_can_not_be_right_are_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(
            ConfigError, match=r"look: (seconds must be a number above 0|calls must be a whole number, 0)"
        ):
            Tool(look, **options)

    def test_a_description_that_is_no_text_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="look: a description is a str, not int"):
            Tool(look, description=5)  # type: ignore[arg-type]

    def test_what_is_no_function_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="a tool is a function, not str"):
            Tool("look")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=r"a tool's name is one that Python code can use, not '<lambda>'"):
            RLM(model=Scripted([]), tools=[lambda: 1])


class TestToolset:
    def test_names_are_there_once(self) -> None:
        with pytest.raises(ConfigError, match="two tools or values have the name 'look'"):
            toolset([look, Tool(fetch, "look")])
        with pytest.raises(ConfigError, match="two tools or values have the name 'look'"):
            toolset([look], {"look": 1})

    def test_what_is_no_list_of_tools_is_refused(self) -> None:
        for wrong in ("look", {"look": look}, look):
            with pytest.raises(ConfigError, match=r"tools is a list of functions, Tool\(...\) and MCPServer\(...\)"):
                toolset(wrong)  # type: ignore[arg-type]

    def test_values_are_copied_and_what_json_can_not_carry_is_refused(self) -> None:
        values: dict[str, Any] = {"rates": {"usd": [1.5, 2]}}
        made = toolset([], values)
        values["rates"]["usd"].append(3)
        assert made.values == {"rates": {"usd": [1.5, 2]}}
        with pytest.raises(ConfigError) as raised:
            toolset([], {"rates": [1, {"when": {1, 2}}]})
        assert str(raised.value) == (
            "values['rates'][1]['when'] is of type set, and only what JSON has can be handed over; a long input is "
            "given as context="
        )

    def test_names_of_values_are_checked(self) -> None:
        with pytest.raises(ConfigError, match="cells have 'context_12' already, so no value can have that name"):
            toolset([], {"context_12": 1})
        with pytest.raises(ConfigError, match="cells have 'question' already, so no value can have that name"):
            toolset([], {"question": 1})
        with pytest.raises(ConfigError, match="a value's name is one that Python code can use, not '1'"):
            toolset([], {1: 1})  # type: ignore[dict-item]

    def test_models_are_told_of_each(self) -> None:
        made = toolset([fetch], {"rates": {"usd": 1}, "limit": 3, "note": "abc", "none": None}, {"limit": "The most."})
        assert made.described() == [
            "`fetch(page: int = 1) -> str`",
            "`rates`: dict of 1",
            "`limit`: The most.",
            "`note`: str of 3",
            "`none`: None",
        ]

    def test_a_plain_call_has_no_tools(self) -> None:
        with pytest.raises(
            ConfigError, match="the route 'always' is a plain call, which has no tools or values: leave it out"
        ):
            RLM(model=Scripted([]), tools=[look], route="always")
        rlm = RLM(model=Scripted([block("FINAL(1)")], window=100_000), tools=[look], trace=False)
        completion = rlm.completion("what?", context="short")
        assert (completion.route, completion.route_reason) == (
            "rlm",
            "there are tools or values, which a plain call has not",
        )

    def test_no_name_of_the_repl_can_be_had(self) -> None:
        found = answer("FINAL([name for name in globals() if not name.startswith('__')])")
        assert isinstance(found, list)
        assert set(found) - RESERVED == set()


TOO_LARGE = "result is too large to be handed over: at most 500,000 values, and 8 million characters"


class TestJson:
    def test_a_value_is_copied(self) -> None:
        class Name(str):
            __slots__ = ()

        value: dict[str, object] = {"a": (1, 2.5, None, True, Name("x")), Name("b"): [[]]}
        copy = as_json(value, "result")
        assert copy == {"a": [1, 2.5, None, True, "x"], "b": [[]]}
        assert isinstance(copy, dict)
        assert [type(key) for key in copy] == [str, str]

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (b"x", "result is of type bytes, and only what JSON has can be handed over"),
            ([1, {"a": object()}], "result[1]['a'] is of type object, and only what JSON has can be handed over"),
            ([float("nan")], "result[0] is nan, and only what JSON has can be handed over"),
            (-float("inf"), "result is -inf, and only what JSON has can be handed over"),
            ([10**5000], "result[0] is of type int, and only what JSON has can be handed over"),
            ({1: 2}, "result has a key of type int, and JSON's keys are str"),
            (
                ["x" * 2**20] * 9,
                "result is too large to be handed over: at most 500,000 values, and 8 million characters",
            ),
            ([0] * 500_001, "result is too large to be handed over: at most 500,000 values, and 8 million characters"),
        ],
    )
    def test_what_can_not_travel_is_named(self, value: object, why: str) -> None:
        with pytest.raises(ValueError, match=r"^result") as raised:
            as_json(value, "result")
        assert str(raised.value) == why

    def test_a_value_that_contains_itself(self) -> None:
        value: list[object] = []
        value.append(value)
        with pytest.raises(ValueError, match="result is nested deeper than 50, or contains itself"):
            as_json(value, "result")


class TestRuns:
    def test_cells_call_tools_and_find_values(self) -> None:
        code = "FINAL([look('a'), look(key='b', deep=True), fetch(), fetch(3), rates['usd'], limit])"
        values = {"rates": {"usd": 1.5}, "limit": 3}
        assert answer(code, tools=[look, fetch], values=values) == [{"a": 1}, {"b": 2}, "page 1", "page 3", 1.5, 3]

    @pytest.mark.parametrize("sandbox", ["local", "unconfined"])
    def test_from_threads_and_coroutines(self, sandbox: str) -> None:
        code = (
            "import asyncio\nfrom concurrent.futures import ThreadPoolExecutor\n"
            "with ThreadPoolExecutor(8) as pool:\n    found = list(pool.map(fetch, range(40)))\n"
            "found += await asyncio.gather(*[asyncio.to_thread(fetch, n) for n in range(40, 60)])\n"
            "FINAL(found == [f'page {n}' for n in range(60)])"
        )
        assert answer(code, tools=[fetch], sandbox=sandbox) is True

    def test_models_are_told_of_tools_and_values(self) -> None:
        model = Scripted([block("FINAL(1)")])
        asked("", model=model, tools=[look], values={"rates": {"usd": 1}})
        assert (
            "Made for this task, and in the REPL too (functions run outside the sandbox, and raise `ToolError` where "
            "they fail):\n\n- `look(key: str, *, deep: bool = False) -> dict[str, int]`: Looks a key up.\n  \n  Deep "
            "looks cost $1.\n- `rates`: dict of 1\n"
        ) in system_of(model.requests[0])

    def test_models_without_instructions_are_told_in_their_first_message(self, tmp_path: Path) -> None:
        (tmp_path / "profile.toml").write_text("system = false\n", encoding="utf-8")
        model = Scripted([block("FINAL(1)")])
        asked("", model=model, tools=[look], profile=tmp_path)
        (message,) = model.requests[0].messages
        assert message.role == "user"
        assert "- `look(key: str, *, deep: bool = False) -> dict[str, int]`: Looks a key up." in message.content

    def test_without_tools_models_are_told_of_none(self) -> None:
        model = Scripted([block("FINAL(1)")])
        asked("", model=model)
        assert "Made for this task" not in system_of(model.requests[0])

    def test_children_have_the_same_tools_and_their_calls_count_with_the_roots(self) -> None:
        def cell(request: Request) -> str:
            assert "`look(" in system_of(request)
            if "whole" in request.messages[-1].content:
                return block("look('root')\nFINAL(rlm_query('a part', context='x'))")
            return block("try:\n    look('child')\nexcept ToolError as error:\n    FINAL(f'{error} {limit}')")

        completion = RLM(
            model=Scripted(cell),
            route="never",
            trace=False,
            limits=Limits(depth=2),
            tools=[Tool(look, calls=1)],
            values={"limit": 7},
        ).completion("the whole", context="y")
        assert completion.answer == "look: the limit of 1 calls a run is reached 7"

    def test_a_tool_that_raises_is_a_tool_error_without_a_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WEATHER_API_KEY", "wk-0123456789")

        def weather(city: str) -> str:
            raise LookupError(f"no {city} at https://weather.test/?key=wk-0123456789")

        assert told("weather('Rome')", tools=[weather]) == (
            "weather: LookupError: no Rome at https://weather.test/?key=[key]"
        )
        completion = asked("weather('Rome')", "FINAL(1)", tools=[weather])
        assert completion.turns == 2

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, RecursionError])
    def test_whatever_a_tool_raises_the_run_goes_on(self, kind: type[BaseException]) -> None:
        def plain() -> None:
            raise kind

        async def later() -> None:
            raise kind

        assert told("plain()", tools=[plain]) == f"plain: {kind.__name__}"
        assert told("later()", tools=[later]) == f"later: {kind.__name__}"

    def test_an_error_of_the_users_own_that_is_meant_for_the_cell(self) -> None:
        def pick(n: int) -> None:
            raise ToolError("choose 1 or 2")

        assert told("pick(3)", tools=[pick]) == "pick: choose 1 or 2"

    def test_wrong_arguments_are_told_and_the_function_does_not_run(self) -> None:
        ran = []

        def one(key: str) -> None:
            ran.append(key)

        assert told("one()", tools=[one]) == "one(key: str) -> None: missing a required argument: 'key'"
        assert told("one('a', deep=1)", tools=[one]) == (
            "one(key: str) -> None: got an unexpected keyword argument 'deep'"
        )
        assert ran == []

    def test_arguments_that_json_can_not_carry_are_refused_in_the_cell(self) -> None:
        cell = "try:\n    look({1, 2})\nexcept TypeError as error:\n    FINAL(str(error))"
        assert answer(cell, tools=[look]) == (
            "look: only JSON values can be sent: Object of type set is not JSON serializable"
        )

    def test_a_result_that_is_no_json_is_named(self) -> None:
        def when() -> dict[str, object]:
            return {"days": [1, {2}]}

        assert told("when()", tools=[when]) == (
            "when: result['days'][1] is of type set, and only what JSON has can be handed over"
        )

    def test_a_tool_that_gives_something_to_wait_for(self) -> None:
        assert answer("FINAL(start(4))", tools=[Tool(lambda n: fetch(n), "start")]) == "page 4"

    def test_at_most_so_many_run_at_once(self) -> None:
        running, most = 0, 0

        async def busy(n: int) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.005)
            running -= 1

        code = "from concurrent.futures import ThreadPoolExecutor\nlist(ThreadPoolExecutor(20).map(busy, range(20)))"
        answer(f"{code}\nFINAL(1)", tools=[busy], limits=Limits(concurrency=3))
        assert most == 3

    def test_tools_are_over_when_a_limit_is_reached(self) -> None:
        completion = asked(
            "1", "try:\n    look('a')\nexcept LimitError as e:\n    FINAL(str(e))", tools=[look], limits=Limits(turns=1)
        )
        assert completion.status == "partial"
        assert completion.answer == "the run is ending, no more sub-calls: the limit of 1 turns is reached"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class TestHostileCells:
    @settings(derandomize=True, deadline=None, database=None, max_examples=80)
    @given(st.lists(ANYTHING, max_size=3), st.dictionaries(st.text() | st.sampled_from(["key", "self"]), ANYTHING))
    def test_any_arguments_give_a_value_or_a_tool_error(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        def given_all(*args: object, **kwargs: object) -> object:
            return [args, kwargs]

        async def main() -> None:
            box = Toolbox(Trace("r", None), 4)
            assert await box.call(Tool(given_all), 0, args, kwargs) == [args, kwargs]
            try:
                await box.call(Tool(fetch), 0, args, kwargs)
            except ToolError:
                return

        asyncio.run(main())

    def test_a_flood_of_calls_is_bounded_and_ends_with_the_cell(self) -> None:
        running, most = 0, 0

        async def never() -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                await asyncio.sleep(60)
            finally:
                running -= 1

        flood = (
            "import threading\nfor _ in range(200):\n    threading.Thread(target=never).start()\n"
            "import time\ntime.sleep(0.1)\nFINAL(1)"
        )
        assert answer(flood, tools=[never], limits=Limits(concurrency=5)) == 1
        assert (running, most) == (0, 5)


class TestTime:
    def test_a_call_that_takes_too_long_is_given_up(self) -> None:
        release = threading.Event()

        def slow() -> None:
            release.wait(20)

        async def never() -> None:
            await asyncio.sleep(20)

        for function in (slow, never):
            tool = Tool(function, seconds=0.05)
            assert told(f"{tool.name}()", tools=[tool]) == (
                f"{tool.name}: no result within 0.05 s; what it began may go on"
            )
        release.set()

    def test_the_time_is_not_the_cells_own(self) -> None:
        def slow() -> int:
            time.sleep(0.25)
            return 1

        assert answer("FINAL(slow())", tools=[slow], limits=Limits(cell_seconds=0.2)) == 1

    def test_a_run_that_is_cancelled_cancels_its_tools(self) -> None:
        began, ended = threading.Event(), threading.Event()

        async def never() -> None:
            began.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        run = RLM(model=Scripted([block("never()")]), route="never", trace=False, tools=[never]).stream(
            "?", context="x"
        )
        assert began.wait(5)
        run.stop()
        assert run.result(5).status == "failed"
        assert ended.wait(1)

    def test_a_thread_that_never_returns_keeps_no_run_waiting(self) -> None:
        began = threading.Event()

        def never() -> None:
            began.set()
            threading.Event().wait()

        run = RLM(model=Scripted([block("never()")]), route="never", trace=False, tools=[never]).stream(
            "?", context="x"
        )
        assert began.wait(5)
        run.stop()
        assert run.result(3).status == "failed"

    def test_nor_does_it_keep_the_process_from_ending(self) -> None:
        code = (
            "import threading\nfrom rlm import RLM\nfrom rlm.tools import Tool\nfrom rlm.lms.scripted import Scripted\n"
            "cell = '```repl\\ntry:\\n    never()\\nexcept ToolError as error:\\n    FINAL(str(error))\\n```'\n"
            "never = Tool(lambda: threading.Event().wait(), 'never', seconds=0.05)\n"
            "rlm = RLM(model=Scripted([cell]), route='never', trace=False, tools=[never])\n"
            "print(rlm.completion('?', context='x'))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
        assert "never: no result within 0.05 s; what it began may go on" in done.stdout

    def test_when_too_many_are_given_up_no_more_are_made(self) -> None:
        release = threading.Event()

        async def main() -> list[str]:
            box = Toolbox(Trace("r", None), 64)
            tool = Tool(lambda: release.wait(20), "stuck", seconds=0.01)

            async def call() -> str:
                try:
                    await box.call(tool, 0, [], {})
                except ToolError as error:
                    return str(error)
                return ""

            await asyncio.gather(*[call() for _ in range(MAX_STUCK)])
            refused = await call()
            release.set()
            while box._stuck:  # noqa: ASYNC110 - threads tell nobody else
                await asyncio.sleep(0.001)
            return [refused, await call()]

        assert asyncio.run(main()) == [
            f"stuck: {MAX_STUCK} calls of tools were given up and still run: no more are made",
            "",
        ]

    def test_an_async_tool_that_does_not_let_itself_be_cancelled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rlm.toolbox._GRACE", 0.01)

        async def deaf() -> None:
            for _ in range(2):
                try:
                    await asyncio.sleep(0.1)
                except asyncio.CancelledError:
                    continue

        async def main() -> None:
            box = Toolbox(Trace("r", None), 1)
            with pytest.raises(ToolError, match=r"deaf: no result within 0\.01 s"):
                await box.call(Tool(deaf, seconds=0.01), 0, [], {})
            assert box._stuck == 1
            while box._stuck:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        asyncio.run(main())


def events_of(tools: list[Any], code: str) -> list[Event]:
    with started(code, *tools) as run:
        return [event for event in run if isinstance(event, ToolBegin | ToolEnd)]


class TestTrace:
    def test_each_call_is_told_with_what_came_of_it(self) -> None:
        code = "look('a', deep=True)\ntry:\n    look()\nexcept ToolError:\n    FINAL(1)"
        first, end, second, failed = events_of([look], code)
        assert isinstance(first, ToolBegin)
        assert (first.name, first.args, first.kwargs) == ("look", ["a"], {"deep": True})
        assert isinstance(end, ToolEnd)
        assert (end.span, end.value, end.error) == (first.span, {"a": 2}, None)
        assert end.seconds >= 0
        assert isinstance(second, ToolBegin)
        assert second.parent == first.parent
        assert isinstance(failed, ToolEnd)
        assert failed.value is None
        assert str(failed.error).endswith("missing a required argument: 'key'")

    def test_arguments_without_measure_are_refused_and_not_kept(self) -> None:
        code = "try:\n    look('x' * (9 * 2**20))\nexcept ToolError as error:\n    FINAL(str(error))"
        with started(code, look) as run:
            assert [event for event in run if isinstance(event, ToolBegin | ToolEnd)] == []
            assert run.result().answer == (
                "look: what it is called with is too large to be handed over: at most 500,000 values, and 8 million "
                "characters"
            )

    def test_a_call_that_was_cancelled_has_an_end(self) -> None:
        async def never() -> None:
            await asyncio.sleep(60)

        run = started("never()", never)
        found = []
        for event in run:
            found.append(event)
            if isinstance(event, ToolBegin):
                run.stop()
        (end,) = [event for event in found if isinstance(event, ToolEnd)]
        assert (end.value, end.error) == (None, "cancelled")

    def test_they_are_in_the_file(self) -> None:
        completion = RLM(model=Scripted([block("FINAL(look('k'))")]), route="never", tools=[look]).completion(
            "?", context="x"
        )
        assert completion.trace is not None
        begin, end = [event for event in store.read(completion.trace) if isinstance(event, ToolBegin | ToolEnd)]
        assert isinstance(begin, ToolBegin)
        assert isinstance(end, ToolEnd)
        assert (begin.args, end.value) == (["k"], {"k": 1})
