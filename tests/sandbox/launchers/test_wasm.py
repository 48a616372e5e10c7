"""`wasm`: the worker in real WebAssembly, what is different there, and what is refused before anything runs."""

import asyncio
import contextlib
import importlib.util
import os
import tempfile
import time
from pathlib import Path

import pytest

from rlm import RLM
from rlm.context import load
from rlm.errors import ConfigError, SandboxError, SandboxUnavailableError
from rlm.lms.scripted import Scripted
from rlm.sandbox import wasm_module, wasm_run, written
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.launchers.wasm import WasmLauncher
from rlm.sandbox.options import PROPERTIES, Sandbox
from rlm.sandbox.session import Session
from rlm.sandbox.trials.contract import cases, run_contract
from rlm.sandbox.trials.host import Host
from rlm.sandbox.trials.registry import attempts
from rlm.sandbox.trials.runner import Attack
from rlm.types import Cell, Limits
from sandbox.support import FUNCTIONS, echo
from sandbox.wheels import make_wheel, only_from

slow = pytest.mark.slow


@pytest.fixture
def compiled(request, monkeypatch):
    """Python is compiled once for all sessions of these tests: it takes ten seconds."""
    monkeypatch.setenv("RLM_HOME", str(request.config.cache.mkdir("wasm")))


def run(*codes, value="one two\nthree\n", on_call=echo, limits=Limits(cell_seconds=20), pieces=None, **options):  # noqa: B008
    """The results of cells in one worker."""

    async def main():
        with contextlib.closing(load(value)) as context:
            environment = await WasmLauncher(Sandbox("wasm", **options)).open(context, limits)
        session = Session(
            environment,
            functions=FUNCTIONS,
            question="why?",
            limits=limits,
            max_output=2000,
            on_call=on_call,
            pieces=pieces,
            names=environment.names,
            env=environment.env,
        )
        try:
            return [await session.run(Cell(code)) for code in codes]
        finally:
            await session.close()
            await environment.close()

    return asyncio.run(main())


def printed(*codes, **options):
    results = run(*codes, **options)
    assert [(one.error, one.lost) for one in results] == [(None, None)] * len(codes)
    return [one.output for one in results]


@slow
def test_the_contract_holds(compiled):
    sandbox = Sandbox("wasm")
    results = asyncio.run(run_contract(find_launcher(sandbox), sandbox))
    assert {name: result.fault for name, result in results.items() if result.fault} == {}
    assert [name for name, one in results.items() if one.refused] == []
    assert list(results) == [case.name for case in cases()]


@slow
def test_no_attempt_gets_out(compiled, tmp_path):
    """All but what the host holds, which is the same for every launcher; and those that lie about being idle."""
    host = Host(tmp_path)
    try:
        tried = [one for one in attempts() if one.shown != "host" or one.name.startswith("be_idle")]
        outcomes = asyncio.run(Attack(find_launcher("wasm"), host, in_one_worker=True).run(tried))
    finally:
        host.close()
    assert {name: one for name, one in outcomes.items() if one.verdict not in ("held", "contained")} == {}
    # Neither does anything: there is no file, and no thread is made.
    assert {name for name, one in outcomes.items() if one.verdict == "contained"} == {
        "change_permissions",
        "grow_the_stack",
    }


