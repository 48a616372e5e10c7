"""Names, values, sentences and questions, written without sight of the training's or the other sets'."""

from __future__ import annotations

import random

NAMES: list[str] = [
    "Oswin Tarrabel",
    "Hedda Quillfeather",
    "Ignatius Moorsby",
    "Pelin Aksarovic",
    "Thandeka Brühl",
    "Lucjan Wyrzbicki",
    "Marguerite Dunslow",
    "Desta Okonberg",
    "Yaroslava Finch-Hatter",
    "Corvin Eddlestone",
    "Ngaire Tolliver",
    "Bartholomew Sykesworth",
    "Ximena Larraquil",
    "Sigrun Aldebrand",
    "Teodor Vasquenne",
    "Anoushka Pellworth",
    "Dr. Ruben Castelmark",
    "Sister Eulalia Prewitt",
    "Captain Jorun Hale",
    "Mrs. Abernook",
    "Wenna Trevorrick",
    "Kofi Lanterman",
    "Ottoline Graspe",
    "Fumiko Ardane",
    "Professor Leopold Zink",
    "Skerrivane",
    "Lower Tunstead Magna",
    "Hollow Kettering",
    "Puerto Almizcle",
    "Vrbanje Dol",
    "Saint-Orens-le-Vieux",
    "Mount Drevik",
    "Lake Ossowa",
    "Cape Lindry",
    "Nether Wibbleton",
    "Ashgrove Junction",
    "Qasr el-Hamdun",
    "Brackenfell",
    "Isle of Torvay",
    "Grünwaldau",
    "MV Patient Heron",
    "SS Coriander",
    "HMS Undaunted Wren",
    "Marigold II",
    "Stella Borealis",
    "RV Anton Dohlen",
    "Kittiwake's Folly",
    "Ocean Tamarisk",
    "Duchess of Arle",
    "Nordlys Pioneer",
    "Farrow & Pike Ltd",
    "Quantrell Logistics",
    "Zephyrine Foods",
    "Bexmoor Analytics",
    "Hokuto Seimitsu KK",
    "Obsidian Loom GmbH",
    "Tidewrack Brewing Co",
    "Marlowe Sisters Bakery",
    "Cindergate Capital",
    "Andromeda Plumbing",
    "Vellichor Press",
    "Ruiz-Ocampo Ceramics",
    "Northlight Dental",
    "Kestrelby Insurance",
    "Pampas Freight Union",
    "LumiKettle 300",
    "AeroSprig Mini",
    "Dustvane Pro",
    "Tempo-Grind 9",
    "Frostbyte Cooler X2",
    "SilkRoute Backpack",
    "Yonder Tent",
    "Helix Toaster Duo",
    "GlowMoth Lamp",
    "Nimbus Crib",
    "Wexcombe Hall",
    "Turnpike Observatory",
    "Villa Serafine",
    "Old Malthouse Theatre",
    "Tollbooth Seven",
    "Hangar Eleven",
    "Rookhope Priory",
    "Alcázar de Peñafria",
    "Pavilion Kirsebær",
    "Unit 14B Carrow Estate",
    "Pump Station Delta",
    "Kiln No. 6",
    "Loom Wilhelmina",
    "Turbine T-408",
    "Crane Goliath West",
    "Press Line Omega",
    "Robot Arm Cicero",
    "Conveyor 22-North",
    "Boiler Agatha",
    "Centrifuge Q-Seven",
    "Project Saltmarsh",
    "Operation Paper Lantern",
    "Programme Ikarus",
    "Initiative Blue Thistle",
    "Study HORIZON-77",
    "Mission Perigee",
    "Campaign Warm Winter",
    "Expedition Halvorsen",
    "Trial LUNETTE",
    "Project Undertow",
    "gristmill",
    "PocketLedger",
    "tarnish-db",
    "Octavo Reader",
    "sparrowctl",
    "Meridian CRM",
    "libfennel",
    "NightOwl Scheduler",
    "quokka-proxy",
    "Cartulary",
    "intake_2029_final.xlsx",
    "ledger-north.csv",
    "orbit_notes.md",
    "Thornbury Otters",
    "Team Basalt",
]

