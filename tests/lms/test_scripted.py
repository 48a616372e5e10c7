"""The model from a list or a function."""

import asyncio
import time

import pytest

from rlm import LMError, LMRefusedError, Message, Price, Reply, Request, Usage
from rlm.lms.scripted import Scripted


def request(*texts, **options):
    return Request(tuple(Message("user", text) for text in texts), **options)


def ask(lm, *texts):
    return asyncio.run(lm.complete(request(*texts)))


def test_a_list_is_answered_in_order():
    lm = Scripted(["one", "two"])
    assert [ask(lm, "a").text, ask(lm, "b").text] == ["one", "two"]


def test_any_iterable_is_a_list_and_read_at_once():
    lines = ["one"]
    lm = Scripted(lines)
    lines.append("two")
    assert ask(lm, "a").text == "one"
    with pytest.raises(LMError, match="at its end"):
        ask(lm, "b")
    assert ask(Scripted(str(n) for n in range(3)), "a").text == "0"


def test_the_end_of_the_list_is_an_error_that_counts():
    lm = Scripted(["one", "two"], name="root")
    ask(lm, "a")
    ask(lm, "b")
    for _ in range(2):
        with pytest.raises(LMError, match=r"^the script of root is at its end: 2 replies$"):
            ask(lm, "c")


def test_a_function_answers_from_the_request():
    lm = Scripted(lambda asked: asked.messages[-1].content.upper())
    assert ask(lm, "first", "second").text == "SECOND"


def test_an_async_function_is_awaited():
    async def answer(asked):
        await asyncio.sleep(0)
        return f"{asked.max_tokens}"

    assert asyncio.run(Scripted(answer).complete(request("a", max_tokens=7))).text == "7"


def test_a_reply_is_passed_on_as_it_is():
    reply = Reply("cut", Usage(1, 10, 20, 5, 15), 0.25, "length", "elsewhere", 2)
    assert ask(Scripted([reply]), "a") is reply
    assert ask(Scripted(lambda _: reply), "a") is reply


def test_an_error_is_raised():
    refusal = LMRefusedError("no")
    lm = Scripted([refusal, "after"])
    with pytest.raises(LMRefusedError) as caught:
        ask(lm, "a")
    assert caught.value is refusal
    assert ask(lm, "b").text == "after"
    with pytest.raises(LMRefusedError):
        ask(Scripted(lambda _: refusal), "a")


def test_a_bug_in_the_function_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        ask(Scripted(lambda _: str(1 / 0)), "a")


def test_a_token_is_four_characters():
    reply = ask(Scripted(["x" * 10], name="root"), "a" * 9, "b" * 8)
    assert reply == Reply("x" * 10, Usage(1, 4, 2), 0.0, "stop", "root")


def test_it_costs_what_its_price_says():
    assert ask(Scripted(["x" * 8], price=Price(1e6, 10e6)), "a" * 12).cost == 3 + 20
    assert ask(Scripted(["x"], price=None), "a").cost is None


def test_what_it_was_asked_is_kept():
    lm = Scripted(["one", LMRefusedError("no")])
    asked = [request("a"), request("b", temperature=0.5)]
    asyncio.run(lm.complete(asked[0]))
    with pytest.raises(LMRefusedError):
        asyncio.run(lm.complete(asked[1]))
    assert lm.requests == asked


def test_what_it_says_of_itself():
    lm = Scripted([])
    assert (lm.name, lm.window, lm.price) == ("scripted", None, Price(0.0, 0.0))
    assert Scripted([], window=100).window == 100


def test_calls_at_once_wait_together():
    async def several():
        lm = Scripted(["one"] * 20, latency=0.05)
        await asyncio.gather(*(lm.complete(request("a")) for _ in range(20)))

    began = time.perf_counter()
    asyncio.run(several())
    assert 0.05 <= time.perf_counter() - began < 0.5
