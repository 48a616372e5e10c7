"""A run, live or saved, as lines for a terminal. Everything that a model, a file or a user wrote goes through
`visible`, and into `rich.Text`, which obeys no markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console, Group
from rich.text import Text
from rich.tree import Tree

from rlm.context.describe import not_loaded
from rlm.prompts import profiles
from rlm.terminal import dollars, one_line, visible
from rlm.trace.events import RunBegin
from rlm.trace.tree import Approval, Call, Node, RunTree, ToolCall, Turn
from rlm.types import JSON

LINE = 160
UNWRAPPED = 100_000
CALLS_SHOWN = 8
CODE_STYLE, QUIET_STYLE, GOOD_STYLE, BAD_STYLE = "cyan", "dim", "green", "red"


def console(file: TextIO) -> Console:
    """A console that obeys no markup; lines are as long as they are where `file` is no terminal."""
    width = None if file.isatty() else UNWRAPPED
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def view(
    run: RunTree, *, code: bool = False, last_turns: int | None = None, now: float | None = None, ends: str = ""
) -> Group:
    """The whole run.

    Args:
        run: The run so far.
        code: Show whole cells, their outputs and the single sub-calls, instead of one line each.
        last_turns: Show only that many turns of a node, the last ones.
        now: Seconds since the run began; the time of the last event if None.
        ends: Why the run has no end, where it was killed.
    """
    tree = Tree(_title(run), guide_style=QUIET_STYLE)
    if run.end is not None and run.end.route == "direct":
        tree.add(_line(f"a plain call: {run.end.route_reason}", QUIET_STYLE))
    for difference in passed_over(run.begin):
        tree.add(_line(f"passed over: {difference}", BAD_STYLE))
    if run.root is not None:
        _add_turns(tree, run.root, code, last_turns)
    for limit in run.limits:
        tree.add(_line(limit.message, BAD_STYLE))
    return Group(tree, summary(run, now, ends))


def passed_over(begin: RunBegin | None) -> list[str]:
    """How cells of the questions before a run's, in its session, went another way when they ran again for it."""
    told = None if begin is None or begin.origin is None else begin.origin.get("passed_over")
    return [str(one) for one in told] if isinstance(told, list) else []


def _origin(begin: RunBegin) -> str:
    """What a run was made from, or goes on from."""
    if begin.origin is None:
        number, first = ((begin.sitting or {}).get(name) for name in ("number", "run"))
        if number is None:
            return ""
        if number == 1:
            return " (question 1 of a session)"
        return visible(f" (question {number} of the session that began with {first})")
    way, run, turn = (begin.origin.get(name) for name in ("way", "run", "turn"))
    return visible(f" ({way} of {run}{'' if turn is None else f', turn {turn}'})")


def _title(run: RunTree) -> Text:
    if run.begin is None:
        return _line("starting", "bold")
    number, _ = not_loaded(run.begin.context)
    context = run.begin.context.partition("\n")[0] + (f", {number} not loaded" if number else "")
    about = [context, run.begin.model, run.begin.sandbox]
    whole = run.begin.question == profiles.task()
    title = _line("a whole request" if whole else run.begin.question, "bold")
    return Text("\n", no_wrap=True, overflow="ellipsis").join([title, _line(" · ".join(about), QUIET_STYLE)])


def turn_view(turn: Turn) -> Tree:
    """One turn, whole: its cell, the output that the model was shown, its sub-calls."""
    tree = Tree(_turn_title(turn), guide_style=QUIET_STYLE)
    _add_turn_details(tree, turn, True, None)
    return tree


def whole_turn(turn: Turn) -> Text:
    """One turn with all that was said in it, nothing cut: the reply, its cell and output, each call."""
    text = _turn_title(turn).append("\n")
    for title, said in _said(turn):
        text.append(f"\n── {one_line(title, LINE)}\n", style=QUIET_STYLE)
        text.append(visible(said).rstrip("\n") + "\n")
    return text


def _said(turn: Turn) -> Iterator[tuple[str, str]]:
    for reply in turn.replies:
        yield "reply", reply.text
    for failure in turn.failures:
        yield "no reply", failure.error
    for retry in turn.retries:
        yield f"tried again after {retry.wait:.1f} s", retry.reason
    if turn.cell is not None:
        yield "cell", turn.cell.code
    for number, call in enumerate(turn.calls, 1):
        yield f"{number}. {call.begin.name}, {call.begin.model}", call.begin.prompt
        if call.end is not None:
            how = f"{call.end.seconds:.2f} s, {dollars(call.end.cost)}"
            failed = call.end.error is not None
            yield f"{number}. {'failed' if failed else 'reply'}: {how}", call.end.error or call.end.reply or ""
    for tool in turn.tools:
        yield tool.begin.name, json.dumps([*tool.begin.args, tool.begin.kwargs], ensure_ascii=False)
        if tool.end is not None:
            yield f"{tool.begin.name} gave", tool.end.error or as_text(tool.end.value)
    if (end := turn.cell_end) is not None:
        yield f"output, {end.output_size:,} characters", end.output
        if end.error:
            yield "error", end.error
        if end.lost:
            yield "worker lost", end.lost
    if turn.nudge is not None:
        yield "nudge", turn.nudge.message
    if turn.answer is not None:
        yield "answer", as_text(turn.answer.value)


