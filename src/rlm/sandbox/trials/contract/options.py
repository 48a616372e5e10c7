"""The options that mean the same everywhere: kept, or refused when the launcher is made."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

from rlm.sandbox.trials.contract.case import Place, case, equal, holds
from rlm.types import Cell


@case
async def files_are_readable(place: Place) -> None:
    """`files` are there by their paths, files and folders, and can't be changed."""
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder) / "one.txt", Path(folder) / "many"
        one.write_text("é one\n", encoding="utf-8")
        (many / "deep").mkdir(parents=True)
        (many / "deep" / "two.bin").write_bytes(bytes(range(256)))
        for path in (Path(folder), one, many, many / "deep", many / "deep" / "two.bin"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        environment = await place.open_with(files={"one": one, "many": many})
        try:
            async with place.session(environment) as session:
                read = await session.run(
                    Cell(
                        "import os\nprint(open(files['one'], encoding='utf-8').read(), sorted(files), "
                        "open(os.path.join(files['many'], 'deep', 'two.bin'), 'rb').read() == bytes(range(256)))"
                    )
                )
                written = await session.run(Cell("open(files['one'], 'a').write('more')"))
        finally:
            await environment.close()
        equal((read.error, read.output), (None, "é one\n ['many', 'one'] True\n"), "error, output")
        holds(written.error is not None and "Error" in written.error, f"writing gave {written}")
        equal(one.read_text(encoding="utf-8"), "é one\n", "the file afterwards")


@case
async def output_comes_back(place: Place) -> None:
    """What cells write into `output_folder` is in `output` at the end; a link in it leads nowhere."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out"
        environment = await place.open_with(output=output)
        try:
            code = (
                "import os\nos.makedirs(os.path.join(output_folder, 'sub'))\n"
                "open(os.path.join(output_folder, 'sub', 'a.txt'), 'w', encoding='utf-8').write('é' * 1000)\n"
                "try:\n    os.symlink('/etc/passwd', os.path.join(output_folder, 'link'))\nexcept OSError:\n    pass\n"
                "print(os.listdir(output_folder)[:1] != [])"
            )
            async with place.session(environment) as session:
                result = await session.run(Cell(code))
        finally:
            with warnings.catch_warnings(action="ignore"):  # it says what it left out
                await environment.close()
        equal((result.error, result.output), (None, "True\n"), "error, output")
        came = output / "sub" / "a.txt"
        holds(came.is_file(), f"only {sorted(path.name for path in output.rglob('*'))} came back")
        equal(came.read_text(encoding="utf-8"), "é" * 1000, "what came back")
        link = output / "link"
        holds(not link.is_symlink() and not link.exists(), "a link came back")


@case
async def env_is_set(place: Place) -> None:
    """`env` is in the environment of cells, and nothing that the host has in its own."""
    environment = await place.open_with(env={"RLM_TRIAL": "é = 1"})
    try:
        async with place.session(environment) as session:
            code = "import os\nprint(os.environ.get('RLM_TRIAL'), [k for k in os.environ if k.endswith('_API_KEY')])"
            result = await session.run(Cell(code))
    finally:
        await environment.close()
    equal((result.error, result.output), (None, "é = 1 []\n"), "error, output")
