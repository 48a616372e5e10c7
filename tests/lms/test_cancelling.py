"""Whole runs over HTTP that are stopped: what is open at the provider is closed at once, what it told is charged."""

import time
from typing import Any

import pytest

from lms.fakes.anthropic import FakeAnthropic, Say
from rlm import RLM, Completion, Price, Usage
from rlm.lms.anthropic import Anthropic
from rlm.lms.openai import OpenAI
from rlm.lms.scripted import Scripted
from rlm.lms.scripted_server import Answer, Received, ScriptedServer

CELLS = ["```repl\nanswer['content'] = 'so far'\n```", "```repl\nllm_query_batched([str(i) for i in range(32)])\n```"]
ROOT = Usage(2, 0, sum(len(cell) // 4 for cell in CELLS))  # what Scripted counts, but for the input


def until(done: Any, seconds: float = 5.0) -> float:
    """Seconds until `done()`."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds
        time.sleep(0.002)
    return time.monotonic() - began


def stopped(model: Any, server: ScriptedServer, settle: float = 0.0) -> tuple[Completion, float]:
    """A run that is stopped while 32 requests are open, and the seconds until the provider saw all closed."""
    stream = RLM(model=Scripted(CELLS), sub_model=model).stream("q", context="x")
    until(lambda: len(server.requests) == 32)
    time.sleep(settle)
    stream.stop()
    seconds = until(lambda: server.closed == 32)
    return stream.result(), seconds


def test_a_stopped_runs_requests_are_closed_within_a_tenth_of_a_second() -> None:
    with ScriptedServer(lambda received: Answer("late"), latency=30.0) as server:
        model = OpenAI("m", base_url=server.url, price=Price(1.0, 5.0))
        done, seconds = stopped(model, server)
    assert seconds < 0.1
    assert (done.status, done.answer, done.cost, done.usage.calls) == ("partial", "so far", None, 34)
    assert "32 calls were cancelled in flight, and what that cost is not known" in done.reason


def test_what_a_provider_told_of_streams_that_were_broken_off_is_charged() -> None:
    fake = FakeAnthropic(lambda asked: Say("four " * 100, breaks=True))

    def begun(received: Received) -> Answer:
        made = fake(received)
        return Answer(body=(made.body or "") + ": " + "." * len(made.body or ""), headers=made.headers, fault="stall")

    with ScriptedServer(begun, chat_only=False) as server:
        model = Anthropic(
            "claude-haiku-4-5", base_url=server.url, api_key="sk-ant-test", stream=True, price=Price(1.0, 5.0)
        )
        done, seconds = stopped(model, server, settle=0.1)
    assert seconds < 0.1
    assert (done.status, done.reason, done.usage.calls) == ("partial", "stopped", 34)
    told = sum(usage["input_tokens"] for usage in fake.usages)
    said = done.usage.output_tokens - ROOT.output_tokens
    assert said >= 32, "at least the token that a stream begins with"
    assert done.cost == pytest.approx((told + 5 * said) / 1e6)
