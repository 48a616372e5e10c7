"""A real sshd on loopback, with keys and a config of its own; it lets in whoever runs the tests."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time

CONFIG = """
Host box
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known
    GlobalKnownHostsFile /dev/null
Host stranger
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile {folder}/key
    UserKnownHostsFile /dev/null
    GlobalKnownHostsFile /dev/null
Host denied
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile {folder}/host
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known
    GlobalKnownHostsFile /dev/null
Host closed
    HostName 127.0.0.1
    Port 1
"""
SERVER = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
StrictModes no
UsePAM no
AcceptEnv *
SetEnv TMPDIR={folder}/tmp
"""


class Sshd:
    """The server; `config` is the file for `ssh -F`, in which it is `box`. Its sessions have `tmp` for their files."""

    def __init__(self, folder):
        self.folder = folder
        self.tmp = folder / "tmp"
        self.tmp.mkdir()
        folder.chmod(0o700)
        for name in ("host", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        shutil.copy(folder / "key.pub", folder / "authorized")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        host_key = (folder / "host.pub").read_text().split()
        (folder / "known").write_text(f"[127.0.0.1]:{port} {host_key[0]} {host_key[1]}\n")
        user = pwd.getpwuid(os.getuid()).pw_name
        self.config = folder / "config"
        self.config.write_text(CONFIG.format(port=port, user=user, folder=folder))
        (folder / "sshd_config").write_text(SERVER.format(port=port, folder=folder))
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # sshd separates privileges there
        self.process = subprocess.Popen(
            [shutil.which("sshd", path="/usr/sbin:/usr/bin"), "-D", "-e", "-f", str(folder / "sshd_config")],
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                return
            time.sleep(0.02)
        raise RuntimeError("sshd does not listen")

    def close(self):
        self.process.kill()
        self.process.wait()
