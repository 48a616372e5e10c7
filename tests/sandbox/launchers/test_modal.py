"""Modal: its own SDK against the double, then our launcher over both."""

import asyncio

import modal
import pytest
from modal.client import Client, _Client
from modal_proto import api_pb2 as api

from rlm.errors import SandboxUnavailableError
from rlm.sandbox import vendor
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers import modal as launcher
from rlm.sandbox.options import Sandbox
from rlm.types import Cell, Limits
from sandbox.doubles.modal import TOKEN, Modal
from sandbox.launchers import far


@pytest.fixture
def service(monkeypatch):
    with Modal() as double:
        for name, value in double.variables().items():
            monkeypatch.setenv(name, value)
        yield double
        if _Client._client_from_env is not None:  # the SDK keeps one for the process
            Client.from_env().close()


async def made(**options):
    app = await modal.App.lookup.aio("trial", create_if_missing=True)
    image = modal.Image.debian_slim(python_version="3.12")
    return await modal.Sandbox.create.aio("sleep", "60", app=app, image=image, **options)


class TestSdk:
    """What the vendor's SDK makes of the double: a sandbox, commands in it with bytes both ways, its end."""

    def test_a_sandbox_is_made_and_terminated(self, service):
        async def scene():
            sandbox = await made(timeout=60, block_network=True, cpu=(1.0, 2.0), memory=(64, 128), tags={"a": "b"})
            assert await sandbox.poll.aio() is None
            await sandbox.terminate.aio()
            return sandbox.object_id

        name = asyncio.run(scene())
        (place,) = service.gone
        asked = place.created.definition
        assert place.name == name
        assert (asked.timeout_secs, asked.resources.milli_cpu_max, asked.resources.memory_mb_max) == (60, 2000, 128)
        assert asked.network_access.network_access_type == api.NetworkAccess.BLOCKED

    def test_commands_take_and_give_bytes(self, service):
        async def scene():
            sandbox = await made()
            process = await sandbox.exec.aio("sh", "-c", "cat; echo oh >&2; exit 3", text=False)
            for data in (b"a\x00\xff", b"b" * 70_000):
                process.stdin.write(data)
                await process.stdin.drain.aio()
            process.stdin.write_eof()
            await process.stdin.drain.aio()
            printed = await process.stdout.read.aio(), await process.stderr.read.aio()
            code = await process.wait.aio()
            await sandbox.terminate.aio()
            await sandbox.detach.aio()
            return (*printed, code)

        assert asyncio.run(scene()) == (b"a\x00\xff" + b"b" * 70_000, b"oh\n", 3)

    def test_a_wrong_token_is_refused(self, service, monkeypatch):
        monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-other")
        with pytest.raises(modal.exception.AuthError, match="Token is not valid"):
            asyncio.run(made())


class TestLauncher:
    @pytest.mark.slow
    def test_lies_do_not_get_through(self, service, tmp_path):
        far.lies_do_not_get_through("modal", service, tmp_path)

    @pytest.mark.slow
    def test_the_contract_holds(self, service):
        far.the_contract_holds("modal", service)

    def test_a_run_goes_all_the_way(self, service, tmp_path):
        place = far.a_run_goes_all_the_way("modal", service, tmp_path, cpus=2)
        asked = place.created.definition
        assert asked.network_access.network_access_type == api.NetworkAccess.BLOCKED
        assert (asked.resources.milli_cpu, asked.resources.milli_cpu_max) == (2000, 2000)
        assert (asked.resources.memory_mb, asked.resources.memory_mb_max) == (512, 2128)
        assert [(tag.tag_name, tag.tag_value) for tag in place.created.tags] == [("made-by", "rlm-engine")]
        assert not any(secret in str(place.created) for secret in TOKEN.values())

    def test_a_dead_host_leaves_a_deadline(self, service):
        place = far.a_dead_host_leaves_a_deadline("modal", service)
        assert place.created.definition.timeout_secs == 86_400

    def test_the_runs_own_time_is_the_deadline(self, service):
        async def scene():
            async with far.opened("modal", limits=Limits(seconds=30, memory_mb=256)):
                (place,) = service.places.values()
                return place.created.definition.timeout_secs

        assert asyncio.run(scene()) == 630

    @pytest.mark.slow
    def test_a_killed_host_leaves_a_sandbox_that_ends_itself(self, service, monkeypatch):
        monkeypatch.setattr(launcher, "_LEASE", 1)

        async def scene():
            async with far.opened("modal") as (session, environment):
                await session.start()
                (place,) = service.places.values()
                await asyncio.sleep(1.5)
                assert service.places  # a living host renews it
                await environment._machine._lease.end()  # as when the host is gone
                await far.until(lambda: not service.places)
                return place

        assert asyncio.run(scene()).running() == []

    def test_what_a_command_prints_is_bounded(self, service):
        far.what_a_command_prints_is_bounded("modal", service)

    def test_a_lost_machine_is_told(self, service):
        lost, told = far.a_lost_machine_is_told("modal", service)
        assert lost.startswith(("it was killed by SIGKILL", "its stream broke: Modal: "))
        assert told.startswith("Modal: ")

    def test_images_packages_and_hosts(self, service):
        async def scene(sandbox):
            async with far.opened(find_launcher(sandbox)):
                return next(iter(service.places.values())).created.definition, service.image

        packages = Sandbox("modal", packages=("polars>=1",), network=("pypi.org", "10.0.0.1"))
        asked, image = asyncio.run(scene(packages))
        assert any("polars>=1" in line for line in image.dockerfile_commands)
        assert asked.network_access.network_access_type == api.NetworkAccess.ALLOWLIST
        assert list(asked.network_access.allowed_domains) == ["pypi.org"]
        assert list(asked.network_access.allowed_cidrs) == ["10.0.0.1/32"]
        _, image = asyncio.run(scene(Sandbox("modal", image="python:3.13-slim")))
        assert "FROM python:3.13-slim" in image.dockerfile_commands

    def test_what_it_enforces(self, service):
        most = {"files", "network", "memory", "time", "cpu", "processes"}
        assert find_launcher("modal").enforces() == most
        assert find_launcher(Sandbox("modal", network=("10.0.0.1",))).enforces() == most
        assert find_launcher(Sandbox("modal", network=("pypi.org",))).enforces() == most - {"network"}

    def test_a_service_without_room_is_asked_once_more(self, service, monkeypatch):
        monkeypatch.setattr(vendor, "_PAUSE", 0.01)
        service.fails = [1]

        async def scene():
            async with far.opened("modal") as (session, _):
                return (await session.run(Cell("1 + 1"))).output

        assert asyncio.run(scene()) == "2\n"
        service.fails = [1, 1]
        with pytest.raises(SandboxUnavailableError, match="no machine could be had: Modal: "):
            asyncio.run(scene())

    def test_a_token_that_is_refused_is_not_shown(self, service, monkeypatch):
        monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-wrong-7777")

        async def scene():
            async with far.opened("modal"):
                pass

        with pytest.raises(SandboxUnavailableError) as told:
            asyncio.run(scene())
        assert str(told.value) == "no machine could be had: Modal: AuthError: Token is not valid"

    def test_nothing_runs_without_a_token_or_the_sdk(self, service, monkeypatch):
        far.nothing_runs_without_a_key("modal", service, monkeypatch, *TOKEN)
        far.nothing_runs_without_the_sdk("modal", "modal", monkeypatch)
