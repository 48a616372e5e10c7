"""Pools: what is ready is used once, replaced in the background, and gone when the pool is closed."""

import asyncio
import contextlib
import time

import pytest

from rlm import RLM
from rlm.context import load
from rlm.errors import ConfigError, SandboxError, SandboxUnavailableError
from rlm.lms.scripted import Scripted
from rlm.sandbox import warm
from rlm.sandbox.far import FarLauncher
from rlm.sandbox.launchers.base import Ready
from rlm.sandbox.launchers.bubblewrap import BubblewrapLauncher
from rlm.sandbox.launchers.local import LocalLauncher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.warm import WarmPool
from rlm.types import Limits
from sandbox.support import descendants, open_fds


class Slow:
    """A launcher whose places say who had them."""

    name = "slow"

    def __init__(self, fails=0):
        self.started, self.ended, self.used, self.cold = 0, [], [], 0
        self.dead, self.gone = set(), set()
        self.fails = fails

    def enforces(self):
        return frozenset(("files",))

    def why_not(self):
        return None

    def prepare(self):
        raise AssertionError("a pool prepares by itself")

    async def open(self, context, limits):
        self.cold += 1
        return "cold"

    async def ready(self, limits):
        await asyncio.sleep(0.001)
        if self.fails:
            self.fails -= 1
            raise (SandboxUnavailableError, ConfigError)[self.fails % 2]("none left")
        self.started += 1
        number = self.started

        async def open(context, limits):
            self.used.append(number)
            if number in self.gone:
                raise SandboxError("it has ended")
            return number

        async def close():
            self.ended.append(number)

        return Ready(open, close, lambda: number not in self.dead)


async def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def pooled(launcher, **options):
    pool = WarmPool(launcher, **options)
    pool.prepare()
    try:
        yield pool
    finally:
        await pool.aclose()


def opening(pool, value="x", limits=Limits()):  # noqa: B008
    async def main():
        with contextlib.closing(load(value)) as context:
            return await pool.open(context, limits)

    return main()


def test_each_is_used_once_and_replaced():
    slow = Slow()

    async def main():
        async with pooled(slow, size=3) as pool:
            await until(lambda: slow.started == 3)
            first = await asyncio.gather(*(opening(pool) for _ in range(5)))
            await until(lambda: slow.started == 6)
            return first, [await opening(pool) for _ in range(3)]

    first, second = asyncio.run(main())
    assert first == [1, 2, 3, "cold", "cold"]
    assert second == [4, 5, 6]
    assert len(slow.used) == len(set(slow.used)) == 6
    assert set(slow.used) | set(slow.ended) == set(range(1, slow.started + 1))
    assert not set(slow.used) & set(slow.ended)


def test_runs_that_need_another_start_their_own():
    slow = Slow()

    async def main():
        async with pooled(slow, size=1, limits=Limits(seconds=60)) as pool:
            await until(lambda: slow.started == 1)
            other = [await opening(pool), await opening(pool, limits=Limits(seconds=60, memory_mb=1))]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(warm, "MOST_READY", 3)
                large = await opening(pool, "abcd", Limits(seconds=60))
            return other, large, await opening(pool, limits=Limits(seconds=60, turns=1))

    assert asyncio.run(main()) == (["cold", "cold"], "cold", 1)


def test_what_has_ended_or_is_old_is_replaced_and_not_used():
    slow = Slow()

    async def main():
        async with pooled(slow, size=2, seconds=0.2) as pool:
            await until(lambda: slow.started == 2)
            slow.dead.add(1)
            first = await opening(pool)
            await until(lambda: {1, 2} <= {*slow.ended, *slow.used} and slow.started >= 5)
            return first

    assert asyncio.run(main()) == 2
    assert slow.used == [2]
    assert 1 in slow.ended
    assert set(slow.ended) == set(range(1, slow.started + 1)) - {2}


