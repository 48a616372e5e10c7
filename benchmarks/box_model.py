"""What the model in the box gets right, over names, wordings and texts that its training never saw.

The wordings are those of `blind.py`, in sets written without sight of the training's, or the training's own that it
holds back.

    python benchmarks/box_model.py --questions 300 --size 8k 1m 10m --kind find
    python benchmarks/box_model.py --questions 100 --size 8k --kind absent count mention define

All through `RLM.completion` with the default sandbox. Answers are compared with the exact truth, which is computed here
without the model's functions. Two floors are scored beside it: one that always writes the same cell, the strongest
that we could think of, and one that only searches and quotes. Needs the books that training used (--books), whose
last fifth is kept for this.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "training" / "nano"))

import asked  # noqa: E402
import attributes  # noqa: E402
import blind  # noqa: E402
import text  # noqa: E402
import values  # noqa: E402
import wordings  # noqa: E402
import wordings_eighth  # noqa: E402
import wordings_fifth  # noqa: E402
import wordings_fourth  # noqa: E402
import wordings_ninth  # noqa: E402
import wordings_second  # noqa: E402
import wordings_seventh  # noqa: E402
import wordings_sixth  # noqa: E402
import wordings_third  # noqa: E402
import words  # noqa: E402
from facts import decoys, noun_fact, verb_fact  # noqa: E402
from scenes import NOT_FOUND, quoted  # noqa: E402
from wording import CODE, NAMES, World, ask, capital  # noqa: E402

from rlm.engine import RLM  # noqa: E402
from rlm.lms.llamacpp import box  # noqa: E402
from rlm.lms.scripted import Scripted  # noqa: E402
from rlm.types import JSON, Limits  # noqa: E402

SIZES = {"8k": 32_000, "1m": 4_000_000, "10m": 40_000_000}  # characters: four a token
PER_INPUT = {"8k": 8, "1m": 300, "10m": 300}  # questions that share an input
BLIND = {
    "blind": wordings, "second": wordings_second, "third": wordings_third, "fourth": wordings_fourth,
    "fifth": wordings_fifth, "sixth": wordings_sixth, "seventh": wordings_seventh, "eighth": wordings_eighth,
    "ninth": wordings_ninth,
}  # fmt: skip
KINDS = ("find", "absent", "count", "mention", "define")

# The best one cell for all questions that we found: of the passage that answers best, the sentence that shares most
# words with the question, and of that the first thing that looks like a value and is not in the question.
FIXED = r"""
import re
asked = set(re.findall(r"\w+", question.lower()))
hits = search(question, 1)
parts = re.split(r"(?<=[.!?])\s+|\n", hits[0]) if hits else [""]
best = max(parts, key=lambda part: len(asked & set(re.findall(r"\w+", part.lower()))))
shapes = [r"[$€£]\s?[\d.,]*\d", r"\d[\w:/.-]*\d", r"[A-Z]+[-/_]\w+", r"\d+", r"(?:[A-Z]\w+ )*[A-Z]\w+"]
found = [m for shape in shapes for m in re.findall(shape, best) if not asked & set(re.findall(r"\w+", m.lower()))]
FINAL(found[0] if found else "not found")
"""
QUOTING = "FINAL(search(question, 1)[0])"


@dataclass(frozen=True)
class Case:
    """A question, its input, and the answers that are right."""

    kind: str
    question: str
    context: str | Path
    truth: JSON


def fillers(world: World, size: int) -> list[str]:
    """Lines of about `size` characters together: held-out prose and code, repeated where there is not enough."""
    pool = [*text.paragraphs(world.books, True)]
    for source in text.sources(True):
        pool += source.splitlines()
    lines: list[str] = []
    while size > 0:
        start = world.rng.randrange(len(pool))
        for line in pool[start : start + 200]:
            lines.append(line)
            size -= len(line) + 1
    return lines


def needles(world: World, kind: str, count: int, size: str) -> Iterator[Case]:
    """Needles, each with decoys about other names and of other attributes; or only the decoys."""
    while count > 0:
        batch = min(count, PER_INPUT[size])
        lines = fillers(world, SIZES[size])
        told = []
        for _ in range(batch):
            fact = verb_fact(world) if world.rng.random() < 0.2 else noun_fact(world)
            planted = decoys(world, fact) + ([fact.sentence] if kind == "find" else [])
            for sentence in planted:
                place = world.rng.randrange(len(lines))
                if len(lines[place]) > 80 and world.rng.random() < 0.6 and "\n" not in sentence:
                    parts = text.sentences(lines[place])
                    parts.insert(world.rng.randrange(len(parts) + 1), sentence)
                    lines[place] = " ".join(parts)
                else:
                    lines.insert(place, sentence)
            value = fact.value if fact.value in fact.sentence else capital(fact.value)
            told.append((fact.question, value if kind == "find" else NOT_FOUND))
        whole = "\n".join(lines)
        yield from (Case(kind, question, whole, truth) for question, truth in told)
        count -= batch


def terms(world: World, kind: str, count: int, size: str) -> Iterator[Case]:
    """Counts and mentions of planted names, of words of the text, and of names that are not there."""
    while count > 0:
        batch = min(count, PER_INPUT[size])
        lines = fillers(world, SIZES[size])
        names = []
        for _ in range(batch):
            name = (
                attributes.bare(attributes.name(world.rng)) if world.rng.random() < 0.7 else words.identifier(world.rng)
            )
            for _ in range(world.rng.choice((0, 1, 2, 3, 5, 9))):
                sentence = f"{values.phrase(world.rng)} {name} {values.phrase(world.rng)}."
                lines.insert(world.rng.randrange(len(lines)), sentence)
            names.append(name)
        whole = "\n".join(lines)
        for name in names:
            exact = re.compile(r"(?<!\w)" + re.escape(name) + r"(?!\w)")
            where = [f"line {whole.count(chr(10), 0, m.start()) + 1}" for m in exact.finditer(whole)]
            asks = (asked.COUNT, asked.COUNT_REQUEST) if kind == "count" else (asked.MENTION, asked.MENTION_REQUEST)
            question = ask(world, *asks, asked.WHOLE[kind], NAMES, N=quoted(world.rng, name))
            mentions: JSON = [*dict.fromkeys(where)] or NOT_FOUND
            yield Case(kind, question, whole, len(where) if kind == "count" else mentions)
        count -= batch


def definitions(world: World, count: int, size: str, folder: Path) -> Iterator[Case]:
    """Classes and functions of real modules, in a folder of about the size."""
    place = folder / f"lib-{size}"
    place.mkdir(exist_ok=True)
    sources = [*text.sources(True), *text.sources(False)]
    world.rng.shuffle(sources)
    defined: dict[str, list[str]] = {}
    written = 0
    for number in range(100_000):
        source = sources[number % len(sources)]
        if written and written + len(source) > SIZES[size]:
            break
        name = f"module_{number:05d}.py"
        (place / name).write_text(source, encoding="utf-8")
        written += len(source)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                defined.setdefault(node.name, []).append(f"{name}:{node.lineno}")
    rare = [name for name, where in defined.items() if len(where) <= 20]
    for _ in range(count):
        name = world.rng.choice(rare) if world.rng.random() < 0.9 else words.identifier(world.rng)
        said = "class" if name[:1].isupper() else "function"
        question = ask(world, asked.DEFINE, asked.DEFINE_REQUEST, asked.WHOLE["define"], CODE, K=said, N=name)
        mentions: list[JSON] = [*sorted(defined.get(name, []))]
        yield Case("define", question, place, mentions or NOT_FOUND)


def cases(world: World, kind: str, count: int, size: str, folder: Path, whose: str) -> Iterator[Case]:
    """The questions of a kind over inputs of a size."""
    if whose in BLIND:
        seed = str(world.rng.random())
        told = blind.told(kind, count, SIZES[size], world.books, seed, folder, BLIND[whose])
        return (Case(kind, question, where, cast(JSON, truth)) for kind, question, where, truth in told)
    if kind in ("find", "absent"):
        return needles(world, kind, count, size)
    return definitions(world, count, size, folder) if kind == "define" else terms(world, kind, count, size)


def right(case: Case, answer: JSON) -> bool:
    """Whether the answer is the truth: to the character for values, in any order for places."""
    if isinstance(case.truth, list):
        return isinstance(answer, list) and sorted(map(str, answer)) == sorted(map(str, case.truth))
    return answer == case.truth if isinstance(case.truth, int) else str(answer).strip() == case.truth


def ask_one(engine: RLM, case: Case, out: list[dict[str, JSON]]) -> tuple[bool, float]:
    """Whether the answer is right, and after how many seconds it came."""
    began = time.perf_counter()
    result = engine.completion(case.question, context=case.context)
    seconds = time.perf_counter() - began
    good = right(case, result.answer)
    out.append({"kind": case.kind, "question": case.question, "truth": case.truth, "answer": result.answer,
                "right": good, "run": result.run_id})  # fmt: skip
    return good, seconds


def always(cell: str) -> Scripted:
    """A model that writes the same cell at every turn."""
    return Scripted(lambda _: f"```repl\n{cell}\n```", name="nano")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=100, help="of each kind and size")
    parser.add_argument("--size", nargs="+", choices=SIZES, default=["8k"])
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument(
        "--wordings", choices=(*BLIND, "own"), default="blind",
        help="own: the training's, one template in eight; others: by people who had seen neither it nor each other's",
    )  # fmt: skip
    parser.add_argument("--books", type=Path, required=True, help="folder of long *.txt")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--weights", type=Path, help="another GGUF file in the place of the one in the box")
    parser.add_argument("--floors", type=int, default=50, help="questions that the floors are asked; 0 leaves them out")
    parser.add_argument("--wrong", type=Path, help="write every question and answer here, as JSON lines")
    options = parser.parse_args()
    limits = Limits(turns=4, nudges=1)
    # With the settings of the one in the box: llama.cpp samples unless it is told not to.
    model = box(options.weights) if options.weights else options.model
    engine = RLM(model=model, limits=limits, trace=False)
    floors = [RLM(model=always(cell), limits=Limits(turns=1), trace=False) for cell in (FIXED, QUOTING)]
    log: list[dict[str, JSON]] = []
    print(f"{'size':>5} {'kind':8} {'asked':>5} {'right':>7} {'seconds':>8} {'same cell':>10} {'quoting':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for size in options.size:
            for kind in options.kind:
                world = World(random.Random(f"{options.seed} {size} {kind}"), options.books, held_out=True)
                told: list[tuple[bool, float]] = []
                low: list[list[bool]] = []
                # One by one: the inputs of 300 questions of 10M tokens would take 12 GB.
                for case in cases(world, kind, options.questions, size, Path(folder), options.wordings):
                    if len(told) < options.floors:
                        low.append([ask_one(floor, case, [])[0] for floor in floors])
                    told.append(ask_one(engine, case, log))
                share, seconds = statistics.mean(good for good, _ in told), statistics.median(took for _, took in told)
                beside = " ".join(f"{statistics.mean(hits):9.1%}" for hits in zip(*low, strict=True))
                print(f"{size:>5} {kind:8} {len(told):5} {share:7.1%} {seconds:8.3f} {beside}", flush=True)
    if options.wrong:
        options.wrong.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in log), "utf-8")


if __name__ == "__main__":
    main()