_FIRST: list[str] = [
    "Alma",
    "Bertrand",
    "Celeste",
    "Dmitri",
    "Eshe",
    "Florian",
    "Gwenllian",
    "Hiroshi",
    "Imelda",
    "Jasper",
    "Katya",
    "Lorcan",
    "Mirela",
    "Nikolai",
    "Oona",
    "Percival",
    "Rukmini",
    "Sven",
    "Tomasina",
    "Ulrich",
    "Vesna",
    "Winifred",
    "Yusuf",
    "Zelda",
    "Aurelio",
    "Brid",
    "Emeka",
    "Giulia",
    "Hamish",
    "Noor",
]
_LAST: list[str] = [
    "Abingfold",
    "Benedek",
    "Chaudhary",
    "Delacroix",
    "Entwhistle",
    "Fjordgaard",
    "Gallowglass",
    "Haruna",
    "Ivanhoff",
    "Jankowiak",
    "Kirkbride",
    "Lindqvist",
    "Mbeki-Jones",
    "Nightingale",
    "O'Shaughnessy",
    "Pomfret",
    "Quennell",
    "Rasmussen",
    "Stavros",
    "Tremayne",
    "Umarov",
    "Vandermeer",
    "Whitlock",
    "Yardley",
    "Zamora",
    "de Witt",
]
_TOWN: list[str] = [
    "Aldermouth",
    "Bramwick",
    "Castel Verro",
    "Dunharrow",
    "Eskilby",
    "Fort Lisle",
    "Glenorchard",
    "Hexley",
    "Imberton",
    "Jarvenpoint",
    "Kilmoran",
    "Lutterford",
    "Montaigu Bay",
    "New Sarov",
    "Ostermund",
    "Pikeville Cross",
    "Queensferry",
    "Appledrum",
    "Belmarsh",
    "Corrigan",
    "Dovrefoss",
    "Elmstead",
    "Farnley",
    "Gravenholt",
    "Harrowgate",
    "Iskandar",
    "Juniville",
    "Kettlewick",
    "Langosta",
    "Mirabeau",
    "Nordhavn",
    "Oakhanger",
    "Penmarris",
    "Quillota",
    "Rosmarin",
    "Rathdown",
    "Sandoval",
    "Tarnow Heath",
    "Upper Slaithe",
    "Vallombra",
    "Wrenbury",
    "Yarrowdale",
    "Zelhem",
]
_STREET: list[str] = [
    "Candlemaker Row",
    "Saddlers Lane",
    "Rue des Tanneurs",
    "Birchwood Avenue",
    "Fishgate",
    "Mill Bank",
    "Larkspur Close",
    "Kastanienallee",
    "Quarry Road",
    "Admiral Street",
    "Via Romarino",
    "Beacon Hill",
    "Weaver Court",
    "Station Parade",
]
_WORD: list[str] = [
    "amber",
    "bison",
    "cobalt",
    "dapple",
    "ember",
    "fathom",
    "gannet",
    "hazel",
    "inkwell",
    "juniper",
    "kelp",
    "lantern",
    "magpie",
    "nettle",
    "orchid",
    "pebble",
    "quartz",
    "raven",
    "saffron",
    "thimble",
    "umber",
    "velvet",
    "walnut",
    "yonder",
    "zinnia",
    "barley",
    "copper",
    "driftwood",
    "falcon",
    "mosaic",
]
_COLOUR: list[str] = [
    "green",
    "blue",
    "red",
    "yellow",
    "grey",
    "teal",
    "maroon",
    "ochre",
    "ivory",
    "violet",
    "turquoise",
    "burgundy",
]
_SHADE: list[str] = ["pale", "deep", "bright", "dusty", "smoky", "matt", "dull", "glossy", "faded", "dark", "light"]
_MONTH: list[str] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_UPPER: str = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGIT: str = "0123456789"
_HEX: str = "0123456789abcdef"


def _draw(rng: random.Random, alphabet: str, length: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(length))


def _shape(rng: random.Random, pattern: str) -> str:
    """Fill a pattern: # a digit, % a digit that is not nought, @ a capital letter, ~ a hexadecimal digit, ! a hash."""
    sets = {"#": _DIGIT, "%": _DIGIT[1:], "@": _UPPER, "~": _HEX, "!": "#"}
    return "".join(rng.choice(sets[mark]) if mark in sets else mark for mark in pattern)


def _person(rng: random.Random) -> str:
    form = rng.random()
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    if form < 0.15:
        return f"{rng.choice(['Mr', 'Mrs', 'Ms', 'Dr'])} {last}"
    if form < 0.35:
        return f"{first} {rng.choice(_UPPER)}. {last}"
    return f"{first} {last}"


def _date(rng: random.Random, low: int, high: int) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(low, high)
    form = rng.randrange(6)
    if form == 0:
        return f"{year}-{month:02d}-{day:02d}"
    if form == 1:
        return f"{_MONTH[month - 1]} {day}, {year}"
    if form == 2:
        return f"{day:02d}/{month:02d}/{year}"
    if form == 3:
        return f"{day:02d}.{month:02d}.{year}"
    return f"{day} {_MONTH[month - 1]} {year}"


def _clock(rng: random.Random) -> str:
    hour, minute, form = rng.randint(0, 23), rng.randint(0, 59), rng.randrange(4)
    if form == 0:
        return f"{hour % 12 or 12}:{minute:02d} {'am' if hour < 12 else 'pm'}"
    if form == 1:
        return f"{hour:02d}{minute:02d} hours"
    return f"{hour:02d}:{minute:02d}"


def _money(rng: random.Random, low: int, high: int) -> str:
    whole = rng.randint(low, high if rng.random() < 0.5 else low * 10)
    form = rng.randrange(6)
    if form == 0:
        return f"€{whole:,}"
    if form == 1:
        return f"${whole:,}.{rng.randint(0, 99):02d}"
    if form == 2:
        return f"{whole:,} {rng.choice(['kroner', 'guilders', 'francs', 'rupees', 'pesos'])}"
    if form == 3:
        return f"{rng.choice(['USD', 'CHF', 'EUR', 'SEK'])} {whole}.{rng.randint(0, 99):02d}"
    return f"£{whole:,}"


def _place(rng: random.Random) -> str:
    town = rng.choice(_TOWN)
    return town if " " in town else rng.choice(["", "", "North ", "Little ", "New ", "Great "]) + town


def _address(rng: random.Random) -> str:
    house = f"{rng.randint(1, 240)}{rng.choice(['', '', '', 'a', 'B'])}"
    return f"{house} {rng.choice(_STREET)}, {rng.choice(_TOWN)}"


def _domain(rng: random.Random) -> str:
    ending = rng.choice(["example", "org", "net", "co", "io"])
    return f"{rng.choice(_WORD)}{rng.choice(['', '-'])}{rng.choice(_WORD)}.{ending}"


def _email(rng: random.Random) -> str:
    left = rng.choice(
        [
            f"{rng.choice(_FIRST).lower()}.{rng.choice(_LAST[:9]).lower()}",
            f"{rng.choice(_WORD)}{rng.randint(2, 99)}",
            f"{rng.choice(['help', 'office', 'desk', 'accounts'])}+{rng.choice(_WORD)}",
        ]
    )
    return f"{left}@{_domain(rng)}"


