"""What the launchers of far places have in common."""

import asyncio
import importlib

import pytest

from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import vendor
from rlm.sandbox.far_worker import starting
from rlm.sandbox.launchers import LAUNCHERS
from rlm.sandbox.options import KEPT_BY, Sandbox

FAR = ("e2b", "kubernetes", "modal", "daytona", "prime")


@pytest.mark.parametrize("name", FAR)
def test_what_is_said_of_a_launcher_is_what_it_keeps(name):
    module, _, launcher = LAUNCHERS[name].partition(":")
    keeps = getattr(importlib.import_module(module), launcher).keeps
    assert keeps == {option for option, names in KEPT_BY.items() if name in names}


def test_an_sdk_that_is_missing_is_named_with_what_installs_it():
    with pytest.raises(SandboxUnavailableError) as told:
        vendor.library("rlm_no_such_sdk.client", "modal")
    assert str(told.value) == "the sandbox 'modal' needs rlm_no_such_sdk: pip install 'rlm-engine[modal]'"


def test_what_a_vendor_says_is_told_without_keys_and_cut(monkeypatch):
    monkeypatch.setenv("SOME_KEY", "k-12345")
    with pytest.raises(SandboxError) as told, vendor.told_as_ours("Vendor", (KeyError,), "SOME_KEY", "NOT_SET"):
        raise KeyError("key k-12345 is\n wrong" + "!" * 500)
    assert str(told.value).startswith("Vendor: KeyError: 'key *** is\\n wrong!!!")
    assert len(str(told.value)) == len("Vendor: ") + 300
    assert told.value.__cause__ is None


def test_more_output_than_may_be_written_is_not_read():
    read = []

    async def chunks():
        for _ in range(100):
            read.append(1)
            yield bytes(1 << 20)

    with pytest.raises(SandboxError, match="output holds more than 1 MiB"):
        asyncio.run(vendor.read_bounded(chunks(), Sandbox("e2b", disk_mb=1)))
    assert len(read) == 4


def test_a_lease_ends_though_a_vendor_swallows_cancellation():
    async def scene():
        async def extend():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise SandboxError("cancelled, says the vendor") from None

        lease = vendor.Lease(0.03, extend)
        await asyncio.sleep(0.05)
        await asyncio.wait_for(lease.end(), 1)

    asyncio.run(scene())


def test_an_announcement_is_found_behind_what_a_shell_says():
    async def scene():
        async with starting(text=True, announced=True) as worker:
            for said in ("box$ printf 'rlm-%s-%s\\n' begins $$; exec x\r\n", "rlm-beg", "ins-41", "7\naGk=\n"):
                await worker.feed(said)
            got = await worker.reader.readexactly(2), await worker.number()
            worker.kill()
            return got

    assert asyncio.run(scene()) == (b"hi", 417)
