"""Whole runs over the wire: root and sub-calls, the books, and what a cache and a budget depend on."""

import subprocess
import sys

import pytest

from rlm import RLM, ConfigError, Limits, LMRefusedError, Price
from rlm.lms import resolve
from rlm.lms.scripted_server import Answer, Received, ScriptedServer, respond_from
from rlm.types import Usage

ROOT = [
    "```repl\nreplies = llm_query_batched([f'{n}: {context}' for n in range(100)])\nprint(len(replies))\n```",
    "```repl\nFINAL(sorted(set(replies)))\n```",
]


def test_a_run_and_its_books() -> None:
    script = respond_from({"root": ROOT, "sub": "yes"})

    def respond(request: Received) -> Answer:
        answer = script(request)
        return Answer(answer.text, usage={"prompt_tokens": 10, "completion_tokens": 2, "cost": 0.25})

    with ScriptedServer(respond) as server:
        root, sub = (resolve(f"openai/{name}", base_url=server.url) for name in ("root", "sub"))
        done = RLM(model=root, sub_model=sub).completion("Which replies are there?", context="some text")
    assert (done.answer, done.status) == (["yes"], "done")
    assert done.usage == Usage(102, 1020, 204)
    assert done.cost == pytest.approx(102 * 0.25)
    first, second = (request for request in server.requests if request.value["model"] == "root")
    assert "100" in second.value["messages"][-1]["content"]
    assert second.body.startswith(first.body[: first.body.rindex(b"]")] + b",")


def test_connections_stay_warm_between_runs() -> None:
    with ScriptedServer(respond_from({"m": [ROOT[1].replace("sorted(set(replies))", "1")]})) as server:
        rlm = RLM(model=resolve("openai/m", base_url=server.url))
        for _ in range(3):
            assert rlm.completion("Go", context="x").answer == 1
        assert server.accepted == 1


def test_a_money_limit_needs_a_price() -> None:
    with ScriptedServer(respond_from({"m": ["```repl\nFINAL(1)\n```"]})) as server:
        model = resolve("openai/m", base_url=server.url)
        with pytest.raises(ConfigError, match=r"the price of openai/m is not known, so a limit of \$1 can't be kept"):
            RLM(model=model, limits=Limits(usd=1.0))
        priced = RLM(model=model, limits=Limits(usd=1.0), prices={"openai/m": Price(1.0, 10.0)})
        done = priced.completion("Go", context="x")
    assert done.answer == 1
    assert done.cost == pytest.approx((done.usage.input_tokens + 10 * done.usage.output_tokens) / 1e6)
    assert server.requests[0].value["max_tokens"] > 1000


def test_a_wrong_key_ends_the_run_at_once() -> None:
    with ScriptedServer(lambda request: Answer("Incorrect API key", status=401)) as server:
        rlm = RLM(model=resolve("openai/m", base_url=server.url, api_key="sk-wrong"))
        with pytest.raises(LMRefusedError, match="401: Incorrect API key; the key is `api_key` or the variable OPENAI"):
            rlm.completion("Go", context="x")
    assert len(server.requests) == 1


def test_a_process_ends_without_a_word_about_its_connections() -> None:
    code = (
        "import sys; from rlm import RLM; from rlm.lms import resolve;"
        "print(RLM(model=resolve('openai/m', base_url=sys.argv[1])).completion('Go', context='x').answer)"
    )
    with ScriptedServer(respond_from({"m": ["```repl\nFINAL(1)\n```"]})) as server:
        command = [sys.executable, "-W", "always", "-c", code, server.url]
        ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("1\n", "", 0)
