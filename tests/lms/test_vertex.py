"""Gemini on Vertex: where it is, whose token is sent, and when a new one is fetched."""

import asyncio
import builtins
import datetime
import json
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from lms.fakes.gemini import error, generated, serve
from rlm.errors import CallCancelled, ConfigError, LMRefusedError, LMUnavailableError, MissingKeyError
from rlm.lms.http import Policy
from rlm.lms.scripted_server import Answer, ScriptedServer
from rlm.lms.vertex import Vertex
from rlm.types import Message, Request, Usage

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from google import genai
    from google.auth import credentials, exceptions
    from google.genai import types
    from google.oauth2.credentials import Credentials

ASK = Request((Message("system", "Be brief."), Message("user", "2 + 2?")))


class Counted(credentials.CredentialsWithQuotaProject):
    """Credentials whose tokens are `t-1`, `t-2`, ..., each good for `seconds`."""

    def __init__(self, seconds: float = 3600.0, slow: float = 0.0) -> None:
        super().__init__()
        self.refreshed: list[str] = []
        self.error: Exception | None = None
        self._seconds = seconds
        self._slow = slow

    def refresh(self, request: Any) -> None:
        time.sleep(self._slow)
        self.refreshed.append(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        self.token = f"t-{len(self.refreshed)}"
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        self.expiry = now + datetime.timedelta(seconds=self._seconds)


@pytest.fixture(autouse=True)
def _nobodys_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("PATH", str(tmp_path))  # google-auth asks `gcloud` for a project


def vertex(server: ScriptedServer, found: Any = None, **options: Any) -> Vertex:
    given = {"project": "p", "location": "us-central1", "policy": Policy(attempts=2, backoff=0.001), **options}
    return Vertex("gemini-test", base_url=server.url, credentials=found or Counted(), **given)


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_each_location_has_its_endpoint_as_googles_client_has_it(location: str, host: str) -> None:
    lm = Vertex("gemini-2.5-flash", project="p", location=location, credentials=Counted())
    theirs = genai.Client(vertexai=True, project="p", location=location, credentials=Credentials("t"))  # type: ignore[no-untyped-call]
    assert theirs._api_client._http_options.base_url == f"https://{host}/"
    assert lm._url == (
        f"https://{host}/v1/projects/p/locations/{location}/publishers/google/models/gemini-2.5-flash:generateContent"
    )
    assert lm.window == 1_048_576
    assert lm.price is not None


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-x", "/v1/projects/p/locations/eu/publishers/google/models/gemini-x"),
        ("publishers/other/models/x@1", "/v1/projects/p/locations/eu/publishers/other/models/x@1"),
        ("projects/q/locations/us-east1/endpoints/12", "/v1/projects/q/locations/us-east1/endpoints/12"),
    ],
)
def test_the_resource_of_a_model(model: str, path: str) -> None:
    lm = Vertex(model, project="p", location="eu", credentials=Counted(), stream=True)
    assert lm._url == f"https://aiplatform.eu.rep.googleapis.com{path}:streamGenerateContent?alt=sse"


def test_both_clients_send_the_same() -> None:
    with serve(lambda _: generated()) as server:
        options = types.HttpOptions(base_url=server.url.removesuffix("/v1"), api_version="v1")
        client = genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials("t-1"),  # type: ignore[no-untyped-call]
            http_options=options,
        )
        with client:
            config = types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=9)
            client.models.generate_content(model="gemini-test", contents="2 + 2?", config=config)
        asyncio.run(vertex(server, max_tokens=9).complete(ASK))
    theirs, own = server.requests
    assert own.path == theirs.path
    assert own.headers["authorization"] == theirs.headers["authorization"] == "Bearer t-1"
    theirs.value["systemInstruction"].pop("role")
    assert own.value["contents"] == theirs.value["contents"]
    assert own.value["generationConfig"] == theirs.value["generationConfig"]


def test_a_token_is_fetched_once_in_a_thread() -> None:
    found = Counted(slow=0.05)

    async def many(lm: Vertex) -> None:
        await asyncio.gather(*(lm.complete(ASK) for _ in range(8)))

    with serve(lambda _: generated()) as server:
        lm = vertex(server, found)
        asyncio.run(many(lm))
        asyncio.run(lm.complete(ASK))
    assert len(found.refreshed) == 1
    assert found.refreshed[0] != threading.main_thread().name
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer t-1"}
    assert "t-1" not in repr(lm)
    assert "x-goog-api-key" not in server.requests[0].headers


def test_a_token_that_is_about_to_end_is_renewed() -> None:
    found = Counted(seconds=60.0)
    with serve(lambda _: generated()) as server:
        lm = vertex(server, found)
        for _ in range(2):
            asyncio.run(lm.complete(ASK))
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer t-1", "Bearer t-2"]


def test_a_token_that_is_refused_is_renewed_once() -> None:
    unauthorized = error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials: t-1")
    answers: list[Answer | dict[str, Any]] = [generated(), unauthorized]
    found = Counted()
    with serve(lambda _: answers.pop()) as server:
        assert asyncio.run(vertex(server, found).complete(ASK)).text == "4"
        answers += [unauthorized, unauthorized]
        with pytest.raises(LMRefusedError, match=r"vertex/gemini-test: 401: .* credentials: t-1$"):
            asyncio.run(vertex(server, Counted()).complete(ASK))
        sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer t-1", "Bearer t-2"] * 2


