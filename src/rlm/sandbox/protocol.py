"""Frames between a session and its worker: what they look like, what they may hold, who may send which.

A frame is a 4-byte big-endian length and a UTF-8 JSON object with a `type`. What a worker sends can be forged by the
code that it runs, so everything is bounded here, before anyone looks at it: length, nesting, values, and the types of
the fields. Worker-side: standard library only, Python 3.8+. `docs/protocol.md` describes the messages.
"""

from __future__ import annotations

import _json  # `json` takes 8 ms: it loads `re`
import itertools
import struct

VERSION = 3
MAX_FRAME = 64 * 2**20  # bytes
MAX_DEPTH = 64  # nested lists and objects
MAX_VALUES = 2**20  # in one frame: parsed, the smallest value takes some 20 times its JSON text
MAX_OPEN_CALLS = 1024  # of one worker at a time
MAX_OPEN_BYTES = 256 * 2**20  # frames of the calls that are open, together
MAX_ID = 2**53
MAX_NAME = 4096  # characters of a name in the input
TOOL = "tool"  # the call that asks for one of the user's tools

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Message = dict[str, Any]

_HEADER = struct.Struct(">I")
_SMALL = 2**20  # a frame below this can't hold enough values to hurt
_TOKENS = rb'"[^"]*(?:"|\Z)|[,\[{]'  # where no quote is escaped; it never looks at a byte twice
_VALUE_SIGNS = (b",", b"[", b"{")

# The fields of each message, all required, with the types that they may have.
_NUMBER = (int, float)
_NONE = type(None)
_TO_WORKER: dict[str, dict[str, tuple[type, ...]]] = {
    "hello": {
        "version": (int,),
        "seed": (int,),
        "functions": (list,),
        "question": (str,),
        "max_output": (int,),
        "window": (int, _NONE),
        "tools": (list,),
        "names": (dict,),
        "env": (dict,),
    },
    "add": {"name": (str,), "kind": (str,), "parts": (list,), "data": (str,), "last": (bool,)},
    "run": {"id": (int,), "code": (str,)},
    "return": {"id": (int,), "value": (object,)},
    "raise": {"id": (int,), "error": (dict,)},
    "interrupt": {},
}
_FROM_WORKER: dict[str, dict[str, tuple[type, ...]]] = {
    "ready": {"version": (int,), "python": (str,), "enforces": (list,)},
    "added": {"error": (str, _NONE)},
    "kept": {"variables": (list,)},
    "call": {"id": (int,), "name": (str,), "args": (dict,)},
    "done": {
        "id": (int,),
        "output": (str,),
        "output_size": (int,),
        "error": (str, _NONE),
        "answer": (dict, _NONE),
        "seconds": _NUMBER,
    },
}
_OFFER: dict[str, tuple[type, ...]] = {"name": (str,), "signature": (str,), "doc": (str,)}
_ANSWER: dict[str, tuple[type, ...]] = {"value": (object,), "is_repr": (bool,), "ready": (bool,)}
# The arguments of each call, by name. Their types are the broker's to check: a model may get them wrong.
_ARGS: dict[str, frozenset[str]] = {
    "llm_query": frozenset(("prompt", "model", "temperature", "fresh", "origins")),
    "llm_query_batched": frozenset(("prompts", "model", "temperature", "fresh", "origins")),
    "llm_map": frozenset(("items", "instruction", "schema", "model", "temperature", "fresh", "origins")),
    "rlm_query": frozenset(("prompt", "context", "model")),
    "rlm_query_batched": frozenset(("prompts", "contexts", "model")),
    TOOL: frozenset(("name", "args", "kwargs")),
}
_TOOL_ARGS: dict[str, tuple[type, ...]] = {"name": (str,), "args": (list,), "kwargs": (dict,)}


class FrameError(ValueError):
    """A frame that the protocol does not allow."""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _refuse(value: object) -> None:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


