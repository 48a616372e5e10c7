"""The processes that workers are forked from: warm, alone in themselves, and ignorant."""

import asyncio
import contextlib
import linecache
import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from rlm.context import load
from rlm.errors import ConfigError, SandboxError, SandboxUnavailableError, WorkerDiedError
from rlm.sandbox import lockdown, worker, zygotes
from rlm.sandbox.launchers import LAUNCHERS, find_launcher
from rlm.sandbox.launchers.local import LocalLauncher
from rlm.types import Cell, Limits
from sandbox.support import children, descendants, open_fds, open_session, output, run_cells, spares

NEAR = ["local", "bubblewrap", "unconfined"]


def test_launchers_are_found_by_name():
    assert [find_launcher(name).name for name in NEAR] == NEAR
    assert next(iter(LAUNCHERS)) == "local"
    with pytest.raises(ConfigError, match=r"no sandbox 'locl'; there is: local, .*; did you mean 'local'"):
        find_launcher("locl")


def test_what_launchers_enforce():
    assert find_launcher("local").enforces() == {"files", "network", "memory", "time", "cpu", "processes", "disk"}
    assert find_launcher("unconfined").enforces() == frozenset()


def test_local_refuses_where_it_cannot_hold(monkeypatch):
    async def use(launcher):
        with contextlib.closing(load("x")) as context:
            await launcher.open(context, Limits())

    capped = LocalLauncher(landlock_abi_cap=0)
    assert capped.enforces() == frozenset()
    with pytest.raises(SandboxUnavailableError, match="lift the cap"):
        asyncio.run(use(capped))
    monkeypatch.setattr(lockdown.sys, "platform", "darwin")
    assert find_launcher("local").enforces() == frozenset()
    with pytest.raises(SandboxUnavailableError, match=r"needs Linux .* or the sandbox 'unconfined'"):
        asyncio.run(use(find_launcher("local")))


