"""The seed of `random`, whenever a cell loads that.

Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from typing import Any


def seed(number: int) -> None:
    """Seeds `random`: where it is not loaded, as soon as it is. Loaded at once it takes 3 ms of a cold start."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Seeding)]
    if "random" in sys.modules:
        sys.modules["random"].seed(number)
    else:
        sys.meta_path.insert(0, _Seeding(number))


class _Seeding:
    """Finds `random`, as others do, and has it seeded."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._loader: Any = None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "random":
            return None
        sys.meta_path.remove(self)
        spec: Any = next(filter(None, (finder.find_spec(name, path, target) for finder in sys.meta_path)))
        self._loader = spec.loader
        spec.loader = self
        return spec

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        module.seed(self._number)

    def __getattr__(self, name: str) -> Any:  # the rest of what a loader can do
        return getattr(self._loader, name)
