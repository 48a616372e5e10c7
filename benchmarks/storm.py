"""2,000 sub-calls to an endpoint in a storm: `python benchmarks/storm.py`.

The endpoint, a process of its own, gives what its token bucket has (200 a second, 40 at once) and hits one request in
ten with a 429, a 500, a hang or a reset. Through `RLM.completion`, sandbox and trace on. Every sub-call must be
answered exactly once, the ledger must equal the endpoint's own count, and it may take 1.2 times what the bucket allows.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from lms.fakes.storm import Storm
from rlm import RLM, Limits
from rlm.lms.http import Policy
from rlm.lms.openai import OpenAI
from rlm.lms.scripted_server import Answer, Received, ScriptedServer

CALLS, RATE, BURST, LATENCY = 2000, 200.0, 40, 0.05
CELL = f"""```repl
replies = llm_query_batched([f"p{{i}}" for i in range({CALLS})])
FINAL(sum(reply == f"answer to p{{i}}" for i, reply in enumerate(replies)))
```"""


async def serve() -> None:
    storm = Storm(RATE, BURST)
    began: list[float] = []

    def respond(request: Received) -> Answer:
        model = request.value["model"]
        if model == "root":
            return Answer(CELL, latency=0.0, usage={"prompt_tokens": 1, "completion_tokens": 0})
        if model == "count":
            report = {"seconds": time.monotonic() - began[0], "requests": len(server.requests) - 2}
            counts = {name: getattr(storm, name) for name in ("answered", "tokens", "refused", "hit")}
            return Answer(json.dumps(report | counts), latency=0.0)
        began.append(time.monotonic())
        answer: Answer = storm(request)
        return answer

    server = ScriptedServer(respond, latency=LATENCY)
    await server.start()
    print(server.url, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            measure(server.stdout.readline().strip())
        finally:
            server.kill()


def measure(url: str) -> None:
    policy = Policy(attempt=1.0)
    root, sub, count = (OpenAI(name, base_url=url, policy=policy) for name in ("root", "sub", "count"))
    with tempfile.TemporaryDirectory() as home:
        os.environ["RLM_HOME"] = home
        began, cpu = time.monotonic(), time.process_time()
        run = RLM(model=root, sub_model=sub, route="never", limits=Limits(concurrency=64))
        done = run.completion("How many?", context="x")
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        asked = RLM(model=count, route="always").completion("?", context="x")
    told = json.loads(asked.response)
    allowed = (CALLS - BURST) / RATE
    once = set(told["answered"].values()) == {1} and len(told["answered"]) == CALLS
    books = done.usage.tokens == told["tokens"] + 1 and done.usage.calls == CALLS + 1
    print(f"answers that are right     {done.answer} of {CALLS}; each asked-for answer given once: {once}")
    print(f"ledger equals the endpoint {books} ({done.usage.tokens:,} tokens, {done.usage.calls:,} calls)")
    print(
        f"requests                   {told['requests']:,}: {told['hit']} hit, {told['refused']} refused by the bucket"
    )
    times = seconds / allowed
    print(f"seconds                    {seconds:.2f}, the bucket allows {allowed:.2f}: {times:.2f} x (at most 1.2)")
    print(f"CPU seconds of the host    {cpu:.2f}")


if __name__ == "__main__":
    asyncio.run(serve()) if len(sys.argv) > 1 else main()
