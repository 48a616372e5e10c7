"""What a run's trace holds: its input by path or once, all that happened, and what a redaction leaves; never a key."""

import hashlib
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from rlm import RLM, Completion, ConfigError, ContextError, Limits, Request, resume
from rlm.context import load
from rlm.coverage import coverage
from rlm.lms import resolve
from rlm.lms.scripted import Scripted
from rlm.lms.scripted_server import Answer, Received, ScriptedServer
from rlm.trace import runs
from rlm.trace.events import (
    CallBegin,
    CallEnd,
    CellBegin,
    CellEnd,
    Event,
    ReplyReceived,
    RequestFailed,
    Retry,
    RunBegin,
    ToolBegin,
    ToolEnd,
)
from rlm.trace.store import Trace, read
from rlm.trace.tree import RunTree


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def begin_of(path: Path) -> RunBegin:
    event = next(read(path))
    assert isinstance(event, RunBegin)
    return event


def traced(completion: Completion) -> list[Event]:
    assert completion.trace is not None
    return list(read(completion.trace))


def test_an_input_of_files_is_its_paths_and_their_digest(every_kind: dict[str, Path]) -> None:
    begin = begin_of(every_kind["files"])
    paths = begin.source["paths"]
    assert isinstance(paths, list)
    path = Path(str(paths[0]))
    assert begin.source == {"kind": "paths", "paths": [str(path)]}
    assert begin.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.read_bytes()[:100] not in (every_kind["files"] / "strings.pack").read_bytes()


def test_any_other_input_is_stored_once_and_whole(every_kind: dict[str, Path]) -> None:
    text = begin_of(every_kind["work"])
    stored = text.source["text"]
    assert isinstance(stored, str)
    assert text.digest == hashlib.sha256(stored.encode()).hexdigest()
    assert (every_kind["work"] / "strings.pack").read_bytes().count(stored.encode()) == 1
    value = begin_of(every_kind["json"])
    assert value.source["kind"] == "json"
    assert json.loads(str(value.source["text"])) == {"a": ["x" * 400, 1.5, None, {"$s": "y"}]}
    short = begin_of(every_kind["direct"])
    assert short.source == {"kind": "text", "text": "short"}


def test_what_would_make_the_run_again(every_kind: dict[str, Path]) -> None:
    setup = begin_of(every_kind["work"]).setup
    assert setup["model"] == {
        "name": "test/root",
        "window": None,
        "price": json.loads(json.dumps(setup["model"]["price"])),  # type: ignore[index, call-overload]
        "host": None,
        "settings": {},
    }
    assert setup["sandbox"] == "local"
    assert (setup["route"], setup["tools"], setup["values"]) == ("never", ["double", "fail"], [])
    assert begin_of(every_kind["retried"]).setup["model"]["host"] == "127.0.0.1"  # type: ignore[index, call-overload]


def test_all_that_happened_is_there(every_kind: dict[str, Path]) -> None:
    events = list(read(every_kind["work"]))
    ends = [event for event in events if isinstance(event, CellEnd)]
    assert ends[0].output == "x" * 30_000 + "\n", "whole, not as it is shown"
    assert len(ends[0].shown) < 30_000
    assert ends[1].error is not None
    assert "ZeroDivisionError" in ends[1].error
    calls = [event.name for event in events if isinstance(event, CallBegin)]
    assert calls == ["llm_query", *["llm_query_batched"] * 3, "llm_map", "rlm_query"]
    sources = [event.source for event in events if isinstance(event, CallEnd)]
    assert [source for source in sources if source != "model"] in (["joined"], ["kept"])
    tools = [(event.name, event.args) for event in events if isinstance(event, ToolBegin)]
    assert tools == [("double", [4]), ("fail", [])]
    assert [(event.value, event.error) for event in events if isinstance(event, ToolEnd)] == [
        (8, None),
        (None, "fail: ValueError: no such thing"),
    ]
    retries = [event for event in read(every_kind["retried"]) if isinstance(event, Retry)]
    assert [retry.reason for retry in retries] == ["429: slow down"]
    assert retries[0].wait < 1
    failed = [event for event in read(every_kind["failed"]) if isinstance(event, RequestFailed)]
    assert [(event.error, event.fault) for event in failed] == [("test/root: gone", None)] * 1
    assert {event.model for event in events if isinstance(event, ReplyReceived)} == {"test/root", "test/sub"}


