"""The page in a real browser."""

import re
import shutil
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from tests.viewer.support import CELLS, HOSTILE, cell, focused, hostile_run, make_run, opened, serving, text_of

from rlm import RLM, fork
from rlm.lms.scripted import Scripted
from rlm.viewer import input_text
from rlm.viewer.one_file import html

pytestmark = pytest.mark.slow


def test_a_run(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, CELLS)
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        assert text_of(page, ".title .status") == "done"
        assert text_of(page, "h1") == "How many?"
        assert text_of(page, ".result") == "5 replies"
        assert page.locator("section.turn").count() == 3
        assert "First I look for it." in text_of(page, "section.turn")
        assert text_of(page, ".names").split() == ["makes", "found"]
        assert page.locator(".code .keyword").count() > 0
        page.get_by_text("ZeroDivisionError").first.scroll_into_view_if_needed()
        assert page.locator("tr.opens").count() == 5
        page.locator("tr.opens").nth(2).click()
        page.locator(".call pre.text").get_by_text(re.compile("^2: one two three")).wait_for()
        assert "time line: 3 turns and 5 calls" in str(page.locator(".time-line canvas").get_attribute("aria-label"))
        page.wait_for_selector("canvas.strip")
        assert "of 5.6k characters reached a model" in text_of(page, ".coverage p")
        page.locator("canvas.strip").click(position={"x": 3, "y": 5})
        page.wait_for_selector(".passage mark")
        assert text_of(page, ".passage mark").startswith("one two three")


def test_a_table_is_sorted_by_what_is_clicked(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, CELLS)
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        table = page.get_by_label("sub-calls of turn 2")
        table.get_by_role("button", name="#").click()
        assert table.locator("tbody tr.row td").first.inner_text() == "5"
        assert table.locator("th").first.get_attribute("aria-sort") == "descending"


def test_the_list_and_two_runs_side_by_side(tmp_path: Path, page: Page) -> None:
    make_run(tmp_path, CELLS)
    time.sleep(0.01)
    make_run(tmp_path, [CELLS[0], cell("FINAL('other')")], question="Another?")
    with serving(tmp_path) as server:
        opened(page, server.url)
        assert page.locator("tbody tr.row").count() == 2
        page.get_by_label("filter").fill("another")
        assert page.locator("tbody tr.row").count() == 1
        page.get_by_label("filter").fill("")
        for box in page.get_by_role("checkbox").all():
            box.click()
        page.get_by_role("button", name="compare two").click()
        page.wait_for_selector("#parting")
        assert text_of(page, "#parting") == "they part at turn 2: their cells differ"
        page.keyboard.press("g")
        page.wait_for_selector("input[type=search]")


def test_a_run_grows_while_it_is_written(tmp_path: Path, page: Page) -> None:
    """The log of a whole run is written again, a part at a time, as a run that goes on would."""
    import fcntl

    whole = make_run(tmp_path / "whole", CELLS)
    lines = (tmp_path / "whole" / whole / "events.jsonl").read_bytes().splitlines(keepends=True)
    live = tmp_path / "live" / whole
    live.mkdir(parents=True)
    shutil.copy(tmp_path / "whole" / whole / "strings.pack", live)
    half = next(number for number, line in enumerate(lines) if b'"cell_end"' in line) + 1
    with open(live / "events.jsonl", "ab", buffering=0) as log, serving(tmp_path / "live") as server:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.write(b"".join(lines[:half]))
        opened(page, f"{server.url}#run/{whole}")
        assert text_of(page, ".title .status") == "running"
        assert page.locator("section.turn").count() == 1
        log.write(b"".join(lines[half:]))
        fcntl.flock(log, fcntl.LOCK_UN)
        page.wait_for_selector(".status.done")
        assert text_of(page, ".result") == "5 replies"
        assert page.locator("section.turn").count() == 3


@pytest.mark.parametrize("way", ["served", "one file"])
def test_a_hostile_trace_runs_no_script(tmp_path: Path, page: Page, way: str) -> None:
    if way == "served":
        hostile = hostile_run(tmp_path)
        with serving(tmp_path) as server:
            opened(page, f"{server.url}#run/{hostile}")
            check_inert(page)
            opened(page, server.url)
            assert page.title() == "rlm"
            opened(page, f"{server.url}#compare/{hostile}/{hostile}")
            assert page.title() == "two runs · rlm"
        return
    run = make_run(tmp_path, [cell(f"print({HOSTILE!r})\nFINAL({HOSTILE!r})", HOSTILE)], HOSTILE, HOSTILE * 50)
    file = tmp_path / "run.html"
    file.write_text(html(tmp_path / run))
    opened(page, file.as_uri())
    check_inert(page)
    assert "⟨U+202E⟩" in text_of(page, ".result")


