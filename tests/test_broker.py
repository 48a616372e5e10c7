import asyncio
import json
import re
from collections.abc import Awaitable, Callable

import pytest

from rlm.broker import Broker
from rlm.errors import ConfigError, LimitError, LMError, LMReplyError, LMUnavailableError
from rlm.ledger import Ledger
from rlm.lms.base import LM
from rlm.lms.scripted import Scripted
from rlm.trace.events import CallBegin, CallEnd, Event
from rlm.trace.store import Trace
from rlm.types import JSON, Limits, Reply, Request, Usage


async def no_child(lm: LM, span: int, prompt: str, context: JSON, ledger: Ledger) -> str:
    raise AssertionError("no child was asked for")


class Bench:
    """A broker with what it needs, and the events that it caused."""

    def __init__(
        self,
        lm: LM,
        limits: Limits | None = None,
        *,
        depth: int = 0,
        spawn: Callable[[LM, int, str, JSON, Ledger], Awaitable[str]] = no_child,
    ) -> None:
        self.events: list[Event] = []
        trace = Trace("r", None)
        trace.subscribe(self.events.append)
        self.ledger = Ledger(limits or Limits())
        self.broker = Broker({None: lm, lm.name: lm}, self.ledger, trace, depth, spawn)

    def call(self, name: str, **args: JSON) -> JSON:
        return asyncio.run(self.broker(name, args))


def echo(request: Request) -> str:
    return request.messages[0].content.upper()


def fails_on(*bad: str) -> Callable[[Request], str]:
    def answer(request: Request) -> str:
        text = request.messages[0].content
        if text in bad:
            raise LMUnavailableError(f"overloaded at {text}")
        return text.upper()

    return answer


def test_a_query_is_answered_charged_and_traced() -> None:
    bench = Bench(Scripted(echo))
    bench.broker.span = 7
    assert bench.call("llm_query", prompt="a") == "A"
    begin, end = bench.events
    assert isinstance(begin, CallBegin)
    assert isinstance(end, CallEnd)
    assert (begin.parent, begin.name, begin.prompt) == (7, "llm_query", "a")
    assert (end.span, end.reply, end.error) == (begin.span, "A", None)
    assert bench.ledger.usage.calls == bench.ledger.sub_calls == 1


def test_a_batch_is_answered_in_order() -> None:
    prompts: list[JSON] = [f"p{i}" for i in range(2000)]
    assert Bench(Scripted(echo)).call("llm_query_batched", prompts=prompts) == [f"P{i}" for i in range(2000)]


def test_each_call_of_a_batch_has_its_own_usage() -> None:
    def sized(request: Request) -> Reply:
        size = len(request.messages[0].content)
        return Reply("x", Usage(1, size, 1), 0.0)

    bench = Bench(Scripted(sized))
    bench.call("llm_query_batched", prompts=["a", "b" * 10, "c" * 100])
    assert [e.usage["input_tokens"] for e in bench.events if isinstance(e, CallEnd)] == [1, 10, 100]


def test_of_a_batch_that_failed_in_part_only_the_failures_are_asked_again() -> None:
    asked: list[str] = []
    bad = {"b"}

    def answer(request: Request) -> str:
        text = request.messages[0].content
        asked.append(text)
        if text in bad:
            raise LMUnavailableError("overloaded")
        return text.upper()

    bench = Bench(Scripted(answer))
    with pytest.raises(LMError, match="1 of 3 calls failed, the first with: overloaded") as caught:
        bench.call("llm_query_batched", prompts=["a", "b", "c"])
    assert caught.value.results == ["A", None, "C"]  # type: ignore[attr-defined]
    bad.clear()
    assert bench.call("llm_query_batched", prompts=["a", "b", "c"]) == ["A", "B", "C"]
    assert asked == ["a", "b", "c", "b"]
    assert bench.call("llm_query_batched", prompts=["a"]) == ["A"]
    assert asked == ["a", "b", "c", "b", "a"], "what was kept is given once: the same prompt is asked anew"


def test_an_unusable_reply_is_charged() -> None:
    bench = Bench(Scripted([LMReplyError("empty", usage=Usage(1, 5, 5), cost=0.5)]))
    with pytest.raises(LMReplyError, match="empty"):
        bench.call("llm_query", prompt="a")
    assert bench.ledger.usage == Usage(1, 5, 5)
    assert bench.ledger.cost == 0.5
    assert isinstance(end := bench.events[-1], CallEnd)
    assert end.error == "empty"


