"""`rlm demo`: five questions of ten million tokens of this machine's own text, to the model in the box."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rlm.cli import demo_input, exit_codes
from rlm.cli.demo_input import DemoInput, Question
from rlm.engine import RLM
from rlm.errors import RlmError
from rlm.execution import REQUIRED
from rlm.sandbox import lockdown
from rlm.terminal import one_line, visible
from rlm.trace import store
from rlm.trace.events import CallBegin, CellBegin, CellEnd, Event
from rlm.types import Completion, Limits

_LIMITS = Limits(seconds=60)
# A small model errs now and then, and its answers are marked; with fewer right than this something is broken.
_LEAST_RIGHT = 3


@dataclass(frozen=True, slots=True)
class _Asked:
    right: bool
    seen: int


def run(seed: int) -> int:
    """Builds the input, asks, prints, and returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="rlm-demo-") as name:
        folder = Path(name, "demo")  # the model is told the name: the same every time
        began = time.monotonic()
        made = demo_input.build(folder, seed)
        _introduce(made, seed, time.monotonic() - began)
        began = time.monotonic()
        engine = _engine()
        asked = [_ask(engine, folder, number, question) for number, question in enumerate(made.questions, 1)]
    return _conclude(made, asked, time.monotonic() - began)


def _introduce(made: DemoInput, seed: int, seconds: float) -> None:
    print(
        f"Input: {made.characters:,} characters, about {made.characters // 4_000_000} million tokens, in "
        f"{len(made.files):,} files of this Python's standard library and installed packages"
        f"{f'; {made.repeated:,} characters are there twice' if made.repeated else ''}."
    )
    print(f"Some made-up facts are planted in it (seed {seed}). Built in {seconds:.1f} s.")


def _engine() -> RLM:
    """An engine with the strongest sandbox that works here; says what is not enforced."""
    why_not = lockdown.supported()
    engine = RLM(model="nano", sandbox="local" if why_not is None else "unconfined", limits=_LIMITS)
    enforced = engine.setup.launcher.enforces()
    if why_not is None:
        print(f"Sandbox: local, enforcing its limits on {', '.join(sorted(enforced))}.")
    else:
        missing = ", ".join(sorted(REQUIRED - enforced))
        print(f"Sandbox: unconfined, so not enforced: {missing} ({one_line(why_not, 200)})")
    print(f"Model: {engine.setup.model.name}, the one in the box; no key, no network.\n", flush=True)
    return engine


def _ask(engine: RLM, folder: Path, number: int, question: Question) -> _Asked:
    print(f"{number}. {question.text}", flush=True)
    try:
        completion = engine.completion(question.text, context=folder)
    except RlmError as error:
        print(f"   {visible(str(error))}\n   failed · {question.kind}\n", flush=True)
        return _Asked(False, 0)
    events = [] if completion.trace is None else list(store.read(completion.trace))
    for event in events:
        if isinstance(event, CellBegin):
            print("\n".join(f"   > {visible(line)}" for line in event.code.strip().splitlines()))
    right, seen = is_right(completion, question.truth), characters_seen(events)
    print(f"   {visible(completion.response or completion.reason)}")
    print(
        f"   {'right' if right else f'wrong, it is {_told(question.truth)}'}"
        f" · {question.kind} · {completion.seconds:.1f} s · the model saw {seen:,} characters of the input\n",
        flush=True,
    )
    return _Asked(right, seen)


def is_right(completion: Completion, truth: str | int | frozenset[str]) -> bool:
    """Whether an answer is exactly the truth: the value, the number, or all the places and no other."""
    if completion.status != "done":
        return False
    answer = completion.answer
    if isinstance(truth, frozenset):
        places = answer if isinstance(answer, list) else completion.response.split()
        return sorted(map(str, places)) == sorted(truth)
    return str(answer).strip() == str(truth)


def characters_seen(events: Iterable[Event]) -> int:
    """Characters that came out of the sandbox to a model: what it was shown of outputs, and prompts of sub-calls."""
    seen = 0
    for event in events:
        if isinstance(event, CellEnd):
            seen += len(event.shown)
        elif isinstance(event, CallBegin):
            seen += len(event.prompt)
    return seen


def _told(truth: str | int | frozenset[str]) -> str:
    return json.dumps(sorted(truth)) if isinstance(truth, frozenset) else str(truth)


def _conclude(made: DemoInput, asked: list[_Asked], seconds: float) -> int:
    right = sum(one.right for one in asked)
    share = sum(one.seen for one in asked) / made.characters
    print(
        f"{right} of {len(asked)} right in {seconds:.1f} s. Of the input, models saw {share:.4%}. "
        "What the model did last: rlm show"
    )
    sys.stdout.flush()
    return exit_codes.DONE if right >= _LEAST_RIGHT else exit_codes.FAILED
