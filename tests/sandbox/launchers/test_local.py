"""`local` and `unconfined` with the options that are the same everywhere."""

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path

import pytest

from rlm.context import load
from rlm.errors import ConfigError
from rlm.sandbox import lockdown, written, zygotes
from rlm.sandbox.launchers import find_launcher, unconfined
from rlm.sandbox.launchers.local import LocalLauncher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.session import Session
from rlm.sandbox.trials.host import Host
from rlm.sandbox.trials.registry import attempts
from rlm.sandbox.trials.runner import Attack
from rlm.types import Cell, Limits
from sandbox.support import FUNCTIONS, echo, open_fds
from sandbox.wheels import make_wheel, only_from

BOTH = pytest.mark.parametrize("name", ["local", "unconfined", "unconfined elsewhere"])


def run(name, *codes, value="one two\n", **options):
    """The results of cells in one worker of that launcher."""
    limits = Limits(cell_seconds=5)

    async def main():
        launcher = find_launcher(Sandbox(name.split()[0], **options))
        with contextlib.closing(load(value)) as context, pytest.MonkeyPatch.context() as patch:
            if "elsewhere" in name:
                patch.setattr(unconfined.sys, "platform", "darwin")
            environment = await launcher.open(context, limits)
        session = Session(
            environment,
            functions=FUNCTIONS,
            question="why?",
            limits=limits,
            max_output=2000,
            on_call=echo,
            names=environment.names,
            env=environment.env,
        )
        try:
            return [await session.run(Cell(code)) for code in codes]
        finally:
            await session.close()
            await environment.close()

    return asyncio.run(main())


def left():
    return sorted(Path(tempfile.gettempdir()).glob("rlm-output-*"))


def test_files_are_there_by_their_paths(tmp_path):
    (tmp_path / "a.txt").write_text("named")
    (tmp_path / "b.txt").write_text("not named")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "c.txt").write_text("below")
    read, write, other = run(
        "local",
        "print(open(files['a']).read(), open(files['f'] + '/deep/c.txt').read())",
        "open(files['a'], 'a')",
        f"open({str(tmp_path / 'b.txt')!r}).read()",
        files={"a": tmp_path / "a.txt", "f": tmp_path / "folder"},
    )
    assert (read.output, read.error) == ("named below\n", None)
    assert write.error.splitlines()[-1].startswith("PermissionError")
    assert other.error.splitlines()[-1].startswith("PermissionError")


def test_unconfined_can_keep_no_file_from_being_written(tmp_path):
    with pytest.raises(ConfigError, match="'unconfined' can't keep `files`; one that can: docker, bubblewrap, local"):
        find_launcher(Sandbox("unconfined", files={"a": tmp_path}))


@BOTH
def test_the_output_folder_comes_back_and_nothing_is_left(name, tmp_path):
    zygotes.process_zygote()  # is kept
    before = left(), open_fds()
    target = tmp_path / "out"
    made, again = run(
        name,
        "import os\nos.mkdir(f'{output_folder}/sub')\nopen(f'{output_folder}/sub/a.txt', 'w').write(question)",
        "open(f'{output_folder}/sub/a.txt', 'w').write('again')",
        output=target,
        env={"LANG": "C"},
    )
    assert (made.error, again.error) == (None, None)
    assert {str(path.relative_to(target)) for path in target.rglob("*")} == {"sub", "sub/a.txt"}
    assert (target / "sub" / "a.txt").read_text() == "again"
    assert (left(), open_fds()) == before


@BOTH
def test_env_is_all_there_is(name):
    (cell,) = run(
        name,
        "import os\n{k: v for k, v in os.environ.items() if k not in ALSO}".replace(
            "ALSO", "('PYTHONHASHSEED', 'MALLOC_ARENA_MAX', 'GLIBC_TUNABLES', 'LC_CTYPE')"
        ),
        env={"A": "é"},
    )
    assert cell.output == "{'A': 'é'}\n"


@pytest.mark.slow
def test_packages_are_there_where_there_are_no_zygotes(tmp_path, monkeypatch):
    make_wheel(tmp_path, "rlm-example", "value = 42")
    only_from(monkeypatch, tmp_path)
    (cell,) = run("unconfined elsewhere", "import rlm_example\nrlm_example.value", packages=["rlm-example"])
    assert (cell.output, cell.error) == ("42\n", None)