def _path(rng: random.Random, leaf: str) -> str:
    one, two = rng.sample(_WORD, 2)
    form = rng.randrange(3)
    if form == 0:
        return f"/{rng.choice(['srv', 'opt', 'var/lib', 'mnt', 'home'])}/{one}/{two}{leaf}"
    if form == 1:
        return f"{rng.choice('CDEF')}:\\{one.title()}\\{two}{rng.randint(1, 40)}" + leaf.replace("/", "\\")
    return f"~/{one}_{two}/{rng.randint(2, 88)}{leaf}"


def _title(rng: random.Random) -> str:
    one, two = (word.title() for word in rng.sample(_WORD, 2))
    return rng.choice(
        [
            f"The {one} Year",
            f"A Season of {one}",
            f"{one} and {two}",
            f"Letters from {rng.choice(_TOWN)}",
            f"{one} at Dusk",
            f"What the {one} Knew",
            f"Farewell to {rng.choice(_TOWN)}",
            f"No More {one}",
            f"{rng.choice(_FIRST)} Under Glass",
            f"Seven Nights in {rng.choice(_TOWN)}",
            f"The {one} Keeper's Daughter",
            f"Towards a Theory of {two}",
        ]
    )


def _phrase(rng: random.Random) -> str:
    one, two = rng.sample(_WORD, 2)
    return rng.choice(
        [
            f"Steady as {one}, quick as {two}",
            f"We mend what {two} breaks",
            f"First the {one}, then the {two}",
            f"Never trust a {one} on {rng.choice(['Monday', 'Friday', 'Sunday'])}",
            f"Light the {one} and hold the door",
            f"By {one} and by {two}",
            f"Always one {two} ahead",
            f"{one.title()} before breakfast",
            f"Honest {one} since {rng.randint(1801, 1999)}",
            f"Ask the {two}, not the {one}",
            f"Per {one} ad {two}",
            f"Keep calm and carry {two}",
        ]
    )


def _spot(rng: random.Random) -> str:
    nth = rng.choice(["second", "third", "fourth", "last", "loose", "left-hand", "broken"])
    return rng.choice(
        [
            f"behind the {nth} radiator",
            f"under the {nth} flagstone",
            f"inside the {rng.choice(_COLOUR)} biscuit tin",
            f"beneath the {rng.choice(_COLOUR)} bench in {rng.choice(_TOWN)}",
            f"taped below drawer {rng.randint(2, 60)}",
            f"between pages {rng.randint(10, 99)} and {rng.randint(100, 400)} of the atlas",
            f"in the {nth} pigeonhole at {rng.choice(_TOWN)}",
        ]
    )


def _colour(rng: random.Random) -> str:
    main, trim = rng.sample(_COLOUR, 2)
    base = f"{rng.choice(_SHADE)} {main}"
    return f"{base} with {trim} trim" if rng.random() < 0.3 else base


def _measure(rng: random.Random, low: float, high: float, places: int, unit: str) -> str:
    return f"{rng.uniform(low, high):.{places}f}{unit}"


def _dish(rng: random.Random) -> str:
    return (
        rng.choice(["smoked", "braised", "pickled", "roast", "candied", "charred", "salted"])
        + " "
        + rng.choice(["eel", "quail", "celeriac", "mackerel", "aubergine", "goat", "plum", "turnip"])
        + " with "
        + rng.choice(["sorrel", "black garlic", "horseradish", "quince", "burnt butter", "juniper", "hazelnuts"])
    )


def _reason(rng: random.Random) -> str:
    return (
        rng.choice(
            ["cracked", "corroded", "misaligned", "frozen", "overheated", "blocked", "flooded", "short-circuited"]
        )
        + " "
        + rng.choice(["inlet valve", "fuse box", "rear axle", "drain pipe", "cooling fan", "gasket", "relay board"])
        + " "
        + rng.choice(["on deck 2", "in bay 5", "near the exit", "at the north end", "in the basement"])
    )


def _hymn(rng: random.Random) -> str:
    verb = rng.choice(
        ["Rise", "Awake", "Come Forth", "Sing Out", "Draw Near", "Rejoice", "Be Still", "Shine On", "Walk"]
    )
    noun = rng.choice(
        ["Morning", "Pilgrim", "Valley", "Hills", "Stranger", "Evening Star", "Mariner", "Harvest", "Shore"]
    )
    return rng.choice(
        [
            f"{verb} O {rng.choice(['Weary', 'Gentle', 'Silent', 'Golden', 'Faithful', 'Distant'])} {noun}",
            f"{verb} with Me Upon the {noun}",
            f"How {rng.choice(['Bright', 'Deep', 'Fair'])} the {noun}",
        ]
    )


def _topic(rng: random.Random) -> str:
    what = rng.choice(
        [
            "Guild disputes",
            "Lichen growth",
            "Vowel shift",
            "Grain prices",
            "Tidal erosion",
            "Bat migration",
            "Court music",
            "Peat fires",
            "Rural credit",
            "Glass making",
        ]
    )
    return rng.choice(
        [
            f"{what} in {rng.choice(_TOWN)} after {rng.randint(1420, 1990)}",
            f"A short history of {what.lower()}",
            f"{what} around {rng.choice(_TOWN)}",
            f"{what} during the {rng.randint(14, 19)}th century",
        ]
    )


def _identifier(rng: random.Random) -> str:
    return "_".join([rng.choice(["enable", "use", "allow", "skip", "legacy", "beta"]), *rng.sample(_WORD, 2)])


