"""What the zygotes and their host tell each other: a JSON object a packet, with descriptors beside it (SCM_RIGHTS)."""

from __future__ import annotations

import _socket  # `socket` makes enums of all constants, and loads `selectors`
import os
import struct

from . import protocol

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from typing import Any

_PACKET = 2**16
_MESSAGE = 1000  # characters of an error
_FD = struct.Struct("=i")


def receive(control: _socket.socket, most: int) -> tuple[bytes, list[int]]:
    """A packet, and at most so many descriptors beside it."""
    data, beside, _, _ = control.recvmsg(_PACKET, _socket.CMSG_SPACE(most * _FD.size))
    fds = []
    for level, kind, sent in beside:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            fds += [fd for (fd,) in _FD.iter_unpack(sent[: len(sent) - len(sent) % _FD.size])]
    return data, fds


def tell(control: _socket.socket, message: dict[str, Any], fds: list[int] | None = None) -> None:
    """Tells the host something; ends this process where there is no host any more."""
    if "message" in message:
        message["message"] = message["message"][:_MESSAGE]
    beside = b"".join(map(_FD.pack, fds or []))
    try:
        control.sendmsg(
            [protocol.to_json(message).encode("utf-8", "replace")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, beside)]
        )
    except OSError:
        os._exit(0)  # the workers die with their parent


def rehearse(times: int) -> None:
    """Tells and receives some packets, for what `worker.rehearse` runs cells for: what a zygote writes to its pages
    between two forks, it no longer shares with the worker before.
    """
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    for _ in range(times):
        tell(theirs, {"forked": 1}, [ours.fileno()])
        data, fds = receive(ours, 1)
        protocol.from_json(data.decode())
        os.close(fds[0])
    ours.close()
    theirs.close()
