"""Containers that are kept ready: started without an input, given one when they are taken, used once."""

import asyncio
import contextlib

import pytest

from rlm.context import load
from rlm.sandbox import reaper
from rlm.sandbox.containers.engine import connect
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.session import Session
from rlm.sandbox.warm import WarmPool
from rlm.types import Cell
from sandbox.containers.proxy import Proxy
from sandbox.engine import engine, podman  # noqa: F401
from sandbox.launchers.test_docker import LIMITS, _nothing_left, plain, sandbox  # noqa: F401
from sandbox.support import FUNCTIONS, echo
from sandbox.test_warm import until


async def ran(environment, *codes, pieces=None):
    session = Session(
        environment,
        functions=FUNCTIONS,
        question="why?",
        limits=LIMITS,
        max_output=2000,
        on_call=echo,
        pieces=pieces,
        names=environment.names,
    )
    try:
        done = [await session.run(Cell(code)) for code in codes]
        assert [(one.error, one.lost) for one in done] == [(None, None)] * len(codes)
        return [one.output for one in done]
    finally:
        await session.close()


async def given(place, value, limits=LIMITS):
    with contextlib.closing(load(value)) as context:
        return await place.open(context, limits)


@pytest.mark.slow
def test_a_place_gets_its_input_when_it_is_taken(sandbox, tmp_path):  # noqa: F811
    (tmp_path / "table").write_text("of the user's")
    launcher = find_launcher(sandbox(files={"table": tmp_path / "table"}, output=tmp_path / "out"))

    async def main():
        place = await launcher.ready(LIMITS)
        assert place.usable()
        environment = await given(place, {"a": ["größer", 1]})
        assert not (tmp_path / "out").exists()
        codes = ["context['a'], open(files['table']).read()", "open(output_folder + '/x', 'w').write('x')"]
        first = await ran(environment, *codes)
        second = await ran(environment, "context['a'][0]")  # in a container of its own
        assert not place.usable()
        await environment.close()
        return first, second

    assert asyncio.run(main()) == ([f"{(['größer', 1], 'of the user' + chr(39) + 's')}\n", "1\n"], ["'größer'\n"])
    assert (tmp_path / "out" / "x").read_text() == "x"


@pytest.mark.slow
def test_a_pool_hands_each_container_out_once(plain, engine):  # noqa: F811
    async def main():
        pool = WarmPool(plain(), size=1, limits=LIMITS)
        pool.prepare()
        seen = []
        for number in range(3):
            await until(lambda: pool._places)
            environment = await given(pool, f"text {number}")
            # What one run leaves in its container, no other run finds.
            code = "import os\nfound = os.listdir('/tmp')\nopen('/tmp/mine', 'w').close()\n(found, context)"
            seen += await ran(environment, code)
            await environment.close()
        await until(lambda: pool._places)
        api, own = connect(engine).api, pool._places[0][1]
        own_label = f"{reaper.HOST}={reaper.host_id()}"  # other tests use the same engine
        (waiting,) = [one for one in api.containers(filters={"label": own_label}) if one["State"] == "running"]
        await asyncio.to_thread(api.remove_container, waiting["Id"], force=True)
        await until(lambda: not own.usable())
        environment = await given(pool, "cold or not")  # not the one that has ended
        seen += await ran(environment, "context")
        await environment.close()
        await pool.aclose()
        return seen

    assert asyncio.run(main()) == [f"([], 'text {number}')\n" for number in range(3)] + ["'cold or not'\n"]


@pytest.mark.slow
def test_a_far_engine_gets_the_input_of_a_place_that_was_ready(engine, tmp_path, plain):  # noqa: F811
    (tmp_path / "table").write_text("of the user's")
    text = "a line of it\n" * 50_000
    with Proxy(engine) as proxy:
        launcher = find_launcher(plain(files={"table": tmp_path / "table"}, options={"engine": proxy.url}))

        async def main():
            place = await launcher.ready(LIMITS)
            environment = await given(place, text)
            first = await ran(environment, "len(context), open(files['table']).read(), context[:6]")
            child = await ran(environment, "context", pieces=ChildContext(2, 6, ""))
            await environment.close()
            return first, child

        assert asyncio.run(main()) == ([f"({len(text)}, \"of the user's\", 'a line')\n"], ["'line'\n"])
        connect(proxy.url).api.close()


def test_a_place_that_is_not_needed_leaves_nothing(plain, tmp_path):  # noqa: F811
    launcher = find_launcher(plain(output=tmp_path / "out"))

    async def main():
        place = await launcher.ready(LIMITS)
        await place.close()
        return place.usable()

    assert asyncio.run(main()) is False
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_ready_container_has_room_for_the_largest_input_that_it_is_given(plain):  # noqa: F811
    launcher = find_launcher(plain())
    text = "\N{GRINNING FACE}" + "x" * (63 * 2**20)  # four bytes a character in memory

    async def main():
        place = await launcher.ready(LIMITS)
        environment = await given(place, text)
        try:
            return await ran(environment, "held = bytearray(b'1') * (64 << 20)\nlen(context), len(held)")
        finally:
            await environment.close()

    assert asyncio.run(main()) == [f"({len(text)}, {64 << 20})\n"]
