"""Held-out wordings, names and values for measuring the model in the box: data only, never trained on.

Written by three who saw neither the training's wordings nor each other's: names and asks, values, and sentences.
"""

from __future__ import annotations

import random

NAMES: list[str] = [
    "Marta Ellwood",
    "Tobias Renn",
    "Ingrid Vasko",
    "Samuel Okafor",
    "Priya Nandakumar",
    "Old Henrik",
    "Captain Dorsey",
    "Judge Amelia Thorne",
    "Yusuf Demirel",
    "Clara Whitcombe",
    "Professor Lindqvist",
    "Benny Alvarado",
    "Sister Agathe",
    "Dmitri Volkonsky",
    "Naomi Takahara",
    "Greta Holm",
    "Wendell Pryce",
    "Fatima Zahrawi",
    "Luca Bernardi",
    "Odile Marchand",
    "Northgate Trust",
    "Halvorsen Shipping",
    "the Lantern Society",
    "Brightwater Council",
    "Kestrel Airways",
    "Union of Ropemakers",
    "Ashdown College",
    "Pallister and Sons",
    "the Meridian Bank",
    "Corvane Labs",
    "Ministry of Waterways",
    "Redfern Hospital",
    "Orchard Press",
    "Tidewell Foundation",
    "Blue Anvil Brewery",
    "Harrowgate",
    "Port Selwyn",
    "Lake Ombra",
    "Mount Tarrick",
    "the Glass Quarter",
    "Saint Orla's Church",
    "Fenwick Bridge",
    "Cape Dunmore",
    "Valley of Reeds",
    "Kirkby Station",
    "Ravensmoor",
    "Tallow Street",
    "Isle of Brannoch",
    "the Copper Market",
    "Wexley Dam",
    "Silver Heron",
    "Queen Adelheid",
    "Morning Tide",
    "the Perseverance",
    "Black Petrel",
    "Albatross IV",
    "Lady Corrigan",
    "the Windlass",
    "Nordstjerna",
    "Gallant Fox",
    "Quickbrew 300",
    "Lumora lamp",
    "Stridewell boots",
    "Frostline cooler",
    "Penrose kettle",
    "Zephyr bicycle",
    "Glimmer phone",
    "Hearthstone oven",
    "Cloudrest mattress",
    "Vireo headphones",
    "Project Nightjar",
    "Operation Thimble",
    "Green Corridor",
    "Harbour Renewal",
    "Apollo Garden",
    "Initiative Seven",
    "Second Spring",
    "Project Basalt",
    "Open Ledger",
    "the Saltmarsh Survey",
    "Pump 14",
    "the Jacquard loom",
    "Crane B",
    "Turbine Delta",
    "Excavator Rosie",
    "Mill Engine Two",
    "Rover Pip",
    "Press Number Nine",
    "Boiler K7",
    "Server oak-03",
    "Treaty of Linz",
    "the Hartley Report",
    "Form 88-C",
    "Charter of Elms",
    "Memo 2041",
    "the Winslow Diary",
    "Annex F",
    "Water Act",
    "Biscuit the terrier",
    "Juno the elephant",
    "Old Scratch",
    "Marigold the cow",
    "Thunderhoof",
    "Pepper the parrot",
    "the Great Flood",
    "Midsummer Fair",
    "Battle of Coldbrook",
    "Regatta Week",
    "the Strike of 1911",
    "Crown v. Massey",
    "Duvall v. Larkin",
    "Case 17-0932",
    "Song of the Weir",
    "The Tin Orchestra",
    "Portrait in Ochre",
    "Eastfield Rovers",
    "the Night Shift Crew",
    "Team Cobalt",
    "ZX-4471",
    "ERR-509",
]

COUNT: list[str] = [
    "How many times does {name} occur in the text?",
    "How often is {name} mentioned?",
    "Count the occurrences of {name}.",
    "What is the number of times {name} appears?",
    "In total, how many mentions of {name} are there?",
    "Tell me how many times the text names {name}.",
    "How many times can you find {name} in this document?",
    "Give the count of {name} in the file.",
    "How frequently does {name} come up, as a number?",
    "Please count every mention of {name}.",
    "{name}: how many occurrences?",
    "How many hits are there for {name}?",
    "Number of appearances of {name}, please.",
    "I need to know how many times {name} is written here.",
    "Does {name} turn up more than once, and exactly how many times?",
    "What's the tally for {name}?",
    "Could you count up how often {name} shows up?",
    "Across the whole text, how many times is {name} referred to by name?",
    "how many {name} in here",
    "Exactly how many times do we read {name}?",
    "The name {name} is used how many times?",
    "Work out the total number of references to {name}.",
    "How many instances of {name} does the passage contain?",
    "From start to finish, how many times does the author say {name}?",
    "If I searched for {name}, how many matches would I get?",
]

MENTIONS: list[str] = [
    "On which lines is {name} mentioned?",
    "Where in the text does {name} appear?",
    "List every line that mentions {name}.",
    "Which lines talk about {name}?",
    "Give me the line numbers where {name} occurs.",
    "Where is {name} mentioned?",
    "Find all the places that name {name}.",
    "Show me where {name} comes up.",
    "At what lines can I find {name}?",
    "Point me to each mention of {name}.",
    "What are the locations of {name} in the document?",
    "Locate all references to {name}.",
    "{name} is on which lines?",
    "Which line numbers contain {name}?",
    "Please list the places where {name} is written.",
    "where do they bring up {name}",
    "In what places does this file refer to {name}?",
    "I'm looking for {name}; which lines should I read?",
    "Tell me all the lines with {name} in them.",
    "Whereabouts in here is {name} named?",
    "Every spot where {name} turns up, by line, please.",
    "Can you find the lines in which {name} features?",
    "Where would I have to look to read about {name}?",
    "Search for {name} and say which lines match.",
    "Identify the lines on which the name {name} is used.",
]

