"""Daytona: its own SDK against the double, then our launcher over both."""

import asyncio
import os

import daytona
import pytest

from rlm.errors import SandboxUnavailableError
from rlm.sandbox import vendor
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.options import Sandbox
from rlm.types import Cell, Limits
from sandbox.doubles.daytona import KEY, Daytona
from sandbox.launchers import far

# aiohttp's own, in the double, where a chunk ends within a part.
pytestmark = pytest.mark.filterwarnings("ignore:unread_data:DeprecationWarning")


@pytest.fixture
def service(monkeypatch):
    with Daytona() as double:
        for name, value in double.variables().items():
            monkeypatch.setenv(name, value)
        yield double


class TestSdk:
    """What the vendor's SDK makes of the double: a sandbox, commands, files, and a terminal that is raw."""

    def test_a_sandbox_with_commands_and_files(self, service):
        async def scene():
            async with daytona.AsyncDaytona() as client:
                sandbox = await client.create(daytona.CreateSandboxFromSnapshotParams(network_block_all=True))
                done = await sandbox.process.exec("echo hi; echo oh >&2; exit 3")
                await sandbox.fs.upload_file(bytes(range(256)), "a/b")
                got = b"".join([chunk async for chunk in await sandbox.fs.download_file_stream("a/b")])
                await sandbox.refresh_activity()
                await sandbox.delete()
                with pytest.raises(daytona.DaytonaNotFoundError):
                    await client.get(sandbox.id)
                return done.exit_code, done.result, got

        assert asyncio.run(scene()) == (3, "hi\noh\n", bytes(range(256)))
        assert service.gone[0].created["networkBlockAll"] is True

    def test_a_terminal_carries_bytes_once_it_is_raw_and_is_killed(self, service):
        sent = os.urandom(50_000)

        async def scene():
            async with daytona.AsyncDaytona() as client:
                sandbox = await client.create()
                got, seen = bytearray(), []
                terminal = await sandbox.process.create_pty_session("one", lambda data: got.extend(data))
                await terminal.send_input("stty raw -echo; printf 'be%s\\n' gun; exec cat\n")
                await far.until(lambda: b"begun\n" in got)
                seen, got[:] = bytes(got), b""
                await terminal.send_input(sent)
                await far.until(lambda: len(got) >= len(sent))
                await terminal.kill()
                ended = await terminal.wait()
                await terminal.disconnect()
                await sandbox.delete()
                return seen, bytes(got), ended.exit_code

        seen, got, code = asyncio.run(scene())
        assert seen.endswith(b"begun\n")
        assert got == sent
        assert code == 137


class TestLauncher:
    @pytest.mark.slow
    def test_lies_do_not_get_through(self, service, tmp_path):
        far.lies_do_not_get_through("daytona", service, tmp_path)

    @pytest.mark.slow
    def test_the_contract_holds(self, service):
        far.the_contract_holds("daytona", service)

    def test_a_run_goes_all_the_way(self, service, tmp_path):
        place = far.a_run_goes_all_the_way("daytona", service, tmp_path)
        asked = place.created
        assert asked["networkBlockAll"] is True
        assert asked["labels"]["made-by"] == "rlm-engine"
        assert (asked["autoStopInterval"], asked["autoDeleteInterval"]) == (5, 0)
        assert "buildInfo" not in asked
        assert KEY not in str(asked)

    def test_a_dead_host_leaves_a_deadline(self, service):
        place = far.a_dead_host_leaves_a_deadline("daytona", service)
        assert (place.created["autoStopInterval"], place.created["ttlMinutes"]) == (5, 1440)

    def test_a_living_host_is_told_to_be_active(self, service, monkeypatch):
        lease = vendor.Lease
        monkeypatch.setattr(vendor, "Lease", lambda seconds, extend: lease(seconds / 3000, extend))

        async def scene():
            async with far.opened("daytona"):
                asked = "POST /api/sandbox/sandbox-1/last-activity"
                await far.until(lambda: service.requests.count(asked) >= 2)

        asyncio.run(scene())

    @pytest.mark.slow
    def test_a_lost_machine_is_told(self, service):
        lost, told = far.a_lost_machine_is_told("daytona", service)
        assert lost.startswith(("it was killed by SIGKILL", "its stream broke", "it was killed by SIGHUP"))
        assert told.startswith("Daytona: ")

    def test_images_resources_and_hosts(self, service):
        async def scene():
            options = {"packages": ("polars>=1",), "cpus": 1.5, "disk_mb": 3000}
            sandbox = Sandbox("daytona", network=("pypi.org", "10.0.0.1"), **options)
            async with far.opened(find_launcher(sandbox), limits=Limits(memory_mb=512, seconds=30)):
                return next(iter(service.places.values())).created

        asked = asyncio.run(scene())
        assert "polars>=1" in asked["buildInfo"]["dockerfileContent"]
        assert (asked["cpu"], asked["memory"], asked["disk"]) == (2, 3, 4)
        assert asked["networkBlockAll"] is False
        assert (asked["networkAllowList"], asked["domainAllowList"]) == ("10.0.0.1/32", "pypi.org")
        assert asked["ttlMinutes"] == 11

    def test_what_it_enforces(self, service):
        everything = {"files", "network", "memory", "time", "cpu", "processes", "disk"}
        assert find_launcher("daytona").enforces() == everything
        assert find_launcher(Sandbox("daytona", network=("pypi.org",))).enforces() == everything - {"network"}

    @pytest.mark.slow
    def test_a_service_that_is_busy_is_asked_once_more(self, service, monkeypatch):
        monkeypatch.setattr(vendor, "_PAUSE", 0.01)
        service.fails = [503]

        async def scene():
            async with far.opened("daytona") as (session, _):
                return (await session.run(Cell("1 + 1"))).output

        assert asyncio.run(scene()) == "2\n"

    def test_a_key_that_is_refused_is_not_shown(self, service, monkeypatch):
        monkeypatch.setenv("DAYTONA_API_KEY", "dtn_wrong_7777")

        async def scene():
            async with far.opened("daytona"):
                pass

        with pytest.raises(SandboxUnavailableError, match="no machine could be had: Daytona: ") as told:
            asyncio.run(scene())
        assert "Invalid credentials" in str(told.value)
        assert "7777" not in str(told.value)

    def test_nothing_runs_without_a_key_or_the_sdk(self, service, monkeypatch):
        far.nothing_runs_without_a_key("daytona", service, monkeypatch, "DAYTONA_API_KEY")
        far.nothing_runs_without_the_sdk("daytona", "daytona", monkeypatch)