@slow
def test_sub_calls_that_a_pool_is_given_are_open_side_by_side(compiled):
    most = opened = 0

    async def count(name, args):
        nonlocal most, opened
        opened += 1
        most = max(most, opened)
        await asyncio.sleep(0.2)
        opened -= 1
        return f"re: {args['prompt']}"

    pool, coroutines, ordered = (
        "from concurrent.futures import ThreadPoolExecutor, as_completed\npool = ThreadPoolExecutor(2)\n"
        "print(list(pool.map(llm_query, 'abc')), sorted(f.result() for f in "
        "as_completed([pool.submit(llm_query, p) for p in 'de'])))",
        "import asyncio\nprint(await asyncio.gather(*[asyncio.to_thread(llm_query, p) for p in 'abcd']))",
        "print(list(pool.map(lambda p: llm_query(p), 'ab')))",
    )
    assert printed(pool, on_call=count) == ["['re: a', 're: b', 're: c'] ['re: d', 're: e']\n"]
    assert most == 3
    most = 0
    assert printed(coroutines, on_call=count) == ["['re: a', 're: b', 're: c', 're: d']\n"]
    assert most == 4
    most = 0
    with_pool = "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\n" + ordered
    assert printed(with_pool, on_call=count) == ["['re: a', 're: b']\n"]
    assert most == 1


@slow
def test_threads_run_when_they_start_and_what_can_never_come_is_an_error(compiled):
    threads, failing, waiting, timed, missing = run(
        "import threading\ngot = []\nthread = threading.Thread(target=lambda: got.append(llm_query('a')))\n"
        "thread.start()\nthread.join()\nprint(got, thread.is_alive())",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "print(type(ThreadPoolExecutor(1).submit(lambda: 1 / 0).exception()).__name__)\n"
        "with ThreadPoolExecutor(1) as pool: pass\npool.submit(print)",
        "import queue\ntry:\n    queue.SimpleQueue().get(timeout=0.01)\nexcept queue.Empty:\n    queue.Queue().get()",
        "event = threading.Event()\nprint(event.wait(0.05))\nevent.set()\nprint(event.wait())",
        "import numpy",
    )
    assert (threads.output, threads.error) == ("['llm_query a'] False\n", None)
    assert failing.output == "ZeroDivisionError\n"
    assert failing.error.endswith("RuntimeError: cannot schedule new futures after shutdown")
    assert waiting.error.endswith(
        "nothing else can run while this waits: there is one thread in this sandbox, and no sub-call is open"
    )
    assert timed.output == "False\nTrue\n"
    assert missing.error.endswith("ModuleNotFoundError: No module named 'numpy'")


@slow
def test_event_loops_sleep_wait_and_end(compiled):
    code = (
        "import asyncio\nasync def main():\n    async with asyncio.timeout(5):\n"
        "        one, two = await asyncio.gather(asyncio.sleep(0.02, 1), asyncio.to_thread(llm_query, 'x'))\n"
        "    return one, two\nprint(asyncio.run(main()))\n"
        "async def late():\n    await asyncio.wait_for(asyncio.sleep(9), 0.02)\n"
        "try:\n    asyncio.run(late())\nexcept TimeoutError:\n    print('late')\n"
        "async def never():\n    await asyncio.Event().wait()\nasyncio.run(never())"
    )
    (result,) = run(code)
    assert result.output == "(1, 'llm_query x')\nlate\n"
    assert result.error.endswith("there is one thread in this sandbox, and no sub-call is open")


@slow
def test_an_interrupt_reaches_computing_sleeping_and_calling_cells_and_no_later_one(compiled):
    async def never(name, args):
        await asyncio.sleep(60)

    limits = Limits(cell_seconds=0.3)
    for code in ("while True:\n    pass", "import time\ntime.sleep(60)", "sum(iter(int, 1))"):
        stopped, after = run(f"kept = 1\n{code}", "import time\ntime.sleep(0.05)\nprint(kept)", limits=limits)
        if "sum" in code:  # one call of C, which asks for no signal
            assert stopped.lost == "it ran for more than 0.3 s and did not stop when it was interrupted"
            continue
        assert (stopped.interrupted, stopped.lost, after.output) == (True, None, "1\n")
        assert stopped.error.endswith("KeyboardInterrupt")


@slow
def test_a_child_is_sent_its_piece_alone(compiled):
    text = "é" * 1000 + "needle" + "ü" * 1000
    (there,) = printed(
        "print(context, [hit.origin for hit in grep('eed')])", value=text, pieces=ChildContext(1000, 1006, "")
    )
    assert there == "needle [(1000, 1006, '')]\n"
    with pytest.raises(SandboxError, match="no worker can be started: no piece ''"):
        run("1", value=text, pieces=ChildContext(0, 3000, ""))


