"""The docker launcher on a real engine, with runc and with gVisor."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from rlm import Limits, Sandbox
from rlm.context import load
from rlm.errors import ConfigError
from rlm.sandbox import reaper
from rlm.sandbox.containers.engine import connect
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers.base import ChildContext
from rlm.sandbox.session import Session
from rlm.types import Cell
from sandbox.engine import engine, podman  # noqa: F401
from sandbox.support import FUNCTIONS, echo

LIMITS = Limits(memory_mb=256)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("runsc", "podman")]


@pytest.fixture(params=["runc", *SLOW])
def sandbox(request, engine):  # noqa: F811
    """Makes a `Sandbox` on the engine, with each runtime, and on podman."""

    def make(**options):
        own = {"engine": engine, "runtime": request.param, **options.pop("options", {})}
        if request.param == "podman":
            own = {**own, "engine": request.getfixturevalue("podman"), "runtime": "runc"}
        return Sandbox("docker", options=own, **options)

    make.is_podman = request.param == "podman"
    yield make
    if make.is_podman:
        check_nothing_left(request.getfixturevalue("podman"))


@pytest.fixture
def plain(engine):  # noqa: F811
    """Makes a `Sandbox` on the engine with its own runtime: for what does not depend on that."""

    def make(**options):
        return Sandbox("docker", options={"engine": engine, **options.pop("options", {})}, **options)

    return make


@pytest.fixture(autouse=True)
def _nothing_left(engine):  # noqa: F811
    yield
    check_nothing_left(engine)


def check_nothing_left(engine):  # noqa: F811
    own = {"label": f"{reaper.HOST}={reaper.host_id()}"}  # other tests use the same engine
    api = connect(engine).api
    deadline = time.monotonic() + 10
    while api.containers(all=True, filters=own):  # the engine removes by itself what has ended
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (api.volumes(filters=own)["Volumes"] or []) == []
    assert [path for path in Path("/dev/shm").glob(f"rlm-{reaper.host_id()}*") if any(path.iterdir())] == []


@contextlib.asynccontextmanager
async def opened(sandbox, value="one two\n", *, limits=LIMITS, pieces=None, on_call=echo):
    with contextlib.closing(load(value)) as context:
        environment = await find_launcher(sandbox).open(context, limits)
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
        yield session
    finally:
        try:
            await session.close()
        finally:  # where that is cancelled, too
            await environment.close()


def run(sandbox, *codes, value="one two\n", **options):
    async def main():
        async with opened(sandbox, value, **options) as session:
            return [await session.run(Cell(code)) for code in codes]

    return asyncio.run(main())


def output(sandbox, code, **options):
    done = run(sandbox, code, **options)[0]
    assert (done.error, done.lost) == (None, None)
    return done.output


@pytest.mark.slow
def test_it_runs_cells_like_any_other(sandbox):
    codes = [
        "x = len(context)\nllm_query(question)",
        "while True: pass",
        "x",
        "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
        "import os\nos._exit(3)",
        "'x' in globals()",
    ]
    first, second, third, fourth, fifth, sixth = run(sandbox(), *codes, limits=Limits(cell_seconds=1))
    assert first.output == "'llm_query why?'\n"
    assert (second.interrupted, second.lost) == (True, None)
    assert third.output == "8\n"
    assert (fourth.interrupted, fourth.lost) == (
        True,
        None,
    )  # it holds the interpreter's lock: only a signal reaches it
    # podman tells status 0 for every container that it removes by itself.
    assert fifth.lost == ("its container ended" if sandbox.is_podman else "it exited with status 3")
    assert sixth.output == "False\n"


CONFINED = """
import errno, os, socket
def fails(what, *args):
    try:
        what(*args)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "it works"
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(os.getuid(), os.getgid(), status["CapEff"], status["CapBnd"])
print([name for name in os.listdir("/sys/class/net")] if os.path.isdir("/sys/class/net") else ["lo"])
print(fails(lambda: socket.create_connection(("192.0.2.1", 80), 0.2)))
print([fails(open, path + "/x", "w") for path in ("/", "/etc", "/rlm", "/usr/bin", os.path.expanduser("~root"))])
print(sorted(set(os.environ) - {"LC_CTYPE"}))
"""


def test_it_is_confined(sandbox, monkeypatch):
    monkeypatch.setenv("A_SECRET_OF_THE_HOST", "x")
    user, links, connected, wrote, env = output(sandbox(env={"GIVEN": "1"}), CONFINED).splitlines()
    assert user == "65534 65534 0000000000000000 0000000000000000"
    assert links == "['lo']"
    assert connected in ("ENETUNREACH", "EHOSTUNREACH")
    assert set(eval(wrote)) <= {"EROFS", "EACCES"}
    assert "A_SECRET_OF_THE_HOST" not in env
    assert "'GIVEN'" in env


@pytest.mark.slow
def test_memory_is_limited_for_one_process_and_for_all_together(sandbox):
    in_children = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        try:
            x = bytearray(120 << 20)
            for at in range(0, len(x), 4096): x[at] = 1
            time.sleep(60)
        finally:
            os._exit(1)
print(os.WIFSIGNALED(os.wait()[1]))
"""
    small = Limits(memory_mb=256, cell_seconds=30)
    first, second = run(sandbox(disk_mb=1), "x = bytearray(1 << 30)", in_children, limits=small)
    assert first.error.splitlines()[-1] == "MemoryError"
    # Either a child is ended for it, and the cell goes on, or the container is; the host's memory is safe both ways.
    assert second.output == "True\n" or "SIGKILL" in str(second.lost)


