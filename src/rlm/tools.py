"""The user's own functions and values, as cells find them.

A tool is a function that runs here, in the host's process, where the user's keys, files and network are. It is the
only way out of the sandbox: what calls it is code that nobody has read, with arguments of that code's choice.
`docs/tools.md` says how to write one.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

from rlm.errors import ConfigError
from rlm.types import JSON

# What cells find already; those of Python itself are not to be had either.
RESERVED = frozenset(
    {
        *("context", "context_0", "question", "history", "answer", "outputs", "files", "output_folder", "packages"),
        *("llm_query", "llm_query_batched", "llm_map", "rlm_query", "rlm_query_batched", "grep", "chunks", "search"),
        *("FINAL", "FINAL_VAR", "SHOW_VARS", "LMError", "LimitError", "ToolError"),
    }
)
MAX_VALUES = 8 * 2**20  # characters of strings in one value that travels, and of all of `values`
_MAX_ITEMS = 500_000  # of one value that travels: a worker takes about a million in a frame
_MAX_DEPTH = 50
_MAX_DIGITS_BITS = 14_000  # an int beyond this has more digits than Python will read
_DOC = 4_000  # characters of a description that models are shown
_DEFAULT = 40  # characters of a parameter's default
_ADDED = re.compile(r"context_\d+")  # those that a session adds
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SECRET = re.compile("key|token|secret|password|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that cells may call.

    Attributes:
        function: What runs: here, in a thread of its own; on the engine's event loop if it is `async`. It has to give
            what JSON can carry. What it raises reaches the cell as a `ToolError` with type and message.
        name: What cells call it; by default its own name.
        description: What models are told of it; by default its docstring.
        seconds: Seconds that one call may take.
        calls: Calls in one run, the whole tree of nodes together; None means no limit.

    Raises:
        ConfigError: A name that cells can't use or the REPL has already, or a limit that can't be right.
    """

    function: Callable[..., Any]
    name: str = ""
    description: str = ""
    seconds: float = 60.0
    calls: int | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ConfigError(f"a tool is a function, not {type(self.function).__name__}")
        name = self.name or str(getattr(self.function, "__name__", ""))
        object.__setattr__(self, "name", name)  # frozen for everyone else
        check_name(name, "tool", 'give another: Tool(function, name="...")')
        if not isinstance(self.description, str):
            raise ConfigError(f"{name}: a description is a str, not {type(self.description).__name__}")
        check_use(name, self.seconds, self.calls)

    @property
    def signature(self) -> str:
        """Its parameters as models are shown them, `(city: str, days: int = 3) -> dict`."""
        found = _signature(self.function)
        return "(...)" if found is None else _shown_signature(found)

    @property
    def doc(self) -> str:
        """What models are told of it; cut where it is long."""
        text = inspect.cleandoc(self.description or _own_doc(self.function)).strip()
        return text if len(text) <= _DOC else text[:_DOC].rstrip() + " [...]"

    def bind(self, args: Sequence[JSON], kwargs: Mapping[str, JSON]) -> None:
        """Raises TypeError where it can't be called so."""
        if (found := _signature(self.function)) is not None:
            found.bind(*args, **kwargs)


@runtime_checkable
class ToolSource(Protocol):
    """Something that has tools while a run lasts, such as an MCP server."""

    def opened(self) -> AbstractAsyncContextManager[Sequence[Tool]]:
        """Its tools, for one run; entered before the first turn and left when the run has ended.

        Raises:
            ToolError: It can't be had.
        """


@dataclass(frozen=True, slots=True)
class Toolset:
    """What the cells of a node find beside the REPL's own names.

    Attributes:
        tools: Functions.
        sources: What has more of them while a run lasts.
        values: Values by name.
        about: What models are told of values, by name; of the others, their type and size.
    """

    tools: tuple[Tool, ...] = ()
    sources: tuple[ToolSource, ...] = ()
    values: Mapping[str, JSON] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.tools or self.sources or self.values)

    def offers(self) -> list[dict[str, str]]:
        """The tools, as a worker is told of them."""
        return [{"name": tool.name, "signature": tool.signature, "doc": tool.doc} for tool in self.tools]

    def described(self) -> list[str]:
        """What models are told: a text for each tool and value."""
        tools = [f"`{tool.name}{tool.signature}`" + (f": {tool.doc}" if tool.doc else "") for tool in self.tools]
        return tools + [f"`{name}`: {self.about.get(name) or _size(value)}" for name, value in self.values.items()]


def toolset(
    tools: Iterable[Tool | ToolSource | Callable[..., Any]],
    values: Mapping[str, Any] | None = None,
    about: Mapping[str, str] | None = None,
) -> Toolset:
    """What a caller gave, checked; values are copied.

    Raises:
        ConfigError: A name that can't be had or is there twice, or a value that JSON can't carry.
    """
    if isinstance(tools, str | Mapping) or not isinstance(tools, Iterable):
        raise ConfigError(f"tools is a list of functions, Tool(...) and MCPServer(...), not {type(tools).__name__}")
    given = list(tools)
    sources = tuple(one for one in given if isinstance(one, ToolSource))
    made = tuple(one if isinstance(one, Tool) else Tool(one) for one in given if not isinstance(one, ToolSource))
    for name in values or {}:
        check_name(name, "value", "choose another")
    check_once([*(tool.name for tool in made), *(values or {})])
    try:
        plain = as_json(dict(values or {}), "values")
    except ValueError as error:
        raise ConfigError(f"{error}; a long input is given as context=") from None
    assert isinstance(plain, dict)
    return Toolset(made, sources, plain, dict(about or {}))


