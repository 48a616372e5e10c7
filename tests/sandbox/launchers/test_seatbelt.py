"""`seatbelt`, as far as it can be tested off macOS: its profile, its refusals, that it tries itself, its watchdog."""

import asyncio
import contextlib
import os
import sys

import pytest

from rlm.context import load
from rlm.errors import ConfigError, SandboxUnavailableError
from rlm.sandbox import ps
from rlm.sandbox.launchers import seatbelt
from rlm.sandbox.launchers.seatbelt import SeatbeltLauncher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.seatbelt_profile import profile
from rlm.sandbox.session import Session
from rlm.sandbox.spawned import SpawnedRun
from rlm.types import Cell, Limits
from sandbox.support import FUNCTIONS, echo
from sandbox.wheels import make_wheel, only_from


@pytest.fixture
def on_macos(monkeypatch, tmp_path):
    """macOS, and a `sandbox-exec` of the test's: a script whose `$@` is what is to be run."""

    def with_script(script):
        path = tmp_path / "bin"
        path.mkdir(exist_ok=True)
        (path / "sandbox-exec").write_text(f"#!/bin/sh\nshift 2\n{script}\n")
        (path / "sandbox-exec").chmod(0o700)
        monkeypatch.setenv("PATH", str(path), prepend=":")

    monkeypatch.setattr(seatbelt, "_on_macos", lambda: True)
    seatbelt._try.cache_clear()
    yield with_script
    seatbelt._try.cache_clear()


def test_the_profile_allows_what_is_named_and_nothing_else(tmp_path):
    (tmp_path / 'a "b').mkdir()
    lines = profile([str(tmp_path / 'a "b'), "/usr/share/zoneinfo"], [str(tmp_path)]).splitlines()
    assert lines[:3] == ["(version 1)", "(deny default)", "(allow process-fork)"]
    assert lines[3].startswith(f'(allow process-exec (literal "{os.path.realpath(sys.executable)}") (literal "')
    readable = next(line for line in lines if line.startswith("(allow file-read* (literal") and "zoneinfo" in line)
    assert f'(subpath "{tmp_path}/a \\"b")' in readable
    assert '(subpath "/usr/share/zoneinfo")' in readable
    assert f'(subpath "{os.path.expanduser("~")}")' not in readable
    assert lines[-1] == f'(allow file-read* file-write* (subpath "{tmp_path}"))'
    assert not any("network" in line or "mach" in line or "allow default" in line for line in lines)
    assert "file-write*" not in profile([])
    for line in lines:
        assert line.count("(") == line.count(")")


def test_it_refuses_elsewhere():
    launcher = SeatbeltLauncher()
    assert launcher.why_not() == "seatbelt is a part of macOS; use the sandbox 'local' here"
    assert launcher.enforces() == frozenset()
    with contextlib.closing(load("x")) as context, pytest.raises(SandboxUnavailableError, match="a part of macOS"):
        asyncio.run(launcher.open(context, Limits()))
    with pytest.raises(
        ConfigError, match="'seatbelt' can't keep `cpus`: macOS binds no process to CPUs; one that can: "
    ):
        SeatbeltLauncher(Sandbox("seatbelt", cpus=1))


def test_one_that_does_not_hold_is_found_out(on_macos):
    on_macos('exec "$@"')
    assert SeatbeltLauncher().why_not() == (
        "sandbox-exec does not hold here: a cell could read a file, list a folder, write a file, reach the network, "
        "start a program"
    )
    assert SeatbeltLauncher().enforces() == frozenset()


def test_one_that_does_not_start_is_told(on_macos):
    on_macos("echo 'profile: no such operation' >&2; exit 65")
    assert SeatbeltLauncher().why_not() == (
        "Python does not start in sandbox-exec: profile: no such operation; use the sandbox 'docker'"
    )


def test_one_that_holds_runs_cells(on_macos):
    # What is tried runs where nothing is allowed, and workers as they are: `sandbox-exec` itself is macOS's to have.
    on_macos('case "$*" in *"Tries, inside"*) echo end;; *) exec "$@";; esac')
    launcher = SeatbeltLauncher()
    assert launcher.why_not() is None
    assert launcher.enforces() == {"files", "network"}
    assert (
        run(launcher, "len(context)", "import os\nos._exit(3)", "llm_query(question)")[2].output == "'llm_query why?'\n"
    )


@pytest.mark.slow
def test_packages_are_installed_here_and_readable(on_macos, tmp_path, monkeypatch):
    told = tmp_path / "profile"
    on_macos('case "$*" in *"Tries, inside"*) echo end;; *) exec "$@";; esac')
    script = tmp_path / "bin" / "sandbox-exec"
    script.write_text(script.read_text().replace("shift 2", f'echo "$2" > {told}; shift 2'))
    make_wheel(tmp_path, "rlm-example", "value = 42")
    only_from(monkeypatch, tmp_path)
    (result,) = run(
        SeatbeltLauncher(Sandbox("seatbelt", packages=["rlm-example"])), "import rlm_example\nprint(rlm_example.value)"
    )
    assert result.output == "42\n"
    (folder,) = (tmp_path / os.environ["RLM_HOME"] / "packages").iterdir()
    (readable,) = [line for line in told.read_text().splitlines() if f'(subpath "{folder}")' in line]
    assert readable.startswith("(allow file-read* ")
    assert "file-write*" not in told.read_text()


def run(launcher, *codes, limits=Limits(cell_seconds=5)):  # noqa: B008
    async def main():
        with contextlib.closing(load("one two\n")) as context:
            environment = await launcher.open(context, limits)
        one = Session(environment, functions=FUNCTIONS, question="why?", limits=limits, max_output=2000, on_call=echo)
        try:
            return [await one.run(Cell(code)) for code in codes]
        finally:
            await one.close()
            await environment.close()

    return asyncio.run(main())


class Watched:
    async def open(self, context, limits):
        return SpawnedRun(context, memory_bytes=limits.memory_mb << 20)


def test_memory_is_watched():
    cells = run(
        Watched(),
        "import time\nx = bytearray(b'x') * (200 << 20)\ntime.sleep(4)",
        "'x' in globals()",
        limits=Limits(memory_mb=64, cell_seconds=5),
    )
    assert (cells[0].lost, cells[1].output) == ("it used more memory than it may", "False\n")


def test_ps_tells_what_a_tree_uses():
    used = ps.used()
    mine = used[os.getpid()]
    assert mine.memory > 10 << 20
    assert mine.cpu >= 0
    assert used[1].memory >= mine.memory


@pytest.mark.parametrize(
    ("told", "seconds"), [("2:03.45", 123.45), ("00:00:07", 7), ("02:03:04", 7384), ("1-02:03:04", 93784)]
)
def test_times_of_ps(told, seconds):
    assert ps._seconds(told) == pytest.approx(seconds)


def test_where_ps_fails_nothing_is_known(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ps.used() == {}
