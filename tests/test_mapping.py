import pytest

from rlm.errors import LMReplyError
from rlm.mapping import Pack, pack_items
from rlm.types import JSON


def one(items: list[JSON], schema: JSON = None) -> Pack:
    (pack,) = pack_items(items, "Name its colour.", schema, None)
    return pack


def test_equal_items_are_asked_once() -> None:
    pack = one(["sky", "grass", "sky"])
    assert pack.indices == (0, 1)
    assert pack.first_of == {0: 0, 1: 1, 2: 0}
    assert pack.prompt.endswith("[0] sky\n[1] grass")


def test_packs_fill_half_the_window() -> None:
    items: list[JSON] = [f"{i:03} " + "x" * 346 for i in range(40)]  # 101 tokens each
    packs = pack_items(items, "i", None, 2400)
    assert [len(pack.indices) for pack in packs] == [10, 10, 10, 10]
    assert [i for pack in packs for i in pack.indices] == list(range(40))


def test_an_item_larger_than_the_room_is_alone() -> None:
    packs = pack_items(["a", "x" * 50_000, "b"], "i", None, 4000)
    assert [pack.indices for pack in packs] == [(0,), (1,), (2,)]


def test_results_are_read_out_of_prose_and_fences() -> None:
    reply = 'Here:\n```json\n{"0": "blue", "1": ["green", 2]}\n```'
    assert one(["sky", "grass"]).read(reply) == {0: "blue", 1: ["green", 2]}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer"}, 3, True),
        ({"type": "number"}, 2.5, "2.5"),
        ({"type": "string", "enum": ["a", "b"]}, "a", "c"),
        ({"type": "object", "required": ["k"]}, {"k": 1}, {}),
    ],
)
def test_a_result_that_does_not_fit_the_schema_is_missing(schema: JSON, good: JSON, bad: JSON) -> None:
    import json

    pack = one(["x", "y"], schema)
    assert pack.read(json.dumps({"0": good, "1": bad})) == {0: good}


def test_a_reply_without_json_leaves_all_missing_and_for_one_item_is_an_error() -> None:
    pack = one(["x", "y"])
    assert pack.read("I can't.") == {}
    with pytest.raises(LMReplyError, match=r'llm_map asked for a JSON object and got: "I can\'t."'):
        pack.split([1])[0].read("I can't.")