def test_credentials_that_were_given_a_token_are_used_as_they_are() -> None:
    with serve(lambda _: generated()) as server:
        fixed = Credentials("t-fixed", quota_project_id="payer")  # type: ignore[no-untyped-call]
        asyncio.run(vertex(server, fixed).complete(ASK))
    assert server.requests[0].headers["authorization"] == "Bearer t-fixed"
    assert server.requests[0].headers["x-goog-user-project"] == "payer"


class Scoped(Counted, credentials.Scoped):
    """A service account's, which can have no token before it is said for what."""

    @property
    def requires_scopes(self) -> bool:
        return True

    def with_scopes(self, scopes: Any, default_scopes: Any = None) -> Counted:
        assert scopes == ["https://www.googleapis.com/auth/cloud-platform"]
        return Counted()


def test_credentials_without_a_scope_get_theirs() -> None:
    with serve(lambda _: generated()) as server:
        asyncio.run(vertex(server, Scoped()).complete(ASK))
    assert server.requests[0].headers["authorization"] == "Bearer t-1"


@pytest.mark.parametrize(
    ("failure", "raised", "said"),
    [
        (
            exceptions.RefreshError("invalid_grant: revoked", {"x": 1}),
            LMRefusedError,
            "invalid_grant: revoked; the cred",
        ),
        (exceptions.RefreshError("busy", retryable=True), LMUnavailableError, "no token for Google Cloud: busy"),
        (exceptions.TransportError("no route"), LMUnavailableError, "no token for Google Cloud: no route"),
    ],
)
def test_a_token_that_can_not_be_had(failure: Exception, raised: type[Exception], said: str) -> None:
    found = Counted()
    found.error = failure
    with serve(lambda _: generated()) as server:
        with pytest.raises(raised, match=said):
            asyncio.run(vertex(server, found).complete(ASK))
        assert server.requests == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            error(403, "PERMISSION_DENIED", "Permission denied."),
            r"may the credentials use Vertex AI in p, us-central1\?",
        ),
        (error(404, "NOT_FOUND", "Publisher Model was not found."), "is 'gemini-test' served in p, us-central1"),
    ],
)
def test_refusals_name_the_place(answer: Answer, said: str) -> None:
    with serve(lambda _: answer) as server, pytest.raises(LMRefusedError, match=said):
        asyncio.run(vertex(server).complete(ASK))


def test_missing_credentials_and_projects_are_told_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(
        MissingKeyError, match=r"vertex/gemini-x needs credentials .*gcloud auth application-default login"
    ):
        Vertex("gemini-x")
    with pytest.raises(MissingKeyError, match="vertex/gemini-x needs a project: set GOOGLE_CLOUD_PROJECT"):
        Vertex("gemini-x", credentials=Counted())
    with pytest.raises(ConfigError, match="no location of Google Cloud"):
        Vertex("gemini-x", project="p", location="us/x", credentials=Counted())
    file = tmp_path / "user.json"
    user = {"type": "authorized_user", "client_id": "c", "client_secret": "s-very", "refresh_token": "r-very"}
    file.write_text(json.dumps(user))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p-of-the-environment")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "europe-west4")
    lm = Vertex("gemini-x")
    assert "/projects/p-of-the-environment/locations/europe-west4/" in lm._url
    assert "very" not in repr(lm)


def test_without_the_extra_its_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("google.auth"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"vertex/gemini-x needs google-auth: pip install 'rlm-engine\[vertex\]'"):
        Vertex("gemini-x", project="p")


def test_models_have_their_own_pace() -> None:
    one, two = (Vertex(name, project="p", credentials=Counted()) for name in ("gemini-a", "gemini-b"))
    assert one._account != two._account


def test_a_call_that_is_cancelled_while_its_token_is_fetched_cost_nothing() -> None:
    async def cancel(server: ScriptedServer) -> BaseException:
        task = asyncio.create_task(vertex(server, Counted(slow=0.2)).complete(ASK))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return caught.value

    with ScriptedServer(lambda request: Answer("4")) as server:
        error = asyncio.run(cancel(server))
        assert server.requests == []
    assert isinstance(error, CallCancelled)
    assert (error.usage, error.cost) == (Usage(), 0.0)


def test_the_applications_token_goes_to_google_and_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import google.auth

    monkeypatch.setattr(google.auth, "default", lambda scopes: (Counted(), "p"))
    for url in ("https://us-central1-aiplatform.googleapis.com/v1", "http://127.0.0.1:9/v1"):
        Vertex("gemini-test", base_url=url)
    for url in ("https://gateway.example/v1", "https://googleapis.com.example/v1", "https://evilgoogleapis.com/v1"):
        with pytest.raises(MissingKeyError, match=r"vertex/gemini-test at .* needs credentials of its own: give `cred"):
            Vertex("gemini-test", base_url=url)
        Vertex("gemini-test", base_url=url, project="p", credentials=Counted())
