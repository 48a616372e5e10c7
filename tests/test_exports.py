"""What `import rlm` gives, and what it must not cost."""

import subprocess
import sys

import rlm
from rlm import errors
from rlm.trace.reader import TraceError

HEAVY = ["aiohttp", "rich", "typer", "numpy", "pandas", "xllamacpp", "openai", "genai_prices", "pathspec", "pydantic"]


def test_all_names_exist_once_and_in_order():
    assert sorted(set(rlm.__all__)) == sorted(rlm.__all__)
    for name in rlm.__all__:
        assert getattr(rlm, name) is not None


def test_public_names_are_the_documented_ones():
    assert {"RLM", "Limits", "Completion", "RlmError", "Price", "Run"} <= set(rlm.__all__)
    assert all(not name.startswith("_") or name == "__version__" for name in rlm.__all__)


def test_every_error_of_ours_can_be_imported():
    ours = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, rlm.RlmError)]
    names = {one.__name__ for one in ours}
    assert {"MCPError", "TraceError", *names} <= set(rlm.__all__)
    assert (rlm.MCPError, rlm.TraceError) == (errors.MCPError, TraceError)


def test_importing_loads_nothing_heavy():
    code = f"import sys, rlm; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_importing_writes_nothing_and_starts_no_thread():
    code = "import threading, rlm; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")
