"""The one HTTP layer of the model clients: a warm pool for each event loop, time-outs, and one policy for retries.

Nothing is read from the environment here: no proxy, no .netrc. No key is in any message, and redirects are not
followed, since they would carry the key elsewhere.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import json
import random
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent import futures
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from rlm.errors import LMError, LMRefusedError, LMReplyError, LMUnavailableError
from rlm.lms import rpc
from rlm.lms.sse import Events
from rlm.types import JSON

if TYPE_CHECKING:
    import aiohttp

# A reply is some KiB; this only bounds what a broken or hostile endpoint can make us hold.
MAX_REPLY_BYTES = 64 << 20
_IDLE_SECONDS = 60.0
_SHOWN = 500
_random = random.SystemRandom()  # the user's seeds stay as they are


@dataclass(frozen=True, slots=True)
class Policy:
    """How long and how often a request is tried; times in seconds.

    Attributes:
        attempts: The most times it is sent.
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


class _Retryable(Exception):  # noqa: N818 (not an error of ours: a decision)
    """One attempt failed in a way that may pass."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class _Pool:
    session: aiohttp.ClientSession
    lifetime: AsyncGenerator[None, None]


_pools: dict[asyncio.AbstractEventLoop, _Pool] = {}


def warm() -> None:
    """Begins to load aiohttp, in a thread: it takes 0.1 s, a part of it without the interpreter's lock."""
    if "aiohttp" not in sys.modules:
        threading.Thread(target=importlib.import_module, args=("aiohttp",), name="rlm warm", daemon=True).start()


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
        LMRefusedError: The request can't succeed: any 4xx but 408 and 429, or an exhausted account.
        LMUnavailableError: It kept failing, or the provider asks for a wait beyond the policy's total.
        LMReplyError: The answer is not what such an endpoint sends.
    """
    session = await _session()
    began = time.monotonic()
    failed = 0
    while True:
        try:
            sent = headers if sign is None else {**headers, **await sign()}
            return await _attempt(session, url, sent, body, policy, began, stream), failed
        except _Retryable as failure:
            failed += 1
            left = policy.total - (time.monotonic() - began)
            where = urlsplit(url).hostname
            if failed >= policy.attempts:
                raise LMUnavailableError(f"{where}: {failure}; sent {_times(failed)}") from failure.__cause__
            wait = _wait(policy, failed, failure.wait)
            if wait >= left:
                asked = f"; it asks to wait {failure.wait:,.0f} s" if failure.wait else ""
                raise LMUnavailableError(
                    f"{where}: {failure}; sent {_times(failed)}{asked}; {policy.total:g} s is the most that is waited"
                ) from failure.__cause__
            await asyncio.sleep(wait)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _wait(policy: Policy, failed: int, asked: float | None) -> float:
    """Seconds to the next attempt: what the provider asked for and a little, or drawn from a growing range.

    The range begins at 0 ("full jitter"), so that calls which failed together don't come back together.
    """
    if asked is not None:
        return asked + _random.uniform(0.0, min(1.0, 0.1 * asked))
    return _random.uniform(0.0, min(policy.longest_wait, policy.backoff * 2.0 ** (failed - 1)))


async def _attempt(
    session: aiohttp.ClientSession,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    policy: Policy,
    began: float,
    stream: Callable[[], Assembler] | None,
) -> dict[str, Any]:
    import aiohttp

    left = policy.total - (time.monotonic() - began)
    timeout = aiohttp.ClientTimeout(total=min(policy.attempt, left), connect=policy.connect)
    try:
        async with session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False) as response:
            if stream is not None and response.status == 200 and response.content_type == "text/event-stream":
                return await _assemble(response, stream(), headers)
            text = await _read(response)
    except TimeoutError as error:
        raise _Retryable("no answer in time") from error
    except aiohttp.InvalidURL as error:
        raise LMRefusedError("the base URL is not a URL") from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise LMRefusedError(f"{urlsplit(url).hostname}: its certificate can't be verified") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise _Retryable(f"the connection failed ({type(error).__name__})") from error
    return _answer(response.status, response.headers, text, headers)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := await response.content.readany():
        pieces.append(piece)
        size += len(piece)
        if size > MAX_REPLY_BYTES:
            response.close()
            raise LMReplyError(f"{response.host}: its answer is longer than {MAX_REPLY_BYTES >> 20} MiB")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _assemble(response: aiohttp.ClientResponse, assembler: Assembler, sent: Mapping[str, str]) -> dict[str, Any]:
    """The reply that a stream's events make; one that breaks off after its end is whole all the same."""
    import aiohttp

    events = Events()
    size = 0
    try:
        while piece := await response.content.readany():
            size += len(piece)
            if size > MAX_REPLY_BYTES:
                response.close()
                raise LMReplyError(f"{response.host}: its answer is longer than {MAX_REPLY_BYTES >> 20} MiB")
            for event, text in events.feed(piece):
                try:
                    data = json.loads(text)
                except (ValueError, RecursionError):
                    continue  # such as OpenAI's [DONE]
                if not isinstance(data, dict):
                    continue
                if data.get("error") or event == "error":
                    error = {"error": data.get("error") or data}
                    _answer(200, response.headers, json.dumps(error).encode(), sent)
                assembler.feed(event, data)
    except (aiohttp.ClientError, ConnectionError):
        if not assembler.whole:
            raise
    value = assembler.value()
    if value is None or not assembler.whole:
        raise _Retryable("the stream ended early")
    return value


