import asyncio
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.errors import ConfigError, LimitError
from rlm.ledger import OUTPUT_TOKENS, Ledger, check_limits
from rlm.lms.base import Price
from rlm.types import Limits, Reply, Usage

PRICE = Price(1.0, 2.0)


def reply(tokens_in: int, tokens_out: int, cost: float | None = 0.0) -> Reply:
    return Reply("x", Usage(1, tokens_in, tokens_out), cost)


async def call(ledger: Ledger, tokens_in: int, tokens_out: int, *, want: int | None = None) -> int | None:
    async with ledger.hold(tokens_in, want, PRICE) as held:
        await asyncio.sleep(0)
        ledger.charge(reply(tokens_in, tokens_out, (tokens_in + 2 * tokens_out) / 1e6))
        return held.max_tokens


def test_without_limits_a_call_is_not_capped() -> None:
    assert asyncio.run(call(Ledger(Limits()), 10, 10)) is None


def test_a_reply_is_charged_up_to_the_root() -> None:
    root = Ledger(Limits())
    child = Ledger(root.limits, root)
    grandchild = Ledger(root.limits, child)
    grandchild.charge(reply(1, 2, 0.5))
    child.charge(reply(10, 20, 0.25))
    assert (grandchild.usage.tokens, child.usage.tokens, root.usage.tokens) == (3, 33, 33)
    assert (grandchild.cost, child.cost, root.cost) == (0.5, 0.75, 0.75)


def test_an_unknown_price_makes_the_cost_unknown_and_not_zero() -> None:
    root = Ledger(Limits())
    child = Ledger(root.limits, root)
    root.charge(reply(1, 1, 0.5))
    child.charge(reply(1, 1, None))
    assert root.cost is None
    assert root.usd == 0.5


def test_the_output_is_capped_by_what_is_left() -> None:
    ledger = Ledger(Limits(tokens=1000))
    assert asyncio.run(call(ledger, 100, 50)) == 800  # 900 without the reserve
    assert asyncio.run(call(ledger, 100, 50, want=200)) == 200


def test_a_call_that_does_not_fit_is_refused_before_it_is_sent() -> None:
    ledger = Ledger(Limits(tokens=1000))
    ledger.charge(reply(800, 50))
    with pytest.raises(LimitError, match="the limit of 1,000 tokens is reached: 850 are used") as caught:
        asyncio.run(call(ledger, 40, 1))
    assert caught.value.limit == "tokens"


def test_the_reserve_is_for_the_wrap_up_alone() -> None:
    async def main() -> int | None:
        ledger = Ledger(Limits(tokens=1000))
        ledger.charge(reply(850, 20))
        async with ledger.hold(20, None, PRICE, wrap_up=True) as held:
            return held.max_tokens

    assert asyncio.run(main()) == 110


def test_money_is_never_overspent_however_many_calls_run_at_once() -> None:
    async def main() -> Ledger:
        ledger = Ledger(Limits(usd=0.01, concurrency=64))
        children = [Ledger(ledger.limits, ledger) for _ in range(8)]
        # Each call may answer 400 tokens and does: 100 + 2 * 400 = 900 millionths of a dollar.
        calls = [call(children[i % 8], 100, 400, want=400) for i in range(40)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(r, LimitError) for r in results) == 30
        return ledger

    ledger = asyncio.run(main())
    assert ledger.usage.calls == 10
    assert ledger.usd == pytest.approx(0.009)


rates = st.floats(0, 100)
perhaps = st.none() | rates
tariffs = st.builds(Price, rates, rates, perhaps, perhaps, perhaps, perhaps, st.floats(0, 0.01))
parts = st.tuples(st.integers(1, 2000), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.booleans())


@given(tariffs, tariffs, st.integers(0, 2500), st.floats(0.001, 1), st.lists(parts, min_size=1, max_size=20))
def test_money_is_never_overspent_whatever_the_tariff(
    base: Price, dear: Price, edge: int, usd: float, calls: list[tuple[int, float, float, float, bool]]
) -> None:
    """Each call has the size that was estimated and as many output tokens as it may; of what kind is anyone's guess."""
    price = replace(base, over=(edge, dear))

    async def one(ledger: Ledger, size: int, cached: float, written: float, thought: float, hour: bool) -> None:
        async with ledger.hold(size, 500, price) as held:
            await asyncio.sleep(0)
            read, write = int(size * cached), int(size * (1 - cached) * written)
            said = held.max_tokens or 0
            usage = Usage(1, size, said, read, int(said * thought), write)
            ledger.charge(Reply("x", usage, price.cost(usage, hour_writes=write if hour else 0)))

    async def main() -> Ledger:
        ledger = Ledger(Limits(usd=usd, concurrency=8))
        done = await asyncio.gather(*(one(ledger, *call) for call in calls), return_exceptions=True)
        assert all(result is None or isinstance(result, LimitError) for result in done)
        return ledger

    assert asyncio.run(main()).usd <= usd * 0.9 * (1 + 1e-9)


