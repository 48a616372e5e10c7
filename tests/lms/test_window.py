"""Windows that an error told: read out of each provider's words, and remembered."""

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from rlm.lms import window
from rlm.lms.window import TooLong
from rlm.trace.store import home

SAID = {
    "OpenAI": (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130003 tokens. "
        "Please reduce the length of the messages.",
        128000,
    ),
    "OpenAI, with a limit": (
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (1000 in the messages, "
        "8000 in the completion).",
        8192,
    ),
    "OpenAI, Responses": ("Your input exceeds the context window of this model. Please adjust your input.", None),
    "Azure": ("This model's maximum context length is 16,385 tokens, however you requested 20,000 tokens.", 16385),
    "Anthropic": ("prompt is too long: 208310 tokens > 200000 maximum", 200000),
    "Anthropic, with a limit": (
        "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease input length or "
        "`max_tokens` and try again",
        200000,
    ),
    "Bedrock": ("Input is too long for requested model.", None),
    "Gemini": ("The input token count (1054016) exceeds the maximum number of tokens allowed (1048576).", 1048576),
    "Gemini, newer": ("The input token count exceeds the maximum number of tokens allowed 1048576.", 1048576),
    "vLLM": (
        "'max_tokens' or 'max_completion_tokens' is too large: 8000. This model's maximum context length is 8192 "
        "tokens and your request has 1000 input tokens (8000 > 8192 - 1000).",
        8192,
    ),
    "vLLM, the engine": ("The decoder prompt (length 21535) is longer than the maximum model length of 16384.", 16384),
    "vLLM, the prompt": (
        "The prompt (total length 25938) is too long to fit into the model (context length 4096).",
        4096,
    ),
    "SGLang": ("The input (12045 tokens) is longer than the model's context length (8192 tokens).", 8192),
    "SGLang, with a limit": (
        "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested 9000.",
        8192,
    ),
    "llama.cpp": ("request (14429 tokens) exceeds the available context size (8192 tokens), try increasing it", 8192),
    "llama.cpp, older": ("the request exceeds the available context size, try increasing it", None),
    "Ollama": ("the input length exceeds the context length", None),
    "Ollama, its engine": ("prompt too long; exceeded max context length by 120 tokens", None),
    "LM Studio": (
        "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context "
        "length of only 4096 tokens, which is not enough.",
        4096,
    ),
    "Together": (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5000 `inputs` tokens and "
        "512 `max_new_tokens`",
        4097,
    ),
    "Groq": ("Please reduce the length of the messages or completion.", None),
    "Groq, a minute's share": ("Request too large for model `m` on tokens per minute (TPM): Limit 6000", None),
    "Mistral": (
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        32768,
    ),
    "DeepSeek": (
        "This model's maximum context length is 131072 tokens. However, you requested 141403 tokens (133211 in the "
        "messages, 8192 in the completion). Please reduce the length of the messages or completion.",
        131072,
    ),
    "Fireworks": ("The prompt is too long: 267657, model maximum context length: 262143", 262143),
    "OpenRouter": (
        "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000.",
        131072,
    ),
    "xAI": ("This model's maximum prompt length is 131072 but the request contains 537812 tokens.", 131072),
}


@pytest.mark.parametrize("provider", SAID)
def test_what_providers_say(provider: str) -> None:
    message, tokens = SAID[provider]
    assert window.told(f"400: {message}") == TooLong(tokens)


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens",
        "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens",
        "Rate limit reached for m on tokens per min (TPM): Limit 10000, Used 9000, Requested 2000. Try again in 6s.",
        "Incorrect API key",
        "the context is missing",
        "",
    ],
)
def test_what_is_something_else(message: str) -> None:
    assert window.told(message) is None


@pytest.mark.parametrize(
    ("error", "found"),
    [
        ({"type": "exceed_context_size_error", "n_prompt_tokens": 14429, "n_ctx": 8192}, TooLong(8192)),
        ({"type": "exceed_context_size_error", "n_ctx": "many"}, TooLong(None)),
        ({"type": "exceed_context_size_error", "n_ctx": True}, TooLong(None)),
        ({"code": "context_length_exceeded"}, TooLong(None)),
        ({"code": 400, "type": None}, None),
    ],
)
def test_what_the_error_has_besides_its_message(error: dict[str, Any], found: TooLong | None) -> None:
    assert window.told("it does not fit", error) == found


