import os
import stat
from pathlib import Path

import numpy as np
import pytest

from rlm.trace.events import AnswerSet, CellBegin, CellEnd, Event, NodeBegin, NodeEnd, TurnBegin
from rlm.trace.store import Trace, TraceError, read
from rlm.types import JSON, Usage


def cell(code: str, span: int = 1) -> CellBegin:
    return CellBegin(t=0.5, span=span, code=code)


def written(folder: Path, *events: Event) -> Path:
    trace = Trace("r", folder / "r")
    for event in events:
        trace.emit(event)
    trace.close()
    return folder / "r"


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    events: list[Event] = [
        NodeBegin(t=0.0, span=1, parent=0, depth=0, question="q" * 500, context="str", model="m"),
        cell("print('é' * 3)" * 40),
        CellEnd(
            t=1.0,
            span=1,
            output="o" * 1000,
            output_size=5,
            shown="o",
            error=None,
            interrupted=False,
            lost=None,
            seconds=0.1,
        ),
    ]
    assert list(read(written(tmp_path, *events))) == events


def test_a_long_string_is_stored_once(tmp_path: Path) -> None:
    path = written(tmp_path, *(cell("x" * 10_000) for _ in range(50)))
    assert (path / "strings.pack").stat().st_size == 10_000
    assert (path / "events.jsonl").stat().st_size < 50 * 120
    assert [event.code for event in read(path) if isinstance(event, CellBegin)] == ["x" * 10_000] * 50


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    path = written(tmp_path, cell("x"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    Trace("s", tmp_path / "runs" / "s").close()
    assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "value", [{"$s": [0, 1, "ab"]}, {"$s": 1, "$$t": {"$s": "x" * 300}}, ["\ud800" * 300], None, 1.5]
)
def test_values_that_look_like_references_and_lone_surrogates_survive(tmp_path: Path, value: JSON) -> None:
    event = AnswerSet(span=1, value=value, is_repr=False, ready=True)
    assert list(read(written(tmp_path, event))) == [event]


def test_after_a_kill_at_any_byte_the_whole_lines_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, cell("a" * 300), cell("b"), cell("c" * 300))
    log = (path / "events.jsonl").read_bytes()
    for size in range(len(log) + 1):
        (path / "events.jsonl").write_bytes(log[:size])
        codes = [event.code[0] for event in read(path) if isinstance(event, CellBegin)]
        assert codes == ["a", "b", "c"][: log[:size].count(b"\n")]


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, cell("a"))
    with open(path / "events.jsonl", "ab") as log:
        log.write(b'{"type": "no_such"}\n')
    with pytest.raises(TraceError, match=r"events.jsonl, line 2: 'no_such'"):
        list(read(path))


def test_a_changed_pack_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, cell("a" * 300))
    (path / "strings.pack").write_bytes(b"b" * 300)
    with pytest.raises(TraceError, match=r"strings.pack does not hold the string at 0"):
        list(read(path))


def test_no_trace_there(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"no trace at .*No such file"):
        list(read(tmp_path / "none"))


def test_without_a_path_only_listeners_are_told() -> None:
    trace = Trace("r", None)
    seen: list[Event] = []
    trace.subscribe(seen.append)
    trace.emit(cell("x" * 1000))
    trace.close()
    assert seen == [cell("x" * 1000)]


def test_closing_leaves_no_descriptor(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    written(tmp_path, cell("x"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_run_that_never_began_leaves_no_folder(tmp_path: Path) -> None:
    Trace("r", tmp_path / "runs" / "r").close()
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_disk_that_is_full_ends_the_trace_and_not_the_run(tmp_path: Path) -> None:
    trace = Trace("r", tmp_path / "r")
    trace.emit(cell("a"))
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, trace._log_fd)
    os.close(full)
    seen: list[Event] = []
    trace.subscribe(seen.append)
    trace.emit(cell("b"))
    trace.emit(cell("c"))
    assert trace.failure == f"the trace at {tmp_path / 'r'} is incomplete: No space left on device"
    assert [event.code for event in read(tmp_path / "r") if isinstance(event, CellBegin)] == ["a"]
    assert len(seen) == 2


@pytest.mark.parametrize("cost", [float("nan"), float("inf")])
def test_a_number_that_json_has_not_is_unknown(tmp_path: Path, cost: float) -> None:
    end = NodeEnd(span=1, status="done", reason="", turns=1, usage={}, cost=cost)
    (found,) = read(written(tmp_path, end))
    assert isinstance(found, NodeEnd)
    assert found.cost is None


@pytest.mark.parametrize(("cost", "read_as"), [(np.float64(0.5), 0.5), (np.int64(2), 2), (np.float32("nan"), None)])
def test_numbers_of_other_classes_are_numbers(tmp_path: Path, cost: float, read_as: float | None) -> None:
    (found,) = read(written(tmp_path, NodeEnd(span=1, status="done", reason="", turns=1, usage={}, cost=cost)))
    assert isinstance(found, NodeEnd)
    assert found.cost == read_as


def test_what_has_its_default_or_is_0_is_not_written(tmp_path: Path) -> None:
    usage: dict[str, JSON] = {**dict.fromkeys(Usage.__slots__, 0), "calls": 2}
    end = NodeEnd(t=1.0, span=1, status="done", reason="", turns=1, usage=usage, cost=0.0)
    cells = [CellBegin(code=""), TurnBegin(span=1, parent=0, turn=1)]
    path = written(tmp_path, *cells, end)
    lines = (path / "events.jsonl").read_text().splitlines()
    assert lines[1:] == [
        '{"type":"turn_begin","t":0.0,"span":1,"parent":0,"turn":1}',
        '{"type":"node_end","t":1.0,"span":1,"status":"done","reason":"","turns":1,"usage":{"calls":2},"cost":0.0}',
    ]
    assert list(read(path)) == [*cells, end]
