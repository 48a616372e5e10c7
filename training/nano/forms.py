"""More forms of values: ranges, addresses, amounts with long units, grades, and things and titles of several words."""

# ruff: noqa: SIM905

from __future__ import annotations

import random
import string

import words
from wording import capital
from words import ADJECTIVES, COLOURS, DAYS, MONTHS, NOUNS, person, pseudo

UNITS = (
    "ft|in|psi|kPa|hPa|mmHg|dB|dB(A)|Hz|kHz|MHz|GHz|kWh|MWh|GB|TB|MB|KB|Mbit/s|MB/s|km/h|mph|m/s|kn|m²|m³|km²|sq ft|"
    "square metres|square kilometres|cubic metres|beats per minute|words per minute|litres per hour|metres per second|"
    "metres above sea level|feet above ground|miles per gallon|degrees Celsius|°F|°C|K|degrees north|light years|"
    "ml|cl|mg|µg|lb|oz|stone|nautical miles|fathoms|leagues|furlongs|hectares|horsepower|hp|kN|Nm|joules|calories|kcal|"
    "ohms|amperes|A|mA|lux|lumens|pixels|dpi|points|ppm|basis points|per cent|per mille|% per year|% ABV|years old|"
    "working days|business days|calendar days|weeks|months|seconds|milliseconds|ms|nights|sessions|pages|sheets|"
    "copies|rounds|goals|votes|shares|tons|gross tons|long tons|bushels|crates|pallets|bottles|beds|berths|seats|"
    "passengers|residents|members|employees|visitors a year|cars a day|times a week|hours a day|turns|steps|floors"
).split("|")
STREETS = (
    "Street|Road|Lane|Avenue|Row|Hill|Square|Place|Way|Crescent|Terrace|Gardens|Quay|Court|Drive|Close|Boulevard"
).split("|")
STREETS_BEFORE = "Rue|Calle|Via|Avenida|Rua|Ulica|Place|Piazza|Passeig|Jalan".split("|")
STREETS_JOINED = "straße|strasse|gata|weg|straat|gasse|platz|vej|allee|laan".split("|")
COUNTRIES = "Portugal|Ireland|Kenya|Chile|Norway|India|Japan|Canada|Ghana|Poland|Iceland|Peru|Vietnam|Turkey".split("|")
ENDINGS = "cfg conf log txt err out db sqlite yaml json toml pem key csv bak sock pdf tar.gz sh".split()
FOLDERS = "srv var opt home etc usr data mnt tmp backup logs share app www".split()
MOTTO_VERBS = "trust guard follow keep serve carry seek sing build dare wait share remember rise plough".split()


def few(rng: random.Random, low: int, high: int) -> str:
    """A number in digits."""
    return str(rng.randint(low, high))


def amount(rng: random.Random) -> str:
    """A number in one of its forms."""
    value = rng.randint(1, rng.choice((9, 99, 999, 9_999, 99_999, 9_999_999)))
    return rng.choice((str(value), str(value), f"{value:,}", f"{value}.{rng.randint(0, 9)}", f"{value / 100:.2f}"))


def measure(rng: random.Random) -> str:
    """An amount with a unit, a size, a range, a share."""
    unit = rng.choice(UNITS)
    low = rng.randint(1, 90)
    return rng.choice(
        (
            f"{amount(rng)} {unit}",
            f"{amount(rng)} {unit}",
            f"{amount(rng)} {unit}",
            f"{amount(rng)} {unit}",
            f"{low} to {low + rng.randint(1, 40)} {unit}",
            f"{low}–{low + rng.randint(1, 40)} {unit}",
            f"{low}-{low + rng.randint(1, 40)} {unit}",
            f"between {low} and {low + rng.randint(1, 40)} {unit}",
            f"{amount(rng)} %",
            f"{amount(rng)}%",
            f"{low} x {few(rng, 1, 99)} {rng.choice(('cm', 'mm', 'm', 'inches'))}",
            f"{low} × {few(rng, 1, 99)} × {few(rng, 1, 99)} mm",
            f"about {low} {unit}",
            f"{rng.choice(('at least', 'up to', 'under', 'over', 'some', 'roughly', 'exactly'))} {low} {unit}",
            f"{few(rng, 1, 30)} hours {few(rng, 1, 59)} minutes",
            f"{few(rng, 1, 30)} h {few(rng, 1, 59)} min",
            f"{few(rng, 1, 9)} years and {few(rng, 2, 11)} months",
            f"{few(rng, 4, 7)} ft {few(rng, 1, 11)} in",
            f"{few(rng, 1, 9)} out of {few(rng, 10, 20)}",
            f"{few(rng, 1, 9)}/{few(rng, 10, 20)}",
            f"1:{few(rng, 2, 50_000)}",
            f"-{low} °C",
            f"±{low} {unit}",
        )
    )


