"""`jupyter`, with real kernels: one of another process, and one that calls it itself."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from rlm.context import load
from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import kernel
from rlm.sandbox.launchers.jupyter import JupyterLauncher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.session import Session
from rlm.sandbox.trials.contract import cases, run_contract
from rlm.types import Cell, Limits
from sandbox.support import FUNCTIONS, children, echo, open_fds

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
LIMITS = Limits(cell_seconds=5)
SETUP = """
import collections
import pandas
_hidden, big = 1, "x" * 1000
table = pandas.DataFrame({"a": [1, 2], "b": [3, 4]})
def double(x): return 2 * x
class Point(collections.namedtuple("Point", "x y")): pass
point = Point(1, 2)
"""


class Notebook:
    """A kernel, and a client that a user would have."""

    def __init__(self, folder):
        self.manager = KernelManager(connection_file=str(folder / "kernel-test.json"))
        self.manager.start_kernel(stdout=-3, stderr=-3)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.run(SETUP)

    def run(self, code, timeout=60):
        """What a cell of the user's prints."""
        printed = []

        def keep(message):
            if message["msg_type"] in ("stream", "error"):
                printed.append(message["content"].get("text") or str(message["content"]))

        self.client.execute_interactive(code, timeout=timeout, output_hook=keep)
        return "".join(printed)

    @property
    def pid(self):
        return self.manager.provisioner.pid

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    one = Notebook(tmp_path_factory.mktemp("kernel"))
    yield one
    one.close()


def sandbox(notebook, **more):
    return Sandbox("jupyter", options={"connection": notebook.manager.connection_file}, **more)


def run(wanted, *codes, value="one two\n", limits=LIMITS, meanwhile=None):
    async def main():
        with contextlib.closing(load(value)) as context:
            environment = await JupyterLauncher(wanted).open(context, limits)
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
            results = [await one.run(Cell(code)) for code in codes]
            if meanwhile is not None:
                results.append(await asyncio.to_thread(meanwhile))
            return results
        finally:
            await one.close()
            await environment.close()

    return asyncio.run(main())


def test_the_users_variables_are_there_and_stay_as_they_are(notebook):
    cells = run(
        sandbox(notebook, env={"RLM_OF_CELLS": "b"}),
        "print(double(len(big)), table.a.sum(), point.x, Point(3, 4).y, context, llm_query(question))",
        "table['c'] = 1\nbig = 'mine'\nnew = 1\nimport os\nos.environ['RLM_OF_CELLS']",
        "SHOW_VARS()",
        "print({name: notebook[name] for name in ('big', 'table', 'point', 'double')}, '_hidden' in notebook)",
        "async def wait():\n    import asyncio\n    await asyncio.sleep(0)\n    return 'waited'\nawait wait()",
    )
    assert cells[0].output == "2000 3 1 4 one two\n llm_query why?\n"
    assert cells[1].output == "'b'\n"
    assert "big: str of 4 'mine'" in cells[2].output
    assert "table: DataFrame" in cells[2].output
    told = {"big": "str of 1000", "table": "DataFrame of shape (2, 2), columns ['a', 'b']", "point": "Point of 2"}
    assert cells[3].output == f"{told | {'double': 'function'}} False\n"
    assert cells[4].output == "'waited'\n"
    assert (
        notebook.run("print(len(big), list(table), 'new' in globals(), __import__('os').environ.get('RLM_OF_CELLS'))")
        == "1000 ['a', 'b'] False None\n"
    )


def test_cells_are_interrupted_and_killed_and_the_kernel_goes_on(notebook):
    cells = run(
        sandbox(notebook),
        "x = 1",
        "while True: pass",
        "x",
        "import os\nos._exit(3)",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\nwhile True: pass",
        "'x' in globals()",
        limits=Limits(cell_seconds=0.3),
        meanwhile=lambda: notebook.run("print('alive')"),
    )
    assert (cells[1].interrupted, cells[1].lost, cells[2].output) == (True, None, "1\n")
    assert cells[3].lost == "it exited with status 3"
    assert cells[4].lost == "it ran for more than 0.3 s and did not stop when it was interrupted"
    assert cells[5].output == "False\n"
    assert cells[6] == "alive\n"


