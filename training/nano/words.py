"""Names, attributes and values to make facts of: mostly invented, so that nothing can be known by heart."""

# ruff: noqa: SIM905

from __future__ import annotations

import random
import string
from collections.abc import Sequence

import written

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

# The words that were written later; REAL_NAMES are whole names, PHRASES whole values.
MORE = written.sections("words")
REAL_NAMES, PHRASES, UNITS = MORE["real_names"], MORE["phrases"], MORE["units"]
for _words, _more in ((FIRST, "first"), (LAST, "last"), (TITLES, "titles"), (PLACE_BEFORE, "place_before"),
                      (PLACE_AFTER, "place_after"), (THING_BEFORE, "thing_before"), (THING_AFTER, "thing_after"),
                      (ADJECTIVES, "adjectives"), (NOUNS, "nouns"), (MODIFIERS, "modifiers")):  # fmt: skip
    _words += MORE[_more]

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
    "hours": [
        "hours", "opening hours", "visiting hours", "office hours", "business hours", "shift", "slot", "time slot",
        "window", "service window", "maintenance window", "backup window", "session", "season", "rota", "timetable",
        "lunch break", "feeding times", "rehearsal times", "surgery hours", "trading hours", "quiet hours",
    ],
    "address": [
        "address", "postal address", "street address", "home address", "delivery address", "billing address", "office",
        "forwarding address", "mailing address", "registered office", "head office", "place of business",
    ],
    "email": ["email", "e-mail", "email address", "e-mail address", "contact email", "mail alias", "mailbox", "inbox"],
    "phone": ["phone number", "telephone number", "phone", "telephone", "extension", "hotline", "fax number", "mobile"],
    "web": ["website", "home page", "hostname", "domain", "URL", "link", "server", "endpoint", "gateway", "mirror"],
    "path": ["path", "log path", "config path", "log file", "config file", "data folder", "backup file", "key file"],
}  # fmt: skip
for _kind in [*HEADS, "contact"]:
    HEADS.setdefault(_kind, []).extend(MORE.get(f"heads {_kind}", []))
KINDS = list(HEADS)


MONTHS = ("January February March April May June July August September October November December").split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
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
    if roll < 0.94:
        return first + " " + rng.choice(["O'", "D'", "Mc"]) + surname(rng)
    return first if roll < 0.97 else f"{first} {rng.choice(('van der', 'de', 'von', 'O’', 'Mac'))} {surname(rng)}"


def identifier(rng: random.Random, real: Sequence[str] = ()) -> str:
    """A name as programmers write it; of `real` words, where there are some."""
    parts = [
        rng.choice(real) if real else pseudo(rng, 1, 2) if rng.random() < 0.5 else rng.choice(CODE_WORDS)
        for _ in range(rng.choice((1, 1, 2, 2, 3, 3, 4)))
    ]
    roll = rng.random()
    if roll < 0.5:
        around = rng.choices(("", "_", "__"), (70, 14, 16))[0]
        return around + "_".join(parts) + (around if around == "__" and rng.random() < 0.8 else "")
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
