"""What every double has in place of a vendor's machines: a temporary folder, and real processes that run in it."""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

from aiohttp import web

_CHUNK = 1 << 16


class Place:
    """One sandbox of a vendor's: its files below a temporary folder, its processes each in a session of its own.

    Attributes:
        home: The folder that stands for the sandbox's home, and is where its programs start.
        created: What it was asked for with, as its vendor's API received it.
        processes: Those that were started, by the number that the vendor's API gives them.
    """

    def __init__(self, name, created):
        self.name = name
        self.created = created
        self.home = Path(tempfile.mkdtemp(prefix="rlm-double-"))
        self.home.chmod(0o755)
        programs = self.home / ".bin"
        programs.mkdir()
        (programs / "python3").symlink_to(sys.executable)
        self.env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(self.home), "PIP_NO_INDEX": "1"}
        self.processes = {}
        self._ended = False

    async def start(self, argv, cwd=None, env=None, stdin=True, stderr=asyncio.subprocess.PIPE):
        """Starts a program as the vendor would: in its home, with the sandbox's environment and nothing of ours."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=self.home / (cwd or ""),
            env={**self.env, **(env or {})},
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        self.processes[process.pid] = process
        if self._ended:
            await self.destroy()
        return process

    def path(self, path):
        """A path of the sandbox's as it lies here: relative ones are below its home."""
        return self.home / path

    def running(self):
        return [process for process in self.processes.values() if process.returncode is None]

    async def destroy(self):
        """Ends its processes and drops its files, as the vendor does when it is removed or its time is up."""
        self._ended = True
        for process in self.running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in list(self.processes.values()):
            process._transport.close()  # up to Python 3.12.4 `wait` waits for output that nobody reads any more
            await process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


class Double:
    """An HTTP server on loopback, in a thread of its own, for as long as its `with` block.

    Attributes:
        url: Where it is.
        places: The sandboxes that are there, by the vendor's name for each.
        gone: Those that were.
        requests: What was asked, as `METHOD path`.
        fails: Statuses that the next creations are answered with, in order.
    """

    def __init__(self):
        self.places = {}
        self.gone = []
        self.requests = []
        self.fails = []
        self._numbers = itertools.count(1)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def routes(self):
        """The routes of the vendor's API."""
        raise NotImplementedError

    def add(self, name, created):
        place = self.places[name] = Place(name, created)
        return place

    def new_name(self, prefix):
        return f"{prefix}{next(self._numbers)}"

    async def drop(self, name):
        place = self.places.pop(name)
        self.gone.append(place)
        await place.destroy()

    def expire(self, name):
        """Lets a sandbox reach its deadline on the server, as it would long after the host is gone."""
        asyncio.run_coroutine_threadsafe(self.drop(name), self._loop).result(10)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _serve(self):
        asyncio.run(self._run())

    async def _run(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(middlewares=[self._note], client_max_size=1 << 30)
        app.add_routes(self.routes())
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stop.wait()
        for name in list(self.places):
            await self.drop(name)
        await runner.cleanup()

    @web.middleware
    async def _note(self, request, handler):
        self.requests.append(f"{request.method} {request.path}")
        return await handler(request)


async def read_chunks(stream):
    """What a process prints, as it comes."""
    while chunk := await stream.read(_CHUNK):
        yield chunk


def exit_code(process):
    """As a shell tells it: 128 and the signal's number where a signal ended it."""
    code = process.returncode
    return 128 - code if code < 0 else code
