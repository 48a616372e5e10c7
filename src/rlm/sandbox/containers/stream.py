"""A container's standard input and output as asyncio streams, and its end, each over a connection: no thread waits.

The Docker Engine API (https://docs.docker.com/reference/api/engine/), `POST /containers/{id}/attach` and `/wait`: after
its head the first is a raw stream; without a terminal, what the container writes comes in pieces with an 8-byte header
each: one byte that names the stream (1 is standard output), three zeros, and a big-endian length.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from dataclasses import dataclass

from rlm.errors import SandboxError

_STREAM_LIMIT = 2**20  # bytes read ahead of a container's stream
_ANSWER = 60.0  # seconds for the engine to answer
_MAX_HEAD = 2**16  # bytes of an HTTP head
_MAX_BODY = 2**16  # bytes of what tells a container's end
_STDOUT = 1
_HEADER = struct.Struct(">BxxxI")


@dataclass(frozen=True)
class Address:
    """Where an engine listens: `path` of a socket, or `host` and `port` with `tls` or without; `prefix` of its URLs."""

    path: str = ""
    host: str = ""
    port: int = 0
    tls: ssl.SSLContext | None = None
    prefix: str = ""

    def check(self) -> None:
        """Connects to it, and no more. Blocks.

        Raises:
            OSError: It is not reachable.
        """
        if self.path:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.path)
        else:
            socket.create_connection((self.host, self.port), timeout=_ANSWER).close()

    async def connect(self, protocol: asyncio.BaseProtocol) -> asyncio.Transport:
        """Opens a connection to it.

        Raises:
            OSError: It is not reachable.
        """
        loop = asyncio.get_running_loop()
        if self.path:
            transport, _ = await loop.create_unix_connection(lambda: protocol, self.path)
        else:
            transport, _ = await loop.create_connection(lambda: protocol, self.host, self.port, ssl=self.tls)
        return transport


class HeldWriter(asyncio.StreamWriter):
    """A writer that can be told to keep for a moment what is written."""

    _kept: list[bytes] | None = None

    def write(self, data: bytes) -> None:  # type: ignore[override]
        if self._kept is None:
            super().write(data)
        else:
            self._kept.append(data)

    def hold(self) -> None:
        """Keeps what is written from now on."""
        self._kept = self._kept or []

    def release(self) -> None:
        """Writes what was kept."""
        kept, self._kept = self._kept, None
        for data in kept or []:
            super().write(data)


class Stream:
    """A container's standard input and output.

    Attributes:
        received: Bytes that have come from the container.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: HeldWriter, protocol: _Attached) -> None:
        self.reader = reader
        self.writer = writer
        self._protocol = protocol

    @property
    def received(self) -> int:
        return self._protocol.received


async def attach(address: Address, container: str) -> Stream:
    """The stream of a container that is made and not started yet.

    Raises:
        SandboxError: The engine refuses, or is not reachable.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_STREAM_LIMIT, loop=loop)
    protocol = _Attached(reader, loop)
    try:
        transport = await address.connect(protocol)
        query = "stream=1&stdin=1&stdout=1"
        head = f"POST {address.prefix}/containers/{container}/attach?{query} HTTP/1.1\r\n"
        transport.write(f"{head}Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
        try:
            async with asyncio.timeout(_ANSWER):
                await protocol.opened
        except BaseException:
            transport.abort()
            raise
    except OSError as error:
        raise SandboxError(f"the container's stream can't be had: {error}") from error
    return Stream(reader, HeldWriter(transport, protocol, reader, loop), protocol)


class _Attached(asyncio.StreamReaderProtocol):
    """Takes the HTTP head off a stream, and then the header of each piece."""

    def __init__(self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(reader, loop=loop)
        self.opened: asyncio.Future[None] = loop.create_future()
        self.received = 0
        self._head: bytearray | None = bytearray()
        self._header = bytearray()
        self._stream = self._left = 0

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += data
            head, end, rest = bytes(self._head).partition(b"\r\n\r\n")
            if not end:
                if len(head) > _MAX_HEAD:
                    self._refuse("its head does not end")
                return
            status = head.split(b" ", 2)[1:2]
            if status not in ([b"101"], [b"200"]):
                self._refuse(f"{head.splitlines()[0].decode(errors='replace')} {rest[:500].decode(errors='replace')}")
                return
            self._head, data = None, rest
            if not self.opened.done():
                self.opened.set_result(None)
        self.received += len(data)
        self._demultiplex(memoryview(data))

    def eof_received(self) -> bool | None:
        self._refuse("the engine closed the connection", ConnectionResetError())
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._refuse("the engine closed the connection", ConnectionResetError())
        super().connection_lost(exc)

    def _refuse(self, why: str, cause: OSError | None = None) -> None:
        if not self.opened.done():
            error = SandboxError(f"the container's stream can't be had: {why}")
            error.__cause__ = cause
            self.opened.set_exception(error)
            self.opened.exception()  # seen: whoever waits may have been cancelled

    def _demultiplex(self, data: memoryview) -> None:
        while data:
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                self._left -= len(piece)
                if self._stream == _STDOUT:
                    super().data_received(bytes(piece))
                continue
            missing = _HEADER.size - len(self._header)
            self._header += data[:missing]
            data = data[missing:]
            if len(self._header) == _HEADER.size:
                self._stream, self._left = _HEADER.unpack(self._header)
                self._header.clear()


async def watch_end(address: Address, container: str) -> asyncio.Task[int | None]:
    """A task that waits until a container, which is not started yet, has ended and is removed.

    Its result is the exit status; None where the engine doesn't tell.

    Raises:
        SandboxError: The engine refuses, or is not reachable.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_MAX_HEAD, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    try:
        transport = await address.connect(protocol)
        try:
            # Version 1.0 of HTTP, so that the body is what comes until the connection ends.
            request = f"POST {address.prefix}/containers/{container}/wait?condition=removed HTTP/1.0\r\n"
            transport.write(f"{request}Host: docker\r\nContent-Length: 0\r\n\r\n".encode())
            async with asyncio.timeout(_ANSWER):
                head = await reader.readuntil(b"\r\n\r\n")
            if head.split(b" ", 2)[1:2] != [b"200"]:
                raise SandboxError(f"the container can't be watched: {head.splitlines()[0].decode(errors='replace')}")
        except BaseException:
            transport.abort()
            raise
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        raise SandboxError(f"the container can't be watched: {error}") from error
    return asyncio.create_task(_told_status(reader, transport))


async def _told_status(reader: asyncio.StreamReader, transport: asyncio.Transport) -> int | None:
    try:
        told = json.loads(await reader.read(_MAX_BODY))
        status = told["StatusCode"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    finally:
        transport.abort()
    return status if type(status) is int else None
