"""The profiles that come with rlm: whom they are for, and what each says that `default` does not."""

from dataclasses import fields
from pathlib import Path

import pytest

from rlm.broker import PLAIN_CALLS
from rlm.errors import ConfigError
from rlm.prompts.profiles import Profile, find, profile_for, shipped
from rlm.types import Limits

MODELS = {
    "default": """
        openai/gpt-5 openai/gpt-5-mini openai/gpt-5-nano openai/gpt-4.1 azure_openai/my-deployment
        anthropic/claude-sonnet-4-5 bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0 gemini/gemini-2.5-pro
        vertex/gemini-2.5-flash openrouter/moonshotai/kimi-k2 deepseek/deepseek-chat deepseek/deepseek-v3.1
        together/meta-llama/Llama-3.3-70B-Instruct-Turbo groq/llama-3.3-70b-versatile ollama/llama3.1:70b
        ollama/llama3.2-vision:90b openrouter/meta-llama/llama-3.1-405b-instruct mistral/mistral-large-latest
        mistral/mistral-small-latest ollama/mistral-small:24b ollama/mistral-nemo mistral/codestral-latest
        openrouter/qwen/qwen3-235b-a22b-2507 together/Qwen/Qwen3-Next-80B-A3B-Instruct openrouter/qwen/qwen3-max
        ollama/qwen2.5:7b groq/moonshotai/kimi-k2-instruct xai/grok-4 llamacpp/rlm-qwen3-8b-v0.1.gguf ollama/codegemma
        ollama/gemma4:26b openai/text-gemma my/not-nano scripted ollama/wizard-phi ollama/llama4:scout
        ollama/nomic-embed-text llamacpp/Qwen3-Embedding-8B together/zai-org/GLM-4.6 ollama/llama3.2-vision
        """,
    "nano": "nano llamacpp/nano",
    "qwen-coder": """
        openrouter/qwen/qwen3-coder openrouter/qwen/qwen3-coder:free ollama/qwen2.5-coder:7b ollama/qwen3-coder:30b
        together/Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8 bedrock/qwen.qwen3-coder-480b-a35b-v1:0
        fireworks/accounts/fireworks/models/qwen3-coder-480b-a35b-instruct llamacpp/Qwen2.5-Coder-32B-Instruct-Q4_K_M
        fireworks/accounts/fireworks/models/qwen2p5-coder-32b-instruct vercel/alibaba/qwen3-coder-next
        ollama/hf.co/bartowski/Qwen2.5-Coder-7B-Instruct-GGUF:Q4_K_M
        """,
    "small": """
        groq/llama-3.1-8b-instant together/meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo ollama/llama3.1 ollama/llama3.2
        ollama/llama3.1:8b ollama/llama3.2:1b ollama/llama3.1:8b-instruct-q4_K_M ollama/llama3:latest
        fireworks/accounts/fireworks/models/llama-v3p1-8b-instruct bedrock/us.meta.llama3-2-3b-instruct-v1:0
        bedrock/meta.llama3-8b-instruct-v1:0 llamacpp/Meta-Llama-3-8B-Instruct.Q4_K_M.gguf ollama/phi3:mini ollama/phi4
        vllm/microsoft/Phi-3.5-mini-instruct azure_openai/Phi-4-mini-instruct vllm/Qwen/Qwen3-4B-Instruct-2507
        openrouter/meta-llama/llama-3.2-3b-instruct:free
        """,
    "gemma": """
        ollama/gemma3:4b ollama/gemma2 ollama/gemma3n:e4b gemini/gemma-3-27b-it groq/gemma2-9b-it ollama/gemma:7b
        openrouter/google/gemma-3-12b-it:free llamacpp/gemma-2-9b-it-Q4_K_M.gguf bedrock/google.gemma-3-12b-it
        """,
    "mistral-7b": """
        ollama/mistral ollama/mistral:7b ollama/mistral:latest together/mistralai/Mistral-7B-Instruct-v0.3
        bedrock/mistral.mistral-7b-instruct-v0:2 mistral/open-mistral-7b llamacpp//m/mistral-7b-instruct-v0.2.Q4.gguf
        """,
    "qwen3": """
        groq/qwen/qwen3-32b ollama/qwen3:30b-a3b openrouter/qwen/qwen3-235b-a22b:free bedrock/qwen.qwen3-32b-v1:0
        together/Qwen/Qwen3-235B-A22B-fp8-tput openrouter/qwen/qwen3-235b-a22b-04-28
        """,
    "qwen3-small": """
        llamacpp//models/Qwen3-8B-Q4_K_M.gguf ollama/qwen3 ollama/qwen3:8b openrouter/qwen/qwen3-14b
        vllm/Qwen/Qwen3-1.7B lmstudio/qwen3-4b llamacpp/Qwen3-0.6B-Q8_0
        """,
    "thinking": """
        openrouter/deepseek/deepseek-r1-0528 deepseek/deepseek-reasoner llamacpp/DeepSeek-R1-0528-Qwen3-8B-Q4_K_M.gguf
        ollama/qwq openrouter/qwen/qwq-32b llamacpp/QwQ-32B-Preview-Q4_K_M vllm/Qwen/Qwen3-4B-Thinking-2507
        openrouter/qwen/qwen3-235b-a22b-thinking-2507 together/Qwen/Qwen3-Next-80B-A3B-Thinking groq/openai/gpt-oss-120b
        ollama/gpt-oss:20b bedrock/openai.gpt-oss-120b-1:0 mistral/magistral-medium-latest ollama/magistral:24b
        ollama/phi4-reasoning openrouter/microsoft/phi-4-reasoning-plus
        """,
    "deepseek-r1": """
        together/deepseek-ai/DeepSeek-R1 ollama/deepseek-r1:8b bedrock/us.deepseek.r1-v1:0
        groq/deepseek-r1-distill-llama-70b openrouter/deepseek/deepseek-r1-distill-qwen-32b
        llamacpp/DeepSeek-R1-Distill-Llama-8B-Q4_K_M.gguf fireworks/accounts/fireworks/models/deepseek-r1
        """,
}
NAMES = [(name, profile) for profile, names in MODELS.items() for name in names.split()]
# What each may differ from `default` in: a profile that changes more has to say so here.
CHANGES = {
    "default": set(),
    "nano": {"match", "system", "direct", "output_chars"},
    "qwen-coder": {"match", "call_chars"},
    "small": {"match", "bare_final", "fence", "fences", "output_chars", "call_chars", "stop"},
    "gemma": {"match", "bare_final", "fence", "fences", "output_chars", "call_chars", "stop", "system_role"},
    "mistral-7b": {"match", "bare_final", "fence", "fences", "output_chars", "call_chars", "stop", "system_role"},
    "qwen3": {"match", "switch"},
    "qwen3-small": {"match", "bare_final", "fence", "fences", "output_chars", "call_chars", "stop", "switch"},
    "thinking": {"match"},
    "deepseek-r1": {"match", "system_role"},
}
TEXTS = {
    "nano": {"again.md", "first.md", "given.md", "output.md"},
    "qwen-coder": {"delegation.md"},
    "small": {"delegation.md"},
    "thinking": {"alone.md", "delegation.md"},
}


