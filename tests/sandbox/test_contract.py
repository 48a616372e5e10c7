"""Every launcher that can run here keeps the contract, and a launcher that breaks it is found out."""

from __future__ import annotations

import asyncio

import pytest

from rlm.context import load
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.trials.contract import cases, run_contract
from sandbox.engine import engine, podman  # noqa: F401


@pytest.mark.slow
@pytest.mark.parametrize("name", ["local", "bubblewrap", "unconfined"])
def test_the_contract_holds(name: str) -> None:
    kept(Sandbox(name), ["files_are_readable"] if name == "unconfined" else [])  # it can't keep them from being written


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["runc", "runsc"])
def test_the_contract_holds_in_containers(runtime: str, engine: str) -> None:  # noqa: F811
    kept(Sandbox("docker", options={"engine": engine, "runtime": runtime}), [])


@pytest.mark.slow
def test_the_contract_holds_on_podman(podman: str) -> None:  # noqa: F811
    kept(Sandbox("docker", options={"engine": podman}), [])


def kept(sandbox: Sandbox, refused: list[str]) -> None:
    results = asyncio.run(run_contract(find_launcher(sandbox), sandbox))
    assert {name: result.fault for name, result in results.items() if result.fault} == {}
    assert [name for name, result in results.items() if result.refused] == refused
    assert list(results) == [case.name for case in cases()]


def test_a_launcher_that_breaks_it_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [case for case in cases() if case.name in ("unicode_is_intact", "input_is_intact", "first_cell")]
    monkeypatch.setattr("rlm.sandbox.trials.contract.case.load", lambda value: load(str(value)[:-1]))
    results = asyncio.run(run_contract(find_launcher("local"), chosen=tuple(broken)))
    assert [name for name, result in results.items() if result.fault] == ["input_is_intact"]


def test_cases_are_named_once_and_described() -> None:
    assert len({case.name for case in cases()}) == len(cases())
    assert [case.name for case in cases() if not case.shows] == []
