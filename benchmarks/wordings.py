"""Held-out wordings, names and values for measuring the model in the box: data only, never trained on.

Written without sight of the training wordings. Templates are for `str.format`: `{name}`, `{attribute}`, `{value}`.
An attribute fits after "the"; a value is to be copied exactly. No name lies within another name or within a value.
"""

from __future__ import annotations

import random
from collections.abc import Callable

# How an ordinary text states a fact: a third with the value first, a third with it in the middle, a third at the end.
FACTS: list[str] = [
    # the value first
    "{value} is what the brass plate gives as the {attribute} of {name}.",
    "{value}, so the clerk told us, was the {attribute} of {name} that winter.",
    "{value} - {attribute}, {name}",
    "{value} had been the {attribute} of {name} for as long as anyone could remember.",
    "“{value}”, she answered at once when I wanted to know the {attribute} of {name}.",
    "{value} ({name}, {attribute}; copied from the old ledger)",
    "{value}: that is the {attribute} we have on file for {name}.",
    "{value} was chalked on the board, and everybody there knew it for the {attribute} of {name}.",
    "{value} stands against {name} in the column headed {attribute}.",
    "{value} | {attribute} | {name}",
    "{value} remains the {attribute} of {name} until the committee says otherwise.",
    "{value} = {attribute} of {name}",
    "{value} turned out to be {name}'s {attribute}, whatever the newspapers claimed.",
    "{value} was entered under {attribute} when {name} was put on the register.",
    "{value} is correct; I checked the {attribute} of {name} twice myself.",
    "{value}, and not what the brochure says, is the real {attribute} of {name}.",
    "{value}. So reads the card for {name}, in the box marked {attribute}.",
    "{value} may look strange as the {attribute} of {name}, but the auditors have accepted it.",
    "{value} appears in every surviving copy as the {attribute} of {name}.",
    "{value} is the {attribute} {name} has always had, if my uncle is to be believed.",
    # the value in the middle
    "I find from your last letter that {name} has {value} as the {attribute}, which surprised us all at breakfast.",
    "For {name} we wrote down {value} as the {attribute}, and then the rain drove us indoors.",
    "NOTE: {name} has {value} as {attribute} (confirmed by phone on Tuesday).",
    "[INFO] {name}: {attribute} set to {value} by operator, no further action",
    "| {name} | {value} | {attribute} | verified |",
    "It was common knowledge in the district that {name}'s {attribute} was {value}, though few could say why.",
    "With {value} as the {attribute} of {name}, the matter was considered closed.",
    "Since the {attribute} of {name} is given as {value} in both inventories, we have kept it here.",
    "The old man muttered something about {name}, gave {value} as the {attribute}, and went back to his pipe.",
    "As regards the {attribute}, it is {value} in the case of {name}, and the rest are still blank.",
    "Of {name} little is recorded except {value}, the {attribute}, in a hand that nobody recognises.",
    "{name} ({attribute}: {value}) was discussed next, and the meeting rose at six.",
    "{name}, whose {attribute} is {value}, does not figure in the second volume.",
    "<tr><td>{name}</td><td>{attribute}</td><td>{value}</td></tr>",
    '{{"subject": "{name}", "{attribute}": "{value}", "checked": true}}',
    "Please correct the {attribute} to {value} in the entry for {name} before the list goes to the printer.",
    "When they asked about {name} I gave {value} for the {attribute}, as the file has it.",
    "The inspector noted {value} as {name}'s {attribute} and asked for a glass of water.",
    "In those years {name} still had {value} for {attribute}, and nobody minded.",
    "They settled on {value} for the {attribute} of {name} after a long quarrel.",
    # the value at the end
    "According to the parish book, the {attribute} of {name} is {value}.",
    "{name} / {attribute}: {value}",
    "{name}.{attribute} = {value}",
    "After some searching in the attic I can at last tell you {name}'s {attribute}: {value}.",
    "{name};{attribute};{value}",
    "On the back of the photograph someone had pencilled the {attribute} of {name}, {value}.",
    "Nobody at the table knew the {attribute} of {name} except the cook, who said {value}.",
    "Item 14. Subject: {name}. Matter: {attribute}. Finding: {value}.",
    "If anybody enquires after {name}, kindly say that the {attribute} is {value}.",
    "2031-02-07 09:14:55 registry: {name} {attribute} -> {value}",
    "The {attribute} listed for {name} in the appendix reads {value}.",
    "The {attribute}, in the case of {name}, is {value}.",
    "We learned that day what the {attribute} of {name} was: {value}.",
    "* {name} - the {attribute} here is {value}",
    "Reminder to self: {name}, {attribute}, {value}",
    "By a vote of nine to two the {attribute} of {name} was fixed as {value}.",
    "Footnote: earlier editions leave out the {attribute} of {name}, which is {value}.",
    "Among the things {name} is remembered for is the {attribute}, namely {value}.",
    'set "{attribute}" for "{name}" to "{value}"',
    "You will recognise {name} without trouble, because the {attribute} is {value}.",
]

