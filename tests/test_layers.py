"""Imports point down, also those inside functions: what a part may know is drawn here and in ARCHITECTURE.md."""

import ast
import sys
from pathlib import Path

import pytest


SOURCE = Path(__file__).parents[1] / "src" / "rlm"

# From the top down; a module may import from the layers below its own, and from its own part.
LAYERS = [
    {"__main__", "cli"},
    {"server", "viewer", "evals", "cluster", "compat"},
    {"__init__", "engine"},
    {"execution"},
    {"loop", "broker", "run", "live"},
    {"mapping", "run_view", "background"},
    {"context", "prompts", "parse", "ledger", "sandbox", "lms", "nano", "trace", "conflict"},
    {"terminal", "types", "errors", "version"},
]
# Parts of one layer that may know of another of it, and what for.
SIDEWAYS = {
    ("sandbox", "context"): "an environment loads a Context",
    ("ledger", "lms"): "a hold is priced by a model's Price",
    ("lms", "nano"): "the model in the box is a file of that package",
    ("live", "run_view"): "draws it",
    ("types", "errors"): "",
}
WORKER_SIDE = ["worker", "protocol", "corpus", "search", "lockdown", "landlock", "seccomp", "syscalls"]


def _modules():
    return sorted(path for path in SOURCE.rglob("*.py"))


def _part(name):
    """`rlm.lms.openai` -> `lms`; `rlm` -> `__init__`."""
    pieces = name.split(".")
    return pieces[1] if len(pieces) > 1 else "__init__"


def _name(path):
    pieces = ["rlm", *path.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(pieces[:-1] if pieces[-1] == "__init__" else pieces)


def _imports(path):
    """The modules that a file imports, at any depth of it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module
            # `from rlm import conflict` imports a module, not a name of the package.
            for alias in node.names:
                if node.module == "rlm" and (SOURCE / f"{alias.name}.py").exists():
                    yield f"rlm.{alias.name}"


def _layer(part):
    levels = [level for level, parts in enumerate(LAYERS) if part in parts]
    assert levels, f"rlm.{part} is in no layer: place it in tests/test_layers.py and ARCHITECTURE.md"
    return levels[0]


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_imports_point_down(path):
    own = _part(_name(path))
    if path == SOURCE / "__init__.py":
        own = "__init__"
    for imported in _imports(path):
        if imported.split(".")[0] != "rlm":
            continue
        part = _part(imported)
        # Importing a module of the package runs `rlm/__init__.py` in any case; only its names are the engine's.
        if part in (own, "__init__") and imported != "rlm":
            continue
        if imported == "rlm" and own != "__main__":
            names = {
                alias.name
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.ImportFrom) and node.module == "rlm"
                for alias in node.names
            }
            assert all((SOURCE / f"{name}.py").exists() or (SOURCE / name).is_dir() for name in names), path
            continue
        below = _layer(own) < _layer(part)
        assert below or (own, part) in SIDEWAYS, f"{_name(path)} imports {imported}, which is not below it"


def test_loop_and_broker_do_not_know_each_other():
    assert "rlm.broker" not in set(_imports(SOURCE / "loop.py"))
    assert "rlm.loop" not in set(_imports(SOURCE / "broker.py"))


@pytest.mark.parametrize("name", WORKER_SIDE)
def test_worker_side_files_need_nothing_but_the_standard_library(name):
    siblings = set(WORKER_SIDE)
    for imported in _imports(SOURCE / "sandbox" / f"{name}.py"):
        top = imported.split(".")[0]
        assert top in sys.stdlib_module_names or top in siblings, f"sandbox/{name}.py imports {imported}"