def money(rng: random.Random) -> str:
    """Money in words, thousands and currencies."""
    currency = rng.choice("dollars euros pounds francs crowns kroner yen rupees zloty rand lira pesos marks".split())
    return rng.choice(
        (
            f"{amount(rng)} {currency}",
            f"{few(rng, 1, 999)} thousand {currency}",
            f"{few(rng, 1, 99)} million {currency}",
            f"{few(rng, 1, 99)}.{few(rng, 1, 9)} million {currency}",
            f"{rng.choice(('CHF', 'SEK', 'NOK', 'EUR', 'GBP', 'USD', 'JPY', 'INR', 'PLN'))} {amount(rng)}",
            f"{amount(rng)} {rng.choice(('CHF', 'SEK', 'NOK', 'EUR', 'GBP', 'USD', 'kr', '€', '$'))}",
            f"{rng.choice('$€£¥')}{few(rng, 1, 999)}k",
            f"{rng.choice('$€£')}{few(rng, 1, 99)}.{few(rng, 10, 99)}",
            f"{rng.choice('$€£')}{amount(rng)} {rng.choice(('a month', 'per year', 'a head', 'per night', 'an hour'))}",
            f"{rng.choice('$€£')}{few(rng, 1, 99)} million",
            f"{rng.choice('$€£')} {amount(rng)}",
        )
    )


def clock(rng: random.Random) -> str:
    """A time of day."""
    hour, minute = rng.randint(0, 23), rng.choice((0, 15, 30, 45, rng.randint(1, 59)))
    half = hour % 12 + 1
    return rng.choice(
        (
            f"{hour:02d}:{minute:02d}",
            f"{hour}:{minute:02d}",
            f"{half}:{minute:02d} {rng.choice(('am', 'pm', 'a.m.', 'p.m.', 'AM', 'PM'))}",
            f"{half} {rng.choice(('am', 'pm', 'a.m.', 'p.m.'))}",
            f"{hour:02d}.{minute:02d}",
            f"{hour:02d}{minute:02d} hours",
            f"{half} o'clock",
            f"{rng.choice(('half past', 'quarter past', 'quarter to', 'ten to', 'ten past'))} "
            f"{rng.choice('one two three four five six seven eight nine ten eleven twelve'.split())}",
            f"{hour:02d}:{minute:02d} {rng.choice(('UTC', 'GMT', 'CET', 'local time', 'sharp'))}",
        )
    )


def hours(rng: random.Random) -> str:
    """A stretch of time: from when to when."""
    first, last = rng.randint(5, 13), rng.randint(14, 23)
    a, b = f"{first}:{rng.choice(('00', '15', '30', '45'))}", f"{last}:{rng.choice(('00', '15', '30', '45'))}"
    day, end = rng.sample(DAYS, 2)
    return rng.choice(
        (
            f"{a} to {b}",
            f"{a}-{b}",
            f"{a} – {b}",
            f"{a}–{b}",
            f"between {a} and {b}",
            f"from {a} to {b}",
            f"{first} to {last - 12}",
            f"{first} am to {last - 12} pm",
            f"{day} to {end}",
            f"{day} to {end}, {a} to {b}",
            f"{day[:3]}-{end[:3]} {a}-{b}",
            f"{day}s from {a} to {b}",
            f"{a} to {b} on {day}s",
            f"daily from {first} to {last - 12}",
            f"{day} and {end}",
            f"every {day}",
            f"every second {day} at {a}",
        )
    )


