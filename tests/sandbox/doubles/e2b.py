"""E2B on loopback: its REST API, and the server in each of its machines (files, and processes over Connect RPC).

What is modelled: API keys and access tokens, creation with metadata, time to live and network rules, listing by
metadata, extension, removal; processes with ordered input, signals and streamed output, which live on when their
stream is dropped. What is not: that rules on the network hold, and limits on a machine.
"""

import asyncio
import base64
import datetime
import json
import os
import signal
import struct
import time

from aiohttp import web

from .place import Double, exit_code, read_chunks

KEY = "e2b_0123456789abcdef0123456789abcdef01234567"
_ENVD = "0.6.4"
_SIGNALS = {"SIGNAL_SIGKILL": signal.SIGKILL, "SIGNAL_SIGTERM": signal.SIGTERM}
_MAX_INPUT = 4 << 20  # bytes of one message to a process, as a proxy in front may have it


class E2B(Double):
    """The service; point the SDK at it with `variables()`."""

    def variables(self):
        return {"E2B_API_KEY": KEY, "E2B_API_URL": self.url, "E2B_SANDBOX_URL": self.url}

    def routes(self):
        return [
            web.post("/v2/sandboxes", self._create),
            web.get("/v2/sandboxes", self._list),
            web.delete("/sandboxes/{name}", self._delete),
            web.post("/sandboxes/{name}/timeout", self._set_timeout),
            web.get("/health", self._health),
            web.get("/files", self._read),
            web.post("/files", self._write),
            web.post("/process.Process/Start", self._start),
            web.post("/process.Process/SendInput", self._send_input),
            web.post("/process.Process/SendSignal", self._send_signal),
        ]

    async def _create(self, request):
        if (refusal := _check_key(request)) is not None:
            return refusal
        if self.fails:
            status = self.fails.pop(0)
            return web.json_response({"code": status, "message": "no machine is free"}, status=status)
        body = await request.json()
        name = self.new_name("sbx")
        place = self.add(name, body)
        place.env.update(body.get("envVars") or {})
        place.token = f"token-of-{name}"
        place.ends = time.time() + body.get("timeout", 300)
        return web.json_response({**_named(place), "envdAccessToken": place.token}, status=201)

    async def _list(self, request):
        if (refusal := _check_key(request)) is not None:
            return refusal
        wanted = dict(pair.split("=") for pair in request.query.get("metadata", "").split("&") if pair)
        found = [place for place in self.places.values() if wanted.items() <= place.created["metadata"].items()]
        now = datetime.datetime.now(datetime.UTC).isoformat()
        listed = [
            {
                **_named(place),
                "startedAt": now,
                "endAt": now,
                "cpuCount": 2,
                "memoryMB": 512,
                "diskSizeMB": 1024,
                "state": "running",
                "metadata": place.created["metadata"],
            }
            for place in found
        ]
        return web.json_response(listed)

    async def _delete(self, request):
        name = request.match_info["name"]
        if (refusal := _check_key(request)) is not None:
            return refusal
        if name not in self.places:
            return web.json_response({"code": 404, "message": "not found"}, status=404)
        await self.drop(name)
        return web.Response(status=204)

    async def _set_timeout(self, request):
        place = self.places.get(request.match_info["name"])
        if place is None:
            return web.json_response({"code": 404, "message": "not found"}, status=404)
        place.ends = time.time() + (await request.json())["timeout"]
        return web.Response(status=204)

    def _place(self, request):
        """The machine that a request is for, and the refusal where there is none or it has no right to it."""
        place = self.places.get(request.headers["E2b-Sandbox-Id"])
        if place is None:
            gone = {"sandboxId": request.headers["E2b-Sandbox-Id"], "message": "The sandbox was not found", "code": 502}
            raise web.HTTPBadGateway(text=json.dumps(gone), content_type="application/json")
        if request.headers.get("X-Access-Token") != place.token:
            raise web.HTTPUnauthorized(text=json.dumps({"code": "unauthenticated", "message": "no access"}))
        return place

    async def _health(self, request):
        self._place(request)
        return web.Response(status=204)

    async def _read(self, request):
        path = self._place(request).path(request.query["path"])
        if not path.is_file():
            return web.json_response({"code": 404, "message": f"{path.name} is not there"}, status=404)
        return web.Response(body=path.read_bytes())

    async def _write(self, request):
        place, written = self._place(request), []
        if request.content_type == "application/octet-stream":
            written.append(_put(place, request.query["path"], await request.read()))
        else:
            async for part in await request.multipart():
                written.append(_put(place, request.query.get("path") or part.filename, await part.read()))
        return web.json_response([{"name": path.name, "path": str(path), "type": "file"} for path in written])

    async def _start(self, request):
        place = self._place(request)
        asked = _message(await request.read())
        config = asked["process"]
        assert request.content_type == "application/connect+json"
        process = await place.start(
            [config["cmd"], *config.get("args", ())], config.get("cwd"), config.get("envs"), asked.get("stdin", True)
        )
        response = web.StreamResponse(headers={"Content-Type": "application/connect+json"})
        await response.prepare(request)
        await response.write(_envelope({"event": {"start": {"pid": process.pid}}}))
        lock = asyncio.Lock()

        async def forward(stream, name):
            async for chunk in read_chunks(stream):
                async with lock:
                    data = {name: base64.b64encode(chunk).decode()}
                    await response.write(_envelope({"event": {"data": data}}))

        await asyncio.gather(forward(process.stdout, "stdout"), forward(process.stderr, "stderr"))
        await process.wait()
        code = exit_code(process)
        end = {"exited": process.returncode >= 0, "status": f"exit status {code}", "exitCode": code}
        await response.write(_envelope({"event": {"end": end}}))
        await response.write(_envelope({}, end=True))
        return response

    async def _send_input(self, request):
        place, asked = self._place(request), await request.json()
        process = _process(place, asked)
        data = base64.b64decode(asked["input"]["stdin"])
        if len(data) > _MAX_INPUT:
            raise web.HTTPRequestEntityTooLarge(_MAX_INPUT, len(data))
        process.stdin.write(data)
        await process.stdin.drain()
        return web.json_response({})

    async def _send_signal(self, request):
        place, asked = self._place(request), await request.json()
        os.kill(_process(place, asked).pid, _SIGNALS[asked["signal"]])
        return web.json_response({})


def _check_key(request):
    if request.headers.get("X-API-KEY") != KEY:
        return web.json_response({"code": 401, "message": "Invalid API key"}, status=401)
    return None


def _named(place):
    return {"sandboxID": place.name, "templateID": place.created["templateID"], "clientID": "c", "envdVersion": _ENVD}


def _put(place, path, data):
    to = place.path(path)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(data)
    return to


def _process(place, asked):
    process = place.processes.get(asked["process"]["pid"])
    if process is None or process.returncode is not None:
        raise web.HTTPNotFound(text=json.dumps({"code": "not_found", "message": "no such process"}))
    return process


def _message(data):
    """The message in the one envelope of a streaming request: a byte of flags, four of length, JSON."""
    flags, size = struct.unpack(">BI", data[:5])
    assert (flags, size) == (0, len(data) - 5)
    return json.loads(data[5:])


def _envelope(message, end=False):
    data = json.dumps(message).encode()
    return struct.pack(">BI", 2 if end else 0, len(data)) + data
