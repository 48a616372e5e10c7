"""Held-out wordings, names and values for measuring the model in the box: data only, never trained on."""

import random
from collections.abc import Callable

NAMES: list[str] = [
    "Perpetua Lindqvist",
    "Osric Fennimore",
    "Dr Ottoline Brask",
    "Ignatius Quorn",
    "Wilhelmina Tadge",
    "Sergeant Pell",
    "Aunt Drusilla",
    "Jem Crabtree",
    "Nurse Abernethy",
    "Baroness Thirlby",
    "Tobias Umfreville",
    "Marisol Etxeberria",
    "Kwabena Odoi",
    "Yevgenia Strel",
    "Father Lochlann",
    "Halbeck Mutual",
    "Sprackling and Daughters",
    "Torquay Lamp Works",
    "Nimbus Freight",
    "Ostrander Dental Group",
    "the Wexcombe Infirmary",
    "Pargeter Holdings",
    "the Gudgeon Trust",
    "Bellwether Dairies",
    "Karoo Steam Laundry",
    "Zephyrine Airways",
    "the Tallow Guild",
    "Merrow Savings Bank",
    "Quillfeather Press",
    "the Fenland Choir",
    "Puddlecote",
    "Upper Strathgarve",
    "Cape Marigold",
    "Lake Ishkoday",
    "the Old Corn Exchange",
    "Thistledown Halt",
    "Snuffbox Lane Surgery",
    "Grimble Quay",
    "the Peverell Tunnel",
    "Mount Okanda",
    "MV Corrie Strand",
    "the schooner Evangeline",
    "HMS Tenterhook",
    "the tug Bombardier",
    "the barge Halcyon Sue",
    "the ferry Saint Ronan",
    "the trawler Gannet",
    "the yacht Ptarmigan",
    "the lightship Vesper",
    "the dredger Mudlark",
    "Kettlewise Pro",
    "the Snoreguard pillow",
    "Bramblewick Marmalade",
    "the Zipwright stapler",
    "Luminox Drops",
    "Cardiphen Retard",
    "the Hartwell stove",
    "Plumbago Pencils",
    "Velvetine Shampoo",
    "the Oxbow saddle",
    "Project Hedgerow",
    "Operation Teacosy",
    "the Marshlight study",
    "the Copperleaf trial",
    "Initiative Longshore",
    "the Dovetail merger",
    "Scheme Bluebottle",
    "the Larder appeal",
    "the Northmoor bypass",
    "the Birdbox census",
    "the Wickham loom",
    "the Brunnhilde press",
    "Autoclave Seven",
    "the Tilbrook crane",
    "Harvester Twelve",
    "the paternoster lift",
    "the Geddes kiln",
    "Pump House Alpha",
    "the Stanmore centrifuge",
    "the Rotherby engine",
    "the Ashgrove lease",
    "the Pettifer will",
    "the Mordaunt deed",
    "Exhibit Foxtrot",
    "the Sallow affidavit",
    "the Cheeseman inventory",
    "the Orchard covenant",
    "the burial register",
    "the Yellow Dossier",
    "the tithe map",
    "Biscuit the terrier",
    "the mare Penelope",
    "Old Tom the tortoise",
    "the heifer Buttercup",
    "Sultan the parrot",
    "the Harvest Gala",
    "the Candle Regatta",
    "the Whitsun bazaar",
    "the Quarrymen strike",
    "the Gorse fire",
    "Tregarth v Mumford",
    "Regina v Pobjoy",
    "the Lindow inquest",
    "the Vintner arbitration",
    "the Kestrel hearing",
    "The Drowned Belfry",
    "Sonata for Two Combs",
    "A Gentleman of Smoke",
    "the Ploughboy fresco",
    "Letters to a Cooper",
    "Ravensbourne Harriers",
    "the Muckle Rovers",
    "Clogwell Ladies",
    "the Sandpiper quartet",
    "Inkerman Chess Club",
    "VX-Tamarind",
    "batch Lapwing",
    "docket KLM-Ostrich",
    "flight Juniper",
    "the Pimpernel cipher",
]

