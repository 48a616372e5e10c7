"""A worker on a vendor's machine: whatever stream its SDK has, turned into the two-way byte stream of a session.

Where an SDK carries text only, the worker writes its frames as lines of base64 (`text`), a third more bytes. Bytes that
nobody reads wait in the vendor's stream, not here: `feed` returns only once they are taken.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
import shlex
import socket
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager

from rlm.errors import SandboxError
from rlm.sandbox import vendor
from rlm.sandbox.exits import in_words

# Says which process a worker is, and that it begins: in `sh`, in front of `exec`. A terminal that shows the command
# itself does not say so by that.
ANNOUNCES = "printf 'rlm-%s-%s\\n' begins $$"
ANNOUNCED = ("sh", "-c", f'{ANNOUNCES}; exec "$@"', "sh")  # and a program's arguments
_BEGUN = re.compile(rb"rlm-begins-(\d{1,10})\r?\n")
_CHUNK = 1 << 18  # bytes sent at a time: some vendors cap a message at 1 MiB, base64 in JSON included
_READ_AHEAD = 1 << 20
_LINE = 1 << 17  # bytes of a line: twice what the worker writes
_COMPLAINT = 300  # characters
_KILL = 10.0  # seconds for the vendor to say that a worker is ended; its machine is removed at the end anyway
_OWN_END = 0.2  # seconds for the vendor to tell how a killed worker ended
_START = 60.0  # seconds for a program to say which process it is


def in_terminal(argv: Sequence[str], pipe: str) -> str:
    """The line that a shell in a terminal starts a worker by, announced, with the terminal as its stream.

    A worker's own process group may not read a terminal, so something beside it does, into `pipe`, which is made.
    """
    program = f"mkfifo {pipe}; cat </dev/tty >{pipe} & exec {shlex.join(argv)} <{pipe} 2>/dev/null"
    return f" stty raw -echo; {ANNOUNCES}; exec sh -c {shlex.quote(program)}\n"


@contextlib.asynccontextmanager
async def starting(*, text: bool = False, announced: bool = False) -> AsyncIterator[FarWorker]:
    """A worker whose program is started in the block; given up where that fails.

    Args:
        text: Its program writes lines of base64.
        announced: It is started with `ANNOUNCES`, which is told from what comes before.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    worker = FarWorker(*await asyncio.open_connection(sock=ours, limit=_READ_AHEAD), theirs, text, announced)
    try:
        yield worker
    except BaseException:
        worker.kill()
        await worker.until.aclose()
        raise


