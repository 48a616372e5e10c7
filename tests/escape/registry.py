"""What an attempt is, and the list of all of them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from escape.prelude import Target

Act = Callable[[Target], "str | None"]
Shown = Literal["unconfined", "plain", "nowhere"]


@dataclass(frozen=True)
class Attempt:
    """One way to try to get out.

    Attributes:
        name: The function's name.
        family: The module's name.
        what: What is tried, in a line.
        source: The function's source, which is what runs.
        shown: Where it is known to succeed, so that it is no straw man: under `unconfined`; only in plain Python,
            because even `unconfined` holds it; or nowhere here, because it depends on the kernel or on privileges.
        phases: 2 if a second worker looks for what a first one left.
    """

    name: str
    family: str
    what: str
    source: str
    shown: Shown
    phases: int


def attempt(shown: Shown = "unconfined", *, phases: int = 1) -> Callable[[Act], Act]:
    """Marks a function of `attempts/` as an attempt; it returns evidence if it got out."""

    def mark(act: Act) -> Act:
        act.__dict__["attempt"] = Attempt(
            name=act.__name__,
            family=act.__module__.rpartition(".")[2],
            what=(act.__doc__ or "").strip().rstrip("."),
            source=inspect.getsource(act),
            shown=shown,
            phases=phases,
        )
        return act

    return mark


@cache
def attempts() -> tuple[Attempt, ...]:
    """All of them, family by family, in the order they are written in."""
    from escape import attempts as families

    found: list[Attempt] = []
    for module in pkgutil.iter_modules(families.__path__):
        members = vars(importlib.import_module(f"{families.__name__}.{module.name}")).values()
        found += [member.attempt for member in members if hasattr(member, "attempt") and callable(member)]
    return tuple(found)
