"""The rows that compare, on the reference system (`pip install rlms`), in an environment of its own.

Run by engine.py: `PYTHON rows_reference.py URL REPEATS` prints one JSON object of lists of seconds.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys

import measure

URL, REPEATS = sys.argv[1], int(sys.argv[2])
os.environ["OPENAI_API_KEY"] = "none"

from rlm import RLM  # noqa: E402 (the reference's)


def engine(model: str, **options: object) -> RLM:
    kwargs = {"model_name": model, "base_url": URL, "api_key": "none"}
    return RLM(backend="openai", backend_kwargs=kwargs, environment="local", **options)


def ask(model: str, context: str, **options: object) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        answer = engine(model, **options).completion(context, root_prompt="What is it?").response
    assert answer == "done", answer


def others(model: str) -> dict[str, object]:
    """The option that gives sub-calls to another model."""
    return {
        "other_backends": ["openai"],
        "other_backend_kwargs": [{"model_name": model, "base_url": URL, "api_key": "none"}],
    }


def main() -> None:
    small = "word " * 4000
    rows: dict[str, object] = {}
    ask("two", small)
    rows["two_turns"] = measure.timed(lambda: ask("two", small), REPEATS)
    rows["turns"] = [s / 200 for s in measure.timed(lambda: ask("turns", small, max_iterations=250), 1)]
    rows["batch"] = measure.timed(lambda: ask("batch", small, **others("sub")), 3)
    rows["children"] = measure.timed(lambda: ask("children", small, max_depth=2, **others("child")), 3)
    big = measure.ascii_text(42)
    measure.reset_peak()
    before = measure.memory()
    rows["first_request"] = [measure.to_first_request(URL, lambda: ask("two", big)) for _ in range(3)]
    rows["host_memory"] = measure.memory(field="VmHWM") - before
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
