"""The reference system's names: the shapes of three of its examples, over the wire, and its options."""

import asyncio
import inspect
import json
import random
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_overloads

import pytest

from rlm import RLM, Completion, ConfigError, Limits, LMRefusedError, MissingKeyError, engine
from rlm.lms.openai import OpenAI
from rlm.lms.scripted import Scripted
from rlm.lms.scripted_server import Answer, Received, ScriptedServer, respond_from
from rlm.logger import RLMLogger
from rlm.reference import ModelUsageSummary, RLMChatCompletion, UsageSummary

MODEL = "gpt-scripted"
FIND = """
import re
found = re.search("SECRET_NUMBER=([0-9]+)", context).group(1)
checked = llm_query("Is this a number? " + found)
answer["content"] = found
answer["ready"] = True
"""
SUM = "total = sum(range(1, 6))\nprint(total)\nanswer['content'] = total\nanswer['ready'] = True"


def block(code: str) -> str:
    return f"Let me see.\n```repl\n{code.strip()}\n```"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    def respond(request: Received) -> Answer:
        messages = request.value["messages"]
        if len(messages) == 1:
            return Answer("yes")
        turn = sum(message["role"] == "assistant" for message in messages)
        cells = ["print(len(context))", FIND] if "sum" not in request.value["model"] else [SUM]
        return Answer(block(cells[turn]))

    with ScriptedServer(respond) as running:
        yield running


def reference(server: ScriptedServer, model: str = MODEL, **options: Any) -> RLM:
    kwargs = {"model_name": model, "base_url": server.url, "api_key": "sk-not-for-logs"}
    return RLM(backend="openai", backend_kwargs=kwargs, environment="local", **options)


def completed(completion: Completion) -> RLMChatCompletion:
    assert isinstance(completion, RLMChatCompletion)
    return completion


def rows(logger: RLMLogger) -> list[dict[str, Any]]:
    assert logger.log_file_path is not None
    return [json.loads(line) for line in Path(logger.log_file_path).read_text().splitlines()]


def rows_in(logger: RLMLogger) -> list[dict[str, Any]]:
    trajectory = logger.get_trajectory()
    assert trajectory is not None
    iterations: Any = trajectory["iterations"]
    return list(iterations)


def test_a_number_hidden_in_lines(server: ScriptedServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The shape of the reference's first example."""
    draw = random.Random(7)
    lines = ["".join(draw.choices(string.ascii_lowercase + " ", k=80)) for _ in range(5_000)]
    lines.insert(3_000, "SECRET_NUMBER=271828182")
    prompt = "One line has the form SECRET_NUMBER=<digits>: return the digits.\n\n" + "\n".join(lines)
    logger = RLMLogger(log_dir=str(tmp_path / "logs"))
    rlm = reference(server, max_iterations=10, logger=logger, verbose=True)
    result = completed(rlm.completion(prompt))
    assert result.response == "271828182"
    assert capfd.readouterr().err == "", "verbose is quiet where there is no terminal"
    assert all(len(request.body) < 20_000 for request in server.requests), "the input is not in any request"

    assert [path.name for path in (tmp_path / "logs").iterdir()] == [Path(str(logger.log_file_path)).name]
    assert re.fullmatch(r"rlm_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[0-9a-f]{8}\.jsonl", Path(str(logger.log_file_path)).name)
    assert [row["type"] for row in rows(logger)] == ["metadata", "iteration", "iteration"]
    assert "sk-not-for-logs" not in Path(str(logger.log_file_path)).read_text()


def test_a_trajectory_in_memory(server: ScriptedServer) -> None:
    """The shape of the reference's logger example."""
    logger = RLMLogger()
    rlm = reference(server, "sum", environment_kwargs={}, max_depth=1, logger=logger)
    result = completed(rlm.completion("What is the sum of 1 to 5?"))
    assert result.response == "15"
    assert result.metadata is not None
    assert result.metadata["run_metadata"] == {
        "root_model": "sum",
        "max_depth": 1,
        "max_iterations": 30,
        "backend": "openai",
        "backend_kwargs": {"model_name": "sum"},
        "environment_type": "local",
        "environment_kwargs": {},
        "other_backends": None,
    }
    (row,) = rows_in(logger)
    assert list(row) == [
        "type", "iteration", "timestamp", "prompt", "response", "code_blocks", "final_answer", "iteration_time",
    ]  # fmt: skip
    assert (row["type"], row["iteration"], row["final_answer"], row["response"]) == ("iteration", 1, "15", block(SUM))
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]


