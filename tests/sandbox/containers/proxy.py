"""The engine as if it were on another machine: a TCP port of ours in front of its socket, which can be cut."""

import contextlib
import selectors
import socket
import threading


class Proxy:
    """Hands bytes on between a port on loopback and a Unix socket, in a thread, for as long as its `with` block."""

    def __init__(self, address):
        self._path = address.removeprefix("unix://")
        self._wake, self._woken = socket.socketpair()
        self._begin(0)
        self.url = f"tcp://127.0.0.1:{self._listening.getsockname()[1]}"

    def _begin(self, port):
        self._selector = selectors.DefaultSelector()
        self._listening = socket.create_server(("127.0.0.1", port))
        self._pairs = {}
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def cut(self):
        """Ends every connection, and takes no more."""
        self._wake.send(b"x")
        self._thread.join(5)
        assert not self._thread.is_alive()

    def come_back(self):
        """Takes connections again, after a cut."""
        self._woken.recv(1)
        self._selector.close()
        self._begin(int(self.url.rpartition(":")[2]))
        self._thread.start()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        if self._thread.is_alive():
            self.cut()
        self._wake.close()
        self._woken.close()
        self._selector.close()

    def _serve(self):
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    for one in [*self._pairs, self._listening]:
                        one.close()
                    return
                if key.fileobj is self._listening:
                    self._open()
                elif key.fileobj in self._pairs:
                    self._pass(key.fileobj)

    def _open(self):
        theirs, _ = self._listening.accept()
        ours = socket.socket(socket.AF_UNIX)
        ours.connect(self._path)
        for one, other in ((theirs, ours), (ours, theirs)):
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass(self, one):
        other = self._pairs[one]
        try:
            data = one.recv(1 << 16)
            if data:
                other.sendall(data)
                return
        except OSError:
            data = b""
        self._selector.unregister(one)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)
        self._pairs[one] = one
        if self._pairs[other] is other:  # both directions have ended
            for each in (one, other):
                del self._pairs[each]
                each.close()
