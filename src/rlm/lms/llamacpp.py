"""Any GGUF file, run in this process by llama.cpp (`xllamacpp`)."""

from __future__ import annotations

import asyncio
import atexit
import json
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlm import nano
from rlm.errors import ConfigError, LMError, LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms import BOX
from rlm.lms.base import Price
from rlm.lms.gguf import Field, read_fields
from rlm.types import JSON, Finish, Reply, Request, Usage

BOX_FILE = Path(nano.__file__).parent / "nano.gguf"

# What the attention caches of all slots may take together, unless the caller names a window. A model trained for
# 131,072 tokens would otherwise ask for tens of GiB.
_CACHE_BYTES = 4 * 2**30
_KEY_BYTES = 2  # f16


class LlamaCpp:
    """A model in a GGUF file, in this process.

    The file is loaded at the first call, once per process and options, and stays loaded. Calls run in llama.cpp's
    slots: those in flight together are computed in one batch, those beyond `slots` wait their turn.

    Args:
        path: The GGUF file.
        name: The model's name; by default `llamacpp/` and the file's.
        window: Tokens of prompt and answer together; by default what the model was trained for, or less where the
            slots' attention caches would take more than 4 GiB.
        slots: Calls computed at once; each keeps a cache of `window` tokens.
        threads: Threads to compute with; llama.cpp's own choice by default.
        sampling: Fields of each request, as llama.cpp's chat completions take them: temperature, top_p, seed, ...

    Raises:
        ConfigError: The file can't be read or is not a GGUF file, or an option can't be right.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        window: int | None = None,
        slots: int = 4,
        threads: int | None = None,
        **sampling: JSON,
    ) -> None:
        file = Path(path).expanduser().absolute()
        fields = read_fields(file)
        if slots < 1 or (window is not None and window < 1) or (threads is not None and threads < 1):
            raise ConfigError("slots, window and threads of a llama.cpp model must be at least 1")
        self.name = name or f"llamacpp/{file.stem}"
        self.window: int | None = window or _default_window(fields, slots)
        self.price: Price | None = Price(0.0, 0.0)
        self._options = _Options(file, self.window, slots, threads)
        self._sampling = sampling

    def __repr__(self) -> str:
        return f"LlamaCpp({str(self._options.path)!r}, window={self.window}, slots={self._options.slots})"

    async def complete(self, request: Request) -> Reply:
        """Answers one request; cancelling it stops the computation at its next step.

        Raises:
            LMRefusedError: The prompt does not fit into the window, a sampling field is wrong, or llama.cpp can't load
                the file.
            LMUnavailableError: llama.cpp failed at it.
            LMReplyError: The reply is empty.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[bytes]] = loop.create_future()
        call = _Call(self._options, self._body(request), loop, future)
        # A thread of its own: a pool's would keep the process from ending until the last answer is written.
        threading.Thread(target=call.run, name=f"rlm {self.name}").start()
        try:
            chunks = await future
        finally:
            call.stopped.set()
        return _reply(chunks, self.name)

    def _body(self, request: Request) -> bytes:
        body: dict[str, JSON] = {
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,  # a chunk per batch of the prompt: the places where a cancelled call can stop
            **self._sampling,
        }
        if request.max_tokens is not None:
            body["max_tokens"] = request.max_tokens
        if request.temperature is not None:
            body["temperature"] = request.temperature
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def box(**options: Any) -> LlamaCpp:
    """The model in the box; `options` as `LlamaCpp` takes them."""
    return LlamaCpp(BOX_FILE, **{"name": BOX, "temperature": 0, **options})


@dataclass(frozen=True, slots=True)
class _Options:
    path: Path
    window: int
    slots: int
    threads: int | None


_servers: dict[_Options, Any] = {}
_loading = threading.Lock()


@atexit.register
def _unload() -> None:
    """Ends llama.cpp's threads while the interpreter still stands."""
    _servers.clear()