@pytest.mark.parametrize("tokens", ["0", "12", ",", "9" * 30])
def test_a_window_that_is_none_is_not_believed(tokens: str) -> None:
    assert window.told(f"maximum context length is {tokens} tokens") == TooLong(None)


@pytest.fixture
def folder() -> Path:
    """Where windows are kept, made."""
    home().mkdir(parents=True)
    return home()


def saved() -> Any:
    return json.loads((home() / "windows.json").read_text())


def test_a_model_of_the_same_name_at_another_endpoint_is_another() -> None:
    own = "https://api.example/v1"
    assert window.known_as("p/m", "https://api.example/v1/more", own) == "p/m"
    assert window.known_as("p/m", "https://gate.way:8443/v1?key=k", own) == "p/m at gate.way:8443"


def test_what_was_learnt_is_remembered() -> None:
    assert window.learnt("p/m") is None
    window.learn("p/m", 8192)
    window.learn("p/n", 4096)
    window.learn("p/m", 16384)
    assert (window.learnt("p/m"), window.learnt("p/n")) == (16384, 4096)
    assert {name: tokens for name, (tokens, _) in saved().items()} == {"p/m": 16384, "p/n": 4096}
    window._known.cache_clear()  # another process
    assert (window.learnt("p/m"), window.learnt("p/n")) == (16384, 4096)


def test_it_is_readable_by_its_owner_only_and_leaves_nothing_else() -> None:
    window.learn("p/m", 8192)
    assert stat.S_IMODE((home() / "windows.json").stat().st_mode) == 0o600
    assert os.listdir(home()) == ["windows.json"]


def test_a_server_on_this_machine_is_remembered_by_the_process_alone() -> None:
    window.learn("vllm/m", 8192, keep=False)
    assert window.learnt("vllm/m") == 8192
    assert not (home() / "windows.json").exists()


def test_what_another_process_learnt_is_kept(folder: Path) -> None:
    assert window.learnt("p/m") is None
    (folder / "windows.json").write_text(json.dumps({"q/n": [1000, int(time.time())]}))
    window.learn("p/m", 8192)
    assert saved().keys() == {"p/m", "q/n"}


@pytest.mark.parametrize("tokens", [0, -5, 10, 10**12])
def test_what_can_not_be_a_window_is_not_learnt(tokens: int) -> None:
    window.learn("p/m", tokens)
    assert window.learnt("p/m") is None


def test_it_is_believed_for_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    window.learn("p/m", 8192)
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 29 * 86400)
    assert window.learnt("p/m") == 8192
    monkeypatch.setattr("time.time", lambda: now + 31 * 86400)
    assert window.learnt("p/m") is None
    window.learn("p/m", 8192)
    assert window.learnt("p/m") == 8192


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "null",
        '"p/m"',
        '{"p/m": 8192}',
        '{"p/m": [8192]}',
        '{"p/m": ["8192", 1]}',
        '{"p/m": [1, 1]}',
        "[" * 100_000,
        "\udcff",
    ],
)
def test_a_broken_file_is_as_one_that_is_not_there(folder: Path, text: str) -> None:
    path = folder / "windows.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert window.learnt("p/m") is None
    window.learn("p/m", 4096)
    assert {name: tokens for name, (tokens, _) in saved().items()} == {"p/m": 4096}


def test_entries_that_make_sense_are_taken_from_a_file_that_has_others(folder: Path) -> None:
    (folder / "windows.json").write_text(json.dumps({"p/m": [8192, int(time.time())], "p/n": "?", "p/o": None}))
    assert (window.learnt("p/m"), window.learnt("p/n"), window.learnt("p/o")) == (8192, None, None)


def test_a_disk_that_refuses_costs_only_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "file"))
    window.learn("p/m", 8192)
    assert window.learnt("p/m") == 8192
