"""Which way an input goes, and the reason for it."""

from contextlib import closing
from pathlib import Path

import pytest

from rlm.context import load
from rlm.lms.scripted import Scripted
from rlm.prompts.profiles import profile_for
from rlm.route import Route, Way, choose

FITS = "fit well into a plain call (up to about"


def way(value: object, route: Route = "auto", *, window: int | None = 100_000, name: str = "m") -> Way:
    with closing(load(value)) as context:
        return choose(route, Scripted([], name=name, window=window), lambda lm: profile_for(lm.name), context)


def test_a_short_text() -> None:
    assert way("Ann is 7.") == Way("Ann is 7.", f"the input has 9 characters, which {FITS} 16,384 tokens)")


def test_a_json_value_goes_as_json() -> None:
    assert way([1, "é"]).text == '[1,"é"]'


def test_a_folder_goes_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ann is 7.")
    (tmp_path / "b.txt").write_text("Bob is é.")
    assert way(tmp_path).text == "=== a.txt ===\nAnn is 7.\n\n=== b.txt ===\nBob is é."


def test_a_folder_with_files_that_a_plain_call_would_not_see(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ann is 7.")
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    assert way(tmp_path) == Way(None, "the input has files that are listed and not loaded")
    assert way(tmp_path, "always").text == "=== a.txt ===\nAnn is 7."


@pytest.mark.parametrize(
    ("window", "characters", "direct"),
    [
        (100_000, 57_300, True),
        (100_000, 57_400, False),
        (100_000, 70_000, False),
        (1000, 1700, True),
        (1000, 1800, False),
    ],
)
def test_what_fits_comfortably(window: int, characters: int, direct: bool) -> None:
    """16,384 tokens, or half of the window: at 3.5 characters a token."""
    chosen = way("x" * characters, window=window)
    assert (chosen.text is not None) is direct
    limit = "16,384" if window == 100_000 else "500"
    how = f"which {FITS} {limit} tokens)" if direct else f"more than a plain call answers well (about {limit} tokens)"
    assert chosen.reason == f"the input has {characters:,} characters, {how}"


def test_a_window_that_is_not_known() -> None:
    said = "the window of m is not known, so nothing is known to fit into a plain call"
    assert way("short", window=None) == Way(None, said)
    assert way("short", "always", window=None) == Way("short", 'route="always"')


def test_a_model_that_answers_through_code_alone() -> None:
    assert way("short", name="nano") == Way(None, "nano answers through code alone")
    assert way("short", "always", name="nano").text == "short"


def test_never() -> None:
    assert way("short", "never") == Way(None, 'route="never"')
