"""A real MCP server for the tests, made with the official SDK: `mcp_server.py` over stdio, or `mcp_server.py PORT`."""

import os
import sys
import time
from typing import Annotated

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

server = MCPServer("test", log_level="ERROR")


class Weather(BaseModel):
    city: str
    degrees: float


@server.tool()
def add(a: int, b: int = 1) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def weather(city: Annotated[str, Field(description="Where, such as Rome")]) -> Weather:
    """The weather in a city."""
    return Weather(city=city, degrees=21.5)


@server.tool(name="read-note")
def read_note(name: str | None = None) -> str:
    return f"note {name}"


@server.tool(structured_output=False)
def plain(text: str) -> str:
    return text.upper()


@server.tool()
def header(name: str, context: Context) -> str | None:
    return context.headers.get(name) if context.headers else None


@server.tool()
def refuse(why: str) -> None:
    raise ToolError(why)


@server.tool()
def sleep(seconds: float) -> None:
    time.sleep(seconds)


@server.tool()
def variable(name: str) -> str | None:
    return os.environ.get(name)


@server.tool()
def process() -> int:
    return os.getpid()


@server.tool()
def die() -> None:
    os._exit(3)


@server.tool()
def picture() -> Image:
    return Image(data=b"\x89PNG", format="png")


def find(text: str) -> str:
    return f"found {text}"


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments == ["--search"]:
        server.add_tool(find, name="search")
        server.run("stdio")
    elif arguments:
        server.run("streamable-http", port=int(arguments[0]))
    else:
        server.run("stdio")
