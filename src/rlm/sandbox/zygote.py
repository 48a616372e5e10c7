"""Starts the process zygote: `python -S -P -s -X utf8 zygote.py CONTROL_FD HOST_PIDFD PATHS`. Linux only.

Short, because Python compiles a program each time that it is started: all in one file took 4 ms longer.
"""

from __future__ import annotations

import os
import sys

PACKAGE = "rlm_worker"


def main(control: int, host: int, paths: str) -> None:
    """Makes a package of the files beside this one, and has it go on. Does not return."""
    package = type(sys)(PACKAGE)
    at_fork: list[dict[str, object]] = []  # what modules want done in a fork: `threading`'s takes 0.4 MB of each
    os.register_at_fork = lambda **hooks: at_fork.append(hooks)
    vars(package).update(__path__=[os.path.dirname(os.path.abspath(__file__))], at_fork=at_fork)
    sys.modules[PACKAGE] = package
    __import__(PACKAGE + ".process_zygote")
    sys.modules[PACKAGE + ".process_zygote"].main(control, host, paths)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
