"""`rlm sandbox list` and `rlm sandbox test`: which sandboxes can be had here, and what each is worth."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rlm import run_view
from rlm.cli import exit_codes
from rlm.cli.sandbox_flags import read_pairs
from rlm.errors import ConfigError, SandboxUnavailableError
from rlm.sandbox.launchers import LAUNCHERS, find_launcher
from rlm.sandbox.launchers.base import Launcher
from rlm.sandbox.options import PROPERTIES, Sandbox
from rlm.sandbox.trials import contract
from rlm.sandbox.trials.host import Host
from rlm.sandbox.trials.registry import FAMILIES, Attempt, attempts
from rlm.sandbox.trials.runner import Attack, Outcome
from rlm.terminal import visible
from rlm.types import JSON


@dataclass(frozen=True, slots=True)
class Row:
    """One launcher on this machine.

    Attributes:
        name: As `--sandbox` takes it.
        why_not: Why it can't be used here, and what to do about it; empty where it can.
        enforces: What it holds here against hostile code.
    """

    name: str
    why_not: str
    enforces: tuple[str, ...]


def show_list(*, as_json: bool) -> int:
    """Prints every launcher: whether it can be used here, and what it enforces."""
    rows = [_row(name) for name in LAUNCHERS]
    if as_json:
        print(json.dumps({"sandboxes": [asdict(row) for row in rows]}))
        return exit_codes.DONE
    for row in rows:
        told = visible(row.why_not) or f"enforces {', '.join(row.enforces) or 'nothing'}"
        print(f"{'-' if row.why_not else '*'} {row.name:<12} {told}")
    print("\n* can be used here; - can't, and what to do about it.")
    return exit_codes.DONE


def _row(name: str) -> Row:
    try:
        launcher = find_launcher(name)
        why_not = launcher.why_not() or ""
        held = () if why_not else tuple(one for one in PROPERTIES if one in launcher.enforces())
    except (ConfigError, SandboxUnavailableError) as error:
        why_not, held = str(error), ()
    return Row(name, why_not, held)


def test(name: str, given: Sequence[str], *, as_json: bool) -> int:
    """Runs the contract and the attempts, and prints a table of both.

    Raises:
        ConfigError: There is no such launcher, or it can't keep an option.
        SandboxUnavailableError: It can't be used here.
        SandboxError: No worker can be started.
    """
    common, own = read_pairs(given, "--option")
    sandbox = Sandbox(name, **common, options=own)
    launcher = find_launcher(sandbox)
    if (why_not := launcher.why_not()) is not None:
        raise SandboxUnavailableError(why_not)
    cases = contract.cases()
    tried = attempts()
    with _Progress(len(cases) + len(tried)) as progress:
        results, outcomes = asyncio.run(_tried(launcher, sandbox, progress))
    if as_json:
        print(json.dumps(_as_json(launcher, results, outcomes)))
    else:
        _print(run_view.console(sys.stdout), launcher, results, outcomes)
    failed = any(result.fault for result in results.values())
    return exit_codes.FAILED if failed or any(not _good(one) for one in outcomes.values()) else exit_codes.DONE


async def _tried(
    launcher: Launcher, sandbox: Sandbox, progress: _Progress
) -> tuple[dict[str, contract.Result], dict[str, Outcome]]:
    results = await contract.run_contract(
        launcher, sandbox, chosen=contract.cases(), on_result=lambda case, _: progress.step(case.name)
    )
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        try:
            attack = Attack(launcher, host, in_one_worker=True)
            outcomes = await attack.run(attempts(), lambda attempt, _: progress.step(attempt.name))
        finally:
            host.close()
    return results, outcomes


class _Progress:
    """A line on a terminal that says how far it is; nothing elsewhere."""

    def __init__(self, whole: int) -> None:
        self._whole = whole
        self._done = 0
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> _Progress:
        return self

    def step(self, name: str) -> None:
        self._done += 1
        if self._shown:
            print(f"\r\x1b[K{self._done} of {self._whole}: {name}", end="", file=sys.stderr, flush=True)

    def __exit__(self, *exc: object) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _good(outcome: Outcome) -> bool:
    return outcome.verdict in ("held", "contained")


def _as_json(
    launcher: Launcher, results: Mapping[str, contract.Result], outcomes: Mapping[str, Outcome]
) -> dict[str, JSON]:
    families = {attempt.name: attempt.family for attempt in attempts()}
    return {
        "sandbox": launcher.name,
        "enforces": [one for one in PROPERTIES if one in launcher.enforces()],
        "contract": [{"case": name, **asdict(result)} for name, result in results.items()],
        "attempts": [
            {"attempt": name, "family": families[name], "verdict": one.verdict, "said": one.said, "harm": [*one.harm]}
            for name, one in outcomes.items()
        ],
    }


def _print(
    console: Console,
    launcher: Launcher,
    results: Mapping[str, contract.Result],
    outcomes: Mapping[str, Outcome],
) -> None:
    held = ", ".join(one for one in PROPERTIES if one in launcher.enforces())
    console.print(f"{launcher.name} says that it enforces: {held or 'nothing'}\n")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("contract", "holds", "refused", "fails"):
        table.add_column(title, justify="left" if title == "contract" else "right")
    for group in dict.fromkeys(case.group for case in contract.cases()):
        ended = [results[case.name] for case in contract.cases() if case.group == group]
        refused, failed = sum(bool(one.refused) for one in ended), sum(bool(one.fault) for one in ended)
        table.add_row(group, str(len(ended) - refused - failed), str(refused or ""), str(failed or ""))
    console.print(table)
    for case in contract.cases():
        if fault := results[case.name].fault or results[case.name].refused:
            how = "fails" if results[case.name].fault else "refused"
            console.print(f"  {how}: {case.name}: {visible(fault)}")
    _print_attempts(console, outcomes)


def _print_attempts(console: Console, outcomes: Mapping[str, Outcome]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("attempts", "", "held", "contained", "out"):
        table.add_column(title, justify="right" if title in ("held", "contained", "out") else "left")
    for family, what in FAMILIES.items():
        verdicts = [outcomes[attempt.name].verdict for attempt in attempts() if attempt.family == family]
        counts = [verdicts.count("held"), verdicts.count("contained"), verdicts.count("out") + verdicts.count("broken")]
        table.add_row(family, what, *(str(count or "") for count in counts))
    console.print()
    console.print(table)
    for attempt in attempts():
        if not _good(outcomes[attempt.name]):
            console.print(f"  out: {_told(attempt, outcomes[attempt.name])}")
    out = sum(not _good(one) for one in outcomes.values())
    console.print(f"\n{len(outcomes)} attempts, {out} got out. Contained: it reached something of the sandbox's own.")


def _told(attempt: Attempt, outcome: Outcome) -> str:
    words = "; ".join([outcome.said.partition(": ")[2] or outcome.said, *outcome.harm])
    return visible(f"{attempt.family}: {attempt.name}: {words}"[:300])
