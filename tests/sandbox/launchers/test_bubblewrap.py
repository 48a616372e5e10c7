"""`bubblewrap`: what is inside, what comes out, and that nothing is left of it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from rlm.context import load
from rlm.errors import ConfigError, SandboxError, SandboxUnavailableError
from rlm.sandbox import namespaces
from rlm.sandbox.launchers import bubblewrap, find_launcher
from rlm.sandbox.launchers.bubblewrap import BubblewrapLauncher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.session import Session
from rlm.types import Cell, Limits
from sandbox.support import FUNCTIONS, descendants, echo, open_fds

TESTS = Path(__file__).parents[2]


def run(*codes, value="one two\n", sandbox=None, limits=Limits(cell_seconds=5)):  # noqa: B008
    """The results of cells in one worker."""

    async def main():
        with contextlib.closing(load(value)) as context:
            environment = await BubblewrapLauncher(sandbox).open(context, limits)
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


@pytest.fixture(params=[namespaces._AS_ROOT, namespaces._AS_USER] if os.geteuid() == 0 else [namespaces._AS_USER])
def each_way(request, monkeypatch):
    """Root has two ways to namespaces, and others one."""
    namespaces.arguments.cache_clear()
    monkeypatch.setattr(namespaces, "_AS_ROOT", request.param)
    yield
    namespaces.arguments.cache_clear()


def test_it_enforces_all_there_is():
    launcher = find_launcher("bubblewrap")
    assert launcher.why_not() is None
    assert launcher.enforces() == {"files", "network", "memory", "time", "cpu", "processes", "disk"}


@pytest.mark.usefixtures("each_way")
def test_there_is_nothing_inside_but_what_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("from the host")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one.csv").write_text("1")
    sandbox = Sandbox("bubblewrap", files={"notes": tmp_path / "notes.txt", "data": tmp_path / "data"}, env={"A": "b"})
    cells = run(
        "import os, socket\nprint(open(files['notes']).read(), os.listdir(files['data']), dict(os.environ))",
        "open('/tmp/a', 'w').write('1'); print(os.listdir('/tmp'), os.getpid() < 10, socket.gethostname())",
        f"open({str(tmp_path / 'notes.txt')!r})",
        "open(files['notes'], 'a')",
        "open('/etc/hostname')",
        "os.listdir('/')",
        "open('/dev/shm/x', 'w')",
        "socket.socket()",
        "os.fork()",
        "llm_query(question)",
        sandbox=sandbox,
    )
    assert cells[0].output == "from the host ['one.csv'] {'A': 'b'}\n"
    assert cells[1].output == "['a'] True rlm\n"
    said = [cell.error.splitlines()[-1].split(":")[0] for cell in cells[2:9]]
    assert said == ["FileNotFoundError", "OSError", *["FileNotFoundError", "PermissionError"] * 2, "PermissionError"]
    assert cells[9].output == "'llm_query why?'\n"


@pytest.mark.usefixtures("each_way")
def test_memory_and_time_are_limited():
    hog, spin, after = run(
        "x = bytearray(300 << 20)",
        "while True: pass",
        "'x' in globals()",
        limits=Limits(memory_mb=200, cell_seconds=0.3),
    )
    assert hog.error.endswith("MemoryError")
    assert (spin.interrupted, spin.lost) == (True, None)
    assert after.output == "False\n"


def test_what_may_be_written_is_sized_and_read_only_beyond_that(tmp_path):
    code = """
        import errno, os, tempfile
        try:
            for i in range(10):
                with open(f"/tmp/{i}", "wb") as file:
                    file.write(bytes(1 << 20))
        except OSError as error:
            print(errno.errorcode[error.errno])
        os.remove("/tmp/0")
        with tempfile.TemporaryDirectory() as folder:
            print(os.path.dirname(folder))
    """
    (cell,) = run(textwrap.dedent(code), sandbox=Sandbox("bubblewrap", disk_mb=4))
    assert (cell.output, cell.error) == ("ENOSPC\n/tmp\n", None)


def test_the_output_folder_comes_back(tmp_path):
    target = tmp_path / "new" / "results"
    code = "import os\nos.makedirs(output_folder + '/a/b')\nopen(output_folder + '/a/b/c.txt', 'w').write(question)"
    run(code, "open('/tmp/scratch', 'w').write('stays')", sandbox=Sandbox("bubblewrap", output=target))
    assert [str(path.relative_to(target)) for path in sorted(target.rglob("*"))] == ["a", "a/b", "a/b/c.txt"]
    assert (target / "a/b/c.txt").read_text() == "why?"


def test_files_are_counted_too(monkeypatch):
    monkeypatch.setattr(bubblewrap, "MAX_FILES", 100)
    (cell,) = run("for i in range(200): open(f'/tmp/{i}', 'w').close()")
    assert cell.error.endswith("OSError: [Errno 28] No space left on device: '/tmp/99'")


def test_a_flood_of_files_in_the_output_folder_ends_the_worker(monkeypatch, tmp_path):
    monkeypatch.setattr("rlm.sandbox.written.MAX_FILES", 100)
    monkeypatch.setattr("rlm.sandbox.written._POLL", 0.02)
    flood, after = run(
        "import time\nfor i in range(200): open(f'{output_folder}/{i}', 'w').close()\ntime.sleep(4)",
        "import os, time\nfor f in os.scandir(output_folder): os.remove(f.path)\ntime.sleep(0.1)\n'room'",
        sandbox=Sandbox("bubblewrap", output=tmp_path),
    )
    assert flood.lost == "it made more than 100 files and folders; remove some"
    assert (after.output, after.lost) == ("'room'\n", None)


def test_workers_of_a_run_share_its_input_and_end_alone():
    async def main():
        with contextlib.closing(load("one two\n")) as context:
            environment = await BubblewrapLauncher().open(context, Limits())
        first, second = [
            Session(environment, functions=(), question="", limits=Limits(), max_output=2000, on_call=echo)
            for _ in "ab"
        ]
        try:
            died = await first.run(Cell("import os\nopen('/tmp/x', 'w').close()\nos._exit(3)"))
            outputs = [
                (await one.run(Cell("import os\ncontext, os.listdir('/tmp')"))).output for one in (first, second)
            ]
            return died.lost, outputs
        finally:
            await first.close()
            await second.close()
            await environment.close()

    assert asyncio.run(main()) == ("it exited with status 3", ["('one two\\n', [])\n"] * 2)


def test_it_leaves_no_process_and_no_descriptor():
    async def main():
        launcher = BubblewrapLauncher()
        before = descendants(), open_fds()
        launcher.prepare()
        ready = len(descendants()) - len(before[0])
        with contextlib.closing(load("x")) as context:
            environment = await launcher.open(context, Limits())
            await environment.start()
            closing = asyncio.create_task(environment.close())
            await closing
        return ready, before, (descendants(), open_fds())

    ready, before, after = asyncio.run(main())
    assert ready >= 1
    assert after == before


def test_a_launcher_that_is_dropped_takes_what_it_prepared_with_it():
    before = descendants()
    launcher = BubblewrapLauncher()
    launcher.prepare()
    assert descendants() > before
    del launcher
    assert descendants() == before


def test_nothing_outlives_a_host_that_is_killed():
    program = f"""
        import asyncio, contextlib, sys
        sys.path.insert(0, {str(TESTS)!r})
        from rlm.context import load
        from rlm.sandbox.launchers.bubblewrap import BubblewrapLauncher
        from rlm.types import Cell, Limits
        from rlm.sandbox.session import Session
        from sandbox.support import descendants, echo
        async def main():
            with contextlib.closing(load("x")) as context:
                environment = await BubblewrapLauncher().open(context, Limits())
            session = Session(environment, functions=(), question="", limits=Limits(), max_output=9, on_call=echo)
            await session.start()
            spin = asyncio.create_task(session.run(Cell("while True: pass")))
            await asyncio.sleep(0.05)
            print(*descendants(), flush=True)
            await spin
        asyncio.run(main())
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE) as host:
        pids = host.stdout.readline().split()
        assert len(pids) >= 3
        watched = [os.pidfd_open(int(pid)) for pid in pids]
        os.kill(host.pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    for pidfd in watched:
        with contextlib.closing(os.fdopen(pidfd)):
            assert _ended(pidfd, deadline - time.monotonic()), "it outlived its host"


def _ended(pidfd, seconds):
    import select

    return bool(select.select([pidfd], [], [], max(0, seconds))[0])


def test_what_it_cannot_keep_it_refuses():
    with pytest.raises(ConfigError, match="'bubblewrap' can't keep `network`"):
        BubblewrapLauncher(Sandbox("bubblewrap", network=("example.org",)))


SETTINGS = (
    "kernel/apparmor_restrict_unprivileged_userns",
    "kernel/unprivileged_userns_clone",
    "user/max_user_namespaces",
)


@pytest.mark.parametrize(
    ("said", "setting", "value", "fix"),
    [
        ("bwrap: Unknown option --size", None, "", "0.7 or newer"),
        ("bwrap: setting up uid map: Permission denied", SETTINGS[0], "1", "an AppArmor profile that allows `userns`"),
        ("bwrap: No permissions to create new namespace", SETTINGS[1], "0", "kernel.unprivileged_userns_clone=1"),
        ("bwrap: No permissions to create new namespace", SETTINGS[2], "0", "user.max_user_namespaces=10000"),
        ("bwrap: Can't mount proc on /newroot/proc", None, "", "or use the sandbox 'local'"),
    ],
)
def test_it_says_what_to_do_where_it_cannot_be_used(said, setting, value, fix, tmp_path, monkeypatch):
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 1\n')
    bwrap.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(namespaces, "_setting", lambda name: value if name == setting else "")
    launcher = BubblewrapLauncher()
    why_not = launcher.why_not()
    assert why_not.startswith(f"bwrap can't make a sandbox ({said}): ")
    assert fix in why_not
    assert launcher.enforces() == frozenset()
    with contextlib.closing(load("x")) as context, pytest.raises(SandboxUnavailableError, match="can't make a sandbox"):
        asyncio.run(launcher.open(context, Limits()))


def test_it_says_how_it_is_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert BubblewrapLauncher().why_not().startswith("bwrap is not installed: apt-get install bubblewrap")


def test_a_sandbox_that_cannot_be_opened_says_what_bwrap_said(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.write_text("x")
    launcher = BubblewrapLauncher(Sandbox("bubblewrap", files={"gone": gone}))
    gone.unlink()
    with contextlib.closing(load("x")) as context, pytest.raises(SandboxError, match=r"can't be opened: bwrap: .*gone"):
        asyncio.run(launcher.open(context, Limits()))
