"""Server-sent events, in pieces of any size."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.lms.sse import Events

STREAM = (
    "\ufeff: a comment\n"
    "event: first\ndata: one\n\n"
    "data: two\r\ndata:  lines\r\n\r\n"
    "id: 7\rretry: 10\rdata\r\r"
    "event: without data\n\n"
    'data:{"text": "né 🎉"}\n\n'
    "field: unknown\ndata: [DONE]\n\n"
    "data: broken off\n"
)
EVENTS = [("first", "one"), ("", "two\n lines"), ("", ""), ("", '{"text": "né 🎉"}'), ("", "[DONE]")]


def read(pieces: list[bytes]) -> list[tuple[str, str]]:
    events = Events()
    return [event for piece in pieces for event in events.feed(piece)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_stream_in_pieces(size: int) -> None:
    data = STREAM.encode()
    assert read([data[start : start + size] for start in range(0, len(data), size)]) == EVENTS


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.integers(0, len(STREAM.encode()))))
def test_where_it_is_cut_makes_no_difference(cuts: list[int]) -> None:
    data = STREAM.encode()
    edges = [0, *sorted(cuts), len(data)]
    assert read([data[start:end] for start, end in pairwise(edges)]) == EVENTS


def test_a_long_line_in_many_pieces_is_put_together_once() -> None:
    pieces = [b"data: ", *[b"x" * 1000] * 1000, b"\n\n"]
    assert read(pieces) == [("", "x" * 1_000_000)]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.binary(max_size=20)))
def test_any_bytes_are_read(pieces: list[bytes]) -> None:
    assert all(isinstance(text, str) for event in read(pieces) for text in event)
