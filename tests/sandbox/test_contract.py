"""Every launcher that can run here keeps the contract, and a launcher that breaks it is found out."""

from __future__ import annotations

import asyncio

import pytest

from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.trials.contract import cases, run_contract


@pytest.mark.slow
@pytest.mark.parametrize("name", ["local", "unconfined"])
def test_the_contract_holds(name: str) -> None:
    results = asyncio.run(run_contract(find_launcher(name)))
    assert {name: result.fault for name, result in results.items() if result.fault} == {}
    assert list(results) == [case.name for case in cases()]


def test_cases_are_named_once_and_described() -> None:
    assert len({case.name for case in cases()}) == len(cases())
    assert [case.name for case in cases() if not case.shows] == []
