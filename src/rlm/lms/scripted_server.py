"""A server that speaks OpenAI's chat completions out of a script, for tests and benchmarks.

    python -m rlm.lms.scripted_server --script script.json --latency 0.05

prints its base URL on its first line and serves until it is ended. A script is JSON: an object from model name (`*`
for any other) to an answer, or to a list of answers, one per turn: a conversation that holds n replies gets answer n,
so any number of runs can use one script at once. An answer is its text, or an object with the fields of `Answer`; a
list in the place of an answer gives each in turn, whoever asks, and then its last.

It writes HTTP by hand, and costs some 30 microseconds a call, so that it is not what a benchmark measures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeAlias

from rlm.types import JSON

Fault: TypeAlias = Literal["reset", "truncate", "stall", "hang"]
LATE = 0.0005  # seconds that a loop's timer fires too late, in the mean: it waits whole milliseconds, rounded up


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server does with one request.

    Attributes:
        text: The reply's content, or the error's message where `status` is not 200.
        status: The HTTP status.
        finish: `finish_reason`.
        usage: As on the wire; counted as a token per four characters by default.
        message: More fields of the reply's message, such as `refusal`.
        error: More fields of the error, such as `code`.
        headers: More headers; a `Content-Type` takes the place of JSON's.
        latency: Seconds before it; None takes the server's.
        body: The body as it is, in place of all that.
        fault: `reset` closes the connection, `truncate` ends the body early, `stall` never ends it, `hang` never
            answers.
    """

    text: str | None = ""
    status: int = 200
    finish: str = "stop"
    usage: Mapping[str, JSON] | None = None
    message: Mapping[str, JSON] = field(default_factory=dict)
    error: Mapping[str, JSON] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    latency: float | None = None
    body: str | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """One request: its headers, names in lower case, and its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> dict[str, Any]:
        """The body's JSON object."""
        value: dict[str, Any] = json.loads(self.body)
        return value


Respond: TypeAlias = Callable[[Received], Answer]


class ScriptedServer:
    """A server in a thread of its own, for as long as its `with` block.

    Args:
        respond: What answers a request.
        latency: Seconds before each answer that names none.
        port: To listen on; a free one by default.
        chat_only: Whether any path but that of chat completions is a 404.

    Attributes:
        url: The base URL.
        requests: What it received so far.
        accepted: How many connections there have been.
        open: How many there are.
        closed: How many a client closed while its answer was due.
    """

    def __init__(self, respond: Respond, *, latency: float = 0.0, port: int = 0, chat_only: bool = True) -> None:
        self.requests: list[Received] = []
        self.accepted = 0
        self.closed = 0
        self.url = ""
        self._connections: set[_Connection] = set()
        self._respond = respond
        self._latency = latency
        self._port = port
        self._chat_only = chat_only
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    @property
    def open(self) -> int:
        return len(self._connections)

    async def start(self) -> None:
        """Listens on a loopback port of the running loop."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self), "127.0.0.1", self._port, backlog=1024
        )
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def _stop(self) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    def take(self, request: Received) -> tuple[Answer, float, bytes]:
        """The answer to `request`, the seconds until it is due, and its bytes."""
        self.requests.append(request)
        if self._chat_only and request.path.partition("?")[0] != "/v1/chat/completions":
            answer = Answer(f"no such path: {request.path}", status=404)
        else:
            answer = self._respond(request)
        return answer, self._latency if answer.latency is None else answer.latency, _response(answer, request)


class _Connection(asyncio.Protocol):
    """One client's connection: requests in, answers out, one at a time."""

    def __init__(self, server: ScriptedServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server._connections.add(self)
        self._server.accepted += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._connections.discard(self)
        if self._due is not None:
            self._due.cancel()
            self._server.closed += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._due is None:
            self._next()

    def _next(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        size = int(headers.get("content-length", "0"))
        if len(self._buffer) < end + 4 + size:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + size])
        del self._buffer[: end + 4 + size]
        answer, latency, response = self._server.take(Received(first.split(" ")[1], headers, body))
        loop = asyncio.get_running_loop()
        wait = max(latency - LATE, 0.0) if answer.fault != "hang" else 86400.0
        self._due = loop.call_later(wait, self._send, answer, response)

    def _send(self, answer: Answer, response: bytes) -> None:
        self._due = None
        if answer.fault == "reset":
            self.transport.abort()
        elif answer.fault == "stall":
            self.transport.write(response[:-10])
            self._due = asyncio.get_running_loop().call_later(86400.0, self.transport.abort)
        elif answer.fault == "truncate":
            self.transport.write(response[:-10])
            self.transport.close()
        else:
            self.transport.write(response)
            self._next()


def _response(answer: Answer, request: Received) -> bytes:
    if answer.body is not None:
        body = answer.body.encode("utf-8", "surrogatepass")
    elif answer.status != 200:
        error = {"message": answer.text, "type": "scripted", "param": None, "code": None, **answer.error}
        body = json.dumps({"error": error}).encode()
    else:
        body = json.dumps(_completion(answer, request.value)).encode()
    headers = {"Content-Type": "application/json", "Content-Length": len(body), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _completion(answer: Answer, asked: dict[str, Any]) -> dict[str, JSON]:
    usage: Mapping[str, JSON]
    if (given := answer.usage) is None:
        prompt = sum(len(message["content"]) for message in asked["messages"]) // 4
        said = len(answer.text or "") // 4
        usage = {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
    else:
        usage = given
    message: dict[str, JSON] = {"role": "assistant", "content": answer.text, **answer.message}
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1700000000,
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}],
        "usage": dict(usage),
    }


def respond_from(script: Mapping[str, Any]) -> Respond:
    """What answers by a script, as the module's text describes it."""
    served: dict[tuple[str, int], int] = {}

    def respond(request: Received) -> Answer:
        asked = request.value
        name = asked["model"] if asked["model"] in script else "*"
        if name not in script:
            return Answer(f"the script has no model {asked['model']!r}", status=404)
        turn = 0
        entry = script[name]
        if isinstance(entry, list):
            turn = sum(message["role"] == "assistant" for message in asked["messages"])
            if turn >= len(entry):
                return Answer(f"the script of {name} has {len(entry)} turns", status=400)
            entry = entry[turn]
        if isinstance(entry, list):
            count = served[name, turn] = served.get((name, turn), -1) + 1
            entry = entry[min(count, len(entry) - 1)]
        return Answer(entry) if isinstance(entry, str) else Answer(**entry)

    return respond


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(prog="python -m rlm.lms.scripted_server", description=__doc__.splitlines()[0])
    parser.add_argument("--script", type=Path, help="the script; by default every answer is `ok`")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    options = parser.parse_args()
    script = json.loads(options.script.read_text()) if options.script else {"*": "ok"}
    server = ScriptedServer(respond_from(script), latency=options.latency, port=options.port)

    async def serve() -> None:
        await server.start()
        print(server.url, flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
