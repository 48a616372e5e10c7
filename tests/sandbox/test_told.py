"""What models are told of the names that an environment has."""

import pytest

from rlm import RLM, Sandbox
from rlm.lms.scripted import Scripted
from rlm.sandbox.told import told
from sandbox.wheels import make_wheel, only_from


def test_files_output_and_notebook_are_told():
    names = {
        "files": {"a.csv": "/tmp/a.csv", "b": "/b"},
        "output_folder": "/output",
        "notebook": {"table": "DataFrame of shape (2, 2),\ncolumns ['a']", "n": "int"},
    }
    assert told(names) == [
        "`files`: the paths of files and folders that you can read, by `open` and the like: files['a.csv'], files['b']",
        "`output_folder`: the path of a folder; the files that you write into it are given to the user",
        "the variables of the user's notebook, whose types and sizes `notebook` tells: "
        "table (DataFrame of shape (2, 2), columns ['a']), n (int)",
    ]
    assert told({"packages": ["numpy>=2", "rich"]}) == [
        "`packages`: what was installed for you to import, beside the standard library: numpy>=2, rich"
    ]
    assert told({}) == []


@pytest.mark.slow
def test_a_run_tells_what_was_installed(tmp_path, monkeypatch):
    make_wheel(tmp_path, "rlm-example", "value = 42")
    only_from(monkeypatch, tmp_path)
    model = Scripted(["```repl\nimport rlm_example\nFINAL(f'{rlm_example.value} {packages}')\n```"])
    sandbox = Sandbox("local", packages=["rlm-example"])
    done = RLM(model=model, sandbox=sandbox, route="never").completion("q", context="x")
    assert done.response == "42 ['rlm-example']"
    said = "\n".join(message.content for message in model.requests[0].messages)
    assert "`packages`: what was installed for you to import, beside the standard library: rlm-example" in said


def test_many_are_counted():
    text = told({"files": {f"f{number}": "/x" for number in range(40)}})[0]
    assert text.endswith("files['f29'], and 10 more")


def test_a_run_tells_them(tmp_path):
    (tmp_path / "notes.txt").write_text("seven")
    cell = "open(output_folder + '/copy.txt', 'w').write('x')\nFINAL(open(files['notes']).read())"
    model = Scripted([f"```repl\n{cell}\n```"])
    sandbox = Sandbox("local", files={"notes": tmp_path / "notes.txt"}, output=tmp_path / "out")
    done = RLM(model=model, sandbox=sandbox, route="never").completion("q", context="x")
    assert done.response == "seven"
    assert (tmp_path / "out" / "copy.txt").read_text() == "x"
    said = "\n".join(message.content for message in model.requests[0].messages)
    assert "`files`: the paths of files and folders that you can read, by `open` and the like: files['notes']" in said
    assert "`output_folder`: the path of a folder" in said
