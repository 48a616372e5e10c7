"""The page in use: by keys, in narrow windows, in its colours; and two runs side by side."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route
from tests.viewer.support import CELLS, cell, focused, hostile_run, make_run, opened, serving, text_of

from rlm import RLM, Limits
from rlm.lms.scripted import Scripted
from rlm.viewer import input_text

pytestmark = pytest.mark.slow


def test_the_call_tree_has_sub_calls_under_their_turns_and_is_used_by_keys(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, CELLS)
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        tree = page.get_by_role("tree", name="call tree")
        rows = tree.get_by_role("treeitem")
        assert rows.all_inner_texts() == [
            "▾\nHow many?\n3 turns",
            "turn 1",
            "▸\nturn 2\n5 calls",
            "turn 3",
        ]
        tree.focus()
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowDown"):
            page.keyboard.press(key)
        page.wait_for_function("document.querySelectorAll('[role=treeitem]').length === 9")
        active = page.locator(f"#{tree.get_attribute('aria-activedescendant')}")
        active.get_by_text("1: one two three").wait_for()
        assert [active.get_attribute(name) for name in ("aria-level", "aria-posinset", "aria-setsize")] == [
            "3",
            "2",
            "5",
        ]
        page.keyboard.press("Enter")
        page.locator(".call pre.text").get_by_text(re.compile("^1: one two three")).wait_for()
        tree.focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert rows.count() == 4
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") == "CANVAS", "no trap"


def test_rows_of_a_table_are_one_stop_of_tab_and_the_arrows_go_through_them(tmp_path: Path, page: Page) -> None:
    run = hostile_run(tmp_path, sub_calls=1_000, depth=1)
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        table = page.locator("section.turn .table").first
        table.locator("tr.opens").first.focus()
        place = "document.activeElement.getAttribute('aria-rowindex')"
        seen = []
        for key in ("ArrowDown", "End", "ArrowUp", "Home", "PageDown"):
            page.keyboard.press(key)
            seen.append(int(str(page.evaluate(place))) - 1)
        assert seen[:4] == [2, 1001, 1000, 1]
        assert seen[4] > 5
        assert (
            table.evaluate("table => [...table.querySelectorAll('tr.opens')].filter(r => r.tabIndex === 0).length") == 1
        )
        page.keyboard.press("Enter")
        page.wait_for_selector("tr.inside .call")
        page.keyboard.press("Enter")
        assert page.locator("tr.inside").count() == 0


def test_the_turns_of_the_time_line_are_gone_through_by_keys(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, CELLS)
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        page.locator(".time-line canvas").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert text_of(page, ".tip").startswith("turn 2: ")
        page.keyboard.press("Enter")
        assert focused(page) == page.locator("section.turn").nth(1).get_attribute("id")


def test_a_time_line_that_is_made_again_still_says_which_turn_the_keys_are_at(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, CELLS)
    held: list[Route] = []
    page.route("**/strategy*", lambda route: held.append(route))  # what each turn does is told late
    with serving(tmp_path) as server:
        with page.expect_request("**/strategy*"):
            opened(page, f"{server.url}#run/{run}")
        page.locator(".time-line canvas").focus()
        page.keyboard.press("ArrowRight")
        before = page.locator(".time-line canvas").element_handle()
        assert before is not None
        held[0].continue_()
        page.wait_for_function("canvas => !canvas.isConnected", arg=before)
        assert text_of(page, ".tip").startswith("turn 1: ")
        page.keyboard.press("ArrowRight")
        assert text_of(page, ".tip").startswith("turn 2: ")


@pytest.mark.parametrize("width", [320, 400, 680])
def test_nothing_is_wider_than_a_narrow_window(tmp_path: Path, page: Page, width: int) -> None:
    long = "W" * 400
    code = f"a_{'long' * 60} = '{long}'\nprint('{long}' * 9)\nllm_query('{long}')"
    one, other = [
        make_run(tmp_path, [cell(code, long), cell(f"FINAL('{last}{long}')")], question=long) for last in "ab"
    ]
    page.set_viewport_size({"width": width, "height": 700})
    with serving(tmp_path) as server:
        for place in ("", f"#run/{one}", f"#compare/{one}/{other}"):
            opened(page, server.url + place)
            page.evaluate("scrollTo(0, 1e6)")
            page.wait_for_timeout(100)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, place


def test_two_runs_say_line_by_line_how_they_part(tmp_path: Path, page: Page) -> None:
    first = "print(1)\nx = 1\nprint(x)"
    one, other = [
        make_run(tmp_path, [cell(code), cell("FINAL(1)")]) for code in (first, first.replace("x = 1", "x = 2"))
    ]
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#compare/{one}/{other}")
        page.wait_for_selector(".difference")
        assert text_of(page, "#parting") == "they part at turn 1: their cells differ"
        lines = page.locator(".difference > div").all_inner_texts()
        assert [line.rpartition(":\n")[2] for line in lines] == ["  print(1)", "- x = 1", "+ x = 2", "  print(x)"]
        rows = page.get_by_label("what each run took").locator("tbody tr").all_inner_texts()
        assert rows[5].split() == ["turns", "2", "2", "×", "1.00"]
        page.get_by_role("button", name="go there").click()
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "turn 1 of both"


def test_colours_have_the_contrast_of_wcag_aa() -> None:
    """Text 4.5:1 on each ground it stands on, and 3:1 what is drawn and means something."""
    css = (Path(input_text.__file__).parent / "page" / "style.css").read_text()
    light, dark = [
        dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", css.partition(start)[2].partition("}")[0]))
        for start in (":root {", ':root[data-theme="dark"] {')
    ]
    for theme in (light, dark):
        texts = ["text", "quiet", "link", "bad", "warn", "good", "keyword", "string", "number", "comment", "ours"]
        pairs = [(name, ground, 4.5) for name in texts for ground in ("ground", "raised")]
        pairs += [("text", "strip", 4.5), ("quiet", "strip", 4.5), ("text", "mark", 4.5), ("on-bar", "model", 4.5)]
        pairs += [
            (name, ground, 3)
            for name in ("model", "cell", "call", "child", "tool", "failed", "warn")
            for ground in ("ground", "strip")
        ]
        pairs += [("edge", "ground", 3), ("edge", "raised", 3)]
        assert [(a, b) for a, b, least in pairs if contrast(theme[a], theme[b]) < least] == []


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        r, g, b = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_what_was_read_is_found_in_a_long_input(tmp_path: Path, page: Page) -> None:
    """300 characters of a million are no pixel wide: a click near them means them, and buttons go to the next."""
    text = "".join(f"line {n} of a long text\n" for n in range(40_000))
    look = "print(context[500_000:500_300])\nprint(context[700_000:700_300])"
    run = make_run(tmp_path, [cell(look), cell("FINAL(1)")], context=text)
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        strip = page.locator("canvas.strip")
        width = strip.evaluate("strip => strip.clientWidth")
        strip.click(position={"x": width * 500_150 / len(text) + 2, "y": 5})
        page.wait_for_selector(".passage mark")
        marked = page.locator(".passage mark")
        assert "".join(marked.all_inner_texts()) == text[500_000:500_300]
        for key, start in (("what was read behind ›", 700_000), ("‹ what was read before", 500_000)):
            page.get_by_role("button", name=key).press("Enter")
            page.get_by_role("heading", name=f"characters {start - 250:,} to {start + 550:,}").wait_for()
            assert "".join(marked.all_inner_texts()) == text[start : start + 300]
            assert page.evaluate("document.activeElement.textContent") == key


def test_the_time_line_has_what_children_asked_unless_it_is_told_not_to(tmp_path: Path, page: Page) -> None:
    root = Scripted([cell("part = rlm_query('Look at it', context[:500])"), cell("FINAL(part)")])
    child = Scripted([cell("FINAL(llm_query('Which? ' + context[:9]))"), "one"])
    rlm = RLM(model=root, sub_model=child, trace=tmp_path, route="never", limits=Limits(depth=2))
    run = rlm.completion("Who?", context="one two three\n" * 400).run_id
    with serving(tmp_path) as server:
        opened(page, f"{server.url}#run/{run}")
        line = page.locator(".time-line canvas")
        assert str(line.get_attribute("aria-label")).startswith("time line: 2 turns and 2 calls")
        page.get_by_role("button", name="with the calls of its children").press("Enter")
        assert str(line.get_attribute("aria-label")).startswith("time line: 2 turns and 1 call in")
        toggle = page.get_by_role("button", name="with the calls of its children")
        assert (toggle.get_attribute("aria-pressed"), focused_text(page)) == ("false", toggle.inner_text())
        page.get_by_role("treeitem").filter(has_text="Look at it").click()
        page.locator("canvas[aria-label^='time line: 1 turn and 1 call in']").wait_for()
        assert toggle.count() == 0, "it has no children"


def focused_text(page: Page) -> str:
    found: str = page.evaluate("document.activeElement.textContent")
    return found


def test_what_is_drawn_follows_light_and_dark(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, CELLS)
    last_pixel = "strip => [...strip.getContext('2d').getImageData(strip.width - 1, 0, 1, 1).data]"
    with serving(tmp_path) as server:
        page.emulate_media(color_scheme="light")
        opened(page, f"{server.url}#run/{run}")
        strip = page.locator("canvas.strip")
        strip.scroll_into_view_if_needed()
        page.wait_for_timeout(100)
        light = strip.evaluate(last_pixel)
        page.keyboard.press("t")
        dark = strip.evaluate(last_pixel)
        assert (light, dark) == ([230, 233, 236, 255], [43, 49, 56, 255])
        page.keyboard.press("t")
        assert strip.evaluate(last_pixel) == light
