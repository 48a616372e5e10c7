import json

import pytest

from rlm.errors import ConfigError
from rlm.mapping import Pack, as_texts, check_repeated, pack_items
from rlm.types import JSON


def one(items: list[str], schema: JSON = None) -> Pack:
    (pack,) = pack_items(items, "Name its colour.", schema, None)
    return pack


def test_equal_items_are_asked_once() -> None:
    pack = one(["sky", "grass", "sky"])
    assert pack.items == {0: "sky", 1: "grass"}
    assert pack.prompt.endswith("[0] sky\n[1] grass")


def test_packs_fill_half_the_window() -> None:
    items = [f"{i:03} " + "x" * 346 for i in range(40)]  # 101 tokens each
    packs = pack_items(items, "i", None, 2400)
    assert [len(pack.items) for pack in packs] == [10, 10, 10, 10]
    assert [i for pack in packs for i in pack.items] == list(range(40))


def test_an_item_larger_than_the_room_is_alone() -> None:
    packs = pack_items(["a", "x" * 50_000, "b"], "i", None, 4000)
    assert [list(pack.items) for pack in packs] == [[0], [1], [2]]


def test_results_are_read_out_of_prose_and_fences() -> None:
    reply = 'Here:\n```json\n{"0": "blue", "1": ["green", 2]}\n```'
    assert one(["sky", "grass"]).read(reply) == {"sky": "blue", "grass": ["green", 2]}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer"}, 3, True),
        ({"type": "number"}, 2.5, "2.5"),
        ({"type": "string", "enum": ["a", "b"]}, "a", "c"),
        ({"type": "object", "required": ["k"]}, {"k": 1}, {}),
        ({"type": "object", "required": ["k", ["odd"]]}, {"k": 1, "['odd']": 2}, {"k": 1}),
    ],
)
def test_a_result_that_does_not_fit_the_schema_is_missing(schema: JSON, good: JSON, bad: JSON) -> None:
    pack = one(["x", "y"], schema)
    assert pack.read(json.dumps({"0": good, "1": bad})) == {"x": good}


@pytest.mark.parametrize(
    "reply", ["I can't.", "", "}{", "[1, 2]", '{"0": "cut', "{" * 100_000, '{"0": ' + "[" * 100_000 + "}"]
)
def test_a_reply_without_json_leaves_all_missing(reply: str) -> None:
    assert one(["x", "y"]).read(reply) == {}


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", '{"a": [NaN]}', "[" * 60 + "]" * 60])
def test_a_result_that_no_frame_can_carry_is_missing(value: str) -> None:
    assert one(["x", "y"]).read(f'{{"0": {value}, "1": 2}}') == {"y": 2}


def test_those_left_out_are_asked_one_by_one() -> None:
    pack = one(["x", "y", "z"])
    assert [again.items for again in pack.split({"y": 1})] == [{0: "x"}, {2: "z"}]


def test_items_are_shown_as_they_are_or_as_json() -> None:
    assert as_texts(["a", 1, {"k": "\u00e9"}, None]) == ["a", "1", '{"k": "\u00e9"}', "null"]


def test_prompts_that_would_take_gigabytes_are_not_made() -> None:
    packs = pack_items(map(str, range(10_000)), "i" * 1_000_000, None, 100_000)
    with pytest.raises(ConfigError) as raised:
        check_repeated(packs)
    assert str(raised.value) == (
        "llm_map: instruction and schema would be sent 10,000 times, 10,000,040,000 characters in all, of at most "
        "67,108,864: shorten them, or map fewer items at once"
    )
    check_repeated(packs[:67])
    check_repeated([])
    with pytest.raises(ConfigError):
        check_repeated(pack_items(["a", "b"], "i", {"enum": ["x" * 40_000_000]}, None) * 2)
