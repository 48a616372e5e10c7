"""No attempt gets out of `local`, whatever Landlock the kernel has; and each is shown to be a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from escape.host import Host
from escape.registry import Attempt, attempts
from escape.runner import LIMITS, Outcome, run_all, run_plainly
from rlm.context import load
from rlm.errors import SandboxUnavailableError
from rlm.sandbox import landlock
from rlm.sandbox.launchers.local import LocalLauncher
from rlm.sandbox.launchers.unconfined import UnconfinedLauncher

ABIS = range(1, landlock.abi() + 1)
ALL = [pytest.param(attempt, id=f"{attempt.family}-{attempt.name}") for attempt in attempts()]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host(tmp_path_factory.mktemp("host"))
    yield host
    host.close()


@pytest.fixture(scope="module", params=ABIS, ids=lambda abi: f"abi{abi}")
def under_local(request: pytest.FixtureRequest, host: Host) -> dict[str, Outcome]:
    cap = None if request.param == landlock.abi() else request.param
    return asyncio.run(run_all(LocalLauncher(landlock_abi_cap=cap), host, attempts()))


@pytest.fixture(scope="module")
def under_unconfined(host: Host) -> dict[str, Outcome]:
    return asyncio.run(run_all(UnconfinedLauncher(), host, attempts()))


@pytest.mark.parametrize("attempt", ALL)
def test_local_holds(attempt: Attempt, under_local: dict[str, Outcome]) -> None:
    outcome = under_local[attempt.name]
    assert not outcome.escaped, outcome
    assert outcome.said.startswith("HELD"), outcome


@pytest.mark.parametrize("attempt", ALL)
def test_the_attempt_is_real(attempt: Attempt, under_unconfined: dict[str, Outcome], host: Host) -> None:
    outcome = under_unconfined[attempt.name]
    assert not outcome.said.startswith("BROKEN"), outcome
    if attempt.shown == "unconfined":
        assert outcome.escaped, outcome
    elif attempt.shown == "plain":
        assert not outcome.escaped, outcome
        assert run_plainly(attempt, host).escaped


def test_local_refuses_without_landlock() -> None:
    launcher = LocalLauncher(landlock_abi_cap=0)
    assert launcher.enforces() == frozenset()
    with pytest.raises(SandboxUnavailableError, match="ABI 0"):
        asyncio.run(launcher.open(load("an input"), LIMITS))
