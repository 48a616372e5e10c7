"""The documents: their links lead somewhere, and what they list is what there is."""

import re
from pathlib import Path

import pytest

from rlm.cli import exit_codes
from rlm.lms import providers
from rlm.types import Completion, Limits, Usage

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_exit_status_is_documented() -> None:
    table = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "cli.md").read_text(), re.MULTILINE)
    codes = {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
    assert {int(code) for code in table} == codes
    assert all(re.search(rf"\b{code}\b", exit_codes.HELP) for code in codes)


def test_the_object_of_the_command_is_documented_field_by_field() -> None:
    page = (
        (ROOT / "docs" / "cli.md").read_text().partition("### The object of `--json`")[2].partition("Where nothing")[0]
    )
    told = re.sub(r"\([^)]*\)", "", page.replace("(`calls`", "`calls`"))
    fields = {*Completion.__slots__, *Usage.__slots__, "citations"}
    assert set(re.findall(r"`(\w+)`", told)) == fields


def test_every_backend_is_documented_with_its_key() -> None:
    table = (ROOT / "docs" / "backends" / "README.md").read_text()
    rows = dict(re.findall(r"^\| `([\w-]+)` \| .* \| (.*) \| \[", table, re.MULTILINE))
    there = providers.builtin()
    assert list(rows) == list(there)
    for name, provider in there.items():
        assert re.findall("`([A-Z_]+)`", rows[name]) == list(provider.keys)


def test_default_models_are_documented_in_their_order() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    listed = re.search(r"whose key is found: ([^;]*);", page)
    assert listed is not None
    told = re.findall("`([a-z]+)`", listed[1])
    assert told == [name for name, provider in providers.builtin().items() if provider.default]


def test_every_limit_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", (ROOT / "docs" / "limits.md").read_text(), re.MULTILINE))
    defaults = Limits()
    assert set(rows) == set(Limits.__dataclass_fields__)
    for name, told in rows.items():
        value = getattr(defaults, name)
        assert told == ("none" if value is None and name != "output_chars" else told if value is None else f"{value:g}")
