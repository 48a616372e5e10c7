"""JSON values: written as their JSON text, batch by batch, and refused by name where JSON can't carry them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from rlm.context.base import Context
from rlm.context.blob import BlobWriter
from rlm.errors import ContextError

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_BATCH = 256  # items encoded at once: the C encoder builds one string per call


def load_json(value: object) -> Context:
    """Load a JSON value; tuples are written as lists.

    Raises:
        ContextError: JSON can't carry a part of it; the message names the part, as `context['a'][3]`.
    """
    characters = 0
    with BlobWriter() as writer:
        try:
            for text in _encode(value):
                characters += len(text)
                writer.write_text(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise ContextError(f"context can't be written as JSON: {error}") from error
        description = f"{type(value).__name__}, {characters:,} characters of JSON"
        return Context("json", writer.seal(), (), (), description, characters)


def _encode(value: object) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        yield "["
        for start in range(0, len(value), _BATCH):
            yield "," * bool(start) + _ENCODER.encode(value[start : start + _BATCH])[1:-1]
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
