"""Pace: who is let through, in what order, and how the limit moves."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from rlm.lms import pace as module
from rlm.lms.pace import Pace


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def run(work: Callable[[Pace], Coroutine[Any, Any, None]]) -> None:
    async def begin() -> None:
        await work(Pace())

    asyncio.run(begin())


def entered(pace: Pace, count: int) -> Pace:
    assert sum(pace.enter() for _ in range(count)) == count
    return pace


def test_it_begins_wide_open() -> None:
    pace = entered(Pace(), 10_000)
    assert pace.limit == math.inf
    for _ in range(10_000):
        pace.succeeded()
        pace.leave()
    assert pace.limit == math.inf


def test_a_burst_that_is_refused_halves_it(clock: Clock) -> None:
    pace = entered(Pace(), 64)
    for _ in range(64):
        pace.refused()
        pace.leave()
    assert pace.limit == 32.0
    assert sum(pace.enter() for _ in range(64)) == 32


def test_it_never_falls_below_one(clock: Clock) -> None:
    pace = entered(Pace(), 5)
    for _ in range(100):
        pace.refused()
    assert pace.limit == 1.0


def limited(clock: Clock, limit: int) -> Pace:
    """A pace at this limit, with as many in flight, which has known better days."""
    pace = entered(Pace(), 2 * limit)
    pace.succeeded()
    clock.now += 1.0
    for _ in range(2 * limit):
        pace.refused()
        pace.leave()
    assert pace.limit == limit
    return entered(pace, limit)


def test_a_round_of_successes_adds_one(clock: Clock) -> None:
    pace = limited(clock, 10)
    for _ in range(10):
        pace.succeeded()
    assert pace.limit == pytest.approx(11.0, abs=0.05)


def test_a_limit_that_is_not_reached_is_not_raised(clock: Clock) -> None:
    pace = limited(clock, 10)
    for _ in range(5):
        pace.leave()
    for _ in range(100):
        pace.succeeded()
    assert pace.limit == 10.0


def test_after_an_outage_it_comes_back_faster(clock: Clock) -> None:
    pace = limited(clock, 40)
    clock.now += 1.0
    pace.succeeded()
    clock.now += 1.0
    for _ in range(200):
        pace.refused()
    assert pace.limit == 1.0
    rounds = 0
    while pace.limit < 20.0:
        rounds += 1
        pace.succeeded()
    assert rounds == 19
    pace.succeeded()
    assert 20.0 < pace.limit < 21.1


def test_refusals_now_and_then_cost_little(clock: Clock) -> None:
    pace = limited(clock, 10)
    for number in range(4000):
        while pace.enter():
            pass
        if number % 40:
            pace.succeeded()
        else:
            pace.refused()
        pace.leave()
    assert 50.0 < pace.limit < 90.0


def test_those_that_wait_are_let_in_as_they_came(clock: Clock) -> None:
    async def work(pace: Pace) -> None:
        pace.limit = 1.0
        entered(pace, 1)
        order: list[int] = []

        async def take(number: int) -> None:
            await pace.wait(60.0, first=number < 0)
            order.append(number)
            pace.leave()

        tasks = [asyncio.create_task(take(number)) for number in (1, 2, -1, 3)]
        await asyncio.sleep(0)
        assert not pace.enter()
        pace.leave()
        await asyncio.gather(*tasks)
        assert order == [-1, 1, 2, 3]
        assert pace.enter()

    run(work)


def test_one_that_is_cancelled_gives_its_turn_to_the_next(clock: Clock) -> None:
    async def work(pace: Pace) -> None:
        pace.limit = 1.0
        entered(pace, 1)
        gone, stays = (asyncio.create_task(pace.wait(60.0, first=False)) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        pace.leave()
        await stays
        assert not pace.enter()
        pace.leave()
        assert pace.enter()

    run(work)


def test_one_that_is_cancelled_as_it_is_let_in_gives_its_place_back(clock: Clock) -> None:
    async def work(pace: Pace) -> None:
        pace.limit = 1.0
        entered(pace, 1)
        gone, stays = (asyncio.create_task(pace.wait(60.0, first=False)) for _ in range(2))
        await asyncio.sleep(0)
        pace.leave()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        await stays
        assert not pace.enter()

    run(work)


def test_nothing_is_sent_while_it_is_held(clock: Clock) -> None:
    pace = Pace()
    pace.hold(5.0, "429: slow down")
    assert (pace.held, pace.reason) == (5.0, "429: slow down")
    pace.hold(2.0, "less")
    pace.hold(None, "nothing")
    assert (pace.held, pace.reason) == (5.0, "429: slow down")
    assert not pace.enter()
    clock.now += 5.0
    assert pace.enter()


def test_a_hold_has_a_bound(clock: Clock) -> None:
    pace = Pace()
    pace.hold(1e9, "come back in thirty years")
    assert pace.held == 3600.0


def test_those_that_wait_go_when_the_hold_ends() -> None:
    async def work(pace: Pace) -> None:
        pace.hold(0.05, "429")
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(pace.wait(60.0, first=False) for _ in range(10)))
        assert 0.04 < asyncio.get_running_loop().time() - began < 1.0

    run(work)


def test_a_hold_that_is_prolonged_is_waited_for_to_its_end() -> None:
    async def work(pace: Pace) -> None:
        pace.hold(0.03, "429")
        waits = asyncio.create_task(pace.wait(60.0, first=False))
        await asyncio.sleep(0)
        pace.hold(0.1, "429")
        began = asyncio.get_running_loop().time()
        await waits
        assert asyncio.get_running_loop().time() - began > 0.09

    run(work)


def test_a_hold_that_is_longer_than_ones_patience_is_not_waited_for() -> None:
    async def work(pace: Pace) -> None:
        pace.limit = 1.0
        entered(pace, 1)
        short, long = (asyncio.create_task(pace.wait(patience, first=False)) for patience in (10.0, 60.0))
        await asyncio.sleep(0)
        pace.hold(30.0, "429: come back later")
        assert not await short
        assert not await pace.wait(10.0, first=False)
        assert not long.done()
        long.cancel()

    run(work)


def test_it_knows_whether_anyone_was_answered_lately(clock: Clock) -> None:
    pace = Pace()
    assert not pace.is_answering
    entered(pace, 1).succeeded()
    assert pace.is_answering
    clock.now += 61.0
    assert not pace.is_answering
