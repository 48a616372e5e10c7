"""The options that say where cells run, from the command line to the cell."""

import inspect

import pytest

from rlm.cli.sandbox_flags import NO_FLAGS, SandboxFlags, takes_sandbox_flags
from rlm.errors import ConfigError
from rlm.sandbox.options import Sandbox
from worlds import block


def test_nothing_given_is_the_name_alone():
    assert NO_FLAGS.sandbox("local") == "local"
    assert NO_FLAGS.required() is None


def test_each_option_is_one_of_the_sandbox(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "of the shell")
    table = tmp_path / "table.csv"
    table.write_text("1")
    flags = SandboxFlags(
        sandbox_option=["runtime=runsc"],
        file=[str(table), f"same={table}"],
        output=tmp_path / "out",
        env=["A=1=2", "EMPTY=", "TOKEN"],
        package=["numpy>=2", "pandas"],
        network=["example.org"],
        cpus=1.5,
        disk=64,
    )
    assert flags.sandbox("docker") == Sandbox(
        "docker",
        packages=("numpy>=2", "pandas"),
        cpus=1.5,
        disk_mb=64,
        files={"table.csv": table, "same": table},
        output=tmp_path / "out",
        env={"A": "1=2", "EMPTY": "", "TOKEN": "of the shell"},
        network=("example.org",),
        options={"runtime": "runsc"},
    )
    assert SandboxFlags(image="python:3.13").sandbox("docker") == Sandbox("docker", image="python:3.13")


def test_a_path_with_an_equals_sign_is_a_path(tmp_path):
    odd = tmp_path / "a=b"
    odd.write_text("1")
    assert SandboxFlags(file=[f"odd={odd}"]).sandbox("local") == Sandbox("local", files={"odd": odd})
    with pytest.raises(ConfigError, match="files has 'a=b', which is not a name of letters"):
        SandboxFlags(file=[str(odd)]).sandbox("local")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"file": ["/", "x/y"]}, "files has '', which is not a name"),
        ({"file": ["a/b", "b"]}, "--file b: there is a file 'b' already: give it another name, NAME=PATH"),
        ({"file": ["nothing-here"]}, r"files\['nothing-here'\] is not there: /"),
        (
            {"env": ["RLM_NOT_SET"]},
            "--env RLM_NOT_SET: there is no such variable here; give its value, RLM_NOT",
        ),
        ({"env": ["A-B=1"]}, "env has 'A-B', which is not a variable's name"),
        ({"cpus": -1.0}, "cpus must be above 0, not -1.0"),
        ({"disk": 0}, "disk_mb must be a whole number, 1 or more, not 0"),
        ({"image": "a", "package": ["b"]}, "image and packages exclude each other"),
        ({"cpus": 1.0, "sandbox_option": ["cpus=2"]}, "--cpus and --sandbox-option cpus= say the same: give one"),
        ({"disk": 1, "sandbox_option": ["disk_mb=2"]}, "--disk and --sandbox-option disk_mb= say the same: give one"),
        ({"sandbox_option": ["output=x"]}, "--sandbox-option output= can't be given here"),
    ],
)
def test_what_can_not_be_right_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        SandboxFlags(**given).sandbox("docker")


def test_what_is_required():
    assert SandboxFlags(require=["network, disk", "time"]).required() == ["network", "disk", "time"]
    assert SandboxFlags(require=["none"]).required() == []
    with pytest.raises(ConfigError, match="--require speed: it takes files, network, memory, time, cpu, processes, di"):
        SandboxFlags(require=["speed"]).required()


def test_a_command_gets_them_as_one():
    @takes_sandbox_flags
    def command(question: str, flags: SandboxFlags = NO_FLAGS, last: int = 1) -> int:
        return last if flags == SandboxFlags(disk=3) and question == "q" else 0

    names = list(inspect.signature(command).parameters)
    assert (names[0], names[1], names[-1]) == ("question", "sandbox_option", "last")
    rest = dict.fromkeys(names[1:-1])
    assert command(question="q", last=7, **{**rest, "disk": 3}) == 7


def test_a_question_with_a_file_a_variable_and_a_folder_for_output(rlm, tmp_path, monkeypatch):
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))
    (tmp_path / "in.txt").write_text("seven")
    code = (
        "import os\n"
        "text = open(files['in.txt']).read()\n"
        "open(output_folder + '/out.txt', 'w').write(text.upper())\n"
        "FINAL(text + os.environ['COLOUR'])"
    )
    options = ["--file", str(tmp_path / "in.txt"), "--output", str(tmp_path / "out"), "--env", "COLOUR=red"]
    given = ["--require", "files,network,memory,time,cpu"]
    done = rlm("ask", "what?", *options, *given, script=[block(code)], window=100_000)
    assert (done.status, done.out) == (0, "sevenred\n")
    assert (tmp_path / "out" / "out.txt").read_text() == "SEVEN"
    refused = rlm("ask", "what?", *options, "--require", "disk", script=[block(code)])
    assert refused.status == 4
    assert "the sandbox 'local' does not enforce disk on this machine" in refused.err
    wrong = rlm("ask", "what?", "--image", "python", script=[block(code)])
    assert wrong.status == 2
    assert "the sandbox 'local' can't keep `image`; one that can: docker, " in wrong.err


def test_a_run_with_files_is_resumed_with_them(rlm, tmp_path, monkeypatch):
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))
    (tmp_path / "in.txt").write_text("seven")
    given = ["--file", str(tmp_path / "in.txt")]
    asked = rlm("ask", "what?", *given, script=[block("FINAL(open(files['in.txt']).read())")])
    assert (asked.status, asked.out) == (0, "seven\n")
    replayed = rlm("replay", "last", *given, "--json")
    assert (replayed.status, '"response": "seven"' in replayed.out) == (0, True)
    without = rlm("replay", "last")
    assert without.status == 2
    assert "the run had options of its sandbox (files), which its trace can't hold" in without.err


def test_files_and_an_output_folder_are_not_for_a_plain_call(rlm, tmp_path):
    (tmp_path / "in.txt").write_text("seven")
    refused = rlm("ask", "what?", "--file", str(tmp_path / "in.txt"), "--route", "always", script=["x"], window=100_000)
    assert refused.status == 2
    assert "the route 'always' is a plain call, which has no files or an output folder: leave it out" in refused.err
