"""The host against a worker that is played by the test: whatever it sends, `run` ends, typed, and goes on afresh."""

import asyncio
import json
import random
import struct

import pytest

from rlm.errors import LimitError, LMUnavailableError, SandboxError
from rlm.sandbox import cell_run, exchange, protocol, session
from rlm.types import Answer, Cell, CellResult, Limits
from sandbox.support import DEFAULT, FUNCTIONS, PlayedEnvironment, polite


def play(*scripts, cells=1, limits=DEFAULT, on_call=None, check=None):
    """What `cells` cells give with workers played by `scripts`, in order."""

    async def refuse(name, args):
        raise AssertionError("no call is due")

    async def main():
        environment = PlayedEnvironment(*scripts)
        one = session.Session(
            environment,
            functions=OFFERED,
            question="",
            limits=limits,
            max_output=100,
            on_call=on_call or refuse,
            tools=[{"name": "look", "signature": "()", "doc": ""}],
        )
        try:
            async with asyncio.timeout(60):
                results = [await one.run(Cell("x")) for _ in range(cells)]
            if check:
                check(environment)
            return results
        finally:
            await one.close()
            await environment.close()
            assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} == set()

    return asyncio.run(main())


def lost_then_fine(script, **options):
    """Why the first worker was lost; a fresh one must take the next cell."""
    lost, fine = play(
        script, polite, cells=2, check=lambda e: [None for w in e.workers[:1] if w.killed or 1 / 0], **options
    )
    assert (fine.output, fine.lost) == ("fine", None)
    assert lost.lost is not None
    return lost.lost


def sends(*messages):
    async def script(peer):
        await peer.greet()
        for message in messages:
            peer.send_raw(message if isinstance(message, bytes) else protocol.encode(message))

    return script


OFFERED = ("llm_query", "rlm_query")
ARGS = {"prompt": "p", "model": None, "temperature": None, "fresh": False, "origins": None}
TOOL = {"type": "call", "id": 1, "name": "tool", "args": {"name": "look", "args": [], "kwargs": {}}}
CALL = {"type": "call", "id": 1, "name": "llm_query", "args": ARGS}
DONE = {"type": "done", "output": "", "output_size": 0, "error": None, "answer": None, "seconds": 0.0}


def test_a_polite_worker_is_kept():
    results = play(polite, cells=3)
    assert [(one.output, one.lost) for one in results] == [("fine", None)] * 3


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (struct.pack(">I", 2**32 - 1), "4,294,967,295 bytes announced"),
        (struct.pack(">I", 5) + b"{]{]{", "not JSON"),
        (struct.pack(">I", 0), "not JSON"),
        ({**DONE, "id": 2}, "`done` 2 is not due"),
        ({**DONE, "id": 0}, "`done` 0 is not due"),
        ({"type": "ready", "version": protocol.VERSION, "python": "3", "enforces": []}, "`ready` None is not due"),
        ({**CALL, "name": "os.system"}, "no call 'os.system' takes"),
        (
            {
                **CALL,
                "name": "llm_query_batched",
                "args": {"prompts": [], "model": 1, "temperature": 0, "fresh": False, "origins": None},
            },
            "a call that was not offered",
        ),
        ({**CALL, "args": {**ARGS, "self": 0}}, "no call 'llm_query' takes"),
        ({**CALL, "args": []}, "call.args is a list"),
        ({**CALL, "args": {**ARGS, "origins": [None, None]}}, "llm_query: 2 origins for 1 texts"),
        ({**CALL, "args": {**ARGS, "origins": [[5, 1, ""]]}}, "llm_query: an origin is null or a piece"),
        ({**TOOL, "args": {**TOOL["args"], "name": "other"}}, "a call that was not offered"),
        ({**TOOL, "args": {**TOOL["args"], "name": "llm_query"}}, "a call that was not offered"),
        ({**TOOL, "args": {**TOOL["args"], "kwargs": [1]}}, "tool.kwargs is a list"),
        ({**TOOL, "name": "look"}, "no call 'look' takes"),
        ({"type": "return", "id": 1, "value": 0}, "no message of type 'return' is allowed here"),
        ({"type": "run", "id": 1, "code": ""}, "no message of type 'run' is allowed here"),
        ({"type": "hello"}, "no message of type 'hello' is allowed here"),
        ({"no": "type"}, "no message of type 'None' is allowed here"),
        (struct.pack(">I", 50_000) + b'{"a":' + b"[" * 49_995, "not JSON"),
    ],
)
def test_a_worker_that_breaks_the_protocol_is_killed_and_replaced(message, why):
    assert lost_then_fine(sends(message)).startswith(f"it broke the protocol: {why}")


