"""JSON values: written as their JSON text, batch by batch, and refused by name where JSON can't carry them."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from itertools import islice

from rlm.context.base import Context
from rlm.context.blob import BlobWriter
from rlm.context.describe import describe_json
from rlm.context.names import shown
from rlm.errors import ContextError

# Escapes beyond ASCII would make the worker's decoding peak larger; the blob carries lone surrogates as they are.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_BATCH = 256  # items encoded at once: the C encoder builds one string per call
_DEPTH = 500  # lists and dicts inside each other; Python's own parser gives up near 1,000


def load_json(value: object, stop: threading.Event | None = None) -> Context:
    """Load a JSON value; tuples are written as lists.

    Raises:
        ContextError: JSON can't carry a part of it; the message names the part, as `context['a'][3]`.
    """
    _check(value)
    characters = 0
    with BlobWriter(stop) as writer:
        try:
            for text in _encode(value):
                characters += len(text)
                writer.write_text(text)
        except ValueError as error:  # an integer of more digits than Python will write
            raise ContextError(f"context can't be written as JSON: {error}") from error
        return Context("json", writer.seal(), (), (), describe_json(value, characters), characters)


def _encode(value: object) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        yield "["
        for start in range(0, len(value), _BATCH):
            yield ("," if start else "") + _ENCODER.encode(value[start : start + _BATCH])[1:-1]
        yield "]"
    elif isinstance(value, dict):
        items, between = iter(value.items()), ""
        yield "{"
        while batch := dict(islice(items, _BATCH)):
            yield between + _ENCODER.encode(batch)[1:-1]
            between = ","
        yield "}"
    else:
        yield _ENCODER.encode(value)


def _check(value: object) -> None:
    """Walk the containers: what the encoder would refuse without saying where, or would change silently."""
    stack: list[tuple[str, Iterator[tuple[object, object]]]] = [("context", iter([(None, value)]))]
    while stack:
        path, items = stack[-1]
        for key, item in items:
            kind = type(item)
            if kind is str or kind is int or item is None or kind is bool:
                continue
            where = path if key is None else f"{path}[{_shown_key(key)}]"
            if isinstance(item, (list, tuple)):
                stack.append((where, enumerate(item)))
            elif isinstance(item, dict):
                _check_keys(where, item)
                stack.append((where, iter(item.items())))
            else:
                _check_scalar(where, item)
                continue
            if len(stack) > _DEPTH:
                raise ContextError(f"context is nested more than {_DEPTH} levels deep, or contains itself")
            break
        else:
            stack.pop()


def _check_keys(where: str, item: dict[object, object]) -> None:
    for key in item:
        if not isinstance(key, str):
            raise ContextError(
                f"{where} has the key {shown(repr(key))}, {_article(type(key).__name__)}: JSON's keys are strings"
            )


def _check_scalar(where: str, item: object) -> None:
    if isinstance(item, float) and not math.isfinite(item):
        raise ContextError(f"{where} is {item}, which JSON can't carry; use None or a string")
    if not isinstance(item, (str, int, float)):
        raise ContextError(f"{where} is {_article(type(item).__name__)}, which JSON can't carry{_hint(item)}")


def _hint(item: object) -> str:
    """What to give in its place."""
    if hasattr(item, "__fspath__"):
        return "; a Path must stand alone, or in a list of nothing but paths"
    if isinstance(item, (bytes, bytearray)):
        return "; decode it"
    if hasattr(item, "read"):
        return "; give what it reads, or its Path"
    return "; make a list of it" if isinstance(item, (set, frozenset, Iterator)) else ""


def _shown_key(key: object) -> str:
    return str(key) if isinstance(key, int) else f"'{shown(str(key))}'"


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