_SHAPES: dict[str, list[str]] = {
    "alarm PIN": ["####", "######"],
    "locker combination": ["##-##-##", "# # # #", "##R ##L ##R"],
    "serial number": ["@@-#####-@", "SN#########", "@##@-####-##"],
    "licence plate": ["@@## @@@", "@@@-####", "% @@@ ###"],
    "booking reference": ["@#@@#@", "@@@@@@", "#@@#@#"],
    "purchase order": ["PO-######", "45########", "PO/##/####"],
    "invoice number": ["INV-20##-####", "RE####/##", "#######-@"],
    "tariff code": ["####.##.##", "#### ## ##"],
    "shelf mark": ["@@ ###.@# 19##", "MS. @@@. ##", "###.## @@@"],
    "docket number": ["#:##-cv-#####", "@ ###/##", "20##-@@-####"],
    "commit hash": ["~~~~~~~", "~~~~~~~~~~~~"],
    "checksum": ["~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~", "~~~~~~~~"],
    "release tag": ["v%.##.#", "v%.#.#-rc%", "20##.0%.%"],
    "firmware version": ["%.#.##", "@%.#.####", "%.##b#"],
    "MAC address": ["~~:~~:~~:~~:~~:~~", "~~-~~-~~-~~-~~-~~"],
    "IPv4 address": ["10.%#.1##.%#", "192.168.%#.%#", "172.16.%.1##"],
    "listening port": ["%###", "3####"],
    "phone extension": ["%###", "x%##"],
    "fax line": ["+%# ## ### ####", "(0###) ### ###", "0###-######"],
    "radio callsign": ["@%@@@", "@@#@@", "@@@@%"],
    "grid reference": ["@@ ### ###", "@@ #### ####", "##@ @@ ##### #####"],
    "postcode": ["@@% %@@", "#####", "#### @@", "@#@ #@#"],
    "sort code": ["##-##-##"],
    "bank account": ["GB## @@@@ #### #### #### ##", "########", "DE## #### #### #### #### ##"],
    "passport number": ["@########", "@@#######", "#########"],
    "membership number": ["M-#####", "####/@@", "@@@####"],
    "flight number": ["@@%##", "@@ %###"],
    "room number": ["%##", "%.##", "@-%##"],
    "parking bay": ["@##", "Level % bay ##", "@@-%#"],
    "berth": ["Pier % slip ##", "@%#", "Quay @ no. %#"],
    "plot number": ["%#/@", "###-%", "@ %##"],
    "ISBN": ["978-#-####-####-#", "978##########"],
    "opus number": ["Op. %#", "Op. %# no. %", "WoO %#"],
    "API token": ["sk_~~~~~~~~~~~~~~~~", "@@@@-~~~~~~~~-####", "~~~~~~~~.~~~~~~"],
    "licence key": ["@@@@@-#####-@@@@@-#####", "####-@@@@-####-@@@@"],
    "paint shade": ["RAL %###", "NCS S ####-@##@", "Pantone %## C"],
    "web colour": ["!~~~~~~"],
    "error code": ["E-####", "0x~~~~~~~~", "@@@_####"],
    "final score": ["%–#", "%#:##", "1##–##"],
    "finishing time": ["%:0#:1#", "0#:4#.##", "1#.## seconds"],
    "tracking number": ["@@ ### ### ### @@", "1Z~~~~####", "##########"],
    "patent number": ["US %,###,###", "EP %######", "GB#######"],
    "vaccination lot": ["@@####", "#@###@", "LOT ####-@"],
    "aspect ratio": ["1%:%", "%.##:1"],
    "chassis code": ["@@@#@@##@########", "@@%#-######"],
}
_PEOPLE: list[str] = [
    "night porter",
    "chief engineer",
    "founding editor",
    "understudy",
    "godmother",
    "legal counsel",
    "account manager",
    "landlord",
    "lead soprano",
    "harbour pilot",
    "piano tuner",
    "emergency contact",
    "veterinarian",
    "court interpreter",
    "previous owner",
    "thesis supervisor",
    "stage manager",
    "data steward",
    "treasurer",
    "choirmaster",
]
_DATES: dict[str, tuple[int, int]] = {
    "launch date": (1931, 2039),
    "expiry date": (2019, 2052),
    "last inspection": (1988, 2031),
    "next audit": (2024, 2047),
    "decommissioning date": (1964, 2058),
    "renewal deadline": (2021, 2049),
    "first rehearsal": (1902, 2036),
    "day of signing": (1811, 2033),
    "wedding day": (1889, 2034),
}
_CLOCKS: list[str] = ["curfew", "check-in time", "high tide", "feeding hour", "boarding time", "shift change"]
_MONEYS: dict[str, tuple[int, int]] = {
    "annual rent": (2400, 480_000),
    "reserve price": (90, 2_000_000),
    "insured value": (800, 9_000_000),
    "outstanding debt": (310, 700_000),
    "catering budget": (150, 64_000),
    "entry fee": (3, 240),
    "scrap value": (40, 19_000),
    "quarterly turnover": (8000, 40_000_000),
}
_PLACES: list[str] = ["port of registry", "birthplace", "burial ground", "twin town", "winter quarters"]
_ADDRESSES: list[str] = ["street address", "registered office", "dispatch depot"]
_EMAILS: list[str] = ["support mailbox", "billing e-mail", "press contact"]
_TITLES: list[str] = ["debut novel", "working title", "theme song"]
_PHRASES: list[str] = ["motto", "epitaph", "bell inscription"]
_COLOURS: list[str] = ["door colour", "livery", "ribbon shade"]
_SPOTS: list[str] = ["hiding place", "spare key location"]
_PATHS: dict[str, str] = {
    "log directory": "/logs",
    "config file": ".toml",
    "backup path": ".tar.gz",
    "export folder": "",
}
_MEASURES: dict[str, tuple[float, float, int, str]] = {
    "hull length": (9, 210, 2, " m"),
    "gross weight": (110, 9900, 0, " kg"),
    "cruising altitude": (4000, 41000, 0, " ft"),
    "ceiling height": (2.1, 14, 2, " metres"),
    "tank capacity": (35, 9000, 0, " litres"),
    "torque setting": (8, 290, 1, " Nm"),
    "oven temperature": (140, 260, 0, " °C"),
    "top speed": (21, 460, 0, " km/h"),
    "annual rainfall": (120, 2900, 0, " mm"),
    "half-life": (1, 90, 2, " hours"),
    "sampling rate": (8, 192, 1, " kHz"),
    "battery life": (110, 3000, 0, " minutes"),
    "wheel diameter": (12, 190, 1, " cm"),
    "radio frequency": (88, 470, 3, " MHz"),
    "interest rate": (0.2, 14, 2, "%"),
    "latitude": (3, 69, 4, "° N"),
    "request timeout": (120, 90000, 0, " ms"),
    "cache size": (16, 4096, 0, " MiB"),
    "response rate": (8, 97, 1, " per cent"),
    "visitor total": (900, 950000, 0, ""),
    "print run": (150, 80000, 0, " copies"),
    "seating capacity": (40, 61000, 0, ""),
}
_OTHERS: list[str] = [
    "door passphrase",
    "Wi-Fi password",
    "hostname",
    "webhook URL",
    "database name",
    "feature flag",
    "signature dish",
    "cause of failure",
    "dosage",
    "blood pressure",
    "maintenance window",
    "safe word",
    "nickname",
    "map scale",
    "cron schedule",
    "opening hymn",
    "thesis topic",
]

