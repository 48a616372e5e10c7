"""HTTP/1.1 as servers send it: answers in pieces of any size, what is no answer, and when a connection is kept."""

import asyncio
import contextlib
import functools
import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import LMRefusedError, LMUnavailableError
from rlm.lms import http, pool
from rlm.lms.connection import Connection, target
from rlm.lms.http import Policy
from rlm.version import VERSION

WHERE = target("http://host.example/v1/chat")


class Wire(asyncio.Transport):
    """Where bytes go that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.unsent = 0
        self.closed = False

    def write(self, data: object) -> None:
        self.sent += bytes(data)  # type: ignore[call-overload]

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return self.unsent


def opened(headers: Mapping[str, str] = {}, body: bytes = b"{}") -> tuple[Connection, Wire]:
    connection, wire = Connection(), Wire()
    connection.connection_made(wire)
    connection.send(WHERE, headers, body)
    return connection, wire


def received(connection: Connection, wire: Wire, pieces: list[bytes]) -> tuple[int, bytes]:
    """Status and body of an answer that comes in these pieces, and then the connection ends if it was closed."""

    async def read() -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        for piece in pieces:
            loop.call_soon(lambda piece=piece: wire.closed or connection.data_received(piece))
        loop.call_soon(lambda: connection.connection_lost(None) if wire.closed or pieces[-1:] == [b""] else None)
        await connection.head()
        body = b""
        while piece := await connection.read():
            body += piece
        return connection.status, body

    return asyncio.run(asyncio.wait_for(read(), 5.0))


END = b""  # as the last piece: the server closes
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCONTENT-LENGTH:  11 \r\n\r\nhello world"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
    b"5\r\nhello\r\n1;name=value\r\n \r\n00005\r\nworld\r\n0\r\nSome: trailer\r\n\r\n"
)
EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + LENGTH
PACKED = gzip.compress(b"hello world")
ZIPPED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(PACKED), PACKED)
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello world"
ANSWERS = {"length": LENGTH, "chunked": CHUNKED, "early": EARLY, "zipped": ZIPPED, "to the end": TO_THE_END}


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_in_pieces(name: str, size: int) -> None:
    data = ANSWERS[name]
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    connection, wire = opened()
    assert received(connection, wire, [*pieces, END] if name == "to the end" else pieces) == (200, b"hello world")
    assert connection.is_free == (name != "to the end")


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.sampled_from([LENGTH, CHUNKED, EARLY, ZIPPED]), st.lists(st.integers(0, 200)))
def test_where_it_is_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges) if end > start]
    assert received(*opened(), pieces) == (200, b"hello world")


def test_one_answer_after_another() -> None:
    connection, wire = opened()
    for answer in (LENGTH, CHUNKED, ZIPPED, LENGTH):
        assert received(connection, wire, [answer]) == (200, b"hello world")
        assert connection.is_free
        connection.send(WHERE, {}, b"{}")
    assert wire.sent.count(b"POST /v1/chat HTTP/1.1\r\n") == 5


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body(status: int) -> None:
    connection, wire = opened()
    assert received(connection, wire, [b"HTTP/1.1 %d Fine\r\n\r\n" % status]) == (status, b"")
    assert connection.is_free


@pytest.mark.parametrize(
    ("answer", "headers", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", {}, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {"Connection": "close"}, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", {}, False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", {}, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n", {}, False),
    ],
)
def test_when_it_is_kept(answer: bytes, headers: dict[str, str], kept: bool) -> None:
    connection, wire = opened(headers)
    assert received(connection, wire, [answer]) == (200, b"")
    assert connection.is_free == kept


def test_it_is_not_kept_while_a_body_is_half_sent() -> None:
    connection, wire = opened()
    wire.unsent = 1000
    assert received(connection, wire, [b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"]) == (413, b"")
    assert not connection.is_free


def test_what_nobody_asked_for_closes_it() -> None:
    connection, wire = opened()
    received(connection, wire, [LENGTH])
    connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert wire.closed


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nName : value\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 5000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000,
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    connection, wire = opened()
    with pytest.raises(ConnectionError):
        received(connection, wire, [data])
    assert wire.closed


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200", LENGTH[:-1], CHUNKED[:-1], CHUNKED[:-20]])
def test_an_answer_that_breaks_off(data: bytes) -> None:
    with pytest.raises(ConnectionResetError):
        received(*opened(), [data, END] if data else [END])


def test_what_unpacks_to_too_much() -> None:
    packed = gzip.compress(bytes(64 << 20))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with pytest.raises(ConnectionError, match="packed too tightly"):
        received(*opened(), [head + packed])


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.sampled_from([b"", LENGTH[:40], CHUNKED[:55]]), st.lists(st.binary(min_size=1, max_size=50)))
def test_any_bytes_are_an_answer_or_an_error(begin: bytes, pieces: list[bytes]) -> None:
    with contextlib.suppress(ConnectionError):
        received(*opened(), [piece for piece in (begin, *pieces) if piece] + [END])


def test_what_is_sent() -> None:
    _, wire = opened({"Authorization": "Bearer é", "Content-Type": "application/json"}, b'{"a": 1}')
    lines = [
        "POST /v1/chat HTTP/1.1",
        "Host: host.example",
        f"User-Agent: rlm/{VERSION}",
        "Accept-Encoding: identity",
        "Authorization: Bearer é",
        "Content-Type: application/json",
        "Content-Length: 8",
        "",
        '{"a": 1}',
    ]
    assert wire.sent == "\r\n".join(lines).encode()


@pytest.mark.parametrize("headers", [{"A": "b\r\nC: d"}, {"A\n": "b"}, {"A": "b\r"}])
def test_a_header_with_the_end_of_a_line_is_not_sent(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="end of a line"):
        opened(headers)


@pytest.mark.parametrize(
    ("url", "line", "host", "port"),
    [
        ("http://host.example", "/", "host.example", 80),
        ("https://host.example:443/v1/", "/v1/", "host.example", 443),
        ("http://host.example:8000/v1?api-version=1&b=c/d?", "/v1?api-version=1&b=c/d?", "host.example:8000", 8000),
        ("http://[::1]:8000/v1", "/v1", "[::1]:8000", 8000),
        ("https://bücher.example/é ü?q=é%20", "/%C3%A9%20%C3%BC?q=%C3%A9%20", "xn--bcher-kva.example", 443),
        ("http://h/models/a:generate%2F#part", "/models/a:generate%2F", "h", 80),
    ],
)
def test_where_a_url_leads(url: str, line: str, host: str, port: int) -> None:
    found = target(url)
    assert found.head.startswith(f"POST {line} HTTP/1.1\r\nHost: {host}\r\n".encode())
    assert (found.port, found.secure) == (port, url.startswith("https"))


@pytest.mark.parametrize(
    "url", ["", "host/v1", "ftp://host", "http://", "http://h:99999999", "http://[::1", "http://h:x"]
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (urlsplit has its own words)
        target(url)
    with pytest.raises(LMRefusedError, match="the base URL is not a URL"):
        asyncio.run(http.post(url, {}, b"{}", Policy()))


def test_a_name_that_can_not_be_found_is_tried_twice_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def ask() -> None:
        async def unknown(host: str, *_: object, **__: object) -> None:
            asked.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
        await http.post("http://nobody.example/v1", {}, b"{}", Policy(attempts=6, backoff=0.001))

    with pytest.raises(LMUnavailableError) as caught:
        asyncio.run(ask())
    assert str(caught.value) == "nobody.example: the host's name can't be found; tried 2 times"
    assert asked == ["nobody.example"] * 2


def test_a_look_up_that_fails_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def ask() -> None:
        async def unknown(host: str, *_: object, **__: object) -> None:
            asked.append(host)
            raise OSError("no such name")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
        await http.post("http://nobody.example/v1", {}, b"{}", Policy(attempts=3, backoff=0.001))

    with pytest.raises(LMUnavailableError, match=r"nobody\.example: the connection failed \(OSError\); tried 3 times"):
        asyncio.run(ask())
    assert asked == ["nobody.example"] * 3


# A certificate for localhost and its key, made for these tests; good until 2126.
PEM = Path(__file__).parent / "fakes" / "localhost.pem"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@contextlib.contextmanager
def secure_server(handle: Handler) -> Iterator[str]:
    """A server with a certificate for localhost, in a thread of its own."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(PEM)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(handle, "localhost", 0, ssl=context), loop).result()
    yield f"https://localhost:{server.sockets[0].getsockname()[1]}/v1"
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(2):
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + b'{"a": "b"}')
    writer.close()


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_tls", lambda: ssl.create_default_context(cafile=str(PEM)))


@pytest.mark.usefixtures("_trusted")
def test_over_tls() -> None:
    async def ask(url: str) -> list[tuple[object, int]]:
        return [await http.post(url, {}, b"{}", Policy()) for _ in range(2)]

    with secure_server(answer) as url:
        assert asyncio.run(ask(url)) == [({"a": "b"}, 0)] * 2


def test_a_certificate_that_can_not_be_verified_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")  # other tests trust it
    monkeypatch.setattr(pool, "_tls", functools.cache(pool._tls.__wrapped__))
    with secure_server(answer) as url, pytest.raises(LMRefusedError, match="localhost: its certificate can't be verif"):
        asyncio.run(http.post(url, {}, b"{}", Policy()))


@pytest.mark.usefixtures("_trusted")
def test_cancelling_closes_a_connection_over_tls_at_once() -> None:
    asked, gone = threading.Event(), threading.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        asked.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        gone.set()

    async def cancel(url: str) -> bool:
        task = asyncio.create_task(http.post(url, {}, b"{}", Policy()))
        await asyncio.to_thread(asked.wait, 5.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await asyncio.to_thread(gone.wait, 1.0)

    with secure_server(hang) as url:
        assert asyncio.run(cancel(url))
