"""Wheels that a test makes, for `packages`: pip finds them without a network."""

import zipfile
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    source: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    needs: tuple[str, ...] = (),
) -> None:
    """A wheel of one module, for Pythons with that tag, that needs other packages."""
    module = name.replace("-", "_")
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {one}" for one in needs]
    files = {
        f"{module}.py": source,
        f"{module}-{version}.dist-info/METADATA": "\n".join([*metadata, ""]),
        f"{module}-{version}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{module}-{version}.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{module}-{version}-{tag}.whl", "w") as packed:
        for path, text in files.items():
            packed.writestr(path, text)


def only_from(monkeypatch, folder: Path) -> None:
    """Has pip look there and nowhere else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
