"""Where spans go: to a collector by OTLP over HTTP, which is given up soon where none answers; the extra `otel`."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from rlm.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_CONNECT = 1.0  # seconds for an address to answer
_ABSENT = 5.0  # seconds for which one that did not is not asked again: a batch is sent as often


def exporter() -> SpanExporter | None:
    """What sends spans, as the OTEL_* variables say; counts those `lost`. None where none are to be sent.

    Raises:
        ConfigError: A variable names what is not there, or the OTLP exporter is not installed.
    """
    kind = os.environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    if kind == "none":
        return None
    if kind == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if kind != "otlp" or protocol not in (None, "", "http/protobuf"):
        raise ConfigError(
            f"spans are sent by OTLP over HTTP (otlp, http/protobuf), or to console or none: not {kind}, {protocol}; "
            "for others, set a tracer provider of your own in your program"
        )
    return _over_http()


def _over_http() -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import SpanExportResult
    except ImportError as error:
        raise ConfigError("OpenTelemetry's OTLP exporter is not installed: pip install 'rlm-engine[otel]'") from error
    endpoint = _endpoint()

    class Exporter(OTLPSpanExporter):
        """The library's own tries for 7 s, which a command that ends would wait for, with a line for each attempt."""

        lost = 0
        reached = False
        absent_until = 0.0

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            result = super().export(spans) if self.reached or self.is_there() else SpanExportResult.FAILURE
            self.reached |= result is SpanExportResult.SUCCESS
            self.lost += 0 if result is SpanExportResult.SUCCESS else len(spans)
            return result

        def is_there(self) -> bool:
            """Whether something takes connections there; says once where nothing does."""
            if time.monotonic() < self.absent_until:
                return False
            parts = urlsplit(endpoint)
            if answers(parts):
                return True
            if not self.absent_until:
                shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
                logging.getLogger(__name__).warning(
                    "rlm: spans can't be sent: nothing answers at %s; OTEL_EXPORTER_OTLP_ENDPOINT says where", shown
                )
            self.absent_until = time.monotonic() + _ABSENT
            return False

    return Exporter(endpoint=endpoint)


def _endpoint() -> str:
    """Where spans are sent, by the rules of the OTLP exporter's specification."""
    if whole := os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        return whole
    return (os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318").rstrip("/") + "/v1/traces"


def answers(url: SplitResult) -> bool:
    """Whether something takes connections there; True, unasked, where a proxy would be asked."""
    host = url.hostname or ""
    if url.scheme in getproxies() and not proxy_bypass(host):
        return True
    try:
        socket.create_connection((host, url.port or (443 if url.scheme == "https" else 80)), _CONNECT).close()
    except (OSError, ValueError):
        return False
    return True
