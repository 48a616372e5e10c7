"""MCP servers as tools, against real ones made with the official SDK: over stdio, and over HTTP on loopback."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from rlm import RLM, Completion, ConfigError
from rlm.errors import MCPError
from rlm.lms.scripted import Scripted
from rlm.mcp import MCPServer
from rlm.tools import Tool

pytestmark = pytest.mark.slow  # to import the SDK takes a second, here and in each server

SERVER = [sys.executable, str(Path(__file__).parent / "fakes" / "mcp_server.py")]
T = TypeVar("T")


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


def run(cell: str, *servers: Any) -> Completion:
    rlm = RLM(model=Scripted([block(cell)]), route="never", trace=False, tools=servers)
    return rlm.completion("what?", context="x")


def with_tools(server: MCPServer, use: Callable[[dict[str, Tool]], Awaitable[T]]) -> T:
    """What `use` gives with the server's tools by name."""

    async def main() -> T:
        async with server.opened() as tools:
            return await use({tool.name: tool for tool in tools})

    return asyncio.run(main())


def raised_by(server: MCPServer) -> str:
    async def nothing(tools: dict[str, Tool]) -> None:
        raise AssertionError("it has no tools")

    with pytest.raises(MCPError) as raised:
        with_tools(server, nothing)
    return str(raised.value)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([*SERVER, str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(400):
                try:
                    socket.create_connection(("127.0.0.1", port), 0.2).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.kill()


def test_what_a_server_has_becomes_tools() -> None:
    async def use(tools: dict[str, Tool]) -> dict[str, tuple[str, str]]:
        return {name: (tool.signature, tool.doc) for name, tool in tools.items()}

    found = with_tools(MCPServer(SERVER), use)
    assert found["add"] == ("(a: int, b: int = 1) -> int", "Adds two numbers.")
    assert found["weather"] == ("(city: str) -> dict", "The weather in a city.\ncity: Where, such as Rome")
    assert found["read_note"] == ("(name: str | None = None) -> str", "")
    assert found["plain"] == ("(text: str)", "")


def test_cells_call_them() -> None:
    cell = (
        "FINAL([add(1), add(1, 2), add(a=1, b=3), weather(city='Rome'), read_note(), plain('a'), variable('HOME'), "
        "picture()[0]['mimeType'], process() == process()])"
    )
    completion = run(cell, MCPServer(SERVER))
    assert completion.answer == [
        2, 3, 4, {"city": "Rome", "degrees": 21.5}, "note None", "A", os.environ["HOME"], "image/png", True,
    ]  # fmt: skip


def test_a_parameter_that_is_no_name_in_python_is_sent_as_the_server_has_it() -> None:
    from mcp.types import CallToolResult, TextContent
    from mcp.types import Tool as Listed

    class Recorder:
        async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
            return CallToolResult(content=[TextContent(type="text", text=f"{name} {arguments}")])

    schema = {"type": "object", "properties": {"from": {"type": "string"}, "n": {"type": "integer"}}, "required": ["n"]}
    listed = Listed(name="pick-it", description="Picks.", input_schema=schema)
    (tool,) = MCPServer(SERVER)._tools(Recorder(), [listed])  # type: ignore[arg-type]
    assert (tool.name, tool.signature) == ("pick_it", "(n: int, **more)")
    assert asyncio.run(tool.function(3, **{"from": "a"})) == "pick-it {'n': 3, 'from': 'a'}"


@pytest.mark.parametrize(
    ("schema", "signature"),
    [
        ({}, "()"),
        ({"properties": None, "required": "a"}, "()"),
        ({"properties": {"a": {"enum": ["x", 1]}}, "required": ["a"]}, "(a: Literal['x', 1])"),
        ({"properties": {"a": {"anyOf": [{"type": "array"}, {"type": "null"}]}}}, "(a: list | None = ...)"),
        ({"properties": {"a": {"type": ["number", "string"], "default": 2}}}, "(a: float | str = 2)"),
        ({"properties": {"a": True, "b": {"$ref": "#/x"}}, "required": ["b", "c"]}, "(b, a=...)"),
        ({"properties": {"a": {"type": "object"}}, "additionalProperties": True}, "(a: dict = ..., **more)"),
        ({"properties": {"a": {}}, "required": ["a", "a"]}, "(a)"),
        ({"properties": {"a": {"anyOf": [5, {"type": {"b": 1}}]}}}, "(a=...)"),
        ({"properties": {"a": {"enum": ["x" * 1000]}}}, "(a=...)"),
    ],
)
def test_a_schema_is_shown_as_parameters(schema: dict[str, Any], signature: str) -> None:
    from mcp.types import Tool as Listed

    (tool,) = MCPServer(SERVER)._tools(None, [Listed(name="f", input_schema=schema)])  # type: ignore[arg-type]
    assert tool.signature == signature


def test_over_http(url: str) -> None:
    cell = "FINAL([add(1), weather(city='Rome'), read_note('n')])"
    assert run(cell, MCPServer(url=url)).answer == [2, {"city": "Rome", "degrees": 21.5}, "note n"]
    assert run("FINAL(header('x-test'))", MCPServer(url=url, headers={"X-Test": "yes"})).answer == "yes"


def test_a_tool_that_fails_is_a_tool_error() -> None:
    cell = (
        "told = []\nfor call in (lambda: add(), lambda: add(1, c=2), lambda: refuse('no')):\n    try:\n        call()\n"
        "    except ToolError as error:\n        told.append(str(error))\nFINAL(told)"
    )
    assert run(cell, MCPServer(SERVER)).answer == [
        "add(a: int, b: int = 1) -> int: missing a required argument: 'a'",
        "add(a: int, b: int = 1) -> int: got an unexpected keyword argument 'c'",
        "refuse: Error executing tool refuse: no",
    ]


def test_a_server_that_ends_is_told_and_the_run_goes_on() -> None:
    cell = (
        "told = []\nfor call in (die, die, lambda: add(1)):\n    try:\n        call()\n"
        "    except ToolError as error:\n        told.append(str(error))\nFINAL(told)"
    )
    why = f"the MCP server {sys.executable} has ended"
    completion = run(cell, MCPServer(SERVER))
    assert (completion.status, completion.answer) == ("done", [f"die: {why}", f"die: {why}", f"add: {why}"])


def test_the_server_is_gone_after_the_run() -> None:
    completion = run("FINAL(process())", MCPServer(SERVER))
    assert isinstance(completion.answer, int)
    assert not Path(f"/proc/{completion.answer}").exists()


def test_a_run_that_is_cancelled_ends_its_server() -> None:
    found: list[int] = []

    def tell(pid: int) -> None:
        found.append(pid)

    rlm = RLM(
        model=Scripted([block("tell(process())\nsleep(60)")]),
        route="never",
        trace=False,
        tools=[MCPServer(SERVER), tell],
    )
    started = rlm.stream("what?", context="x")
    while not found:
        time.sleep(0.01)
    time.sleep(0.1)
    started.stop()
    assert started.result(20).status == "failed"
    assert not Path(f"/proc/{found[0]}").exists()


def test_a_call_has_the_servers_time_and_number() -> None:
    server = MCPServer(SERVER, seconds=0.1, calls=1, only=["sleep"])
    cell = (
        "told = []\nfor _ in range(2):\n    try:\n        sleep(20)\n"
        "    except ToolError as error:\n        told.append(str(error))\nFINAL(told)"
    )
    assert run(cell, server).answer == [
        "sleep: no result within 0.1 s; what it began may go on",
        "sleep: the limit of 1 calls a run is reached",
    ]


def test_a_prefix_and_a_choice() -> None:
    async def names(tools: dict[str, Tool]) -> Sequence[str]:
        return list(tools)

    assert with_tools(MCPServer(SERVER, prefix="my-", only=["read-note", "add"]), names) == ["my_add", "my_read_note"]
    with pytest.raises(ConfigError, match=r"has no tool nothing; there is: add, weather, read-note"):
        with_tools(MCPServer(SERVER, only=["nothing"]), names)


def test_names_that_clash_want_a_prefix() -> None:
    with pytest.raises(
        ConfigError, match="two tools or values have the name 'add': give one another name, or a prefix"
    ):
        run("FINAL(1)", MCPServer(SERVER, only=["add"]), Tool(lambda a: a, "add"))
    with pytest.raises(ConfigError, match="cells have 'search' already, so no tool can have that name: give its serv"):
        run("FINAL(1)", MCPServer([*SERVER, "--search"]))
    assert run("FINAL(x_search('a'))", MCPServer([*SERVER, "--search"], prefix="x_")).answer == "found a"


def test_tools_that_fill_the_prompt_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlm.mcp._MAX_TOLD", 100)
    said = raised_by(MCPServer(command=SERVER))
    assert re.fullmatch(
        r"the MCP server \S+ has tools whose descriptions take [\d,]+ characters, more than 100: choose some of them "
        r"with only=\[\.\.\.\]",
        said,
    )


def test_variables_are_the_servers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-servers")
    server = MCPServer(SERVER, env={"GIVEN": "value"})
    assert "value" not in repr(server)
    completion = run("FINAL([variable('OPENAI_API_KEY'), variable('GIVEN')])", server)
    assert completion.answer == [None, "value"]


def test_a_server_that_can_not_be_had() -> None:
    assert raised_by(MCPServer(["no-such-program"])) == (
        "the MCP server no-such-program can't be used: FileNotFoundError: [Errno 2] No such file or directory: "
        "'no-such-program'"
    )
    failing = MCPServer([sys.executable, "-c", "import sys; sys.exit('no configuration')"])
    assert raised_by(failing).endswith("can't be used: MCPError: Connection closed (no configuration)")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/mcp?key=sk-secret"
    assert raised_by(MCPServer(url=url)) == (
        "the MCP server 127.0.0.1 can't be used: ConnectError: All connection attempts failed"
    )


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlm.mcp._START", 0.3)
    silent = MCPServer([sys.executable, "-c", "import sys; sys.stdin.read()"])
    assert raised_by(silent).endswith("can't be used: no answer within 0.3 s")


def test_no_run_without_its_server() -> None:
    with pytest.raises(MCPError, match="the MCP server no-such-program can't be used"):
        run("FINAL(1)", MCPServer(["no-such-program"]))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"command": "uvx server"},
        {"command": ["a"], "url": "http://b"},
        {"url": "ftp://b"},
        {"url": "http://b", "only": "c"},
        {"url": 5},
        {"command": [5]},
        {"command": ["a"], "env": {"A": 1}},
        {"url": "http://b", "headers": "Authorization"},
        {"command": ["a"], "seconds": 0},
        {"command": ["a"], "calls": -1},
    ],
)
def test_options_that_can_not_be_right(options: dict[str, Any]) -> None:
    wrong = r"MCPServer\(command=|begins with http|only is a list|all of them str|(seconds|calls) must be"
    with pytest.raises(ConfigError, match=wrong):
        MCPServer(**options)


def test_it_is_shown_without_its_keys() -> None:
    assert repr(MCPServer(["server", "--key", "sk-1"], env={"KEY": "sk-1"})) == "MCPServer('server')"
    assert repr(MCPServer(url="http://u:sk-1@b/mcp?key=sk-1", headers={"A": "sk-1"})) == "MCPServer('b')"


def test_without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as raised:
        MCPServer(SERVER)
    assert str(raised.value) == "MCP servers need the MCP SDK: pip install 'rlm-engine[mcp]'"
