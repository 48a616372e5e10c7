"""Names from outside, as they are shown."""

import pytest

from rlm.context.names import safe_name, shown


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plain é 猫 😀.txt", "plain é 猫 😀.txt"),
        ("a\x1b[31m\x07\r\n", "a\\x1b[31m\\x07\\r\\n"),
        ("\x9b1m", "\\x9b1m"),
        ("rtl\u202e\u2066", "rtl\\u202e\\u2066"),
        ("bytes\udcff", "bytes\\xff"),
        ("\ud800", "\\ud800"),
        ("nb\xa0sp", "nb\\xa0sp"),
    ],
)
def test_what_is_not_printable_is_escaped(name, safe):
    assert safe_name(name) == safe


def test_a_long_name_is_cut_in_the_middle():
    text = shown("start" + "x" * 500 + "end.py")
    assert len(text) == 119
    assert text.startswith("start")
    assert text.endswith("end.py")
