"""Keys and tokens where systems and clouds keep them."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target
from rlm.sandbox.trials.registry import attempt


@attempt("nowhere", conclusive=True)
def read_tokens_of_the_platform(t: Target) -> str | None:
    """Service account tokens and mounted secrets, of Kubernetes and of containers."""
    import glob

    usual = ("/var/run/secrets/kubernetes.io/serviceaccount/token", "/run/secrets/*", "/var/run/secrets/*/*/token")
    for pattern in usual:
        for path in glob.glob(pattern):
            with open(path, "rb") as file:
                return f"{path}: {len(file.read())} bytes"
    return None


@attempt("nowhere", conclusive=True)
def read_tokens_of_the_user(t: Target) -> str | None:
    """Keys of SSH, clouds, registries and version control, in every home."""
    import glob
    import os

    kept = [".ssh/id_*", ".aws/credentials", ".config/gcloud/*.json", ".docker/config.json", ".netrc"]
    kept += [".git-credentials", ".kube/config", ".modal.toml", ".config/rlm/config.toml"]
    for home in {os.path.expanduser("~"), "/root", *glob.glob("/home/*")}:
        for name in kept:
            for path in glob.glob(os.path.join(home, name)):
                with open(path, "rb") as file:
                    return f"{path}: {len(file.read())} bytes"
    return None


@attempt(conclusive=True)
def read_every_environment(t: Target) -> str | None:
    """Variables of other processes that are named as secrets are."""
    import glob
    import os
    import re

    own = f"/proc/{os.getpid()}/environ"
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                found = re.search(rb"(?:^|\0)(\w*(?:API_KEY|SECRET|TOKEN|PASSWORD)\w*)=", file.read())
        except OSError:
            continue
        if found and path != own:
            return f"{path} has {found[1].decode()}"
    return None