RATES = {"usd": {"eur": 0.5}, "fee": 2}


def rate_of(currency: str) -> dict[str, Any]:
    """The rate of a currency."""
    return {"rate": 0.5} if currency == "eur" else {"error": f"no {currency}"}


def exchanged(amounts: dict[str, int]) -> float:
    """What amounts come to, by currency."""
    return float(sum(amount * rate_of(currency)["rate"] for currency, amount in amounts.items()))


def test_custom_tools(tmp_path: Path) -> None:
    """The shape of the reference's example of custom tools: functions that call each other, and data, described."""
    cell = (
        "total = exchanged({'eur': 100}) - RATES['fee']\nanswer['content'] = f\"{rate_of('eur')['rate']} {total} "
        "{rate_of('xyz')}\"\nanswer['ready'] = True"
    )
    with ScriptedServer(lambda request: Answer(block(cell))) as server:
        rlm = reference(
            server,
            custom_tools={
                "rate_of": {"tool": rate_of, "description": "Fetch the rate of a currency (eur)"},
                "exchanged": {"tool": exchanged, "description": "What a dict of {currency: amount} comes to"},
                "RATES": {"tool": RATES, "description": "Rates and fees"},
                "plain": lambda text: text,
                "LIMIT": 3,
            },
            verbose=True,
        )
        result = rlm.completion("What do 100 eur come to? Take the fee off.")
        assert result.response == "0.5 48.0 {'error': 'no xyz'}"
        (request,) = server.requests
    assert (
        "- `rate_of(currency: str) -> dict[str, Any]`: Fetch the rate of a currency (eur)\n"
        "- `exchanged(amounts: dict[str, int]) -> float`: What a dict of {currency: amount} comes to\n"
        "- `plain(text)`\n- `RATES`: Rates and fees\n- `LIMIT`: int, 3\n"
    ) in request.value["messages"][0]["content"]


