"""MCP servers as sources of tools: `RLM(tools=[MCPServer(command=["uvx", "mcp-server-time"])])`.

The official SDK (`pip install 'rlm-engine[mcp]'`) speaks the protocol. A server is started, or connected to, when a run
begins, asked which tools it has, and kept until the run ends. Each tool becomes a function with the parameters that its
JSON schema has, and its description. What a server says is told to the models: connect to those that you trust.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import keyword
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rlm.errors import ConfigError, MCPError, ToolError
from rlm.toolbox import without_keys
from rlm.tools import Tool, Toolset, check_name, check_use

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult
    from mcp.types import Tool as Listed

_START = 60.0  # seconds to start and to list its tools; the first start of one from a registry downloads it
_CONNECT = 30.0  # seconds to connect, and to send
_END = 8.0  # seconds to end; the SDK kills a process that does not, sooner than this
_MAX_PAGES = 100
_MAX_TOOLS = 500
_MAX_TOLD = 100_000  # characters of all its tools that models are told: they are sent with every request
_ENUM = 500  # characters of the values that a parameter may have
_SAID = 500  # characters of what a server said before it failed
_TYPES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
    "null": "None",
}


@dataclass(frozen=True, slots=True)
class MCPServer:
    """The tools of one MCP server.

    Attributes:
        command: The program that is the server, and its arguments: it is started for each run, and speaks over its
            standard input and output. It gets `HOME`, `PATH` and the like of our environment, and no more.
        url: Where a server is that speaks Streamable HTTP, in place of `command`.
        prefix: Goes before the names of its tools.
        only: The names of the tools to take, as the server has them; None takes all.
        env: More variables for the program.
        headers: Sent with each request to the URL.
        seconds: Seconds that one call may take.
        calls: Calls of each tool in one run; None means no limit.

    Raises:
        ConfigError: Not one of `command` and `url`, or the SDK is not installed.
    """

    command: Sequence[str] = ()
    url: str = ""
    prefix: str = ""
    only: Collection[str] | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 60.0
    calls: int | None = None

    def __post_init__(self) -> None:
        words = [self.command] if isinstance(self.command, str) else [*self.command, self.url, self.prefix]
        if isinstance(self.command, str) or bool(self.command) == bool(self.url) or not all(map(_is_str, words)):
            raise ConfigError(
                'an MCP server is MCPServer(command=["program", "argument"]) or MCPServer(url="https://...")'
            )
        if self.url and urlsplit(self.url).scheme not in ("http", "https"):
            raise ConfigError("the URL of an MCP server begins with http:// or https://")
        if isinstance(self.only, str):
            raise ConfigError("only is a list of the tools' names")
        for name, given in (("env", self.env), ("headers", self.headers)):
            if not isinstance(given, Mapping) or not all(map(_is_str, [*given, *given.values()])):
                raise ConfigError(f"{name} of an MCP server takes names and their values, all of them str")
        check_use(f"the MCP server {self.name}", self.seconds, self.calls)
        if importlib.util.find_spec("mcp") is None:
            raise ConfigError("MCP servers need the MCP SDK: pip install 'rlm-engine[mcp]'")

    def __repr__(self) -> str:
        return f"MCPServer({self.name!r})"  # an argument or the URL may hold a key

    @property
    def name(self) -> str:
        """What it is called in errors: the program, or the URL's host."""
        return self.command[0] if self.command else urlsplit(self.url).hostname or ""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Sequence[Tool]]:
        """Its tools, while it is connected to.

        Raises:
            MCPError: It can't be started or reached, or its tools can't be listed, or take too much of a prompt.
            ConfigError: A tool has a name that cells have already, or one of `only` is not there.
        """
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            listed: asyncio.Future[tuple[Client, list[Listed]]] = asyncio.get_running_loop().create_future()
            end = asyncio.Event()
            # In a task of its own: the SDK's task groups cancel the task that entered them when the server is lost.
            task = asyncio.create_task(self._connected(said, listed, end))
            try:
                either: set[asyncio.Future[Any]] = {task, listed}
                await asyncio.wait(either, timeout=_START, return_when=asyncio.FIRST_COMPLETED)
                if not listed.done():
                    raise MCPError(self._why(task, said))
                yield self._tools(*listed.result())
            finally:
                await _ended(task, end, listed)

    async def _connected(
        self, said: IO[str], listed: asyncio.Future[tuple[Client, list[Listed]]], end: asyncio.Event
    ) -> None:
        """Keeps the connection until it is to end."""
        await asyncio.to_thread(importlib.import_module, "mcp")  # a second
        async with AsyncExitStack() as stack:
            client = await self._client(said, stack)
            listed.set_result((client, await _listed(client)))
            await end.wait()

    async def _client(self, said: IO[str], stack: AsyncExitStack) -> Client:
        import mcp

        if self.command:
            program, *arguments = self.command
            parameters = mcp.StdioServerParameters(command=program, args=arguments, env=dict(self.env))
            return await stack.enter_async_context(mcp.Client(mcp.stdio_client(parameters, errlog=said)))  # type: ignore[arg-type]
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        timeout = httpx2.Timeout(_CONNECT, read=None)  # each call has its own
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=dict(self.headers), timeout=timeout))
        return await stack.enter_async_context(mcp.Client(streamable_http_client(self.url, http_client=http)))

    def _why(self, task: asyncio.Task[None], said: IO[str]) -> str:
        """Why it could not be had, and the last that it said itself."""
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            error = _first(error)
            why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        else:
            why = "the connection ended" if task.done() else f"no answer within {_START:g} s"
        said.seek(0)
        lines = said.read()[-_SAID:].strip().splitlines()
        last = f" ({lines[-1].strip()})" if lines else ""
        return without_keys(f"the MCP server {self.name} can't be used: {why}{last}")

    def _tools(self, client: Client, listed: Sequence[Listed]) -> list[Tool]:
        if missing := sorted(set(self.only or ()) - {one.name for one in listed}):
            there = ", ".join(one.name for one in listed)
            raise ConfigError(f"the MCP server {self.name} has no tool {', '.join(missing)}; there is: {there}")
        made: dict[str, Tool] = {}
        for one in listed:
            if self.only is not None and one.name not in self.only:
                continue
            name = _identifier(self.prefix + one.name)
            while name in made:  # `a-b` and `a_b`
                name += "_"
            check_name(
                name, "tool", f'give its server a prefix: MCPServer(..., prefix="{_identifier(self.name)[:20]}_")'
            )
            made[name] = Tool(self._function(client, one, name), name, _doc(one), self.seconds, self.calls)
        told = sum(map(len, Toolset(tuple(made.values())).described()))
        if told > _MAX_TOLD:
            raise MCPError(
                f"the MCP server {self.name} has tools whose descriptions take {told:,} characters, more than "
                f"{_MAX_TOLD:,}: choose some of them with only=[...]"
            )
        return list(made.values())

    def _function(self, client: Client, tool: Listed, name: str) -> Callable[..., Any]:
        signature = _signature(tool)

        async def call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs).arguments
            more = bound.pop("more", {})
            return await self._ask(client, tool, {**bound, **more})

        call.__name__ = name
        call.__signature__ = signature  # type: ignore[attr-defined]
        return call

    async def _ask(self, client: Client, tool: Listed, arguments: dict[str, Any]) -> Any:
        """What the server's tool gives.

        Raises:
            ToolError: The tool failed, or the server did not take the call.
            MCPError: The connection is lost.
        """
        import mcp
        from mcp.types import CONNECTION_CLOSED

        try:
            result = await client.call_tool(tool.name, arguments)
        except mcp.MCPError as error:
            if error.code == CONNECTION_CLOSED:
                raise MCPError(f"the MCP server {self.name} has ended") from None
            raise ToolError(error.message) from None
        except RuntimeError as error:  # the client was closed with its connection, or the result is not of its schema
            raise MCPError(f"the MCP server {self.name}: {error}") from None
        if result.is_error:
            raise ToolError(_texts(result) or "it failed, and did not say why")
        return _value(result, tool)