# How a user asks for it.
FIND: list[str] = [
    "What is the {attribute} of {name}?",
    "what's the {attribute} of {name}",
    "What is {name}'s {attribute}?",
    "{name} {attribute}?",
    "{attribute} of {name}",
    "{name}: {attribute}?",
    "Tell me the {attribute} of {name}.",
    "Could you please look up the {attribute} of {name} for me?",
    "find the {attribute} for {name}",
    "I need the {attribute} of {name}.",
    "Which {attribute} does {name} have?",
    "Somewhere in here the {attribute} of {name} is given. What is it?",
    "Give me {name}'s {attribute}, nothing else.",
    "What does the text say is the {attribute} of {name}?",
    "Please extract the {attribute} of {name} from the document.",
    "hey, do you see the {attribute} for {name} anywhere in this?",
    "My boss keeps asking about {name}. What's the {attribute}?",
    "I'm filling in a form and it wants the {attribute} of {name}. What should I put?",
    "According to this, what was the {attribute} of {name}?",
    "Would you mind telling me what {name} has as {attribute}?",
    "Look for {name} and report the {attribute}.",
    "need {attribute} for {name} asap",
    "Can you find out the {attribute} of {name}? Thanks!",
    "Is the {attribute} of {name} stated in the text, and if so what is it?",
    "The {attribute} of {name} is what?",
    "Search these files for the {attribute} of {name}.",
    "I forgot the {attribute} of {name}, it should be in there somewhere.",
    "For {name}, what is the {attribute}?",
    "As for {name}, I only want to know the {attribute}.",
    "Read through all this and tell me what {name}'s {attribute} is.",
    "Question about {name}: what is the {attribute}?",
    "whats {name}'s {attribute}",
    "Please state the {attribute} of {name} exactly as written.",
    "Long document, sorry. I only need one thing from it: the {attribute} of {name}.",
    "Let me know the {attribute} given for {name}.",
    "In this text, what is given as the {attribute} of {name}?",
    "I was wondering what the {attribute} of {name} might be.",
    "do we know the {attribute} of {name}?",
    "Answer with the {attribute} of {name}.",
    "Quick one: {attribute} of {name}?",
    "There should be a mention of {name} in here. What does it say about the {attribute}?",
    "Retrieve the {attribute} of {name}",
    "show me the {attribute} for {name} please",
    "What {attribute} is recorded for {name}?",
    "Kindly provide the {attribute} of {name}.",
    "Can you tell me {name}'s {attribute}?",
    "A friend and I have a bet on the {attribute} of {name}. Who knows it? What is it?",
    "What value is given for the {attribute} of {name}?",
    "Get the {attribute} of {name}.",
    "I have inherited this pile of notes from a colleague. What is the {attribute} of {name}?",
    "Does it say what the {attribute} of {name} is? If yes, quote it.",
    "who or what is the {attribute} of {name}",
    "Find {name} in the input. What is the {attribute}?",
    "Regarding {name}, please give me the {attribute}.",
    "I'd like to know the {attribute} of {name}, please.",
    "lookup: {name}, {attribute}",
    "It is late and I can't read any more of this. Just tell me the {attribute} of {name}.",
    "Any idea what {name}'s {attribute} is?",
    "Check what it says about the {attribute} of {name}.",
    "Hello! Would it be possible to get the {attribute} of {name} out of this archive?",
]

