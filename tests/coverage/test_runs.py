"""Coverage of whole runs: a scripted model, a real worker, and what is found again from the trace alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import truth

from rlm import RLM, Completion, ConfigError, ContextError, Limits
from rlm.coverage import Coverage, Stretch, coverage
from rlm.coverage.source import Span
from rlm.lms.scripted import Scripted
from rlm.trace.events import CallBegin, RunBegin
from rlm.trace.store import home, read
from rlm.trace.tree import RunTree
from rlm.types import Request


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))


INPUT = truth.text(200_000)
LINES = INPUT.split("\n")


def run(
    *cells: str, context: object = INPUT, sub: Callable[[Request], str] | None = None, limits: Limits | None = None
) -> Completion:
    root = Scripted([f"```repl\n{cell}\n```" for cell in cells], name="root")
    rlm = RLM(model=root, sub_model=Scripted(sub or (lambda _: "yes"), name="sub"), limits=limits, route="never")
    return rlm.completion("What is it?", context=context)


def stretches(covered: Coverage, kind: str = "prompt") -> list[Stretch]:
    return [stretch for stretch in covered.stretches if covered.readers[stretch.reader].kind == kind]


def test_a_slice_in_a_prompt():
    done = run('llm_query("Is it there?\\n\\n" + context[1000:9000])', "FINAL(1)")
    covered = coverage(done)
    assert covered.run_id == done.run_id
    (found,) = stretches(covered)
    assert (found.span, found.how, found.others) == (Span(0, 1000, 9000), "exact", ())
    (reader,) = [reader for reader in covered.readers if reader.kind == "prompt"]
    assert (reader.model, reader.turn, reader.depth, reader.characters, reader.traced) == ("sub", 1, 0, 8014, 8000)
    assert covered.read() == [Span(0, 1000, 9000)]
    assert covered.share == 8000 / len(INPUT)
    assert covered.unread() == [
        (Span(0, 0, 1), Span(0, 999, 1000)),
        (Span(0, 9000, 9001), Span(0, len(INPUT) - 1, len(INPUT))),
    ]


def test_what_a_cell_prints_is_read_by_the_root_in_its_next_turn():
    covered = coverage(run("print(context[500:1500])", "FINAL(1)"))
    (found,) = stretches(covered, "output")
    reader = covered.readers[found.reader]
    assert found.span == Span(0, 500, 1500)
    assert (reader.model, reader.turn) == ("root", 2)
    assert covered.models() == [("root", 1000)]


def test_what_the_last_cell_prints_reaches_nobody():
    covered = coverage(run("print(context[500:1500]); FINAL(1)"))
    assert (covered.stretches, covered.share) == ((), 0)
    assert covered.unread() == [(Span(0, 0, 1), Span(0, len(INPUT) - 1, len(INPUT)))]


def test_what_is_cut_out_of_an_output_is_not_read():
    covered = coverage(run("print(context)", "FINAL(1)", limits=Limits(output_chars=2000)))
    assert 1800 < sum(span.end - span.start for span in covered.read()) <= 2000
    first, last = covered.read()
    assert (first.start, last.end) == (0, len(INPUT))


def test_a_call_that_was_never_sent_read_nothing():
    done = run(
        "try:\n    llm_query(context[:5000])\nexcept Exception as e: print(type(e))",
        "FINAL(1)",
        limits=Limits(depth=1, sub_calls=0),
    )
    assert coverage(done).share == 0


def test_files_are_read_again_and_are_named(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text("\n".join(LINES[number * 100 : number * 100 + 100]))
    covered = coverage(run('llm_query("Hm: " + context["1.txt"])', "FINAL(1)", context=folder))
    size = (folder / "1.txt").stat().st_size
    assert covered.read() == [Span(1, 0, size)]
    told = covered.to_json()
    assert [name for name, _ in told["texts"]] == ["0.txt", "1.txt", "2.txt"]
    last = (folder / "2.txt").stat().st_size
    assert told["unread"] == [[0, 0, 0, (folder / "0.txt").stat().st_size], [2, 0, 2, last]]


def test_an_input_that_has_changed_is_refused(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text(INPUT)
    done = run("FINAL(1)", context=path)
    path.write_text(INPUT + "!")
    with pytest.raises(
        ContextError, match=r"has changed since: its SHA-256 was [0-9a-f]{16}\.\.\., and is [0-9a-f]{16}"
    ):
        coverage(done)


def test_strings_of_a_json_value_have_their_paths():
    value = {"rows": [{"text": line, "n": 1} for line in LINES[:50]]}
    covered = coverage(run("llm_query('Is this right? ' + context['rows'][7]['text'])", "FINAL(1)", context=value))
    (found,) = stretches(covered)
    assert covered.input.name(found.span.text) == "['rows'][7]['text']"
    assert found.span == Span(7, 0, len(LINES[7]))
    assert covered.share == len(LINES[7]) / sum(map(len, LINES[:50]))


def test_a_batch_of_the_strings_of_a_list_in_order_is_told_string_by_string():
    covered = coverage(run("llm_query('Read:\\n' + '\\n'.join(context[3:6]))", "FINAL(1)", context=LINES[:50]))
    assert [found.span for found in stretches(covered)] == [Span(n, 0, len(LINES[n])) for n in (3, 4, 5)]
    assert [found.how for found in stretches(covered)] == ["exact"] * 3


def test_repeated_lines_may_have_been_read():
    text = "\n".join([*LINES[:50], LINES[10], *LINES[50:90]])
    covered = coverage(run("llm_query('Is it so: ' + context.split('\\n')[10])", "FINAL(1)", context=text))
    (found,) = stretches(covered)
    first, second = text.index(LINES[10]), text.rindex(LINES[10])
    assert found.how == "ambiguous"
    assert (found.span, found.others) == (
        Span(0, first, first + len(LINES[10])),
        (Span(0, second, second + len(LINES[10])),),
    )
    assert (covered.read(), covered.share) == ([], 0)
    assert sum(span.end - span.start for span in covered.maybe()) == 2 * len(LINES[10])
    assert covered.to_json()["places"] == [[0, *found.others[0]]]


def test_a_child_that_was_given_a_piece():
    def root(request: Request) -> str:
        if "the child" in str(request.messages[1].content):
            return "```repl\nprint(context[:300])\n```" if len(request.messages) < 4 else "```repl\nFINAL('ok')\n```"
        return "```repl\nFINAL(rlm_query('You are the child', chunks(5000)[2]))\n```"

    rlm = RLM(model=Scripted(root, name="root"), limits=Limits(depth=2), route="never")
    covered = coverage(rlm.completion("What is it?", context=INPUT))
    (found,) = stretches(covered, "output")
    assert covered.readers[found.reader].depth == 1
    assert len(INPUT[found.span.start : found.span.end].strip()) == 300
    assert 9000 < found.span.start < 10_000


def test_a_child_whose_text_was_made_by_code_is_traced_to_the_input():
    def root(request: Request) -> str:
        if "the child" in str(request.messages[1].content):
            return "```repl\nprint(context)\n```" if len(request.messages) < 4 else "```repl\nFINAL('ok')\n```"
        return "```repl\nFINAL(rlm_query('You are the child', '# ' + '\\n# '.join(context.split('\\n')[40:43])))\n```"

    rlm = RLM(model=Scripted(root, name="root"), limits=Limits(depth=2), route="never")
    covered = coverage(rlm.completion("What is it?", context=INPUT))
    found = stretches(covered, "output")
    assert [INPUT[one.span.start : one.span.end].strip() for one in found] == LINES[40:43]


def test_a_plain_call_reads_all():
    rlm = RLM(model=Scripted(["yes"], window=100_000), route="always")
    covered = coverage(rlm.completion("What is it?", context=INPUT))
    assert (covered.share, covered.unread()) == (1.0, [])
    assert [reader.kind for reader in covered.readers] == ["opening"]


def test_the_same_by_name_and_by_folder():
    done = run("print(context[500:1500])", "FINAL(1)")
    assert done.trace is not None
    assert coverage(done.run_id).to_json() == coverage(done.trace).to_json() == coverage(done).to_json()
    assert done.trace == home() / "runs" / done.run_id
    json.dumps(coverage(done).to_json())


def test_a_run_without_a_trace():
    rlm = RLM(model=Scripted(["```repl\nFINAL(1)\n```"]), trace=False, route="never")
    with pytest.raises(ConfigError, match="kept no trace"):
        coverage(rlm.completion("What is it?", context="x" * 100))


def test_a_piece_just_as_it_was_handed_out_says_where_it_is_from():
    text = "\n".join(LINES[:100] * 3)
    covered = coverage(run("llm_query_batched(chunks(3000))", "FINAL(1)", context=text))
    assert {found.how for found in stretches(covered)} == {"origin"}
    assert covered.read() == [Span(0, 0, len(text))]
    assert covered.share == 1.0


def test_items_of_a_map_that_are_pieces_say_where_they_are_from():
    text = "\n".join(LINES[:50] + LINES[:50])

    def sub(request: Request) -> str:
        return json.dumps({str(n): True for n in range(200)})

    done = run("llm_map(grep('User: 1')[-5:], 'Is it a place?')", "FINAL(1)", context=text, sub=sub)
    (prompt,) = [event for event in read(done.trace) if isinstance(event, CallBegin)]
    found = stretches(coverage(done))
    assert {one.how for one in found} == {"origin"}
    assert [[one.span.start, one.span.end, ""] for one in found] == prompt.origins
    assert all(one.span.start > len(text) // 2 for one in found)


def test_a_claim_that_is_not_true_is_not_taken():
    forged = CallBegin(parent=0, name="llm_query", prompt="Q: " + LINES[3], model="m", origins=[[0, len(LINES[3]), ""]])
    done = run(f"llm_query({forged.prompt!r})", "FINAL(1)")
    tree = RunTree(
        replace(event, origins=[*forged.origins, [5, 1, ""], [0, 9, "no such"], "?", [0, 2**60, ""], [1, 2]])
        if isinstance(event, CallBegin)
        else event
        for event in read(done.trace)
    )
    (found,) = stretches(coverage(tree))
    assert (found.span.start, found.how) == (INPUT.index(LINES[3]), "exact")


def test_an_input_that_was_redacted_in_the_trace_is_refused():
    rlm = RLM(
        model=Scripted(["```repl\nFINAL(1)\n```"]), route="never", redact=lambda text: text.replace(LINES[0][:9], "***")
    )
    with pytest.raises(ContextError, match="was redacted before it was written to the trace"):
        coverage(rlm.completion("What is it?", context=INPUT))


def test_a_value_as_a_notebook_shows_it_is_found_between_its_escapes():
    covered = coverage(run("context[2000:6000]", "FINAL(1)"))
    found = stretches(covered, "output")
    assert all(2000 <= one.span.start < one.span.end <= 6000 for one in found)
    assert covered.share * len(INPUT) > 3500


def test_a_trace_that_does_not_say_what_its_input_was_is_refused():
    done = run("FINAL(1)")
    assert done.trace is not None
    tree = RunTree(
        replace(event, source={"kind": "none"}, digest="") if isinstance(event, RunBegin) else event
        for event in read(done.trace)
    )
    with pytest.raises(ContextError, match="has no input to look into"):
        coverage(tree)


def test_a_run_that_was_killed_is_told_as_far_as_it_came():
    done = run("llm_query('Q: ' + context[:2000])", "llm_query('Q: ' + context[4000:6000])", "FINAL(1)")
    assert done.trace is not None
    events = list(read(done.trace))
    last = max(number for number, event in enumerate(events) if isinstance(event, CallBegin))
    covered = coverage(RunTree(events[: last + 1]))  # the second one was asked, and nothing says that it was answered
    assert covered.read() == [Span(0, 0, 2000)]


def test_short_strings_of_a_list_are_found_as_wholes():
    towns = ["Lisbon", "Oslo", "Port Ellery", "Rome", "Paris"]
    covered = coverage(
        run("llm_query('Which is a port?\\n- ' + context[2] + '\\n- ' + context[0])", "FINAL(1)", context=towns)
    )
    assert [one.span for one in stretches(covered)] == [Span(2, 0, 11), Span(0, 0, 6)]