@slow
def test_memory_ends_in_an_error_and_what_is_left_is_kept(compiled):
    before, greedy, after = run("kept = 1", "held = bytearray(600 << 20)", "print(kept)", limits=Limits(memory_mb=256))
    assert greedy.error.endswith("MemoryError")
    assert (before.lost, greedy.lost, after.output) == (None, None, "1\n")


@slow
def test_nothing_of_the_host_is_inside(compiled, monkeypatch):
    monkeypatch.setenv("SECRET", "canary")
    code = (
        "import os, sys\nprint(sorted(os.environ), os.getcwd(), sys.platform)\n"
        "for path in ('/', '/tmp', '/etc/passwd', '/proc/self/environ'):\n    try:\n        os.stat(path)\n"
        "        print(path, 'is there')\n    except OSError:\n        pass\n"
        "try:\n    input()\nexcept EOFError:\n    print('no input')"
    )
    (seconds,) = printed("import time\nt = time.process_time()\ntime.sleep(0.1)\ntime.process_time() - t")
    assert 0.1 <= float(seconds) < 20
    assert printed(code, env={"A": "é"}) == ["['A', 'PYTHONHASHSEED'] / wasi\nno input\n"]


@slow
def test_named_folders_are_all_of_the_host_that_is_reached(compiled, tmp_path):
    before = temporary()
    (tmp_path / "named" / "deep").mkdir(parents=True)
    (tmp_path / "named" / "deep" / "a.txt").write_text("a")
    (tmp_path / "one.txt").write_text("one")
    (tmp_path / "secret").write_text("canary")
    (tmp_path / "named" / "link").symlink_to(tmp_path / "secret")
    tries = (
        "open('/files/many/link').read()",
        "open('/files/many/../../secret').read()",
        "open(output_folder + '/../secret').read()",
        "os.symlink('/etc/passwd', output_folder + '/link') or open(output_folder + '/link').read()",
        "os.symlink('../../secret', output_folder + '/up') or open(output_folder + '/up').read()",
        "os.link('/files/one', output_folder + '/one')",
        "open('/files/one', 'w')",
        "open('/files/many/new', 'w')",
        "os.remove('/files/many/deep/a.txt')",
        "os.rename('/files/many/deep', output_folder + '/deep')",
        "os.truncate('/files/many/deep/a.txt', 0)",
        "os.utime('/files/many/deep/a.txt', (1, 1))",
    )
    code = (
        "import os\nprint(files, output_folder, sorted(os.listdir('/files')), os.listdir('/files/many/deep'))\n"
        f"for one in {tries!r}:\n    try:\n        print(one, eval(one))\n    except OSError:\n        pass\n"
        "open(output_folder + '/kept.txt', 'w').write('kept')"
    )
    files, output = {"many": tmp_path / "named", "one": tmp_path / "one.txt"}, tmp_path / "out"
    with pytest.warns(UserWarning, match="1 of what cells wrote was not copied to .*: 'up': neither"):
        (said,) = printed(code, files=files, output=output)
    assert said == "{'many': '/files/many', 'one': '/files/one'} /output ['one'] ['a.txt']\n4\n"
    assert (tmp_path / "named" / "deep" / "a.txt").read_text() == "a"
    assert [path.name for path in output.iterdir()] == ["kept.txt"]
    assert temporary() == before


def temporary():
    """The folders of this process: others test beside it."""
    return sorted(path.name for path in Path(tempfile.gettempdir()).glob(f"rlm-[fo]*-{os.getpid()}-*"))


