"""A third set of wordings, names and values: written by somebody who saw neither the training's nor the other two."""

from __future__ import annotations

import random
from collections.abc import Callable

NAMES: list[str] = [
    "Halvard Ostrander",
    "Pemberley Quay",
    "MV Skua Horizon",
    "Grünwald & Töchter",
    "Kestrel Nine",
    "Lady Ottoline Marsh",
    "db-rhubarb-07",
    "Project Saltmarsh",
    "Tobermoray Distillery",
    "the Osprey mandate",
    "Quillfeather Press",
    "Biscuit the donkey",
    "Anneke van Troost",
    "Vermillion Gate",
    "Zephyr-4 turbine",
    "Nkechi Adeyemi-Cole",
    "Fallow Hill Primary",
    "The Tin Astronomer",
    "Rovers of Eastmere",
    "cache02.norrland.example",
    "Brandywine Ferry",
    "Operation Thistledown",
    "Isambard's Lathe",
    "Moorcroft Viaduct",
    "Yusuf Karaoglan",
    "Hotel Miramonte",
    "SS Perpetua",
    "Lumenworks AG",
    "Old Hob",
    "Sister Clemence",
    "Pallas Microscope 12",
    "Cobblestone Bakery",
    "Wren Cottage",
    "Tsukimi 300 camera",
    "Ravensbourne Archive",
    "Dr. Imogen Falk",
    "Jigsaw Accord",
    "Port Lorrimer",
    "Bluebottle Logistics",
    "Whistler's Reach",
    "gateway-hamster",
    "Ignatius Bell",
    "Study 81-Theta",
    "Gull Rock Lighthouse",
    "Marrow & Stone LLP",
    "Xanthe Papadakis",
    "Crane No. 6",
    "A Ledger of Small Rains",
    "Dunlavin Harriers",
    "Tern Island",
    "Oxbow Credit Union",
    "Mikkel Thrane",
    "Cedar Loom 5",
    "Juniper scheduler",
    "Villa Serafina",
    "Bartholomew Ng",
    "Redpath Quarry",
    "Nimbus tarpaulin",
    "The Gilded Plover",
    "Lake Ansgar",
    "Stadtwerke Ebenau",
    "Orla Finnerty",
    "Combine H-220",
    "Pangolin release",
    "Castle Drumgarrow",
    "Priya Raghunathan",
    "Fuchsia Line tram",
    "Locomotive 4417",
    "Mosswood Hospice",
    "vault_indexer",
    "Tiberius the tortoise",
    "Eleven Lanterns",
    "Hesketh Pumps Ltd",
    "Camp Aurelia",
    "Emeka Obiora",
    "Starling Ridge",
    "Meridian kiln",
    "Countess Wilhelmina",
    "FC Brückenau",
    "Probe Calliope",
    "Lot 318",
    "Sandor Vész",
    "Delphine Arquette",
    "Thornbury Relief Fund",
    "Hydra mail relay",
    "Kiln Street Theatre",
    "Boggart Brewing",
    "Maple-and-Iron quartet",
    "Ulrika Sandahl",
    "Sluice Gate East",
    "Treaty of Almerra",
    "Tractor Big Agnes",
    "build-agent-quince",
    "Pelham Observatory",
    "Rashid Al-Tamimi",
    "Harrow Street Clinic",
    "Nettle soup no. 3",
    "Oakapple Nursery",
    "Inga Lisovska",
    "The Cartographer's Oath",
    "Barge Wilhelm II",
    "Velvet Anchor",
    "Mount Corriedale",
    "Sparrowhawk UAV",
    "Giancarlo Bevi",
    "Plum Tree Lane 9",
    "Arden Polymer Works",
    "Tallow Creek bridge",
    "Chaplain Mercer",
    "Vineyard Costabella",
    "Polaris Choir",
    "Wainscot Insurance",
    "Hamid Rostami",
    "Frostfern greenhouse",
    "Ewe 2093",
    "Kowalczyk estate",
    "Silo Beta-West",
    "Larkspur tablet",
    "Ptolemy backup set",
    "Zsófia Bánki",
]

