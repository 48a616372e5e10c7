"""The schema that is shipped is the classes' own, and every line of every kind of run fits it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rlm.trace import schema, single_file
from rlm.trace.events import EVENT_TYPES
from rlm.trace.store import read

VALIDATOR = jsonschema.Draft202012Validator(schema.schema())


def lines(path: Path) -> Iterator[Any]:
    for line in path.read_text().splitlines():
        yield json.loads(line)


def test_the_file_is_what_the_classes_give() -> None:
    assert schema.FILE.read_text() == schema.text(), "python -m rlm.trace.schema > src/rlm/trace/format-2.schema.json"
    jsonschema.Draft202012Validator.check_schema(schema.schema())


def test_every_line_of_every_kind_of_run_fits(every_kind: dict[str, Path], tmp_path: Path) -> None:
    seen = set()
    for kind, path in every_kind.items():
        single_file.write(read(path), tmp_path / kind)
        for file in (path / "events.jsonl", tmp_path / kind):
            for row in lines(file):
                VALIDATOR.validate(row)
                seen.add(row["type"])
    assert EVENT_TYPES.keys() - seen == {"record_left"}


def test_the_event_that_only_a_resumed_run_has_fits() -> None:
    VALIDATOR.validate({"type": "record_left", "t": 1.0, "span": 2, "difference": None, "seconds": 0.5})


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"span": "1"},
        {"status": "well"},
        {"usage": {"tokens": 1}},
        {"response": {"$s": [0, 1]}},
        {"response": {"$s": [0, 1, "not a digest"]}},
        {"cost": "0"},
        {"type": "no_such"},
    ],
)
def test_what_is_no_event_does_not_fit(every_kind: dict[str, Path], change: dict[str, Any]) -> None:
    *_, end = lines(every_kind["direct"] / "events.jsonl")
    VALIDATOR.validate(end)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(end | change)
