"""The workers of a run in WebAssembly, before there is any."""

import asyncio
import contextlib

import pytest

from rlm.context import load
from rlm.errors import SandboxError
from rlm.sandbox import wasm_run
from rlm.sandbox.told import told


def test_models_are_told_what_is_not_there():
    (text,) = told({"one_thread": True})
    assert text.startswith("`one_thread`: this Python has one thread and its standard library alone, without numpy;")


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
