"""Plain LM calls of cells: typed outcomes, more room, preflight, once-only, cancelling."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from rlm.asking import Asker, Call, each, usual_output
from rlm.errors import CallCancelled, Fault, LimitError, LMError, LMRefusedError, LMReplyError, LMUnavailableError
from rlm.ledger import Ledger
from rlm.lms.anthropic import Anthropic
from rlm.lms.base import LM, Price
from rlm.lms.gemini import Gemini
from rlm.lms.scripted import Line, Scripted
from rlm.replies import Replies
from rlm.trace.events import CallBegin, CallEnd, Event
from rlm.trace.store import Trace
from rlm.types import Limits, Reply, Request, Usage, usage_fields


class Bench:
    """An asker, and what it caused."""

    def __init__(self, lm: LM, limits: Limits | None = None, *, replies: Replies | None = None) -> None:
        self.lm = lm
        self.events: list[Event] = []
        trace = Trace("r", None)
        trace.subscribe(self.events.append)
        self.ledger = Ledger(limits or Limits())
        self.replies = replies or Replies()
        self.asker = Asker(self.ledger, trace, self.replies)

    def call(self, prompt: str = "a", **options: Any) -> Coroutine[Any, Any, str]:
        return self.asker.ask(Call("llm_query", prompt, self.lm, 7, **options))

    def ask(self, prompt: str = "a", **options: Any) -> str:
        return asyncio.run(self.call(prompt, **options))

    @property
    def ends(self) -> list[CallEnd]:
        return [event for event in self.events if isinstance(event, CallEnd)]

    @property
    def end(self) -> CallEnd:
        (end,) = self.ends
        return end


def cut(text: str, tokens: int = 100) -> Reply:
    return Reply(text, Usage(1, 5, tokens), 0.25, "length")


def thought(tokens: int | None = 100) -> LMReplyError:
    usage = None if tokens is None else Usage(1, 5, tokens)
    return LMReplyError(f"all {tokens} went into thinking", usage, 0.25 if tokens else None, "thinking")


def asked(lm: LM) -> list[int | None]:
    assert isinstance(lm, Scripted)
    return [request.max_tokens for request in lm.requests]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (Reply("", Usage(1, 5, 1), 0.25), "empty"),
        (Reply(" \n", Usage(1, 5, 1), 0.25), "empty"),
        (Reply(None, Usage(1, 5, 1), 0.25), "empty"),  # type: ignore[arg-type]
        (Reply("half", Usage(1, 5, 1), 0.25, "filter"), "filtered"),
        (Reply("", Usage(1, 5, 1), 0.25, "filter"), "filtered"),
        (LMReplyError("no", Usage(1, 5, 1), 0.25, "refused"), "refused"),
        (LMReplyError("junk", Usage(1, 5, 1), 0.25), "malformed"),
    ],
)
def test_a_reply_that_can_not_be_used_is_a_typed_outcome_that_is_charged_once(line: Line, fault: Fault) -> None:
    bench = Bench(Scripted([line]))
    with pytest.raises(LMReplyError) as caught:
        bench.ask()
    assert caught.value.fault == bench.end.fault == fault
    assert bench.end.reply is None
    assert bench.ledger.usage == Usage(1, 5, 1)
    assert bench.ledger.cost == bench.end.cost == 0.25


def test_a_reply_cut_by_its_length_is_asked_once_more_with_more_room() -> None:
    bench = Bench(Scripted([cut("half"), Reply("whole", Usage(1, 5, 200), 0.5)]))
    assert bench.ask() == "whole"
    assert asked(bench.lm) == [None, 400]
    assert bench.ledger.usage == Usage(2, 10, 300)
    assert (bench.end.usage, bench.end.cost, bench.end.finish) == (usage_fields(Usage(2, 10, 300)), 0.75, "stop")


def test_what_is_cut_again_comes_back_as_far_as_it_came() -> None:
    bench = Bench(Scripted([cut("half"), cut("three quarters", 400)]))
    assert bench.ask() == "three quarters"
    assert (bench.end.finish, bench.end.error) == ("length", None)


@pytest.mark.parametrize(
    "again",
    [LMRefusedError("at most 200"), LMUnavailableError("down"), thought(400), cut("", 400), LimitError("usd", ""), ""],
)
def test_where_more_room_gives_nothing_the_first_text_stands(again: Line) -> None:
    bench = Bench(Scripted([cut("half"), again]))
    assert bench.ask() == "half"
    assert bench.end.finish == "length"


@pytest.mark.parametrize("first", [thought(), cut("")])
def test_a_reply_that_was_all_thinking_is_asked_once_more(first: Line) -> None:
    bench = Bench(Scripted([first, "answer"]))
    assert bench.ask() == "answer"
    assert asked(bench.lm) == [None, 400]


@pytest.mark.parametrize("second", [thought(400), cut("", 400)])
def test_thinking_that_takes_all_room_again_is_an_error_that_says_so(second: Line) -> None:
    bench = Bench(Scripted([thought(), second]))
    with pytest.raises(LMReplyError, match=r"400.*went into thinking") as caught:
        bench.ask()
    assert caught.value.fault == bench.end.fault == "thinking"
    assert bench.ledger.usage == Usage(2, 10, 500)
    assert bench.end.usage == usage_fields(Usage(2, 10, 500))


def test_thinking_of_unknown_size_gets_more_than_any_default() -> None:
    bench = Bench(Scripted([thought(None), "answer"]))
    assert bench.ask() == "answer"
    assert asked(bench.lm) == [None, 4 * 8192]


def test_more_room_ends_at_the_window() -> None:
    bench = Bench(Scripted([cut("half"), "whole"], window=301))
    assert bench.ask() == "whole"
    assert asked(bench.lm) == [None, 300]


def test_where_the_window_or_the_limits_leave_no_more_room_it_is_not_asked_again() -> None:
    assert Bench(Scripted([cut("half")], window=101)).ask() == "half"
    small = Bench(Scripted([cut("half")]), Limits(tokens=220))
    assert small.ask() == "half"
    assert asked(small.lm) == [197]


@pytest.mark.parametrize(
    ("window", "own", "sent"),
    [
        (None, None, 8192),
        (200_000, None, 8192),
        # The prompt has about 1,001 tokens; it may have 1,501, and must fit in with the answer all the same.
        (8192, None, 8192 - 1501),
        (2000, None, 999 - 499),
        (1010, None, 32),
        (200_000, 1000, 1000),
        (200_000, 20_000, 20_000),
        (2000, 100, 100),
    ],
)
def test_under_a_limit_a_reply_gets_no_more_than_the_window_leaves_and_the_client_is_set_to(
    window: int | None, own: int | None, sent: int
) -> None:
    lm = Scripted(["fine"] * 2, window=window)
    if own is not None:
        lm.settings = {"max_tokens": own}  # type: ignore[attr-defined]
    assert Bench(lm, Limits(tokens=10**6)).ask("x" * 3500) == "fine"
    assert Bench(lm).ask("x" * 3500) == "fine"
    assert asked(lm) == [sent, None]
    assert usual_output(Scripted([], window=8192), 1) == 8192 - 1 - 64


@pytest.mark.parametrize(
    ("options", "sent"),
    [({"thinking_tokens": 32_000}, 40_192), ({}, 8192), ({"thinking_tokens": 32_000, "max_tokens": 36_000}, 36_000)],
)
def test_under_a_limit_claude_keeps_the_room_that_its_budget_of_thinking_needs(
    options: dict[str, int], sent: int
) -> None:
    claude = Anthropic("claude-haiku-4-5", base_url="http://127.0.0.1:9", window=200_000, **options)  # type: ignore[arg-type]
    assert usual_output(claude, 1000) == sent


@pytest.mark.parametrize(
    ("options", "sent"),
    [({"thinking_budget": 24_000}, 32_192), ({"thinking_budget": -1}, 8192), ({"max_tokens": 9000}, 9000)],
)
def test_under_a_limit_gemini_keeps_the_room_that_its_budget_of_thinking_needs(
    options: dict[str, int], sent: int
) -> None:
    gemini = Gemini("gemini-2.5-flash", base_url="http://127.0.0.1:9", window=1_000_000, **options)  # type: ignore[arg-type]
    assert usual_output(gemini, 1000) == sent


def test_a_prompt_that_can_not_fit_is_refused_with_its_size_the_window_and_what_to_do() -> None:
    lm = Scripted([], window=100)
    bench = Bench(lm)
    with pytest.raises(
        LMReplyError, match=r"about 1,001 tokens.* is 100.* was not sent: .*at most 50 tokens"
    ) as caught:
        bench.ask("x" * 3500)
    assert (caught.value.fault, bench.end.fault) == ("too_long", "too_long")
    assert lm.requests == []
    assert (bench.end.cost, bench.ledger.usage) == (0.0, Usage())


def test_a_bug_is_shown_as_one() -> None:
    def answer(request: Request) -> str:
        raise ZeroDivisionError("secret")

    bench = Bench(Scripted(answer))
    with pytest.raises(ZeroDivisionError):
        bench.ask()
    assert bench.end.error == "a bug: ZeroDivisionError"


def test_the_cost_of_a_call_is_what_the_ledger_charged_for_it() -> None:
    bench = Bench(Scripted([Reply("x", Usage(1, 1_000_000, 0), None)], price=Price(2.0, 1.0)))
    bench.ask()
    assert bench.end.cost == bench.ledger.cost == 2.0


def test_temperature_reaches_the_model() -> None:
    lm = Scripted(["x"])
    bench = Bench(lm)
    bench.ask(temperature=0.5)
    assert lm.requests[0].temperature == 0.5
    assert isinstance(begin := bench.events[0], CallBegin)
    assert (begin.temperature, begin.parent) == (0.5, 7)


# Once


async def slowly(request: Request) -> str:
    await asyncio.sleep(0.01)
    return request.messages[0].content.upper()


def together(bench: Bench, prompts: list[str], **options: Any) -> list[str]:
    async def main() -> list[str]:
        return await asyncio.gather(*(bench.call(prompt, **options) for prompt in prompts))

    return asyncio.run(main())


def test_equal_calls_at_temperature_0_are_asked_once_also_while_the_first_is_in_flight() -> None:
    lm = Scripted(slowly)
    bench = Bench(lm)
    assert together(bench, ["a", "a", "b", "a"], temperature=0.0) == ["A", "A", "B", "A"]
    assert bench.ask(temperature=0.0) == "A"
    assert len(lm.requests) == 2
    assert sorted(end.source for end in bench.ends) == ["joined", "joined", "kept", "model", "model"]
    assert [end.usage["calls"] for end in bench.ends if end.source != "model"] == [0, 0, 0]
    assert [end.cost for end in bench.ends if end.source != "model"] == [0.0, 0.0, 0.0]
    assert (bench.ledger.usage.calls, bench.replies.reused) == (2, 3)


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.7}, {"temperature": 0.0, "fresh": True}, {"once": True, "fresh": True}]
)
def test_elsewhere_each_is_asked_because_voting_needs_that(options: dict[str, Any]) -> None:
    lm = Scripted(slowly)
    assert together(Bench(lm), ["a", "a"], **options) == ["A", "A"]
    assert len(lm.requests) == 2


def test_asking_once_can_be_turned_off() -> None:
    lm = Scripted(slowly)
    together(Bench(lm, replies=Replies(once=False)), ["a", "a"], temperature=0.0)
    assert len(lm.requests) == 2


def test_a_client_whose_own_temperature_is_0_is_asked_once() -> None:
    lm = Scripted(slowly)
    lm.settings = {"temperature": 0, "url": "u"}  # type: ignore[attr-defined]
    bench = Bench(lm)
    assert together(bench, ["a", "a"]) == ["A", "A"]
    assert len(lm.requests) == 1
    together(bench, ["a", "a"], temperature=1)
    assert len(lm.requests) == 3


def test_another_model_temperature_or_prompt_is_another_call() -> None:
    one, other = Scripted(slowly), Scripted(slowly)
    bench = Bench(one)
    bench.ask("a", temperature=0.0)
    bench.ask("b", temperature=0.0)
    bench.ask("a", once=True)
    bench.lm = other
    bench.ask("a", temperature=0.0)
    assert (len(one.requests), len(other.requests)) == (3, 1)


def test_a_failure_is_told_to_all_that_wait_and_not_kept() -> None:
    lines: list[Line] = [LMUnavailableError("overloaded"), "fine"]

    async def answer(request: Request) -> Line:
        await asyncio.sleep(0.01)
        return lines.pop(0)

    bench = Bench(Scripted(answer))

    async def main() -> list[str | BaseException]:
        return await asyncio.gather(*(bench.call(temperature=0.0) for _ in range(3)), return_exceptions=True)

    results = asyncio.run(main())
    assert [str(result) for result in results] == ["overloaded"] * 3
    assert all(isinstance(result, LMUnavailableError) for result in results)
    assert bench.ask(temperature=0.0) == "fine"
    assert bench.replies.reused == 0


def test_an_answer_that_was_cut_or_is_of_no_use_is_not_kept() -> None:
    lm = Scripted([cut("half"), cut("half"), "junk", "good", "never"])
    bench = Bench(lm)
    bench.ask(temperature=0.0)

    def keeps(text: str) -> bool:
        return text == "good"

    assert [bench.ask(temperature=0.0, keeps=keeps) for _ in range(3)] == ["junk", "good", "good"]


def test_where_the_one_that_asks_is_cancelled_the_next_asks() -> None:
    lm = Scripted(slowly)
    bench = Bench(lm)

    async def main() -> list[str | BaseException]:
        tasks = [asyncio.create_task(bench.call(temperature=0.0)) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, *others = asyncio.run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert others == ["A", "A"]
    assert len(lm.requests) == 2


def test_one_that_waits_can_be_cancelled_without_the_others() -> None:
    lm = Scripted(slowly)
    bench = Bench(lm)

    async def main() -> list[str | BaseException]:
        tasks = [asyncio.create_task(bench.call(temperature=0.0)) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(main())
    assert (first, third) == ("A", "A")
    assert isinstance(second, asyncio.CancelledError)
    assert len(lm.requests) == 1


# Cancelling


def cancelled(bench: Bench) -> None:
    async def main() -> None:
        task = asyncio.create_task(bench.call())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert type(caught.value) is asyncio.CancelledError, "`asyncio.timeout` knows that class alone"

    asyncio.run(main())


async def never(request: Request) -> str:
    await asyncio.sleep(60)
    return ""


async def telling(request: Request) -> str:
    try:
        return await never(request)
    except asyncio.CancelledError as error:
        raise CallCancelled(Usage(1, 100, 20)) from error


def test_a_cancelled_call_is_charged_what_is_known_of_it() -> None:
    bench = Bench(Scripted(telling, price=Price(1.0, 5.0)))
    cancelled(bench)
    assert bench.ledger.usage == Usage(1, 100, 20)
    assert bench.ledger.cost == bench.end.cost == pytest.approx(2e-4)
    assert (bench.end.error, bench.end.usage["output_tokens"], bench.ledger.lost) == ("cancelled", 20, 0)


def test_what_a_cancelled_call_cost_that_says_nothing_is_unknown_and_not_0() -> None:
    bench = Bench(Scripted(never, price=Price(1.0, 5.0)))
    cancelled(bench)
    assert (bench.ledger.cost, bench.end.cost, bench.ledger.usage, bench.ledger.lost) == (None, None, Usage(1), 1)


def test_a_cancelled_call_to_a_model_that_is_free_cost_nothing() -> None:
    bench = Bench(Scripted(never))
    cancelled(bench)
    assert (bench.ledger.cost, bench.ledger.lost) == (0.0, 0)


def test_against_a_limit_a_lost_call_stays_held_for_what_it_could_cost() -> None:
    lines: list[Callable[[Request], Awaitable[str]]] = [never, slowly]
    bench = Bench(Scripted(lambda request: lines.pop(0)(request), price=Price(0.0, 1.0)), Limits(usd=0.01))
    cancelled(bench)
    assert bench.ask("b") == "B"
    assert isinstance(bench.lm, Scripted)
    first, second = bench.lm.requests
    assert (first.max_tokens, second.max_tokens) == (8192, 9000 - 8192)


def test_a_call_that_was_not_sent_yet_cost_nothing() -> None:
    async def main() -> Bench:
        bench = Bench(Scripted(never, price=Price(1.0, 1.0)), Limits(concurrency=1))
        first, second = (asyncio.create_task(bench.call(prompt)) for prompt in "ab")
        await asyncio.sleep(0.01)
        second.cancel()
        await asyncio.wait([second])
        assert bench.ledger.lost == 0
        first.cancel()
        await asyncio.wait([first])
        return bench

    bench = asyncio.run(main())
    assert bench.ledger.lost == 1
    assert [end.cost for end in bench.ends] == [0.0, None]


def test_each_tells_every_failure_in_its_place() -> None:
    async def call(item: int) -> None:
        if item % 2:
            raise LMError(str(item))

    failures = asyncio.run(each(call, range(4), 2))
    assert [str(failure) for failure in failures] == ["None", "1", "None", "3"]
