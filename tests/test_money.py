"""Money in whole runs: who is asked before it is spent, what is charged, and what is said where it is not known."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from rlm import RLM, Completion, Estimate, Limits, Price, Usage
from rlm.approval import Approve, Confirm
from rlm.lms.openai import OpenAI
from rlm.lms.scripted import Scripted
from rlm.lms.scripted_server import Answer, ScriptedServer
from rlm.trace.events import CallBegin, EstimateDecided, EstimateMade
from rlm.trace.store import read
from rlm.trace.tree import RunTree
from rlm.types import JSON, Reply

PRICE = Price(1.0, 2.0)


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


def run(
    *cells: str, approve: Approve | None = None, confirm: Confirm | None = None, limits: Limits | None = None
) -> Completion:
    sub = Scripted(lambda request: Reply("yes", Usage(1, 100, 10), 0.001), name="sub", price=PRICE)
    rlm = RLM(
        model=Scripted([block(cell) for cell in cells], price=PRICE),
        sub_model=sub,
        limits=limits,
        approve=approve,
        confirm=confirm,
    )
    return rlm.completion("What is it?", context="x" * 500)


def says(decision: str) -> Approve:
    return lambda estimate: decision  # type: ignore[return-value]


BATCH = """
try:
    FINAL(llm_query_batched(['a'] * 20)[0])
except LimitError as error:
    print(error)
