"""Runs as OpenTelemetry spans, sent by the real exporter to a collector on loopback."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from rlm import RLM, ConfigError
from rlm.cli import main
from rlm.lms.scripted import Scripted
from rlm.trace import otlp, spans
from rlm.trace.events import CallBegin, CallEnd, Event, NodeBegin, RunBegin, TurnBegin
from rlm.trace.store import read

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


class Collector:
    """Takes OTLP over HTTP, and keeps the spans with their resource."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    data = gzip.decompress(data)
                request = ExportTraceServiceRequest.FromString(data)
                outer.headers.append(dict(self.headers))
                for group in request.resource_spans:
                    outer.resources.append(values(group.resource.attributes))
                    for scope in group.scope_spans:
                        assert scope.scope.name == "rlm"
                        outer.spans += scope.spans
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def values(attributes: Any) -> dict[str, Any]:
    found = {}
    for one in attributes:
        kind = one.value.WhichOneof("value")
        value = getattr(one.value, kind)
        found[one.key] = [item.string_value for item in value.values] if kind == "array_value" else value
    return found


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that the variables name, and a provider of this test's own."""
    running = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
    spans._ours.cache_clear()
    yield running
    spans._ours()[0].shutdown()  # type: ignore[attr-defined]
    spans._ours.cache_clear()
    running.server.shutdown()
    running.server.server_close()


def sent(collector: Collector) -> list[Any]:
    spans._ours()[0].force_flush()  # type: ignore[attr-defined]
    return collector.spans


def tree(found: list[Any]) -> list[str]:
    """The spans' names, each under its parent's, in the order in which they began."""
    lines: list[str] = []

    def add(parent: bytes, depth: int) -> None:
        below = [span for span in found if span.parent_span_id == parent]
        for span in sorted(below, key=lambda span: (span.start_time_unix_nano, span.span_id != parent)):
            lines.append("  " * depth + span.name)
            add(span.span_id, depth + 1)

    add(b"", 0)
    return lines


