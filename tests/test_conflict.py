from pathlib import Path

import pytest

from rlm import conflict
from rlm.cli import main
from rlm.errors import ConfigError


def test_nothing_to_say_here() -> None:
    conflict.check()


@pytest.mark.parametrize("name", ["rlms-1.2.0.dist-info", "rlms-1.2.0.egg-info"])
def test_the_package_of_the_same_import_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match="pip uninstall rlms rlm-engine") as caught:
        conflict.check(["/no/such/folder", str(tmp_path)])
    assert str(tmp_path) in str(caught.value)


def test_other_packages_are_none_of_our_business(tmp_path: Path) -> None:
    for name in ("rlms_tools-1.dist-info", "rlm_engine-0.1.0.dist-info", "rlms"):
        (tmp_path / name).mkdir()
    conflict.check([str(tmp_path)])


def test_the_command_refuses_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rlms-1.2.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["ask", "Who?"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("rlm: the package rlms is installed in ")
    assert len(err.splitlines()) == 1
