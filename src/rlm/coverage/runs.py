"""Coverage and citations of a run, given as its caller has it: by name, folder or completion."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.coverage import quotes
from rlm.coverage.quotes import Citation, cited
from rlm.coverage.source import Input, load_input
from rlm.errors import ConfigError, ContextError
from rlm.trace import runs, store
from rlm.trace.sittings import with_sources
from rlm.trace.tree import RunTree
from rlm.types import Completion

if TYPE_CHECKING:
    from rlm.coverage.reach import Coverage


def coverage(run: Completion | RunTree | str | Path) -> Coverage:
    """What of its input a run's models read. The trace is read, and files of the input are read again.

    Args:
        run: What the run returned, its name or the start of it, its folder, or its tree.

    Raises:
        ConfigError: It has no trace, or no run has that name.
        TraceError: Its trace can't be read.
        ContextError: Its input can't be read, or is not what it was.
    """
    from rlm.coverage.reach import reached  # numpy takes 0.1 s

    with _uncollected():
        tree = _tree(run)
        return reached(tree, _input(tree))


def citations(run: Completion | RunTree | str | Path) -> tuple[Citation, ...]:
    """The passages that a run's answer quotes, each with where it stands in the input, or marked unsupported.

    Args:
        run: What the run returned, its name or the start of it, its folder, or its tree.

    Raises:
        ConfigError: It has no trace, or no run has that name.
        TraceError: Its trace can't be read.
        ContextError: Its input can't be read, or is not what it was.
    """
    tree = _tree(run)
    answer, marked = _answer(tree)
    return cited(answer, _input(tree), marked=marked) if answer else ()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of garbage: there is none, and with 100,000 stretches it takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def quotes_anything(tree: RunTree) -> bool:
    """Whether a run's answer marks anything as a quote, which needs no look at the input."""
    answer, marked = _answer(tree)
    return marked and quotes.quotes_anything(answer)


def _answer(tree: RunTree) -> tuple[str, bool]:
    """A run's answer as text, and whether quotation marks in it mark quotes: in JSON they mark every string."""
    is_text = tree.answer is None or isinstance(tree.answer.value, str)
    if tree.end is not None:
        return tree.end.response, is_text
    return (str(tree.answer.value), True) if tree.answer is not None and is_text else ("", is_text)


def _tree(run: Completion | RunTree | str | Path) -> RunTree:
    if isinstance(run, RunTree):
        return run
    if isinstance(run, Completion):
        if run.trace is None:
            raise ConfigError(f"the run {run.run_id} kept no trace (trace=False): nothing says what it read")
        run = run.trace
    return RunTree(store.read(runs.find(run) if isinstance(run, str) else run))


def _input(tree: RunTree) -> Input:
    if tree.begin is None:
        raise ContextError("the run was killed before its first event")
    folder = tree.path.absolute().parent if tree.path is not None else runs.folder()
    return load_input(with_sources(tree.begin, folder))