ATTRIBUTES: list[str] = [
    *_SHAPES,
    *_PEOPLE,
    *_DATES,
    *_CLOCKS,
    *_MONEYS,
    *_PLACES,
    *_ADDRESSES,
    *_EMAILS,
    *_TITLES,
    *_PHRASES,
    *_COLOURS,
    *_SPOTS,
    *_PATHS,
    *_MEASURES,
    *_OTHERS,
]


def _other(rng: random.Random, attribute: str) -> str:
    one, two, three = rng.sample(_WORD, 3)
    if attribute == "door passphrase":
        return rng.choice(
            [f"{one} {two} {three}", f"{one}-{two}-{three}", f"{one.title()}{two.title()}{rng.randint(10, 99)}"]
        )
    if attribute == "Wi-Fi password":
        return f"{one}{rng.choice('!$%*_=')}{_draw(rng, _DIGIT, 3)}{rng.choice([two, two.upper()])}"
    if attribute == "hostname":
        return rng.choice(
            [f"{one}-{rng.randint(1, 40):02d}.{_domain(rng)}", f"{one}{rng.randint(2, 99)}", f"{one}.{two}.internal"]
        )
    if attribute == "webhook URL":
        return f"https://{_domain(rng)}/{rng.choice(['hooks', 'in', 'v2/notify'])}/{_draw(rng, _HEX, 8)}"
    if attribute == "database name":
        return f"{one}_{rng.choice(['prod', 'staging', 'archive', 'eu', two])}{rng.choice(['', '_v2', '_2031'])}"
    if attribute == "feature flag":
        return _identifier(rng)
    if attribute == "signature dish":
        return _dish(rng)
    if attribute == "cause of failure":
        return _reason(rng)
    if attribute == "dosage":
        often = rng.choice(["once daily", "twice daily", "every 6 hours", "every 8 hours", "at bedtime", "with meals"])
        return f"{rng.choice([2.5, 5, 7.5, 15, 35, 40, 60, 125, 250])} {rng.choice(['mg', 'ml', 'mcg'])} {often}"
    if attribute == "blood pressure":
        return f"{rng.randint(98, 181)}/{rng.randint(56, 109)}{rng.choice(['', ' mmHg'])}"
    if attribute == "maintenance window":
        start = rng.randint(0, 20)
        opens = f"{start:02d}:{rng.choice(['05', '15', '30', '50'])}"
        ends = f"{opens}–{start + rng.randint(1, 3):02d}:{rng.choice(['00', '20', '45'])}"
        return f"{rng.choice(['Sundays ', 'Tuesdays ', 'Thursdays ', ''])}{ends}{rng.choice(['', ' UTC'])}"
    if attribute == "cron schedule":
        minute = rng.choice([f"{rng.randint(0, 59)}", f"*/{rng.choice([5, 10, 15, 20])}", f"{rng.randint(0, 29)}-59/7"])
        day = rng.choice(["* * *", "1 * *", "* * 0", "* * 1-5", "15 * *", "* 6 *"])
        return f"{minute} {rng.randint(0, 23)} {day}"
    if attribute == "opening hymn":
        return _hymn(rng)
    if attribute == "thesis topic":
        return _topic(rng)
    if attribute == "safe word":
        return rng.choice([one, f"{one} {two}", f"{one}{two}", one.upper()])
    if attribute == "nickname":
        return rng.choice(
            [
                f"Old {one.title()}",
                f"{one.title()}-{rng.choice(['Foot', 'Nose', 'Tooth', 'Whiskers'])}",
                f"{one.title()} {rng.choice(_FIRST)}",
                f"Little {two.title()}",
                f"The {one.title()} of {rng.choice(_TOWN)}",
            ]
        )
    return f"1:{rng.randint(2, 999) * rng.choice([5, 50, 250, 1000]):,}"


def value(rng: random.Random, attribute: str) -> str:
    """An invented value that suits the attribute, drawn from rng alone."""
    if attribute in _SHAPES:
        return _shape(rng, rng.choice(_SHAPES[attribute]))
    if attribute in _MEASURES:
        return _measure(rng, *_MEASURES[attribute])
    if attribute in _PATHS:
        return _path(rng, _PATHS[attribute])
    if attribute in _OTHERS:
        return _other(rng, attribute)
    if attribute in _DATES:
        return _date(rng, *_DATES[attribute])
    if attribute in _MONEYS:
        return _money(rng, *_MONEYS[attribute])
    for kinds, maker in (
        (_CLOCKS, _clock),
        (_PLACES, _place),
        (_ADDRESSES, _address),
        (_EMAILS, _email),
        (_TITLES, _title),
        (_PHRASES, _phrase),
        (_COLOURS, _colour),
        (_SPOTS, _spot),
    ):
        if attribute in kinds:
            return maker(rng)
    return _person(rng)


