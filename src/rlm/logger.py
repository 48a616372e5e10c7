"""`RLMLogger`, with the reference system's name, import path and file format; part of `rlm.reference`.

Our own record of a run is its trace (`rlm.trace`). This one gives a run's root turns as the reference system's
logs have them: one row of metadata, then a row an iteration as it ends. The variables of a cell (`locals`) stay in
its sandbox.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

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
    TurnBegin,
)
from rlm.types import JSON


class RLMLogger:
    """Keeps the last completion's trajectory, and appends it to a JSON-lines file.

    Args:
        log_dir: The folder for the file; None keeps it in memory alone.
        file_name: What the file's name begins with.
    """

    def __init__(self, log_dir: str | None = None, file_name: str = "rlm") -> None:
        self.log_dir = log_dir
        self.log_file_path: str | None = None
        if log_dir is not None:
            Path(log_dir).mkdir(parents=True, exist_ok=True)
            stamp = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(4)}"
            self.log_file_path = str(Path(log_dir) / f"{file_name}_{stamp}.jsonl")
        self._metadata: dict[str, JSON] | None = None
        self._iterations: list[JSON] = []
        self._conversation: list[JSON] = []
        self._calls: dict[int, dict[str, JSON]] = {}
        self._turn: dict[str, JSON] | None = None
        self._result: dict[str, JSON] = {}
        self._root = self._turn_span = 0
        self._last = self._turn_began = 0.0

    def log_metadata(self, metadata: Mapping[str, JSON]) -> None:
        """What runs, and on what: the log's first row. A second call changes nothing."""
        if self._metadata is None:
            self._metadata = dict(metadata)
            self._write({"type": "metadata", "timestamp": datetime.now().isoformat(), **self._metadata})

    def clear_iterations(self) -> None:
        """A completion starts: what the last one left is dropped here, and stays in the file."""
        self._iterations, self._conversation = [], []
        self._calls, self._turn, self._root, self._turn_span = {}, None, 0, 0

    def take(self, event: Event) -> None:
        """One event of the run."""
        self._last = event.t
        if isinstance(event, NodeBegin) and event.depth == 0:
            self._root = event.span
        elif isinstance(event, TurnBegin) and event.parent == self._root:
            self.end()
            self._turn, self._turn_span, self._turn_began = {}, event.span, event.t
        elif isinstance(event, CallBegin) and event.parent == self._turn_span:
            self._calls[event.span] = {
                "root_model": event.model.partition("/")[2] or event.model,
                "prompt": event.prompt,
            }
        elif isinstance(event, CallEnd):
            self._end_call(event)
        elif isinstance(event, NodeEnd) and event.span == self._root:
            self.end()
        elif event.span == self._turn_span and self._turn is not None:
            self._take_in_turn(self._turn, event)

    def end(self) -> None:
        """An iteration has ended, if one was under way: its row is written. One without a reply is none."""
        turn, self._turn = self._turn, None
        if turn is None or "response" not in turn:
            return
        row: dict[str, JSON] = {
            "type": "iteration",
            "iteration": len(self._iterations) + 1,
            "timestamp": datetime.now().isoformat(),
            "prompt": list(self._conversation),
            "response": turn["response"],
            "code_blocks": turn.get("code_blocks", []),
            "final_answer": turn.get("final_answer"),
            "iteration_time": round(self._last - self._turn_began, 6),
        }
        self._iterations.append(row)
        self._write(row)

    def get_trajectory(self) -> dict[str, JSON] | None:
        """`run_metadata` and `iterations` of the last completion; None where no `RLM` was given this logger."""
        if self._metadata is None:
            return None
        return {"run_metadata": self._metadata, "iterations": list(self._iterations)}

    @property
    def iteration_count(self) -> int:
        """Iterations of the last completion."""
        return len(self._iterations)

    def _take_in_turn(self, turn: dict[str, JSON], event: Event) -> None:
        if isinstance(event, RequestSent):
            self._conversation += event.messages
        elif isinstance(event, ReplyReceived):
            turn["response"] = event.text
        elif isinstance(event, CellBegin):
            result: dict[str, JSON] = {"stdout": "", "stderr": "", "locals": {}, "execution_time": None}
            result |= {"rlm_calls": [], "final_answer": None}
            turn["code_blocks"] = [{"code": event.code, "result": result}]
            self._result = result
        elif isinstance(event, CellEnd):
            self._result |= {"stdout": event.output, "stderr": event.error or "", "execution_time": event.seconds}
        elif isinstance(event, AnswerSet) and event.ready:
            text = event.value if isinstance(event.value, str) else json.dumps(event.value, ensure_ascii=False)
            turn["final_answer"] = self._result["final_answer"] = text

    def _end_call(self, event: CallEnd) -> None:
        call = self._calls.pop(event.span, None)
        calls = self._result.get("rlm_calls")
        if call is None or not isinstance(calls, list):
            return
        spent: dict[str, JSON] = {
            "total_calls": event.usage["calls"],
            "total_input_tokens": event.usage["input_tokens"],
            "total_output_tokens": event.usage["output_tokens"],
        }
        if event.cost is not None:
            spent["total_cost"] = event.cost
        call |= {"response": event.reply or "", "execution_time": event.seconds}
        call["usage_summary"] = {"model_usage_summaries": {str(call["root_model"]): spent}}
        if event.error is not None:
            call["error"] = event.error
        calls.append(call)

    def _write(self, row: Mapping[str, JSON]) -> None:
        if self.log_file_path is not None:
            with open(self.log_file_path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
