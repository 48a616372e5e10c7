"""The loop alone: a scripted model, and a fake session that plays results. Real workers are in test_engine.py."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from rlm.errors import LimitError, LMError, LMRefusedError, LMReplyError, LMUnavailableError, RlmError, SandboxError
from rlm.ledger import Ledger
from rlm.lms.base import Price
from rlm.lms.scripted import Scripted
from rlm.loop import Dialogue, Node, Outcome, run_direct, run_node
from rlm.prompts.profiles import shipped
from rlm.trace.events import Event, ReplyReceived
from rlm.trace.store import Trace
from rlm.types import Answer, Cell, CellResult, Limits, Message, Reply, Request, Usage


class FakeSession:
    """Plays the effect of a few kinds of code."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def run(self, cell: Cell, *, deadline: float | None = None) -> CellResult:
        self.ran.append(cell.code)
        if cell.code.startswith("FINAL"):
            return CellResult("", 0, answer=Answer(cell.code[6:-1]))
        if cell.code.startswith("SOFAR"):
            return CellResult("", 0, answer=Answer(cell.code[6:-1], ready=False))
        if cell.code == "lose":
            raise SandboxError("no worker can be started")
        if cell.code == "hang":
            assert deadline is not None
            await asyncio.sleep(deadline - time.monotonic())
            return CellResult("", 0, interrupted=True)
        return CellResult(cell.code + "\n", len(cell.code) + 1)

    async def lose(self) -> None:
        self.ran.append("(lost)")


class FakeCalls:
    span = 0
    closed: LimitError | None = None


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


def play(
    replies: Scripted | Sequence[str | Reply | RlmError] | Callable[..., str | Awaitable[str]],
    limits: Limits | None = None,
    parent: Ledger | None = None,
) -> tuple[Outcome, Node, FakeSession, list[Event]]:
    session = FakeSession()
    events: list[Event] = []
    trace = Trace("r", None)
    trace.subscribe(events.append)

    async def main() -> tuple[Outcome, Node]:
        opening = [Message("system", "s"), Message("user", "q")]
        ledger = Ledger(limits or Limits(), parent)
        node = Node(
            span=trace.new_span(),
            lm=replies if isinstance(replies, Scripted) else Scripted(replies),
            ledger=ledger,
            trace=trace,
            conversation=opening,
            profile=shipped()["default"],
            session=session,
            calls=FakeCalls(),
        )
        return await run_node(node), node

    outcome, node = asyncio.run(main())
    return outcome, node, session, events


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def test_two_turns_and_an_answer() -> None:
    outcome, node, session, events = play([block("look"), block("FINAL(7)")])
    assert outcome == Outcome(Answer("7"), "done", "", 2)
    assert session.ran == ["look", "FINAL(7)"]
    assert [m.content for m in node.conversation[2:]] == [block("look"), "Output:\nlook", block("FINAL(7)")]
    turn = ["turn_begin", "request", "reply", "cell_begin", "cell_end"]
    assert types(events) == [*turn, *turn, "answer", "node_end"]


def test_each_request_begins_with_the_last_one() -> None:
    _, node, _, _ = play([block("a"), "no cell", block("b"), block("FINAL(1)")])
    assert isinstance(node.lm, Scripted)
    requests = [request.messages for request in node.lm.requests]
    for earlier, later in itertools.pairwise(requests):
        assert later[: len(earlier)] == earlier


def test_what_follows_the_first_cell_is_neither_run_nor_kept() -> None:
    _, node, session, _ = play([block("look") + "\nOutput:\n9\n" + block("FINAL(9)"), block("FINAL(7)")])
    assert session.ran == ["look", "FINAL(7)"]
    assert node.conversation[2].content == block("look")


def test_an_answer_outside_code_does_not_count() -> None:
    outcome, _, session, events = play(["FINAL(9)", block("FINAL(7)")])
    assert outcome.answer == Answer("7")
    assert outcome.turns == 1
    assert session.ran == ["FINAL(7)"]
    assert types(events)[:4] == ["turn_begin", "request", "reply", "nudge"]


