import asyncio

import pytest

from rlm.sandbox.clock import Alarm, CellClock


class Times:
    def __init__(self):
        self.wall = 100.0
        self.cpu = 5.0


@pytest.fixture
def times():
    return Times()


def clock(times, limit=10.0, deadline=None):
    return CellClock(limit, lambda: times.cpu, deadline, lambda: times.wall)


def test_it_counts_the_cells_own_seconds(times):
    cell = clock(times)
    times.wall += 9.5
    assert (cell.seconds(), cell.left(), cell.over()) == (9.5, 0.5, None)
    times.wall += 0.5
    assert cell.over() == "it ran for more than 10 s"


def test_it_stops_while_any_call_is_open(times):
    cell = clock(times)
    times.wall += 1
    cell.opened()
    times.wall += 50
    cell.opened()
    cell.closed()
    times.wall += 50
    assert (cell.seconds(), cell.over()) == (1, None)
    cell.closed()
    times.wall += 2
    assert cell.seconds() == 3


def test_cpu_seconds_do_not_stop_and_count_from_its_start(times):
    cell = clock(times)
    cell.opened()
    times.wall += 50
    times.cpu += 9.9
    assert cell.over() is None
    times.cpu += 0.1
    assert cell.over() == "it used more than 10 s of CPU time"


def test_a_deadline_counts_waits_too(times):
    cell = clock(times, deadline=103.0)
    cell.opened()
    times.wall += 2
    assert (cell.left(), cell.over()) == (1, None)
    times.wall += 1
    assert cell.over() == "the run's time was up"


def test_where_cpu_time_cannot_be_known_only_the_wall_clock_counts():
    cell = CellClock(10, lambda: None, None, lambda: 0.0)
    assert cell.over() is None


def test_an_alarm_takes_one_timer_for_all_that_is_set():
    async def main():
        timers = []
        loop = asyncio.get_running_loop()
        call_at = loop.call_at
        loop.call_at = lambda at, call: timers.append(call_at(at, call)) or timers[-1]
        alarm, rung = Alarm(), []
        for number in range(100):
            alarm.set(0.05, lambda number=number: rung.append(number))
            alarm.clear()
        alarm.set(0.06, lambda: rung.append("last"))
        del loop.call_at
        await asyncio.sleep(0.07)
        return len(timers), rung

    assert asyncio.run(main()) == (1, ["last"])


def test_an_alarm_that_is_set_for_earlier_rings_earlier_and_one_that_is_cleared_does_not():
    async def main():
        alarm, rung = Alarm(), []
        alarm.set(60, lambda: rung.append("late"))
        alarm.set(0.001, lambda: rung.append("soon"))
        await asyncio.sleep(0.02)
        alarm.set(0.001, lambda: rung.append("never"))
        alarm.clear()
        await asyncio.sleep(0.02)
        return rung

    assert asyncio.run(main()) == ["soon"]
