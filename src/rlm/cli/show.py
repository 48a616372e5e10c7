"""`rlm show`: a saved run as a tree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from rlm.cli import exit_codes
from rlm.errors import ConfigError
from rlm.trace import single_file, store
from rlm.trace.events import Event
from rlm.trace.tree import RunTree


def run(name: str | None) -> int:
    """Prints the run `name` (the last one if None) to standard output.

    Raises:
        ConfigError: There is no such run.
        TraceError: Its trace can't be read.
    """
    tree = RunTree(events(name))
    if tree.begin is None:
        raise ConfigError(f"the run {name or 'before'} was killed before its first event")
    from rlm import run_view

    run_view.console(sys.stdout).print(run_view.view(tree, code=True))
    return exit_codes.DONE


def events(name: str | None) -> Iterator[Event]:
    """The events of a run, given by its name, the start of it, its folder, or the file it was saved to."""
    runs = store.home() / "runs"
    if name is None:
        names = sorted(path.name for path in runs.glob("*/")) if runs.is_dir() else []
        if not names:
            raise ConfigError(f"no run in {runs} yet: rlm ask makes one")
        return store.read(runs / names[-1])
    path = Path(name)
    if path.is_file():
        return single_file.read(path)
    if (path / "events.jsonl").is_file():
        return store.read(path)
    found = sorted(runs.glob(f"{_pattern(name)}*/"))
    if len(found) != 1:
        what = "no run" if not found else f"{len(found)} runs"
        raise ConfigError(f"{what} named {name} in {runs}")
    return store.read(found[0])


def _pattern(name: str) -> str:
    """`name` as a glob pattern that matches it alone, and never leaves the folder."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name.replace("/", "_"))