class FarWorker:
    """A process on another machine: a `Worker`. Made by `starting`, started by its launcher, then `attach`ed to it.

    Attributes:
        until: What has to be closed once it has ended, or could not be started.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        theirs: socket.socket,
        text: bool,
        announced: bool,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.until = contextlib.AsyncExitStack()
        self._theirs = theirs
        self._text = text
        self._line = b""
        self._complaint = ""
        self._announces = announced
        self._number: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._kill: Callable[[], Awaitable[object]]
        self._told: Callable[[], AbstractContextManager[None]]
        self._running: asyncio.Task[str] | None = None
        self._killing: asyncio.Task[None] | None = None

    def attach(
        self,
        send: Callable[[bytes], Awaitable[object]],
        ended: Callable[[], Awaitable[str]],
        kill: Callable[[], Awaitable[object]],
        told: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Joins it to its program, which runs.

        Args:
            send: Writes bytes to its standard input, in order.
            ended: Returns how it ended, in words, once it has; meanwhile what it prints is fed.
            kill: Ends it for real.
            told: Turns what the vendor's SDK raises in these into `SandboxError`.
        """
        self._kill = kill
        self._told = told
        self._running = asyncio.create_task(self._run(send, ended))

    async def feed(self, data: bytes | str) -> None:
        """Takes what the program printed.

        Raises:
            SandboxError: It is not what a worker writes.
        """
        if isinstance(data, str):
            data = data.encode("ascii", "replace")
        if self._announces and not self._number.done():
            data = self._announcement(data)
            if not self._number.done():
                return
        if self._text:
            data = self._decoded(data)
        if data:
            with contextlib.suppress(OSError):  # it was killed meanwhile
                await asyncio.get_running_loop().sock_sendall(self._theirs, data)

    async def read(self, printed: AsyncIterable[bytes], exit_code: Callable[[], Awaitable[int]]) -> str:
        """Feeds what the program prints until it ends: an `ended` for `attach`."""
        async for data in printed:
            await self.feed(data)
        return vendor.ending(await exit_code())

    def complain(self, text: str) -> None:
        """Takes what the program said on standard error, of which a little is told with how it ended."""
        self._complaint = (self._complaint + text)[:_COMPLAINT]

    async def number(self) -> int:
        """The number of its process, once it has announced it.

        Raises:
            SandboxError: It did not.
        """
        try:
            async with asyncio.timeout(_START):
                return await asyncio.shield(self._number)
        except TimeoutError:
            raise SandboxError("the worker's program did not start in time") from None

    def interrupt(self) -> None:
        """Nothing: the `interrupt` frame goes out, and the worker interrupts itself."""

    def kill(self) -> None:
        self.writer.transport.abort()
        if self._running is None:
            self._theirs.close()
        elif self._killing is None:
            self._killing = asyncio.create_task(self._end(self._running))

    async def wait(self) -> str:
        if self._running is None:
            return "it was never started"
        await asyncio.wait([self._running])
        return "it was killed" if self._running.cancelled() else self._running.result()

    def printed(self) -> tuple[str, int]:
        return "", 0

    def cpu_seconds(self) -> float | None:
        return None

    async def _run(self, send: Callable[[bytes], Awaitable[object]], ended: Callable[[], Awaitable[str]]) -> str:
        sending = asyncio.create_task(self._send(send))
        ending = asyncio.create_task(self._end_of(ended))
        try:
            done, _ = await asyncio.wait({sending, ending}, return_when=asyncio.FIRST_COMPLETED)
            if sending in done and sending.exception() is None:  # our end was closed: whoever did that kills it too
                done, _ = await asyncio.wait({ending})
            how = next(iter(done)).result() or ""
            said = " ".join(self._complaint.split())
            return f"{how}: {said}" if said and how != in_words(0) else how
        except SandboxError as error:
            return f"its stream broke: {error}"
        finally:
            for task in (sending, ending):
                task.cancel()
            await asyncio.gather(sending, ending, return_exceptions=True)
            self._theirs.close()
            if not self._number.done():
                self._number.set_exception(SandboxError("the worker's program ended as it started"))
                self._number.exception()

    async def _send(self, send: Callable[[bytes], Awaitable[object]]) -> str:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(self._theirs, _CHUNK):
                with self._told():
                    await send(data)
        return ""

    async def _end_of(self, ended: Callable[[], Awaitable[str]]) -> str:
        async with self.until:
            with self._told():
                return await ended()

    async def _end(self, running: asyncio.Task[str]) -> None:
        with contextlib.suppress(SandboxError, TimeoutError):
            async with asyncio.timeout(_KILL):
                with self._told():
                    await self._kill()
        await asyncio.wait([running], timeout=_OWN_END)
        running.cancel()

    def _announcement(self, data: bytes) -> bytes:
        """What comes after the program's announcement; before it is what a shell may say."""
        self._line += data
        found = _BEGUN.search(self._line)
        if found is None:
            if len(self._line) > _LINE:
                raise SandboxError("the worker's program did not start as it should")
            return b""
        rest, self._line = self._line[found.end() :], b""
        self._number.set_result(int(found.group(1)))
        return rest

    def _decoded(self, data: bytes) -> bytes:
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > _LINE:
            raise SandboxError("the worker broke its stream: a line without an end")
        try:
            return b"".join([base64.b64decode(line, validate=True) for line in lines])
        except binascii.Error:
            raise SandboxError("the worker broke its stream: a line that is not base64") from None
