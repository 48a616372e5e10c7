"""No attempt gets out of bubblewrap, of a container, of gVisor, or of what `ssh` starts; on a real engine and sshd."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.trials.host import Host
from rlm.sandbox.trials.registry import Attempt, attempts
from rlm.sandbox.trials.runner import Attack, Outcome
from sandbox.doubles.sshd import Sshd
from sandbox.engine import engine, podman  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.close()


def attacked(sandbox: Sandbox, host: Host, tried: Sequence[Attempt]) -> dict[str, Outcome]:
    """How the attempts ended; each that is refused leaves its worker to the next."""
    outcomes = asyncio.run(Attack(find_launcher(sandbox), host, in_one_worker=True).run(tried))
    assert outcomes.keys() == {attempt.name for attempt in tried}
    return outcomes


def got_out(outcomes: dict[str, Outcome]) -> dict[str, Outcome]:
    return {name: one for name, one in outcomes.items() if one.verdict not in ("held", "contained")}


def test_bubblewrap_holds(host: Host) -> None:
    outcomes = attacked(Sandbox("bubblewrap"), host, attempts())
    assert got_out(outcomes) == {}
    contained = {name for name, one in outcomes.items() if one.verdict == "contained"}
    assert contained == {"write_to_tmp", "make_a_temporary_file"}


@pytest.mark.parametrize("runtime", ["runc", "runsc"])
def test_docker_holds(runtime: str, engine: str, host: Host) -> None:  # noqa: F811
    sandbox = Sandbox("docker", options={"engine": engine, "runtime": runtime})
    assert got_out(attacked(sandbox, host, attempts())) == {}


def test_podman_holds(podman: str, host: Host) -> None:  # noqa: F811
    """All but what the host holds, which is the same for every engine."""
    tried = [attempt for attempt in attempts() if attempt.shown != "host"]
    assert got_out(attacked(Sandbox("docker", options={"engine": podman}), host, tried)) == {}


def test_ssh_holds(host: Host, tmp_path_factory: pytest.TempPathFactory) -> None:
    """All but what the host holds, which is the same for every far place."""
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    try:
        options = {"host": "box", "config": server.config, "python": sys.executable}
        tried = [attempt for attempt in attempts() if attempt.shown != "host"]
        assert got_out(attacked(Sandbox("ssh", options=options), host, tried)) == {}
    finally:
        server.close()