def date(rng: random.Random) -> str:
    """A date, short, long or of several days."""
    year, month, day = rng.randint(1200, 2099), rng.choice(MONTHS), rng.randint(1, 28)
    number = MONTHS.index(month) + 1
    return rng.choice(
        (
            f"{day} {month[:3]} {year}",
            f"{month[:3]} {day}, {year}",
            f"{month[:3]} {day}",
            f"{day:02d}.{number:02d}.{year}",
            f"{day}.{number}.{year}",
            f"{number}/{day}/{year}",
            f"{day}/{number}/{year % 100:02d}",
            f"{year}/{number:02d}/{day:02d}",
            f"{day:02d}-{month[:3]}-{year}",
            f"{day} {month} {year}",
            f"{month} {day}, {year}",
            f"{year}-{number:02d}-{day:02d}T{few(rng, 10, 23)}:{few(rng, 10, 59)}:00Z",
            f"{year}-{number:02d}-{day:02d} {few(rng, 10, 23)}:{few(rng, 10, 59)}",
            f"{day} {month} {year} at {few(rng, 1, 12)} pm",
            f"{day} to {day + 2} {month}",
            f"{month} {day}-{day + 2}, {year}",
            f"{year}-{year % 100 + 1:02d}",
            f"{year} to {year + rng.randint(1, 40)}",
            f"the {rng.choice(('early', 'late'))} {year // 10 * 10}s",
            f"{rng.choice(('end', 'middle', 'beginning'))} of {month}",
            f"{rng.choice(('early', 'mid', 'late'))} {month} {year}",
            f"{rng.choice(('Easter', 'Christmas', 'Midsummer', 'Whitsun'))} {year}",
        )
    )


def code(rng: random.Random) -> str:
    """A code in groups, a version, a hash, a password, a grade."""
    upper, digits = string.ascii_uppercase, string.digits

    def some(letters: str, low: int, high: int) -> str:
        return "".join(rng.choices(letters, k=rng.randint(low, high)))

    return rng.choice(
        (
            f"{some(digits, 4, 4)} {some(upper, 2, 3)}",
            f"{some(upper, 1, 2)}{some(digits, 1, 2)} {some(digits, 1, 1)}{some(upper, 2, 2)}",
            f"{some(upper, 2, 2)}{some(digits, 2, 2)} {some(digits, 4, 4)} {some(digits, 4, 4)} {some(digits, 4, 4)}",
            f"{some(digits, 2, 2)}-{some(digits, 2, 2)}-{some(digits, 2, 2)} {some(digits, 8, 8)}",
            f"{some(digits, 3, 3)} {some(digits, 3, 3)} {some(digits, 3, 3)}",
            f"{some(digits, 4, 4)} {some(digits, 4, 4)} {some(digits, 4, 4)} {some(digits, 4, 4)}",
            f"{some(digits, 4, 4)}/{some(upper, 1, 1)}/{some(digits, 2, 2)}",
            f"v{few(rng, 0, 12)}.{few(rng, 0, 40)}",
            f"v{few(rng, 0, 12)}.{few(rng, 0, 40)}.{few(rng, 0, 40)}",
            f"{few(rng, 0, 12)}.{few(rng, 0, 40)}-{rng.choice(('rc', 'beta', 'alpha', 'dev'))}{few(rng, 1, 9)}",
            f"v{few(rng, 0, 12)}.{few(rng, 0, 40)}-rc{few(rng, 1, 9)}",
            f"{few(rng, 0, 12)}.{few(rng, 0, 40)}b{few(rng, 1, 9)}",
            some("0123456789abcdef", 7, 12),
            f"{capital(pseudo(rng, 1, 2))}{few(rng, 10, 9999)}!",
            f"{rng.choice(NOUNS)}-{rng.choice(NOUNS)}-{few(rng, 1, 999)}",
            f"{capital(rng.choice(NOUNS).split()[-1])}{rng.choice('!?#$%&*')}{few(rng, 1, 99)}",
            rng.choice(("A+", "A-", "B+", "B-", "AB+", "O+", "O-", "C+", "AA", "AAA", "BBB+", "Grade II", "Class B")),
            f"{rng.choice(('A', 'B', 'O', 'AB'))} {rng.choice(('positive', 'negative', 'Rh-positive', 'Rh-negative'))}",
            f"{some(digits, 3, 3)}.{some(digits, 1, 2)} {some(upper, 3, 3)}",
            f"{rng.choice(('No.', 'no.', 'Nr.', '№'))} {few(rng, 1, 9999)}",
            f"{some(upper, 1, 3)}.{some(digits, 2, 4)}.{some(digits, 1, 2)}",
            f"({some(digits, 2, 3)}) {some(digits, 4, 5)}",
            f"{some(upper, 2, 4)}-{some(digits, 2, 5)}/{some(digits, 2, 4)}",
            f"{few(rng, 1, 223)}.{few(rng, 0, 255)}.{few(rng, 0, 255)}.{few(rng, 1, 254)}",
            f"{few(rng, 1, 223)}.{few(rng, 0, 255)}.{few(rng, 0, 255)}.{few(rng, 1, 254)}:{few(rng, 80, 65000)}",
            f"{few(rng, 1, 223)}.{few(rng, 0, 255)}.{few(rng, 0, 255)}.0/{few(rng, 8, 30)}",
            ":".join(some("0123456789abcdef", 2, 2) for _ in range(6)),
            f"room {few(rng, 1, 20)}.{few(rng, 10, 99)}",
            f"{some(upper, 1, 1)}{few(rng, 1, 99)}-{some(upper, 1, 1)}{few(rng, 1, 99)}",
        )
    )