def test_the_tree_has_them_in_their_places(every_kind: dict[str, Path]) -> None:
    run = RunTree(read(every_kind["work"]))
    assert run.root is not None
    assert [tool.begin.name for turn in run.root.turns for tool in turn.tools] == ["double", "fail"]
    assert run.reused == 1
    retried = RunTree(read(every_kind["retried"]))
    assert retried.root is not None
    assert len(retried.root.turns[0].retries) == 1
    failed = RunTree(read(every_kind["failed"]))
    assert failed.root is not None
    assert len(failed.root.turns[1].failures) == 1


def test_the_folder_is_the_owners_alone(every_kind: dict[str, Path]) -> None:
    for path in every_kind.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}


def test_without_a_trace_nothing_is_written() -> None:
    completion = RLM(model=Scripted(["an answer"]), route="always", trace=False).completion("Q", context="text")
    assert completion.trace is None
    assert not Path(os.environ["RLM_HOME"]).exists()


def secret_free(text: str) -> str:
    return text.replace("Ann", "[name]").replace("tall", "[size]")


def test_every_string_is_redacted_first(every_kind: dict[str, Path]) -> None:
    script = [
        cell("print('Ann is', context[7:11])\na = llm_query('Is Ann tall?')\nb = say(who='Ann')"),
        cell("FINAL({'who': 'Ann', 'is': ['tall']})"),
    ]
    model = Scripted(script)
    sub = Scripted(lambda request: "Ann is tall")
    rlm = RLM(
        model=model,
        sub_model=sub,
        route="never",
        redact=secret_free,
        tools=[say],
    )
    text = "Ann is tall. " * 100
    run = rlm.stream("Who is tall, Ann?", context=text)
    streamed = list(run)
    completion = run.result()
    assert completion.answer == {"who": "Ann", "is": ["tall"]}, "the caller gets what there is"
    assert "Ann" in str(model.requests[-1].messages), "so do models"
    assert completion.trace is not None
    for file in completion.trace.iterdir():
        assert b"Ann" not in file.read_bytes()
        assert b"tall" not in file.read_bytes()
    assert "Ann" not in str(streamed)
    assert list(read(completion.trace)) == streamed
    begin = begin_of(completion.trace)
    assert begin.source["text"] == secret_free(text)
    assert begin.digest == hashlib.sha256(text.encode()).hexdigest(), "of what was loaded: such a run is not resumed"
    assert (begin.run_id, begin.versions["trace"]) == (completion.run_id, 2)


def say(who: str) -> dict[str, Any]:
    """Says."""
    return {"said": who, "tall": [who]}


def test_words_of_the_format_stay(every_kind: dict[str, Path]) -> None:
    model = Scripted([cell("FINAL(1)")])
    RLM(model=model, route="never", redact=lambda text: "#").completion("Q", context="text")
    run = RunTree(read(runs.find("last")))
    assert run.begin is not None
    assert run.root is not None
    assert (run.begin.source, run.begin.question) == ({"kind": "text", "text": "#"}, "#")
    assert {message["role"] for message in run.root.turns[0].requests[0].messages} <= {"system", "user"}  # type: ignore[index, call-overload]
    assert run.begin.enforces != ["#"]
    assert (run.end and run.end.status) == "done"


def test_what_a_redaction_raises_ends_the_run() -> None:
    def broken(text: str) -> str:
        raise ZeroDivisionError("a bug in it")

    with pytest.raises(ZeroDivisionError, match="a bug in it"):
        RLM(model=Scripted(["x"]), route="always", redact=broken).completion("Q", context="text")


