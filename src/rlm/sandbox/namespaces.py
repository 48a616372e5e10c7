"""The namespaces that bwrap makes, in the way that this machine allows; and what to do where it allows none."""

from __future__ import annotations

import contextlib
import functools
import subprocess
from pathlib import Path

from rlm.errors import SandboxUnavailableError

# The zygote is process 1 of its namespace: what ends with it is all there is.
_NAMESPACES = (
    *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--hostname", "rlm", "--die-with-parent", "--as-pid-1", "--cap-drop", "ALL", "--chdir", "/", "--proc", "/proc"),
)
# The zygote mounts a /tmp for each worker, which keeps no capability. Root needs no user namespace where it has its
# capabilities, and each worker gets a uid of its own there.
_AS_ROOT = ("--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETUID")
_AS_USER = ("--unshare-user", "--cap-add", "CAP_SYS_ADMIN")
_PROBE = 10.0  # seconds


@functools.cache
def arguments(bwrap: str, uid: int) -> tuple[str, ...]:
    """The arguments that make them here: found by trying, once, and again where none did.

    Args:
        bwrap: Its path.
        uid: Of the user who runs it.

    Raises:
        SandboxUnavailableError: They can't; says what to do.
    """
    said = ""
    for way in (_AS_ROOT, _AS_USER) if uid == 0 else (_AS_USER,):
        command = [bwrap, *_NAMESPACES, *way, "--ro-bind", "/", "/", "--size", "4096", "--tmpfs", "/tmp", "--", "true"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_PROBE, errors="replace", check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailableError(f"bwrap can't be run: {error}") from None
        if done.returncode == 0:
            return (*_NAMESPACES, *way)
        said = done.stderr.strip()[:500]
    raise SandboxUnavailableError(f"bwrap can't make a sandbox ({said}): {_fix(said)}")


def _fix(said: str) -> str:
    if "--size" in said:
        return "it takes bubblewrap 0.7 or newer, and not one that is setuid"
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "give /usr/bin/bwrap an AppArmor profile that allows `userns` (docs/launchers/bubblewrap.md has it)"
    if _setting("kernel/unprivileged_userns_clone") == "0":
        return "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"
    if _setting("user/max_user_namespaces") == "0":
        return "allow user namespaces: sysctl user.max_user_namespaces=10000"
    return "in a container, allow it to make namespaces and to mount /proc, or use the sandbox 'local'"


def _setting(name: str) -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    return ""