async def _ended(task: asyncio.Task[None], end: asyncio.Event, listed: asyncio.Future[Any]) -> None:
    """Ends a connection and waits until it is closed; what it failed with has been told to whoever called a tool."""
    end.set()
    if not listed.done():
        listed.cancel()
        task.cancel()
    await asyncio.wait({task}, timeout=_END)
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_END)
    if task.done() and not task.cancelled():
        task.exception()  # seen


async def _listed(client: Client) -> list[Listed]:
    found: list[Listed] = []
    cursor: str | None = None
    for _ in range(_MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        found.extend(page.tools)
        cursor = page.next_cursor
        if cursor is None or len(found) > _MAX_TOOLS:
            break
    return found[:_MAX_TOOLS]


def _is_str(value: object) -> bool:
    return isinstance(value, str)


def _first(error: BaseException) -> BaseException:
    """The first error in groups of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _identifier(name: str) -> str:
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)[:64]
    return plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}"[:64]


def _signature(tool: Listed) -> inspect.Signature:
    """The parameters that a tool's schema has, those that it needs first; names that are none go with `**more`."""
    schema = tool.input_schema
    properties = _dict(schema.get("properties"))
    required = named if isinstance(named := schema.get("required"), list) else []
    order = dict.fromkeys([*(name for name in required if name in properties), *properties])
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=inspect.Parameter.empty if name in required else _dict(properties[name]).get("default", ...),
            annotation=_type(properties[name]),
        )
        for name in order
        if _is_parameter(name)
    ]
    if schema.get("additionalProperties") or not all(_is_parameter(name) for name in [*properties, *required]):
        parameters.append(inspect.Parameter("more", inspect.Parameter.VAR_KEYWORD))
    returned = _type(_unwrapped(tool) or tool.output_schema or {})
    return inspect.Signature(parameters, return_annotation=returned)


