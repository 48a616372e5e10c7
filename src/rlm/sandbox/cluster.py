"""A Kubernetes cluster, as far as the `kubernetes` launcher needs it, through the official client."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from rlm.errors import ConfigError
from rlm.sandbox import pod_exec, pods, vendor
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_GROUP = "agents.x-k8s.io"
_PLURAL = "sandboxes"
_CONNECTIONS = 1024  # a worker holds one
_HEARTBEAT = 30  # seconds between pings on a stream: balancers drop what is silent
_MANAGED = ",".join(f"{key}={value}" for key, value in pods.MANAGED.items())


def kubeconfig() -> str | None:
    """The user's kubeconfig, as KUBECONFIG has it, or where it is by default; None where there is none."""
    files = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    return files if any(Path(file).is_file() for file in files.split(os.pathsep)) else None


class Cluster:
    """A namespace of a cluster; made by `reached`.

    Attributes:
        namespace: Where pods are made.
    """

    def __init__(self, configuration: Any, namespace: str) -> None:
        client = vendor.library("kubernetes.aio.client", "kubernetes")
        stream = vendor.library("kubernetes.aio.stream", "kubernetes")
        self.namespace = namespace
        self._client = client
        self._api = client.ApiClient(configuration)
        self._streams = stream.WsApiClient(configuration, heartbeat=_HEARTBEAT)
        self._core = client.CoreV1Api(self._api)
        self._policies = client.NetworkingV1Api(self._api)
        self._objects = client.CustomObjectsApi(self._api)
        self._version: str | None = None  # of agent-sandbox, once it is known

    @classmethod
    async def reached(cls, sandbox: Sandbox) -> Cluster:
        """The cluster of the kubeconfig (KUBECONFIG, or ~/.kube/config), or of the pod that we run in.

        Raises:
            ConfigError: There is neither, or it has no such context.
        """
        config = vendor.library("kubernetes.aio.config", "kubernetes")
        client = vendor.library("kubernetes.aio.client", "kubernetes")
        configuration = client.Configuration()
        configuration.connection_pool_maxsize = _CONNECTIONS
        namespace = None
        try:
            if (file := kubeconfig()) is not None:
                asked = sandbox.options.get("context")
                loader = await config.load_kube_config(file, asked, configuration, persist_config=False)
                namespace = loader.current_context["context"].get("namespace")
            else:
                config.load_incluster_config(configuration)
        except config.ConfigException as error:
            raise ConfigError(f"the sandbox 'kubernetes' needs a cluster in KUBECONFIG: {error}") from None
        return cls(configuration, sandbox.options.get("namespace") or namespace or "default")

    async def make(self, name: str, pod: Mapping[str, Any], limits: Limits) -> None:
        """Makes a policy, and then the pod that it is for, or an agent-sandbox with that pod."""
        policy = pods.policy(name, limits)
        await self._policies.create_namespaced_network_policy(
            self.namespace, _read(self._client.V1NetworkPolicy, policy)
        )
        version = await self._agent_sandbox()
        if version is None:
            made = self._plain(await self._core.create_namespaced_pod(self.namespace, _read(self._client.V1Pod, pod)))
        else:
            body = pods.agent_sandbox(f"{_GROUP}/{version}", pod, limits)
            made = await self._objects.create_namespaced_custom_object(_GROUP, version, self.namespace, _PLURAL, body)
        owner = {"apiVersion": made.get("apiVersion") or "v1", "kind": made.get("kind") or "Pod", "name": name}
        owned = {"metadata": {"ownerReferences": [{**owner, "uid": made["metadata"]["uid"]}]}}
        await self._policies.patch_namespaced_network_policy(name, self.namespace, owned)

    async def pod(self, name: str) -> Mapping[str, Any]:
        """A pod as it is now; one that is not there yet, as an agent-sandbox's may be, has no phase."""
        try:
            found: Mapping[str, Any] = self._plain(await self._core.read_namespaced_pod(name, self.namespace))
        except self._client.exceptions.NotFoundException:
            return {"metadata": {"name": name}}
        return found

    async def reap(self) -> None:
        """Removes what hosts that died have left, once it has ended or its time is up."""
        listed = await self._core.list_namespaced_pod(self.namespace, label_selector=_MANAGED)
        over = [one for one in map(self._plain, listed.items) if pods.is_over(one)]
        names = {one["metadata"]["labels"].get(pods.RUN) for one in over}
        # Without a name a deletion would be one of all pods in the namespace.
        await asyncio.gather(*(self._delete(name) for name in names if name))

    async def remove(self, name: str) -> None:
        """Removes a run's pod and policy, and lets go of the cluster; more than once is fine."""
        try:
            await self._delete(name)
        finally:
            await self._api.close()
            await self._streams.close()

    def executing(
        self, pod: str, argv: Sequence[str], *, stdin: bool
    ) -> contextlib.AbstractAsyncContextManager[pod_exec.PodExec]:
        return pod_exec.executing(self._client.CoreV1Api(self._streams), self.namespace, pod, argv, stdin=stdin)

    async def run(self, pod: str, argv: Sequence[str], source: IO[bytes] | None = None) -> bytes:
        return await pod_exec.run(self._client.CoreV1Api(self._streams), self.namespace, pod, argv, source)

    async def _delete(self, name: str) -> None:
        version = await self._agent_sandbox()
        gone = {"grace_period_seconds": 0}
        deletions = [
            self._core.delete_namespaced_pod(name, self.namespace, **gone),
            self._policies.delete_namespaced_network_policy(name, self.namespace),
        ]
        if version is not None:
            sandbox = (_GROUP, version, self.namespace, _PLURAL, name)
            deletions.insert(0, self._objects.delete_namespaced_custom_object(*sandbox, **gone))
        for deletion in deletions:
            with contextlib.suppress(self._client.exceptions.NotFoundException):
                await deletion

    def _plain(self, made: Any) -> Any:
        """An object as the API has it on the wire."""
        return self._api.sanitize_for_serialization(made)

    async def _agent_sandbox(self) -> str | None:
        """The version of agent-sandbox that the cluster serves; None where it is not installed."""
        if self._version is None:
            groups = (await self._client.ApisApi(self._api).get_api_versions()).groups
            served = [group.preferred_version.version for group in groups if group.name == _GROUP]
            self._version = served[0] if served else ""
        return self._version or None


def _read(model: Any, body: Mapping[str, Any]) -> Any:
    return model.from_dict(dict(body))