@slow
def test_too_much_output_ends_the_worker(compiled, tmp_path, monkeypatch):
    monkeypatch.setattr(written, "_POLL", 0.02)
    code = "import time\nfor i in range(9): open(f'/output/{i}', 'wb').write(bytes(1 << 20))\ntime.sleep(9)"
    with pytest.warns(UserWarning, match=r"\d of what cells wrote was not copied"):
        flood, after = run(code, "1", output=tmp_path, disk_mb=4)
    assert flood.lost == "it wrote more than 4 MiB; remove some"
    assert (after.output, after.lost) == ("1\n", None)


def test_a_file_that_cannot_be_copied_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(wasm_module, "compiled", lambda: "")
    (tmp_path / "a").write_text("a")
    launcher = WasmLauncher(Sandbox("wasm", files={"a": tmp_path / "a"}))
    (tmp_path / "a").unlink()
    before = temporary()

    async def main():
        with contextlib.closing(load("x")) as context:
            await launcher.open(context, Limits())

    with pytest.raises(SandboxError, match=r"files\['a'\] can't be copied: "):
        asyncio.run(main())
    assert temporary() == before


@slow
def test_a_worker_ends_with_its_stream_however_busy(compiled):
    async def main():
        with contextlib.closing(load("x")) as context:
            environment = await WasmLauncher().open(context, Limits())
        session = Session(
            environment, functions=[], question="", limits=Limits(), max_output=100, on_call=echo, env=environment.env
        )
        await session.start()
        worker = session._worker
        task = asyncio.create_task(session.run(Cell("while True:\n    pass")))
        await asyncio.sleep(0.3)
        assert worker.cpu_seconds() > 0
        worker.writer.close()
        began = time.monotonic()
        how = await worker.wait()
        await task
        await environment.close()
        return how, time.monotonic() - began

    how, seconds = asyncio.run(main())
    assert how == "it exited with status 0"
    assert seconds < 5


@slow
def test_a_session_asks_twice_with_a_child_a_tool_and_a_context_more(compiled):
    first = (
        "child = rlm_query('what is it?', context=grep('needle')[0])\nfound = look('k')\n"
        "FINAL([child, found, len(context)])"
    )
    second = "FINAL([found, history[0]['answer'], context_1, grep('alpha')[0].where])"
    model = Scripted([f"```repl\n{code}\n```" for code in (first, "FINAL(context)", second)])
    rlm = RLM(model=model, sandbox="wasm", route="never", tools=[look], limits=Limits(depth=2))
    with rlm.session("hay\nthe needle is here\nhay\n") as session:
        assert session.ask("q").answer == ["the needle is here", "K", 27]
        session.add("alpha beta")
        assert session.ask("again").answer == ["K", ["the needle is here", "K", 27], "alpha beta", "context_1:1"]
    assert "- `one_thread`: this Python has one thread" in "\n".join(
        message.content for message in model.requests[0].messages
    )


def look(key: str) -> str:
    """Looks a key up."""
    return key.upper()


@slow
@pytest.mark.parametrize(("text", "refused"), [("x" * 2**24, True), ("é" * 2**23, False)])
def test_the_input_takes_nothing_of_the_limit(text, refused, compiled):
    """Cells have what they may, and as much as 64 MiB and what loading took beside."""
    held, more = run(
        "held = bytearray(64 << 20)\nlen(context)",
        "more = bytearray(90 << 20)",
        value=text,
        limits=Limits(memory_mb=64),
    )
    assert (held.output, held.error) == (f"{len(text)}\n", None)
    assert (more.error or "").endswith("MemoryError") == refused


async def until(done):
    for _ in range(1000):
        if done():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it does not happen")


@slow
def test_cpu_time_is_known_where_there_is_no_proc(compiled):
    async def main():
        with contextlib.closing(load("x")) as context, pytest.MonkeyPatch.context() as patch:
            patch.setattr(wasm_run.sys, "platform", "darwin")
            environment = await WasmLauncher().open(context, Limits())
            worker = await environment.start()
        await until(lambda: worker.cpu is not None)
        await environment.close()
        return worker.cpu

    assert asyncio.run(main()) >= 0  # `ps` counts whole seconds here