def _is_parameter(name: str) -> bool:
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and name != "more"


def _type(schema: Any) -> Any:
    """A schema as an annotation: what models know types by; nothing where it says nothing."""
    schema = _dict(schema)
    if isinstance(values := schema.get("enum"), list) and len(values) <= 20:
        shown = f"Literal[{', '.join(repr(value) for value in values)}]"
        if len(shown) <= _ENUM:
            return shown
    kinds = schema.get("type")
    if kinds is None and isinstance(choices := schema.get("anyOf") or schema.get("oneOf"), list):
        kinds = [_dict(choice).get("type") for choice in choices]
    named = [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)]
    found = [_TYPES[kind] for kind in named if kind in _TYPES]
    return " | ".join(dict.fromkeys(found)) or inspect.Parameter.empty


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _doc(tool: Listed) -> str:
    """A tool's description, and those of its parameters."""
    about = [(tool.description or tool.title or "").strip()]
    for name, schema in _dict(tool.input_schema.get("properties")).items():
        if isinstance(text := _dict(schema).get("description"), str) and text.strip():
            about.append(f"{name}: {text.strip()}")
    return "\n".join(filter(None, about))


def _unwrapped(tool: Listed) -> dict[str, Any] | None:
    """The schema of the one field `result` that the SDK puts around a result which is no object; None otherwise."""
    schema = tool.output_schema or {}
    properties = _dict(schema.get("properties"))
    return _dict(properties["result"]) if [*properties] == ["result"] == schema.get("required") else None


def _value(result: CallToolResult, tool: Listed) -> Any:
    """A result as cells get it: structured as it is; else its text; else a list of what there is."""
    given = result.structured_content
    if given is not None:
        wrapped = _unwrapped(tool) is not None and isinstance(given, dict) and [*given] == ["result"]
        return given["result"] if wrapped else given
    if all(block.type == "text" for block in result.content):
        return _texts(result)
    return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]


def _texts(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")
