"""Blind test wordings for a question-answering benchmark over long texts."""

from __future__ import annotations

import random

NAMES: list[str] = [
    # people
    "Oswin Tarrabeck",
    "Ilse Vandermoot",
    "Kwabena Osarfo",
    "Priyamvada Kothekar",
    "Teodor Lischka",
    "Mirembe Nalwoga",
    "Dr Hanneke Buisvoort",
    "Jorunn Skjelvik",
    "Rafaelo Quintarelha",
    "Yukari Tomonaga-Bell",
    "Captain Elspeth Drury",
    "Bartek Wyrzynka",
    "Noor al-Qasbani",
    "Sister Philomena Crake",
    "Tevita Fakalolo",
    "Anselm Pruett",
    "Zsofia Berkenyes",
    "Lwazi Mthombeka",
    "Judge Corliss Handyside",
    "Matthieu Desroncières",
    # places
    "Harrowmere",
    "Port Gallisto",
    "Upper Strellick",
    "Val Torrenta",
    "Kizimbwe",
    "Nakahoshi Ward",
    "Dunfallow Marsh",
    "Sankt Oderich",
    "Bahía Perdigal",
    "Old Tannery Quarter",
    "Lake Umbossi",
    "Crows Elbow",
    "Stavnesund",
    "Qarabulaq Pass",
    "Little Wexcombe",
    # ships and vehicles
    "MV Sorrel Tide",
    "Grey Halcyon",
    "SS Amberley Queen",
    "Nordkapp Runner",
    "Tug 417",
    "HMCS Petrelline",
    "Lady Ottoline",
    "Kestrel-9",
    "Ferry Dagmar II",
    "Wagon 20-558",
    # firms
    "Brandvold & Sons",
    "Okonjo Freight",
    "Lumetrix",
    "Pellworth Insurance",
    "Sagamine Foods",
    "Ardoise Capital Partners",
    "Tiefenbach Optik",
    "Blue Gannet Brewing",
    "Vostrikov Steel",
    "Quillfeather Press",
    "Marrakoa Textiles",
    "Hexapine Software",
    "Corvallo Motors",
    "Dhanvari Pharma",
    "Nine Elders Cooperative",
    # buildings and institutions
    "Thornquay Hospital",
    "Saint Brannoc's School",
    "Belvoisin Hall",
    "Mill Lane Annex",
    "Haldane-Ruiz Library",
    "Pavilion 6B",
    "Rookery House",
    "Museo Cantarrana",
    "Tarn Street Depot",
    "Gasworks Theatre",
    "Chalet Edelgrund",
    "Ostrava Gate Tower",
    "Fenwright College",
    # devices and machines
    "RX-2140",
    "Pumpmaster 300",
    "Unit C-77",
    "Glidewell Loom",
    "TheraScan Duo",
    "Boiler No. 3",
    "Nimbus T8",
    "Vantor Press Brake",
    "node-eu-14",
    "db-primary-02",
    "Sensor 9F21",
    "Haymaker 1200",
    "Aquila Drone",
    "Kiln Number Five",
    "Zephyrette",
    # products
    "Velvetine Polish",
    "Oakhollow Cider",
    "Tri-Lax Syrup",
    "Brisa Tent",
    "Mornington Biscuit",
    "CleverKettle",
    "Solvane-X",
    "Puddlejack Boots",
    "Inkwell Pro",
    "Suncrest 45",
    # projects, systems and programmes
    "Project Larkspur",
    "Operation Tin Whistle",
    "Copperfield-West Upgrade",
    "Mosaic Initiative",
    "Deepwell",
    "TIDEMARK",
    "Ledgerline",
    "Expedition Boreal Fox",
    "Programme 2031",
    # laws and agreements
    "Inland Moorings Act",
    "Treaty of Vessmark",
    "Directive 88-C",
    "Hedgerow Ordinance",
    "Lindqvist Settlement",
    "Bylaw 19",
    # animals and plants
    "Biscotti the Mule",
    "Old Rumple",
    "Mare Windlestraw",
    "Pangolin P3",
    "Tzatziki",
    # works and events
    "The Salt Orchard",
    "Tre Ponti Regatta",
]

