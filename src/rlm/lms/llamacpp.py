"""Any GGUF file, run in this process by llama.cpp (`xllamacpp`)."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ctypes
import json
import os
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlm import nano
from rlm.errors import ConfigError, LMError, LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms import window as windows
from rlm.lms.base import Price
from rlm.lms.gguf import read_fields
from rlm.lms.providers import BOX
from rlm.types import JSON, Finish, Reply, Request, Usage

BOX_FILE = Path(nano.__file__).parent / "nano.gguf"

# What the attention caches of all slots may take together, unless the caller names a window. A model trained for
# 131,072 tokens would otherwise ask for tens of GiB.
_CACHE_BYTES = 4 * 2**30
_ENTRY_BYTES = 2  # f16
_OURS = {"messages", "stream", "stream_options", "return_progress", "n", "max_tokens", "temperature"}


class LlamaCpp:
    """A model in a GGUF file, in this process.

    The file is loaded at the first call, once per process and options, and stays loaded. Calls run in llama.cpp's
    slots: those in flight together are computed in one batch, those beyond `slots` wait their turn. It costs nothing,
    unless `price` is set.

    Args:
        path: The GGUF file; `hf:owner/repo[:file-or-quant]` is downloaded first, into huggingface_hub's cache.
        name: The model's name; by default `llamacpp/` and the file's.
        window: Tokens of prompt and answer together; by default what the model was trained for, or less where the
            slots' attention caches would take more than 4 GiB.
        slots: Calls computed at once; each keeps a cache of `window` tokens.
        threads: Threads to compute with; llama.cpp's own choice by default.
        max_tokens: The most output tokens where a request does not say; by default what the window has left.
        temperature: Sampling temperature where a request does not say.
        extra: More fields of the request, as llama.cpp's server takes them, such as `{"top_k": 20, "seed": 1}`.

    Raises:
        ConfigError: The file can't be read or is not a GGUF file, an option can't be right, or `extra` has a field
            that is ours; or `hf:` names no file of a repository.
        LMUnavailableError: The file has to be downloaded, and can't be.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        window: int | None = None,
        slots: int = 4,
        threads: int | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        extra: Mapping[str, JSON] | None = None,
    ) -> None:
        if min(option for option in (slots, window, threads) if option is not None) < 1:
            raise ConfigError("slots, window and threads of a llama.cpp model must be at least 1")
        if taken := sorted(_OURS & (extra or {}).keys()):
            raise ConfigError(f"extra can't set {', '.join(taken)}")
        file = _file(path)
        trained, token_bytes = _sizes(file)
        if window is not None and window > trained:
            raise ConfigError(f"{file.name} was trained for a window of {trained:,} tokens; {window:,} is too much")
        room = _CACHE_BYTES // slots // token_bytes
        tokens = window or max(min(trained, room), 1)
        self.name = name or f"llamacpp/{file.stem}"
        self.window: int | None = tokens
        self.price: Price | None = Price(0.0, 0.0)
        self._options = _Options(file, tokens, slots, threads, token_bytes * tokens * slots)
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._extra = dict(extra or {})
        self.settings: dict[str, JSON] = {
            "file": [str(file), file.stat().st_size, file.stat().st_mtime],
            "window": tokens,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "extra": self._extra,
        }

    def __repr__(self) -> str:
        return f"LlamaCpp({str(self._options.path)!r}, window={self.window}, slots={self._options.slots})"

    async def complete(self, request: Request) -> Reply:
        """Answers one request; cancelling it stops the computation at its next step.

        Raises:
            LMRefusedError: A sampling field is wrong, or llama.cpp can't load the file.
            LMUnavailableError: llama.cpp failed at it.
            LMReplyError: The prompt does not fit into the window, or the reply is empty.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[bytes]] = loop.create_future()
        call = _Call(self._options, self._body(request), loop, future)
        # A thread of its own: a pool's would keep the process from ending until the last answer is written, and a
        # daemon (which a daemon's threads are by default) is ended inside of llama.cpp, which aborts the process.
        threading.Thread(target=call.run, name=f"rlm {self.name}", daemon=False).start()
        try:
            chunks = await future
        finally:
            call.stopped.set()
        return _reply(chunks, self.name, self.price)

    def _body(self, request: Request) -> bytes:
        body: dict[str, JSON] = {
            **self._extra,
            **request.fields,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,  # a chunk per batch of the prompt: the places where a cancelled call can stop
        }
        max_tokens = self._max_tokens if request.max_tokens is None else request.max_tokens
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        temperature = self._temperature if request.temperature is None else request.temperature
        if temperature is not None:
            body["temperature"] = temperature
        if request.stop:
            body["stop"] = [*_stops(self._extra.get("stop")), *request.stop]
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _stops(given: JSON) -> list[JSON]:
    """The strings of a `stop` field, which may be one."""
    return given if isinstance(given, list) else [given] if given else []


def box(
    file: str | Path | None = None,
    *,
    window: int | None = None,
    slots: int = 4,
    threads: int | None = 1,
    max_tokens: int | None = 400,
    temperature: float | None = 0,
) -> LlamaCpp:
    """The model in the box, or a file that is to take its place; the options are `LlamaCpp`'s."""
    # After a first cell it may open another at once instead of ending its turn; nobody would run that one.
    return LlamaCpp(
        file or BOX_FILE,
        name=BOX,
        window=window,
        slots=slots,
        threads=threads,
        max_tokens=max_tokens,
        temperature=temperature,
        extra={"stop": ["\n```repl"]},
    )


