"""The HTTP layer against a server that fails in every way: what is tried again, what is not, and what is said."""

import asyncio
import email.utils
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rlm.errors import LMError, LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms import http, retries
from rlm.lms.http import Policy
from rlm.lms.pace import Pace
from rlm.lms.scripted_server import Answer, Received, ScriptedServer

FAST = Policy(attempts=4, connect=0.2, attempt=5.0, total=10.0, backoff=0.001)
BODY = b'{"model": "m", "messages": []}'


def in_turn(answers: Sequence[Answer]) -> Callable[[Received], Answer]:
    left = iter(answers)
    return lambda request: next(left)


def post(server: ScriptedServer, policy: Policy = FAST, **headers: str) -> tuple[dict[str, Any], int]:
    return asyncio.run(http.post(f"{server.url}/chat/completions", headers, BODY, policy))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, drawn from a seed and not waited."""
    waits: list[float] = []
    monkeypatch.setattr(retries, "_random", random.Random(0))
    real = retries._wait

    def note(policy: Policy, failed: int, asked: float | None) -> float:
        waits.append(real(policy, failed, asked))
        return 0.0

    monkeypatch.setattr(retries, "_wait", note)
    monkeypatch.setattr(Pace, "hold", lambda pace, seconds, reason: None)
    return waits


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with ScriptedServer(in_turn([Answer("busy", status=status)] * 2 + [Answer("fine")])) as server:
        value, failed = post(server)
    assert value["choices"][0]["message"]["content"] == "fine"
    assert failed == 2
    assert [request.body for request in server.requests] == [BODY] * 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_can_not_pass_is_not(status: int) -> None:
    with (
        ScriptedServer(lambda request: Answer("no such thing", status=status)) as server,
        pytest.raises(LMRefusedError) as caught,
    ):
        post(server)
    assert str(caught.value) == f"{status}: no such thing"
    assert len(server.requests) == 1


def test_an_account_without_credit_is_not_waited_for() -> None:
    answer = Answer("You exceeded your quota", status=429, error={"code": "insufficient_quota"})
    with (
        ScriptedServer(lambda request: answer) as server,
        pytest.raises(LMRefusedError, match="no credit"),
    ):
        post(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", ["reset", "truncate"])
def test_a_broken_connection_is_tried_again(fault: Any) -> None:
    with ScriptedServer(in_turn([Answer(fault=fault), Answer("fine")])) as server:
        assert post(server)[1] == 1


def test_a_time_out_is_tried_again() -> None:
    with ScriptedServer(in_turn([Answer(fault="hang"), Answer("fine")])) as server:
        assert post(server, Policy(attempt=0.1, backoff=0.001))[1] == 1


def test_attempts_have_a_ceiling() -> None:
    with (
        ScriptedServer(lambda request: Answer("overloaded", status=529)) as server,
        pytest.raises(LMUnavailableError) as caught,
    ):
        post(server)
    assert str(caught.value) == "127.0.0.1: 529: overloaded; sent 4 times"
    assert len(server.requests) == 4


def test_nobody_listens() -> None:
    with ScriptedServer(lambda request: Answer()) as server:
        pass
    with pytest.raises(LMUnavailableError, match=r"127\.0\.0\.1: the connection failed .*; tried 4 times"):
        post(server)


def test_time_has_a_ceiling_too() -> None:
    began = time.monotonic()
    with (
        ScriptedServer(lambda request: Answer(fault="hang")) as server,
        pytest.raises(LMUnavailableError, match="no answer in time"),
    ):
        post(server, Policy(attempts=1000, attempt=0.05, total=0.2, backoff=0.0))
    assert time.monotonic() - began < 2.0
    assert 2 <= len(server.requests) <= 5


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7.0, 7.7),
        ({"Retry-After": "1.5"}, 1.5, 1.65),
        ({"retry-after-ms": "250"}, 0.25, 0.275),
        ({"retry-after-ms": "250", "Retry-After": "7"}, 0.25, 0.275),
        ({"Retry-After": email.utils.formatdate(time.time() + 600.0, usegmt=True)}, 100.0, 601.0),
        ({"Retry-After": email.utils.formatdate(time.time() - 9.0, usegmt=True)}, 0.0, 0.0),
        ({"Retry-After": "soon"}, 0.0, 0.001),
        ({"Retry-After": "-3"}, 0.0, 0.001),
        ({"retry-after-ms": "nan"}, 0.0, 0.001),
    ],
)
def test_the_wait_that_a_provider_asks_for_is_kept(
    sleeps: list[float], headers: dict[str, str], low: float, high: float
) -> None:
    with ScriptedServer(in_turn([Answer("slow down", status=429, headers=headers), Answer()])) as server:
        assert post(server)[1] == 1
    assert len(sleeps) == 1
    assert low <= sleeps[0] <= high


def test_a_wait_beyond_the_ceiling_is_not_begun() -> None:
    answer = Answer("come back tomorrow", status=429, headers={"Retry-After": "86400"})
    with (
        ScriptedServer(lambda request: answer) as server,
        pytest.raises(LMUnavailableError, match=r"sent once; it asks to wait 86,400 s; 10 s is the most"),
    ):
        post(server)
    assert len(server.requests) == 1


def test_waits_are_drawn_from_a_range_that_doubles_up_to_its_bound(sleeps: list[float]) -> None:
    with ScriptedServer(lambda request: Answer("down", status=503)) as server:
        for _ in range(40):
            with pytest.raises(LMUnavailableError):
                post(server, Policy(attempts=5, backoff=1.0, longest_wait=4.0))
    longest = [max(sleeps[place::4]) for place in range(4)]
    shortest = [min(sleeps[place::4]) for place in range(4)]
    for most, bound in zip(longest, [1.0, 2.0, 4.0, 4.0], strict=True):
        assert bound / 2 < most <= bound
    assert all(least < 1.0 for least in shortest)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<html>hello</html>", "something else than a JSON object"),
        ("", "something else than a JSON object"),
        ("[1, 2]", "something else than a JSON object"),
        ('{"choices": [', "something else than a JSON object"),
        ("null", "something else than a JSON object"),
        ("[" * 100_000, "something else than a JSON object"),
    ],
)
def test_what_is_no_json_object_is_told(body: str, said: str) -> None:
    with (
        ScriptedServer(lambda request: Answer(body=body)) as server,
        pytest.raises(LMReplyError, match=said),
    ):
        post(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "error", "requests"),
    [
        ('{"error": {"message": "no credits", "code": 402}}', LMRefusedError, 1),
        ('{"error": {"message": "provider down", "code": 502}}', LMUnavailableError, 4),
        ('{"error": "something"}', LMUnavailableError, 4),
    ],
)
def test_an_error_in_a_good_answer_counts_as_its_own_code(body: str, error: type[LMError], requests: int) -> None:
    with (
        ScriptedServer(lambda request: Answer(body=body)) as server,
        pytest.raises(error),
    ):
        post(server)
    assert len(server.requests) == requests


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": {"message": "bad model"}}', "400: bad model"),
        ('{"error": "bad model"}', "400: bad model"),
        ('{"message": "bad model"}', "400: bad model"),
        ('{"detail": "bad model"}', "400: bad model"),
        ("bad model", "400: bad model"),
        ('{"detail": [1]}', '400: {"detail": [1]}'),
        ("", "400: no message"),
    ],
)
def test_the_providers_words_are_found(body: str, message: str) -> None:
    with (
        ScriptedServer(lambda request: Answer(status=400, body=body)) as server,
        pytest.raises(LMRefusedError) as caught,
    ):
        post(server)
    assert str(caught.value) == message


def test_a_key_that_a_server_repeats_is_not_told() -> None:
    key = "sk-very-secret"
    with (
        ScriptedServer(lambda request: Answer(f"Incorrect key: {key}.", status=401)) as server,
        pytest.raises(LMRefusedError) as caught,
    ):
        post(server, Authorization=f"Bearer {key}")
    assert str(caught.value) == "401: Incorrect key: ***."


def test_redirects_are_not_followed() -> None:
    answer = Answer(status=307, headers={"Location": "http://elsewhere.example/v1"})
    with (
        ScriptedServer(lambda request: answer) as server,
        pytest.raises(LMRefusedError, match=r"redirects to http://elsewhere\.example/v1"),
    ):
        post(server)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Answer("no /v1?api-version=2024-10-21&key=k-in-query", status=400),
            "400: no /v1?api-version=2024-10-21&key=***",
        ),
        (
            Answer(status=308, headers={"Location": "https://there.example/k-in-header/v1?key=k-in-query"}),
            "308: it redirects to https://there.example/***/v1; give that as the base URL",
        ),
        (Answer(status=302), "302: it redirects to nowhere; give that as the base URL"),
    ],
)
def test_a_key_in_the_url_is_not_repeated(answer: Answer, said: str) -> None:
    with ScriptedServer(lambda request: answer, chat_only=False) as server, pytest.raises(LMRefusedError) as caught:
        asyncio.run(
            http.post(f"{server.url}/m?api-version=2024-10-21&key=k-in-query", {"x-k": "k-in-header"}, BODY, FAST)
        )
    assert str(caught.value) == said


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_REPLY_BYTES", 1 << 20)
    with (
        ScriptedServer(lambda request: Answer("x" * (2 << 20))) as server,
        pytest.raises(LMReplyError, match="longer than"),
    ):
        post(server)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with ScriptedServer(lambda request: Answer("fine")) as server:
        assert post(server)[1] == 0


def test_cancelling_closes_the_request_at_once() -> None:
    async def cancel(server: ScriptedServer) -> float:
        task = asyncio.create_task(http.post(f"{server.url}/chat/completions", {}, BODY, FAST))
        await asyncio.to_thread(wait_until, lambda: bool(server.requests))
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(wait_until, lambda: server.closed == 1)
        return time.monotonic() - began

    with ScriptedServer(lambda request: Answer(fault="hang")) as server:
        assert asyncio.run(cancel(server)) < 2.0


def test_connections_are_kept_for_the_next_request() -> None:
    async def ask(server: ScriptedServer) -> None:
        for _ in range(5):
            await http.post(f"{server.url}/chat/completions", {}, BODY, FAST)

    with ScriptedServer(lambda request: Answer()) as server:
        asyncio.run(ask(server))
        assert server.accepted == 1


def test_a_loop_that_ends_leaves_no_connection() -> None:
    with ScriptedServer(lambda request: Answer()) as server:
        post(server)
        wait_until(lambda: server.open == 0)
    assert not [loop for loop in http._pools if loop.is_closed()]


def test_the_pool_opens_again_after_it_was_closed() -> None:
    async def ask(server: ScriptedServer) -> None:
        for _ in range(2):
            await http.post(f"{server.url}/chat/completions", {}, BODY, FAST)
            await http.close()

    with ScriptedServer(lambda request: Answer()) as server:
        asyncio.run(ask(server))
        assert server.accepted == 2


def test_what_a_connection_needs_is_loaded_while_other_things_begin() -> None:
    code = (
        "import sys, threading; from rlm.lms import http, pool; before = pool._tls.cache_info().currsize; http.warm();"
        "[one.join() for one in threading.enumerate() if one.name == 'rlm warm'];"
        "print(before, pool._tls.cache_info().currsize, 'aiohappyeyeballs' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "0 1 True\n"
