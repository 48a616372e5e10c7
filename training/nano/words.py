"""Names, attributes and values to make facts of: mostly invented, so that nothing can be known by heart."""

# ruff: noqa: SIM905

from __future__ import annotations

import random
import string

ONSETS = (
    "b c d f g h j k l m n p r s t v w y z br bl ch cl cr dr dw fl fr gl gr kl kr kn pl pr qu sc sh sk sl sm "
    "sn sp st str sw th thr tr tw vl vr wh wr x zh"
).split()
VOWELS = ("a e i o u a e i o u a e i o u ae ai au ea ee ei ie io oa oo ou ui y é ö á ü").split()
CODAS = (
    "b d f g k l m n p r s t v x z ck ff ld ll lm ln lt mb mp nd ng nk nn nt rd rk rl rm rn rs rt sh sk ss st th zz"
).split()
ENDINGS = (
    "a o ia us is on en el or an um ix ley ton ford by burg ville stein son sen ski ova dale wick more ham"
).split()

FIRST = (
    "Anna Tom Maria John Elena Victor Ruth Samuel Ingrid Carlos Mei Amara Yusuf Olga Peter Nadia Hugo Clara "
    "Marcus Lena Omar Sofia Henrik Priya Julian Fatima Diego Astrid Felix Beatrice Kwame Leila Oscar Tamsin "
    "Rafael Edith Bruno Harriet Anton Zoe Milo Greta Ivan Rosa Theo Agnes Karim Wendy Dmitri Paula Simon "
    "Louise Arthur Irene Niels Kofi"
).split()
LAST = (
    "Brandt Okafor Lindqvist Moreau Hale Petrov Tanaka Silva Novak Archer Whitlock Fenn Castellan Osei Marsh "
    "Duval Keller Ibarra Quist Holloway Varga Sato Banerjee Rourke Eklund Pereira Thorne Vance Abara Jansen "
    "Kowalski Reyes Ashby Mercer Oduya Falk Giraud Sorensen Blackwood Haddad Crane Vidal Nakamura Ferro "
    "Langley Osman Bright Tate Winslow"
).split()
TITLES = (
    "Captain Dr. Professor Lady Sir Mr. Mrs. Ms. Colonel Sister Inspector Count Princess General Judge Madame"
).split()

PLACE_BEFORE = (
    "Port Castle Lake Mount Fort Cape Saint New Old North South East West Camp Hotel Villa Station River Isle "
    "Villa Planet Chateau Abbey Hill Bay Upper Lower Glen Loch Santa San Los"
).split()
PLACE_AFTER = (
    "Bay Bridge Tower Street Valley Harbour Museum Library Hall Garden Falls Square Mill Farm Observatory "
    "Archive Station Lodge Clinic Theatre Market Mine Reef Forest School Chapel Inn Lighthouse Dam Institute "
    "Gate Park Airport Hospital Prison Cathedral Monastery Estate Vineyard Refinery Palace Canal Ridge Peak "
    "Junction Quarry"
).split()
THING_BEFORE = (
    "Project Operation Unit Model Server Room Locker Gate Platform Flight Train Vessel Probe Satellite Order "
    "Agent Team Module Sector Engine Rocket Reactor Case File Batch Sample Device Drone Robot Section Ward "
    "Plan Account Machine Contract Cluster Container Node Sensor Antenna Pump Valve Crate Cabin Shelf Vault "
    "Exhibit Lot Ticket Study Order"
).split()
THING_AFTER = (
    "Industries Ltd Inc. Corporation Brothers Bank Foundation Group Labs Society Festival Treaty Prize Award "
    "Cup Theorem Protocol Engine Express Expedition Committee Orchestra Party Account Program Award "
    "Manuscript Ledger Diamond Comet Virus Syndrome Alliance Guild Company Airlines Motors Systems Press "
    "Studio Robotics Engine Index Act Report project team server device station rocket reactor drone probe "
    "satellite sensor pump engine mission expedition contract account machine painting statue clock sword "
    "ship boat locomotive telescope database cluster pipeline"
).split()

