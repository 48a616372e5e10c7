"""What a worker sends, as its session takes it: whole frames, however their bytes come."""

import asyncio
import re

import pytest

from rlm.sandbox import protocol
from rlm.sandbox.exchange import Frames

READY = {"type": "ready", "version": 3, "python": "3.11.7", "enforces": []}
KEPT = {"type": "kept", "variables": ["x" * 3_000_000]}
CALL = {"type": "call", "id": 1, "name": "rlm_query", "args": {"prompt": "p", "context": None, "model": None}}


def with_stream(play):
    async def main():
        reader = asyncio.StreamReader()
        return await play(reader, Frames(reader))

    return asyncio.run(main())


def test_frames_that_come_together_are_taken_one_by_one():
    async def play(reader, frames):
        reader.feed_data(protocol.encode(READY) + protocol.encode(CALL) + protocol.encode(READY)[:7])
        reader.feed_eof()
        taken = [await frames.next(1), await frames.next(1)]
        with pytest.raises(EOFError, match="the stream ended"):
            await frames.next(1)
        return taken

    assert with_stream(play) == [READY, {**CALL, "size": len(protocol.encode(CALL)) - 4}]


@pytest.mark.parametrize("piece", [1, 3, 4, 5, 50])
def test_frames_that_come_in_pieces_are_whole(piece):
    async def play(reader, frames):
        async def feed():
            data = protocol.encode(READY) * 3
            for start in range(0, len(data), piece):
                reader.feed_data(data[start : start + piece])
                await asyncio.sleep(0)

        feeding = asyncio.create_task(feed())
        taken = [await frames.next(1) for _ in range(3)]
        await feeding
        return taken

    assert with_stream(play) == [READY] * 3


def test_a_large_frame_comes_whole():
    async def play(reader, frames):
        reader.feed_data(protocol.encode(KEPT) + protocol.encode(READY))
        return [await frames.next(1), await frames.next(1)]

    assert with_stream(play) == [KEPT, READY]


@pytest.mark.parametrize("begun", [2, 4, 20])
def test_a_frame_that_begins_has_so_long_to_come_and_one_that_does_not_has_all_time(begun):
    async def play(reader, frames):
        waiting = asyncio.create_task(frames.next(0.01))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        reader.feed_data(protocol.encode(READY)[:begun])
        with pytest.raises(protocol.FrameError, match=r"^a frame did not come whole in time$"):
            await waiting

    with_stream(play)


def test_who_is_cancelled_within_a_frame_loses_nothing_of_it():
    async def play(reader, frames):
        data = protocol.encode(READY)
        for part in (data[:3], data[3:9], data[9:-1]):
            waiting = asyncio.create_task(frames.next(1))
            reader.feed_data(part)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        reader.feed_data(data[-1:])
        return await frames.next(1)

    assert with_stream(play) == READY


def test_a_length_beyond_what_a_frame_holds_is_refused_before_it_comes():
    async def play(reader, frames):
        reader.feed_data(b"\xff\xff\xff\xff")
        with pytest.raises(protocol.FrameError, match="4,294,967,295 bytes announced"):
            await frames.next(60)

    with_stream(play)


def test_another_kind_is_not_due():
    async def play(reader, frames):
        reader.feed_data(protocol.encode(READY))
        with pytest.raises(protocol.FrameError, match=re.escape("`ready` is not due")):
            await frames.heard("kept", 1)

    with_stream(play)