def test_it_leaves_nothing(notebook):
    run(sandbox(notebook), "1")
    before = open_fds(), sorted(Path(tempfile.gettempdir()).glob("rlm-kernel-*"))
    run(sandbox(notebook), "1")
    assert (open_fds(), sorted(Path(tempfile.gettempdir()).glob("rlm-kernel-*"))) == before
    deadline = time.monotonic() + 2
    while children(notebook.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert children(notebook.pid) == []


def test_workers_end_with_a_host_that_is_killed(notebook):
    program = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from sandbox.launchers.test_jupyter import *
        wanted = Sandbox("jupyter", options={{"connection": {notebook.manager.connection_file!r}}})
        run(wanted, "1", "while True: pass", limits=Limits(cell_seconds=60))
    """
    assert children(notebook.pid) == []
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)]) as host:
        deadline = time.monotonic() + 30
        while not children(notebook.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert children(notebook.pid)
        time.sleep(0.2)
        host.kill()
    deadline = time.monotonic() + 2
    while children(notebook.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert children(notebook.pid) == []


def test_it_keeps_the_contract(notebook):
    wanted = sandbox(notebook)
    results = asyncio.run(run_contract(JupyterLauncher(wanted), wanted))
    assert {name: result.fault for name, result in results.items() if result.fault} == {}
    assert [name for name, result in results.items() if result.refused] == ["files_are_readable", "output_comes_back"]
    assert len(results) == len(cases())


OWN = """
import sys
sys.path.insert(0, {tests!r})
from rlm import RLM
from rlm.lms.scripted import Scripted
cell = "```repl\\nllm_query('a' + big[:2] + str(len(notebook)))\\nFINAL(str(double(21)) + context[:3])\\n```"
sub = Scripted(lambda r: r.messages[-1].content.upper())
rlm = RLM(model=Scripted([cell]), sub_model=sub, sandbox="jupyter", route="never")
done = {call}
print(done.status, done.response, done.usage.calls)
"""


@pytest.mark.parametrize(
    "call", ["rlm.completion('q', context='abcdef')", "await rlm.acompletion('q', context='abcdef')"]
)
def test_a_notebook_can_be_its_own(notebook, call):
    code = OWN.format(tests=str(Path(__file__).parents[2]), call=call)
    assert notebook.run(code).splitlines()[-1] == "done 42abc 2"


def test_a_kernel_that_is_busy_is_told(notebook, monkeypatch):
    monkeypatch.setattr(kernel, "_REPLY", 0.3)
    notebook.client.execute("import time; time.sleep(1)", silent=True)
    with pytest.raises(SandboxError, match=r"the kernel did not answer within 0.3 s: it is busy, or gone"):
        run(sandbox(notebook), "1")
    assert notebook.run("print('idle')").endswith("idle\n")


def test_a_kernel_that_ends_is_an_end(tmp_path):
    one = Notebook(tmp_path)
    try:
        died = run(sandbox(one), f"import os, time\nos.kill({one.pid}, 9)\ntime.sleep(4)")
    finally:
        one.client.stop_channels()
        one.manager.shutdown_kernel(now=True)
    assert died[0].lost == "its kernel ended"


def test_kernels_elsewhere_and_none_at_all_are_refused(tmp_path):
    missing = Sandbox("jupyter", options={"connection": str(tmp_path / "kernel-gone.json")})
    with pytest.raises(SandboxUnavailableError, match="no kernel is found: Could not find"):
        run(missing, "1")
    far = tmp_path / "kernel-far.json"
    ports = {f"{name}_port": 1 for name in ("shell", "iopub", "stdin", "control", "hb")}
    far.write_text(
        json.dumps({"ip": "192.0.2.1", "transport": "tcp", "key": "", "signature_scheme": "hmac-sha256", **ports})
    )
    with pytest.raises(SandboxUnavailableError, match=r"the kernel is on 192.0.2.1: it has to run on this machine"):
        run(Sandbox("jupyter", options={"connection": str(far)}), "1")


def test_it_promises_nothing(monkeypatch):
    assert JupyterLauncher().enforces() == frozenset()
    assert JupyterLauncher().why_not() is None
    monkeypatch.setattr(sys, "platform", "win32")
    assert "can't be forked on Windows" in JupyterLauncher().why_not()


def test_without_its_library_the_install_line_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyter_client", None)
    assert "pip install 'rlm-engine[jupyter]'" in JupyterLauncher().why_not()
    with pytest.raises(SandboxUnavailableError, match=r"pip install 'rlm-engine\[jupyter\]'"):
        run(Sandbox("jupyter"), "1")
    assert os.getpid() > 0
