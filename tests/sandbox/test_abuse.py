"""What cells do to their worker, on purpose or not: the host survives, the next cell runs, nothing is left."""

import ast
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from rlm.sandbox import cell_run, protocol, session
from rlm.types import Cell, Limits
from sandbox.support import children, descendants, open_fds, open_session, run_cells

BOTH = pytest.mark.parametrize("launcher", ["local", "unconfined"])


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path, monkeypatch):
    """No process, zombies included, no descriptor and no file; only the process's zygote stays."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run_cells("1")
    before, processes = open_fds(), len(descendants())
    yield
    assert open_fds() == before
    assert len(descendants()) <= processes  # one of another test's may have been ending
    assert list(tmp_path.iterdir()) == []


def goes_on(code, launcher="local", **options):
    """The result of a cell, after which another one must run."""
    result, after = run_cells(code, "print('goes on')", launcher=launcher, **options)
    assert (after.output, after.error, after.lost) == ("goes on\n", None, None)
    return result


@BOTH
@pytest.mark.parametrize(
    ("code", "lost"),
    [
        ("import os\nos._exit(0)", "it exited with status 0"),
        ("import os\nos._exit(7)", "it exited with status 7"),
        ("import os\nos.abort()", "it was killed by SIGABRT"),
        ("import ctypes\nctypes.string_at(0)", "it was killed by SIGSEGV"),
        ("import signal\nsignal.raise_signal(signal.SIGKILL)", "it was killed by SIGKILL"),
        ("import signal, time\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\ntime.sleep(9)", "it was killed by SIGALRM"),
    ],
)
def test_a_worker_that_ends_itself_is_replaced_and_how_it_ended_is_told(code, lost, launcher):
    result = goes_on(code, launcher)
    assert (result.lost, result.error, result.answer) == (lost, None, None)


@BOTH
def test_the_end_of_what_a_cell_had_printed_is_not_lost_with_its_worker(launcher):
    results = run_cells(
        "print('earlier')",
        "print('found 7')\nimport os, sys\nprint('and 8', file=sys.stderr)\nos._exit(3)",
        "print('x' * 5000 + 'end')\nimport ctypes\nctypes.string_at(0)",
        "import os; os.abort()",
        launcher=launcher,
    )
    assert [result.output for result in results[1:]] == [
        "found 7\nand 8\n",
        "[... 3,004 characters cut ...]\n" + "x" * 1996 + "end\n",
        "",
    ]
    assert [result.output_size for result in results] == [8, 14, 5004, 0]


def test_no_worker_shares_that_memory_with_another():
    code = "[line for line in open('/proc/self/maps') if '/dev/zero' in line and ' rw-s ' in line]"

    async def main():
        async with open_session(launcher="unconfined") as first:
            options = {"functions": (), "question": "", "limits": Limits(), "max_output": 99, "on_call": None}
            second = session.Session(first._environment, **options)
            try:
                return [await one.run(Cell(f"len({code})")) for one in (first, second)]
            finally:
                await second.close()

    assert [result.output for result in asyncio.run(main())] == ["1\n", "1\n"], "its own"


@BOTH
def test_a_worker_that_is_killed_from_outside_is_replaced(launcher):
    async def main():
        async with open_session(launcher=launcher) as one:
            await one.start()
            task = asyncio.create_task(one.run(Cell("while True: pass")))
            await asyncio.sleep(0.05)
            (zygote,) = children(os.getpid())
            (run,) = children(zygote)
            (worker,) = children(run)
            os.kill(worker, signal.SIGKILL)
            return await task, await one.run(Cell("2"))

    lost, after = asyncio.run(main())
    assert lost.lost == "it was killed by SIGKILL"
    assert after.output == "2\n"


@BOTH
def test_closing_the_standard_descriptors_changes_nothing(launcher):
    result = goes_on("import os\nfor fd in (0, 1, 2): os.close(fd)\nprint('still')", launcher)
    assert (result.output, result.error, result.lost) == ("still\n", None, None)


@BOTH
def test_closing_every_descriptor_loses_the_worker(launcher):
    result = goes_on("import os\nos.closerange(0, 100)\nprint('unheard')", launcher)
    assert result.lost is not None


@BOTH
@pytest.mark.parametrize("code", ["x = bytearray(10 ** 12)", "x = 'x' * (600 * 2**20)"])
def test_one_allocation_too_large_is_an_error_and_names_survive(code, launcher):
    first, second = run_cells("kept = 1\n" + code, "kept", launcher=launcher, limits=Limits(memory_mb=512))
    assert first.error.endswith("MemoryError")
    assert (second.output, second.lost) == ("1\n", None)


@BOTH
def test_memory_that_fills_up_bit_by_bit_is_an_error(launcher):
    code = "hoard = []\nwhile True: hoard.append(bytes(1_000_000))"
    first, second = run_cells(code, "hoard.clear()\n'free'", launcher=launcher, limits=Limits(memory_mb=256))
    assert first.error.endswith("MemoryError")
    assert second.output == "'free'\n"


@BOTH
def test_memory_that_is_full_of_small_things_ends_typed(launcher):
    result = goes_on(
        "hoard = {}\nn = 0\nwhile True:\n    hoard[n] = str(n)\n    n += 1", launcher, limits=Limits(memory_mb=128)
    )
    assert (result.error or "").endswith("MemoryError") or result.lost is not None


def test_a_fork_bomb_does_not_get_off_the_ground():
    result = goes_on("import os\nwhile True: os.fork()")
    assert result.error.endswith("PermissionError: [Errno 1] Operation not permitted")


@BOTH
def test_a_flood_of_tasks_has_a_bound(launcher):
    """Where the user is root, `unconfined` is not held to it, so that it is set is all that can be seen here."""
    code = "import resource\nresource.getrlimit(resource.RLIMIT_NPROC)"
    tasks = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    soft, hard = ast.literal_eval(goes_on(code, launcher).output)
    assert soft == hard
    assert 0 < soft < tasks + 4096 + 500


def test_what_an_unconfined_cell_forks_ends_with_its_worker():
    code = (
        "import os, subprocess, time\n"
        "subprocess.Popen(['sleep', '60'])\n"
        "if os.fork() == 0:\n    time.sleep(60)\n    os._exit(0)\n"
        "print('forked')"
    )
    # Python 3.12 warns of forks beside threads, into the output.
    assert run_cells(code, launcher="unconfined")[0].output.endswith("forked\n")
    deadline = time.monotonic() + 1
    while len(descendants()) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)


@BOTH
def test_printing_a_gigabyte_costs_neither_memory_nor_wire(launcher):
    result = goes_on(
        "block = 'x' * (2**20 - 1)\nfor _ in range(1024): print(block)", launcher, limits=Limits(memory_mb=256)
    )
    assert (result.error, result.lost) == (None, None)
    assert result.output_size == 2**30
    assert len(result.output) <= 2000
    assert result.output.startswith("xxx")
    assert result.output.endswith("xxx\n")


@BOTH
def test_bytes_that_look_like_frames_are_output_where_they_are_printed(launcher):
    frame = '\\0\\0\\0\\x0b{"type":"x"}'
    result = goes_on(f"import os\nfor fd in (0, 1, 2):\n    os.write(fd, b'{frame}')\nprint('{frame}')", launcher)
    assert (result.error, result.lost) == (None, None)
    assert result.output == '\0\0\0\x0b{"type":"x"}\n'


@BOTH
@pytest.mark.parametrize("data", ["b'\\xff' * 8", "b'\\0\\0\\0\\x02{}'", 'b\'\\0\\0\\0\\x0b{"type":"x"}\''])
def test_bytes_on_the_workers_own_stream_lose_it(data, launcher):
    result = goes_on(f"import os\nos.write(3, {data})\nllm_query('x')", launcher)
    assert result.lost.startswith("it broke the protocol: ")


@BOTH
def test_a_forged_done_ends_its_own_cell_and_no_other(launcher):
    forged = {"type": "done", "id": 1, "output": "forged", "output_size": 6, "error": None, "answer": None}
    frame = protocol.encode({**forged, "seconds": 0.0})
    first, second, third = run_cells(
        f"import os, time\nos.write(3, {frame!r})\ntime.sleep(0.05)", "2", "3", launcher=launcher
    )
    assert (first.output, first.lost) == ("forged", None)
    assert second.lost == "it broke the protocol: `done` 1 is not due"
    assert third.output == "3\n"


@pytest.mark.slow
@BOTH
def test_recursion_to_a_stack_overflow_loses_the_worker_alone(launcher):
    code = "import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**5): x = [x]\nrepr(x)"
    result = goes_on(code, launcher)
    if sys.version_info < (3, 12):
        assert result.lost == "it was killed by SIGSEGV"
    else:
        assert "RecursionError" in result.error  # the interpreter guards its C stack itself


@BOTH
@pytest.mark.parametrize(
    "code",
    [
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import signal\nsignal.signal(signal.SIGINT, lambda *_: None)\nwhile True: pass",
        "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except BaseException: pass",
        "import os\nos.closerange(0, 100)\nwhile True: pass",
    ],
)
def test_a_cell_that_will_not_stop_is_killed(code, launcher, monkeypatch):
    monkeypatch.setattr(cell_run, "_GRACE", 0.1)
    result = goes_on(code, launcher, limits=Limits(cell_seconds=0.1))
    assert result.lost is not None
    assert result.seconds < 2


@BOTH
def test_a_signal_handler_of_one_cell_does_not_shelter_the_next(launcher):
    async def main():
        async with open_session(launcher=launcher) as one:
            await one.run(Cell("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)"))
            return await one.run(Cell("while True: pass"), deadline=time.monotonic() + 0.05)

    result = asyncio.run(main())
    assert (result.interrupted, result.lost) == (True, None)


@BOTH
def test_threads_left_behind_do_not_hold_up_the_next_cells(launcher):
    spin = "import threading\ndef spin():\n    while True: print('noise')\nthreading.Thread(target=spin).start()"
    result = goes_on(spin, launcher)
    assert result.error is None


@BOTH
@pytest.mark.parametrize(
    "code",
    [
        "import builtins\nbuiltins.len = builtins.isinstance = builtins.type = None",
        "import sys\nsys.modules.clear()",
        "import sys\nfor frame in sys._current_frames().values():\n    if frame.f_back: frame.f_back.f_globals.clear()",
    ],
)
def test_what_breaks_the_workers_own_code_costs_the_worker_at_most(code, launcher):
    results = run_cells(code, "1", "2", "3", launcher=launcher)
    # Every lost worker is replaced by a whole one, so of two cells in a row one runs.
    assert "2\n" in [one.output for one in results] or "3\n" in [one.output for one in results]


HOST = """
    import asyncio, os, sys
    sys.path.insert(0, {tests!r})
    from sandbox.support import open_session, descendants
    from rlm.types import Cell

    async def main():
        async with open_session("x" * 10_000_000, launcher={launcher!r}) as spinning, open_session() as idle:
            await idle.start()
            await spinning.start()
            task = asyncio.create_task(spinning.run(Cell({code!r})))
            await asyncio.sleep(0.2)
            if {fork!r} and os.fork() == 0:
                os.setsid()
                os.execv("/bin/sleep", ["sleep", "4"]) if {fork!r} == "exec" else __import__("time").sleep(4)
                os._exit(0)
            print(*descendants(), flush=True)
            await task

    asyncio.run(main())
"""


@pytest.mark.parametrize("launcher", ["local", pytest.param("unconfined", marks=pytest.mark.slow)])
@pytest.mark.parametrize("fork", ["", "fork"])
def test_nothing_outlives_a_host_that_is_killed(launcher, fork, tmp_path):
    code = "import threading\nthreading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()\nwhile True: pass"
    tests = str(Path(__file__).parent.parent)
    program = textwrap.dedent(HOST.format(tests=tests, launcher=launcher, code=code, fork=fork))
    scratch = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=scratch) as host:
        pids = {int(pid) for pid in host.stdout.readline().split()}
        cells = {pid for pid in pids if b"zygote.py" in _command(pid)}
        assert len(cells) == 5  # the process's zygote, two runs', two workers
        host.kill()
        deadline = time.monotonic() + 2
        while (left := {pid for pid in cells if _command(pid)}) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in pids - cells:  # what the host forked itself
            os.kill(pid, signal.SIGKILL)
    assert left == set()
    assert list(tmp_path.iterdir()) == []


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
