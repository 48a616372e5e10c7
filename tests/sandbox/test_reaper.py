"""Whose a thing is, and when it is nobody's."""

import os
import re
import subprocess
import sys
import time

from rlm.sandbox import reaper
from rlm.types import Limits


def test_a_host_is_told_from_every_other_one():
    own = reaper.host_id()
    assert re.fullmatch(r"[0-9a-f]{16}-\d+-\d+", own)
    assert own == reaper.host_id()
    code = "from rlm.sandbox import reaper; print(reaper.host_id())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other != own
    assert other.partition("-")[0] == own.partition("-")[0]
    assert not reaper.is_left({reaper.HOST: own})
    assert reaper.is_left({reaper.HOST: other}), "it has ended"


def test_a_process_that_has_the_number_of_a_dead_one_is_not_it():
    where, pid, start = reaper.host_id().split("-")
    assert pid == str(os.getpid())
    assert reaper.is_left({reaper.HOST: f"{where}-{pid}-{int(start) - 1}"})


def test_what_another_machine_has_started_is_left_when_its_deadline_is_over():
    found = {**reaper.labels(Limits(seconds=60)), reaper.HOST: "0123456789abcdef-1-1"}
    assert all(re.fullmatch(r"[\w.-]{1,63}", value) for value in found.values())
    assert not reaper.is_left(found)
    assert not reaper.is_left(found, time.time() + 600)
    assert reaper.is_left(found, time.time() + 661)
    assert reaper.lifetime(Limits()) == 7 * 24 * 3600


def test_labels_that_are_not_ours_are_left_alone():
    for labels in ({}, {reaper.HOST: ""}, {reaper.HOST: "x"}, {reaper.HOST: "x", reaper.DEADLINE: "soon"}):
        assert not reaper.is_left(labels)
