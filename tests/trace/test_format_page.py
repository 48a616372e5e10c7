"""docs/trace-format.md lists the events and their fields as they are."""

import re
from pathlib import Path

from rlm.trace.events import EVENT_TYPES
from rlm.trace.fields import fields_of
from rlm.trace.reader import FORMAT_VERSION
from rlm.trace.runs import Retention

PAGE = (Path(__file__).parents[2] / "docs" / "trace-format.md").read_text()


def test_every_event_is_described_with_its_fields() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (.*) \|$", PAGE, re.MULTILINE)
    assert [name for name, _ in rows if name in EVENT_TYPES] == list(EVENT_TYPES)
    for name, told in rows:
        if name in EVENT_TYPES:
            found = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", told))
            assert found == [field.name for field in fields_of(EVENT_TYPES[name])[2:]], name


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"**version {FORMAT_VERSION}**" in PAGE
    assert f"kept for {Retention().days:g} days and up to {Retention().gb:g} GB" in PAGE
