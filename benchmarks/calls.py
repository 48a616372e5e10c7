"""10,000 sub-calls of 50 ms through `RLM.completion`: `python benchmarks/calls.py [FORMAT:CONCURRENCY ...]`.

Sandbox and trace on, the server in a process of its own, each row in a process of its own. The ideal is
10,000 / concurrency * 50 ms; the whole run counts, its root turn included. Formats: openai (chat completions),
responses, anthropic, gemini. CPU seconds are the host process's: where
they come near the seconds, one core is what is short.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import measure

from rlm import RLM, Limits
from rlm.lms import resolve
from rlm.lms.scripted_server import Answer, Received, ScriptedServer

CALLS, SLOW = 10_000, 0.05
REPLIES = {
    "warm": "```repl\nFINAL(len(llm_query_batched([f'p{i}' for i in range(64)])))\n```",
    "root": f"```repl\nFINAL(len(llm_query_batched([f'p{{i}}' for i in range({CALLS})])))\n```",
}


ROWS = ["openai:64", "responses:64", "anthropic:64", "gemini:64", "openai:512"]


def in_format(path: str, text: str) -> dict[str, Any]:
    """A reply in the format of the endpoint that has this path."""
    if path.endswith("/responses"):
        part = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
        usage = {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}
        return {"object": "response", "status": "completed", "model": "m", "output": [part], "usage": usage}
    if path.endswith("/messages"):
        usage = {"input_tokens": 5, "output_tokens": 1}
        said = [{"type": "text", "text": text}]
        return {"type": "message", "model": "m", "content": said, "stop_reason": "end_turn", "usage": usage}
    if "generateContent" in path:
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP"}
        return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1}}
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    return {"model": "m", "choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": usage}


async def serve() -> None:
    def respond(request: Received) -> Answer:
        server.requests.clear()
        name = request.value.get("model") or request.path.rpartition("/")[2].partition(":")[0]
        body = json.dumps(in_format(request.path, REPLIES.get(name, "ok")))
        return Answer(body=body, latency=0.0 if name in REPLIES else None)

    server = ScriptedServer(respond, latency=SLOW, chat_only=False)
    await server.start()
    print(server.url, flush=True)
    await asyncio.Event().wait()


def row(url: str, form: str, concurrency: int) -> None:
    provider, api = ("openai", {"api": "responses"}) if form == "responses" else (form, {})

    def run(model: str) -> object:
        root, sub = (resolve(f"{provider}/{name}", base_url=url, **api) for name in (model, "sub"))
        rlm = RLM(model=root, sub_model=sub, route="never", limits=Limits(concurrency=concurrency))
        return rlm.completion("How many?", context="x").answer

    assert run("warm") == 64
    idle = measure.memory()
    measure.reset_peak()
    began, cpu = time.monotonic(), time.process_time()
    assert run("root") == CALLS
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    ideal = CALLS / concurrency * SLOW
    print(
        f"{form:9} at {concurrency:3}: {seconds:6.2f} s, ideal {ideal:5.2f} s: {seconds / ideal:5.2f} x; "
        f"CPU {cpu:5.2f} s, {cpu / CALLS * 1e6:4.0f} us a call; "
        f"peak {(measure.memory(field='VmHWM') - idle) / 1e6:4.0f} MB above idle ({idle / 1e6:.0f} MB)",
        flush=True,
    )


def main(rows: list[str]) -> None:
    with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            for named in rows or ROWS:
                with tempfile.TemporaryDirectory() as home:
                    command = [sys.executable, __file__, "row", url, *named.split(":")]
                    subprocess.run(command, env={**os.environ, "RLM_HOME": home}, check=True)
        finally:
            server.kill()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            asyncio.run(serve())
        case ["row", url, form, concurrency]:
            row(url, form, int(concurrency))
        case rows:
            main(rows)
