"""The one HTTP layer of the model clients: a warm pool for each event loop, time-outs, retries, and pace.

Nothing is read from the environment here: no proxy, no .netrc. No key is in any message, and redirects are not
followed, since they would carry the key elsewhere.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import io
import json
import random
import sys
import threading
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent import futures
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from rlm.errors import LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms.failures import Retryable, event_failure, exhausted, read_answer
from rlm.lms.pace import Pace
from rlm.lms.sse import Events
from rlm.version import VERSION

if TYPE_CHECKING:
    import aiohttp

# A reply is some KiB; this only bounds what a broken or hostile endpoint can make us hold.
MAX_REPLY_BYTES = 64 << 20
_IDLE_SECONDS = 60.0
_AT_ONCE_BYTES = 1 << 20  # larger bodies are written piece by piece, so that the loop goes on
_random = random.SystemRandom()  # the user's seeds stay as they are
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Policy:
    """How long and how often a request is tried; times in seconds.

    Attributes:
        attempts: The most times it may fail; being told to slow down does not count while others of its account
            are answered.
        connect: For a connection to stand, TLS included.
        attempt: For one attempt as a whole; a model that thinks long needs minutes.
        total: For all attempts and the waits between them. A provider that asks for a longer wait is given up.
        backoff: The first wait is drawn from 0 to this; each further one from twice as much.
        longest_wait: The most that a wait which the provider did not ask for can be.
    """

    attempts: int = 6
    connect: float = 10.0
    attempt: float = 600.0
    total: float = 900.0
    backoff: float = 0.5
    longest_wait: float = 20.0


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
    session: aiohttp.ClientSession
    lifetime: AsyncGenerator[None, None]
    paces: defaultdict[str, Pace] = field(default_factory=lambda: defaultdict(Pace))


@dataclass(frozen=True, slots=True)
class _Call:
    """What is sent, the same at each attempt."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    policy: Policy
    stream: Callable[[], Assembler] | None


_pools: dict[asyncio.AbstractEventLoop, _Pool] = {}


def warm() -> None:
    """Begins to load aiohttp, in a thread: it takes 0.1 s, a part of it without the interpreter's lock."""
    if "aiohttp" not in sys.modules:
        threading.Thread(target=importlib.import_module, args=("aiohttp",), name="rlm warm", daemon=True).start()


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
        headers: With the key; no message repeats their values.
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
    call = _Call(url, headers, body, policy, stream)
    host = urlsplit(url).hostname or ""

    async def attempt(pace: Pace, seconds: float) -> dict[str, Any]:
        signed = call if sign is None else replace(call, headers={**headers, **await sign()})
        return await _attempt(pool.session, signed, pace, seconds)

    return await tried(attempt, host, policy, account)


async def tried(
    attempt: Callable[[Pace, float], Awaitable[_T]], where: str, policy: Policy, account: str = ""
) -> tuple[_T, int]:
    """Makes attempts until one succeeds, at the pace of their account: for clients that send by other means, too.

    Args:
        attempt: Makes one, in at most so many seconds, and tells the pace of its success. What may pass is `Retryable`.
        where: What stands before the words of an error.
        policy: How long and how often.
        account: What shares a rate limit; `where` by default.

    Returns:
        What the attempt gave, and how many had failed before.

    Raises:
        LMUnavailableError: They kept failing, or the provider asks for a wait beyond the policy's total.
    """
    pool = _pools.get(asyncio.get_running_loop()) or await _opened()
    pace = pool.paces[account or where]
    failed = counted = 0
    left, ends = policy.total, 0.0
    while True:
        if not pace.enter() and not await pace.wait(left, first=failed > 0):
            raise LMUnavailableError(_given_up(where, policy, pace.reason, failed, pace.held))
        began = time.monotonic()
        ends = ends or began + policy.total  # from the first attempt on: to queue for one's turn is no failure
        try:
            return await attempt(pace, min(policy.attempt, ends - began)), failed
        except Retryable as failure:
            failed += 1
            counted += not (failure.limited and pace.is_answering)
            if failure.slow_down:
                pace.refused()
                pace.hold(failure.wait, str(failure))
            if counted >= policy.attempts:
                raise LMUnavailableError(_given_up(where, policy, str(failure), failed)) from failure.__cause__
            left = ends - time.monotonic()
            wait = _wait(policy, counted or 1, failure.wait)
            if wait >= left:
                raise LMUnavailableError(
                    _given_up(where, policy, str(failure), failed, failure.wait or 0.0)
                ) from failure.__cause__
        finally:
            pace.leave()
        await asyncio.sleep(wait)


