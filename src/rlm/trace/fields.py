"""What the fields of events may hold, read off their classes: to check what is read, to make the schema, to redact."""

from __future__ import annotations

from dataclasses import MISSING, fields
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from rlm.trace.events import Event

REQUIRED = object()


class Field(NamedTuple):
    """One field of an event.

    Attributes:
        name: Its name.
        kinds: The types that its value may have, as JSON gives them.
        values: The strings that it may be, where only those are allowed; else empty.
        default: What it has where nothing is given; `REQUIRED` where something must be.
    """

    name: str
    kinds: frozenset[type]
    values: tuple[str, ...]
    default: object


_known: dict[type[Event], tuple[Field, ...]] = {}


def fields_of(cls: type[Event]) -> tuple[Field, ...]:
    """The fields of an event class, `t` and `span` first; looked up once, for each event that is read or written."""
    if cls not in _known:
        hints = get_type_hints(cls)
        found = []
        for field in fields(cls):
            kinds, values = _kinds(hints[field.name])
            default = field.default
            if default is MISSING:
                default = REQUIRED if field.default_factory is MISSING else field.default_factory()
            found.append(Field(field.name, frozenset(kinds), tuple(values), default))
        _known[cls] = tuple(found)
    return _known[cls]


def _kinds(hint: Any) -> tuple[list[type], list[str]]:
    origin = get_origin(hint)
    if origin is Literal:
        return [str], list(get_args(hint))
    if origin in (Union, UnionType):
        parts = [_kinds(part) for part in get_args(hint)]
        return [kind for kinds, _ in parts for kind in kinds], [value for _, values in parts for value in values]
    kind: type = origin or hint
    return [float, int] if kind is float else [kind], []
