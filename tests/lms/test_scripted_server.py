"""The server that speaks the wire from a script, in a process of its own as benchmarks run it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm.errors import LMRefusedError
from rlm.lms.http import Policy
from rlm.lms.openai import OpenAI
from rlm.lms.scripted_server import Answer, ScriptedServer, respond_from
from rlm.types import Message, Request

SCRIPT = {
    "root": ["first", {"text": "second", "finish": "length"}],
    "shaky": [[{"status": 429, "headers": {"retry-after-ms": "1"}}, "fine"]],
    "*": "ok",
}


def conversation(replies: int) -> Request:
    messages = [Message("user", "go")]
    for turn in range(replies):
        messages += [Message("assistant", f"reply {turn}"), Message("user", "on")]
    return Request(tuple(messages))


def ask(url: str, model: str, request: Request) -> str:
    return asyncio.run(OpenAI(model, base_url=url, policy=Policy(attempts=3)).complete(request)).text


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = tmp_path_factory.mktemp("script") / "script.json"
    script.write_text(json.dumps(SCRIPT))
    command = [sys.executable, "-m", "rlm.lms.scripted_server", "--script", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def test_a_conversation_gets_the_answer_of_its_turn_however_many_there_are(url: str) -> None:
    for _ in range(2):
        assert ask(url, "root", conversation(0)) == "first"
        assert ask(url, "root", conversation(1)) == "second"
    with pytest.raises(LMRefusedError, match="the script of root has 2 turns"):
        ask(url, "root", conversation(2))


def test_answers_in_turn_and_for_any_model(url: str) -> None:
    assert ask(url, "shaky", conversation(0)) == "fine"
    assert ask(url, "shaky", conversation(0)) == "fine"
    assert ask(url, "anything", conversation(5)) == "ok"


def test_a_model_that_the_script_does_not_have() -> None:
    with (
        ScriptedServer(respond_from({"root": "x"})) as server,
        pytest.raises(LMRefusedError, match="the script has no model 'other'"),
    ):
        ask(server.url, "other", conversation(0))


def test_another_path_is_not_found() -> None:
    with (
        ScriptedServer(lambda request: Answer()) as server,
        pytest.raises(LMRefusedError, match="no such path: /v2/chat/completions"),
    ):
        ask(server.url.replace("/v1", "/v2/chat/completions/x"), "m", conversation(0))


def test_requests_that_arrive_in_pieces_and_together() -> None:
    body = b'{"model": "m", "messages": []}'
    one = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in (one[:10], one[10:60], one[60:] + one + one[:-3], one[-3:]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        answers = b""
        while answers.count(b'"chatcmpl-scripted"') < 3:
            answers += await reader.read(1 << 16)
        writer.close()
        await writer.wait_closed()
        return answers

    with ScriptedServer(lambda request: Answer("fine")) as server:
        answers = asyncio.run(talk(int(server.url.rpartition(":")[2].partition("/")[0])))
        assert answers.count(b"HTTP/1.1 200") == 3
        assert [request.body for request in server.requests] == [body] * 3