def _given_up(where: str, policy: Policy, why: str, failed: int, asked: float = 0.0) -> str:
    """Why it is given up, after so many attempts and where a wait of so many seconds was asked for."""
    sent = {0: "not sent", 1: "sent once"}.get(failed, f"sent {failed} times")
    most = f"; it asks to wait {asked:,.0f} s; {policy.total:g} s is the most that is waited" if asked else ""
    return f"{where}: {why}; {sent}{most}"


def _wait(policy: Policy, failed: int, asked: float | None) -> float:
    """Seconds to the next attempt: what the provider asked for and a little, or drawn from a growing range.

    The range begins at 0 ("full jitter"), so that calls which failed together don't come back together.
    """
    if asked is not None:
        return asked + _random.uniform(0.0, min(1.0, 0.1 * asked))
    return _random.uniform(0.0, min(policy.longest_wait, policy.backoff * 2.0 ** (failed - 1)))


async def _attempt(session: aiohttp.ClientSession, call: _Call, pace: Pace, seconds: float) -> dict[str, Any]:
    import aiohttp

    assembler = call.stream() if call.stream is not None else None
    try:
        async with asyncio.timeout(seconds):
            response = await session.post(
                call.url,
                data=call.body if len(call.body) <= _AT_ONCE_BYTES else io.BytesIO(call.body),
                headers=call.headers,
                timeout=_timeout(call.policy.connect),
                allow_redirects=False,
            )
            try:
                value = await _value(response, call, assembler)
            finally:
                response.close()  # where it was read to its end, its connection is free for the next one already
        if (refills := exhausted(response.headers)) is not None:
            pace.hold(refills, "its limit on requests is reached")
    except aiohttp.InvalidURL as error:
        raise LMRefusedError("the base URL is not a URL") from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise LMRefusedError(f"{urlsplit(call.url).hostname}: its certificate can't be verified") from error
    except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
        whole = assembler.value() if assembler is not None and assembler.whole else None
        if whole is None:
            late = isinstance(error, TimeoutError)
            why = "no answer in time" if late else f"the connection failed ({type(error).__name__})"
            raise Retryable(why) from error
        value = whole  # what broke came after it
    pace.succeeded()
    return value


@lru_cache(maxsize=16)
def _timeout(connect: float) -> aiohttp.ClientTimeout:
    import aiohttp

    return aiohttp.ClientTimeout(total=None, connect=connect)


async def _value(response: aiohttp.ClientResponse, call: _Call, assembler: Assembler | None) -> dict[str, Any]:
    if assembler is not None and response.status == 200 and response.content_type == "text/event-stream":
        return await _assemble(response, assembler, call.headers)
    pieces = [piece async for piece in _pieces(response)]
    return read_answer(response.status, response.headers, b"".join(pieces), call.headers)


async def _assemble(response: aiohttp.ClientResponse, assembler: Assembler, sent: Mapping[str, str]) -> dict[str, Any]:
    """The reply that a stream's events make."""
    events = Events()
    async for piece in _pieces(response):
        for name, text in events.feed(piece):
            try:
                data = json.loads(text)
            except (ValueError, RecursionError):
                continue  # such as OpenAI's [DONE]
            if isinstance(data, dict):
                if data.get("error") or name == "error":
                    raise event_failure(response.headers, data, sent)
                assembler.feed(name, data)
    value = assembler.value()
    if value is None or not assembler.whole:
        raise Retryable("the stream ended early")
    return value


async def _pieces(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    size = 0
    while not response.content.at_eof():
        piece = await response.content.readany()
        size += len(piece)
        if size > MAX_REPLY_BYTES:
            raise LMReplyError(f"{response.host}: its answer is longer than {MAX_REPLY_BYTES >> 20} MiB")
        yield piece


async def _opened() -> _Pool:
    """The running loop's pool, opened."""
    session = _open()
    pool = _pools[asyncio.get_running_loop()] = _Pool(session, _lifetime(session))
    # An async generator is ended by its loop's own shutdown: `asyncio.run` leaves no open connection behind.
    await anext(pool.lifetime)
    return pool


def _open() -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        # The ledger bounds what is in flight. TCPConnector's own bound would be a second queue.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS, ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
        # Replies are small: to unpack them costs more than to send them as they are, and packers hold streams back.
        headers={"Accept-Encoding": "identity", "User-Agent": f"rlm/{VERSION}"},
        trust_env=False,
    )


async def _lifetime(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        _pools.pop(asyncio.get_running_loop(), None)
        await session.close()


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