"""


def test_a_cell_reads_why_it_was_denied_and_takes_a_cheaper_plan() -> None:
    seen: list[Estimate] = []

    def approve(estimate: Estimate) -> str:
        seen.append(estimate)
        return "deny" if estimate.calls > 2 else "allow"

    done = run(BATCH, "FINAL(llm_query_batched(['a', 'b'])[1])", approve=approve)  # type: ignore[arg-type]
    assert (done.status, done.answer) == ("done", "yes")
    assert [(estimate.function, estimate.model, estimate.calls) for estimate in seen] == [
        ("llm_query_batched", "sub", 20),
        ("llm_query_batched", "sub", 2),
    ]
    assert done.trace is not None
    tree = RunTree(read(done.trace))
    assert tree.root is not None
    first, second = tree.root.turns
    assert first.cell_end is not None
    assert "not approved, and none of it was asked or charged: llm_query_batched: 20 calls to sub" in (
        first.cell_end.shown
    )
    assert "Choose a cheaper plan" in first.cell_end.shown
    assert [(one.estimate.calls, one.decided and one.decided.allowed) for one in first.approvals] == [(20, False)]
    assert (len(first.calls), len(second.calls)) == (0, 2)


def test_nobody_is_asked_about_what_the_limits_refuse() -> None:
    seen: list[Estimate] = []

    def approve(estimate: Estimate) -> str:
        seen.append(estimate)
        return "allow"

    done = run(BATCH + "FINAL('refused')", approve=approve, limits=Limits(sub_calls=19))  # type: ignore[arg-type]
    assert (done.answer, seen) == ("refused", [])


def test_only_what_would_be_sent_is_estimated() -> None:
    seen: list[Estimate] = []

    def approve(estimate: Estimate) -> str:
        seen.append(estimate)
        return "allow"

    equal = "llm_query_batched(['a', 'a', 'b'], temperature=0)"
    more = "FINAL(llm_query_batched(['b', 'c'], temperature=0, fresh=False))"
    done = run(equal, equal, more, "FINAL(1)", approve=approve)  # type: ignore[arg-type]
    assert (done.answer, [estimate.calls for estimate in seen]) == (["yes", "yes"], [2, 1])
    seen.clear()
    run("llm_query_batched(['a', 'a', 'b'])", "FINAL(1)", approve=approve)  # type: ignore[arg-type]
    assert [estimate.calls for estimate in seen] == [3], "voting asks each"


def test_what_is_denied_is_not_counted() -> None:
    done = run(BATCH + "FINAL(llm_query('b'))", approve=lambda e: "deny" if e.calls > 1 else "allow",
               limits=Limits(sub_calls=1))  # fmt: skip
    assert (done.answer, done.usage.calls) == ("yes", 2)


@pytest.mark.parametrize(("answer", "response"), [(True, "yes"), (False, "refused")])
def test_who_is_asked_decides(answer: bool, response: str) -> None:
    done = run(BATCH + "FINAL('refused')", approve=says("ask"), confirm=lambda estimate: answer)
    assert done.answer == response


def test_to_ask_nobody_is_a_no() -> None:
    assert run(BATCH + "FINAL('refused')", approve=says("ask")).answer == "refused"


def test_an_async_policy_is_waited_for() -> None:
    async def approve(estimate: Estimate) -> str:
        await asyncio.sleep(0.01)
        return "deny"

    assert run(BATCH + "FINAL('refused')", approve=approve).answer == "refused"  # type: ignore[arg-type]


def test_a_bug_in_the_policy_is_the_callers_to_see() -> None:
    def approve(estimate: Estimate) -> str:
        raise ZeroDivisionError("in the caller's own code")

    with pytest.raises(ZeroDivisionError, match="in the caller's own code"):
        run(BATCH, approve=approve)  # type: ignore[arg-type]


def test_single_calls_and_maps_are_asked_about_too() -> None:
    seen: list[str] = []

    def approve(estimate: Estimate) -> str:
        seen.append(estimate.function)
        return "allow"

    run("llm_query('a')\ntry: llm_map(['a'], 'b')\nexcept LMError: pass\nFINAL(1)", approve=approve)  # type: ignore[arg-type]
    assert seen == ["llm_query", "llm_map", "llm_map"]


def test_what_the_run_has_learnt_is_in_its_next_estimate() -> None:
    seen: list[Estimate] = []

    def approve(estimate: Estimate) -> str:
        seen.append(estimate)
        return "allow"

    run("llm_query_batched(['a'] * 4)", "FINAL(llm_query_batched(['a'] * 10)[0])", approve=approve)  # type: ignore[arg-type]
    first, second = seen
    assert (first.output_tokens, first.seconds) == (4 * 512, None)
    assert second.output_tokens == 10 * 10
    assert second.usd == pytest.approx((10 * 1 * 1.0 + 10 * 10 * 2.0) / 1e6)
    assert second.seconds is not None


def test_without_a_policy_a_batch_is_told_to_the_trace_before_it_is_sent() -> None:
    done = run("FINAL(llm_query_batched(['a'] * 8)[0])")
    assert done.trace is not None
    kinds = [type(event) for event in read(done.trace)]
    assert kinds.index(EstimateMade) < kinds.index(EstimateDecided) < kinds.index(CallBegin)
    assert kinds.count(EstimateMade) == 1


def served(cost: float | None, model: Callable[[str], OpenAI], prices: dict[str, Price] | None = None) -> Completion:
    """A run whose root is behind an endpoint that reports 1,000,000 tokens in, none out, and perhaps what they cost."""
    usage: dict[str, JSON] = {"prompt_tokens": 1_000_000, "completion_tokens": 0}
    usage |= {} if cost is None else {"cost": cost}
    with ScriptedServer(lambda request: Answer(block("FINAL(1)"), usage=usage)) as server:
        return RLM(model=model(server.url), prices=prices, route="never").completion("q", context="x")


def test_a_given_price_goes_before_the_models_own_and_a_reported_cost_before_both() -> None:
    given = {"openai/m": Price(3.0, 0.0)}
    dear = lambda url: OpenAI("m", base_url=url, price=Price(7.0, 0.0))  # noqa: E731
    plain = lambda url: OpenAI("m", base_url=url)  # noqa: E731
    assert served(None, dear).cost == pytest.approx(7.0)
    assert served(None, dear, given).cost == pytest.approx(3.0)
    assert served(None, plain, given).cost == pytest.approx(3.0)
    assert served(0.125, dear, given).cost == 0.125
    assert served(0, dear, given).cost == 0.0, "a provider may charge nothing"


def test_an_endpoint_on_this_machine_has_no_price_unless_one_is_given() -> None:
    done = served(None, lambda url: OpenAI("m", base_url=url))
    assert (done.cost, done.usage.input_tokens) == (None, 1_000_000)


def test_an_unknown_price_among_known_ones_makes_the_whole_unknown(tmp_path: Path) -> None:
    sub = Scripted(lambda request: Reply("yes", Usage(1, 100, 10), None), name="sub", price=None)
    root = Scripted([block("FINAL(llm_query('a'))")], price=PRICE)
    done = RLM(model=root, sub_model=sub, trace=tmp_path).completion("q", context="x" * 500)
    assert (done.answer, done.cost) == ("yes", None)
    assert done.trace is not None
    assert RunTree(read(done.trace)).cost is None
