"""The program in the sandbox: reads frames, runs cells, sends what they did. Trusted by nobody on the other side.

Worker-side: standard library only, Python 3.8+; shipped with its siblings (`SHIPPED`) as one package.
"""

from __future__ import annotations

import _thread
import io
import mmap
import os
import sys
import time

from . import calls, cell, chance, corpus, interrupts, output, pieces, protocol, threads

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from typing import Any
else:
    import _signal as signal  # `signal` makes enums of all constants

_CELLS = ("cell", "chance", "interrupts", "output", "threads", "corpus", "pieces", "search")
RUNS = ("worker", "protocol", "calls", *_CELLS)
SHIPPED = ("start", *RUNS, "provision", "lockdown", "landlock", "seccomp", "syscalls")
_STACK = 2 * 2**20  # bytes of a thread: 64 of them take 128 MiB of the memory limit
_RESERVE = 64 * 2**20  # bytes
_MAX_ANSWER = 32 * 2**20  # bytes of JSON
_REHEARSED = ("for line in context.splitlines():\n    print(len(line))\ncontext", "len(context)")


class Worker:
    """One worker: a stream of frames, a namespace, and the calls that its cells have open.

    Args:
        receive: Gives at most so many bytes of the stream.
        send: Sends bytes whole.
        loaded: The input.
        enforces: What confines this process.
        remains: Keeps the end of a cell's output beyond this process, where whoever started it can read that.
        variables: What cells find as if an earlier one had made it.
    """

    def __init__(
        self,
        receive: Callable[[int], bytes],
        send: Callable[[bytes], None],
        loaded: corpus.Loaded,
        enforces: list[str],
        remains: output.Remains | None = None,
        variables: dict[str, Any] | None = None,
    ) -> None:
        self._receive = receive
        self._send = send
        self._loaded = loaded
        self._enforces = enforces
        self._remains = remains
        self._variables = variables or {}
        self._interrupts = interrupts.Interrupts()
        self._left = threads.LeftBehind()
        self._calls = calls.Calls(send, self._left.calling, self._interrupts)
        self._due: list[protocol.Message] = []
        self._has_due = _thread.allocate_lock()  # taken while there may be none
        self._coming = bytearray()  # of a context that is being added
        self._refused: str | None = None  # why it can't be
        self._cap = 0  # characters of a cell's output that are shown
        self._output: output.Output | None = None
        self._streams = output.Stream("stdout", self._current_output), output.Stream("stderr", self._current_output)
        self._reserve: mmap.mmap | None = None

    def serve(self) -> None:
        """Answers the host until it closes the stream. Does not return."""
        cells = self._greet()
        self._listen()
        while True:
            self._act(cells, self._next())

    def _greet(self) -> cell.Cells:
        """Takes the host's `hello`, and answers; the cells that are to run."""
        hello = protocol.read(self._receive)
        if hello is None:
            os._exit(0)
        protocol.check_to_worker(hello)
        self._interrupts.disarm()
        _thread.stack_size(_STACK)
        self._cap = hello["max_output"]
        cells = cell.Cells(self._names(hello))
        cells.namespace.update(self._variables)
        ready = {"type": "ready", "version": protocol.VERSION, "python": ".".join(map(str, sys.version_info[:3]))}
        self._send(protocol.encode({**ready, "enforces": self._enforces}))
        return cells

    def _act(self, cells: cell.Cells, message: protocol.Message) -> None:
        if message["type"] == "run":
            self._run(cells, message)
        elif message["type"] == "add":
            self._add(message)
        else:  # the next question of several
            cells.begin(self._names(message))
            self._send(protocol.encode({"type": "kept", "variables": cells.made(self._variables)}))

    def _names(self, hello: protocol.Message) -> dict[str, Any]:
        """What every cell finds that runs for the question of `hello`."""
        chance.seed(hello["seed"])
        for name, value in hello["env"].items():  # `update` loads what each worker would pay for
            os.environ[name] = value
        names = functions(self._calls.call, hello["functions"])
        loaded = self._loaded
        loaded.window = hello["window"]
        names.update(
            context=loaded.value, context_0=loaded.value, grep=loaded.grep, chunks=loaded.chunks, search=loaded.search
        )
        names.update(loaded.added)
        names.update(question=hello["question"])
        names.update(hello["names"])
        names.update({offer["name"]: tool(self._calls.call, offer) for offer in hello["tools"]})
        for error in calls.ERRORS.values():
            names[error.__name__] = error
        return names

    def _add(self, piece: protocol.Message) -> None:
        """Takes a piece of a context that is added; with the last one, it is there from the next `hello` on."""
        try:
            if self._refused is None:
                import binascii

                self._coming += binascii.a2b_base64(piece["data"])
                if piece["last"]:
                    loaded = corpus.build_context(piece["kind"], piece["parts"], self._coming)
                    self._loaded.added[piece["name"]] = loaded.value
        except (ValueError, MemoryError, RecursionError) as error:
            self._refused = f"{type(error).__name__}: {error}"
            self._coming = bytearray()
        if piece["last"]:
            refused, self._refused, self._coming = self._refused, None, bytearray()
            self._send(protocol.encode({"type": "added", "error": refused}))

    def _run(self, cells: cell.Cells, run: protocol.Message) -> None:
        began = time.perf_counter()
        if self._remains is not None:
            self._remains.begin()
        self._output = printed = output.Output(self._cap, self._remains)
        self._calls.begin()
        sys.stdout, sys.stderr = self._streams
        self._reserve = _reserve()
        error: BaseException | None = KeyboardInterrupt()  # unless the cell ends
        try:
            if not self._interrupts.arm():
                error = cells.run(run["code"], run["id"])
            self._interrupts.disarm()
        except KeyboardInterrupt:  # it came before the cell's first line, or after its last
            self._interrupts.disarm()
        self._calls.end()
        self._output = None
        if self._reserve is not None:
            self._reserve.close()
        whole = printed.whole()
        done = {
            "type": "done",
            "id": run["id"],
            "output": printed.shown(whole),
            "output_size": printed.size,
            "error": None if error is None else cells.describe(error),
            "answer": None,
            "seconds": time.perf_counter() - began,
        }
        self._send(_with_answer(done, cells))
        pieces.sweep()
        cells.outputs.append(whole)  # while the host reads: what is not done before is not waited for
        self._left.note()

    def _listen(self) -> None:
        _thread.start_new_thread(self._read, ())  # `threading` adds 0.1 MB, and waits until it runs

    def _read(self) -> None:
        self._left.leave_out()
        try:
            while self._take():
                pass
        finally:
            os._exit(0)  # the host is gone, or out of step: nothing here is of use to anyone

    def _take(self) -> bool:
        """Takes the host's next frame; False where the stream has ended."""
        message = protocol.read(self._receive)
        if message is None:
            return False
        protocol.check_to_worker(message)
        self._dispatch(message)
        return True

    def _next(self) -> protocol.Message:
        """The host's next message that is the main thread's to act on; waits for it."""
        while not self._due:
            self._has_due.acquire()
        return self._due.pop(0)

    def _dispatch(self, message: protocol.Message) -> None:
        kind = message["type"]
        if kind in ("return", "raise"):
            self._calls.answer(message)
        elif kind in ("run", "add", "hello"):
            if kind == "run":
                self._interrupts.expect()
            self._due.append(message)
            if self._has_due.locked():
                self._has_due.release()
        elif kind == "interrupt":
            self._calls.interrupt()
            self._interrupts.deliver()

    def _current_output(self) -> output.Output | None:
        return None if self._left.calling() else self._output