# How a user asks how many times a name occurs.
COUNT: list[str] = [
    "How many times does {name} occur?",
    "How often is {name} mentioned in the text?",
    "count {name}",
    "Count the occurrences of {name}.",
    "how many times does the name {name} appear in this",
    "Please count how often {name} appears.",
    "Number of mentions of {name}?",
    "Tell me how many times {name} is named.",
    'How many occurrences of "{name}" are there?',
    "In the whole document, how many times do we see {name}?",
    "how many {name} in here?",
    "I need a count of {name} across all the files.",
    "What is the number of times {name} comes up?",
    "Could you count the mentions of {name} for me, please?",
    "How frequently does {name} turn up? Just the number.",
    "Give me the total number of occurrences of {name}.",
    "My editor thinks I overuse {name}. How many times is it in there?",
    "Find out how many times {name} is used.",
    "{name}: how many times?",
    "occurrences of {name}, total?",
    "Go through everything and count {name}.",
    "how many mentions does {name} get",
    "What's the tally for {name}?",
    "Can you tell me how many times the text says {name}?",
    "I want to know how many times {name} is mentioned.",
    "Count every appearance of the word {name} and report the total.",
    "On how many occasions is {name} mentioned?",
    "Is {name} mentioned a lot? Give me the exact count.",
    "Search for {name} and tell me the number of hits.",
    "how many hits for {name}?",
    "Please report how many times the string {name} occurs in the input.",
    "For the index: how many mentions of {name} are there?",
    "number of times {name} appears",
    "Work out the number of occurrences of {name}.",
    "Hi, could you check how many times {name} shows up here? Thank you.",
    "How many times can the name {name} be found in this folder?",
    "Exactly how many times is {name} written in this text?",
    "I keep losing count of {name}. How many mentions are there?",
    "word count for {name} only, please",
    "What is the frequency of {name} in the text, as a plain number?",
]

# How a user asks for the places where a name is mentioned.
MENTIONS: list[str] = [
    "Where is {name} mentioned?",
    "where does {name} appear",
    "List every place where {name} is mentioned.",
    "On which lines does {name} occur?",
    "Give me the line numbers that mention {name}.",
    "Which lines mention {name}?",
    "Show all mentions of {name}.",
    "list the mentions of {name}",
    "Please tell me where in the text {name} comes up.",
    "Find all the places that talk about {name}.",
    "Where can I read about {name} in this? List the places.",
    "I need to locate every reference to {name}.",
    "Could you list the lines with {name} in them?",
    "{name}: which lines?",
    "Where exactly is {name} named?",
    "Point me to the passages that mention {name}.",
    "What lines is {name} on?",
    "At what places in the document do we find {name}?",
    "show me where {name} turns up, all of them please",
    "Enumerate the locations of {name} in the input.",
    "In which places does the name {name} appear?",
    "Every mention of {name}, with its line number.",
    "I am making an index. Where is {name} mentioned?",
    "Tell me all the spots where {name} is referred to by name.",
    "locate {name}, every line",
    "Search for {name} and list where you find it.",
    "Would you list for me all lines in which {name} is mentioned?",
    'Where do I find "{name}"? I want all the places.',
    "line numbers for {name}?",
    "Which parts of this mention {name}? Line numbers will do.",
    "grep for {name} and give me the locations",
    "We are renaming {name} next week. List the lines where it is mentioned.",
    "Can you see where {name} is brought up? List all of it.",
    "Print the line number of each mention of {name}.",
    "Whereabouts is {name} mentioned in these files?",
    "I'd like a list of the places {name} is mentioned.",
    "all references to {name}",
    "Hi! Where in this long thing does {name} come up?",
    "Go through the text and note every line that contains {name}.",
    "Report where {name} is mentioned.",
]

# How a user asks where a Python class is defined.
DEFINITIONS_CLASS: list[str] = [
    "Where is the class {name} defined?",
    "where is class {name}",
    "Which file defines the class {name}?",
    "Find the definition of class {name}.",
    "In which file and line is the {name} class defined?",
    "I'm looking for the class {name}. Where is it?",
    "where do they define the {name} class?",
    "Show me where `class {name}` is.",
    "Locate the {name} class definition.",
    "Please find where the class {name} is declared.",
    "go to definition: class {name}",
    "What file holds the definition of the {name} class?",
    "Could you tell me where the class `{name}` lives?",
    "Definition of class {name}?",
    "New to this code base. Where's the {name} class defined?",
    "which module is class {name} defined in",
    "The class {name}: where does its definition start?",
    "I need the location of the class {name} in the source.",
    "On what line is class {name} defined?",
    "Tell me the file and line of class {name}.",
    "The import of {name} fails. Where is that class actually defined?",
    "Where does the code define a class called {name}?",
    "class {name} is defined where?",
    "Point me at the definition of the class {name}, please.",
    "find class {name}",
    "Where can I find the source of the {name} class?",
    "There is a class named {name} in here. Which file is it in?",
    "Search the repo for the class {name} and say where it is defined.",
    "path and line number of the class {name}, thanks",
    "Hey, where was the {name} class put? I want the place it is defined.",
]

