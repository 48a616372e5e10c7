"""Serves a page about runs, from their traces and nothing else: it only reads, and only what a run's folder holds.

It listens on loopback unless it is asked to do otherwise, and then every path begins with a token. On loopback,
requests whose `Host` is another name are refused, so no site's page can read here through a name of its own.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from rlm.coverage import Coverage, coverage
from rlm.errors import ConfigError, RlmError
from rlm.trace import runs
from rlm.trace.reader import LOG, PACK
from rlm.types import JSON
from rlm.viewer import run_data
from rlm.viewer.script import PAGE, script

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_KINDS = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
_PART = 8 << 20  # bytes of a log that one answer has
_LONGEST = 64 << 20  # bytes of a line, or of one string
_MOST_FOLLOWED = 32  # runs that are followed at once: each takes a thread
_LOOK = 0.2  # seconds between looks at a log that grows
_QUIET = 10.0  # seconds after which a follower is told that the line still stands
_COVERED = 4  # runs whose coverage is kept, each with its input
_MOST_STRINGS = 200  # strings that one answer has
_MOST_INPUT = 1_000_000  # characters of an input that one answer has
_ITEM = re.compile(r"runs/(?P<run>[^/]+)/(?P<what>events|follow|coverage|citations|strategy|input|strings)")


class Refused(Exception):  # noqa: N818 (an answer, and no failure of ours)
    """A request that is answered with a status and a line of text."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class Viewer(ThreadingHTTPServer):
    """The server. `serve_forever` runs it; `url` is where the page is.

    Args:
        folder: The folder of runs.
        host: The address to listen on; any but loopback gives the page a token.
        port: 0 takes a free one.

    Raises:
        ConfigError: It can't listen there.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self.folder = folder
        self.local = _is_loopback(host)
        self.token = "" if self.local else secrets.token_urlsafe(24)
        self.followers = threading.BoundedSemaphore(_MOST_FOLLOWED)
        self._covered: OrderedDict[str, Coverage] = OrderedDict()
        self.covering = threading.Lock()
        try:
            super().__init__((host, port), Handler)
        except OSError as error:
            raise ConfigError(f"the viewer can't listen on {host}:{port}: {error.strerror}") from error
        self.port = self.server_address[1]
        self.hosts = {f"{name}:{self.port}" for name in ("localhost", "127.0.0.1", "[::1]", host)}

    @property
    def url(self) -> str:
        """Where the page is, token included."""
        host = str(self.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/{self.token + '/' if self.token else ''}"

    def run(self, name: str) -> Path:
        """The folder of a run that the folder of runs holds.

        Raises:
            Refused: There is none of that name.
        """
        run = self.folder / name
        # A link in somebody else's trace could name any file of ours.
        if name not in runs.names(self.folder) or any((run / file).is_symlink() for file in (LOG, PACK)):
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such run")
        return run

    def coverage(self, path: Path) -> Coverage:
        """What a run read, which takes up to seconds to find: kept for the next questions about it.

        Raises:
            RlmError: It can't be told.
        """
        with self.covering:  # one at a time: it takes memory in proportion to the input
            if path.name not in self._covered:
                self._covered[path.name] = coverage(path)
                while len(self._covered) > _COVERED:
                    self._covered.popitem(last=False)
            return self._covered[path.name]


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    server: Viewer
    protocol_version = "HTTP/1.1"
    server_version = "rlm"
    sys_version = ""
    timeout = 60
    routes: ClassVar[dict[str, Callable[[Handler, Path, dict[str, str]], None]]]

    def handle(self) -> None:
        """Answers until the browser goes, which it may do at any time."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """Answers a GET; everything else is refused by the base class."""
        try:
            self._route()
        except Refused as refused:
            self._text(str(refused), status=refused.status)
        except RlmError as error:
            self._text(str(error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
        except ConnectionError:
            self.close_connection = True
        except OSError as error:  # the run was pruned meanwhile, or its folder lacks a file
            self._text(f"it can't be read: {error.strerror}", status=HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: its lines would have the token."""

    def _route(self) -> None:
        if self.server.local and self.headers.get("Host", "") not in self.server.hosts:
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "this address is not served under that name")
        url = urlsplit(self.path)
        path = url.path.removeprefix("/")
        if self.server.token:
            given, _, path = path.partition("/")
            if not hmac.compare_digest(given.encode(), self.server.token.encode()):
                raise Refused(HTTPStatus.FORBIDDEN, "the URL lacks its token: rlm view printed it")
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if path == "" or path.startswith("page/"):
            self._page(path.removeprefix("page/") or "index.html")
        elif path == "api/runs":
            self._json(run_data.listed(self.server.folder))
        elif path == "api/strategies":
            self._json(run_data.strategies(self.server.folder))
        elif found := _ITEM.fullmatch(path.removeprefix("api/")):
            self.routes[found["what"]](self, self.server.run(unquote(found["run"])), query)
        else:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _page(self, name: str) -> None:
        if name == "script.js":
            self._answer(script().encode(), f"{_KINDS['js']}; charset=utf-8")
            return
        if name not in {item.name for item in PAGE.iterdir()}:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        kind = _KINDS[name.rpartition(".")[2]]
        self._answer((PAGE / name).read_bytes(), f"{kind}; charset=utf-8")

    def _events(self, run: Path, query: dict[str, str]) -> None:
        """Whole lines of the log from a byte on; `X-Next` is where the next ones begin, `X-End` where it ended."""
        start = _number(query, "from")
        end = (run / LOG).stat().st_size
        lines = _lines(run, start)
        self._answer(lines, "text/plain; charset=utf-8", {"X-Next": str(start + len(lines)), "X-End": str(end)})

    def _follow(self, run: Path, query: dict[str, str]) -> None:
        """Lines of a log as they are written, as server-sent events, until the run ends."""
        if not self.server.followers.acquire(blocking=False):
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many runs are followed at once")
        try:
            self._head(HTTPStatus.OK, "text/event-stream", None, {})
            self.close_connection = True
            for line in _growing(run, _number(query, "from")):
                self.wfile.write(b"data: " + line + b"\n\n" if line else b": \n\n")
                self.wfile.flush()
            self.wfile.write(b"event: end\ndata: \n\n")
        finally:
            self.server.followers.release()

    def _strings(self, run: Path, query: dict[str, str]) -> None:
        """Strings of the pack, a list: `places=OFFSET/LENGTH/HASH,...`; of each the first `longest` bytes."""
        longest = _number(query, "longest")
        found: list[JSON] = []
        left = _LONGEST
        for text in query.get("places", "").split(",")[:_MOST_STRINGS]:
            place = re.fullmatch(r"(\d{1,15})/(\d{1,15})/([0-9a-f]{16})", text)
            if place is None:
                raise Refused(HTTPStatus.BAD_REQUEST, f"that is no place in the pack: {text[:60]}")
            offset, length = int(place[1]), int(place[2])
            left -= min(length, longest or length)
            if left < 0:
                raise Refused(HTTPStatus.BAD_REQUEST, f"these strings have more than {_LONGEST:,} bytes")
            found.append(run_data.string(run / PACK, offset, length, place[3], longest))
        self._json(found)

    def _coverage(self, run: Path, query: dict[str, str]) -> None:
        self._json(self.server.coverage(run).to_json())

    def _citations(self, run: Path, query: dict[str, str]) -> None:
        with self.server.covering:
            self._json(run_data.quoted(run))

    def _strategy(self, run: Path, query: dict[str, str]) -> None:
        self._json(run_data.strategy(run))

    def _input(self, run: Path, query: dict[str, str]) -> None:
        text, start, end = (_number(query, name) for name in ("text", "start", "end"))
        self._json(run_data.passage(self.server.coverage(run).input, text, start, min(end, start + _MOST_INPUT)))

    def _json(self, value: JSON) -> None:
        self._answer(json.dumps(value).encode(), "application/json")

    def _text(self, text: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._answer(text.encode("utf-8", "replace"), "text/plain; charset=utf-8", status=status)

    def _answer(
        self, body: bytes, kind: str, more: dict[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        self._head(status, kind, len(body), more or {})
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, size: int | None, more: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header(*(("Connection", "close") if size is None else ("Content-Length", str(size))))
        for name, value in {**_HEADERS, **more}.items():
            self.send_header(name, value)
        self.end_headers()


Handler.routes = {
    "events": Handler._events,
    "follow": Handler._follow,
    "strings": Handler._strings,
    "coverage": Handler._coverage,
    "citations": Handler._citations,
    "strategy": Handler._strategy,
    "input": Handler._input,
}


def _lines(run: Path, start: int) -> bytes:
    """Whole lines of a log from a byte on, some 8 MB of them at most, and one at least where there is one."""
    with open(run / LOG, "rb") as log:
        log.seek(start)
        part = log.read(_PART)
        if b"\n" not in part and len(part) == _PART:
            part += log.readline(_LONGEST)
            if not part.endswith(b"\n") and len(part) > _LONGEST:
                raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"the log has a line of more than {_LONGEST:,} bytes")
    return part[: part.rfind(b"\n") + 1]


def _growing(run: Path, start: int) -> Iterator[bytes]:
    """The lines of a log from a byte on, as they come, until the run ends; now and then an empty one."""
    told = time.monotonic()
    while True:
        ended = not runs.is_running(run)  # looked at first: what was written before it ended is read after
        lines = _lines(run, start)
        start += len(lines)
        for line in lines.splitlines():
            told = time.monotonic()
            yield line
        if ended and not lines:
            return
        if time.monotonic() - told > _QUIET:
            told = time.monotonic()
            yield b""
        time.sleep(0 if lines else _LOOK)


def _number(query: dict[str, str], name: str) -> int:
    value = query.get(name, "0")
    if not re.fullmatch(r"\d{1,15}", value):
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name} must be a number")
    return int(value)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
