"""Modal on loopback: its gRPC API, and the router that the machine of a sandbox has for commands.

What is modelled: token checks, apps, images that are built at once, sandboxes with what they were created with and with
their own process, which ends them; commands with input by offset, output by offset, and exit codes; commands live on
when a stream is dropped. What is not: that blocked networks are blocked, and limits.
"""

import asyncio
import contextlib
import re
import time

import grpclib
from google.protobuf.empty_pb2 import Empty
from grpclib.const import Cardinality, Handler, Status
from grpclib.server import Server
from modal_proto import api_pb2 as api
from modal_proto import task_command_router_pb2 as router

from .place import Double, read_chunks

TOKEN = {"MODAL_TOKEN_ID": "ak-0123456789", "MODAL_TOKEN_SECRET": "as-9876543210"}
_ONE, _MANY = Cardinality.UNARY_UNARY, Cardinality.UNARY_STREAM
_JWT = "e30.eyJleHAiOjQxMDI0NDQ4MDB9.e30"  # {"exp": 4102444800}: the year 2100


class _Exec:
    """One command: what it printed is kept, since it is read by offset."""

    def __init__(self, process):
        self.process = process
        self.written = 0
        self.printed = {1: bytearray(), 2: bytearray()}
        self.more = asyncio.Condition()
        self.ended = asyncio.create_task(self._follow())

    async def _follow(self):
        await asyncio.gather(self._keep(1, self.process.stdout), self._keep(2, self.process.stderr))
        await self.process.wait()
        asyncio.get_running_loop().call_soon(asyncio.ensure_future, self._tell())

    async def _tell(self):
        async with self.more:
            self.more.notify_all()

    async def _keep(self, number, stream):
        async for chunk in read_chunks(stream):
            self.printed[number] += chunk
            await self._tell()

    async def read(self, number, offset):
        while True:
            if data := bytes(self.printed[number][offset:]):
                offset += len(data)
                yield data
            elif self.process.returncode is not None and self.ended.done():
                return
            else:
                async with self.more:
                    if not self.ended.done() and len(self.printed[number]) == offset:
                        await self.more.wait()


class _Server(Server):
    """Remembers its connections."""

    def __init__(self, services):
        super().__init__(services)
        self.transports = []

    def _protocol_factory(self):
        protocol = super()._protocol_factory()
        begin = protocol.connection_made

        def connection_made(transport):
            self.transports.append(transport)
            begin(transport)

        protocol.connection_made = connection_made
        return protocol


