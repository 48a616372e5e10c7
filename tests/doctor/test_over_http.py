"""What only an endpoint can tell: the limits of an account, and its errors in their own words."""

from __future__ import annotations

import json
import threading

from doctor.patient import fenced
from rlm.doctor import Bounds, examine
from rlm.doctor.findings import Rate, Window
from rlm.lms.openai import OpenAI
from rlm.lms.scripted_server import Answer, Received, ScriptedServer

HEADERS = {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-limit-tokens": "200000",
    "x-ratelimit-remaining-tokens": "9",
}
WINDOW = 3_000


class Endpoint:
    """Refuses a call for its rate where `refuses` calls are in flight, and prompts beyond its window."""

    def __init__(self, *, refuse: int = 0) -> None:
        self.served = 0
        self._refuse = refuse
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Answer:
        messages = json.loads(received.body)["messages"]
        size = sum(len(message["content"]) for message in messages) // 4
        if size > WINDOW:
            words = f"This model's maximum context length is {WINDOW} tokens. However, you requested {size} tokens."
            return Answer(words, 400, error={"code": "context_length_exceeded"}, headers=HEADERS)
        with self._lock:
            if self.served >= 12 and self._refuse:
                self._refuse -= 1
                return Answer("slow down", 429, headers={**HEADERS, "Retry-After": "0"})
            self.served += 1
        if "REPL" in messages[0]["content"]:
            turn = sum(message["role"] == "assistant" for message in messages) + 1
            question = "vault" if "vault code" in messages[1]["content"] else "Zelkova"
            return Answer(fenced()(turn, question), headers=HEADERS)
        return Answer("ready", headers=HEADERS)


def test_the_headers_say_what_the_account_allows() -> None:
    with ScriptedServer(Endpoint()) as server:
        found = examine(OpenAI("m", base_url=server.url))
    assert found.rate == Rate({"requests": 500, "tokens": 200_000}, at_once=8, answered=8)
    assert found.window == Window(WINDOW, "told", None)
    assert found.habits.right == 2


def test_the_first_refusal_is_noted() -> None:
    with ScriptedServer(Endpoint(refuse=2)) as server:
        found = examine(OpenAI("m", base_url=server.url), Bounds(window=1_000))
    assert found.rate == Rate(
        {"requests": 500, "tokens": 200_000},
        at_once=8,
        answered=8,
        refused=2,
        before_refusal=12,
        retry_after=0.0,
    )
    assert found.skipped == {}
