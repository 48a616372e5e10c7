"""Landlock through ctypes: which files of the host the worker may open, at whatever ABI the kernel has.

Worker-side: standard library only, Python 3.8+. Numbers from `linux/landlock.h`; the three system calls have the same
numbers on every architecture.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_QUERY_VERSION = 1
_RULE_PATH_BENEATH = 1
_KNOWN_ABI = 7

WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
# What a writable folder allows: files and folders, made, changed, renamed and removed; no link, device, socket or FIFO.
_WRITABLE = WRITE_FILE | READ_FILE | READ_DIR | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14

_call: Any = getattr(ctypes.CDLL(None, use_errno=True), "syscall", None)


def _syscall(number: int, *args: object) -> int:
    result: int = _call(ctypes.c_long(number), *args)
    return result


def abi() -> int:
    """The Landlock ABI of this kernel; 0 where there is none, and then `ctypes.get_errno()` says why."""
    version = _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_QUERY_VERSION))
    return max(version, 0)


def _handled(abi: int) -> bytes:
    """`struct landlock_ruleset_attr` that denies everything which this ABI can deny, at the size it had then."""
    rights = 13 + (abi >= 2) + (abi >= 3) + (abi >= 5)  # refer, truncate, device ioctls came one bit at a time
    attributes = struct.pack("=Q", (1 << rights) - 1)
    if abi >= 4:
        attributes += struct.pack("=Q", 0b11)  # bind and connect of TCP
    if abi >= 6:
        attributes += struct.pack("=Q", 0b11)  # abstract UNIX sockets and signals beyond this process
    return attributes


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # what isn't there needs no rule, and without a rule it stays denied
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= ~READ_DIR  # the kernel refuses a folder's right on a file
        rule = struct.pack("=Qi", rights, fd)
        if _syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), rule, ctypes.c_uint(0)):
            raise OSError(ctypes.get_errno(), "landlock_add_rule failed for", path)
    finally:
        os.close(fd)


def make_ruleset(read: Iterable[str], devices: dict[str, int], abi: int, write: Iterable[str] = ()) -> int:
    """Rules that deny every file but those given, and at newer ABIs TCP, abstract sockets and signals too.

    Args:
        read: Files and folders that stay readable, with all that is below them.
        devices: Files to their rights (`READ_FILE`, `WRITE_FILE`).
        abi: The ABI to use, at most the kernel's.
        write: Folders that files can be made and changed in.

    Returns:
        A descriptor of them, for `restrict`.

    Raises:
        OSError: The kernel refused.
    """
    attributes = _handled(min(abi, _KNOWN_ABI))
    ruleset = _syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset failed")
    try:
        for path in read:
            _allow(ruleset, path, READ_FILE | READ_DIR)
        for path, rights in devices.items():
            _allow(ruleset, path, rights)
        for path in write:
            _allow(ruleset, path, _WRITABLE | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0))
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def restrict(ruleset: int) -> None:
    """Holds this process to the rules for good, and closes them.

    Files that are open already stay usable: what must not be reached has to be closed before.

    Raises:
        OSError: The kernel refused; nothing may run then.
    """
    try:
        if _syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0)):
            raise OSError(ctypes.get_errno(), "landlock_restrict_self failed")
    finally:
        os.close(ruleset)
