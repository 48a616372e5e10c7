"""Whole runs in containers, engines that are far, fail or hold less, and hosts that die."""

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from rlm import RLM, ConfigError, Limits, Sandbox, SandboxError, SandboxUnavailableError
from rlm.context import load
from rlm.errors import WorkerDiedError
from rlm.lms.scripted import Scripted
from rlm.sandbox import reaper
from rlm.sandbox.containers import share
from rlm.sandbox.containers.engine import connect
from rlm.sandbox.containers.measure import _held
from rlm.sandbox.launchers import find_launcher
from rlm.types import Cell
from sandbox.containers.proxy import Proxy
from sandbox.engine import engine, podman  # noqa: F401
from sandbox.launchers import far
from sandbox.launchers.test_docker import opened, output, run
from sandbox.wheels import make_wheel, only_from

CELL = "```repl\n{}\n```"


def sandboxed(address, **options):
    return Sandbox("docker", options={"engine": address, **options.pop("options", {})}, **options)


def left(address, host=None):
    """What a host, or this process, has on the engine: other tests use the same one."""
    api = connect(address).api
    found = api.containers(all=True, filters={"label": reaper.HOST})
    volumes = api.volumes(filters={"label": reaper.HOST})["Volumes"] or []
    return [
        [one for one in each if (host or reaper.host_id()) in one["Labels"][reaper.HOST]] for each in (found, volumes)
    ]


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _nothing_left(engine):  # noqa: F811
    yield
    wait_for(lambda: left(engine) == [[], []])  # the engine removes by itself what has ended
    assert [path for path in Path("/dev/shm").glob(f"rlm-{reaper.host_id()}*") if any(path.iterdir())] == []


@pytest.mark.slow
def test_a_run_with_children_on_pieces_and_sub_calls(engine):  # noqa: F811
    def sub(request):
        if len(request.messages) > 1:  # it is the root of a child
            return CELL.format("FINAL(llm_query(context.strip()))")
        return request.messages[-1].content.upper()

    rlm = RLM(
        model=Scripted([CELL.format("FINAL(rlm_query_batched(['q', 'q'], chunks(size=4)[:2]))")]),
        sub_model=Scripted(sub, name="sub"),
        sandbox=sandboxed(engine),
        limits=Limits(depth=2, memory_mb=256),
        route="never",
    )
    done = rlm.completion("q", context="one two ")
    assert (done.status, done.answer) == ("done", ["ONE", "TWO"])


@pytest.mark.slow
def test_a_far_engine_gets_the_input_once(engine, tmp_path):  # noqa: F811
    (tmp_path / "one.txt").write_text("one")
    text = "a line of it\n" * 50_000
    with Proxy(engine) as proxy:
        sandbox = sandboxed(proxy.url, files={"table": tmp_path / "one.txt"}, output=tmp_path / "back")
        codes = [
            "len(context), open(files['table']).read()",
            "open(output_folder + '/x', 'w').write('x')",
            "open('/rlm/input', 'w')",
            "import os\nos._exit(1)",
            "import threading\nthreading.Thread(target=lambda: sum(i for i in range(10**10))).start()\nllm_query('x')",
        ]

        async def slow(name, args):
            await asyncio.sleep(20)

        limits = Limits(memory_mb=256, cell_seconds=0.6)
        first, second, third, fourth, fifth = run(sandbox, *codes, value=text, limits=limits, on_call=slow)
        assert first.output == f"({len(text)}, 'one')\n"
        assert second.error is None
        assert "Read-only file system" in third.error
        assert fourth.lost == "it exited with status 1"
        assert fifth.interrupted, "its CPU time is asked of the engine"
        assert (tmp_path / "back" / "x").read_text() == "x"
        connect(proxy.url).api.close()


