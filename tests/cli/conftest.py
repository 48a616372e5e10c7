"""A command line whose model is a script."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest
import typer.main

from rlm.cli import main
from rlm.lms.scripted import Line, Scripted


@dataclass
class Result:
    status: int
    out: str
    err: str


made_once = functools.cache(typer.main.get_command)


@pytest.fixture(autouse=True)
def _one_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands and options are made once: to make them for each command that a test gives took half the time."""
    monkeypatch.setattr(typer.main, "get_command", made_once)


@pytest.fixture
def rlm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs the command in this process: `rlm("ask", "Q", script=[...])`."""

    def run(*arguments: str, script: Iterable[Line] | None = None, **options: object) -> Result:
        if script is not None:
            model = Scripted(script, **options)  # type: ignore[arg-type]
            monkeypatch.setattr("rlm.engine.resolve", lambda spec: model)
        status = main(list(arguments))
        out, err = capsys.readouterr()
        return Result(status, out, err)

    return run
