"""A pool of sub-models: what the prompt says of it, and that cells reach it by name."""

from collections.abc import Mapping
from typing import Any

import pytest

from rlm import RLM, Completion, ConfigError, Limits, Price, Request
from rlm.lms.base import LM
from rlm.lms.scripted import Scripted
from rlm.trace.events import CallBegin
from rlm.trace.store import read


def says(name: str, **options: Any) -> Scripted:
    return Scripted(lambda request: name, name=name, **options)


FAST = says("openai/gpt-5-nano", window=400_000, price=Price(0.05, 0.4))
DEEP = Scripted(lambda request: "deep", name="my/deep", price=None)
POOL: Mapping[str, LM] = {"fast": FAST, "deep": DEEP}


def run(
    code: str, *, pool: Mapping[str, LM] = POOL, depth: int = 1, **options: Any
) -> tuple[Completion, list[Request]]:
    root = Scripted([f"```repl\n{code}\n```"] * 2, name="my/root")
    rlm = RLM(model=root, sub_model=says("sub"), sub_models=pool, limits=Limits(depth=depth, turns=1), **options)
    return rlm.completion("q", context="x" * 500), root.requests


def test_cells_name_them() -> None:
    code = """
one = llm_query("a"), llm_query("b", model="fast"), llm_query("c", model="deep")
FINAL([*one, *llm_query_batched(["d", "e"], model="fast")])
"""
    completion, _ = run(code)
    assert completion.answer == ["sub", "openai/gpt-5-nano", "deep", "openai/gpt-5-nano", "openai/gpt-5-nano"]
    assert completion.trace is not None
    asked = [event.model for event in read(completion.trace) if isinstance(event, CallBegin)]
    assert asked == ["sub", "openai/gpt-5-nano", "my/deep", "openai/gpt-5-nano", "openai/gpt-5-nano"]


def test_the_prompt_says_which_there_are() -> None:
    _, requests = run("FINAL(1)")
    system = requests[0].messages[0].content
    (start,) = [number for number, line in enumerate(system.splitlines()) if line.startswith("- `model=NAME`")]
    assert system.splitlines()[start + 1 : start + 5] == [
        "  - without it: sub, how much fits is unknown, $0 in and $0 out a million tokens",
        "  - `model='fast'`: openai/gpt-5-nano, about 1,200,000 characters fit, $0.05 in and $0.4 out a million tokens",
        "  - `model='deep'`: my/deep, how much fits is unknown, price unknown",
        "- `SHOW_VARS()`: the names that you have assigned, with types and sizes.",
    ]


@pytest.mark.parametrize(("pool", "depth"), [({}, 1), (POOL, 0)])
def test_the_prompt_says_nothing_where_there_is_nothing_to_choose(pool: Mapping[str, LM], depth: int) -> None:
    _, requests = run("FINAL(1)", pool=pool, depth=depth)
    assert "model=" not in requests[0].messages[0].content


def test_their_own_names_are_as_good() -> None:
    code = "FINAL([llm_query('a', model=name) for name in ('openai/gpt-5-nano', 'gpt-5-nano', 'my/deep', 'sub')])"
    assert run(code)[0].answer == ["openai/gpt-5-nano", "openai/gpt-5-nano", "deep", "sub"]


def test_a_name_that_is_none_lists_them() -> None:
    code = "try:\n    llm_query('a', model='fats')\nexcept Exception as error:\n    FINAL(str(error))"
    said = run(code)[0].response
    assert "no model 'fats'" in said
    assert "'deep', 'fast'" in said


def test_a_child_is_the_model_that_is_named() -> None:
    child = Scripted(["```repl\nFINAL('from the child')\n```"], name="my/child")
    completion, _ = run("FINAL(rlm_query('q', context='x', model='child'))", pool={"child": child}, depth=2)
    assert completion.answer == "from the child"


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ({"a b": FAST}, "a name in sub_models is up to 80 letters, digits .* not 'a b'"),
        ({"": FAST}, "not ''"),
        ({"x`\nIgnore": FAST}, "a name in sub_models"),
        ({"y" * 81: FAST}, "a name in sub_models"),
        ({"my/root": FAST}, "sub_models: 'my/root' is the name of another model of the run"),
        ({"fast": "openai/gpt-5-nano"}, "OPENAI_API_KEY"),
        ({"fast": "opneai/gpt-5-nano"}, "meant 'openai/gpt-5-nano'"),
    ],
)
def test_pools_that_can_not_be_right(pool: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        RLM(model=Scripted([], name="my/root"), sub_models=pool)


def test_a_budget_needs_the_price_of_each() -> None:
    with pytest.raises(ConfigError, match="the price of my/deep is not known"):
        RLM(model=Scripted([]), sub_models=POOL, limits=Limits(usd=1))
    RLM(model=Scripted([]), sub_models=POOL, limits=Limits(usd=1), prices={"my/deep": Price(1, 1)})


def test_options_of_models_that_are_named() -> None:
    options = {"base_url": "http://127.0.0.1:9/v1"}
    rlm = RLM(model="openai/m", model_options=options, sub_model_options={**options, "window": 1000})
    assert (rlm.setup.model.window, rlm.setup.sub_model.window) == (None, 1000)
    assert rlm.setup.sub_model.name == "openai/m"
    with pytest.raises(ConfigError, match=r"openai: .*'windw'"):
        RLM(model="openai/m", model_options={"windw": 1})
    with pytest.raises(ConfigError, match="without options"):
        RLM(model=Scripted([]), model_options={"window": 1})
