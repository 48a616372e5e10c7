"""Errors in the words of the command line: what a Python caller passes by name is an option there."""

from __future__ import annotations

import re
from collections.abc import Callable

_FLAGS = {"packages": "--package", "disk_mb": "--disk", "files": "--file"}  # not called as they are in Python
_PYTHON: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"or give `require` without them", "or leave them out of --require"),
    (r", or give api_key=$", ""),
    (r"; the key is api_key= or the variable ", "; the key is the variable "),
    (r"can't keep (\w+)=", lambda found: f"can't keep {_flag(found[1])}"),
    (r"Sandbox\('docker', image='([^']+)'\)", r"--image \1"),
    (r"Sandbox\('ssh', options=\{'host': '([^']+)'\}\)", r"--sandbox-option host=\1"),
    (r"options=\{'confine': False\}", "--sandbox-option confine=false"),
    (r"\(6\.2 with output=\)", "(6.2 with --output)"),
    (r"^image and packages exclude each other", "--image and --package exclude each other"),
    (r"^(cpus|disk_mb|output) must be ", lambda found: f"{_flag(found[1])} must be "),
    (r"^(network|packages|env) has ", lambda found: f"{_flag(found[1])} has "),
    (r"^files\['([^']*)'\] is not there: ", r"--file \1 is not there: "),
    (
        r"files\['([^']+)'\], which is not given: pass sandbox=$",
        r"files['\1'], which is not given: give --file \1=PATH",
    ),
    (r": pass profile=, its folder$", ": give --profile, its folder"),
    (r"^route is one of ", "--route is one of "),
)
_PAIRS: tuple[tuple[str, str], ...] = (
    (r"can't keep (\w+)=", r"can't keep --option \1="),
    (r"Sandbox\('docker', image='([^']+)'\)", r"--option image=\1"),
    (r"Sandbox\('ssh', options=\{'host': '([^']+)'\}\)", r"--option host=\1"),
    (r"options=\{'confine': False\}", "--option confine=false"),
)
_NUMBERS = {"float": "a number", "int": "a whole number"}


def in_options(message: str) -> str:
    """An error that names what Python callers pass, with the options of `rlm ask` in their place."""
    for pattern, words in _PYTHON:
        message = re.sub(pattern, words, message)
    return message


def in_pairs(message: str) -> str:
    """Such an error for `rlm sandbox test`, which takes all of a sandbox's options as `--option KEY=VALUE`."""
    for pattern, words in _PAIRS:
        message = re.sub(pattern, words, message)
    return message


def in_plain_words(message: str) -> str:
    """An error about an option's value, without the names of the parser's types."""
    return re.sub(r"is not a valid (float|int)\b( range)?", lambda found: f"is not {_NUMBERS[found[1]]}", message)


def _flag(name: str) -> str:
    return _FLAGS.get(name, f"--{name}")
