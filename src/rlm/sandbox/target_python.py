"""A Python elsewhere that packages are made ready for here, because it has no network: what it says of itself, and how
pip is told.

pip has options for which wheels fit another Python, but asks the one that it runs in about markers, such as
`tomli; python_version < "3.11"` (github.com/pypa/pip/issues/11664). So `PIP` starts it with the other's answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from rlm.errors import SandboxError

# What the other Python runs, 3.8 or newer; `asked` reads what it prints. A release of a kernel is nobody's requirement.
ASKS = """
import json, os, platform, sys
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (AttributeError, ValueError, OSError):
    libc = ""
print(json.dumps({
    "abiflags": getattr(sys, "abiflags", ""),
    "bits": 64 if sys.maxsize > 2**32 else 32,
    "implementation_name": sys.implementation.name,
    "libc": libc,
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_system": platform.system(),
    "python_full_version": platform.python_version(),
    "sys_platform": sys.platform,
}))
"""
# `python -c PIP MARKERS ...` is `python -m pip ...` with those markers.
PIP = """
import json, runpy, sys
from pip._vendor.packaging import markers
there = json.loads(sys.argv.pop(1))
markers.default_environment = lambda: dict(there)
for name, value in there.items():
    if not markers.Marker(f"{name} == {json.dumps(value)}").evaluate():
        sys.exit(f"this pip can't be told of another Python's {name}: update it")
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
_ANSWER = re.compile(r"[\w.+-]{0,64}", re.ASCII)
_VERSION = re.compile(r"(\d{1,2}\.\d{1,3})\.\d{1,3}", re.ASCII)
_GLIBC = re.compile(r"glibc 2\.(\d{1,2})", re.ASCII)
_OLDEST = {"x86_64": 5}  # of glibc's minor versions that wheels are made for; 17 elsewhere


class TargetPython(NamedTuple):
    """A Python that packages are made ready for.

    Attributes:
        markers: Its answers to the markers of requirements (packaging.python.org, dependency specifiers).
        abi: Of its extension modules, such as `cp313`; `none` where it has to do with pure Python.
        platforms: Those of the wheels that fit it, best first.
    """

    markers: Mapping[str, str]
    abi: str = "none"
    platforms: tuple[str, ...] = ("any",)

    def __str__(self) -> str:
        has = self.markers
        pure = ", pure Python alone" if self.abi == "none" else ""
        return f"Python {has['python_full_version']} ({has['sys_platform']} {has['platform_machine']}{pure})"

    def pip(self) -> list[str]:
        """What goes behind `python` in the place of `-m pip`."""
        return ["-c", PIP, json.dumps(self.markers)]

    def options(self) -> list[str]:
        """Those of `pip install`. What it would compile here is of no use there."""
        found = _VERSION.match(self.markers["python_full_version"])
        assert found is not None
        return [
            f"--python-version={found[0]}",
            f"--implementation={'py' if self.abi == 'none' else 'cp'}",
            f"--abi={self.abi}",
            *(f"--platform={platform}" for platform in self.platforms),
            "--no-compile",
        ]


def asked(printed: str) -> TargetPython:
    """The Python that printed this when it was asked.

    Extension modules are for CPython on glibc with 64 bits; another Python gets packages of pure Python alone.

    Raises:
        SandboxError: It is no such answer.
    """
    try:
        told = json.loads(printed)
        has = {name: str(told[name]) for name in (*_TOLD, "abiflags")}
        bits, glibc = told["bits"], _GLIBC.fullmatch(str(told["libc"]))
        found = _VERSION.match(has["python_full_version"])
        fine = found is not None and all(map(_ANSWER.fullmatch, has.values()))
    except (ValueError, KeyError, TypeError, RecursionError):
        fine = False
    if not fine or found is None:
        raise SandboxError(f"the Python there does not tell what it is: {printed[:100]!r}")
    abi = "cp" + found[1].replace(".", "") + has.pop("abiflags")
    target = TargetPython(markers(has))
    if glibc is None or bits != 64 or has["implementation_name"] != "cpython":
        return target
    return target._replace(abi=abi, platforms=_manylinux(int(glibc[1]), has["platform_machine"]))


def markers(told: Mapping[str, str]) -> dict[str, str]:
    """All markers, from those of `_TOLD`."""
    full = told["python_full_version"]
    short = ".".join(full.split(".")[:2])
    more = {"implementation_version": full, "python_version": short, "platform_release": "0", "platform_version": "0"}
    return {**{name: told[name] for name in _TOLD}, **more}


_TOLD = (
    "implementation_name",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_system",
    "python_full_version",
    "sys_platform",
)


def _manylinux(glibc: int, machine: str) -> tuple[str, ...]:
    """The platforms of wheels for a glibc 2 and older ones (PEP 600, and the names before it)."""
    newer = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc, _OLDEST.get(machine, 17) - 1, -1)]
    older = [f"manylinux2014_{machine}"] if glibc >= 17 else []  # pip takes those before it too
    return (*newer, *older, f"linux_{machine}")
