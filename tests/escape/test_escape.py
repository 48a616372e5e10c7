"""No attempt gets out of `local`, whatever Landlock the kernel has; and each is shown to be a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from rlm.context import load
from rlm.errors import SandboxUnavailableError
from rlm.sandbox import landlock, lockdown
from rlm.sandbox.launchers.local import LocalLauncher
from rlm.sandbox.launchers.unconfined import UnconfinedLauncher
from rlm.sandbox.trials.host import Host
from rlm.sandbox.trials.registry import FAMILIES, Attempt, attempts
from rlm.sandbox.trials.runner import LIMITS, Attack, Outcome, run_plainly

ABIS = range(1, landlock.abi() + 1)
# All of them take a minute. One ABI and a few attempts of each family are in the fast tests.
EACH_ABI = [pytest.param(abi, marks=[] if abi == ABIS[-2] else pytest.mark.slow) for abi in ABIS]
LANDLOCKED = {"files", "network", "kernel"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host(tmp_path_factory.mktemp("host"))
    yield host
    host.close()


@pytest.fixture(scope="module", params=EACH_ABI, ids=lambda abi: f"abi{abi}")
def under_local(request: pytest.FixtureRequest, host: Host) -> dict[str, Outcome]:
    """At the newest ABI every attempt, at the oldest all but the host's to hold; between them Landlock's own."""
    launcher = LocalLauncher(landlock_abi_cap=request.param)
    readable = [*lockdown.readable(), str(host.readable)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lockdown, "readable", lambda: readable)
        if request.param in (ABIS[0], ABIS[-1]):
            tried = [one for one in attempts() if one.shown != "host" or request.param == ABIS[-1]]
            return asyncio.run(Attack(launcher, host).run(tried))
        tried = [attempt for attempt in attempts() if attempt.family in LANDLOCKED]
        return asyncio.run(Attack(launcher, host, in_one_worker=True).run(tried))


def test_some_of_each_family_are_held_and_real(host: Host) -> None:
    quick = [one for one in attempts() if one.shown in ("unconfined", "host") and one.seconds == LIMITS.cell_seconds]
    some = [one for family in FAMILIES for one in [one for one in quick if one.family == family][:3]]
    with pytest.MonkeyPatch.context() as patch:
        readable = [*lockdown.readable(), str(host.readable)]
        patch.setattr(lockdown, "readable", lambda: readable)
        held = asyncio.run(Attack(LocalLauncher(), host, in_one_worker=True).run(some))
    assert {one.verdict for one in held.values()} == {"held"}
    # Where nothing holds them those of resources take seconds, and the disk.
    tried = [one for one in some if one.family != "resources"]
    out = asyncio.run(Attack(UnconfinedLauncher(), host).run(tried))
    real = {name for name, one in out.items() if one.verdict in ("out", "contained")}
    assert real == {one.name for one in tried if one.shown == "unconfined"}


def test_local_holds(under_local: dict[str, Outcome]) -> None:
    assert {name: outcome for name, outcome in under_local.items() if outcome.verdict != "held"} == {}


@pytest.mark.slow
def test_the_attempts_are_real(host: Host) -> None:
    straw: dict[str, object] = {}
    under_unconfined = asyncio.run(Attack(UnconfinedLauncher(), host).run(attempts()))
    for attempt in attempts():
        outcome = under_unconfined[attempt.name]
        escaped = outcome.verdict in ("out", "contained")
        wrong = {"unconfined": not escaped, "host": escaped}.get(attempt.shown, False)
        if outcome.verdict == "broken" or wrong:
            straw[attempt.name] = outcome
        elif attempt.shown == "plain":
            plain = run_plainly(attempt, host)
            if escaped or plain.verdict not in ("out", "contained"):
                straw[attempt.name] = (outcome, plain)
    assert straw == {}


@pytest.fixture
def no_way_out() -> Attempt:
    """Not an attempt at all: it reads what may be read."""
    source = "def read_a_library(t):\n    return open(t.library).read()\n"
    return Attempt("read_a_library", "files", "read a library", source, shown="nowhere", conclusive=True)


def test_a_way_out_would_be_seen(no_way_out: Attempt, host: Host) -> None:
    with pytest.MonkeyPatch.context() as patch:
        readable = [*lockdown.readable(), str(host.readable)]
        patch.setattr(lockdown, "readable", lambda: readable)
        outcomes = asyncio.run(Attack(LocalLauncher(), host).run([no_way_out]))
    assert outcomes == {"read_a_library": Outcome("ESCAPED: as it was", [])}
    assert outcomes["read_a_library"].verdict == "out"


def test_what_is_the_sandboxs_own_is_contained_and_what_is_the_hosts_is_out() -> None:
    assert Outcome("ESCAPED: 3 entries", [], conclusive=False).verdict == "contained"
    assert Outcome("ESCAPED: CANARY-7f2c90e1", [], conclusive=False).verdict == "out"
    assert Outcome("HELD: PermissionError", ["heard by TCP"], conclusive=False).verdict == "out"
    assert Outcome("BROKEN: SyntaxError", []).verdict == "broken"


def test_local_refuses_without_landlock() -> None:
    launcher = LocalLauncher(landlock_abi_cap=0)
    assert launcher.enforces() == frozenset()
    with pytest.raises(SandboxUnavailableError, match="ABI 0"):
        asyncio.run(launcher.open(load("an input"), LIMITS))