KEY = "sk-planted-0815-abcdefghijkl"


def test_a_key_given_in_any_place_is_in_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("SOME_OTHER_TOKEN", KEY)
    home = tmp_path / "config.toml"
    home.touch(0o600)
    home.write_text(f'[keys]\nANTHROPIC_API_KEY = "{KEY}"\n[options."openai/n"]\nheaders = {{X-Key = "{KEY}"}}\n')
    monkeypatch.setenv("RLM_CONFIG", str(home))

    def respond(request: Received) -> Answer:
        if "ask" in str(request.value["messages"]) and len(request.value["messages"]) == 1:
            return Answer(f"bad key {KEY} in {json.dumps(dict(request.headers))}", status=401)
        return Answer(cell("try:\n    llm_query('ask')\nexcept Exception as e:\n    print(e)\nFINAL('x')"))

    with ScriptedServer(respond) as server:
        url = f"{server.url}?key={KEY}"
        options: dict[str, Any] = {"api_key": KEY, "base_url": url, "headers": {"X-Secret": KEY}}
        rlm = RLM(
            model="openai/m",
            model_options={**options, "extra": {"user": KEY, "metadata": {"token": KEY}}, "temperature": 0},
            sub_models={"fast": resolve("openai/n", **options)},
            route="never",
            trace=tmp_path / "runs",
        )
        completion = rlm.completion("Q", context="text")
    assert completion.answer == "x"
    assert KEY in str([request.headers for request in server.requests]), "it was sent"
    assert completion.trace is not None
    for file in completion.trace.iterdir():
        data = file.read_bytes()
        assert KEY.encode() not in data
        assert KEY[3:].encode() not in data
    model = begin_of(completion.trace).setup["model"]
    assert isinstance(model, dict)
    assert model["settings"] == {"temperature": 0, "format": "/chat/completions"}
    assert model["host"] == "127.0.0.1"


def test_a_large_input_is_hashed_while_it_is_loaded(tmp_path: Path) -> None:
    text = "".join(f"line {number} of a long text, é\n" for number in range(400_000))
    path = tmp_path / "big.txt"
    path.write_text(text)
    for value in (text, path, [path, path], {"a": text}):
        threads = threading.active_count()
        context = load(value)
        whole = context.blob.read()
        assert context.blob.digest == hashlib.sha256(whole).hexdigest()
        assert b"".join(context.blob.pieces()) == whole
        assert threading.active_count() == threads
        context.close()


