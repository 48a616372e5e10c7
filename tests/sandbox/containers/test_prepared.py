"""What runs need of an engine: prepared once, and for as long as somebody waits for it."""

import asyncio
import threading

import pytest

from rlm.errors import SandboxError
from rlm.sandbox.containers.prepared import Preparation, Prepared

MADE = Prepared("image", (), frozenset(), is_podman=False)


class Slow:
    """Prepares until it may go on, or is stopped."""

    def __init__(self):
        self.tries = 0
        self.begun = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, stop):
        self.tries += 1
        self.begun.set()
        while not self.may_end.wait(0.005):
            if stop.is_set():
                self.begun.clear()
                raise SandboxError("nobody waits")
        return MADE


async def waiting(preparation, slow):
    task = asyncio.create_task(preparation.wait())
    await asyncio.to_thread(slow.begun.wait, 5)
    return task


async def cancelled(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_it_goes_on_as_long_as_one_waits_and_what_it_made_stays():
    slow = Slow()
    preparation = Preparation(slow)

    async def main():
        first, second = [await waiting(preparation, slow) for _ in range(2)]
        await cancelled(first)
        slow.may_end.set()
        assert await second is MADE
        await cancelled(asyncio.ensure_future(preparation.wait()))
        return await preparation.wait()

    assert asyncio.run(main()) is MADE
    assert preparation.result() is MADE
    assert slow.tries == 1


def test_it_ends_with_the_last_who_waits_and_the_next_begins_anew():
    slow = Slow()
    preparation = Preparation(slow)

    async def main():
        first, second = [await waiting(preparation, slow) for _ in range(2)]
        await cancelled(first)
        assert slow.begun.is_set()
        await cancelled(second)
        third = asyncio.create_task(preparation.wait())  # before the one that ends has ended
        async with asyncio.timeout(5):
            while slow.tries < 2:  # noqa: ASYNC110 (it is another thread's)
                await asyncio.sleep(0.005)
        slow.may_end.set()
        return await third

    assert asyncio.run(main()) is MADE
    assert slow.tries == 2


def test_one_that_nobody_has_waited_for_yet_goes_on():
    slow = Slow()
    preparation = Preparation(slow)
    preparation.begin()
    assert slow.begun.wait(5)
    preparation.begin()
    slow.may_end.set()
    assert (preparation.result(), slow.tries) == (MADE, 1)


def test_one_that_failed_is_tried_again():
    def fail(stop):
        tries.append(stop.is_set())
        raise SandboxError("no")

    tries = []
    preparation = Preparation(fail)
    for _ in range(2):
        with pytest.raises(SandboxError, match=r"^no$"):
            preparation.result()
    assert tries == [False, False]