@slow
def test_a_start_that_is_cancelled_leaves_no_process(compiled):
    async def main():
        with contextlib.closing(load("x" * 50_000_000)) as context:
            environment = await WasmLauncher().open(context, Limits())
        starting = asyncio.create_task(environment.start())
        await until(lambda: environment._run._workers._all)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        (worker,) = environment._run._workers._all
        how = await worker.wait()
        await environment.close()
        return how

    assert asyncio.run(main()) == "it was killed by SIGKILL"


@pytest.mark.parametrize("option", [{"network": ("a.b",)}, {"image": "x"}])
def test_what_cannot_be_kept_is_refused(option):
    with pytest.raises(ConfigError, match=rf"'wasm' can't keep `{next(iter(option))}`; one that can: "):
        find_launcher(Sandbox("wasm", **option))


def test_less_than_one_cpu_is_refused_and_more_are_not_used():
    assert find_launcher(Sandbox("wasm", cpus=4)).name == "wasm"
    with pytest.raises(ConfigError) as told:
        find_launcher(Sandbox("wasm", cpus=0.5))
    assert str(told.value) == (
        "a worker of the sandbox 'wasm' is one thread, which has a CPU: `cpus` is 1 or more there, not 0.5"
    )


@slow
def test_packages_of_pure_python_are_there_and_compiled(compiled, tmp_path, monkeypatch):
    needs = ("rlm-other; sys_platform == 'wasi'", "rlm-not; python_version >= '3.13'")
    make_wheel(tmp_path, "rlm-example", "import rlm_other\nvalue = rlm_other.value", needs=needs)
    make_wheel(tmp_path, "rlm-other", "value = 42")
    make_wheel(tmp_path, "rlm-broken", "this is no Python")
    make_wheel(tmp_path, "rlm-machine", "", tag="cp312-cp312-manylinux_2_17_x86_64")
    only_from(monkeypatch, tmp_path)
    monkeypatch.setattr("rlm.sandbox.packages.home", lambda: tmp_path / "home")
    code = (
        "import rlm_example, os\nprint(rlm_example.value, packages, os.path.exists(rlm_example.__cached__), "
        "sorted(os.listdir(os.path.dirname(rlm_example.__cached__))))\n"
        "try:\n    open('/packages/more', 'w')\nexcept OSError as error:\n    print(type(error).__name__)\n"
        "import rlm_broken"
    )
    (result,) = run(code, packages=["rlm-example", "rlm-broken"])
    shown, refused = result.output.splitlines()
    assert shown == (
        "42 ['rlm-example', 'rlm-broken'] True ['rlm_example.cpython-312.pyc', 'rlm_other.cpython-312.pyc']"
    )
    assert refused in ("PermissionError", "OSError")
    assert "SyntaxError" in result.error
    with pytest.raises(ConfigError) as told:
        run("1", packages=["rlm-machine"])
    assert str(told.value).startswith(
        "packages can't be installed for Python 3.12.0 (wasi wasm32, pure Python alone): ERROR: "
    )
    assert str(told.value).endswith("No matching distribution found for rlm-machine")


def test_all_is_enforced_where_it_is_installed(monkeypatch, tmp_path):
    assert WasmLauncher().why_not() is None
    assert WasmLauncher().enforces() == frozenset(PROPERTIES)
    assert WasmLauncher(Sandbox("wasm", output=tmp_path)).enforces() == frozenset(PROPERTIES) - {"disk"}
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "wasmtime" else found(name))
    assert WasmLauncher().enforces() == frozenset()
    assert WasmLauncher().why_not() == (
        "the sandbox 'wasm' takes wasmtime and a Python for it: pip install 'rlm-engine[wasm]'"
    )
    with pytest.raises(SandboxUnavailableError, match=r"rlm-engine\[wasm\]"):
        wasm_module.compiled()
