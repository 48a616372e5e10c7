"""A model hub on loopback: the answers of huggingface.co that a download needs, out of a dict of files."""

import json
import threading
from collections.abc import Mapping
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Serves `{repository: {file: its bytes}}` for as long as its `with` block.

    Attributes:
        url: Its endpoint, as HF_ENDPOINT takes it.
        requests: What it was asked for, as `METHOD path`.
        breaks: Ends each download after this many bytes.
        gated: Repositories that nobody was let into.
    """

    def __init__(self, repositories: Mapping[str, Mapping[str, bytes]]) -> None:
        self.repositories = repositories
        self.requests: list[str] = []
        self.breaks: int | None = None
        self.gated: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FakeHub":
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def point(self, monkeypatch: pytest.MonkeyPatch, cache: object) -> None:
        """Makes huggingface_hub, in this process, use this hub and the folder `cache`."""
        point(monkeypatch, self.url, cache)


def point(monkeypatch: pytest.MonkeyPatch, url: str, cache: object) -> None:
    """Makes huggingface_hub, in this process, use the hub at `url` and the folder `cache`."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.hub.requests.append(f"{self.command} {self.path}")
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/"):
            self._describe(*path.removeprefix("/api/models/").partition("/tree/")[:2])
        else:
            repo, _, rest = path.lstrip("/").partition("/resolve/")
            _, _, name = rest.partition("/")
            self._file(repo, name)

    def _refuse(self, repo: str) -> bool:
        if repo in self.hub.gated:
            self._answer(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": f"Access to {repo} is restricted"})
        elif repo not in self.hub.repositories:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        else:
            return False
        return True

    def _describe(self, repo: str, tree: str) -> None:
        if self._refuse(repo):
            return
        files = self.hub.repositories[repo]
        described: object
        if tree:
            described = [
                {"type": "file", "oid": COMMIT, "size": len(data), "path": name} for name, data in files.items()
            ]
        else:
            siblings = [{"rfilename": name} for name in files]
            described = {"id": repo, "modelId": repo, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings}
        self._answer(200, json.dumps(described).encode(), {"Content-Type": "application/json"})

    def _file(self, repo: str, name: str) -> None:
        if self._refuse(repo):
            return
        data = self.hub.repositories[repo].get(name)
        if data is None:
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            return
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        headers = {"ETag": f'"{sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self._answer(206 if begin else 200, data[begin:], headers)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.breaks is not None and "/resolve/" in self.path:
            self.wfile.write(body[: self.hub.breaks])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
