"""The model from a list or a function."""

import asyncio
import time

import pytest

from rlm.errors import LMError, LMUnavailableError
from rlm.lms.base import Price
from rlm.lms.scripted import Scripted
from rlm.types import Message, Reply, Request, Usage

ASK = Request((Message("user", "x" * 40),))


def ask(lm: Scripted, request: Request = ASK) -> Reply:
    return asyncio.run(lm.complete(request))


def test_replies_in_order_and_then_a_clear_error() -> None:
    given = Reply("as it is", Usage(1, 5, 5), 0.5)
    lm = Scripted(["first", given, LMUnavailableError("down")])
    assert ask(lm).text == "first"
    assert ask(lm) is given
    with pytest.raises(LMUnavailableError, match="down"):
        ask(lm)
    with pytest.raises(LMError, match="the script of scripted is at its end: 3 replies"):
        ask(lm)
    assert lm.requests == [ASK] * 4


def test_a_function_and_an_async_one() -> None:
    async def later(request: Request) -> str:
        await asyncio.sleep(0)
        return request.messages[-1].content[:3]

    assert ask(Scripted(lambda request: f"{len(request.messages)}")).text == "1"
    assert ask(Scripted(later)).text == "xxx"


def test_a_bug_in_the_script_is_no_error_of_the_models() -> None:
    with pytest.raises(ZeroDivisionError):
        ask(Scripted(lambda request: str(1 // 0)))


def test_usage_is_a_token_per_four_characters() -> None:
    reply = ask(Scripted(["y" * 20], price=Price(1.0, 2.0), name="small"))
    assert reply.usage == Usage(1, 10, 5)
    assert reply.cost == pytest.approx(20e-6)
    assert reply.model == "small"
    assert ask(Scripted(["y"])).cost == 0.0
    assert ask(Scripted(["y"], price=None)).cost is None


def test_latency_is_that_of_one_call_for_calls_in_flight_together() -> None:
    async def ask_all() -> float:
        lm = Scripted(lambda request: "y", latency=0.05)
        began = time.monotonic()
        await asyncio.gather(*[lm.complete(ASK) for _ in range(50)])
        return time.monotonic() - began

    assert 0.05 <= asyncio.run(ask_all()) < 0.5
