"""A few random faults; `PYTHONPATH=tests python -m sandbox.faults 200` is the soak."""

import os
import shutil

import pytest

from sandbox.faults import FAULTS, Fault, drawn, soak

COUNT = int(os.environ.get("RLM_FAULTS", "14"))


@pytest.mark.slow
def test_each_fault_is_typed_or_told():
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("an engine of one's own takes root and dockerd (tests/engines.sh installs it)")
    ways = soak(COUNT, seed=5)
    assert sum(ways.values()) == COUNT
    lossy = {"worker killed", "container removed", "engine restarted"}
    lossy |= {"stream cut within a frame", "stream cut at once"}
    assert {way for (kind, way) in ways if kind in lossy} <= {"told"}  # how many are drawn depends on the count


def test_the_same_seed_draws_the_same_faults_and_every_kind_comes():
    first, second = list(drawn(200, 1)), list(drawn(200, 1))
    assert first == second
    assert {fault.kind for fault in first} == set(FAULTS)
    assert all(isinstance(fault, Fault) and fault.launcher in FAULTS[fault.kind][1] for fault in first)