@pytest.mark.parametrize("launcher", NEAR)
def test_a_worker_knows_nothing_of_its_host(launcher, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    code = (
        "import os\ndef is_open(fd):\n    try:\n        return bool(os.fstat(fd))\n"
        "    except OSError:\n        return False\n"
        "print(dict(os.environ), [fd for fd in range(64) if is_open(fd)])"
    )
    assert output(code, launcher=launcher) == "{} [0, 1, 2, 3]\n"


def test_packages_beside_us_are_there_but_not_loaded():
    code = (
        "import sys\nbefore = 'numpy' in sys.modules\nimport numpy, pandas\n"
        "print(before, numpy.arange(3).sum(), pandas.DataFrame({'a': [1, 2]}).a.sum())"
    )
    assert output(code) == "False 3 3\n"


def test_zygotes_stay_single_threaded_and_keep_no_descriptors():
    # The process's: standard ones, control, its host's pidfd, its spare's pipe. A run's: standard ones, control, rules
    # for its workers, its worker's pidfd, and none of the other run.
    process, run = (1, 6), (1, 6)

    async def settled(count):
        """What there is once the first is idle: until then files are open that are loaded, and there is no spare."""
        (zygote,) = children(os.getpid())
        for _ in range(200):
            found = [_threads_and_fds(pid) for pid in (zygote, *children(zygote))]
            if found == [process, *[run] * count]:
                break
            await asyncio.sleep(0.02)
        return found

    async def main():
        async with open_session() as first, open_session() as second:
            await first.start()
            await second.run(Cell("import threading"))
            return await settled(2)

    assert asyncio.run(main()) == [process, run, run]
    run_cells("1")
    assert asyncio.run(settled(0)) == [process]


def _threads_and_fds(pid):
    return len(os.listdir(f"/proc/{pid}/task")), len(os.listdir(f"/proc/{pid}/fd"))


def _spare(zygote, other_than=None):
    """The one that a zygote forks when it is idle."""
    deadline = time.monotonic() + 5
    while (found := spares(zygote)) in ([], [other_than]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def test_a_run_takes_the_spare_and_another_one_is_forked_for_the_next():
    async def main():
        async with open_session():
            (zygote,) = children(os.getpid())
            before = _spare(zygote)
            async with open_session() as session:
                runs = children(zygote)
                result = await session.run(Cell("len(context)"))
                return before, runs, _spare(zygote, *before), result.output

    (before,), runs, (after,), printed = asyncio.run(main())
    assert before in runs
    assert after not in runs
    assert printed == "8\n"


def test_a_spare_that_is_killed_is_replaced():
    run_cells("1")
    (zygote,) = children(os.getpid())
    (spare,) = _spare(zygote)
    os.kill(spare, signal.SIGKILL)
    assert len(_spare(zygote, spare)) == 1
    assert output("1") == "1\n"


def test_a_spare_holds_nothing_of_its_host_and_of_runs_before():
    run_cells("1")
    (zygote,) = children(os.getpid())
    (spare,) = _spare(zygote)
    # Standard ones, the control socket that it waits at, and the pipe that tells when it has been taken.
    assert _threads_and_fds(spare) == (1, 5)


HURRIED = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from sandbox.support import run_cells
first, second = run_cells({code!r}, "later()")
print(first.error or first.output, second.error, sep="\\n--\\n")
"""


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("def later():\n    {}['key']", "\n"),
        ("def later():\n    {}['key']\nlater()", "    {}['key']"),
        ("import inspect\ndef later():\n    {}['key']\ninspect.getsource(later)", "def later():\\n    {}['key']"),
        ("def later():\n    {}['key']\n'found', len(search('nothing'))", "('found', 0)"),
    ],
)
def test_the_first_cell_of_a_process_can_look_at_its_lines_and_be_looked_at(code, shown):
    program = HURRIED.format(tests=str(Path(__file__).parent.parent), code=code)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    first, _, second = done.partition("\n--\n")
    assert shown in first + "\n"
    assert "    {}['key']" in second


def test_an_input_that_cannot_be_loaded_is_a_sandbox_error():
    async def main():
        with contextlib.closing(load({"a": 1})) as context:
            broken = type(context)(
                **{
                    **{name: getattr(context, name) for name in context.__dataclass_fields__},
                    "kind": "corpus",
                    "parts": (("a", "not a number", 3),),
                }
            )
            await find_launcher("local").open(broken, Limits())

    with pytest.raises(SandboxError):
        asyncio.run(main())
    assert output("1") == "1\n"


def test_a_rehearsal_leaves_nothing_behind():
    def found():
        streams = sys.stdout, sys.stderr
        lines = [name for name in linecache.cache if name.startswith("<cell ")]
        return sys.modules["__main__"], *streams, signal.getsignal(signal.SIGINT), threading.stack_size(), lines

    before, threads, state = found(), threading.enumerate(), random.getstate()
    worker.rehearse(12)
    random.setstate(state)
    assert (found(), threading.enumerate()) == (before, threads)


def test_a_cell_finds_no_thread_but_its_own():
    assert output("import threading\n[thread.name for thread in threading.enumerate()]") == "['MainThread']\n"


def test_what_a_cell_forks_is_made_ready_by_the_modules_that_asked_for_it():
    code = """
        import os, random, threading, time
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, b"%d %r" % (threading.active_count(), random.random()))
            os._exit(0)
        os.wait()
        count, number = os.read(read, 100).split()
        threading.active_count(), int(count), float(number) == random.random()
    """
    assert output(textwrap.dedent(code), launcher="unconfined") == "(2, 1, False)\n"


def test_a_host_that_forked_starts_a_zygote_of_its_own():
    program = """
        import os, sys
        sys.path.insert(0, {tests!r})
        from sandbox.support import output
        print(output("1"), flush=True)
        if os.fork() == 0:
            print(output("2"), flush=True)
            sys.exit()
        os.wait()
        print(output("3"), flush=True)
    """
    program = textwrap.dedent(program).format(tests=str(Path(__file__).parent.parent))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["1", "2", "3"], "")


def test_a_host_ends_while_a_fork_of_it_lives_on():
    program = """
        import os, sys
        sys.path.insert(0, {tests!r})
        from sandbox.support import output
        output("1")
        if os.fork() == 0:
            sys.stdin.read()
            os._exit(0)
    """
    program = textwrap.dedent(program).format(tests=str(Path(__file__).parent.parent))
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], stdin=subprocess.PIPE) as host:
        assert host.wait(timeout=60) == 0


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.002])
def test_a_run_that_is_cancelled_while_it_ends_leaves_no_process_and_no_descriptor(delay):
    async def main():
        with contextlib.closing(load("x")) as context:
            await (await find_launcher("local").open(context, Limits())).close()
            before = descendants(), open_fds()
            environment = await find_launcher("local").open(context, Limits())
            for _ in range(3):
                await environment.start()
            ending = asyncio.create_task(environment.close())
            await asyncio.sleep(delay)
            ending.cancel()
            await asyncio.wait([ending])
            for _ in range(100):  # what is killed may need a moment to be gone
                if before == (after := (descendants(), open_fds())):
                    break
                await asyncio.sleep(0.01)
            return before, after

    before, after = asyncio.run(main())
    assert after == before


@contextlib.contextmanager
def only_descriptors(count):
    """Leaves this process so many descriptors to open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(fd) for fd in os.listdir("/proc/self/fd"))  # other tests' own may be open
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2 * count, hard))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(count):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)


