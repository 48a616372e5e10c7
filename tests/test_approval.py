"""What a batch is estimated to take, and who may refuse it."""

import asyncio
import re
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from rlm.approval import TYPICAL_OUTPUT, Approval, Approve, Confirm, Estimate
from rlm.errors import LimitError
from rlm.lms.base import Price
from rlm.lms.scripted import Scripted
from rlm.trace.events import CallBegin, CallEnd, EstimateDecided, EstimateMade, Event, NodeBegin
from rlm.trace.store import Trace
from rlm.types import JSON, Usage, usage_fields

LM = Scripted([], name="fake/lm", price=Price(1.0, 2.0))
ESTIMATE = Estimate("llm_query_batched", "fake/lm", 10, 1_230_000, 5120, 2.7764, 41.6)


class Bench:
    """An approval, with the events of its run."""

    def __init__(self, approve: Approve | None = None, confirm: Confirm | None = None, concurrency: int = 4) -> None:
        self.events: list[Event] = []
        self.trace = Trace("r", None)
        self.trace.subscribe(self.events.append)
        self.approval = Approval(self.trace, concurrency, approve, confirm)

    def ask(self, count: int = 10, *, function: str = "llm_query_batched", children: bool = False) -> None:
        asyncio.run(self.approval(7, function, LM, ["x" * 35] * count, children=children))

    def answered(
        self,
        usage: Usage,
        *,
        seconds: float = 1.0,
        cost: float | None = 0.0,
        child: bool = False,
        error: str | None = None,
        model: str = "fake/lm",
    ) -> None:
        """Tells the trace of one sub-call."""
        span = self.trace.new_span()
        self.trace.emit(CallBegin(span=span, parent=7, name="llm_query", prompt="", model=model))
        if child:
            self.trace.emit(NodeBegin(span=span + 1000, parent=span, depth=1, question="", context="", model=""))
        fields: dict[str, JSON] = usage_fields(usage)
        end = CallEnd(span=span, reply="", error=None, finish=None, usage=fields, cost=cost, retries=0, seconds=seconds)
        self.trace.emit(replace(end, error=error))

    def estimate(self, prompts: Sequence[str], *, children: bool = False) -> Estimate:
        return self.approval.estimate("llm_query_batched", LM, prompts, children=children)

    @property
    def made(self) -> list[EstimateMade]:
        return [event for event in self.events if isinstance(event, EstimateMade)]

    @property
    def decided(self) -> list[EstimateDecided]:
        return [event for event in self.events if isinstance(event, EstimateDecided)]


def always(decision: str) -> Approve:
    return lambda estimate: decision  # type: ignore[return-value]


def test_before_anything_is_known_replies_have_a_stated_size_and_no_time() -> None:
    made = Bench().estimate(["x" * 35] * 10)
    # 35 characters are 11 tokens; 10 * 11 * $1 and 10 * 512 * $2, a million.
    assert made.usd == pytest.approx(0.01035)
    assert replace(made, usd=None) == Estimate("llm_query_batched", "fake/lm", 10, 110, 10 * TYPICAL_OUTPUT, None, None)


def test_sizes_and_times_are_learnt_from_the_runs_own_replies() -> None:
    bench = Bench(concurrency=4)
    bench.answered(Usage(1, 1000, 100), seconds=2.0)
    bench.answered(Usage(1, 1000, 300), seconds=4.0)
    bench.answered(Usage(1, 1000, 9000), seconds=90.0, model="other/lm")
    bench.answered(Usage(1, 1000, 9000), seconds=90.0, error="cut off")
    bench.answered(Usage(), seconds=0.0)  # given again, not asked
    made = bench.estimate(["x" * 35] * 10)
    assert (made.output_tokens, made.seconds) == (2000, 3.0 * 10 / 4)
    assert made.usd == pytest.approx((110 * 1.0 + 2000 * 2.0) / 1e6)
    assert bench.estimate(["x"]).seconds == 3.0, "a single call is not faster for there being room for four"


def test_the_rate_is_the_present_one() -> None:
    bench = Bench()
    for seconds in [1.0] * 200 + [3.0] * 300:
        bench.answered(Usage(1, 1, 10), seconds=seconds)
    assert bench.estimate(["x"]).seconds == pytest.approx(3.0, abs=0.05)


