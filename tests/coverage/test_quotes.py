"""The passages that answers quote: which are taken for one, where each stands, and which the input does not have."""

from pathlib import Path

import pytest
import truth

import rlm
from rlm import RLM, Completion, ConfigError
from rlm.coverage import Citation, Place, quotes
from rlm.coverage.quotes import cited
from rlm.coverage.source import Input
from rlm.lms.scripted import Scripted

TEXT = (
    "Chapter 1\n\nIt was a bright cold day in April, and the clocks\nwere striking thirteen. “Who’s there?” he said.\n"
    "\nChapter 2\n\nThe hallway smelt of boiled cabbage – and old rag mats. It was no use trying the lift.\n"
    "It was no use trying the lift. Even at the best of times it was seldom working.\n"
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))


def found(answer: str, text: str = TEXT) -> list[tuple[str, str, str]]:
    return [(one.text, one.kind, one.how) for one in cited(answer, Input("text", [("", text)]))]


def test_a_quote_with_its_place():
    quote = "The hallway smelt of boiled cabbage"
    (one,) = cited(f'It says "{quote}" there.', Input("text", [("", TEXT)]))
    start = TEXT.index(quote)
    assert one == Citation(quote, 9, 9 + len(quote), "quoted", "exact", (Place("", start, start + len(quote), 8, 1),))
    assert one.supported


@pytest.mark.parametrize(
    ("opening", "closing"), [('"', '"'), ("“", "”"), ("„", "“"), ("«", "»"), ("‘", "’"), ("'", "'"), ("「", "」")]
)
def test_quotation_marks(opening: str, closing: str):
    quote = "smelt of boiled cabbage"
    assert found(f"It {opening}{quote}{closing}.") == [(quote, "quoted", "exact")]


def test_a_block_quote_over_several_lines():
    answer = "The book begins:\n\n> It was a bright cold day in April, and the clocks\n> were striking thirteen.\n\nSo."
    assert found(answer) == [
        ("It was a bright cold day in April, and the clocks\nwere striking thirteen.", "block", "exact")
    ]


@pytest.mark.parametrize(
    "quote",
    [
        "a bright cold day in April, and the clocks were striking thirteen",
        "and   the clocks\n\nwere striking",
        "boiled cabbage - and old rag mats",
        "a bright cold day ... striking thirteen",
        "a bright cold day […] boiled cabbage — and old rag",
    ],
)
def test_what_differs_in_spaces_and_shapes_or_has_parts_left_out_is_loose(quote: str):
    assert found(f"“{quote}”") == [(quote, "quoted", "loose")]


def test_marks_inside_a_quote_may_be_shaped_otherwise():
    assert found('> "Who\'s there?" he said.') == [('"Who\'s there?" he said.', "block", "loose")]


@pytest.mark.parametrize(
    "quote",
    [
        "The hallway smelt of boiled potatoes",
        "the clocks were striking fourteen",
        "nobody has ever said these words",
        "striking thirteen ... a bright cold day",
    ],
)
def test_what_the_input_does_not_have_is_unsupported(quote: str):
    (one,) = cited(f'"{quote}"', Input("text", [("", TEXT)]))
    assert (one.text, one.how, one.places, one.supported) == (quote, "unsupported", (), False)


def test_a_quote_that_stands_twice_has_both_places():
    (one,) = cited('"It was no use trying the lift."', Input("text", [("", TEXT)]))
    assert [(place.line, place.character) for place in one.places] == [(8, 57), (9, 1)]


@pytest.mark.parametrize(
    "answer",
    [
        "42",
        'It is "Paris".',
        'The words "yes" and "no" and "cabbage"',
        "It's the dog's bone and the cats' too, isn't it, he didn't say so",
        '{"a": 1}',
    ],
)
def test_names_terms_and_apostrophes_are_no_quotes(answer: str):
    assert found(answer) == []


def test_what_is_taken_word_for_word_is_told_too():
    taken = "Even at the best of times it was seldom working."
    (one,) = cited(f"As it was: {taken} So I walked.", Input("text", [("", TEXT)]))
    assert (one.text.strip(), one.kind, one.how, one.places[0].line) == (taken, "verbatim", "exact", 9)


def test_marks_in_json_are_no_quotes():
    answer = '{"summary": "nobody has ever said these words", "why": "seldom working, even at times"}'
    assert cited(answer, Input("text", [("", TEXT)]), marked=False) == ()


def test_files_have_names_and_lines_of_their_own():
    texts = Input("paths", [("a.txt", "one\ntwo\nthree is here"), ("b/c.txt", "four\nfive stands over there")])
    (one,) = cited('"five stands over there"', texts)
    assert one.places == (Place("b/c.txt", 5, 27, 2, 1),)


def test_in_a_long_input():
    source = truth.text(1_000_000)
    line = source.split("\n")[5000]
    quote = " ".join(line.split()[1:9])
    exact, loose, wrong = cited(
        f'"{quote}" "{quote.replace(" ", "  ")}" "{quote[::-1]}"', Input("text", [("", source)])
    )
    assert (exact.how, loose.how, wrong.how) == ("exact", "loose", "unsupported")
    assert 5001 in [place.line for place in exact.places]
    assert exact.places == loose.places


def test_what_there_is_no_time_for_is_unchecked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(quotes, "_BUDGET", len(TEXT))
    answer = '"not in the text" and "nor is this there"'
    assert [how for _, _, how in found(answer)] == ["unsupported", "unchecked"]


def test_an_answer_made_to_take_for_ever_does_not():
    text = "a b c " * 50_000
    assert found('"' + " ... ".join(["a b"] * 200 + ["z z z"]) + '"', text)[0][2] == "unsupported"
    assert found("> " * 5_000 + '"' * 5_000, text) == []


def completed(answer: str, **options: object) -> Completion:
    root = Scripted([f"```repl\nFINAL({answer})\n```"])
    return RLM(model=root, route="never", **options).completion("What is it?", context=TEXT)


def test_citations_of_a_completion():
    done = completed(repr('"old rag mats. It was" and "not there at all"'))
    assert [(one.text, one.how) for one in done.citations] == [
        ("old rag mats. It was", "exact"),
        ("not there at all", "unsupported"),
    ]
    assert rlm.citations(done.run_id) == done.citations == rlm.citations(done)


def test_an_answer_that_is_a_value_has_no_quotes():
    assert completed(repr({"a": "not there at all", "b": ["nor is this"]})).citations == ()


def test_a_completion_without_a_trace():
    with pytest.raises(ConfigError, match="kept no trace"):
        _ = completed("1", trace=False).citations