def _reserve() -> mmap.mmap | None:
    """Address space to give back when the cell has ended, so that one which used up all can still be told so."""
    if sys.platform == "win32":  # it is here only for type checkers: it has no such flags
        return None
    try:  # private, because shared memory takes a file of the kernel's and twice the time
        return mmap.mmap(-1, _RESERVE, mmap.MAP_PRIVATE, mmap.PROT_READ)
    except (OSError, MemoryError):
        return None


def rehearse(times: int) -> None:
    """Runs some cells as a worker does, and leaves nothing behind.

    What Python notes in code, types and caches when they are used for the first few times is in pages that are shared
    then, with all workers that are forked later: of each it would take 0.4 MB, and 1 ms to its first cell.
    """
    main, streams, handler = sys.modules["__main__"], (sys.stdout, sys.stderr), signal.getsignal(signal.SIGINT)
    stack = _thread.stack_size()
    hello = {"type": "hello", "version": protocol.VERSION, "seed": 0, "question": "", "max_output": 0, "window": None}
    frames = [{**hello, "functions": ["llm_query", "llm_query_batched"], "tools": [], "names": {}, "env": {}}]
    frames += [{"type": "run", "id": number, "code": code} for number, code in enumerate(_REHEARSED, 1)]
    stream = b"".join(map(protocol.encode, frames))
    remains = output.Remains()
    for _ in range(times):
        sent: list[bytes] = []
        one = Worker(io.BytesIO(stream).read, sent.append, corpus.Loaded("a text"), [], remains)
        cells = one._greet()
        while one._take():
            one._act(cells, one._next())
    remains.close()
    sys.modules["__main__"], (sys.stdout, sys.stderr) = main, streams
    signal.signal(signal.SIGINT, handler)
    _thread.stack_size(stack)
    if "linecache" in sys.modules:
        for number in range(1, len(frames)):
            sys.modules["linecache"].cache.pop(f"<cell {number}>", None)


