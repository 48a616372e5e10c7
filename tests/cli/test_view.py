"""`rlm ask --view`: the page of a run, served beside it and opened with its first event."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlm.cli.view import Beside

Rlm = Callable[..., SimpleNamespace]


def test_the_run_is_opened_while_it_goes_on_and_served_after_it(rlm: Rlm, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    listed: list[str] = []

    def wait(page: Beside) -> None:
        with urllib.request.urlopen(opened[0].partition("#")[0] + "api/runs") as answer:
            listed.extend(run["run"] for run in json.load(answer))
        page._server.shutdown()
        page._server.server_close()

    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(Beside, "wait", wait)
    asked = rlm("ask", "Q", "--view", "--json", script=["```repl\nFINAL('yes')\n```"])
    answer = json.loads(asked.out)
    assert (asked.status, answer["response"], listed) == (0, "yes", [answer["run_id"]])
    assert opened[0].endswith(f"#run/{answer['run_id']}")
    assert f"rlm: shown at {opened[0]}\n" in asked.err


def test_ctrl_c_ends_the_page(rlm: Rlm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: None)

    class Interrupted(Beside):
        def __init__(self, folder: Path | None = None) -> None:
            super().__init__(folder)
            thread, self._thread = self._thread, SimpleNamespace(join=self._interrupt)  # type: ignore[assignment]
            self.served = thread

        def _interrupt(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr("rlm.cli.view.Beside", Interrupted)
    asked = rlm("ask", "Q", "--view", script=["```repl\nFINAL('yes')\n```"])
    assert (asked.status, asked.out) == (0, "yes\n")
    assert asked.err.endswith("rlm: the page is still served; Ctrl-C ends it\n")
