"""A log of the reference system as events: what `rlm import` writes into a run's folder.

What its log does not have (which messages belong to the system, limits, prices) stays empty; nothing is made up. A file
may have the rows of several completions: an iteration that counts from 1 again begins the next one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlm.trace.events import (
    AnswerSet,
    CallBegin,
    CallEnd,
    CellBegin,
    CellEnd,
    Event,
    NodeBegin,
    NodeEnd,
    ReplyReceived,
    RequestSent,
    RunBegin,
    RunEnd,
    TurnBegin,
)
from rlm.trace.reader import FORMAT_VERSION, TraceError
from rlm.types import JSON

_LONGEST_LINE = 256 << 20  # bytes
_DEEPEST = 20  # calls whose own trajectories are inside each other
_SPENT = ("calls", "input_tokens", "output_tokens")


def runs(path: Path) -> Iterator[tuple[datetime, list[Event]]]:
    """The completions of a log, each with when it began and its events; `run_id` is left empty.

    Raises:
        TraceError: It is no such log; names the line.
    """
    metadata: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    for number, row in _lines(path):
        if row.get("type") == "metadata":
            metadata = row
        elif row.get("type") != "iteration":
            raise TraceError(f"{path}, line {number}: not a log of the reference system")
        else:
            if row.get("iteration") == 1 and rows:
                yield _run(path, metadata, rows)
                rows = []
            rows.append(row)
    if not rows:
        raise TraceError(f"{path}: no iteration in it; a log of the reference system has one in each line")
    yield _run(path, metadata, rows)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with open(path, "rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                try:
                    row = json.loads(line) if line.strip() else {}
                except (ValueError, RecursionError) as error:
                    raise TraceError(f"{path}, line {number}: not JSON ({error})") from error
                if not isinstance(row, dict):
                    raise TraceError(f"{path}, line {number}: not a JSON object")
                if row:
                    yield number, row
    except OSError as error:
        raise TraceError(f"no log at {path}: {error.strerror}") from error


def _run(path: Path, metadata: dict[str, Any], rows: list[dict[str, Any]]) -> tuple[datetime, list[Event]]:
    try:
        began = _moment(rows[0].get("timestamp"), rows[0].get("iteration_time"))
        return began, _Import(metadata, rows, began).events
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise TraceError(f"{path}: not a log of the reference system ({type(error).__name__}: {error})") from error


class _Import:
    """One completion on its way into events."""

    def __init__(self, metadata: dict[str, Any], rows: list[dict[str, Any]], began: datetime) -> None:
        self.events: list[Event] = []
        self._spans = 0
        self._usage = dict.fromkeys(_SPENT, 0)
        self._cost: float | None = None
        self._began = began
        model = _model(metadata)
        question = _question(rows[0])
        self.events.append(
            RunBegin(
                run_id="",
                started=began.isoformat(timespec="milliseconds"),
                question=question,
                context="the input is not in a log of the reference system",
                model=model,
                sub_model=model,
                sandbox=_text(metadata.get("environment_type")),
                enforces=[],
                limits={"turns": metadata.get("max_iterations"), "depth": metadata.get("max_depth")},
                seed=0,
                versions={"trace": FORMAT_VERSION},
                setup={"imported": "reference"},
            )
        )
        answer, ended = self._node(rows, 0, 0, question, model, 0.0)
        status, reason = ("done", "") if answer is not None else ("failed", "its log has no final answer")
        self.events.append(
            RunEnd(
                t=ended,
                response=answer or "",
                status=status,  # type: ignore[arg-type]
                reason=reason,
                route="rlm",
                usage=dict(self._usage),
                cost=self._cost,
                seconds=ended,
            )
        )

    def _node(
        self, rows: list[dict[str, Any]], parent: int, depth: int, question: str, model: str, t: float
    ) -> tuple[str | None, float]:
        if depth > _DEEPEST:
            raise ValueError("calls are nested too deep")
        span = self._span()
        self.events.append(
            NodeBegin(t=t, span=span, parent=parent, depth=depth, question=question, context="", model=model)
        )
        answer: str | None = None
        sent = 0
        for number, row in enumerate(rows, 1):
            took = float(row.get("iteration_time") or 0.0)
            ended = max(
                t, (_moment(row.get("timestamp"), None) - self._began).total_seconds(), t + took if depth else t
            )
            sent = self._turn(row, span, number, depth, max(t, ended - took), ended, sent)
            answer = _answer(row.get("final_answer")) or answer
            t = ended
        status = "done" if answer is not None else "failed"
        self.events.append(
            NodeEnd(t=t, span=span, status=status, reason="", turns=len(rows), usage={}, cost=None)  # type: ignore[arg-type]
        )
        return answer, t

    def _turn(self, row: dict[str, Any], node: int, number: int, depth: int, t: float, ended: float, sent: int) -> int:
        """Adds a turn; how many messages its prompt has."""
        span = self._span()
        prompt = row.get("prompt")
        messages: list[JSON] = [
            {"role": _text(message.get("role")), "content": _text(message.get("content"))}
            for message in (prompt if isinstance(prompt, list) else [{"role": "user", "content": _text(prompt)}])
        ]
        self.events.append(TurnBegin(t=t, span=span, parent=node, turn=number))
        self.events.append(RequestSent(t=t, span=span, messages=messages[sent:], max_tokens=None))
        blocks = row.get("code_blocks") or []
        ran = sum(float(block["result"].get("execution_time") or 0.0) for block in blocks)
        text = _text(row.get("response"))
        seconds = max(0.0, ended - t - ran)
        self.events.append(
            ReplyReceived(
                t=t + seconds, span=span, text=text, finish="stop", usage={}, cost=None, retries=0, seconds=seconds
            )
        )
        if blocks:
            self._cell(blocks, span, depth, t + seconds, ended)
        if (answer := _answer(row.get("final_answer"))) is not None:
            self.events.append(AnswerSet(t=ended, span=span, value=answer, is_repr=False, ready=True))
        return len(messages)

    def _cell(self, blocks: list[dict[str, Any]], span: int, depth: int, t: float, ended: float) -> None:
        """Its blocks as one cell: a turn has one here."""
        code = "\n\n".join(_text(block["code"]) for block in blocks)
        results = [block["result"] for block in blocks]
        self.events.append(CellBegin(t=t, span=span, code=code))
        for call in (call for result in results for call in result.get("rlm_calls") or []):
            self._call(call, span, depth, t)
        output = "".join(_text(result.get("stdout")) for result in results)
        error = "".join(_text(result.get("stderr")) for result in results)
        self.events.append(
            CellEnd(
                t=ended,
                span=span,
                output=output,
                output_size=len(output),
                shown=output,
                error=error or None,
                interrupted=False,
                lost=None,
                seconds=max(0.0, ended - t),
            )
        )

    def _call(self, call: dict[str, Any], turn: int, depth: int, t: float) -> None:
        span = self._span()
        model, prompt = _text(call.get("root_model")), call.get("prompt")
        text = prompt if isinstance(prompt, str) else json.dumps(prompt)
        inner = (call.get("metadata") or {}).get("iterations") or []
        name = "rlm_query" if inner else "llm_query"
        self.events.append(CallBegin(t=t, span=span, parent=turn, name=name, prompt=text, model=model))
        if inner:
            self._node(inner, span, depth + 1, text, model, t)
        summaries = (call.get("usage_summary") or {}).get("model_usage_summaries") or {}
        usage: dict[str, JSON] = {
            name: sum(int(one.get(f"total_{name}") or 0) for one in summaries.values()) for name in _SPENT
        }
        costs = [float(one["total_cost"]) for one in summaries.values() if one.get("total_cost") is not None]
        for spent in _SPENT:
            self._usage[spent] += int(usage[spent])  # type: ignore[arg-type]
        seconds = float(call.get("execution_time") or 0.0)
        error = call.get("error")
        self.events.append(
            CallEnd(
                t=t + seconds,
                span=span,
                reply=None if error else _text(call.get("response")),
                error=_text(error) or None,
                finish=None,
                usage=usage,
                cost=sum(costs) if costs else None,
                retries=0,
                seconds=seconds,
            )
        )

    def _span(self) -> int:
        self._spans += 1
        return self._spans


def _moment(stamp: Any, before: Any) -> datetime:
    """A time stamp of the log, which is local; `before` seconds earlier."""
    moment = datetime.fromisoformat(_text(stamp)) if stamp else datetime.fromtimestamp(0, UTC)
    return datetime.fromtimestamp(moment.timestamp() - float(before or 0.0), UTC)


def _model(metadata: dict[str, Any]) -> str:
    return "/".join(filter(None, (_text(metadata.get("backend")), _text(metadata.get("root_model")))))


def _question(row: dict[str, Any]) -> str:
    """What was asked: its log has no field for that, so it is the last message that the first request ended with."""
    prompt = row.get("prompt")
    if isinstance(prompt, list):
        asked = [_text(message.get("content")) for message in prompt if message.get("role") == "user"]
        return asked[-1] if asked else ""
    return _text(prompt)


def _answer(value: Any) -> str | None:
    """A final answer, which older logs have as a pair of its variable and its text."""
    if isinstance(value, list):
        value = value[1] if len(value) > 1 else None
    return None if value is None else value if isinstance(value, str) else json.dumps(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
