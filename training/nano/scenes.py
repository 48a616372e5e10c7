"""A scene: an input, a question about it, what is true, and what an expert would write at each turn.

The expert's cells use the REPL's general functions alone. What tells the kinds of question apart, which words are the
name and which the attribute, and which of the words found are the value, is for the network to learn.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import asked
import attributes
import domains
import open_questions
import text
import values
import words
from facts import decoys, noun_fact, verb_fact
from wording import CODE, FACTS, NAMES, World, ask, capital

NOT_FOUND = "not found"
# The lines, or else the sentences, that have both the attribute and the name, with a letter in the place of either, so
# that no name stands in the way of reading how a text says a thing. The attribute tells what to look for, and a network
# that reads from left to right knows how a sentence ends only when it reads it for the second time.
FIND = r"""import re
a, n = map(str.strip, [ATTRIBUTE, NAME])
h = "\n".join(search(a + " " + n, 4))
for p, most in ("\n", 160), (r"(?<=\w{4}[.!?]) |\n", 999):
    for s in re.split(p, h):
        t = re.sub(r"(?i)(?<!\w)" + re.escape(n) + r"(?!\w)", "N", s)
        u = re.sub("(?i)" + re.escape(a), "A", t)
        if s != t != u and len(u) < most:
            print(a, u, u, sep=" | ")
            p = ""
    if not p: break"""
QUOTE = (
    'FINAL("Quoted, not answered:\\n" + "\\n\\n".join(h.where + ": " + h for h in found) '
    'if (found := search(question, 3)) else "Not answered: nothing in the input bears on it.")'
)
NAMED = "import re\nn = re.escape({}.strip())\n"
GREP = r'grep(r"(?<!\w)" + n + r"(?!\w)")'

LOOKUPS = {
    "count": (asked.COUNT, asked.COUNT_REQUEST, "FINAL(len({}))"),
    "lines": (asked.LINES, [], "FINAL(len({{h.where for h in {}}}))"),
    "files": (asked.FILES, [], "FINAL(len({{h.name for h in {}}}))"),
    "mention": (
        asked.MENTION,
        asked.MENTION_REQUEST,
        'FINAL(list(dict.fromkeys(h.where for h in {})) or "not found")',
    ),
    "which": (asked.WHICH_FILES, [], 'FINAL(list(dict.fromkeys(h.name for h in {})) or "not found")'),
}
DEFINE = r"""FINAL([h.where for h in grep(r"^[ \t]*(?:async def|def|class)\s+" + n + r"\b")] or "not found")"""


@dataclass(frozen=True)
class Scene:
    """One question about one input.

    Attributes:
        kind: find, absent, count, lines, files, mention, which, define or other.
        context: The input: a text, or texts by file name.
        question: As a person would ask it.
        cell: The expert's first cell.
        value: What a second cell has to answer, for find and absent; None where the first one answers.
        sentence: The sentence that states the fact; the expert must have seen it.
    """

    kind: str
    context: str | dict[str, str]
    question: str
    cell: str
    value: str | None = None
    sentence: str = ""


def hide(world: World, planted: list[str], size: int) -> str:
    """A text of about `size` characters with the sentences in it: inside paragraphs or on lines of their own."""
    rng = world.rng
    style = rng.choice(("prose", "prose", "prose", "code", "log"))
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        line = text.filler(rng, world.books, world.held_out, style)
        lines.append(line if rng.random() < 0.4 else clip(rng, line))
    for sentence in planted:
        place = rng.randrange(len(lines) + 1)
        if place < len(lines) and style == "prose" and "\n" not in sentence and rng.random() < 0.7:
            parts = text.sentences(lines[place])
            parts.insert(rng.randrange(len(parts) + 1), sentence)
            lines[place] = " ".join(parts)
        elif style == "code" and rng.random() < 0.5:
            lines.insert(place, "# " + sentence)
        else:
            lines.insert(place, sentence)
    return rng.choice(("\n", "\n", "\n\n")).join(lines)


def copied(question: str, words_: str) -> str:
    """Some words of a question as a string in a cell: as they stand there, with the space before them, if there is one.

    After a space and after a quotation mark a word is another token to the network, so it is copied with its space.
    """
    exact = re.search(r"(?i)(?<!\w)" + re.escape(words_) + r"(?!\w)", question)
    place = exact.start() if exact else question.lower().find(words_.lower())
    if place < 0:
        return f'" {words_}"'
    space = " " if question[:place].endswith(" ") else ""
    return f'"{space}{question[place : place + len(words_)]}"'


def clip(rng: random.Random, paragraph: str) -> str:
    """Some neighbouring sentences of a long paragraph."""
    parts = text.sentences(paragraph)
    first = rng.randrange(len(parts))
    kept = parts[first]
    for part in parts[first + 1 :]:
        if len(kept) + len(part) > 260:
            break
        kept += " " + part
    return kept


def find(world: World, short: bool) -> Scene:
    """A question after a fact, which one time in five is not there."""
    rng = world.rng
    fact = verb_fact(world) if rng.random() < 0.08 * (1 - world.simple) else noun_fact(world)
    planted = decoys(world, fact)
    if short:
        planted = planted[: rng.choice(SHORT_DECOYS)]
    absent = rng.random() < 0.22
    if not absent:
        planted.append(fact.sentence)
    rng.shuffle(planted)
    if short and rng.random() < COMMENTED:
        mark = rng.choice(("# ", "# ", "# ", "    # ", "// ", "-- ", "* ", "> "))
        planted = [line if "\n" in line else mark + line for line in planted]
    context = "\n".join(planted) or text.log_line(rng)
    if not short:
        context = hide(world, planted, rng.choice((600, 1500, 4000)))
    attribute, name = (copied(fact.question, part) for part in (fact.words, attributes.bare(fact.name)))
    cell = FIND.replace("ATTRIBUTE, NAME", f"{attribute}, {name}")
    if absent:
        return Scene("absent", context, fact.question, cell, NOT_FOUND)
    value = fact.value if fact.value in fact.sentence else capital(fact.value)
    return Scene("find", context, fact.question, cell, value, fact.sentence)


def quoted(rng: random.Random, name: str) -> str:
    """A name as it stands in a question."""
    return rng.choice((name, name, name, f'"{name}"', f"'{name}'", f"`{name}`", f"“{name}”"))


def identifier(rng: random.Random) -> str:
    """An identifier, of invented words or of those that real ones are made of."""
    return words.identifier(rng, text.code_words() if rng.random() < 0.6 else ())


def term(world: World) -> str:
    """Something to count or to look for: a name, a word, an identifier, a code."""
    rng = world.rng
    roll = rng.random()
    if roll < 0.4:
        return attributes.bare((domains if rng.random() < 0.5 else attributes).name(rng))
    if roll < 0.55:
        return (
            rng.choice(text.sentences(text.filler(rng, world.books, world.held_out, "prose"))[0].split()).strip(
                "“”.,;:!?‘’—()\"'"
            )
            or "yes"
        )
    if roll < 0.65:
        return rng.choice(
            (
                words.pseudo(rng),
                rng.choice(text.common(world.books)),
                rng.choice(text.common(world.books)),
                f"{rng.choice(words.ADJECTIVES)} {rng.choice(words.NOUNS)}",
                f"{rng.choice(text.common(world.books))} {rng.choice(text.common(world.books))}",
            )
        )
    if roll < 0.85:
        return identifier(rng) + (f".{identifier(rng)}" if rng.random() < 0.2 else "")
    return rng.choice((values.code, values.place, words.person, values.contact))(rng)


def lookup(world: World, kind: str) -> Scene:
    """A count, the lines, the files: one cell."""
    rng = world.rng
    name = term(world)
    while '"' in name or "\\" in name:
        name = term(world)
    asks, requests, cell = LOOKUPS[kind]
    if name[0].isupper() and " " in name and rng.random() < 0.25:
        shown = f"the {name}"
    elif name.isalpha() and name.islower() and rng.random() < 0.6:
        shown = rng.choice((f'"{name}"', f"'{name}'", f"`{name}`", f"“{name}”", f"the word {name}"))
    else:
        shown = quoted(rng, name)
    question = ask(world, asks, requests, asked.WHOLE[kind], NAMES, N=shown)
    planted = [f"{values.phrase(rng)} {name} {values.phrase(rng)}." for _ in range(rng.randint(0, 5))]
    cell = NAMED.format(copied(question, name)) + cell.format(GREP)
    return Scene(kind, files_or_text(world, planted), question, cell)


def files_or_text(world: World, planted: list[str]) -> str | dict[str, str]:
    """The sentences in a small text, or spread over a few files."""
    if world.rng.random() < 0.5:
        return hide(world, planted, 500)
    names = {f"{words.identifier(world.rng)}.{world.rng.choice(('py', 'txt', 'md', 'log'))}" for _ in range(3)}
    return {name: hide(world, planted[place::3], 300) for place, name in enumerate(sorted(names))}


def define(world: World) -> Scene:
    """Where a class or function is defined: one cell."""
    rng = world.rng
    name = identifier(rng)
    is_class = name[:1].isupper() or rng.random() < 0.05
    said = rng.choice(("the class", "class", "the Python class") if is_class else
                      ("the function", "function", "the method", "method", "def", "the Python function"))  # fmt: skip
    owner = words.pseudo(rng).capitalize() + "." if not is_class and rng.random() < 0.04 else ""
    shown = owner + name + ("()" if not is_class and rng.random() < 0.15 else "")
    shown = rng.choice((shown, shown, shown, f"`{shown}`", f"'{shown}'"))
    question = ask(world, asked.DEFINE, asked.DEFINE_REQUEST, asked.WHOLE["define"], CODE, K=said, N=shown)
    source = f"import os\n\n\n{'class' if is_class else 'def'} {name}({rng.choice(('', 'self'))}):\n    pass\n"
    where = {f"{words.identifier(rng)}.py": source}
    return Scene("define", where, question, NAMED.format(copied(question, name)) + DEFINE)


def other(world: World) -> Scene:
    """What only reading could answer: the passages are quoted, and said to be quotes."""
    rng = world.rng
    slots = {
        "N": rng.choice((attributes.name(rng), term(world))),
        "M": attributes.name(rng),
        "A": attributes.attribute(rng)[0],
        "VERB": rng.choice(open_questions.VERBS),
        "ADJ": rng.choice(words.ADJECTIVES),
        "NOUN": rng.choice(words.NOUNS),
    }
    question = ask(world, open_questions.OTHER, [], asked.WHOLE["other"], FACTS, **slots)
    return Scene("other", hide(world, [], 500), question, QUOTE)


COMMENTED = 0.3  # of the short scenes, those whose lines stand behind a comment's mark
SHORT_DECOYS = (0, 1, 2, 3)
SHARES = {"find": 0.08, "short": 0.50, "count": 0.09, "lines": 0.02, "files": 0.02, "mention": 0.16, "which": 0.02,
          "define": 0.07, "other": 0.04}  # fmt: skip


def scene(world: World, kinds: dict[str, float]) -> Scene:
    """A scene of one of the kinds, in these shares."""
    kind = world.rng.choices(list(kinds), list(kinds.values()))[0]
    if kind in ("find", "short"):
        return find(world, kind == "short")
    if kind == "define":
        return define(world)
    return other(world) if kind == "other" else lookup(world, kind)
