"""What git would ignore; the table was checked against `git check-ignore`."""

import time

import pytest

from rlm.context.ignore import ignored, parse


def is_ignored(lines: str, name: str) -> bool:
    """As git asks: of every folder on the way, then of the file; a name with a slash at its end is a folder."""
    rules = [parse(lines.encode(), "")]
    parts = name.rstrip("/").split("/")
    ways = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    return any(ignored(rules, way, way != ways[-1] or name.endswith("/")) for way in ways)


@pytest.mark.parametrize(
    ("lines", "yes", "no"),
    [
        ("a", "a b/a a/b a/", "ab b A"),
        ("/a", "a a/b", "b/a"),
        ("a/", "a/ a/b c/a/", "a b/a"),
        ("a/b", "a/b a/b/c", "c/a/b b"),
        ("*.log", "x.log a/x.log .log", "x.log.txt log"),
        ("a?c", "abc", "ac abbc"),
        ("[ab]c", "ac bc", "cc abc"),
        ("[!ab]c", "cc", "ac bc"),
        ("[^a-c]c", "dc", "ac bc"),
        ("[]-]x", "]x -x", "ax"),
        ("[a\\]]x", "ax ]x", "bx"),
        ("[\\d]", "d", "1"),
        ("[a", "", "[a a"),
        ("[z-a]", "", "z a b"),
        ("a\\", "", "a a\\"),
        ("\\#a", "#a", "a"),
        ("\\!a", "!a", "a"),
        ("#a", "", "#a a"),
        ("!a", "", "a !a"),
        ("a\\*", "a*", "ab"),
        ("a.c", "a.c", "abc"),
        ("a  \n", "a", "a\u00a0"),
        ("a\r\nb\r\n", "a b", "c"),
        ("*\n!*/\n!*.py", "a a/b", "a.py a/b.py a/"),
        ("a\n!a", "", "a"),
        ("!a\na", "a", ""),
        ("**", "a a/b", ""),
        ("**/a", "a b/a c/b/a", "ab"),
        ("a/**", "a/b a/b/c", "a b/a/c"),
        ("a/**/b", "a/b a/x/b a/x/y/b", "b x/a/b"),
        ("a/**/b/**/c", "a/b/c a/x/b/y/c a/b/b/c", "a/c b/c"),
        ("**/a/*.txt", "a/x.txt b/a/x.txt", "a/b/x.txt x.txt"),
        ("a*b*c", "abc axbxc abbcc", "acb ab"),
        ("*ab*ab", "abab xabxab ababab", "ab abx"),
        ("/\n//\n!\n!/\n\n", "", "a a/b"),
        ("caf\u00e9", "caf\u00e9", "cafe"),
    ],
)
def test_as_git_does(lines, yes, no):
    assert [name for name in yes.split() if not is_ignored(lines, name)] == []
    assert [name for name in no.split(" ") if name and is_ignored(lines, name)] == []


def test_names_that_are_not_text_can_be_ignored():
    assert ignored([parse(b"bad\xff\n", "")], "bad\udcff", is_folder=False)


@pytest.mark.parametrize(
    "line", ["*a" * 40 + "*b", "**/a/" * 40 + "b", "*" * 1000 + "b", "a*" * 100 + "?", "[a]*" * 50 + "b"]
)
def test_a_hostile_pattern_takes_no_longer_than_others(line):
    rules = [parse(line.encode(), "")]
    began = time.process_time()
    for name in ("a" * 250, "a/" * 60 + "a" * 250):
        assert ignored(rules, name, is_folder=False) in (False, True)
    assert time.process_time() - began < 0.5  # plain regular expressions would take hours
