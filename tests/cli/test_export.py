"""`rlm export` and `rlm import`."""

import json
import stat
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlm.trace import runs
from rlm.trace.store import read
from rlm.viewer import input_text

Rlm = Callable[..., SimpleNamespace]


@pytest.fixture
def name(rlm: Rlm) -> str:
    rlm("ask", "Who <b>?", script=["```repl\nprint('out')\nFINAL('Ann')\n```"])
    return runs.names(runs.folder())[0]


def test_each_format_on_standard_output_and_in_a_file(rlm: Rlm, name: str, tmp_path: Path) -> None:
    for to in ("json", "openai-messages", "reference-jsonl", "html"):
        shown = rlm("export", name[:-2], "--to", to)
        assert (shown.status, shown.err) == (0, "")
        assert "Ann" in shown.out
        written = rlm("export", "last", "--to", to, "-o", str(tmp_path / to))
        assert (written.status, written.out) == (0, "")
        assert (tmp_path / to).read_text() == shown.out
        assert stat.S_IMODE((tmp_path / to).stat().st_mode) == 0o600
    assert json.loads((tmp_path / "json").read_text())["begin"]["run_id"] == name
    assert (tmp_path / "html").read_text().startswith("<!doctype html>")


def test_the_page_is_the_default(rlm: Rlm, name: str) -> None:
    assert rlm("export").out.startswith("<!doctype html>")


def test_a_saved_file_can_be_exported(rlm: Rlm, tmp_path: Path) -> None:
    rlm("ask", "Who?", "--save", str(tmp_path / "run"), script=["```repl\nFINAL('Ann')\n```"])
    assert json.loads(rlm("export", str(tmp_path / "run"), "--to", "json").out)["end"]["response"] == "Ann"


def test_a_log_of_the_reference_system_becomes_a_run(rlm: Rlm, name: str, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    rlm("export", "--to", "reference-jsonl", "-o", str(log))
    made = rlm("import", str(log))
    imported = made.out.strip()
    assert made.status == 0
    assert imported != name
    began = [datetime.strptime(one[:15], "%Y%m%d-%H%M%S") for one in (name, imported)]
    assert abs((began[0] - began[1]).total_seconds()) <= 2, "named by when it began"
    shown = rlm("show", imported)
    assert (shown.status, "print('out')" in shown.out, "answer: Ann" in shown.out) == (0, True, True)
    events = list(read(runs.find(imported)))
    assert events[0].run_id == imported  # type: ignore[attr-defined]
    assert stat.S_IMODE(runs.find(imported).stat().st_mode) == 0o700
    assert rlm("export", imported, "--to", "reference-jsonl").status == 0


def test_what_can_not_be(rlm: Rlm, name: str, tmp_path: Path) -> None:
    assert rlm("export", "--to", "pdf").err == (
        "rlm: --to is one of html, json, openai-messages, reference-jsonl, otel: not 'pdf'\n"
    )
    nowhere = rlm("export", "--to", "json", "-o", str(tmp_path / "no" / "file"))
    assert nowhere.status == 2
    assert nowhere.err == f"rlm: the run can't be exported to {tmp_path / 'no' / 'file'}: No such file or directory\n"
    missing = rlm("import", str(tmp_path / "none"))
    assert (missing.status, missing.err) == (2, f"rlm: no log at {tmp_path / 'none'}: No such file or directory\n")
    (tmp_path / "bad").write_text("{}\n{")
    bad = rlm("import", str(tmp_path / "bad"))
    assert bad.status == 2
    assert "line 2: not JSON" in bad.err
    assert runs.names(runs.folder()) == [name], "nothing is left of it"


def test_a_page_of_a_saved_file(rlm: Rlm, tmp_path: Path) -> None:
    saved = tmp_path / "saved.jsonl"
    rlm("ask", "Who?", "--save", str(saved), script=["```repl\nFINAL('Ann')\n```"])
    shown = rlm("export", str(saved))
    assert (shown.status, shown.out[:15]) == (0, "<!doctype html>")
    assert '"Ann"' in shown.out


def test_the_input_is_in_a_page_or_not(rlm: Rlm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = tmp_path / "book.txt"
    book.write_text("unheard of\n" * 99)
    rlm("ask", "Who?", str(book), script=["```repl\nFINAL('Ann')\n```"])
    assert rlm("export").out.count("unheard of") == 99
    assert "unheard of" not in rlm("export", "--without-input").out
    said = rlm("export", "--to", "json", "--with-input")
    assert (said.status, said.err) == (2, "rlm: --with-input and --without-input are for --to html\n")
    with monkeypatch.context() as patch:
        patch.setattr(input_text, "LARGEST", 1000)
        much = rlm("export", "--with-input")
        message = "rlm: the input has 1,089 characters, and a page holds 1,000 at most: leave --with-input out\n"
        assert (much.status, much.out, much.err) == (2, "", message)
    book.unlink()
    gone = rlm("export", "--with-input")
    assert (gone.status, gone.out) == (2, "")
    assert rlm("export").out.startswith("<!doctype html>")


def test_a_page_of_a_trace_without_its_strings_or_events(rlm: Rlm, name: str) -> None:
    pack = runs.folder() / name / "strings.pack"
    pack.unlink()
    said = rlm("export")
    assert (said.status, said.err) == (2, f"rlm: no trace at {pack.parent}: No such file or directory\n")
    pack.touch()
    (pack.parent / "events.jsonl").write_bytes(b'{"type": "run_')
    said = rlm("export")
    assert (said.status, said.err) == (2, f"rlm: the run {name} was killed before its first event\n")


def test_a_terminal_is_spared(rlm: Rlm, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for form in ("html", "json", "openai-messages", "reference-jsonl"):
        refused = rlm("export", "--to", form)
        message = f"rlm: a whole run as {form} is not for a terminal: give -o FILE (-o - writes it here)\n"
        assert (refused.status, refused.out, refused.err) == (2, "", message)
    assert rlm("export", "-o", "-").out.startswith("<!doctype html>")
    assert rlm("export", "-o", str(tmp_path / "run.html")).status == 0