_FIRST = [
    "Agnes",
    "Boris",
    "Carmen",
    "Dmitri",
    "Elodie",
    "Farouk",
    "Gwen",
    "Hiroshi",
    "Ivana",
    "Jorge",
    "Kalinda",
    "Lars",
    "Mireille",
    "Nils",
    "Olamide",
    "Petra",
    "Quentin",
    "Rosalind",
    "Sanjay",
    "Tove",
    "Umberto",
    "Valeria",
    "Winston",
    "Yara",
    "Zoltan",
    "Brigid",
    "Cosmo",
    "Dagmar",
    "Efua",
    "Fergus",
]
_LAST = [
    "Abernathy",
    "Bruun",
    "Castellano",
    "Dhillon",
    "Eklund",
    "Fairweather",
    "Gutowski",
    "Hargreave",
    "Ishikawa",
    "Jankovic",
    "Kirwan",
    "Lindqvist",
    "Mbeki",
    "Novotny",
    "Okafor",
    "Pettigrew",
    "Querido",
    "Rasmussen",
    "Szabo",
    "Tremblay",
    "Uddin",
    "Vasquez",
    "Wetherby",
    "Yilmaz",
    "Zielinski",
    "Ashdown",
    "Birch",
    "Corrigan",
    "Devereux",
    "Engstrom",
]
_TOWNS = [
    "Aldermoor",
    "Bexwick",
    "Carrowbeg",
    "Dunstable",
    "Esbjerg",
    "Fontanelle",
    "Ghent",
    "Haugesund",
    "Imatra",
    "Jerez",
    "Klaipeda",
    "Lucerne",
    "Maribor",
    "Narvik",
    "Oulu",
    "Piraeus",
    "Quimper",
    "Ravenna",
    "Setubal",
    "Trondheim",
    "Utrecht",
    "Valletta",
    "Whitby",
    "Ystad",
    "Zadar",
    "Antofagasta",
    "Bergen",
    "Cork",
    "Durban",
    "Essen",
    "Fremantle",
    "Galway",
    "Hobart",
    "Izmir",
    "Leiden",
    "Mombasa",
    "Nantes",
    "Oporto",
    "Pula",
    "Rostock",
]
_REGIONS = [
    "Jutland",
    "Brabant",
    "Upper Franconia",
    "Galicia",
    "County Clare",
    "Moravia",
    "Tasmania",
    "Nova Scotia",
    "Thrace",
    "Epirus",
]
_FIRM_WORDS = [
    "Alder",
    "Bastion",
    "Cinder",
    "Drover",
    "Ember",
    "Foxglove",
    "Granite",
    "Hawser",
    "Ivory",
    "Jasper",
    "Kelp",
    "Lodestar",
    "Mallow",
    "Nacre",
    "Ochre",
    "Pilot",
    "Quarto",
    "Russet",
    "Sextant",
    "Tamarisk",
    "Umber",
    "Verge",
    "Willow",
    "Yarrow",
]
_FIRM_ENDS = [
    "Ltd",
    "GmbH",
    "Partners",
    "Holdings",
    "& Sons",
    "Freight",
    "SpA",
    "Group",
    "Associates",
    "Brothers",
    "Oy",
    "Trading Co",
]
_SHADES = ["pale", "dark", "dusty", "bright", "muted", "smoky", "deep", "faded", "glossy", "matt", "warm", "cold"]
_COLOURS = [
    "teal",
    "ochre",
    "crimson",
    "slate",
    "ivory",
    "moss",
    "cobalt",
    "plum",
    "amber",
    "rust",
    "pewter",
    "sand",
    "coral",
    "indigo",
    "olive",
    "salmon",
]
_WORDS = [
    "anvil",
    "basket",
    "candle",
    "dragonfly",
    "easel",
    "feather",
    "gravel",
    "hammock",
    "icicle",
    "jackdaw",
    "kettle",
    "lantern",
    "mitten",
    "nutmeg",
    "oyster",
    "pebble",
    "quilt",
    "ribbon",
    "saddle",
    "thimble",
    "urchin",
    "violin",
    "walnut",
    "yarn",
    "zither",
    "bramble",
    "cobweb",
    "dormouse",
    "ember",
    "fiddle",
]
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


def _pick(rng: random.Random, listed: str) -> str:
    """Return one of the phrases of a list that is separated by semicolons."""
    return rng.choice(listed.split(";")).strip()


def _fill(rng: random.Random, pattern: str) -> str:
    """Return the pattern with every # a digit, ? a capital letter and ~ a hexadecimal digit."""
    sources = {"#": "0123456789", "?": "ABCDEFGHJKLMNPQRSTUVWXYZ", "~": "0123456789abcdef"}
    return "".join(rng.choice(sources[sign]) if sign in sources else sign for sign in pattern)


def _person(rng: random.Random) -> str:
    """Return a person's name."""
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    shape = rng.randrange(8)
    if shape == 0:
        return f"{first} {_fill(rng, '?')}. {last}"
    if shape == 1:
        return f"Dr {first} {last}"
    if shape == 2:
        return f"{first} {last}-{rng.choice([other for other in _LAST if other != last])}"
    return f"{first} {last}"


def _place(rng: random.Random) -> str:
    """Return the name of a place."""
    town = rng.choice(_TOWNS)
    shape = rng.randrange(4)
    if shape == 0:
        return f"{rng.choice(['New', 'Upper', 'Little', 'Port', 'Saint', 'West'])} {town}"
    if shape == 1:
        return f"{town} {rng.choice(['Harbour', 'North', 'Old Town', 'Junction', 'Sands', 'Heights'])}"
    return f"{town}, {rng.choice(_REGIONS)}"


def _firm(rng: random.Random) -> str:
    """Return the name of a firm."""
    if rng.random() < 0.3:
        return f"{rng.choice(_LAST)} {rng.choice(_FIRM_ENDS)}"
    return f"{rng.choice(_FIRM_WORDS)} {rng.choice(_FIRM_WORDS)} {rng.choice(_FIRM_ENDS)}"


def _date(rng: random.Random, first: int = 1998, last: int = 2031) -> str:
    """Return a date in one of several formats."""
    year, month, day = rng.randint(first, last), rng.randint(1, 12), rng.randint(1, 28)
    word = _MONTHS[month - 1]
    return rng.choice(
        [
            f"{year}-{month:02}-{day:02}",
            f"{day} {word} {year}",
            f"{word} {day}, {year}",
            f"{day:02}.{month:02}.{year}",
            f"{day:02}/{month:02}/{year}",
            f"{day}-{word[:3]}-{year}",
        ]
    )


def _time(rng: random.Random) -> str:
    """Return a time of day."""
    hour, minute = rng.randint(0, 23), rng.randint(0, 59)
    return rng.choice([f"{hour:02}:{minute:02}", f"{hour:02}:{minute:02} UTC", f"{hour % 12 + 1}:{minute:02} pm"])


def _span(rng: random.Random) -> str:
    """Return a span of hours."""
    start, end = rng.randint(5, 12), rng.randint(13, 23)
    return f"{start:02}:{rng.randrange(0, 60, 5):02} to {end:02}:{rng.randrange(0, 60, 5):02}"


