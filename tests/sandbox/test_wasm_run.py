"""The workers of a run in WebAssembly, before there is any."""

import asyncio
import contextlib
import sys

import pytest

from rlm.context import load
from rlm.errors import SandboxError
from rlm.sandbox import wasm_run
from rlm.sandbox.told import told


def test_models_are_told_what_is_not_there():
    (text,) = told({"one_thread": True})
    assert text.startswith("`one_thread`: this Python has one thread, and pure Python alone: no numpy;")


def test_a_worker_that_floods_its_stream_while_nobody_reads_is_ended(monkeypatch):
    flood = "import os\nwhile True:\n    os.write(1, bytes(65536))"
    monkeypatch.setattr(wasm_run, "PYTHON", (sys.executable, "-c", flood))

    async def main():
        with contextlib.closing(load("x")) as context:
            run = wasm_run.WasmRun(context, "", 64 * 2**20)
        worker = await run._spawn(0, 0)
        await asyncio.sleep(0.3)
        await asyncio.wait_for(run.close(), 60)
        return await worker.wait()

    assert asyncio.run(main()) == "it was killed by SIGKILL"


def test_an_input_that_no_address_reaches_is_refused(monkeypatch):
    monkeypatch.setattr(wasm_run, "MOST", 64 * 2**20)

    async def main():
        with contextlib.closing(load("x")) as context:
            run = wasm_run.WasmRun(context, "", 1)
        try:
            await run.start()
        finally:
            await run.close()

    with pytest.raises(SandboxError, match="0 MiB of input do not fit into WebAssembly's 4 GiB; use another sandbox"):
        asyncio.run(main())
