"""Daytona on loopback: its REST API, and the toolbox in each of its sandboxes (files, commands, terminals).

What is modelled: API keys, creation with labels, network rules, intervals and resources, activity, removal; files;
commands; terminals (real ones, with a shell in them) over a websocket that tells of the connection and the exit; they
live on when it is dropped. What is not: that rules on the network hold, limits, and the stream of events.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import termios

import aiohttp
from aiohttp import web

from .place import Double, exit_code

KEY = "dtn_0123456789abcdef"
_CHUNK = 1 << 16


class Daytona(Double):
    """The service; point the SDK at it with `variables()`."""

    def variables(self):
        return {"DAYTONA_API_KEY": KEY, "DAYTONA_API_URL": f"{self.url}/api"}

    def routes(self):
        box = "/toolbox/{name}"
        return [
            web.post("/api/sandbox", self._create),
            web.get("/api/sandbox/{name}", self._get),
            web.delete("/api/sandbox/{name}", self._delete),
            web.post("/api/sandbox/{name}/last-activity", self._activity),
            web.post(box + "/process/execute", self._execute),
            web.post(box + "/files/bulk-upload", self._upload),
            web.get(box + "/files/download", self._download),
            web.post(box + "/files/bulk-download", self._bulk_download),
            web.get(box + "/process/pty/create-connect", self._terminal),
            web.delete(box + "/process/pty/{id}", self._end_terminal),
        ]

    def _place(self, request):
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            raise web.HTTPUnauthorized(text='{"message": "Invalid credentials"}', content_type="application/json")
        if (name := request.match_info.get("name")) is None:
            return None
        if name not in self.places:
            raise web.HTTPNotFound(
                text=json.dumps({"message": f"Sandbox {name} not found"}), content_type="application/json"
            )
        return self.places[name]

    async def _create(self, request):
        self._place(request)
        if self.fails:
            return web.json_response({"message": "No available runners"}, status=self.fails.pop(0))
        place = self.add(self.new_name("sandbox-"), await request.json())
        place.env.update(place.created.get("env") or {})
        place.terminals = {}
        return web.json_response(self._shown(place))

    def _shown(self, place):
        asked = place.created
        return {
            "id": place.name,
            "organizationId": "o",
            "name": place.name,
            "user": "daytona",
            "env": {},
            "labels": asked.get("labels", {}),
            "public": False,
            "networkBlockAll": asked.get("networkBlockAll", False),
            "kvm": False,
            "target": "us",
            "cpu": 1,
            "gpu": 0,
            "memory": 1,
            "disk": 3,
            "state": "started",
            "toolboxProxyUrl": f"{self.url}/toolbox",
        }

    async def _get(self, request):
        return web.json_response(self._shown(self._place(request)))

    async def _delete(self, request):
        place = self._place(request)
        shown = {**self._shown(place), "state": "destroyed"}
        await self.drop(place.name)
        return web.json_response(shown)

    async def _activity(self, request):
        self._place(request)
        return web.Response(status=201)

    async def _execute(self, request):
        place, asked = self._place(request), await request.json()
        process = await place.start(["bash", "-c", asked["command"]], stdin=False, stderr=asyncio.subprocess.STDOUT)
        printed, _ = await process.communicate()
        return web.json_response({"exitCode": exit_code(process), "result": printed.decode("utf-8", "replace")})

    async def _upload(self, request):
        place, path = self._place(request), None
        async for part in await request.multipart():
            if part.name.endswith(".path"):
                path = place.path(await part.text())
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(await part.read())
        return web.Response()

    async def _download(self, request):
        path = self._place(request).path(request.query["path"])
        if not path.is_file():
            return web.json_response({"message": "file not found"}, status=404)
        return web.Response(body=path.read_bytes())

    async def _bulk_download(self, request):
        place, asked = self._place(request), await request.json()
        with aiohttp.MultipartWriter("form-data") as writer:
            for path in asked["paths"]:
                part = writer.append(place.path(path).read_bytes())
                part.headers["Content-Disposition"] = f'form-data; name="file"; filename="{path}"'
        return web.Response(body=writer, content_type="multipart/form-data; boundary=" + writer.boundary)

    async def _terminal(self, request):
        place = self._place(request)
        asked = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        socket = web.WebSocketResponse(protocols=[one.strip() for one in asked][:1], max_msg_size=32 << 20)
        await socket.prepare(request)
        ours, theirs = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *("bash", "--noprofile", "--norc", "-i"),
            cwd=place.home,
            env={**place.env, "TERM": "xterm", "PS1": "box$ "},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=_lead,
        )
        os.close(theirs)
        os.set_blocking(ours, False)
        place.processes[process.pid] = place.terminals[request.query["id"]] = process
        await socket.send_str(json.dumps({"type": "control", "status": "connected"}))
        printing = asyncio.create_task(_print(ours, socket))
        feeding = asyncio.create_task(_feed(ours, socket))
        try:
            await process.wait()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(printing, 1)
            ending = json.dumps({"exitCode": exit_code(process)})
            await socket.close(code=aiohttp.WSCloseCode.OK, message=ending.encode())
        finally:
            for task in (printing, feeding):
                task.cancel()
            await asyncio.gather(printing, feeding, return_exceptions=True)
            os.close(ours)
        return socket

    async def _end_terminal(self, request):
        process = self._place(request).terminals.pop(request.match_info["id"], None)
        if process is None:
            return web.json_response({"message": "PTY session not found"}, status=404)
        if process.returncode is None:
            process.kill()
        return web.json_response({"message": "deleted"})


def _lead():
    """In the shell's process: it leads a session, and the terminal is that session's."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


async def _print(fd, socket):
    """Sends what appears on the terminal, until there is none."""
    while True:
        await _until(asyncio.get_running_loop().add_reader, asyncio.get_running_loop().remove_reader, fd)
        try:
            data = os.read(fd, _CHUNK)
        except OSError:  # the last process is gone
            return
        await socket.send_bytes(data)


async def _feed(fd, socket):
    """Types what comes."""
    async for message in socket:
        view = memoryview(message.data)
        while view:
            try:
                view = view[os.write(fd, view) :]
            except BlockingIOError:
                await _until(asyncio.get_running_loop().add_writer, asyncio.get_running_loop().remove_writer, fd)


async def _until(add, remove, fd):
    """Waits until a descriptor can be read, or written."""
    can = asyncio.get_running_loop().create_future()
    add(fd, lambda: can.done() or can.set_result(None))
    try:
        await can
    finally:
        remove(fd)