def test_a_call_with_an_id_that_is_open_already_is_refused():
    async def never(name, args):
        await asyncio.sleep(60)

    assert "call 1 is open already" in lost_then_fine(sends(CALL, CALL), on_call=never)


@pytest.mark.parametrize("field", ["output", "error"])
def test_more_output_than_was_asked_for_is_refused(field):
    long = {**DONE, "id": 1, field: "x" * 200_000}
    assert lost_then_fine(sends(long)) == "it broke the protocol: `done` holds more than was asked for"


def test_a_flood_of_calls_is_bounded():
    waiting = 0

    async def never(name, args):
        nonlocal waiting
        waiting += 1
        await asyncio.sleep(60)

    flood = sends(*({**CALL, "id": number} for number in range(protocol.MAX_OPEN_CALLS + 100)))
    assert "too many calls are open" in lost_then_fine(flood, on_call=never)
    assert waiting <= protocol.MAX_OPEN_CALLS


def test_the_bytes_of_open_calls_are_bounded(monkeypatch):
    monkeypatch.setattr(protocol, "MAX_OPEN_BYTES", 10_000)

    async def never(name, args):
        await asyncio.sleep(60)

    flood = sends(*({**CALL, "id": number, "args": {**ARGS, "prompt": "x" * 3000}} for number in range(9)))
    assert "too many calls are open" in lost_then_fine(flood, on_call=never)


def test_replies_that_are_not_read_are_bounded(monkeypatch):
    monkeypatch.setattr(protocol, "MAX_OPEN_BYTES", 2_000_000)

    async def long(name, args):
        return "x" * 1_000_000

    async def script(peer):
        await peer.greet()
        peer.reader._transport.pause_reading()
        for number in range(100):
            peer.send(**{**CALL, "id": number})
            await asyncio.sleep(0)

    assert "it does not read what it asks for" in lost_then_fine(script, on_call=long)


def test_half_a_frame_does_not_hang(monkeypatch):
    monkeypatch.setattr(exchange, "REST", 0.05)
    assert "did not come whole in time" in lost_then_fine(sends(struct.pack(">I", 100) + b"{"))


@pytest.mark.parametrize("sent", [b"", b"\0\0", struct.pack(">I", 100) + b"{"])
def test_silence_is_interrupted_and_then_killed(monkeypatch, sent):
    monkeypatch.setattr(cell_run, "_GRACE", 0.05)
    why = lost_then_fine(sends(sent), limits=Limits(cell_seconds=0.05))
    assert why == "it ran for more than 0.05 s and did not stop when it was interrupted"


def test_a_worker_that_stops_in_time_is_kept(monkeypatch):
    async def script(peer):
        number = await peer.greet()
        assert (await peer.receive())["type"] == "interrupt"
        peer.done(number, error="KeyboardInterrupt")
        peer.done((await peer.receive())["id"], output="on")

    def check(environment):
        assert [worker.interrupts for worker in environment.workers] == [1]

    stopped, on = play(script, cells=2, limits=Limits(cell_seconds=0.05), check=check)
    assert (stopped.interrupted, stopped.error, stopped.lost) == (True, "KeyboardInterrupt", None)
    assert (on.interrupted, on.output) == (False, "on")


