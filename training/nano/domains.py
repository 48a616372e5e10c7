"""Facts of several domains, each written as a whole by one hand: `wordings/domain-NAME.txt`.

Such a text has names; attributes, each with some of the values that it may have behind it; sentences that state a fact
and questions that ask for it.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import written

SWAPPED = 0.35  # of the names, those that take a word of another one
ACCENTED = 0.05  # of the names, those that get letters which few names have: each is two or three tokens of its own
REDRAWN = 0.8  # of the values, those whose digits are drawn anew


@dataclass(frozen=True)
class Domain:
    """What one hand wrote.

    Attributes:
        names: What facts are told of.
        values: Attribute -> some of what it may be.
        sentences: Templates that state {A} of {N} to be {V}.
        questions: Templates that ask for {A} of {N}.
    """

    names: list[str]
    values: dict[str, list[str]]
    sentences: list[str]
    questions: list[str]


def _read(text: str) -> Domain:
    """The domain of a text."""
    told = written.blocks(text)
    rows = (line.split("\t") for line in told["attributes"])
    values = {attribute: values for attribute, *values in rows}
    return Domain(told["names"], values, told["sentences"], told["questions"])


DOMAINS = {name: _read(text) for name, text in written.named("domain").items()}
NAMES = [name for domain in DOMAINS.values() for name in domain.names]
SENTENCES = [template for domain in DOMAINS.values() for template in domain.sentences]
QUESTIONS = [template for domain in DOMAINS.values() for template in domain.questions]
LETTERS = {
    "a": "àáâãäåāăąạảấầẩẫậắằẵặæα", "c": "çćčĉ", "d": "ďđð", "e": "èéêëēĕėęěẹẻẽếềểễệε", "g": "ğģġ", "h": "ħ",
    "i": "ìíîïīįịỉĩı", "k": "ķκ", "l": "łľĺļ", "n": "ñńňņ", "o": "òóôõöøōőọỏốồổỗộớờœ", "r": "řŕ", "s": "śšşșß",
    "t": "ťţțþ", "u": "ùúûüūůűųụủứừữự", "w": "ŵ", "y": "ýÿỳỹŷ", "z": "źżž", "A": "ÁÀÂÄÅÆĀ", "C": "ÇĆČ", "D": "ĐĎ",
    "E": "ÉÈÊËĒĚ", "I": "ÍÎİĪ", "L": "Ł", "N": "Ñ", "O": "ÓÖØŐ", "S": "ŚŠŞ", "U": "ÚÜŪŮ", "Z": "ŻŽŹ",
}  # fmt: skip
_NUMBER = re.compile(r"\d+")


def attribute(rng: random.Random, kind: str = "") -> tuple[str, str]:
    """An attribute, and the domain that it is of: any, or `kind`."""
    kind = kind or rng.choice(list(DOMAINS))
    return rng.choice(list(DOMAINS[kind].values)), kind


def value(rng: random.Random, attribute: str, kind: str) -> str:
    """What an attribute of a domain may be."""
    found = rng.choice(DOMAINS[kind].values[attribute])
    return _NUMBER.sub(lambda number: _other(rng, number[0]), found) if rng.random() < REDRAWN else found


def _other(rng: random.Random, number: str) -> str:
    """Another number as long, whose first digit is no higher: of a day or an hour most often another one."""
    first = number[0] if number[0] == "0" else str(rng.randint(1, int(number[0])))
    return first + "".join(rng.choices("0123456789", k=len(number) - 1))


def name(rng: random.Random) -> str:
    """A name, now and then with a word of another one, or with accents."""
    found = rng.choice(NAMES)
    roll = rng.random()
    if roll < ACCENTED:
        return _accented(rng, found)
    if roll >= SWAPPED:
        return found
    parts, others = found.split(" "), rng.choice(NAMES).split(" ")
    place = rng.randrange(len(parts))
    fit = [word for word in others if word.isalpha() and word[0].isupper() == parts[place][0].isupper()]
    if fit and parts[place].isalpha():
        parts[place] = rng.choice(fit)
    return " ".join(parts)


def _accented(rng: random.Random, found: str) -> str:
    """The name with other forms of one to three of its letters."""
    for letter in rng.sample(found, min(len(found), rng.randint(1, 3))):
        found = found.replace(letter, rng.choice(LETTERS.get(letter, letter)), 1)
    return found