def summary(run: RunTree, now: float | None = None, ends: str = "") -> Text:
    """One line: how it ended or that it runs, and what it used of its limits."""
    limits = run.begin.limits if run.begin else {}
    end = run.end
    turns = _turns(run.root) if run.root else 0
    seconds = end.seconds if end else run.now if now is None else now
    told = {limit.message for limit in [*run.limits, *(run.root.limits if run.root else [])]}
    parts = [
        f"{turns}{_of(limits.get('turns'))} turn{'' if turns == 1 and not limits.get('turns') else 's'}",
        f"{run.usage.calls:,} model call{'' if run.usage.calls == 1 else 's'}",
        f"{run.usage.tokens:,}{_of(limits.get('tokens'))} tokens",
        f"{dollars(run.cost)}{_of(limits.get('usd'), '$')}",
        f"{seconds:.1f}{_of(limits.get('seconds'))} s",
    ]
    if run.reused:
        parts.insert(2, f"{run.reused:,} answered without asking")
    line = Text()
    if end is None:
        state, _, why = ends.partition("; ")
        line.append(state or "running", style=f"bold {BAD_STYLE}" if ends else "bold")
    else:
        line.append(end.status, style=f"bold {GOOD_STYLE if end.status == 'done' else BAD_STYLE}")
    line.append(" · " + " · ".join(parts), style=QUIET_STYLE)
    if end is not None and end.reason and end.reason not in told:
        line.append("\n" + visible(end.reason), style=BAD_STYLE)
    if end is None and why:
        line.append("\n" + visible(why), style=BAD_STYLE)
    if end is not None and run.begin is not None:
        line.append(f"\nrun {run.begin.run_id}{_origin(run.begin)}", style=QUIET_STYLE)
    return line


def _turns(node: Node) -> int:
    """Turns as the limit counts them: a reply that was nudged is none."""
    if node.end is not None:
        return node.end.turns
    return node.turns[-1].begin.turn if node.turns else 0


def _add_turns(tree: Tree, node: Node, code: bool, last_turns: int | None) -> None:
    hidden = max(0, len(node.turns) - last_turns) if last_turns is not None else 0
    if hidden:
        tree.add(Text(f"… {hidden} earlier turns", style=QUIET_STYLE))
    for turn in node.turns[hidden:]:
        branch = tree.add(_turn_title(turn, ended=node.end is not None))
        _add_turn_details(branch, turn, code, last_turns)
    for limit in node.limits:
        tree.add(_line(limit.message, BAD_STYLE))


def _turn_title(turn: Turn, *, ended: bool = False) -> Text:
    title = _line(f"turn {turn.begin.turn}" + (" (wrap-up)" if turn.begin.wrap_up else ""))
    if not turn.replies:
        return title.append("  no reply" if ended else "  asking the model", style=QUIET_STYLE)
    tokens = sum(_number(reply.usage, "input_tokens") + _number(reply.usage, "output_tokens") for reply in turn.replies)
    parts = [f"model {sum(reply.seconds for reply in turn.replies):.2f} s", f"{tokens:,} tokens"]
    if turn.cell_end is not None:
        parts.append(f"cell {turn.cell_end.seconds:.2f} s")
    elif turn.cell is not None:
        parts.append("cell broken off" if ended else "cell running")
    return title.append("  " + ", ".join(parts), style=QUIET_STYLE)


def _add_turn_details(branch: Tree, turn: Turn, code: bool, last_turns: int | None) -> None:
    if turn.cell is not None:
        whole = Text(visible(turn.cell.code.rstrip()), style=CODE_STYLE)
        branch.add(whole if code else _line(_first_line(turn.cell.code), CODE_STYLE))
    for name, calls in _by_name(turn.calls):
        group = branch.add(_calls_line(name, calls))
        listed = [call for call in calls if call.child is not None or code]
        for call in listed[:CALLS_SHOWN]:
            leaf = group.add(_call_line(call))
            if call.child is not None:
                _add_turns(leaf, call.child, code, last_turns)
        if len(listed) > CALLS_SHOWN:
            group.add(Text(f"… {len(listed) - CALLS_SHOWN} more", style=QUIET_STYLE))
    for tool in turn.tools[:CALLS_SHOWN]:
        branch.add(_tool_line(tool))
    if len(turn.tools) > CALLS_SHOWN:
        branch.add(Text(f"… {len(turn.tools) - CALLS_SHOWN} more tool calls", style=QUIET_STYLE))
    for failure in turn.failures:
        branch.add(_line(f"no reply: {failure.error}", BAD_STYLE))
    for approval in _held_up(turn):
        branch.add(_approval_line(approval))
    for line in _outcome(turn, code):
        branch.add(line)


