"""What can be said of what: an attribute with the kind of value it takes, and the names it is said of."""

from __future__ import annotations

import random
import string

import domains
import values
import words

COMMON = {
    "code": "license plate, lucky number, call sign, shoe size, blood type, passport number, postal code, area code, "
    "room number, flight number, gate number, Wi-Fi password, master key, unlock code, launch code, radio frequency, "
    "part number, tracking number, account number, reference code, security code, magic word, model number",
    "date": "due date, release date, date of birth, founding year, year of construction, opening day, wedding day",
    "time": "check-in time, closing time, departure time, tea time, opening hours, start time, wake-up time, bedtime",
    "measure": "top speed, wingspan, cruising altitude, half-life, boiling point, freezing point, melting point, "
    "body weight, fuel capacity, water depth, hull length, shelf life, travel time, response time, battery life",
    "count": "page count, head count, number of rooms, number of floors, crew size, number of employees, lap count",
    "money": "entrance fee, asking price, ticket price, monthly rent, starting salary, market value, annual budget",
    "person": "next of kin, head of security, chief engineer, lighthouse keeper, harbour master, night watchman, "
    "project lead, team captain, maiden name, lead singer, first mate, spokesperson, emergency contact, best friend, "
    "godfather, landlord, translator, executive producer, band leader, head gardener, ship's doctor, piano teacher",
    "place": "home port, place of birth, meeting point, hiding place, landing site, burial site, final destination, "
    "home town, head office, dig site, winter quarters, place of origin, seat of government, parking spot",
    "thing": "favourite colour, favorite color, favourite food, signature dish, national flower, secret ingredient, "
    "school mascot, cover colour, main export, spirit animal, house specialty, roof material, hair colour, "
    "eye color, preferred breakfast, musical instrument, trademark hat, main crop, primary fuel, weapon of choice",
    "words": "code name, code word, pen name, middle name, stage name, nickname, motto, catchphrase, battle cry, "
    "job title, star sign, native language, working title, team name, family motto, favourite song, secret password",
}
COMMON_PAIRS = [(one.strip(), kind) for kind, several in COMMON.items() for one in several.split(",")]


def attribute(rng: random.Random) -> tuple[str, str]:
    """An attribute and the kind of its values: hundreds of thousands of combinations, some of them invented words."""
    kind = rng.choice(words.KINDS)
    head = rng.choice(words.HEADS[kind])
    roll = rng.random()
    if roll < 0.2:
        return rng.choice(COMMON_PAIRS)
    if roll < 0.34:
        return head, kind
    if roll < 0.8:
        return f"{rng.choice(words.MODIFIERS)} {head}", kind
    if roll < 0.88:
        return f"{words.pseudo(rng)} {head}", kind
    if roll < 0.91:
        return words.pseudo(rng), rng.choice(words.KINDS)
    if roll < 0.95:
        return f"{rng.choice(words.MODIFIERS)} {rng.choice(words.MODIFIERS)} {head}", kind
    return f"{rng.choice(words.NOUNS)} {head}", kind


