"""The HTTP of the model clients: a POST, and its answer whole or streamed, on connections that are kept warm.

Nothing is read from the environment here: no proxy, no .netrc. No key is in any message, and redirects are not
followed, since they would carry the key elsewhere.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from concurrent import futures
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rlm.errors import CallCancelled, LMRefusedError, LMReplyError
from rlm.lms import watch
from rlm.lms.connection import Connection, Target, target
from rlm.lms.failures import Retryable, event_failure, exhausted, read_answer
from rlm.lms.pace import Pace
from rlm.lms.pool import Connections, warm
from rlm.lms.retries import Policy, tried
from rlm.lms.sse import Events
from rlm.types import Usage

__all__ = ["Assembler", "Policy", "close", "post", "tried", "unsent", "warm"]

# A reply is some KiB; this only bounds what a broken or hostile endpoint can make us hold.
MAX_REPLY_BYTES = 64 << 20


class Assembler(Protocol):
    """Puts a streamed reply together. One serves one attempt."""

    @property
    def whole(self) -> bool:
        """Whether the reply is at its end: a stream that ends before is one that broke."""
        ...

    def feed(self, event: str, data: dict[str, Any]) -> None:
        """Takes one event: its name, empty where it has none, and its data."""
        ...

    def value(self) -> dict[str, Any] | None:
        """The reply so far, in the shape of the endpoint's unstreamed reply; None if there is nothing of it."""
        ...


@dataclass(frozen=True, slots=True)
class _Pool:
    connections: Connections
    lifetime: AsyncGenerator[None, None]


@dataclass(frozen=True, slots=True)
class _Call:
    """What is sent, the same at each attempt."""

    target: Target
    headers: Mapping[str, str]
    body: bytes
    policy: Policy
    stream: Callable[[], Assembler] | None

    @property
    def said(self) -> Mapping[str, str]:
        """What may hold a key, and what no message repeats."""
        return {**self.headers, **self.target.query} if self.target.query else self.headers


_pools: dict[asyncio.AbstractEventLoop, _Pool] = {}


async def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    policy: Policy,
    *,
    account: str = "",
    stream: Callable[[], Assembler] | None = None,
    sign: Callable[[], Awaitable[Mapping[str, str]]] | None = None,
) -> tuple[dict[str, Any], int]:
    """Posts `body`, JSON, until it is answered.

    Cancelling it closes the connection at once.

    Args:
        url: Where to.
        headers: With the key; no message repeats their values, nor those of the URL's query.
        body: As it is sent each time.
        policy: How long and how often.
        account: What shares a rate limit; the host by default.
        stream: The answer is a stream of events; this makes what puts it together, anew for each attempt. An
            endpoint that answers with one JSON object all the same is taken at that.
        sign: More headers, made anew for each attempt: a signature is good for minutes, and retries may take longer.

    Returns:
        The answer, a JSON object without an `error`, and how many attempts had failed before.

    Raises:
        LMRefusedError: The request can't succeed: any 4xx but 408, 409 for a lock, 425 and 429, or a used-up account.
        LMUnavailableError: It kept failing, or the provider asks for a wait beyond the policy's total.
        LMReplyError: The answer is not what such an endpoint sends.
    """
    pool = _pools.get(asyncio.get_running_loop()) or await _opened()
    try:
        call = _Call(target(url), headers, body, policy, stream)
    except ValueError as error:
        raise LMRefusedError("the base URL is not a URL") from error

    async def attempt(pace: Pace, seconds: float) -> dict[str, Any]:
        if sign is None:
            return await _attempt(pool.connections, call, pace, seconds)
        async with unsent():
            signed = replace(call, headers={**headers, **await sign()})
        return await _attempt(pool.connections, signed, pace, seconds)

    return await tried(attempt, call.target.host, policy, account)


