"""`kubernetes`: a pod a run, its workers over `exec`; an agent-sandbox instead where the cluster has those."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import IO, ClassVar

from rlm.context import Context
from rlm.errors import ConfigError, SandboxError
from rlm.sandbox import pods, vendor
from rlm.sandbox.cluster import Cluster, kubeconfig
from rlm.sandbox.far import FarLauncher, FarMachine
from rlm.sandbox.far_worker import ANNOUNCED, FarWorker, starting
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

_START = 180  # seconds for a pod to be up: its image may have to be pulled
_POLL = 0.3  # seconds
_SETTLES = 10  # looks, a second apart, until a policy has to hold


class KubernetesLauncher(FarLauncher):
    """Runs cells in pods of a cluster of yours; needs a kubeconfig (or to run in a pod) and the extra `kubernetes`."""

    name = "kubernetes"
    module = "kubernetes.aio.client"
    keeps = frozenset(("image", "packages", "cpus", "disk_mb", "files", "output"))
    instead: ClassVar = {"network": "a NetworkPolicy knows addresses, not hosts"}
    own = ("namespace", "context", "runtime_class")

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        super().__init__(sandbox)
        if kubeconfig() is None and "KUBERNETES_SERVICE_HOST" not in os.environ:
            raise ConfigError("the sandbox 'kubernetes' needs a cluster: name its kubeconfig file in KUBECONFIG")

    def _machine(self) -> FarMachine:
        return _Machine(self._sandbox)


class _Machine(FarMachine):
    _cluster: Cluster

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox, pods.FOLDER)
        self._name = f"rlm-{uuid.uuid4().hex[:12]}"

    async def make(self, context: Context, limits: Limits) -> None:
        """Makes its policy, then its pod, waits until it is up, and sees to it that nothing gets out."""
        self._cluster = await Cluster.reached(self.sandbox)
        with _told():
            await self._cluster.reap()
            await self._cluster.make(self._name, pods.pod(self._name, self.sandbox, context, limits), limits)
            async with asyncio.timeout(_START):
                while not pods.is_running(await self._cluster.pod(self._name)):  # noqa: ASYNC110
                    await asyncio.sleep(_POLL)
        self.keep(pods.LEASE, lambda: self.run(pods.TOUCHES_LEASE))
        await self.run(pods.KNOWS_ITS_CLUSTER)
        for _ in range(_SETTLES):
            with contextlib.suppress(SandboxError):
                await self._run("python3", "-c", pods.REACHES_OUT)
                await asyncio.sleep(1)
                continue
            return
        raise SandboxError("its network policy is not enforced: the cluster's network plugin has to enforce them")

    async def install(self) -> None:
        await self.bring_packages()  # nothing gets into that pod by itself

    async def run(self, command: str, *, root: bool = False) -> str:
        return (await self._run("sh", "-c", command)).decode("utf-8", "replace")

    async def put(self, path: str, file: IO[bytes]) -> None:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        await self._run("sh", "-c", f"head -c {size} > {path}", source=file)

    async def get(self, path: str) -> AsyncIterator[bytes]:
        with _told():
            async with self._cluster.executing(self._name, ["cat", path], stdin=False) as command:
                async for data in command.stdout():
                    yield data

    async def start(self, argv: Sequence[str]) -> FarWorker:
        async with starting(announced=True) as worker:
            with _told():
                executing = self._cluster.executing(self._name, [*ANNOUNCED, *argv], stdin=True)
                command = await worker.until.enter_async_context(executing)

            async def ended() -> str:
                async for data in command.stdout():
                    await worker.feed(data)
                worker.complain(command.complaint)
                return "its stream broke" if command.code is None else vendor.ending(command.code)

            worker.attach(command.write, ended, functools.partial(self.kill, worker), _told)
            return worker

    async def end(self) -> None:
        if hasattr(self, "_cluster"):
            with _told():
                await self._cluster.remove(self._name)

    async def _run(self, *argv: str, source: IO[bytes] | None = None) -> bytes:
        with _told():
            return await self._cluster.run(self._name, argv, source)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tells what the client raises as ours: the API server's own words, which are in its answer's body."""
    client = vendor.library("kubernetes.aio.client", "kubernetes")
    raised = (vendor.library("aiohttp", "kubernetes").ClientError, OSError, RuntimeError)  # the last: once it is closed
    try:
        with vendor.told_as_ours("Kubernetes", raised):
            yield
    except client.ApiException as error:
        told = error.reason
        with contextlib.suppress(ValueError, TypeError, KeyError):
            told = json.loads(error.body)["message"]
        raise SandboxError(f"Kubernetes: {error.status} {str(told)[:300]}") from None
