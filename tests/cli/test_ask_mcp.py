"""`rlm ask --mcp`: an MCP server's tools in a run of the command."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.slow  # to import the SDK takes a second
SERVER = Path(__file__).parents[1] / "fakes" / "mcp_server.py"


def test_its_tools_can_be_called(rlm: Callable[..., SimpleNamespace], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    command = shlex.join([sys.executable, str(SERVER)])
    done = rlm("ask", "Sum?", str(tmp_path / "a.txt"), "--mcp", command, script=["```repl\nFINAL(add(2, 3))\n```"])
    assert (done.status, done.out) == (0, "5\n")


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("'open", "rlm: --mcp 'open: No closing quotation"),
        ("no-such-program", "rlm: the MCP server no-such-program can't be used: FileNotFoundError"),
        ("http://127.0.0.1:9/mcp", "rlm: the MCP server 127.0.0.1 can't be used: ConnectError"),
        ("", "rlm: an argument is empty"),
    ],
)
def test_what_is_no_server_is_told(rlm: Callable[..., SimpleNamespace], tmp_path: Path, server: str, why: str) -> None:
    (tmp_path / "a.txt").write_text("a")
    done = rlm("ask", "Sum?", str(tmp_path / "a.txt"), "--mcp", server, script=["```repl\nFINAL(1)\n```"])
    assert done.status != 0
    assert done.err.startswith(why)