_KIND_OF: dict[str, str] = {
    # codes and numbers that identify
    "access code": "code",
    "serial number": "code",
    "docket number": "case",
    "policy number": "code",
    "licence plate": "plate",
    "batch id": "code",
    "tracking reference": "code",
    "error code": "error",
    "patient number": "code",
    "shelf mark": "shelf",
    "catalogue entry": "shelf",
    "call sign": "callsign",
    "firmware version": "version",
    "commit hash": "hash",
    "door pin": "pin",
    "flight number": "flight",
    "invoice reference": "code",
    "parcel identifier": "code",
    "wifi password": "password",
    # dates
    "launch date": "date",
    "expiry date": "date",
    "date of signing": "date",
    "next inspection": "date",
    "founding year": "year",
    "last vaccination": "date",
    "payment deadline": "date",
    "date of discharge": "date",
    "harvest date": "date",
    "year of restoration": "year",
    # times and durations
    "departure time": "time",
    "closing hour": "time",
    "wake-up call": "time",
    "visiting hours": "span",
    "notice period": "duration",
    "warranty length": "duration",
    "mean response time": "latency",
    "finishing time": "racetime",
    "half-life": "duration",
    # measures
    "ceiling height": "length",
    "wingspan": "length",
    "draught": "length",
    "depth": "length",
    "tare weight": "weight",
    "birth weight": "smallweight",
    "daily dose": "dose",
    "operating pressure": "pressure",
    "melting point": "temperature",
    "oven setting": "temperature",
    "floor area": "area",
    "tank capacity": "volume",
    "milk yield": "volume",
    "top speed": "speed",
    "rated voltage": "voltage",
    "disk usage": "storage",
    "shaft diameter": "millimetres",
    "humidity": "percent",
    "blood group": "blood",
    # counts and rates
    "seating capacity": "count",
    "crew size": "smallcount",
    "number of pupils": "count",
    "herd strength": "count",
    "attendance": "bigcount",
    "population": "bigcount",
    "bed count": "count",
    "retry limit": "smallcount",
    "print run": "bigcount",
    "interest rate": "percent",
    "pass mark": "percent",
    "voter turnout": "percent",
    "final score": "score",
    "league position": "ordinal",
    "listening port": "port",
    # money
    "annual budget": "bigmoney",
    "monthly rent": "money",
    "purchase price": "bigmoney",
    "outstanding balance": "money",
    "entry fee": "smallmoney",
    "prize fund": "bigmoney",
    "excess payable": "money",
    # persons
    "chief engineer": "person",
    "legal guardian": "person",
    "head coach": "person",
    "emergency contact": "person",
    "previous owner": "person",
    "consulting surgeon": "person",
    "architect": "person",
    # places
    "home port": "place",
    "birthplace": "place",
    "storage location": "spot",
    "registered office": "address",
    "meeting room": "room",
    # things, materials, colours
    "roofing material": "material",
    "hull colour": "colour",
    "favourite treat": "food",
    "known allergy": "allergy",
    "crop rotation": "crops",
    # titles, mottos, electronic addresses, paths
    "motto": "motto",
    "working title": "title",
    "support e-mail": "email",
    "log path": "path",
}

ATTRIBUTES: list[str] = list(_KIND_OF)

_MONTHS: list[str] = [
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
_FIRST: list[str] = [
    "Agnete",
    "Ruben",
    "Chidera",
    "Marisol",
    "Piet",
    "Sunniva",
    "Darragh",
    "Leocadia",
    "Hiroki",
    "Nasrin",
    "Bogdan",
    "Winifred",
    "Tomasz",
    "Ebele",
    "Corentin",
    "Saoirse",
    "Vikram",
    "Ottilie",
    "Emre",
    "Luz",
]
_LAST: list[str] = [
    "Halvarsen",
    "Oyelukan",
    "Brigstow",
    "Casteldine",
    "Marwaha-Lunt",
    "Pokrovnik",
    "Szentalja",
    "Tanigashi",
    "Verhoolst",
    "Quenneville-Ash",
    "Dromgoolan",
    "Ferragut",
    "Ishmurat",
    "Kellenbrook",
    "Lautamies",
    "Nkemelu",
    "Rosvinge",
    "Thackwray",
    "Yildizhan",
    "Abernoth",
]
_PLACE_A: list[str] = [
    "Brack",
    "Silver",
    "Hol",
    "Munder",
    "Carra",
    "Vin",
    "Oster",
    "Pell",
    "Wether",
    "Gorm",
    "Lund",
    "Tamar",
]
_PLACE_B: list[str] = ["wick", "haven", "ford", "sby", "ton", "vik", "dale", "mouth", "stead", "burg", "combe"]
_STREETS: list[str] = [
    "Cooper Street",
    "Lantern Row",
    "Quay Road",
    "Abbot's Walk",
    "Station Parade",
    "Weir Lane",
    "Ropery Close",
    "Kastanienweg",
    "Rue des Tisserands",
]
_ALNUM: str = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LETTERS: str = "ABCDEFGHJKLMNPRSTUVWXYZ"


def _some(rng: random.Random, alphabet: str, length: int) -> str:
    """Return a random string of the given length."""
    return "".join(rng.choice(alphabet) for _ in range(length))


def _place(rng: random.Random) -> str:
    """Return an invented place name."""
    before = rng.choice(["", "", "", "North ", "Port ", "Great "])
    return before + rng.choice(_PLACE_A) + rng.choice(_PLACE_B)


def _date(rng: random.Random) -> str:
    """Return a date in one of several formats."""
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1968, 2034)
    name = _MONTHS[month - 1]
    return rng.choice(
        [
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
            f"{year}-{month:02d}-{day:02d}",
            f"{day:02d}.{month:02d}.{year}",
            f"{day:02d}/{month:02d}/{year}",
            f"{day} {name[:3]} {year}",
        ]
    )


