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

from rlm.trace.events import Event, NodeEnd, TurnBegin
from rlm.trace.exports import reference
from rlm.trace.tree import RunTree
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
        self._run = RunTree()
        self._seen = 0  # turns of the root whose row is written, or that have none

    def log_metadata(self, metadata: Mapping[str, JSON]) -> None:
        """What runs, and on what: the log's first row. A second call changes nothing."""
        if self._metadata is None:
            self._metadata = dict(metadata)
            self._write({"type": "metadata", "timestamp": datetime.now().isoformat(), **self._metadata})

    def clear_iterations(self) -> None:
        """A completion starts: what the last one left is dropped here, and stays in the file."""
        self._iterations, self._conversation = [], []
        self._run, self._seen = RunTree(), 0

    def take(self, event: Event) -> None:
        """One event of the run."""
        root = self._run.root.begin.span if self._run.root is not None else None
        if isinstance(event, TurnBegin) and event.parent == root:
            self.end()
        self._run.add(event)
        if isinstance(event, NodeEnd) and event.span == root:
            self.end()

    def end(self) -> None:
        """An iteration has ended, if one was under way: its row is written. One without a reply is none."""
        turns = self._run.root.turns if self._run.root is not None else []
        for turn in turns[self._seen :]:
            for request in turn.requests:
                self._conversation += request.messages
            if turn.replies and self._run.begin is not None:
                number, now = len(self._iterations) + 1, self._run.now
                row = reference.iteration(turn, number, self._conversation, now, self._run.begin)
                self._iterations.append(row)
                self._write(row)
        self._seen = len(turns)

    def get_trajectory(self) -> dict[str, JSON] | None:
        """`run_metadata` and `iterations` of the last completion; None where no `RLM` was given this logger."""
        if self._metadata is None:
            return None
        return {"run_metadata": self._metadata, "iterations": list(self._iterations)}

    @property
    def iteration_count(self) -> int:
        """Iterations of the last completion."""
        return len(self._iterations)

    def _write(self, row: Mapping[str, JSON]) -> None:
        if self.log_file_path is not None:
            with open(self.log_file_path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