def test_cpu_time_counts_while_a_call_is_open(monkeypatch):
    monkeypatch.setattr(cell_run, "_POLL", 0.02)
    monkeypatch.setattr(cell_run, "_GRACE", 0.05)

    async def never(name, args):
        await asyncio.sleep(60)

    async def main():
        async def script(peer):
            await peer.greet()
            peer.send(**CALL)
            await asyncio.sleep(0.1)
            environment.workers[0].cpu = 11

        environment = PlayedEnvironment(script)
        one = session.Session(
            environment,
            functions=FUNCTIONS,
            question="",
            limits=Limits(cell_seconds=10),
            max_output=9,
            on_call=never,
        )
        result = await one.run(Cell("x"))
        await environment.close()
        return result

    result = asyncio.run(main())
    assert result.interrupted
    assert result.lost.startswith("it used more than 10 s of CPU time")


@pytest.mark.parametrize(("used", "lost"), [(5.0, None), (5.1, "it used more than 5 s of CPU time while no cell ran")])
def test_a_worker_that_is_done_and_works_on_is_replaced(used, lost):
    async def main():
        environment = PlayedEnvironment(polite, polite)
        one = session.Session(
            environment, functions=(), question="", limits=Limits(cell_seconds=1), max_output=9, on_call=None
        )
        first = await one.run(Cell("x"))
        environment.workers[0].cpu += used
        results = [first, await one.run(Cell("x")), await one.run(Cell("x"))]
        await one.close()
        await environment.close()
        return [result.lost for result in results]

    assert asyncio.run(main()) == [None, lost, None]


def test_an_interrupt_cancels_the_calls_that_are_open():
    ends = []

    async def never(name, args):
        try:
            await asyncio.sleep(60)
        finally:
            ends.append(name)

    async def script(peer):
        number = await peer.greet()
        peer.send(**CALL)
        await asyncio.sleep(0.02)
        assert (await peer.receive())["type"] == "interrupt"
        peer.done(number, error="KeyboardInterrupt")

    async def main():
        loop = asyncio.get_running_loop()
        environment = PlayedEnvironment(script)
        one = session.Session(
            environment, functions=FUNCTIONS, question="", limits=Limits(), max_output=9, on_call=never
        )
        result = await one.run(Cell("x"), deadline=loop.time() + 0.05)
        await one.close()
        await environment.close()
        return result

    assert asyncio.run(main()).interrupted
    assert ends == ["llm_query"]


def test_what_a_call_raises_travels_by_its_kind():
    class PartialError(LMUnavailableError):
        results = ("a", None)

    errors = iter([PartialError("half"), LimitError("usd", "too dear"), SandboxError("no")])
    replies = []

    async def fail(name, args):
        raise next(errors)

    async def script(peer):
        number = await peer.greet()
        for call in (5, 6, 7):
            peer.send(**{**CALL, "id": call})
            replies.append(await peer.receive())
        peer.done(number)

    play(script, on_call=fail)
    assert replies == [
        {"type": "raise", "id": 5, "error": {"type": "LMError", "message": "half", "results": ["a", None]}},
        {"type": "raise", "id": 6, "error": {"type": "LimitError", "message": "too dear"}},
        {"type": "raise", "id": 7, "error": {"type": "ToolError", "message": "no"}},
    ]


def test_a_bug_in_answering_a_call_leaves_run():
    async def broken(name, args):
        raise ZeroDivisionError("ours")

    with pytest.raises(ZeroDivisionError, match="ours"):
        play(sends(CALL), on_call=broken)


def test_a_bug_is_not_hidden_by_a_cell_that_is_done():
    async def broken(name, args):
        try:
            await asyncio.sleep(60)
        finally:
            raise ZeroDivisionError("ours")

    async def script(peer):
        number = await peer.greet()
        peer.send(**CALL)
        await asyncio.sleep(0.01)
        peer.done(number)

    with pytest.raises(ZeroDivisionError, match="ours"):
        play(script, on_call=broken)


