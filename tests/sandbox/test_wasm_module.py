"""CPython for WebAssembly: what is found is checked, compiled once, and kept where nobody else writes."""

import hashlib
import os

import pytest

from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import wasm_module


def test_another_python_is_refused(monkeypatch, tmp_path):
    (tmp_path / "python.wasm").write_bytes(b"\0asm")
    monkeypatch.setattr(wasm_module, "_found", lambda: tmp_path / "python.wasm")
    with pytest.raises(SandboxUnavailableError, match="is not the Python that it should be: reinstall"):
        wasm_module.compiled()


def test_a_folder_that_others_can_write_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("RLM_HOME", str(tmp_path))
    (tmp_path / "wasm").mkdir()
    (tmp_path / "wasm").chmod(0o777)
    with pytest.raises(SandboxError, match="is not a folder that you alone can write to; remove it"):
        wasm_module.compiled()
    (tmp_path / "wasm").rmdir()
    (tmp_path / "wasm").symlink_to(tmp_path)
    with pytest.raises(SandboxError, match="is not a folder that you alone can write to; remove it"):
        wasm_module.compiled()


def test_what_cannot_be_compiled_is_told_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("RLM_HOME", str(tmp_path))
    (tmp_path / "python.wasm").write_bytes(b"no module")
    monkeypatch.setattr(wasm_module, "_found", lambda: tmp_path / "python.wasm")
    monkeypatch.setattr(wasm_module, "SHA256", hashlib.sha256(b"no module").hexdigest())
    with pytest.raises(SandboxError, match="Python for WebAssembly can't be compiled: "):
        wasm_module.compiled()
    assert os.listdir(tmp_path / "wasm") == []