# How a user asks where a Python function is defined.
DEFINITIONS_FUNCTION: list[str] = [
    "Where is the function {name} defined?",
    "where is {name}() defined?",
    "Which file contains the definition of the function {name}?",
    "Find the definition of {name}().",
    "Find `def {name}` for me.",
    "In which file is the function {name}?",
    "where's the function {name}",
    "Locate the function `{name}`.",
    "On which line does the function {name} start?",
    "Please show where the {name} function is implemented.",
    "The traceback ends in {name}(). Where is that function defined?",
    "I want to edit the function {name}. Which file do I open?",
    "What is the location of the function {name}?",
    "jump to def {name}",
    "Could you find where {name}() is defined in this project?",
    "which module has the function {name}",
    "Tell me the file and line where the function {name} is defined.",
    "Where do I find the source code of the {name} function?",
    "function {name}, defined where?",
    "Where in the code base is a function called {name} defined?",
    "definition of function {name}?",
    "Somebody calls {name}() everywhere but I can't see the function itself. Where is it defined?",
    "I am trying to find the definition of the function {name}.",
    "Give me the place where the function {name} is declared.",
    "Where was the {name} function written? File and line, please.",
    "find function {name}",
    "Search these sources for the function {name}. Where is its definition?",
    "At which line is `{name}` defined as a function?",
    "Can you point me to the function {name}?",
    "path to the definition of the {name} function pls",
]

_DIGITS = "0123456789"
_CAPITALS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
_FORENAMES = [
    *("Agathe", "Bertil", "Cosima", "Dermot", "Eluned", "Fabrice", "Gudrun", "Hamish", "Ilse", "Jarek", "Keziah"),
    *("Lorcan", "Maite", "Niamh", "Odile", "Piers", "Rosalba", "Soren", "Tamsin", "Ulrika", "Viggo", "Wanda"),
]
_SURNAMES = [
    *("Abernethy", "Brandt", "Calloway", "Dubrovsky", "Eklund", "Fairweather", "Grimaldi", "Hathersage", "Ibarra"),
    *("Jernigan", "Kowalczyk", "Lindqvist", "Mbeki", "Nakagawa", "O'Leary", "Pemberton", "Quigley", "Rasmussen"),
    *("Saavedra", "Thornycroft", "Uzun", "Vandermeer", "Winstanley", "Zamora"),
]
_PLACES = [
    *("Aberystwyth", "Bergamo", "Cork", "Dundee", "Esbjerg", "Fremantle", "Gdansk", "Halifax", "Izmir", "Jaipur"),
    *("Kiruna", "Lisbon", "Malmö", "Nantes", "Odense", "Port Said", "Quebec", "Rostock", "Saint-Malo", "Trieste"),
    *("Upper Tooting", "Valparaíso", "Thurso", "Yokohama", "North Platte", "East Grinstead"),
]
_COLOURS = ["teal", "burnt orange", "ivory", "slate grey", "maroon", "pale lemon", "indigo", "bottle green", "ochre"]
_DISHES = [
    *("mushroom risotto", "leek soup", "kedgeree", "plum dumplings", "smoked eel", "lamb tagine", "rye pancakes"),
    *("cold trout", "treacle tart", "paella", "pickled herring", "apple charlotte"),
]
_ANIMALS = [
    *("otter", "grey heron", "badger", "golden eagle", "hedgehog", "red fox", "stag beetle", "lynx", "barn owl"),
    *("sea horse", "tortoise", "magpie"),
]
_MATERIALS = [
    *("oak", "white marble", "brass", "cast iron", "red cedar", "birch plywood", "slate", "bone china", "linen"),
    *("galvanised steel", "limestone", "horsehair"),
]
_TRADES = [
    *("cooper", "glass blower", "notary", "lock keeper", "piano tuner", "beekeeper", "ship chandler", "surveyor"),
    *("night porter", "bookbinder", "dentist", "tram driver"),
]
_INSTRUMENTS = ["oboe", "viola", "hurdy-gurdy", "bass clarinet", "accordion", "harp", "French horn", "tin whistle"]
_PHRASES = [
    *("never too late", "onward", "slow but sure", "quiet waters", "bring the lantern", "second to none", "hold fast"),
    *("nine white geese", "salt and iron", "patience", "the long way", "ask the miller", "open sesame", "blue Monday"),
    *("Sleeping Giant", "Old Copper", "half past never", "turnip", "Winter Palace", "no small beer"),
]
_STATES = ["pending", "under repair", "approved", "laid up", "for sale", "on loan", "decommissioned", "in quarantine"]


