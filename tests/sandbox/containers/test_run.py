"""A run's containers, without an engine."""

import asyncio
from types import SimpleNamespace

from rlm.sandbox.containers.run import ContainerRun
from rlm.sandbox.options import Sandbox


class Container:
    """One that has ended, or runs."""

    def __init__(self, is_running):
        self.is_running = is_running

    async def runs(self):
        await asyncio.sleep(0)
        return self.is_running

    async def gone(self):
        await asyncio.sleep(0)


def test_a_holder_that_ended_is_replaced_once_by_workers_that_start_together(tmp_path, monkeypatch):
    started = []

    async def start(argv):
        started.append(argv)
        await asyncio.sleep(0)
        return Container(is_running=True)

    async def filled():
        pass

    async def main():
        share = SimpleNamespace(mounts=[], filled=filled)
        run = ContainerRun(None, None, share, Sandbox("docker", output=tmp_path / "out"))
        monkeypatch.setattr(run, "_started", start)
        run._holder = Container(is_running=False)
        await asyncio.gather(*(run.start() for _ in range(3)))

    asyncio.run(main())
    holders = [argv for argv in started if argv[0] == "-c"]
    assert (len(holders), len(started)) == (1, 4)