def test_a_prompt_is_priced_in_the_tier_of_its_size() -> None:
    lm = Scripted([], name="tiered", price=Price(1.0, 0.0, over=(100, Price(10.0, 0.0))))
    made = Bench().approval.estimate("llm_query_batched", lm, ["x" * 35, "x" * 3500])
    assert made.usd == pytest.approx((11 * 1.0 + 1001 * 10.0) / 1e6)


def test_an_unknown_price_is_not_zero() -> None:
    made = Bench().approval.estimate("llm_query", Scripted([], price=None), ["x"])
    assert made.usd is None
    assert "price unknown" in str(made)


def test_what_a_child_takes_is_not_known_before_there_was_one() -> None:
    bench = Bench()
    bench.answered(Usage(1, 1000, 100), seconds=2.0, cost=0.01)
    made = bench.estimate(["x"] * 8, children=True)
    assert (made.input_tokens, made.output_tokens, made.usd, made.seconds) == (None, None, None, None)
    bench.answered(Usage(5, 10_000, 2000), seconds=20.0, cost=0.5, child=True)
    made = bench.estimate(["x"] * 8, children=True)
    assert (made.input_tokens, made.output_tokens, made.usd, made.seconds) == (80_000, 16_000, 4.0, 40.0)
    bench.answered(Usage(5, 10_000, 2000), seconds=20.0, cost=None, child=True)
    assert bench.estimate(["x"], children=True).usd is None


def test_an_estimate_in_words() -> None:
    assert str(ESTIMATE) == (
        "llm_query_batched: 10 calls to fake/lm, about 1,230,000 tokens in and 5,120 out, about $2.78, about 42 s"
    )
    small = Estimate("llm_query", "fake/lm", 1, 11, 512, 0.00103, 0.4)
    assert str(small) == ("llm_query: 1 call to fake/lm, about 11 tokens in and 512 out, about $0.0010, under a second")
    assert str(Estimate("rlm_query", "m", 1, None, None, None, None)) == "rlm_query: 1 call to m, price unknown"


@pytest.mark.parametrize(("count", "told"), [(7, False), (8, True)])
def test_without_a_policy_only_batches_are_told(count: int, told: bool) -> None:
    bench = Bench()
    bench.ask(count)
    assert [event.calls for event in bench.made] == [count] * told
    assert [(event.allowed, event.asked) for event in bench.decided] == [(True, False)] * told


def test_with_a_policy_single_calls_are_told_and_asked_about() -> None:
    seen: list[Estimate] = []

    def approve(estimate: Estimate) -> str:
        seen.append(estimate)
        return "allow"

    bench = Bench(approve)  # type: ignore[arg-type]
    bench.ask(1, function="llm_query")
    made, decided = bench.events
    assert isinstance(made, EstimateMade)
    assert (made.parent, made.function, made.calls, made.usd) == (7, "llm_query", 1, seen[0].usd)
    assert (decided.span, decided.type) == (made.span, "estimate_decided")


def test_nothing_to_ask_is_not_asked_about() -> None:
    bench = Bench(always("deny"))
    bench.ask(0)
    assert bench.events == []


def test_a_no_is_an_error_that_says_what_was_estimated_and_what_to_do() -> None:
    bench = Bench(always("deny"))
    with pytest.raises(LimitError) as caught:
        bench.ask(9)
    assert caught.value.limit == "approval"
    assert str(caught.value) == (
        "not approved, and none of it was asked or charged: llm_query_batched: 9 calls to fake/lm, about 99 tokens "
        "in and 4,608 out, about $0.0093. Choose a cheaper plan: fewer or shorter prompts (narrow the input down with "
        "code first, or put several questions into one prompt), or answer with what you have"
    )
    assert [(event.allowed, event.asked) for event in bench.decided] == [(False, False)]


def test_to_ask_with_nobody_to_ask_is_a_no() -> None:
    bench = Bench(always("ask"))
    with pytest.raises(LimitError):
        bench.ask()
    assert [(event.allowed, event.asked) for event in bench.decided] == [(False, True)]


