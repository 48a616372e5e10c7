"""Starts one worker by itself, where there is no zygote: in a container, on another machine, on macOS.

`python start.py INPUT OPTIONS`: the input's bytes and a JSON object of options, two files. Frames travel over standard
input and output. The files that `worker.SHIPPED` names lie beside this one. Confines nothing: that is the sandbox's
part around it. Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import json
import os
import sys
import types

PACKAGE = "rlm_worker"


def main(input_path: str, options_path: str) -> None:
    """Runs cells until standard input ends. Does not return."""
    receive, send = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", 0)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):  # what a cell prints past `sys.stdout` must not reach the wire
        os.dup2(null, fd)
    os.close(null)
    package = types.ModuleType(PACKAGE)
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules[PACKAGE] = package
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != package.__path__[0]]
    __import__(PACKAGE + ".worker")
    corpus, worker = sys.modules[PACKAGE + ".corpus"], sys.modules[PACKAGE + ".worker"]
    with open(options_path, "rb") as file:
        options = json.load(file)
    with open(input_path, "rb") as file:
        loaded = corpus.build_context(options["kind"], options["parts"], file.fileno())
    if options["piece"] is not None:
        start, end, name = options["piece"]
        loaded = corpus.slice_context(loaded, name, start, end)

    def send_whole(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[send.write(view) :]

    worker.Worker(receive.read, send_whole, loaded, []).serve()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
