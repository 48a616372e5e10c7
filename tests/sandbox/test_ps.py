"""The kernel's clock of a process; what `ps` tells is tested with the launcher that needs it."""

import subprocess
import sys
import time

import pytest

from rlm.sandbox import ps


def test_a_process_has_a_clock_of_its_cpu_time_until_it_has_ended():
    spin = "import time\nwhile time.process_time() < 0.1: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", spin], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"\n"
        assert 0.1 <= time.clock_gettime(ps.cpu_clock(process.pid)) < 2
        process.communicate(b"\n")
    with pytest.raises(OSError, match="Invalid argument"):
        time.clock_gettime(ps.cpu_clock(process.pid))