@dataclass(frozen=True, slots=True)
class _Options:
    path: Path
    window: int
    slots: int
    threads: int | None
    cache_bytes: int


_servers: dict[_Options, Any] = {}
_loading = threading.Lock()


@atexit.register
def _unload() -> None:
    """Ends llama.cpp's threads while the interpreter still stands."""
    _servers.clear()


def _leave_behind() -> None:
    """In a process that was forked: its parent's servers have no threads here, and could neither answer nor end."""
    global _servers, _loading
    for server in _servers.values():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(server))  # never ended: that waits for the threads, or aborts
    _servers, _loading = {}, threading.Lock()


os.register_at_fork(after_in_child=_leave_behind)


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
    params.n_batch = params.n_ubatch  # a long prompt keeps other slots, and a cancelled call, waiting no longer
    # Room for what falls out of the slots, so that a root finds its conversation again after its sub-calls.
    params.cache_ram_mib = max(options.cache_bytes // 2**20, 1)
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
            raise LMRefusedError(f"llama.cpp can't load {options.path} (or listen in {folder}): {error}") from None


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

        def take(chunk: bytes) -> bool:
            chunks.append(chunk)
            return self._is_unwanted()  # True ends it

        try:
            server = _server(self._options)
            if not self._is_unwanted():
                server.handle_chat_completions(self._body, take)
        except BaseException as error:  # noqa: BLE001 (carried to the caller, whatever it is)
            failure = error
        if self._is_unwanted():
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, chunks, failure)

    def _is_unwanted(self) -> bool:
        """Whether the call was cancelled, or the process is ending and waits for this thread."""
        return self.stopped.is_set() or not threading.main_thread().is_alive()

    def _settle(self, chunks: list[bytes], failure: BaseException | None) -> None:
        if self._future.done():
            return
        if failure is not None:
            self._future.set_exception(failure)
        else:
            self._future.set_result(chunks)


def _reply(chunks: list[bytes], name: str, price: Price | None) -> Reply:
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
            cached = used["prompt_tokens_details"]["cached_tokens"]
            usage = Usage(1, used["prompt_tokens"], used["completion_tokens"], cached)
    answer = "".join(text)
    cost = price.cost(usage) if price else None
    if not answer and finish != "length":  # else thinking took all the room, and the loop asks again with more
        raise LMReplyError(f"{name} gave an empty reply", usage, cost, "empty")
    return Reply(answer, usage, cost, finish, name)


def _error(error: dict[str, Any], name: str) -> LMError:
    message = f"{name}: {error['message']}"
    if windows.told(error["message"], error) is not None:
        return LMReplyError(f"{message}: split the prompt, or send less", fault="too_long")
    return LMRefusedError(message) if 400 <= error["code"] < 500 else LMUnavailableError(message)


def _file(path: str | Path) -> Path:
    """The file on this machine."""
    if isinstance(path, str) and path.startswith("hf:"):
        from rlm.lms import hub

        return hub.fetch(path.removeprefix("hf:"))
    return Path(path).expanduser().absolute()


def _sizes(file: Path) -> tuple[int, int]:
    """The window that a model was trained for, and the bytes of a token in its attention cache, at most."""
    fields = read_fields(file)
    kind = fields.get("general.architecture")

    def number(key: str, default: int) -> int:
        value = fields.get(f"{kind}.{key}", default)
        return value if isinstance(value, int) else default

    heads = max(number("attention.head_count", 1), 1)
    head = number("embedding_length", 0) // heads
    entries = number("attention.key_length", head) + number("attention.value_length", head)
    token_bytes = number("block_count", 0) * number("attention.head_count_kv", heads) * entries * _ENTRY_BYTES
    trained = number("context_length", 0)
    if trained < 1 or token_bytes < 1:
        raise ConfigError(f"{file} does not say the sizes of a language model: it holds {kind or 'something else'}")
    return trained, token_bytes