def _identifier(rng: random.Random) -> str:
    """Return an identifying code in one of several formats."""
    return rng.choice(
        [
            f"{_some(rng, _LETTERS, 2)}-{rng.randint(1000, 99999)}",
            f"{_some(rng, _ALNUM, 4)}-{_some(rng, _ALNUM, 4)}",
            f"{rng.randint(100000, 99999999)}",
            f"{_some(rng, _LETTERS, 3)}/{rng.randint(10, 999)}/{rng.randint(10, 99)}",
            f"{rng.randint(10, 99)}{_some(rng, _LETTERS, 1)}{rng.randint(1000, 9999)}",
        ]
    )


def _money(rng: random.Random, low: int, high: int) -> str:
    """Return an amount of money between low and high in one of several formats."""
    amount = rng.randint(low, high)
    cents = rng.randint(0, 99)
    return rng.choice(
        [
            f"${amount:,}",
            f"${amount:,}.{cents:02d}",
            f"£{amount:,}",
            f"€{amount:,}.{cents:02d}",
            f"{amount:,} euros",
            f"CHF {amount:,}",
            f"{amount:,} kroner",
            f"{amount} pounds",
        ]
    )


def _identifying(rng: random.Random, kind: str) -> str | None:
    """Return a value of a kind that identifies something, or None if the kind is another."""
    pick = rng.choice
    if kind == "code":
        return _identifier(rng)
    if kind == "case":
        year, number = rng.randint(1985, 2031), rng.randint(10, 9999)
        return pick(
            [
                f"{year}-CV-{number:05d}",
                f"No. {number}/{year % 100:02d}",
                f"{rng.randint(1, 30)} O {number}/{year % 100:02d}",
            ]
        )
    if kind == "plate":
        return pick(
            [
                f"{_some(rng, _LETTERS, 2)}{rng.randint(10, 79)} {_some(rng, _LETTERS, 3)}",
                f"{_some(rng, _LETTERS, 3)}-{rng.randint(100, 9999)}",
                f"{rng.randint(1, 9)}{_some(rng, _LETTERS, 3)}{rng.randint(100, 999)}",
            ]
        )
    if kind == "error":
        return pick(
            [
                f"E{rng.randint(100, 9999)}",
                f"0x{rng.randint(4096, 1048575):06X}",
                f"ERR_{_some(rng, _LETTERS, 3)}_{rng.randint(10, 99)}",
                f"{_some(rng, _LETTERS, 1)}-{rng.randint(1, 99):02d}",
            ]
        )
    if kind == "shelf":
        return pick(
            [
                f"MS {rng.randint(12, 990)}.{_some(rng, 'abcdef', 1)}",
                f"{_some(rng, _LETTERS, 2)} {rng.randint(100, 9999)}.{rng.randint(1, 99)}",
                f"inv. {rng.randint(1880, 2020)}.{rng.randint(1, 400)}",
            ]
        )
    if kind == "callsign":
        word = pick(["Foxglove", "Anvil", "Teapot", "Marlin", "Sundial", "Juniper"])
        return pick(
            [f"{word} {rng.randint(2, 99)}", f"{_some(rng, _LETTERS, 2)}{rng.randint(1, 9)}{_some(rng, _LETTERS, 3)}"]
        )
    if kind == "version":
        major, minor, patch = rng.randint(0, 19), rng.randint(0, 40), rng.randint(0, 99)
        return pick(
            [
                f"{major}.{minor}.{patch}",
                f"v{major}.{minor}",
                f"{major}.{minor}.{patch}-rc{rng.randint(1, 9)}",
                f"{rng.randint(2018, 2031)}.{rng.randint(1, 12):02d}.{patch}",
            ]
        )
    if kind == "hash":
        return _some(rng, "0123456789abcdef", pick([7, 8, 10, 12]))
    if kind == "pin":
        return pick([_some(rng, "0123456789", 4), _some(rng, "0123456789", 6), f"{_some(rng, '0123456789', 4)}#"])
    if kind == "flight":
        return f"{_some(rng, _LETTERS, 2)}{pick(['', ' '])}{rng.randint(100, 9899)}"
    if kind == "password":
        word = pick(["walrus", "pepper", "Trombone", "lichen", "Gravel", "noodle"])
        return pick(
            [
                f"{word}-{pick(['attic', 'canal', 'mitten', 'ember'])}-{rng.randint(10, 999)}",
                f"{word}{rng.randint(100, 9999)}!",
                _some(rng, "abcdefghkmnpqrstuvwxyz23456789", 10),
            ]
        )
    if kind == "port":
        return str(rng.randint(1025, 65000))
    if kind == "blood":
        return pick(["A", "B", "AB", "0"]) + pick(["+", "-", " positive", " negative"])
    return None


