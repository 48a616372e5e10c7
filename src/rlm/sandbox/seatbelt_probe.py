"""Tries, inside `sandbox-exec`, what a cell must not be able to do, and prints what it could, a line each; then `end`.

`python -c SOURCE SECRET FOLDER PORT`: a file that is not to be read, a folder not to be listed or written, a port of
the loopback not to be reached. Standard library only.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable


def main(secret: str, folder: str, port: int) -> None:
    """Tries each."""
    attempts: list[tuple[str, Callable[[], object]]] = [
        ("read a file", lambda: os.close(os.open(secret, os.O_RDONLY))),
        ("list a folder", lambda: os.listdir(folder)),
        ("write a file", lambda: os.close(os.open(os.path.join(folder, "made"), os.O_WRONLY | os.O_CREAT))),
        ("reach the network", lambda: socket.create_connection(("127.0.0.1", port), 5).close()),
        ("start a program", lambda: os.execv("/bin/sh", ["sh", "-c", "echo start a program; echo end"])),
    ]
    for name, act in attempts:
        try:
            act()
            print(name, flush=True)
        except OSError:
            pass
    print("end")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
