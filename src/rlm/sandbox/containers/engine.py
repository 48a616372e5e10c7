"""A container engine that speaks the Docker Engine API: Docker, or podman through its socket for that."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from rlm.errors import ConfigError, SandboxError, SandboxUnavailableError
from rlm.sandbox import reaper
from rlm.sandbox.containers.stream import Address

if TYPE_CHECKING:
    from docker import APIClient  # type: ignore[import-untyped]

Result = TypeVar("Result")
_INSTALL = "the docker sandbox needs the Docker SDK: pip install 'rlm-engine[docker]'"
_FIX = "start it (sudo systemctl start docker), or point DOCKER_HOST at one"
_SECONDS = 120.0  # for one request: the making of a container can wait for its disk


class Engine:
    """A connection to an engine.

    Attributes:
        api: The SDK's client; its calls block.
        address: Where it listens, for streams.
        is_near: Whether it may share this machine's files: it listens on a socket of this machine.
        info: What it says of itself (`GET /info`).
        is_podman: Whether it is podman, which tells status 0 for every container that it removes by itself (4.3).
    """

    def __init__(self, api: APIClient, address: Address, info: Mapping[str, Any], is_podman: bool) -> None:
        self.api = api
        self.address = address
        self.is_near = bool(address.path)
        self.info = info
        self.is_podman = is_podman

    async def call(self, method: Callable[..., Result], *args: Any, **options: Any) -> Result:
        """One of `api`'s methods, in a thread.

        Raises:
            SandboxError: The engine refuses, or is not reachable.
        """
        return await asyncio.to_thread(told, method, *args, **options)

    def answers(self) -> bool:
        """Whether it does, now. Blocks."""
        try:
            told(self.api.ping)
        except SandboxError:
            return False
        return True

    def reap(self) -> None:
        """Removes the containers and volumes that hosts which have died left on it. Blocks."""
        label = {"label": reaper.HOST}
        with contextlib.suppress(SandboxError):
            for one in told(self.api.containers, all=True, filters=label):
                if reaper.is_left(one["Labels"]):
                    self.remove(one["Id"])
            for one in told(self.api.volumes, filters=label)["Volumes"] or []:
                if reaper.is_left(one["Labels"]):
                    with contextlib.suppress(SandboxError):  # another host's container may be at it
                        told(self.api.remove_volume, one["Name"], force=True)

    def remove(self, container: str) -> None:
        """Ends and removes a container that may be gone already. Blocks."""
        with contextlib.suppress(SandboxError):
            told(self.api.remove_container, container, v=True, force=True)


def told(method: Callable[..., Result], *args: Any, **options: Any) -> Result:
    """Calls a method of the SDK; what it raises becomes ours.

    Raises:
        SandboxError: The engine refuses, or is not reachable.
    """
    from docker.errors import APIError, DockerException  # type: ignore[import-untyped]
    from requests.exceptions import RequestException

    try:
        return method(*args, **options)
    except APIError as error:
        raise SandboxError(f"the container engine refuses: {error.explanation or error}") from error
    except (DockerException, RequestException, OSError) as error:
        raise SandboxError(f"the container engine fails: {error}") from error


def is_gone(error: SandboxError) -> bool:
    """Whether an engine could not be reached, which may pass, and did not refuse."""
    from docker.errors import APIError

    return isinstance(error.__cause__, OSError | EOFError) and not isinstance(error.__cause__, APIError)


def connect(url: str | None) -> Engine:
    """The engine at a URL (`unix://`, `tcp://`, `https://`), or the one that the docker command would use. Blocks.

    Raises:
        ConfigError: The URL is of no kind that can be used.
        SandboxUnavailableError: The SDK is missing, or no engine answers there.
    """
    found = url or os.environ.get("DOCKER_HOST") or _of_context() or _default()
    return _connected(found, os.getpid())


@functools.lru_cache(maxsize=8)
def _connected(url: str, pid: int) -> Engine:
    try:
        import docker
        from docker.utils import kwargs_from_env  # type: ignore[import-untyped]
    except ImportError as error:
        raise SandboxUnavailableError(_INSTALL) from error
    tls = _tls()
    address = _address(url, tls)
    secured = {"tls": kwargs_from_env()["tls"]} if tls is not None and address.host else {}
    try:
        address.check()  # the SDK leaves a socket open where it can't connect
        api = docker.APIClient(base_url=url, timeout=int(_SECONDS), **secured)
        info, version = told(api.info), told(api.version)
    except (docker.errors.DockerException, SandboxError, OSError) as error:
        raise SandboxUnavailableError(f"no container engine answers at {url}: {_FIX} ({error})") from error
    prefix = f"/v{api.api_version}"
    is_podman = any("podman" in str(part.get("Name", "")).lower() for part in version.get("Components") or ())
    return Engine(api, Address(address.path, address.host, address.port, address.tls, prefix), info, is_podman)


def _address(url: str, tls: ssl.SSLContext | None) -> Address:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return Address(path=parts.netloc + parts.path)
    if parts.scheme in ("tcp", "http", "https") and parts.hostname:
        secured = tls if tls is not None or parts.scheme != "https" else ssl.create_default_context()
        return Address(host=parts.hostname, port=parts.port or (2376 if secured else 2375), tls=secured)
    forward = "forward its socket (ssh -NL /tmp/docker.sock:/var/run/docker.sock HOST) and give unix:///tmp/docker.sock"
    raise ConfigError(f"the engine's address is unix://PATH or tcp://HOST:PORT, not {parts.scheme}://...; {forward}")


def _tls() -> ssl.SSLContext | None:
    """What DOCKER_CERT_PATH and DOCKER_TLS_VERIFY say, as the docker command reads them."""
    folder, verify = os.environ.get("DOCKER_CERT_PATH"), bool(os.environ.get("DOCKER_TLS_VERIFY"))
    if not folder and not verify:
        return None
    certificates = Path(folder or Path.home() / ".docker")
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _of_context() -> str | None:
    """The engine that `docker context use` chose."""
    try:
        from docker import ContextAPI
        from docker.errors import DockerException
    except ImportError as error:
        raise SandboxUnavailableError(_INSTALL) from error
    try:
        context = ContextAPI.get_current_context()
        host = None if context is None else context.Host
    except (DockerException, OSError, ValueError):
        return None
    return host if isinstance(host, str) and not host.endswith("/var/run/docker.sock") else None


def _default() -> str:
    sockets = [Path("/var/run/docker.sock"), Path("/run/podman/podman.sock")]
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        sockets[1:1] = [Path(runtime, "docker.sock"), Path(runtime, "podman/podman.sock")]
    return f"unix://{next((path for path in sockets if path.exists()), sockets[0])}"
