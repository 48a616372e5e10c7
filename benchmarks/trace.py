"""What the trace costs: microseconds an event and a sub-call, and how a long run's log grows.

    python benchmarks/trace.py [FOLDER]

Writes to FOLDER (a temporary one by default) and prints one line a measurement. Times are CPU time of the thread that
writes, the kernel's part included: what the event loop can't do meanwhile. Of fifteen rounds the quickest counts,
since others share the machine.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rlm.trace.events import CallBegin, CallEnd, CellBegin, CellEnd, ReplyReceived, RequestSent, TurnBegin
from rlm.trace.store import Trace, read
from rlm.types import JSON

USAGE: dict[str, JSON] = {
    "calls": 1,
    "input_tokens": 5000,
    "output_tokens": 200,
    "cached_tokens": 0,
    "reasoning_tokens": 0,
    "cache_write_tokens": 0,
}


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="rlm-bench-"))
    print(f"an event without long strings        {rounds(folder, small, 2000):8.1f} µs")
    print(f"a sub-call of 20 KB, its two events  {rounds(folder, sub_call, 500):8.1f} µs")
    print(f"an event that nothing is kept of     {rounds(None, small, 2000):8.1f} µs")
    size, strings = long_run(folder / "long", 200)
    print(f"a run of 200 turns: {size:,} bytes on disk, {strings:,} of distinct strings: {size / strings:.2f} times")
    began = time.thread_time()
    count = sum(1 for _ in read(folder / "long"))
    print(f"reading it back: {count:,} events, {(time.thread_time() - began) / count * 1e6:.1f} µs each")
    shutil.rmtree(folder)


def rounds(folder: Path | None, emit: Callable[[Trace, int], None], count: int) -> float:
    """Microseconds of one `emit`, in the quickest of fifteen rounds."""
    times = []
    for number in range(15):
        trace = Trace("r", folder and folder / f"{emit.__name__}-{number}")
        began = time.thread_time()
        for index in range(count):
            emit(trace, index)
        times.append((time.thread_time() - began) / count * 1e6)
        trace.close()
    return min(times)


def small(trace: Trace, index: int) -> None:
    """One event as they mostly are."""
    trace.emit(TurnBegin(t=trace.now(), span=trace.new_span(), parent=1, turn=index))


def sub_call(trace: Trace, index: int) -> None:
    """A call whose prompt is 20 KB, and never the same."""
    span = trace.new_span()
    prompt = f"{index} " + "the tallest of them all was Ann, " * 606
    trace.emit(CallBegin(t=trace.now(), span=span, parent=1, name="llm_query", prompt=prompt, model="openai/m"))
    trace.emit(
        CallEnd(
            t=trace.now(),
            span=span,
            reply=f"{index} " + "Ann " * 60,
            error=None,
            finish="stop",
            usage=USAGE,
            cost=0.001,
            retries=0,
            seconds=0.5,
        )
    )


def long_run(folder: Path, turns: int) -> tuple[int, int]:
    """Writes a run of so many turns of a typical size; its bytes on disk, and those of its distinct strings."""
    trace = Trace("r", folder)
    strings: set[str] = set()
    for turn in range(turns):
        code, output = f"print({turn})\n" * 30, f"line {turn} of the output\n" * 60
        reply, shown = f"Let me see {turn}.\n```repl\n{code}```", output[:1000]
        prompts = [f"piece {turn} {index} " * 40 for index in range(5)]
        strings.update((code, output, reply, shown, *prompts))
        span = trace.new_span()
        now = trace.now()
        trace.emit(TurnBegin(t=now, span=span, parent=1, turn=turn))
        messages: list[JSON] = [{"role": "assistant", "content": reply}, {"role": "user", "content": shown}]
        trace.emit(RequestSent(t=now, span=span, messages=messages, max_tokens=None))
        about = {"finish": "stop", "usage": USAGE, "cost": 0.001, "retries": 0, "seconds": 1.0}
        trace.emit(ReplyReceived(t=now, span=span, text=reply, **about))  # type: ignore[arg-type]
        trace.emit(CellBegin(t=now, span=span, code=code))
        for prompt in prompts:
            number = trace.new_span()
            trace.emit(CallBegin(t=now, span=number, parent=span, name="llm_query", prompt=prompt, model="openai/m"))
            trace.emit(CallEnd(t=now, span=number, reply="yes", error=None, **about))  # type: ignore[arg-type]
        trace.emit(
            CellEnd(
                t=now,
                span=span,
                output=output,
                output_size=len(output),
                shown=shown,
                error=None,
                interrupted=False,
                lost=None,
                seconds=1.0,
            )
        )
    trace.close()
    size = sum(file.stat().st_size for file in folder.iterdir())
    return size, sum(len(text) for text in strings)


if __name__ == "__main__":
    main()