def _some(rng: random.Random, alphabet: str, number: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(number))


def _number(rng: random.Random) -> str:
    shape = rng.randrange(4)
    if shape == 0:
        return str(rng.randint(3, 99))
    if shape == 1:
        return str(rng.randint(100, 99_999))
    if shape == 2:
        return f"{rng.randint(1000, 9_999_999):,}"
    return str(rng.randint(100_000, 999_999_999))


def _measure(*units: str) -> Callable[[random.Random], str]:
    def make(rng: random.Random) -> str:
        number = rng.choice([str(rng.randint(2, 900)), f"{rng.randint(1, 90)}.{rng.randint(1, 9)}"])
        return f"{number} {rng.choice(units)}" if rng.random() < 0.8 else number

    return make


def _money(rng: random.Random) -> str:
    amount = f"{rng.randint(2, 90_000):,}"
    return rng.choice([f"£{amount}", f"{amount} crowns", f"€{amount}.{rng.randint(10, 99)}", f"{amount} dollars"])


def _code(rng: random.Random) -> str:
    shape = rng.randrange(7)
    if shape == 0:
        return f"{_some(rng, _CAPITALS, 2)}-{_some(rng, _DIGITS, 4)}"
    if shape == 1:
        return _some(rng, _CAPITALS + _DIGITS, rng.randint(6, 9))
    if shape == 2:
        return f"{_some(rng, _DIGITS, 3)}/{_some(rng, _CAPITALS, 1)}{_some(rng, _DIGITS, 2)}"
    if shape == 3:
        return _some(rng, "0123456789abcdef", 8)
    if shape == 4:
        return f"{_some(rng, _CAPITALS, 3)} {_some(rng, _DIGITS, 3)}"
    if shape == 5:
        return f"{_some(rng, _CAPITALS.lower(), 4)}_{_some(rng, _DIGITS, 2)}"
    return "-".join(_some(rng, _CAPITALS + _DIGITS, 4) for _ in range(rng.randint(2, 3)))


def _year(rng: random.Random) -> str:
    return str(rng.randint(1650, 2029))


def _date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1790, 2029)
    return rng.choice(
        [
            f"{day} {_MONTHS[month - 1]} {year}",
            f"{year}-{month:02}-{day:02}",
            f"{_MONTHS[month - 1]} {day}, {year}",
            f"{day:02}/{month:02}/{year}",
            f"{_MONTHS[month - 1]} {year}",
        ]
    )


def _time(rng: random.Random) -> str:
    hour, minute = rng.randint(1, 12), rng.randint(0, 59)
    return rng.choice([f"{hour + 11:02}:{minute:02}", f"{hour}.{minute:02} pm", f"{hour:02}{minute:02} hours"])


def _person(rng: random.Random) -> str:
    first, last = rng.choice(_FORENAMES), rng.choice(_SURNAMES)
    return rng.choice([f"{first} {last}", f"{first} {last}", f"Dr {last}", f"{first[0]} {last}", last])


def _among(words: list[str]) -> Callable[[random.Random], str]:
    return lambda rng: rng.choice(words)