def _temporal(rng: random.Random, kind: str) -> str | None:
    """Return a value of a kind that has to do with time, or None if the kind is another."""
    pick = rng.choice
    if kind == "date":
        return _date(rng)
    if kind == "year":
        return str(rng.randint(1487, 2024))
    if kind == "time":
        hour, minute = rng.randint(0, 23), rng.randint(0, 59)
        half = "am" if hour < 12 else "pm"
        return pick(
            [
                f"{hour:02d}:{minute:02d}",
                f"{(hour - 1) % 12 + 1}:{minute:02d} {half}",
                f"{hour:02d}.{minute:02d}",
                f"{hour:02d}{minute:02d} hours",
            ]
        )
    if kind == "span":
        start, end, past = rng.randint(6, 12), rng.randint(13, 22), pick(["00", "15", "30", "45"])
        return pick(
            [
                f"{start:02d}:{past} to {end:02d}:{past}",
                f"{start}:{past} am to {end - 12}:{past} pm",
                f"{start:02d}:{past}-{end:02d}:{past}",
            ]
        )
    if kind == "duration":
        return f"{rng.randint(2, 96)} {pick(['days', 'weeks', 'months', 'years'])}"
    if kind == "latency":
        return pick(
            [f"{rng.randint(12, 990)} ms", f"{rng.uniform(1, 30):.1f} seconds", f"{rng.randint(3, 59)} minutes"]
        )
    if kind == "racetime":
        minute, second = rng.randint(2, 59), rng.randint(0, 59)
        return pick(
            [
                f"{rng.randint(1, 6)}:{minute:02d}:{second:02d}",
                f"{minute} min {second} s",
                f"{minute}:{second:02d}.{rng.randint(0, 99):02d}",
            ]
        )
    return None


def _measured(rng: random.Random, kind: str) -> str | None:
    """Return a value of a kind that is measured, or None if the kind is another."""
    pick = rng.choice
    if kind == "length":
        return pick(
            [
                f"{rng.uniform(1.1, 40):.1f} m",
                f"{rng.uniform(1.1, 40):.2f} metres",
                f"{rng.randint(4, 130)} feet",
                f"{rng.randint(4, 90)} ft {rng.randint(1, 11)} in",
            ]
        )
    if kind == "weight":
        return pick(
            [f"{rng.randint(110, 9800)} kg", f"{rng.uniform(1.1, 60):.1f} tonnes", f"{rng.randint(300, 19000)} lb"]
        )
    if kind == "smallweight":
        return pick(
            [
                f"{rng.randint(410, 4900)} g",
                f"{rng.uniform(0.4, 48):.2f} kg",
                f"{rng.randint(3, 10)} lb {rng.randint(1, 15)} oz",
            ]
        )
    if kind == "dose":
        return pick(
            [
                f"{rng.randint(5, 950)} mg",
                f"{rng.uniform(0.5, 25):.1f} ml",
                f"{rng.randint(2, 9)} tablets",
                f"{rng.randint(4, 80)} drops",
            ]
        )
    if kind == "pressure":
        return pick(
            [f"{rng.uniform(1.1, 300):.1f} bar", f"{rng.randint(15, 4200)} psi", f"{rng.randint(90, 9000)} kPa"]
        )
    if kind == "temperature":
        return pick([f"{rng.randint(41, 1490)} °C", f"{rng.randint(41, 480)} degrees", f"{rng.randint(110, 900)} °F"])
    if kind == "area":
        return pick(
            [
                f"{rng.randint(38, 48000):,} m²",
                f"{rng.randint(300, 90000):,} square feet",
                f"{rng.randint(40, 9000)} square metres",
            ]
        )
    if kind == "volume":
        return pick(
            [f"{rng.randint(14, 9800):,} litres", f"{rng.randint(10, 990)} gallons", f"{rng.uniform(2, 90):.1f} hl"]
        )
    if kind == "speed":
        return pick([f"{rng.randint(11, 390)} km/h", f"{rng.uniform(6, 45):.1f} knots", f"{rng.randint(9, 240)} mph"])
    if kind == "voltage":
        return pick([f"{rng.randint(9, 980)} V", f"{rng.uniform(1, 36):.1f} volts", f"{rng.randint(1, 132)} kV"])
    if kind == "storage":
        return pick([f"{rng.randint(21, 990)} GB", f"{rng.uniform(1, 60):.2f} TB", f"{rng.randint(300, 99000)} MiB"])
    if kind == "millimetres":
        return pick([f"{rng.randint(4, 890)} mm", f"{rng.uniform(3, 90):.2f} mm", f"{rng.uniform(0.4, 20):.1f} inches"])
    if kind == "percent":
        number = rng.randint(2, 98)
        return pick(
            [
                f"{number}%",
                f"{number}.{rng.randint(1, 9)}%",
                f"{number} percent",
                f"{number}.{rng.randint(1, 9)} per cent",
            ]
        )
    if kind == "count":
        return str(rng.randint(17, 990))
    if kind == "smallcount":
        return pick(
            [str(rng.randint(2, 64)), pick(["four", "seven", "nine", "eleven", "thirteen", "sixteen", "nineteen"])]
        )
    if kind == "bigcount":
        number = rng.randint(1100, 940000)
        return pick([f"{number:,}", str(number)])
    if kind == "score":
        return f"{rng.randint(0, 98)}{pick(['-', ':', ' to '])}{rng.randint(0, 98)}"
    if kind == "ordinal":
        return pick(["second", "third", "fifth", "sixth", "eighth", "11th", "12th", "14th", "17th", "22nd"])
    if kind == "bigmoney":
        if rng.random() < 0.3:
            return pick("$£€") + f"{rng.uniform(1.1, 95):.1f} million"
        return _money(rng, 12000, 4900000)
    if kind == "money":
        return _money(rng, 140, 9800)
    if kind == "smallmoney":
        return _money(rng, 3, 95)
    return None