def check_inert(page: Page) -> None:
    page.wait_for_timeout(300)
    assert re.fullmatch(r"20\d{6}-\d{6}-[0-9a-f]+ · rlm", page.title())
    assert page.locator("img").count() == 0
    assert "<script>" in text_of(page, "h1")


def test_one_file_has_all_that_a_run_has_and_asks_nobody(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, CELLS)
    file = tmp_path / "run.html"
    file.write_text(html(tmp_path / run))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, file.as_uri())
    assert text_of(page, ".result") == "5 replies"
    assert page.locator("section.turn").count() == 3
    assert "of 5.6k characters reached a model" in text_of(page, ".coverage p")
    assert asked == [file.as_uri()]


@pytest.mark.parametrize("with_input", [None, True, False])
def test_one_file_has_the_text_of_the_input_or_what_was_read_of_it(
    tmp_path: Path, page: Page, monkeypatch: pytest.MonkeyPatch, with_input: bool | None
) -> None:
    monkeypatch.setattr(input_text, "WHOLE", 1000)
    text = "".join(f"line {n}: 😀 nothing of note\n" for n in range(1000))
    run = make_run(tmp_path, [cell("print(context[5000:5100])"), cell("FINAL(1)")], context=text)
    file = tmp_path / "run.html"
    file.write_text(html(tmp_path / run, with_input))
    opened(page, file.as_uri())
    page.locator("canvas.strip").focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector(".passage h4")
    at = round(len(text) / 50) * 9
    shown = text_of(page, ".passage")
    if with_input:
        assert text[at - 300 : at].replace("\n", "") in page.locator(".passage pre").inner_text().replace("\n", "")
        assert "this file" not in text_of(page, ".coverage").lower()
    elif with_input is False:
        assert "this file does not hold the text here" in shown
        assert "This file has none of the input's text." in text_of(page, ".coverage")
    else:
        said = f"this file has what was read and what is near it: 900 of {len(text):,} characters."
        assert said in text_of(page, ".coverage")
        width = page.locator("canvas.strip").evaluate("strip => strip.clientWidth")
        page.locator("canvas.strip").click(position={"x": width * 5050 / len(text), "y": 5})
        page.wait_for_selector(".passage mark")
        assert page.locator(".passage mark").inner_text().replace("\n", "") == text[5000:5100].replace("\n", "")


def test_many_sub_calls_and_deep_trees_open_soon(tmp_path: Path, page: Page) -> None:
    run = hostile_run(tmp_path, sub_calls=10_000, depth=1_000)
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        tree = page.get_by_role("tree", name="call tree")
        assert tree.evaluate("list => list.scrollHeight") > 2 * 1_000 * 24, "each node, its turn and its calls"
        assert tree.get_by_role("treeitem").count() < 100
        table = page.locator("section.turn .table").first
        assert table.evaluate("list => list.scrollHeight") > 10_000 * 27
        assert table.locator("tr.opens").count() < 60
        table.evaluate("list => list.scrollTop = list.scrollHeight")
        table.get_by_role("cell", name="10001").wait_for()
        assert table.locator("tr.opens").count() < 60