FACTS: list[str] = [
    "For {name}, the {attribute} is {value}.",
    "{name}'s {attribute} was given to us as {value}.",
    "{name} ({attribute}: {value}) remains on the active list.",
    "{attribute} of {name}: {value}",
    "According to the survey of last spring, the {attribute} for {name} is now {value}.",
    'We checked twice, and the {attribute} on record for {name} is still "{value}".',
    "| {name} | {attribute} | {value} | confirmed |",
    "0093\t{name}\t{attribute}\t{value}\tseen, M.O.",
    '0417,"{name}","{attribute}","{value}","ok"',
    '2033-02-11 06:48:19 INFO  record saved subject="{name}" key="{attribute}" val="{value}"',
    '<detail subject="{name}" kind="{attribute}">{value}</detail>',
    "- **{name}** (page 12), {attribute}: `{value}`",
    'Item 6. It was noted that the {attribute} of {name} had been entered as "{value}", and nobody objected.',
    (
        "Dear colleague, you asked about {name}; in our books the {attribute} reads "
        '"{value}". Kind regards, the archive.'
    ),
    "Note to self: {name}, {attribute} = {value}",
    "Contrary to what the brochure claims, the correct {attribute} of {name} is {value}.",
    'Entry 88: {name}. Under {attribute} the clerk has written "{value}" in a neat hand.',
    "Please remember that {name} has a new entry under {attribute}, and it is this: {value}.",
    "The {attribute} listed for {name} is {value}.",
    "Since nobody had ever written down the {attribute} of {name}, I will do it here: {value}.",
    "Subject: {name}. Hi all, quick answer to yesterday's thread, the {attribute} is {value}.",
    'If a visitor wants to know the {attribute} of {name}, say "{value}" and nothing else.',
    "See also {name} [{attribute}: {value}], volume four.",
    "When the form for {name} came back, the box marked {attribute} contained only this: {value}.",
    'Ticket 5521 (closed): wrong {attribute} shown for {name}; the page now shows "{value}" as it should.',
    "Q: And the {attribute} of {name}? A: {value}.",
    '"{value}" is what the plaque gives as the {attribute} of {name}.',
    "{value} <- {attribute}, {name} (copied from the whiteboard)",
    "Section 3.2 of the handbook lists, beside {name}, the following {attribute}: {value}.",
    'The witness was asked for the {attribute} of {name} and replied, without hesitation, "{value}".',
    "My grandmother, who forgot almost everything, never forgot that the {attribute} of {name} was {value}.",
    'SET {attribute} FOR {name} TO "{value}";',
    "row 31 of 90 [{name}] {attribute} => {value}",
    'Correction: in our last issue the {attribute} of {name} was misprinted. It should have read "{value}".',
    "Handover, late shift: all quiet. {name} has been updated, {attribute} now {value}.",
    "There were many questions about {name}, but the one about the {attribute} had a short answer: {value}.",
    'RE: {name} / {attribute} / "{value}" / please file',
    'Until the committee decides otherwise, "{value}" stands as {name}\'s {attribute}.',
    "As far as {name} is concerned, you can look up the {attribute} in the annex, where it is printed as {value}.",
    "Field: {attribute}. Applies to: {name}. Content: {value}",
    (
        "The auditors found only one thing about {name} worth a footnote, namely the "
        '{attribute}, stated there as "{value}".'
    ),
    "PS. Before I forget, you wanted {name}'s {attribute}. Here you go: {value}",
    "Catalogue no. 310, {name}; {attribute} (as supplied): {value}.",
    "Rumours aside, two independent sources put the {attribute} of {name} down as {value}.",
    '$ lookup "{name}" --field "{attribute}" --> {value}',
    "Anyone dealing with {name} this week should know that the {attribute} has changed. The new one is {value}.",
    '{name} has "{value}" as {attribute}.',
    '# {name}: {attribute} -> "{value}" (do not edit by hand)',
    'Mr Speaker, the {attribute} of {name} is a matter of public record, and that record says "{value}".',
    'On the back of the photograph someone had pencilled the {attribute} of {name}: "{value}".',
    'WARNING: the {attribute} configured for {name} differs from the default; using "{value}" instead.',
    'Step 9. When prompted for the {attribute} of {name}, type exactly what stands between these quotes: "{value}".',
    'Though the old index leaves the line blank, the new one supplies {name} with the {attribute} "{value}".',
    "{name} -- summary sheet -- {attribute}: {value} -- reviewed by two persons",
    "Of all the particulars of {name}, only the {attribute} ({value}) survived the fire.",
    "10:42 <mags> anyone got the {attribute} for {name}? 10:43 <pim> yep: {value}",
    "In the case of {name}, use this {attribute}: {value}.",
    'The parties agree that, for the purposes of this contract, the {attribute} of {name} shall be "{value}".',
    'The register shows "{value}" as the {attribute} of {name}.',
    'A late form came in for {name}, with the missing {attribute}. We have filed it as "{value}".',
]

