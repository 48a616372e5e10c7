"""A container's stream, off an engine that the test plays: heads, pieces cut anywhere, refusals."""

import asyncio
import contextlib
import struct

import pytest

from rlm.errors import SandboxError
from rlm.sandbox.containers.stream import Address, attach, watch_end

HEAD = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


def piece(data, stream=1):
    return struct.pack(">BxxxI", stream, len(data)) + data


def played(tmp_path, reply, use):
    """What `use` makes of an engine that answers every request with `reply`, and what it was asked."""
    asked, served = [], asyncio.Event()

    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            for data in reply:
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(0)
            writer.write_eof()
            asked.append(await reader.read())
        writer.transport.abort()
        served.set()

    async def main():
        path = str(tmp_path / "socket")
        async with await asyncio.start_unix_server(serve, path):
            made = await use(Address(path=path, prefix="/v1.41"))
            await asyncio.wait_for(served.wait(), 5)
            await asyncio.sleep(0)
            return made

    return asyncio.run(main()), asked


async def all_of(address):
    stream = await attach(address, "abc")
    stream.writer.write(b"in")
    data = await stream.reader.read()
    stream.writer.close()
    await stream.writer.wait_closed()
    return data, stream.received


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_pieces_are_put_together_wherever_they_are_cut(tmp_path, size):
    sent = HEAD + piece(b"one ") + piece(b"not this", stream=2) + piece(b"") + piece(b"two")
    reply = [sent[at : at + size] for at in range(0, len(sent), size)]
    (data, received), asked = played(tmp_path, reply, all_of)
    assert data == b"one two"
    assert received >= len(b"one two")
    assert asked[0].startswith(b"POST /v1.41/containers/abc/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\n")
    assert asked[1] == b"in"


def test_what_is_held_is_written_in_order_when_it_is_released(tmp_path):
    async def use(address):
        stream = await attach(address, "abc")
        stream.writer.write(b"1")
        stream.writer.hold()
        stream.writer.write(b"2")
        stream.writer.hold()
        stream.writer.write(b"3")
        stream.writer.release()
        stream.writer.write(b"4")
        stream.writer.write_eof()
        await stream.reader.read()
        stream.writer.close()
        await stream.writer.wait_closed()

    assert played(tmp_path, [HEAD], use)[1][1] == b"1234"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ([b'HTTP/1.1 404 Not Found\r\n\r\n{"message":"No such container"}'], 'HTTP/1.1 404 Not Found {"message":"No'),
        ([b"HTTP/1.1 101"], "the engine closed the connection"),
        ([b"x" * 70_000], "its head does not end"),
    ],
)
def test_a_refused_stream_is_an_error(tmp_path, reply, said):
    async def use(address):
        with pytest.raises(SandboxError) as error:
            await attach(address, "abc")
        return str(error.value)

    assert played(tmp_path, reply, use)[0].startswith(f"the container's stream can't be had: {said}")


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"StatusCode":137}\n', 137), (b'{"StatusCode":"x"}', None), (b"", None), (b"[1]", None), (b'"x"', None)],
)
def test_the_end_of_a_container_is_its_status(tmp_path, body, status):
    async def use(address):
        return await (await watch_end(address, "abc"))

    reply = [b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n", body]
    told, asked = played(tmp_path, reply, use)
    assert told == status
    assert asked[0].startswith(b"POST /v1.41/containers/abc/wait?condition=removed HTTP/1.0\r\n")


def test_an_end_that_can_not_be_watched_is_an_error(tmp_path):
    async def use(address):
        with pytest.raises(SandboxError, match=r"the container can't be watched: HTTP/1.0 404 Not Found"):
            await watch_end(address, "abc")
        with pytest.raises(SandboxError, match="the container can't be watched: "):
            await watch_end(Address(path="/no/socket"), "abc")
        with pytest.raises(SandboxError, match="the container's stream can't be had: "):
            await attach(Address(path="/no/socket"), "abc")

    played(tmp_path, [b"HTTP/1.0 404 Not Found\r\n\r\n"], use)
