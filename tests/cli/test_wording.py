"""Errors about options, in words that the command line and Python share."""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

Rlm = Callable[..., SimpleNamespace]
SOURCE = Path(__file__).parents[2] / "src" / "rlm"
HELP = "(rlm ask --help lists what there is)"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("Ann is tall.")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("--cpus 1.5", "the sandbox 'local' keeps a whole number of `cpus`, not 1.5"),
        ("--network a.b", "the sandbox 'local' can't keep `network`; one that can: modal, e2b, daytona, prime"),
        ("--cpus -1", "cpus must be above 0, not -1.0"),
        ("--disk 0", "disk_mb must be a whole number, 1 or more, not 0"),
        ("--output a.txt", "output must be a folder, and {here}/a.txt is none"),
        ("--file b=none", "files['b'] is not there: {here}/none"),
        ("--env 1a=2", "env has '1a', which is not a variable's name"),
        ("--image x --package y", "image and packages exclude each other: put the packages into the image"),
        ("--sandbox ssh", "the sandbox 'ssh' needs a host: give its option `host`, such as me@box"),
        ("--route x", "route is one of auto, always, never: not 'x'"),
        ("--cpus abc", f"Invalid value for '--cpus': 'abc' is not a number. {HELP}"),
        ("--budget abc", f"Invalid value for '--budget': 'abc' is not a number. {HELP}"),
        ("--max-turns 1.5", f"Invalid value for '--max-turns': '1.5' is not a whole number. {HELP}"),
    ],
)
def test_an_error_names_the_option(rlm: Rlm, typed: str, told: str, tmp_path: Path) -> None:
    done = rlm("ask", "Who?", "a.txt", *typed.split(), script=["never asked"])
    assert (done.status, done.out, done.err) == (2, "", f"rlm: {told.format(here=tmp_path)}\n")


def test_what_is_not_enforced(rlm: Rlm) -> None:
    done = rlm(
        "ask", "Who?", "a.txt", "--sandbox", "unconfined", "--require", "files", "--json", script=["never asked"]
    )
    told = "the sandbox 'unconfined' does not enforce files on this machine: "
    told += "choose one that does, or leave them out of `require`"
    assert (done.status, done.err.splitlines()[-1]) == (4, f"rlm: {told}")
    assert f'"reason": "{told}"' in done.out


def test_a_key_that_is_missing(rlm: Rlm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    done = rlm("ask", "Who?", "a.txt", "--model", "openai/gpt-5")
    told = "rlm: openai/gpt-5 at api.openai.com needs a key: set OPENAI_API_KEY\n"
    assert (done.status, done.err) == (2, told)


def test_no_error_tells_to_pass_what_only_python_can() -> None:
    """`name` is read as an option in Python, on the command line and in the config file alike, and name= is not."""
    only_python = re.compile(r"\b(pass|give|use|set|or|for) [a-z_]+=($|\W|None|True|False)", re.MULTILINE)
    texts = {path: text for path in SOURCE.rglob("*.py") if only_python.search(text := path.read_text())}
    found = [
        f"{path}:{told.lineno}: {told.value}"
        for path, text in texts.items()
        for raised in ast.walk(ast.parse(text))
        if isinstance(raised, ast.Raise)
        for told in ast.walk(raised)
        if isinstance(told, ast.Constant) and isinstance(told.value, str) and only_python.search(told.value)
    ]
    assert found == []