def _money(rng: random.Random, low: int, high: int) -> str:
    """Return an amount of money."""
    amount = rng.randint(low, high)
    cents = rng.randint(0, 99)
    return rng.choice(
        [
            f"EUR {amount:,}.{cents:02}",
            f"£{amount:,}",
            f"${amount:,}.{cents:02}",
            f"{amount:,} Swiss francs",
            f"{amount:,} SEK",
            f"US${amount:,}",
            f"€{amount:,}",
        ]
    )


def _amount(rng: random.Random, low: float, high: float, digits: int, unit: str) -> str:
    """Return a number with a unit."""
    return f"{rng.uniform(low, high):,.{digits}f} {unit}"


def _colour(rng: random.Random) -> str:
    """Return a colour, with or without a code or a second colour."""
    base = f"{rng.choice(_SHADES)} {rng.choice(_COLOURS)}"
    return rng.choice([base, f"{base} (RAL {rng.randint(1000, 9023)})", f"{base} over {rng.choice(_SHADES)} grey"])


def _email(rng: random.Random) -> str:
    """Return an e-mail address."""
    host = rng.choice(_FIRM_WORDS).lower()
    return rng.choice(
        [
            f"{rng.choice(_FIRST)[0].lower()}.{rng.choice(_LAST).lower()}@{host}.example",
            f"{rng.choice(_WORDS)}-duty{rng.randint(1, 99)}@{host}.example.org",
        ]
    )


def _url(rng: random.Random) -> str:
    """Return the address of a repository."""
    start = rng.choice(["https://git", "https://code", "ssh://vcs"])
    return f"{start}.{rng.choice(_FIRM_WORDS).lower()}.example/{rng.choice(_WORDS)}/{rng.choice(_WORDS)}.git"


def _path(rng: random.Random) -> str:
    """Return the path of a folder."""
    start = rng.choice(["/var/log", "/srv", "/opt/data", "/mnt/spool", "D:/logs"])
    return f"{start}/{rng.choice(_WORDS)}/{rng.choice(_WORDS)}{rng.randint(1, 40)}"


def _address(rng: random.Random) -> str:
    """Return a street and a town."""
    street = f"{rng.choice(_WORDS).title()} {rng.choice(['Street', 'Lane', 'Row', 'Square', 'Road'])}"
    return f"{rng.randint(1, 240)} {street}, {rng.choice(_TOWNS)}"


def _phone(rng: random.Random) -> str:
    """Return a telephone number."""
    return _fill(rng, rng.choice(["+44 20 7946 ####", "+49 30 #### ####", "0800 ### ####", "(555) 01#-####"]))


def _notice(rng: random.Random) -> str:
    """Return a length of notice."""
    number = rng.randint(3, 120)
    return rng.choice(
        [
            f"{number} calendar days",
            f"{number} working days",
            f"{rng.randint(2, 30)} weeks and {rng.randint(1, 6)} days",
            f"{rng.randint(2, 24)} months to the end of {rng.choice(_MONTHS)}",
        ]
    )


def _spot(rng: random.Random) -> str:
    """Return a spot on some grounds."""
    thing = _pick(rng, "car park;water tower;bandstand;loading bay;bicycle shed;chapel;weighbridge;boathouse;flagpole")
    side = _pick(rng, "behind;north of;south of;west of;opposite;beside")
    return f"{side} {rng.choice(_WORDS)} {thing} {rng.randint(1, 30)}"


def _flavour(rng: random.Random) -> str:
    """Return how something tastes."""
    listed = "smoke;honey;wet slate;orange peel;cloves;green apple;toasted rye;black tea;fennel;sea salt;quince;leather"
    first, second = rng.sample(listed.split(";"), 2)
    strength = _pick(rng, "faint;rich;sharp;lingering;gentle;surprising")
    return f"{strength} {first} with {_pick(rng, 'a hint of;some;a trace of')} {second}"


def _ingredient(rng: random.Random) -> str:
    """Return an ingredient."""
    things = "lovage seed;cardamom;anchovy paste;burnt sugar;rose water;caraway;malt vinegar;sorrel;juniper;tamarind"
    how = "roasted;pickled;ground;smoked;fresh;candied;fermented;dried"
    return f"{rng.randint(2, 95)} g of {_pick(rng, how)} {_pick(rng, things)}"


def _trade(rng: random.Random) -> str:
    """Return what somebody does for a living."""
    kind = "retired;apprentice;assistant;travelling;senior;part-time;self-employed;licensed"
    work = "glazier;beekeeper;court clerk;piano tuner;surveyor;midwife;bargeman;lens grinder;typesetter;farrier;actuary"
    return f"{_pick(rng, kind)} {_pick(rng, work)} in {rng.choice(_TOWNS)}"


def _status(rng: random.Random) -> str:
    """Return how far something has come."""
    state = _pick(rng, "amber;green;red;on hold;in progress;blocked;signed off;under review")
    total = rng.randint(5, 40)
    return f"{state}, {rng.randint(1, total)} of {total} items closed"


def _verdict(rng: random.Random) -> str:
    """Return a reviewer's verdict."""
    state = _pick(rng, "accept;reject;major revision;minor revision;resubmit;borderline")
    return f"{state}, score {rng.randint(10, 99) / 10}, confidence {rng.randint(1, 5)}"


