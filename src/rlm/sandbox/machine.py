"""`Machine`: a far place with a Python, and `MachineRun`: what is the same on all of them.

One machine a run, a process a worker on it. A launcher makes the machine and hands it to `MachineRun.open`; the machine
says how bytes get there, how a program starts and how all of it ends, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rlm.context import Context
from rlm.errors import SandboxError, WorkerDiedError
from rlm.sandbox import shipped, unpacked
from rlm.sandbox.launchers.base import ChildContext, Worker
from rlm.sandbox.options import Sandbox
from rlm.types import JSON, Limits

_START = 60.0  # seconds for a program to be started
_END = 5.0  # seconds for killed workers to be gone, before their machine goes anyway
_FETCH = 60.0  # seconds for `output` to come back
_REMOVE = 30.0  # seconds for the machine to be removed
_TAR = 1.1, 2**21  # what a tar of `output` may be larger than its files: a share, and bytes


class Machine(Protocol):
    """A machine that is a run's own, and that is up. Every method raises SandboxError where the place fails.

    Attributes:
        folder: The absolute path of its own, empty folder, as programs there see it.
        python: The Python that programs there start as, 3.8 or newer: `python3`, or a path.
    """

    folder: str
    python: str

    async def upload(self, files: Mapping[str, bytes | Path]) -> None:
        """Writes files below `folder`, by their relative paths, and makes the folders that these name.

        A value that is a `Path` is a file of ours, which may be large and is gone after the call.
        """

    async def start(self, argv: Sequence[str]) -> Worker:
        """Starts a program and hands back its stream: standard input and output, unchanged bytes, no terminal.

        Its variables and working folder don't matter. When the stream ends from our side, by `kill`, an abort or our
        death, its standard input must end too. `Worker.wait` tells an exit status above 128 as a signal's
        (`exits.in_words(128 - status)`).
        """

    async def download(self, folder: str) -> bytes:
        """A tar, plain or gzip, of a folder below `folder`; empty bytes where there is none. Bound what you read."""

    async def remove(self) -> None:
        """Removes it and all that runs on it; more than once is fine. Raises nothing where it is gone already."""


class MachineRun:
    """One run's input on a machine: an `Environment`. Made by `open`; `close` removes the machine."""

    def __init__(self, machine: Machine, sandbox: Sandbox, source: str) -> None:
        self.names: Mapping[str, JSON] = shipped.names_inside(sandbox, machine.folder)
        self.env: Mapping[str, str] = sandbox.env
        self._machine = machine
        self._sandbox = sandbox
        self._source = source
        self._workers: list[Worker] = []

    @classmethod
    async def open(
        cls,
        machine: Machine,
        context: Context,
        limits: Limits,
        sandbox: Sandbox,
        packages: str | None = None,
        cpus: int | None = None,
    ) -> MachineRun:
        """Uploads the worker's code, the input (gzip) and `sandbox.files`, once. Removes the machine where that fails.

        Args:
            machine: Where to run.
            context: The input.
            limits: `memory_mb` is what a worker gets.
            sandbox: What the user asks for.
            packages: A folder there that workers import from as well.
            cpus: How many each worker keeps itself to.

        Raises:
            SandboxError: The machine fails.
        """
        try:
            return cls(machine, sandbox, await _upload(machine, context, limits, sandbox, packages, cpus))
        except BaseException:
            await _removed(machine)
            raise

    async def start(self, pieces: ChildContext | None = None) -> Worker:
        """Starts a worker on the input or a piece of it; see `start.py` for its arguments."""
        folder = self._machine.folder
        argv = [self._machine.python, f"{folder}/worker.zip", f"{folder}/{self._source}", f"{folder}/options.json"]
        try:
            async with asyncio.timeout(_START):
                worker = await self._machine.start([*argv, json.dumps(pieces)])
        except TimeoutError:
            raise WorkerDiedError(f"no worker could be started within {_START:g} s") from None
        self._workers.append(worker)
        return worker

    async def close(self) -> None:
        """Ends the workers, brings `output` back, removes the machine.

        Raises:
            SandboxError: `output` can't be brought back, or the machine can't be removed.
        """
        try:
            for worker in self._workers:
                worker.kill()
            if self._workers:
                await asyncio.wait([asyncio.ensure_future(one.wait()) for one in self._workers], timeout=_END)
            if self._sandbox.output is not None:
                await self._bring_output(self._sandbox.output)
        finally:
            self._workers.clear()
            await _removed(self._machine)

    async def _bring_output(self, output: Path) -> None:
        most = self._sandbox.disk_mb << 20
        try:
            async with asyncio.timeout(_FETCH):
                archive = await self._machine.download("output")
        except TimeoutError:
            raise SandboxError(f"output did not come back within {_FETCH:g} s") from None
        if len(archive) > most * _TAR[0] + _TAR[1]:
            raise SandboxError(f"output holds more than {self._sandbox.disk_mb:,} MiB")
        if archive:
            await asyncio.to_thread(unpacked.unpack_output, archive, output, most)


async def _upload(
    machine: Machine, context: Context, limits: Limits, sandbox: Sandbox, packages: str | None, cpus: int | None
) -> str:
    """Uploads all that workers need; the name of the input there."""
    folder = machine.folder
    files: dict[str, bytes | Path] = {"worker.zip": await asyncio.to_thread(shipped.worker_zip)}
    listed = await asyncio.to_thread(shipped.listed_files, sandbox.files)
    files.update({f"files/{name}": path for name, path in listed.items()})
    if sandbox.output is not None:
        files[f"output/{unpacked.KEEP}"] = b""
    files["options.json"] = shipped.start_options(
        context,
        memory_bytes=limits.memory_mb << 20,
        confine=True,
        read=(f"{folder}/worker.zip", f"{folder}/files", *([packages] if packages else [])),
        write=(f"{folder}/output",) if sandbox.output is not None else (),
        file_bytes=sandbox.disk_mb << 20,
        packages=packages,
        cpus=cpus,
    )
    packed = shipped.packed_input(context.blob)
    name, source = await asyncio.to_thread(packed.__enter__)
    try:
        await machine.upload({**files, name: source})
    finally:
        packed.__exit__(None, None, None)
    return name


async def _removed(machine: Machine) -> None:
    """Removes the machine, even where whoever waits for that is cancelled.

    Raises:
        SandboxError: It can't be removed.
    """
    removing = asyncio.ensure_future(asyncio.wait_for(machine.remove(), _REMOVE))
    try:
        await asyncio.shield(removing)
    except TimeoutError:
        raise SandboxError(f"the machine was not removed within {_REMOVE:g} s; its deadline will end it") from None
    except asyncio.CancelledError:
        await asyncio.wait([removing])
        raise
