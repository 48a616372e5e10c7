"""10,000 sub-calls of 50 ms through `RLM.completion`: `python benchmarks/calls.py [CONCURRENCY ...]`.

Sandbox and trace on, the server in a process of its own, each concurrency in a process of its own. The ideal is
10,000 / concurrency * 50 ms; the whole run counts, its root turn included. CPU seconds are the host process's: where
they come near the seconds, one core is what is short.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time

import measure

from rlm import RLM, Limits
from rlm.lms import resolve
from rlm.lms.scripted_server import Answer, Received, ScriptedServer

CALLS, SLOW = 10_000, 0.05
REPLIES = {
    "warm": "```repl\nFINAL(len(llm_query_batched([f'p{i}' for i in range(64)])))\n```",
    "root": f"```repl\nFINAL(len(llm_query_batched([f'p{{i}}' for i in range({CALLS})])))\n```",
}


async def serve() -> None:
    def respond(request: Received) -> Answer:
        server.requests.clear()
        model = request.value["model"]
        return Answer(REPLIES[model], latency=0.0) if model in REPLIES else Answer("ok")

    server = ScriptedServer(respond, latency=SLOW)
    await server.start()
    print(server.url, flush=True)
    await asyncio.Event().wait()


def row(url: str, concurrency: int) -> None:
    def run(model: str) -> object:
        root, sub = (resolve(f"openai/{name}", base_url=url) for name in (model, "sub"))
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
        f"concurrency {concurrency:4}: {seconds:6.2f} s, ideal {ideal:5.2f} s: {seconds / ideal:5.2f} x; "
        f"CPU {cpu:5.2f} s, {cpu / CALLS * 1e6:4.0f} us a call; "
        f"peak {(measure.memory(field='VmHWM') - idle) / 1e6:4.0f} MB above idle ({idle / 1e6:.0f} MB)",
        flush=True,
    )


def main(concurrencies: list[str]) -> None:
    with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            for concurrency in concurrencies or ["64", "512"]:
                with tempfile.TemporaryDirectory() as home:
                    command = [sys.executable, __file__, "row", url, concurrency]
                    subprocess.run(command, env={**os.environ, "RLM_HOME": home}, check=True)
        finally:
            server.kill()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            asyncio.run(serve())
        case ["row", url, concurrency]:
            row(url, int(concurrency))
        case concurrencies:
            main(concurrencies)
