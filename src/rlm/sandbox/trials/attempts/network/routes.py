"""Ways out that need no listener of ours to be seen: a route, or an engine's socket."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target
from rlm.sandbox.trials.registry import attempt


@attempt("nowhere", conclusive=True)
def find_a_route(t: Target) -> str | None:
    """connect() of a datagram socket sends nothing, and says whether there is a way: out, or to a cloud's metadata."""
    import socket

    for family, address in (
        (socket.AF_INET, "192.0.2.1"),
        (socket.AF_INET, "169.254.169.254"),
        (socket.AF_INET6, "2001:db8::1"),
    ):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((address, 9))
                return f"to {address} from {sock.getsockname()[0]}"
        except OSError:
            continue
    return None


@attempt("nowhere", conclusive=True)
def reach_an_engine(t: Target) -> str | None:
    """The sockets of Docker, containerd, Podman and CRI-O, which start whatever they are told to."""
    import socket

    for name in ("docker.sock", "containerd/containerd.sock", "podman/podman.sock", "crio/crio.sock"):
        for folder in ("/var/run", "/run"):
            try:
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.connect(f"{folder}/{name}")
                    return f"{folder}/{name}"
            except OSError:
                continue
    return None
