"""Our end of one worker: sends cells, serves the calls they make, keeps their clock, and replaces a lost worker.

Whatever a worker sends can be forged by the code in it. So nothing here waits without a deadline or grows without a
bound, and a worker that breaks the protocol is killed and replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping, Sequence

from rlm.context import Context
from rlm.errors import ContextError, SandboxError
from rlm.sandbox import exchange, protocol
from rlm.sandbox.cell_run import CellRun, OnCall
from rlm.sandbox.clock import Alarm, CellClock
from rlm.sandbox.launchers.base import ChildContext, Environment, Worker
from rlm.types import JSON, Cell, CellResult, Limits

_START = 60.0  # seconds for a worker to say that it is ready, or that it has loaded a context
_KEPT = 10.0  # seconds for one that has been waiting to take a question
_OWN_END = 0.2  # seconds for a worker whose stream has ended to be gone by itself
_IDLE = 5.0  # seconds of CPU time that a worker may use between two cells, if a cell itself may not use more
_END = 5.0  # seconds for a killed process to be gone
_LINE = 200  # characters of what a worker says of a context that it can't load


class Session:
    """Runs cells, one at a time, in a worker that keeps their names.

    Args:
        environment: Where workers are started.
        functions: The calls that cells may make.
        question: What `question` holds.
        limits: `cell_seconds` is used here, the rest by the environment.
        max_output: Characters of a cell's output that are sent.
        on_call: Answers a call; an `RlmError` that it raises reaches the cell, anything else leaves `run`.
        pieces: The part of the input that is all of the worker's; None for the whole.
        seed: Seeds `random` in the worker.
        window: Tokens that the model which cells call takes: what `chunks` fits its pieces to; None if unknown.
        tools: The user's tools that cells may call, each a `name`, a `signature` and a `doc`.
        names: More names that every cell finds, and their values.
        env: Variables of the worker's environment.
        added: Contexts beside the input, by the name that cells find each by.
        after: The session of the question before this one, in the same environment: its worker is taken over, with
            what its cells have made.
        goes_on: Whether the worker is wanted after a cell that is cancelled: it is interrupted then, and not ended.

    Attributes:
        enforces: What the worker said, before it ran a cell, that it has confined.
        variables: What the cells of earlier questions have made, in words, once it is started; None where there were
            none, or where their worker is lost.
        refused: The added context that can't be loaded there; None if all can.
        unstartable: Whether no worker could be started, the last time that one was needed.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        functions: Collection[str],
        question: str,
        limits: Limits,
        max_output: int,
        on_call: OnCall,
        pieces: ChildContext | None = None,
        seed: int = 0,
        window: int | None = None,
        tools: Sequence[Mapping[str, str]] = (),
        names: Mapping[str, JSON] | None = None,
        env: Mapping[str, str] | None = None,
        added: Mapping[str, Context] | None = None,
        after: Session | None = None,
        goes_on: bool = False,
    ) -> None:
        self._environment = environment
        self._hello: protocol.Message = {
            "type": "hello",
            "version": protocol.VERSION,
            "seed": seed,
            "functions": sorted(functions),
            "question": question,
            "max_output": max_output,
            "window": window,
            "tools": [dict(tool) for tool in tools],
            "names": dict(names or {}),
            "env": dict(env or {}),
        }
        self._offered: set[str | tuple[str, str]] = {*functions, *((protocol.TOOL, tool["name"]) for tool in tools)}
        self._limits = limits
        self._on_call = on_call
        self._pieces = pieces
        self._worker: Worker | None = None
        self._frames: exchange.Frames  # of the worker
        self._alarm = Alarm()
        self._cells = 0
        self._cpu: float | None = None  # CPU seconds of the worker when its last cell ended
        self._added = dict(added or {})
        self._has: set[str] = set()  # of the added contexts, what the worker has
        self._goes_on = goes_on
        self.enforces: frozenset[str] = frozenset()
        self.variables: tuple[str, ...] | None = None
        if after is not None:
            self._cells, self.enforces = after._cells, after.enforces
            self._worker, self._cpu, self._has = after._worker, after._cpu, after._has
            if after._worker is not None:
                self._frames = after._frames
            after._worker = None
        self._fresh: bool = after is not None and after._fresh  # whether no cell has run in the worker
        self._greeted = False  # whether the worker knows the question
        self.refused: str | None = None
        self.unstartable = False

    async def start(self) -> None:
        """Starts the worker, which the first `run` does otherwise; or takes up the one that it has taken over.

        Raises:
            SandboxError: It did not start, or is not a worker of ours.
            ContextError: An added context can't be loaded there.
        """
        if self._worker is not None and (self._greeted or await self._take_up(self._worker)):
            return
        self.unstartable = True
        worker = self._worker = await self._environment.start(self._pieces)
        self._frames = exchange.Frames(worker.reader)
        self._cpu, self._has, self._greeted = None, set(), True
        try:
            worker.writer.write(protocol.encode(self._hello))
            ready = await self._frames.heard("ready", _START)
            if ready["version"] != protocol.VERSION:
                raise protocol.FrameError(f"it did not begin with `ready` of version {protocol.VERSION}")
            self.enforces = frozenset(one for one in ready["enforces"] if isinstance(one, str))
            if self._added:
                await self._say_again(worker)
            self.unstartable = False
        except exchange.LOST as error:
            how = await self._drop(error)
            raise SandboxError(f"the worker did not start: {exchange.why(error, how)}") from None
        except BaseException:
            await self._drop()
            raise

    async def renew(self) -> None:
        """Starts a fresh worker for the next question where this one's has ended.

        Raises:
            SandboxError, ContextError: As `start`.
        """
        if not self.is_gone:
            return
        await self.close()
        await self.start()
        self._fresh = True

    @property
    def is_gone(self) -> bool:
        """Whether the worker has ended or must be, and so all that cells have made is gone."""
        return self._worker is None or self._worker.reader.at_eof() or self._lied() is not None

    async def _take_up(self, worker: Worker) -> bool:
        """Whether the worker of the question before goes on with this one; it is ended where it can't.

        Raises:
            ContextError: An added context can't be loaded there.
        """
        self._greeted = True
        if self._lied() is not None:
            await self._drop()
            return False
        try:
            made = await self._say_again(worker)
            self.variables, self._fresh = None if self._fresh else made, False
        except exchange.LOST as error:
            await self._drop(error)
        except asyncio.CancelledError:  # a `ContextError` leaves the worker as it was
            await self._drop()
            raise
        return self._worker is not None

    async def _say_again(self, worker: Worker) -> tuple[str, ...]:
        """Brings the contexts that a worker does not have yet, and the question; the variables that it has.

        Raises:
            OSError, EOFError, protocol.FrameError: The worker is lost.
            ContextError: One can't be loaded there.
        """
        for name in [name for name in self._added if name not in self._has]:  # in their order, which cells see
            for frame in exchange.pieces(name, self._added[name]):
                worker.writer.write(frame)
                async with asyncio.timeout(exchange.REST):
                    await worker.writer.drain()
            if (why := (await self._frames.heard("added", _START))["error"]) is not None:
                self.refused = name
                raise ContextError(f"{name} can't be loaded in the sandbox: {why[:_LINE]}; it may need more memory_mb")
            self._has.add(name)
        worker.writer.write(protocol.encode(self._hello))
        return exchange.variables(await self._frames.heard("kept", _KEPT))

    async def run(self, cell: Cell, *, deadline: float | None = None) -> CellResult:
        """Runs one cell. What its code does is a result: an error, an interrupt, a worker that died of it.

        Args:
            cell: The code.
            deadline: When to interrupt it whatever it waits for, in `time.monotonic()` seconds.

        Raises:
            SandboxError: No worker could be started.
        """
        await self.start()
        worker = self._worker
        assert worker is not None
        self._cells += 1
        if (lied := self._lied()) is not None:
            await self._drop()
            return CellResult("", 0, lost=lied)
        began = time.monotonic()
        clock = CellClock(self._limits.cell_seconds, worker.cpu_seconds, deadline)
        run = CellRun(worker, self._frames, self._cells, self._offered, self._on_call, clock, self._alarm)
        try:
            done = await run.done(cell.code)
            exchange.check_size(done, self._hello["max_output"])
        except (OSError, EOFError, protocol.FrameError) as error:
            how = await self._drop(error)
            if run.bug is not None:
                raise run.bug from None
            lost = run.killed or exchange.why(error, how)
            return exchange.lost(lost, worker.printed(), run.interrupted, time.monotonic() - began)
        except BaseException as error:
            run.cancel()  # first: what its calls are asking for is paid by the second
            if not (self._goes_on and isinstance(error, asyncio.CancelledError) and await run.has_stopped()):
                await self._drop()
            raise
        finally:
            await run.end()
        if run.bug is not None:
            await self._drop()
            raise run.bug
        self._cpu = worker.cpu_seconds()
        return exchange.result(done, run.interrupted, time.monotonic() - began)

    def _lied(self) -> str | None:
        """What the worker did since it said that it was done, if that was no rest: nobody kept its time then."""
        if self._worker is None or self._cpu is None:
            return None
        used = (self._worker.cpu_seconds() or 0.0) - self._cpu
        most = max(_IDLE, self._limits.cell_seconds)
        return f"it used more than {most:g} s of CPU time while no cell ran" if used > most else None

    async def check_rest(self) -> None:
        """Ends a worker that does not rest between two questions; what it made is lost."""
        if self._lied() is not None:
            await self._drop()

    async def lose(self) -> None:
        """Counts a cell that is not run and takes the worker with it: so it went the last time."""
        self._cells += 1
        await self.close()

    async def close(self) -> None:
        """Ends the worker and waits until it is gone."""
        if self._worker is not None:
            await self._drop()

    async def _drop(self, error: BaseException | None = None) -> str:
        """Kills the worker, which failed with `error`; how it ended, in words."""
        worker, self._worker = self._worker, None
        assert worker is not None
        if isinstance(error, (EOFError, ConnectionError)):  # it is ending by itself, and how is worth knowing
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(worker.wait(), _OWN_END)
        worker.kill()
        try:
            return await asyncio.wait_for(worker.wait(), _END)
        except TimeoutError:
            return "it can't be ended"