def _blend(rng: random.Random) -> str:
    """Return a blend of grapes."""
    grapes = "Merlot;Carignan;Grenache;Malbec;Syrah;Cinsault;Tannat;Barbera;Dolcetto;Zweigelt"
    first, second = rng.sample(grapes.split(";"), 2)
    share = rng.randint(51, 96)
    return f"{share}% {first}, {100 - share}% {second}"


def _words(rng: random.Random, between: str = " ") -> str:
    """Return two or three words that have nothing to do with each other."""
    return between.join(rng.sample(_WORDS, rng.choice([2, 2, 3])))


def _dedication(rng: random.Random) -> str:
    """Return a book's dedication."""
    start, why = _pick(rng, "For;To;In memory of"), _pick(rng, "who loved;who lost;who mended;keeper of")
    return f"{start} {rng.choice(_FIRST)}, {why} every {rng.choice(_WORDS)}"


_MAKERS: dict[str, Callable[[random.Random], str]] = {
    "berth number": lambda r: _fill(r, r.choice(["?-##", "Berth ##?", "##/?#"])),
    "home port": _place,
    "gross tonnage": lambda r: f"{r.randint(300, 98000):,} {r.choice(['GT', 'tons', 'tonnes'])}",
    "hull colour": _colour,
    "chief engineer": _person,
    "call sign": lambda r: _fill(r, r.choice(["?#??#", "????#", "??##?"])),
    "notice period": _notice,
    "governing law": lambda r: f"law of {r.choice(_REGIONS)}, courts of {r.choice(_TOWNS)}",
    "retainer fee": lambda r: _money(r, 400, 19000),
    "liability cap": lambda r: _money(r, 50_000, 9_000_000),
    "counterparty": _firm,
    "authorised signatory": _person,
    "renewal deadline": lambda r: _date(r, 2024, 2034),
    "deposit account": lambda r: _fill(
        r, r.choice(["DE## #### #### #### #### ##", "##-##-## ########", "CH## #### #### #### #"])
    ),
    "late-payment interest": lambda r: _amount(
        r, 1, 14, 2, r.choice(["% per annum", "percent a year", "% per quarter"])
    ),
    "invoice reference": lambda r: _fill(r, r.choice(["INV-####/##", "R##-#####", "##.###-??"])),
    "purchase order": lambda r: _fill(r, r.choice(["PO ######", "45000#####", "PO-??-####"])),
    "tax identifier": lambda r: _fill(r, r.choice(["##/###/#####", "GB ### #### ##", "ATU########"])),
    "tariff heading": lambda r: _fill(r, r.choice(["####.##", "####.##.##", "#### ## ## ##"])),
    "listening socket": lambda r: f"{r.choice(['tcp', 'udp', 'tls'])}/{r.randint(1024, 65535)}",
    "kernel build": lambda r: f"{r.randint(4, 6)}.{r.randint(0, 19)}.{r.randint(0, 220)}-{_fill(r, '###')}-generic",
    "upstream repository": _url,
    "backup window": _span,
    "log directory": _path,
    "on-call contact": _email,
    "checksum": lambda r: _fill(r, r.choice(["~~~~~~~~~~~~~~~~", "sha1:~~~~~~~~~~~~", "crc32 ~~~~~~~~"])),
    "memory limit": lambda r: f"{r.randint(128, 65000)} {r.choice(['MiB', 'MB'])}",
    "retry interval": lambda r: f"{r.randint(15, 9000)} {r.choice(['ms', 'seconds', 'milliseconds'])}",
    "environment variable": lambda r: _words(r, "_").upper(),
    "container image": lambda r: f"{r.choice(_WORDS)}/{r.choice(_WORDS)}:{r.randint(0, 9)}.{r.randint(0, 40)}",
    "administrator login": lambda r: f"{r.choice(_LAST).lower()}{_fill(r, '##')}",
    "error budget": lambda r: f"{r.randint(4, 600)} minutes per {r.choice(['month', 'quarter', 'release'])}",
    "prescribed dose": lambda r: (
        f"{r.randint(1, 160) * 2.5:g} mg {_pick(r, 'twice daily;at bedtime;every 8 hours;weekly;with food')}"
    ),
    "blood pressure": lambda r: f"{r.randint(95, 185)}/{r.randint(55, 110)}{r.choice(['', ' mmHg'])}",
    "attending physician": _person,
    "ward and bed": lambda r: f"Ward {r.randint(1, 24)}{_fill(r, '?')}, bed {r.randint(1, 40)}",
    "diagnosis code": lambda r: _fill(r, r.choice(["?##.#", "?##.##"])),
    "insurance policy": lambda r: _fill(r, r.choice(["POL-########", "?? ### ### ##", "##-?####-#"])),
    "microchip": lambda r: _fill(r, "9########### ###"),
    "feeding schedule": lambda r: (
        f"{r.randint(5, 11):02}:{r.randint(0, 59):02} and {r.randint(13, 21)}:{r.randint(0, 59):02}"
    ),
    "wingspan": lambda r: r.choice([_amount(r, 12, 320, 1, "cm"), _amount(r, 1, 42, 2, "metres")]),
    "nesting site": _spot,
    "shelf mark": lambda r: f"{_fill(r, '??')} {r.randint(10, 9900)} .{_fill(r, '?##')} {r.randint(1820, 2022)}",
    "print run": lambda r: f"{r.randint(3, 900) * 50:,} copies",
    "translator": _person,
    "cover designer": _person,
    "dedication": _dedication,
    "ISBN": lambda r: _fill(r, r.choice(["978-#-####-####-#", "978-##-###-####-#"])),
    "year of first performance": lambda r: str(r.randint(1640, 2023)),
    "working title": lambda r: _words(r).title(),
    "running time": lambda r: r.choice(
        [f"{r.randint(1, 4)} h {r.randint(1, 59)} min", f"{r.randint(11, 240)} minutes"]
    ),
    "tempo marking": lambda r: (
        f"{_pick(r, 'Allegro;Andante;Largo;Vivace;Presto;Moderato')}, quarter note = {r.randint(40, 210)}"
    ),
    "kick-off": _time,
    "head coach": _person,
    "seating capacity": lambda r: f"{r.randint(120, 88000):,}{r.choice(['', ' seats', ' places'])}",
    "jersey sponsor": _firm,
    "transfer sum": lambda r: r.choice([_money(r, 20_000, 990_000), f"€{r.randint(11, 990) / 10} million"]),
    "orbital period": lambda r: _amount(r, 88, 1500, 2, r.choice(["minutes", "min"])),
    "launch mass": lambda r: _amount(r, 4, 7200, 1, "kg"),
    "ground station": _place,
    "apogee": lambda r: f"{r.randint(310, 42000):,} km",
    "telemetry frequency": lambda r: _amount(r, 137, 8450, 3, "MHz"),
    "firmware release": lambda r: f"{r.choice(['v', '', 'r'])}{r.randint(1, 14)}.{r.randint(0, 30)}.{r.randint(0, 99)}",
    "torque setting": lambda r: _amount(r, 2, 640, 1, r.choice(["Nm", "N·m", "ft-lb"])),
    "lubricant": lambda r: f"{_pick(r, 'Corvol;Tribex;Lubrano;Oleo')} {r.randint(10, 990)}, {r.randint(2, 90)} litres",
    "last inspection": _date,
    "chassis number": lambda r: _fill(r, "?##??##?#########"),
    "operating voltage": lambda r: r.choice(
        [f"{r.randint(90, 1200)} V {r.choice(['AC', 'DC'])}", _amount(r, 1, 60, 2, "V")]
    ),
    "spare part": lambda r: _fill(r, r.choice(["###-####-?", "??####.##", "? ### ### ## ##"])),
    "service hotline": _phone,
    "warranty expiry": lambda r: _date(r, 2023, 2036),
    "paint finish": _colour,
    "annual rainfall": lambda r: f"{r.randint(140, 3900):,} mm",
    "summit elevation": lambda r: f"{r.randint(210, 7900):,} {r.choice(['m', 'metres', 'feet'])}",
    "catchment area": lambda r: _amount(r, 3, 9400, 1, r.choice(["km²", "hectares", "square miles"])),
    "grid reference": lambda r: _fill(r, r.choice(["?? ### ###", "??####", "##U ?? ##### #####"])),
    "mayor": _person,
    "population": lambda r: f"{r.randint(190, 940000):,}{r.choice(['', ' inhabitants', ' residents'])}",
    "founding charter": lambda r: _date(r, 1480, 1930),
    "twin town": _place,
    "postal address": _address,
    "visiting time": _span,
    "entrance charge": lambda r: f"{r.choice(['€', '£', '$'])}{r.randint(2, 48)}.{r.randint(0, 19) * 5:02}",
    "floor space": lambda r: _amount(r, 18, 24000, 1, r.choice(["m²", "sq m", "square feet"])),
    "architect of record": _person,
    "fire assembly point": _spot,
    "alarm code": lambda r: _fill(r, r.choice(["####", "######", "#-##-##", "?####"])),
    "lease commencement": _date,
    "monthly rent": lambda r: _money(r, 280, 9800),
    "letting agent": _firm,
    "boiler model": lambda r: f"{r.choice(_LAST)} {_fill(r, '??')} {r.randint(12, 480)}",
    "oven temperature": lambda r: f"{r.randint(70, 480)} °{r.choice(['C', 'F'])}",
    "yield per batch": lambda r: f"{r.randint(6, 800)} {_pick(r, 'loaves;bottles;jars;kg;litres;pieces')}",
    "secret ingredient": _ingredient,
    "shelf life": lambda r: f"{r.randint(3, 400)} days at {r.randint(-25, 22)} °C",
    "alcohol content": lambda r: _amount(r, 0.4, 63, 2, r.choice(["% vol", "% ABV"])),
    "grape blend": _blend,
    "tasting note": _flavour,
    "grant number": lambda r: _fill(r, r.choice(["EP/?######/#", "####-#####-??", "G-##-####"])),
    "principal investigator": _person,
    "sample size": lambda r: (
        f"{r.randint(12, 48000):,} {_pick(r, 'adults;households;seedlings;patients;specimens;pupils')}"
    ),
    "detection limit": lambda r: _amount(r, 0.01, 60, 2, r.choice(["ng/ml", "ppm", "µg/l", "ppb"])),
    "reviewer verdict": _verdict,
    "freezer position": lambda r: f"rack {_fill(r, '?')}, drawer {r.randint(1, 14)}, box {r.randint(1, 80)}",
    "ethics approval": lambda r: _fill(r, r.choice(["REC ##/??/####", "IRB-20##-###", "##-####-BO"])),
    "go-live": lambda r: r.choice([_date(r, 2022, 2029), f"{_date(r, 2022, 2029)} at {_time(r)}"]),
    "budget ceiling": lambda r: _money(r, 8_000, 4_500_000),
    "steering committee chair": _person,
    "milestone status": _status,
    "meeting room": lambda r: f"{r.choice(_WORDS).title()} {r.randint(0, 9)}.{r.randint(1, 60):02}",
    "freight carrier": _firm,
    "tracking code": lambda r: _fill(r, r.choice(["1Z ### ### ## #### ###", "??#########??", "JD## #### ####"])),
    "container seal": lambda r: _fill(r, r.choice(["???#######", "ML-??#######", "S######"])),
    "estimated arrival": lambda r: f"{_date(r, 2021, 2028)}, {_time(r)}",
    "pallet count": lambda r: f"{r.randint(2, 990)}{r.choice(['', ' pallets', ' full and 1 half'])}",
    "maiden name": lambda r: "-".join(r.sample(_LAST, r.choice([1, 2, 2]))),
    "place of birth": _place,
    "burial plot": lambda r: f"{_pick(r, 'Section;Row;Field')} {_fill(r, '?')}, grave {r.randint(1, 900)}",
    "occupation": _trade,
    "passport": lambda r: _fill(r, r.choice(["?########", "?? #######", "#########"])),
    "next of kin": lambda r: f"{_person(r)} ({_pick(r, 'sister;brother;aunt;son;daughter;cousin;husband;wife')})",
    "password hint": lambda r: _words(r),
    "licence plate": lambda r: _fill(r, r.choice(["??## ???", "?-?? ####", "### ???", "?? ###-??"])),
    "auction estimate": lambda r: (
        f"{r.choice(['€', '£', '$'])}{r.randint(2, 48) * 100:,} to {r.randint(50, 990) * 100:,}"
    ),
    "provenance": lambda r: (
        f"{_pick(r, 'private collection;parish church;dealer;estate sale;town museum')}, {_place(r)}"
    ),
}

