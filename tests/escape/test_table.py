from __future__ import annotations

from collections import Counter

from escape.table import PAGE, place
from rlm.sandbox.trials.contract import cases
from rlm.sandbox.trials.registry import attempts


def test_the_committed_table_is_what_is_tried() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert place(page) == page, "stale: PYTHONPATH=tests python -m escape.table"


def test_every_attempt_is_described_once() -> None:
    assert [name for name, times in Counter(attempt.name for attempt in attempts()).items() if times > 1] == []
    assert [attempt.name for attempt in attempts() if not attempt.what] == []


def test_the_pages_count_right() -> None:
    page = (PAGE.parent / "sandboxes.md").read_text(encoding="utf-8")
    assert f"{len(attempts())} ways to get out" in page
    assert f"{len(cases())} cases of what has to work" in page
    assert f"{len(attempts())} of them, in seven families" in PAGE.read_text(encoding="utf-8")