@pytest.mark.parametrize(
    ("sub_tools", "found"),
    [({}, [True, 7]), ({"custom_sub_tools": {}}, [False, None]), ({"custom_sub_tools": {"LIMIT": 8}}, [False, 8])],
)
def test_custom_tools_of_children(sub_tools: dict[str, Any], found: list[Any]) -> None:
    def respond(request: Received) -> Answer:
        if "the whole" in request.value["messages"][1]["content"]:
            return Answer(block("FINAL(rlm_query('a part', context='x'))"))
        return Answer(block("FINAL(['rate_of' in globals(), globals().get('LIMIT')])"))

    with ScriptedServer(respond) as server:
        rlm = reference(server, max_depth=2, custom_tools={"rate_of": rate_of, "LIMIT": 7}, **sub_tools)
        assert json.loads(rlm.completion("input", root_prompt="the whole").response) == found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"custom_tools": {"llm_query": rate_of}}, "cells have 'llm_query' already, so no tool can have that name"),
        ({"custom_tools": {"answer": 1}}, "cells have 'answer' already, so no value can have that name"),
        ({"custom_tools": {"when": object()}}, r"values\['when'\] is of type object, and only what JSON has"),
        ({"custom_tools": [rate_of]}, "custom_tools is a dict of names and functions or values, not list"),
        ({"custom_tools": {"a": 1}, "tools": [rate_of]}, "tools and values: not together with custom_tools"),
    ],
)
def test_custom_tools_that_can_not_be_right(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RLM(backend="openai", backend_kwargs={"model_name": "m", "api_key": "k"}, **options)


def test_an_iteration_has_its_cell_its_output_and_its_calls(server: ScriptedServer) -> None:
    logger = RLMLogger()
    result = completed(reference(server, logger=logger).completion("SECRET_NUMBER=31\n" * 3))
    first, second = rows_in(logger)
    assert [message["role"] for message in second["prompt"]] == ["system", "user", "assistant", "user"]
    assert second["prompt"][:2] == first["prompt"]
    assert first["code_blocks"][0]["result"]["stdout"] == "51\n"
    (cell,) = second["code_blocks"]
    assert cell["code"] == FIND.strip()
    assert cell["result"] | {"execution_time": 0, "rlm_calls": []} == {
        "stdout": "", "stderr": "", "locals": {}, "execution_time": 0, "rlm_calls": [], "final_answer": "31",
    }  # fmt: skip
    (call,) = cell["result"]["rlm_calls"]
    assert call.pop("execution_time") >= 0
    spent = {"total_calls": 1, "total_input_tokens": 5, "total_output_tokens": 0}
    assert call == {
        "root_model": MODEL,
        "prompt": "Is this a number? 31",
        "response": "yes",
        "usage_summary": {"model_usage_summaries": {MODEL: spent}},
        "prompt_tokens": 5,  # which the reference's visualizer reads, and its own logger does not write
        "completion_tokens": 0,
    }
    assert second["iteration_time"] >= cell["result"]["execution_time"] > 0
    assert result.usage_summary.model_usage_summaries[MODEL].total_calls == 3


def test_a_logger_of_two_completions(server: ScriptedServer, tmp_path: Path) -> None:
    logger = RLMLogger(log_dir=str(tmp_path), file_name="both")
    rlm = reference(server, "sum", logger=logger)
    assert rows_in(logger) == [], "what runs is known before anything ran"
    rlm.completion("first")
    asyncio.run(rlm.acompletion("second"))
    assert [(row["type"], row.get("iteration")) for row in rows(logger)] == [
        ("metadata", None),
        ("iteration", 1),
        ("iteration", 1),
    ]
    assert logger.iteration_count == 1


def test_an_error_of_a_cell_and_of_a_call_are_in_the_log() -> None:
    script = {
        "m": [block("1 / 0"), block("llm_query('x', model='other')"), block("FINAL([1, 'é'])")],
    }
    with ScriptedServer(respond_from(script)) as server:
        logger = RLMLogger()
        reference(server, "m", logger=logger).completion("input")
    first, second, third = (row["code_blocks"][0]["result"] for row in rows_in(logger))
    assert first["stderr"].strip().endswith("ZeroDivisionError: division by zero")
    assert "other" in second["stderr"]
    assert third["final_answer"] == '[1, "é"]', "as text, which is what `response` is"


def test_a_log_has_what_was_done_before_a_failure(tmp_path: Path) -> None:
    answers = [Answer(block("print(1)")), Answer("no", status=400)]
    with ScriptedServer(lambda request: answers.pop(0)) as server:
        logger = RLMLogger(log_dir=str(tmp_path))
        result = completed(reference(server, logger=logger).completion("input"))
    assert (result.status, result.response, result.error) == ("failed", "", result.reason)
    assert [row["type"] for row in rows(logger)] == ["metadata", "iteration"]


def test_a_provider_that_never_answers_raises() -> None:
    with ScriptedServer(lambda request: Answer("no such model", status=404)) as server:
        logger = RLMLogger()
        with pytest.raises(LMRefusedError, match="no such model"):
            reference(server, logger=logger).completion("input")
    assert logger.iteration_count == 0


def test_root_prompt_is_the_question_and_prompt_the_input() -> None:
    with ScriptedServer(respond_from({"m": [block("FINAL([question, context])")]})) as server:
        result = reference(server, "m").completion(["a", {"b": 1}], root_prompt="Which one?")
    assert result.answer == ["Which one?", ["a", {"b": 1}]]
    assert "Which one?" in server.requests[0].value["messages"][1]["content"]


def test_no_depth_is_a_plain_call(server: ScriptedServer) -> None:
    result = completed(reference(server, max_depth=0).completion("Is it?"))
    assert (result.response, result.route, result.route_reason) == ("yes", "direct", 'route="always"')
    assert server.requests[0].value["messages"] == [{"role": "user", "content": "Is it?"}]


def test_the_names_in_a_cell() -> None:
    code = """
results = llm_query_batched(["a", "b"])
results += rlm_query_batched(["c"]) + [rlm_query("d")]
shown = SHOW_VARS()
count = len(context)
FINAL_VAR("results")
"""

    def respond(request: Received) -> Answer:
        messages = request.value["messages"]
        return Answer(block(code)) if len(messages) > 1 else Answer(messages[0]["content"].upper())

    with ScriptedServer(respond) as server:
        assert reference(server, "m").completion("input").answer == ["A", "B", "C", "D"]


def test_limits_have_their_names_there(server: ScriptedServer) -> None:
    rlm = reference(server, max_depth=2, max_iterations=7, max_timeout=30.0, max_tokens=5000)
    assert rlm.setup.limits == Limits(depth=2, turns=7, seconds=30.0, tokens=5000)
    assert rlm.setup.route == "never"


def test_a_budget_for_a_model_of_unknown_price_is_refused(server: ScriptedServer) -> None:
    with pytest.raises(ConfigError, match="price"):
        reference(server, max_budget=1.0)


def test_type_checkers_see_our_own_options() -> None:
    ours, _ = get_overloads(RLM.__init__)
    theirs = inspect.signature(engine.RLM.__init__)
    assert inspect.signature(ours).parameters == theirs.parameters


def test_our_own_shape_returns_our_own_result() -> None:
    completion = RLM(model=Scripted([block("FINAL(1)")])).completion("input")
    assert type(completion) is Completion


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend": "openai"}, "model_name"),
        ({"backend": "opneai", "backend_kwargs": {"model_name": "m"}}, "unknown backend 'opneai'"),
        ({"backend": "vllm", "backend_kwargs": {"model_name": "m"}}, "needs base_url"),
        ({"backend": "openai", "model": "openai/m"}, "model: not together with backend"),
        ({"max_iterations": 3, "limits": Limits()}, "limits: not together with max_iterations"),
        ({"backend": "openai", "compaction": True}, "not supported: compaction"),
        ({"backend": "openai", "environment_kwargs": {"setup": "x"}}, "environment_kwargs: setup is not supported"),
    ],
)
def test_options_that_can_not_be_right(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        RLM(**options)


def test_an_option_of_the_model_that_is_unknown() -> None:
    with pytest.raises(ConfigError, match="organisation"):
        RLM(backend="openai", backend_kwargs={"model_name": "m", "api_key": "k", "organisation": "x"})


@pytest.mark.parametrize(
    ("backend", "variable"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("openrouter", "OPENROUTER_API_KEY"),
        ("vercel", "AI_GATEWAY_API_KEY"),
        ("portkey", "PORTKEY_API_KEY"),
    ],
)
def test_each_backend_has_a_key_of_its_own(backend: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENROUTER_API_KEY", "AI_GATEWAY_API_KEY", "PORTKEY_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    if backend != "openai":
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another")
    with pytest.raises(MissingKeyError, match=variable):
        RLM(backend=backend, backend_kwargs={"model_name": "m", "api_key": None})
    monkeypatch.setenv(variable, "sk-its-own")
    rlm = RLM(backend=backend, backend_kwargs={"model_name": "m"})
    assert isinstance(rlm.setup.model, OpenAI)
    assert "sk-its-own" in " ".join(rlm.setup.model._headers.values())
    assert "sk-of-another" not in " ".join(rlm.setup.model._headers.values())


def test_options_of_the_model_reach_the_wire(server: ScriptedServer) -> None:
    kwargs = {
        "model_name": MODEL,
        "base_url": server.url,
        "timeout": 20.0,
        "max_retries": 0,
        "default_headers": {"X-Title": "mine"},
        "sampling_args": {"temperature": 0.5, "max_tokens": 900, "seed": None, "extra_body": {"top_k": 5}},
    }
    rlm = RLM(backend="vllm", backend_kwargs=kwargs)
    rlm.completion("SECRET_NUMBER=1")
    assert kwargs["sampling_args"]["extra_body"] == {"top_k": 5}, "the caller's options stay as they are"  # type: ignore[index]
    sent = server.requests[0]
    assert {name: value for name, value in sent.value.items() if name != "messages"} == {
        "model": MODEL, "max_tokens": 900, "temperature": 0.5, "top_k": 5,
    }  # fmt: skip
    assert sent.headers["x-title"] == "mine"
    assert isinstance(rlm.setup.model, OpenAI)
    assert (rlm.setup.model._policy.attempt, rlm.setup.model._policy.attempts) == (20.0, 1)


def test_usage_as_there() -> None:
    one = ModelUsageSummary(2, 30, 4, 0.25)
    summary = UsageSummary({"a": one, "b": ModelUsageSummary(1, 10, 1)})
    assert (summary.total_cost, summary.total_input_tokens, summary.total_output_tokens) == (0.25, 40, 5)
    assert summary.to_dict() == {
        "model_usage_summaries": {
            "a": {"total_calls": 2, "total_input_tokens": 30, "total_output_tokens": 4, "total_cost": 0.25},
            "b": {"total_calls": 1, "total_input_tokens": 10, "total_output_tokens": 1},
        },
        "total_cost": 0.25,
    }
    assert UsageSummary({}).total_cost is None


def test_a_completion_as_a_dict(server: ScriptedServer) -> None:
    result = completed(reference(server, "sum").completion("input"))
    shown = result.to_dict()
    assert list(shown) == ["root_model", "prompt", "response", "usage_summary", "execution_time"]
    assert (shown["root_model"], shown["prompt"], shown["response"]) == ("sum", "input", "15")
    assert shown["execution_time"] == result.seconds


def test_persistent_is_a_session() -> None:
    cells = {
        "Document A": "kept = 42 * 2\nanswer['content'] = [context, context_0]\nanswer['ready'] = True",
        "Document B": "answer['content'] = [kept, context_0, context_1, len(history)]\nanswer['ready'] = True",
        "Compare.": "answer['content'] = [kept, context_2, len(history)]\nanswer['ready'] = True",
        "Document C": "answer['content'] = ['kept' in globals(), context]\nanswer['ready'] = True",
    }

    def respond(request: Received) -> Answer:
        asked.append(request.value["messages"][-1]["content"])
        return Answer(block(cells[order[len(asked) - 1]]))

    asked: list[str] = []
    order = list(cells)
    with ScriptedServer(respond) as server:
        with reference(server, persistent=True) as rlm:
            assert rlm.persistent is True
            first = completed(rlm.completion("Document A"))
            assert first.answer == ["Document A", "Document A"]
            assert rlm.completion("Document B").answer == [84, "Document A", "Document B", 1]
            assert rlm.completion({"rows": [1]}, root_prompt="Compare.").answer == [84, {"rows": [1]}, 2]
        assert rlm.completion("Document C").answer == [False, "Document C"]
        rlm.close()
    whole = "holds a whole request: the material and, as a rule at its beginning or its end, what is asked."
    assert f"`context` {whole}" in asked[0]
    assert f"`context_1` {whole}" in asked[1]
    assert asked[2].startswith("Question: Compare.\n")
    assert "- `context_2`: dict with 1 key 'rows', 12 characters of JSON" in asked[2]
    assert "before, in this same REPL: 2." in asked[2]


def test_persistent_goes_with_our_own_options() -> None:
    model = Scripted([block("x = 1\nFINAL(1)"), block("FINAL([x, context_1])")])
    options: dict[str, Any] = {"model": model, "persistent": True, "trace": False}
    with RLM(**options) as rlm:
        assert rlm.completion("One?", context="input").answer == 1
        second = rlm.completion("Two?", context="more")
        assert second.answer == [1, "more"]
        assert type(second) is Completion
        assert model.requests[1].messages[-1].content.startswith("Question: Two?\n")
