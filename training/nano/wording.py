"""Templates into questions, as people would type them."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from pathlib import Path

import domains
import plain
import questions

DRAWS = 40  # to find a template of the right part, before all of them are looked through


def is_held_out(template: str) -> bool:
    """Whether a template is seen only in evaluation: one in eight, chosen by its own bytes."""
    return zlib.crc32(template.encode()) % 8 == 0


@dataclass(frozen=True)
class World:
    """What a scene is drawn from: random numbers, the books, and which part of the templates and texts."""

    rng: random.Random
    books: Path
    held_out: bool = False
    simple: float = 0.0  # share of facts that are stated in the simplest ways

    def pick(self, templates: list[str]) -> str:
        """A template; one in eight, chosen by its own bytes, is seen only in evaluation."""
        for _ in range(DRAWS):
            if is_held_out(found := self.rng.choice(templates)) == self.held_out:
                return found
        pool = [t for t in templates if is_held_out(t) == self.held_out]
        return self.rng.choice(pool or templates)


def fill(template: str, **slots: str) -> str:
    """The template with its slots filled: {A} by A, and so on."""
    for slot, content in slots.items():
        article = "an" if content[:1].lower() in "aeiou" else "a"
        template = template.replace(f" a {{{slot}}}", f" {article} {{{slot}}}").replace(f"{{{slot}}}", content)
    return template.replace("The the ", "The ").replace(" the the ", " the ")


def capital(sentence: str) -> str:
    """The sentence with a capital at its head."""
    return sentence[:1].upper() + sentence[1:]


# How often, and how, the input is named after the core of a question.
FACTS, NAMES, CODE = (0.12, questions.WITHIN), (0.35, questions.WITHIN), (0.3, questions.WITHIN_CODE)
Within = tuple[float, list[str]]
ASKED = 0.8  # of the questions after facts of a domain, those that were written for some domain
PLAIN_SHARE = 0.4  # of the other questions after facts, those of the grammar in `plain.py`
WHOLE_SHARE = 0.45  # of questions that are taken as they were written, without more courtesies


def dress(
    world: World,
    direct: str | None,
    request: str | None,
    rough: bool = True,
    head: bool = True,
    within: Within = FACTS,
) -> str:
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
    if "___" in core or "..." in core:
        mark = ""
    elif core[-1:] not in "\"'`”" and rng.random() < within[0]:
        core += world.pick(within[1])
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


def ask(world: World, direct: list[str], requests: list[str], whole: list[str], within: Within, **slots: str) -> str:
    """One of many ways to ask after something that has to be named in its own capitals, by question or by request."""
    if world.rng.random() < WHOLE_SHARE:
        return fill(world.pick(whole), **slots)
    if world.rng.random() < len(direct) / (len(direct) + len(requests)):
        template = world.pick(direct)
        return dress(world, fill(template, **slots), None, False, not template.startswith("{N}"), within)
    return dress(world, None, fill(world.pick(requests), **slots), False, True, within)


def belonging(world: World, template: str) -> str:
    """The template, now and then with another word for the "of" in "the {A} of {N}"."""
    if " of {N}" in template and world.rng.random() < 0.3:
        return template.replace(" of {N}", world.pick(questions.OF))
    return template


def ask_fact(world: World, attribute: str, kind: str, name: str) -> str:
    """A question after a fact."""
    rng = world.rng
    shown = f'"{name}"' if rng.random() < 0.03 else name
    if kind in domains.DOMAINS and rng.random() < ASKED:
        question = fill(world.pick(domains.QUESTIONS), A=attribute, N=shown)
        return question.lower() if rng.random() < 0.03 else question
    if rng.random() < PLAIN_SHARE:
        question = capital(fill(plain.template(world, plain.ASKING, "question"), A=attribute, N=shown))
        return question.lower() if rng.random() < 0.1 else question
    if rng.random() < WHOLE_SHARE:
        special = questions.KIND_WHOLE.get(kind)
        question = fill(
            world.pick(special if special and rng.random() < 0.2 else questions.WHOLE), A=attribute, N=shown
        )
        return question.lower() if rng.random() < 0.03 else question
    roll = rng.random()
    if kind in questions.KIND_DIRECT and roll < 0.25:
        template = rng.choice(questions.KIND_DIRECT[kind])
        return dress(world, fill(template, A=attribute, N=shown), None)
    pool = questions.DIRECT if roll < 0.6 else questions.REQUESTS if roll < 0.9 else questions.ASKS
    core = fill(belonging(world, world.pick(pool)), A=attribute, N=shown)
    return dress(world, None, core) if pool is questions.REQUESTS else dress(world, core, None)