_MAKERS: dict[str, Callable[[random.Random], str]] = {
    "badge number": _number,
    "locker number": _number,
    "hull number": _code,
    "serial number": _code,
    "telephone extension": _number,
    "seating capacity": _number,
    "head count": _number,
    "page total": _number,
    "lottery number": _number,
    "map reference": _code,
    "call sign": _code,
    "customs code": _code,
    "licence plate": _code,
    "firmware build": _code,
    "invoice reference": _code,
    "safe combination": _code,
    "file mark": _code,
    "router password": _code,
    "voucher": _code,
    "founding year": _year,
    "vintage": _year,
    "year of restoration": _year,
    "launch date": _date,
    "wedding day": _date,
    "expiry date": _date,
    "last inspection": _date,
    "closing time": _time,
    "hour of departure": _time,
    "boiler pressure": _measure("bar", "psi", "atmospheres"),
    "draught": _measure("feet", "metres", "fathoms"),
    "wing span": _measure("cm", "inches", "m"),
    "fuel reserve": _measure("litres", "gallons", "tons", "kg"),
    "annual rainfall": _measure("mm", "inches"),
    "top speed": _measure("knots", "km/h", "m/s", "mph"),
    "asking price": _money,
    "yearly rent": _money,
    "insurance premium": _money,
    "chief engineer": _person,
    "godmother": _person,
    "night watchman": _person,
    "legal guardian": _person,
    "first owner": _person,
    "business partner": _person,
    "deputy": _person,
    "home port": _among(_PLACES),
    "birthplace": _among(_PLACES),
    "sister city": _among(_PLACES),
    "winter quarters": _among(_PLACES),
    "favourite dish": _among(_DISHES),
    "funnel colour": _among(_COLOURS),
    "door paint": _among(_COLOURS),
    "heraldic animal": _among(_ANIMALS),
    "mascot": _among(_ANIMALS),
    "floor material": _among(_MATERIALS),
    "former trade": _among(_TRADES),
    "chosen instrument": _among(_INSTRUMENTS),
    "motto": _among(_PHRASES),
    "nickname": _among(_PHRASES),
    "secret phrase": _among(_PHRASES),
    "current status": _among(_STATES),
}

ATTRIBUTES: list[str] = list(_MAKERS)

# Any of these for an attribute that is not listed.
_ANY = [_number, _code, _year, _date, _measure("kg", "miles", "volts"), _person, _among(_PLACES), _among(_PHRASES)]


def value(rng: random.Random, attribute: str) -> str:
    """A plausible value: a number, code, date, word, name, or phrase of up to three words."""
    return (_MAKERS.get(attribute) or rng.choice(_ANY))(rng)


NAMES: list[str] = [
    # people
    *("Orsolwyn Tack", "Bramley Vostrikoff", "Ysolde Parnecker", "Tibor Quenneld", "Hesper Druimmond-Lyle"),
    *("Anselm Fogwright", "Zélie Mortaubert", "Joaquim Perdanha", "Philippa Outhwick", "Casimir Blundt"),
    *("Mirembe Osalou", "Gwilym Trefachan", "Old Mother Scantle", "Dr. Ruprecht Ohlenz", "Captain Isidra Bolm"),
    *("Nettie Garrowhill", "Søren Hjulmager", "Aurelio Tindaro-Puglin", "Miss Evadne Crisp", "Ludo Wexcombe"),
    *("Thandolwe Mkhari", "Brother Eustachy", "Pernilla Åkerhjort", "J. K. Stroudley", "Emmerich Zaunkolb"),
    *("Fenwyth", "Oriabel", "Kastrovan", "Lisquette", "Dunmorrow", "Tuvalek", "Señora Bracamora", "Yevka"),
    # places
    *("Marrowby", "Castle Ebbrant", "Quillhampton", "Skelderfoss", "Upper Thrumley", "Port Ansgard", "Vellimar Bay"),
    *("Dorn-am-Wirbach", "Saint-Orvin", "Lake Otchiquan", "Hobbleton Cross", "Mount Pharrow", "Isle of Grenn"),
    *("Tzakhoun", "Crag Hollin", "Brackenspire Abbey", "Nether Wopping", "Rua Alçamira", "Gallowfield Halt"),
    *("Fort Tamberlin", "Sandgruvan", "Zwarteveer", "Chipping Ulder", "Pomfrey Street 9", "Vale of Isk"),
    # ships
    *("Sturdy Penelope", "HMS Implacid", "Gull of Narvane", "Santa Eulixia", "Merrow Queen", "SS Corvandale"),
    *("Prins Oskvald", "Black Teasel", "Esperanza III", "MV Tarnholm", "Duchess of Strome", "Lady Quicksedge"),
    *("Umbra-7", "Ostfalke", "Fair Rosalind II"),
    # companies
    *("Brindlecote & Sons", "Hargroveton Ltd", "Nordvik Seilmakeri", "Quantrell-Hobbs", "Telluvia Foods"),
    *("Pennywhistle Assurance", "Axenthia", "Zorbling Brothers", "Kestremont Bank", "Omnivale Partners"),
    *("Dravec Tyres", "Lumisol GmbH", "Pickerel Press", "B4 Logistics", "Compagnie Favrolle", "Sundry & Thole"),
    *("Yttrika Mining", "Wrenfold Dairy", "3Rivers Cartage", "Grubbenhagen AG"),
    # machines
    *("Mark IX Threshomatic", "KR-4471", "Big Bertolda", "Loomis 220", "PX9-Delta", "Unit 58-C", "Gryphotron"),
    *("Steam Hammer 6", "node-quail-03", "Calculon Minor", "Pump House 12b", "Vibrolathe", "TBM Griselda"),
    *("srv-amaranth", "Winch No. 17", "AutoLoom-500"),
    # projects
    *("Project Saltmarsh", "Operation Tin Kettle", "Blue Heronry", "Halcyra", "Codename Wicket", "Nightjar 2.0"),
    *("Programme Élodine", "Task Force Bramble", "Opaline-X", "moss_lantern", "Plan Zephyrine", "Initiative 61"),
]