@pytest.mark.parametrize("before", [0, 6_000_000, 12_000_000])
def test_a_file_that_turns_out_to_be_no_text_is_not_in_the_digest(before: int, tmp_path: Path) -> None:
    """What is dropped again may have been hashed already."""
    (tmp_path / "a.txt").write_bytes(b"good line\n" * (before // 10))
    (tmp_path / "b.txt").write_bytes(b"good line\n" * 700_000 + b"\xff\xfe\x00\x81" * 10)
    (tmp_path / "c.txt").write_bytes(b"another\n" * 100_000)
    context = load(tmp_path)
    assert context.blob.digest == hashlib.sha256(context.blob.read()).hexdigest()
    context.close()


def stored(trace: Trace, text: bytes) -> None:
    """What a run does with its input, but for copying it."""
    fd = os.memfd_create("input")
    os.write(fd, text)
    shown = text.decode()
    trace.keep(shown, fd, len(text), hashlib.sha256(text).hexdigest())
    os.close(fd)
    trace.emit(RunBegin(**{**fields_of_a_run(), "question": "q" * 500, "source": {"kind": "text", "text": shown}}))


def test_a_large_input_is_copied_beside_what_follows(tmp_path: Path) -> None:
    trace = Trace("r", tmp_path / "r")
    text = b"one line of it\n" * 100_000
    stored(trace, text)
    assert trace.has_room
    trace.emit(CellBegin(code="c" * 500))
    trace.fill(threading.Event())
    trace.emit(CellBegin(code=text.decode()))
    trace.close()
    begin, *cells = read(tmp_path / "r")
    assert isinstance(begin, RunBegin)
    assert (begin.question, begin.source) == ("q" * 500, {"kind": "text", "text": text.decode()})
    assert [event.code for event in cells if isinstance(event, CellBegin)] == ["c" * 500, text.decode()]
    assert (tmp_path / "r" / "strings.pack").stat().st_size == len(text) + 1000


@pytest.mark.parametrize("copied", [False, True])
def test_a_run_that_ends_while_its_input_is_copied_says_that_it_is_incomplete(tmp_path: Path, copied: bool) -> None:
    before = len(os.listdir("/proc/self/fd"))
    trace = Trace("r", tmp_path / "r")
    stored(trace, b"one line of it\n" * 100_000)
    trace.emit(CellBegin(code="c" * 500))
    if copied:
        stop = threading.Event()
        stop.set()
        trace.fill(stop)
    trace.close()
    assert len(os.listdir("/proc/self/fd")) == before
    begin, cell = read(tmp_path / "r")
    assert isinstance(begin, RunBegin)
    assert isinstance(cell, CellBegin)
    assert (begin.source, begin.question, cell.code) == ({"kind": "incomplete"}, "q" * 500, "c" * 500)


def test_a_run_that_was_killed_while_its_input_was_copied_needs_it_again() -> None:
    text = "a line of the input\n" * 100_000
    run = RLM(model=Scripted([cell("FINAL(len(context))")]), route="never").completion("Q", context=text)
    assert run.trace is not None
    place = json.loads((run.trace / "events.jsonl").read_text().splitlines()[0])["source"]["text"]["$s"]
    with open(run.trace / "strings.pack", "r+b") as pack:
        pack.seek(place[0] + place[1] // 2)
        pack.write(b"\0" * (place[1] // 2))
    again = Scripted([])
    with pytest.raises(
        ConfigError,
        match=f"^the run {run.run_id} was killed while its input was stored: give it as `context`, from Python$",
    ):
        resume(run.run_id, model=again)
    with pytest.raises(ContextError, match="killed while it was stored"):
        coverage(run)
    assert resume(run.run_id, model=again, context=text).result().answer == len(text)


def fields_of_a_run() -> dict[str, Any]:
    names: dict[str, Any] = dict.fromkeys(("run_id", "started", "question", "context", "model", "sub_model"), "")
    return names | {"sandbox": "", "enforces": [], "limits": {}, "seed": 0, "versions": {}}


@pytest.mark.parametrize("size", [2000, 2_000_000])
def test_a_disk_that_fills_up_while_the_input_is_stored_ends_the_trace_and_not_the_run(
    tmp_path: Path, size: int
) -> None:
    trace = Trace("r", tmp_path / "r")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, trace._pack_fd)
    os.close(full)
    stored(trace, b"a" * size)
    trace.fill(threading.Event())
    assert trace.failure == f"the trace at {tmp_path / 'r'} is incomplete: No space left on device"
    trace.emit(CellBegin(code="c" * 500))
    trace.close()


def test_a_long_run_takes_less_than_twice_its_distinct_strings(tmp_path: Path) -> None:
    """Turns of three lines each: the least that is said between two events."""
    turns = 60

    def respond(request: Request) -> str:
        number = len(request.messages) // 2
        code = f"part = context[{number}*100:({number}+1)*100]\nprint({number}, len(part), part[:80])"
        return cell(f"# I look at the next part of the input, and count what is there.\n{code}")

    rlm = RLM(model=Scripted(respond), route="never", limits=Limits(turns=turns), trace=tmp_path)
    completion = rlm.completion("Q", context="some text of the input, number " * 1000)
    assert completion.trace is not None
    found: set[str] = set()
    for event in traced(completion):
        for name in event.__slots__:
            found.update(strings_in(getattr(event, name)))
    size = sum(file.stat().st_size for file in completion.trace.iterdir())
    assert size < 2 * sum(len(text.encode()) for text in found)


def strings_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in inside for text in strings_in(item)]