def test_a_call_waits_for_one_in_flight_that_may_leave_room() -> None:
    async def main() -> list[int | None]:
        ledger = Ledger(Limits(tokens=20_000))
        # Together they would hold 2 * 8192 and more; each uses 20.
        return list(await asyncio.gather(*(call(ledger, 1000, 20) for _ in range(4))))

    assert asyncio.run(main()) == [OUTPUT_TOKENS] * 4


def test_no_more_calls_at_once_than_concurrency() -> None:
    async def main() -> int:
        ledger = Ledger(Limits(concurrency=3))
        child = Ledger(ledger.limits, ledger)
        running = most = 0

        async def one(at: Ledger) -> None:
            nonlocal running, most
            async with at.hold(1, None, None):
                running += 1
                most = max(most, running)
                await asyncio.sleep(0.001)
                running -= 1

        await asyncio.gather(*(one(at) for at in [ledger, child] * 10))
        return most

    assert asyncio.run(main()) == 3


def test_sub_calls_are_taken_all_or_none() -> None:
    root = Ledger(Limits(sub_calls=10))
    child = Ledger(root.limits, root)
    child.take_sub_calls(7)
    with pytest.raises(LimitError, match="4 more sub-calls would pass the limit of 10: 7 are used, none of these"):
        root.take_sub_calls(4)
    root.take_sub_calls(3)
    assert (root.sub_calls, child.sub_calls) == (10, 7)


def test_seconds_left_keep_the_reserve_back() -> None:
    ledger = Ledger(Limits(seconds=100.0))
    assert ledger.seconds_left() == pytest.approx(90.0, abs=1.0)
    assert ledger.seconds_left(wrap_up=True) == pytest.approx(100.0, abs=1.0)
    assert Ledger(Limits()).seconds_left() is None


@pytest.mark.parametrize(
    "limits",
    [
        Limits(concurrency=0),
        Limits(turns=0),
        Limits(memory_mb=0),
        Limits(output_chars=0),
        Limits(nudges=-1),
        Limits(usd=-0.01),
        Limits(seconds=math.nan),
        Limits(cell_seconds=0.0),
    ],
)
def test_limits_that_can_not_be_meant_are_refused(limits: Limits) -> None:
    with pytest.raises(ConfigError, match=r"the limit [a-z_]+ must be"):
        check_limits(limits)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(memory_mb="5"), "the limit memory_mb is a whole number, not '5'"),  # type: ignore[arg-type]
        (Limits(turns=1.5), "the limit turns is a whole number, not 1.5"),  # type: ignore[arg-type]
        (Limits(depth=True), "the limit depth is a whole number, not True"),
        (Limits(cell_seconds=None), "the limit cell_seconds is a number, not None"),  # type: ignore[arg-type]
        (Limits(usd="1"), "the limit usd is a number, not '1'"),  # type: ignore[arg-type]
    ],
)
def test_limits_that_are_no_numbers_are_refused(limits: Limits, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_limits(limits)
    assert str(raised.value) == message


def test_limits_are_no_dict() -> None:
    with pytest.raises(ConfigError, match=r"limits is a Limits\(\.\.\.\), not dict"):
        check_limits({"usd": 3})  # type: ignore[arg-type]


def test_limits_may_leave_nothing_of_what_is_spent() -> None:
    check_limits(Limits(usd=0, tokens=0, sub_calls=0, depth=0, nudges=0, seconds=0))


def test_a_reply_without_a_cost_is_charged_at_the_price_that_is_known() -> None:
    ledger = Ledger(Limits())
    ledger.charge(reply(1_000_000, 500_000, None), PRICE)
    assert ledger.cost == 2.0
    ledger.charge(reply(1_000_000, 0, 0.25), PRICE)
    assert ledger.cost == 2.25


@pytest.mark.parametrize("price", [Price(1.0, 0.0), Price(0.0, 0.0, call_usd=0.5)])
def test_where_output_is_free_a_call_is_held_too(price: Price) -> None:
    ledger = Ledger(Limits(usd=1.0))

    async def one() -> int | None:
        async with ledger.hold(500_000, None, price) as held:
            await asyncio.sleep(0)
            ledger.charge(reply(500_000, 10, None), price)
            return held.max_tokens

    async def main() -> list[int | BaseException | None]:
        return await asyncio.gather(*(one() for _ in range(5)), return_exceptions=True)

    first, *others = asyncio.run(main())
    assert first is None  # no limit bears on how long it is
    assert [str(other) for other in others] == ["the limit of $1 is reached: $0.5000 is spent"] * 4
    assert ledger.usd == 0.5


def test_what_is_held_may_be_spent() -> None:
    async def main() -> tuple[float, int, float, int]:
        ledger = Ledger(Limits(usd=1.0))
        task = asyncio.create_task(call(ledger, 100, 50, want=400))
        await asyncio.sleep(0)
        during = ledger.most_usd, ledger.most_tokens
        await task
        return *during, ledger.most_usd, ledger.most_tokens

    assert asyncio.run(main()) == (0.0009, 500, 0.0002, 150)
