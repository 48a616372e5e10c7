"""Sub-calls in a storm: each is answered exactly once, and the books are the endpoint's own."""

import asyncio
import json
import time

import pytest

from rlm import RLM, Limits
from rlm.errors import CallCancelled, LMUnavailableError
from rlm.lms import http
from rlm.lms.connection import Connection, Target
from rlm.lms.http import Policy
from rlm.lms.openai import OpenAI
from rlm.lms.pool import Connections
from rlm.lms.scripted_server import Answer, Received, ScriptedServer
from rlm.types import Usage

from .fakes.storm import Storm
from .test_http import wait_until

CELL = """```repl
replies = llm_query_batched([f"p{i}" for i in range(300)])
FINAL(sum(reply == f"answer to p{i}" for i, reply in enumerate(replies)))
```"""


def test_every_sub_call_is_answered_exactly_once_and_the_books_are_the_endpoints() -> None:
    storm = Storm(1000.0, 30)

    def respond(request: Received) -> Answer:
        if request.value["model"] == "root":
            return Answer(CELL, usage={"prompt_tokens": 1, "completion_tokens": 0})
        return storm(request)

    with ScriptedServer(respond, latency=0.005) as server:
        policy = Policy(attempt=0.75, backoff=0.02)  # of one that hangs; a machine's hiccup must be shorter
        root, sub = (OpenAI(name, base_url=server.url, policy=policy) for name in ("root", "sub"))
        done = RLM(model=root, sub_model=sub, route="never", limits=Limits(concurrency=64)).completion("?", context="x")
    assert (done.status, done.answer) == ("done", 300)
    assert storm.answered == {f"p{index}": 1 for index in range(300)}
    assert (done.usage.calls, done.usage.tokens) == (301, storm.tokens + 1)
    assert storm.hit > 15
    assert storm.refused > 15
    assert len(server.requests) == 301 + storm.hit + storm.refused


BODY = b'{"model": "m", "messages": [{"role": "user", "content": "?"}]}'


def test_a_rate_limit_is_waited_out_while_others_are_answered() -> None:
    """More refusals than attempts: an account that lets ten a second through is no failure for the hundredth."""
    storm = Storm(50.0, 1, share=0.0)

    def respond(request: Received) -> Answer:
        answer = storm(request)
        return Answer(answer.text, status=answer.status)  # no header says when

    async def ask(server: ScriptedServer) -> list[int]:
        policy = Policy(attempts=2, backoff=0.01, longest_wait=0.02)
        posts = (http.post(f"{server.url}/chat/completions", {}, BODY, policy) for _ in range(20))
        return [failed for _, failed in await asyncio.gather(*posts)]

    with ScriptedServer(respond) as server:
        failed = asyncio.run(ask(server))
    assert max(failed) > 2
    assert sum(failed) == storm.refused


def test_an_account_that_is_held_for_too_long_fails_its_other_calls_unsent() -> None:
    answer = Answer("come back tomorrow", status=429, headers={"Retry-After": "86400"})

    async def ask(server: ScriptedServer) -> list[BaseException]:
        url, policy = f"{server.url}/chat/completions", Policy(total=30.0)
        first = await asyncio.gather(http.post(url, {}, BODY, policy, account="a"), return_exceptions=True)
        second = await asyncio.gather(http.post(url, {}, BODY, policy, account="a"), return_exceptions=True)
        other = await asyncio.gather(http.post(url, {}, BODY, policy, account="b"), return_exceptions=True)
        return [one for one in first + second + other if isinstance(one, BaseException)]

    with ScriptedServer(lambda request: answer) as server:
        errors = asyncio.run(ask(server))
        assert len(server.requests) == 2
    assert [type(error) for error in errors] == [LMUnavailableError] * 3
    assert "sent once; it asks to wait 86,400 s; 30 s is the most" in str(errors[0])
    assert str(errors[1]).startswith("127.0.0.1: 429: come back tomorrow; not sent; it asks to wait 3,600 s; 30 s")