class Modal(Double):
    """The service; point the SDK at it with `variables()`."""

    def variables(self):
        return {**TOKEN, "MODAL_SERVER_URL": self.url, "MODAL_CONFIG_PATH": "/nowhere"}

    async def _run(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = _Server([self])
        await server.start("127.0.0.1", 0)
        (listening,) = server._server.sockets
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        for name in list(self.places):
            await self.drop(name)
        server.close()
        for transport in server.transports:  # also those that a client keeps
            transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)

    def __mapping__(self):
        """The methods that are answered; all others are not implemented, and the SDK says which it asked for."""
        unary = {
            "ClientHello": (Empty, api.ClientHelloResponse),
            "AuthTokenGet": (api.AuthTokenGetRequest, api.AuthTokenGetResponse),
            "AppGetOrCreate": (api.AppGetOrCreateRequest, api.AppGetOrCreateResponse),
            "EnvironmentGetOrCreate": (api.EnvironmentGetOrCreateRequest, api.EnvironmentGetOrCreateResponse),
            "ImageGetOrCreate": (api.ImageGetOrCreateRequest, api.ImageGetOrCreateResponse),
            "SandboxCreateV2": (api.SandboxCreateV2Request, api.SandboxCreateV2Response),
            "SandboxTerminateV2": (api.SandboxTerminateRequest, api.SandboxTerminateResponse),
            "SandboxWaitV2": (api.SandboxWaitRequest, api.SandboxWaitResponse),
            "SandboxListV2": (api.SandboxListRequest, api.SandboxListResponse),
            "SandboxGetCommandRouterAccess": (
                api.SandboxGetCommandRouterAccessRequest,
                api.SandboxGetCommandRouterAccessResponse,
            ),
        }
        routed = {
            name: (getattr(router, f"{name}Request"), getattr(router, f"{name}Response"))
            for name in ("TaskExecStart", "TaskExecStdinWrite", "TaskExecStdioRead", "TaskExecWait", "TaskExecPoll")
        }
        mapping = {f"/modal.client.ModalClient/{name}": self._handler(name, *types) for name, types in unary.items()}
        for name, types in routed.items():
            path = f"/modal.task_command_router.TaskCommandRouter/{name}"
            mapping[path] = self._handler(name, *types, _MANY if name == "TaskExecStdioRead" else _ONE)
        return mapping

    def _handler(self, name, asked, answered, cardinality=_ONE):
        act = getattr(self, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())

        async def handle(stream):
            request = await stream.recv_message()
            self.requests.append(name)
            if name.startswith("Task"):
                allowed = stream.metadata.get("authorization") == f"Bearer {_JWT}"
            else:
                given = (stream.metadata.get("x-modal-token-id"), stream.metadata.get("x-modal-token-secret"))
                allowed = given == tuple(TOKEN.values())
            if not allowed:
                raise grpclib.GRPCError(Status.UNAUTHENTICATED, "Token is not valid")
            if cardinality is _MANY:
                async for answer in act(request):
                    await stream.send_message(answer)
            else:
                await stream.send_message(await act(request))

        return Handler(handle, cardinality, asked, answered)

    async def client_hello(self, request):
        return api.ClientHelloResponse(image_builder_version="2025.06")

    async def auth_token_get(self, request):
        return api.AuthTokenGetResponse(token=_JWT)

    async def app_get_or_create(self, request):
        return api.AppGetOrCreateResponse(app_id=f"ap-{request.app_name}")

    async def environment_get_or_create(self, request):
        settings = api.EnvironmentSettings(image_builder_version="2025.06")
        metadata = api.EnvironmentMetadata(name="main", settings=settings)
        return api.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    async def image_get_or_create(self, request):
        self.image = request.image
        result = api.GenericResult(status=api.GenericResult.GENERIC_STATUS_SUCCESS)
        return api.ImageGetOrCreateResponse(image_id="im-1", result=result)

    async def sandbox_create_v2(self, request):
        if self.fails:
            self.fails.pop(0)
            raise grpclib.GRPCError(Status.RESOURCE_EXHAUSTED, "no capacity")
        name = self.new_name("sb-")
        place = self.add(name, request)
        place.execs = {}
        process = await place.start(request.definition.entrypoint_args, stdin=False)
        self._loop.create_task(self._end_with(name, process))
        access = api.CommandRouterAccess(jwt=_JWT, url=self.url)
        task = f"ta-{name}V"
        return api.SandboxCreateV2Response(sandbox_id=name, task_id=task, command_router_access=access)

    async def _end_with(self, name, process):
        await process.wait()
        if name in self.places:
            await self.drop(name)

    async def sandbox_get_command_router_access(self, request):
        if request.sandbox_id not in self.places:
            raise grpclib.GRPCError(Status.NOT_FOUND, "Sandbox not found")
        return api.SandboxGetCommandRouterAccessResponse(jwt=_JWT, url=self.url)

    async def sandbox_terminate_v2(self, request):
        if request.sandbox_id in self.places:
            await self.drop(request.sandbox_id)
        return api.SandboxTerminateResponse()

    async def sandbox_wait_v2(self, request):
        result = api.GenericResult()
        if request.sandbox_id not in self.places:
            result.status = api.GenericResult.GENERIC_STATUS_TERMINATED
        return api.SandboxWaitResponse(result=result)

    async def sandbox_list_v2(self, request):
        wanted = {(tag.tag_name, tag.tag_value) for tag in request.tags}
        found = []
        for name, place in self.places.items():
            if wanted <= {(tag.tag_name, tag.tag_value) for tag in place.created.tags}:
                found.append(api.SandboxInfo(id=name, created_at=time.time(), app_id="ap-1"))
        return api.SandboxListResponse(sandboxes=found if not request.before_timestamp else [])

    def _place(self, request):
        name = request.task_id.removeprefix("ta-").removesuffix("V")
        if name not in self.places:
            raise grpclib.GRPCError(Status.NOT_FOUND, "Sandbox has already shut down")
        return self.places[name]

    def _exec(self, request):
        execs = self._place(request).execs
        if request.exec_id not in execs:
            raise grpclib.GRPCError(Status.NOT_FOUND, "no such exec")
        return execs[request.exec_id]

    async def task_exec_start(self, request):
        place = self._place(request)
        try:
            process = await place.start(list(request.command_args), cwd=request.workdir or None)
        except FileNotFoundError as error:
            raise grpclib.GRPCError(Status.INVALID_ARGUMENT, str(error)) from None
        place.execs[request.exec_id] = _Exec(process)
        return router.TaskExecStartResponse()

    async def task_exec_stdin_write(self, request):
        one = self._exec(request)
        data = request.data[max(0, one.written - request.offset) :]  # what is sent twice is taken once
        one.written += len(data)
        with contextlib.suppress(ConnectionError):  # it reads no more
            one.process.stdin.write(data)
            await one.process.stdin.drain()
        if request.eof:
            one.process.stdin.close()
        return router.TaskExecStdinWriteResponse()

    async def task_exec_stdio_read(self, request):
        number = 1 if request.file_descriptor == router.TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDOUT else 2
        async for data in self._exec(request).read(number, request.offset):
            yield router.TaskExecStdioReadResponse(data=data)

    async def task_exec_wait(self, request):
        one = self._exec(request)
        await one.ended
        return _ending(router.TaskExecWaitResponse, one.process.returncode)

    async def task_exec_poll(self, request):
        code = self._exec(request).process.returncode
        return router.TaskExecPollResponse() if code is None else _ending(router.TaskExecPollResponse, code)


def _ending(answer, code):
    return answer(signal=-code) if code < 0 else answer(code=code)
