"""`llm_map`: items packed into prompts that fit the model's window, and the replies taken apart again. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from rlm.errors import LMReplyError
from rlm.lms.base import estimate_tokens
from rlm.types import JSON

# Where the window is unknown, a prompt that every current model takes.
_DEFAULT_WINDOW = 8192
# Of the window: the rest is for the answers, and for the error of the estimate.
_SHARE = 0.5
# Models lose count in longer lists, however large their window.
_MOST_ITEMS = 50


@dataclass(frozen=True, slots=True)
class Pack:
    """Some of the items, asked about in one prompt.

    Attributes:
        indices: Which items, each standing for all that are equal to it.
        first_of: Item -> the equal one that is asked about, for the items that this pack answers.
    """

    indices: tuple[int, ...]
    items: dict[int, str]
    instruction: str
    schema: JSON
    first_of: dict[int, int]

    @property
    def prompt(self) -> str:
        """What the model is asked."""
        shape = f" Each result must match this JSON schema: {json.dumps(self.schema)}." if self.schema else ""
        rows = "\n".join(f"[{index}] {self.items[index]}" for index in self.indices)
        return (
            f"{self.instruction}\n\nApply this to each of the {len(self.indices)} items below, separately. "
            "Answer with one JSON object and nothing else: the key is the item's number as a string, "
            f"the value is its result.{shape}\n\n{rows}"
        )

    def read(self, reply: str) -> dict[int, JSON]:
        """The results in a reply, by item; items that it does not answer are missing.

        Raises:
            LMReplyError: There is no JSON object in it, and more than one item was asked about.
        """
        found = re.search(r"\{.*\}", reply, re.DOTALL)
        try:
            rows = json.loads(found[0]) if found else None
        except ValueError:
            rows = None
        if not isinstance(rows, dict):
            if len(self.indices) > 1:
                return {}
            raise LMReplyError(f"llm_map asked for a JSON object and got: {reply[:200]!r}")
        results: dict[int, JSON] = {}
        for index in self.indices:
            if str(index) in rows and _matches(rows[str(index)], self.schema):
                results[index] = rows[str(index)]
        return results

    def split(self, indices: list[int]) -> list[Pack]:
        """Packs of one item each, for asking again."""
        return [Pack((index,), self.items, self.instruction, self.schema, {}) for index in indices]


def pack_items(items: list[JSON], instruction: str, schema: JSON, window: int | None) -> list[Pack]:
    """Packs items, equal ones once, in order."""
    room = int((window or _DEFAULT_WINDOW) * _SHARE) - estimate_tokens(instruction) - 100
    texts = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items]
    first: dict[str, int] = {}
    equal: dict[int, list[int]] = {}
    for index, text in enumerate(texts):
        equal.setdefault(first.setdefault(text, index), []).append(index)
    groups: list[list[int]] = []
    used = 0
    for index in equal:
        size = estimate_tokens(texts[index]) + 8
        if not groups or used + size > room or len(groups[-1]) >= _MOST_ITEMS:
            groups.append([])
            used = 0
        groups[-1].append(index)
        used += size
    return [
        Pack(
            tuple(group),
            {index: texts[index] for index in group},
            instruction,
            schema,
            {same: index for index in group for same in equal[index]},
        )
        for group in groups
    ]


_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
    "null": type(None),
}


def _matches(value: JSON, schema: JSON) -> bool:
    """Whether `value` has the type, the enum value and the required keys that `schema` names."""
    if not isinstance(schema, dict):
        return True
    kind = schema.get("type")
    if isinstance(kind, str) and not isinstance(value, _TYPES.get(kind, object)):
        return False
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    options = schema.get("enum")
    if isinstance(options, list) and value not in options:
        return False
    required = schema.get("required")
    return not (isinstance(required, list) and isinstance(value, dict) and any(key not in value for key in required))
