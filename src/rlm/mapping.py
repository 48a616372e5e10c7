"""`llm_map`: items packed into prompts that fit the model's window, and the replies taken apart again. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from rlm.errors import ConfigError
from rlm.lms.base import estimate_tokens
from rlm.types import JSON

# Where the window is unknown, a prompt that every current model takes.
_DEFAULT_WINDOW = 8192
# Of the window: the rest is for the answers, and for the error of the estimate.
_SHARE = 0.5
# Models lose count in longer lists, however large their window.
_MOST_ITEMS = 50
# Characters of an instruction and a schema in all prompts of a call together: each of up to a million has both.
_MOST_REPEATED = 64 * 2**20
# Lists in lists of one result: half of what a frame may hold.
_MOST_NESTED = 32


@dataclass(frozen=True, slots=True)
class Pack:
    """Some of the items, asked about in one prompt.

    Attributes:
        items: The items as text, by number.
        instruction: What is to be done with each.
        schema: The JSON schema of one result, or None.
    """

    items: dict[int, str]
    instruction: str
    schema: JSON

    @property
    def prompt(self) -> str:
        """What the model is asked."""
        shape = f" Each result must match this JSON schema: {json.dumps(self.schema)}." if self.schema else ""
        rows = "\n".join(f"[{number}] {text}" for number, text in self.items.items())
        return (
            f"{self.instruction}\n\nApply this to each of the {len(self.items)} items below, separately. "
            "Answer with one JSON object and nothing else: the key is the item's number as a string, "
            f"the value is its result.{shape}\n\n{rows}"
        )

    def read(self, reply: str) -> dict[str, JSON]:
        """Item -> result, as a reply has them; an item is missing where its result is, or can't be sent to a cell."""
        try:
            rows = json.loads(reply[max(reply.find("{"), 0) : reply.rfind("}") + 1])
        except (ValueError, RecursionError):
            return {}
        if not isinstance(rows, dict):
            return {}
        results = {text: rows[str(number)] for number, text in self.items.items() if str(number) in rows}
        return {text: value for text, value in results.items() if _is_plain(value) and _matches(value, self.schema)}

    def is_answered(self, reply: str) -> bool:
        """Whether a reply has a usable result for every item."""
        return len(self.read(reply)) == len(self.items)

    def split(self, answered: Container[str]) -> list[Pack]:
        """Packs of one item each for those that are not answered, to ask again."""
        left = {number: text for number, text in self.items.items() if text not in answered}
        return [Pack({number: text}, self.instruction, self.schema) for number, text in left.items()]


def as_texts(items: list[JSON]) -> list[str]:
    """The items as a prompt shows them."""
    return [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items]


def pack_items(texts: Iterable[str], instruction: str, schema: JSON, window: int | None) -> list[Pack]:
    """Packs items, equal ones once, in order."""
    room = int((window or _DEFAULT_WINDOW) * _SHARE) - estimate_tokens(instruction) - 100
    groups: list[dict[int, str]] = []
    used = 0
    for number, text in enumerate(dict.fromkeys(texts)):
        size = estimate_tokens(text) + 8
        if not groups or used + size > room or len(groups[-1]) >= _MOST_ITEMS:
            groups.append({})
            used = 0
        groups[-1][number] = text
        used += size
    return [Pack(group, instruction, schema) for group in groups]


def check_repeated(packs: Sequence[Pack]) -> None:
    """Refuses packs whose prompts would take gigabytes, before one is made of them.

    Raises:
        ConfigError: Their instruction and schema are too long for so many.
    """
    if packs:
        repeated = len(packs) * (len(packs[0].instruction) + len(json.dumps(packs[0].schema)))
        if repeated > _MOST_REPEATED:
            raise ConfigError(
                f"llm_map: instruction and schema would be sent {len(packs):,} times, {repeated:,} characters in all, "
                f"of at most {_MOST_REPEATED:,}: shorten them, or map fewer items at once"
            )


def _is_plain(value: JSON, depth: int = 0) -> bool:
    """Whether a frame can carry it: Python reads NaN, 1e999 and any nesting as JSON, and JSON has none of them."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list | dict):
        inner = value.values() if isinstance(value, dict) else value
        return depth < _MOST_NESTED and all(_is_plain(item, depth + 1) for item in inner)
    return True


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
    return not (isinstance(required, list) and isinstance(value, dict) and any(str(k) not in value for k in required))
