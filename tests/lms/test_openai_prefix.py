"""A conversation of 20 turns: what a root sends begins with what it sent before, so that prompt caches hit."""

import itertools
from typing import Any

import pytest

from lms.fakes.openai import FakeOpenAI, Say
from rlm import RLM, Limits
from rlm.lms.openai import OpenAI

TURNS = 20


def _cell(turn: int) -> str:
    if turn == TURNS:
        return "```repl\nFINAL(turns)\n```"
    return f"Next, the lines from {turn * 10} on.\n```repl\nturns = {turn}\nprint(context[{turn}0:{turn}9])\n```"


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_nearly_all_of_each_request_was_in_the_one_before(api: Any, stream: bool) -> None:
    conversation = "messages" if api == "chat" else "input"

    def say(asked: dict[str, Any]) -> Say:
        return Say(_cell(1 + sum(message["role"] == "assistant" for message in asked[conversation])))

    fake = FakeOpenAI(say)
    with fake.serve() as server:
        # Limits on tokens differ from call to call, and must not stand before the messages.
        lm = OpenAI("gpt-test", api=api, stream=stream, base_url=server.url, api_key="sk-test", window=100_000)
        done = RLM(model=lm, route="never", limits=Limits(tokens=10**6)).completion("How?", context="word " * 2000)
    assert (done.answer, done.status, done.turns) == (TURNS - 1, "done", TURNS)
    bodies = [request.body for request in server.requests]
    assert len(bodies) == TURNS
    kept = 0
    for before, after in itertools.pairwise(bodies):
        end = before.rindex(b"]")  # of the messages
        assert after.startswith(before[:end] + b",")
        assert end / len(before) >= 0.95
        kept += end
    assert kept / sum(map(len, bodies[1:])) >= 0.95
    # And so a cache as OpenAI documents it hits: all but what is new, and the rest of a step of 128 tokens.
    asked = "prompt_tokens" if api == "chat" else "input_tokens"
    for before, after in itertools.pairwise(fake.usages):
        if before[asked] > 1024:
            assert after[f"{asked}_details"]["cached_tokens"] > before[asked] - 128 - 2
    assert fake.usages[-1][f"{asked}_details"]["cached_tokens"] > 1024