def test_cpus_takes_linux(monkeypatch):
    monkeypatch.setattr(unconfined.sys, "platform", "darwin")
    with pytest.raises(ConfigError, match="'unconfined' keeps `cpus` on Linux only; use the sandbox 'docker'"):
        find_launcher(Sandbox("unconfined", cpus=1))


@BOTH
def test_too_much_output_ends_the_worker(name, tmp_path, monkeypatch):
    monkeypatch.setattr(written, "_POLL", 0.05)
    code = "import time\nfor i in range(9): open(f'{output_folder}/{i}', 'wb').write(bytes(1 << 20))\ntime.sleep(4)"
    with pytest.warns(UserWarning, match=r"\d of what cells wrote was not copied"):
        flood, after = run(name, code, "1", output=tmp_path, disk_mb=4)
    assert flood.lost == "it wrote more than 4 MiB; remove some"
    assert (after.output, after.lost) == ("1\n", None)


def test_no_file_of_local_grows_beyond_what_may_be_written(tmp_path):
    (cell,) = run("local", "open(f'{output_folder}/big', 'wb').write(bytes(3 << 20))", output=tmp_path, disk_mb=2)
    assert cell.error.endswith("OSError: [Errno 27] File too large")


def test_a_size_that_is_watched_is_not_enforced(tmp_path):
    assert "disk" in find_launcher(Sandbox("local")).enforces()
    assert "disk" not in find_launcher(Sandbox("local", output=tmp_path)).enforces()


def test_an_output_folder_takes_a_kernel_that_knows_truncation(tmp_path):
    with pytest.raises(ConfigError, match=r"'local' can't keep `output` here: .* takes Linux 6.2 .*'bubblewrap'"):
        LocalLauncher(Sandbox("local", output=tmp_path), landlock_abi_cap=2)


@pytest.mark.parametrize("name", ["local", "unconfined"])
@pytest.mark.parametrize("option", [{"network": ("a.b",)}, {"image": "x"}])
def test_what_cannot_be_kept_is_refused(name, option):
    with pytest.raises(ConfigError, match=rf"'{name}' can't keep `{next(iter(option))}`; one that can: "):
        find_launcher(Sandbox(name, **option))


def test_folders_of_hosts_that_died_are_removed(tmp_path):
    dead = Path(tempfile.mkdtemp(prefix="rlm-output-4194305-"))  # above every process number
    (dead / "file").touch()
    alive = Path(tempfile.mkdtemp(prefix=f"rlm-output-{os.getpid()}-"))
    run("local", "1", output=tmp_path)
    assert (dead.exists(), alive.exists()) == (False, True)
    alive.rmdir()


def test_a_run_without_an_output_removes_them_too():
    written._remove_left_once.cache_clear()
    dead = Path(tempfile.mkdtemp(prefix="rlm-output-4194305-"))
    run("local", "1")
    assert not dead.exists()


def test_an_input_that_cannot_be_loaded_leaves_no_folder(tmp_path, monkeypatch):
    async def fails(*args):
        raise OSError("no room")

    before = left()
    monkeypatch.setattr("rlm.sandbox.launchers.local.open_run", fails)
    with pytest.raises(OSError, match="no room"):
        run("local", "1", output=tmp_path)
    assert left() == before


@pytest.mark.slow
def test_a_writable_folder_opens_no_other_way_out(tmp_path):
    (tmp_path / "host").mkdir()
    host = Host(tmp_path / "host")
    readable = [*lockdown.readable(), str(host.readable)]
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lockdown, "readable", lambda: readable)
            attack = Attack(LocalLauncher(Sandbox("local", output=tmp_path / "out")), host, in_one_worker=True)
            chosen = [one for one in attempts() if one.family in ("files", "kernel", "persistence")]
            outcomes = asyncio.run(attack.run(chosen))
    finally:
        host.close()
    assert {name: outcome for name, outcome in outcomes.items() if outcome.verdict != "held"} == {}