CODE_NAMES_CLASS: list[str] = [
    *("TurnipLedger", "HTTPMoldProxy", "_PebbleSorter", "Vec9Rotor", "KelpIndexer", "OrchardVisitor", "GlyphCache2"),
    *("DampenedSpring", "XmlBarnacle", "_LazyAnvil", "FerryTimetable", "QuorumTracker", "SnailMailer", "Utf7Peeler"),
    *("BracketMender", "PolarMixin", "AbstractTeapot", "MissingSpokeError", "NullPorter", "TideTableReader"),
    *("RLEUnroller", "__HiddenMoat", "BaseWhittler", "Shard3Router", "FenceBuilder", "OysterShell", "GravelQueue"),
    *("DoubleHelixMap", "IOLantern", "StaleTokenWarning", "PatchworkModel", "_Crumb", "MarmotScheduler", "Lathe"),
    *("WeirdlyLongCabbageFactory", "SQLiteBurrow", "BeaconV2", "ThimbleConfig", "EchoChamber", "CsvPlough"),
    *("RetryingHeron", "PinionGear", "UnionJackParser", "TestMilkRound", "Hex16Field", "_BaseGimlet", "SootFilter"),
    *("AsyncCooper", "VelvetRope", "LedgerEntryMeta", "CompostHeap", "JSONTrowel", "NestedSieve", "OttoCycle"),
    *("Frobber", "TarpaulinView", "Mp3Hedgerow", "RunawayCartError", "ISOWeekPicker", "PlumbLine"),
]

CODE_NAMES_FUNCTION: list[str] = [
    *("peel_turnips", "_stir_pot", "rotate9", "as_kelp", "mend_brackets", "load_ferry_times", "sort_pebbles_by_hue"),
    *("ungarble", "is_soggy", "_lazy_anvil", "decode_utf7_blob", "weigh", "squash_gravel", "has_missing_spoke"),
    *("open_moat", "fold_napkin2", "to_oyster_row", "__polish", "computeTideHeight", "read_sundial", "drain_queue_3"),
    *("test_milk_round_is_empty", "iter_hedgerows", "guess_iso_week", "_x2y", "plough", "make_thimble_config"),
    *("retry_with_heron", "unroll_rle", "snip", "parse_union_jack", "borrow_lantern", "hex16_to_soot", "echoBack"),
    *("collect_crumbs", "tarpaulin_area", "_private_sieve_", "main_cooper", "spin_otto_cycle", "validate_plumb_line"),
    *("wind_clock", "bail_out_water", "get_beacon_v2", "_maybe_whittle", "draw_velvet_rope", "compost", "dig_trench"),
    *("flatten_nested_sieve", "merge_marmots", "on_lathe_stopped", "sqlite_burrow", "_init_gimlet", "stamp_letter"),
    *(
        "yield_per_acre",
        "clamp_to_fence",
        "pick_pinion",
        "async_hum",
        "w8_for_tram",
        "count_stale_tokens",
        "render_mp3",
    ),
]
