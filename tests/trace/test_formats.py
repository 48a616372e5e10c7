"""Runs in other formats: their shapes, and that what the reference system's visualizer reads is there."""

import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rlm.trace.exports import json as as_json
from rlm.trace.exports import openai_messages, reference, reference_import
from rlm.trace.reader import TraceError
from rlm.trace.store import read
from rlm.trace.tree import RunTree

# What `visualizer/src/lib/types.ts` of the reference system declares, and its components read.
ITERATION = {"type", "iteration", "timestamp", "prompt", "response", "code_blocks", "final_answer", "iteration_time"}
RESULT = {"stdout", "stderr", "locals", "execution_time", "rlm_calls"}
CALL = {"prompt", "response", "prompt_tokens", "completion_tokens", "execution_time"}
METADATA = {
    "root_model",
    "max_depth",
    "max_iterations",
    "backend",
    "backend_kwargs",
    "environment_type",
    "environment_kwargs",
    "other_backends",
}


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in reference.export(RunTree(read(path)))]


def test_the_visualizer_finds_all_that_it_reads(every_kind: dict[str, Path]) -> None:
    for kind, path in every_kind.items():
        metadata, *iterations = rows_of(path)
        assert metadata["type"] == "metadata"
        assert metadata.keys() >= METADATA
        assert isinstance(metadata["max_iterations"], int)
        for number, row in enumerate(iterations, 1):
            assert row.keys() >= ITERATION, kind
            assert (row["type"], row["iteration"]) == ("iteration", number)
            assert datetime.fromisoformat(row["timestamp"])
            assert isinstance(row["iteration_time"], float)
            assert row["iteration_time"] >= 0
            assert all(set(message) == {"role", "content"} for message in row["prompt"])
            assert row["final_answer"] is None or isinstance(row["final_answer"], str)
            for block in row["code_blocks"]:
                assert isinstance(block["code"], str)
                assert block["result"].keys() >= RESULT
                assert isinstance(block["result"]["execution_time"], float)
                for call in block["result"]["rlm_calls"]:
                    assert call.keys() >= CALL
                    assert isinstance(call["execution_time"], float)
                    assert isinstance(call["prompt_tokens"], int)


def test_a_run_as_the_reference_system_logs_it(every_kind: dict[str, Path]) -> None:
    metadata, *iterations = rows_of(every_kind["work"])
    assert (metadata["root_model"], metadata["backend"], metadata["max_depth"]) == ("root", "test", 2)
    assert metadata["other_backends"] == ["test"]
    assert [len(row["code_blocks"]) for row in iterations] == [1, 0, 1, 1, 1]
    assert iterations[1]["response"] == "no cell here"
    first, *_ = iterations[0]["code_blocks"]
    assert first["result"]["stdout"] == "x" * 30_000 + "\n"
    assert "ZeroDivisionError" in iterations[2]["code_blocks"][0]["result"]["stderr"]
    (child,) = iterations[3]["code_blocks"][0]["result"]["rlm_calls"]
    assert child["response"] == "of the child"
    assert child["metadata"]["run_metadata"]["root_model"] == "sub"
    (inner,) = child["metadata"]["iterations"]
    assert inner["final_answer"] == "of the child"
    assert json.loads(iterations[4]["final_answer"])["d"] == 8
    lengths = [len(row["prompt"]) for row in iterations]
    assert lengths == sorted(lengths)
    for earlier, later in itertools.pairwise(iterations):
        assert later["prompt"][: len(earlier["prompt"])] == earlier["prompt"]


def test_what_was_exported_can_be_imported(tmp_path: Path, every_kind: dict[str, Path]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(reference.export(RunTree(read(every_kind["work"])))))
    ((began, events),) = reference_import.runs(path)
    theirs, ours = RunTree(events), RunTree(read(every_kind["work"]))
    assert theirs.root is not None
    assert ours.root is not None
    assert ours.begin is not None
    assert abs(began.timestamp() - datetime.fromisoformat(ours.begin.started).timestamp()) < 1
    assert theirs.begin is not None
    assert (theirs.begin.model, theirs.begin.limits) == ("test/root", {"turns": 30, "depth": 2})
    for turn, mine in zip(theirs.root.turns, ours.root.turns, strict=True):
        assert turn.replies[0].text == mine.replies[0].text
        assert (turn.cell and turn.cell.code) == (mine.cell and mine.cell.code)
        assert (turn.cell_end and turn.cell_end.output) == (mine.cell_end and mine.cell_end.output)
        assert [call.begin.prompt for call in turn.calls] == [call.begin.prompt for call in mine.calls]
        assert [call.end and call.end.reply for call in turn.calls] == [
            call.end and call.end.reply for call in mine.calls
        ]
    (child,) = theirs.root.turns[3].calls
    assert child.child is not None
    assert child.child.begin.depth == 1
    assert theirs.end is not None
    assert ours.end is not None
    assert (theirs.end.status, theirs.end.response) == ("done", ours.end.response)
    times = [event.t for event in events if event.type in ("turn_begin", "cell_end", "run_end")]
    assert min(times) >= 0