DEFINITIONS_CLASS: list[str] = [
    "Where is the class {name} defined?",
    "On which line is class {name} defined?",
    "Find the definition of the {name} class.",
    "In which file does the class {name} live?",
    "Where can I find the {name} class definition?",
    "Show me where class {name} is declared.",
    "Which module defines the class {name}?",
    "Locate the class {name} in the code.",
    "What line does the {name} class start on?",
    "Where in the source is the class called {name} introduced?",
    "I need the place where the class {name} is defined.",
    "where's class {name}",
    "Which file holds the definition of class {name}?",
    "Point me to the declaration of the class {name}.",
    "Tell me the file and line of the {name} class.",
    "The class {name}: where is it defined?",
    "Where does the code define a class named {name}?",
    "Take me to the definition of class {name}.",
    "At what place in the repository is the {name} class written?",
    "Where do I look to read the body of the class {name}?",
]

DEFINITIONS_FUNCTION: list[str] = [
    "Where is the function {name} defined?",
    "On which line is function {name} defined?",
    "Find the definition of the {name} function.",
    "In which file does the function {name} live?",
    "Where can I find the {name} function definition?",
    "Show me where function {name} is declared.",
    "Which module defines the function {name}?",
    "Locate the function {name} in the code.",
    "What line does the {name} function begin on?",
    "Where in the source is the function called {name} implemented?",
    "I need the place where the function {name} is defined.",
    "where's the def of function {name}",
    "Which file holds the implementation of function {name}?",
    "Point me to the function {name} in the source.",
    "Tell me the file and line of the {name} function.",
    "The function {name}: where is it defined?",
    "Where does the code define a function named {name}?",
    "Jump to the definition of function {name}; where is it?",
    "At what place in the repository is the {name} function written?",
    "Where do I look to read the body of the function {name}?",
]

CODE_NAMES_CLASS: list[str] = [
    "InvoiceWeaver",
    "PelicanRouter",
    "TideTable",
    "LanternPool",
    "OrchardPlanner",
    "FreightLedger",
    "MossyCache",
    "SignalBarn",
    "TicketSmelter",
    "HarborGate",
    "QuillParser",
    "BadgerQueue",
    "VoucherMint",
    "SeedCatalog",
    "CraneScheduler",
    "GlyphPacker",
    "RainGaugeReader",
    "ParcelSorter",
    "KilnController",
    "MapleIndexer",
    "FerryManifest",
    "DoorbellListener",
    "TrellisLayout",
    "CoinHopper",
    "NightAuditor",
    "BeaconTracker",
    "SpoolWinder",
    "LoyaltyCard",
    "ShelfScanner",
    "PatchQuilter",
    "OtterSession",
    "RecipeBinder",
    "WardRoster",
    "MeterBridge",
    "CanaryProbe",
    "StampAlbum",
    "GravelMixer",
    "PennantDrawer",
    "LockKeeper",
    "TurnstileCounter",
    "HedgeTrimmer",
    "FlightStrip",
    "BasketTotals",
    "CopperWire",
    "SnowplowRoute",
    "DraftHorse",
    "ThimbleStore",
    "WalrusConfig",
    "PrismRenderer",
    "YarnSpinner",
    "ClaimAssessor",
    "BuoyMonitor",
    "RibbonCutter",
    "VaultSweeper",
    "EchoChamber",
    "JigsawSolver",
    "AtticArchive",
    "NettleFilter",
    "UmbrellaPolicy",
    "ZebraLabel",
]

CODE_NAMES_FUNCTION: list[str] = [
    "weave_invoice",
    "route_pelicans",
    "fill_tide_table",
    "light_lanterns",
    "prune_orchard",
    "post_freight",
    "scrape_moss",
    "ring_barn_bell",
    "smelt_tickets",
    "open_harbor_gate",
    "sharpen_quill",
    "drain_badger_queue",
    "mint_voucher",
    "sow_seed_rows",
    "swing_crane",
    "pack_glyph_atlas",
    "read_rain_gauge",
    "sort_parcels_by_zone",
    "fire_kiln",
    "tap_maple_index",
    "board_ferry",
    "answer_doorbell",
    "bend_trellis",
    "shake_coin_hopper",
    "audit_tonight",
    "blink_beacon",
    "wind_spool",
    "punch_loyalty_card",
    "scan_shelf_tags",
    "stitch_patches",
    "wake_otter",
    "bind_recipes",
    "fold_ward_roster",
    "bridge_meters",
    "probe_canary",
    "lick_stamp",
    "mix_gravel",
    "hoist_pennant",
    "jam_the_lock",
    "count_turnstile",
    "trim_hedges",
    "clear_flight_strip",
    "sum_basket_lines",
    "strip_copper",
    "plan_snowplow",
    "harness_draft",
    "stash_thimble",
    "feed_walrus",
    "split_prism_rays",
    "spin_yarn_ball",
    "assess_claim_value",
    "anchor_buoy",
    "cut_ribbon_at",
    "sweep_vault",
    "echo_twice_softly",
    "solve_jigsaw_edge",
    "dust_attic_boxes",
    "sift_nettles",
    "renew_umbrella",
    "print_zebra_label",
]

_R = random.Random

