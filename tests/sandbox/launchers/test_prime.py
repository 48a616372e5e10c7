"""Prime: its own SDK against the double, then our launcher over both."""

import asyncio
import contextlib

import prime_sandboxes as prime
import pytest

from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import vendor
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers import prime as prime_launcher
from rlm.sandbox.options import Sandbox
from rlm.types import Limits
from sandbox.doubles.prime import KEY, Prime
from sandbox.launchers import far
from sandbox.wheels import make_wheel


@pytest.fixture
def service(monkeypatch):
    with Prime() as double:
        for name, value in double.variables().items():
            monkeypatch.setenv(name, value)
        yield double


class TestSdk:
    """What the vendor's SDK makes of the double: a machine, commands, uploads, a live process."""

    def test_a_machine_with_commands_and_files(self, service):
        async def scene():
            async with prime.AsyncSandboxClient() as client:
                made = await client.create(prime.CreateSandboxRequest(name="one", docker_image="i", labels=["a"]))
                await client.wait_for_creation(made.id)
                done = await client.execute_command(made.id, "echo hi; echo oh >&2; exit 3")
                await client.upload_bytes(made.id, "a/b", bytes(range(256)), "b")
                process = await client.open_process(made.id, "cat a/b")
                got = b"".join([chunk async for chunk in process.stdout])
                code = await process.wait()
                await process.aclose()
                await client.delete(made.id)
                return done, got, code

        done, got, code = asyncio.run(scene())
        assert (done.stdout, done.stderr, done.exit_code) == ("hi\n", "oh\n", 3)
        assert (got, code) == (bytes(range(256)), 0)
        assert service.places == {}

    def test_a_live_process_takes_bytes_in_order_and_is_killed(self, service):
        async def scene():
            async with prime.AsyncSandboxClient() as client:
                made = await client.create(prime.CreateSandboxRequest(name="one", docker_image="i"))
                process = await client.open_process(made.id, "exec cat")
                got = bytearray()

                async def read():
                    async for chunk in process.stdout:
                        got.extend(chunk)

                reading = asyncio.create_task(read())
                for data in (b"\x00\xff", b"b" * 70_000, b"end"):
                    await process.write_stdin(data)
                await far.until(lambda: got.endswith(b"end"))
                await process.kill()
                code = await process.wait()
                await reading
                await process.aclose()
                await client.delete(made.id)
                return bytes(got), code

        assert asyncio.run(scene()) == (b"\x00\xff" + b"b" * 70_000 + b"end", 137)


