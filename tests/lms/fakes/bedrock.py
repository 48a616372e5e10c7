"""Bedrock's runtime endpoint: it checks signatures as AWS does, and speaks InvokeModel (Claude) and Converse.

Formats: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and API_runtime_InvokeModel.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lms.fakes.anthropic import FakeAnthropic, Say
from rlm.lms.scripted_server import Answer, Received

KEY_ID, SECRET, TOKEN, API_KEY, REGION = (
    "AKIATEST",
    "secret-of-a-test",
    "session-of-a-test",
    "bedrock-api-key",
    "us-west-2",
)


def fail(status: int, kind: str, message: str, **headers: str) -> Answer:
    """An error, as AWS sends it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=json.dumps({"message": message}), headers={"x-amzn-ErrorType": kind, **named})


def converse(text: str | None = "4", stop: str = "end_turn", thinking: str = "", **usage: int) -> Answer:
    """A reply of Converse."""
    content: list[dict[str, Any]] = []
    if thinking:
        content.append({"reasoningContent": {"reasoningText": {"text": thinking, "signature": "c2ln"}}})
    if text is not None:
        content.append({"text": text})
    counted = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15, **usage}
    output = {"message": {"role": "assistant", "content": content}}
    body = {"output": output, "stopReason": stop, "usage": counted, "metrics": {"latencyMs": 9}}
    return Answer(body=json.dumps(body))


@dataclass
class FakeBedrock:
    """Answers requests that are signed as they should be: what `say` gives for a body."""

    say: Callable[[dict[str, Any]], Say | Answer]
    claude: FakeAnthropic = field(init=False)

    def __post_init__(self) -> None:
        self.claude = FakeAnthropic(self.say)

    def __call__(self, received: Received) -> Answer:
        if received.headers.get("authorization") != f"Bearer {API_KEY}" and not _signed(received):
            return fail(403, "InvalidSignatureException", "The request signature we calculated does not match")
        if received.path.endswith("/invoke"):
            return self.claude(received)
        if not received.path.endswith("/converse"):
            return fail(404, "UnknownOperationException", "no such path")
        said = self.say(received.value)
        return converse(said.text, said.stop, said.thinking) if isinstance(said, Say) else said


def _signed(received: Received) -> bool:
    """Whether the signature is that of the request as it came: its path, its body and the headers that it names."""
    given = received.headers.get("authorization", "")
    if "SignedHeaders=" not in given or received.headers.get("x-amz-security-token") != TOKEN:
        return False
    names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: received.headers[name] for name in names if name != "host"}
    url = f"http://{received.headers['host']}{received.path}"
    request = AWSRequest(method="POST", url=url, data=received.body, headers=headers)
    request.context["timestamp"] = received.headers["x-amz-date"]
    signer = SigV4Auth(Credentials(KEY_ID, SECRET, TOKEN), "bedrock", REGION)
    whole = signer.string_to_sign(request, signer.canonical_request(request))
    return bool(given.endswith(f"Signature={signer.signature(whole, request)}"))
