"""Wheels that a test makes, for `packages`: pip finds them without a network."""

import zipfile
from pathlib import Path


def make_wheel(folder: Path, name: str, source: str, version: str = "1.0") -> None:
    """A wheel of one module."""
    module = name.replace("-", "_")
    files = {
        f"{module}.py": source,
        f"{module}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{module}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{module}-{version}.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as packed:
        for path, text in files.items():
            packed.writestr(path, text)


def only_from(monkeypatch, folder: Path) -> None:
    """Has pip look there and nowhere else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