@pytest.mark.slow
def test_an_engine_that_goes_away_is_a_lost_worker_and_then_an_error(engine, monkeypatch):  # noqa: F811
    monkeypatch.setattr("rlm.sandbox.containers.run._RETURNS", 0.1)
    with Proxy(engine) as proxy:

        async def main():
            async with opened(sandboxed(proxy.url)) as session:
                assert (await session.run(Cell("1"))).output == "1\n"
                proxy.cut()
                assert (await session.run(Cell("1"))).lost == "its container ended"
                with pytest.raises(WorkerDiedError) as error:
                    await session.run(Cell("1"))
                assert str(error.value).startswith(
                    "no container could be started, and the engine did not come back within 0.1 s: start it, and go on "
                    "with `rlm resume` (the container engine fails: "
                )

        asyncio.run(main())
        connect(proxy.url).api.close()
    wait_for(lambda: left(engine)[0] == [])
    reap_volumes(engine)


@pytest.mark.slow
def test_output_goes_on_where_all_containers_ended(engine, tmp_path):  # noqa: F811
    async def main():
        async with opened(sandboxed(engine, output=tmp_path / "out"), "an input") as session:
            await session.run(Cell("open(output_folder + '/first', 'w').close()"))
            for container in left(engine)[0]:
                await asyncio.to_thread(connect(engine).remove, container["Id"])
            assert (await session.run(Cell("1"))).lost is not None
            await session.run(Cell("open(output_folder + '/second', 'w').close()"))

    asyncio.run(main())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["second"]


@pytest.mark.slow
def test_an_engine_that_comes_back_is_a_lost_worker_and_no_more(engine):  # noqa: F811
    with Proxy(engine) as proxy:

        async def main():
            async with opened(sandboxed(proxy.url), "an input") as session:
                assert (await session.run(Cell("x = 1\nlen(context)"))).output == "8\n"
                proxy.cut()
                assert (await session.run(Cell("x"))).lost == "its container ended"
                going_on = asyncio.create_task(session.run(Cell("'x' in globals(), context")))
                await asyncio.sleep(0.3)
                proxy.come_back()
                return await going_on

        assert asyncio.run(main()).output == "(False, 'an input')\n"
        connect(proxy.url).api.close()
    wait_for(lambda: left(engine)[0] == [])
    reap_volumes(engine)


def reap_volumes(address):
    for volume in left(address)[1]:
        connect(address).api.remove_volume(volume["Name"], force=True)


@pytest.mark.slow
def test_a_container_that_is_removed_is_a_lost_worker(engine):  # noqa: F811
    async def main():
        async with opened(sandboxed(engine)) as session:
            await session.run(Cell("x = 1"))
            (container,) = left(engine)[0]
            removing = asyncio.create_task(asyncio.to_thread(connect(engine).remove, container["Id"]))
            first = await session.run(Cell("while True: pass"))
            await removing
            return first, await session.run(Cell("'x' in globals()"))

    first, second = asyncio.run(main())
    assert first.lost.startswith("it was killed by SIGKILL")
    assert second.output == "False\n"


HOST = """
import asyncio, contextlib, sys
sys.path.insert(0, {tests!r})
from rlm import Limits, Sandbox
from rlm.types import Cell
from sandbox.launchers.test_docker import opened
async def main():
    limits = Limits(cell_seconds=600, memory_mb=256)
    async with opened(Sandbox("docker", options={{"engine": {engine!r}}}, output={output!r}), limits=limits) as session:
        await session.run(Cell("1"))
        print("spins", flush=True)
        await session.run(Cell("import re\\nre.match('(a+)+$', 'a' * 60 + 'b')"))
asyncio.run(main())
"""