def test_a_reply_that_is_all_thinking_is_an_error_and_charged_once() -> None:
    bench = Bench(Scripted([Reply("", Usage(1, 5, 900), 0.5, "length")]))
    with pytest.raises(LMReplyError, match="its 900 output tokens went into thinking"):
        bench.call("llm_query", prompt="a")
    assert (bench.ledger.usage, bench.ledger.cost) == (Usage(1, 5, 900), 0.5)
    assert isinstance(end := bench.events[-1], CallEnd)
    assert end.error is not None
    assert (end.finish, end.cost) == ("length", 0.5)


def test_a_prompt_that_can_not_fit_is_refused_before_it_is_sent() -> None:
    lm = Scripted(echo, window=100)
    with pytest.raises(
        LMReplyError, match=r"the prompt has about 1,001 tokens and the window of scripted is 100, .*at most 50"
    ):
        Bench(lm).call("llm_query", prompt="x" * 3500)
    assert lm.requests == []


def test_sub_calls_are_limited() -> None:
    bench = Bench(Scripted(echo), Limits(sub_calls=2))
    with pytest.raises(LimitError, match="3 more sub-calls would pass the limit of 2"):
        bench.call("llm_query_batched", prompts=["a", "b", "c"])
    assert bench.call("llm_query_batched", prompts=["a", "b"]) == ["A", "B"]


@pytest.mark.parametrize(
    ("depth", "limit", "functions", "offered"),
    [(0, 0, 0, 0), (0, 1, 5, 3), (0, 2, 5, 5), (1, 2, 5, 3), (2, 2, 0, 0)],
)
def test_what_is_offered_depends_on_depth(depth: int, limit: int, functions: int, offered: int) -> None:
    broker = Bench(Scripted(echo), Limits(depth=limit), depth=depth).broker
    assert (len(broker.functions), len(broker.offered)) == (functions, offered)


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="llm_query is not offered here; there is: no sub-call"):
        Bench(Scripted(echo), Limits(depth=0)).call("llm_query", prompt="a")


def test_a_child_that_there_is_no_depth_for_is_a_plain_call() -> None:
    assert Bench(Scripted(echo)).call("rlm_query", prompt="a") == "A"


def test_children_run_at_once_under_ledgers_of_their_own() -> None:
    async def spawn(lm: LM, span: int, prompt: str, context: JSON, ledger: Ledger) -> str:
        ledger.charge(Reply("", Usage(1, 10, 0), 0.25))
        return f"{prompt}:{context}"

    bench = Bench(Scripted(echo), Limits(depth=2), spawn=spawn)
    answers = bench.call("rlm_query_batched", prompts=["a", "b"], contexts=[{"value": 1}, None])
    assert answers == ["a:{'value': 1}", "b:None"]
    assert bench.ledger.usage.calls == 2
    assert [e.cost for e in bench.events if isinstance(e, CallEnd)] == [0.25, 0.25]


