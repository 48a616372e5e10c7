"""Models by name."""

import subprocess
import sys

import pytest

from rlm.errors import ConfigError, MissingKeyError
from rlm.lms import default_model, resolve
from rlm.lms.base import estimate_tokens
from rlm.lms.openai import OpenAI
from rlm.lms.scripted import Scripted


def test_a_name() -> None:
    lm = resolve("openai/meta-llama/llama-3", base_url="http://localhost:1/v1", window=4096)
    assert isinstance(lm, OpenAI)
    assert (lm.name, lm.window) == ("openai/meta-llama/llama-3", 4096)


def test_an_object_is_taken_as_it_is() -> None:
    lm = Scripted([])
    assert resolve(lm) is lm


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("opneai/gpt-5", r"no model 'opneai/gpt-5'; there is: .*openai/MODEL, nano; meant 'openai'\?"),
        ("gpt-5", r"no model 'gpt-5'; there is: llamacpp/MODEL, openai/MODEL, nano$"),
        ("nanno", r"meant 'nano'\?"),
        ("", r"no model ''; there is:"),
        ("openai/", r"'openai/' names no model: openai/MODEL"),
        ("openai", r"'openai' names no model: openai/MODEL"),
    ],
)
def test_a_name_that_is_none(spec: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        resolve(spec)


def test_an_option_that_is_none() -> None:
    with pytest.raises(ConfigError, match="openai: got an unexpected keyword argument 'basurl'"):
        resolve("openai/gpt-5", basurl="http://localhost:1/v1")


def test_a_missing_key() -> None:
    with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
        resolve("openai/gpt-5")


def test_the_model_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_model() == "nano"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert default_model() == "openai/gpt-5-mini"
    monkeypatch.setenv("RLM_MODEL", "llamacpp/some.gguf")
    assert default_model() == "llamacpp/some.gguf"


def test_naming_a_model_loads_no_more_than_its_client() -> None:
    code = (
        "import sys; from rlm.lms import resolve; resolve('openai/m', base_url='http://localhost:1/v1', api_key='k');"
        "print([name for name in ('aiohttp', 'genai_prices', 'xllamacpp', 'rlm.lms.llamacpp') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 1), ("x" * 35, 11), ("世界" * 10, 21), ("é", 1), ("\ud800" * 3, 4), ("🎉" * 3, 5)]
)
def test_the_estimate(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens
