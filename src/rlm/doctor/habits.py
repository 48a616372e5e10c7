"""How a model behaves as a root: small runs in a real sandbox, with the engine's own prompts and its own loop."""

from __future__ import annotations

import random
import re
from dataclasses import replace

from rlm.doctor.asked import Asked
from rlm.doctor.findings import Habits
from rlm.engine import RLM
from rlm.errors import LimitError, LMRefusedError
from rlm.parse import parse
from rlm.prompts.profiles import Profile
from rlm.sandbox.launchers.base import Launcher
from rlm.trace.events import AnswerSet, CallBegin, CellBegin, Event, LimitReached, ReplyReceived
from rlm.types import Completion, Reply

# A finding and a counting: what every model can do with a cell or two, the one in the box too.
QUESTIONS = (("What is the vault code of Port Ellery?", "48213"), ("How often is Zelkova mentioned?", "7"))
TURNS = 6
_REPEATS = 2  # a cell may be run twice for a reason
_FENCE = re.compile(r"^[ \t>]*`{3,}[ \t]*([^\s`]*)", re.MULTILINE)
_ALL_FENCES = ("repl", "python", "python3", "py", "tool_code", "code", "")
# What a model writes where it goes on as if its cell had run.
_OUTPUT = re.compile(
    r"^[ \t>*#`]*(?:(?:expected|the|repl|cell|execution|printed)[ \t]+)*"
    r"(?:outputs?|results?|stdout|observation|console)\b[ \t*]*(?::|$)"
    r"|^[ \t]*`{3,}[ \t]*(?:output|text|console|stdout)?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_CELL = re.compile(
    r"^[ \t]*`{3,}[ \t]*(?:repl|python3?|py|tool_code)\b.*?(?:^[ \t]*`{3,}[ \t]*$|\Z)", re.I | re.M | re.S
)
_THOUGHT = re.compile(r"\A\s*(?:<(?:think|thinking|reasoning)>|\[THINK\]|<\|channel\|>analysis)|</think>|\[/THINK\]")
_SYSTEM = re.compile(
    r"system (?:role|prompt|message|instruction)|developer instruction|roles must alternate", re.IGNORECASE
)


async def measure_habits(asked: Asked, habits: Habits, profile: Profile, sandbox: str | Launcher) -> Profile:
    """Runs the questions; fills `habits` in as it goes.

    Returns:
        The profile, changed where the endpoint refused a system message.

    Raises:
        LimitError: The examination's budget, tokens or time are used up.
        LMError: The model failed before it had answered anything.
        SandboxError: The sandbox could not be had.
    """
    for number, (question, answer) in enumerate(QUESTIONS):
        try:
            await _run(asked, habits, profile, sandbox, question, answer, len(QUESTIONS) - number)
        except LMRefusedError as error:
            if not (profile.system and profile.system_role and _SYSTEM.search(str(error))):
                raise
            habits.system_role = False
            profile = replace(profile, system_role=False)
            await _run(asked, habits, profile, sandbox, question, answer, len(QUESTIONS) - number)
    return profile


async def _run(
    asked: Asked, habits: Habits, profile: Profile, sandbox: str | Launcher, question: str, answer: str, runs: int
) -> None:
    rlm = RLM(
        model=asked.lm,
        sandbox=sandbox,
        limits=asked.left(runs),
        route="never",
        trace=False,
        profile=profile,
    )
    run = rlm.stream(question, context=text())
    cells: list[str] = []
    by_code = False
    bound: LimitError | None = None
    async for event in run:
        by_code = by_code or (isinstance(event, AnswerSet) and event.ready and bool(cells))
        _take(event, habits, cells)
        if isinstance(event, LimitReached) and event.limit in ("usd", "tokens", "seconds"):
            bound = LimitError(event.limit, event.message)
    completion = await run.aresult()
    if not completion.usage.calls:
        raise LimitError("usd", completion.reason)
    asked.ledger.charge(Reply("", completion.usage, completion.cost))
    _conclude(completion, habits, cells, answer, by_code)
    if bound is not None:  # its own limits are a share of the examination's
        raise bound


def _take(event: Event, habits: Habits, cells: list[str]) -> None:
    if isinstance(event, ReplyReceived):
        _read(event, habits)
    elif isinstance(event, CellBegin):
        habits.cells += 1
        habits.repeated += event.code.strip() in cells
        cells.append(event.code.strip())
    elif isinstance(event, CallBegin):
        habits.sub_calls += 1


def _read(event: ReplyReceived, habits: Habits) -> None:
    """What a reply says of its model, whatever the profile takes for a cell."""
    habits.replies += 1
    habits.cut += event.finish == "length"
    habits.thought += _THOUGHT.search(event.text) is not None
    parsed = parse(event.text, bare_final=True, fences=_ALL_FENCES)
    found = _FENCE.search(parsed.text)
    if found is None:
        habits.unfenced += 1
        habits.bare_finals += parsed.cell is not None
        return
    fence = parsed.cell.fence if parsed.cell is not None else found[1].lower()
    habits.fences[fence] = habits.fences.get(fence, 0) + 1
    habits.several_cells += parse(parsed.rest).cell is not None
    habits.invented += _OUTPUT.search(_CELL.sub("", parsed.rest)) is not None


def _conclude(completion: Completion, habits: Habits, cells: list[str], answer: str, by_code: bool) -> None:
    habits.runs += 1
    habits.answered += completion.status == "done" and by_code
    habits.right += re.search(rf"(?<!\d){answer}(?!\d)", completion.response) is not None
    habits.loops = habits.loops or len(cells) - len(set(cells)) >= _REPEATS
    if completion.reason:
        habits.reasons.append(completion.reason)


def text() -> str:
    """The input of the runs: some 6,000 characters, the same each time, with what is asked for in its middle."""
    draw = random.Random(3)
    places = ["Gullhaven", "Ambry", "Tarn Hill", "Windle", "Oxmere"]
    work = ["took on coal", "lay in fog", "was painted", "waited for the pilot", "landed salt and rope"]
    lines = [
        f"{day:02}.{month:02}.1931 {draw.choice(places)}: a steamer {draw.choice(work)}; {draw.randint(2, 90)} boxes."
        for month in range(3, 7)
        for day in range(1, 25)
    ]
    for at in (5, 17, 29, 41, 60, 77, 88):
        lines[at] += " The Zelkova was sighted."
    lines.insert(48, "The vault code of Port Ellery is 48213, as the harbour master noted.")
    return "\n".join(lines)
