"""What the `kubernetes` launcher asks a cluster for: a pod that nothing gets out of, its policy, an agent-sandbox.

Field names are those of the Kubernetes API (core/v1, networking.k8s.io/v1) and of kubernetes-sigs/agent-sandbox
(agents.x-k8s.io).
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

from rlm.context import Context
from rlm.errors import SandboxError
from rlm.sandbox import far, reaper, shipped, vendor
from rlm.sandbox.options import Sandbox
from rlm.types import Limits

FOLDER = "/rlm"
MANAGED = {"app.kubernetes.io/managed-by": "rlm-engine"}
RUN = "rlm-engine/run"
LEASE = 300  # seconds that a pod stays when nobody touches its lease
TOUCHES_LEASE = f"touch {FOLDER}/lease"
_NOBODY = 65_534
_IMAGE = "python:3.13-slim"
_MIB = 1 << 20
_HOPELESS = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
}
# Succeeds where the API server, which every pod is told of, can be reached: then nothing enforces the policy.
REACHES_OUT = (
    "import os, socket\n"
    "socket.create_connection((os.environ['KUBERNETES_SERVICE_HOST'], int(os.environ['KUBERNETES_SERVICE_PORT'])), 1)"
)
KNOWS_ITS_CLUSTER = 'test -n "$KUBERNETES_SERVICE_HOST" && test -n "$KUBERNETES_SERVICE_PORT"'


def metadata(name: str, limits: Limits) -> dict[str, Any]:
    """The name of an object, and in its labels whose it is and until when, for `is_over`."""
    return {"name": name, "labels": {**MANAGED, RUN: name, **reaper.labels(limits)}}


def pod(name: str, sandbox: Sandbox, context: Context, limits: Limits) -> dict[str, Any]:
    """A pod for one run."""
    input_mb = math.ceil(context.blob.size / _MIB)
    files = sum(path.stat().st_size for path in shipped.listed_files(sandbox.files).values())
    files_mb = math.ceil(files / _MIB)
    packages_mb = 3 * far.MOST_PACKAGES_MB if sandbox.packages else 0  # as they come, unpacked, and compiled
    size = {
        "cpu": str(sandbox.cpus or 1),
        "memory": f"{vendor.memory_mb(context, limits)}Mi",
        "ephemeral-storage": f"{sandbox.disk_mb + 2 * (input_mb + files_mb) + packages_mb + 64}Mi",
    }
    container = {
        "name": "worker",
        "image": sandbox.image or _IMAGE,
        "command": ["python3", "-c", vendor.keeper(f"{FOLDER}/lease", LEASE)],
        "workingDir": FOLDER,
        "resources": {"limits": size, "requests": {**size, "cpu": "100m", "memory": f"{limits.memory_mb}Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "rlm", "mountPath": FOLDER}],
    }
    spec = {
        "containers": [container],
        "volumes": [{"name": "rlm", "emptyDir": {"sizeLimit": size["ephemeral-storage"]}}],
        "restartPolicy": "Never",
        "activeDeadlineSeconds": vendor.longest(limits),
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
    }
    if runtime_class := sandbox.options.get("runtime_class"):
        spec["runtimeClassName"] = runtime_class
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata(name, limits), "spec": spec}


def policy(name: str, limits: Limits) -> dict[str, Any]:
    """A policy that lets nothing in and nothing out of that run's pod, name look-ups included."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(name, limits),
        "spec": {"podSelector": {"matchLabels": {RUN: name}}, "policyTypes": ["Ingress", "Egress"]},
    }


def agent_sandbox(version: str, made: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """That pod as an agent-sandbox, which its controller removes when its time is up."""
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=vendor.longest(limits))
    about = made["metadata"]
    return {
        "apiVersion": version,
        "kind": "Sandbox",
        "metadata": about,
        "spec": {
            "podTemplate": {
                "metadata": {"labels": about["labels"]},
                "spec": made["spec"],
            },
            "shutdownTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "shutdownPolicy": "Delete",
        },
    }


def is_over(made: Any) -> bool:
    """Whether a pod of ours has ended, or was left by a host that died."""
    if made.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return True
    return reaper.is_left(made["metadata"].get("labels", {}))


def is_running(made: Any) -> bool:
    """Whether a pod is up.

    Raises:
        SandboxError: It never will be; says why.
    """
    status = made.get("status", {})
    if status.get("phase") in ("Succeeded", "Failed"):
        raise SandboxError(f"its pod ended as it started: {status.get('message') or status.get('reason') or '?'}")
    for container in status.get("containerStatuses") or ():
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting.get("reason") in _HOPELESS:
            raise SandboxError(f"its pod can't start: {waiting['reason']}: {waiting.get('message', '')[:200]}")
    return bool(status.get("phase") == "Running")