class _Reading:
    """What `json.JSONDecoder` is to its scanner."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_no_constant)


_scan = _json.make_scanner(_Reading())  # type: ignore[arg-type]  # it takes whatever has these names


def to_json(value: Any) -> str:
    """A value as JSON, without spaces.

    Raises:
        TypeError, ValueError, RecursionError: JSON can't carry it.
    """
    encoder = _json.make_encoder({}, _refuse, _json.encode_basestring, None, ":", ",", False, False, False)
    return "".join(encoder(value, 0))


def from_json(text: str) -> Any:
    """The value that a JSON text holds.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is nested too deep.
    """
    text = text.strip(" \t\n\r")
    try:
        value, end = _scan(text, 0)
    except StopIteration as stop:
        raise ValueError(f"Expecting value: char {stop.value}") from None
    if end != len(text):
        raise ValueError(f"Extra data: char {end}")
    return value


def encode(message: Message) -> bytes:
    """A message as a frame. Lone surrogates, which UTF-8 can't carry, become `?`.

    Raises:
        FrameError: It is longer than a frame may be.
        TypeError, ValueError: JSON can't carry a value in it.
    """
    payload = to_json(message).encode("utf-8", "replace")
    if len(payload) > MAX_FRAME:
        raise FrameError(f"{len(payload):,} bytes; a frame holds at most {MAX_FRAME:,}")
    return _HEADER.pack(len(payload)) + payload


def encode_checked(message: Message) -> bytes:
    """A message as a frame, with values that a cell made: refused here where whoever gets it would end the worker.

    Raises:
        FrameError: It is longer than a frame may be, or holds more or deeper than it may.
        TypeError, ValueError: JSON can't carry a value in it.
    """
    frame = encode(message)
    decode(frame[_HEADER.size :])
    return frame


def decode(payload: bytes) -> Message:
    """The message in a frame, its values bounded; its fields are not checked yet.

    Raises:
        FrameError: It is no JSON object, or holds what no frame may hold.
    """
    if len(payload) > _SMALL and _is_dense(payload):
        raise FrameError(f"more than {MAX_VALUES:,} values in a frame")
    try:
        message = from_json(payload.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON: {error}") from None
    if type(message) is not dict:
        raise FrameError("not a JSON object")
    _check_values(message, b"\\u" in payload)
    return message


def length(header: bytes | bytearray) -> int:
    """The payload's length that a frame's first 4 bytes announce.

    Raises:
        FrameError: It is more than a frame may hold.
    """
    size: int = _HEADER.unpack(header)[0]
    if size > MAX_FRAME:
        raise FrameError(f"{size:,} bytes announced; a frame holds at most {MAX_FRAME:,}")
    return size


def read(receive: Callable[[int], bytes]) -> Message | None:
    """The next message, from a blocking stream; None where the stream ends between frames.

    Args:
        receive: Gives at most so many bytes, and none at the end of the stream.

    Raises:
        FrameError: The stream ends within a frame, or the frame is not allowed.
    """
    header = _exactly(receive, _HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size:
        raise FrameError("the stream ended within a frame")
    size = length(header)
    payload = _exactly(receive, size)
    if len(payload) < size:
        raise FrameError("the stream ended within a frame")
    return decode(payload)


def check_to_worker(message: Message) -> None:
    """Raises FrameError unless this is a message that a host may send."""
    _check_fields(message, _TO_WORKER)
    if message["type"] == "hello":
        for offer in message["tools"]:
            if type(offer) is not dict:
                raise FrameError("hello: a tool is an object")
            _check_types("tool", offer, _OFFER)
        for name, value in message["env"].items():
            if not name or "=" in name or type(value) is not str or "\0" in name + value:
                raise FrameError(f"hello: {name[:40]!r} is no variable with a str in env")


def check_from_worker(message: Message) -> None:
    """Raises FrameError unless this is a message that a worker may send."""
    _check_fields(message, _FROM_WORKER)
    if message["type"] == "call":
        _check_call(message["name"], message["args"])
    if message["type"] == "done":
        if message["answer"] is not None:
            _check_types("answer", message["answer"], _ANSWER)
        if message["output_size"] < 0 or message["seconds"] < 0:
            raise FrameError("a negative size")


def _exactly(receive: Callable[[int], bytes], size: int) -> bytes:
    data = receive(size) if size else b""
    if len(data) == size or not data:
        return data
    parts, missing = [data], size - len(data)
    while missing:
        data = receive(min(missing, _SMALL))
        if not data:
            break
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)


def _is_dense(payload: bytes) -> bool:
    """Whether the JSON holds more values than a frame may: the signs that begin one, those in strings left out."""
    if sum(payload.count(sign) for sign in _VALUE_SIGNS) <= MAX_VALUES:
        return False
    import re  # for what is not sent in good faith

    # A pattern that knows escapes as well takes hours, or gigabytes, for millions of them.
    plain = payload.replace(rb"\\", b"").replace(rb"\"", b"")
    tokens = sum(1 for _ in itertools.islice(re.finditer(_TOKENS, plain), 2 * MAX_VALUES + 1))
    return tokens > 2 * MAX_VALUES  # a value, and what separates it from the next


def _check_values(message: Message, escapes: bool) -> None:
    level: list[Any] = [message]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise FrameError(f"nested deeper than {MAX_DEPTH}")
        below: list[Any] = []
        for value in level:
            items = value
            if type(value) is dict:
                items = value.values()
                if escapes:
                    for key in value:
                        _check_text(key)
            for item in items:
                kind = type(item)
                if kind is dict or kind is list:
                    below.append(item)
                elif escapes and kind is str:
                    _check_text(item)
                elif kind is float and item in (float("inf"), float("-inf")):
                    raise FrameError("a number that is not finite")
        level = below


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise FrameError("a lone surrogate") from None


def _check_fields(message: Message, known: dict[str, dict[str, tuple[type, ...]]]) -> None:
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in known:
        raise FrameError(f"no message of type {str(kind)[:40]!r} is allowed here")
    _check_types(kind, {name: value for name, value in message.items() if name != "type"}, known[kind])
    if not 0 <= message.get("id", 0) <= MAX_ID:
        raise FrameError(f"{kind}: an id out of range")


def _check_call(name: str, args: dict[str, Any]) -> None:
    if name not in _ARGS or args.keys() != _ARGS[name]:
        raise FrameError(f"no call {name[:40]!r} takes {str(sorted(args))[:200]}")
    if name == TOOL:
        _check_types(TOOL, args, _TOOL_ARGS)
        return
    if "origins" in args:
        _check_origins(name, args)
    contexts = args.get("contexts") or [] if "contexts" in args else [args.get("context")]
    if type(contexts) is not list or not all(_is_context(context) for context in contexts):
        raise FrameError(f"{name}: a context is null, a piece or a value")


def _is_context(context: Any) -> bool:
    if context is None:
        return True
    if type(context) is not dict or len(context) != 1:
        return False
    if "value" in context:
        return True
    return _is_piece(context.get("piece"))


def _check_origins(name: str, args: dict[str, Any]) -> None:
    """Null, or for each prompt or item null or a piece. That there are prompts at all, the call checks."""
    origins = args["origins"]
    if origins is None:
        return
    if type(origins) is not list or not all(origin is None or _is_piece(origin) for origin in origins):
        raise FrameError(f"{name}: an origin is null or a piece")
    asked = [args["prompt"]] if "prompt" in args else args["prompts" if "prompts" in args else "items"]
    if type(asked) is list and len(asked) != len(origins):
        raise FrameError(f"{name}: {len(origins):,} origins for {len(asked):,} texts")


def _is_piece(piece: Any) -> bool:
    if type(piece) is not list or [type(item) for item in piece] != [int, int, str]:
        return False
    start, end, name = piece
    return 0 <= start <= end <= MAX_ID and len(name) <= MAX_NAME


def _check_types(what: str, fields: Message, expected: dict[str, tuple[type, ...]]) -> None:
    if fields.keys() != expected.keys():
        raise FrameError(f"{what} has the fields {str(sorted(fields))[:200]}, not {sorted(expected)}")
    for name, types in expected.items():
        if object not in types and type(fields[name]) not in types:
            raise FrameError(f"{what}.{name} is a {type(fields[name]).__name__}")
