"""`rlm models`: windows, prices, what is missing; and never a key."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lms.bigram import chain, write_bigram
from rlm.cli.models import Row
from rlm.lms import providers
from rlm.lms.scripted_server import Answer, Received, ScriptedServer

CANARY = "sk-canary-0451"


def rows(out: str) -> dict[str, Row]:
    return {row["model"]: Row(**row) for row in json.loads(out)["models"]}


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RLM_CONFIG", str(tmp_path / "config.toml"))
    path = tmp_path / "config.toml"
    path.touch(0o600)
    return path


def test_all_providers_with_what_is_missing(rlm, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    monkeypatch.setattr(providers, "_is_there", lambda module: module != "botocore")
    result = rlm("models", "--json")
    found = rows(result.out)
    assert {name.partition("/")[0] for name in found} == {"nano", *providers.builtin()}
    assert found["anthropic/claude-sonnet-5"] == Row(
        model="anthropic/claude-sonnet-5",
        use="model",
        window=1_000_000,
        input_usd=2.0,
        output_usd=10.0,
        key="ANTHROPIC_API_KEY",
    )
    assert found["openai/gpt-5-mini"] == Row(
        model="openai/gpt-5-mini", window=400_000, input_usd=0.25, output_usd=2.0, missing="set OPENAI_API_KEY"
    )
    assert found["bedrock/MODEL"].missing == "pip install 'rlm-engine[bedrock]'"
    assert found["ollama/MODEL"].missing == ""
    assert CANARY not in result.out + result.err


def test_the_table(rlm, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    result = rlm("models")
    lines = [line.split() for line in result.out.splitlines()]
    assert ["*", "openai/gpt-5-mini", "400,000", "0.25", "2", "key", "in", "OPENAI_API_KEY"] in lines
    assert [*["nano", "2,048", "free", "free", "the", "one", "in", "the", "box"]] in lines
    assert CANARY not in result.out + result.err
    assert result.status == 0


def test_what_is_configured(rlm, config_file):
    config_file.write_text(
        f"""
        model = "openai/gpt-5"
        sub_model = "mine/m"
        [keys]
        MINE_API_KEY = "{CANARY}"
        [prices."mine/m"]
        input_mtok = 0.5
        output_mtok = 1
        [options."mine/m"]
        window = 1234
        [options."openai/gpt-5"]
        api_key = "{CANARY}"
        [presets.mine]
        base_url = "https://llm.example/v1"
        """
    )
    result = rlm("models", "--json")
    assert json.loads(result.out)["config"] == str(config_file)
    found = list(rows(result.out).values())
    assert found[0] == Row(model="openai/gpt-5", use="model", window=400_000, input_usd=1.25, output_usd=10.0)
    assert found[1] == Row(
        model="mine/m", use="sub_model", window=1234, input_usd=0.5, output_usd=1.0, key="MINE_API_KEY"
    )
    assert [row.note for row in found if row.model == "mine/MODEL"] == ["chat completions at https://llm.example/v1"]
    for line in (result.out, result.err, rlm("models").out):
        assert CANARY not in line
        assert CANARY[3:] not in line


def test_what_is_elsewhere_has_neither_the_price_nor_the_key_of_its_providers_own(rlm, config_file, monkeypatch):
    for name in ("OPENAI_API_KEY", "GROQ_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gate.way/v1")
    monkeypatch.setenv("VLLM_BASE_URL", "https://gpu.example/v1")
    monkeypatch.setenv("MISTRAL_BASE_URL", "http://127.0.0.1:9/v1")
    config_file.write_text("[options.groq]\nbase_url = 'https://gate.way/v1'\n[options.anthropic]\neffort = 'low'\n")
    found = rows(rlm("models", "--json").out)
    openai = found["openai/gpt-5-mini"]
    assert (openai.input_usd, openai.key, openai.missing) == (None, "OPENAI_API_KEY", ""), (
        "the variable's URL is its own"
    )
    groq = found["groq/openai/gpt-oss-120b"]
    assert (groq.input_usd, groq.key, groq.missing) == (None, "", "give its api_key")
    assert (found["vllm/MODEL"].input_usd, found["ollama/MODEL"].input_usd) == (None, 0.0)
    mistral = found["mistral/mistral-large-4"]
    assert (mistral.input_usd, mistral.key, mistral.missing) == (None, "", ""), "nobody needs a key on this machine"
    assert found["anthropic/claude-sonnet-5"].key == "ANTHROPIC_API_KEY"


def test_a_key_of_an_env_file_that_is_named(rlm, tmp_path, monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "")  # puts it back at the end
    monkeypatch.delenv("GROQ_API_KEY")
    (tmp_path / "keys.env").write_text(f"export GROQ_API_KEY='{CANARY}'\n")
    result = rlm("models", "--json", "--env-file", str(tmp_path / "keys.env"))
    assert rows(result.out)["groq/openai/gpt-oss-120b"].key == "GROQ_API_KEY"
    assert CANARY not in result.out


def test_the_models_of_one_provider(rlm):
    found = rows(rlm("models", "anthropic", "--json").out)
    assert found["anthropic/claude-sonnet-5"].input_usd == 2.0
    assert len(found) > 10
    assert all(name.startswith("anthropic/") for name in found)


def test_google_has_its_own_models_and_not_those_that_it_resells(rlm):
    for provider in ("gemini", "vertex"):
        listed = rlm("models", provider).out
        assert f"{provider}/gemini-2.5-flash" in listed
        assert "claude" not in listed


def test_a_dearer_tier_is_told(rlm):
    (row,) = rows(rlm("models", "gemini/gemini-2.5-pro", "--json").out).values()
    assert (row.input_usd, row.output_usd) == (1.25, 10.0)
    assert row.note == "2.5 and 15 for prompts over 200,000 tokens"


def test_a_name_that_the_price_list_nearly_knows_is_a_hint_and_no_refusal(rlm):
    result = rlm("models", "openai/gpt5-mini", "--json")
    (row,) = rows(result.out).values()
    assert (row.window, row.input_usd, row.output_usd) == (None, None, None)
    assert row.note == "not in the price list; meant openai/gpt-5-mini?"
    assert result.status == 0


def test_a_provider_that_is_none(rlm):
    for name in ("antropic", "antropic/m"):
        result = rlm("models", name)
        assert result.status == 2
        assert "meant 'anthropic" in result.err


def test_a_file(rlm, tmp_path):
    path = write_bigram(tmp_path / "small.gguf", chain("ok"), window=300)
    found = rows(rlm("models", "--json", f"llamacpp/{path}", f"llamacpp/{tmp_path}/none.gguf").out)
    assert found[f"llamacpp/{path}"].window == 300
    assert "none.gguf can't be read: No such file" in found[f"llamacpp/{tmp_path}/none.gguf"].missing


def test_what_a_server_of_the_user_s_has(rlm, monkeypatch):
    def respond(request: Received) -> Answer:
        return Answer(body=json.dumps({"data": [{"id": "qwen", "max_model_len": 8192}]}))

    with ScriptedServer(respond, chat_only=False) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        (row,) = rows(rlm("models", "vllm", "--json").out).values()
    assert row == Row(model="vllm/qwen", window=8192, input_usd=0.0, output_usd=0.0, note="loaded")
    (row,) = rows(rlm("models", "vllm", "--json").out).values()
    assert row.model == "vllm/MODEL"
    assert "no vllm server answers at" in row.missing


def test_a_config_file_that_can_not_be_used(rlm, config_file):
    config_file.write_text("[keys]\nA_KEY = 'x'")
    config_file.chmod(0o644)
    result = rlm("models")
    assert (result.status, result.out) == (2, "")
    assert f"chmod 600 {config_file}" in result.err


def test_nothing_heavy_is_imported():
    heavy = ["aiohttp", "rich", "xllamacpp", "litellm", "botocore", "google.auth", "openai", "anthropic"]
    code = f"""
import sys
from rlm.cli import main
main(["models", "--json"])
print([name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "[]\n"