def test_where_none_can_be_started_a_run_is_told_by_its_own(monkeypatch):
    monkeypatch.setattr(warm, "_RETRY", 0.01)
    slow = Slow(fails=2)

    async def main():
        async with pooled(slow, size=1) as pool:
            first = await opening(pool)
            await until(lambda: slow.started == 1)
            return first, await opening(pool)

    assert asyncio.run(main()) == ("cold", 1)


def test_a_place_that_had_ended_unseen_costs_a_run_no_more_than_a_start():
    slow = Slow()
    slow.gone = {1}

    async def main():
        async with pooled(slow, size=1) as pool:
            await until(lambda: slow.started == 1)
            first = await opening(pool)
            await until(lambda: slow.started == 2)
            return first, await opening(pool)

    assert asyncio.run(main()) == ("cold", 2)
    assert slow.used == [1, 2]


def test_a_pool_that_is_closed_starts_nothing():
    slow = Slow()

    async def main():
        async with pooled(slow, size=1) as pool:
            pass
        pool.prepare()
        opened = await opening(pool)
        await asyncio.sleep(0.02)
        return opened

    assert asyncio.run(main()) == "cold"
    assert slow.started == len(slow.ended)


def test_it_is_the_launcher_that_it_pools():
    pool = WarmPool(Sandbox("bubblewrap", disk_mb=9), size=1)
    assert (pool.name, pool.enforces(), pool.why_not()) == (
        "bubblewrap",
        BubblewrapLauncher().enforces(),
        BubblewrapLauncher().why_not(),
    )


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match="the sandbox 'local' has nothing to keep warm: use it without a pool"):
        WarmPool(LocalLauncher())
    with pytest.raises(ConfigError, match="a pool has a size of 1 or more and seconds above 0, not 0 and 240"):
        WarmPool(Slow(), size=0)


def test_a_vendors_machine_is_made_before_its_run(monkeypatch):
    class Machine:
        packages = "/folder/packages"

        def __init__(self):
            self.removed = 0

        async def set_up(self, context, limits):
            assert context.blob.size == 0

        async def remove(self):
            self.removed += 1

    machine = Machine()

    class Vendor(FarLauncher):
        name = "vendor"
        module = "json"
        keeps = frozenset()

        def _machine(self):
            return machine

    async def opened(given, context, limits, sandbox, packages):
        assert packages == given.packages
        return given, context.blob.read()

    monkeypatch.setattr("rlm.sandbox.far.MachineRun.open", opened)

    async def main():
        async with pooled(Vendor(), size=1) as pool:
            await until(lambda: pool._places)
            run = await opening(pool, "abc")
            await until(lambda: pool._places)
            return run

    assert asyncio.run(main()) == (machine, b"abc")
    assert machine.removed == 1


def test_runs_with_real_sandboxes_share_none_and_leave_none():
    def answer():
        code = "import os\nleft = os.listdir('/tmp')\nopen('/tmp/mine', 'w').close()\nFINAL([left, len(context)])"
        return Scripted([f"```repl\n{code}\n```"])

    RLM(model=answer(), sandbox="bubblewrap", route="never").completion("q", context="warms the process up")
    before = descendants(), open_fds()
    with WarmPool("bubblewrap", size=2) as pool:
        answers = [
            RLM(model=answer(), sandbox=pool, route="never").completion("q", context="x" * size).answer
            for size in (10, 20, 30, 40)
        ]
        assert len(descendants()) > len(before[0])
    assert answers == [[[], 10], [[], 20], [[], 30], [[], 40]]
    assert (descendants(), open_fds()) == before


def test_what_its_launcher_prepares_is_waited_for():
    class Prepares(Slow):
        waited = 0

        async def prepared(self):
            self.waited += 1

    launcher = Prepares()
    asyncio.run(WarmPool(launcher).prepared())
    asyncio.run(WarmPool(Slow()).prepared())
    assert launcher.waited == 1
