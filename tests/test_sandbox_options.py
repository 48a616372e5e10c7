"""Options of the sandbox from every side: `RLM`, the reference's form, the command line."""

import pytest

from rlm import RLM, ConfigError, Limits, Sandbox
from rlm.cli import ask
from rlm.cli.sandbox_flags import SandboxFlags
from rlm.lms.scripted import Scripted
from rlm.sandbox.machine import MachineRun
from sandbox.machines import FolderMachine

CELL = "```repl\n{}\n```"


class FolderLauncher:
    """Runs on a machine that is a folder here."""

    name = "folder"

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.machines = []

    def enforces(self):
        return frozenset(("files", "network", "memory", "time"))

    def why_not(self):
        return None

    def prepare(self):
        pass

    async def open(self, context, limits):
        self.machines.append(FolderMachine())
        return await MachineRun.open(self.machines[-1], context, limits, self.sandbox)


def test_cells_find_files_output_and_variables(tmp_path):
    (tmp_path / "table.csv").write_text("a,b")
    code = "import os\nopen(output_folder + '/x', 'w').write(open(files['table']).read())\nFINAL(os.environ['A'])"
    sandbox = Sandbox("local", files={"table": tmp_path / "table.csv"}, output=tmp_path / "out", env={"A": "b"})
    done = RLM(model=Scripted([CELL.format(code)]), sandbox=sandbox, route="never").completion("q", context="x")
    assert (done.response, done.status) == ("b", "done")
    assert (tmp_path / "out" / "x").read_text() == "a,b"


def test_an_output_that_does_not_come_back_is_told_beside_the_answer(tmp_path):
    launcher = FolderLauncher(Sandbox("folder", output=tmp_path / "out", disk_mb=1))
    writes = "open(f'{output_folder}/{n}', 'wb').write(random.randbytes(600_000))"
    code = f"import random\nfor n in range(9): {writes}\nFINAL('found')"
    done = RLM(model=Scripted([CELL.format(code)]), sandbox=launcher, route="never").completion("q", context="x")
    assert (done.response, done.status) == ("found", "partial")
    assert done.reason == "output holds more than 1 MiB"
    assert [machine.removed for machine in launcher.machines] == [1]


def test_the_references_environment_kwargs():
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rlm.engine.find_launcher", lambda sandbox: made.setdefault("sandbox", sandbox))
        patch.setenv("OPENAI_API_KEY", "k")
        kwargs = {"image": "python:3.13", "cpu_cores": 2, "memory_gb": 4, "disk": 1}
        given = {"backend": "openai", "backend_kwargs": {"model_name": "gpt-5-mini"}, "environment": "docker"}
        rlm = RLM(**given, environment_kwargs=kwargs)
        assert made["sandbox"] == Sandbox("docker", image="python:3.13", cpus=2, disk_mb=1024)
        assert rlm.setup.limits == Limits(memory_mb=4096)
        with pytest.raises(ConfigError, match="environment_kwargs: setup_code is not supported; there is cpu, cpu_cor"):
            RLM(**given, environment_kwargs={"setup_code": "x = 1"})


def test_the_command_line(capsys):
    options = ask.Options(
        model="nano", sandbox="local", flags=SandboxFlags(sandbox_option=["runtime=runsc"]), route="never"
    )
    with pytest.raises(ConfigError, match="the sandbox 'local' has no option runtime; "):
        ask.run("q", [], options)
    with pytest.raises(ConfigError, match="--sandbox-option takes KEY=VALUE, not 'runtime'"):
        ask.run("q", [], ask.Options(model="nano", sandbox="docker", flags=SandboxFlags(sandbox_option=["runtime"])))
