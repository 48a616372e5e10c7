"""`ssh`, against a real sshd on loopback."""

import asyncio
import contextlib
import gc
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from rlm.context import load
from rlm.errors import ConfigError, SandboxError, SandboxUnavailableError
from rlm.sandbox import keeper, ssh_machine
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers.ssh import SshLauncher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.session import Session
from rlm.sandbox.trials.contract import cases, run_contract
from rlm.sandbox.warm import WarmPool
from rlm.types import Cell, Limits
from sandbox.doubles.sshd import Sshd
from sandbox.support import FUNCTIONS, descendants, echo, open_fds
from sandbox.wheels import make_wheel

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[2]
LIMITS = Limits(cell_seconds=10)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    yield server
    server.close()


@pytest.fixture(autouse=True)
def tmp_of_both_sides(sshd, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(sshd.tmp))


def sandbox(sshd, host="box", options=None, **more):
    return Sandbox(
        "ssh", options={"host": host, "config": sshd.config, "python": sys.executable, **(options or {})}, **more
    )


@contextlib.asynccontextmanager
async def opened(wanted, value="one two\n", limits=LIMITS):
    with contextlib.closing(load(value)) as context:
        environment = await SshLauncher(wanted).open(context, limits)
    try:
        yield environment
    finally:
        await environment.close()