def _worded(rng: random.Random, kind: str) -> str:
    """Return a value of a kind that is words: a person, a place, a thing or a text."""
    pick = rng.choice
    if kind == "person":
        first, last = pick(_FIRST), pick(_LAST)
        return pick(
            [f"{first} {last}", f"{first} {last}", f"{pick(_LETTERS)}. {last}", f"Ms {last}", f"Dr {first} {last}"]
        )
    if kind == "place":
        return _place(rng)
    if kind == "spot":
        return pick(
            [
                f"aisle {rng.randint(2, 40)}, bay {pick(_LETTERS)}",
                f"cabinet {rng.randint(2, 99)}",
                f"shed {rng.randint(2, 30)} at {_place(rng)}",
                f"the {pick(['east', 'west', 'lower', 'back'])} "
                f"{pick(['cellar', 'loft', 'vault', 'pantry', 'workshop'])}",
            ]
        )
    if kind == "address":
        return pick(
            [f"{rng.randint(2, 290)} {pick(_STREETS)}, {_place(rng)}", f"{rng.randint(2, 290)} {pick(_STREETS)}"]
        )
    if kind == "room":
        return pick(
            [
                f"room {rng.randint(2, 490)}",
                f"{pick(_LETTERS)}{rng.randint(1, 6)}.{rng.randint(10, 60)}",
                f"the {pick(['Heron', 'Walnut', 'Garden', 'Copper', 'Saffron'])} Room",
            ]
        )
    if kind == "material":
        return pick(
            [
                "Welsh slate",
                "corrugated zinc",
                "cedar shingles",
                "reed thatch",
                "patinated copper",
                "clay pantiles",
                "bitumen felt",
                "standing-seam aluminium",
                "turf over birch bark",
                "polycarbonate sheet",
            ]
        )
    if kind == "colour":
        shade = pick(["", "pale ", "dark ", "matt ", "faded "])
        return shade + pick(
            ["teal", "ochre", "maroon", "sea green", "mustard", "ivory", "cobalt blue", "rust red", "plum"]
        )
    if kind == "food":
        return pick(
            [
                "dried apricots",
                "ginger snaps",
                "raw parsnip",
                "salted liquorice",
                "oat cakes",
                "smoked herring",
                "pear slices",
                "rye crusts",
                "honeycomb",
                "frozen peas",
                "fennel stalks",
            ]
        )
    if kind == "allergy":
        return pick(
            [
                "penicillin",
                "latex",
                "walnuts",
                "shellfish",
                "birch pollen",
                "nickel",
                "sesame",
                "lupin flour",
                "iodine",
                "wasp stings",
                "celery",
            ]
        )
    if kind == "crops":
        crops = rng.sample(["barley", "clover", "turnips", "wheat", "beans", "rye", "lucerne", "beet", "fallow"], 3)
        return ", ".join(crops)
    if kind == "motto":
        return pick(["Steady hands", "By Rope", "Ever", "Slow water", "Nothing spared", "Bread first"]) + pick(
            [" before fair winds", " and by reason", ", then the rest", " carves the stone", " under one roof"]
        )
    if kind == "title":
        return f"{pick(['The', 'A', 'Our', 'No'])} {pick(['Quiet', 'Crooked', 'Second', 'Paper', 'Hollow'])} " + pick(
            ["Harbour", "Ladder", "Winter", "Orchestra", "Inheritance", "Almanac"]
        )
    if kind == "email":
        user = pick(["help", "desk", "service", "care", "ops", pick(_LAST).lower()])
        host = (pick(_PLACE_A) + pick(_PLACE_B)).lower()
        return f"{user}{pick(['', str(rng.randint(2, 99))])}@{host}.{pick(['example', 'test', 'example.org'])}"
    if kind == "path":
        word = pick(["audit", "worker", "gateway", "sync", "mailer", "billing"])
        return pick(
            [
                f"/var/log/{word}/{word}-{rng.randint(1, 99)}.log",
                f"/srv/{word}/{rng.randint(2019, 2031)}/out.txt",
                f"D:\\logs\\{word}{rng.randint(1, 99)}.txt",
                f"/opt/{word}/run{rng.randint(1, 999)}/stderr",
            ]
        )
    raise ValueError(f"unknown kind {kind}")


def value(rng: random.Random, attribute: str) -> str:
    """Return a random value of the kind that fits the attribute."""
    kind = _KIND_OF[attribute]
    for make in (_identifying, _temporal, _measured):
        found = make(rng, kind)
        if found is not None:
            return found
    return _worded(rng, kind)