def test_a_bug_is_not_taken_for_a_failure_of_a_call() -> None:
    async def spawn(lm: LM, span: int, prompt: str, context: JSON, ledger: Ledger) -> str:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        Bench(Scripted(echo), Limits(depth=2), spawn=spawn).call("rlm_query_batched", prompts=["a"])


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("llm_query", {"prompt": 3}, "prompt must be a str, not int"),
        ("llm_query_batched", {"prompts": "abc"}, "prompts must be a list of str, not str"),
        ("llm_query_batched", {"prompts": ["a", None]}, r"prompts\[1\] must be a str, not NoneType"),
        ("llm_query", {"prompt": "a", "model": "no/such"}, "no model 'no/such' in this run; there is: 'scripted'"),
        ("rlm_query_batched", {"prompts": ["a"], "contexts": []}, "takes as many contexts as prompts"),
    ],
)
def test_wrong_arguments_are_named(name: str, args: dict[str, JSON], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Bench(Scripted(echo)).call(name, **args)


def test_after_the_end_there_are_no_calls() -> None:
    bench = Bench(Scripted(echo))
    bench.broker.closed = LimitError("turns", "the run is ending")
    with pytest.raises(LimitError, match="the run is ending"):
        bench.call("llm_query", prompt="a")


def test_a_map_packs_items_and_asks_again_for_those_left_out() -> None:
    def answer(request: Request) -> str:
        text = request.messages[0].content
        return '{"0": "blue"}' if "[0]" in text else '{"1": "green"}'

    lm = Scripted(answer)
    bench = Bench(lm)
    assert bench.call("llm_map", items=["sky", "grass", "sky"], instruction="Colour?") == ["blue", "green", "blue"]
    assert len(lm.requests) == bench.ledger.sub_calls == 2


def test_a_map_keeps_what_was_answered_and_asks_only_for_the_rest_again() -> None:
    good = False

    def answer(request: Request) -> str:
        numbers = re.findall(r"^\[(\d+)\]", request.messages[0].content, re.MULTILINE)
        if "3" in numbers and len(numbers) == 1 and not good:
            return "Sorry, I can't."
        return json.dumps({number: f"r{number}" for number in numbers if number != "3" or good})

    lm = Scripted(answer)
    bench = Bench(lm)
    items: list[JSON] = list("abcdef")
    with pytest.raises(LMError, match="no usable result for 1 of 6 items; run the cell again") as caught:
        bench.call("llm_map", items=items, instruction="i")
    assert caught.value.results == ["r0", "r1", "r2", None, "r4", "r5"]  # type: ignore[attr-defined]
    good = True
    assert bench.call("llm_map", items=items, instruction="i") == ["r0", "r1", "r2", "r0", "r4", "r5"]
    assert len(lm.requests) == 3, "the pack, the one that it left out, and that one again"


def test_of_maps_that_nothing_answered_nothing_is_kept() -> None:
    bench = Bench(Scripted(lambda request: "Sorry, I can't."))
    with pytest.raises(LMError, match="no usable result for 2 of 2 items"):
        bench.call("llm_map", items=["a", "b"], instruction="i" * 1000)
    with pytest.raises(ConfigError, match="llm_map: instruction and schema would be sent 1,000 times, "):
        bench.call("llm_map", items=[*range(1000)], instruction="i" * 5_000_000)
    assert bench.broker._mapped == {}


def test_of_a_map_whose_packs_failed_in_part_the_rest_is_kept() -> None:
    def answer(request: Request) -> str:
        if "[1]" in request.messages[0].content:
            raise LMUnavailableError("overloaded")
        return '{"0": "blue"}'

    bench = Bench(Scripted(answer, window=4000))
    with pytest.raises(LMError, match="1 of 2 items, the first with: overloaded") as caught:
        bench.call("llm_map", items=["sky", "grass" * 2000], instruction="Colour?")
    assert caught.value.results == ["blue", None]  # type: ignore[attr-defined]


def test_answers_that_were_kept_count_as_no_sub_call_duplicates_included() -> None:
    bad = ["b"]

    def answer(request: Request) -> str:
        if request.messages[0].content in bad:
            raise LMUnavailableError("overloaded")
        return "x"

    bench = Bench(Scripted(answer))
    with pytest.raises(LMError):
        bench.call("llm_query_batched", prompts=["a", "a", "b"])
    bad.clear()
    assert bench.call("llm_query_batched", prompts=["a", "a", "b"]) == ["x"] * 3
    assert bench.ledger.sub_calls == 4


def test_a_large_batch_takes_no_more_tasks_than_calls_in_flight() -> None:
    most = 0

    def answer(request: Request) -> str:
        nonlocal most
        most = max(most, len(asyncio.all_tasks()))
        return "x"

    Bench(Scripted(answer), Limits(concurrency=4)).call("llm_query_batched", prompts=["a"] * 1000)
    assert most == 5, "the calls in flight, and the one that waits for them"


def test_a_map_that_stays_incomplete_says_so_and_keeps_the_rest() -> None:
    bench = Bench(Scripted(lambda request: '{"0": "blue"}'))
    with pytest.raises(LMError, match="llm_map: no usable result for 1 of 2 items") as caught:
        bench.call("llm_map", items=["sky", "grass"], instruction="Colour?")
    assert caught.value.results == ["blue", None]  # type: ignore[attr-defined]