def name(rng: random.Random) -> str:
    """A name: a person, a place, a firm, a thing with a number, an invented word. "the" may stand before it."""
    word = words.pseudo(rng).capitalize()
    if rng.random() < 0.08:
        return rng.choice(words.REAL_NAMES)
    if rng.random() < 0.22:
        return composed(rng, word)
    roll = rng.random()
    if roll < 0.2:
        return words.person(rng)
    if roll < 0.34:
        return rng.choice(
            (
                f"{rng.choice(words.PLACE_BEFORE)} {word}",
                f"{rng.choice(words.PLACE_BEFORE)} {word}",
                f"{rng.choice(words.PLACE_BEFORE)} {word}",
                f"the {rng.choice(words.PLACE_AFTER)} of {word}",
                f"{rng.choice(('Isle', 'Bay', 'Order', 'Duchy', 'House'))} of {rng.choice(('', 'the '))}{word}",
                f"{rng.choice(('HMS', 'SS', 'MV', 'USS', 'St.'))} {word}",
                f"the {rng.choice(('ship', 'tavern', 'yacht', 'inn', 'café', 'schooner'))} {word}",
                f"{rng.choice(('King', 'Queen', 'Pope', 'Emperor'))} {word} {rng.choice(('II', 'III', 'IV', 'IX'))}",
            )
        )
    if roll < 0.46:
        return f"{rng.choice(('', 'the ', 'the '))}{word} {rng.choice(words.PLACE_AFTER)}"
    if roll < 0.58:
        return f"{rng.choice(('', 'the ', 'the '))}{word} {rng.choice(words.THING_AFTER)}"
    if roll < 0.66:
        return f"{rng.choice(words.THING_BEFORE)} {rng.choice((word, numbered(rng), values.code(rng)))}"
    if roll < 0.7:
        return f"{rng.choice(words.THING_BEFORE).lower()} {numbered(rng)}"
    if roll < 0.84:
        return word if rng.random() < 0.8 else f"the {word}"
    if roll < 0.88:
        return f"{word} {words.pseudo(rng).capitalize()}"
    if roll < 0.91:
        return numbered(rng)
    if roll < 0.94:
        return f"the {rng.choice(words.ADJECTIVES)} {rng.choice(words.NOUNS)}"
    if roll < 0.96:
        return f"the {words.pseudo(rng)}"
    if roll < 0.98:
        return f"{word} & {rng.choice(('Sons', 'Co.', words.surname(rng)))}"
    return words.identifier(rng)


def composed(rng: random.Random, word: str) -> str:
    """A name of several parts: a firm, a title, a number with a side, a version, one that has another's 's."""
    other, number = words.pseudo(rng).capitalize(), rng.randint(1, 99)
    noun, adjective = rng.choice(words.NOUNS).title(), rng.choice(words.ADJECTIVES).title()
    first, letter = rng.choice(words.FIRST), rng.choice(string.ascii_uppercase)
    return rng.choice(
        (
            f"{word} {rng.choice(('GmbH', 'AG', 'Ltd', 'Inc.', 'LLC', 'S.A.', 'plc', 'Oy', 'AB', 'Pty'))}",
            f"{word} {rng.choice(('Holdings', 'Logistics', 'Optics', 'Freight', 'Partners', 'Foundation'))}",
            f"{word} {rng.choice(('and', '&'))} {other}",
            f"{rng.choice(words.TITLES)} {first} {other}",
            f"{rng.choice(('Old', 'Young', 'Little', 'Sister', 'Brother', 'Judge', 'Captain'))} {first} {other}",
            f"{rng.choice(('Mr', 'Mrs', 'Ms', 'Dr', 'Prof'))} {first} {other}",
            f"{first} {other}-{word}",
            f"{first} {rng.choice(string.ascii_uppercase)}. {other}",
            f"{rng.choice(words.THING_BEFORE)} {number} {rng.choice(('East', 'West', 'North', 'South', 'Annex', 'B'))}",
            f"{rng.choice(('Block', 'Unit', 'Plot', 'Wing', 'Bay', 'Shaft', 'Lot', 'Ward'))} "
            f"{rng.choice((f'{letter}-{number}', f'{number}{letter}'))}",
            f"{rng.choice(('Plot', 'Lot', 'Track', 'Route'))} {number}-{rng.choice('ABCD')} {word}",
            f"{word} {rng.randint(1, 12)}.{rng.randint(0, 20)}",
            f"{word} v{rng.randint(1, 12)}",
            f"{word} {rng.choice(('Mini', 'Pro', 'Max', 'Prime', 'Junior', 'Classic', 'II', 'Mark III'))}",
            f"The {adjective} {noun}",
            f"The {word}",
            f"The {noun}'s {rng.choice(words.NOUNS).title()}",
            f"{word}'s {rng.choice(('Arms', 'Rest', 'Landing', 'Folly', 'Corner', 'End', 'Inn'))}",
            f"{rng.choice(('Treaty', 'Battle', 'Siege', 'Bishop', 'Bank', 'Republic', 'Port', 'Gulf'))} of {word}",
            f"{rng.choice(('Operation', 'Project', 'Expedition', 'Mission', 'Festival'))} {rng.choice((word, noun))}",
            f"{rng.choice(('Operation', 'Project'))} {adjective} {noun}",
            f"{word}-{other}",
            f"{rng.choice(('node', 'db', 'srv', 'cache', 'edge', 'host'))}-{words.pseudo(rng, 1, 2)}-{number:02d}",
            f"{rng.choice(words.NOUNS)} {letter}{rng.choice(string.ascii_uppercase)}{number}",
            f"{rng.choice(('MV', 'HMS', 'Tanker', 'Ferry', 'Barge'))} {word} {rng.choice(('', 'Star', 'Queen'))}",
            f"{rng.choice(('Mount', 'Lake', 'Cape', 'Upper', 'Nether', 'Saint', 'San', 'El', 'La', 'Qasr'))} {word}",
            f"{word} {rng.choice(('Prize', 'Trophy', 'Act', 'Line', 'Fund', 'Report', 'Protocol', 'Manuscript'))}",
            f"{adjective} {noun}",
            f"{noun} {word}",
        )
    ).strip()


