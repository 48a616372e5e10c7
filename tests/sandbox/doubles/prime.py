"""Prime Sandboxes on loopback: the REST API, and the gateway to each machine (files, and commands over Connect RPC).

What is modelled: API keys and a gateway's tokens, creation with labels, deadlines, resources and egress lists, their
change, states from pending to running, removal; uploads; commands with input, signals and streamed output, which live
on when their stream is dropped, and whose input has no end. What is not: that egress lists hold, limits, and attaching
again.
"""

import asyncio
import datetime
import json
import os
import struct
import tempfile

from aiohttp import web
from prime_sandboxes._proto.command_session import command_session_pb2 as session

from .place import Double, exit_code, read_chunks

KEY = "pit_0123456789abcdef"
_BOX = "/gate/ns/{name}"
_RPC = _BOX + "/command_session.CommandSession/"


class Prime(Double):
    """The service; point the SDK at it with `variables()`. The SDK keeps tokens below HOME."""

    def __init__(self):
        super().__init__()
        self.applies = True  # egress lists that were changed
        self._home = tempfile.TemporaryDirectory(prefix="rlm-prime-")

    def variables(self):
        return {"PRIME_API_KEY": KEY, "PRIME_API_BASE_URL": self.url, "HOME": self._home.name}

    def __exit__(self, *raised):
        super().__exit__(*raised)
        self._home.cleanup()

    def routes(self):
        return [
            web.post("/api/v1/sandbox", self._create),
            web.post("/api/v1/sandbox/status:batchGet", self._statuses),
            web.get("/api/v1/sandbox/{name}", self._get),
            web.get("/api/v1/sandbox/{name}/error-context", self._context),
            web.delete("/api/v1/sandbox/{name}", self._delete),
            web.post("/api/v1/sandbox/{name}/auth", self._auth),
            web.get("/api/v1/sandbox/{name}/egress-policy", self._egress),
            web.put("/api/v1/sandbox/{name}/egress-policy", self._set_egress),
            web.post(_BOX + "/upload", self._upload),
            web.post(_RPC + "Start", self._start),
            web.post(_RPC + "SendInput", self._send_input),
            web.post(_RPC + "SendSignal", self._send_signal),
        ]

    def _check(self, request):
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            raise web.HTTPUnauthorized(text='{"detail": "Invalid API key"}', content_type="application/json")

    def _place(self, request):
        self._check(request)
        if request.match_info["name"] not in self.places:
            raise web.HTTPNotFound(text='{"detail": "Sandbox not found"}', content_type="application/json")
        return self.places[request.match_info["name"]]

    async def _create(self, request):
        self._check(request)
        if self.fails:
            return web.json_response({"detail": "no capacity"}, status=self.fails.pop(0))
        place = self.add(self.new_name("sb"), await request.json())
        place.seen, place.sessions, place.policies, place.looks = 0, {}, [], 0
        return web.json_response(self._shown(place))

    def _shown(self, place):
        asked, now = place.created, datetime.datetime.now(datetime.UTC).isoformat()
        return {
            "id": place.name,
            "name": asked["name"],
            "dockerImage": asked["docker_image"],
            "cpuCores": asked["cpu_cores"],
            "memoryGB": asked["memory_gb"],
            "diskSizeGB": asked["disk_size_gb"],
            "diskMountPath": "/",
            "gpuCount": 0,
            "vm": True,
            "status": "RUNNING" if place.seen else "PENDING",
            "timeoutMinutes": asked["timeout_minutes"],
            "labels": asked["labels"],
            "createdAt": now,
            "updatedAt": now,
        }

    async def _get(self, request):
        return web.json_response(self._shown(self._place(request)))

    async def _statuses(self, request):
        self._check(request)
        asked = await request.json()
        names = asked.get("sandbox_ids") or asked.get("sandboxIds")
        found = []
        for place in [self.places[name] for name in names if name in self.places]:
            found.append({"sandbox_id": place.name, "status": self._shown(place)["status"]})
            place.seen += 1
        lost = [{"sandbox_id": name, "code": "NOT_FOUND", "message": "?"} for name in names if name not in self.places]
        return web.json_response({"statuses": found, "errors": lost})

    async def _context(self, request):
        self._place(request)
        return web.json_response({"status": "RUNNING"})

    async def _delete(self, request):
        await self.drop(self._place(request).name)
        return web.json_response({})

    async def _auth(self, request):
        place = self._place(request)
        expires = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat()
        gate = {"gateway_url": f"{self.url}/gate", "user_ns": "ns", "job_id": place.name, "token": f"t-{place.name}"}
        return web.json_response({**gate, "expires_at": expires, "is_vm": True})

    async def _set_egress(self, request):
        place, asked = self._place(request), await request.json()
        if (asked["allowlist"] is None) == (asked["denylist"] is None):
            raise web.HTTPUnprocessableEntity(text='{"detail": "one list"}', content_type="application/json")
        place.policies.append((asked, len(place.processes)))
        return await self._egress(request)

    async def _egress(self, request):
        """Applied on the second look, and only as often as asked for."""
        place = self._place(request)
        generation, place.looks = len(place.policies), place.looks + 1
        applied = place.looks > 1 and self.applies
        shown = {"policy": place.policies[-1][0], "generation": generation, "applied": applied}
        return web.json_response({**shown, "applied_generation": generation if applied else generation - 1})

    def _machine(self, request):
        """The machine behind the gateway."""
        name = request.match_info["name"]
        if request.headers.get("Authorization") != f"Bearer t-{name}":
            raise _refused(web.HTTPUnauthorized, "unauthenticated", "bad token")
        if name not in self.places:
            raise _refused(web.HTTPNotFound, "not_found", "sandbox not found")
        return self.places[name]

    async def _upload(self, request):
        place = self._machine(request)
        async for part in await request.multipart():
            path = place.path(request.query["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(await part.read())
        size = path.stat().st_size
        now = datetime.datetime.now(datetime.UTC).isoformat()
        return web.json_response({"success": True, "path": str(path), "size": size, "timestamp": now})

    async def _start(self, request):
        place, asked = self._machine(request), session.StartRequest()
        data = await request.read()
        assert request.content_type == "application/connect+proto"
        asked.ParseFromString(data[5:])
        command = asked.command
        process = await place.start([command.cmd, *command.args], command.cwd, dict(command.envs), asked.stdin)
        place.sessions[asked.session_uuid or str(process.pid)] = process
        response = web.StreamResponse(headers={"Content-Type": "application/connect+proto"})
        await response.prepare(request)
        await response.write(_event(start=session.CommandSessionEvent.StartEvent(pid=process.pid)))
        lock = asyncio.Lock()

        async def forward(stream, name):
            async for chunk in read_chunks(stream):
                async with lock:
                    await response.write(_event(data=session.CommandSessionEvent.DataEvent(**{name: chunk})))

        await asyncio.gather(forward(process.stdout, "stdout"), forward(process.stderr, "stderr"))
        await process.wait()
        end = session.CommandSessionEvent.EndEvent(exit_code=exit_code(process), exited=process.returncode >= 0)
        await response.write(_event(end=end))
        await response.write(struct.pack(">BI", 2, 2) + b"{}")
        return response

    def _process(self, place, selector):
        process = place.sessions.get(selector.session_uuid or str(selector.pid))
        if process is None:
            process = place.processes.get(selector.pid)
        if process is None or process.returncode is not None:
            raise _refused(web.HTTPNotFound, "not_found", "no such session")
        return process

    async def _send_input(self, request):
        place, asked = self._machine(request), session.SendInputRequest()
        asked.ParseFromString(await request.read())
        process = self._process(place, asked.session)
        process.stdin.write(asked.input.stdin)
        await process.stdin.drain()
        return web.Response(body=b"", content_type="application/proto")

    async def _send_signal(self, request):
        place, asked = self._machine(request), session.SendSignalRequest()
        asked.ParseFromString(await request.read())
        os.kill(self._process(place, asked.session).pid, asked.signal)
        return web.Response(body=b"", content_type="application/proto")


def _event(**event):
    message = session.StartResponse(event=session.CommandSessionEvent(**event)).SerializeToString()
    return struct.pack(">BI", 0, len(message)) + message


def _refused(error, code, message):
    return error(text=json.dumps({"code": code, "message": message}), content_type="application/json")
