"""Facts: what is said, how it is asked for, and what a careless reader would take for it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from functools import cache

import attributes
import domains
import plain
import questions
import relations
import sentences
import text
import values
from crossing import Crossing
from rewording import reworded
from wording import World, ask_fact, belonging, capital, dress, fill, is_held_out

DOMAIN = 0.85  # of the nouns' facts, those of a domain
NAMED = 0.7  # of these, those about a name that was written for some domain
WRITTEN = 0.85  # and those whose sentence was written for some domain
GRAMMAR = 0.5  # of the other sentences that state a noun's fact, those of the grammar in `plain.py`
CROSSED = 0.02  # of the others
# Of the other attributes, those that begin with any word of the books (and a quarter as many names are nothing else).
PLAIN_WORD = 0.03
DRESSED = 0.2  # of the sentences, those with something else before the fact, and as many with something behind it
ASIDE = 0.15  # of the sentences of a domain, those with a value of another thing before the fact, and as many behind it
HEDGED = 0.2  # of the sentences of the grammar and the domains, those with words right before the value, or behind it
WRAPPED = 0.12  # and those with signs around it
REWORDED = 0.5  # of the words of such a sentence that others can stand for, those that are exchanged
BESIDE = 0.08  # of the facts, those on one line with what a careless reader would take for it
PLAIN = 0.65  # of the others, those for which the shortest of three templates is taken, as most people write


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


def state(world: World, template: str, **slots: str) -> str:
    """A sentence out of a template, with what people put before and after."""
    rng = world.rng
    if rng.random() < 0.07 and "{V}" in template and not re.search(r"[\"“`|,;]", template):
        template = template.replace(
            "{V}", rng.choice(("“{V}”", '"{V}"', "'{V}'", "`{V}`", "**{V}**", "*{V}*", "({V})"))
        )
    template = belonging(world, template)
    if " {N} " in template and rng.random() < 0.12:
        said = clause(world) if rng.random() < 0.4 else aside(world, "within", slots["V"])
        template = template.replace(" {N} ", " {N}" + rng.choice((", {}, ", " ({}) ", " – {} – ")).format(said))
    sentence = fill(template, **slots).replace("..", ".")
    if " its " in template and rng.random() < 0.25:
        sentence = sentence.replace(" its ", rng.choice((" his ", " her ", " their ")))
    if template.endswith(".") and "“" not in template and "Q:" not in template:
        roll = rng.random()
        if roll < DRESSED:
            lead = (
                world.pick(sentences.LEADS) if roll < 0.04
                else capital(clause(world)) + rng.choice((", ", ": ")) if roll < 0.1
                else aside(world, "leads", slots["V"])
            )  # fmt: skip
            sentence = lead + sentence.replace("The ", "the ", 1)
        roll = rng.random()
        if roll < DRESSED:
            tail = (
                world.pick(sentences.TAILS) if roll < 0.04
                else rng.choice(sentences.JOINTS) + clause(world) if roll < 0.12
                else aside(world, "tails", slots["V"])
            )  # fmt: skip
            sentence = sentence[:-1] + closed(tail)
    return sentence if sentence[:1] in "{[<|#*-" or rng.random() < 0.05 else capital(sentence)


SLOT = re.compile(r"\{(\w+)\}")


def aside(world: World, place: str, value: str) -> str:
    """Something else that a sentence says at a place, with values in it that are not the one it states."""
    while True:  # another template each time: some have such a value in words of their own
        template = world.pick(sentences.ASIDES[place])
        said = SLOT.sub(lambda slot: values.VALUES[slot[1]](world.rng), template)
        if not re.search(r"(?i)(?<!\w)" + re.escape(value) + r"(?!\w)", said):
            return said


def clause(world: World) -> str:
    """Some words of a book, as they stand between two marks there."""
    while True:
        parts = re.split(r"[,;:.!?()]", world.rng.choice(text.paragraphs(world.books, world.held_out)))
        found = world.rng.choice(parts).strip()
        if 2 <= len(found.split()) <= 9 and not set(found) & set('"“”‘’{}_'):
            return found if found.split()[0] in ("I", "God") else found[:1].lower() + found[1:]


IN_PROSE = re.compile(r"(?<=[a-z]) \{V\}(?=[.,;:]|$| [a-z])")
BARE = re.compile(r"(?<=[a-z:,] )\{V\}(?=[.,;:]?(?:\s|$))")


def surrounded(world: World, template: str, value: str) -> str:
    """The template, now and then with words or signs before and behind its value that are not of it."""
    rng = world.rng
    before = behind = ""
    if rng.random() < HEDGED:
        words = aside(world, "before", value)
        joint = rng.choice(("", "", "", ",", ":")) if words[-1].isalnum() else ""
        before = ("" if words[0] == "," else " ") + words + joint
    if rng.random() < HEDGED:
        words = aside(world, "behind", value)
        behind = (rng.choice((" ", ", ", " – ")) if words[0].isalnum() else "") + words
    template = IN_PROSE.sub(f"{before} {{V}}{behind}", template, count=1)
    return BARE.sub(world.pick(sentences.ASIDES["around"]), template, count=1) if rng.random() < WRAPPED else template


def noun_sentence(world: World, attribute: str, kind: str, name: str, value: str) -> str:
    """Any way to state that the attribute of the name is the value."""
    rng = world.rng
    if world.simple and rng.random() < world.simple:
        return capital(fill(rng.choice(sentences.SIMPLE), A=attribute, N=name, V=value))
    if kind in domains.DOMAINS and rng.random() < WRITTEN:
        return written_sentence(world, A=attribute, N=name, V=value)
    if rng.random() < GRAMMAR:
        return plain_sentence(world, A=attribute, N=name, V=value)
    pool = {"person": sentences.PERSON, "measure": sentences.AMOUNT, "count": sentences.AMOUNT,
            "money": sentences.AMOUNT, "date": sentences.DATED, "time": sentences.DATED}.get(kind)  # fmt: skip
    if pool and rng.random() < 0.25:
        return state(world, world.pick(pool), A=attribute, N=name, V=value)
    if rng.random() < 0.12:
        other, kind2 = attributes.near_attribute(rng, attribute, kind)
        slots = {
            "B": other,
            "X": value_of(rng, other, kind2),
            "M": attributes.near(rng, name),
            "W": value_of(rng, attribute, kind),
        }
        if not overlaps(other, attribute):
            return state(world, world.pick(sentences.PAIRS), A=attribute, N=name, V=value, **slots)
    if rng.random() < CROSSED:
        template = crossing(world.held_out).template(rng)
    else:
        template = min((world.pick(sentences.NOUN) for _ in range(3 if rng.random() < PLAIN else 1)), key=len)
    return state(world, template, A=attribute, N=name, V=value)


def written_sentence(world: World, **slots: str) -> str:
    """A sentence of a domain, now and then with something else that has a value before or behind it."""
    rng = world.rng
    template = surrounded(world, reworded(rng, world.pick(domains.SENTENCES), REWORDED), slots["V"])
    said = fill(template, **slots)
    if template.endswith(".") and not re.search(r"[\"“\n]", template):
        if rng.random() < ASIDE:
            lead = aside(world, "leads", slots["V"])
            said = lead + (said if template.startswith(("{", "I ")) else said[:1].lower() + said[1:])
        if rng.random() < ASIDE:
            said = said[:-1] + closed(aside(world, "tails", slots["V"]))
    return capital(said)


def closed(tail: str) -> str:
    """What stands behind a fact, with the end of the sentence."""
    return tail + (")." if tail.startswith(" (") and not tail.endswith(")") else ".")


def plain_sentence(world: World, **slots: str) -> str:
    """A sentence of the grammar, or two."""
    template = reworded(world.rng, plain.template(world, plain.STATING, "plain"), REWORDED)
    template = surrounded(world, template, slots["V"])
    return capital(fill(template, **slots).replace("..", "."))


@cache
def crossing(held_out: bool) -> Crossing:
    """The sentences of a part, to be crossed."""
    return Crossing([template for template in sentences.NOUN if is_held_out(template) == held_out])


def overlaps(one: str, other: str) -> bool:
    """Whether one attribute could be taken for the other."""
    a, b = set(one.lower().split()), set(other.lower().split())
    return a <= b or b <= a


def value_of(rng: random.Random, attribute: str, kind: str) -> str:
    """What the attribute, of a kind of values or of a domain, may be."""
    return domains.value(rng, attribute, kind) if kind in domains.DOMAINS else values.VALUES[kind](rng)


def noun_fact(world: World) -> Fact:
    """What a noun says: the vault code of Port Ellery."""
    rng = world.rng
    if rng.random() < DOMAIN:
        attribute, kind = domains.attribute(rng)
        name = (domains if rng.random() < NAMED else attributes).name(rng)
    else:
        attribute, kind = attributes.attribute(rng)
        name = attributes.name(rng)
        if rng.random() < PLAIN_WORD:
            attribute = f"{rng.choice(text.common(world.books))} {attribute.rpartition(' ')[2]}"
        if rng.random() < PLAIN_WORD / 4:
            name = " ".join(rng.choices(text.common(world.books), k=rng.randint(1, 2)))
    value = value_of(rng, attribute, kind)
    asked_name = name
    if name.startswith("the ") and rng.random() < 0.1:
        asked_name = name[4:]
    sentence = noun_sentence(world, attribute, kind, name, value)
    question = ask_fact(world, attribute, kind, asked_name)
    fact = Fact(name, attribute, kind, value, sentence, question, attribute)
    return beside(world, fact) if rng.random() < BESIDE else fact


def beside(world: World, fact: Fact) -> Fact:
    """The fact with another one on the same line."""
    both = [fact.sentence, *decoys(world, fact)[:1]]
    if any("\n" in one or one[-1:] != "." for one in both):
        return fact
    world.rng.shuffle(both)
    return replace(fact, sentence=" ".join(both))


def verb_fact(world: World) -> Fact:
    """What a verb says: who founded it."""
    rng = world.rng
    while True:
        place = rng.randrange(len(relations.RELATIONS))
        relation = relations.RELATIONS[place]
        question, key = rng.choice(relation.questions)
        # "What is its birthplace?" with the key "born" would unlearn that the noun of a question is what to look for.
        if key in question or " did " in question or "does " in question:
            break
    name, value = attributes.name(rng), values.VALUES[relation.kind](rng)
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
            return state(world, rng.choice(others), N=fact.name, V=values.VALUES[fact.kind](rng))
    other = rng.choice([one for one in relations.RELATIONS if one.kind != fact.kind])
    return state(world, rng.choice(other.sentences), N=fact.name, V=values.VALUES[other.kind](rng))


def decoys(world: World, fact: Fact) -> list[str]:
    """Sentences that a careless reader would take: other names with the same attribute, the name with other ones."""
    rng = world.rng
    found = []
    verb = fact.attribute.isdigit()
    for _ in range(rng.randint(1, 4)):
        other = attributes.near(rng, fact.name)
        if attributes.bare(other).lower() == attributes.bare(fact.name).lower():
            continue
        value = value_of(rng, fact.attribute, fact.kind)
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
            found.append(noun_sentence(world, attribute, kind, fact.name, value_of(rng, attribute, kind)))
    return [sentence for sentence in found if fact.value not in sentence]
