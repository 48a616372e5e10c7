import json
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.sandbox import protocol

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
DONE = {"type": "done", "id": 1, "output": "", "output_size": 0, "error": None, "answer": None, "seconds": 0.5}

STEADY = settings(derandomize=True, deadline=None, database=None, max_examples=60)


def framed(payload):
    return struct.pack(">I", len(payload)) + payload


def read_bytes(data):
    view = memoryview(data)

    def receive(size):
        nonlocal view
        piece, view = bytes(view[:size]), view[size:]
        return piece

    return protocol.read(receive)


@STEADY
@given(st.dictionaries(st.text(), JSON))
def test_what_is_encoded_is_decoded_as_it_was(message):
    assert read_bytes(protocol.encode(message)) == message


@STEADY
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_a_frame_error_or_the_end(data):
    try:
        message = read_bytes(data)
    except protocol.FrameError:
        return
    assert message is None or isinstance(message, dict)


@STEADY
@given(st.dictionaries(st.text(), JSON), st.sampled_from(["hello", "run", "ready", "call", "done", "return", "raise"]))
def test_any_object_passes_the_checks_or_is_a_frame_error(fields, kind):
    for check in (protocol.check_to_worker, protocol.check_from_worker):
        for message in (fields, {**fields, "type": kind}):
            try:
                check(message)
            except protocol.FrameError:
                continue
            assert message["type"]


def test_a_frame_is_a_length_and_json():
    assert protocol.encode({"type": "run", "id": 1, "code": "é"}) == framed('{"type":"run","id":1,"code":"é"}'.encode())


def test_lone_surrogates_are_sent_as_question_marks():
    assert read_bytes(protocol.encode({"a\ud800": "b\udfff"})) == {"a?": "b?"}


def test_the_stream_may_end_only_between_frames():
    whole = protocol.encode({"type": "interrupt"})
    assert read_bytes(b"") is None
    for cut in range(1, len(whole)):
        with pytest.raises(protocol.FrameError, match="ended within a frame"):
            read_bytes(whole[:cut])


def test_a_frame_over_the_cap_is_refused_before_it_is_read():
    assert protocol.length(struct.pack(">I", protocol.MAX_FRAME)) == protocol.MAX_FRAME
    with pytest.raises(protocol.FrameError, match="67,108,865 bytes announced"):
        protocol.length(struct.pack(">I", protocol.MAX_FRAME + 1))
    with pytest.raises(protocol.FrameError, match="a frame holds at most 67,108,864"):
        protocol.encode({"type": "x" * protocol.MAX_FRAME})


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1e999}', "not finite"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a": "\\ud800"}', "lone surrogate"),
        (b'{"\\udc00": [{"x": 1}]}', "lone surrogate"),
        (b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}", "nested deeper than 64"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
        (b'{"a": [' + b"[]," * 2**20 + b"[]]}", "more than 1,048,576 values"),
    ],
)
def test_what_no_frame_may_hold_is_refused(payload, why):
    with pytest.raises(protocol.FrameError, match=why):
        protocol.decode(payload)


def test_commas_in_strings_are_no_values():
    text = 'a,[{\\"' * 600_000
    assert protocol.decode(json.dumps({"a": text}).encode()) == {"a": text}


@pytest.mark.parametrize(
    "change",
    [
        {"type": "hello"},
        {"type": 3},
        {"type": ["done"]},
        {"id": "1"},
        {"id": True},
        {"id": -1},
        {"id": 2**53 + 1},
        {"id": 1.0},
        {"output": None},
        {"output_size": -1},
        {"output_size": 1.5},
        {"error": 3},
        {"seconds": "1"},
        {"seconds": -1},
        {"answer": []},
        {"answer": {"value": 1}},
        {"answer": {"value": 1, "is_repr": 0, "ready": True}},
        {"answer": {"value": 1, "is_repr": False, "ready": True, "more": 1}},
        {"more": 1},
    ],
)
def test_a_done_with_a_wrong_field_is_refused(change):
    protocol.check_from_worker(DONE)
    with pytest.raises(protocol.FrameError):
        protocol.check_from_worker({**DONE, **change})


