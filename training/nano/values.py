"""Values: codes, dates, amounts, names, phrases, places; each kind in the many forms that people write."""

# ruff: noqa: SIM905

from __future__ import annotations

import random
import string
from collections.abc import Callable

import forms
import words
from words import ADJECTIVES, COLOURS, DAYS, MONTHS, NOUNS, PLACE_AFTER, PLACE_BEFORE, person, pseudo

ROOMS = "cellar attic pantry stable boathouse tower crypt kitchen greenhouse loft".split()
FLOORS = "first second third fourth ninth".split()
GREEK = ("alpha beta gamma delta epsilon zeta sigma omega echo tango foxtrot kilo victor zulu").split()


def code(rng: random.Random) -> str:
    """A code: digits, letters, hyphens, dots, hexadecimal, a version, a number."""
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 4)))
    digits = "".join(rng.choices(string.digits, k=rng.randint(2, 7)))
    mixed = "".join(rng.choices(string.ascii_uppercase + string.digits, k=rng.randint(4, 9)))
    lower = "".join(rng.choices(string.ascii_lowercase + string.digits, k=rng.randint(4, 10)))
    choices = (
        digits,
        digits,
        f"{letters}-{digits}",
        f"{letters}{digits}",
        f"{digits[:2]}-{digits[2:] or 4}-{rng.randint(10, 99)}",
        mixed,
        lower,
        f"{letters}/{digits}",
        f"{rng.randint(0, 12)}.{rng.randint(0, 30)}.{rng.randint(0, 99)}",
        f"{pseudo(rng, 1, 2)}-{rng.choice(NOUNS)}-{rng.randint(1, 99)}",
        f"{rng.choice(ADJECTIVES)}-{rng.choice(NOUNS)}",
        f"{letters}-{rng.randint(1, 99)}-{rng.choice(string.ascii_uppercase)}",
        f"#{digits}",
        f"{pseudo(rng).capitalize()}{rng.randint(1, 999)}",
        f"{rng.choice(ADJECTIVES).upper()}-{rng.randint(1, 99)}",
        f"{rng.randint(10, 255)}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}",
        f"{letters}_{lower}",
        f"{mixed[:4]}-{mixed[1:4]}{rng.randint(0, 9)}-{lower[:4]}",
        f"{letters}-{digits}-{rng.choice(string.ascii_uppercase)}",
        f"{rng.choice(GREEK)}-{rng.randint(1, 99)}-{rng.choice(GREEK)}",
        f"{rng.choice(ADJECTIVES)}-{rng.choice(NOUNS)}-{rng.choice(NOUNS)}",
        f"0x{rng.randint(4096, 99_999_999):x}",
        f"{rng.choice(GREEK).capitalize()} {rng.randint(1, 9)}",
        f"{rng.randint(100, 999)} {rng.randint(100, 999)}",
        f"{letters} {digits}",
    )
    return rng.choice(choices)


def date(rng: random.Random) -> str:
    """A date in one of many forms."""
    year, month, day = rng.randint(1200, 2099), rng.choice(MONTHS), rng.randint(1, 28)
    ordinal = f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
    choices = (
        f"{day} {month} {year}",
        f"{month} {day}, {year}",
        f"{month} {day}",
        f"{day} {month}",
        f"{month} {year}",
        f"{year}",
        f"{year}-{MONTHS.index(month) + 1:02d}-{day:02d}",
        f"{day:02d}/{MONTHS.index(month) + 1:02d}/{year}",
        f"the {ordinal} of {month}",
        f"{month} {ordinal}",
        f"{rng.choice(DAYS)}",
        f"{rng.choice(DAYS)}, {day} {month}",
        f"{rng.choice(DAYS)} {day} {month} {year}",
        f"the {ordinal} of {month}, {year}",
        f"{month[:3]} {day}, {year}",
        f"the {rng.choice(('spring', 'summer', 'autumn', 'winter'))} of {year}",
        f"Q{rng.randint(1, 4)} {year}",
        f"week {rng.randint(1, 52)}",
    )
    return rng.choice(choices)


