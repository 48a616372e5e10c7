"""Files that hold keys by custom: listed in a folder, never read unless the user names them."""

from __future__ import annotations

import fnmatch
import re

_FILES = (
    *(
        ".env*",
        "*.env",
        ".netrc",
        "_netrc",
        ".npmrc",
        ".pypirc",
        ".pgpass",
        ".htpasswd",
        ".git-credentials",
        ".vault-token",
    ),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.p8", "*.ppk", "*.jks", "*.keystore", "*.kdbx", "*.gpg", "*.tfstate"),
    *(
        "id_rsa*",
        "id_dsa*",
        "id_ecdsa*",
        "id_ed25519*",
        "credentials",
        "credentials.json",
        "secrets.json",
        "secrets.y*ml",
        "secrets.toml",
        "*.ovpn",
    ),
)
_FOLDERS = frozenset({".ssh", ".aws", ".gnupg", ".kube", ".docker", ".azure", ".gcloud"})
_PATTERN = re.compile("|".join(fnmatch.translate(name) for name in _FILES), re.IGNORECASE)


def may_hold_keys(name: str, is_folder: bool) -> bool:
    """Whether a file or folder of this name (its last part) is one that keys are kept in."""
    return name.lower() in _FOLDERS if is_folder else _PATTERN.match(name) is not None