def numbered(rng: random.Random) -> str:
    """A name of letters and digits: QX-17, db-07, B12, 4821."""
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 3)))
    return rng.choice(
        (
            f"{letters}-{rng.randint(1, 999)}",
            f"{letters}{rng.randint(1, 999)}",
            f"{rng.choice(('db', 'web', 'node', 'gpu', 'app', 'lab'))}-{rng.randint(1, 99):02d}",
            f"{rng.randint(1, 9999)}",
            f"{words.pseudo(rng).capitalize()} {rng.randint(1, 99)}",
            f"{words.pseudo(rng).capitalize()}-{rng.randint(1, 99)}",
            f"{rng.choice(('Alpha', 'Beta', 'Delta', 'Omega', 'Echo', 'Zulu'))}-{rng.randint(1, 99)}",
        )
    )


def bare(name: str) -> str:
    """The name without its article: what to search for."""
    return name[4:] if name.startswith(("the ", "The ")) else name


def near(rng: random.Random, name: str) -> str:
    """Another name much like it: the same kind of name, and often a shared word."""
    parts = name.split(" ")
    if len(parts) > 1 and rng.random() < 0.75:
        spot = rng.randrange(1 if parts[0] == "the" else 0, len(parts))
        old = parts[spot]
        new = numbered(rng) if any(c.isdigit() for c in old) else words.pseudo(rng)
        parts[spot] = new.capitalize() if old[:1].isupper() else new
        return " ".join(parts)
    if "-" in name and rng.random() < 0.7:
        return f"{name.rpartition('-')[0]}-{rng.randint(1, 999)}"
    return other_name(rng, name)


def other_name(rng: random.Random, other_than: str) -> str:
    """A fresh name."""
    while (fresh := name(rng)) == other_than:
        pass
    return fresh


def near_attribute(rng: random.Random, attribute_: str, kind: str) -> tuple[str, str]:
    """Another attribute, often of the same kind or with a shared word."""
    if kind in domains.DOMAINS:
        return domains.attribute(rng, kind)
    parts = attribute_.split(" ")
    roll = rng.random()
    if roll < 0.3 and len(parts) > 1:
        other = rng.choice(words.MODIFIERS)
        return f"{other} {parts[-1]}", kind
    if roll < 0.5 and len(parts) > 1:
        kind = rng.choice(words.KINDS)
        return f"{parts[0]} {rng.choice(words.HEADS[kind])}", kind
    if roll < 0.7 and kind in words.HEADS:
        return rng.choice(words.HEADS[kind]), kind
    return attribute(rng)