def test_every_field_is_required():
    for field in DONE:
        with pytest.raises(protocol.FrameError):
            protocol.check_from_worker({name: value for name, value in DONE.items() if name != field})


def test_each_side_may_send_its_own_messages_only():
    protocol.check_to_worker({"type": "run", "id": 1, "code": ""})
    protocol.check_from_worker(
        {"type": "call", "id": 1, "name": "rlm_query", "args": {"prompt": 1, "context": None, "model": None}}
    )
    with pytest.raises(protocol.FrameError):
        protocol.check_from_worker({"type": "run", "id": 1, "code": ""})
    with pytest.raises(protocol.FrameError):
        protocol.check_to_worker({"type": "call", "id": 1, "name": "llm_query", "args": {}})


def call(name, /, **args):
    protocol.check_from_worker({"type": "call", "id": 1, "name": name, "args": args})


@pytest.mark.parametrize(
    "context", [None, {"value": None}, {"value": [1]}, {"piece": [0, 0, ""]}, {"piece": [3, 9, "a"]}]
)
def test_a_context_is_nothing_a_piece_or_a_value(context):
    call("rlm_query", prompt="p", context=context, model=None)
    call("rlm_query_batched", prompts=["p"], contexts=[context, None], model=None)


@pytest.mark.parametrize(
    "context",
    [
        0,
        "",
        [],
        {},
        {"piece": None},
        {"piece": [0, 1]},
        {"piece": [2, 1, ""]},
        {"piece": [-1, 1, ""]},
        {"piece": [0, True, ""]},
        {"piece": [0, 2**60, ""]},
        {"piece": [0, 1, 5]},
        {"piece": [0, 1, "n" * 5000]},
        {"piece": [0, 1, ""], "value": 1},
        {"other": 1},
    ],
)
def test_any_other_context_is_refused(context):
    with pytest.raises(protocol.FrameError):
        call("rlm_query", prompt="p", context=context, model=None)
    with pytest.raises(protocol.FrameError):
        call("rlm_query_batched", prompts=["p"], contexts=[context], model=None)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("os.system", {}),
        ("llm_query", {"prompt": "p", "model": None}),
        ("llm_query", {"prompt": "p", "model": None, "temperature": None, "fresh": False, "origins": None, "self": 1}),
        ("llm_query", {"prompt": "p", "model": None, "temperature": None, "fresh": False}),
        ("tool", {"name": "f", "args": []}),
        ("tool", {"name": "f", "args": {}, "kwargs": {}}),
        ("tool", {"name": None, "args": [], "kwargs": {}}),
        ("tool", {"name": "f", "args": [], "kwargs": []}),
        ("rlm_query_batched", {"prompts": [], "contexts": {"value": 1}, "model": None}),
    ],
)
def test_a_call_has_exactly_its_arguments(name, args):
    with pytest.raises(protocol.FrameError):
        call(name, **args)


PLAIN = {"model": None, "temperature": None, "fresh": False}
ASKED = [
    ("llm_query", {"prompt": "p", **PLAIN}),
    ("llm_query_batched", {"prompts": ["p"], **PLAIN}),
    ("llm_map", {"items": [1], "instruction": "i", "schema": None, **PLAIN}),
]


@pytest.mark.parametrize(("name", "args"), ASKED)
@pytest.mark.parametrize("origins", [None, [None], [[0, 0, ""]], [[3, 9, "a"]]])
def test_an_origin_is_nothing_or_a_piece(name, args, origins):
    call(name, **args, origins=origins)


@pytest.mark.parametrize(("name", "args"), ASKED)
@pytest.mark.parametrize(
    "origins",
    [
        0,
        "",
        {},
        [],
        [None, None],
        [0],
        [[]],
        [{"piece": [0, 1, ""]}],
        [[0, 1]],
        [[2, 1, ""]],
        [[-1, 1, ""]],
        [[0, True, ""]],
        [[0.0, 1, ""]],
        [[0, 2**60, ""]],
        [[0, 1, None]],
        [[0, 1, "n" * 5000]],
    ],
)
def test_any_other_origins_are_refused(name, args, origins):
    with pytest.raises(protocol.FrameError):
        call(name, **args, origins=origins)


