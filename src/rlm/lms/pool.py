"""The HTTP connections of an event loop, kept warm for the next request."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections import defaultdict
from functools import cache
from typing import Any

from rlm.lms.connection import Connection, Target

_IDLE_SECONDS = 60.0
_ADDRESS_SECONDS = 300.0


class Connections:
    """The connections of one event loop, those that are free included."""

    def __init__(self) -> None:
        self._free: defaultdict[tuple[str, int, bool], list[Connection]] = defaultdict(list)
        self._addresses: dict[tuple[str, int], tuple[float, asyncio.Task[list[Any]]]] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    def free(self, target: Target) -> Connection | None:
        """One that is free, if there is one."""
        free = self._free.get((target.host, target.port, target.secure))
        while free:
            connection = free.pop()
            if connection.is_free:
                return connection
        return None

    def give(self, target: Target, connection: Connection) -> None:
        """Takes one back: for the next request if it can take one, and else to close it."""
        if not connection.is_free:
            connection.close()
            return
        connection.idle_since = time.monotonic()
        self._free[target.host, target.port, target.secure].append(connection)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._sweep)

    def close(self) -> None:
        """Closes those that are free."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connections in self._free.values():
            for connection in connections:
                connection.close()
        self._free.clear()

    def _sweep(self) -> None:
        """Closes those that nobody has used for a while."""
        oldest = time.monotonic() - _IDLE_SECONDS
        for free in self._free.values():
            for connection in free:
                if connection.idle_since <= oldest:
                    connection.close()
            free[:] = [connection for connection in free if connection.idle_since > oldest]
        left = any(self._free.values())
        self._sweeper = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._sweep) if left else None

    async def connect(self, target: Target) -> Connection:
        """A new one; where a name has several addresses, to the first that answers.

        Raises:
            OSError: There is no way there; `ssl.SSLCertVerificationError`: its certificate can't be verified.
        """
        import aiohappyeyeballs

        loop = asyncio.get_running_loop()
        key = target.host, target.port
        expires, found = self._addresses.get(key, (0.0, None))
        if found is None or expires < time.monotonic():
            found = loop.create_task(self._look_up(*key))
            self._addresses[key] = time.monotonic() + _ADDRESS_SECONDS, found
        addresses = await asyncio.shield(found)  # many wait for one
        taken = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=0.25)
        _, connection = await loop.create_connection(
            Connection,
            sock=taken,
            ssl=_tls() if target.secure else None,
            server_hostname=target.host if target.secure else None,
        )
        return connection

    async def _look_up(self, host: str, port: int) -> list[Any]:
        try:
            return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except BaseException:
            del self._addresses[host, port]  # to be asked again
            raise


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def warm() -> None:
    """Begins to load what a first connection over TLS needs, in a thread: the certificates take 20 ms."""
    if not _tls.cache_info().currsize:
        threading.Thread(target=_load, name="rlm warm", daemon=True).start()


def _load() -> None:
    import aiohappyeyeballs  # noqa: F401

    _tls()