ATTRIBUTES: list[str] = list(_MAKERS)


def value(rng: random.Random, attribute: str) -> str:
    """Return a random value that suits the attribute."""
    return _MAKERS[attribute](rng)


FACTS: list[str] = [
    "The {attribute} of {name} is {value}.",
    "{name} has {value} as its {attribute}.",
    "{value} is what the register gives as the {attribute} of {name}.",
    "For {name}, the {attribute} was finally confirmed as {value}.",
    "{name} - {attribute}: {value}",
    "| {name} | {attribute} | {value} |",
    "{attribute} ({name}): {value}",
    "{name}; {attribute}; {value}; entered by clerk 14",
    '{{"subject": "{name}", "field": "{attribute}", "content": "{value}"}}',
    '2023-11-08 04:17:52 INFO sync[2211]: "{name}" now has {attribute} "{value}"',
    "[NOTE 37] {attribute} for {name} => {value}",
    "Dear colleagues, please note that the {attribute} of {name} is {value}. Kind regards, Edith.",
    '"You asked about {name}," she wrote on Monday. "The {attribute} is \'{value}\', and that is final."',
    "Nobody at the desk doubted that the {attribute} recorded for {name} was {value}.",
    "When the two inspectors came to {name}, they found the following {attribute}: {value}.",
    'According to page 212 of the handbook, the {attribute} of {name} reads "{value}".',
    "Under {attribute}, the file on {name} simply says: {value}",
    "Item 9 of the minutes: {value} was adopted as the {attribute} of {name}.",
    "We hereby certify that {value} is the {attribute} belonging to {name}.",
    "{name}'s {attribute} is {value}, whatever the older leaflet may claim.",
    "{name}'s {attribute}: {value}.",
    "Correction: the {attribute} of {name} must read {value}.",
    'With regard to {name}, 3 of 4 witnesses gave "{value}" when asked for the {attribute}.',
    "P.S. In case you still need it, the {attribute} of {name} is {value}.",
    '<record owner="{name}" key="{attribute}">{value}</record>',
    '"{name}","{attribute}","{value}","ok"',
    "{name} > {attribute} > {value}",
    "Re: {name}. Regarding your letter of 5 June, the {attribute} is {value}.",
    'The label on the drawer said "{value}", which is the {attribute} of {name}.',
    "It took Harald forty minutes to find out that {name} has the {attribute} {value}.",
    "As far as {name} is concerned, we have on record this {attribute}: {value}.",
    "Card no. 5503 / {name} / {attribute}: {value}",
    "In the column headed '{attribute}', next to {name}, somebody had typed '{value}'.",
    "Since the reform, {name} has been listed with {value} as {attribute}.",
    "TODO(marit): the docs lack the {attribute} of {name}; it is `{value}`.",
    "set --entity '{name}' --key '{attribute}' --to '{value}'",
    "The auditors asked for the {attribute} of {name} and were told: {value}.",
    "Both parties agree that the {attribute} of {name} shall be {value}.",
    "- {name}: its {attribute} stands at [{value}] in the 2019 edition",
    "Answer to query 66: {value}. (Query: {attribute} of {name})",
    "Among the papers of {name} was a slip with the {attribute} on it: {value}.",
    "[{value}] is the entry that the system shows for the {attribute} of {name}.",
    "The {attribute} that goes with {name} is, to be exact, {value}.",
    "Schedule B, clause 4.2: {name}. {attribute}: {value}.",
    "Old hands will remember that {name} always had the same {attribute}, namely {value}.",
    "After a call with the Lisbon office, I can tell you the {attribute} of {name}: {value}.",
    "{name} (checked twice by two people) | {attribute} = {value}",
    'DEBUG loader: row 881 -> name="{name}" attr="{attribute}" val="{value}"',
    "* {attribute} of {name}: **{value}**",
    'The form was sent back because the {attribute} of {name} had to be "{value}".',
    "What the visitors wanted to know about {name} was the {attribute}. The guide replied: {value}.",
    'Written in pencil beneath the photograph of {name}: "{attribute}: {value}".',
    "Reminder to the night shift: {name}, {attribute}, {value}.",
    "Our 11 branches all use the same {attribute} for {name}, that is to say {value}.",
    "By a vote of 7 to 2 the board fixed the {attribute} of {name} as follows: {value}.",
    "{name} was discussed last, and the chair read out the {attribute} from the sheet: {value}.",
    "FAQ 12. What {attribute} does {name} have? - {value}",
    "If anyone rings about {name}, the {attribute} to pass on is {value}.",
    "Voucher 70-21: {value} ({attribute}, {name})",
    "I copied the {attribute} of {name} from the brass plate; it says '{value}'.",
]

