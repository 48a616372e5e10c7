"""What a case of the contract is, the place that it runs in, and how what happened is compared with what must."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from rlm.context import load
from rlm.errors import RlmError
from rlm.sandbox.launchers.base import ChildContext, Environment, Launcher
from rlm.sandbox.session import OnCall, Session
from rlm.types import JSON, Cell, CellResult, Limits

INPUT = "one two\nthree\n"
FUNCTIONS = ("llm_query", "llm_query_batched", "llm_map", "rlm_query", "rlm_query_batched")
LIMITS = Limits(memory_mb=512, cell_seconds=60)
MAX_OUTPUT = 2000
CASE_SECONDS = 120.0


class BrokenContractError(AssertionError):
    """A launcher did not do what the contract says; the message has what was and what should have been."""


@dataclass(frozen=True)
class Case:
    """One thing that works under every launcher.

    Attributes:
        name: The function's name.
        group: The module's name.
        shows: What it shows, in a line.
        run: Runs it in a place; raises BrokenContractError where it does not hold.
    """

    name: str
    group: str
    shows: str
    run: Callable[[Place], Awaitable[None]]


@dataclass(frozen=True)
class Result:
    """How a case ended: `fault` is empty where it holds."""

    fault: str
    seconds: float


_CASES: list[Case] = []


def case(run: Callable[[Place], Awaitable[None]]) -> Callable[[Place], Awaitable[None]]:
    """Adds a function to the contract."""
    shows = (run.__doc__ or "").strip().splitlines()[0].rstrip(".")
    _CASES.append(Case(run.__name__, run.__module__.rpartition(".")[2], shows, run))
    return run


def cases() -> tuple[Case, ...]:
    """All of them, in the order in which they are read and run."""
    from rlm.sandbox.trials.contract import calls, cells, ends, inputs, stops  # noqa: F401 (they add themselves)

    return tuple(_CASES)


async def echo(name: str, args: dict[str, JSON]) -> JSON:
    """Answers a call with its own prompt."""
    if name == "llm_query_batched":
        prompts = args["prompts"]
        return [f"re: {prompt}" for prompt in prompts] if isinstance(prompts, list) else []
    return f"re: {args.get('prompt')}"


class Place:
    """A launcher under trial. Its sessions on the usual input share one environment, as the nodes of a run do."""

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher
        self._environment: Environment | None = None

    async def open(self, value: object = INPUT, limits: Limits = LIMITS) -> Environment:
        """An environment of its own, which the caller closes."""
        with contextlib.closing(await asyncio.to_thread(load, value)) as context:
            return await self.launcher.open(context, limits)

    @contextlib.asynccontextmanager
    async def session(
        self,
        environment: Environment | None = None,
        *,
        on_call: OnCall = echo,
        limits: Limits = LIMITS,
        pieces: ChildContext | None = None,
    ) -> AsyncIterator[Session]:
        """A session in that environment, or in the one that is shared."""
        if environment is None:
            if self._environment is None:
                self._environment = await self.open()
            environment = self._environment
        session = Session(
            environment,
            functions=FUNCTIONS,
            question="why?",
            limits=limits,
            max_output=MAX_OUTPUT,
            on_call=on_call,
            pieces=pieces,
        )
        try:
            yield session
        finally:
            await session.close()

    async def run(self, *codes: str, on_call: OnCall = echo, cell_seconds: float | None = None) -> list[CellResult]:
        """The results of cells run one after the other in one session."""
        limits = LIMITS if cell_seconds is None else replace(LIMITS, cell_seconds=cell_seconds)
        async with self.session(on_call=on_call, limits=limits) as session:
            return [await session.run(Cell(code)) for code in codes]

    async def shows(self, code: str, expected: str, *, on_call: OnCall = echo, value: object = None) -> None:
        """Holds that a cell prints exactly that, and raises nothing.

        Raises:
            BrokenContractError: It does not.
        """
        if value is None:
            (result,) = await self.run(code, on_call=on_call)
        else:
            environment = await self.open(value)
            try:
                async with self.session(environment, on_call=on_call) as session:
                    result = await session.run(Cell(code))
            finally:
                await environment.close()
        equal((result.lost, result.error, result.output), (None, None, expected), "lost, error, output")

    async def close(self) -> None:
        """Closes the shared environment."""
        environment, self._environment = self._environment, None
        if environment is not None:
            await environment.close()


def equal(found: object, expected: object, what: str) -> None:
    """Raises BrokenContractError unless the two are equal."""
    if found != expected:
        raise BrokenContractError(f"{what}: {_short(found)}, and should be {_short(expected)}")


def holds(condition: object, what: str) -> None:
    """Raises BrokenContractError, saying what was, unless the condition is true."""
    if not condition:
        raise BrokenContractError(_short(what, quoted=False))


def _short(value: object, *, quoted: bool = True) -> str:
    text = repr(value) if quoted else str(value)
    return text if len(text) <= 500 else f"{text[:250]} ... {text[-250:]}"


OnResult = Callable[[Case, Result], None]


async def run_contract(
    launcher: Launcher, chosen: tuple[Case, ...] | None = None, on_result: OnResult | None = None
) -> dict[str, Result]:
    """How each case ended, by its name. What is no error of ours or of a stream is a bug, and leaves this."""
    results: dict[str, Result] = {}
    place = Place(launcher)
    try:
        for one in cases() if chosen is None else chosen:
            began, fault = time.monotonic(), ""
            try:
                async with asyncio.timeout(CASE_SECONDS):
                    await one.run(place)
            except (BrokenContractError, RlmError, OSError, EOFError) as error:  # a time-out is an OSError
                fault = f"{type(error).__name__}: {error}" if not isinstance(error, BrokenContractError) else str(error)
            results[one.name] = result = Result(fault, time.monotonic() - began)
            if on_result is not None:
                on_result(one, result)
    finally:
        await place.close()
    return results