@contextlib.asynccontextmanager
async def session(environment, limits=LIMITS):
    one = Session(
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
        yield one
    finally:
        await one.close()


def run(wanted, *codes, value="one two\n", limits=LIMITS):
    async def main():
        async with opened(wanted, value, limits) as environment, session(environment, limits) as one:
            return [await one.run(Cell(code)) for code in codes]

    return asyncio.run(main())


def left():
    """What is in the temporary folder of both sides."""
    return sorted(os.listdir(tempfile.gettempdir()))


def processes():
    """Those that have to do with it: ssh, keepers, workers."""
    needle, found = tempfile.gettempdir().encode(), []
    for folder in glob.glob("/proc/[0-9]*"):
        with contextlib.suppress(OSError):
            if needle in Path(folder, "cmdline").read_bytes() + Path(folder, "environ").read_bytes():
                found.append(folder)
    return found


def settled(before, seconds=5.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and (left(), processes()) != before:
        time.sleep(0.05)
    return left(), processes()


def test_it_runs_cells_there(sshd, monkeypatch):
    monkeypatch.setenv("LC_SECRET", "sk-1")
    cells = run(
        sandbox(sshd, env={"A": "é"}),
        "x = len(context)\nllm_query(question)",
        "import os\n{k: v for k, v in os.environ.items() if k in ('A', 'TMPDIR', 'LC_SECRET', 'HOME')}",
        "while True: pass",
        "x",
        "import os\nos._exit(3)",
        "'x' in globals()",
        "open('/etc/hostname')",
        limits=Limits(cell_seconds=0.5),
    )
    assert [cell.output for cell in cells] == ["'llm_query why?'\n", "{'A': 'é'}\n", "", "8\n", "", "False\n", ""]
    assert (cells[2].interrupted, cells[2].lost) == (True, None)
    assert cells[4].lost == "it exited with status 3"
    assert "PermissionError" in cells[6].error


def test_it_keeps_the_contract(sshd):
    wanted = sandbox(sshd)
    chosen = tuple(case for case in cases() if case.group in ("ends", "options", "stops"))
    results = asyncio.run(run_contract(SshLauncher(wanted), wanted, chosen=chosen))
    assert {name: result for name, result in results.items() if result.fault or result.refused} == {}
    assert len(results) == len(chosen) > 9


def test_what_is_enforced_is_what_the_machine_said(sshd, tmp_path, monkeypatch):
    assert find_launcher(sandbox(sshd)).enforces() == {"files", "network", "memory", "time", "cpu", "processes", "disk"}
    assert "disk" not in SshLauncher(sandbox(sshd, output=tmp_path)).enforces()
    assert SshLauncher(sandbox(sshd, options={"confine": False})).enforces() == frozenset()


def test_a_machine_that_cannot_confine_is_refused(sshd, monkeypatch):
    before = left(), processes()
    whole = Session.start

    async def less(self):
        await whole(self)
        self.enforces = frozenset(("files", "memory", "processes"))

    monkeypatch.setattr(Session, "start", less)
    with pytest.raises(
        SandboxUnavailableError, match=r"ssh box: workers there can't confine disk, network: that takes"
    ):
        run(sandbox(sshd), "1")
    assert run(sandbox(sshd, options={"confine": False}), "1")[0].output == "1\n"
    assert settled(before) == before


def test_files_output_and_inputs_travel(sshd, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("named")
    wanted = sandbox(sshd, files={"f": tmp_path / "in"}, output=tmp_path / "out")
    text = "é line\n" * 40_000
    code = "open(output_folder + '/b.txt', 'w').write(open(files['f'] + '/a.txt').read() + str(len(context)))"
    (cell,) = run(wanted, code, value=text)
    assert cell.error is None
    assert (tmp_path / "out" / "b.txt").read_text() == f"named{len(text)}"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.txt"]


@pytest.fixture
def python_with_wheels(tmp_path):
    """A Python whose pip finds a wheel there, and nothing else: variables of ours don't get to the machine."""
    make_wheel(tmp_path, "rlm-example", "value = 42")
    python, real = tmp_path / "python", os.path.realpath(sys.executable)  # an environment may have no pip
    python.write_text(
        f'#!/bin/sh\nexport PIP_NO_INDEX=1 PIP_FIND_LINKS={tmp_path}\nexec {real} "$@"\n', encoding="utf-8"
    )
    python.chmod(0o755)
    return {"python": str(python)}


def test_packages_and_cpus_are_kept(sshd, python_with_wheels):
    before = left(), processes()
    wanted = sandbox(sshd, options=python_with_wheels, packages=["rlm-example==1.0"], cpus=1)
    cells = run(
        wanted,
        "import os, rlm_example\n(rlm_example.value, len(os.sched_getaffinity(0)))",
        "open(rlm_example.__file__, 'a')",
        "os.sched_setaffinity(0, range(64))",
    )
    assert cells[0].output == "(42, 1)\n"
    assert cells[1].error.splitlines()[-1].startswith("PermissionError")
    assert cells[2].error.splitlines()[-1].startswith("OSError: [Errno 38]")
    with pytest.raises(SandboxError, match=r"packages can't be installed: ssh box: .*No matching .* rlm-missing"):
        run(sandbox(sshd, options=python_with_wheels, packages=["rlm-missing"]), "1")
    assert settled(before) == before


def test_an_installation_that_is_cut_off_leaves_nothing(sshd, tmp_path):
    before = left(), processes()
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ntest "$2" = pip && exec sleep 60\nexec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)

    async def main():
        machine = ssh_machine.SshMachine(Sandbox("ssh", packages=["x"]), "box", str(python), str(sshd.config))
        await machine.connect()
        installing = asyncio.create_task(machine.install())
        while not Path(machine.folder, "pip.pid").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        installing.cancel()
        await asyncio.wait([installing])
        await machine.remove()

    asyncio.run(main())
    assert settled(before) == before


def test_cpus_takes_linux_there(sshd, monkeypatch):
    told = ssh_machine._keeper().replace("sys.platform", "'darwin'")
    monkeypatch.setattr(ssh_machine, "_keeper", lambda: told)
    with pytest.raises(SandboxUnavailableError, match="ssh box: `cpus` takes Linux there, and it is 'darwin'"):
        run(sandbox(sshd, cpus=1), "1")


def test_workers_share_connections(sshd):
    async def main():
        async with opened(sandbox(sshd)) as environment, contextlib.AsyncExitStack() as stack:
            sessions = [await stack.enter_async_context(session(environment)) for _ in range(10)]
            outputs = await asyncio.gather(*(one.run(Cell(f"{number} + 1")) for number, one in enumerate(sessions)))
            connections = len(environment._machine._connections)
            await sessions[0].close()
            again = await sessions[0].run(Cell("'again'"))
            return [cell.output for cell in outputs], connections, again.output, len(environment._machine._connections)

    outputs, connections, again, still = asyncio.run(main())
    assert outputs == [f"{number + 1}\n" for number in range(10)]
    assert (connections, again, still) == (2, "'again'\n", 2)


def test_connections_can_be_kept_warm(sshd):
    before = left(), processes()

    async def main():
        pool = WarmPool(sandbox(sshd), size=1, limits=LIMITS)
        pool.prepare()
        for _ in range(2000):
            if pool._places:
                break
            await asyncio.sleep(0.01)
        with contextlib.closing(load("one")) as context:
            environment = await pool.open(context, LIMITS)
        async with session(environment) as one:
            cell = await one.run(Cell("context"))
        await environment.close()
        await pool.aclose()
        return cell.output

    assert asyncio.run(main()) == "'one'\n"
    assert settled(before) == before


def test_what_a_command_prints_is_bounded(sshd):
    async def scene():
        machine = ssh_machine.SshMachine(sandbox(sshd), "box", sys.executable, str(sshd.config))
        await machine.connect()
        try:
            for stream in ("", "exec >&2; "):
                with pytest.raises(SandboxError, match="a command in the sandbox printed more than 1 MiB"):
                    await machine.run(f"{stream}exec cat /dev/zero")
            with pytest.raises(SandboxError, match=r"ssh box: oh$"):
                await machine.run("echo oh >&2; exit 3")
            return await machine.run("echo fine")
        finally:
            await machine.remove()

    assert asyncio.run(scene()) == "fine\n"
    gc.collect()  # what was left open would be told here
    assert not [name for name in left() if name.startswith("rlm-")]


def test_cpu_time_is_counted_while_a_cell_waits(sshd):
    async def slow(name, args):
        await asyncio.sleep(600)

    async def main():
        limits = Limits(cell_seconds=1.5)
        async with opened(sandbox(sshd), limits=limits) as environment, session(environment, limits) as one:
            one._on_call = slow
            code = "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin).start()\n"
            return await one.run(Cell(code + "llm_query('x')"))

    cell = asyncio.run(asyncio.wait_for(main(), 120))
    assert cell.interrupted


def test_nothing_is_left(sshd):
    before = left(), processes(), open_fds(), descendants()

    async def main():
        async with opened(sandbox(sshd)) as environment, session(environment) as one:
            assert len(left()) > len(before[0])
            await one.run(Cell("1"))

    asyncio.run(main())
    assert (left(), processes()) == before[:2]
    assert open_fds() == before[2]
    deadline = time.monotonic() + 5  # the server's own process for the connection ends when it notices
    while not descendants() <= before[3] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert descendants() <= before[3]  # one of another test's may have been ending


def test_nothing_outlives_a_host_that_is_killed(sshd):
    before = left(), processes()
    program = f"""
        import asyncio, sys
        sys.path.insert(0, {str(TESTS)!r})
        from sandbox.launchers.test_ssh import *
        class server: config = {str(sshd.config)!r}
        tempfile.tempdir = {str(sshd.tmp)!r}
        async def main():
            async with opened(sandbox(server)) as environment, session(environment) as one:
                await one.start()
                spin = asyncio.create_task(one.run(Cell("while True: pass")))
                await asyncio.sleep(0.1)
                print("ready", flush=True)
                await spin
        asyncio.run(main())
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE) as host:
        assert host.stdout.readline() == b"ready\n"
        assert len(processes()) > len(before[1])
        os.kill(host.pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and processes() != before[1]:
        time.sleep(0.05)
    assert processes() == before[1]
    assert {name.rsplit("-", 2)[0] for name in set(left()) - set(before[0])} <= {"rlm-ssh"}
    run(sandbox(sshd), "1")  # takes the folder of sockets with it
    assert left() == before[0]


def test_a_connection_that_breaks_is_an_end_and_leaves_nothing(sshd):
    before = left(), processes()

    async def main():
        async with opened(sandbox(sshd)) as environment, session(environment) as one:
            await one.start()
            running = asyncio.create_task(one.run(Cell("while True: pass")))
            await asyncio.sleep(0.1)
            environment._machine._connections[0].first.kill()
            cell = await asyncio.wait_for(running, 10)
            with pytest.raises(SandboxError, match="ssh box: the connection is gone"):
                await one.run(Cell("1"))
            return cell

    with pytest.raises(SandboxError, match=r"its keeper removes /.*rlm-.* by itself"):
        asyncio.run(main())
    assert settled(before) == before


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("stranger", r"Host key verification failed\.: connect to it once by hand"),
        ("denied", r"Permission denied \(publickey\)\.: it needs a key or an agent that asks for nothing"),
        ("closed", "Connection refused"),
    ],
)
def test_a_host_that_does_not_let_us_in_is_told_with_what_to_do(sshd, host, said):
    before = left()
    with pytest.raises(SandboxUnavailableError, match=f"ssh {host}: .*{said}"):
        run(sandbox(sshd, host), "1")
    assert left() == before


def test_a_python_that_is_not_there_is_told(sshd):
    with pytest.raises(SandboxUnavailableError, match=r"ssh box: .*/no/python.*"):
        run(sandbox(sshd, options={"python": "/no/python"}), "1")


def test_a_shell_that_prints_is_told(sshd, tmp_path):
    noisy = tmp_path / "noisy"
    noisy.write_text(f'#!/bin/sh\necho welcome\nexec {sys.executable} "$@"\n')
    noisy.chmod(0o700)
    with pytest.raises(
        SandboxUnavailableError, match="its shell prints something by itself, which breaks streams: b'wel"
    ):
        run(sandbox(sshd, options={"python": str(noisy)}), "1")


@pytest.mark.parametrize("host", [None, "", "-oProxyCommand=touch x", "a b", 3])
def test_a_host_that_is_none_is_refused(host):
    with pytest.raises(ConfigError, match="the sandbox 'ssh' needs a host"):
        SshLauncher(Sandbox("ssh", options={} if host is None else {"host": host}))


def test_options_of_the_command_line_are_text():
    assert SshLauncher(Sandbox("ssh", options={"host": "box", "confine": "false"})).enforces() == frozenset()
    with pytest.raises(ConfigError, match="confine of the sandbox 'ssh' is True or False, not 'maybe'"):
        SshLauncher(Sandbox("ssh", options={"host": "box", "confine": "maybe"}))
    with pytest.raises(ConfigError, match="the option config of the sandbox 'ssh' is a path, not 5"):
        SshLauncher(Sandbox("ssh", options={"host": "box", "config": 5}))


def test_what_it_cannot_keep_it_refuses():
    with pytest.raises(ConfigError, match="'ssh' can't keep `image`"):
        SshLauncher(Sandbox("ssh", image="x", options={"host": "box"}))
    with pytest.raises(ConfigError, match=r"the sandbox 'ssh' keeps a whole number of `cpus`, not 1\.5"):
        SshLauncher(Sandbox("ssh", cpus=1.5, options={"host": "box"}))
    with pytest.raises(ConfigError, match="'ssh' has no option hosts; it has host, python, config, confine"):
        SshLauncher(Sandbox("ssh", options={"hosts": "box"}))


def test_without_ssh_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    launcher = SshLauncher(Sandbox("ssh", options={"host": "box"}))
    assert launcher.why_not() == "ssh is not installed: apt-get install openssh-client"
    assert launcher.enforces() == frozenset()


@pytest.mark.slow
def test_workers_that_make_too_many_files_are_ended(sshd, tmp_path, monkeypatch):
    source = Path(keeper.__file__).read_text().replace("_MOST_FILES = 20_000", "_MOST_FILES = 100")
    monkeypatch.setattr(ssh_machine, "_keeper", lambda: source)
    making = "for n in range(110):\n    open(f'{output_folder}/{n}', 'w').close()\nwhile True: pass"
    removing = "import os\nfor name in os.listdir(output_folder):\n    os.remove(f'{output_folder}/{name}')\n'gone'"
    first, second, third = run(sandbox(sshd, output=tmp_path / "out"), making, removing, "1")
    assert first.lost == "it made more than 100 files and folders; remove some"
    assert (second.output, third.output) == ("'gone'\n", "1\n")


def test_a_keeper_that_hears_nothing_gives_up():
    source = (
        Path(keeper.__file__)
        .read_text()
        .replace("_LEASE = 120.0", "_LEASE = 0.3")
        .replace("_TELL = 1.0", "_TELL = 0.05")
    )
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        folder = json.loads(process.stdout.readline())["folder"]
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(folder, "1.pid").write_text(str(worker.pid))
        assert worker.wait(5) == -signal.SIGTERM
        assert process.wait(5) == 0
    assert not Path(folder).exists()


def test_the_keeper_is_python_3_8():
    import ast

    ast.parse(Path(keeper.__file__).read_text(), feature_version=(3, 8))
    assert ssh_machine._BEAT < keeper._LEASE / 3