def test_nudges_are_bounded() -> None:
    outcome, node, _, _ = play(["words"] * 4)
    assert outcome == Outcome(None, "failed", "the model wrote no cell in 4 replies", 0)
    assert node.ledger.usage.calls == 4


def test_an_empty_reply_is_nudged_and_charged() -> None:
    empty = LMReplyError("the reply is empty", usage=Usage(1, 10, 5))
    outcome, node, _, _ = play([empty, block("FINAL(1)")])
    assert outcome.status == "done"
    assert node.ledger.usage.calls == 2
    assert node.conversation[2] == Message("assistant", "(no reply)")


def test_a_reply_cut_off_is_asked_again_with_more_room_once() -> None:
    cut = Reply(block("FINAL(1"), Usage(1, 10, 100), 0.0, finish="length")
    outcome, node, session, _ = play([cut, block("FINAL(2)")])
    assert outcome.answer == Answer("2")
    assert isinstance(node.lm, Scripted)
    assert [request.max_tokens for request in node.lm.requests] == [None, 400]
    assert session.ran == ["FINAL(2)"]


def test_half_a_cell_is_never_run() -> None:
    cut = Reply("```repl\ndelete = everything", Usage(1, 10, 100), 0.0, finish="length")
    outcome, node, session, _ = play([cut, cut, block("FINAL(2)")])
    assert session.ran == ["FINAL(2)"]
    assert outcome.status == "done"
    assert node.conversation[3].content.startswith("Your reply was cut off")


def test_out_of_turns_there_is_one_wrap_up_turn() -> None:
    outcome, _, _, events = play([block("a"), block("b"), block("FINAL(late)")], Limits(turns=2))
    assert outcome == Outcome(Answer("late"), "partial", "the limit of 2 turns is reached", 3)
    assert [e.wrap_up for e in events if e.type == "turn_begin"] == [False, False, True]  # type: ignore[attr-defined]
    assert types(events).count("limit") == 1


@pytest.mark.parametrize(("is_child", "answer"), [(False, Answer("late")), (True, Answer("3", ready=False))])
def test_a_wrap_up_turn_that_only_the_reserve_has_room_for_is_the_roots_alone(is_child: bool, answer: Answer) -> None:
    limits = Limits(tokens=10_000, turns=1)
    script = Scripted([Reply(block("SOFAR(3)"), Usage(1, 8000, 990), 0.0), block("FINAL(late)")])
    outcome, _, _, _ = play(script, limits, Ledger(limits) if is_child else None)
    assert outcome.answer == answer
    assert (outcome.status, outcome.reason) == ("partial", "the limit of 1 turns is reached")


def test_without_a_wrap_up_answer_the_best_so_far_is_returned() -> None:
    outcome, _, _, _ = play([block("SOFAR(3 of 5)"), block("b"), "I am done."], Limits(turns=2))
    assert outcome == Outcome(Answer("3 of 5", ready=False), "partial", "the limit of 2 turns is reached", 2)


def test_a_run_with_nothing_to_show_failed() -> None:
    outcome, _, _, _ = play([block("a"), "no"], Limits(turns=1))
    assert outcome == Outcome(None, "failed", "the limit of 1 turns is reached", 1)


def test_the_tokens_run_out() -> None:
    replies = [Reply(block("x" * 30), Usage(1, 780, 100), 0.0), Reply(block("FINAL(1)"), Usage(1, 1, 1), 0.0)]
    outcome, _, _, _ = play([replies[0], replies[0], replies[1]], Limits(tokens=2000))
    assert outcome.status == "partial"
    assert outcome.reason == "the limit of 2,000 tokens is reached: 1,760 are used"


def test_the_time_runs_out_in_a_cell() -> None:
    began = time.monotonic()
    outcome, _, session, _ = play([block("hang"), block("FINAL(late)")], Limits(seconds=0.2))
    assert outcome == Outcome(Answer("late"), "partial", "the limit of 0.2 s is reached", 2)
    assert session.ran == ["hang", "FINAL(late)"]
    assert time.monotonic() - began < 1.0


