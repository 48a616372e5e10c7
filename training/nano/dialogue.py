"""Scenes -> dialogues, as the loop and the worker's own functions make them, and dialogues -> tokens.

`imitate` runs an expert's cells against the real `grep` and `search`, without a worker: a hundred times faster than
the real loop, and the same to the character, which `record.py` checks over thousands of real runs.
"""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

from scenes import Scene

from rlm.prompts.profiles import shipped
from rlm.sandbox.corpus import Corpus, Loaded
from rlm.types import CellResult, Limits

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Dialogue = list[tuple[str, str]]  # (role, content)
USER, ASSISTANT, END, PAD = "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>"

SAME = "\nh ="  # from here on, the first cell of a look-up is the same for all questions
MARK = " ]]"  # and from here on the second
LONGEST_LEAD = 150  # characters of a line before the value that an expert repeats
MARKED = 'FINAL(r""" LINE""".rpartition("[[")[2][:-3].strip())'


def fence(cell: str) -> str:
    """A cell as a reply."""
    return f"```repl\n{cell}\n```"


def last_cell(scene: Scene, output: str) -> str | None:
    """What the expert writes when it has read the output; None if it should have seen the fact and has not.

    It repeats the line up to the value and marks the value on the way: where it begins is then a decision about the
    few words before it. Where no space stands before the value, none is written: to the network a word is another token
    after a space.
    """
    value = scene.value or ""
    if scene.kind != "find":
        return f'FINAL("{value}")'
    whole = re.compile(r"(?<!\w)" + re.escape(value) + r"(?!\w)")
    for line in output.splitlines():
        twice = line.partition(" | ")[2]
        sentence = twice[: len(twice) // 2 - 1]  # " | " stands between the two
        if (found := whole.search(sentence)) and found.start() <= LONGEST_LEAD:
            lead = sentence[: found.start()]
            space = "" if lead.rstrip() == lead != "" else " "
            return MARKED.replace("LINE", f"{lead}[[{space}{value} ]]")
    return None


def imitate(scene: Scene) -> Dialogue | None:
    """The dialogue of a scene, without a worker; None if the search missed the fact."""
    dialogue = [("user", scene.question), ("assistant", fence(scene.cell))]
    if scene.value is None:
        return dialogue
    loaded = Loaded(scene.context if isinstance(scene.context, str) else Corpus(dict(scene.context)))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(scene.cell, {"search": loaded.search, "grep": loaded.grep, "question": scene.question})  # our own code
    output = shipped()["nano"].output(CellResult(printed.getvalue(), len(printed.getvalue())), Limits())
    cell = last_cell(scene, output)
    return None if cell is None else [*dialogue, ("user", output), ("assistant", fence(cell))]


def drills(dialogue: Dialogue) -> list[Dialogue]:
    """The two exchanges of a look-up as short dialogues of their own, without the ends that are always the same.

    Three in five tokens of such a dialogue are the same in all: without them the hard ones are seen more often.
    """
    question, (role, cell), output, last = dialogue
    first = [question, (role, cell.partition(SAME)[0] + SAME)]
    marked, mark, _ = last[1].partition(MARK)
    return [first, [output, (role, marked + mark)]] if mark else [first]


def render(dialogue: Dialogue) -> str:
    """The dialogue as the chat template writes it."""
    return "".join(f"<|{role}|>{content}{END}" for role, content in dialogue)


def encode(tokenizer: Tokenizer, dialogue: Dialogue) -> tuple[list[int], list[int]]:
    """Token ids, and the positions whose next token is the assistant's."""
    ids: list[int] = []
    ask: list[int] = []
    for role, content in dialogue:
        ids += tokenizer.encode(USER if role == "user" else ASSISTANT).ids
        words = tokenizer.encode(content).ids
        if role == "user" or content.endswith("```"):  # a reply that is cut has no end
            words += tokenizer.encode(END).ids
        if role == "assistant":
            ask += range(len(ids) - 1, len(ids) - 1 + len(words))
        ids += words
    return ids, ask
