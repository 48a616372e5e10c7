"""E2B: its own SDK against the double, then our launcher over both."""

import asyncio
import contextlib

import e2b
import pytest

from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox.far_worker import starting
from rlm.sandbox.launchers import e2b as launcher
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.options import Sandbox
from rlm.types import Cell
from sandbox.doubles.e2b import E2B, KEY
from sandbox.launchers import far


@pytest.fixture
def service(monkeypatch):
    with E2B() as double:
        for name, value in double.variables().items():
            monkeypatch.setenv(name, value)
        yield double


class TestSdk:
    """What the vendor's SDK makes of the double: files, a process with input and output, its end, the sandbox's."""

    def test_a_sandbox_is_made_listed_and_killed(self, service):
        async def scene():
            sandbox = await e2b.AsyncSandbox.create(
                timeout=300, metadata={"run": "1"}, envs={"A": "b"}, allow_internet_access=False
            )
            await e2b.AsyncSandbox.create(metadata={"run": "2"})
            query = e2b.SandboxQuery(metadata={"run": "1"})
            listed = [one.sandbox_id for one in await e2b.AsyncSandbox.list(query).next_items()]
            await sandbox.set_timeout(600)
            shown = await sandbox.commands.run("echo $A; pwd")
            assert await sandbox.kill() is True
            assert await sandbox.kill() is False
            return sandbox, listed, shown.stdout

        sandbox, listed, shown = asyncio.run(scene())
        assert listed == [sandbox.sandbox_id]
        place = service.gone[0]
        assert shown == f"b\n{place.home}\n"
        assert place.created["timeout"] == 300
        assert place.created["allow_internet_access"] is False

    def test_files_are_written_and_read_as_they_are(self, service):
        async def scene():
            sandbox = await e2b.AsyncSandbox.create()
            entries = [{"path": "a/b.bin", "data": bytes(range(256))}, {"path": "c", "data": b""}]
            await sandbox.files.write_files(entries)
            with pytest.raises(e2b.FileNotFoundException):
                await sandbox.files.read("nothing")
            return await sandbox.files.read("a/b.bin", format="bytes")

        assert asyncio.run(scene()) == bytes(range(256))

    def test_a_process_takes_input_in_order_and_is_killed(self, service):
        async def scene():
            sandbox = await e2b.AsyncSandbox.create()
            printed, all_there = [], asyncio.Event()

            def on_stdout(text):
                printed.append(text)
                if "".join(printed).count("\n") == 3:
                    all_there.set()

            handle = await sandbox.commands.run("exec cat", background=True, stdin=True, on_stdout=on_stdout, timeout=0)
            for line in (b"1\n", b"2\n", b"3\n"):
                await handle.send_stdin(line)
            await asyncio.wait_for(all_there.wait(), 5)
            assert await handle.kill() is True
            with pytest.raises(e2b.CommandExitException) as ended:
                await handle.wait()
            return "".join(printed), ended.value.exit_code

        assert asyncio.run(scene()) == ("1\n2\n3\n", 137)

    def test_a_wrong_key_and_a_sandbox_that_is_gone_are_told(self, service):
        async def scene():
            with pytest.raises(e2b.AuthenticationException):
                await e2b.AsyncSandbox.create(api_key="e2b_" + "0" * 40)
            sandbox = await e2b.AsyncSandbox.create()
            await asyncio.to_thread(service.expire, sandbox.sandbox_id)
            with pytest.raises(e2b.TimeoutException, match="was not found"):
                await sandbox.commands.run("true")

        asyncio.run(scene())