def test_an_answer_that_uses_up_a_limit_holds_the_next_request() -> None:
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "150ms"}

    async def ask(server: ScriptedServer) -> float:
        url = f"{server.url}/chat/completions"
        await http.post(url, {}, BODY, Policy())
        began = time.monotonic()
        await http.post(url, {}, BODY, Policy())
        return time.monotonic() - began

    with ScriptedServer(lambda request: Answer("ok", headers=headers)) as server:
        assert 0.14 < asyncio.run(ask(server)) < 2.0


def test_a_body_that_is_large_is_sent_whole() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "é" * (2 << 20)}]}).encode()
    answers = iter([Answer("busy", status=500), Answer("ok")])
    with ScriptedServer(lambda request: next(answers)) as server:
        sent = http.post(f"{server.url}/chat/completions", {}, body, Policy(backoff=0.001))
        assert asyncio.run(sent)[1] == 1
        assert [request.body for request in server.requests] == [body, body]


@pytest.mark.parametrize("fault", ["hang", "stall"])
def test_cancelling_many_closes_all_their_connections_within_a_tenth_of_a_second(fault: str) -> None:
    answer = Answer("x" * 1000, fault="hang" if fault == "hang" else "stall")

    async def cancel(server: ScriptedServer) -> float:
        url = f"{server.url}/chat/completions"
        tasks = [asyncio.create_task(http.post(url, {}, BODY, Policy())) for _ in range(64)]
        await asyncio.to_thread(wait_until, lambda: len(server.requests) == 64)
        began = time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(wait_until, lambda: not server.open)
        return time.monotonic() - began

    seconds = []
    for _ in range(3):  # a busy machine may be slow once
        with ScriptedServer(lambda request: answer) as server:
            seconds.append(asyncio.run(cancel(server)))
        assert server.closed == 64
    assert min(seconds) < 0.1


@pytest.mark.parametrize(("status", "known"), [(429, True), (500, False)])
def test_a_call_that_is_cancelled_before_it_can_have_cost_anything_says_so(status: int, known: bool) -> None:
    async def cancel(server: ScriptedServer) -> list[BaseException]:
        url, policy = f"{server.url}/chat/completions", Policy(backoff=100.0, longest_wait=100.0)
        tasks = [asyncio.create_task(http.post(url, {}, BODY, policy)) for _ in range(3)]
        await asyncio.to_thread(wait_until, lambda: bool(server.requests))
        await asyncio.sleep(0.05)
        errors = []
        for task in tasks:
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            errors.append(caught.value)
        return errors

    with ScriptedServer(lambda request: Answer("later", status=status)) as server:
        errors = asyncio.run(cancel(server))
    assert [isinstance(error, CallCancelled) for error in errors] == [known] * 3
    assert all((error.usage, error.cost) == (Usage(), 0.0) for error in errors if isinstance(error, CallCancelled))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/m", "http://127.0.0.1:1/m"], ids=["connecting", "refused"])
def test_a_call_that_is_cancelled_before_it_was_sent_cost_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(pool: Connections, target: Target) -> Connection:
        if target.port == 1:
            raise ConnectionRefusedError
        await asyncio.sleep(60.0)
        raise AssertionError

    async def cancel() -> BaseException:
        task = asyncio.create_task(http.post(url, {}, BODY, Policy(backoff=100.0, longest_wait=100.0)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return caught.value

    monkeypatch.setattr(Connections, "connect", hang)
    error = asyncio.run(cancel())
    assert isinstance(error, CallCancelled)
    assert (error.usage, error.cost) == (Usage(), 0.0)


def test_a_call_that_is_cancelled_while_it_is_signed_cost_nothing() -> None:
    async def sign() -> dict[str, str]:
        await asyncio.sleep(60.0)
        raise AssertionError

    async def cancel() -> BaseException:
        task = asyncio.create_task(http.post("http://127.0.0.1:9/m", {}, BODY, Policy(), sign=sign))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return caught.value

    error = asyncio.run(cancel())
    assert isinstance(error, CallCancelled)
    assert (error.usage, error.cost) == (Usage(), 0.0)