FIND: list[str] = [
    "What is the {attribute} of {name}?",
    "What's {name}'s {attribute}?",
    "{name} {attribute}",
    "{attribute} for {name}?",
    "Tell me the {attribute} of {name}, please.",
    "Which {attribute} does the text give for {name}?",
    "I need {name}'s {attribute}.",
    "Can you find the {attribute} that belongs to {name}?",
    "Somewhere in here it mentions {name}; what does it say the {attribute} is?",
    "Look up {name} and give me the {attribute}.",
    "Hi! I'm filling in a form about {name} and the only thing missing is the {attribute}. Could you check?",
    "{name} - got the {attribute}?",
    "Quote the {attribute} of {name} exactly as written.",
    "Do we have the {attribute} for {name} anywhere?",
    "According to this document, what is the {attribute} recorded for {name}?",
    "My boss wants to know {name}'s {attribute}, and I can't be bothered to read all of this. What is it?",
    "find {attribute} of {name}",
    "Please extract the {attribute} listed under {name}.",
    "With regard to {name}, what {attribute} is stated?",
    "Sorry, I lost my notes. What was the {attribute} of {name} again?",
    "Give me only the {attribute} of {name}, nothing else.",
    "In the text above, {name} is connected with a certain {attribute}. Which one?",
    "How does the text state the {attribute} of {name}?",
    "Would you mind telling me what {name} has as {attribute}?",
    "I'm looking for a detail on {name}, namely the {attribute}.",
    "need the {attribute}, {name}, asap",
    "Search the file for {name} and report the {attribute}.",
    "Could you copy out the {attribute} of {name} for me, character by character?",
    "Is there any word on {name}'s {attribute}? If so, what is it?",
    "What did they put down as the {attribute} for {name}?",
    "If someone asked you for the {attribute} of {name}, what would you answer?",
    "As regards the {attribute}: what is it in the case of {name}?",
    "What value is given for {name} under {attribute}?",
    "What does the author name as the {attribute} of {name}?",
    "Just the {attribute} of {name} will do, thanks.",
    "I remember reading about {name}'s {attribute} but not what it was. Help?",
    "State {name}'s {attribute}.",
    "Complete this sentence from the text: the {attribute} of {name} is ...",
    "Scan everything above; I want to know which {attribute} goes with {name}.",
    "pls what's the {attribute} on {name}",
    "Regarding {name}: please confirm the {attribute}.",
    "Before I call them, remind me of the {attribute} we hold for {name}.",
    "From the material supplied, determine {name}'s {attribute}.",
    "You've read the whole thing, right? So what's the {attribute} of {name}?",
    "Which {attribute} is {name} registered with here?",
    "Let me have the {attribute} pertaining to {name}.",
    "There should be one line about {name} with the {attribute} in it. What does it give?",
    "Answer briefly: {attribute} of {name}.",
    "A customer is on the line about {name} and wants the {attribute}. What shall I say?",
    "Any idea what {name}'s {attribute} might be, going by these pages?",
    "I'd like the {attribute} of {name} verbatim.",
    "Show {attribute} where subject is {name}.",
    "For the record, what does the document have as {attribute} of {name}?",
    "Good morning, may I ask for the {attribute} of {name}?",
    "Where {name} is discussed, what is reported as the {attribute}?",
    "We're arguing over {name}'s {attribute}. Settle it for us from the text.",
    "Fetch the {attribute} for the entry {name}.",
    "The {attribute} of {name}, what is it?",
    "Can the {attribute} of {name} be found in this text, and how does it read?",
    "Don't summarise. I only want to see the {attribute} attached to {name}.",
]

COUNT: list[str] = [
    "How often is {name} mentioned in the text?",
    "How many times does {name} occur?",
    "Count the mentions of {name}.",
    "number of occurrences of {name}?",
    "Give me a tally of every time {name} comes up.",
    "What is the total number of references to {name} by name above?",
    "In this whole document, how many times do we read {name}?",
    "{name}: how many hits?",
    "If I searched the text for {name}, how many matches would I get?",
    "Please work out how frequently {name} appears, as a number.",
    "I'm curious how many times the author brings up {name}.",
    "Does {name} turn up once, twice, or more? Tell me the exact count.",
    "Go through it all and count {name} for me, will you?",
    "The frequency of {name} in this file, please.",
    "Say how many times the words {name} are used.",
    "For my index I need the number of mentions {name} gets.",
    "On how many occasions is {name} named here?",
    "count {name}",
    "How many appearances does {name} make from beginning to end?",
    "Add up all the places that mention {name}; what do you get?",
    "Could you tell me how many instances of {name} there are?",
    "It seems {name} keeps cropping up. How many times exactly?",
    "Mentions of {name} altogether?",
    "With what count does {name} show up in the passage?",
    "Report a single figure: the occurrences of {name} in what I pasted.",
]

MENTIONS: list[str] = [
    "In which lines is {name} mentioned?",
    "Which lines contain {name}?",
    "List the line numbers where {name} appears.",
    "On what lines does the text speak of {name}?",
    "line numbers for {name}?",
    "Give me every line that has {name} in it, by number.",
    "Where does {name} come up? Line numbers will do.",
    "Find all lines mentioning {name}.",
    "I want to highlight {name} throughout; which lines should I go to?",
    "Please locate {name} in the text and tell me the lines.",
    "At which line numbers can {name} be found?",
    "{name}, which lines?",
    "Like grep -n, but numbers only: {name}.",
    "Could you list all the lines in which {name} is named?",
    "Name the lines, by their numbers, that refer to {name}.",
    "I have to replace {name} everywhere. What lines would that touch?",
    "Point me to each line with the words {name}.",
    "Show the positions (lines) of all mentions of {name}.",
    "For an index entry on {name}, which line numbers do I print?",
    "Go line by line and note the numbers of those with {name}.",
    "Numbers of all lines that bring up {name}, please.",
    "What are the lines I'd have to read to catch every reference to {name}?",
    "Does {name} occur anywhere, and if so on which lines?",
    "Make me a list: the lines where someone wrote {name}.",
    "Track down {name} for me; I only need to know the lines it is on.",
]

