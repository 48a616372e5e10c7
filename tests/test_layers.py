"""Imports point down, also those inside functions: what a part may know is drawn here and in ARCHITECTURE.md."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "rlm"

# From the top down: a part may import from those below its line, and from itself.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"server", "viewer", "evals", "cluster"},
    {"doctor"},
    {"__init__"},
    {"reference", "resuming"},
    {"engine"},
    {"sitting", "earlier"},
    {"execution"},
    {"nodes"},
    {"kept"},
    {"loop", "broker", "run", "setup", "mcp", "live", "logger", "conflict"},
    {"mapping", "asking", "approval", "toolbox", "backends", "route", "run_view", "coverage", "serving"},
    {"prompts", "parse", "ledger", "replies", "sandbox", "lms", "playback", "recorded", "order"},
    {"differences"},
    {"context", "nano", "trace", "config", "tools"},
    {"terminal", "errors", "version", "background"},
    {"types"},
]
# A ledger's holds are priced by a model's price, which is a value and needs nothing. A completion's citations are found
# when they are asked for.
SIDEWAYS = {("rlm.ledger", "rlm.lms.base"), ("rlm.types", "rlm.coverage")}


def _name(path: Path) -> str:
    pieces = ["rlm", *path.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(pieces[:-1] if pieces[-1] == "__init__" else pieces)


MODULES = {_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


@cache
def _imports(name: str) -> set[str]:
    """The modules that a module imports, anywhere in it; `from package import module` names the module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
            base = ".".join(filter(None, [package, node.module])) if node.level else node.module or ""
            submodules = {f"{base}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= submodules or {base}
    return found


def _part(name: str) -> str:
    pieces = name.split(".")
    return pieces[1] if len(pieces) > 1 else "__init__"


def _layer(name: str) -> int:
    for level, parts in enumerate(LAYERS):
        if _part(name) in parts:
            return level
    raise AssertionError(f"{name} is in no layer: place it in tests/test_layers.py and ARCHITECTURE.md")


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name: str) -> None:
    for imported in _imports(name):
        if imported.split(".")[0] != "rlm" or _part(imported) == _part(name) or (name, imported) in SIDEWAYS:
            continue
        assert _layer(name) < _layer(imported), f"{name} imports {imported}, which is not below it"


def test_nothing_but_the_adapter_knows_the_reference_systems_names() -> None:
    adapter = {"rlm.reference", "rlm.backends", "rlm.logger"}
    assert {name for name in MODULES if _imports(name) & adapter} == {"rlm", "rlm.reference"}


def test_loop_and_broker_do_not_know_each_other() -> None:
    assert "rlm.broker" not in _imports("rlm.loop")
    assert "rlm.loop" not in _imports("rlm.broker")


def test_files_of_the_worker_need_nothing_but_the_standard_library() -> None:
    """They are shipped as they are, and find each other as siblings, inside the package or in a bare folder."""
    seen, queue = set(), ["rlm.sandbox.worker", "rlm.sandbox.lockdown"]
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        for imported in _imports(name):
            sibling = f"rlm.sandbox.{imported.removeprefix('rlm.sandbox.')}"
            if sibling in MODULES:
                queue.append(sibling)
            elif imported != "rlm.sandbox":
                assert imported.split(".")[0] in sys.stdlib_module_names, f"{name} imports {imported}"
    assert {"rlm.sandbox.protocol", "rlm.sandbox.corpus", "rlm.sandbox.lockdown"} <= seen