def _first_line(code: str) -> str:
    first, _, rest = code.strip().partition("\n")
    return first + (" …" if rest else "")


def _outcome(turn: Turn, code: bool) -> Iterator[Text]:
    """What a turn's cell printed, how it failed, and what it answered."""
    end = turn.cell_end
    if end is not None:
        shown = end.shown.rstrip()
        if code and shown:
            yield Text(visible(shown))
        elif end.output_size:
            yield Text(f"printed {end.output_size:,} characters", style=QUIET_STYLE)
        if end.error:
            error = end.error.rstrip()
            yield Text(visible(error), style=BAD_STYLE) if code else _line(error.rpartition("\n")[2], BAD_STYLE)
        if end.lost:
            yield _line(f"worker lost: {end.lost}", BAD_STYLE)
        elif end.interrupted:
            yield Text("interrupted", style=BAD_STYLE)
    if turn.nudge is not None:
        yield Text("no cell in the reply: nudged", style=BAD_STYLE)
    for limit in turn.limits:
        yield _line(limit.message, BAD_STYLE)
    if turn.answer is not None:
        yield _answer(as_text(turn.answer.value), code, "answer" if turn.answer.ready else "answer so far")


def _line(text: str, style: str = "") -> Text:
    """`text` in one line that is cut, not folded, where the terminal is narrower."""
    return Text(one_line(text, LINE), style=style, no_wrap=True, overflow="ellipsis")


def _answer(text: str, code: bool, word: str = "answer") -> Text:
    return Text(f"{word}: {visible(text)}", style=GOOD_STYLE) if code else _line(f"{word}: {text}", GOOD_STYLE)


def as_text(value: JSON) -> str:
    """An answer as text: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _calls_line(name: str, calls: list[Call]) -> Text:
    done = sum(call.end is not None and call.end.error is None for call in calls)
    failed = sum(call.end is not None and call.end.error is not None for call in calls)
    running = len(calls) - done - failed
    counts = [
        f"{count:,} {word}" for count, word in ((done, "done"), (running, "running"), (failed, "failed")) if count
    ]
    return Text(f"{visible(name)} × {len(calls):,}: {', '.join(counts)}", style=BAD_STYLE if failed else "")


def _held_up(turn: Turn) -> list[Approval]:
    """What the turn's cell may not ask, or not yet: the last few."""
    held = [
        approval
        for approval in turn.approvals
        if (not approval.decided.allowed if approval.decided else turn.cell_end is None)
    ]
    return held[-CALLS_SHOWN:]


def _approval_line(approval: Approval) -> Text:
    estimate = approval.estimate
    told = "waits for approval" if approval.decided is None else "not approved"
    cost = dollars(estimate.usd) if estimate.usd is None else f"about {dollars(estimate.usd)}"
    time = "" if estimate.seconds is None else f", {estimate.seconds:,.0f} s"
    line = f"{visible(estimate.function)} × {estimate.calls:,}: {told}, {cost}{time}"
    return Text(line, style="bold" if approval.decided is None else BAD_STYLE)


def _call_line(call: Call) -> Text:
    line = _line(one_line(call.begin.prompt, LINE // 2), QUIET_STYLE)
    if call.end is None:
        return line.append(" …")
    if call.end.error is not None:
        return line.append(" ! " + one_line(call.end.error, LINE // 2), style=BAD_STYLE)
    return line.append(" -> " + one_line(call.end.reply or "", LINE // 2), style="default")


def _tool_line(tool: ToolCall) -> Text:
    given = [*(repr(value) for value in tool.begin.args), *(f"{k}={v!r}" for k, v in tool.begin.kwargs.items())]
    line = _line(one_line(f"{tool.begin.name}({', '.join(given)})", LINE // 2), QUIET_STYLE)
    if tool.end is None:
        return line.append(" …")
    if tool.end.error is not None:
        return line.append(" ! " + one_line(tool.end.error, LINE // 2), style=BAD_STYLE)
    return line.append(" -> " + one_line(as_text(tool.end.value), LINE // 2), style="default")


def _by_name(calls: list[Call]) -> list[tuple[str, list[Call]]]:
    groups: dict[str, list[Call]] = {}
    for call in calls:
        groups.setdefault(call.begin.name, []).append(call)
    return list(groups.items())


def _number(usage: dict[str, JSON], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0


def _of(limit: JSON, unit: str = "") -> str:
    return f"/{unit}{limit:,g}" if isinstance(limit, int | float) else ""
