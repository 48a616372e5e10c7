"""A run as OpenTelemetry spans, with the semantic conventions for generative AI; the extra `otel`.

A node is an `invoke_agent` span, a cell and a tool are `execute_tool` spans, a request to a model is a `chat` span, and
turns lie between. https://opentelemetry.io/docs/specs/semconv/gen-ai/ (1.41, in development). Prompts, replies, code
and outputs are left out, as the conventions want, unless OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT is set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from rlm.errors import ConfigError
from rlm.trace.events import (
    CallBegin,
    CallEnd,
    CellBegin,
    CellEnd,
    Event,
    LimitReached,
    NodeBegin,
    NodeEnd,
    Nudge,
    ReplyReceived,
    RequestFailed,
    RequestSent,
    Retry,
    RunBegin,
    RunEnd,
    ToolBegin,
    ToolEnd,
    TurnBegin,
)
from rlm.trace.otlp import exporter
from rlm.types import JSON
from rlm.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, SpanKind, TracerProvider

Attributes: TypeAlias = dict[str, str | int | float | bool | list[str]]
Place: TypeAlias = tuple[str, int]  # a span's kind and our number: a turn, its request and its cell share one

_AT_ONCE = 1000  # events, each of which may end a span: a processor drops what it has no room for, 2,048 by default
_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
# Our providers' names as the conventions have them; others are as they are.
_PROVIDERS = {
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}


def tracer() -> Callable[[], Spans]:
    """Makes the listener of a run, for the application's tracer provider, or else for one as OTEL_* variables say.

    Raises:
        ConfigError: OpenTelemetry is not installed, or a variable names what is not there.
    """
    found = provider()
    return lambda: Spans(found)


def provider() -> TracerProvider:
    """The application's tracer provider, where it has set one; else ours.

    Raises:
        ConfigError: OpenTelemetry is not installed, or a variable names what is not there.
    """
    try:
        from opentelemetry import trace
    except ImportError as error:
        raise ConfigError("OpenTelemetry is not installed: pip install 'rlm-engine[otel]'") from error
    theirs = trace.get_tracer_provider()
    return _ours()[0] if isinstance(theirs, trace.ProxyTracerProvider) else theirs


def lost() -> int:
    """Spans that our exporter could not send: a flush says nothing of them."""
    return getattr(_ours()[1], "lost", 0) if _ours.cache_info().currsize else 0


@cache
def _ours() -> tuple[TracerProvider, SpanExporter | None]:
    """One for the process, flushed and closed when that ends; and what it sends with."""
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError("OpenTelemetry's SDK is not installed: pip install 'rlm-engine[otel]'") from error
    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "rlm"}
    ours = TracerProvider(resource=Resource(named).merge(Resource.create()) if named else Resource.create())
    if (sender := exporter()) is not None:
        ours.add_span_processor(BatchSpanProcessor(sender))
    return ours, sender


def send(events: Iterable[Event], to: TracerProvider) -> int:
    """Tells a finished run to a provider; how many spans that were. What has no end ends with the last event."""
    spans = Spans(to)
    flush = getattr(to, "force_flush", bool)
    for number, event in enumerate(events, 1):
        spans.take(event)
        if number % _AT_ONCE == 0:
            flush()
    spans.close()
    return spans.count


class Spans:
    """Makes the spans of one run from its events, as they come.

    The run's root is below the span that is current where this is made.

    Args:
        to: Gives the tracer.

    Attributes:
        count: Spans begun.
    """

    def __init__(self, to: TracerProvider) -> None:
        from opentelemetry import context, trace

        self.count = 0
        self._tracer = to.get_tracer("rlm", VERSION, schema_url="https://opentelemetry.io/schemas/1.41.0")
        self._above = context.get_current()
        self._trace = trace
        self._content = os.environ.get(_CONTENT, "").lower() in ("true", "span_only", "span_and_event")
        self._open: dict[Place, Span] = {}
        self._models: dict[int, str] = {}  # of nodes, and of their turns
        self._turns: dict[int, int] = {}  # node -> the turn that is open
        self._conversation = ""
        self._began = 0.0
        self._now = 0.0

    def take(self, event: Event) -> None:
        """The next event."""
        self._now = event.t
        match event:
            case RunBegin():
                first = (event.sitting or {}).get("run")
                self._conversation = first if isinstance(first, str) else event.run_id
                with suppress(ValueError):  # of a trace that is not ours
                    self._began = datetime.fromisoformat(event.started).timestamp() - event.t
            case RunEnd():
                self.close(None)
            case NodeBegin():
                self._node_begin(event)
            case NodeEnd():
                self._node_end(event)
            case TurnBegin():
                self._turn_begin(event)
            case RequestSent() | ReplyReceived() | RequestFailed():
                self._request(event)
            case CellBegin() | CellEnd():
                self._cell(event)
            case CallBegin() | CallEnd():
                self._call(event)
            case ToolBegin() | ToolEnd():
                self._tool(event)
            case Retry():
                self._tell(("call", "request"), event.span, "rlm.retry", {"reason": event.reason, "wait": event.wait})
            case LimitReached():
                self._tell(("node", "turn"), event.span, "rlm.limit", {"limit": event.limit, "message": event.message})
            case Nudge():
                self._tell(("turn",), event.span, "rlm.nudge", {})

    def close(self, why: str | None = "killed") -> None:
        """Ends what is open, as failed for that reason if one is given."""
        for kind, number in reversed(list(self._open)):
            self._end(kind, number, why)

    def _node_begin(self, event: NodeBegin) -> None:
        self._models[event.span] = event.model
        about = self._about("invoke_agent", event.model)
        about |= {"gen_ai.agent.name": "rlm", "rlm.depth": event.depth}
        self._begin("node", event.span, "invoke_agent rlm", [("call", event.parent)], about)
        self._say("node", event.span, input=[{"role": "user", "content": event.question}])

    def _node_end(self, event: NodeEnd) -> None:
        self._end_turn(event.span)
        self._set("node", event.span, _spent(event.usage, event.cost) | {"rlm.status": event.status})
        if event.reason:
            self._set("node", event.span, {"rlm.reason": event.reason})
        self._end("node", event.span, event.status if event.status == "failed" else None, event.reason)

    def _turn_begin(self, event: TurnBegin) -> None:
        self._end_turn(event.parent)
        self._turns[event.parent] = event.span
        self._models[event.span] = self._models.get(event.parent, "")
        about: Attributes = {"rlm.turn": event.turn, "rlm.wrap_up": event.wrap_up}
        self._begin("turn", event.span, f"turn {event.turn}", [("node", event.parent)], about)

    def _end_turn(self, node: int) -> None:
        """Ends the node's turn, if one is open: it has one at a time."""
        if (turn := self._turns.pop(node, None)) is not None:
            for kind in ("request", "cell", "turn"):
                self._end(kind, turn)

    def _request(self, event: RequestSent | ReplyReceived | RequestFailed) -> None:
        if isinstance(event, RequestFailed):
            self._end("request", event.span, event.fault or "LMError", event.error)
            return
        if isinstance(event, RequestSent):
            model = self._models.get(event.span, "")
            about = self._about("chat", model)
            if event.max_tokens is not None:
                about["gen_ai.request.max_tokens"] = event.max_tokens
            self._begin("request", event.span, f"chat {_short(model)}", [("turn", event.span)], about, client=True)
            self._say("request", event.span, input=event.messages)
            return
        about = _spent(event.usage, event.cost)
        about |= {"gen_ai.response.finish_reasons": [_FINISH[event.finish]], "rlm.source": event.source}
        if event.model:
            about["gen_ai.response.model"] = event.model
        self._set("request", event.span, about)
        self._say("request", event.span, output=(event.text, event.finish))
        self._end("request", event.span)

    def _cell(self, event: CellBegin | CellEnd) -> None:
        if isinstance(event, CellBegin):
            self._begin("cell", event.span, "execute_tool python", [("turn", event.span)], _tool("python"))
            if self._content:
                self._set("cell", event.span, {"gen_ai.tool.call.arguments": json.dumps({"code": event.code})})
            return
        self._set("cell", event.span, {"rlm.output_size": event.output_size})
        if self._content:
            self._set("cell", event.span, {"gen_ai.tool.call.result": event.output})
        failure = "lost" if event.lost else "interrupted" if event.interrupted else None
        if failure is None and event.error:  # the last line of a traceback begins with the exception's name
            failure = event.error.rstrip().rpartition("\n")[2].partition(":")[0][:100]
        self._end("cell", event.span, failure)

    def _call(self, event: CallBegin | CallEnd) -> None:
        if isinstance(event, CallBegin):
            child = event.given is not None  # it has an `invoke_agent` span of its own below it
            about = _tool(event.name) if child else self._about("chat", event.model) | {"rlm.function": event.name}
            if event.temperature is not None:
                about["gen_ai.request.temperature"] = event.temperature
            name = f"execute_tool {event.name}" if child else f"chat {_short(event.model)}"
            self._begin("call", event.span, name, _within(event.parent), about, client=not child)
            self._say("call", event.span, input=[{"role": "user", "content": event.prompt}])
            return
        about = _spent(event.usage, event.cost) | {"rlm.source": event.source}
        if event.finish is not None:
            about["gen_ai.response.finish_reasons"] = [_FINISH[event.finish]]
        self._set("call", event.span, about)
        if event.reply is not None:
            self._say("call", event.span, output=(event.reply, event.finish or "stop"))
        failure = None if event.error is None else event.fault or event.raised or "LMError"
        self._end("call", event.span, failure, event.error or "")

    def _tool(self, event: ToolBegin | ToolEnd) -> None:
        if isinstance(event, ToolBegin):
            name = f"execute_tool {event.name}"
            self._begin("tool", event.span, name, _within(event.parent), _tool(event.name))
            if self._content:
                given: JSON = {"args": event.args, "kwargs": event.kwargs}
                self._set("tool", event.span, {"gen_ai.tool.call.arguments": json.dumps(given)})
            return
        self._set("tool", event.span, {"rlm.source": event.source})
        if self._content and event.error is None:
            self._set("tool", event.span, {"gen_ai.tool.call.result": json.dumps(event.value)})
        self._end("tool", event.span, None if event.error is None else "ToolError", event.error or "")

    def _about(self, operation: str, model: str) -> Attributes:
        service = model.partition("/")[0]
        return {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": _PROVIDERS.get(service, service),
            "gen_ai.conversation.id": self._conversation,
            "gen_ai.request.model": _short(model),
        }

    def _begin(
        self, kind: str, number: int, name: str, within: list[Place], about: Attributes, *, client: bool = False
    ) -> None:
        above = next((self._open[place] for place in within if place in self._open), None)
        context = self._above if above is None else self._trace.set_span_in_context(above)
        span_kind: SpanKind = self._trace.SpanKind.CLIENT if client else self._trace.SpanKind.INTERNAL
        if (kind, number) in self._open:  # a turn's second request, asked with more room
            self._end(kind, number)
        span = self._tracer.start_span(name, context, span_kind, about, start_time=self._nanoseconds())
        self._open[kind, number] = span
        self.count += 1

    def _set(self, kind: str, number: int, about: Attributes) -> None:
        if (span := self._open.get((kind, number))) is not None:
            span.set_attributes(about)

    def _say(
        self, kind: str, number: int, *, input: Iterable[JSON] = (), output: tuple[str, str] | None = None
    ) -> None:
        """Adds what was said, if that is wanted."""
        if not self._content:
            return
        said: Attributes = {}
        if input:
            said["gen_ai.input.messages"] = json.dumps([_message(one) for one in input if isinstance(one, dict)])
        if output is not None:
            answer = _message({"role": "assistant", "content": output[0]}) | {"finish_reason": _FINISH[output[1]]}
            said["gen_ai.output.messages"] = json.dumps([answer])
        self._set(kind, number, said)

    def _tell(self, kinds: tuple[str, ...], number: int, name: str, about: Mapping[str, str | float]) -> None:
        for kind in kinds:
            if (span := self._open.get((kind, number))) is not None:
                span.add_event(name, about, timestamp=self._nanoseconds())
                return

    def _end(self, kind: str, number: int, error: str | None = None, message: str = "") -> None:
        span = self._open.pop((kind, number), None)
        if span is None:
            return
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(self._trace.StatusCode.ERROR, message or None)
        span.end(self._nanoseconds())

    def _nanoseconds(self) -> int:
        return int((self._began + self._now) * 1e9)


_FINISH = {"stop": "stop", "length": "length", "filter": "content_filter"}


def _tool(name: str) -> Attributes:
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, "gen_ai.tool.type": "function"}


def _within(turn: int) -> list[Place]:
    return [("cell", turn), ("turn", turn)]


def _message(message: Mapping[str, JSON]) -> dict[str, JSON]:
    return {"role": message.get("role"), "parts": [{"type": "text", "content": message.get("content")}]}


def _spent(usage: Mapping[str, JSON], cost: float | None) -> Attributes:
    spent: Attributes = {}
    for name, field in (
        ("gen_ai.usage.input_tokens", "input_tokens"),
        ("gen_ai.usage.output_tokens", "output_tokens"),
        ("gen_ai.usage.cache_read.input_tokens", "cached_tokens"),
        ("gen_ai.usage.cache_creation.input_tokens", "cache_write_tokens"),
        ("gen_ai.usage.reasoning.output_tokens", "reasoning_tokens"),
    ):
        if isinstance(count := usage.get(field), int):
            spent[name] = count
    return spent if cost is None else spent | {"rlm.cost_usd": cost}


def _short(model: str) -> str:
    """The model as its provider names it."""
    return model.partition("/")[2] or model