def test_keys_theme_and_a_narrow_window(tmp_path: Path, browser: Browser, page: Page) -> None:
    run = make_run(tmp_path, CELLS)
    with serving(tmp_path) as server:
        page.set_viewport_size({"width": 390, "height": 800})
        opened(page, f"{server.url}#run/{run}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.keyboard.press("j")
        assert focused(page).startswith("span-")
        before = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        page.keyboard.press("t")
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != before


def test_a_killed_run_says_so_and_what_it_read(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, CELLS)
    log = tmp_path / run / "events.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-3]))
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        page.wait_for_selector("canvas.strip")
        assert text_of(page, ".title .status") == "killed"
        assert "of 5.6k characters reached a model" in text_of(page, ".coverage p")


def test_quotes_of_the_answer_stand_below_it(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, [cell('FINAL(\'It has "one two three" and "never four five".\')')])
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        page.wait_for_selector("ul.quotes")
        assert text_of(page, ".quotes summary") == "1 of 2 quotes of the answer stand in the input"
        assert [line.inner_text() for line in page.locator("ul.quotes li").all()] == [
            "one two three line 1, character 1, and 7 more places",
            "never four five not in the input",
        ]


def test_values_of_tools_are_shown_whole(tmp_path: Path, page: Page) -> None:
    def lookup(name: str, year: int = 0) -> dict[str, object]:
        if not name:
            raise ValueError("no such name")
        return {"name": name, "$text": "t" * 120}

    code = "lookup('Ada', year=9)\ntry:\n    lookup('')\nexcept Exception:\n    pass\nFINAL({'long': 'v' * 150})"
    rlm = RLM(model=Scripted([cell(code)]), tools=[lookup], trace=tmp_path, route="never")
    run = rlm.completion("Who?", context="Ada").run_id
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        rows = page.get_by_label("calls of tools").locator("tbody tr.row")
        rows.first.get_by_text("t" * 50).wait_for()
        assert rows.first.locator("td").all_inner_texts()[:4] == [
            "lookup",
            '["Ada",{"year":9}]',
            f'{{"name":"Ada","$text":"{"t" * 120}"}}',
            "ran",
        ]
        assert rows.nth(1).locator("td").nth(3).inner_text() == "failed"
        page.locator(".answer").scroll_into_view_if_needed()
        page.locator(".answer").get_by_text("v" * 150).wait_for()


def test_a_run_made_from_another_one_names_it(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, [*CELLS[:2], cell("FINAL(1)")])
    new = fork(tmp_path / run, at=3, model=Scripted([cell("FINAL(2)")]), sub_model=Scripted([])).result().run_id
    with serving(tmp_path) as server:
        opened(page, server.url)
        assert f"fork of {run}, turn 3" in text_of(page, "tbody tr.row")
        assert page.locator("tbody tr.row").first.locator("td").nth(3).inner_text() == "5.6k"
        opened(page, f"{server.url}#run/{new}")
        assert "from here on it is live: the record ends" in text_of(page, "section.turn:last-child")
        assert "of that recorded" in text_of(page, "dl.facts")
        page.get_by_role("link", name=f"fork of {run}, turn 3").click()
        page.wait_for_function(f"location.hash === '#run/{run}'")


def test_many_files_are_one_strip_and_a_table(tmp_path: Path, page: Page) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for number in range(40):
        (files / f"{number:02}.txt").write_text(
            "".join(f"{number}.{line}: 😀 what is said in this file of that number\n" for line in range(20))
        )
    code = "llm_query(context['07.txt'][:400])\nprint(context['31.txt'][:500])"
    model = Scripted([cell(code), cell("FINAL(1)")])
    rlm = RLM(model=model, sub_model=Scripted(lambda _: "seen"), trace=tmp_path / "runs", route="never")
    run = rlm.completion("What?", context=files).run_id
    with serving(tmp_path / "runs") as server:
        opened(page, f"{server.url}#run/{run}")
        table = page.get_by_label("files of the input")
        table.wait_for()
        assert text_of(page, ".files .part-name").startswith("all 40 files")
        rows = table.locator("tbody tr.opens")
        assert {rows.nth(at).locator("td").first.inner_text() for at in range(2)} == {"07.txt", "31.txt"}
        rows.filter(has_text="07.txt").click()
        table.locator("tr.inside canvas.strip").click(position={"x": 3, "y": 5})
        page.wait_for_selector(".passage mark")
        assert text_of(page, ".passage mark").startswith("7.0: 😀 what is said")
        page.get_by_label("what was read until then").fill("0")
        assert page.locator(".legend .when").inner_text().startswith("until ")


def test_turns_are_filled_when_they_are_seen_and_stay_as_they_were_opened(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, [cell(f"print(llm_query('{turn}'))") for turn in range(28)] + [cell("FINAL(1)")])
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        assert page.locator("section.turn").count() == 29
        assert page.locator("section.turn.waiting").count() > 10
        page.locator("section.turn").nth(20).scroll_into_view_if_needed()
        page.locator("section.turn").nth(20).locator("tr.opens").wait_for()
        page.evaluate("document.querySelector('.time-line canvas').scrollIntoView()")
        assert page.locator("section.turn:not(.waiting)").count() < 25


def test_a_whole_request_stands_where_a_question_does(tmp_path: Path, page: Page) -> None:
    request = "Name the colours of the sea: grey and green. " * 9
    rlm = RLM(model=Scripted([cell("FINAL('grey')")]), sub_model=Scripted([]), trace=tmp_path, route="never")
    run = rlm.completion(request).run_id
    with serving(tmp_path) as server:
        opened(page, server.url)
        assert text_of(page, "tr.row .start").startswith("Name the colours of the sea")
        opened(page, f"{server.url}#run/{run}")
        page.get_by_role("heading", name="Name the colours of the sea").wait_for()
        page.get_by_role("treeitem").first.get_by_text("Name the colours of the sea").wait_for()