DEFINITIONS_CLASS: list[str] = [
    "Where is the class {name} defined?",
    "In which file and on which line is class {name} declared?",
    "find definition of class {name}",
    "Which file holds the {name} class, and at what line does it start?",
    "I keep seeing {name} used as a type. Where does the class live?",
    'Locate the statement "class {name}" in this code base.',
    "class {name}: file and line?",
    "Point me to the source of the {name} class.",
    "Someone wrote a class called {name}; where do I find it?",
    "Go to definition: {name} (a class).",
    "Give the path and line number at which {name}, the class, is introduced.",
    "I want to subclass {name}. Where is it implemented?",
    "Can you tell me what module the class {name} comes from, with the line?",
    "What line of what file begins the body of the class named {name}?",
    "Please track down the definition of the Python class {name}.",
    "Show me where {name} is created as a class, not where it is imported.",
    "Location of class {name}, please.",
    "My editor can't jump to the {name} class; at which file:line is it?",
    "Search the folder: where do we define a class by the name of {name}?",
    "I need to add a method to {name}. In what file, at what line, is that class?",
]

DEFINITIONS_FUNCTION: list[str] = [
    "Where is the function {name} defined?",
    "Which file defines {name}(), and on which line?",
    "def {name}: where?",
    "Find me the definition of the function {name}.",
    "On what line of what file does the function called {name} begin?",
    "I'm debugging a call to {name} and need to see the function itself. Where is it?",
    "Tell me the file and line number of the def for {name}.",
    "jump to function {name}",
    "There's a helper function named {name} somewhere in this folder; what's its location?",
    "In which module can I find the implementation of {name}()?",
    "The traceback mentions {name}. Where in the code is that function written?",
    "Please give path and line for the Python function {name}.",
    "Where do we declare {name}, the function? I don't want the callers.",
    "What is the source location of function {name}?",
    "Look through these files for the one that has the function {name}, and say at which line.",
    "I'd like to rename {name}(); where's the def?",
    "Where does {name} get implemented? It's a function, I believe.",
    "Which line should I open to read the body of the function {name}, and in which file?",
    "function {name}, file:line please",
    "Can you locate the function {name} in the repository for me?",
]

CODE_NAMES_CLASS: list[str] = [
    "TideTableParser",
    "InvoiceMerger",
    "QuorumTracker",
    "HoneycombIndex",
    "ShardBalancer",
    "PaletteResolver",
    "FerryTimetable",
    "GlyphAtlasBuilder",
    "RetryEnvelope",
    "SoilSampleReader",
    "NestedLedger",
    "WaveformTrimmer",
    "CouponValidator",
    "BrokerHandshake",
    "MoonPhaseWidget",
    "StaleLeaseReaper",
    "DialectRegistry",
    "CargoManifest",
    "PollenForecast",
    "SnapshotPruner",
    "TokenBucketGate",
    "VineyardPlot",
    "AxisLabelPainter",
    "UndoJournal",
    "KennelRoster",
    "SpectralBinning",
    "AuditTrailSink",
    "PanelLayoutSolver",
    "EchoCanceller",
    "BarcodeStitcher",
    "ReplicaElection",
    "ThermostatPolicy",
    "FootnoteCollector",
    "GeofenceMatcher",
    "LazyColumnView",
    "MeteorLogEntry",
    "OrchardSensor",
    "PacketReorderer",
    "RecipeScaler",
    "SeatMapRenderer",
    "TenantIsolator",
    "UploadThrottle",
    "VoucherMint",
    "WarehouseAisle",
    "YeastGrowthModel",
    "ZoneFileWriter",
    "BackfillPlanner",
    "CipherSuiteProbe",
    "DraftReconciler",
    "ElevatorDispatch",
    "FlakyTestQuarantine",
    "GrammarNode",
    "HydrantMap",
    "IngestCheckpoint",
    "JointTorqueLimit",
    "KeyframeCurve",
    "LoyaltyTierRule",
    "MarginCallAlert",
    "NoiseFloorEstimate",
    "OverdueNoticeMailer",
]

CODE_NAMES_FUNCTION: list[str] = [
    "merge_tide_rows",
    "rotate_signing_keys",
    "clamp_bid_price",
    "unpack_sensor_frame",
    "guess_column_types",
    "drain_mail_queue",
    "render_seat_plan",
    "normalise_postal_line",
    "split_by_quorum",
    "evict_cold_pages",
    "score_candidate_pair",
    "write_audit_stub",
    "fold_duplicate_rows",
    "estimate_snow_load",
    "parse_duty_roster",
    "trim_silent_edges",
    "bind_tenant_scope",
    "schedule_backfill",
    "compare_leaf_hashes",
    "smooth_elevation",
    "route_overflow_calls",
    "attach_footnotes",
    "pick_fallback_font",
    "resample_weekly",
    "load_bird_counts",
    "build_fare_matrix",
    "detect_clock_skew",
    "apply_coupon_stack",
    "quarantine_upload",
    "invert_palette",
    "find_stale_leases",
    "encode_run_lengths",
    "settle_open_orders",
    "project_onto_grid",
    "mask_card_digits",
    "refresh_zone_cache",
    "collect_orphan_blobs",
    "format_ledger_line",
    "wait_for_replica",
    "count_ripe_fruit",
    "expand_wild_rules",
    "lookup_ferry_slot",
    "shrink_thumbnail",
    "verify_ballot_sum",
    "pair_with_thermostat",
    "dump_region_stats",
    "crop_to_horizon",
    "nudge_idle_workers",
    "translate_error_text",
    "plan_pruning_round",
    "extract_hull_points",
    "rank_by_recency",
    "stamp_delivery_note",
    "close_dangling_tags",
    "sum_nested_costs",
    "infer_house_style",
    "ping_upstream_hosts",
    "scatter_test_rows",
    "tokenise_recipe",
    "yield_batched_ids",
]
