"""Plain sentences and questions out of a small grammar: more ways to say the usual than anyone would write by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import written

if TYPE_CHECKING:
    from wording import World

# Symbol -> what it may be; <symbol> in it stands for one of that symbol's own, and {A}, {N}, {V} are left as they are.
STATING, ASKING = (written.grammar(number) for number in (1, 2))
_SYMBOL = re.compile(r"<(\w[\w ]*)>")


def template(world: World, grammar: dict[str, list[str]], symbol: str) -> str:
    """A template of the symbol; what is held out is chosen for every symbol by itself."""

    def one(found: re.Match[str]) -> str:
        return template(world, grammar, found[1]) if found[1] in grammar else found[0]

    return _SYMBOL.sub(one, world.pick(grammar[symbol]))
