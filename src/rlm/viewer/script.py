"""The page's modules as one script: asked for once in place of in a chain of imports, and what one file holds.

One of them, `wording`, is made here: it has what the page has to know of the wordings for models.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files

from rlm.prompts import profiles

PAGE = files("rlm.viewer") / "page"
# Each after those that it imports: joined, they are one script.
_MODULES = (
    *("dom", "source", "run_model", "code", "stored", "table", "time_line", "turn_view", "input_strip"),
    *("citations_view", "call_tree", "difference", "run_page", "list_page", "compare_page", "main"),
)


@cache
def script() -> str:
    """Each module is a function that returns what it exports."""
    # The question of a run that was given a whole request, as the trace names it: by the hash of the text.
    task = hashlib.sha256(profiles.task().encode()).hexdigest()[:16]
    return "\n".join([f'const $wording = {{ TASK: "{task}" }};', *map(_module, _MODULES)])


def _module(name: str) -> str:
    text = (PAGE / f"{name}.js").read_text()
    text = re.sub(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', r"const \1 = $\2;", text, flags=re.MULTILINE)
    exported = re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", text, flags=re.MULTILINE)
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return f"const ${name} = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();"