def address(rng: random.Random) -> str:
    """Where letters go: a street, a number, often a town and its code."""
    name, town = capital(pseudo(rng)), capital(pseudo(rng))
    if rng.random() < 0.4:
        name = capital(rng.choice(NOUNS))
    street = rng.choice(
        (
            f"{name} {rng.choice(STREETS)}",
            f"{name} {rng.choice(STREETS)}",
            f"{rng.choice(STREETS_BEFORE)} {name}",
            f"{name}{rng.choice(STREETS_JOINED)}",
        )
    )
    number = rng.choice((few(rng, 1, 300), few(rng, 1, 300), f"{few(rng, 1, 99)}{rng.choice('abc')}"))
    line = rng.choice((f"{street} {number}", f"{number} {street}", f"{number} {street}"))
    post = rng.choice((few(rng, 10000, 99999), few(rng, 1000, 9999), f"{few(rng, 1000, 9999)} AB"))
    return rng.choice(
        (
            line,
            f"{line}, {town}",
            f"{line}, {post} {town}",
            f"{line}, {post} {town}",
            f"{line}, {town} {post}",
            f"{line}, {town}, {rng.choice(COUNTRIES)}",
            f"{town}, {line}",
            f"{rng.choice(('PO Box', 'P.O. Box', 'Postfach'))} {few(rng, 10, 9999)}, {town}",
            f"{rng.choice(('Flat', 'Suite', 'Unit', 'Apartment'))} {few(rng, 1, 99)}, {line}",
            f"{rng.choice(('Flat', 'Suite', 'Unit', 'Apartment'))} {few(rng, 1, 99)}, {line}, {town}",
        )
    )


def place(rng: random.Random) -> str:
    """A place within another."""
    name, other = capital(pseudo(rng)), capital(pseudo(rng))
    side = rng.choice("north south east west left right far".split())
    return rng.choice(
        (
            f"{name}, {rng.choice(COUNTRIES)}",
            f"{name}, {other} {rng.choice(('County', 'Province', 'District', 'Island'))}",
            f"{name} {rng.choice(('County', 'Province', 'District', 'Harbour', 'Airport', 'Station', 'Town Hall'))}",
            f"{rng.choice(('Room', 'Hall', 'Gate', 'Dock', 'Bay', 'Pier', 'Ward'))} {few(rng, 1, 40)}",
            f"{rng.choice(('Room', 'Ward'))} {few(rng, 1, 20)}.{few(rng, 10, 99)}",
            f"{rng.choice(('Room', 'Hall', 'Gate', 'Dock', 'Pier'))} {rng.choice('BCDEFGH')}",
            f"the {rng.choice(NOUNS)} {rng.choice(('room', 'hall', 'shed', 'store', 'garden', 'yard'))}",
            f"the {side} {rng.choice(('wing', 'gate', 'tower', 'bank', 'entrance', 'quay', 'corner'))}",
            f"the {rng.choice(('library', 'chapel', 'market', 'station', 'museum', 'mill'))} in {name}",
            f"{rng.choice(('near', 'outside', 'north of', 'south of', 'opposite'))} {name}",
            f"{name} and {other}",
            f"{name}-{other}",
            f"{name} on the {other}",
            f"Mount {name}",
            f"{rng.randint(1, 60)} km {rng.choice(('north', 'south', 'east', 'west'))} of {name}",
        )
    )


