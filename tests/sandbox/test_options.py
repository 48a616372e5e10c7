"""What a `Sandbox` takes, and what a launcher that can't keep an option says."""

import re
from pathlib import Path

import pytest

from rlm import ConfigError, Sandbox, SandboxUnavailableError
from rlm.sandbox.launchers import LAUNCHERS, find_launcher
from rlm.sandbox.launchers.local import LocalLauncher
from rlm.sandbox.options import KEPT_BY


def test_it_keeps_what_it_is_given_as_values_that_do_not_change(tmp_path, monkeypatch):
    (tmp_path / "table.csv").write_text("a")
    monkeypatch.chdir(tmp_path)
    sandbox = Sandbox("docker", packages=["numpy>=2"], network=["pypi.org"], files={"table": "table.csv"}, output="out")
    assert (sandbox.packages, sandbox.network) == (("numpy>=2",), ("pypi.org",))
    every_form = ("x", "x_y.z-1", "x[a,b]>=1!2.0,<3", "x~=1.0", "x===1.0+cpu", "x!=2.*")
    assert Sandbox("docker", packages=every_form).packages == every_form
    assert (sandbox.files, sandbox.output) == ({"table": tmp_path / "table.csv"}, tmp_path / "out")
    assert "secret" not in repr(Sandbox("docker", options={"password": "secret"}, env={"TOKEN": "secret"}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": "x", "packages": ["y"]}, "image and packages exclude each other: put the packages into the image"),
        ({"packages": "numpy"}, "packages takes a list of str, not str"),
        ({"packages": ["-r /etc/passwd"]}, "packages has '-r /etc/passwd', which is not a requirement such as"),
        ({"packages": ["--index-url=x"]}, "packages has '--index-url=x', which is not a requirement"),
        ({"packages": ["x @ file:///x"]}, "packages has 'x @ file:///x', which is not a requirement"),
        ({"packages": ["file:///x.whl"]}, "packages has 'file:///x.whl', which is not a requirement"),
        ({"packages": ["git+https://a.b/c"]}, r"packages has 'git\+https://a.b/c', which is not a requirement"),
        ({"packages": ["folder/x"]}, "packages has 'folder/x', which is not a requirement"),
        ({"packages": ["x" + "=x" * 99 + ";"]}, "which is not a requirement"),  # and at once
        ({"cpus": 0}, "cpus must be above 0, not 0"),
        ({"cpus": "two"}, "cpus must be above 0, not 'two'"),
        ({"cpus": True}, "cpus must be above 0, not True"),
        ({"disk_mb": 0}, "disk_mb must be a whole number, 1 or more, not 0"),
        ({"disk_mb": 1.5}, "disk_mb must be a whole number, 1 or more, not 1.5"),
        ({"disk_mb": "large"}, "disk_mb must be a whole number, 1 or more, not 'large'"),
        ({"image": 5}, "image is an image's name, not 5"),
        ({"packages": 5}, "packages takes a list of str, not int"),
        ({"network": [5]}, "network has 5, which is not a host's name"),
        ({"files": ["a.csv"]}, "files takes names and their values, not list"),
        ({"network": ["http://a.b/c"]}, "network has 'http://a.b/c', which is not a host's name"),
        ({"files": {"../x": "/etc"}}, "files has '../x', which is not a name of letters, digits and ._-"),
        ({"files": {"x": "/no/such"}}, r"files\['x'\] is not there: /no/such"),
        ({"env": {"A=B": "c"}}, "env has 'A=B', which is not a variable's name"),
        ({"env": {"A": 1}}, r"env\['A'\] must be a str without NUL"),
        ({"output": "/etc/passwd"}, "output must be a folder, and /etc/passwd is none"),
        ({"output": 5}, "output is a path, not 5"),
        ({"files": {"x": None}}, r"files\['x'\] is a path, not None"),
        ({"options": {5: "x"}}, "options has 5, which is not an option's name"),
    ],
)
def test_what_can_not_be_right_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Sandbox("docker", **options)


def test_a_launcher_refuses_what_it_can_not_keep_and_names_one_that_can():
    with pytest.raises(ConfigError) as refused:
        find_launcher(Sandbox("unconfined", image="python:3.13"))
    assert str(refused.value) == (
        "the sandbox 'unconfined' can't keep `image`; one that can: docker, kubernetes, modal, e2b, daytona, prime"
    )
    with pytest.raises(ConfigError) as refused:
        find_launcher(Sandbox("e2b", cpus=1))
    assert str(refused.value) == (
        "the sandbox 'e2b' can't keep `cpus`: a template has as many as it was built with (`cpu_count`), so name one "
        "as `image`; one that can: docker, bubblewrap, kubernetes, modal, daytona, prime, local, wasm, ssh"
    )
    with pytest.raises(ConfigError, match="the sandbox 'local' has no option runtime; it has none of its own"):
        find_launcher(Sandbox("local", options={"runtime": "runsc"}))


def test_a_launcher_is_found_by_name_by_options_and_by_itself():
    launcher = find_launcher(Sandbox("local", env={"A": "b"}))
    assert isinstance(launcher, LocalLauncher)
    assert find_launcher(launcher) is launcher
    assert find_launcher("local").name == "local"


@pytest.mark.parametrize("what", [5, None, Sandbox])
def test_what_is_no_launcher_is_refused(what):
    with pytest.raises(ConfigError, match=r"sandbox is a name, a Sandbox\(...\) or a launcher, not (5|None|<class )"):
        find_launcher(what)
    with pytest.raises(ConfigError, match="a sandbox is named by a str, such as 'docker', not 5"):
        Sandbox(5)


def test_who_keeps_what_is_said_of_the_options_that_there_are():
    assert set(KEPT_BY) < set(Sandbox.__dataclass_fields__)


def told():
    """What docs/launchers/options.md has of each launcher: which options it keeps."""
    text = (Path(__file__).parents[2] / "docs" / "launchers" / "options.md").read_text(encoding="utf-8")
    header, _, *rows = text[text.index("| | `image`") :].partition("\n\n")[0].splitlines()
    options = re.findall(r"`(\w+)`", header)
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {
        re.match(r"\[`(\w+)`\]", name)[1]: {one for one, cell in zip(options, row, strict=True) if cell != "no"}
        for name, *row in cells
    }


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_keeps_what_its_row_says_and_refuses_the_rest(name, tmp_path):
    some = {"image": "x", "packages": ["numpy"], "cpus": 1, "disk_mb": 1, "network": ["a.org"]}
    some |= {"files": {"a": tmp_path}, "output": tmp_path / "out"}
    assert set(some) == set(KEPT_BY)
    kept = set(KEPT_BY)
    for option, value in some.items():
        try:
            find_launcher(Sandbox(name, **{option: value}))
        except (ConfigError, SandboxUnavailableError) as error:  # a key, a host or an SDK may be missing
            if f"can't keep `{option}`" in str(error):
                kept.remove(option)
    assert kept == told()[name]


def test_a_refusal_names_those_that_keep_it_and_that_hold_something():
    rows = told()
    assert set(rows) == set(LAUNCHERS)
    for option, names in KEPT_BY.items():
        assert set(names) == {name for name, kept in rows.items() if option in kept} - {"unconfined", "seatbelt"}