FIND: list[str] = [
    "What is the {attribute} of {name}?",
    "What's {name}'s {attribute}?",
    "Which {attribute} does {name} have?",
    "{name} {attribute}",
    "{attribute} {name}",
    "{attribute} of {name}?",
    "{name}: {attribute}?",
    "Tell me the {attribute} of {name}.",
    "Please tell me the {attribute} of {name}.",
    "Could you look up the {attribute} of {name} for me?",
    "Look up {attribute} for {name}",
    "I need the {attribute} of {name}.",
    "Can you find {name}'s {attribute} in this document?",
    "According to the text, what is the {attribute} of {name}?",
    "What does the text give as the {attribute} of {name}?",
    "Find the {attribute} that is recorded for {name}.",
    "State the {attribute} of {name}.",
    "Give me {name}'s {attribute}, please.",
    "Quick question: what is the {attribute} of {name}?",
    "I am filling in a form. What should I enter as the {attribute} of {name}?",
    "What {attribute} is listed for {name}?",
    "What is stated as {attribute} for {name}?",
    "Would you mind checking which {attribute} {name} has?",
    "Do you know the {attribute} of {name}?",
    "Is the {attribute} of {name} on file? If so, what is it?",
    "My boss wants to know the {attribute} of {name}.",
    "Somebody just called about {name}. What is the {attribute}?",
    "I forgot the {attribute} of {name}. What was it again?",
    "Remind me: {name}'s {attribute}?",
    "What have we got down as the {attribute} for {name}?",
    "Regarding {name}: what is the {attribute}?",
    "As for {name}, which {attribute} does the document mention?",
    "Search for the {attribute} of {name} and quote it exactly.",
    "Extract the {attribute} of {name}.",
    "Return only the {attribute} of {name}.",
    "What is the {attribute} of {name}? Answer with the value only.",
    "For {name}, what is the {attribute}?",
    "In the case of {name}, what would the {attribute} be?",
    "Hi, I'm looking for the {attribute} of {name}.",
    "Hello! Could you please give me the {attribute} for {name}? Thanks a lot.",
    "The {attribute} of {name}, please.",
    "The {attribute} of {name} is what?",
    "{name} has which {attribute}?",
    "Show me the {attribute} for {name}",
    "show {attribute} of {name}",
    "get {attribute} for {name}",
    "Somewhere in here is the {attribute} of {name}. What is it?",
    "I read through everything and still can't find {name}'s {attribute}. Can you?",
    "May I ask what the {attribute} of {name} is?",
    "I'd like to know the {attribute} of {name}.",
    "I was wondering what {name}'s {attribute} might be.",
    "Let me know the {attribute} of {name} when you find it.",
    "What was noted as the {attribute} of {name}?",
    "What do the records say about the {attribute} of {name}?",
    "Check the records of {name}: what is the {attribute}?",
    "Under {name}, what does it say for {attribute}?",
    "How does the document specify the {attribute} of {name}?",
    "Please quote the {attribute} belonging to {name}.",
    "We are missing one detail, the {attribute} of {name}. Please supply it.",
    "What entry is there under {attribute} for {name}?",
]