@pytest.mark.parametrize("prompts", [None, "pp", {"a": 1}, 3])
def test_prompts_of_a_wrong_type_are_the_brokers_to_refuse(prompts):
    call("llm_query_batched", prompts=prompts, **PLAIN, origins=[None] * 7)


@STEADY
@given(st.dictionaries(st.sampled_from(["prompt", "prompts", "items", "origins", "name", "args", "kwargs"]), JSON))
def test_arguments_of_any_kind_pass_or_are_a_frame_error(changed):
    for name, args in [*ASKED, ("tool", {"name": "f", "args": [], "kwargs": {}})]:
        try:
            call(name, **{**args, "origins": None} | changed)
        except protocol.FrameError:
            continue


HELLO = {"type": "hello", "version": 3, "seed": 0, "functions": [], "question": "", "max_output": 9, "window": None}
HELLO |= {"tools": [{"name": "f", "signature": "()", "doc": ""}], "names": {"a": [1]}, "env": {"A": "b"}}


@pytest.mark.parametrize(
    "change",
    [
        {"tools": {}},
        {"tools": ["f"]},
        {"tools": [{"name": "f", "signature": "()"}]},
        {"tools": [{"name": "f", "signature": "()", "doc": None}]},
        {"names": []},
        {"env": []},
        {"env": {"A": 1}},
        {"env": {"": "b"}},
        {"env": {"A=": "b"}},
        {"env": {"A": "b\0"}},
    ],
)
def test_a_hello_with_a_wrong_field_is_refused(change):
    protocol.check_to_worker(HELLO)
    with pytest.raises(protocol.FrameError):
        protocol.check_to_worker({**HELLO, **change})


def test_frames_with_bytes_changed_at_random_never_do_worse_than_a_frame_error():
    chance = random.Random(7)
    good = protocol.encode(DONE)[4:]
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            protocol.check_from_worker(protocol.decode(bytes(data)))
        except protocol.FrameError:
            continue


def test_the_documentation_names_every_message_field_and_limit():
    text = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    more = {"answer": protocol._ANSWER, "tool": protocol._TOOL_ARGS, "tools": protocol._OFFER}
    for messages in (protocol._TO_WORKER, protocol._FROM_WORKER, more):
        for kind, fields in messages.items():
            assert f"`{kind}`" in text
            assert [name for name in fields if f"`{name}`" not in text and f"{name}," not in text] == []
    limits = (protocol.MAX_DEPTH, protocol.MAX_VALUES, protocol.MAX_OPEN_CALLS)
    assert [f"{limit:,}" in text for limit in limits] == [True] * 3
    assert f"{protocol.MAX_FRAME >> 20} MiB" in text
    assert f"{protocol.MAX_OPEN_BYTES >> 20} MiB" in text


@pytest.mark.parametrize(
    ("payload", "wrong"),
    [
        (b"," * 1_100_000 + b'\\"' * 3_000_000, "not JSON: "),
        (b"," * 1_100_000 + b'"' * 4_000_000, "more than 1,048,576 values in a frame"),
        (b"," * 1_100_000 + b"\\" * 4_000_000, "not JSON: "),
        (b'{"a":["' + b'\\"' * 3_000_000 + b'"' + b",[]" * 1_100_000 + b"]}", "more than 1,048,576 values in a frame"),
    ],
)
def test_values_are_counted_in_one_pass_whatever_is_escaped_or_left_open(payload, wrong):
    """A pattern that looks back takes hours for these."""
    with pytest.raises(protocol.FrameError, match=wrong):
        protocol.decode(payload)


def test_what_is_escaped_does_not_count_as_values():
    text = r",[{\"\\" * 300_000
    assert protocol.decode(json.dumps({"a": [text, 1]}).encode()) == {"a": [text, 1]}