ADJECTIVES = (
    "red blue green amber silver golden crimson violet white black grey copper ivory scarlet quiet loud early "
    "late broken hidden ancient modern wooden iron glass paper velvet frozen burning silent bitter sweet "
    "heavy light narrow wide northern southern old new young tall short brave gentle lucky spotted striped "
    "hollow round square crooked dusty"
).split()
NOUNS = (
    "lantern anchor falcon rose kettle compass basket cathedral orchard saddle whistle candle hammer feather "
    "mirror bottle ladder violin carpet bucket needle thistle otter heron badger fox raven tiger salmon "
    "turtle walnut lemon pepper ginger saffron cedar maple willow birch oak copper tin granite marble velvet "
    "linen cotton silk umbrella telescope bicycle trumpet cello drum piano accordion chess poetry archery "
    "fencing rowing pottery honey barley cabbage onion turnip mushroom cherry plum apricot fig olive harbour "
    "river mountain desert forest island valley"
).split()
COLOURS = (
    "red blue green amber silver gold crimson violet white black grey teal ivory scarlet turquoise ochre "
    "lilac navy beige"
).split()

MODIFIERS = (
    "vault access entry launch departure arrival opening closing head chief deputy favourite registered "
    "official secret emergency backup primary annual monthly weekly daily total maximum minimum average "
    "initial final current former internal external technical legal financial medical shipping billing "
    "service maintenance inspection insurance tax security safety network storage battery fuel engine boiling "
    "melting freezing operating target planned estimated actual approved original first second next last "
    "regional national home field test pilot lead senior public private reserve master radio call docking "
    "landing cooling heating water oil gas power signal transfer customs export import passport library "
    "locker parking room seat table ticket invoice catalogue inventory product batch serial license contract "
    "customer client account payment discount training marketing research design construction renovation "
    "delivery production quality control risk alarm door gate safe wedding birth death election harvest "
    "feeding sleeping reading preferred assigned local remote nominal peak default recommended required "
    "permitted hourly nightly seasonal"
).split()

HEADS: dict[str, list[str]] = {
    "code": (
        "code number key password pin identifier ID tag reference token combination passphrase signature label "
        "barcode frequency channel address version extension prefix suffix hash checksum designation callsign "
        "index"
    ).split(),
    "date": "date deadline day anniversary birthday expiry premiere".split(),
    "time": ["time", "hour", "curfew"],
    "measure": (
        "height weight length width depth distance temperature pressure speed capacity volume area mass altitude "
        "range thickness diameter duration voltage power load limit threshold yield radius rate"
    ).split(),
    "count": ("count population attendance quota score rank crew size headcount total tally").split(),
    "money": ("price cost budget fee salary revenue rent fine deposit toll debt bonus premium wage tax fund").split(),
    "person": (
        "captain director owner author inspector manager engineer architect chef keeper doctor commander "
        "secretary guardian pilot supervisor teacher curator editor founder inventor contact officer lawyer "
        "gardener treasurer successor neighbour rival assistant sponsor tenant heir cook coach president mayor "
        "chairman witness"
    ).split(),
    "place": (
        "location capital birthplace headquarters port destination base origin venue city residence hometown"
    ).split(),
    "thing": (
        "colour mascot emblem instrument material animal flower tree dish drink fruit hobby cargo symbol language "
        "gift souvenir tool ingredient metal fabric topic subject theme weapon pet vehicle crop pastime"
    ).split(),
    "words": (
        "motto slogan title codename nickname name alias password greeting theme verdict status category brand"
    ).split(),
}
KINDS = list(HEADS)