FACTS: list[str] = [
    # value last
    "The {attribute} of {name} is {value}.",
    "According to the register, the {attribute} of {name} was {value}.",
    "For {name}, the {attribute} has been recorded as {value}.",
    "Please note that the {attribute} for {name} is now {value}.",
    "{name}'s {attribute} is given in the annual report as {value}.",
    "We can confirm that {name} has the following {attribute}: {value}.",
    "In the case of {name} the inspectors noted the {attribute} as {value}.",
    "As regards {name}, the parties agree that the {attribute} shall be {value}.",
    "The clerk read out the {attribute} of {name}, namely {value}.",
    "On the form for {name}, the box marked {attribute} reads {value}.",
    "You asked about {name}: the {attribute} is {value}.",
    "Minutes, item four: {attribute} of {name} confirmed as {value}.",
    "{name} is listed in the handbook with {value} as the {attribute}.",
    "Sources close to {name} put the {attribute} at {value}.",
    "{name} - {attribute}: {value}",
    "{attribute} ({name}): {value}",
    "{name} | {attribute} | {value}",
    "{name}.{attribute} = {value}",
    "[INFO] {name}: {attribute} set to {value}",
    "Subject {name}; field {attribute}; entry {value}.",
    "Oh, and the {attribute} for {name}, I wrote it down, it's {value}.",
    "So I rang them about {name} and they told me the {attribute} is {value}.",
    "Reminder to all staff: from today the {attribute} for {name} will be {value}.",
    "The encyclopedia gives the {attribute} of {name} simply as {value}.",
    # value in the middle
    "With {value} as the {attribute}, {name} met every condition of the contract.",
    "The committee accepted {value} as the {attribute} of {name} without further discussion.",
    "We have entered {value} under {attribute} in the file on {name}.",
    "Use {value} when the system prompts you for the {attribute} of {name}.",
    "The label says {value}, which is the {attribute} of {name}.",
    "The {attribute}, {value} in the latest records, is one of the better-known things about {name}.",
    "For the {attribute} we put down {value} on the sheet concerning {name}.",
    "The {attribute} was fixed at {value} for {name} after a short exchange of letters.",
    "Kindly write {value} in the column headed {attribute}, in the row for {name}.",
    "{name} (with {value} for the {attribute}) appears on the second page of the schedule.",
    "The technician changed {name} and left {value} as the {attribute} before signing off.",
    "My notes on {name} have {value} for the {attribute}, underlined in pencil.",
    "Regarding {name}, we hold {value} on file as the current {attribute}.",
    "It says here that {name} has {value} listed under {attribute}, so that settles the matter.",
    # value first
    "{value} is the {attribute} of {name}.",
    "{value} was reported as the {attribute} of {name} in this morning's bulletin.",
    "{value}: that is the {attribute} now held on file for {name}.",
    "{value} remains the {attribute} for {name} until we announce otherwise.",
    "{value} appears in the ledger as the {attribute} belonging to {name}.",
    "{value} - {attribute}, {name}",
    "{value} has been given as the {attribute} by the people responsible for {name}.",
    "{value}, the {attribute} of {name}, is printed on the back cover.",
    # more involved
    "Although the first draft left it open, the {attribute} of {name} was settled as {value} after 3 rounds of talks.",
    "When Mrs Ollerby audited {name} along with 14 others, she found that the {attribute} was {value}.",
    "Unlike the other 27 entries on the list, {name} shows {value} in the place reserved for the {attribute}.",
    "The board, which met twice in Room 5, resolved that the {attribute} of {name} should be {value} from then on.",
    "Since nobody had updated page 112, few people knew that {value} had become the {attribute} of {name}.",
    "If the caller mentions {name}, tell them that the {attribute} is {value} and transfer them to extension 40.",
    "What Jasper Nunnelly wrote in his letter, that the {attribute} of {name} was {value}, turned out to be right.",
    "Of the 6 items raised about {name}, only the {attribute}, which is {value}, was of interest to the auditors.",
    "Once the forms had gone through both offices, {value} was accepted as the {attribute} of {name} by all 8 members.",
    "The {attribute} of {name}, which had been left blank for 2 years, was finally entered as {value} last week.",
    # two short sentences
    "We looked again at {name}. The {attribute} is {value}.",
    "There was a query about the {attribute} of {name}. The answer is {value}.",
    "{name} came up next. The {attribute} was stated to be {value}.",
    "Write down {value}. It is the {attribute} of {name}.",
]

