"""Any way to be heard outside. The host's listeners are the judges of those that reach them."""

# ruff: noqa: D403 (the docstrings name what is called)

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, call
from rlm.sandbox.trials.registry import attempt


@attempt()
def tcp(t: Target) -> str | None:
    """TCP to the loopback."""
    import socket

    return f"connected: {socket.create_connection(('127.0.0.1', t.tcp), timeout=2)}"


@attempt("nowhere")
def tcp_over_ipv6(t: Target) -> str | None:
    """TCP over IPv6."""
    import socket

    return f"connected: {socket.create_connection(('::1', t.tcp6), timeout=2)}"


@attempt("nowhere")
def tcp_fast_open(t: Target) -> str | None:
    """sendto() with MSG_FASTOPEN: data without connect()."""
    import socket

    sock = socket.socket()
    return f"{sock.sendto(b'hello', 0x20000000, ('127.0.0.1', t.tcp))} bytes"


@attempt()
def udp(t: Target) -> str | None:
    """UDP, which Landlock does not know."""
    import socket

    sent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", t.udp))
    return f"{sent} bytes"


@attempt()
def http(t: Target) -> str | None:
    """urllib to a server of the host's."""
    import urllib.request

    try:
        urllib.request.urlopen(f"http://127.0.0.1:{t.tcp}/", timeout=0.2)
    except TimeoutError:
        return "it would only have had to answer"
    return "answered"


@attempt()
def listen(t: Target) -> str | None:
    """A server of its own."""
    import socket

    return f"listens: {socket.create_server(('127.0.0.1', 0)).getsockname()}"


@attempt()
def resolve_a_name(t: Target) -> str | None:
    """getaddrinfo()."""
    import socket

    return str(socket.getaddrinfo("localhost", 80))


@attempt()
def list_interfaces(t: Target) -> str | None:
    """Netlink, by if_nameindex()."""
    import socket

    return str(socket.if_nameindex())


@attempt()
def netlink(t: Target) -> str | None:
    """A netlink socket."""
    import socket

    return f"{socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)}"


@attempt("nowhere")
def raw_ip(t: Target) -> str | None:
    """A raw ICMP socket."""
    import socket

    return f"{socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)}"


@attempt("nowhere")
def raw_packets(t: Target) -> str | None:
    """A packet socket."""
    import socket

    return f"{socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))}"


@attempt("nowhere")
def vsock(t: Target) -> str | None:
    """A vsock, to the hypervisor."""
    import socket

    return f"{socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)}"


@attempt("nowhere")
def every_other_family(t: Target) -> str | None:
    """socket() of all 46 address families."""
    import socket

    found = []
    for family in range(47):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            try:
                found.append(socket.socket(family, kind).family)
            except OSError:
                continue
    return str(found) if found else None


@attempt()
def unix_by_path(t: Target) -> str | None:
    """A UNIX stream socket with a path, which Landlock does not know."""
    import socket

    socket.socket(socket.AF_UNIX).connect(t.unix)
    return "connected"


@attempt()
def unix_datagram_by_path(t: Target) -> str | None:
    """A UNIX datagram socket with a path, as syslog has."""
    import socket

    return f"{socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'hello', t.unix_datagram)} bytes"


@attempt()
def unix_abstract(t: Target) -> str | None:
    """An abstract UNIX socket."""
    import socket

    socket.socket(socket.AF_UNIX).connect("\0" + t.abstract)
    return "connected"


@attempt()
def datagram_pair_to_an_address(t: Target) -> str | None:
    """One end of a datagram socketpair() still sends to any path."""
    import socket

    end, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return f"{end.sendto(b'hello', t.unix_datagram)} bytes"


@attempt()
def datagram_pair_by_sendmsg(t: Target) -> str | None:
    """The same by sendmsg(), whose address a filter can't see."""
    import socket

    end, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return f"{end.sendmsg([b'hello'], [], 0, t.unix_datagram)} bytes"


@attempt()
def reconnect_a_pair(t: Target) -> str | None:
    """connect() of one end of a socketpair()."""
    import socket

    end, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.connect(t.unix_datagram)
    return f"{end.send(b'hello')} bytes"


@attempt()
def address_at_4_gib(t: Target) -> str | None:
    """sendto() with an address whose low 32 bits are 0, for filters that look at half of a pointer."""
    import ctypes
    import mmap
    import socket
    import struct

    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    fixed_noreplace = 0x100000
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | fixed_noreplace
    for high in range(1, 64):
        at = libc.mmap(ctypes.c_void_p(high << 32), ctypes.c_size_t(4096), 3, flags, -1, ctypes.c_long(0))
        if at == high << 32:
            break
    address = struct.pack("=H", socket.AF_UNIX) + t.unix_datagram.encode() + b"\0"
    ctypes.memmove(at, address, len(address))
    end, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return f"{call('sendto', end.fileno(), b'hello', 5, 0, at, len(address))} bytes"
