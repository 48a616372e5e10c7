"""Kills the host of a run with SIGKILL at random points, resumes it, and counts what was asked twice.

    python benchmarks/kill_resume.py --kills 50 [--seed 0] [--session]

The run has 30 turns and some 300 sub-calls: from threads, in batches, in maps, equal ones, of children; sets, `random`
and the clock; a tool that appends to a file; and one cell that its time limit interrupts. The model is a script behind
a server in a process of its own, which notes each request; so what was paid is counted there, not by what is tested.

Half of the kills come from outside at a random moment, half from inside a write to the trace, after some of its bytes.
Every third resumed run is killed as well, and the resumed run resumed. After each: the answer is that of the unbroken
run, nothing was asked more often than there but what was in flight at a kill, and the tool did not run more often.

With `--session` it is the third question of a session that is killed, with a context added before it and the second.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Of the 30 turns, by their place among ten; {n} is the turn's number.
_TEN = (
    "import random, time\nkept = [random.random() for _ in range(5)]\nnames = {{f'name {{k}}' for k in range(20)}}\n"
    "print(kept, names)\nbatch{n} = llm_query_batched([f'turn {n} piece {{k}}' for k in range(12)])\nprint(batch{n})",
    "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(8) as pool:\n"
    "    got{n} = list(pool.map(llm_query, [f'turn {n} thread {{k}}' for k in range(16)]))\nprint(got{n})",
    "print(count('turn {n}'))\none{n} = [llm_query(f'turn {n} one {{k}}') for k in range(4)]\nprint(one{n})",
    "began = time.time()\ntime.sleep(0.02)\nprint(time.time() - began > 0.01, sorted(names)[:3])\n"
    "two{n} = llm_query_batched(['turn {n} early', 'turn {n} late'])",
    "same{n} = llm_query_batched(['turn {n} same'] * 4 + ['turn {n} other'] * 2)\nprint(same{n})",
    "import threading\nfound{n} = {{}}\ndef look(k):\n    found{n}[k] = llm_query(f'turn {n} look {{k}}')\n"
    "    count(f'look {n} {{k}}')\n"
    "threads = [threading.Thread(target=look, args=(k,)) for k in range(10)]\n"
    "[one.start() for one in threads]\n[one.join() for one in threads]\nprint(sorted(found{n}.items()))",
    "mapped{n} = llm_map([f'turn {n} item {{k}}' for k in range(30)], 'Shout {n}')\nprint(mapped{n}[:3])",
    "child{n} = rlm_query('child {n}', context=chunks()[{n} % 2])\nprint(child{n})",
    "spun{n} = 0\nif {n} == 19:\n    while True:\n        spun{n} += 1\nprint('not the one that spins')",
    "from concurrent.futures import as_completed\nwith ThreadPoolExecutor(6) as pool:\n"
    "    jobs = [pool.submit(llm_query, f'turn {n} job {{k}}') for k in range(40)]\n"
    "    print(sorted(job.result() for job in as_completed(jobs)))",
)
_LAST = (
    "FINAL([sorted(names)[0], len(kept), batch1, got12, one23, same5, sorted(found16.items()), mapped27[:2], child18])"
)
CELLS = [_TEN[n % 10].format(n=n + 1) for n in range(29)] + [_LAST]
_QUESTION = "What is it?"
# The same cells as three questions of a session.
_ASKED = {
    "What first?": [*(_TEN[n].format(n=n + 1) for n in (0, 1, 2, 3)), "FINAL([sorted(names)[0], got2])"],
    "What then?": [
        "more = len(context_1)\nprint(grep('brown')[-1].name, history)",
        *(_TEN[n].format(n=n + 1) for n in (4, 6, 7)),
        "FINAL([more, mapped7[:2], child8])",
    ],
    "What last?": [
        "import random\nprint(question, len(history), sorted(names)[:2], kept, random.random(), context_2)",
        *(_TEN[n % 10].format(n=n + 1) for n in (10, 11, 12, 15, 16, 17, 19)),
        "FINAL([got2, more, child8, one13, sorted(found16.items()), mapped17[:2], child18, history, context_2])",
    ],
}
_CHILD = (
    "seen = llm_query_batched([f'{question} part {k}' for k in range(8)])\nprint(len(context), seen)",
    "print(count(question))",
    "FINAL(seen[0] + llm_query(f'{question} end'))",
)


def _block(code: str) -> str:
    return f"```repl\n{code}\n```"


# The server --------------------------------------------------------------------------------------------------------


def serve(notes: Path) -> None:
    """Answers for all models, and notes each request: who asks (the key), and what."""
    from rlm.lms.scripted_server import Answer, Received, ScriptedServer

    def respond(request: Received) -> Answer:
        asked = request.value
        messages = asked["messages"]
        turn = sum(message["role"] == "assistant" for message in messages)
        prompt = messages[-1]["content"]
        if asked["model"] == "root":
            question = messages[1]["content"].partition("\n")[0].removeprefix("Question: ")
            name, text = f"{question} {turn + 1}", _block(_ASKED.get(question, CELLS)[turn])
        elif messages[0]["role"] == "system":
            name, text = f"{_question(messages)} turn {turn + 1}", _block(_CHILD[turn])
        elif prompt.startswith("Shout"):
            numbers = [line[1 : line.index("]")] for line in prompt.splitlines() if line.startswith("[")]
            name, text = prompt, json.dumps({number: f"SHOUT {number}" for number in numbers})
        else:
            name, text = prompt, prompt.upper()
        with notes.open("a") as file:
            file.write(json.dumps([request.headers["authorization"], name]) + "\n")
        return Answer(text, latency=random.uniform(0.002, 0.02))

    with ScriptedServer(respond) as server:
        print(server.url, flush=True)
        sys.stdin.read()


def _question(messages: list[dict[str, str]]) -> str:
    """The question of a child: each has a name that says which it is."""
    text = messages[1]["content"]
    return next(f"child {n}" for n in range(40, 0, -1) if f"child {n}" in text)


# The host ----------------------------------------------------------------------------------------------------------


def host(run: str | None, kill: str | None, counts: Path, session: bool) -> None:
    """Runs it, or resumes a run, and prints the answer; with `kill`, dies in the nth write, after some of its bytes."""
    import rlm
    from rlm.trace import store

    def die() -> None:
        if kill:
            number, share = kill.split(":")
            _die_in_write(store, int(number), float(share))

    def count(name: str) -> str:
        """Counts."""
        with counts.open("a") as file:
            file.write(name + "\n")
        return f"counted {name}"

    options: dict[str, Any] = {"tools": [count]}
    if run is None:
        text = "".join(f"{n}: the quick brown fox jumps over the lazy dog\n" for n in range(4000))
        limits = rlm.Limits(turns=40, depth=2, cell_seconds=1.0)
        engine = rlm.RLM(model="openai/root", sub_model="openai/sub", route="never", limits=limits, **options)
        if session:
            completion = _third(engine, text, die)
        else:
            die()
            completion = engine.completion(_QUESTION, context=text)
    else:
        die()
        completion = rlm.resume(run, **options).result()
    print(json.dumps([completion.answer, completion.status, completion.usage.calls]))


def _third(engine: Any, text: str, die: Callable[[], None]) -> Any:
    """What the third question of a session gives; `die` is called before it is asked."""
    first, then, last = _ASKED
    with engine.session(text) as session:
        session.ask(first)
        session.add(text[:90_000])
        session.ask(then)
        session.add({"ten": list(range(10))})
        die()
        return session.ask(last)


def _die_in_write(store: Any, number: int, share: float) -> None:
    written = 0
    whole = store._write_all

    def write(fd: int, data: bytes) -> None:
        nonlocal written
        written += 1
        if written == number:
            os.write(fd, data[: int(len(data) * share)])
            os.kill(os.getpid(), 9)
        whole(fd, data)

    store._write_all = write


# The driver --------------------------------------------------------------------------------------------------------


@dataclass
class Case:
    """One run, killed and resumed until it has ended.

    Attributes:
        name: Its key at the server.
        folder: Where its runs and the tool's counts are.
        in_flight: What was under way at its kills.
        tools: The same of the tool.
        lines: Of the trace at each kill; `+`: and a part of one.
    """

    name: str
    folder: Path
    url: str
    session: bool = False
    in_flight: Counter[str] = field(default_factory=Counter)
    tools: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def start(self, run: str | None, kill: str | None = None) -> subprocess.Popen[str]:
        """A host."""
        variables = {
            **os.environ,
            "RLM_HOME": str(self.folder),
            "OPENAI_API_KEY": self.name,
            "OPENAI_BASE_URL": self.url,
        }
        command = [sys.executable, __file__, "--host", run or "", "--counts", str(self.folder / "counts")]
        command += [*(["--session"] if self.session else []), *(["--kill", kill] if kill else [])]
        return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def runs(self) -> list[str]:
        """Its runs, the oldest first."""
        folder = self.folder / "runs"
        found = folder.iterdir() if folder.is_dir() else iter(())
        return [path.name for path in sorted(found, key=lambda path: path.stat().st_ctime)]

    def has_begun(self) -> bool:
        """Whether its last run's log has an event."""
        log = self.folder / "runs" / self.runs()[-1] / "events.jsonl"
        return log.exists() and b"\n" in log.read_bytes()

    def note_in_flight(self, run: str) -> None:
        """Adds what a killed run had begun and not ended."""
        for kind, name in _begun(self.folder / "runs" / run):
            (self.tools if kind == "tool" else self.in_flight)[name] += 1


