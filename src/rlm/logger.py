"""`RLMLogger`, with the reference system's name, import path and file format; part of `rlm.reference`.

Our own record of a run is its trace (`rlm.trace`). This one gives a run's root turns as the reference system's
logs have them: one row of metadata, then a row an iteration.
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
        self._root_turns: dict[int, dict[str, JSON]] = {}
        self._calls: dict[int, dict[str, JSON]] = {}
        self._conversation: list[JSON] = []
        self._root = 0

    def begin(self, metadata: Mapping[str, JSON]) -> None:
        """A completion starts; what the last one left is dropped."""
        self._metadata = dict(metadata)
        self._iterations, self._conversation = [], []
        self._root_turns, self._calls, self._root = {}, {}, 0
        self._write({"type": "metadata", **self._metadata})

    def take(self, event: Event) -> None:
        """One event of the run."""
        if isinstance(event, NodeBegin) and event.depth == 0:
            self._root = event.span
        elif isinstance(event, TurnBegin) and event.parent == self._root:
            self._root_turns[event.span] = {"prompt": "", "response": "", "code_blocks": [], "final_answer": None}
        elif isinstance(event, CallBegin):
            self._calls[event.span] = {"root_model": event.model, "prompt": event.prompt, "_turn": event.parent}
        elif isinstance(event, CallEnd):
            self._end_call(event)
        elif (turn := self._root_turns.get(event.span)) is not None:
            self._take_in_turn(turn, event)

    def end(self) -> None:
        """The completion has ended."""
        for turn in self._root_turns.values():
            row: dict[str, JSON] = {"type": "iteration", "iteration": len(self._iterations) + 1, **turn}
            row["timestamp"] = datetime.now().isoformat()
            self._iterations.append(row)
            self._write(row)

    def get_trajectory(self) -> dict[str, JSON] | None:
        """`run_metadata` and `iterations` of the last completion, or None before the first."""
        if self._metadata is None:
            return None
        return {"run_metadata": self._metadata, "iterations": list(self._iterations)}

    @property
    def iteration_count(self) -> int:
        """Iterations of the last completion."""
        return len(self._iterations)

    def _take_in_turn(self, turn: dict[str, JSON], event: Event) -> None:
        blocks = turn["code_blocks"]
        assert isinstance(blocks, list)
        if isinstance(event, RequestSent):
            self._conversation += event.messages
            turn["prompt"] = list(self._conversation)
        elif isinstance(event, ReplyReceived):
            turn["response"] = event.text
            turn["iteration_time"] = event.seconds
        elif isinstance(event, CellBegin):
            blocks.append({"code": event.code, "result": {"rlm_calls": []}})
        elif isinstance(event, CellEnd):
            result = _result(blocks)
            result |= {"stdout": event.output, "stderr": event.error or "", "locals": {}, "final_answer": None}
            result["execution_time"] = event.seconds
        elif isinstance(event, AnswerSet) and event.ready:
            turn["final_answer"] = event.value
            _result(blocks)["final_answer"] = event.value

    def _end_call(self, event: CallEnd) -> None:
        call = self._calls.pop(event.span, None)
        turn = self._root_turns.get(call.pop("_turn")) if call else None  # type: ignore[arg-type]
        if call is None or turn is None or not turn["code_blocks"]:
            return
        model = str(call["root_model"])
        spent: dict[str, JSON] = {
            "total_calls": event.usage["calls"],
            "total_input_tokens": event.usage["input_tokens"],
            "total_output_tokens": event.usage["output_tokens"],
            "total_cost": event.cost,
        }
        call |= {"response": event.reply or "", "execution_time": event.seconds, "error": event.error}
        call["usage_summary"] = {"model_usage_summaries": {model: spent}}
        calls = _result(turn["code_blocks"])["rlm_calls"]
        assert isinstance(calls, list)
        calls.append(call)

    def _write(self, row: Mapping[str, JSON]) -> None:
        if self.log_file_path is not None:
            with open(self.log_file_path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


def _result(blocks: JSON) -> dict[str, JSON]:
    """The result of the last code block."""
    assert isinstance(blocks, list)
    block = blocks[-1]
    assert isinstance(block, dict)
    result = block["result"]
    assert isinstance(result, dict)
    return result