def test_a_log_of_several_completions_and_of_the_older_kind(tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "type": "iteration",
        "iteration": 1,
        "timestamp": "2026-01-02T03:04:05.678",
        "prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q?"}],
        "response": "R",
        "code_blocks": [
            {"code": "a", "result": {"stdout": "1\n", "stderr": "", "locals": {"x": 1}, "execution_time": 0.5}},
            {"code": "b", "result": {"stdout": "2\n", "stderr": "E", "locals": {}, "execution_time": None}},
        ],
        "final_answer": ["answer", "forty-two"],
        "iteration_time": 2.0,
    }
    second = row | {"code_blocks": [], "final_answer": None, "iteration_time": None, "prompt": "Q2?"}
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in (row, second, second | {"iteration": 2})) + "\n\n")
    runs = [RunTree(events) for _, events in reference_import.runs(path)]
    assert [run.root and len(run.root.turns) for run in runs] == [1, 2]
    first, other = runs
    assert first.begin is not None
    assert first.begin.question == "Q?"
    assert first.root is not None
    (turn,) = first.root.turns
    assert turn.cell is not None
    assert turn.cell_end is not None
    assert (turn.cell.code, turn.cell_end.output, turn.cell_end.error) == ("a\n\nb", "1\n2\n", "E")
    assert first.answer is not None
    assert first.answer.value == "forty-two"
    assert other.end is not None
    assert (other.end.status, other.end.reason) == ("failed", "its log has no final answer")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no iteration in it"),
        ("{", "line 1: not JSON"),
        ("[]", "line 1: not a JSON object"),
        ("[" * 100_000, "line 1: not JSON"),
        ('{"type": "turn_begin"}', "line 1: not a log of the reference system"),
        ('{"type": "iteration", "iteration": 1, "timestamp": "noon"}', "not a log of the reference system"),
        ('{"type": "iteration", "code_blocks": [1]}', "not a log of the reference system"),
        ('{"type": "iteration", "prompt": [3]}', "not a log of the reference system"),
    ],
)
def test_what_is_no_log(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(text)
    with pytest.raises(TraceError, match=why):
        list(reference_import.runs(path))


def test_conversations_as_chat_messages(every_kind: dict[str, Path]) -> None:
    lines = [json.loads(line) for line in openai_messages.export(RunTree(read(every_kind["work"])))]
    root, child = (line["messages"] for line in lines)
    assert [message["role"] for message in root] == ["system", *["user", "assistant"] * 5]
    assert "no cell here" in root[4]["content"]
    assert root[-1]["content"].endswith("FINAL({'a': a, 'c': c, 'd': d})\n```")
    assert [message["role"] for message in child] == ["system", "user", "assistant"]
    direct = [json.loads(line) for line in openai_messages.export(RunTree(read(every_kind["direct"])))]
    assert direct[0]["messages"][-1] == {"role": "assistant", "content": "an answer"}
    (refused,) = openai_messages.export(RunTree(read(every_kind["refused"])))
    assert json.loads(refused)["messages"][-1]["role"] == "user"


def test_a_run_as_one_object(every_kind: dict[str, Path]) -> None:
    for path in every_kind.values():
        run = RunTree(read(path))
        value = json.loads("".join(as_json.export(run)))
        assert run.begin is not None
        assert (value["format"], value["ends"], value["begin"]["run_id"]) == (2, "", run.begin.run_id)
        assert run.root is not None
        assert len(value["root"]["turns"]) == len(run.root.turns)
    value = json.loads("".join(as_json.export(RunTree(read(every_kind["work"])), "cut")))
    assert value["ends"] == "cut"
    assert value["root"]["turns"][3]["calls"][0]["child"]["turns"][0]["answer"]["value"] == "of the child"
    assert value["root"]["turns"][3]["tools"][0]["end"]["value"] == 8