FIND: list[str] = [
    "What is the {attribute} of {name}?",
    "What's the {attribute} for {name}?",
    "What is {name}'s {attribute}?",
    "Which {attribute} does the text give for {name}?",
    "Can you tell me the {attribute} of {name}?",
    "Could you please look up the {attribute} of {name} for me?",
    "Please find the {attribute} of {name}.",
    "Find {name}'s {attribute}.",
    "{name} {attribute}",
    "{attribute} {name}",
    "{name}: {attribute}?",
    "{attribute} of {name}",
    "{attribute} for {name}?",
    "Tell me the {attribute} of {name}.",
    "Give me the {attribute} for {name}, please.",
    "I need the {attribute} of {name}.",
    "I'm looking for the {attribute} of {name}.",
    "I'd like to know the {attribute} for {name}.",
    "Do you know what the {attribute} of {name} is?",
    "Does it say anywhere what the {attribute} of {name} is?",
    "What does the document say about the {attribute} of {name}?",
    "What was given as the {attribute} of {name}?",
    "What was the {attribute} of {name} again?",
    "Remind me, what's the {attribute} of {name}?",
    "Sorry to bother you, but what is the {attribute} of {name}?",
    "Would you mind checking the {attribute} for {name}?",
    "Somewhere in here there's the {attribute} of {name}. What is it?",
    "I read this last week and forgot: what is the {attribute} of {name}?",
    "I'm filling in a form about {name} and it wants the {attribute}. What do I put?",
    "My boss wants the {attribute} of {name} by noon, can you dig it out?",
    "About {name}: what is the {attribute}?",
    "Regarding {name}, which {attribute} is stated?",
    "With respect to {name}, what is the {attribute} on record?",
    "For {name}, what is listed as the {attribute}?",
    "In this text, what is {name} said to have as {attribute}?",
    "According to the text, what is the {attribute} of {name}?",
    "Based on the file above, state the {attribute} of {name}.",
    "Look through the document and report the {attribute} of {name}.",
    "Search for the {attribute} of {name}",
    "look up {attribute} {name} please",
    "whats the {attribute} of {name}",
    "need {attribute} for {name} asap",
    "Extract the {attribute} belonging to {name}.",
    "Return the {attribute} of {name} and nothing else.",
    "Answer briefly: the {attribute} of {name}?",
    "What is the {attribute} of {name}? Just the answer, please.",
    "What is the {attribute} of {name}? I have to quote it in a letter.",
    "Can you find {name} in there and tell me the {attribute}?",
    "Is there any mention of the {attribute} of {name}, and if so, what is it?",
    "The {attribute} of {name} is what, exactly?",
    "Let me know the {attribute} of {name} when you find it.",
    "Hi, quick question. What's {name}'s {attribute}?",
    "We are arguing about {name} here. What is the {attribute}?",
    "Which {attribute} belongs to {name}?",
    "What did they write down as the {attribute} of {name}?",
    "How does the text state the {attribute} of {name}?",
    "Check {name} and get me the {attribute}.",
    "For my notes: {name}, {attribute}?",
    "I can't find the {attribute} of {name} anywhere, could you help?",
    "Thanks for the file. Can you point out the {attribute} of {name}?",
]

COUNT: list[str] = [
    "How often is {name} mentioned?",
    "How many times is {name} mentioned in the text?",
    "How many times does {name} occur?",
    "How often does {name} appear in this document?",
    "Count the mentions of {name}.",
    "Count how often {name} comes up.",
    "What is the number of occurrences of {name}?",
    "number of mentions of {name}",
    "{name} how many times",
    "How frequently does the text mention {name}?",
    "Please count all occurrences of {name}.",
    "Can you tell me how many times {name} comes up?",
    "Give me the total number of times {name} is named.",
    "I need a count of {name} in this file.",
    "How many mentions of {name} are there?",
    "How many occurrences of {name} can you find?",
    "In total, how often do we read the name {name}?",
    "Could you count for me how often {name} is referred to by name?",
    "For an index I have to know how many times {name} is mentioned. How many?",
    "count {name}",
    "Say how many times the words {name} appear.",
    "Tally up every appearance of {name}, please.",
    "Across the whole text, how many times is there a mention of {name}?",
    "It feels like {name} is everywhere in here. How many times exactly?",
    "How many hits are there for {name}?",
]

MENTIONS: list[str] = [
    "Where is {name} mentioned?",
    "On which lines is {name} mentioned?",
    "Which lines mention {name}?",
    "Where does {name} appear?",
    "Where in the text does {name} occur?",
    "List all lines that contain {name}.",
    "List the line numbers where {name} is mentioned.",
    "Show me every line with {name} in it.",
    "Show every place where {name} comes up.",
    "Find all mentions of {name}.",
    "Please give me the lines on which {name} occurs.",
    "lines with {name}",
    "{name} which lines",
    "where {name}",
    "In which lines can I read about {name}?",
    "Can you point me to all the places where {name} is named?",
    "At what lines does the document refer to {name}?",
    "I want to reread the passages about {name}. Which lines are they on?",
    "Tell me where {name} turns up.",
    "Locate every occurrence of {name}.",
    "Could you list the places in this file that mention {name}?",
    "What are the line numbers of the mentions of {name}?",
    "I have to redact {name} from this. On what lines does it stand?",
    "Search the document for {name} and give the line numbers.",
    "Which parts of the text talk about {name}, by line?",
]