def test_a_run_under_way_is_told_with_its_tree_times_and_attributes(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=me")
    root = Scripted(["```repl\na = llm_query('secret prompt')\nFINAL(a)\n```"], name="openai/gpt")
    sub = Scripted(lambda request: "secret reply", name="anthropic/haiku")
    rlm = RLM(model=root, sub_model=sub, route="never", otel=True)
    began = datetime.now().timestamp()
    completion = rlm.completion("secret question", context="secret text")
    found = sent(collector)
    assert tree(found) == [
        "invoke_agent rlm",
        "  turn 1",
        "    chat gpt",
        "    execute_tool python",
        "      chat haiku",
    ]
    by_name = {span.name: span for span in found}
    node, call = by_name["invoke_agent rlm"], values(by_name["chat haiku"].attributes)
    about = values(node.attributes)
    assert about["gen_ai.operation.name"] == "invoke_agent"
    assert about["gen_ai.agent.name"] == "rlm"
    assert about["gen_ai.provider.name"] == "openai"
    assert about["gen_ai.request.model"] == "gpt"
    assert about["gen_ai.conversation.id"] == completion.run_id
    assert about["gen_ai.usage.input_tokens"] == completion.usage.input_tokens
    assert about["gen_ai.usage.output_tokens"] == completion.usage.output_tokens
    assert (about["rlm.status"], about["rlm.depth"], about["rlm.cost_usd"]) == ("done", 0, 0.0)
    assert (call["gen_ai.operation.name"], call["gen_ai.provider.name"]) == ("chat", "anthropic")
    assert (call["rlm.function"], call["rlm.source"]) == ("llm_query", "model")
    assert call["gen_ai.response.finish_reasons"] == ["stop"]
    assert by_name["chat haiku"].kind == by_name["chat gpt"].kind == 3, "of a client"
    assert node.kind == by_name["execute_tool python"].kind == 1, "internal"
    assert len({span.trace_id for span in found}) == 1
    for span in found:
        parent = next((one for one in found if one.span_id == span.parent_span_id), span)
        assert parent.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= parent.end_time_unix_nano
        assert span.status.code == 0
    assert abs(node.start_time_unix_nano / 1e9 - began) < 5
    assert node.end_time_unix_nano - node.start_time_unix_nano <= (completion.seconds + 0.001) * 1e9
    assert collector.resources[0]["service.name"] == "mine"
    assert collector.headers[0]["x-tenant"] == "me"
    assert "secret" not in str(found), "content is off"


def test_content_is_told_where_it_is_asked_for(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONTENT, "true")
    root = Scripted(["```repl\nprint('out')\nFINAL(llm_query('the prompt'))\n```"], name="openai/gpt")
    sub = Scripted(lambda request: "the reply", name="anthropic/haiku")
    RLM(
        model=root, sub_model=sub, route="never", otel=True, redact=lambda text: text.replace("prompt", "p*")
    ).completion("Q", context="text")
    by_name = {span.name: values(span.attributes) for span in sent(collector)}
    call = by_name["chat haiku"]
    said = [{"role": "user", "parts": [{"type": "text", "content": "the p*"}]}]
    answer = {"role": "assistant", "parts": [{"type": "text", "content": "the reply"}], "finish_reason": "stop"}
    assert json.loads(call["gen_ai.input.messages"]) == said
    assert json.loads(call["gen_ai.output.messages"]) == [answer]
    cell = by_name["execute_tool python"]
    assert json.loads(cell["gen_ai.tool.call.arguments"])["code"].startswith("print('out')")
    assert cell["gen_ai.tool.call.result"] == "out\n"


def test_spans_that_nobody_takes_are_told(
    collector: Collector, every_kind: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    collector.status = 400  # not one that is tried again
    assert main(["export", str(every_kind["work"]), "--to", "otel"]) == 2
    assert capsys.readouterr().err.endswith(
        "rlm: the spans could not be sent: is a collector there, as OTEL_EXPORTER_OTLP_ENDPOINT says?\n"
    )


def test_a_finished_run_of_every_kind_can_be_sent(collector: Collector, every_kind: dict[str, Path]) -> None:
    assert main(["export", str(every_kind["work"]), "--to", "otel"]) == 0
    found = sent(collector)
    assert tree(found)[:6] == [
        "invoke_agent rlm",
        "  turn 1",
        "    chat root",
        "    execute_tool python",
        "      chat sub",
        "  turn 2",
    ]
    child = tree(found).index("      execute_tool rlm_query")
    assert tree(found)[child : child + 6] == [
        "      execute_tool rlm_query",
        "        invoke_agent rlm",
        "          turn 1",
        "            chat sub",
        "            execute_tool python",
        "      execute_tool double",
    ]
    failed = next(span for span in found if span.name == "execute_tool fail")
    assert values(failed.attributes)["error.type"] == "ToolError"
    assert failed.status.code == 2
    errors = [values(span.attributes).get("error.type") for span in found if span.name == "execute_tool python"]
    assert errors == [None, "ZeroDivisionError", None, None, None]
    nudged = next(span for span in found if span.name == "turn 2")
    assert [event.name for event in nudged.events] == ["rlm.nudge"]
    for kind in ("direct", "partial", "failed", "refused", "lost", "retried"):
        collector.spans.clear()
        assert spans.send(read(every_kind[kind]), spans.provider()) == len(sent(collector)), kind
        about = {span.name: span for span in sent(collector)}
        if kind == "retried":
            assert [event.name for event in about["chat m"].events] == ["rlm.retry"]
        if kind in ("failed", "refused"):
            assert {span.status.code for span in collector.spans if span.name == "chat scripted"} >= {2}


def test_what_a_kill_left_open_ends_with_the_last_event(every_kind: dict[str, Path]) -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    events = list(read(every_kind["work"]))
    until = next(n for n, event in enumerate(events) if isinstance(event, TurnBegin)) + 4
    count = spans.send(events[:until], provider)
    found = memory.get_finished_spans()
    assert len(found) == count
    assert {span.attributes.get("error.type") for span in found if span.attributes} >= {"killed"}
    begin = events[0]
    assert isinstance(begin, RunBegin)
    last = datetime.fromisoformat(begin.started).timestamp() - begin.t + events[until - 1].t
    assert max(span.end_time or 0 for span in found) / 1e9 == pytest.approx(last, abs=1e-3)


def test_a_run_is_below_the_span_of_its_caller_and_with_the_callers_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    rlm = RLM(model=Scripted(["an answer"]), route="always", otel=True)
    with provider.get_tracer("theirs").start_as_current_span("request") as theirs:
        rlm.completion("Q", context="text")
    node = next(span for span in memory.get_finished_spans() if span.name == "invoke_agent rlm")
    assert node.parent is not None
    assert node.parent.span_id == theirs.get_span_context().span_id


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "not zipkin, None"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "not otlp, grpc"),
    ],
)
def test_what_is_not_there_is_said_at_once(
    variable: str, value: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    spans._ours.cache_clear()
    with pytest.raises(ConfigError, match=why):
        RLM(model=Scripted([]), otel=True)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry", None)
    with pytest.raises(ConfigError, match=r"pip install 'rlm-engine\[otel\]'"):
        RLM(model=Scripted([]), otel=True)


def test_it_is_off_unless_asked_for(collector: Collector) -> None:
    RLM(model=Scripted(["an answer"]), route="always").completion("Q", context="text")
    assert sent(collector) == []


@pytest.mark.slow
def test_none_of_many_spans_is_dropped(collector: Collector, tmp_path: Path) -> None:
    about: dict[str, Any] = {"question": "", "context": "", "model": "m"}
    run: dict[str, Any] = {"run_id": "r", "sub_model": "m", "sandbox": "", "enforces": [], "limits": {}, "seed": 0}
    events: list[Event] = [
        RunBegin(started="no time", versions={}, **run, **about),
        NodeBegin(span=1, parent=0, depth=0, **about),
        TurnBegin(span=2, parent=1, turn=1),
        *(CallBegin(span=span, parent=2, name="llm_query", prompt="", model="m") for span in range(3, 5003)),
        *(call_end(span) for span in range(3, 5003)),
    ]
    assert spans.send(events, spans.provider()) == len(sent(collector)) == 5002


def call_end(span: int) -> CallEnd:
    return CallEnd(span=span, reply="", error=None, finish="stop", usage={}, cost=0.0, retries=0, seconds=0.0)


def test_the_command_tells_a_run(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlm.engine.resolve", lambda spec, **options: Scripted(["```repl\nFINAL(1)\n```"]))
    assert main(["ask", "Q", "--route", "never", "--otel"]) == 0
    assert tree(sent(collector)) == ["invoke_agent rlm", "  turn 1", "    chat scripted", "    execute_tool python"]


def test_where_no_collector_answers_it_is_given_up_soon_and_told_once(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://me:secret@127.0.0.1:{port}/")
    rlm = RLM(model=Scripted(["an answer", "another"]), route="always", otel=True)
    began = time.monotonic()
    for _ in range(2):
        rlm.completion("Q", context="text")
        assert sent(collector) == []
    assert time.monotonic() - began < 1
    assert spans.lost() == 6
    assert caplog.messages == [
        f"rlm: spans can't be sent: nothing answers at http://127.0.0.1:{port}/v1/traces; "
        "OTEL_EXPORTER_OTLP_ENDPOINT says where"
    ]


def test_a_proxy_is_asked_by_who_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert otlp.answers(urlsplit("http://collector.example/v1/traces"))
    assert not otlp.answers(urlsplit("http://127.0.0.1:9/v1/traces"))
    assert not otlp.answers(urlsplit("http://127.0.0.1:many/v1/traces"))
