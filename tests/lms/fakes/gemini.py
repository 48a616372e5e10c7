"""Gemini's generateContent and streamGenerateContent on loopback, as Google's endpoints speak them.

Formats: https://ai.google.dev/api/generate-content and, for errors, google.rpc.Status with its details.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from rlm.lms.scripted_server import Answer, Fault, Received, ScriptedServer

SSE = {"Content-Type": "text/event-stream"}
USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 3, "totalTokenCount": 15}
Says: TypeAlias = Callable[[Received], Answer | dict[str, Any] | Sequence[dict[str, Any]]]


def generated(
    text: str | None = "4",
    finish: str | None = "STOP",
    *,
    usage: dict[str, Any] | None = None,
    parts: Sequence[dict[str, Any]] | None = None,
    **candidate: Any,
) -> dict[str, Any]:
    """A GenerateContentResponse with one candidate, of `parts` or of one `text`; None leaves a field out."""
    content: dict[str, Any] = {"role": "model"}
    if parts is not None or text is not None:
        content["parts"] = list(parts) if parts is not None else [{"text": text}]
    found: dict[str, Any] = {"content": content, **({"finishReason": finish} if finish else {}), "index": 0}
    return {
        "candidates": [found | candidate],
        "usageMetadata": USAGE if usage is None else usage,
        "modelVersion": "gemini-test-001",
        "responseId": "scripted",
    }


def blocked(reason: str) -> dict[str, Any]:
    """What is answered where the prompt itself was stopped."""
    usage = {"promptTokenCount": 12, "totalTokenCount": 12}
    return {"promptFeedback": {"blockReason": reason}, "usageMetadata": usage, "modelVersion": "gemini-test-001"}


def error(
    status: int, name: str, message: str, *details: dict[str, Any], fault: Fault | None = None, listed: bool = False
) -> Answer:
    """A google.rpc.Status; `listed` as an endpoint that was asked to stream may wrap it."""
    body: dict[str, Any] = {"error": {"code": status, "message": message, "status": name}}
    if details:
        body["error"]["details"] = list(details)
    return Answer(status=status, body=json.dumps([body] if listed else body), fault=fault)


def retry_in(delay: str) -> dict[str, str]:
    """The RetryInfo of an error, `delay` such as `38.9s`."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def over_quota(quota: str) -> dict[str, Any]:
    """The QuotaFailure of an error."""
    violation = {"quotaMetric": "generativelanguage.googleapis.com/generate_requests", "quotaId": quota}
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


def streamed(*chunks: dict[str, Any], fault: Fault | None = None) -> Answer:
    """Chunks of a stream, as server-sent events."""
    return Answer(body="".join(f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks), headers=SSE, fault=fault)


def serve(says: Says) -> ScriptedServer:
    """A server whose answers `says` gives: as they are, as a value, or as the chunks of a stream.

    A value is streamed in one chunk where the client asked for a stream, and refused where a path or a method is
    none of Gemini's.
    """

    def respond(request: Received) -> Answer:
        path, _, query = request.path.partition("?")
        method = path.rpartition(":")[2]
        if method not in ("generateContent", "streamGenerateContent"):
            return error(404, "NOT_FOUND", f"no such path: {path}")
        if (fault := _fault(request.value)) is not None:
            return error(400, "INVALID_ARGUMENT", fault)
        said = says(request)
        if isinstance(said, Answer):
            return said
        chunks = [said] if isinstance(said, dict) else list(said)
        if method == "streamGenerateContent":
            assert query == "alt=sse"
            return streamed(*chunks)
        assert len(chunks) == 1, "an answer that is not streamed is one value"
        return Answer(body=json.dumps(chunks[0]))

    return ScriptedServer(respond, chat_only=False)


def _fault(asked: dict[str, Any]) -> str | None:
    """What Google's parser and its checks would refuse in a request."""
    known = {"contents", "systemInstruction", "generationConfig", "safetySettings", "serviceTier", "labels"}
    if unknown := sorted(asked.keys() - known):
        return f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.'
    if not asked.get("contents"):
        return "GenerateContentRequest.contents: contents is not specified"
    for content in [*asked["contents"], asked.get("systemInstruction", {"role": "user", "parts": [{"text": "-"}]})]:
        if content.get("role", "user") not in ("user", "model"):
            return "Please use a valid role: user, model."
        if not all(part.get("text") for part in content["parts"]):
            return "Unable to submit request because it must have a text parameter."
    return None
