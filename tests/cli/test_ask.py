"""`rlm ask`, from arguments to exit status."""

import io
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlm.errors import LMUnavailableError, SandboxUnavailableError
from rlm.lms.base import Price
from rlm.lms.scripted import Scripted
from rlm.trace import store
from rlm.trace.events import RunBegin
from rlm.types import Reply, Usage

Rlm = Callable[..., SimpleNamespace]


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.txt"
    path.write_text("Ann is tall.\nBob is small.\n")
    return path


def test_the_answer_goes_to_stdout_and_all_else_to_stderr(rlm: Rlm, book: Path) -> None:
    done = rlm("ask", "Who is tall?", str(book), script=[cell("FINAL(context[:3])")])
    assert (done.status, done.out) == (0, "Ann\n")
    assert re.fullmatch(r"rlm: done: 1 turn, [\d,]+ tokens, \$0, \d+\.\d s, run [\w-]+\n", done.err)


def test_json_prints_one_object(rlm: Rlm, book: Path) -> None:
    done = rlm("ask", "How many?", str(book), "--json", script=[cell("FINAL([1, {'a': None}])")])
    result = json.loads(done.out)
    assert done.status == 0
    assert (result["answer"], result["response"], result["status"]) == ([1, {"a": None}], '[1, {"a": null}]', "done")
    assert set(result["usage"]) == set(Usage.__slots__)
    assert (result["turns"], result["cost"], result["answer_is_repr"]) == (1, 0.0, False)
    assert Path(result["trace"]).is_dir()


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_an_answer_can_not_drive_a_terminal_but_reaches_a_pipe_whole(
    rlm: Rlm, book: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    script = [cell("FINAL('\\x1b[2J\\x9b31m\\u202e')")]
    piped = rlm("ask", "Who?", str(book), *arguments, script=script).out
    assert "\x9b31m\u202e" in piped
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = rlm("ask", "Who?", str(book), *arguments, script=script).out
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_several_paths_and_a_folder_are_one_corpus(rlm: Rlm, book: Path) -> None:
    (book.parent / "more").mkdir()
    (book.parent / "more" / "b.txt").write_text("b")
    done = rlm("ask", "Names?", str(book), str(book.parent / "more"), script=[cell("FINAL(len(list(context)))")])
    assert (done.status, done.out) == (0, "2\n")


def test_a_dash_reads_standard_input(rlm: Rlm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO("größer".encode())))
    assert rlm("ask", "What?", "-", script=[cell("FINAL(context)")]).out == "größer\n"


def test_standard_input_that_is_not_utf_8(rlm: Rlm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"gr\xf6\xdfer")))
    done = rlm("ask", "What?", "-", script=[])
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("rlm: standard input is not UTF-8 at byte 2; save it to a file")


def test_standard_input_that_is_not_named(rlm: Rlm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    note = "rlm: standard input is not read: to have it read, name it as the path -\n"
    script = [cell("FINAL(1)")]
    (tmp_path / "some").write_text("some")
    (tmp_path / "none").touch()
    for name, told in (("some", True), ("none", False)):
        with open(tmp_path / name) as file:
            monkeypatch.setattr("sys.stdin", file)
            assert rlm("ask", "What?", script=script).err.startswith(note) is told
    read, write = os.pipe()
    with open(read) as file, open(write, "w") as end:
        monkeypatch.setattr("sys.stdin", file)
        assert not rlm("ask", "What?", script=script).err.startswith(note)
        end.write("some")
        end.flush()
        assert rlm("ask", "What?", script=script).err.startswith(note)
        assert not rlm("ask", "What?", str(tmp_path / "some"), script=script).err.startswith(note)


def test_an_input_that_is_empty_is_told(rlm: Rlm, tmp_path: Path) -> None:
    (tmp_path / "none.txt").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "some.txt").write_text("x" * 10)
    for names, told in ((["none.txt"], True), (["folder", "none.txt"], True), (["some.txt", "none.txt"], False)):
        paths = [str(tmp_path / name) for name in names]
        done = rlm("ask", "What?", *paths, script=[cell("FINAL(1)")])
        assert (done.status, done.err.startswith("rlm: the input is empty\n")) == (0, told)


def test_streams_that_are_closed(rlm: Rlm, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    done = rlm("ask", "Who?", "-", script=[])
    assert (done.status, done.err) == (2, "rlm: standard input is closed, and - reads the input there\n")
    done = rlm("chat", str(book), script=[])
    assert (done.status, done.err) == (2, "rlm: standard input is closed, and rlm chat reads questions there\n")
    monkeypatch.setattr("sys.stderr", None)
    done = rlm("ask", "Who?", str(book), script=[cell("FINAL(1)")])
    sys.stderr.close()
    assert (done.status, done.out) == (0, "1\n")


def test_what_is_not_loaded_is_told(rlm: Rlm, book: Path) -> None:
    (book.parent / ".env").write_text("KEY=1")
    (book.parent / "b.bin").write_bytes(b"\0")
    done = rlm("ask", "Who?", str(book.parent), script=[cell("FINAL(1)")])
    assert done.err.startswith("rlm: not loaded, 2: may hold keys: .env (5 bytes); binary: b.bin (1 bytes)\nrlm: done")
    assert ": 1 file, 27 characters (1 .txt), 2 not loaded · " in rlm("show").out


def test_a_partial_answer_is_printed_and_its_status_is_3(rlm: Rlm, book: Path) -> None:
    script = [cell("answer['content'] = 'so far'"), cell("x = 1")]
    done = rlm("ask", "Who?", str(book), "--max-turns", "1", script=script)
    assert (done.status, done.out) == (3, "so far\n")
    assert "rlm: partial: 2 turns" in done.err
    assert done.err.splitlines()[-2] == "rlm: the limit of 1 turns is reached"
    assert done.err.endswith(" (--limits raises a limit)\n")


def test_no_answer_at_all_is_status_1(rlm: Rlm, book: Path) -> None:
    done = rlm("ask", "Who?", str(book), "--max-turns", "1", script=[cell("x = 1"), cell("x = 2")])
    assert (done.status, done.out) == (1, "")
    assert "rlm: failed" in done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ask"], "Missing argument 'QUESTION'"),
        (["ask", "Q", "--no-such-option"], "No such option: --no-such-option"),
        (["ask", "Q", "--budget", "much"], "Invalid value for '--budget'"),
        (["ask", "Q", "--price", "cheap"], "--price cheap: give two numbers, US dollars per million tokens"),
        (["ask", "Q", "--price", "1/2/3/4/5"], "--price 1/2/3/4/5: give two numbers"),
        (["ask", "Q", "--price", "1/-2"], "--price 1/-2: give two numbers"),
        (["ask", "Q", "--price", "no/such=1/2"], "a price is given for no/such, and the run has scripted"),
        (["ask", "Q", "-", "file"], "- reads standard input as the whole input"),
        (["ask", "Q", "/no/such/file"], "/no/such/file"),
        (["ask", "Q", "--save", "/"], "--save / is a folder: name a file in it"),
        (["ask", "Q", "--sandbox", "lokal"], "lokal"),
        (["ask", "Q", "--offer", "fast"], "--offer fast: give a name and a model, like fast=openai/gpt-5-nano"),
        (["ask", "Q", "--route", "rlm", "-m", "nano"], "route is one of auto, always, never: not 'rlm'"),
        (["ask", "Q", "--model", "opnai/gpt"], "opnai"),
        (["ask", "Q", "--model", "openai/gpt-5-nano"], "OPENAI_API_KEY"),
        (["ask", "Q", "--env-file", "/no/such/env"], "--env-file /no/such/env can't be read: No such file"),
        (["no-such-command"], "No such command 'no-such-command'"),
        (["show", "no-such-run"], "no run named no-such-run"),
        (["ask", "Q", "a text " * 50], "File name too long"),
        (["ask", "Q", "--profile", "p" * 300], "no profile 'ppp"),
        (["show", "r" * 300], "no run named rrr"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_in_one_or_two_lines_with_status_2(rlm: Rlm, arguments: list[str], told: str) -> None:
    done = rlm(*arguments, script=None if "--model" in arguments else [])
    assert (done.status, done.out) == (2, "")
    assert told in done.err
    assert len(done.err.splitlines()) <= 2
    assert done.err.startswith("rlm: ")


def test_a_budget_needs_a_price(rlm: Rlm, book: Path) -> None:
    done = rlm("ask", "Q", str(book), "--budget", "1", script=[], price=None)
    assert done.status == 2
    assert "the price of scripted is not known" in done.err
    assert "--price IN/OUT" in done.err
    named = ["--model", "scripted", "--price", "1000/2000"]
    done = rlm("ask", "Q", str(book), "--budget", "9", *named, script=[cell("FINAL(1)")], price=None)
    assert (done.status, done.out) == (0, "1\n")
    assert re.search(r"\$0\.[1-9]", done.err)


def test_a_price_can_say_what_caches_cost_and_of_which_model(rlm: Rlm, book: Path) -> None:
    usage = Usage(1, 1_000_000, 0, cached_tokens=500_000, cache_write_tokens=100_000)
    named = ["--model", "scripted", "--price", "9/9", "--price", "scripted=1/2/0.1/1.25"]
    reply = Reply(cell("FINAL(1)"), usage, None)
    done = rlm("ask", "Q", str(book), *named, "--json", script=[reply], price=Price(5.0, 5.0))
    assert json.loads(done.out)["cost"] == pytest.approx(0.4 * 1 + 0.5 * 0.1 + 0.1 * 1.25)


def test_a_provider_that_never_answers_is_status_1(rlm: Rlm, book: Path) -> None:
    done = rlm("ask", "Q", str(book), "--json", script=[LMUnavailableError("503 from the provider")])
    assert done.status == 1
    assert json.loads(done.out) == {
        "status": "failed",
        "error": "LMUnavailableError",
        "reason": "503 from the provider",
    }
    assert done.err == "rlm: 503 from the provider\n"


def test_no_sandbox_is_status_4(rlm: Rlm, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise SandboxUnavailableError("no Landlock here: use a kernel of 5.13 or newer")

    monkeypatch.setattr("rlm.engine.find_launcher", refuse)
    done = rlm("ask", "Q", str(book), script=[])
    assert (done.status, done.err) == (4, "rlm: no Landlock here: use a kernel of 5.13 or newer\n")


def test_show_code_without_a_terminal_is_plain_text(rlm: Rlm, book: Path) -> None:
    script = [cell("x = context[:3]\nprint('\\x1b[2J', x)"), cell("FINAL(x)")]
    done = rlm("ask", "Who?", str(book), "--show-code", script=script)
    assert done.out == "Ann\n"
    assert "├── x = context[:3]\n│   print('\\x1b[2J', x)\n└── \\x1b[2J Ann\n" in done.err
    assert "\x1b" not in done.err


def test_a_saved_run_is_one_private_file_that_show_reads(rlm: Rlm, book: Path, tmp_path: Path) -> None:
    saved = tmp_path / "run.jsonl"
    rlm("ask", "Who is tall?", str(book), "--save", str(saved), script=[cell("FINAL('A' * 300)")])
    assert saved.stat().st_mode & 0o777 == 0o600
    shown = rlm("show", str(saved))
    assert shown.status == 0
    assert "Who is tall?" in shown.out
    assert "answer: " + "A" * 300 in shown.out
    assert "$s" not in saved.read_text()


def test_a_run_that_can_not_be_saved_has_still_printed_its_answer(rlm: Rlm, book: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    done = rlm("ask", "Who is tall?", str(book), "--save", str(full), script=[cell("FINAL('Ann')")])
    assert (done.status, done.out) == (2, "Ann\n")
    assert done.err.endswith(f"rlm: the run can't be saved to {full}: No space left on device\n")


def test_the_model_in_the_box_is_announced_in_one_line(rlm: Rlm, book: Path) -> None:
    done = rlm("ask", "Who?", str(book), script=[cell("FINAL(1)")], name="nano")
    note, _, summary = done.err.partition("\n")
    assert note == "rlm: no model configured, no key found: asking nano, the one in the box"
    assert summary.startswith("rlm: done")
    assert "no model" not in rlm("ask", "Who?", str(book), "-m", "nano", script=[cell("FINAL(1)")], name="nano").err


@pytest.mark.parametrize(
    ("typed", "status", "told"),
    [
        (
            "--sandbox unconfined --require files",
            4,
            "rlm: the sandbox 'unconfined' does not enforce files on this mach",
        ),
        pytest.param(  # to import the SDK takes a second
            "--mcp no-such-program",
            1,
            "rlm: the MCP server no-such-program can't be used: FileNotFoundError: ",
            marks=pytest.mark.slow,
        ),
        ("--timeout 0", 2, "rlm: --timeout 0 leaves no time: give seconds, or leave it out for as long as it takes"),
    ],
)
def test_where_nothing_is_asked_no_model_is_announced(rlm: Rlm, book: Path, typed: str, status: int, told: str) -> None:
    done = rlm("ask", "Who?", str(book), *typed.split(), script=["never asked"], name="nano")
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith(told)
    assert done.err.count("\n") == 1


def test_a_model_is_announced_once_in_a_session(rlm: Rlm, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Who?\nAnd who else?\n"))
    done = rlm("chat", str(book), script=[cell("FINAL(1)"), cell("FINAL(2)")], name="nano")
    assert (done.status, done.out) == (0, "1\n2\n")
    assert done.err.startswith("rlm: no model configured, no key found: asking nano, the one in the box\n")
    assert done.err.count("no model configured") == 1


def test_an_env_file_is_read_only_where_it_is_named(
    rlm: Rlm, book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("RLM_TEST_A=hostile\n")
    named = tmp_path / "keys"
    named.write_text("# keys\nexport RLM_TEST_B='b # b'\nRLM_TEST_C = c # c\nRLM_TEST_D=ours\n\n")
    monkeypatch.chdir(tmp_path)
    for name in "ABC":  # set and deleted, so that they are restored to nothing afterwards
        monkeypatch.setenv(f"RLM_TEST_{name}", "")
        monkeypatch.delenv(f"RLM_TEST_{name}")
    monkeypatch.setenv("RLM_TEST_D", "mine")
    rlm("ask", "Who?", str(book), "--env-file", str(named), script=[cell("FINAL(1)")])
    assert [os.environ.get(f"RLM_TEST_{name}") for name in "ABCD"] == [None, "b # b", "c", "mine"]


def test_a_bad_line_of_an_env_file_is_named_and_not_quoted(rlm: Rlm, tmp_path: Path) -> None:
    named = tmp_path / "keys"
    named.write_text("A=1\nsecret value\n")
    done = rlm("ask", "Who?", "--env-file", str(named))
    assert (done.status, done.err) == (2, f"rlm: --env-file {named}, line 2: expected NAME=value\n")


def test_models_can_be_offered_to_cells(rlm: Rlm, book: Path) -> None:
    script = [cell("FINAL(llm_query('a', model='fast'))"), "from the fast one"]
    done = rlm("ask", "Q", str(book), "--offer", "fast=openai/gpt-5-nano", script=script)
    assert done.out == "from the fast one\n"


def test_the_way_can_be_said(rlm: Rlm, book: Path) -> None:
    done = rlm("ask", "Q", str(book), "--json", "--route", "always", script=["a plain call"])
    assert json.loads(done.out)["route"] == "direct"
    assert json.loads(done.out)["route_reason"] == 'route="always"'


def test_options_reach_the_run(rlm: Rlm, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = {"a/root": Scripted([cell("FINAL(llm_query('x'))")]), "a/sub": Scripted(["from the sub-model"])}
    monkeypatch.setattr("rlm.engine.resolve", lambda spec: models[spec])
    named = ["--model", "a/root", "--sub-model", "a/sub", "--sandbox", "unconfined"]
    done = rlm("ask", "Q", str(book), *named, "--budget", "5", "--timeout", "9", "--max-turns", "4", "--json")
    result = json.loads(done.out)
    assert result["answer"] == "from the sub-model"
    begin = next(iter(store.read(Path(result["trace"]))))
    assert isinstance(begin, RunBegin)
    assert begin.sandbox == "unconfined"
    assert [begin.limits[name] for name in ("usd", "seconds", "turns")] == [5, 9, 4]


def test_the_time_is_up_and_what_there_is_is_printed(rlm: Rlm, book: Path) -> None:
    script = [cell("answer['content'] = 'so far'\nimport time\ntime.sleep(60)"), "no cell"]
    done = rlm("ask", "Q", str(book), "--timeout", "0.5", script=script)
    assert (done.status, done.out) == (3, "so far\n")
    assert done.err.splitlines()[-2] == "rlm: the limit of 0.5 s is reached"
    assert done.err.endswith(" (--limits raises a limit)\n")


def test_the_money_is_spent_and_what_there_is_is_printed(rlm: Rlm, book: Path) -> None:
    script = [Reply(cell("answer['content'] = 'so far'"), Usage(1, 1000, 400), 1.4)]
    done = rlm("ask", "Q", str(book), "--budget", "2", script=script, price=Price(1000.0, 1000.0))
    assert (done.status, done.out) == (3, "so far\n")
    assert done.err.splitlines()[-2] == "rlm: the limit of $2 is reached: $1.4000 is spent"
    assert done.err.endswith(" (--limits raises a limit)\n")


def test_a_run_that_ended_before_its_input_was_loaded_is_not_to_be_resumed(rlm: Rlm) -> None:
    asked = rlm("ask", "Q", "--route", "never", "--timeout", "0.0000001", script=["```repl\nFINAL('yes')\n```"])
    assert (asked.status, asked.out) == (1, "")
    assert "is reached, before the input was loaded" in asked.err
    assert "rlm resume" not in asked.err
