"""A profile in a run: what the root is sent, and what of its replies counts."""

from pathlib import Path

import pytest

from rlm import RLM
from rlm.errors import ConfigError
from rlm.lms.scripted import Scripted
from rlm.types import Request


def run(model: Scripted, **options: object) -> object:
    done = RLM(model=model, route="never", trace=False, **options).completion("How many?", context="a b c")  # type: ignore[arg-type]
    assert done.status == "done"
    return done.answer


def test_a_profile_is_found_by_the_model_s_name() -> None:
    root = Scripted(["```tool_code\nprint(len(context))\n```", "FINAL(5)"], name="ollama/gemma3:4b")
    assert run(root) == 5
    first, second = root.requests
    assert [message.role for message in first.messages] == ["user"]
    assert "```python" in first.messages[0].content
    assert first.stop == second.stop == ("\nOutput:\n",)
    assert first.fields == {}


def test_a_profile_that_is_given_is_the_root_s_alone(tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_text(
        'switch = "/quick"\nstop = ["END"]\ncall_chars = 600\n[request]\nthink = false'
    )
    root = Scripted(["```repl\nFINAL([llm_query('x'), len(chunks())])\n```"], name="my/root")
    sub = Scripted(["yes"], name="my/sub")
    assert run(root, sub_model=sub, profile=tmp_path) == ["yes", 1]
    (asked,) = root.requests
    assert asked.messages[-1].content.endswith("\n\n/quick")
    assert (asked.stop, asked.fields) == (("END",), {"think": False})
    assert sub.requests == [Request(sub.requests[0].messages, sub.requests[0].max_tokens, sub.requests[0].temperature)]


def test_the_sub_model_s_profile_says_how_much_it_reads() -> None:
    root = Scripted(["```repl\nFINAL(len(chunks(None)))\n```"], name="my/root")
    sub = Scripted([], name="ollama/qwen3:8b", window=40_960)
    RLM(model=root, sub_model=sub, route="never", trace=False).completion("?", context="word " * 10_000)
    assert "About 12,000 characters fit" in root.requests[0].messages[0].content


def test_the_names_of_profiles_are_told() -> None:
    with pytest.raises(ConfigError, match="no profile 'fast': deepseek-r1, default, gemma"):
        RLM(model=Scripted([]), profile="fast")
