"""What an attempt is, and the list of all of them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from rlm.sandbox.trials.prelude import Target

Act = Callable[[Target], "str | None"]
Shown = Literal["unconfined", "plain", "host", "nowhere"]

# The families, in the order in which tables show them: one package of `attempts/` each.
FAMILIES = {
    "files": "the user's files: read, changed, left behind",
    "secrets": "keys and tokens, in the environment, in memory and where clouds keep them",
    "network": "any way to be heard outside",
    "kernel": "other processes, privileges and kernel interfaces",
    "resources": "more memory, time, processes or disk than was given",
    "protocol": "the host, lied to by the worker",
    "persistence": "something left for another worker or a later run",
}
# Where evidence needs no witness. Elsewhere a place of its own kind may have files, processes and sockets of its own:
# what was reached counts only if it is what the host planted.
_CONCLUSIVE = frozenset({"resources", "protocol", "persistence"})


@dataclass(frozen=True)
class Attempt:
    """One way to try to get out.

    Attributes:
        name: The function's name.
        family: One of `FAMILIES`.
        what: What is tried, in a line.
        source: The function's source, which is what runs.
        shown: Where it is known to succeed, so that it is no straw man: under `unconfined`; only in plain Python,
            because even `unconfined` holds it; nowhere, because the host holds it whatever the launcher; or nowhere
            here, because it depends on the kernel or on privileges.
        phases: 2 if a second worker looks for what a first one left.
        seconds: What its cell may take; the host ends it then.
        conclusive: Whether its evidence is proof by itself, wherever it runs.
        alters: Whether it changes the process that it runs in, where it succeeds: none other should run there then.
    """

    name: str
    family: str
    what: str
    source: str
    shown: Shown
    phases: int = 1
    seconds: float = 20.0
    conclusive: bool = False
    alters: bool = False


def attempt(
    shown: Shown = "unconfined",
    *,
    phases: int = 1,
    seconds: float = 20.0,
    conclusive: bool | None = None,
    alters: bool = False,
) -> Callable[[Act], Act]:
    """Marks a function of `attempts/` as an attempt; it returns evidence if it got out."""

    def mark(act: Act) -> Act:
        family = act.__module__.split(".")[-2]
        act.__dict__["attempt"] = Attempt(
            name=act.__name__,
            family=family,
            what=(act.__doc__ or "").strip().rstrip("."),
            source=inspect.getsource(act),
            shown=shown,
            phases=phases,
            seconds=seconds,
            conclusive=family in _CONCLUSIVE if conclusive is None else conclusive,
            alters=alters,
        )
        return act

    return mark


@cache
def attempts() -> tuple[Attempt, ...]:
    """All of them, family by family, in the order they are written in."""
    found: list[Attempt] = []
    for family in FAMILIES:
        package = importlib.import_module(f"rlm.sandbox.trials.attempts.{family}")
        for module in pkgutil.iter_modules(package.__path__):
            members = vars(importlib.import_module(f"{package.__name__}.{module.name}")).values()
            found += [member.attempt for member in members if hasattr(member, "attempt") and callable(member)]
    return tuple(found)
