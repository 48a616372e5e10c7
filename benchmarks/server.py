"""The model behind the benchmarks: a scripted server in a process of its own, one script a model name.

`clock` answers with when the first request came since it was last asked, in `time.monotonic()` seconds, which all
processes of a machine share.
"""

from __future__ import annotations

import asyncio
import time

from rlm.lms.scripted_server import Answer, Received, ScriptedServer

SLOW = 0.05  # seconds


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


DONE = cell('answer["content"] = "done"\nanswer["ready"] = True')
BATCH = cell("r = llm_query_batched([f'p{i}' for i in range(512)])\nprint(len(r), r[-1])")
CHILDREN = cell("r = rlm_query_batched([f'part {i}' for i in range(16)])\nprint(len(r), r[-1])")
# Model -> its replies turn by turn (the last one repeats), and the seconds that each takes.
SCRIPTS: dict[str, tuple[list[str], float]] = {
    "two": ([cell("print(len(context))"), DONE], 0.0),
    "turns": ([cell(f"print({i})") for i in range(200)] + [DONE], 0.0),
    "batch": ([BATCH, DONE], SLOW),
    "children": ([CHILDREN, DONE], SLOW),
    "child": ([cell("print(len(context))"), DONE], SLOW),
    "size": ([cell("print(context.count('x'))\nllm_query('wait')"), DONE], 0.0),
    "sub": (["ok"], SLOW),
    "wait": (["ok"], 3.0),
}


class Server(ScriptedServer):
    """Answers by the model's name, and keeps nothing but the time."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self._first: float | None = None

    def _answer(self, request: Received) -> Answer:
        now = time.monotonic()
        self.requests.clear()
        asked = request.value
        if asked["model"] == "clock":
            first, self._first = self._first, None
            return Answer(repr(first))
        if self._first is None:
            self._first = now
        replies, latency = SCRIPTS[asked["model"]]
        turn = sum(m["role"] == "assistant" and "```repl" in m["content"] for m in asked["messages"])
        return Answer(replies[min(turn, len(replies) - 1)], latency=latency)


async def main() -> None:
    server = Server()
    await server.start()
    print(server.url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
