"""The JSON schema of a trace's log, made from the event classes; `trace/format-2.schema.json` is what it gives.

`python -m rlm.trace.schema` prints it. It describes a line of `events.jsonl`, and a line of a run that was saved to one
file (`rlm ask --save`), where no string is stored elsewhere.
"""

from __future__ import annotations

import json
from pathlib import Path

from rlm.trace.events import EVENT_TYPES, Event
from rlm.trace.fields import REQUIRED, Field, fields_of
from rlm.trace.reader import FORMAT_VERSION
from rlm.types import JSON

FILE = Path(__file__).with_name(f"format-{FORMAT_VERSION}.schema.json")

_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object"}
_STRING: dict[str, JSON] = {"$ref": "#/$defs/string"}
_COUNT: dict[str, JSON] = {"type": "integer", "minimum": 0}
_USAGE = ("calls", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cache_write_tokens")
# What is inside of fields that are objects or lists; of others, any JSON, in which strings may be stored elsewhere.
_INSIDE: dict[str, dict[str, JSON]] = {
    "usage": {"properties": dict.fromkeys(_USAGE, _COUNT), "additionalProperties": False},
    "messages": {
        "items": {
            "type": "object",
            "properties": {"role": {"enum": ["system", "user", "assistant"]}, "content": _STRING},
            "required": ["role", "content"],
            "additionalProperties": False,
        }
    },
    "origins": {"items": {"$ref": "#/$defs/piece"}},
    "source": {
        "oneOf": [
            {"properties": {"kind": {"enum": ["none", "earlier", "incomplete"]}}, "required": ["kind"]},
            {"properties": {"kind": {"enum": ["text", "json"]}, "text": _STRING}, "required": ["kind", "text"]},
            {
                "properties": {"kind": {"const": "paths"}, "paths": {"type": "array", "items": _STRING}},
                "required": ["kind", "paths"],
            },
        ]
    },
    "sitting": {
        "properties": {
            "run": {"type": "string"},
            "number": {"type": "integer", "minimum": 1},
            "input": {"type": ["string", "null"]},
            "before": {"type": ["string", "null"]},
            "lost": {"enum": ["worker", "sandbox", None]},
            "added": {
                "items": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in ("name", "digest", "run")},
                    "required": ["name", "digest", "run"],
                }
            },
        },
        "required": ["run", "number", "input", "added"],
    },
    "origin": {
        "properties": {
            "run": {"type": "string"},
            "turn": {"type": ["integer", "null"]},
            "way": {"enum": ["resume", "replay", "fork"]},
            "passed_over": {"type": "array", "items": _STRING},
        },
        "required": ["run", "turn", "way"],
    },
}
_SHARED: dict[str, JSON] = {
    "string": {
        "description": "A string, or where it is in strings.pack.",
        "anyOf": [{"type": "string"}, {"$ref": "#/$defs/stored"}],
    },
    "stored": {
        "description": "Its offset and length in bytes, and the first 16 hexadecimal digits of its SHA-256.",
        "type": "object",
        "properties": {
            "$s": {
                "type": "array",
                "prefixItems": [_COUNT, _COUNT, {"type": "string", "pattern": "^[0-9a-f]{16}$"}],
                "items": False,
                "minItems": 3,
            }
        },
        "required": ["$s"],
        "additionalProperties": False,
    },
    "piece": {
        "description": "A piece of the input: characters from, to, of the file of that name.",
        "type": "array",
        "prefixItems": [_COUNT, _COUNT, _STRING],
        "items": False,
        "minItems": 3,
    },
}


def schema() -> dict[str, JSON]:
    """The schema, in JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"An event of a trace of rlm, format {FORMAT_VERSION}",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in EVENT_TYPES],
        "$defs": {**_SHARED, **{name: _event(cls) for name, cls in EVENT_TYPES.items()}},
    }


def text() -> str:
    """The schema as the file has it."""
    return json.dumps(schema(), indent=1) + "\n"


def _event(cls: type[Event]) -> dict[str, JSON]:
    known = fields_of(cls)
    properties: dict[str, JSON] = {"type": {"const": cls.type}}
    properties.update({field.name: _field(field) for field in known})
    always: list[JSON] = [
        "type",
        *(field.name for field in known if field.default is REQUIRED or field.name in ("t", "span")),
    ]
    return {
        "description": (cls.__doc__ or "").split("\n\n")[0].replace("\n    ", " "),
        "type": "object",
        "properties": properties,
        "required": always,
        "additionalProperties": False,
    }


def _field(field: Field) -> dict[str, JSON]:
    if field.values:
        allowed: list[JSON] = [*field.values]
        return {"enum": [*allowed, None] if type(None) in field.kinds else allowed}
    choices: list[JSON] = []
    for kind in sorted(field.kinds, key=lambda kind: kind.__name__):
        if kind is str:
            choices.append(_STRING)
        elif kind is type(None):
            choices.append({"type": "null"})
        elif not (kind is int and float in field.kinds):  # a number may be whole
            choices.append({"type": _NAMES[kind], **(_INSIDE.get(field.name, {}) if kind in (dict, list) else {})})
    if len(choices) == 1 and isinstance(choices[0], dict):
        return choices[0]
    return {"anyOf": choices}


if __name__ == "__main__":
    print(text(), end="")