_FIRST = [
    "Agnes",
    "Barnaby",
    "Celestine",
    "Dmitri",
    "Eleanor",
    "Farouk",
    "Greta",
    "Hamish",
    "Ines",
    "Joaquim",
    "Katarzyna",
    "Leopold",
    "Mabel",
    "Nikhil",
    "Olwen",
    "Piers",
    "Quentin",
    "Rosalind",
    "Selim",
    "Tamsin",
    "Uma",
    "Vaughan",
    "Winifred",
    "Xenia",
    "Yusuf",
    "Zadie",
    "Chidi",
    "Hiroko",
    "Anneliese",
    "Rupert",
]
_LAST = [
    "Alderson",
    "Battacharya",
    "Cusworth",
    "Delacroix",
    "Eberhardt",
    "Fothergill",
    "Gunnarsson",
    "Hathersage",
    "Ivanova",
    "Jolliffe",
    "Kowalczyk",
    "Lumley",
    "Mbeki",
    "Nakagawa",
    "O'Sullivan",
    "Pumphrey",
    "Raistrick",
    "Santangelo",
    "Tolliver",
    "Urquhart",
    "van der Meer",
    "Wainwright",
    "Yilmaz",
    "Zuckerman",
    "de Souza",
    "St John-Hale",
    "Oyelaran",
    "Petrossian",
    "Blenkinsop",
    "MacAskill",
]
_HONOUR = ["Mr", "Mrs", "Ms", "Dr", "Prof", "Sir", "Dame", "Captain", "Sister", "Judge", "Major", "Canon"]
_MONTHS = [
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
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_TOWNS = [
    "Leicester",
    "Grimsby",
    "Ghent",
    "Aarhus",
    "Valparaíso",
    "Penzance",
    "Odessa",
    "Nairobi",
    "Duluth",
    "Kraków",
    "Inverness",
    "Fremantle",
    "Hobart",
    "Trieste",
    "Izmir",
    "Halifax",
    "Yokohama",
    "Antwerp",
    "Lowestoft",
    "Cork",
    "Santander",
    "Pune",
    "Galveston",
    "Tromsø",
    "Ludlow",
    "Montevideo",
    "Bruges",
    "Port Said",
    "Swansea",
    "Dunedin",
]
_COUNTRIES = [
    "Portugal",
    "Norway",
    "Uruguay",
    "Ghana",
    "Canada",
    "Vietnam",
    "Slovenia",
    "Ireland",
    "Peru",
    "Morocco",
    "Japan",
    "New Zealand",
    "Estonia",
    "Turkey",
    "Kenya",
    "Belgium",
    "South Korea",
    "Chile",
    "Sri Lanka",
    "Austria",
    "Mexico",
    "Iceland",
    "Poland",
    "Jordan",
    "Malta",
]
_STREETS = [
    "Cobbler's Row",
    "High Street",
    "Station Road",
    "Vicarage Close",
    "Mafeking Avenue",
    "Canal Walk",
    "Rue des Lilas",
    "Lindenstraße",
    "Maple Drive",
    "Chandler's Yard",
    "Kirkgate",
    "Lower Mill Lane",
    "Sycamore Crescent",
    "Via Garibaldi",
    "Albert Terrace",
    "Windmill Hill",
    "Commercial Road",
    "Priory Gardens",
]
_COLOURS = [
    "red",
    "green",
    "blue",
    "grey",
    "brown",
    "yellow",
    "white",
    "black",
    "ivory",
    "maroon",
    "navy",
    "ochre",
    "teal",
    "mustard",
    "charcoal",
    "burgundy",
    "turquoise",
    "cream",
    "olive",
    "lilac",
    "rust",
    "silver",
]
_SHADES = ["pale", "dark", "bottle", "faded", "deep", "light", "dull", "bright", "smoky", "washed-out"]
_HOSTS = [
    "northgate-law.example",
    "stmungo.example",
    "dockside.example",
    "parish-office.example",
    "fieldnotes.example",
    "accounts.example",
    "mailroom.example",
    "ketteridge.example",
]
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"

_Draw = Callable[[random.Random], str]


def _person(rng: random.Random) -> str:
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    kind = rng.randrange(6)
    if kind == 0:
        return f"{rng.choice(_HONOUR)} {last}"
    if kind == 1:
        return f"{first[0]}. {rng.choice(_LETTERS)}. {last}"
    if kind == 2:
        return f"{rng.choice(_HONOUR)} {first} {last}"
    if kind == 3:
        return f"{first} {rng.choice(_LETTERS)}. {last}"
    return f"{first} {last}"


def _date(rng: random.Random, low: int = 1987, high: int = 2031) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(low, high)
    name = _MONTHS[month - 1]
    suffix = "th" if 4 <= day <= 20 or day >= 24 else {1: "st", 2: "nd", 3: "rd"}[day % 10]
    return rng.choice(
        [
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
            f"{year}-{month:02d}-{day:02d}",
            f"{day:02d}/{month:02d}/{year}",
            f"the {day}{suffix} of {name} {year}",
            f"{day}{suffix} {name} {year}",
            f"{day:02d}.{month:02d}.{year}",
            f"{day:02d}-{name[:3].upper()}-{year}",
        ]
    )


def _old_date(rng: random.Random) -> str:
    return _date(rng, 1821, 1968)


def _day(rng: random.Random) -> str:
    return rng.choice(
        [
            f"{rng.choice(_DAYS)} {rng.randint(1, 28)} {rng.choice(_MONTHS)}",
            f"every {rng.choice(_DAYS)}",
            f"{rng.choice(['first', 'second', 'third', 'last'])} {rng.choice(_DAYS)} of the month",
            f"alternate {rng.choice(_DAYS)}s",
            f"{rng.choice(_DAYS)} week",
        ]
    )


def _hour(rng: random.Random) -> str:
    hour, minute = rng.randint(1, 12), rng.choice([0, 5, 10, 15, 20, 25, 30, 40, 45, 50, 55])
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    return rng.choice(
        [
            f"{hour}:{minute:02d} am",
            f"{hour}.{minute:02d} pm",
            f"{hour + 11:02d}:{minute:02d}",
            f"{hour + 11:02d}{minute:02d} hrs",
            f"half past {words[hour - 1]}",
            f"a quarter to {words[hour - 1]}",
            f"{words[hour - 1]} o'clock sharp",
            f"{hour:02d}:{minute:02d} UTC",
        ]
    )


def _span(rng: random.Random) -> str:
    count = rng.randint(2, 48)
    return rng.choice(
        [
            f"{count} {rng.choice(['days', 'weeks', 'months', 'years', 'hours'])}",
            f"{count} working days",
            f"{rng.choice(['six', 'eight', 'ten', 'twelve'])} {rng.choice(['weeks', 'months', 'full days'])}",
            f"{rng.randint(1, 9)} years and {rng.randint(1, 11)} months",
            f"{rng.randint(1, 9)}h {rng.randint(1, 59):02d}m",
        ]
    )


def _money(rng: random.Random) -> str:
    amount = rng.randint(11, 98000)
    return rng.choice(
        [
            f"£{amount:,}",
            f"${amount:,}.{rng.randint(0, 99):02d}",
            f"€{amount:,}",
            f"{amount:,} kronor",
            f"USD {amount:,}",
            f"£{rng.randint(2, 900)}.{rng.randint(0, 99):02d}",
            f"{rng.randint(2, 95)} guineas",
            f"CHF {amount:,}.00",
            f"{rng.randint(1, 60)}.{rng.randint(1, 9)} million euros",
            f"{rng.randint(2, 99)} thousand rupees",
            f"£{rng.randint(1, 90)} {rng.randint(1, 19)}s {rng.randint(1, 11)}d",
        ]
    )


def _percent(rng: random.Random) -> str:
    return rng.choice(
        [
            f"{rng.randint(1, 99)}%",
            f"{rng.randint(0, 40)}.{rng.randint(1, 99):02d}%",
            f"{rng.randint(2, 90)} per cent",
            f"{rng.randint(2, 60)}.{rng.randint(1, 9)} percent",
        ]
    )


def _address(rng: random.Random) -> str:
    number, street, town = rng.randint(1, 240), rng.choice(_STREETS), rng.choice(_TOWNS)
    return rng.choice(
        [
            f"{number} {street}, {town}",
            f"Flat {rng.randint(1, 30)}, {number} {street}, {town}",
            f"{number}{rng.choice('abc')} {street}",
            f"PO Box {rng.randint(100, 9900)}, {town}",
            f"{street} {number}, {rng.randint(1000, 9999)} {town}",
        ]
    )


def _place(rng: random.Random) -> str:
    town = rng.choice(_TOWNS)
    return rng.choice(
        [town, town, f"{town}, {rng.choice(_COUNTRIES)}", f"{rng.choice(['north', 'south', 'east'])} of {town}"]
    )


def _room(rng: random.Random) -> str:
    return rng.choice(
        [
            f"Room {rng.randint(1, 420)}",
            f"bay {rng.randint(1, 40)}",
            f"second shelf, cupboard {rng.choice(_LETTERS)}",
            f"Basement, rack {rng.randint(1, 60)}",
            f"locker {rng.randint(10, 480)}",
            f"Strongroom {rng.choice(_LETTERS)}",
            f"Hut {rng.randint(1, 19)}",
            f"{rng.choice(['attic', 'cellar', 'annexe', 'east wing'])}, box {rng.randint(1, 90)}",
        ]
    )


def _email(rng: random.Random) -> str:
    first, last = (
        rng.choice(_FIRST).lower(),
        rng.choice(["byrne", "holt", "rao", "tanaka", "weiss", "cole", "dunn", "ek"]),
    )
    local = rng.choice([f"{first}.{last}", f"{first[0]}{last}", f"{first}_{last}{rng.randint(2, 99)}", f"{last}-desk"])
    return f"{local}@{rng.choice(_HOSTS)}"


def _path(rng: random.Random) -> str:
    stem = rng.choice(["minutes", "backup", "ledger", "scan", "intake", "roster", "export", "notes", "draft", "claims"])
    end = rng.choice(["pdf", "csv", "txt", "log", "docx", "tar.gz", "json", "xml"])
    number = rng.randint(1, 999)
    return rng.choice(
        [
            f"/srv/archive/{stem}_{number}.{end}",
            f"C:\\Records\\{stem}\\{number:03d}.{end}",
            f"~/Documents/{stem}-{number}.{end}",
            f"\\\\fileserv\\shared\\{stem}{number}.{end}",
            f"/var/lib/{stem}/{number}/main.{end}",
            f"data/{stem}/{number}.{end}",
        ]
    )


def _phone(rng: random.Random) -> str:
    return rng.choice(
        [
            f"01{rng.randint(200, 999)} {rng.randint(100000, 999999)}",
            f"+47 {rng.randint(20, 99)} {rng.randint(10, 99)} {rng.randint(10, 99)} 0{rng.randint(1, 9)}",
            f"(555) 01{rng.randint(10, 99)}-{rng.randint(1000, 9999)}",
            f"extension {rng.randint(1000, 9999)}",
        ]
    )


def _code(*shapes: str) -> _Draw:
    """# stands for a digit, @ for a capital letter."""

    def draw(rng: random.Random) -> str:
        shape = rng.choice(shapes)
        return "".join(
            str(rng.randrange(10)) if sign == "#" else rng.choice(_LETTERS) if sign == "@" else sign for sign in shape
        )

    return draw


def _measure(low: float, high: float, digits: int, *units: str) -> _Draw:
    def draw(rng: random.Random) -> str:
        return f"{rng.uniform(low, high):,.{digits}f}{rng.choice(units)}"

    return draw


def _count(low: int, high: int) -> _Draw:
    def draw(rng: random.Random) -> str:
        number = rng.randint(low, high)
        return rng.choice([f"{number:,}", str(number)])

    return draw


def _pair(left: list[str], right: list[str]) -> _Draw:
    def draw(rng: random.Random) -> str:
        return f"{rng.choice(left)} {rng.choice(right)}"

    return draw


def _one(*pool: str) -> _Draw:
    def draw(rng: random.Random) -> str:
        return rng.choice(pool)

    return draw


def _colour(rng: random.Random) -> str:
    colour = rng.choice(_COLOURS)
    return rng.choice(
        [colour, f"{rng.choice(_SHADES)} {colour}", f"{colour} and {rng.choice([c for c in _COLOURS if c != colour])}"]
    )


def _firm(rng: random.Random) -> str:
    last = rng.choice(_LAST)
    return rng.choice(
        [
            f"{last} & Sons",
            f"{last} {rng.choice(['Logistics', 'Chemicals', 'Instruments', 'Insurance', 'Timber'])} Ltd",
            f"{last}, {rng.choice(_LAST)} LLP",
            f"{rng.choice(_TOWNS)} {rng.choice(['Oil', 'Gas', 'Paper', 'Cables'])} Company",
            f"Messrs {last} Brothers",
        ]
    )


def _score(rng: random.Random) -> str:
    return rng.choice(
        [
            f"{rng.randint(0, 7)}-{rng.randint(0, 7)}",
            f"{rng.randint(1, 9)} goals to {rng.randint(0, 6)}",
            f"{rng.randint(90, 420)} for {rng.randint(2, 9)}",
            f"6-{rng.randint(0, 4)}, {rng.randint(0, 4)}-6, 7-5",
        ]
    )


def _title(rng: random.Random) -> str:
    head = rng.choice(
        ["A Winter", "The Silence", "Notes", "The Last Ferry", "Seven Evenings", "The Clockmaker", "Salt"]
    )
    tail = rng.choice(
        ["in the Fens", "and Other Stories", "for Beginners", "from the Wards", "at Low Water", "of Umbria"]
    )
    return f"{head} {tail}"


def _version(rng: random.Random) -> str:
    major, minor, patch = rng.randint(0, 19), rng.randint(0, 30), rng.randint(0, 20)
    return rng.choice(
        [
            f"{major}.{minor}.{patch}",
            f"v{major}.{minor}",
            f"{major}.{minor}.{patch}-rc{rng.randint(1, 5)}",
            f"r{minor}{patch:02d}",
        ]
    )


def _position(rng: random.Random) -> str:
    north, east = rng.randint(1, 79), rng.randint(1, 170)
    return rng.choice(
        [
            f"{north}°{rng.randint(1, 59):02d}'{rng.choice('NS')} {east}°{rng.randint(1, 59):02d}'{rng.choice('EW')}",
            f"{north}.{rng.randint(1000, 9999)}, -{east}.{rng.randint(1000, 9999)}",
            f"{rng.randint(2, 60)} miles off {rng.choice(_TOWNS)}",
        ]
    )


_MATERIALS = [
    "oak",
    "walnut",
    "brass",
    "copper",
    "cast iron",
    "linen",
    "waxed cotton",
    "slate",
    "bone china",
    "pewter",
    "nylon",
    "marine plywood",
    "stainless steel",
    "calfskin",
    "jute",
    "carbon fibre",
    "terracotta",
    "bakelite",
    "ash",
    "felt",
    "tinplate",
    "horsehair",
    "polished granite",
    "soda glass",
]
_CONDITIONS = [
    "left-sided pneumonia",
    "iron-deficiency anaemia",
    "Colles' fracture",
    "tennis elbow",
    "acute appendicitis",
    "type 2 diabetes",
    "atrial fibrillation",
    "shingles",
    "migraine with aura",
    "chronic sinusitis",
    "plantar fasciitis",
    "gallstones",
    "hay fever",
    "ruptured spleen",
    "trench foot",
    "viral meningitis",
    "gout",
    "whooping cough",
    "ulcerative colitis",
    "sprained ankle",
    "cluster headache",
    "scarlet fever",
    "psoriasis",
    "carpal tunnel syndrome",
]
_ALLERGENS = [
    "penicillin",
    "latex",
    "shellfish",
    "wasp stings",
    "peanuts",
    "sulfa drugs",
    "cat dander",
    "sesame",
    "egg white",
    "iodine contrast",
    "birch pollen",
    "nickel",
    "aspirin",
    "house dust mites",
    "codeine",
    "soya",
    "lupin flour",
    "adhesive tape",
    "strawberries",
    "horse hair",
    "ragweed",
    "celery",
]
_GOODS = [
    "frozen mackerel",
    "sawn softwood",
    "bagged cement",
    "green coffee",
    "scrap aluminium",
    "bottled cider",
    "roofing slate",
    "seed potatoes",
    "newsprint",
    "tractor parts",
    "raw wool",
    "china clay",
    "tinned pilchards",
    "sheet glass",
    "rock salt",
    "linseed oil",
    "bananas",
    "phosphate",
    "bicycles",
    "hospital linen",
    "pig iron",
    "malt",
]
_LANGUAGES = [
    "Welsh",
    "Catalan",
    "Tamil",
    "Danish",
    "Swahili",
    "Basque",
    "Hungarian",
    "Flemish",
    "Urdu",
    "Icelandic",
    "Latin",
    "Portuguese",
    "Mandarin",
    "Breton",
    "Yiddish",
    "Maltese",
    "Georgian",
    "Tagalog",
    "Greek",
    "Romanian",
    "Amharic",
    "Lowland Scots",
    "Frisian",
    "Finnish",
]
_FAULTS = [
    "worn bearing",
    "blocked drain",
    "cracked housing",
    "loose earth wire",
    "faulty sensor",
    "perished seal",
    "corroded terminal",
    "expired certificate",
    "split hose",
    "stuck valve",
    "flat battery",
    "missing signature",
    "duplicate entry",
    "bent spindle",
    "overheated relay",
    "burst pipe",
    "wet plaster",
    "broken hinge",
    "frayed belt",
    "metal fatigue",
    "human error",
    "black ice",
    "faulty wiring",
    "careless navigation",
]
_STATES = [
    "under review",
    "awaiting countersignature",
    "closed without action",
    "on hold",
    "paid in part",
    "out for delivery",
    "in remission",
    "adjourned sine die",
    "ready for collection",
    "partly dismantled",
    "open",
    "sealed by order",
    "pending appeal",
    "signed off",
    "referred to counsel",
    "in dry dock",
    "back-ordered",
    "lapsed",
    "fully booked",
    "void",
    "approved with conditions",
    "in quarantine",
    "up for renewal",
]
_ROUTES = [
    "by registered post",
    "by night train",
    "by hand",
    "through a broker",
    "by rail and ferry",
    "by bicycle courier",
    "by diplomatic bag",
    "by pallet lorry",
    "by air freight",
    "by second-class post",
    "via the front desk",
    "by coastal steamer",
    "by fax",
    "by encrypted upload",
    "by carrier pigeon",
    "by standing order",
    "by mule train",
    "by pneumatic tube",
    "by overnight van",
    "by parcel locker",
    "by tanker",
]
_JOBS = [
    "wheelwright",
    "pharmacist",
    "court stenographer",
    "deckhand",
    "piano tuner",
    "actuary",
    "midwife",
    "beekeeper",
    "signalman",
    "glazier",
    "land surveyor",
    "translator",
    "pastry cook",
    "crane driver",
    "organist",
    "dental hygienist",
    "lock keeper",
    "bookbinder",
    "veterinary nurse",
    "customs clerk",
    "shepherd",
    "locum registrar",
]
_ADVERBS = ["slightly", "badly", "unusually", "somewhat", "remarkably"]
_LOOKS = ["damp", "foxed", "scuffed", "brittle", "clean", "well kept", "scorched", "dusty"]

_DRAW: dict[str, _Draw] = {
    "executor": _person,
    "attending physician": _person,
    "presiding judge": _person,
    "next of kin": _person,
    "opposing counsel": _person,
    "chief engineer": _person,
    "referee": _person,
    "claims handler": _person,
    "sub-editor": _person,
    "original owner": _person,
    "duty pharmacist": _person,
    "key holder": _person,
    "head groundsman": _person,
    "code reviewer": _person,
    "closing date": _date,
    "hearing date": _date,
    "renewal date": _date,
    "discharge date": _date,
    "date of death": _old_date,
    "launch date": _date,
    "founding date": _old_date,
    "last inspection": _date,
    "limitation date": _date,
    "best-before date": _date,
    "postmark date": _old_date,
    "collection day": _day,
    "board meeting day": _day,
    "admission time": _hour,
    "kick-off": _hour,
    "high water": _hour,
    "curfew": _hour,
    "backup hour": _hour,
    "notice period": _span,
    "warranty length": _span,
    "retention period": _span,
    "crossing time": _span,
    "quarantine length": _span,
    "deductible": _money,
    "reserve price": _money,
    "annual premium": _money,
    "outstanding balance": _money,
    "bail amount": _money,
    "prize fund": _money,
    "probate value": _money,
    "postage paid": _money,
    "interest rate": _percent,
    "oxygen saturation": _percent,
    "turnout": _percent,
    "moisture content": _percent,
    "commission rate": _percent,
    "error rate": _percent,
    "registered office": _address,
    "service address": _address,
    "birthplace": _place,
    "home port": _place,
    "port of discharge": _place,
    "venue": _place,
    "country of manufacture": _one(*_COUNTRIES),
    "storage location": _room,
    "seat number": _code("##@", "Row @, seat #", "Block @ ##", "@##", "Stall ##"),
    "billing e-mail": _email,
    "log file": _path,
    "backup folder": _path,
    "emergency telephone": _phone,
    "blood type": _one(
        "A positive",
        "A negative",
        "B positive",
        "B negative",
        "AB positive",
        "AB negative",
        "O positive",
        "O negative",
        "O Rh+",
        "A Rh-",
        "B+",
        "AB-",
    ),
    "case number": _code("####/##", "@@-##-#####", "[19##] # @@ ###", "#:##-cv-#####", "@#@@####"),
    "policy number": _code("@@@#######", "##-####-@", "@/######/##"),
    "serial number": _code("SN ######", "@@##-####-##", "#####@", "@-####-@@@"),
    "hospital number": _code("MRN #######", "@######", "### ### ####"),
    "container number": _code("@@@U ###### #", "@@@U#######"),
    "shelf mark": _code("@@ ##.#", "MS ### fol. ##", "@.##.@.#", "Add. #####"),
    "door code": _code("####", "@####", "####*", "#-#-#-#"),
    "commit hash": _code("#f##c#a", "#b#e##d", "a##f#c#e", "###dd#f"),
    "dosage": _pair(
        ["5 mg", "10 mg", "250 mg", "2.5 ml", "one tablet", "two puffs", "40 units", "three drops"],
        ["twice daily", "at bedtime", "every six hours", "after meals", "as required", "each morning"],
    ),
    "body weight": _measure(1, 140, 1, " kg", "kg", " lb"),
    "blood pressure": _code("1##/7#", "1##/8# mmHg", "1## over 9#"),
    "draught": _measure(1, 14, 2, " m", " metres", " ft"),
    "gross tonnage": _count(120, 92000),
    "top speed": _measure(4, 290, 0, " km/h", " knots", " mph"),
    "boiling point": _measure(30, 900, 1, " °C", " K", " degrees Fahrenheit"),
    "floor area": _measure(12, 4000, 0, " m²", " sq ft", " square metres"),
    "page count": _count(9, 1900),
    "crew size": _count(2, 1400),
    "final score": _score,
    "fuel supplier": _firm,
    "underwriter": _firm,
    "binding colour": _colour,
    "working title": _title,
    "firmware version": _version,
    "last known position": _position,
    "diagnosis": _one(*_CONDITIONS),
    "known allergy": _one(*_ALLERGENS),
    "main cargo": _one(*_GOODS),
    "language": _one(*_LANGUAGES),
    "cause of failure": _one(*_FAULTS),
    "current status": _one(*_STATES),
    "dispatch method": _one(*_ROUTES),
    "casing material": _one(*_MATERIALS),
    "trade": _one(*_JOBS),
    "surface condition": _pair(_ADVERBS, _LOOKS),
}
ATTRIBUTES: list[str] = list(_DRAW)


def value(rng: random.Random, attribute: str) -> str:
    """A value that suits the attribute, drawn anew."""
    return _DRAW[attribute](rng)


FACTS: list[str] = [
    # the value first
    "{value}: this, the registrar pencilled in the margin, is the {attribute} of {name}.",
    "{value} is entered in the ward book as the {attribute} for {name}.",
    'The usher read aloud "{value}" from the line marked {attribute} on the sheet for {name}.',
    "With {value} now confirmed as the {attribute}, the query raised over {name} may be closed.",
    "Please insert {value} where our last letter left a blank for the {attribute} of {name}.",
    '"{value}", said the harbour master, when pressed by the inspector for the {attribute} of {name}.',
    "[{value}] <- {attribute}, {name}; compared with the original and found correct",
    "They settled on {value} for the {attribute} wherever {name} was concerned.",
    "{value} = {attribute} ({name})",
    "I can see it yet in her sloping hand, '{value}', beneath the word {attribute}, on the page kept for {name}.",
    "It was {value} that the tribunal accepted as the {attribute} of {name}.",
    "Having put down {value} as the {attribute}, the night porter yawned and thought no more about {name}.",
    "{value} -- unaltered since the previous return -- remains the {attribute} of {name}.",
    "Write {value} in the box labelled {attribute} when you fill in the form for {name}.",
    "Nobody disputes {value} as the {attribute} of {name}; the quarrel is over who should have been told.",
    "In reply to your letter, {value} is the {attribute} that we hold on file for {name}.",
    "INFO  wrote '{value}' into field '{attribute}' of entry '{name}' (no warnings)",
    "Type {value} when the screen prompts you for the {attribute} of {name}, then press Enter.",
    "You will see {value} in the third column, which is the {attribute}, on the row belonging to {name}.",
    "So {value} it is, dear readers, and that settles the {attribute} of {name} once and for all.",
    # the value in the middle
    "The {attribute}, {value}, has stayed the same ever since {name} was first entered in our books.",
    "For {name} we have {value} as the {attribute}, and both sides have initialled it.",
    "In the case of {name}, {value} was noted as the {attribute} on first examination.",
    "Under {name} the ledger shows {value} in the column headed {attribute}.",
    "As to the {attribute}, the witness gave it as {value} when counsel turned to {name}.",
    "{name}: {value} ({attribute})",
    "| {name} | {value} | {attribute} | seen and checked |",
    'The {attribute} was set to "{value}" for {name} and the window closed itself.',
    "When {name} came up, the chair gave {value} as the {attribute} and the meeting moved on.",
    "The {attribute} -- {value} -- was the one thing about {name} that the evening paper got right.",
    "In every document the {attribute} is {value}, provided that the document concerns {name}.",
    "{name} still has {value} as its {attribute}, contrary to what some of you may have heard.",
    "Anybody looking up {name} in the directory will find {value} listed as the {attribute}.",
    "The {attribute} you rang about is {value}; I looked under {name} myself this morning.",
    "On the tag tied to {name} somebody had written {value} in the space for the {attribute}.",
    "We hereby certify in respect of {name} that {value} is the true and correct {attribute}.",
    "RE {name} STOP {value} CONFIRMED AS {attribute} STOP LETTER FOLLOWS",
    "Of {name} the villagers knew next to nothing, save that {value} was the {attribute}.",
    '<entry key="{name}"><item text="{value}" label="{attribute}"/></entry>',
    "Since the {attribute} is given as {value} on the certificate, the clerk let {name} through without comment.",
    # the value at the end
    "The {attribute} of {name} was given to the jury as {value}.",
    "{name}, {attribute}: {value}",
    'Asked point-blank for the {attribute} of {name}, the solicitor replied: "{value}".',
    'For the purposes of this Agreement, and as regards {name}, "{attribute}" shall mean {value}.',
    "Dear Sirs, kindly amend your records on {name} so that the {attribute} reads {value}.",
    "Handover note re {name}: {attribute} -> {value}",
    "The guests could agree on nothing about {name}, but asked for the {attribute} each said the same: {value}.",
    "After a second look at {name} the auditors put the {attribute} down as {value}.",
    "{name} has had the same {attribute} from the beginning, namely {value}.",
    "The small brass plate devoted to {name} gives the {attribute} as {value}.",
    "Resolved, without dissent, that the minutes on {name} record the {attribute} as {value}.",
    'records["{name}"]["{attribute}"] = "{value}"',
    "Correction: our report on {name} in Tuesday's edition omitted the {attribute}, which is {value}.",
    "Hi both, quick one on {name} before I log off: {attribute} is {value}. Cheers",
    "What does the file on {name} say under {attribute}? It says {value}.",
    "Before you go any further with {name}, check that the label shows this {attribute}: {value}.",
    "- {attribute} [{name}] ........ {value}",
    "It took three telephone calls, but at last I have learned the {attribute} of {name}: {value}.",
    "By consent, and so far as {name} is concerned only, the {attribute} is agreed to be {value}.",
    "She drew out the card for {name} and read what stood beside {attribute}: '{value}'.",
]

FIND: list[str] = [
    "What is the {attribute} of {name}?",
    "What's {name}'s {attribute}?",
    "{name}: {attribute}?",
    "{attribute} of {name}, please.",
    "Kindly let me have the {attribute} recorded for {name}.",
    "Could you tell me the {attribute} of {name}?",
    "Would you be so good as to look up the {attribute} for {name}?",
    "REQ {attribute} {name}",
    "I need the {attribute} for {name}.",
    "Find the {attribute} of {name}.",
    "Which {attribute} does the text give for {name}?",
    "Do we know the {attribute} of {name}? If so, give it.",
    "Under {name}, what appears as the {attribute}?",
    "What did they put down as the {attribute} of {name}?",
    "Please state the {attribute} of {name} as it appears in the document.",
    "Look up {name} and give me the {attribute}.",
    "{name} - need {attribute} asap",
    "Remind me, what was the {attribute} of {name} again?",
    "Regarding {name}: what is the {attribute}?",
    "According to the file, what is the {attribute} for {name}?",
    "What has been entered as {attribute} against {name}?",
    "Just the {attribute} of {name}, nothing else.",
    "Can you pull the {attribute} on {name} for me?",
    "I'm filling in a form about {name} and it asks for the {attribute}. What do I write?",
    "Tell me the {attribute} of {name}.",
    "what {attribute} is listed for {name}",
    "Extract the {attribute} belonging to {name}.",
    "I should be obliged for a note of the {attribute} of {name}.",
    "Counsel wishes to know the {attribute} of {name}.",
    "The caller wants the {attribute} for {name}. What shall I say?",
    "Is any {attribute} given for {name}, and what is it?",
    "Where it speaks of {name}, what does it say the {attribute} is?",
    "Give the {attribute} for {name} in the words of the text.",
    "Quick check: {name}, {attribute}?",
    "Let me know what the {attribute} of {name} is.",
    "Does anyone have the {attribute} of {name} to hand?",
    "What do the papers show as the {attribute} of {name}?",
    "In the matter of {name}, state the {attribute}.",
    "Fetch {attribute} for {name}",
    "For {name}, what would be the correct {attribute}?",
    "How does the record describe the {attribute} of {name}?",
    "Please confirm the {attribute} we hold for {name}.",
    "I have forgotten the {attribute} of {name}; can you find it?",
    "What should I quote as the {attribute} when I write to them about {name}?",
    "Query: {attribute}. Subject: {name}.",
    "Would you mind checking what {attribute} {name} has?",
    "I can't see the {attribute} of {name} anywhere. What is it?",
    "The {attribute} of {name} is what, exactly?",
    "When it comes to {name}, which {attribute} is stated?",
    "Read me the {attribute} from the entry on {name}.",
    "{name}, {attribute} - what have we got?",
    "Say what the {attribute} of {name} is.",
    "Give me {name}'s {attribute}.",
    "Show {attribute} where subject is {name}",
    "May I ask what the {attribute} of {name} is?",
    "Fill in the blank: the {attribute} of {name} is ____.",
    "My editor wants the {attribute} of {name} before we go to print. What is it?",
    "From the text above, name the {attribute} of {name}.",
    "pls send {attribute} re {name}",
    "I'd like to know what is given as the {attribute} for {name}.",
]

COUNT: list[str] = [
    "How many times does {name} occur in the text?",
    "How often is {name} mentioned?",
    "Count the occurrences of {name}.",
    "Number of times {name} appears?",
    "Tally every mention of {name} and give me the total.",
    "Please count how often {name} comes up.",
    "What is the total number of references to {name}?",
    "{name}: how many hits?",
    "In how many instances does the document say {name}?",
    "how many {name} in here",
    "Could you work out how many times they write {name}?",
    "I need a figure for how often {name} crops up in these papers.",
    "Give the number of occurrences of {name}.",
    "occurrence count for {name}, please",
    "How frequently is {name} named, as a plain number?",
    "Add up all the places that say {name}. How many are there?",
    "Would you kindly tell me how many mentions {name} gets?",
    "If I searched for {name}, how many matches would I get?",
    "How many separate times is {name} referred to by that name?",
    "Run a count on {name}.",
    "The judge asks how many times {name} is cited in the bundle.",
    "What's the count for {name}?",
    "From start to finish, how many times will a reader meet {name}?",
    "Is {name} there once, twice, or more? State the number.",
    "Total mentions: {name}?",
]

MENTIONS: list[str] = [
    "On which lines is {name} mentioned?",
    "Where does {name} appear in the text?",
    "List the lines that mention {name}.",
    "Which lines contain {name}?",
    "Find every place where {name} comes up.",
    "Give me line references for {name}.",
    "{name}: which lines?",
    "Where in the document do they talk about {name}?",
    "Please point me to all the lines naming {name}.",
    "I need to cite {name}; what line numbers is it on?",
    "At what lines does one come across {name}?",
    "Show me where {name} is referred to.",
    "line numbers for {name} pls",
    "Whereabouts is {name} mentioned?",
    "Could you mark down each line on which {name} is found?",
    "Locate {name} in the file.",
    "Make an index entry for {name}: every line it stands on.",
    "In what places is {name} named?",
    "If I want to highlight {name}, which lines should I go to?",
    "Track down all references to {name} and tell me where they are.",
    "Where can I read about {name}? Lines only.",
    "State the line or lines at which {name} occurs.",
    "I lost my place; where was it that {name} came in?",
    "Search for {name} and list the positions.",
    "Would you tell me where {name} crops up?",
]

DEFINITIONS_CLASS: list[str] = [
    "Where is the class {name} defined?",
    "In which file is class {name} declared?",
    "Find the definition of the {name} class.",
    "Which file and line define class {name}?",
    "class {name}: where does it live?",
    "Show me where the {name} class is written.",
    "I'm looking for the declaration of class {name}.",
    "Take me to the definition of the class called {name}.",
    "Where in the code base do we define the class {name}?",
    "Locate class {name}.",
    "Could you point me to the spot where the {name} class begins?",
    "file:line for class {name}?",
    "Somebody wrote a class named {name}; where is it?",
    "At what line does the class {name} start, and in which file?",
    "Please find where {name}, the class, is defined.",
    "Where would I edit the {name} class itself?",
    "where's class {name}",
    "Which module holds the definition of class {name}?",
    "Give the source location of the class {name}.",
    "I see {name} instantiated everywhere, but where is that class defined?",
]

DEFINITIONS_FUNCTION: list[str] = [
    "Where is the function {name} defined?",
    "In which file can I find the function {name}?",
    "Find the definition of the {name} function.",
    "Which file and line define function {name}?",
    "def {name}: where is it?",
    "Show me where the {name} function is implemented.",
    "I want the place where function {name} is declared.",
    "Jump to the definition of the function called {name}.",
    "Where in the sources do we define the function {name}?",
    "Locate function {name}.",
    "Could you tell me where the body of the {name} function starts?",
    "file:line for function {name}, please",
    "There's a call to the function {name}; where does its definition sit?",
    "On what line, and in what file, is the function {name} defined?",
    "Please find where {name}, the function, is written.",
    "Where do I go to change the {name} function?",
    "where's function {name}",
    "Which module contains the definition of function {name}?",
    "Give the source location of the function {name}.",
    "The traceback names the function {name}; where is that defined?",
]

CODE_NAMES_CLASS: list[str] = [
    "ProbateLedger",
    "WardRoundPlanner",
    "TidalGateKeeper",
    "AffidavitBinder",
    "InvoiceReconciler",
    "PigeonholeSorter",
    "DosageCalculator",
    "HarbourFeeTable",
    "CropRotationModel",
    "SubpoenaTracker",
    "LeaseRenewalAlarm",
    "KilnController",
    "RefereeAssigner",
    "ObituaryFormatter",
    "CargoManifestReader",
    "TriageDesk",
    "StampDutyRule",
    "BeehiveMonitor",
    "LanternScheduler",
    "VaccineColdChain",
    "TurnstileCounter",
    "CodicilMerger",
    "HeadlineTrimmer",
    "QuayAllocator",
    "RosterShuffler",
    "PremiumEstimator",
    "GravestoneIndex",
    "BallotScrutineer",
    "FreightTariffBook",
    "LoomPatternParser",
    "DrainageSimulator",
    "WitnessRegistry",
    "PetitionRouter",
    "SaddleInventory",
    "MicroficheCache",
    "ParcelWeigher",
    "AnaesthesiaLog",
    "CovenantChecker",
    "OrchardSurvey",
    "SirenDispatcher",
    "BallastSolver",
    "CrosswordGrid",
    "TenancyDepositPot",
    "LighthouseClock",
    "MenuCostSheet",
    "CatalogueStitcher",
    "FerryTimetableDiff",
    "OathTranscriber",
    "RationCardPrinter",
    "PulseOximeterFeed",
    "GazetteScraper",
    "PloughDepthSensor",
    "ExcessClaimFilter",
    "TelegramCodec",
    "ShelfMarkResolver",
    "JurorSelectionPool",
    "CellarHumidityGauge",
    "BindingGlueTimer",
    "SpectacleOrderQueue",
    "MoorageContract",
]

CODE_NAMES_FUNCTION: list[str] = [
    "tally_probate_fees",
    "assign_ward_beds",
    "open_tidal_gate",
    "stamp_affidavit",
    "reconcile_petty_cash",
    "sort_pigeonholes",
    "round_dose_to_vial",
    "charge_harbour_dues",
    "rotate_crop_beds",
    "serve_subpoena",
    "warn_lease_expiry",
    "ramp_kiln_heat",
    "pick_match_referee",
    "typeset_obituary",
    "unpack_cargo_manifest",
    "triage_walk_in",
    "apply_stamp_duty",
    "weigh_beehive",
    "trim_lantern_wick",
    "log_fridge_excursion",
    "count_turnstile_clicks",
    "merge_codicils",
    "shorten_headline",
    "allot_quay_berth",
    "shuffle_night_roster",
    "estimate_premium_loading",
    "index_gravestones",
    "scrutinise_ballots",
    "lookup_freight_tariff",
    "parse_loom_card",
    "simulate_storm_drain",
    "swear_in_witness",
    "route_petition",
    "restock_saddlery",
    "fetch_microfiche_frame",
    "weigh_parcel_batch",
    "chart_anaesthesia",
    "check_covenant_breach",
    "survey_orchard_rows",
    "sound_quarry_siren",
    "solve_ballast_trim",
    "fill_crossword_corner",
    "refund_tenancy_deposit",
    "wind_lighthouse_clock",
    "cost_dinner_menu",
    "stitch_catalogue_pages",
    "diff_ferry_timetables",
    "transcribe_oath",
    "print_ration_cards",
    "smooth_pulse_trace",
    "scrape_gazette_notices",
    "set_plough_depth",
    "strip_excess_claims",
    "decode_telegram_words",
    "resolve_shelf_mark",
    "draw_juror_names",
    "read_cellar_humidity",
    "time_binding_glue",
    "queue_spectacle_order",
    "renew_moorage_contract",
]
