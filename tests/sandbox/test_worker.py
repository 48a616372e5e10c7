"""The worker against a host that is played by the test: it answers what is allowed, and ends at anything else."""

import asyncio
import contextlib
import random
import struct

import pytest

from rlm.context import load
from rlm.sandbox import protocol
from rlm.sandbox.launchers import find_launcher
from rlm.types import Limits
from sandbox.support import Peer

HELLO = {"version": 3, "seed": 0, "functions": ["llm_query"], "question": "", "max_output": 100, "window": None}
HELLO |= {"tools": [], "names": {}, "env": {}}


def with_worker(play, count=1):
    """What `play(peer, worker)` gives with each of `count` fresh workers."""

    async def main():
        with contextlib.closing(load("text")) as context:
            environment = await find_launcher("local").open(context, Limits())
        try:
            results = []
            for _ in range(count):
                worker = await environment.start()
                async with asyncio.timeout(60):
                    results.append(await play(Peer(worker.reader, worker.writer), worker))
                worker.kill()
                await worker.wait()
            return results
        finally:
            await environment.close()

    return asyncio.run(main())


async def greeted(peer):
    peer.send(type="hello", **HELLO)
    ready = await peer.receive()
    assert (ready["type"], ready["version"]) == ("ready", 3)
    return ready


def test_it_says_what_confines_it():
    async def play(peer, worker):
        return sorted((await greeted(peer))["enforces"])

    assert with_worker(play) == [["disk", "files", "memory", "network", "processes"]]


@pytest.mark.parametrize(
    "junk",
    [
        b"\xff\xff\xff\xff",
        struct.pack(">I", 3) + b"{]{",
        protocol.encode({"type": "done", "id": 1}),
        protocol.encode({"type": "run", "id": 1}),
        protocol.encode({"type": "return", "id": 1}),
        protocol.encode({"type": "hello", **HELLO, "tools": [{"name": "f"}]}),
        protocol.encode({"type": "hello", **HELLO, "env": {"A=B": "c"}}),
        struct.pack(">I", 0),
    ],
)
@pytest.mark.parametrize("greet", [False, True])
def test_it_ends_at_a_frame_that_no_host_may_send(junk, greet):
    async def play(peer, worker):
        if greet:
            await greeted(peer)
        peer.send_raw(junk)
        return await worker.wait()

    assert with_worker(play) == ["it exited with status 0" if greet else "it exited with status 1"]


def test_it_ends_with_its_stream_and_with_half_a_frame():
    async def play(peer, worker):
        await greeted(peer)
        peer.send(type="run", id=1, code="while True: pass")
        peer.send_raw(b"\0\0")
        peer.writer.write_eof()
        return await worker.wait()

    assert with_worker(play) == ["it exited with status 0"]


def test_answers_to_calls_that_never_were_are_ignored():
    async def play(peer, worker):
        await greeted(peer)
        peer.send(type="return", id=77, value=1)
        peer.send(type="raise", id=1, error={"type": "LMError", "message": "no"})
        peer.send(type="interrupt")
        peer.send(type="run", id=1, code="llm_query('x')")
        call = await peer.receive()
        peer.send(type="return", id=call["id"] + 1, value="not this")
        peer.send(type="return", id=call["id"], value="this")
        peer.send(type="return", id=call["id"], value="too late")
        return (await peer.receive())["output"]

    assert with_worker(play) == ["'this'\n"]


def test_an_error_of_a_kind_it_does_not_know_is_a_tool_error():
    async def play(peer, worker):
        await greeted(peer)
        peer.send(type="run", id=1, code="try:\n    llm_query('x')\nexcept ToolError as e:\n    print(e, e.results)")
        call = await peer.receive()
        peer.send(type="raise", id=call["id"], error={"type": "NewError", "message": "new", "results": [1]})
        return (await peer.receive())["output"]

    assert with_worker(play) == ["new [1]\n"]


def test_random_frames_are_answered_or_end_it():
    chance = random.Random(3)
    good = [
        {"type": "run", "id": 1, "code": "1"},
        {"type": "return", "id": 1, "value": [1]},
        {"type": "raise", "id": 1, "error": {"type": "LMError", "message": "m"}},
        {"type": "interrupt"},
    ]

    async def play(peer, worker):
        await greeted(peer)
        for _ in range(5):
            data = bytearray(protocol.encode(chance.choice(good)))
            for _ in range(chance.choice([0, 1, 2])):
                data[chance.randrange(4, len(data))] = chance.randrange(256)
            peer.send_raw(bytes(data))
        peer.writer.write_eof()
        return await worker.wait()

    assert set(with_worker(play, 25)) == {"it exited with status 0"}