class TestLauncher:
    @pytest.mark.slow
    def test_lies_do_not_get_through(self, service, tmp_path):
        far.lies_do_not_get_through("prime", service, tmp_path)

    @pytest.mark.slow
    def test_the_contract_holds(self, service):
        far.the_contract_holds("prime", service)

    def test_a_run_goes_all_the_way(self, service, tmp_path):
        asked = far.a_run_goes_all_the_way("prime", service, tmp_path).created
        assert asked["network_allowlist"] == []
        assert asked["labels"] == ["rlm-engine"]
        assert (asked["vm"], asked["docker_image"]) == (True, "python:3.13-slim")
        assert KEY not in str(asked)

    def test_a_dead_host_leaves_a_deadline(self, service):
        asked = far.a_dead_host_leaves_a_deadline("prime", service).created
        assert (asked["timeout_minutes"], asked["idle_timeout_minutes"]) == (1440, 10)

    def test_a_living_host_keeps_the_machine_from_being_idle(self, service, monkeypatch):
        lease = vendor.Lease
        monkeypatch.setattr(vendor, "Lease", lambda seconds, extend: lease(seconds / 6000, extend))

        async def scene():
            async with far.opened("prime"):
                count = len(service.requests)
                await far.until(lambda: len(service.requests) > count + 1)

        asyncio.run(scene())

    @pytest.mark.parametrize("most", [400_000, 100_000])
    def test_what_nobody_takes_is_bounded(self, service, monkeypatch, most):
        monkeypatch.setattr(vendor, "_MOST_AHEAD", most)

        async def scene():
            async with prime.AsyncSandboxClient() as client:
                made = await client.create(prime.CreateSandboxRequest(name="one", docker_image="i", labels=["a"]))
                process = await client.open_process(made.id, "head -c 300000 /dev/zero")
                ahead = vendor.ReadAhead(process.stdout)
                with contextlib.suppress(SandboxError):
                    await process.wait()
                try:
                    return sum([len(data) async for data in ahead])
                finally:
                    await process.aclose()
                    await client.delete(made.id)

        if most > 300_000:
            assert asyncio.run(scene()) == 300_000
        else:
            with pytest.raises(SandboxError, match="the worker sends more than anybody asked for"):
                asyncio.run(scene())

    @pytest.mark.slow
    def test_a_lost_machine_is_told(self, service):
        lost, told = far.a_lost_machine_is_told("prime", service)
        assert lost.startswith(("it was killed by SIGKILL", "its stream broke: Prime: "))
        assert told.startswith("Prime: ")

    @pytest.mark.slow
    def test_resources_hosts_and_images(self, service):
        async def scene():
            options = {"image": "mine:1", "cpus": 1.5, "disk_mb": 3000, "network": ("pypi.org", "10.0.0.1")}
            async with far.opened(find_launcher(Sandbox("prime", **options)), limits=Limits(memory_mb=512, seconds=30)):
                return next(iter(service.places.values())).created

        asked = asyncio.run(scene())
        assert (asked["cpu_cores"], asked["memory_gb"], asked["disk_size_gb"]) == (1.5, 3, 4)
        assert (asked["docker_image"], asked["timeout_minutes"]) == ("mine:1", 11)
        assert asked["network_allowlist"] == ["pypi.org", "10.0.0.1"]

    @pytest.mark.slow
    @pytest.mark.parametrize("hosts", [(), ("pypi.org", "10.0.0.1")])
    def test_packages_are_installed_before_the_network_is_shut(self, service, monkeypatch, tmp_path, hosts):
        make_wheel(tmp_path, "rlm-example", "value = 42")
        monkeypatch.setattr(prime_launcher, "_PAUSE", 0.01)
        add = service.add

        def added(name, created):
            place = add(name, created)
            place.env |= {"PIP_FIND_LINKS": str(tmp_path), "PIP_TARGET": str(place.home / "installed")}
            return place

        monkeypatch.setattr(service, "add", added)

        async def scene():
            sandbox = Sandbox("prime", packages=("rlm-example==1.0",), network=hosts)
            async with far.opened(find_launcher(sandbox)):
                (place,) = service.places.values()
                return place, (place.home / "installed" / "rlm_example.py").read_text()

        place, installed = asyncio.run(scene())
        assert installed == "value = 42"
        assert place.created.get("network_allowlist") is None
        ((policy, commands),) = place.policies
        assert (policy, commands) == ({"allowlist": list(hosts), "denylist": None}, 3)  # after: up, folder, pip
        assert place.looks == 2

    @pytest.mark.slow
    def test_a_network_that_is_not_shut_is_refused(self, service, monkeypatch):
        monkeypatch.setattr(prime_launcher, "_PAUSE", 0.001)
        service.applies = False

        async def scene():
            with pytest.raises(SandboxError, match=r"its network was not shut within 0\.03 s"):
                async with far.opened(find_launcher(Sandbox("prime", packages=("pip",)))):
                    pass

        asyncio.run(scene())
        assert (service.places, len(service.gone)) == ({}, 1)

    def test_what_it_enforces(self, service):
        everything = {"files", "network", "memory", "time", "cpu", "processes", "disk"}
        assert find_launcher("prime").enforces() == everything
        assert find_launcher(Sandbox("prime", network=("10.0.0.1",))).enforces() == everything
        assert find_launcher(Sandbox("prime", network=("pypi.org",))).enforces() == everything - {"network"}

    def test_a_key_that_is_refused_is_not_shown(self, service, monkeypatch):
        monkeypatch.setenv("PRIME_API_KEY", "pit_wrong_7777")

        async def scene():
            async with far.opened("prime"):
                pass

        with pytest.raises(SandboxUnavailableError, match="no machine could be had: Prime: ") as told:
            asyncio.run(scene())
        assert "7777" not in str(told.value)

    def test_nothing_runs_without_a_key_or_the_sdk(self, service, monkeypatch):
        far.nothing_runs_without_a_key("prime", service, monkeypatch, "PRIME_API_KEY")
        far.nothing_runs_without_the_sdk("prime", "prime_sandboxes", monkeypatch)
