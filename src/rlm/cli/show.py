"""`rlm show`: a saved run as a tree, or one of its turns whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from rlm.cli import exit_codes
from rlm.errors import ConfigError, ContextError
from rlm.terminal import visible
from rlm.trace import runs, single_file, store
from rlm.trace.events import Event
from rlm.trace.reader import Reader
from rlm.trace.tree import RunTree


def run(name: str | None, turn: int | None = None) -> int:
    """Prints the run `name` (the last one if None) to standard output, or one turn of its root.

    Raises:
        ConfigError: There is no such run, or no such turn in it.
        TraceError: Its trace can't be read.
    """
    found = events(name)
    tree = RunTree(found)
    if tree.begin is None:
        raise ConfigError(f"the run {name or 'before'} was killed before its first event")
    from rlm import run_view

    console = run_view.console(sys.stdout)
    if turn is not None:
        turns = [one for one in (tree.root.turns if tree.root else []) if one.begin.turn == turn]
        if not turns:
            last = tree.root.turns[-1].begin.turn if tree.root and tree.root.turns else 0
            raise ConfigError(f"the run has no turn {turn}; its last is {last}")
        for one in turns:
            console.print(run_view.whole_turn(one))
        return exit_codes.DONE
    ends = ""
    if isinstance(found, Reader) and tree.end is None and not runs.is_running(found.path):
        ends = f"killed; {found.reason}"
    console.print(run_view.view(tree, code=True, ends=ends))
    for line in _quotes(tree):
        print(line)
    return exit_codes.DONE


def _quotes(tree: RunTree) -> list[str]:
    """Where the passages that the answer quotes stand; nothing is read where it quotes nothing."""
    from rlm.coverage import citations, quotes_anything

    if not quotes_anything(tree):
        return []
    from rlm.cli.coverage import quote_lines

    try:
        return list(quote_lines(citations(tree)))
    except ContextError as error:
        return [f"whether the answer's quotes stand in the input can't be told: {visible(str(error))}"]


def events(name: str | None) -> Iterator[Event]:
    """The events of a run: by its name, the start of it, `last` (None too), its folder, or the file it was saved to.

    Raises:
        ConfigError: There is no such run.
        TraceError: Its trace can't be read.
    """
    if name is not None and os.path.isfile(name):
        return single_file.read(Path(name))
    return store.read(runs.find(name))
