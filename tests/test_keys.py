"""A key stays where it is: looked for in all that a run leaves behind, however it was given."""

import asyncio
import json
import logging
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rlm import RLM, LMRefusedError, MissingKeyError
from rlm.cli import env_file, main
from rlm.lms import providers, resolve
from rlm.lms.scripted_server import Answer, Received, ScriptedServer
from rlm.logger import RLMLogger
from rlm.types import Message, Request

CANARY = "sk-canary-0451-abcdefghijklmnopqrstuvwxyz"
PIECES = (CANARY, CANARY[3:], CANARY[:-4], CANARY[:14])
CELL = """
import os
seen = [str(dict(os.environ))]
for name in ("/proc/self/environ", "/proc/1/environ", f"/proc/{os.getppid()}/environ"):
    try:
        seen.append(open(name).read())
    except OSError as error:
        seen.append(str(error))
seen += [repr(globals()), llm_query("hello")]
FINAL(seen)
"""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    def respond(request: Received) -> Answer:
        return Answer("hi" if len(request.value["messages"]) == 1 else f"```repl\n{CELL}\n```")

    with ScriptedServer(respond) as running:
        yield running


@pytest.fixture
def echo() -> Iterator[ScriptedServer]:
    """Refuses everyone, and repeats all that it was sent."""

    def respond(request: Received) -> Answer:
        return Answer(f"bad key: {json.dumps(dict(request.headers))} at {request.path}", status=401)

    with ScriptedServer(respond, chat_only=False) as running:
        yield running


def by_environment(variable: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv(variable, CANARY)
    return {}


def by_config(variable: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    path = folder / "config.toml"
    path.touch(0o600)
    path.write_text(f'[keys]\n{variable} = "{CANARY}"\n')
    monkeypatch.setenv("RLM_CONFIG", str(path))
    return {}


def by_env_file(variable: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv(variable, "")  # so that it is taken out again
    monkeypatch.delenv(variable)
    (folder / "keys.env").write_text(f"{variable}={CANARY}\n")
    env_file.load(folder / "keys.env")
    return {}


def by_option(variable: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"api_key": CANARY}


WAYS = [by_environment, by_config, by_env_file, by_option]
Give = Callable[[str, Path, pytest.MonkeyPatch], dict[str, Any]]


def assert_clean(*texts: str | bytes) -> None:
    for text in texts:
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        assert not [piece for piece in PIECES if piece in shown]


def left_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("give", WAYS)
def test_nothing_of_a_key_is_left_by_a_run(
    give: Give,
    server: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    options = give("OPENAI_API_KEY", tmp_path, monkeypatch)
    home, logger = Path(os.environ["RLM_HOME"]), RLMLogger(log_dir=str(tmp_path / "logs"))
    rlm = RLM(model="openai/m", model_options=options, sub_models={"fast": resolve("openai/n", **options)})
    completion = rlm.completion("What is it?", context="x" * 500)
    assert len(completion.answer) == 6  # type: ignore[arg-type]
    logged = RLM(backend="openai", backend_kwargs={"model_name": "m", **options}, logger=logger).completion("x" * 500)
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {CANARY}"}, "it was sent"
    assert list(left_in(home)), "there are traces"
    assert_clean(*left_in(home), *left_in(tmp_path / "logs"), repr(completion), repr(logged))
    setup = rlm.setup
    assert_clean(repr(rlm), repr(setup), repr(setup.model), str(setup.model), caplog.text, *capfd.readouterr())


@pytest.mark.parametrize("give", WAYS)
@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("gemini", "GEMINI_API_KEY"),
        ("openrouter", "OPENROUTER_API_KEY"),
        ("azure_openai", "AZURE_OPENAI_API_KEY"),
        ("portkey", "PORTKEY_API_KEY"),
    ],
)
def test_a_provider_that_repeats_the_key_is_quoted_without_it(
    give: Give,
    provider: str,
    variable: str,
    echo: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    url = "AZURE_OPENAI_ENDPOINT" if provider == "azure_openai" else f"{provider.upper()}_BASE_URL"
    monkeypatch.setenv(url, echo.url)
    options = give(variable, tmp_path, monkeypatch)
    rlm = RLM(model=f"{provider}/m", model_options=options)
    with pytest.raises(LMRefusedError) as caught:
        rlm.completion("What is it?", context="x" * 500)
    assert CANARY in str(echo.requests[0].headers), "it was sent"
    assert variable in str(caught.value)
    whole = "".join(traceback.format_exception(caught.value))
    assert_clean(str(caught.value), repr(caught.value), str(vars(caught.value)), whole, caplog.text)
    assert_clean(*left_in(Path(os.environ["RLM_HOME"])))


@pytest.mark.parametrize("give", [by_environment, by_config])
def test_nothing_of_a_key_is_printed(
    give: Give,
    server: ScriptedServer,
    echo: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    give("OPENAI_API_KEY", tmp_path, monkeypatch)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    ask = ["ask", "What is it?", "--model", "openai/m"]
    assert main([*ask, "--json", "--show-code"]) == 0
    assert main(["show"]) == 0
    assert main(["models"]) == 0
    assert main(["models", "--json"]) == 0
    monkeypatch.setenv("OPENAI_BASE_URL", echo.url)
    assert main(ask) == 1
    assert main([*ask, "--json"]) == 1
    printed = capfd.readouterr()
    assert "401" in printed.err
    assert_clean(*printed)


def test_a_key_goes_to_its_own_provider_alone(echo: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every provider that takes a key is made with the keys of all others in the environment, and not its own."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")
    all_of_them = providers.builtin()
    variables = {variable for one in all_of_them.values() for variable in one.keys}
    for name, provider in all_of_them.items():
        if not provider.keys:
            continue
        for variable in variables:
            monkeypatch.setenv(variable, CANARY)
        for variable in provider.keys:
            monkeypatch.delenv(variable)
        with pytest.raises(MissingKeyError):
            resolve(f"{name}/m")


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("openai/m", "OPENAI_API_KEY"),
        ("anthropic/m", "ANTHROPIC_API_KEY"),
        ("gemini/m", "GEMINI_API_KEY"),
        ("groq/m", "GROQ_API_KEY"),
        ("bedrock/m", "AWS_BEARER_TOKEN_BEDROCK"),
    ],
)
@pytest.mark.parametrize("give", [by_environment, by_config])
def test_a_key_is_not_for_whoever_else_is_named(
    give: Give, model: str, variable: str, echo: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(variable, tmp_path, monkeypatch)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    options = {"region": "us-east-1"} if model.startswith("bedrock") else {}
    assert resolve(model, **options), "its own endpoint gets it"
    with pytest.raises(MissingKeyError):
        resolve(model, base_url="https://gate.way/v1", **options)
    if not options:  # a request to Bedrock is signed or has a key, wherever it goes
        with pytest.raises(LMRefusedError, match="401"):
            asyncio.run(resolve(model, base_url=echo.url).complete(Request((Message("user", "hi"),))))
        assert_clean(str(echo.requests[0].headers))