COUNT: list[str] = [
    "How often is {name} mentioned?",
    "How many times does {name} appear in the text?",
    "How many times is {name} mentioned in the document?",
    "Count the mentions of {name}.",
    "Count how often {name} occurs.",
    "Number of occurrences of {name}?",
    "What is the number of times that {name} is mentioned?",
    "Please count how many times {name} comes up.",
    "How frequently does {name} turn up in this text? Give me the number.",
    "Can you tell me how many mentions of {name} there are?",
    "How many occurrences of {name} are there?",
    "{name}: how many mentions?",
    "occurrences of {name}, count",
    "In total, how many times does the text name {name}?",
    "How many times do we read about {name} by name?",
    "I want to know how often the text says {name}.",
    "Could you count the occurrences of {name} for me?",
    "Tell me how many times {name} is named.",
    "How often do you find {name} in here?",
    "How often does {name} get a mention?",
    "What's the count for {name} in this document?",
    "How many times can {name} be found in the text?",
    "Give the total number of mentions of {name}.",
    "Does {name} come up a lot? How many times exactly?",
    "For the index: how many times does {name} occur?",
]

MENTIONS: list[str] = [
    "Where is {name} mentioned?",
    "On which lines is {name} mentioned?",
    "At which places does {name} appear?",
    "List all the places where {name} is mentioned.",
    "Show me every line that mentions {name}.",
    "Which lines mention {name}?",
    "Which lines contain {name}?",
    "Find all mentions of {name}.",
    "Find every place where {name} comes up.",
    "Where in the text does {name} occur?",
    "Where does {name} turn up?",
    "Please list the lines with {name} in them.",
    "Could you point me to all the places that name {name}?",
    "Give me the line numbers where {name} occurs.",
    "{name}: on which lines?",
    "all mentions of {name}",
    "I need every occurrence of {name} with its line.",
    "In what places is {name} referred to by name?",
    "Whereabouts in this document can I read about {name}?",
    "Locate all the occurrences of {name}.",
    "At what points in the text is {name} named?",
    "Tell me all the lines on which {name} can be found.",
    "For the index: where does {name} occur?",
    "Where exactly do we mention {name}?",
    "What are the places at which the text speaks of {name}?",
]