@pytest.mark.parametrize(("model", "profile"), NAMES)
def test_a_model_gets_its_profile_and_no_other_matches(model: str, profile: str) -> None:
    assert [one.name for one in shipped().values() if one.is_for(model)] == ([profile] if profile != "default" else [])
    assert profile_for(model) is shipped()[profile]


def test_the_table_has_every_profile_and_enough_names() -> None:
    assert set(MODELS) == set(shipped()) == set(CHANGES)
    assert len(NAMES) > 80


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_profile_changes_only_what_it_must(name: str) -> None:
    profile, default = shipped()[name], shipped()["default"]
    changed = {one.name for one in fields(Profile) if getattr(profile, one.name) != getattr(default, one.name)}
    assert changed - {"name", "folders"} == CHANGES[name]
    if name != "default":
        assert {path.name for path in profile.folders[0].glob("*.md")} == TEXTS.get(name, set())


def opening(profile: Profile, window: int | None = 100_000) -> list[tuple[str, str]]:
    messages = profile.opening("Who?", "str", functions=PLAIN_CALLS, limits=Limits(), sub_window=window)
    return [(message.role, message.content) for message in messages]


def test_what_the_profiles_say() -> None:
    plain, _ = opening(shipped()["default"])
    assert "```repl\n" in plain[1]
    assert "few large prompts, not many tiny ones" in plain[1]
    system, _ = opening(shipped()["qwen-coder"])
    assert "prompts of about 200,000 characters" in system[1]
    assert "few large prompts" not in system[1]
    assert [role for role, _ in opening(shipped()["gemma"])] == ["user"]
    assert "```python\n" in opening(shipped()["gemma"])[0][1]
    assert opening(shipped()["qwen3"])[1][1].endswith("\n\n/no_think")
    assert opening(shipped()["qwen3"])[0] == plain
    system, first = opening(shipped()["thinking"])
    assert "Think briefly" in system[1]
    assert opening(shipped()["deepseek-r1"]) == [("user", f"{system[1]}\n\n{first[1]}")]
    assert "begins with ```python" in shipped()["small"].nudge()


