"""What clients say their answers depend on: enough to tell two apart, and no key."""

import json
from typing import Any

import pytest

from rlm.lms import resolve
from rlm.lms.base import LM

KEY = "sk-secret-0123456789"
CLIENTS = ["openai/m", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"]


def settings(spec: str, **options: Any) -> Any:
    lm: LM = resolve(spec, api_key=KEY, **options)
    found = lm.settings  # type: ignore[attr-defined]
    assert json.loads(json.dumps(found)) == found
    return found


@pytest.mark.parametrize("spec", CLIENTS)
def test_clients_that_may_answer_differently_say_so(spec: str) -> None:
    said = [
        settings(spec),
        settings(spec, temperature=0),
        settings(spec, max_tokens=2000),
        settings(spec, base_url="http://localhost:1/v1?key=secret"),
        settings(spec, extra={"seed": 1}),
    ]
    assert settings(spec) == said[0]
    assert len({json.dumps(one, sort_keys=True) for one in said}) == len(said)
    assert said[1]["temperature"] == 0
    assert "secret" not in json.dumps(said)


def test_the_model_in_the_box_is_at_temperature_0() -> None:
    box: Any = resolve("nano")
    assert box.settings["temperature"] == 0
    assert box.settings["file"][1] > 0