def _server(options: _Options) -> Any:
    """The running server for `options`, loaded if need be. Loading holds the interpreter's lock: xllamacpp does."""
    with _loading:
        if options not in _servers:
            _servers[options] = _load(options)
        return _servers[options]


def _load(options: _Options) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(options.path)
    params.n_parallel = options.slots
    params.n_ctx = options.window * options.slots
    params.verbosity = -1  # silent: its log goes to stderr
    params.warmup = False
    params.cache_ram_mib = 0
    params.n_threads_http = 1
    if options.threads is not None:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    # llama.cpp insists on listening. A socket in a folder of ours that is gone before the first call can be
    # connected to by nobody; a port could be by every process and web page of this machine.
    with tempfile.TemporaryDirectory(prefix="rlm-") as folder:
        params.hostnames = [f"{folder}/llama.sock"]
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise LMRefusedError(f"llama.cpp can't load {options.path}: {error}") from None


class _Call:
    """One request, run in a thread; what it gives is set on `future`, in `loop`."""

    def __init__(
        self, options: _Options, body: bytes, loop: asyncio.AbstractEventLoop, future: asyncio.Future[list[bytes]]
    ) -> None:
        self.stopped = threading.Event()
        self._options = options
        self._body = body
        self._loop = loop
        self._future = future

    def run(self) -> None:
        chunks: list[bytes] = []
        failure: BaseException | None = None
        main = threading.main_thread()

        def take(chunk: bytes) -> bool:
            chunks.append(chunk)
            return self.stopped.is_set() or not main.is_alive()  # True ends it; a process at its end waits for us

        try:
            server = _server(self._options)
            if not self.stopped.is_set():
                server.handle_chat_completions(self._body, take)
        except BaseException as error:  # noqa: BLE001 (carried to the caller, whatever it is)
            failure = error
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, chunks, failure)

    def _settle(self, chunks: list[bytes], failure: BaseException | None) -> None:
        if self._future.done():
            return
        if failure is not None:
            self._future.set_exception(failure)
        else:
            self._future.set_result(chunks)


def _reply(chunks: list[bytes], name: str) -> Reply:
    """The reply that a stream of chunks (JSON, as the OpenAI API streams them) makes."""
    text: list[str] = []
    finish: Finish = "stop"
    usage = Usage(1)
    for chunk in chunks:
        data = json.loads(chunk.decode("utf-8", "replace"))
        if "error" in data:
            raise _error(data["error"], name)
        for choice in data["choices"]:
            text.append(choice["delta"].get("content") or "")
            if choice["finish_reason"] == "length":
                finish = "length"
        if "usage" in data:
            used = data["usage"]
            cached = used.get("prompt_tokens_details", {}).get("cached_tokens", 0)
            usage = Usage(1, used["prompt_tokens"], used["completion_tokens"], cached)
    answer = "".join(text)
    if not answer:
        raise LMReplyError(f"{name} gave an empty reply", usage, 0.0)
    return Reply(answer, usage, 0.0, finish, name)


def _error(error: dict[str, Any], name: str) -> LMError:
    message = f"{name}: {error.get('message', 'llama.cpp gave no reason')}"
    return LMRefusedError(message) if 400 <= int(error.get("code", 500)) < 500 else LMUnavailableError(message)


def _default_window(fields: dict[str, Field], slots: int) -> int:
    """The window the model was trained for, or as much of it as the slots' caches have room for."""
    kind = fields.get("general.architecture")

    def number(key: str, default: int) -> int:
        value = fields.get(f"{kind}.{key}", default)
        return value if isinstance(value, int) else default

    trained = number("context_length", 4096)
    heads = number("attention.head_count", 1)
    head = number("embedding_length", 0) // max(heads, 1)
    heads_kept = number("attention.head_count_kv", heads)
    sizes = number("attention.key_length", head) + number("attention.value_length", head)
    token = number("block_count", 0) * heads_kept * sizes * _KEY_BYTES
    room = _CACHE_BYTES // slots // token if token else trained
    return max(min(trained, room), 1)
