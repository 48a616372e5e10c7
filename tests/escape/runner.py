"""Runs attempts: in workers of a launcher, through a `Session` as cells are, or in plain Python."""

from __future__ import annotations

import inspect
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from escape import prelude
from escape.host import CANARY, MEMORY_MB, Host
from escape.registry import Attempt
from rlm.context import load
from rlm.sandbox.launchers.base import Environment, Launcher
from rlm.sandbox.session import Session
from rlm.types import JSON, Cell, Limits

LIMITS = Limits(memory_mb=MEMORY_MB, cell_seconds=20)
INPUT = "an input"


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: what it says, and what the host noticed."""

    said: str
    harm: list[str]

    @property
    def escaped(self) -> bool:
        return self.said.startswith("ESCAPED") or bool(self.harm)


def _code(attempt: Attempt, host: Host, phase: int) -> str:
    target = json.dumps(vars(host.target(phase)))
    ending = f"import json\nreport({attempt.name}, Target(**json.loads({target!r})))\n"
    return f"{inspect.getsource(prelude)}\n\n{attempt.source}\n\n{ending}"


def _last_word(output: str, otherwise: str) -> str:
    """The attempt's own line; one that neither escaped nor was held is a mistake in it."""
    lines = [line for line in output.splitlines() if line.startswith(("ESCAPED", "HELD"))]
    return lines[-1] if lines else f"BROKEN: {otherwise or output}"


async def _no_calls(name: str, args: dict[str, JSON]) -> JSON:
    raise AssertionError(f"{name} was not offered")


def _session(environment: Environment) -> Session:
    return Session(environment, functions=[], question="", limits=LIMITS, max_output=10_000, on_call=_no_calls)


async def _in_a_worker(session: Session, code: str) -> str:
    result = await session.run(Cell(code))
    if result.lost is not None:
        return f"HELD: the worker was lost: {result.lost}"
    return _last_word(result.output, result.error or "")


async def run_all(launcher: Launcher, host: Host, attempts: Iterable[Attempt]) -> dict[str, Outcome]:
    """Each attempt in a worker of its own; what is to be found by a second worker, also in the next run's."""
    outcomes: dict[str, Outcome] = {}
    environment, following = await launcher.open(load(INPUT), LIMITS), await launcher.open(load(INPUT), LIMITS)
    try:
        for attempt in attempts:
            said = "HELD: not begun"
            for phase, place in ((1, environment), (2, environment), (2, following))[: 3 if attempt.phases == 2 else 1]:
                if said.startswith("HELD"):
                    session = _session(place)
                    said = await _in_a_worker(session, _code(attempt, host, phase))
                    await session.close()
            outcomes[attempt.name] = Outcome(said, host.harm())
    finally:
        await environment.close()
        await following.close()
    return outcomes


async def run_in_one_worker(launcher: Launcher, host: Host, attempts: Iterable[Attempt]) -> dict[str, Outcome]:
    """One attempt after another in the same worker: three times as fast, for those that leave nothing in it."""
    outcomes: dict[str, Outcome] = {}
    environment = await launcher.open(load(INPUT), LIMITS)
    session = _session(environment)
    try:
        for attempt in attempts:
            outcomes[attempt.name] = Outcome(await _in_a_worker(session, _code(attempt, host, 1)), host.harm())
    finally:
        await session.close()
        await environment.close()
    return outcomes


def run_plainly(attempt: Attempt, host: Host) -> Outcome:
    """In a Python that inherits what a careless launcher would hand on."""
    ours, theirs = socket.socketpair()
    folder = os.open(host.folder, os.O_RDONLY)
    secret = os.open(host.secret, os.O_RDONLY)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _code(attempt, host, 1)],
            env={"OPENAI_API_KEY": CANARY},
            pass_fds=(ours.fileno(), theirs.fileno(), folder, secret),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        ours.close()
        theirs.close()
        os.close(folder)
        os.close(secret)
    return Outcome(_last_word(done.stdout, done.stderr), host.harm())
