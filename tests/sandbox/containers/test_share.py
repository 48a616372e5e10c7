"""What containers mount from this machine."""

import pytest

from rlm.errors import SandboxError
from rlm.sandbox import reaper
from rlm.sandbox.containers import share


@pytest.fixture
def memory(tmp_path, monkeypatch):
    monkeypatch.setattr(share, "_MEMORY", tmp_path)
    return tmp_path / f"rlm-{reaper.host_id()}"


def test_the_folder_is_for_its_user_alone(memory):
    assert share.folder() == memory
    assert share.folder() == memory
    assert memory.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_somebody_else_made_is_not_used(memory, tmp_path):
    memory.mkdir()
    memory.chmod(0o755)
    with pytest.raises(SandboxError, match=r"rlm-\S+ is not ours: remove it, or start again"):
        share.folder()
    memory.rmdir()
    memory.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SandboxError, match="is not ours"):
        share.folder()