@asynccontextmanager
async def opened(given: Toolset) -> AsyncIterator[Toolset]:
    """A toolset with the tools of its sources, for one run.

    Raises:
        ToolError: A source can't be had.
        ConfigError: One has a tool whose name can't be had, or is there twice.
    """
    async with AsyncExitStack() as stack:
        tools = [*given.tools]
        for source in given.sources:
            tools.extend(await stack.enter_async_context(source.opened()))
        check_once([*(tool.name for tool in tools), *given.values])
        yield replace(given, tools=tuple(tools), sources=())


def check_name(name: object, what: str, remedy: str) -> None:
    """Raises ConfigError unless cells can find something by this name, and nothing is found by it yet."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or keyword.iskeyword(name) or name.startswith("__"):
        raise ConfigError(f"a {what}'s name is one that Python code can use, not {str(name)[:80]!r}: {remedy}")
    if name in RESERVED or _ADDED.fullmatch(name) or hasattr(builtins, name):
        raise ConfigError(f"cells have {name!r} already, so no {what} can have that name: {remedy}")


def check_use(name: str, seconds: object, calls: object) -> None:
    """Raises ConfigError unless a tool can be used for so long and so often."""
    if type(seconds) not in (int, float) or not cast(float, seconds) > 0:
        raise ConfigError(f"{name}: seconds must be a number above 0, not {seconds!r}")
    if calls is not None and (type(calls) is not int or calls < 0):
        raise ConfigError(f"{name}: calls must be a whole number, 0 or more, or None, not {calls!r}")


def check_once(names: Iterable[str]) -> None:
    """Raises ConfigError where a name is there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigError(f"two tools or values have the name {name!r}: give one another name, or a prefix")
        seen.add(name)


def as_json(value: object, where: str) -> JSON:
    """A copy of `value` of nothing but what JSON has; tuples become lists.

    Args:
        value: What is to travel to a worker.
        where: What it is called in an error.

    Raises:
        ValueError: JSON can't carry it, or it is too large to travel; says which part of it, as `result['a'][3]`.
    """
    return _Copy().of(value, where, 0)


class _Copy:
    """Copies one value, and counts what is in it."""

    def __init__(self) -> None:
        self._items = 0
        self._characters = 0

    def of(self, value: object, where: str, depth: int) -> JSON:
        self._items += 1
        self._count(value if isinstance(value, str) else "", where)
        if depth > _MAX_DEPTH:
            raise ValueError(f"{where.partition('[')[0]} is nested deeper than {_MAX_DEPTH}, or contains itself")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int) and value.bit_length() <= _MAX_DIGITS_BITS:
            return int(value)
        if isinstance(value, float) and abs(value) < float("inf"):
            return float(value)
        if isinstance(value, list | tuple):
            return [self.of(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return {
                self._key(key, where): self.of(item, f"{where}[{str(key)[:40]!r}]", depth + 1)
                for key, item in value.items()
            }
        shown = value if isinstance(value, float) else f"of type {type(value).__name__}"
        raise ValueError(f"{where[:200]} is {shown}, and only what JSON has can be handed over")

    def _key(self, key: object, where: str) -> str:
        if not isinstance(key, str):
            raise ValueError(f"{where[:200]} has a key of type {type(key).__name__}, and JSON's keys are str")
        self._count(key, where)
        return str(key)

    def _count(self, text: str, where: str) -> None:
        self._characters += len(text)
        if self._items > _MAX_ITEMS or self._characters > MAX_VALUES:
            raise ValueError(
                f"{where.partition('[')[0]} is too large to be handed over: at most {_MAX_ITEMS:,} values, and "
                f"{MAX_VALUES >> 20} million characters"
            )


class _Shown:
    """A text that is shown as it is where `repr` is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):  # one that is written in C and does not say
        return None


def _shown_signature(found: inspect.Signature) -> str:
    """As code has it; annotations that are strings without quotes, and no default that is long or may be a key."""
    parameters = [
        parameter.replace(annotation=_shown_annotation(parameter.annotation), default=_shown_default(parameter))
        for parameter in found.parameters.values()
    ]
    returned = _shown_annotation(found.return_annotation)
    return " ".join(str(found.replace(parameters=parameters, return_annotation=returned)).split())


def _shown_annotation(annotation: Any) -> Any:
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation
    return _Shown(annotation if isinstance(annotation, str) else repr(annotation).replace("typing.", ""))


def _shown_default(parameter: inspect.Parameter) -> Any:
    value = parameter.default
    if value is inspect.Parameter.empty:
        return value
    empty = isinstance(value, list | dict | tuple | set) and not value
    plain = value is None or empty or isinstance(value, bool | int | float | str)
    secret = isinstance(value, str) and _SECRET.search(parameter.name)
    return value if plain and not secret and len(repr(value)) <= _DEFAULT else _Shown("...")


def _own_doc(function: Callable[..., Any]) -> str:
    """The docstring of a function, of what a `functools.partial` calls, or of an object's class."""
    while isinstance(function, partial):
        function = function.func
    return inspect.getdoc(function) or ""


def _size(value: JSON) -> str:
    """A value in a few words."""
    if isinstance(value, str | list | dict):
        return f"{type(value).__name__} of {len(value):,}"
    return "None" if value is None else f"{type(value).__name__}, {value!r}"
