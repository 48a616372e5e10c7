"""Reading a trace: cut at any byte, damaged, hostile, of another format, still being written."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest

from rlm.trace import single_file
from rlm.trace.events import CellBegin, Event, RunBegin, RunEnd
from rlm.trace.reader import Reader, TraceError
from rlm.trace.store import Trace, read


def cell(code: str) -> CellBegin:
    return CellBegin(t=0.5, span=1, code=code)


def written(folder: Path, *events: Event) -> Path:
    trace = Trace("r", folder / "r")
    for event in events:
        trace.emit(event)
    trace.close()
    return folder / "r"


def cut(path: Path, to: Path, log: int, pack: int) -> Path:
    """A copy of a run whose files end at those bytes."""
    to.mkdir(exist_ok=True)
    for name, size in (("events.jsonl", log), ("strings.pack", pack)):
        there = to / name
        if there.exists() and there.stat().st_size >= size:  # three times as fast as to write it anew
            os.truncate(there, size)
        else:
            there.write_bytes((path / name).read_bytes()[:size])
    return to


def check_cut(path: Path, to: Path, log: int, pack: int, whole: list[Event], ends: list[int], needs: list[int]) -> None:
    """What is read of a cut run is the longest beginning that both files hold, and the reason is right."""
    reader = Reader(cut(path, to, log, pack))
    found = list(reader)
    in_log = sum(end <= log for end in ends)
    in_pack = next((n for n, need in enumerate(needs) if need > pack), len(needs))
    assert found == whole[: min(in_log, in_pack)]
    assert reader.ends_at == ([0, *ends][len(found)])
    if in_pack < in_log:
        assert reader.reason == f"strings.pack ends before a string of events.jsonl, line {in_pack + 1}"
    elif log not in (0, *ends):
        assert reader.reason == f"events.jsonl ends within line {in_log + 1}"
    elif found != whole:
        assert reader.reason == f"no run_end: the run goes on, or was killed, after byte {log:,}"
    else:
        assert reader.reason == ("" if isinstance(whole[-1], RunEnd) else reader.reason)


def needed(path: Path) -> tuple[list[int], list[int]]:
    """For each line of a log, where it ends, and how much of the pack it needs."""
    ends, needs, at = [], [], 0
    for line in (path / "events.jsonl").read_bytes().splitlines(keepends=True):
        at += len(line)
        ends.append(at)
        needs.append(max((place[0] + place[1] for place in places(json.loads(line))), default=0))
    return ends, needs


def places(value: object) -> list[list[int]]:
    if isinstance(value, dict):
        return [value["$s"]] if set(value) == {"$s"} else [p for item in value.values() for p in places(item)]
    return [p for item in value for p in places(item)] if isinstance(value, list) else []


def test_a_small_trace_cut_at_every_byte_of_both_files(tmp_path: Path) -> None:
    path = written(tmp_path, cell("a" * 210), cell("b"), cell("é" * 120), cell("c"))
    whole = list(read(path))
    ends, needs = needed(path)
    sizes = [(path / name).stat().st_size for name in ("events.jsonl", "strings.pack")]
    for log in range(sizes[0], -1, -1):
        check_cut(path, tmp_path / "cut", log, sizes[1], whole, ends, needs)
    for pack in range(sizes[1], -1, -1):
        check_cut(path, tmp_path / "cut", sizes[0], pack, whole, ends, needs)
    for log in range(0, sizes[0] + 1, 13):
        for pack in range(sizes[1], -1, -41):
            check_cut(path, tmp_path / "cut", log, pack, whole, ends, needs)


def test_a_large_trace_cut_at_random_bytes(tmp_path: Path, every_kind: dict[str, Path]) -> None:
    path = every_kind["work"]
    whole = list(read(path))
    assert isinstance(whole[-1], RunEnd)
    ends, needs = needed(path)
    drawn = random.Random(1)
    sizes = [(path / name).stat().st_size for name in ("events.jsonl", "strings.pack")]
    for _ in range(100):
        check_cut(path, tmp_path / "cut", drawn.randint(0, sizes[0]), sizes[1], whole, ends, needs)
        check_cut(path, tmp_path / "cut", sizes[0], drawn.randint(0, sizes[1]), whole, ends, needs)
        log, pack = (drawn.randint(0, size) for size in sizes)
        check_cut(path, tmp_path / "cut", log, pack, whole, ends, needs)


def test_a_whole_run_has_no_reason_to_end(every_kind: dict[str, Path]) -> None:
    for path in every_kind.values():
        reader = Reader(path)
        assert isinstance(list(reader)[-1], RunEnd)
        assert (reader.reason, reader.ends_at) == ("", (path / "events.jsonl").stat().st_size)


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    trace = Trace("r", tmp_path / "r")
    trace.emit(cell("a"))
    reader = Reader(tmp_path / "r")
    assert list(reader) == [cell("a")]
    assert list(reader) == []
    trace.emit(cell("b" * 300))
    assert list(reader) == [cell("b" * 300)]
    assert list(Reader(tmp_path / "r", at=reader.ends_at)) == []
    trace.close()


def test_long_strings_can_be_cut(tmp_path: Path) -> None:
    path = written(tmp_path, cell("é" * 300))
    assert list(Reader(path, longest=21)) == [cell("é" * 10)]
    assert list(Reader(path, longest=600)) == [cell("é" * 300)]


def test_a_trace_of_another_format_is_refused(tmp_path: Path, every_kind: dict[str, Path]) -> None:
    path = tmp_path / "old"
    shutil.copytree(every_kind["direct"], path)
    log = path / "events.jsonl"
    log.write_text(log.read_text().replace('"trace":2', '"trace":1'))
    with pytest.raises(TraceError) as caught:
        list(read(path))
    assert str(caught.value) == f"{path}: a trace of format 1, and this version of rlm reads format 2"
    saved = tmp_path / "saved"
    single_file.write(read(every_kind["direct"]), saved)
    saved.write_text(saved.read_text().replace('"trace": 2', '"trace": 1'))
    with pytest.raises(TraceError, match="a trace of format 1"):
        list(single_file.read(saved))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"type":"cell_begin","t":0,"span":1,"code":{"$s":[0,-1,"x"]}}', r"no place in strings.pack is \[0, -1\]"),
        ('{"type":"cell_begin","t":0,"span":1,"code":{"$s":[0]}}', "not enough values"),
        ('{"type":"cell_begin","t":0,"span":1,"code":{"$s":["0",1,"x"]}}', r"no place in strings.pack is \[0, 1\]"),
        ('{"type":"cell_begin","t":0,"span":1,"code":{"$s":[1e400,1,"x"]}}', "no place in strings.pack"),
        ('{"type":"cell_begin","t":0,"span":1,"code":{"$s":[' + "9" * 40 + ',1,"x"]}}', "no place in strings.pack"),
        ('{"type":"cell_begin","t":0,"span":1,"code":{"$s":[0,1,"x"]}}', "does not hold the string at 0"),
        ('{"type":"cell_begin","t":0,"span":1,"code":7}', "code of cell_begin can't be '7'"),
        ('{"type":"cell_begin","t":1e400,"span":1,"code":""}', "t of cell_begin can't be 'inf'"),
        ('{"type":"cell_begin","t":-' + "9" * 30 + ',"span":1,"code":""}', "t of cell_begin can't be '-999"),
        ('{"type":"cell_begin","t":NaN,"span":1,"code":""}', "t of cell_begin can't be 'nan'"),
        ('{"type":"cell_begin","t":1e10,"span":1,"code":""}', "t of cell_begin can't be '10000000000.0'"),
        ('{"type":"node_end","t":0,"span":1,"usage":[]}', "unsupported operand"),
        ('{"type":"cell_begin","t":"0","span":1,"code":""}', "t of cell_begin can't be '0'"),
        ('{"type":"cell_begin","t":0,"span":true,"code":""}', "span of cell_begin can't be 'True'"),
        ('{"type":"cell_begin","t":0,"span":1,"code":"","more":1}', "unexpected keyword argument 'more'"),
        ('{"type":["cell_begin"]}', "unhashable"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "recursion"),
        ('{"type":"cell_begin","t":0,"span":1,"code":"\ud800"}'.encode("utf-16-le", "surrogatepass").hex(), "."),
    ],
)
def test_a_hostile_line_is_an_error_that_names_it(tmp_path: Path, line: str, why: str) -> None:
    path = written(tmp_path, cell("a" * 300))
    with open(path / "events.jsonl", "a") as log:
        log.write(line + "\n")
    with pytest.raises(TraceError, match=rf"events.jsonl, line 2: .*{why}"):
        list(read(path))


def test_a_status_that_is_none_is_refused(tmp_path: Path, every_kind: dict[str, Path]) -> None:
    path = tmp_path / "r"
    shutil.copytree(every_kind["direct"], path)
    log = path / "events.jsonl"
    log.write_text(log.read_text().replace('"status":"done"', '"status":"<b>"'))
    with pytest.raises(TraceError, match="status of node_end can't be '<b>'"):
        list(read(path))


def test_what_is_saved_to_one_file_is_read_back(tmp_path: Path, every_kind: dict[str, Path]) -> None:
    for kind, path in every_kind.items():
        single_file.write(read(path), tmp_path / kind)
        events = list(single_file.read(tmp_path / kind))
        assert events == list(read(path))
        assert isinstance(events[0], RunBegin)
