"""One cell while it runs in a worker: the calls that it makes, and its clock. Of its worker, nothing is trusted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection

from rlm.errors import RlmError
from rlm.sandbox import exchange, protocol
from rlm.sandbox.clock import Alarm, CellClock
from rlm.sandbox.launchers.base import Worker
from rlm.types import JSON

OnCall = Callable[[str, dict[str, JSON]], Awaitable[JSON]]

_GRACE = 2.0  # seconds to stop by itself, after an interrupt
_POLL = 0.25  # seconds between looks at a running cell's CPU time


class CellRun:
    """One cell while it runs.

    Args:
        worker: Where it runs.
        frames: What that sends.
        number: Which of the session's cells it is, from 1.
        offered: The names of the calls that it may make, and `(protocol.TOOL, name)` for each tool.
        on_call: Answers a call; an `RlmError` that it raises reaches the cell.
        clock: What it may take.
        alarm: The session's.

    Attributes:
        bug: What a call raised that no cell may see; the worker is killed then.
        killed: Why the worker was killed; None if it was not.
        interrupted: Whether the cell was.
    """

    def __init__(
        self,
        worker: Worker,
        frames: exchange.Frames,
        number: int,
        offered: Collection[str | tuple[str, str]],
        on_call: OnCall,
        clock: CellClock,
        alarm: Alarm,
    ) -> None:
        self.bug: BaseException | None = None
        self.killed: str | None = None
        self.interrupted = False
        self._worker = worker
        self._frames = frames
        self._number = number
        self._offered = offered
        self._on_call = on_call
        self._clock = clock
        self._alarm = alarm
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._bytes = 0
        self._stop: asyncio.Task[None] | None = None

    async def done(self, code: str) -> protocol.Message:
        """Runs it; the worker's `done`.

        Raises:
            OSError, EOFError, protocol.FrameError: The worker is lost.
        """
        self._worker.writer.write(protocol.encode({"type": "run", "id": self._number, "code": code}))
        self._wait()
        while True:
            message = await self._frames.next(exchange.REST)
            if message["type"] == "call":
                self._begin_call(message)
            elif message["type"] == "done" and message["id"] == self._number:
                return message
            else:
                raise protocol.FrameError(f"`{message['type']}` {message.get('id')} is not due")

    async def end(self) -> None:
        """Cancels what is still under way and waits for it."""
        self.cancel()
        if tasks := self._tasks():
            await asyncio.gather(*tasks, return_exceptions=True)

    def cancel(self) -> None:
        """Cancels what is still under way."""
        self._alarm.clear()
        for task in self._tasks():
            if not task.cancelling():  # a second time would reach the clean-up that the first one started
                task.cancel()

    async def has_stopped(self) -> bool:
        """Interrupts the cell, whose end nobody waits for; whether it has ended by itself, and its worker goes on."""
        again = asyncio.create_task(self._interrupt_again())
        try:
            async with asyncio.timeout(_GRACE):
                while (message := await self._frames.next(exchange.REST))["type"] == "call":
                    pass  # it will get no answer
        except exchange.LOST:
            return False
        finally:
            again.cancel()
        return bool(message["type"] == "done" and message["id"] == self._number)

    async def _interrupt_again(self) -> None:
        """A cell is interrupted once at most, and one that has not begun yet not at all."""
        while True:
            self._interrupt()
            await asyncio.sleep(_POLL)

    def _interrupt(self) -> None:
        with contextlib.suppress(OSError):
            self._worker.writer.write(protocol.encode({"type": "interrupt"}))
        self._worker.interrupt()

    def _begin_call(self, message: protocol.Message) -> None:
        number, size = message["id"], message["size"]
        if number in self._calls:
            raise protocol.FrameError(f"call {number} is open already")
        name = message["name"]
        if ((name, message["args"]["name"]) if name == protocol.TOOL else name) not in self._offered:
            raise protocol.FrameError("a call that was not offered")
        if self._worker.writer.transport.get_write_buffer_size() > protocol.MAX_OPEN_BYTES:
            raise protocol.FrameError("it does not read what it asks for")
        if len(self._calls) >= protocol.MAX_OPEN_CALLS or self._bytes + size > protocol.MAX_OPEN_BYTES:
            raise protocol.FrameError("too many calls are open")
        self._bytes += size
        self._clock.opened()
        self._calls[number] = asyncio.create_task(self._serve(number, size, name, message["args"]))

    async def _serve(self, number: int, size: int, name: str, args: dict[str, JSON]) -> None:
        try:
            frame = exchange.reply({"type": "return", "id": number, "value": await self._on_call(name, args)})
        except RlmError as error:
            frame = exchange.reply({"type": "raise", "id": number, "error": exchange.sent_error(error)})
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a bug of ours: it leaves `run`, and the cell ends here
            self.bug = error
            self._worker.kill()
            return
        finally:
            del self._calls[number]
            self._bytes -= size
            self._clock.closed()
        if not self._worker.writer.is_closing():  # each write to a lost stream would be a line in the log
            with contextlib.suppress(OSError):  # the reader sees it too, and knows what to do
                self._worker.writer.write(frame)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [*self._calls.values(), *([self._stop] if self._stop is not None else [])]

    def _keep_time(self) -> None:
        """Looks at the clock now and then: a task that sleeps would cost each cell two more turns of the loop."""
        if (why := self._clock.over()) is not None:
            self._stop = asyncio.create_task(self._stopped(why))
            return
        self._wait()

    def _wait(self) -> None:
        # CPU time tells nobody that it passes.
        self._alarm.set(max(0.001, min(_POLL, self._clock.left())), self._keep_time)

    async def _stopped(self, why: str) -> None:
        """Interrupts the cell, and kills a worker that does not stop then."""
        self.interrupted = True
        self._interrupt()
        for task in list(self._calls.values()):
            task.cancel()
        await asyncio.sleep(_GRACE)
        self.killed = f"{why} and did not stop when it was interrupted"
        self._worker.kill()