def _begun(run: Path) -> Iterator[tuple[str, str]]:
    """What a trace has begun and not ended: sub-calls, requests of nodes, tools."""
    from rlm.trace.events import (
        CallBegin,
        CallEnd,
        NodeBegin,
        ReplyReceived,
        RequestSent,
        ToolBegin,
        ToolEnd,
        TurnBegin,
    )
    from rlm.trace.store import read

    open_: dict[tuple[int, str], tuple[str, str]] = {}
    nodes: dict[int, str] = {}
    turns: dict[int, str] = {}
    replies: Counter[str] = Counter()
    for event in read(run):
        match event:
            case NodeBegin():
                nodes[event.span] = event.question if event.depth == 0 else f"{event.question} turn"
            case TurnBegin():
                turns[event.span] = nodes[event.parent]
            case RequestSent():
                name = turns[event.span]
                open_[event.span, "request"] = ("call", f"{name} {replies[name] + 1}")
            case ReplyReceived():
                replies[turns[event.span]] += 1
                open_.pop((event.span, "request"), None)
            case CallBegin(given=None):
                open_[event.span, "call"] = ("call", event.prompt)
            case CallEnd():
                open_.pop((event.span, "call"), None)
            case ToolBegin():
                open_[event.span, "tool"] = ("tool", str(event.args[0]))
            case ToolEnd():
                open_.pop((event.span, "tool"), None)
    return iter(open_.values())