DEFINITIONS_CLASS: list[str] = [
    "Where is the class {name} defined?",
    "Where is class {name}?",
    "In which file is the class {name} defined?",
    "Find the definition of the class {name}.",
    "Show me where the class {name} is defined.",
    "Which line defines the class {name}?",
    "Where can I find the definition of class {name}?",
    "class {name} definition",
    "Locate the class {name} for me, please.",
    "Where does the code define the class {name}?",
    "Where do we declare the class {name}?",
    "On which line does the class {name} begin?",
    "I'm looking for the class {name}. Where is it defined?",
    "Go to the definition of class {name}.",
    "What is the place where the Python class {name} gets defined?",
    "Could you tell me where the {name} class is defined?",
    "Where's the {name} class defined?",
    "Point me to the definition of the {name} class.",
    "Which module holds the definition of the class {name}?",
    "Where in the source is the class {name} introduced?",
]

DEFINITIONS_FUNCTION: list[str] = [
    "Where is the function {name} defined?",
    "Where is function {name}?",
    "In which file is the function {name} defined?",
    "Find the definition of the function {name}.",
    "Show me where the function {name} is defined.",
    "Which line defines the function {name}?",
    "Where can I find the definition of function {name}?",
    "function {name} definition",
    "Locate the function {name} for me, please.",
    "Where does the code define the function {name}?",
    "Where do we define the function {name}()?",
    "On which line does the function {name} begin?",
    "I'm looking for the function {name}. Where is it defined?",
    "Go to the definition of function {name}.",
    "What is the place where the Python function {name} gets defined?",
    "Could you tell me where the {name} function is defined?",
    "Where's the {name} function defined?",
    "Point me to the definition of the {name} function.",
    "Which module holds the definition of the function {name}?",
    "Where in the source is the function {name} introduced?",
]

CODE_NAMES_CLASS: list[str] = [
    "TariffLedger",
    "KilnController",
    "BerthAllocator",
    "SeedCatalogue",
    "PalletSorter",
    "GlacierModel",
    "VoucherPrinter",
    "MeshSmoother",
    "OtterTracker",
    "RainGaugeFeed",
    "LeaseCalculator",
    "ShardBalancer",
    "TideTable",
    "QuotaGuard",
    "InkCartridge",
    "FerryTimetable",
    "StitchPlanner",
    "BallotCounter",
    "OrchardMap",
    "PulseDetector",
    "CrateLabeller",
    "TenantResolver",
    "HarvestReport",
    "BeaconPoller",
    "GrainSilo",
    "WaypointEditor",
    "LoomDriver",
    "RefundPolicy",
    "SonarPing",
    "TicketEscalator",
    "ChordAnalyser",
    "DepotRouter",
    "FossilIndex",
    "LanternWidget",
    "MedicationPlan",
    "NozzleCalibration",
    "PassengerManifest",
    "RecipeScaler",
    "SatelliteLink",
    "ThermalProfile",
    "UmpireDecision",
    "VineyardPlot",
    "WarrantyClaim",
    "YieldEstimator",
    "ZoningRule",
    "AuctionClock",
    "BadgeReader",
    "CourierAssignment",
    "DrillBitWear",
    "EmbargoFilter",
    "FareZone",
    "GasketOrder",
    "HullSurvey",
    "InvoiceMatcher",
    "JuryPool",
    "KennelBooking",
    "LibraryLoan",
    "MastHeight",
    "NoticeBoard",
    "OverdraftAlarm",
]

CODE_NAMES_FUNCTION: list[str] = [
    "allocate_berth",
    "brew_schedule",
    "clip_glacier_mask",
    "drain_retry_queue",
    "estimate_yield",
    "fold_voucher_lines",
    "grade_wool_sample",
    "harvest_tokens",
    "infer_tide_phase",
    "join_ledger_rows",
    "knit_pattern_rows",
    "label_crates",
    "merge_tenant_limits",
    "nudge_waypoint",
    "open_silo_valve",
    "plot_rain_totals",
    "quantise_chord",
    "reroute_courier",
    "scale_recipe",
    "tally_ballots",
    "unseal_container",
    "verify_badge_swipe",
    "weigh_pallet",
    "expire_old_leases",
    "yearly_rainfall",
    "zone_for_fare",
    "apply_embargo",
    "bump_drill_wear",
    "compute_overdraft_fee",
    "dedupe_fossils",
    "emit_sonar_ping",
    "fetch_kennel_slots",
    "guess_grape_blend",
    "hash_manifest",
    "invert_loom_draft",
    "jury_shortlist",
    "kiln_ramp_rate",
    "lock_orchard_gate",
    "mask_passport_digits",
    "normalise_hull_survey",
    "order_gaskets",
    "parse_tariff_heading",
    "queue_refund",
    "rotate_beacon_keys",
    "smooth_mesh_edges",
    "trim_telemetry",
    "update_notice_board",
    "vet_umpire_call",
    "warm_shard_cache",
    "extract_ink_levels",
    "yield_per_hectare",
    "zip_depot_routes",
    "archive_library_loan",
    "balance_ferry_load",
    "calibrate_nozzle",
    "detect_pulse_gap",
    "escalate_ticket",
    "find_stale_quotas",
    "group_auction_lots",
    "measure_mast_sway",
]
