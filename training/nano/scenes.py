"""A scene: an input, a question about it, what is true, and what an expert would write at each turn.

The expert's cells use the REPL's general functions alone. What tells the kinds of question apart, which words are the
name and which the attribute, and which of the words found are the value, is for the network to learn.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from pathlib import Path

import asked
import attributes
import questions
import relations
import sentences
import text
import words

NOT_FOUND = "not found"
QUOTE = 'FINAL("Quoted, not answered:\\n" + "\\n\\n".join(h.where + ": " + h for h in search(question, 3)))'


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


@dataclass(frozen=True)
class World:
    """What a scene is drawn from: random numbers, the books, and which part of the templates and texts."""

    rng: random.Random
    books: Path
    held_out: bool = False

    def pick(self, templates: list[str]) -> str:
        """A template; one in eight, chosen by its own bytes, is seen only in evaluation."""
        pool = [t for t in templates if (zlib.crc32(t.encode()) % 8 == 0) == self.held_out]
        return self.rng.choice(pool or templates)


def fill(template: str, **slots: str) -> str:
    """The template with its slots filled: {A} by A, and so on."""
    for slot, content in slots.items():
        article = "an" if content[:1].lower() in "aeiou" else "a"
        template = template.replace(f" a {{{slot}}}", f" {article} {{{slot}}}").replace(f"{{{slot}}}", content)
    return template


def capital(sentence: str) -> str:
    """The sentence with a capital at its head."""
    return sentence[:1].upper() + sentence[1:]


# ---- questions ----


def dress(world: World, direct: str | None, request: str | None, rough: bool = True, head: bool = True) -> str:
    """A core as a whole utterance: courtesies, what comes before and after, marks and capitals as people use them."""
    rng = world.rng
    if request is not None:
        if rng.random() < 0.4:
            request = fill(world.pick(questions.POLITE), R=request)
        core, mark = (
            request,
            rng.choice((".", "", "", "!", "?" if request[:3] in ("cou", "can", "wou", "do ") else ".")),
        )
    else:
        core, mark = direct or "", rng.choice(("?", "?", "?", "?", "?", "", "", ".", "??"))
    roll = rng.random()
    before = world.pick(questions.BEFORE) if roll < 0.22 else ""
    after = world.pick(questions.AFTER) if rng.random() < 0.2 else ""
    if before.endswith((". ", "! ", ": ")) and head and rng.random() < 0.8:
        core = capital(core)
    whole = before + core + (mark or ("." if after else "")) + after
    if rng.random() < 0.88 and (head or before):
        whole = capital(whole)
    if rough and rng.random() < 0.05:
        whole = whole.lower() if rng.random() < 0.8 else whole.upper()
    return whole


def ask(world: World, direct: list[str], requests: list[str], rough: bool = True, **slots: str) -> str:
    """One of many ways to ask, by question or by request."""
    if world.rng.random() < len(direct) / (len(direct) + len(requests)):
        template = world.pick(direct)
        return dress(world, fill(template, **slots), None, rough, not template.startswith("{N}"))
    return dress(world, None, fill(world.pick(requests), **slots), rough)


def ask_fact(world: World, attribute: str, kind: str, name: str) -> str:
    """A question after a fact."""
    rng = world.rng
    shown = f'"{name}"' if rng.random() < 0.03 else name
    roll = rng.random()
    if kind in questions.KIND_DIRECT and roll < 0.25:
        template = rng.choice(questions.KIND_DIRECT[kind])
        return dress(world, fill(template, A=attribute, N=shown), None)
    if roll < 0.6:
        return dress(world, fill(world.pick(questions.DIRECT), A=attribute, N=shown), None)
    if roll < 0.9:
        return dress(world, None, fill(world.pick(questions.REQUESTS), A=attribute, N=shown))
    core = fill(world.pick(questions.ASKS), A=attribute, N=shown)
    return dress(world, core, None)


# ---- facts ----


@dataclass(frozen=True)
class Fact:
    """A fact, the sentence that states it, and how it is asked for and searched for."""

    name: str
    attribute: str
    kind: str
    value: str
    sentence: str
    question: str = ""
    words: str = ""


def state(world: World, template: str, loose: bool = True, **slots: str) -> str:
    """A sentence out of a template, with what people put before and after."""
    rng = world.rng
    sentence = fill(template, **slots).replace("..", ".")
    if " its " in template and rng.random() < 0.25:
        sentence = sentence.replace(" its ", rng.choice((" his ", " her ", " their ")))
    if loose and template.endswith(".") and "“" not in template and "Q:" not in template:
        if rng.random() < 0.18:
            sentence = world.pick(sentences.LEADS) + sentence.replace("The ", "the ", 1)
        if rng.random() < 0.18:
            sentence = sentence[:-1] + world.pick(sentences.TAILS) + "."
    return sentence if sentence[:1] in "{[<|#*-" or rng.random() < 0.05 else capital(sentence)


def noun_sentence(world: World, attribute: str, kind: str, name: str, value: str) -> str:
    """Any way to state that the attribute of the name is the value."""
    rng = world.rng
    pool = {"person": sentences.PERSON, "measure": sentences.AMOUNT, "count": sentences.AMOUNT,
            "money": sentences.AMOUNT, "date": sentences.DATED, "time": sentences.DATED}.get(kind)  # fmt: skip
    if pool and rng.random() < 0.25:
        return state(world, world.pick(pool), A=attribute, N=name, V=value)
    if rng.random() < 0.12:
        other, kind2 = attributes.near_attribute(rng, attribute, kind)
        slots = {
            "B": other,
            "X": words.VALUES[kind2](rng),
            "M": attributes.near(rng, name),
            "W": words.VALUES[kind](rng),
        }
        if not overlaps(other, attribute):
            return state(world, world.pick(sentences.PAIRS), A=attribute, N=name, V=value, **slots)
    return state(world, world.pick(sentences.NOUN), A=attribute, N=name, V=value)


def overlaps(one: str, other: str) -> bool:
    """Whether one attribute could be taken for the other."""
    a, b = set(one.lower().split()), set(other.lower().split())
    return a <= b or b <= a


def noun_fact(world: World) -> Fact:
    """What a noun says: the vault code of Port Ellery."""
    rng = world.rng
    attribute, kind = attributes.attribute(rng)
    name = attributes.name(rng)
    value = words.VALUES[kind](rng)
    asked_name = name
    if name.startswith("the ") and rng.random() < 0.1:
        asked_name = name[4:]
    sentence = noun_sentence(world, attribute, kind, name, value)
    question = ask_fact(world, attribute, kind, asked_name)
    return Fact(name, attribute, kind, value, sentence, question, attribute)


def verb_fact(world: World) -> Fact:
    """What a verb says: who founded it."""
    rng = world.rng
    place = rng.randrange(len(relations.RELATIONS))
    relation = relations.RELATIONS[place]
    question, key = rng.choice(relation.questions)
    name, value = attributes.name(rng), words.VALUES[relation.kind](rng)
    sentence = state(world, rng.choice(relation.answering(key)), N=name, V=value)
    if rng.random() < 0.15:
        question = rng.choice(questions.BEFORE_A_QUESTION) + question
    asked_ = dress(world, fill(question, N=name), None)
    return Fact(name, str(place), relation.kind, value, sentence, asked_, key)


def other_verb(world: World, fact: Fact) -> str:
    """What another verb says of the same name: of the same relation, where its verbs are facts of their own."""
    rng = world.rng
    if fact.attribute.isdigit() and rng.random() < 0.5:
        relation = relations.RELATIONS[int(fact.attribute)]
        right = relation.answering(fact.words)
        if others := [one for one in relation.sentences if one not in right]:
            return state(world, rng.choice(others), N=fact.name, V=words.VALUES[fact.kind](rng))
    other = rng.choice([one for one in relations.RELATIONS if one.kind != fact.kind])
    return state(world, rng.choice(other.sentences), N=fact.name, V=words.VALUES[other.kind](rng))


def decoys(world: World, fact: Fact) -> list[str]:
    """Sentences that a careless reader would take: other names with the same attribute, the name with other ones."""
    rng = world.rng
    found = []
    verb = fact.attribute.isdigit()
    for _ in range(rng.randint(1, 4)):
        other = attributes.near(rng, fact.name)
        if attributes.bare(other).lower() == attributes.bare(fact.name).lower():
            continue
        value = words.VALUES[fact.kind](rng)
        if verb:
            found.append(state(world, rng.choice(relations.RELATIONS[int(fact.attribute)].sentences), N=other, V=value))
        else:
            found.append(noun_sentence(world, fact.attribute, fact.kind, other, value))
    for _ in range(rng.randint(0, 3)):
        if verb or rng.random() < 0.25:
            found.append(other_verb(world, fact))
            continue
        attribute, kind = attributes.near_attribute(rng, fact.attribute, fact.kind)
        if not overlaps(attribute, fact.attribute):
            found.append(noun_sentence(world, attribute, kind, fact.name, words.VALUES[kind](rng)))
    return [sentence for sentence in found if fact.value not in sentence]


# ---- inputs ----


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


def as_asked(question: str, words_: str) -> str:
    """Some words in the capitals that the question has them in; as they are, if it has others."""
    place = question.lower().find(words_.lower())
    return question[place : place + len(words_)] if place >= 0 else words_


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
    fact = verb_fact(world) if rng.random() < 0.25 else noun_fact(world)
    planted = decoys(world, fact)
    absent = rng.random() < 0.22
    if not absent:
        planted.append(fact.sentence)
    rng.shuffle(planted)
    context = "\n".join(planted) or text.log_line(rng)
    if not short:
        context = hide(world, planted, rng.choice((600, 1500, 4000)))
    query = " ".join(as_asked(fact.question, part) for part in (fact.words, attributes.bare(fact.name)))
    cell = f'for h in search("{query}", 3): print(h)'
    if absent:
        return Scene("absent", context, fact.question, cell, NOT_FOUND)
    value = fact.value if fact.value in fact.sentence else capital(fact.value)
    return Scene("find", context, fact.question, cell, value, fact.sentence)


def pattern(name: str) -> str:
    """A regular expression for a whole name."""
    plain = "".join("\\" + c if c in r".^$*+?{}[]\|()" else c for c in name)
    head = r"\b" if name[0].isalnum() or name[0] == "_" else ""
    tail = r"\b" if name[-1].isalnum() or name[-1] == "_" else ""
    return head + plain + tail


def quoted(rng: random.Random, name: str) -> str:
    """A name as it stands in a question."""
    return rng.choice((name, name, name, f'"{name}"', f"'{name}'", f"`{name}`", f"“{name}”"))


def term(world: World) -> str:
    """Something to count or to look for: a name, a word, an identifier, a code."""
    rng = world.rng
    roll = rng.random()
    if roll < 0.4:
        return attributes.bare(attributes.name(rng))
    if roll < 0.55:
        return (
            rng.choice(text.sentences(text.filler(rng, world.books, world.held_out, "prose"))[0].split()).strip(
                "“”.,;:!?‘’—()\"'"
            )
            or "yes"
        )
    if roll < 0.65:
        return rng.choice(
            (words.pseudo(rng), rng.choice(words.NOUNS), f"{rng.choice(words.ADJECTIVES)} {rng.choice(words.NOUNS)}")
        )
    if roll < 0.85:
        return words.identifier(rng) + (f".{words.identifier(rng)}" if rng.random() < 0.2 else "")
    return rng.choice((words.code, words.place, words.person, words.contact))(rng)


def lookup(world: World, kind: str) -> Scene:
    """A count, the lines, the files: one cell."""
    rng = world.rng
    name = term(world)
    while '"' in name or "\\" in name:
        name = term(world)
    asks, requests, cell = {
        "count": (asked.COUNT, asked.COUNT_REQUEST, "FINAL(len({}))"),
        "lines": (asked.LINES, [], "FINAL(len({{h.where for h in {}}}))"),
        "files": (asked.FILES, [], "FINAL(len({{h.name for h in {}}}))"),
        "mention": (
            asked.MENTION,
            asked.MENTION_REQUEST,
            'FINAL(list(dict.fromkeys(h.where for h in {})) or "not found")',
        ),
        "which": (asked.WHICH_FILES, [], 'FINAL(list(dict.fromkeys(h.name for h in {})) or "not found")'),
    }[kind]
    question = ask(world, asks, requests, rough=False, N=quoted(rng, name))
    planted = [f"{words.phrase(rng)} {name} {words.phrase(rng)}." for _ in range(rng.randint(0, 5))]
    return Scene(kind, files_or_text(world, planted), question, cell.format(f'grep(r"{pattern(name)}")'))


def files_or_text(world: World, planted: list[str]) -> str | dict[str, str]:
    """The sentences in a small text, or spread over a few files."""
    if world.rng.random() < 0.5:
        return hide(world, planted, 500)
    names = {f"{words.identifier(world.rng)}.{world.rng.choice(('py', 'txt', 'md', 'log'))}" for _ in range(3)}
    return {name: hide(world, planted[place::3], 300) for place, name in enumerate(sorted(names))}


def define(world: World) -> Scene:
    """Where a class or function is defined: one cell."""
    rng = world.rng
    name = words.identifier(rng)
    is_class = name[:1].isupper() or rng.random() < 0.05
    said = rng.choice(("the class", "class", "the Python class") if is_class else
                      ("the function", "function", "the method", "method", "def", "the Python function"))  # fmt: skip
    shown = name + ("()" if not is_class and rng.random() < 0.15 else "")
    shown = rng.choice((shown, shown, shown, f"`{shown}`", f"'{shown}'"))
    question = ask(world, asked.DEFINE, asked.DEFINE_REQUEST, rough=False, K=said, N=shown)
    source = f"import os\n\n\n{'class' if is_class else 'def'} {name}({rng.choice(('', 'self'))}):\n    pass\n"
    where = {f"{words.identifier(rng)}.py": source}
    cell = f'FINAL([h.where for h in grep(r"^[ \\t]*(?:async def|def|class) {name}\\b")] or "not found")'
    return Scene("define", where, question, cell)


def other(world: World) -> Scene:
    """What only reading could answer: the passages are quoted, and said to be quotes."""
    rng = world.rng
    question = ask(world, asked.OTHER, [], N=rng.choice((attributes.name(rng), term(world))), M=attributes.name(rng),
                   A=attributes.attribute(rng)[0], VERB=rng.choice(asked.VERBS), ADJ=rng.choice(words.ADJECTIVES),
                   NOUN=rng.choice(words.NOUNS))  # fmt: skip
    return Scene("other", hide(world, [], 500), question, QUOTE)


SHARES = {"find": 0.36, "short": 0.26, "count": 0.1, "lines": 0.02, "files": 0.02, "mention": 0.1, "which": 0.02,
          "define": 0.07, "other": 0.07}  # fmt: skip


def scene(world: World, kind: str | None = None) -> Scene:
    """A scene of a kind, or of any, in the shares that training uses."""
    kind = kind or world.rng.choices(list(SHARES), list(SHARES.values()))[0]
    if kind in ("find", "short"):
        return find(world, kind == "short")
    if kind == "define":
        return define(world)
    return other(world) if kind == "other" else lookup(world, kind)
