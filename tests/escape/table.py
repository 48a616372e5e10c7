"""Writes the table of attempts into docs/security.md: `PYTHONPATH=tests python -m escape.table`.

It is made of what each attempt declares, and the tests of this folder fail where that is not what happens.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from rlm.sandbox.trials.registry import Attempt, Shown, attempts

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- attempts: begin -->\n", "<!-- attempts: end -->\n"
UNCONFINED: dict[Shown, str] = {"unconfined": "gets out", "plain": "held", "host": "held", "nowhere": "depends"}


def _heading(family: str, members: list[Attempt]) -> str:
    out = sum(attempt.shown == "unconfined" for attempt in members)
    return f"| **{family}** | **{len(members)} of {len(members)} held** | **{out} of {len(members)} get out** |"


def render() -> str:
    """The table, Markdown, between its two marks."""
    lines = ["| attempt | `local` | `unconfined` |", "|---|---|---|"]
    for family, grouped in groupby(attempts(), lambda attempt: attempt.family):
        members = list(grouped)
        lines.append(_heading(family, members))
        for attempt in members:
            name = attempt.name.replace("_", " ")
            what = attempt.what.replace("|", "\\|")
            lines.append(f"| {name}: {what} | held | {UNCONFINED[attempt.shown]} |")
    return BEGIN + "\n" + "\n".join(lines) + "\n\n" + END


def place(page: str) -> str:
    """The page with the table in its place."""
    before, _, rest = page.partition(BEGIN)
    return before + render() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(place(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