def clock(rng: random.Random) -> str:
    """A time of day."""
    hour, minute = rng.randint(0, 23), rng.choice((0, 5, 10, 15, 20, 25, 30, 40, 45, 50, 55, rng.randint(1, 59)))
    return rng.choice(
        (
            f"{hour:02d}:{minute:02d}",
            f"{hour % 12 + 1}:{minute:02d} {rng.choice(('a.m.', 'p.m.', 'AM', 'PM'))}",
            f"{hour % 12 + 1} {rng.choice(('am', 'pm', 'o’clock'))}",
            f"{hour % 12 + 1}:{minute:02d}",
            f"{hour % 12 + 1}:{minute:02d}{rng.choice(('pm', 'am'))}",
            f"{hour % 12 + 1}{rng.choice(('pm', 'am'))}",
            f"{hour:02d}:{minute:02d}:{rng.randint(0, 59):02d}",
            f"{hour:02d}{minute:02d} hours",
            rng.choice(("noon", "midnight", "half past six", "a quarter to nine", "dawn")),
        )
    )


def number(rng: random.Random) -> str:
    """A number as people write it."""
    size = rng.choice((9, 99, 999, 9999, 99_999, 9_999_999))
    value = rng.randint(1, size)
    roll = rng.random()
    if roll < 0.45:
        return str(value)
    if roll < 0.7:
        return f"{value:,}"
    if roll < 0.88:
        return f"{value % 1000}.{rng.randint(0, 99)}"
    return rng.choice(("two three five seven eleven twelve fourteen nineteen twenty forty sixty").split())


UNITS = (
    "kg kilograms metres meters m km kilometres feet miles litres gallons hours minutes days years degrees "
    "volts watts kilowatts hectares acres knots bar tonnes tons grams mm cm inches rpm percent decibels "
    "barrels °C pounds seats"
).split()


def measure(rng: random.Random) -> str:
    """An amount with its unit."""
    if rng.random() < 0.12:
        return f"{number(rng)}%"
    if rng.random() < 0.1:
        return f"{number(rng)}{rng.choice(('kg', 'km', 'm', 'V', 'W', 'kW', 'GB', '°', 'cm', 'mm', 'L'))}"
    return f"{number(rng)} {rng.choice(words.UNITS if rng.random() < 0.3 else UNITS)}"


def money(rng: random.Random) -> str:
    """An amount of money."""
    amount = number(rng)
    return rng.choice(
        (
            f"${amount}",
            f"€{amount}",
            f"£{amount}",
            f"{amount} {rng.choice(('dollars', 'euros', 'crowns', 'francs', 'roubles', 'guineas', 'pounds', 'pesos'))}",
            f"{rng.choice(('USD', 'EUR', 'CHF'))} {amount}",
            f"${rng.randint(1, 99)}.{rng.randint(1, 9)} million",
        )
    )