STEMS = (
    "stone raven hollow winter ash oak elm iron silver black white red green gold frost thorn river marsh "
    "wolf fox hawk swan crow bram hazel moon star sun sea sand salt ember storm cloud mist dusk dawn north "
    "east west south high low long fair cold deep bright dark clear whit lang hart brook alder birch rook "
    "fern heather mer grim wind dun mill"
).split()
SUFFIXES = (
    "hold ford wick ton bury field wood dale mere well gate haven moor stead worth holm brook ridge cliff "
    "shire mouth port burn crest fall ley by garth ham bridge water light march stone land side spire wall "
    "watch view vale grove"
).split()
SOFT = ("b c d f g h k l m n p r s t v z br cl dr fl gr kr l m n r s t l n r v th qu tr").split()
SOFT_ENDINGS = (
    "a o ia us is on en el or an um ix ley in ar io eth ra na la ene ara elle ino ova ius ane ios yx"
).split()


def pseudo(rng: random.Random, low: int = 2, high: int = 3) -> str:
    """An invented word, small letters: of two English stems, soft, or rough."""
    roll = rng.random()
    if roll < 0.2:
        return rng.choice(STEMS) + rng.choice(SUFFIXES)
    if roll < 0.6:
        body = "".join(rng.choice(SOFT) + rng.choice("aeiouaeioy") + rng.choice(("", "", "", "l", "n", "r", "s"))
                       for _ in range(rng.randint(max(low - 1, 1), high - 1 or 1)))  # fmt: skip
        return (
            (rng.choice(("", "a", "e", "o", "i")) if rng.random() < 0.2 else "")
            + body
            + rng.choice(SOFT)
            + rng.choice(SOFT_ENDINGS)
        )
    parts = []
    for _ in range(rng.randint(low, high)):
        parts.append(rng.choice(ONSETS) + rng.choice(VOWELS) + (rng.choice(CODAS) if rng.random() < 0.4 else ""))
    if rng.random() < 0.3:
        parts[-1] = rng.choice(ONSETS) + rng.choice(ENDINGS)
    return "".join(parts)


def surname(rng: random.Random) -> str:
    """A family name, known or invented."""
    return rng.choice(LAST) if rng.random() < 0.4 else pseudo(rng, 1, 3).capitalize()


def person(rng: random.Random) -> str:
    """A person's name."""
    first = rng.choice(FIRST) if rng.random() < 0.6 else pseudo(rng, 1, 2).capitalize()
    roll = rng.random()
    if roll < 0.65:
        return f"{first} {surname(rng)}"
    if roll < 0.8:
        return f"{rng.choice(TITLES)} {surname(rng)}"
    if roll < 0.87:
        return f"{rng.choice(TITLES)} {first} {surname(rng)}"
    if roll < 0.92:
        return f"{first} {rng.choice(string.ascii_uppercase)}. {surname(rng)}"
    return first if roll < 0.96 else f"{first} {rng.choice(('van der', 'de', 'von', 'O’', 'Mac'))} {surname(rng)}"


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
    )
    return rng.choice(choices)


MONTHS = ("January February March April May June July August September October November December").split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


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
    return f"{number(rng)} {rng.choice(UNITS)}"


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
            f"the {rng.choice(('cellar attic pantry stable boathouse tower crypt kitchen greenhouse loft').split())}",
            f"room {rng.randint(1, 900)}",
            f"the {rng.choice(['first', 'second', 'third', 'fourth', 'ninth'])} floor",
            f"Building {rng.choice(string.ascii_uppercase)}",
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


VALUES = {
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


def identifier(rng: random.Random) -> str:
    """A name as programmers write it."""
    parts = [pseudo(rng, 1, 2) if rng.random() < 0.5 else rng.choice(CODE_WORDS) for _ in range(rng.randint(1, 3))]
    roll = rng.random()
    if roll < 0.5:
        return ("_" if rng.random() < 0.15 else "") + "_".join(parts)
    if roll < 0.85:
        return "".join(part.capitalize() for part in parts)
    return parts[0] + "".join(part.capitalize() for part in parts[1:])


CODE_WORDS = (
    "get set load save read write parse build make find open close send recv handle update check run start "
    "stop init user file path name config buffer cache queue token node tree list map table index item value "
    "key data http url client server request response session error stream event task job worker pool lock "
    "timer error test case base abstract default async sync text json xml csv html image frame block chunk "
    "line word char byte max min sum size"
).split()
