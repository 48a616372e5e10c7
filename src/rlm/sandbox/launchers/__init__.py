"""The launchers by name; each is imported when it is asked for."""

from __future__ import annotations

import difflib
import importlib

from rlm.errors import ConfigError
from rlm.sandbox.launchers.base import Launcher
from rlm.sandbox.options import Sandbox

LAUNCHERS = {
    "local": "rlm.sandbox.launchers.local:LocalLauncher",
    "bubblewrap": "rlm.sandbox.launchers.bubblewrap:BubblewrapLauncher",
    "docker": "rlm.sandbox.launchers.docker:DockerLauncher",
    "wasm": "rlm.sandbox.launchers.wasm:WasmLauncher",
    "ssh": "rlm.sandbox.launchers.ssh:SshLauncher",
    "e2b": "rlm.sandbox.launchers.e2b:E2BLauncher",
    "kubernetes": "rlm.sandbox.launchers.kubernetes:KubernetesLauncher",
    "seatbelt": "rlm.sandbox.launchers.seatbelt:SeatbeltLauncher",
    "jupyter": "rlm.sandbox.launchers.jupyter:JupyterLauncher",
    "modal": "rlm.sandbox.launchers.modal:ModalLauncher",
    "daytona": "rlm.sandbox.launchers.daytona:DaytonaLauncher",
    "prime": "rlm.sandbox.launchers.prime:PrimeLauncher",
    "unconfined": "rlm.sandbox.launchers.unconfined:UnconfinedLauncher",
}


def find_launcher(sandbox: str | Sandbox | Launcher) -> Launcher:
    """The launcher of that name, made with the options that come with it; a launcher is given back as it is.

    Raises:
        ConfigError: There is none, or it can't keep an option.
    """
    if isinstance(sandbox, str):
        sandbox = Sandbox(sandbox)
    if not isinstance(sandbox, Sandbox):
        if isinstance(sandbox, type) or not callable(getattr(sandbox, "open", None)):
            raise ConfigError(f"sandbox is a name, a Sandbox(...) or a launcher, not {sandbox!r:.80}")
        return sandbox
    name = sandbox.name
    if name not in LAUNCHERS:
        near = difflib.get_close_matches(name, LAUNCHERS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"no sandbox {name!r}; there is: {', '.join(LAUNCHERS)}{hint}")
    module, _, launcher = LAUNCHERS[name].partition(":")
    found: Launcher = getattr(importlib.import_module(module), launcher)(sandbox)
    return found
