"""Models by name."""

import subprocess
import sys

import pytest

from lms.bigram import chain, write_bigram
from rlm import RLM, Limits
from rlm.errors import ConfigError, LMRefusedError, MissingKeyError
from rlm.lms import default_model, llamacpp, nearest, providers, resolve
from rlm.lms.base import estimate_tokens
from rlm.lms.llamacpp import LlamaCpp
from rlm.lms.openai import OpenAI
from rlm.lms.prices import listing
from rlm.lms.scripted import Scripted
from rlm.prompts.profiles import profile_for


@pytest.fixture
def gguf(tmp_path):
    return write_bigram(tmp_path / "small.gguf", chain("ok"), window=300)


def test_a_model_is_taken_as_it_is():
    lm = Scripted([])
    assert resolve(lm) is lm


@pytest.mark.parametrize(("spec", "options"), [(None, {}), (7, {}), (Scripted([]), {"window": 5})])
def test_what_is_no_model(spec, options):
    with pytest.raises(ConfigError, match="a model is a name, or an object with `complete`"):
        resolve(spec, **options)


def test_an_openai_model_with_options():
    lm = resolve("openai/some/model", base_url="http://127.0.0.1:9/v1", window=1000)
    assert isinstance(lm, OpenAI)
    assert (lm.name, lm.window) == ("openai/some/model", 1000)


def test_a_missing_key_is_told_before_anything_runs():
    with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
        resolve("openai/gpt-5-mini")


def test_a_gguf_file_with_options(gguf):
    lm = resolve(f"llamacpp/{gguf}", window=200)
    assert isinstance(lm, LlamaCpp)
    assert (lm.name, lm.window) == ("llamacpp/small", 200)


def test_the_model_in_the_box(gguf, monkeypatch):
    monkeypatch.setattr(llamacpp, "BOX_FILE", gguf)
    lm = resolve("nano")
    assert (lm.name, lm.window) == ("nano", 300)
    assert profile_for(lm.name).name == "nano"
    assert resolve("nano", window=256).window == 256


def test_the_box_without_a_model(tmp_path, monkeypatch):
    monkeypatch.setattr(llamacpp, "BOX_FILE", tmp_path / "nano.gguf")
    with pytest.raises(ConfigError, match=r"nano.gguf can't be read: No such file"):
        resolve("nano")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("openia/gpt-5-mini", "no model 'openia/gpt-5-mini', meant 'openai/gpt-5-mini'? a model is nano or PROVIDER/"),
        ("nanno", "no model 'nanno', meant 'nano'? a model is nano or PROVIDER/MODEL, with PROVIDER one of anthropic,"),
        ("gpt-5-mini", "no model 'gpt-5-mini', meant 'openai/gpt-5-mini'? a model is"),
        ("claude-sonnet-5", "no model 'claude-sonnet-5', meant 'anthropic/claude-sonnet-5'? a model is"),
        ("quux", "no model 'quux'; a model is nano or PROVIDER/MODEL, with PROVIDER one of anthropic, azure_openai,"),
        ("", "no model ''; a model is nano or PROVIDER/MODEL"),
        ("openai", "'openai' names no model: openai/MODEL"),
        ("llamacpp/", "'llamacpp/' names no model: llamacpp/MODEL"),
    ],
)
def test_a_name_that_is_none(spec, said):
    with pytest.raises(ConfigError) as caught:
        resolve(spec)
    assert str(caught.value).startswith(said)


def test_an_unknown_name_lists_all_there_are():
    with pytest.raises(ConfigError) as caught:
        resolve("quux/m")
    listed = str(caught.value).rpartition("one of ")[2].split(", ")
    assert listed == sorted(providers.builtin())


@pytest.mark.parametrize(
    ("spec", "said"), [("openai/m", "openai: got an unexpected"), ("llamacpp/m.gguf", "llamacpp: got an unexpected")]
)
def test_an_option_that_a_provider_does_not_take(spec, said):
    with pytest.raises(ConfigError, match=f"^{said} keyword argument 'windw'"):
        resolve(spec, windw=100)


def test_the_default_model(monkeypatch):
    assert default_model() == "nano"
    monkeypatch.setenv("GROQ_API_KEY", "k")
    assert default_model() == "groq/openai/gpt-oss-120b"
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    assert default_model() == "gemini/gemini-3.8-flash"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert default_model() == "anthropic/claude-sonnet-5"
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert default_model() == "openai/gpt-5-mini"
    monkeypatch.setenv("RLM_MODEL", "llamacpp/m.gguf")
    assert default_model() == "llamacpp/m.gguf"


def test_default_models_have_a_price_and_a_window():
    for provider in providers.builtin().values():
        if provider.default:
            listed = listing(provider.default, provider.url)
            assert listed is not None, provider.name
            assert listed.price is not None, provider.name
            assert listed.window is not None, provider.name


@pytest.mark.parametrize("name", [name for name, one in providers.builtin().items() if one.keys])
def test_a_key_that_is_missing_is_named(name, monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")
    provider = providers.builtin()[name]
    with pytest.raises(MissingKeyError, match=provider.keys[0]):
        resolve(f"{name}/m")


@pytest.mark.parametrize("name", ["bedrock", "vertex", "litellm"])
def test_an_extra_that_is_missing_is_named(name, monkeypatch):
    needed = providers.builtin()[name].needs
    monkeypatch.setattr("rlm.lms.providers._is_there", lambda module: module != needed)
    with pytest.raises(ConfigError) as caught:
        resolve(f"{name}/m")
    assert str(caught.value) == f"{name} models need {needed}: pip install 'rlm-engine[{name}]'"


def test_naming_a_model_loads_no_more_than_its_client():
    code = (
        "import sys; from rlm.lms import resolve; resolve('openai/m', base_url='http://localhost:1/v1', api_key='k');"
        "print([name for name in ('genai_prices', 'xllamacpp', 'rlm.lms.llamacpp') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 1), ("x" * 35, 11), ("世界" * 10, 21), ("é", 1), ("\ud800" * 3, 4), ("🎉" * 3, 5)]
)
def test_the_estimate(text, tokens):
    assert estimate_tokens(text) == tokens


def test_a_name_that_the_price_list_nearly_knows_is_no_refusal_but_a_hint(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    lm = resolve("openai/gpt5-mini")
    assert (lm.name, lm.window, lm.price) == ("openai/gpt5-mini", None, None)
    with pytest.raises(ConfigError, match=r"the price of openai/gpt5-mini is not known \(meant openai/gpt-5-mini\?\)"):
        RLM(model=lm, limits=Limits(usd=1))
    said = str(lm._refusal(LMRefusedError("404: no such model", 404)))
    assert said.endswith("and https://api.openai.com/v1 the right base URL?; meant 'gpt-5-mini'?")


@pytest.mark.parametrize(
    ("model", "near"),
    [
        ("openai/gpt-5-mini", ""),
        ("openai/gpt5mini", "openai/gpt-5-mini"),
        ("openai/gpt-5-mni", "openai/gpt-5-mini"),
        ("anthropic/claude-sonet-5", "anthropic/claude-sonnet-5"),
        ("openai/quux", ""),
        ("litellm/gpt5-mini", ""),
        ("quux/gpt5-mini", ""),
    ],
)
def test_the_nearest_name(model, near):
    assert nearest(model) == near
