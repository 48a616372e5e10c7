"""Runs attempts: in workers of a launcher, through a `Session` as cells are, or in plain Python."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from rlm.context import load
from rlm.sandbox.launchers.base import ChildContext, Environment, Launcher
from rlm.sandbox.session import Session
from rlm.sandbox.trials import prelude
from rlm.sandbox.trials.host import CANARY, MEMORY_MB, Host
from rlm.sandbox.trials.registry import Attempt
from rlm.types import JSON, Cell, CellResult, Limits

LIMITS = Limits(memory_mb=MEMORY_MB, cell_seconds=20)
INPUT = "an input"
MAX_OUTPUT = 10_000
_HANGS = 60.0  # seconds beyond a cell's own, after which the host counts as stopped
_GROWTH = 300 * 2**20  # bytes that nothing a worker does may cost the host
_AT_ONCE = 6  # attempts that take their whole time
_ANSWERS = 3  # cells after which a session has to be itself again

Verdict = Literal["held", "contained", "out", "broken"]


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        said: Its own line.
        harm: What the host noticed.
        conclusive: Whether what it says is proof without a witness.
    """

    said: str
    harm: list[str]
    conclusive: bool = True

    @property
    def verdict(self) -> Verdict:
        """`held`: it was refused; `contained`: it reached something of the sandbox's own; `out`: it got out."""
        if self.harm or CANARY in self.said:
            return "out"
        if self.said.startswith("ESCAPED"):
            return "out" if self.conclusive else "contained"
        return "held" if self.said.startswith("HELD") else "broken"


OnOutcome = Callable[[Attempt, Outcome], None]


def _code(attempt: Attempt, host: Host, phase: int) -> str:
    target = json.dumps(vars(host.target(attempt.name, phase)))
    ending = f"import json\nreport({attempt.name}, Target(**json.loads({target!r})))\n"
    return f"{inspect.getsource(prelude)}\n\n{attempt.source}\n\n{ending}"


def _last_word(output: str, otherwise: str) -> str:
    """The attempt's own line; one that neither escaped nor was held is a mistake in it."""
    lines = [line for line in output.splitlines() if line.startswith(("ESCAPED", "HELD"))]
    return lines[-1] if lines else f"BROKEN: {otherwise or output}"


def _said(result: CellResult) -> str:
    if result.lost is not None:
        return f"HELD: the worker was lost: {result.lost}"
    if result.interrupted:
        return "HELD: it was interrupted"
    return _last_word(result.output, result.error or "")


class Attack:
    """Runs attempts in workers of one launcher.

    Args:
        launcher: Whose workers.
        host: What is planted.
        in_one_worker: Run one attempt after another in the same worker, as long as that is as it was: many times as
            fast where a worker is a container.
    """

    def __init__(self, launcher: Launcher, host: Host, *, in_one_worker: bool = False) -> None:
        self._launcher = launcher
        self._host = host
        self._in_one_worker = in_one_worker
        self._session: Session | None = None
        self._here: Environment | None = None
        self._unoffered: list[str] = []

    async def run(self, attempts: Iterable[Attempt], on_outcome: OnOutcome | None = None) -> dict[str, Outcome]:
        """How each ended, by its name.

        Raises:
            SandboxError: No worker can be started.
        """
        outcomes: dict[str, Outcome] = {}

        def ended(attempt: Attempt, outcome: Outcome) -> None:
            outcomes[attempt.name] = outcome
            if on_outcome is not None:
                on_outcome(attempt, outcome)

        chosen = list(attempts)
        slow = [attempt for attempt in chosen if attempt.seconds != LIMITS.cell_seconds]
        lasting = [attempt for attempt in chosen if attempt.phases == 2]
        self._here = here = await self._launcher.open(load(INPUT), LIMITS)
        try:
            for attempt in chosen:
                if attempt not in slow and attempt not in lasting:
                    ended(attempt, await self._outcome(attempt, here))
            await self._close()
            for at in range(0, len(slow), _AT_ONCE):
                together = slow[at : at + _AT_ONCE]
                for attempt, outcome in zip(together, await self._together(together, here), strict=True):
                    ended(attempt, outcome)
            for attempt, outcome in zip(lasting, await self._lasting(lasting, here), strict=True):
                ended(attempt, outcome)
        finally:
            await self._close()
            await here.close()
        return outcomes

    async def _outcome(self, attempt: Attempt, here: Environment) -> Outcome:
        memory = _peak()
        if self._session is None:
            self._session = self._new_session(here, attempt.seconds)
        said = await self._act(attempt, self._session, 1)
        outcome = Outcome(said, self._harm(memory), attempt.conclusive)
        is_as_it_was = outcome.verdict == "held" or (outcome.verdict == "contained" and not attempt.alters)
        if not self._in_one_worker or not is_as_it_was:
            await self._close()
        return outcome

    async def _lasting(self, attempts: list[Attempt], here: Environment) -> list[Outcome]:
        """Those that leave something, each in a worker of its own. This run's next worker looks for all of it, and then
        the next run's does; what the host notices then is blamed on all of them.
        """
        memory, said = _peak(), {}
        for attempt in attempts:
            await self._close()
            self._session = self._new_session(here, attempt.seconds)
            said[attempt.name] = await self._act(attempt, self._session, 1)
        following = await self._launcher.open(load(INPUT), LIMITS)
        try:
            for place in (here, following):
                await self._close()
                self._session = self._new_session(place, LIMITS.cell_seconds)
                for attempt in attempts:
                    if said[attempt.name].startswith("HELD"):
                        said[attempt.name] = await self._act(attempt, self._session, 2)
        finally:
            await self._close()
            await following.close()
        harm = self._harm(memory)
        return [Outcome(said[attempt.name], harm, attempt.conclusive) for attempt in attempts]

    async def _together(self, attempts: list[Attempt], here: Environment) -> list[Outcome]:
        """Those that take their whole time, side by side; what the host notices then is blamed on all of them."""
        memory = _peak()
        sessions = [self._new_session(here, attempt.seconds) for attempt in attempts]
        try:
            for session in sessions:  # starting takes CPU time that no cell is given
                await session.start()
            pairs = zip(attempts, sessions, strict=True)
            said = await asyncio.gather(*[self._act(attempt, session, 1) for attempt, session in pairs])
        finally:
            for session in sessions:
                await session.close()
        harm = self._harm(memory)
        return [Outcome(one, harm, attempt.conclusive) for one, attempt in zip(said, attempts, strict=True)]

    def _harm(self, memory: int) -> list[str]:
        """What the host noticed since it was last asked, and what it had grown by since it had that much memory."""
        harm = self._host.harm() + [f"{name} reached the host" for name in self._unoffered]
        self._unoffered.clear()
        if (grown := _peak() - memory) > _GROWTH:
            harm.append(f"the host grew by {grown >> 20} MiB")
        return harm

    async def _act(self, attempt: Attempt, session: Session, phase: int) -> str:
        try:
            async with asyncio.timeout(attempt.seconds + _HANGS):
                said = _said(await session.run(Cell(_code(attempt, self._host, phase))))
                if attempt.family in ("protocol", "resources") and not await _is_itself(session):
                    said = "ESCAPED: the session does not recover"
        except TimeoutError:
            said = "ESCAPED: the host hangs"
        return said

    def _new_session(self, environment: Environment, seconds: float, pieces: ChildContext | None = None) -> Session:
        return Session(
            environment,
            functions=["llm_query", "rlm_query"],
            question="",
            limits=replace(LIMITS, cell_seconds=seconds),
            max_output=MAX_OUTPUT,
            on_call=self._on_call,
            pieces=pieces,
            names=environment.names,
            env=environment.env,
        )

    async def _on_call(self, name: str, args: dict[str, JSON]) -> JSON:
        given = args.get("context")
        if name == "rlm_query" and isinstance(given, dict) and isinstance(given.get("piece"), list):
            return await self._child(ChildContext(*cast("list[Any]", given["piece"])))
        if name != "llm_query":
            self._unoffered.append(name)
        return "a reply"

    async def _child(self, pieces: ChildContext) -> str:
        """What a child on that piece of the input has."""
        assert self._here is not None
        session = self._new_session(self._here, LIMITS.cell_seconds, pieces)
        try:
            return (await session.run(Cell("print(context, end='')"))).output
        finally:
            await session.close()

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def _is_itself(session: Session) -> bool:
    """Whether it soon runs cells as it should again, in this worker or another one."""
    for _ in range(_ANSWERS):
        result = await session.run(Cell("40 + 2"))
        if (result.output, result.error, result.lost) == ("42\n", None, None):
            return True
    return False


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


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
