"""What another Python says of itself, and which packages pip takes for it."""

import json
import subprocess
import sys
import threading

import pytest
from packaging import markers, tags

from rlm.errors import ConfigError, SandboxError
from rlm.sandbox import packages, target_python
from sandbox.wheels import make_wheel, only_from

TOLD = {
    "abiflags": "",
    "bits": 64,
    "implementation_name": "cpython",
    "libc": "glibc 2.19",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.9.2",
    "sys_platform": "linux",
}


def target(**told):
    return target_python.asked(json.dumps({**TOLD, **told}))


def test_this_python_tells_what_pip_has_of_it():
    """Asked as another is, it is told as `packaging` sees it, which pip has a copy of."""
    answer = subprocess.run([sys.executable, "-c", target_python.ASKS], capture_output=True, text=True, check=True)
    found = target_python.asked(answer.stdout)
    here = markers.default_environment()
    assert found.markers == {**here, "platform_release": "0", "platform_version": "0"}
    fit = list(tags.sys_tags())
    older = {"manylinux1_x86_64", "manylinux2010_x86_64"}  # pip adds those
    assert found.abi == fit[0].abi
    assert {*found.platforms, *older, "any"} == {tag.platform for tag in fit} | older


def test_wheels_of_older_systems_fit_too():
    assert target().platforms == (
        *(f"manylinux_2_{minor}_x86_64" for minor in range(19, 4, -1)),
        "manylinux2014_x86_64",
        "linux_x86_64",
    )
    assert target(platform_machine="aarch64").platforms == (
        "manylinux_2_19_aarch64",
        "manylinux_2_18_aarch64",
        "manylinux_2_17_aarch64",
        "manylinux2014_aarch64",
        "linux_aarch64",
    )
    assert target(libc="glibc 2.12").platforms[0] == "manylinux_2_12_x86_64"
    assert "manylinux2014_x86_64" not in target(libc="glibc 2.12").platforms
    assert target(python_full_version="3.14.0rc1", abiflags="t").abi == "cp314t"
    assert target(python_full_version="3.14.0rc1").options()[0] == "--python-version=3.14.0"
    assert str(target()) == "Python 3.9.2 (linux x86_64)"


@pytest.mark.parametrize("other", [{"libc": ""}, {"bits": 32}, {"implementation_name": "pypy"}])
def test_other_kinds_of_python_get_pure_ones(other):
    found = target(**other)
    assert found.options() == [
        "--python-version=3.9.2",
        "--implementation=py",
        "--abi=none",
        "--platform=any",
        "--no-compile",
    ]
    assert str(found) == "Python 3.9.2 (linux x86_64, pure Python alone)"


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "[]",
        "[" * 100_000,
        json.dumps({**TOLD, "platform_machine": "x86_64 --index-url=http://a"}),
        json.dumps({**TOLD, "sys_platform": "x" * 65}),
        json.dumps({**TOLD, "python_full_version": "three"}),
        json.dumps({**TOLD, "abiflags": '"'}),
        json.dumps({**TOLD, "bits": None, "libc": None})[:-5],
    ],
)
def test_what_is_no_answer_is_told(printed):
    with pytest.raises(SandboxError, match=r"^the Python there does not tell what it is: '.{0,110}'$"):
        target_python.asked(printed)


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    only_from(monkeypatch, tmp_path)
    needs = ("rlm-old; python_version < '3.10'", "rlm-new; python_version >= '3.10'", "rlm-c>=1; os_name == 'posix'")
    make_wheel(tmp_path, "rlm-example", "", needs=needs)
    make_wheel(tmp_path, "rlm-old", "")
    make_wheel(tmp_path, "rlm-new", "")
    make_wheel(tmp_path, "rlm-c", "value = 'too new'", "3.0", tag="cp39-cp39-manylinux_2_28_x86_64")
    make_wheel(tmp_path, "rlm-c", "value = 'another Python'", "2.5", tag="cp311-cp311-manylinux_2_17_x86_64")
    make_wheel(tmp_path, "rlm-c", "value = 'fits'", "2.0", tag="cp39-cp39-manylinux2014_x86_64")
    make_wheel(tmp_path, "rlm-c", "value = 'pure'", "1.0")
    return tmp_path


def install(names, folder, **told):
    folder.mkdir()
    packages.install(names, folder, threading.Event(), target(**told))
    return sorted(path.name for path in folder.glob("*.py"))


@pytest.mark.parametrize(("told", "value"), [({}, "fits"), pytest.param({"libc": ""}, "pure", marks=pytest.mark.slow)])
def test_wheels_and_what_they_need_are_those_of_the_other_python(told, value, wheels, tmp_path):
    folder = tmp_path / "made"
    assert install(["rlm-example"], folder, **told) == ["rlm_c.py", "rlm_example.py", "rlm_old.py"]
    assert (folder / "rlm_c.py").read_text() == f"value = '{value}'"
    assert not list(folder.rglob("*.pyc"))


def test_a_package_that_has_none_is_named(wheels, tmp_path):
    with pytest.raises(ConfigError) as told:
        install(["rlm-example", "rlm-c>=2"], tmp_path / "made", libc="")
    assert str(told.value).startswith(
        "packages can't be installed for Python 3.9.2 (linux x86_64, pure Python alone): ERROR: "
    )
    assert str(told.value).endswith("No matching distribution found for rlm-c>=2")


@pytest.mark.slow
def test_what_another_needs_and_has_none_is_named(wheels, tmp_path):
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path, "rlm-needs", "", version, needs=("rlm-c>=2",))
    with pytest.raises(ConfigError) as told:
        install(["rlm-needs"], tmp_path / "made", libc="")
    errors = str(told.value).splitlines()
    assert errors[0].endswith("because these package versions have conflicting dependencies.")
    assert errors[2] == "rlm-needs 2.0 depends on rlm-c>=2"  # what comes after it, newer pips alone say


@pytest.mark.slow
def test_a_pip_that_asks_elsewhere_is_refused(tmp_path):
    """Where `default_environment` is not what markers ask, nothing is installed for the wrong Python."""
    markers = tmp_path / "pip" / "_vendor" / "packaging" / "markers.py"
    markers.parent.mkdir(parents=True)
    markers.write_text("class Marker:\n    def __init__(self, text): pass\n    def evaluate(self): return False\n")
    done = subprocess.run(
        [sys.executable, "-S", *target().pip(), "install"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stderr) == (
        1,
        "this pip can't be told of another Python's implementation_name: update it\n",
    )


def test_each_python_has_its_own(wheels, monkeypatch):
    made = []
    monkeypatch.setattr(packages, "install", lambda names, folder, stop, target: made.append(target))
    places = {packages.kept_folder(["x"], target=one) for one in (None, target(), target(libc=""), target())}
    assert (len(places), len(made)) == (3, 3)