class TestLauncher:
    @pytest.mark.slow
    def test_lies_do_not_get_through(self, service, tmp_path):
        far.lies_do_not_get_through("e2b", service, tmp_path)

    @pytest.mark.slow
    def test_the_contract_holds(self, service):
        far.the_contract_holds("e2b", service)

    def test_a_run_goes_all_the_way(self, service, tmp_path):
        place = far.a_run_goes_all_the_way("e2b", service, tmp_path)
        assert place.created["network"]["denyOut"] == ["0.0.0.0/0"]
        assert place.created["network"]["allowOut"] == []
        assert place.created["metadata"] == {"made-by": "rlm-engine"}
        assert place.created["templateID"] == "base"
        assert KEY not in str(place.created)

    def test_a_dead_host_leaves_a_deadline(self, service):
        place = far.a_dead_host_leaves_a_deadline("e2b", service)
        assert place.created["timeout"] == 300
        assert "autoPause" not in place.created

    @pytest.mark.slow
    def test_a_killed_host_leaves_what_ends_at_the_deadline(self, service):
        place = far.a_killed_host("e2b", service, lambda place: len(place.running()) == 1)
        service.expire(place.name)
        assert place.running() == []

    def test_a_living_host_moves_the_deadline_on(self, service, monkeypatch):
        monkeypatch.setattr(launcher, "_LEASE", 0.3)

        async def scene():
            async with far.opened("e2b"):
                await far.until(lambda: service.requests.count("POST /sandboxes/sbx1/timeout") >= 2)

        asyncio.run(scene())

    def test_nothing_is_kept_of_what_a_worker_printed(self, service):
        async def scene():
            async with far.opened("e2b") as (session, _):
                assert len((await session.run(Cell("print('x' * 5000)"))).output) > 1900
                handle = session._worker._kill.__self__
                return handle.stdout, handle.stderr

        assert asyncio.run(scene()) == ("", "")

    def test_what_a_command_prints_is_bounded(self, service):
        far.what_a_command_prints_is_bounded("e2b", service)

    def test_a_lost_machine_is_told(self, service):
        lost, told = far.a_lost_machine_is_told("e2b", service)
        assert lost.startswith(("it was killed by SIGKILL", "its stream broke: E2B: "))
        assert told.startswith("E2B: SandboxNotRunningException: The sandbox was not found")

    def test_hosts_that_are_let_through(self, service):
        async def scene():
            sandbox = Sandbox("e2b", network=("pypi.org", "10.0.0.1"), image="mine", packages=())
            async with far.opened(find_launcher(sandbox)):
                return next(iter(service.places.values())).created

        created = asyncio.run(scene())
        assert created["network"]["allowOut"] == ["pypi.org", "10.0.0.1"]
        assert created["network"]["denyOut"] == ["0.0.0.0/0"]
        assert created["templateID"] == "mine"

    def test_what_it_enforces(self, service):
        everything = {"files", "network", "memory", "time", "cpu", "processes", "disk"}
        assert find_launcher("e2b").enforces() == everything
        assert find_launcher(Sandbox("e2b", network=("10.0.0.1",))).enforces() == everything
        assert find_launcher(Sandbox("e2b", network=("pypi.org",))).enforces() == everything - {"network"}

    @pytest.mark.slow
    def test_packages_are_installed_before_the_network_is_shut(self, service):
        async def scene():
            sandbox = Sandbox("e2b", packages=("no-such-package-1e5a==0",))
            with pytest.raises(SandboxError, match="E2B: CommandExitException"):
                async with far.opened(find_launcher(sandbox)):
                    pass

        asyncio.run(scene())
        (place,) = service.gone
        assert "network" not in place.created

    def test_a_service_that_is_busy_is_asked_again(self, service):
        service.fails = [503]

        async def scene():
            async with far.opened("e2b") as (session, _):
                return (await session.run(Cell("1 + 1"))).output

        assert asyncio.run(scene()) == "2\n"
        assert service.requests[:2] == ["POST /v2/sandboxes"] * 2

    def test_a_key_that_is_refused_is_not_shown(self, service, monkeypatch):
        wrong = "e2b_" + "7" * 40
        monkeypatch.setenv("E2B_API_KEY", wrong)

        async def scene():
            with pytest.raises(SandboxUnavailableError) as told:
                async with far.opened("e2b"):
                    pass
            return str(told.value)

        told = asyncio.run(scene())
        assert told.startswith("no machine could be had: E2B: AuthenticationException")
        assert wrong not in told

    def test_nothing_runs_without_a_key_or_the_sdk(self, service, monkeypatch):
        far.nothing_runs_without_a_key("e2b", service, monkeypatch, "E2B_API_KEY")
        far.nothing_runs_without_the_sdk("e2b", "e2b", monkeypatch)


class TestFarWorker:
    """Streams that a hostile worker breaks, which no vendor's SDK would."""

    @pytest.mark.parametrize(
        ("fed", "told"),
        [
            ("!!!!\n", "the worker broke its stream: a line that is not base64"),
            ("A" * 200_000, "the worker broke its stream: a line without an end"),
            ("\u2603\n", "the worker broke its stream: a line that is not base64"),
        ],
    )
    def test_lines_that_no_worker_writes_end_the_stream(self, fed, told):
        async def scene():
            async def never(*_):
                await asyncio.Event().wait()

            async with starting(text=True) as worker:
                worker.attach(never, lambda: worker.feed(fed), never, contextlib.nullcontext)
                assert await worker.reader.read() == b""
                how = await worker.wait()
                worker.writer.transport.abort()
            return how

        assert asyncio.run(scene()) == f"its stream broke: {told}"

    def test_lines_come_out_as_the_bytes_they_were_however_they_are_cut(self):
        async def scene():
            async with starting(text=True) as worker:
                for part in ("aG", "k=\nAP", "8=\n", "\n"):
                    await worker.feed(part)
                got = await worker.reader.readexactly(4)
                worker.kill()
                assert await worker.wait() == "it was never started"
            return got

        assert asyncio.run(scene()) == b"hi\x00\xff"
