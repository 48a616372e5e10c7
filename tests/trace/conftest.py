"""Runs of every kind, made once a session's worker and read by many tests."""

import contextlib
import os
from pathlib import Path

import pytest

from rlm import RLM, Limits, LMUnavailableError, RlmError
from rlm.lms import resolve
from rlm.lms.scripted import Scripted
from rlm.lms.scripted_server import Answer, Received, ScriptedServer
from rlm.types import Request

TEXT = "Ann is tall. Bob is short.\n" * 200


def cell(code: str) -> str:
    return f"Let me see.\n```repl\n{code}\n```"


WORK = [
    cell("print('x' * 30_000)\na = llm_query('first ' + context[:300])"),
    "no cell here",
    cell("b = llm_query_batched(['p', 'q', 'p'], temperature=0)\nm = llm_map(['i', 'j'], 'say it')\n1 / 0"),
    cell(
        "c = rlm_query('child?', context[:100])\nd = double(4)\ntry:\n    fail()\nexcept Exception as e:\n    print(e)"
    ),
    cell("FINAL({'a': a, 'c': c, 'd': d})"),
]


def answers(request: Request) -> str | RlmError:
    prompt = request.messages[-1].content
    if len(request.messages) > 1:
        return cell("FINAL('of the child')")
    if "say it" in prompt:
        return '{"0": "I", "1": "J"}'
    return f"reply to {prompt[:20]}"


def double(number: int) -> int:
    """Twice a number."""
    return 2 * number


def fail() -> None:
    """Fails."""
    raise ValueError("no such thing")


def _busy_once(request: Received) -> Answer:
    _busy_once.asked = getattr(_busy_once, "asked", 0) + 1  # type: ignore[attr-defined]
    if _busy_once.asked == 1:  # type: ignore[attr-defined]
        return Answer("slow down", status=429, headers={"Retry-After": "0"})
    return Answer(cell("FINAL('late')"))


@pytest.fixture(scope="session")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a run of each kind, by the kind's name."""
    folder = tmp_path_factory.mktemp("runs")
    book = tmp_path_factory.mktemp("books") / "book.txt"
    book.write_text(TEXT)

    def run(model: object, value: object, **options: object) -> Path:
        before = set(folder.iterdir())
        rlm = RLM(model=model, trace=folder, **{"route": "never", **options})  # type: ignore[call-overload]
        with contextlib.suppress(RlmError):
            rlm.completion("What is there?", context=value)
        return next(iter(set(folder.iterdir()) - before))

    sub = Scripted(answers, name="test/sub")
    with ScriptedServer(_busy_once) as server:
        os.environ["OPENAI_API_KEY"] = "k"
        busy = resolve("openai/m", base_url=server.url, api_key="k")
        found = {
            "work": run(
                Scripted(WORK, name="test/root"), TEXT, sub_model=sub, limits=Limits(depth=2), tools=[double, fail]
            ),
            "files": run(Scripted([cell("FINAL(1)")]), book),
            "json": run(Scripted([cell("FINAL(1)")]), {"a": ["x" * 400, 1.5, None, {"$s": "y"}]}),
            "direct": run(Scripted(["an answer"], window=100_000), "short", route="always"),
            "partial": run(Scripted([cell("answer['content'] = 'half'"), cell("1")]), TEXT, limits=Limits(turns=1)),
            "failed": run(Scripted([cell("1"), LMUnavailableError("test/root: gone")]), TEXT),
            "refused": run(Scripted([LMUnavailableError("test/root: gone")]), TEXT),
            "lost": run(Scripted([cell("import os; print('end'); os._exit(3)"), cell("FINAL(2)")]), TEXT),
            "retried": run(busy, TEXT),
            "denied": run(
                Scripted([cell("llm_query('may I?')"), cell("FINAL(3)")]), TEXT, approve=lambda estimate: "deny"
            ),
        }
    del os.environ["OPENAI_API_KEY"]
    return found