def functions(call: Callable[[str, dict[str, Any]], Any], offered: list[str]) -> dict[str, Any]:
    """The functions that cells call, of those that the host offers."""

    def llm_query(prompt: str, model: str | None = None, temperature: float | None = None, fresh: bool = False) -> Any:
        """Asks a language model and returns its reply."""
        args = {"prompt": prompt, "model": model, "temperature": temperature, "fresh": fresh}
        return call("llm_query", {**args, "origins": _origins([prompt])})

    def llm_query_batched(
        prompts: list[str], model: str | None = None, temperature: float | None = None, fresh: bool = False
    ) -> Any:
        """Asks a language model all prompts at once and returns the replies in order."""
        sent = _listed(prompts, "prompts")
        args = {"prompts": sent, "model": model, "temperature": temperature, "fresh": fresh}
        return call("llm_query_batched", {**args, "origins": _origins(sent)})

    def llm_map(
        items: list[Any],
        instruction: str,
        schema: Any = None,
        model: str | None = None,
        temperature: float | None = None,
        fresh: bool = False,
    ) -> Any:
        """Applies an instruction to every item through a language model and returns the results in order."""
        sent = _listed(items, "items")
        args = {"items": sent, "instruction": instruction, "schema": schema, "model": model}
        return call("llm_map", {**args, "temperature": temperature, "fresh": fresh, "origins": _origins(sent)})

    def rlm_query(prompt: str, context: Any = None, model: str | None = None) -> Any:
        """Has a recursive language model answer a question about a context of its own."""
        return call("rlm_query", {"prompt": prompt, "context": _sent(context), "model": model})

    def rlm_query_batched(prompts: list[str], contexts: list[Any] | None = None, model: str | None = None) -> Any:
        """Has recursive language models answer questions at once, each about its context."""
        sent = None if contexts is None else [_sent(context) for context in _listed(contexts, "contexts")]
        return call("rlm_query_batched", {"prompts": _listed(prompts, "prompts"), "contexts": sent, "model": model})

    known = (llm_query, llm_query_batched, llm_map, rlm_query, rlm_query_batched)
    return {function.__name__: function for function in known if function.__name__ in offered}


def tool(call: Callable[[str, dict[str, Any]], Any], offer: dict[str, str]) -> Callable[..., Any]:
    """The function that cells call for one of the user's tools."""
    name = offer["name"]

    def ask(*args: Any, **kwargs: Any) -> Any:
        return call(protocol.TOOL, {"name": name, "args": list(args), "kwargs": kwargs})

    ask.__name__ = ask.__qualname__ = name
    ask.__doc__ = f"{name}{offer['signature']}\n\n{offer['doc']}"
    return ask


def _listed(values: Any, name: str) -> list[Any]:
    if isinstance(values, (str, bytes, dict)):  # a list could be made of these too, and would be a costly mistake
        raise TypeError(f"{name} must be a list, not {type(values).__name__}")
    return list(values)


def _sent(context: Any) -> Any:
    """A child's context as it travels: a piece as its place in the input, anything else as it is."""
    if context is None:
        return None
    origin = _origin(context)
    if origin is None or isinstance(origin[2], corpus.AddedName):
        return {"value": context}
    return {"piece": origin}


def _origins(texts: list[Any]) -> list[Any] | None:
    """Where in the input each text is from that is a piece just as it was handed out; None if none is."""
    origins = [_origin(text) for text in texts]
    return origins if any(origins) else None


def _origin(text: Any) -> list[Any] | None:
    origin = text.origin if isinstance(text, pieces.Piece) else None
    return list(origin) if origin is not None and len(origin[2]) <= protocol.MAX_NAME else None


def _with_answer(done: dict[str, Any], cells: cell.Cells) -> bytes:
    try:
        done["answer"] = cells.answer()
        if done["answer"] is None:  # nothing that a cell made but text
            return protocol.encode(done)
        if len(protocol.to_json(done["answer"]["value"])) > _MAX_ANSWER:
            raise ValueError(f"more than {_MAX_ANSWER >> 20} MiB of JSON")
        return protocol.encode_checked(done)
    except (ValueError, MemoryError, RecursionError) as error:
        done["answer"] = None
        done["error"] = f"{type(error).__name__}: the answer can't be sent: {error}"
        return protocol.encode(done)