@asynccontextmanager
async def unsent() -> AsyncIterator[None]:
    """What is cancelled in here has sent nothing, so its cost is known.

    Raises:
        CallCancelled: It was cancelled.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        raise CallCancelled(Usage(), 0.0) from error


async def _attempt(pool: Connections, call: _Call, pace: Pace, seconds: float) -> dict[str, Any]:
    assembler = call.stream() if call.stream is not None else None
    sent = False
    try:
        async with asyncio.timeout(seconds):
            connection = pool.free(call.target)
            if connection is None:
                async with asyncio.timeout(call.policy.connect):
                    connection = await pool.connect(call.target)
            try:
                connection.send(call.target, call.headers, call.body)
                sent = True
                value = await _value(connection, call, assembler)
            finally:
                pool.give(call.target, connection)  # one that has not come to the end of its answer is closed
    except ssl.SSLCertVerificationError as error:
        raise LMRefusedError(f"{call.target.host}: its certificate can't be verified") from error
    except socket.gaierror as error:
        # A typing error as a rule, which waiting does not mend; a resolver that hiccups is asked once more.
        raise Retryable("the host's name can't be found", sent=False, most=2) from error
    except OSError as error:  # a time-out is one
        whole = assembler.value() if assembler is not None and assembler.whole else None
        if whole is None:
            late = isinstance(error, TimeoutError)
            why = "no answer in time" if late else f"the connection failed ({type(error).__name__})"
            raise Retryable(why, sent=sent) from error
        value = whole  # what broke came after it
    except asyncio.CancelledError as error:
        if sent:
            raise
        raise CallCancelled(Usage(), 0.0) from error
    else:
        if (refills := exhausted(connection.headers)) is not None:
            pace.hold(refills, "its limit on requests is reached")
    pace.succeeded()
    return value


async def _value(connection: Connection, call: _Call, assembler: Assembler | None) -> dict[str, Any]:
    await connection.head()
    headers = connection.headers
    watch.tell(connection.status, headers)
    if assembler is not None and connection.status == 200 and "text/event-stream" in headers.get("content-type", ""):
        return await _assemble(connection, assembler, call)
    pieces: list[bytes] = []
    size = 0
    while piece := await connection.read():
        pieces.append(piece)
        size = _checked(size + len(piece), call)
    return read_answer(connection.status, headers, b"".join(pieces), call.said)


async def _assemble(connection: Connection, assembler: Assembler, call: _Call) -> dict[str, Any]:
    """The reply that a stream's events make."""
    events = Events()
    size = 0
    while piece := await connection.read():
        size = _checked(size + len(piece), call)
        for name, text in events.feed(piece):
            try:
                data = json.loads(text)
            except (ValueError, RecursionError):
                continue  # such as OpenAI's [DONE]
            if isinstance(data, dict):
                if data.get("error") or name == "error":
                    raise event_failure(connection.headers, data, call.said)
                assembler.feed(name, data)
    value = assembler.value()
    if value is None or not assembler.whole:
        raise Retryable("the stream ended early")
    return value


def _checked(size: int, call: _Call) -> int:
    if size > MAX_REPLY_BYTES:
        raise LMReplyError(f"{call.target.host}: its answer is longer than {MAX_REPLY_BYTES >> 20} MiB")
    return size


async def _opened() -> _Pool:
    """The running loop's pool, opened."""
    opened = Connections()
    pool = _pools[asyncio.get_running_loop()] = _Pool(opened, _lifetime(opened))
    # An async generator is ended by its loop's own shutdown: `asyncio.run` leaves no open connection behind.
    await anext(pool.lifetime)
    return pool


async def _lifetime(opened: Connections) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        _pools.pop(asyncio.get_running_loop(), None)
        opened.close()
        await asyncio.sleep(0)  # for the loop to close what was aborted


async def close() -> None:
    """Closes the running loop's pool; the next request opens another."""
    if pool := _pools.get(asyncio.get_running_loop()):
        await pool.lifetime.aclose()


@atexit.register
def _close_all() -> None:
    """Closes the pools of loops that run until the process ends."""
    for loop in list(_pools):
        if loop.is_running():
            futures.wait([asyncio.run_coroutine_threadsafe(close(), loop)], 1.0)