def test_an_answer_that_is_not_json_is_a_bug():
    async def broken(name, args):
        return {1, 2}

    with pytest.raises(TypeError, match="not JSON serializable"):
        play(sends(CALL), on_call=broken)


@pytest.mark.slow
def test_a_reply_too_long_for_a_frame_is_an_error_of_the_call():
    replies = []

    async def long(name, args):
        return "x" * (protocol.MAX_FRAME + 1)

    async def script(peer):
        number = await peer.greet()
        peer.send(**CALL)
        replies.append(await peer.receive())
        peer.done(number)

    play(script, on_call=long)
    assert replies[0]["error"]["type"] == "ToolError"


def test_calls_still_open_when_the_cell_is_done_are_cancelled():
    ends = []

    async def never(name, args):
        try:
            await asyncio.sleep(60)
        finally:
            ends.append(name)

    async def script(peer):
        number = await peer.greet()
        peer.send(**CALL)
        await asyncio.sleep(0.01)
        peer.done(number)

    assert play(script, on_call=never)[0].lost is None
    assert ends == ["llm_query"]


@pytest.mark.parametrize("version", [2, 4])
def test_a_worker_of_another_version_is_refused(version):
    async def script(peer):
        await peer.receive()
        peer.send(type="ready", version=version, python="3", enforces=[])

    with pytest.raises(SandboxError, match="did not begin with `ready` of version 3"):
        play(script)


@pytest.mark.parametrize("sent", [b"", b"\0\0\0\1x", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_worker_is_refused(monkeypatch, sent):
    monkeypatch.setattr(session, "_START", 0.05)

    async def script(peer):
        peer.send_raw(sent)

    with pytest.raises(SandboxError, match="the worker did not start"):
        play(script)


def test_a_stream_that_ends_says_how():
    async def script(peer):
        await peer.greet()
        peer.close()

    assert lost_then_fine(script) == "it was played to the end"


def test_random_frames_never_do_worse_than_a_lost_worker(monkeypatch):
    monkeypatch.setattr(exchange, "REST", 0.05)
    monkeypatch.setattr(session, "_OWN_END", 0.005)
    chance = random.Random(11)
    values = [None, True, 0, 1, -1, 2**60, 1.5, "", "x", "llm_query", [], {}, {"prompt": "p"}, [[[]]]]
    values += [{"value": 1, "is_repr": False, "ready": True}]
    values += ["tool", "look", TOOL["args"], {**ARGS, "origins": [[0, 1, ""]]}]
    fields = ["id", "name", "args", "output", "output_size", "error", "answer", "seconds", "version", "type"]

    async def echo(name, args):
        return args

    def frame():
        base = dict(chance.choice([CALL, TOOL, {**DONE, "id": 1}, {"type": "ready"}]))
        for _ in range(chance.randint(0, 2)):
            base[chance.choice(fields)] = chance.choice(values)
        data = bytearray(protocol.encode(base))
        for _ in range(chance.choice([0, 0, 1, 3])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data[: chance.choice([len(data), len(data), chance.randrange(len(data))])])

    for _ in range(150):
        frames = [frame() for _ in range(chance.randint(1, 5))]

        async def script(peer, frames=frames):
            await peer.greet()
            for data in frames:
                peer.send_raw(data)
            await asyncio.sleep(0)
            peer.writer.write_eof()

        (result,) = play(script, on_call=echo)
        assert isinstance(result, CellResult)
        assert result.lost is None or isinstance(result.lost, str)
        json.dumps([result.output, result.error], ensure_ascii=False).encode()


def test_an_answer_is_taken_over():
    async def script(peer):
        peer.done(await peer.greet(), answer={"value": {"a": 1}, "is_repr": False, "ready": False})

    assert play(script)[0].answer == Answer({"a": 1}, is_repr=False, ready=False)
