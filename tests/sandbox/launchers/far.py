"""What is asked of every launcher of a far place over its double."""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlm import RLM, Limits
from rlm.context import load
from rlm.errors import MissingKeyError, SandboxError, SandboxUnavailableError
from rlm.lms.scripted import Scripted
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.session import Session
from rlm.sandbox.trials.contract import cases, run_contract
from rlm.sandbox.trials.host import Host
from rlm.sandbox.trials.registry import attempts
from rlm.sandbox.trials.runner import Attack
from rlm.types import Cell
from sandbox.support import FUNCTIONS, echo

LIMITS = Limits(memory_mb=512, cell_seconds=20)
# Of each kind one, of the family `protocol`: a far worker takes a second to be started anew after many of them.
_LIES = {
    "announce_four_gib",
    "say_half_and_wait",
    "end_within_a_frame",
    "send_rubbish",
    "nest_without_end",
    "tear_frames_apart",
    "say_done_twice",
    "be_idle_and_spin",
    "answer_a_call_that_was_not_made",
    "claim_usage_with_a_call",
    "call_what_was_not_offered",
    "print_more_than_was_asked_for",
}
_LINES = "".join(f"line {number}\n" for number in range(2000))
_CELLS = (
    "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(4) as pool:\n"
    "    asked = list(pool.map(llm_query, ['a', 'b', 'c', 'd']))\n"
    "print(asked)",
    "half = rlm_query('how many lines?', chunks(1_000_000)[0])\n"
    "open(f'{output_folder}/half.txt', 'w').write(half)\n"
    "FINAL(f'{asked} {half} {len(context)}')",
)


def the_contract_holds(name, double, refused=()):
    """Every case of the contract, and nothing left after it; `refused`: the cases whose option it can't keep."""
    sandbox = Sandbox(name)
    results = asyncio.run(run_contract(find_launcher(sandbox), sandbox))
    faults = {case: result.fault for case, result in results.items() if result.fault}
    assert not faults, faults
    assert {case for case, result in results.items() if result.refused} == set(refused)
    assert list(results) == [case.name for case in cases()]
    assert double.places == {}


def lies_do_not_get_through(name, double, tmp_path):
    """What a worker can say to the host, which holds it: forged, oversized, cut and nested frames, over this stream."""
    host = Host(tmp_path)
    tried = [attempt for attempt in attempts() if attempt.name in _LIES]
    try:
        outcomes = asyncio.run(Attack(find_launcher(name), host, in_one_worker=True).run(tried))
    finally:
        host.close()
    assert {one: outcome for one, outcome in outcomes.items() if outcome.verdict != "held"} == {}
    assert set(outcomes) == _LIES
    assert double.places == {}


def a_run_goes_all_the_way(name, double, tmp_path, **options):
    """A run of RLM's own: threads that ask, a child on a piece of the input, a file that comes back."""

    def sub(request):  # a model for plain calls, and for children
        if any("how many lines?" in message.content for message in request.messages):
            return "```repl\nFINAL(str(context.count(chr(10))))\n```"
        return request.messages[-1].content.upper()

    sandbox = Sandbox(name, output=tmp_path / "out", **options)
    rlm = RLM(
        model=Scripted([f"```repl\n{code}\n```" for code in _CELLS]),
        sub_model=Scripted(sub),
        limits=Limits(depth=2, memory_mb=512),
        sandbox=sandbox,
        route="never",
    )
    done = rlm.completion("What is it?", context=_LINES)
    assert done.status == "done"
    assert done.response == f"['A', 'B', 'C', 'D'] 2000 {len(_LINES)}"
    assert (tmp_path / "out" / "half.txt").read_text() == "2000"
    assert double.places == {}
    (place,) = double.gone
    return place


@contextlib.asynccontextmanager
async def opened(launcher, value="one two\n", limits=LIMITS):
    """A session of a run over a launcher, and its environment."""
    if not hasattr(launcher, "open"):
        launcher = find_launcher(launcher)
    with contextlib.closing(load(value)) as context:
        environment = await launcher.open(context, limits)
    session = Session(
        environment,
        functions=FUNCTIONS,
        question="why?",
        limits=limits,
        max_output=2000,
        on_call=echo,
        names=environment.names,
        env=environment.env,
    )
    try:
        yield session, environment
    finally:
        try:
            await session.close()
        finally:  # where that is cancelled, too
            await environment.close()


def what_a_command_prints_is_bounded(name, double, streams=("", "exec >&2; ")):
    """Commands of ours run where cells have run: one that prints without end is given up, and the machine stays."""

    async def scene():
        async with opened(name) as (_, environment):
            for stream in streams:
                with pytest.raises(SandboxError, match="a command in the sandbox printed more than 1 MiB, which none"):
                    await environment._machine.run(f"{stream}head -c 2000000 /dev/zero | tr '\\\\0' x; exit 3")
            return await environment._machine.run("echo fine")

    assert asyncio.run(scene()) == "fine\n"
    assert double.places == {}


def a_lost_machine_is_told(name, double):
    """A machine that its vendor ends in the middle of a run: the cell is lost, and then the sandbox is."""

    async def scene():
        async with opened(name) as (session, _):
            await session.start()
            running = asyncio.create_task(session.run(Cell("print(1)\nwhile True: pass")))
            await asyncio.sleep(0.1)
            await asyncio.to_thread(double.expire, _first(double).name)
            lost = (await asyncio.wait_for(running, 15)).lost
            with pytest.raises(SandboxError) as told:
                await session.run(Cell("1"))
            return lost, str(told.value)

    return asyncio.run(scene())


def a_dead_host_leaves_a_deadline(name, double):
    """Whoever started a run is gone without a word: what is left ends with its deadline on the server."""

    async def scene():
        with contextlib.closing(load("one")) as context:
            environment = await find_launcher(name).open(context, LIMITS)
        await environment.start()
        place = _first(double)
        await until(place.running)
        await asyncio.to_thread(double.expire, place.name)
        await until(lambda: not place.running())
        await environment.close()  # the host is long gone; this is for the test's own streams
        return place

    return asyncio.run(scene())


def a_killed_host(name, double, holds):
    """Kills the process of a host with a worker, and waits until it holds of the machine."""
    host = (
        "import asyncio, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from sandbox.launchers import far\n"
        "async def main():\n"
        f"    async with far.opened({name!r}) as (session, _):\n"
        "        await session.start()\n"
        "        print('started', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    process = subprocess.Popen([sys.executable, "-c", host], stdout=subprocess.PIPE, env=dict(os.environ))
    with process:
        assert process.stdout.readline() == b"started\n"
        place = _first(double)
        process.kill()
    asyncio.run(until(lambda: holds(place)))
    return place


def nothing_runs_without_a_key(name, double, monkeypatch, *variables):
    for variable in variables:
        with monkeypatch.context() as patch:
            patch.delenv(variable)
            with pytest.raises(MissingKeyError, match=f"^the sandbox {name!r} needs a key in .*{variable}$"):
                find_launcher(name)
    assert double.requests == []


def nothing_runs_without_the_sdk(name, module, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SandboxUnavailableError) as told:
        find_launcher(name)
    assert str(told.value) == f"the sandbox {name!r} needs {module}: pip install 'rlm-engine[{name}]'"


async def until(holds):
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 (the double is in another thread)
            await asyncio.sleep(0.01)


def _first(double):
    return next(iter(double.places.values()))
