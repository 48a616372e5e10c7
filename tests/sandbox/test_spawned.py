"""Workers without a zygote, and that what is shipped to a sandbox can run there."""

import ast
import asyncio
import contextlib
import shutil
import sys
from pathlib import Path

import pytest

from rlm.context import load
from rlm.errors import SandboxError
from rlm.sandbox import session, worker
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.session import Session
from rlm.sandbox.spawned import SpawnedRun
from rlm.types import Cell, Limits
from sandbox.support import FUNCTIONS, descendants, echo, open_fds, run_cells

FOLDER = Path(session.__file__).parent


def run_spawned(*codes, value="one two\n", pieces=None, limits=Limits(cell_seconds=0.3)):  # noqa: B008
    async def main():
        with contextlib.closing(load(value)) as context:
            environment = SpawnedRun(context)
        one = Session(
            environment,
            functions=FUNCTIONS,
            question="why?",
            limits=limits,
            max_output=2000,
            on_call=echo,
            pieces=pieces,
        )
        try:
            return [await one.run(Cell(code)) for code in codes]
        finally:
            await one.close()
            await environment.close()

    return asyncio.run(main())


def test_it_runs_cells_like_any_other():
    codes = ["x = len(context)\nllm_query(question)", "while True: pass", "import os\nos._exit(3)", "'x' in globals()"]
    first, second, third, fourth = run_spawned(*codes)
    assert first.output == "'llm_query why?'\n"
    assert (second.interrupted, second.lost) == (True, None)
    assert third.lost == "it exited with status 3"
    assert fourth.output == "False\n"


def test_it_takes_every_kind_of_input_and_pieces(tmp_path):
    assert run_spawned("context['a']", value={"a": [1]})[0].output == "[1]\n"
    (tmp_path / "a.txt").write_text("alpha")
    (tmp_path / "b.txt").write_text("beta")
    assert run_spawned("context['b.txt']", value=tmp_path)[0].output == "'beta'\n"
    assert run_spawned("context", value="abcdef", pieces=ChildContext(2, 4, ""))[0].output == "'cd'\n"
    with pytest.raises(SandboxError, match="the worker did not start: it exited with status 1"):
        run_spawned("1", pieces=ChildContext(2, 99, ""))


def test_it_leaves_nothing_behind():
    run_cells("1")
    before = open_fds(), len(descendants())
    run_spawned("import os\nos.write(1, b'x' * 100)\nos.write(0, b'x' * 100)\nprint('fine')")
    assert (open_fds(), len(descendants())) == before


@pytest.mark.parametrize("name", [*worker.SHIPPED])
def test_what_is_shipped_is_python_3_8_with_the_standard_library_alone(name):
    tree = ast.parse((FOLDER / f"{name}.py").read_text(), feature_version=(3, 8))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            names, siblings = [], [node.module] if node.module else [alias.name for alias in node.names]
            assert set(siblings) <= set(worker.SHIPPED)
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        else:
            continue
        assert {one.partition(".")[0] for one in names} <= sys.stdlib_module_names | set(worker.SHIPPED)


def test_what_is_shipped_is_all_that_a_worker_needs(tmp_path, monkeypatch):
    for name in worker.SHIPPED:
        shutil.copy(FOLDER / f"{name}.py", tmp_path)
    monkeypatch.setattr("rlm.sandbox.spawned.__file__", str(tmp_path / "spawned.py"))
    assert run_spawned("search('two', 1)[0].where")[0].output == "'line 1'\n"
