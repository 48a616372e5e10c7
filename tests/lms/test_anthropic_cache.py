"""What Anthropic's prompt cache makes of a run: 20 turns over a fake that keeps entries as the documentation says."""

from itertools import pairwise
from typing import Any

import pytest

from lms.fakes.anthropic import BREAKPOINTS, LOOK_BACK, FakeAnthropic, Say
from rlm import RLM, Price
from rlm.lms.anthropic import Anthropic
from rlm.lms.scripted_server import Received, ScriptedServer
from rlm.types import Message, Request

TURNS = 20
PRICE = Price(5.0, 25.0, cached_mtok=0.5, cache_write_mtok=6.25, cache_write_1h_mtok=10.0)


def turn(asked: dict[str, Any]) -> Say:
    """Twenty turns of one cell each; a sub-call in each, and a reply without a cell after the tenth."""
    if "system" not in asked:
        return Say("yes")
    done = sum(message["role"] == "assistant" for message in asked["messages"])
    if done == 10:
        return Say("Let me think about that.")
    if done < TURNS - 1:
        return Say(f"```repl\nprint(llm_query('{done}: ' + context[:900]) + str({done}) * 400)\n```")
    return Say("```repl\nFINAL('done')\n```")


def run(model: str = "claude-opus-5", **options: Any) -> tuple[FakeAnthropic, list[Received], Any]:
    fake = FakeAnthropic(turn)
    with ScriptedServer(fake, chat_only=False) as server:
        url = server.url.removesuffix("/v1")
        lm = Anthropic(model, base_url=url, api_key="sk-ant-test", window=200_000, price=PRICE, **options)
        done = RLM(model=lm).completion("What is it?", context="word " * 40_000)
    assert (done.answer, done.status) == ("done", "done")
    return fake, [request for request in server.requests if "system" in request.value], done


def common(one: bytes, two: bytes) -> int:
    """How many bytes two bodies have in common before they differ."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((place for place, (here, there) in pairs if here != there), min(len(one), len(two)))


def test_each_request_begins_with_the_bytes_of_the_one_before() -> None:
    _, roots, _ = run()
    assert len(roots) == TURNS
    assert min(common(one.body, two.body) / len(one.body) for one, two in pairwise(roots)) > 0.95


@pytest.mark.parametrize("cache", ["5m", "1h"])
def test_a_real_cache_would_hit(cache: Any) -> None:
    fake, _, done = run(cache=cache)
    usages = [
        usage for usage in fake.usages if usage["cache_read_input_tokens"] or usage["cache_creation_input_tokens"]
    ]
    assert len(usages) == TURNS  # a sub-call is neither written nor read
    for before, after in pairwise(usages):  # all that a request held is read by the next one
        held = before["cache_read_input_tokens"] + before["cache_creation_input_tokens"]
        assert before["input_tokens"] == 0
        assert after["cache_read_input_tokens"] == held
    read = sum(usage["cache_read_input_tokens"] for usage in usages)
    written = sum(usage["cache_creation_input_tokens"] for usage in usages)
    assert read / (read + written) > 0.85  # of the roots' input; all of it was new once
    assert (done.usage.cached_tokens, done.usage.cache_write_tokens) == (read, written)
    plain = (done.usage.input_tokens - read - written) * 5.0 + done.usage.output_tokens * 25.0
    assert done.cost == pytest.approx((plain + read * 0.5 + written * (10.0 if cache == "1h" else 6.25)) / 1e6)
    without = plain + (read + written) * 5.0
    assert done.cost * 1e6 < 0.6 * without


def test_breakpoints_are_few_and_within_reach_of_each_other() -> None:
    _, roots, _ = run()
    places = []
    for request in roots:
        blocks = [*request.value["system"], *(b for m in request.value["messages"] for b in m["content"])]
        marked = [index for index, block in enumerate(blocks) if "cache_control" in block]
        assert len(marked) == 2 <= BREAKPOINTS
        assert marked == [len(request.value["system"]) - 1, len(blocks) - 1]
        places.append(marked[-1])
    assert all(0 < after - before < LOOK_BACK for before, after in pairwise(places))


@pytest.mark.parametrize(
    ("cache", "messages", "marks"),
    [
        ("5m", (Message("user", "A prompt that is asked once"),), 0),  # nobody would read what a quarter more wrote
        ("5m", (Message("system", "S"), Message("user", "U")), 2),
        ("5m", (Message("user", "U"), Message("assistant", "A"), Message("user", "V")), 1),
        (None, (Message("system", "S"), Message("user", "U")), 0),
    ],
)
def test_only_a_conversation_is_cached(cache: Any, messages: tuple[Message, ...], marks: int) -> None:
    made = Anthropic("claude-opus-5", base_url="http://127.0.0.1:9", cache=cache)._form.fields(Request(messages))
    assert str(made).count("cache_control") == marks


def test_a_child_reads_what_its_sibling_wrote_of_the_system_prompt() -> None:
    fake = FakeAnthropic(lambda asked: Say())
    form = Anthropic("claude-opus-5", base_url="http://127.0.0.1:9")._form
    for question in ("one", "two"):
        asked = form.fields(Request((Message("system", "long " * 1000), Message("user", question))))
        fake.usages.append(fake._usage(asked, Say()))
    assert [usage["cache_read_input_tokens"] for usage in fake.usages] == [0, 1251]
