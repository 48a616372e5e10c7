"""What `sandbox-exec` is told: the profile of a worker on macOS. Unverified there."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from rlm.sandbox import lockdown

_CODE = os.path.dirname(os.path.abspath(__file__))
# What any program of macOS reads as it starts, and what Python's libraries are linked with.
_SYSTEM = ("/usr/lib", "/System/Library", "/System/Volumes/Preboot/Cryptexes", "/private/var/db/dyld", "/dev/fd")
_DEVICES = ("/dev/random", "/dev/urandom", "/dev/zero")


def profile(read: Sequence[str], write: Sequence[str] = ()) -> str:
    """What is allowed, in the language of seatbelt: Python, what it needs, and the paths given.

    Args:
        read: Files and folders that can be read, with all below them.
        write: Folders that can be written and read.
    """
    python = os.path.realpath(sys.executable)
    programs = [python, f"{sys.base_prefix}/Resources/Python.app/Contents/MacOS/Python"]
    needed = (*_SYSTEM, *lockdown.readable(), sys.base_prefix, _CODE, *read)
    readable = list(dict.fromkeys(map(os.path.realpath, needed)))
    writable = list(map(os.path.realpath, write))
    return "\n".join(
        [
            "(version 1)",
            "(deny default)",
            "(allow process-fork)",
            f"(allow process-exec {_named('literal', programs)})",
            "(allow signal (target same-sandbox))",
            "(allow sysctl-read)",
            "(allow file-read-metadata)",
            '(allow file-read* (literal "/"))',
            f"(allow file-read* {_named('literal', _DEVICES)} {_named('subpath', readable)})",
            '(allow file-read* file-write-data (literal "/dev/null"))',
            *([f"(allow file-read* file-write* {_named('subpath', writable)})"] if write else []),
        ]
    )


def _named(kind: str, paths: Sequence[str]) -> str:
    return " ".join(f"({kind} {json.dumps(path, ensure_ascii=False)})" for path in paths)