def test_the_time_runs_out_in_a_request() -> None:
    async def slow(_: object) -> str:
        await asyncio.sleep(60)
        return ""

    outcome, _, _, _ = play(slow, Limits(seconds=0.1))
    assert (outcome.status, outcome.reason) == ("failed", "the limit of 0.1 s is reached")


def test_a_provider_that_never_answers_is_an_error() -> None:
    with pytest.raises(LMUnavailableError, match="overloaded"):
        play([LMUnavailableError("overloaded")])


def test_a_provider_that_fails_later_leaves_what_there_is() -> None:
    outcome, _, _, _ = play([block("SOFAR(some)"), LMUnavailableError("overloaded")])
    reason = "overloaded; the answer is what the cells had set so far"
    assert outcome == Outcome(Answer("some", ready=False), "partial", reason, 1)


def test_a_provider_that_fails_in_the_wrap_up_leaves_what_there_is_and_says_both() -> None:
    outcome, _, _, _ = play([block("SOFAR(some)"), LMUnavailableError("overloaded")], Limits(turns=1))
    reason = (
        "the limit of 1 turns is reached, and the model gave no last answer: overloaded; "
        "the answer is what the cells had set so far"
    )
    assert outcome == Outcome(Answer("some", ready=False), "partial", reason, 1)


def test_without_an_answer_the_variables_are_asked_for_in_a_turn_that_is_seen() -> None:
    outcome, _, session, events = play([block("x = 1"), LMUnavailableError("overloaded")])
    assert session.ran == ["x = 1", "answer['content'] = __variables__() or ''"]
    assert (outcome.status, outcome.reason) == ("failed", "overloaded"), "this session has none"
    assert types(events)[-4:] == ["turn_begin", "cell_begin", "cell_end", "node_end"]


def test_thinking_that_took_all_room_is_said_to_the_model() -> None:
    thought = LMReplyError("all thinking", Usage(1, 5, 100), 0.0, "thinking")
    outcome, node, _, _ = play([thought, thought, block("FINAL(1)")])
    assert outcome.status == "done"
    assert isinstance(node.lm, Scripted)
    assert [request.max_tokens for request in node.lm.requests] == [None, 400, None]
    assert node.conversation[3].content.startswith("Your thinking took all the room")
    assert node.ledger.usage.calls == 3


@pytest.mark.parametrize(
    "reply", [Reply(block("half = 1"), Usage(1, 5, 5), 0.0, "filter"), Reply("", Usage(1, 5, 5), 0.0)]
)
def test_what_a_filter_stopped_is_not_run_and_what_is_empty_is_nudged(reply: Reply) -> None:
    outcome, node, session, _ = play([reply, replace(reply, text=None), block("FINAL(1)")])  # type: ignore[arg-type]
    assert session.ran == ["FINAL(1)"]
    assert (outcome.status, node.ledger.usage.calls) == ("done", 3)


def test_a_conversation_that_can_not_fit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(
        LMReplyError, match="the conversation has about 2 tokens and the window of scripted is 1"
    ) as caught:
        play(Scripted([], window=1))
    assert caught.value.fault == "too_long"


def test_a_conversation_that_grew_too_long_leaves_what_there_is() -> None:
    outcome, *_ = play(Scripted([block("SOFAR(" + "x" * 400 + ")")], window=100))
    assert (outcome.status, outcome.turns) == ("partial", 1)
    assert outcome.reason.startswith("the conversation has about")


def test_the_trace_has_the_cost_that_the_ledger_charged() -> None:
    reply = Reply(block("FINAL(1)"), Usage(1, 1_000_000, 0), None)
    _, node, _, events = play(Scripted([reply], price=Price(2.0, 1.0)))
    assert node.ledger.cost == 2.0
    assert [event.cost for event in events if isinstance(event, ReplyReceived)] == [2.0]