@pytest.mark.slow
def test_processes_are_limited(plain):
    fork = """
import os
children = 0
try:
    while True:
        pid = os.fork()
        if pid == 0:
            import time; time.sleep(60)
        children += 1
except OSError as error:
    print(type(error).__name__, children < 128)
"""
    assert output(plain(), fork) == "BlockingIOError True\n"


def test_disk_is_limited(sandbox):
    write = """
try:
    with open("/tmp/x", "wb") as file:
        while True: file.write(bytes(1 << 20))
except OSError as error:
    import os
    print(error.strerror, os.path.getsize("/tmp/x") >> 20)
"""
    assert output(sandbox(disk_mb=4), write) == "No space left on device 4\n"


@pytest.mark.slow
def test_every_kind_of_input_and_pieces_of_it(plain, tmp_path):
    assert output(plain(), "context['a']", value={"a": [1]}) == "[1]\n"
    (tmp_path / "a.txt").write_text("alpha")
    (tmp_path / "b.txt").write_text("beta")
    assert output(plain(), "context['b.txt']", value=tmp_path) == "'beta'\n"
    assert output(plain(), "context", value="abc😀ef", pieces=ChildContext(2, 4, "")) == "'c😀'\n"


def test_files_and_output(sandbox, tmp_path):
    given, back = tmp_path / "given", tmp_path / "back"
    given.mkdir(mode=0o755)
    (given / "one.txt").write_text("one")
    code = """
import os
print(open(files["table"]).read(), os.listdir(files["all"]))
try: open(files["table"], "w")
except OSError as error: print(type(error).__name__)
os.mkdir(output_folder + "/below")
open(output_folder + "/below/two.txt", "w").write("two")
os.symlink("/etc/passwd", output_folder + "/link")
"""
    files = {"table": given / "one.txt", "all": given}
    with pytest.warns(UserWarning, match="1 of what cells wrote was not copied to .*: 'output/link': neither"):
        printed = output(sandbox(files=files, output=back), code)
    assert printed.splitlines()[0] == "one ['one.txt']"
    assert printed.splitlines()[1] in ("OSError", "PermissionError")
    assert [str(path.relative_to(back)) for path in sorted(back.rglob("*"))] == ["below", "below/two.txt"]
    assert (back / "below" / "two.txt").read_text() == "two"
    (given / "one.txt").chmod(0o600)
    with pytest.raises(ConfigError, match=r"files\['table'\] can't be read by a container: chmod o\+rX "):
        run(sandbox(files=files), "1")
    (given / "one.txt").chmod(0o644)


@pytest.mark.slow
def test_the_output_of_a_lost_worker_comes_back_too(plain, tmp_path):
    first, second = run(
        plain(output=tmp_path / "back", disk_mb=2),
        "import os\nopen(output_folder + '/a', 'w').write('a')\nos._exit(1)",
        "open(output_folder + '/a').read()",
    )
    assert first.lost == "it exited with status 1"
    assert second.output == "'a'\n"
    assert (tmp_path / "back" / "a").read_text() == "a"