def _answer(status: int, headers: Mapping[str, str], text: bytes, sent: Mapping[str, str]) -> dict[str, Any]:
    """The answer's object, or the error that it stands for."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # UnicodeDecodeError too; and brackets a thousand deep
        value = None
    if status >= 400 and isinstance(value, list) and len(value) == 1:
        value = value[0]  # Google's endpoints, where a stream was asked for
    error = value.get("error") if isinstance(value, dict) else None
    good = 200 <= status < 300
    if good and isinstance(value, dict) and not error:
        return value
    if good and not error:
        kind = headers.get("Content-Type", "no content type")
        raise LMReplyError(f"the endpoint answered with something else than a JSON object ({kind}): is its URL right?")
    if good:
        # Gateways that began to answer before they knew say it in the body.
        status = error["code"] if isinstance(error, dict) and isinstance(error.get("code"), int) else 500
    message = _without_secrets(_message(value, error, text), sent)
    raise _failure(status, message, error, headers, sent)


def _failure(
    status: int, message: str, error: object, headers: Mapping[str, str], sent: Mapping[str, str]
) -> _Retryable | LMError:
    code = error.get("code") or error.get("type") if isinstance(error, dict) else None
    if code == "insufficient_quota" or rpc.is_used_up(error):
        left = "no credit left" if code == "insufficient_quota" else "used up its quota for the day"
        said = f"{status}: {message} (the account has {left}; waiting does not help)"
        return LMRefusedError(said, status, _cleared(error, sent))
    if status in (408, 429) or status >= 500:
        asked = _asked_wait(headers)
        return _Retryable(f"{status}: {message}", rpc.retry_delay(error) if asked is None else asked)
    if 300 <= status < 400:
        return LMRefusedError(
            f"{status}: it redirects to {headers.get('Location', '?')}; give that as the base URL", status
        )
    return LMRefusedError(f"{status}: {message}", status, _cleared(error, sent))


def _message(value: object, error: object, text: bytes) -> str:
    """What the provider says is wrong; servers differ in where they put it."""
    for holder in (error, value):
        if isinstance(holder, str):
            return holder[:_SHOWN]
        if isinstance(holder, dict):
            for name in ("message", "detail", "error"):
                if isinstance(said := holder.get(name), str) and said:
                    return said[:_SHOWN]
    return text[:200].decode("utf-8", "replace").strip() or "no message"


def _without_secrets(message: str, sent: Mapping[str, str]) -> str:
    """Some servers repeat the key that they refuse."""
    for name, value in sent.items():
        if name.lower() == "content-type":
            continue
        for secret in (value, value.rpartition(" ")[2]):
            if len(secret) >= 4:
                message = message.replace(secret, "***")
    return message


def _cleared(error: object, sent: Mapping[str, str]) -> JSON:
    value: JSON = json.loads(_without_secrets(json.dumps(error), sent)) if error else None
    return value


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return _positive(float(milliseconds) / 1000)
        if not (asked := headers.get("Retry-After")):
            return None
        if asked.strip().replace(".", "", 1).isdigit():
            return _positive(float(asked))
        return _positive(parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None  # neither: our own waits apply


def _positive(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds == seconds else None


async def _session() -> aiohttp.ClientSession:
    """The running loop's pool."""
    loop = asyncio.get_running_loop()
    pool = _pools.get(loop)
    if pool is None:
        session = _open()
        pool = _pools[loop] = _Pool(session, _lifetime(session))
        # An async generator is ended by its loop's own shutdown: `asyncio.run` leaves no open connection behind.
        await anext(pool.lifetime)
    return pool.session


def _open() -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        # The ledger bounds what is in flight. TCPConnector's own bound would be a second queue.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS, ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
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