def phrase(rng: random.Random) -> str:
    """Some words: a name, a motto, a title."""
    if rng.random() < 0.2:
        return rng.choice(words.PHRASES)
    noun, adjective = rng.choice(NOUNS), rng.choice(ADJECTIVES)
    choices = (
        f"{adjective} {noun}",
        f"{adjective.capitalize()} {noun.capitalize()}",
        noun,
        pseudo(rng),
        pseudo(rng).capitalize(),
        f"The {adjective.capitalize()} {noun.capitalize()}",
        f"{noun} and {rng.choice(NOUNS)}",
        f"{noun.capitalize()} before {rng.choice(NOUNS)}",
        f"{noun} of the {adjective} {rng.choice(NOUNS)}",
        f"{adjective} {pseudo(rng)}",
        rng.choice(
            ("approved", "pending", "closed", "under review", "in transit", "guilty", "active", "lost", "sealed")
        ),
        f"never {rng.choice(('trust', 'sell', 'wake', 'forget', 'paint'))} a {adjective} {noun}",
        f"{rng.choice(ADJECTIVES)} {adjective} {noun}",
        f"{rng.choice(('a', 'one', 'the'))} {adjective} {noun}",
        f"{rng.choice(('two', 'three', 'five', 'seven'))} {adjective} {noun}s",
        f"{noun.capitalize()} {rng.choice(('and', 'or', 'over', 'without', 'under'))} {rng.choice(NOUNS).capitalize()}",
        f"{rng.choice(('Always', 'Never'))} {adjective}, {rng.choice(('always', 'never'))} {rng.choice(ADJECTIVES)}",
        f"{rng.choice(('By', 'Through', 'For'))} {noun} and {rng.choice(NOUNS)}",
        f"the {noun} {rng.choice(('sleeps', 'burns', 'waits', 'sings'))} at {rng.choice(('dawn', 'night', 'noon'))}",
        f"{pseudo(rng)} {pseudo(rng)}",
        f"{adjective.capitalize()} {pseudo(rng).capitalize()}",
    )
    return rng.choice(choices)


def place(rng: random.Random) -> str:
    """A place."""
    name = pseudo(rng).capitalize()
    roll = rng.random()
    if roll < 0.4:
        return name
    if roll < 0.6:
        return f"{rng.choice(PLACE_BEFORE)} {name}"
    if roll < 0.8:
        return f"{name} {rng.choice(PLACE_AFTER)}"
    return rng.choice(
        (
            f"{rng.randint(1, 300)} {name} Street",
            f"the {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}",
            f"{name}, {pseudo(rng).capitalize()}",
            f"the {rng.choice(ROOMS)}",
            f"room {rng.randint(1, 900)}",
            f"the {rng.choice(FLOORS)} floor",
            f"Building {rng.choice(string.ascii_uppercase)}",
            f"{rng.choice(('under', 'behind', 'beside', 'above'))} the {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}",
            f"the {rng.choice(('second', 'third', 'top', 'left'))} {rng.choice(('drawer', 'shelf', 'cupboard'))}",
            f"{rng.randint(10, 899) / 10}°{rng.choice('NS')}, {rng.randint(10, 1799) / 10}°{rng.choice('EW')}",
        )
    )


def thing(rng: random.Random) -> str:
    """A thing, a colour, a material."""
    roll = rng.random()
    if roll < 0.3:
        return rng.choice(COLOURS)
    if roll < 0.6:
        return rng.choice(NOUNS)
    return phrase(rng)


def contact(rng: random.Random) -> str:
    """An e-mail address, a link, a path, a telephone number."""
    name, host = pseudo(rng, 1, 2), pseudo(rng)
    return rng.choice(
        (
            f"{name}@{host}.{rng.choice(('com', 'org', 'net', 'example'))}",
            f"{name}.{pseudo(rng, 1, 2)}@{host}.example.com",
            f"https://{host}.{rng.choice(('com', 'org', 'io'))}/{name}",
            f"www.{host}.org",
            f"/{rng.choice(('srv', 'var', 'opt', 'home'))}/{name}/{host}.{rng.choice(('cfg', 'log', 'db', 'txt'))}",
            f"+{rng.randint(1, 99)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}",
            f"555-{rng.randint(1000, 9999)}",
            f"{host}-{name}.internal:{rng.randint(80, 65000)}",
        )
    )


SHORT = {
    "code": code,
    "date": date,
    "time": clock,
    "measure": measure,
    "count": number,
    "money": money,
    "person": person,
    "place": place,
    "thing": thing,
    "words": phrase,
    "contact": contact,
}


def drawn(kind: str) -> Callable[[random.Random], str]:
    """Draws values of a kind, half of them in the forms of `forms.py`."""
    several = [draw for draw in (SHORT.get(kind), forms.MORE.get(kind)) if draw]
    return lambda rng: rng.choice(several)(rng)


VALUES = {kind: drawn(kind) for kind in {**SHORT, **forms.MORE}}