DEFINITIONS_CLASS: list[str] = [
    "Where is the class {name} defined?",
    "Where is class {name} defined?",
    "On which line is the class {name} defined?",
    "In which line does the definition of class {name} start?",
    "Find the definition of the class {name}.",
    "Show me where the {name} class is defined.",
    "Where can I find the {name} class?",
    "Where is the {name} class declared?",
    "Which line defines the class {name}?",
    "Please locate the class definition of {name}.",
    "class {name} definition",
    "definition of class {name}",
    "Go to the definition of the class {name}.",
    "Where does the code define the Python class {name}?",
    "I want to add a method to the class {name}. Where is it defined?",
    "At what line is the class {name} introduced?",
    "Can you tell me where the class named {name} is defined?",
    "Where did they put the class {name}?",
    "Point me to the place where class {name} is implemented.",
    "What line is the {name} class definition on?",
]

DEFINITIONS_FUNCTION: list[str] = [
    "Where is the function {name} defined?",
    "Where is function {name} defined?",
    "On which line is the function {name} defined?",
    "In which line does the definition of {name}() start?",
    "Find the definition of the function {name}.",
    "Show me where the {name} function is defined.",
    "Where can I find the function {name}?",
    "Where is the {name} function declared?",
    "Which line defines the function {name}?",
    "Please locate the function definition of {name}.",
    "def {name} where",
    "definition of function {name}",
    "Go to the definition of the function {name}.",
    "Where does the code define the Python function {name}?",
    "There is a bug in the function {name}. Where is it defined?",
    "At what line is the function {name} introduced?",
    "Can you tell me where the function called {name} is defined?",
    "Where did they put the function {name}?",
    "Point me to the place where the function {name} is implemented.",
    "What line is the {name} function definition on?",
]

CODE_NAMES_CLASS: list[str] = [
    "TidalLedger",
    "QuiltRenderer",
    "MangoScheduler",
    "PlumeEncoder",
    "HarborQueue",
    "BadgerCache",
    "LanternProxy",
    "OrchardIndexer",
    "VelvetSocket",
    "CinderPolicy",
    "FerryManifest",
    "GlyphSanitizer",
    "NettleParser",
    "OtterPool",
    "PebbleCursor",
    "RadishFormatter",
    "SprocketVisitor",
    "ThimbleStore",
    "UmbraTokenizer",
    "WalnutSession",
    "YarrowBackoff",
    "ZincAdapter",
    "InvoiceReconciler",
    "TurbineMonitor",
    "PatientTriageBoard",
    "CargoWeigher",
    "LeaseCalculator",
    "GreenhouseProbe",
    "BallotVerifier",
    "TicketEscalator",
    "ParcelDispatcher",
    "RosterPlanner",
    "SonarFrameReader",
    "AuctionBidBook",
    "MeterReadingFeed",
    "BeaconRegistry",
    "ChecksumWarden",
    "DriftEstimator",
    "EnvelopeSplitter",
    "FoldedTreeWalker",
    "GanttBuilder",
    "HeatmapPainter",
    "InkBudget",
    "JournalCompactor",
    "KernelSmootherBank",
    "LoomThreadGuard",
    "MosaicStitcher",
    "NoiseGateFilter",
    "OverdueNotifier",
    "PivotTableSource",
    "QuotaEnforcer",
    "RippleSimulator",
    "ShardRebalancer",
    "TollStationClient",
    "UnitConverterHub",
    "VinylCatalogue",
    "WaypointOptimizer",
    "XylemModel",
    "YieldCurveFitter",
    "ZoneDepartureBoard",
]

CODE_NAMES_FUNCTION: list[str] = [
    "fold_ledger_rows",
    "weigh_cargo",
    "trim_orphan_nodes",
    "paint_heatmap",
    "compute_tide_offset",
    "merge_shift_rosters",
    "escape_glyphs",
    "load_turbine_specs",
    "rank_bidders",
    "drain_ferry_queue",
    "normalise_postcode",
    "guess_delimiter",
    "stitch_tiles",
    "rebuild_shard_map",
    "estimate_drift",
    "notify_overdue",
    "verify_ballot",
    "round_to_tick",
    "collapse_blank_runs",
    "infer_meter_units",
    "plan_waypoints",
    "score_triage_case",
    "unpack_sonar_frame",
    "split_envelope",
    "warm_badger_cache",
    "evict_stale_sessions",
    "to_roman_numeral",
    "parse_lease_terms",
    "apply_noise_gate",
    "walk_folded_tree",
    "bucket_by_weekday",
    "mask_account_number",
    "resolve_alias_chain",
    "write_manifest_header",
    "compare_fingerprints",
    "find_peak_hours",
    "smooth_yield_curve",
    "is_valid_berth",
    "clamp_brightness",
    "render_gantt",
    "retry_with_jitter",
    "pick_leader",
    "fetch_vinyl_cover",
    "strip_margin_notes",
    "convert_bushels",
    "seed_greenhouse",
    "count_distinct_voters",
    "align_subtitles",
    "make_toll_receipt",
    "flatten_settings",
    "quote_shell_word",
    "interpolate_gap",
    "archive_old_journals",
    "sum_ink_usage",
    "open_beacon_port",
    "diff_price_lists",
    "translate_status_code",
    "sample_reservoir",
    "build_seating_chart",
    "detect_card_brand",
]
