"""`packages` and `cpus` where workers run on this machine."""

import asyncio
import errno
import os
import time
from pathlib import Path

import pytest

from rlm.errors import ConfigError, SandboxError
from rlm.sandbox import packages
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.options import Sandbox
from sandbox.launchers import far
from sandbox.support import run_cells
from sandbox.wheels import make_wheel, only_from

HERE = pytest.mark.parametrize("name", ["local", "unconfined", "bubblewrap"])
SLOW = pytest.mark.slow  # pip takes a second each time
CPUS = len(os.sched_getaffinity(0))
WIDER = "import os\ntry:\n    os.sched_setaffinity(0, range(CPUS))\nexcept OSError as error:\n    print(error.errno)\n"
ASKS = "import os\nlen(os.sched_getaffinity(0))"


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    make_wheel(tmp_path, "rlm-example", "value = 42")
    make_wheel(tmp_path, "click", "value = 'ours'", "99.0")  # a name that the host has, too
    make_wheel(tmp_path, "json", "value = 'a standard module can not be replaced'")
    only_from(monkeypatch, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["local", *(pytest.param(name, marks=SLOW) for name in ("unconfined", "bubblewrap"))])
def test_packages_are_there_before_those_of_the_host_and_behind_the_standard_library(name, wheels):
    sandbox = Sandbox(name, packages=["rlm-example==1.0", "click>=99", "json"])
    (first, second) = run_cells(
        "import rlm_example, click, json\nprint(rlm_example.value, click.value, json.loads('1'))",
        "open(rlm_example.__file__, 'a')",
        launcher=sandbox,
    )
    assert (first.error, first.output) == (None, "42 ours 1\n")
    if name != "unconfined":
        assert second.error.splitlines()[-1].startswith(("PermissionError", "OSError: [Errno 30]"))


@pytest.mark.slow
def test_they_are_installed_once(wheels, monkeypatch):
    folder = packages.kept_folder(["rlm-example", "click"])
    monkeypatch.setattr(packages, "install", None)
    assert packages.kept_folder(["click", "rlm-example"]) == folder
    made = Path(folder)
    assert (made.stat().st_mode & 0o777, made.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    assert [path.name for path in made.parent.iterdir()] == [made.name]


def test_what_can_not_be_installed_leaves_nothing(wheels):
    with pytest.raises(ConfigError, match=r"packages can't be installed: .*rlm-missing"):
        run_cells("1", launcher=Sandbox("local", packages=["rlm-missing"]))
    assert list(Path(os.environ["RLM_HOME"], "packages").iterdir()) == []


@pytest.mark.slow
def test_nothing_of_a_package_runs_where_it_is_installed(tmp_path, monkeypatch):
    (tmp_path / "rlm-source-1.0.tar.gz").write_bytes(b"no wheel")
    only_from(monkeypatch, tmp_path)
    with pytest.raises(ConfigError, match="No matching distribution found for rlm-source"):
        packages.kept_folder(["rlm-source"])


@pytest.mark.slow
def test_one_that_was_quicker_is_taken(wheels, monkeypatch):
    def install(names, folder, stop, target):
        monkeypatch.undo()
        only_from(monkeypatch, wheels)
        monkeypatch.setenv("RLM_HOME", str(folder.parents[2]))
        packages.kept_folder(names)

    monkeypatch.setattr(packages, "install", install)
    folder = Path(packages.kept_folder(["rlm-example"]))
    assert (folder / "rlm_example.py").read_text() == "value = 42"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.slow
def test_what_nobody_uses_is_removed(wheels):
    kept = Path(packages.kept_folder(["rlm-example"]))
    old, left = kept.with_name("old"), kept.with_name(".installing-x")
    for path, days in ((old, 91), (left, 2), (kept, 89)):
        path.mkdir(exist_ok=True)
        os.utime(path, (0, time.time() - days * 86_400))
    again = Path(packages.kept_folder(["click"]))
    assert sorted(path.name for path in kept.parent.iterdir()) == sorted([kept.name, again.name])


def test_what_is_being_installed_ends_with_the_open_that_is_cancelled(tmp_path, monkeypatch):
    told, slow = tmp_path / "pid", tmp_path / "python"
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *--version) exit;; esac\necho $$ > {told}.new; mv {told}.new {told}\nexec sleep 60\n'
    )
    slow.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(slow))

    async def main():
        opening = asyncio.create_task(packages.opened(Sandbox("local", packages=["rlm-example"])))
        await far.until(told.exists)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(opening, 5)

    asyncio.run(main())
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)
    assert list(Path(os.environ["RLM_HOME"], "packages").iterdir()) == []


def test_an_installation_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    slow = tmp_path / "python"
    slow.write_text('#!/bin/sh\ncase "$*" in *--version) exit;; esac\nexec sleep 60\n')
    slow.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(slow))
    monkeypatch.setattr(packages, "INSTALL", 0.15)
    with pytest.raises(ConfigError, match=r"^packages can't be installed: it took more than 0\.15 s$"):
        packages.kept_folder(["rlm-example"])


def test_a_folder_of_someone_elses_is_refused(wheels, tmp_path):
    root = Path(os.environ["RLM_HOME"], "packages")
    root.mkdir(mode=0o777, parents=True)
    root.chmod(0o777)
    with pytest.raises(SandboxError, match="is not a folder that you alone can write to; remove it"):
        packages.kept_folder(["rlm-example"])


def test_pip_is_needed(monkeypatch):
    monkeypatch.setattr(packages, "_has_pip", lambda python: False)
    with pytest.raises(ConfigError, match="`packages` needs pip on this machine: python -m ensurepip"):
        packages.kept_folder(["x"])


@HERE
def test_a_worker_uses_no_more_cpus(name):
    one, wider, asked, forked = run_cells(
        ASKS,
        WIDER.replace("CPUS", str(CPUS)),
        ASKS,
        "import threading\nseen = []\n"
        "one = threading.Thread(target=lambda: seen.append(len(os.sched_getaffinity(0))))\n"
        "one.start()\none.join()\nseen",
        launcher=Sandbox(name, cpus=1),
    )
    assert one.output == "1\n"
    if name == "unconfined":  # nothing is stopped there
        assert (wider.output, asked.output) == ("", f"{CPUS}\n")
    else:
        assert (wider.output, asked.output, forked.output) == (f"{errno.ENOSYS}\n", "1\n", "[1]\n")


@HERE
def test_more_cpus_than_there_are_is_all(name):
    assert run_cells(ASKS, launcher=Sandbox(name, cpus=4096.0))[0].output == f"{CPUS}\n"


@HERE
def test_a_part_of_a_cpu_is_refused(name):
    with pytest.raises(ConfigError, match=f"the sandbox '{name}' keeps a whole number of `cpus`, not 0.5"):
        find_launcher(Sandbox(name, cpus=0.5))


@pytest.mark.slow
def test_a_file_of_the_working_folder_is_no_package(tmp_path, monkeypatch):
    make_wheel(tmp_path, "rlm-example", "")
    (tmp_path / "rlm_example.zip").write_bytes(b"")  # pip would build what lies there
    monkeypatch.chdir(tmp_path)
    only_from(monkeypatch, tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"No such file or directory: '.*rlm_example\.zip'"):
        packages.kept_folder(["rlm_example.zip"])