@pytest.mark.slow
def test_a_host_that_is_killed_leaves_nothing(engine, tmp_path):  # noqa: F811
    """Its worker holds the interpreter's lock, so that no thread of it sees that the stream is closed."""
    code = HOST.format(tests=str(Path(__file__).parents[2]), engine=engine, output=str(tmp_path / "out"))
    host = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert host.stdout.readline() == "spins\n"
        its = f"-{host.pid}-"
        assert len(left(engine, its)[0]) == 2  # the worker, and what holds its output
        host.send_signal(signal.SIGKILL)
        host.wait()
        began = time.monotonic()
        wait_for(lambda: left(engine, its)[0] == [], 5)
        assert time.monotonic() - began < 4
    finally:
        host.kill()
        host.wait()
        host.stdout.close()
    connect(engine).reap()  # as the next run does
    share.reap()
    assert left(engine, its) == [[], []]
    assert list(Path("/dev/shm").glob(f"rlm-*-{host.pid}-*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.0, 0.01, 0.03, 0.1, 0.3])
def test_a_run_that_is_cancelled_at_any_time_leaves_nothing(engine, tmp_path, after):  # noqa: F811
    async def use():
        async with opened(sandboxed(engine, output=tmp_path / "out"), "x" * 1_000_000) as session:
            await session.run(Cell("1"))

    async def main():
        task = asyncio.create_task(use())
        await asyncio.sleep(after)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.slow
def test_the_next_run_removes_what_never_started(engine):  # noqa: F811
    run(sandboxed(engine), "1")
    api = connect(engine).api
    image = api.images(quiet=True)[0]
    dead = reaper.host_id().rpartition("-")[0] + "-1"
    for host in (dead, reaper.host_id()):
        config = {"Image": image, "Cmd": ["x"], "Labels": {reaper.HOST: host, reaper.DEADLINE: "9999999999"}}
        api.create_container_from_config(config)
    run(sandboxed(engine), "1")
    (mine,) = left(engine)[0]
    assert mine["Labels"][reaper.HOST] == reaper.host_id()
    connect(engine).remove(mine["Id"])


def test_what_can_not_be_had_is_told(engine, tmp_path):  # noqa: F811
    refused = [
        ({"options": {"engine": "unix:///no/socket"}}, "no container engine answers at unix:///no/socket: start it "),
        ({"options": {"engine": "tcp://127.0.0.1:9"}}, "no container engine answers at tcp://127.0.0.1:9: start it "),
        ({"options": {"runtime": "kata"}}, "the engine has no runtime 'kata', only "),
        ({"image": "--help"}, "the engine has no image '--help': no such image: --help: invalid reference format"),
        ({"image": "127.0.0.1:9/no/image:1"}, "the engine has no image '127.0.0.1:9/no/image:1', and it can't be pul"),
        ({"options": {"engine": "ssh://host"}}, r"the engine's address is unix://PATH or tcp://HOST:PORT, not ssh://"),
    ]
    for options, said in refused:
        launcher = find_launcher(sandboxed(engine, **options))
        with pytest.raises((SandboxUnavailableError, ConfigError), match=said):
            run(launcher, "1")
        with contextlib.suppress(ConfigError):
            assert launcher.enforces() == frozenset()
    with pytest.raises(ConfigError, match="the option runtime of the docker sandbox is a str, not 1"):
        sandbox_of(runtime=1)
    with pytest.raises(ConfigError, match="the sandbox 'docker' can't keep `network`; one that can: "):
        find_launcher(Sandbox("docker", network=["pypi.org"]))


def sandbox_of(**options):
    return find_launcher(Sandbox("docker", options=options))


def import_image(address, tag, files, changes=()):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            tar.addfile(info, io.BytesIO(data))
    connect(address).api.import_image_from_data(packed.getvalue(), repository="rlm-test", tag=tag, changes=changes)
    return f"rlm-test:{tag}"


def test_an_image_without_python_is_told(engine):  # noqa: F811
    image = import_image(engine, "empty", {"x": b""})
    launcher = find_launcher(sandboxed(engine, image=image))
    with pytest.raises(SandboxUnavailableError, match=r"the container engine refuses: .*python3.* not found"):
        run(launcher, "1")


@pytest.mark.parametrize("whole", [pytest.param(True, marks=pytest.mark.slow), False])
def test_an_installation_ends_with_the_run_that_is_cancelled(whole, engine, tmp_path, monkeypatch):  # noqa: F811
    told, slow = tmp_path / "pid", tmp_path / "python"
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *--version) exit;; esac\necho $$ > {told}.new; mv {told}.new {told}\nexec sleep 60\n'
    )
    slow.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(slow))
    sandbox = sandboxed(engine, packages=["rlm-example"])

    async def main():
        if whole:
            run = RLM(model=Scripted([]), sandbox=sandbox, route="never").acompletion("q", context="text")
        else:
            with contextlib.closing(load("text")) as context:
                run = find_launcher(sandbox).open(context, Limits())
        running = asyncio.ensure_future(run)
        await far.until(told.exists)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 5)

    asyncio.run(main())
    pip = int(told.read_text())
    wait_for(lambda: not Path("/proc", str(pip)).exists())