def _asked(notes: Path) -> dict[str, Counter[str]]:
    """What was asked, by who asked."""
    found: dict[str, Counter[str]] = {}
    for line in notes.read_text().splitlines():
        key, name = json.loads(line)
        found.setdefault(key.removeprefix("Bearer "), Counter())[name] += 1
    return found


def _killed(case: Case, run: str | None, rng: random.Random, seconds: float, writes: int) -> bool:
    """Starts a host and kills it; whether it was alive then."""
    before = len(case.runs())
    third = case.session and run is None
    if rng.random() < 0.5:
        process = case.start(run, f"{rng.randint(1 + third, writes)}:{rng.random():.3f}")
    else:
        process = case.start(run)
        while process.poll() is None and not (
            len(case.runs()) == 3 and case.has_begun() if third else case.runs()[before:]
        ):
            time.sleep(0.005)
        time.sleep(rng.uniform(0, seconds))
        process.kill()
    process.communicate()
    killed = process.returncode == -9
    if killed and len(case.runs()) > before:
        case.note_in_flight(case.runs()[-1])
        *whole, rest = (case.folder / "runs" / case.runs()[-1] / "events.jsonl").read_bytes().split(b"\n")
        case.lines.append(f"{len(whole)}{'+' if rest else ''}")
    return killed


