"""Streamed replies: put together, tried again where they break, and what is known of one that was cancelled."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rlm.errors import CallCancelled, LMError, LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms import http
from rlm.lms.base import Price
from rlm.lms.http import Policy
from rlm.lms.scripted_server import Answer, Received, ScriptedServer
from rlm.lms.wire import WireClient
from rlm.types import Usage

FAST = Policy(attempts=3, attempt=5.0, total=10.0, backoff=0.001)
BODY = b"{}"


class Words:
    """Joins the words of a stream; one that says `last` is its end."""

    made = 0

    def __init__(self) -> None:
        Words.made += 1
        self.words: list[str] = []
        self.whole = False

    def feed(self, event: str, data: dict[str, Any]) -> None:
        self.words.append(data["word"] + event)
        self.whole = bool(data.get("last"))

    def value(self) -> dict[str, Any] | None:
        return {"text": " ".join(self.words)} if self.words else None


def events(*data: Any, end: str = "") -> Answer:
    text = "".join(f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in data) + end
    return Answer(body=text, headers={"Content-Type": "text/event-stream; charset=utf-8"})


WHOLE = events({"word": "two"}, {"word": "and"}, {"word": "two", "last": True}, "[DONE]")


def in_turn(answers: Sequence[Answer]) -> Callable[[Received], Answer]:
    left = iter(answers)
    return lambda request: next(left)


def post(server: ScriptedServer) -> tuple[dict[str, Any], int]:
    Words.made = 0
    return asyncio.run(http.post(f"{server.url}/chat/completions", {}, BODY, FAST, stream=Words))


def test_a_stream_is_put_together() -> None:
    with ScriptedServer(lambda request: WHOLE) as server:
        assert post(server) == ({"text": "two and two"}, 0)


def test_events_have_names() -> None:
    named = Answer(
        body='event: !\ndata: {"word": "hey", "last": true}\n\n', headers={"Content-Type": "text/event-stream"}
    )
    with ScriptedServer(lambda request: named) as server:
        assert post(server)[0] == {"text": "hey!"}


def test_an_endpoint_that_does_not_stream_is_taken_at_its_object() -> None:
    with ScriptedServer(lambda request: Answer(body='{"text": "two"}')) as server:
        assert post(server)[0] == {"text": "two"}


@pytest.mark.parametrize(
    "broken",
    [
        events({"word": "two"}, {"word": "and"}),
        events(),
        Answer(body=WHOLE.body, headers=WHOLE.headers, fault="reset"),
        Answer(body=events({"word": "two"}, {"word": "and"}).body, headers=WHOLE.headers, fault="truncate"),
    ],
)
def test_a_stream_that_ends_early_is_asked_for_again_from_its_beginning(broken: Answer) -> None:
    with ScriptedServer(in_turn([broken, WHOLE])) as server:
        assert post(server) == ({"text": "two and two"}, 1)
    assert Words.made == 2


def test_a_stream_that_breaks_after_its_end_is_whole() -> None:
    cut = Answer(body=f"{WHOLE.body}{' ' * 20}", headers=WHOLE.headers, fault="truncate")
    with ScriptedServer(in_turn([cut])) as server:
        assert post(server) == ({"text": "two and two"}, 0)


@pytest.mark.parametrize(
    ("error", "kind", "said", "requests"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, LMUnavailableError, "529: Overloaded", 3),
        ({"code": 400, "message": "no such thing"}, LMRefusedError, "400: no such thing", 1),
        ("upstream broke", LMUnavailableError, "500: upstream broke", 3),
    ],
)
def test_an_error_in_a_stream(error: Any, kind: type[LMError], said: str, requests: int) -> None:
    answer = events({"word": "two"}, {"error": error})
    with ScriptedServer(lambda request: answer) as server, pytest.raises(kind, match=said):
        post(server)
    assert len(server.requests) == requests


def test_what_is_no_object_in_a_stream_is_passed_over() -> None:
    odd = events("[1]", "nothing", "null", {"word": "two", "last": True})
    with ScriptedServer(lambda request: odd) as server:
        assert post(server)[0] == {"text": "two"}


def test_an_endless_stream_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_REPLY_BYTES", 1 << 20)
    long = events(*({"word": "x" * 1000} for _ in range(2000)))
    with ScriptedServer(lambda request: long) as server, pytest.raises(LMReplyError, match="longer than"):
        post(server)


@pytest.mark.parametrize(("stalled", "failed"), [(WHOLE, 0), (events({"word": "two"}, {"word": "and"}), 1)])
def test_a_stream_that_stalls_is_a_time_out_unless_it_is_whole(stalled: Answer, failed: int) -> None:
    stalled = Answer(body=stalled.body, headers=stalled.headers, fault="stall")
    policy = Policy(attempt=0.1, backoff=0.001)
    with ScriptedServer(in_turn([stalled, WHOLE])) as server:
        url = f"{server.url}/chat/completions"
        assert asyncio.run(http.post(url, {}, BODY, policy, stream=Words)) == ({"text": "two and two"}, failed)


async def cancelled(server: ScriptedServer, spent: Any) -> BaseException:
    lm = WireClient("p/m", "m", server.url, headers={}, window=None, price=Price(1e6, 1e6), policy=FAST)
    fed = asyncio.Event()

    class Watched(Words):
        def feed(self, event: str, data: dict[str, Any]) -> None:
            super().feed(event, data)
            fed.set()

    task = asyncio.create_task(lm._post(f"{server.url}/chat/completions", BODY, Watched, spent))
    await fed.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    return caught.value


def test_what_a_cancelled_stream_had_consumed_is_told() -> None:
    half = Answer(body=WHOLE.body, headers=WHOLE.headers, fault="stall")
    with ScriptedServer(lambda request: half) as server:
        error = asyncio.run(cancelled(server, lambda value: Usage(1, 5, len(value["text"].split()))))
        unknown = asyncio.run(cancelled(server, lambda value: None))
    assert isinstance(error, CallCancelled)
    assert (error.usage, error.cost) == (Usage(1, 5, 3), 8.0)
    assert type(unknown) is asyncio.CancelledError
