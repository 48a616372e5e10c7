"""What a case of the contract is, the place that it runs in, and how what happened is compared with what must."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rlm.context import Context, load
from rlm.errors import ConfigError, RlmError
from rlm.sandbox.cell_run import OnCall
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers.base import ChildContext, Environment, Launcher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.session import Session
from rlm.types import JSON, Cell, CellResult, Limits

GROUPS = ("cells", "calls", "stops", "inputs", "questions", "options", "ends")
INPUT = "one two\nthree\n"
FUNCTIONS = ("llm_query", "llm_query_batched", "llm_map", "rlm_query", "rlm_query_batched")
LIMITS = Limits(memory_mb=512, cell_seconds=60)
MAX_OUTPUT = 2000
CASE_SECONDS = 120.0
AT_ONCE = 3  # cases: most of the time of a far place is waited for


class BrokenContractError(AssertionError):
    """A launcher did not do what the contract says; the message has what was and what should have been."""


class NotOfferedError(Exception):
    """The launcher refuses an option that it can't keep, as it should; the message has its words."""


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
    """How a case ended.

    Attributes:
        fault: What was wrong; empty where it holds.
        refused: The launcher's words where it refuses, when it is made, the option that the case is about.
        seconds: What it took.
    """

    fault: str
    refused: str
    seconds: float


_CASES: list[Case] = []


def case(run: Callable[[Place], Awaitable[None]]) -> Callable[[Place], Awaitable[None]]:
    """Adds a function to the contract."""
    shows = (run.__doc__ or "").strip().splitlines()[0].rstrip(".")
    _CASES.append(Case(run.__name__, run.__module__.rpartition(".")[2], shows, run))
    return run


def cases() -> tuple[Case, ...]:
    """All of them, in the order in which they are read and run."""
    for group in GROUPS:
        importlib.import_module(f"rlm.sandbox.trials.contract.{group}")
    return tuple(_CASES)


async def echo(name: str, args: dict[str, JSON]) -> JSON:
    """Answers a call with its own prompt."""
    if name == "llm_query_batched":
        prompts = args["prompts"]
        return [f"re: {prompt}" for prompt in prompts] if isinstance(prompts, list) else []
    return f"re: {args.get('prompt')}"


class Place:
    """A launcher under trial. Its sessions on the usual input share one environment, as the nodes of a run do.

    Args:
        launcher: A launcher.
        sandbox: What it was made from, for cases that ask for more options; None for one made otherwise.
    """

    def __init__(self, launcher: Launcher, sandbox: Sandbox | None = None) -> None:
        self.launcher = launcher
        self._sandbox = sandbox
        self._environment: Environment | None = None
        self._opening = asyncio.Lock()

    async def open(self, value: object = INPUT, limits: Limits = LIMITS) -> Environment:
        """An environment of its own, which the caller closes."""
        with contextlib.closing(await asyncio.to_thread(load, value)) as context:
            return await self.launcher.open(context, limits)

    async def open_with(self, **options: object) -> Environment:
        """An environment on the usual input of the same launcher with other options, which the caller closes.

        Raises:
            NotOfferedError: It refuses them.
        """
        sandbox = self._sandbox or Sandbox(self.launcher.name)
        try:
            launcher = find_launcher(replace(sandbox, **options))  # type: ignore[arg-type]
        except ConfigError as error:
            raise NotOfferedError(str(error)) from error
        with contextlib.closing(await asyncio.to_thread(load, INPUT)) as context:
            return await launcher.open(context, LIMITS)

    @contextlib.asynccontextmanager
    async def session(
        self,
        environment: Environment | None = None,
        *,
        on_call: OnCall = echo,
        limits: Limits = LIMITS,
        pieces: ChildContext | None = None,
        tools: Sequence[Mapping[str, str]] = (),
        question: str = "why?",
        names: Mapping[str, JSON] | None = None,
        added: Mapping[str, Context] | None = None,
        after: Session | None = None,
        goes_on: bool = False,
    ) -> AsyncIterator[Session]:
        """A session in that environment, or in the one that is shared."""
        if environment is None:
            async with self._opening:
                if self._environment is None:
                    self._environment = await self.open()
            environment = self._environment
        session = Session(
            environment,
            functions=FUNCTIONS,
            question=question,
            limits=limits,
            max_output=MAX_OUTPUT,
            on_call=on_call,
            pieces=pieces,
            tools=tools,
            names={**environment.names, **(names or {})},
            env=environment.env,
            added=added,
            after=after,
            goes_on=goes_on,
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
    launcher: Launcher,
    sandbox: Sandbox | None = None,
    *,
    chosen: tuple[Case, ...] | None = None,
    on_result: OnResult | None = None,
) -> dict[str, Result]:
    """How each case ended, by its name, in order. What is no error of ours or of a stream is a bug: a group of them."""
    chosen = cases() if chosen is None else chosen
    results: dict[str, Result] = {}
    place = Place(launcher, sandbox)
    waiting = iter(chosen)

    async def run_the_next() -> None:
        for one in waiting:
            results[one.name] = await _result(one, place)
            if on_result is not None:
                on_result(one, results[one.name])

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(run_the_next())
    finally:
        await place.close()
    return {one.name: results[one.name] for one in chosen}


async def _result(one: Case, place: Place) -> Result:
    began, fault, refused = time.monotonic(), "", ""
    try:
        async with asyncio.timeout(CASE_SECONDS):
            await one.run(place)
    except NotOfferedError as error:
        refused = str(error)
    except BrokenContractError as error:
        fault = str(error)
    except (RlmError, OSError, EOFError) as error:  # a time-out is an OSError
        fault = f"{type(error).__name__}: {error}"
    return Result(fault, refused, time.monotonic() - began)