def test_out_of_descriptors_a_worker_fails_typed_and_those_that_run_go_on():
    async def main():
        async with open_session() as session:
            assert (await session.run(Cell("x = 1"))).error is None
            with only_descriptors(8):
                started = await asyncio.wait_for(
                    asyncio.gather(*(session._environment.start() for _ in range(8)), return_exceptions=True), 5
                )
            return [item for item in started if isinstance(item, BaseException)], await session.run(Cell("print(x)"))

    failed, result = asyncio.run(main())
    assert failed
    assert {type(error) for error in failed} == {SandboxError}
    assert all("no worker can be started" in str(error) for error in failed)
    assert result.output == "1\n"


def test_out_of_descriptors_inputs_fail_typed():
    async def main():
        with contextlib.closing(load("x")) as context:
            launcher = find_launcher("local")
            await (await launcher.open(context, Limits())).close()
            with only_descriptors(8):
                opening = (launcher.open(context, Limits()) for _ in range(8))
                opened = await asyncio.wait_for(asyncio.gather(*opening, return_exceptions=True), 5)
            for environment in opened:
                if not isinstance(environment, BaseException):
                    await environment.close()
            return [item for item in opened if isinstance(item, BaseException)]

    failed = asyncio.run(main())
    assert failed
    assert all(isinstance(error, SandboxError) for error in failed)


def test_a_fork_that_fails_ends_that_worker_alone(monkeypatch, tmp_path):
    wrapper = tmp_path / "python"
    wrapper.write_text(
        textwrap.dedent(f"""\
            #!{sys.executable}
            import errno, itertools, os, runpy, sys
            fork, forks = os.fork, itertools.count(1)
            def sometimes():
                if next(forks) == 3:  # the run's zygote, its first worker, and then no more
                    raise BlockingIOError(errno.EAGAIN, "no process left")
                return fork()
            os.fork = sometimes
            sys.argv = sys.argv[-4:]
            runpy.run_path(sys.argv[0], run_name="__main__")
        """)
    )
    wrapper.chmod(0o700)
    monkeypatch.setattr(zygotes, "_zygote", None)
    monkeypatch.setattr(zygotes.sys, "executable", str(wrapper))

    async def main():
        async with open_session() as session:
            await session.run(Cell("x = 1"))
            with pytest.raises(WorkerDiedError, match="no process left"):
                await session._environment.start()
            await session._environment.start()
            return await session.run(Cell("print(x)"))

    try:
        assert asyncio.run(main()).output == "1\n"
    finally:
        zygotes._zygote.close()