def one(number: int, expected: dict[str, Any], url: str, base: Path, seed: int, session: bool) -> dict[str, Any]:
    """One case: killed, resumed, perhaps killed again; what came of it."""
    rng = random.Random(seed * 1000 + number)
    case = Case(f"case-{number}", base / f"case-{number}", url, session)
    case.folder.mkdir()
    kills = 0
    run: str | None = None
    while True:
        kills += _killed(case, run, rng, expected["seconds"] * (1.0 if run is None else 0.7), expected["writes"])
        made = case.runs()
        run = made[-1] if made and (case.folder / "runs" / made[-1] / "events.jsonl").stat().st_size else run
        if kills and (rng.random() > 1 / 3 or kills > 4):
            break
    process = case.start(run)
    out, err = process.communicate(timeout=120)
    answer = json.loads(out) if process.returncode == 0 else err.strip().splitlines()[-1:]
    tool = Counter((case.folder / "counts").read_text().splitlines())
    return {"case": case, "kills": kills, "answer": answer, "tool": tool, "right": answer == expected["answer"]}


def main() -> None:
    """Kills, resumes, counts, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="runs to kill at least once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--session", action="store_true", help="kill the third question of a session")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--host", help=argparse.SUPPRESS)
    parser.add_argument("--kill", help=argparse.SUPPRESS)
    parser.add_argument("--counts", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
    elif options.host is not None:
        host(options.host or None, options.kill, options.counts, options.session)
    else:
        with tempfile.TemporaryDirectory(prefix="rlm-kill-") as folder:
            sys.exit(soak(options.kills, options.seed, Path(folder), options.session))


def soak(count: int, seed: int, base: Path, session: bool) -> int:
    """The unbroken run, then `count` that are killed; 0 if all went as they should."""
    notes = base / "notes"
    notes.touch()
    command = [sys.executable, __file__, "--serve", str(notes)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = server.stdout.readline().strip()
        expected = _unbroken(base, url, notes, session)
        print(f"unbroken: {expected['requests']} requests, {expected['writes']} writes, {expected['seconds']:.1f} s")
        bad = 0
        kills = in_flight = again = 0
        for number in range(count):
            got = one(number, expected, url, base, seed, session)
            more = _asked(notes)[f"case-{number}"] - expected["asked"]
            twice, tools = more - got["case"].in_flight, got["tool"] - expected["tool"] - got["case"].tools
            less = expected["asked"] - _asked(notes)[f"case-{number}"]
            wrong = not got["right"] or bool(twice) or bool(tools)
            bad += wrong
            kills += got["kills"]
            in_flight += got["case"].in_flight.total()
            again += more.total()
            state = (
                "ok"
                if not wrong
                else f"WRONG answer={got['right'] or got['answer']} twice={dict(twice)} tools={dict(tools)}"
            )
            flying, points = got["case"].in_flight.total(), ", ".join(got["case"].lines)
            print(
                f"{number:3} killed after {points} events: {more.total()} asked again of {flying} in flight, "
                f"{less.total()} never asked: {state}",
                flush=True,
            )
        print(f"{count} runs, {kills} kills: {bad} wrong; {in_flight} calls in flight at a kill, {again} asked again")
        return int(bad > 0)
    finally:
        server.stdin.close()  # type: ignore[union-attr]
        server.wait()


def _unbroken(base: Path, url: str, notes: Path, session: bool) -> dict[str, Any]:
    case = Case("unbroken", base / "unbroken", url, session)
    case.folder.mkdir()
    process = case.start(None)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    trace = case.folder / "runs" / case.runs()[-1]
    rows = [json.loads(line) for line in (trace / "events.jsonl").read_text().splitlines()]
    asked = _asked(notes)["unbroken"]
    tool = Counter((case.folder / "counts").read_text().splitlines())
    found = {
        "answer": json.loads(out),
        "seconds": rows[-1]["t"],
        "asked": asked,
        "requests": asked.total(),
        "tool": tool,
    }
    return {**found, "writes": len(rows) + sum("$s" in json.dumps(row) for row in rows)}


if __name__ == "__main__":
    main()