def who(rng: random.Random) -> str:
    """A person, with a title or a degree, or two of them."""
    name = person(rng)
    last = name.split()[-1]
    first = name.split()[0]
    return rng.choice(
        (
            f"{rng.choice(('Mr', 'Mrs', 'Ms', 'Dr', 'Prof'))} {last}",
            f"{rng.choice(('Mr.', 'Mrs.', 'Ms.', 'Dr.', 'Prof.', 'Capt.', 'Rev.', 'Sgt.'))} {last}",
            f"{rng.choice(('Dr', 'Prof.', 'Dr.', 'Judge', 'Captain', 'Sister', 'Lieutenant'))} {first} {last}",
            f"{first} {rng.choice(string.ascii_uppercase)}. {last}",
            f"{rng.choice(string.ascii_uppercase)}. {last}",
            f"{rng.choice(string.ascii_uppercase)}. {rng.choice(string.ascii_uppercase)}. {last}",
            f"{first} {capital(pseudo(rng, 1, 2))} {last}",
            f"{first} {last}-{capital(pseudo(rng, 1, 2))}",
            f"{name}, {rng.choice(('PhD', 'MD', 'Esq.', 'Jr.', 'MP', 'QC'))}",
            f"{name} and {person(rng)}",
            f"{name} & {person(rng)}",
            f"{name} of {capital(pseudo(rng))}",
            f"{first} the {capital(rng.choice(ADJECTIVES))}",
            f"{name} ({rng.choice(('acting', 'interim', 'deputy'))})",
            f"{first} {last} {rng.choice(('II', 'III', 'the Elder', 'the Younger', 'Sr.'))}",
        )
    )


def thing(rng: random.Random) -> str:
    """Several words for a thing: joined, with a part, of a material, or a creature with a name."""
    noun, other, third = (rng.choice(NOUNS) for _ in range(3))
    adjective, colour = rng.choice(ADJECTIVES), rng.choice(COLOURS)
    article = rng.choice(("a", "one", "the", "the", "two", "three", "an old"))
    return rng.choice(
        (
            f"{colour} and {rng.choice(COLOURS)}",
            f"{rng.choice(('light', 'dark', 'pale', 'deep', 'bright', 'bottle', 'sky', 'moss'))} {colour}",
            f"{colour} with {rng.choice(COLOURS)} {rng.choice(('stripes', 'spots', 'trim', 'edges', 'letters'))}",
            f"{noun} with {other}",
            f"{noun} and {other}",
            f"{noun} with {adjective} {other}",
            f"{adjective} {noun} with {other}",
            f"{noun}, {other} and {third}",
            f"{article} {noun} on {colour}",
            f"{article} {adjective} {noun} beneath {rng.choice(('a', 'the'))} {other}",
            f"{article} {noun} in {rng.choice(('a', 'the'))} {other}",
            f"{capital(pseudo(rng, 1, 2))} the {noun}",
            f"{rng.choice(words.FIRST)} the {noun}",
            f"{rng.choice(words.FIRST)} the {adjective} {noun}",
            f"the {adjective} {noun}",
            f"{adjective}, {rng.choice(ADJECTIVES)} {noun}",
            f"{noun} from {capital(pseudo(rng))}",
            f"{noun} made of {other}",
            f"{capital(pseudo(rng))} {noun}",
            f"{rng.choice(('oak', 'brass', 'steel', 'slate', 'glass', 'wool', 'silk', 'tin'))} and {noun}",
        )
    )


def title(rng: random.Random) -> str:
    """A title or a motto, of three to seven words."""
    noun, other, adjective = capital(rng.choice(NOUNS)), capital(rng.choice(NOUNS)), capital(rng.choice(ADJECTIVES))
    verb, second = rng.sample(MOTTO_VERBS, 2)
    return rng.choice(
        (
            f"The {noun} and the {other}",
            f"The {adjective} {noun}",
            f"The {adjective} {noun} of {capital(pseudo(rng))}",
            f"The Last {noun}",
            f"{noun} for {rng.choice(words.FIRST)}",
            f"{noun} in the {other}",
            f"{adjective} {noun} {few(rng, 2, 9)}",
            f"{noun}: A {rng.choice(('Life', 'History', 'Memoir', 'Story', 'Guide'))}",
            f"{noun} Without {other}",
            f"Notes on the {noun}",
            f"{capital(verb)} and {second}",
            f"{capital(verb)} the {noun.lower()}, {second} the {other.lower()}",
            f"{capital(verb)} first, {second} later",
            f"We {verb} as we {second}",
            f"{capital(verb)} no {noun.lower()}",
            f"{noun.lower()}, {other.lower()}, {adjective.lower()}",
            f"From {noun.lower()} to {other.lower()}",
            f"{rng.choice(('senior', 'deputy', 'assistant', 'chief', 'junior', 'acting'))} {noun.lower()} officer",
            f"not yet {rng.choice(('approved', 'open', 'decided', 'paid', 'signed', 'built'))}",
            f"{rng.choice(('partly', 'fully', 'newly'))} {rng.choice(('restored', 'paid', 'sold', 'closed'))}",
        )
    )