@pytest.mark.slow
def test_packages_go_into_the_image(engine, tmp_path, monkeypatch):  # noqa: F811
    make_wheel(tmp_path, "rlm-example", "value = 42")
    only_from(monkeypatch, tmp_path)
    sandbox = sandboxed(engine, packages=["rlm-example==1.0"])
    assert output(sandbox, "import rlm_example\nrlm_example.value") == "42\n"
    monkeypatch.setenv("PIP_FIND_LINKS", "/no/folder")
    assert output(sandbox, "1") == "1\n", "the image is there"
    with pytest.raises(ConfigError, match="packages can't be installed: "):
        run(sandboxed(engine, packages=["rlm-other"]), "1")


@pytest.mark.slow
def test_cpus_and_the_volumes_of_an_image_are_limited(engine):  # noqa: F811
    api = connect(engine).api
    own = next(tag for one in api.images() for tag in one["RepoTags"] or () if tag.startswith("rlm-python:3"))
    from_own = b"FROM " + own.encode() + b"\nVOLUME /data\n"
    list(api.build(fileobj=io.BytesIO(from_own), tag="rlm-test:volume", rm=True))
    sandbox = sandboxed(engine, image="rlm-test:volume", cpus=0.5, disk_mb=2)
    code = """
try:
    with open("/data/x", "wb") as file:
        while True: file.write(bytes(1 << 20))
except OSError as error:
    print(error.strerror)
import pathlib
print([pathlib.Path(path).read_text().split()[0] for path in
       ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu.max") if pathlib.Path(path).exists()])
"""
    assert output(sandbox, code) == "No space left on device\n['50000']\n"


@pytest.mark.parametrize(
    ("memory", "holds"),
    [
        ('["memory", false]\n["memory", true]\n', True),
        ('["memory", false]\n', True),
        ('["memory", false]\n' * 2, False),
    ],
)
def test_memory_holds_where_what_takes_too_much_is_ended(memory, holds):
    said = "".join(f'["{name}", true]\n' for name in ("files", "network", "processes", "disk", "mount"))
    assert ("memory" in _held(said + memory)) is holds
    with pytest.raises(SandboxError, match="Python does not run in a container as it should: it said nothing"):
        _held("")


@pytest.mark.slow
def test_what_is_found_out_is_kept_for_a_day(engine, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.setattr("rlm.sandbox.containers.measure.home", lambda: tmp_path)
    launcher = find_launcher(sandboxed(engine))
    assert launcher.enforces() == {"files", "network", "memory", "time", "cpu", "processes", "disk"}
    (kept,) = (tmp_path / "engines").iterdir()
    kept.write_text('["time", "files", "x"]')
    assert find_launcher(sandboxed(engine)).enforces() == {"time", "files"}
    os.utime(kept, (time.time() - 90_000,) * 2)
    assert "memory" in find_launcher(sandboxed(engine)).enforces()


@pytest.mark.slow
def test_an_engine_that_does_not_see_our_files_gets_them_uploaded(engine, monkeypatch, tmp_path):  # noqa: F811
    """As in the virtual machine of a desktop, or where this process is in a container itself."""
    monkeypatch.setattr("rlm.sandbox.containers.measure.home", lambda: tmp_path)
    bind = share._bind
    monkeypatch.setattr(share, "_bind", lambda path, target: {**bind(path, target), "Source": f"/no{path}"})
    assert output(sandboxed(engine), "context") == "'one two\\n'\n"
    (kept,) = (tmp_path / "engines").iterdir()
    assert "mount" not in kept.read_text()