def test_a_sandbox_that_fails_later_leaves_what_there_is() -> None:
    outcome, _, _, events = play([block("SOFAR(half)"), block("lose")])
    assert outcome == Outcome(Answer("half", ready=False), "partial", "no worker can be started", 2)
    assert types(events)[-1] == "node_end"


def test_a_refusal_to_give_more_room_leaves_the_cut_off_reply() -> None:
    replies: list[str | Reply | RlmError] = [
        Reply("```repl\nx", Usage(1, 1, 9), 0.0, "length"),
        LMRefusedError("too large"),
        block("FINAL(1)"),
    ]
    outcome, node, _, _ = play(replies)
    assert outcome.status == "done"
    assert "cut off" in node.conversation[-2].content


def test_an_unusable_reply_is_charged_once_and_traced_in_the_wrap_up_too() -> None:
    empty = LMReplyError("empty", Usage(1, 5, 5), 0.25)
    outcome, node, _, events = play([empty, block("x"), empty], Limits(turns=1))
    assert outcome.status == "failed"
    assert (node.ledger.usage.calls, node.ledger.cost) == (3, 0.5)
    assert [event.usage["calls"] for event in events if isinstance(event, ReplyReceived)] == [1, 1, 1]


def test_the_reason_of_replies_that_can_not_be_used_is_told() -> None:
    outcome, *_ = play([LMReplyError("filtered", Usage(1, 5, 5), 0.0)] * 2, Limits(nudges=1))
    assert outcome.reason == "the model wrote no cell in 2 replies; the last: filtered"


def test_an_answer_that_is_no_reply_at_all_is_an_error() -> None:
    with pytest.raises(LMReplyError, match="is its URL right"):
        play([LMReplyError("not JSON: is its URL right?")])


def test_a_time_out_of_a_client_is_not_taken_for_the_runs() -> None:
    def answer(request: Request) -> str:
        raise TimeoutError("the client's own")

    with pytest.raises(TimeoutError, match="the client's own"):
        play(answer)


def ask_directly(
    replies: Sequence[str | Reply | RlmError] | Callable[..., str | Awaitable[str]], limits: Limits | None = None
) -> tuple[Outcome, Ledger, list[Event]]:
    events: list[Event] = []
    trace = Trace("r", None)
    trace.subscribe(events.append)

    async def main() -> tuple[Outcome, Ledger]:
        ledger = Ledger(limits or Limits())
        conversation = [Message("user", "q")]
        lm = Scripted(replies)
        return await run_direct(Dialogue(span=1, lm=lm, ledger=ledger, trace=trace, conversation=conversation)), ledger

    outcome, ledger = asyncio.run(main())
    return outcome, ledger, events


def test_a_plain_call_is_a_turn_of_its_trace() -> None:
    outcome, ledger, events = ask_directly(["blue"])
    assert outcome == Outcome(Answer("blue"), "done", "", 1)
    assert ledger.usage.calls == 1
    assert types(events) == ["turn_begin", "request", "reply", "answer", "node_end"]


def test_a_plain_call_has_the_time_of_the_run() -> None:
    async def never(request: Request) -> str:
        await asyncio.sleep(60)
        return ""

    outcome, *_ = ask_directly(never, Limits(seconds=0.1))
    assert outcome == Outcome(None, "failed", "the limit of 0.1 s is reached", 0)


def test_a_plain_calls_unusable_reply_is_charged_and_no_exception() -> None:
    outcome, ledger, _ = ask_directly([LMReplyError("filtered", Usage(1, 5, 5), 0.25)])
    assert outcome == Outcome(None, "failed", "filtered", 0)
    assert ledger.cost == 0.25


def test_a_plain_call_that_is_cut_off_is_asked_again_and_then_partial() -> None:
    half = Reply("half", Usage(1, 1, 9), 0.0, "length")
    outcome, ledger, _ = ask_directly([half, half])
    assert outcome == Outcome(Answer("half"), "partial", "the reply was cut off", 1)
    assert ledger.usage.calls == 2


def test_a_plain_call_that_never_answers_is_an_error() -> None:
    with pytest.raises(LMError, match="down"):
        ask_directly([LMUnavailableError("down")])
