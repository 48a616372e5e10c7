"""A Kubernetes API server on loopback whose pods are processes here.

What is modelled: bearer tokens, discovery, pods from Pending to their end with what runs in them, `exec` over the
v4.channel.k8s.io websocket, label selectors, network policies that are enforced or not, owners and what is removed with
them, agent-sandboxes and the pod that their controller makes. A volume's path is a folder of the pod's, and is put in
its place in commands; what a container may use is not limited.
"""

import asyncio
import json
import os
import re
import tempfile

import aiohttp
from aiohttp import web

from .place import Double, exit_code, read_chunks

TOKEN = "token-0123456789"
_PODS = "/api/v1/namespaces/{namespace}/pods"
_POLICIES = "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
_SANDBOXES = "/apis/agents.x-k8s.io/{version}/namespaces/{namespace}/sandboxes"


class Kubernetes(Double):
    """The cluster; point the client at it with `variables()`.

    Attributes:
        enforces: Whether its network plugin enforces policies.
        agent_sandbox: The version of agent-sandbox that is installed, or None.
        pending: How often a pod is seen as Pending first.
        broken: What pods wait for instead of running, as `(reason, message)`.
        forbidden: Requests that are refused, as `METHOD path`'s end.
        policies, sandboxes: What was made, by name.
    """

    def __init__(self, agent_sandbox=None):
        super().__init__()
        self.enforces = True
        self.agent_sandbox = agent_sandbox
        self.pending = 1
        self.broken = None
        self.forbidden = set()
        self.policies = {}
        self.sandboxes = {}
        self.removed_policies = []

    def variables(self, namespace="trials"):
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(config, file)
        return {"KUBECONFIG": file.name}

    def routes(self):
        return [
            web.get("/apis/", self._groups),
            web.post(_PODS, self._create_pod),
            web.get(_PODS, self._list_pods),
            web.get(_PODS + "/{name}", self._get_pod),
            web.delete(_PODS + "/{name}", self._delete_pod),
            web.get(_PODS + "/{name}/exec", self._exec),
            web.post(_POLICIES, self._create_policy),
            web.patch(_POLICIES + "/{name}", self._patch_policy),
            web.delete(_POLICIES + "/{name}", self._delete_policy),
            web.post(_SANDBOXES, self._create_sandbox),
            web.delete(_SANDBOXES + "/{name}", self._delete_sandbox),
        ]

    def _check(self, request):
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise _failed(web.HTTPUnauthorized, "Unauthorized")
        asked = f"{request.method} {request.path.rpartition('/')[2]}"
        if asked in self.forbidden:
            raise _failed(web.HTTPForbidden, f"{asked} is forbidden")
        if request.method == "POST" and self.fails:
            self.fails.pop(0)
            raise _failed(web.HTTPInternalServerError, "etcd leader changed")

    async def _groups(self, request):
        self._check(request)
        names = [("networking.k8s.io", "v1")]
        if self.agent_sandbox is not None:
            names.append(("agents.x-k8s.io", self.agent_sandbox))
        versions = [{"groupVersion": f"{name}/{version}", "version": version} for name, version in names]
        groups = [
            {"name": name, "versions": [version], "preferredVersion": version}
            for (name, _), version in zip(names, versions, strict=True)
        ]
        return web.json_response({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})

    async def _create_pod(self, request):
        self._check(request)
        made = await self._make_pod(await request.json(), None)
        return web.json_response(made, status=201)

    async def _make_pod(self, pod, owner):
        name = pod["metadata"]["name"]
        if name in self.places:
            raise _failed(web.HTTPConflict, f'pods "{name}" already exists')
        place = self.add(name, pod)
        place.owner, place.seen, place.keeper = owner, 0, None
        (container,) = pod["spec"]["containers"]
        place.mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        for mount in place.mounts:
            (place.home / mount.lstrip("/")).mkdir()
        labels = pod["metadata"].get("labels", {})
        shut = self.enforces and any(_selects(policy, labels) for policy in self.policies.values())
        port = 1 if shut else self.url.rpartition(":")[2]  # nothing listens at port 1
        place.env.update(KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT=str(port))
        place.keeper = await place.start(_inside(place, container["command"]), stdin=False)
        pod["metadata"]["uid"] = f"uid-of-{name}"
        return pod

    async def _list_pods(self, request):
        self._check(request)
        wanted = dict(pair.split("=") for pair in request.query.get("labelSelector", "").split(",") if pair)
        found = [self._shown(place) for place in self.places.values() if wanted.items() <= _labels(place).items()]
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": found})

    async def _get_pod(self, request):
        self._check(request)
        return web.json_response(self._shown(self._place(request)))

    def _shown(self, place):
        """A pod as it is now."""
        place.seen += 1
        if self.broken is not None:
            reason, message = self.broken
            waiting = {"waiting": {"reason": reason, "message": message}}
            container = {"name": "worker", "state": waiting, "image": "?", "imageID": "", "ready": False}
            status = {"phase": "Pending", "containerStatuses": [{**container, "restartCount": 0}]}
        elif place.seen <= self.pending or place.keeper is None:  # listed while it is being made
            status = {"phase": "Pending"}
        elif place.keeper.returncode is None:
            status = {"phase": "Running"}
        else:
            status = {"phase": "Failed" if place.keeper.returncode else "Succeeded"}
        return {**place.created, "apiVersion": "v1", "kind": "Pod", "status": status}

    def _place(self, request):
        name = request.match_info["name"]
        if name not in self.places:
            raise _failed(web.HTTPNotFound, f'pods "{name}" not found')
        return self.places[name]

    async def _delete_pod(self, request):
        self._check(request)
        place = self._place(request)
        await self.drop(place.name)
        return web.json_response({**place.created, "kind": "Pod", "apiVersion": "v1"})

    async def drop(self, name):
        """Removes a pod, and what it owns with it."""
        await super().drop(name)
        for policy in [name for name, one in self.policies.items() if _owner(one) == f"uid-of-{name}"]:
            self.removed_policies.append(self.policies.pop(policy))

    async def _exec(self, request):
        self._check(request)
        place = self._place(request)
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",), max_msg_size=32 << 20)
        await socket.prepare(request)
        assert socket.ws_protocol == "v4.channel.k8s.io"
        stdin = request.query.get("stdin") == "true"
        try:
            process = await place.start(_inside(place, request.query.getall("command")), stdin=stdin)
        except FileNotFoundError as error:
            await socket.send_bytes(b"\x03" + _status(126, str(error)))
            return socket

        async def forward(stream, channel):
            async for chunk in read_chunks(stream):
                for at in range(0, len(chunk), 32 << 10):  # as a kubelet sends it
                    await socket.send_bytes(channel + chunk[at : at + (32 << 10)])

        async def feed():
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY and message.data[:1] == b"\x00" and stdin:
                    process.stdin.write(message.data[1:])
                    await process.stdin.drain()
            if stdin:  # the stream is gone: what reads it sees its end, and is not killed
                process.stdin.close()

        feeding = asyncio.create_task(feed())
        try:
            await asyncio.gather(forward(process.stdout, b"\x01"), forward(process.stderr, b"\x02"))
            await process.wait()
            await socket.send_bytes(b"\x03" + _status(exit_code(process), ""))
            await socket.close()
        except (ConnectionError, asyncio.CancelledError):
            if stdin:
                process.stdin.close()
        finally:
            feeding.cancel()
        return socket

    async def _create_policy(self, request):
        self._check(request)
        policy = await request.json()
        self.policies[policy["metadata"]["name"]] = policy
        return web.json_response(policy, status=201)

    async def _patch_policy(self, request):
        self._check(request)
        policy = self.policies[request.match_info["name"]]
        policy["metadata"].update((await request.json())["metadata"])
        return web.json_response(policy)

    async def _delete_policy(self, request):
        self._check(request)
        policy = self.policies.pop(request.match_info["name"], None)
        if policy is None:
            raise _failed(web.HTTPNotFound, "networkpolicies not found")
        self.removed_policies.append(policy)
        return web.json_response({"kind": "Status", "status": "Success"})

    async def _create_sandbox(self, request):
        self._check(request)
        assert request.match_info["version"] == self.agent_sandbox
        sandbox = await request.json()
        name = sandbox["metadata"]["name"]
        sandbox["metadata"]["uid"] = f"uid-of-sandbox-{name}"
        self.sandboxes[name] = sandbox
        template = sandbox["spec"]["podTemplate"]
        pod = {"metadata": {"name": name, **template["metadata"]}, "spec": template["spec"]}
        asyncio.get_running_loop().call_later(
            0.1, lambda: asyncio.ensure_future(self._make_pod(pod, sandbox["metadata"]["uid"]))
        )  # as its controller does, a moment later
        return web.json_response(sandbox, status=201)

    async def _delete_sandbox(self, request):
        self._check(request)
        name = request.match_info["name"]
        if self.sandboxes.pop(name, None) is None:
            raise _failed(web.HTTPNotFound, "sandboxes not found")
        if name in self.places:
            await self.drop(name)
        return web.json_response({"kind": "Status", "status": "Success"})


def _inside(place, command):
    """A command with the paths of the pod's volumes as they are here."""
    for mount in place.mounts:
        here = str(place.home / mount.lstrip("/"))
        command = [re.sub(rf"(?<![\w./-]){mount}\b", here, word) for word in command]
    return command


def _labels(place):
    return place.created["metadata"].get("labels", {})


def _selects(policy, labels):
    return policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


def _owner(policy):
    owners = policy["metadata"].get("ownerReferences") or [{}]
    return owners[0].get("uid")


def _failed(error, message):
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": error.status_code}
    return error(text=json.dumps(status), content_type="application/json")


def _status(code, message):
    if code == 0:
        return b'{"metadata":{},"status":"Success"}'
    causes = [{"reason": "ExitCode", "message": str(code)}]
    status = {"status": "Failure", "message": message, "reason": "NonZeroExitCode", "details": {"causes": causes}}
    return json.dumps({"metadata": {}, **status}).encode()


def forget(variables):
    """Removes the kubeconfig of `variables()`."""
    os.unlink(variables["KUBECONFIG"])
