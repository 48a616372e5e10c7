"""JSON values: what arrives is what was given, and what JSON can't carry is named."""

import io
import random
from collections import OrderedDict, defaultdict
from pathlib import Path

import pytest

from rlm.context import load
from rlm.errors import ContextError
from rlm.sandbox.corpus import build_context


def value(given):
    context = load(given)
    assert context.kind == "json"
    return build_context(context.kind, context.parts, context.blob.fd).value


@pytest.mark.parametrize(
    "given",
    [
        *(None, True, 0, -1.5, 10**30, [], {}, [[]], {"a": {}}, [None, 'é\ud800😀\x00"\\'], {"": [1, {"b": [2]}]}),
        *(list(range(1000)), {str(i): i for i in range(1000)}, {"k": [{"text": "x" * 100}] * 300}),
        *(OrderedDict(b=1, a=2), defaultdict(list, a=[1])),
    ],
)
def test_a_json_value_arrives_as_it_is(given):
    assert value(given) == given


def test_the_order_of_keys_is_kept():
    keys = [str(i) for i in range(1000)]
    random.Random(1).shuffle(keys)
    assert list(value(dict.fromkeys(keys, 0))) == keys


def test_tuples_become_lists():
    assert value(({"a": (1, 2)},)) == [{"a": [1, 2]}]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"a": [0, 1, 2, {3}]}, "context['a'][3] is a set, which JSON can't carry; make a list of it"),
        ({"a": {1: 2}}, "context['a'] has the key 1, an int: JSON's keys are strings"),
        ({None: 1}, "context has the key None, a NoneType: JSON's keys are strings"),
        ([[float("nan")]], "context[0][0] is nan, which JSON can't carry; use None or a string"),
        (float("inf"), "context is inf, which JSON can't carry; use None or a string"),
        (iter("ab"), f"context is a {type(iter('ab')).__name__}, which JSON can't carry; make a list of it"),
        (io.StringIO("a"), "context is a StringIO, which JSON can't carry; give what it reads, or its Path"),
        (b"bytes", "context is a bytes, which JSON can't carry; decode it"),
        ([1, object()], "context[1] is an object, which JSON can't carry"),
        (
            {"a": Path("b")},
            "context['a'] is a PosixPath, which JSON can't carry; "
            "a Path must stand alone, or in a list of nothing but paths",
        ),
        ({"\x1b[2J": b""}, "context['\\x1b[2J'] is a bytes, which JSON can't carry; decode it"),
    ],
)
def test_what_json_cannot_carry_is_named(given, message):
    with pytest.raises(ContextError) as caught:
        load(given)
    assert str(caught.value) == message


def test_what_contains_itself_is_refused():
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ContextError, match="nested more than 500 levels deep, or contains itself"):
        load(loop)


def test_deep_nesting_arrives():
    given: list[object] = []
    for _ in range(400):
        given = [given]
    assert value(given) == given


def test_an_integer_that_python_will_not_write_is_refused():
    with pytest.raises(ContextError, match="limit"):
        load([10**5000])


def test_shapes_are_described_two_levels_deep():
    rows = [{"id": i, "text": "secret words"} for i in range(1204)]
    assert load(rows).description == (
        f"list of 1,204 items (dict with keys 'id', 'text'), {load(rows).characters:,} characters of JSON\n"
        "  [i]['id']: int\n"
        "  [i]['text']: str"
    )
    assert load({"a": [1, "secret"], "b": {"c": None}, "d": "four"}).description == (
        "dict with 3 keys 'a', 'b', 'd', 44 characters of JSON\n"
        "  'a': list of 2 items (int or str)\n"
        "  'b': dict with 1 key 'c'\n"
        "  'd': str of 4 characters"
    )
    assert load([[1, 2], [True]]).description == "list of 2 items (list), 14 characters of JSON\n  [i][j]: int or bool"
    assert load(None).description == "null, 4 characters of JSON"
    assert load([]).description == "list of 0 items, 2 characters of JSON"


def test_a_description_is_bounded_and_safe_to_show():
    given = {f"\x1b[31m{'k' * 5000}{i}": "secret" for i in range(1000)}
    description = load(given).description
    assert len(description) < 6000
    assert "\x1b" not in description
    assert "secret" not in description
    assert description.endswith("and 980 more")