@pytest.mark.parametrize(("answer", "goes"), [(True, True), (False, False), (None, False), ("no", False), (1, False)])
def test_only_true_is_a_yes(answer: object, goes: bool) -> None:
    bench = Bench(always("ask"), lambda estimate: answer)  # type: ignore[arg-type, return-value]
    if goes:
        bench.ask()
    else:
        with pytest.raises(LimitError):
            bench.ask()
    assert [event.allowed for event in bench.decided] == [goes]


def test_both_functions_may_be_async() -> None:
    async def approve(estimate: Estimate) -> str:
        await asyncio.sleep(0)
        return "ask"

    async def confirm(estimate: Estimate) -> bool:
        await asyncio.sleep(0)
        return estimate.calls == 10

    bench = Bench(approve, confirm)  # type: ignore[arg-type]
    bench.ask(10)
    with pytest.raises(LimitError):
        bench.ask(11)


def test_a_confirmation_that_waits_does_not_hold_up_the_run() -> None:
    async def main() -> list[str]:
        order: list[str] = []
        loop = asyncio.get_running_loop()
        asked, released = asyncio.Event(), asyncio.Event()

        def confirm(estimate: Estimate) -> bool:
            order.append("asked")
            loop.call_soon_threadsafe(asked.set)
            asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
            return True

        bench = Bench(always("ask"), confirm)
        waiting = asyncio.create_task(bench.approval(7, "llm_query", LM, ["x"]))
        await asked.wait()
        order.append("the loop goes on")
        released.set()
        await waiting
        return order

    assert asyncio.run(main()) == ["asked", "the loop goes on"]


def test_what_is_drawn_rests_while_someone_is_asked() -> None:
    order: list[str] = []

    class Screen:
        def pause(self) -> None:
            order.append("pause")

        def resume(self) -> None:
            order.append("resume")

    def confirm(estimate: Estimate) -> bool:
        order.append("asked")
        raise ZeroDivisionError

    bench = Bench(always("ask"), confirm)
    bench.approval.screen = Screen()
    with pytest.raises(ZeroDivisionError):
        bench.ask()
    assert order == ["pause", "asked", "resume"]


def test_a_question_that_nobody_answers_does_not_keep_a_run_from_stopping() -> None:
    never = threading.Event()

    async def main() -> None:
        bench = Bench(always("ask"), lambda estimate: never.wait(20))
        async with asyncio.timeout(0.05):
            await bench.approval(7, "llm_query", LM, ["x"])

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    asked = [thread for thread in threading.enumerate() if thread.name == "rlm confirm"]
    assert [thread.daemon for thread in asked] == [True]
    never.set()
    asked[0].join(5)


def test_questions_come_one_at_a_time_and_a_no_answers_those_behind_it() -> None:
    asked: list[int] = []

    async def confirm(estimate: Estimate) -> bool:
        asked.append(estimate.calls)
        await asyncio.sleep(0.01)
        return estimate.calls == 1

    async def main() -> list[bool]:
        bench = Bench(always("ask"), confirm)
        calls = [bench.approval(7, "llm_query", LM, ["x"] * count) for count in (1, 2, 3, 4)]
        done = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises(LimitError):
            await bench.approval(7, "llm_query", LM, ["x"] * 5)
        return [result is None for result in done]

    assert asyncio.run(main()) == [True, False, False, False]
    assert asked == [1, 2, 5], "3 and 4 were made before the no to 2"


def _raises(estimate: Estimate) -> bool:
    raise ZeroDivisionError("in the caller's own code")


@pytest.mark.parametrize(
    ("approve", "confirm"), [(_raises, None), (always("ask"), _raises)], ids=["approve", "confirm"]
)
def test_what_the_callers_function_raises_is_not_hidden(approve: Approve, confirm: Confirm | None) -> None:
    with pytest.raises(ZeroDivisionError):
        Bench(approve, confirm).ask()


@pytest.mark.parametrize("said", [None, True, "yes", "ALLOW"])
def test_a_policy_that_says_something_else_is_a_bug(said: object) -> None:
    with pytest.raises(TypeError, match=re.escape(f"must return 'allow', 'deny' or 'ask', not {said!r}")):
        Bench(lambda estimate: said).ask()  # type: ignore[arg-type, return-value]