_FIRST = [
    "Maribel",
    "Tobias",
    "Ingrid",
    "Kwame",
    "Yusuf",
    "Petra",
    "Desmond",
    "Aiko",
    "Lorna",
    "Rafael",
    "Siobhan",
    "Viktor",
    "Anjali",
    "Cedric",
    "Noor",
    "Hollis",
    "Beatriz",
    "Gwen",
    "Emeka",
    "Sanna",
    "Marcus",
    "Delphine",
    "Ruth",
    "Oleg",
    "Thandi",
    "Pascal",
    "Wren",
    "Luca",
    "Hyun-woo",
    "Frances",
]
_LAST = [
    "Okafor",
    "Lindqvist",
    "Marchetti",
    "Brannigan",
    "Takeda",
    "Villanueva",
    "Prescott",
    "Abernathy",
    "Kowalczyk",
    "Desai",
    "Hargrove",
    "Nwosu",
    "Petrov",
    "Fontaine",
    "McAllister",
    "Ruiz",
    "Steinberg",
    "Yilmaz",
    "Oduya",
    "Castellano",
    "Whitlock",
    "Ferreira",
    "Jansen",
    "O'Dell",
    "Rahimi",
    "Thorne",
    "Sato",
    "Bellweather",
    "Quist",
    "Mbeki",
]
_CITY = [
    "Halifax",
    "Rotterdam",
    "Tulsa",
    "Valparaiso",
    "Leeds",
    "Gdansk",
    "Mombasa",
    "Osaka",
    "Spokane",
    "Antwerp",
    "Lyon",
    "Duluth",
    "Cork",
    "Busan",
    "Izmir",
    "Savannah",
    "Tromso",
    "Bologna",
    "Adelaide",
    "Santos",
    "Galveston",
    "Riga",
    "Malaga",
    "Chennai",
    "Winnipeg",
]
_COUNTRY = [
    "Portugal",
    "Vietnam",
    "Canada",
    "Kenya",
    "Chile",
    "Denmark",
    "Turkey",
    "Japan",
    "Morocco",
    "Poland",
    "South Korea",
    "New Zealand",
    "Ghana",
    "Peru",
    "Italy",
    "Costa Rica",
    "Estonia",
    "Thailand",
    "Mexico",
    "Ireland",
    "Jordan",
    "Bangladesh",
    "Austria",
    "Uruguay",
]
_STREET = [
    "Alder",
    "Quarry",
    "Mulberry",
    "Station",
    "Harbour",
    "Kingsley",
    "Foundry",
    "Chapel",
    "Lakeview",
    "Sycamore",
    "Mill",
    "Orchard",
    "Prospect",
    "Wharf",
    "Regent",
    "Canal",
    "Juniper",
    "Bridge",
    "Tanner",
    "Victoria",
]
_MONTH = [
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
_DAY = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_UP = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_TEAM = ["Harriers", "Otters", "Rovers", "Comets", "Wanderers", "Falcons", "Mariners", "Lynx", "United", "Rangers"]
_WORD = [
    "copper",
    "lantern",
    "harbor",
    "willow",
    "granite",
    "falcon",
    "meadow",
    "ember",
    "cobalt",
    "thistle",
    "saffron",
    "beacon",
    "raven",
    "timber",
    "juniper",
    "anchor",
    "marble",
    "prairie",
    "cedar",
    "comet",
]


def _pick(r: _R, s: str) -> str:
    return r.choice(s.split("|"))


def _digits(r: _R, n: int) -> str:
    return "".join(r.choice("0123456789") for _ in range(n))


def _letters(r: _R, n: int) -> str:
    return "".join(r.choice(_UP) for _ in range(n))


def _person(r: _R) -> str:
    f, s = r.choice(_FIRST), r.choice(_LAST)
    return r.choice([f"{f} {s}", f"{f} {s}", f"{f} {r.choice(_UP)}. {s}", f"{_pick(r, 'Ms|Mr|Mrs|Dr')} {s}"])


def _doctor(r: _R) -> str:
    f, s = r.choice(_FIRST), r.choice(_LAST)
    return r.choice([f"Dr {f} {s}", f"Dr. {s}", f"{f} {s}, MD", f"Professor {s}"])


def _judge(r: _R) -> str:
    f, s = r.choice(_FIRST), r.choice(_LAST)
    return r.choice([f"Judge {f} {s}", f"Judge {s}", f"the Hon. {f} {s}", f"Magistrate {s}"])


def _date(r: _R) -> str:
    d, m, y = r.randint(1, 28), r.randint(1, 12), r.randint(2009, 2031)
    n = _MONTH[m - 1]
    return r.choice(
        [
            f"{d} {n} {y}",
            f"{n} {d}, {y}",
            f"{y}-{m:02d}-{d:02d}",
            f"{m:02d}/{d:02d}/{y}",
            f"{n} {d}",
            f"{d:02d}.{m:02d}.{y}",
            f"{r.choice(_DAY)}, {d} {n}",
            f"{d} {n[:3]} {y % 100:02d}",
        ]
    )


def _birth(r: _R) -> str:
    d, m, y = r.randint(1, 28), r.randint(1, 12), r.randint(1931, 2019)
    return r.choice([f"{d} {_MONTH[m - 1]} {y}", f"{m}/{d}/{y}", f"{y}-{m:02d}-{d:02d}", f"{_MONTH[m - 1]} {d}, {y}"])


def _time(r: _R) -> str:
    h, m = r.randint(5, 22), r.choice([0, 0, 5, 10, 15, 20, 30, 40, 45, 50])
    ap = "am" if h < 12 else "pm"
    t = (h - 1) % 12 + 1
    return r.choice([f"{h:02d}:{m:02d}", f"{t}:{m:02d} {ap}", f"{t}:{m:02d} {ap.upper()}", f"{h}h{m:02d}"])


def _hours(r: _R) -> str:
    a, b = r.randint(6, 11), r.randint(3, 10)
    return r.choice([f"{a} am to {b} pm", f"{a:02d}:00-{b + 12}:30", f"weekdays, {a} to {b}", f"{a}:30 am - {b} pm"])


def _money(r: _R, lo: int, hi: int) -> str:
    n, c = r.randint(lo, hi), r.randint(0, 99)
    return r.choice(
        [
            f"${n:,}",
            f"${n:,}.{c:02d}",
            f"€{n:,}",
            f"£{n:,}",
            f"{n:,} dollars",
            f"USD {n:,}.{c:02d}",
            f"{n} euros",
            f"CHF {n:,}",
        ]
    )


def _pct(r: _R, lo: float, hi: float) -> str:
    x = r.uniform(lo, hi)
    return r.choice([f"{x:.1f}%", f"{x:.2f}%", f"{x:.1f} percent", f"{x:.2f} per cent"])


def _measure(r: _R, lo: int, hi: int, units: str) -> str:
    n = r.randint(lo, hi)
    return r.choice([f"{n:,}", f"{n}", f"{n}.{r.randint(1, 9)}"]) + " " + _pick(r, units)


def _span(r: _R, units: str) -> str:
    n = r.randint(2, 36)
    w = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    return f"{w[n - 2] if n < 13 and r.random() < 0.5 else n} {_pick(r, units)}"


def _address(r: _R) -> str:
    n, s, c = r.randint(2, 940), r.choice(_STREET), r.choice(_CITY)
    k = _pick(r, "Street|Road|Lane|Avenue|Drive|Court")
    return r.choice(
        [
            f"{n} {s} {k}",
            f"{n} {s} {k}, {c}",
            f"Flat {n % 40 + 1}, {n} {s} {k}",
            f"PO Box {n}, {c}",
            f"{n} {s} {k}, Suite {n % 90 + 10}",
        ]
    )


def _place(r: _R) -> str:
    c = r.choice(_CITY)
    return r.choice([c, c, f"{c} {_pick(r, 'North|Central|East|Junction')}", f"Port of {c}", f"downtown {c}"])


def _room(r: _R) -> str:
    n = r.randint(1, 420)
    return r.choice(
        [
            f"Room {n}",
            f"Room {n}{_letters(r, 1)}",
            f"the {r.choice(_STREET)} Room",
            f"Hall {n % 20 + 1}",
            f"Auditorium {_letters(r, 1)}",
        ]
    )


def _email(r: _R) -> str:
    f, s = r.choice(_FIRST).lower(), r.choice(_LAST).lower().replace("'", "")
    d = f"{r.choice(_WORD)}{_pick(r, '|works|group|-labs|mail')}.{_pick(r, 'com|org|net|co.uk|io|example')}"
    return r.choice(
        [
            f"{f}.{s}@{d}",
            f"{f[0]}{s}@{d}",
            f"{_pick(r, 'billing|support|help|info|claims')}@{d}",
            f"{f}{r.randint(1, 99)}@{d}",
        ]
    )


def _phone(r: _R) -> str:
    a, b = _digits(r, 2), _digits(r, 4)
    return r.choice([f"555-01{a}", f"(415) 555-01{a}", f"+44 20 7946 0{a}{b[0]}", f"0161 496 {b}", f"+1 312 555 {b}"])


def _company(r: _R) -> str:
    w, s = r.choice(_WORD).title(), r.choice(_LAST)
    t = r.choice(_LAST)
    return r.choice(
        [
            f"{s} & Sons",
            f"{w} {_pick(r, 'Energy|Freight|Supply Co|Holdings|Partners')}",
            f"{s} {t} LLP",
            f"{s} GmbH",
            f"{w}line Ltd",
            f"{r.choice(_CITY)} {_pick(r, 'Mutual|Trading|Petroleum|Group')}",
        ]
    )


def _code(r: _R) -> str:
    return r.choice(
        [
            f"{_letters(r, 2)}-{_digits(r, 5)}",
            f"{_digits(r, 8)}",
            f"{_letters(r, 3)}{_digits(r, 4)}",
            f"{_digits(r, 4)}-{_digits(r, 3)}-{_letters(r, 1)}",
            f"#{_digits(r, 6)}",
            f"{r.randint(2015, 2026)}/{_digits(r, 4)}",
        ]
    )


def _path(r: _R) -> str:
    a, b = r.choice(_WORD), r.choice(_WORD)
    e = _pick(r, "log|yaml|csv|json|conf|tar.gz")
    return r.choice(
        [
            f"/var/{_pick(r, 'log|lib|data')}/{a}/{b}.{e}",
            f"~/{a}/{b}_{r.randint(1, 30)}.{e}",
            f"C:\\Users\\{a}\\{b}.{e}",
            f"/home/{a}/backups",
            f"./{a}/{b}.{e}",
            f"/mnt/{a}/{b}",
        ]
    )


def _version(r: _R) -> str:
    a, b, c = r.randint(0, 14), r.randint(0, 30), r.randint(0, 20)
    return r.choice(
        [f"{a}.{b}.{c}", f"v{a}.{b}", f"{a}.{b}.{c}-rc{c % 4 + 1}", f"{r.randint(2018, 2026)}.{b % 12 + 1}"]
    )


def _colour(r: _R) -> str:
    c = _pick(
        r,
        "navy blue|sage green|charcoal|burgundy|ivory|teal|mustard yellow|silver|maroon|beige|off-white|"
        "slate grey|crimson|olive|turquoise|black|terracotta|lavender|dark brown|amber|coral pink|white",
    )
    return c if r.random() < 0.85 else f"#{r.randint(0, 0xFFFFFF):06X}"


def _title(r: _R) -> str:
    a, b = r.choice(_WORD).title(), r.choice(_WORD).title()
    return r.choice(
        [
            f"The {a} Year",
            f"A Field Guide to {b}",
            f"{a} and {b}",
            f"The Last {a}",
            f"Notes from {b} Hill",
            f"What the {a} Knew",
            f"Under the {b}",
            f"Letters to {r.choice(_FIRST)}",
        ]
    )


def _score(r: _R) -> str:
    a, b = r.randint(0, 7), r.randint(0, 7)
    return r.choice([f"{a}-{b}", f"{a} to {b}", f"{a}:{b}", f"{a * 14 + 20}-{b * 13 + 21}"])


def _race(r: _R) -> str:
    m, s, c = r.randint(1, 58), r.randint(0, 59), r.randint(0, 99)
    return r.choice([f"{m}:{s:02d}", f"{m}:{s:02d}.{c:02d}", f"{m} min {s} s", f"{r.randint(1, 5)}:{m:02d}:{s:02d}"])


def _temp(r: _R) -> str:
    n = r.randint(-25, 220)
    return r.choice([f"{n} °C", f"{n}°F", f"{n} degrees Celsius", f"{n + 273} K"])


def _seat(r: _R) -> str:
    n = r.randint(1, 44)
    return r.choice([f"{n}{r.choice('ABCDEFHK')}", f"Row {_letters(r, 1)}, seat {n}", f"{_letters(r, 1)}{n}"])


def _pressure(r: _R) -> str:
    a, b = r.randint(95, 180), r.randint(55, 110)
    return r.choice([f"{a}/{b}", f"{a}/{b} mmHg", f"{a} over {b}"])


def _dose(r: _R) -> str:
    n = r.choice([5, 10, 20, 25, 50, 75, 100, 200, 250, 400, 500])
    return r.choice(
        [
            f"{n} mg",
            f"{n} mg {_pick(r, 'twice daily|at bedtime|every six hours|once a day')}",
            f"{n} micrograms",
            f"{r.randint(1, 4)} tablets with food",
            f"{n / 10:g} ml",
        ]
    )


def _dims(r: _R) -> str:
    a, b, c = r.randint(8, 120), r.randint(8, 90), r.randint(4, 60)
    return r.choice([f"{a} x {b} x {c} cm", f"{a} by {b} inches", f"{a}×{b}×{c} mm", f"{a} cm x {b} cm"])


def _url(r: _R) -> str:
    h = f"{r.choice(_WORD)}-{r.choice(_WORD)}.{_pick(r, 'com|org|dev|net')}"
    return r.choice([f"https://{h}", f"https://{h}/{_pick(r, 'login|docs|status|v2')}", f"www.{h}", h])


def _ip(r: _R) -> str:
    a, b = r.randint(0, 255), r.randint(1, 254)
    return r.choice([f"10.{a}.{b % 20}.{b}", f"192.168.{a}.{b}", f"172.16.{a}.{b}", f"fe80::{a:x}:{b:x}"])


def _coords(r: _R) -> str:
    a, b = r.uniform(0, 70), r.uniform(0, 170)
    return r.choice([f"{a:.4f}, -{b:.4f}", f"{a:.2f}° N, {b:.2f}° W", f"{int(a)}°{r.randint(0, 59)}'S {int(b)}°E"])


def _plate(r: _R) -> str:
    return r.choice(
        [
            f"{_letters(r, 2)}{_digits(r, 2)} {_letters(r, 3)}",
            f"{_letters(r, 3)}-{_digits(r, 4)}",
            f"{_digits(r, 1)}{_letters(r, 3)}{_digits(r, 3)}",
        ]
    )


_PHRASES: dict[str, str] = {
    "blood type": "A positive|O negative|AB+|B-|O+|A-|AB negative|B positive|O positive|A+",
    "diagnosis": "iron deficiency anemia|type 2 diabetes|a torn meniscus|seasonal asthma|atrial fibrillation|shingles|"
    "acute bronchitis|chronic migraine|a stress fracture|gout|early-stage glaucoma|mild concussion|"
    "plantar fasciitis|celiac disease|otitis media|sleep apnea|carpal tunnel syndrome|bacterial pneumonia|"
    "lumbar disc herniation|high blood pressure|kidney stones|eczema",
    "known allergy": "penicillin|peanuts|latex|shellfish|bee stings|sulfa drugs|tree nuts|eggs|soy|codeine|ibuprofen|"
    "cat dander|ragweed pollen|sesame|aspirin|iodine contrast|cow's milk|wheat|kiwi fruit|nickel|dust",
    "payment method": "bank transfer|company credit card|cash on delivery|PayPal|direct debit|cashier's check|Apple Pay|"  # noqa: E501
    "letter of credit|wire transfer|gift card|money order|debit card|personal check|standing order|"
    "Visa ending 4410|net 30 invoice|store credit|prepaid voucher|cash|Mastercard|Venmo|Bitcoin",
    "shipping method": "overnight air|second-day air|ocean freight|standard ground|bike courier|registered mail|rail|"
    "refrigerated truck|in-store pickup|priority mail|white glove delivery|economy post|air cargo|"
    "parcel locker|less-than-truckload|same-day van|express courier|barge|flatbed trailer|drone|"
    "first class post|customer collection",
    "job title": "senior accountant|night shift supervisor|regional sales manager|line cook|data engineer|paralegal|"
    "head of procurement|ward nurse|Chief Operating Officer|junior architect|site foreman|lab technician|"
    "assistant librarian|forklift operator|product designer|vice president of marketing|payroll clerk|"
    "fleet coordinator|deputy editor|customer success lead|school counselor|harbor pilot",
    "programming language": "Rust|Python 3.11|Go|TypeScript|Haskell|C++17|Kotlin|Ruby|Elixir|Java|Scala|COBOL|C#|Swift|"
    "Perl|OCaml|Julia|PHP|R|Fortran 90|Clojure|Lua|Erlang|Zig",
    "file format": "PDF|CSV|Parquet|JPEG|PNG|plain text|JSON Lines|Word document|TIFF|EPUB|XML|MP4|WAV|Excel workbook|"
    "SVG|zip archive|HDF5|Markdown|FLAC|GeoJSON|PDF/A|RTF",
    "cause of death": "heart failure|drowning|pneumonia|natural causes|smoke inhalation|a pulmonary embolism|sepsis|"
    "blunt force trauma|liver cancer|hypothermia|stroke|carbon monoxide poisoning|kidney failure|"
    "old age|a ruptured aneurysm|anaphylactic shock|typhoid fever|undetermined|a fall from height|"
    "electrocution|accidental overdose|influenza",
    "floor material": "oak parquet|polished concrete|vinyl plank|slate tile|cork|bamboo|linoleum|wool carpet|terrazzo|"
    "ceramic tile|marble|laminate|reclaimed pine|rubber matting|brick|epoxy resin|travertine|walnut|"
    "porcelain tile|sisal|engineered maple|quarry tile",
    "main ingredient": "red lentils|smoked paprika|chicken thighs|coconut milk|rye flour|butternut squash|tofu|salmon|"
    "arborio rice|chickpeas|dark chocolate|ground beef|leeks|buckwheat|goat cheese|sweet potato|"
    "mussels|almonds|eggplant|black beans|pork shoulder|barley",
    "secret password": "blue heron 42|Tr0ubad0ur!|open the gate|mango-kite-71|hunter2|swordfish|correct horse battery|"
    "Winter2024!|moonlit pelican|qwerty99|rosebud|xK9#pLm2|seven grey geese|letmein_now|pa55phrase|"
    "three cups of tea|Zephyr-08|ironbark|sunflower88|quiet as snow|J4nuary?|violet lemon",
    "native language": "Tagalog|Finnish|Portuguese|Swahili|Urdu|Korean|Catalan|Amharic|Polish|Bengali|Welsh|Farsi|"
    "Mandarin|Haitian Creole|Greek|Yoruba|Hungarian|Tamil|Icelandic|Arabic|Quechua|Dutch|Basque",
    "occasion": "a retirement party|their silver anniversary|graduation day|a housewarming|the annual gala|Eid|"
    "a baby shower|the spring concert|her fortieth birthday|a memorial service|Thanksgiving dinner|"
    "the ribbon cutting|a wedding rehearsal|the company picnic|a farewell lunch|New Year's Eve|Diwali|"
    "the alumni reunion|a book launch|his christening|Mother's Day|the harvest festival",
    "governing law": "the State of Delaware|England and Wales|New York law|Ontario|Swiss law|Singapore|California|"
    "German law|the Republic of Ireland|Scots law|Texas|Hong Kong|the laws of Queensland|Nevada|"
    "Dutch law|Japanese law|British Columbia|Illinois|French law|New Zealand law|Bermuda|Ohio",
    "charge": "petty theft|breach of contract|reckless driving|wire fraud|second-degree burglary|tax evasion|arson|"
    "criminal trespass|perjury|aggravated assault|insider trading|disorderly conduct|money laundering|"
    "driving without insurance|forgery|vandalism|embezzlement|identity theft|contempt of court|bribery|"
    "receiving stolen goods|obstruction of justice",
    "eye colour": "brown|hazel|green|grey-green|light blue|dark brown|amber|steel grey|blue|blue-grey",
    "breed": "border collie|Maine Coon|Holstein|beagle|Siamese|Welsh corgi|Clydesdale|greyhound|Suffolk sheep|pug|"
    "Labrador retriever|ragdoll|Angus|whippet|Dalmatian|Shetland pony|Bengal cat|standard poodle|dachshund|"
    "Irish setter|Nubian goat|Rhode Island Red",
    "status": "pending review|approved|on hold|awaiting payment|shipped|cancelled by customer|closed|in transit|draft|"
    "escalated to legal|under investigation|partially filled|rejected|reopened|out of stock|active|expired|"
    "waiting on parts|ready for pickup|suspended|archived|returned to sender",
    "return reason": "wrong size|damaged in transit|changed my mind|missing parts|arrived too late|colour not as shown|"
    "duplicate order|faulty zipper|poor battery life|unwanted gift|does not fit|screen cracked|leaking|"
    "ordered by mistake|found it cheaper|stopped working|item never arrived|strong chemical smell|"
    "wrong voltage|scratched surface|torn seam|expired product",
    "position": "goalkeeper|left back|shortstop|point guard|wide receiver|fly-half|striker|center field|setter|libero|"
    "first base|tight end|defensive midfielder|hooker|wing attack|catcher|power forward|linebacker|sweeper|"
    "right wing|scrum-half|opening batsman",
    "fabric": "raw silk|brushed cotton|Harris tweed|linen|polyester blend|merino wool|velvet|corduroy|denim|chiffon|"
    "organic jersey|cashmere|canvas|seersucker|satin|flannel|faux leather|muslin|nylon ripstop|gabardine|lace",
    "species": "Quercus robur|Atlantic cod|barn owl|Homo erectus|common toad|Drosophila melanogaster|red fox|zebrafish|"
    "Escherichia coli|snow leopard|monarch butterfly|Arabidopsis thaliana|grey seal|Mus musculus|osprey|"
    "giant kelp|house sparrow|Pinus sylvestris|honey bee|blue whale|harbour porpoise|Canis lupus",
    "solvent": "acetone|distilled water|ethanol|dimethyl sulfoxide|toluene|methanol|hexane|chloroform|acetonitrile|"
    "diethyl ether|isopropanol|ethyl acetate|dichloromethane|benzene|pyridine|n-butanol|cyclohexane|xylene|"
    "glacial acetic acid|tetrahydrofuran|DMF|heavy water",
}


def value(rng: random.Random, attribute: str) -> str:
    """A fresh value that suits the attribute."""
    r, a = rng, attribute
    if a in _PHRASES:
        return _pick(r, _PHRASES[a])
    match _KIND[a]:
        case "person":
            return _person(r)
        case "doctor":
            return _doctor(r)
        case "judge":
            return _judge(r)
        case "date":
            return _date(r)
        case "birth":
            return _birth(r)
        case "time":
            return _time(r)
        case "hours":
            return _hours(r)
        case "small":
            return _money(r, 12, 950)
        case "money":
            return _money(r, 800, 95000)
        case "big":
            return _money(r, 120000, 4800000)
        case "pct":
            return _pct(r, 0.5, 28.0)
        case "weight":
            return _measure(r, 2, 1400, "kg|lb|pounds|kilograms")
        case "length":
            return _measure(r, 2, 900, "km|miles|m|feet")
        case "speed":
            return _measure(r, 15, 240, "mph|km/h|knots")
        case "data":
            return _measure(r, 2, 900, "GB|MB|TB|GiB")
        case "area":
            return _measure(r, 30, 2900, "sq ft|m²|square metres|acres")
        case "volume":
            return _measure(r, 5, 700, "litres|gallons|L|ml")
        case "long":
            return _span(r, "months|weeks|years")
        case "short":
            return _span(r, "days|hours|minutes|business days")
        case "address":
            return _address(r)
        case "place":
            return _place(r)
        case "country":
            return r.choice(_COUNTRY)
        case "room":
            return _room(r)
        case "email":
            return _email(r)
        case "phone":
            return _phone(r)
        case "company":
            return _company(r)
        case "code":
            return _code(r)
        case "path":
            return _path(r)
        case "version":
            return _version(r)
        case "colour":
            return _colour(r)
        case "title":
            return _title(r)
        case "score":
            return _score(r)
        case "race":
            return _race(r)
        case "temp":
            return _temp(r)
        case "seat":
            return _seat(r)
        case "bp":
            return _pressure(r)
        case "dose":
            return _dose(r)
        case "dims":
            return _dims(r)
        case "url":
            return _url(r)
        case "ip":
            return _ip(r)
        case "coords":
            return _coords(r)
        case "plate":
            return _plate(r)
        case "port":
            return str(r.choice([80, 443, 5432, 6379, 8080, r.randint(1024, 65535)]))
        case "count":
            return r.choice([f"{r.randint(3, 90)}", f"{r.randint(100, 9800):,}", f"about {r.randint(2, 80)}0"])
        case "team":
            return f"{r.choice(_CITY)} {r.choice(_TEAM)}"
        case "branch":
            return f"{_pick(r, 'feature/|fix/|release-|hotfix/|dev-')}{r.choice(_WORD)}"
        case _:
            raise KeyError(a)


_KIND: dict[str, str] = {
    "closing date": "date",
    "hearing date": "date",
    "expiry date": "date",
    "date of birth": "birth",
    "departure time": "time",
    "curfew": "time",
    "opening hours": "hours",
    "deductible": "money",
    "monthly rent": "money",
    "late fee": "small",
    "purchase price": "big",
    "settlement amount": "big",
    "interest rate": "pct",
    "profit margin": "pct",
    "gross weight": "weight",
    "trail length": "length",
    "top speed": "speed",
    "disk quota": "data",
    "floor area": "area",
    "tank capacity": "volume",
    "warranty period": "long",
    "prison sentence": "long",
    "lead time": "short",
    "mailing address": "address",
    "port of loading": "place",
    "birthplace": "place",
    "country of origin": "country",
    "exam room": "room",
    "contact email": "email",
    "emergency number": "phone",
    "fuel supplier": "company",
    "insurer": "company",
    "docket number": "code",
    "tracking number": "code",
    "call number": "code",
    "log location": "path",
    "firmware version": "version",
    "paint colour": "colour",
    "book title": "title",
    "final score": "score",
    "winning time": "race",
    "melting point": "temp",
    "seat number": "seat",
    "blood pressure": "bp",
    "prescribed dose": "dose",
    "package dimensions": "dims",
    "home page": "url",
    "gateway address": "ip",
    "wreck coordinates": "coords",
    "licence plate": "plate",
    "default port": "port",
    "sample size": "count",
    "visiting team": "team",
    "release branch": "branch",
    "presiding judge": "judge",
    "attending physician": "doctor",
}

ATTRIBUTES: list[str] = [*_KIND, *_PHRASES]

FACTS: list[str] = [
    # value first
    "{value} is the {attribute} of {name}.",
    "{value} -- that, she said at last, was {name}'s {attribute}.",
    '"{value}" appears on the form for {name} in the box marked {attribute}.',
    "{value} (this is the {attribute} we hold on file for {name})",
    "{value}: {attribute}, {name}.",
    "'{value}', the clerk read out, when asked for the {attribute} of {name}.",
    "{value} has been confirmed as {name}'s {attribute}.",
    "{value} <- {attribute} for {name}, checked twice",
    "{value} remains, as before, the {attribute} in the case of {name}.",
    "{value} | {name} | {attribute}",
    "{value} shall be the {attribute} in respect of {name} for all purposes of this agreement.",
    '"{value}." That was all the old man would say about the {attribute} of {name}.',
    "{value}, according to the inspector, is the correct {attribute} for {name}.",
    "{value} should go down as {attribute} on the sheet for {name}, please.",
    "{value} was minuted as the agreed {attribute} for {name}.",
    "{value}; so runs the entry in the ledger against {name}, under {attribute}.",
    "{value} it is, then: that settles the {attribute} for {name}.",
    "[{value}] recorded in field [{attribute}] of record [{name}]",
    "{value} turned out to be the {attribute} that everyone had wanted to know about {name}.",
    "{value} = {name}.{attribute}",
    # value in the middle
    "For {name}, please note {value} as the {attribute}.",
    "We have {name} down with {value} as {attribute}, and nobody has objected.",
    "The {attribute}, {value}, was stated on the first page of the file on {name}.",
    'Regarding {name}: "{value}" is the answer to your question about the {attribute}.',
    "Set {attribute} to {value} for {name} before you proceed.",
    '08:14 INFO {attribute}="{value}" saved for {name}',
    "As to {attribute}, we can report {value} in the case of {name}.",
    "Dear all, just to let you know that {value} is now {name}'s {attribute}.",
    "{name} ({attribute}: {value}) was next on the list.",
    "The chair asked about {name} and was given {value} as the {attribute}.",
    'Under {attribute} someone had written "{value}" in pencil on the card for {name}.',
    "- {name} / {value} / ({attribute})",
    "With {attribute} fixed as {value}, the paperwork for {name} is complete.",
    "It was {value}, and nothing else, that the report on {name} gave as {attribute}.",
    "When they came to {name}, they found '{value}' typed beside the word {attribute}.",
    "The {attribute} is {value} where {name} is concerned.",
    "I looked up {name} for you and got {value} for the {attribute}, in case you still need it.",
    "{attribute} [{value}] - see entry for {name}",
    "Officials named {value} on Tuesday as the {attribute} of {name}.",
    'Everyone who had dealt with {name} could give you "{value}" as the {attribute} without looking it up.',
    # value at the end
    "The {attribute} of {name} is {value}.",
    "{name}'s {attribute}: {value}",
    "{name} - {attribute} - {value}",
    "In the matter of {name}, the parties record the following {attribute}: {value}.",
    "You asked about the {attribute} for {name}; it is {value}.",
    '<record name="{name}" field="{attribute}">{value}</record>',
    'Our records for {name} list the {attribute} as "{value}".',
    "P.S. I nearly forgot {name}. The {attribute} there is {value}.",
    "Q: What is the {attribute} for {name}? A: {value}.",
    "Concerning {name}, the {attribute} was given by the spokesman as {value}.",
    "On the label of {name}, next to {attribute}, it reads: {value}.",
    "{attribute} ({name}) ....... {value}",
    "If anyone needs the {attribute} for {name}, here it is: {value}.",
    "Resolved, that the {attribute} for {name} be entered as {value}.",
    "There is only one {attribute} on record for {name}, namely {value}.",
    "Spoke to the office re {name}. They say {attribute} = {value}.",
    '"And the {attribute} of {name}?" he asked. She did not look up. "{value}."',
    "Entry no. 7, {name}; under the heading {attribute}, {value}.",
    "Schedule 2 identifies, as {attribute} for {name}, {value}.",
    "Correct details for {name} as supplied today, {attribute} only: {value}.",
]

FIND: list[str] = [
    "What is the {attribute} of {name}?",
    "What's {name}'s {attribute}?",
    "{name} {attribute}?",
    "{attribute} of {name}",
    "{name}: {attribute}",
    "Please tell me the {attribute} of {name}.",
    "Could you give me the {attribute} for {name}?",
    "I need the {attribute} for {name}.",
    "Find {name}'s {attribute}.",
    "Look up the {attribute} of {name}, please.",
    "Do you happen to know the {attribute} of {name}?",
    "What do we have as {attribute} for {name}?",
    "Which {attribute} is on file for {name}?",
    "What {attribute} is given for {name}?",
    "For {name}, what is the {attribute}?",
    "Give the {attribute} recorded for {name}.",
    "State {name}'s {attribute}.",
    "Remind me of the {attribute} for {name}?",
    "I've forgotten {name}'s {attribute}; what is it?",
    "Would you mind checking the {attribute} of {name} for me?",
    "What does it say about {name} under {attribute}?",
    "Extract the {attribute} of {name} from the text.",
    "According to the document, what is {name}'s {attribute}?",
    "I'm looking for {name}'s {attribute}.",
    "Can you find the {attribute} for {name} in here?",
    "Tell me {name}'s {attribute}",
    "Just the {attribute} of {name}, nothing else.",
    "Quick question: {attribute} for {name}?",
    "What should I enter as {attribute} for {name}?",
    "How is the {attribute} of {name} recorded?",
    "The {attribute} of {name} is what, exactly?",
    "And {name}? What's the {attribute} there?",
    "Need {attribute} for {name} asap",
    "get {attribute} where name = {name}",
    "Let me have the {attribute} for {name}, would you?",
    "Does anyone remember what the {attribute} for {name} was? Just tell me what it is.",
    "What was stated as the {attribute} in the case of {name}?",
    "Read me the {attribute} that is listed for {name}.",
    "I'd like to know the {attribute} of {name}.",
    "Kindly provide the {attribute} in respect of {name}.",
    "Fill in the blank: the {attribute} of {name} is ____.",
    "Someone is asking for {name}'s {attribute}. What do I tell them?",
    "Where {name} is concerned, what is the {attribute}?",
    "whats the {attribute} for {name}",
    "Show {attribute} / {name}",
    "Any idea what {name} has as its entry for {attribute}?",
    "Report the value of {attribute} for {name}.",
    "What did they put down for {name} as {attribute}?",
    "Check the file on {name} and tell me the {attribute}.",
    "Help me with {name}: I can't find the {attribute}.",
    "What would be the right {attribute} to quote for {name}?",
    "Retrieve {name}'s {attribute}.",
    "I wonder what the {attribute} of {name} is.",
    "May I ask what {name}'s {attribute} is?",
    "re {name} - pls send {attribute}",
    "Name the {attribute} that belongs to {name}.",
    "In the text above, what {attribute} does {name} have?",
    "Answer with the {attribute} of {name} only.",
    "Under {attribute}, what is written for {name}?",
    "Sorry to bother you, but what is the {attribute} we have for {name}?",
]
