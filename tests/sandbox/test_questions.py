"""The host against a worker that is played by the test, from one question to the next."""

import asyncio
import base64
import contextlib

import pytest

from rlm.context import load
from rlm.errors import ContextError
from rlm.sandbox import cell_run, exchange, protocol, session
from rlm.types import Cell, Limits
from sandbox.support import PlayedEnvironment, polite


def next_session(environment, after=None, **options):
    async def refuse(name, args):
        raise AssertionError("no call is due")

    return session.Session(
        environment,
        functions=(),
        question="and then?",
        limits=Limits(),
        max_output=100,
        on_call=refuse,
        after=after,
        **options,
    )


def second_question(*scripts, text=None, **options):
    """How the session of a second question starts: its variables, its cell's output, and the worker that ran it.

    The first script answers the first cell, and what the second question says.
    """

    async def main():
        environment = PlayedEnvironment(*scripts)
        first = next_session(environment)
        await first.run(Cell("x"))
        with contextlib.ExitStack() as stack:
            if text is not None:
                options["added"] = {"context_1": stack.enter_context(contextlib.closing(load(text)))}
            second = next_session(environment, first, **options)
            try:
                async with asyncio.timeout(60):
                    await second.start()
                    result = await second.run(Cell("y"))
                return second.variables, result.output, environment.workers.index(second._worker)
            finally:
                await second.close()
                await environment.close()

    return asyncio.run(main())


def answers(*messages):
    """A worker that does the first cell, answers the second `hello` so, and then does cells."""

    async def script(peer):
        peer.done(await peer.greet())
        assert (await peer.receive())["type"] == "hello"
        for message in messages:
            peer.send(**message)
        while True:
            peer.done((await peer.receive())["id"], output="kept", output_size=4)

    return script


def test_a_worker_is_taken_over():
    script = answers({"type": "kept", "variables": ["x: int 1"]})
    assert second_question(script) == (("x: int 1",), "kept", 0)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "kept", "variables": ["x"] * 101},
        {"type": "kept", "variables": ["x" * 201]},
        {"type": "kept", "variables": [1]},
        {"type": "kept", "variables": "x"},
        {"type": "kept"},
        {"type": "ready", "version": protocol.VERSION, "python": "3", "enforces": []},
        {"type": "added", "error": None},
        {"type": "done", "id": 1, "output": "", "output_size": 0, "error": None, "answer": None, "seconds": 0.0},
    ],
)
def test_a_worker_that_does_not_take_the_question_is_replaced(message):
    assert second_question(answers(message), polite) == (None, "fine", 1)


def test_so_is_one_that_is_silent_or_gone(monkeypatch):
    monkeypatch.setattr(session, "_KEPT", 0.05)
    assert second_question(answers(), polite) == (None, "fine", 1)

    async def gone(peer):
        peer.done(await peer.greet())
        peer.close()

    assert second_question(gone, polite) == (None, "fine", 1)


def test_a_context_comes_in_pieces(monkeypatch):
    monkeypatch.setattr(exchange, "_PIECE", 4)
    heard = []

    async def script(peer):
        peer.done(await peer.greet())
        while (message := await peer.receive())["type"] == "add":
            heard.append(message)
            if message["last"]:
                peer.send(type="added", error=None)
        assert message["question"] == "and then?"
        peer.send(type="kept", variables=[])
        peer.done((await peer.receive())["id"])

    assert second_question(script, text="six \N{SNOWMAN} too") == ((), "", 0)
    assert b"".join(base64.b64decode(one["data"]) for one in heard) == "six \N{SNOWMAN} too".encode()
    assert [(one["name"], one["kind"], one["parts"], one["last"]) for one in heard] == [
        ("context_1", "str", [], False),
        ("context_1", "str", [], False),
        ("context_1", "str", [], True),
    ]


def test_a_context_that_is_refused_leaves_the_worker_as_it_is():
    async def script(peer):
        peer.done(await peer.greet())
        assert (await peer.receive())["type"] == "add"
        peer.send(type="added", error="MemoryError: " + "x" * 1000)
        assert (await peer.receive())["type"] == "hello"
        peer.send(type="kept", variables=["x: int 1"])
        peer.done((await peer.receive())["id"], output="kept", output_size=4)

    async def main():
        environment = PlayedEnvironment(script)
        first = next_session(environment)
        await first.run(Cell("x"))
        with contextlib.closing(load("text")) as context:
            second = next_session(environment, first, added={"context_1": context})
            with pytest.raises(ContextError) as refused:
                await second.start()
        why = "MemoryError: " + "x" * 187
        assert str(refused.value) == f"context_1 can't be loaded in the sandbox: {why}; it may need more memory_mb"
        assert second.refused == "context_1"
        third = next_session(environment, second)
        result = await third.run(Cell("y"))
        assert (third.variables, result.output, len(environment.workers)) == (("x: int 1",), "kept", 1)
        await third.close()
        await environment.close()

    asyncio.run(main())


@pytest.mark.parametrize("stops", [True, False])
def test_a_cancelled_cell_is_interrupted_until_it_stops(monkeypatch, stops):
    monkeypatch.setattr(cell_run, "_GRACE", 0.1)
    monkeypatch.setattr(cell_run, "_POLL", 0.01)
    begun = asyncio.Event()

    async def script(peer):
        number = await peer.greet()
        begun.set()
        for _ in range(3):  # the first ones may come before the cell
            assert (await peer.receive())["type"] == "interrupt"
        if stops:
            peer.done(number)
        await asyncio.sleep(10)

    async def main():
        environment = PlayedEnvironment(script)
        one = next_session(environment, goes_on=True)
        running = asyncio.create_task(one.run(Cell("x")))
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        (worker,) = environment.workers
        assert (worker.killed, one._worker is None) == (not stops, not stops)
        await one.close()
        await environment.close()
        assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} == set()

    asyncio.run(main())
