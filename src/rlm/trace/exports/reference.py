"""A run as the reference system logs it: JSON lines, one of metadata, then one an iteration of the root.

The format is what its logger writes (`rlm/logger/rlm_logger.py` and `rlm/core/types.py` of github.com/alexzhang13/rlm)
and what its visualizer reads (`visualizer/src/lib/types.ts`), which wants `prompt_tokens` and `completion_tokens` of a
call besides. The variables of a cell (`locals`) stay in its sandbox, so they are empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from rlm.trace.events import RunBegin
from rlm.trace.tree import Call, Node, RunTree, Turn
from rlm.types import JSON


def export(run: RunTree) -> Iterator[str]:
    """The lines of the log, each with its end.

    Raises:
        ValueError: The run has no first event.
    """
    if run.begin is None:
        raise ValueError("a run without its first event")
    for row in (metadata(run.begin), *(_rows(run.root, run.begin, run.now) if run.root else ())):
        yield json.dumps(row) + "\n"


def metadata(begin: RunBegin) -> dict[str, JSON]:
    """The log's first row."""
    return {"type": "metadata", "timestamp": _local(begin, 0.0), **_configuration(begin, begin.model)}


def iteration(turn: Turn, number: int, conversation: list[JSON], ended: float, begin: RunBegin) -> dict[str, JSON]:
    """The row of one turn that has a reply.

    Args:
        turn: The turn.
        number: Of the row, from 1.
        conversation: The messages that the model was sent.
        ended: When it ended, in seconds since the run began.
        begin: The run's first event.
    """
    answer: str | None = None
    if turn.answer is not None and turn.answer.ready:
        value = turn.answer.value
        answer = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    blocks: list[JSON] = []
    if turn.cell is not None:
        end = turn.cell_end
        result: dict[str, JSON] = {
            "stdout": end.output if end else "",
            "stderr": ((end.error or end.lost) if end else None) or "",
            "locals": {},
            "execution_time": end.seconds if end else 0.0,
            "rlm_calls": [_call(call, begin) for call in turn.calls if call.end is not None],
            "final_answer": answer,
        }
        blocks.append({"code": turn.cell.code, "result": result})
    return {
        "type": "iteration",
        "iteration": number,
        "timestamp": _local(begin, ended),
        "prompt": list(conversation),
        "response": turn.replies[-1].text if turn.replies else "",
        "code_blocks": blocks,
        "final_answer": answer,
        "iteration_time": round(ended - turn.begin.t, 6),
    }


def _rows(node: Node, begin: RunBegin, now: float) -> Iterator[dict[str, JSON]]:
    conversation: list[JSON] = []
    number = 0
    for index, turn in enumerate(node.turns):
        for request in turn.requests:
            conversation += request.messages
        if turn.replies:
            number += 1
            after = node.turns[index + 1].begin if index + 1 < len(node.turns) else node.end
            ended = after.t if after is not None else now
            yield iteration(turn, number, conversation, ended, begin)


def _call(call: Call, begin: RunBegin) -> dict[str, JSON]:
    end = call.end
    assert end is not None
    model = call.begin.model.partition("/")[2] or call.begin.model
    tokens_in, tokens_out = end.usage.get("input_tokens", 0), end.usage.get("output_tokens", 0)
    spent: dict[str, JSON] = {
        "total_calls": end.usage.get("calls", 0),
        "total_input_tokens": tokens_in,
        "total_output_tokens": tokens_out,
    }
    if end.cost is not None:
        spent["total_cost"] = end.cost
    row: dict[str, JSON] = {
        "root_model": model,
        "prompt": call.begin.prompt,
        "response": end.reply or "",
        "usage_summary": {"model_usage_summaries": {model: spent}},
        "execution_time": end.seconds,
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
    }
    if call.child is not None:
        rows: list[JSON] = [*_rows(call.child, begin, end.t)]
        row["metadata"] = {"run_metadata": _configuration(begin, call.begin.model), "iterations": rows}
    return row if end.error is None else row | {"error": end.error}


def _configuration(begin: RunBegin, model: str) -> dict[str, JSON]:
    provider, slash, name = model.partition("/")
    return {
        "root_model": name or model,
        "max_depth": begin.limits.get("depth"),
        "max_iterations": begin.limits.get("turns"),
        "backend": provider if slash else None,
        "backend_kwargs": {"model_name": name or model},
        "environment_type": begin.sandbox,
        "environment_kwargs": {},
        "other_backends": None if begin.sub_model == begin.model else [begin.sub_model.partition("/")[0]],
    }


def _local(begin: RunBegin, t: float) -> str:
    """When a moment of the run was, as the reference system writes it: local time, without its zone."""
    try:
        moment = datetime.fromisoformat(begin.started) + timedelta(seconds=t)
    except ValueError:
        return begin.started
    return moment.astimezone().replace(tzinfo=None).isoformat()
