"""A run on a machine that shares no memory with us; the machine is a folder here, the rest is real."""

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest

from rlm.context import load
from rlm.errors import SandboxError
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.machine import MachineRun
from rlm.sandbox.options import Sandbox
from rlm.sandbox.session import Session
from rlm.types import Cell, Limits
from sandbox.machines import FolderMachine
from sandbox.support import FUNCTIONS, descendants, echo, open_fds, run_cells

LIMITS = Limits(cell_seconds=0.3, memory_mb=256)


def run_on(machine, *codes, value="one two\n", pieces=None, sandbox=Sandbox("test"), limits=LIMITS):  # noqa: B008
    async def main():
        with contextlib.closing(load(value)) as context:
            environment = await MachineRun.open(machine, context, limits, sandbox)
        one = Session(
            environment,
            functions=FUNCTIONS,
            question="why?",
            limits=limits,
            max_output=2000,
            on_call=echo,
            pieces=pieces,
            names=environment.names,
            env=environment.env,
        )
        try:
            return [await one.run(Cell(code)) for code in codes]
        finally:
            await one.close()
            await environment.close()

    return asyncio.run(main())


def test_it_runs_cells_like_any_other():
    machine = FolderMachine()
    codes = ["x = len(context)\nllm_query(question)", "while True: pass", "import os\nos._exit(3)", "'x' in globals()"]
    first, second, third, fourth = run_on(machine, *codes)
    assert (first.output, first.error) == ("'llm_query why?'\n", None)
    assert (second.interrupted, second.lost) == (True, None)
    assert third.lost == "it exited with status 3"
    assert fourth.output == "False\n"
    assert machine.uploads == [["input", "options.json", "worker.zip"]]
    assert (machine.removed, Path(machine.folder).exists()) == (1, False)


def test_every_kind_of_input_and_pieces_of_it(tmp_path):
    assert run_on(FolderMachine(), "context['a']", value={"a": [1]})[0].output == "[1]\n"
    (tmp_path / "a.txt").write_text("alpha")
    (tmp_path / "b.txt").write_text("beta")
    assert run_on(FolderMachine(), "context['b.txt']", value=tmp_path)[0].output == "'beta'\n"
    assert run_on(FolderMachine(), "context", value="abcdef", pieces=ChildContext(2, 4, ""))[0].output == "'cd'\n"


def test_a_large_input_travels_compressed():
    machine = FolderMachine()
    text = "a line of it, é\n" * 100_000
    sizes = run_on(machine, "len(context), context[-3:]", value=text)
    assert sizes[0].output == f"({len(text)}, {text[-3:]!r})\n"
    assert machine.uploads == [["input.gz", "options.json", "worker.zip"]]


def test_files_output_and_variables(tmp_path):
    given, output = tmp_path / "given", tmp_path / "made" / "output"
    (given / "in").mkdir(parents=True)
    (given / "in" / "one.txt").write_text("one")
    (given / "link").symlink_to("/etc/passwd")
    sandbox = Sandbox("test", files={"table": given / "in" / "one.txt", "all": given}, output=output, env={"A": "b"})
    code = """
import os
print(open(files["table"]).read(), open(files["all"] + "/in/one.txt").read(), os.listdir(files["all"]))
print(dict(os.environ))
os.mkdir(output_folder + "/below")
open(output_folder + "/below/two.txt", "w").write("two")
"""
    done = run_on(FolderMachine(), code, sandbox=sandbox)[0]
    assert (done.error, done.output.splitlines()[0]) == (None, "one one ['in']")
    assert "PLACE_TOKEN" not in done.output
    assert "'A': 'b'" in done.output
    assert [str(path.relative_to(output)) for path in sorted(output.rglob("*"))] == ["below", "below/two.txt"]
    assert (output / "below" / "two.txt").read_text() == "two"


def test_a_worker_locks_itself_down_where_the_kernel_lets_it():
    machine = FolderMachine()
    done = run_on(
        machine, "open('/etc/passwd')", "import os\nos.fork()", "x = bytearray(2**30)", "open('/proc/1/environ')"
    )
    assert [one.error.splitlines()[-1].partition(":")[0] for one in done] == [
        "PermissionError",
        "PermissionError",
        "MemoryError",
        "PermissionError",
    ]


def test_a_worker_that_spins_without_its_interpreter_ends_with_its_stream():
    """A regular expression holds the lock that the reading thread needs; the watching process ends it all the same."""

    async def main():
        machine = FolderMachine()
        with contextlib.closing(load("x")) as context:
            run = await MachineRun.open(machine, context, LIMITS, Sandbox("test"))
        session = Session(run, functions=(), question="", limits=Limits(cell_seconds=60), max_output=10, on_call=echo)
        await session.run(Cell("1"))
        spin = asyncio.create_task(session.run(Cell("import re\nre.match('(a+)+$', 'a' * 60 + 'b')")))
        await asyncio.sleep(0.2)
        before = descendants()
        machine.workers[0].kill = machine.workers[0].writer.transport.abort
        began = time.monotonic()
        machine.workers[0].writer.transport.abort()
        await spin
        await machine.workers[0].wait()
        assert time.monotonic() - began < 2
        await run.close()
        return before

    before = asyncio.run(main())
    assert len(before) >= 2


def test_what_fails_is_told_and_leaves_no_machine(tmp_path):
    machine = FolderMachine()
    machine.fails = "the place is full"
    with pytest.raises(SandboxError, match="the place is full"):
        run_on(machine, "1")
    assert machine.removed == 1
    machine = FolderMachine(python="/no/python3")
    with pytest.raises(SandboxError, match=r"no program can be started: .*/no/python3"):
        run_on(machine, "1")
    assert machine.removed == 1


def test_what_is_too_much_in_an_output_is_left_out(tmp_path):
    sandbox = Sandbox("test", output=tmp_path / "out", disk_mb=1)
    code = "for n in range(3): open(f'{output_folder}/{n}', 'wb').write(bytes(600_000))"
    with pytest.warns(UserWarning, match="2 of what cells wrote was not copied to .*: too many bytes in all"):
        run_on(FolderMachine(), code, sandbox=sandbox)
    assert [path.stat().st_size for path in (tmp_path / "out").iterdir()] == [600_000]


def test_an_output_that_holds_far_too_much_is_an_error(tmp_path):
    sandbox = Sandbox("test", output=tmp_path / "out", disk_mb=1)
    code = "import random\nfor n in range(9): open(f'{output_folder}/{n}', 'wb').write(random.randbytes(600_000))"
    with pytest.raises(SandboxError, match="output holds more than 1 MiB"):
        run_on(FolderMachine(), code, sandbox=sandbox)


def test_it_leaves_nothing_behind():
    run_cells("1")
    before = open_fds(), len(descendants())
    run_on(FolderMachine(), "import os\nos.write(1, b'x' * 100)\nprint('fine')")
    assert (open_fds(), len(descendants())) == before
    assert not [name for name in os.listdir("/tmp") if name.startswith("rlm-input-")]