def test_a_sub_call_is_as_large_as_its_model_reads_well() -> None:
    assert shipped()["small"].reads(131_072) == 4_000
    assert shipped()["small"].reads(2_048) == 2_048
    assert shipped()["small"].reads(None) == 4_000
    assert shipped()["default"].reads(8_192) == 8_192
    assert shipped()["default"].reads(None) is None
    # A coder whose sub-model takes less is not told to send more.
    assert "prompts of about 30,000 characters" in opening(shipped()["qwen-coder"], 10_000)[0][1]


def write(folder: Path, text: str, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "profile.toml").write_text(text)
    for name, words in texts.items():
        (folder / f"{name}.md").write_text(words)
    return folder


def test_a_profile_of_the_users(tmp_path: Path) -> None:
    text = 'base = "small"\nfence = "repl"\n[request]\nchat_template_kwargs = {enable_thinking = false}\n'
    folder = write(tmp_path / "mine", text, nudge="Write ```$fence, please.", delegation="At most $call_chars.")
    for spec in (folder, str(folder), folder / "profile.toml"):
        mine = find(spec)
        assert mine.name == "mine"
        assert mine.nudge() == "Write ```repl, please."
        assert (mine.call_chars, mine.stop, mine.match) == (12_000, ("\nOutput:\n",), ())
        assert mine.request == {"chat_template_kwargs": {"enable_thinking": False}}
        assert "At most 12,000." in opening(mine)[0][1]
    assert find("gemma") is shipped()["gemma"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bare_finals = true", "a profile has no 'bare_finals': is 'bare_final' meant?"),
        ("zzz = 1", "a profile has no 'zzz': match, base, system"),
        ("bare_final = 1", "bare_final is true or false, not 1"),
        ("output_chars = 5", "output_chars is a number of characters, at least 100, not 5"),
        ("match = ['(']", "match is a list of regular expressions, not ['(']"),
        ("fence = '```'", "fence is a fence's language, such as 'python', not '```'"),
        ("fences = ['a b']", "fences is a list of fences' languages, '' for none, not ['a b']"),
        ("stop = [' ']", "stop is a list of at most 4 strings, none of them blank, not [' ']"),
        ('switch = "a\\nb"', "switch is one line of text, such as '/no_think', not 'a\\nb'"),
        ("request = {max_tokens = 9}", "request is a table of fields of the request; not the model"),
        ("request = {model = 'x'}", "request is a table of fields of the request; not the model"),
        ("base = 'tiny'", "base is one of deepseek-r1, default, gemma, mistral-7b, nano, qwen-coder"),
        ("base = '../x'", "not '../x'"),
        ("fence = ", "profile.toml is not TOML: "),
    ],
)
def test_what_is_wrong_in_a_profile_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find(write(tmp_path / "mine", text))
    assert str(tmp_path / "mine" / "profile.toml") in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("nudge", "Write $fance", "nudge.md: $fence can be filled in there, and a dollar sign is $$; it has $fance"),
        ("wrap_up", "It costs $ 5", "wrap_up.md: $reason can be filled in there, and a dollar sign is $$"),
        ("systm", "x", "systm.md: a profile has no such text: first.md, system.md"),
    ],
)
def test_what_is_wrong_in_a_text_is_said(tmp_path: Path, name: str, words: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find(write(tmp_path / "mine", "", **{name: words}))
    assert said in str(caught.value)


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no profile 'gemmma': deepseek-r1, default, gemma"):
        find("gemmma")
    with pytest.raises(ConfigError, match="No such file"):
        find(tmp_path / "nothing")
