"""What a server of the user's serves: its models, and how many tokens each takes as it is loaded now."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from rlm.errors import ConfigError, MissingKeyError
from rlm.types import JSON

_SECONDS = 5.0
_MOST_BYTES = 4 << 20
# A model that Ollama has not loaded yet gets the window of $OLLAMA_CONTEXT_LENGTH, which it does not tell, and by
# default at least this: https://docs.ollama.com/context-length. It cuts longer prompts without a word.
_OLLAMA_LEAST = 4096
_NUM_CTX = re.compile(r"^num_ctx\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Served:
    """A model that a server has.

    Attributes:
        name: As requests name it.
        window: Tokens of prompt and answer together; None if the server does not say.
        loaded: Whether it is in memory.
    """

    name: str
    window: int | None = None
    loaded: bool = False


class Server:
    """A server that is asked what it serves: one request after another, each for at most 5 s.

    Args:
        name: What kind of server it should be, for messages.
        url: Its base URL, which may end in `/v1`.
        headers: With the key, if it wants one.
    """

    def __init__(self, name: str, url: str, headers: Mapping[str, str]) -> None:
        self.name = name
        self._parts = urlsplit(url)
        self._root = self._parts.path.rstrip("/").removesuffix("/v1")
        self._headers = dict(headers)
        self._shown = self._parts._replace(query="").geturl()

    def get(self, path: str, body: JSON = None) -> dict[str, Any]:
        """The JSON object at `path`, below the root; posted to, where there is a body.

        Raises:
            ConfigError: Nothing answers there, or something else does.
            MissingKeyError: It wants a key.
        """
        text = None if body is None else json.dumps(body)
        try:
            status, answer = self._ask("GET" if text is None else "POST", self._root + path, text)
            value = json.loads(answer) if status == 200 else None
        except (OSError, http.client.HTTPException) as error:
            raise ConfigError(
                f"no {self.name} server answers at {self._shown} ({type(error).__name__}): start it, or give `base_url`"
            ) from error
        except ValueError:
            value = None
        if status in (401, 403):
            raise MissingKeyError(f"the {self.name} server at {self._shown} wants a key: give `api_key`")
        if not isinstance(value, dict):
            raise ConfigError(f"what answers at {self._shown} is no {self.name} server: {path} gave {status}")
        return value

    def _ask(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        # http.client reads no proxy from the environment, and follows no redirect with the key.
        host, port = self._parts.hostname or "", self._parts.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=ssl.create_default_context())
            if self._parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=_SECONDS)
        )
        try:
            connection.request(method, path, body, {**self._headers, "Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read(_MOST_BYTES)
        finally:
            connection.close()


# The model that is wanted, empty for any, and the server: what there is, the window of the wanted one read.
Look: TypeAlias = Callable[[Server, str], Sequence[Served]]


def listed(server: Server, wanted: str) -> Sequence[Served]:
    """As vLLM and SGLang say it: `max_model_len` of `/v1/models`."""
    return [
        Served(str(entry.get("id")), _tokens(entry.get("max_model_len")), loaded=True)
        for entry in _entries(server.get("/v1/models"), "data")
    ]


def llamacpp(server: Server, wanted: str) -> Sequence[Served]:
    """llama.cpp's: `/props` has the window of one slot, which is what a request gets."""
    window = None
    settings = server.get("/props").get("default_generation_settings")
    if isinstance(settings, dict):
        window = _tokens(settings.get("n_ctx"))
    return [Served(str(entry.get("id")), window, loaded=True) for entry in _entries(server.get("/v1/models"), "data")]


def lmstudio(server: Server, wanted: str) -> Sequence[Served]:
    """LM Studio's `/api/v0/models`: the window as loaded, or what the model takes at most."""
    found = []
    for entry in _entries(server.get("/api/v0/models"), "data"):
        if entry.get("type") != "embeddings":
            window = _tokens(entry.get("loaded_context_length")) or _tokens(entry.get("max_context_length"))
            found.append(Served(str(entry.get("id")), window, entry.get("state") == "loaded"))
    return found


def ollama(server: Server, wanted: str) -> Sequence[Served]:
    """Ollama's: what runs (`/api/ps`) says its window; else the model's own `num_ctx`, else what is certain."""
    running = {
        str(entry.get("name")): _tokens(entry.get("context_length"))
        for entry in _entries(server.get("/api/ps"), "models")
    }
    names = [str(entry.get("name")) for entry in _entries(server.get("/api/tags"), "models")]
    chosen = choose([Served(name, loaded=name in running) for name in names], wanted)
    return [
        Served(name, running.get(name) or (_ollama_window(server, name) if name == chosen else None), name in running)
        for name in names
    ]


def _ollama_window(server: Server, name: str) -> int:
    shown = server.get("/api/show", {"model": name})
    if found := _NUM_CTX.search(str(shown.get("parameters") or "")):
        return int(found[1])
    details = shown.get("model_info")
    trained = [
        tokens
        for key, value in (details.items() if isinstance(details, dict) else ())
        if key.endswith(".context_length") and (tokens := _tokens(value)) is not None
    ]
    return min([_OLLAMA_LEAST, *trained])


def choose(served: Sequence[Served], wanted: str) -> str | None:
    """The name of the model that is wanted: Ollama's `:latest` may be left out.

    Where none is named, it is the only one, or else the only one in memory; None if there is no such.
    """
    names = [one.name for one in served]
    if wanted:
        return next((name for name in (wanted, f"{wanted}:latest") if name in names), None)
    loaded = [one.name for one in served if one.loaded]
    return next((some[0] for some in (names, loaded) if len(some) == 1), None)


def find(server: Server, look: Look, wanted: str) -> Served:
    """The model that is wanted, or the only one where none is named.

    Raises:
        ConfigError: There is no such, or there are several to choose from; the message lists them.
    """
    served = look(server, wanted)
    name = choose(served, wanted)
    if name is not None:
        return next(one for one in served if one.name == name)
    there = ", ".join(f"{server.name}/{one.name}" for one in served) or "no model"
    if not wanted:
        raise ConfigError(f"{server.name}/ names no model, and the server has {there}")
    near = get_close_matches(wanted, [one.name for one in served], 1)
    meant = f"; meant {server.name}/{near[0]}?" if near else ""
    raise ConfigError(f"the {server.name} server has no model {wanted!r}; it has {there}{meant}")


def _entries(value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = value.get(name)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _tokens(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