def email(rng: random.Random) -> str:
    """An address of electronic mail."""
    user = rng.choice(
        (pseudo(rng, 1, 2), f"{pseudo(rng, 1, 2)}.{pseudo(rng, 1, 2)}", f"{rng.choice(NOUNS).split()[0]}")
    )
    host = rng.choice((pseudo(rng), f"{pseudo(rng, 1, 2)}-{rng.choice(('and-co', 'group', 'lab', 'mail'))}"))
    return f"{user}@{host}.{rng.choice(('com', 'org', 'net', 'example', 'io', 'co.uk', 'de', 'example.com'))}"


def phone(rng: random.Random) -> str:
    """A telephone number."""
    return rng.choice(
        (
            f"+{few(rng, 1, 99)} {few(rng, 10, 999)} {few(rng, 1000, 9999)}",
            f"+{few(rng, 1, 99)} {few(rng, 10, 99)} {few(rng, 100, 999)} {few(rng, 10, 99)} {few(rng, 10, 99)}",
            f"({few(rng, 100, 999)}) 555-{few(rng, 1000, 9999)}",
            f"0{few(rng, 100, 999)} {few(rng, 100000, 999999)}",
            f"{few(rng, 200, 999)}-{few(rng, 200, 999)}-{few(rng, 1000, 9999)}",
            f"extension {few(rng, 10, 9999)}",
            f"ext. {few(rng, 10, 999)}",
            f"555-{few(rng, 1000, 9999)}",
        )
    )


def web(rng: random.Random) -> str:
    """A link or a host."""
    host, end = pseudo(rng), rng.choice(("com", "org", "io", "net", "example", "internal", "local"))
    return rng.choice(
        (
            f"https://{host}.{end}/{pseudo(rng, 1, 2)}",
            f"https://www.{host}.{end}",
            f"http://{host}.{end}/{pseudo(rng, 1, 2)}/{few(rng, 1, 99)}",
            f"www.{host}.{end}",
            f"{host}.{end}",
            f"{pseudo(rng, 1, 2)}.{host}.{end}",
            f"{host}.{end}:{few(rng, 80, 65000)}",
            f"{host}-{few(rng, 1, 99):0>2}.{pseudo(rng, 1, 2)}.{end}",
        )
    )


def path(rng: random.Random) -> str:
    """A path of files."""
    name, folder = pseudo(rng, 1, 2), rng.choice(FOLDERS)
    return rng.choice(
        (
            f"/{folder}/{name}/{pseudo(rng, 1, 2)}.{rng.choice(ENDINGS)}",
            f"/{folder}/{name}.{rng.choice(ENDINGS)}",
            f"~/{name}/{rng.choice(NOUNS).split()[0]}_{few(rng, 1, 99)}.{rng.choice(ENDINGS)}",
            f"~/.{name}/{rng.choice(ENDINGS)}",
            f"C:/{name.capitalize()}/{pseudo(rng, 1, 2)}.{rng.choice(ENDINGS)}",
            rf"{rng.choice('CDEX')}:\{name.capitalize()}\{pseudo(rng, 1, 2)}.{rng.choice(ENDINGS)}",
            rf"{rng.choice('CD')}:\{folder}\{name}\{pseudo(rng, 1, 2)}_{few(rng, 1, 99)}.{rng.choice(ENDINGS)}",
            rf"\\{name}\{folder}\{pseudo(rng, 1, 2)}",
            f"{name}/{pseudo(rng, 1, 2)}/{few(rng, 1, 99)}.{rng.choice(ENDINGS)}",
            f"s3://{name}-{folder}/{pseudo(rng, 1, 2)}",
            f"./{folder}/{name}_{pseudo(rng, 1, 2)}.{rng.choice(ENDINGS)}",
        )
    )


MORE = {
    "code": code,
    "date": date,
    "time": clock,
    "measure": measure,
    "count": amount,
    "money": money,
    "person": who,
    "place": place,
    "thing": thing,
    "words": title,
    "hours": hours,
    "address": address,
    "email": email,
    "phone": phone,
    "web": web,
    "path": path,
}
