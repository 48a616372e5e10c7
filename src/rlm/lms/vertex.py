"""Gemini models on Vertex AI: generateContent, with google-auth's tokens."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections.abc import Mapping
from typing import Any

from rlm.errors import ConfigError, LMRefusedError, LMUnavailableError, MissingKeyError
from rlm.lms.base import Price
from rlm.lms.gemini import Form, GenerateContent
from rlm.lms.http import Policy, unsent
from rlm.lms.wire import host_of, is_loopback
from rlm.types import JSON, Reply, Request

PROJECT_VARIABLE = "GOOGLE_CLOUD_PROJECT"
LOCATION_VARIABLE = "GOOGLE_CLOUD_LOCATION"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_MULTI_REGIONS = ("us", "eu")
_SECONDS = 10.0


class Vertex(GenerateContent):
    """A Gemini model in a project of Google Cloud.

    A token is fetched at the first call, in a thread, and again shortly before it ends.

    Args:
        model: Such as `gemini-2.5-flash`; or a resource, `publishers/...` or `projects/.../endpoints/...`.
        project: Default `$GOOGLE_CLOUD_PROJECT`, then that of the credentials.
        location: A region, `us`, `eu` or `global`; default `$GOOGLE_CLOUD_LOCATION`, then `global`.
        credentials: Of google-auth; default: the application's (`google.auth.default`).
        base_url: The endpoint, its version included; default: the location's. The application's credentials go to
            Google's hosts and this machine alone; another host gets those that are given.
        window: Tokens of prompt and answer together; default: what is known of the model.
        price: What it costs at worst; default: what is known of the model.
        max_tokens: The most output tokens, thinking included, where a request does not say.
        temperature: Sampling temperature where a request does not say.
        thinking_budget: Tokens for thinking; 0 turns it off, -1 leaves it to the model (2.5 and before).
        thinking_level: `minimal`, `low`, `medium`, `high` or `xhigh` (3 and after).
        stream: Whether replies are streamed: for long ones, and to know what a cancelled call has spent.
        extra: More fields of the body, such as `{"generationConfig": {"topK": 20}, "labels": {...}}`.
        headers: More headers.
        policy: Time-outs and retries.

    Raises:
        MissingKeyError: There are no credentials, none were given for an endpoint that is not Google's, or they name
            no project and nobody else does.
        ConfigError: google-auth is not installed, or an option can't be right.
    """

    def __init__(
        self,
        model: str,
        *,
        project: str | None = None,
        location: str | None = None,
        credentials: Any = None,
        base_url: str | None = None,
        window: int | None = None,
        price: Price | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        thinking_budget: int | None = None,
        thinking_level: str | None = None,
        stream: bool = False,
        extra: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        policy: Policy = Policy(),  # noqa: B008 (frozen)
    ) -> None:
        name = f"vertex/{model}"
        project = project or os.environ.get(PROJECT_VARIABLE)
        location = location or os.environ.get(LOCATION_VARIABLE) or "global"
        if not location.replace("-", "").isalnum():
            raise ConfigError(f"{location!r} is no location of Google Cloud")
        form = Form(max_tokens, temperature, thinking_budget, thinking_level, dict(extra or {}))
        if credentials is None and base_url is not None and not _is_googles(host := host_of(base_url)):
            raise MissingKeyError(f"{name} at {host} needs credentials of its own: give `credentials`")
        found, project = _credentials(name, credentials, project)
        path = _path(model, project, location)
        super().__init__(
            name,
            model.rpartition("/")[2],
            base_url or _endpoint(location),
            path,
            form,
            stream,
            headers=headers or {},
            window=window,
            price=price,
            policy=policy,
        )
        self._account = f"{self._host} {project} {model}"  # each model has a quota of its own
        self._credentials = found
        self._renewing = threading.Lock()
        self._place = f"{project}, {location}"

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            LMRefusedError: The request can't succeed as it is, the credentials included.
            LMUnavailableError: The endpoint, or what gives the tokens, failed and kept failing through the retries.
            LMReplyError: The prompt is too long, or the reply is empty, blocked, all thinking or none at all.
            CallCancelled: It was cancelled in the middle of a streamed reply, or before anything was sent.
        """
        if not self._is_fresh():
            async with unsent():
                await asyncio.to_thread(self._renew, None)
        used = self._headers["authorization"]
        try:
            return await super().complete(request)
        except LMRefusedError as error:
            if error.status != 401:
                raise
        # The token ended in the waits between attempts, or was withdrawn.
        async with unsent():
            await asyncio.to_thread(self._renew, used)
        return await super().complete(request)

    def _is_fresh(self) -> bool:
        return "authorization" in self._headers and self._credentials.token_state.name == "FRESH"

    def _renew(self, refused: str | None) -> None:
        """Gets a token: one thread does, and the others find it done."""
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.auth.transport.requests import Request as Transport

        with self._renewing:
            if self._is_fresh() and self._headers["authorization"] != refused:
                return
            signed: dict[str, str] = {}
            try:
                if refused is not None or self._credentials.token_state.name != "FRESH":
                    # Without a time-out of its own, a process would wait two minutes for this thread at its end.
                    self._credentials.refresh(functools.partial(Transport(), timeout=_SECONDS))
                self._credentials.apply(signed)
            except GoogleAuthError as error:
                said = f"{self.name}: no token for Google Cloud: {error.args[0] if error.args else error}"
                if isinstance(error, TransportError) or error.retryable:
                    raise LMUnavailableError(said) from error
                raise LMRefusedError(f"{said}; the credentials may have to be made anew", 401) from error
            self._headers = {**self._headers, **signed}

    def _hint(self, error: LMRefusedError) -> str:
        if error.status == 403:
            return f"; may the credentials use Vertex AI in {self._place}?"
        if error.status == 404:
            return f"; is {self._model!r} served in {self._place}?"
        return ""


def _endpoint(location: str) -> str:
    """Where a location is served.

    https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
    """
    if location == "global":
        return "https://aiplatform.googleapis.com/v1"
    if location in _MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com/v1"
    return f"https://{location}-aiplatform.googleapis.com/v1"


def _is_googles(host: str) -> bool:
    return host.endswith(".googleapis.com") or is_loopback(host)


def _path(model: str, project: str, location: str) -> str:
    if model.startswith("projects/"):
        return f"/{model}"
    resource = model if "/" in model else f"publishers/google/models/{model}"
    return f"/projects/{project}/locations/{location}/{resource}"


def _credentials(name: str, given: Any, project: str | None) -> tuple[Any, str]:
    """The credentials and the project."""
    try:
        import google.auth.credentials
        import google.auth.transport.requests
    except ImportError:
        raise ConfigError(f"{name} needs google-auth: pip install 'rlm-engine[vertex]'") from None
    if given is None:
        try:
            given, theirs = google.auth.default(scopes=[_SCOPE])
        except google.auth.exceptions.DefaultCredentialsError as error:
            raise MissingKeyError(
                f"{name} needs credentials of Google Cloud: run `gcloud auth application-default login`, or set "
                f"GOOGLE_APPLICATION_CREDENTIALS ({str(error).splitlines()[0]})"
            ) from None
        project = project or theirs
    project = project or getattr(given, "project_id", None)
    if not project:
        raise MissingKeyError(f"{name} needs a project: set {PROJECT_VARIABLE}, or give its option `project`")
    scoped: Any = google.auth.credentials.with_scopes_if_required  # a service account's have none of their own
    return scoped(given, [_SCOPE]), project
