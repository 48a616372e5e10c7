"""Ranking passages by the rare words that they share with a query: any language, no index, no list of stop words.

One pass lowers the texts slice by slice and notes where each word of the query stands; a word that turns out common is
dropped on the way. Candidates are the windows around the rarest words; the best of them are read in full. 42 MB take
about 0.2 s, and no copy of them is kept.

Standard library only, Python 3.8 and up: shipped into every sandbox as it is.
"""

from __future__ import annotations

import math

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from collections.abc import Iterable

PASSAGE = 300  # characters of a passage, about
LONGEST = 400  # characters of a passage that is one long sentence

_SLICE = 1 << 17  # small enough to stay in the cache while every word is looked for in it
_MARGIN = 64  # characters read beyond a slice, so that no word is cut at its end
_WORDS = 32  # words of a query that are looked for
_COMMON = 5_000  # occurrences from which on a word may be dropped ...
_SPARSE = 1_000  # ... if there is more than one in so many characters
_NAME = 1.5  # how much heavier a word is that is written like a name
_EVENTS = 30_000  # occurrences, of the rarest words together, around which candidates are looked for

# Scripts written without spaces: a run of them is cut into pairs of characters.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = f"[{_UNSPACED}]+|[^\\W_{_UNSPACED}]+"
_IS_UNSPACED = f"[{_UNSPACED}]"
# Where a sentence ends: not behind "No." or "Dr.", nor before a small letter or a digit.
_BREAK = (
    r"(?:[!?…]|(?<!\b[A-Z])(?<!\b[A-Z][a-z])(?<!\b[A-Z][a-z]{2})\.)[\"'”’»)\]]*\s+(?![\sa-z\d])"
    r"|[。！？][」』”]*\s*|\n\s*"
)


def prepare() -> None:
    """Compiles the patterns: 6 ms, and `re` 7 more, which the first search takes else."""
    import re

    for pattern in (_RUN, _IS_UNSPACED, _BREAK):
        re.compile(pattern)


class _Found:
    """A passage: text[start:end], at a position among all documents."""

    __slots__ = ("apart", "end", "name", "position", "score", "start", "text")

    def __init__(self, score: float, apart: bool, position: int, name: str, text: str, start: int, end: int) -> None:
        self.score = score
        self.apart = apart  # whether the words stand on several lines
        self.position = position
        self.name = name
        self.text = text
        self.start = start
        self.end = end


class _Word:
    """One word of the query, and where it was found."""

    def __init__(self, text: str) -> None:
        import re
        from array import array

        self.text = text
        self.unspaced = bool(re.match(_IS_UNSPACED, text))
        self.found = array("q")  # positions over all documents, one after the other
        self.raw = 0  # occurrences anywhere, inside other words too
        self.scanned = 0  # characters it was looked for in: up to where it was dropped, if it was
        self.dropped = False
        self.weight = 0.0

    def scan(self, low: str, first: int, end: int) -> list[int]:
        """Where in low[first:end] it begins, as a word of its own or with a short ending."""
        word, size, find, unspaced = self.text, len(self.text), low.find, self.unspaced
        places = []
        at = find(word, first)
        while 0 <= at < end:
            self.raw += 1
            if unspaced or (not (at and low[at - 1].isalnum()) and _ends(low[at + size : at + size + 4], size)):
                places.append(at)
            at = find(word, at + size)
        self.scanned += end - first
        return places

    def drop_if_common(self) -> None:
        """Stop looking for it where it can't tell one passage from another."""
        common = len(self.found) > _COMMON and len(self.found) * _SPARSE > self.scanned
        self.dropped = common or (self.raw > 20 * _COMMON and self.raw * _SPARSE > 5 * self.scanned)

    def weigh(self, total: int) -> None:
        """Set the weight, in nats: the rarer, the heavier; 0 if it does not occur."""
        count = max(len(self.found), int(self.dropped)) * total / max(self.scanned, 1)
        self.weight = math.log(1 + total / (PASSAGE * count)) if count else 0.0


def _ends(tail: str, size: int) -> bool:
    """Whether a word of `size` letters ends before `tail`, give or take an ending of up to three letters."""
    return not tail[:1].isalnum() or (size >= 4 and not (len(tail) == 4 and tail.isalnum()))


class _Scan:
    """One pass over all texts: where the words stand, and the documents that hold any of them.

    Each document has a range of positions of its own, with a gap after it, so that no window reaches into the next.
    """

    def __init__(self, words: list[_Word]) -> None:
        from array import array

        self.live = words
        self.total = 0
        self.documents: list[tuple[str, str]] = []
        self.bases = array("q")
        self._base = 0

    def run(self, texts: Iterable[tuple[str, str]]) -> None:
        """Look through all texts; short ones are gathered, since a million strings are a million calls otherwise."""
        short: list[tuple[str, str]] = []
        gathered = 0
        for name, text in texts:
            self.total += len(text)
            if len(text) + gathered > _SLICE:
                self._short(short)
                short, gathered = [], 0
            if len(text) > _SLICE:
                self._long(name, text)
            else:
                short.append((name, text))
                gathered += len(text) + 1
        self._short(short)

    def _long(self, name: str, text: str) -> None:
        hits = 0
        for start in range(0, len(text), _SLICE):
            first = max(start - 1, 0)  # one character before, to see whether a word begins there
            low = _lower(text[first : start + _SLICE + _MARGIN])
            begin, end = start - first, start - first + min(_SLICE, len(text) - start)
            for word in self.live:
                places = word.scan(low, begin, end)
                word.found.extend(self._base + first + at for at in places)
                hits += len(places)
            self._drop()
        if hits:
            self._keep(name, text)
        self._base += len(text) + LONGEST

    def _short(self, texts: list[tuple[str, str]]) -> None:
        low = _lower("\n".join(text for _, text in texts))
        from bisect import bisect

        starts, bases, start = [], [], 0
        for _, text in texts:
            starts.append(start)
            bases.append(self._base)
            start += len(text) + 1
            self._base += len(text) + LONGEST
        hit = set()
        for word in self.live:
            for at in word.scan(low, 0, len(low)):
                index = bisect(starts, at) - 1
                word.found.append(bases[index] + at - starts[index])
                hit.add(index)
        self._drop()
        for index in sorted(hit):
            self.documents.append(texts[index])
            self.bases.append(bases[index])

    def _keep(self, name: str, text: str) -> None:
        self.documents.append((name, text))
        self.bases.append(self._base)

    def _drop(self) -> None:
        for word in self.live:
            word.drop_if_common()
        if any(word.dropped for word in self.live):
            self.live = [word for word in self.live if not word.dropped]


def rank(texts: Iterable[tuple[str, str]], query: str, k: int) -> list[tuple[str, str, int, int, float]]:
    """Return the k best passages as (name, text, start, end, score): the best first; of two as good, one with all words
    on one line, and then the one that stands first in the input.

    Args:
        texts: (name, text) pairs, in input order.
        query: Any text; its words count by how rare they are in the texts, and those that don't occur are ignored.
        k: The most passages.
    """
    asked = _words(_lower(query))
    words = [_Word(text) for text in list(dict.fromkeys(asked))[:_WORDS]]
    if not words or k < 1:
        return []
    scan = _Scan(words)
    scan.run(texts)
    names = _names(query)
    for word in words:
        word.weigh(scan.total)
        word.weight *= _NAME if word.text in names else 1.0
    weights = {word.text: word.weight for word in words if word.weight}
    pairs = [pair for pair in dict.fromkeys(_pairs(asked)) if all(word in weights for word in pair)]
    from bisect import bisect

    found = []
    for first, last in _candidates(words, max(64, 8 * k)):
        index = bisect(scan.bases, first) - 1
        (name, text), base = scan.documents[index], scan.bases[index]
        start, end = _passage(text, first - base, last - base)
        score = _score(_lower(text[start:end]), weights, pairs)
        apart = "\n" in text[first - base : last - base]
        found.append(_Found(score, apart, base + start, name, text, start, end))
    found.sort(key=lambda passage: (-passage.score, passage.apart, passage.position))
    return [(one.name, one.text, one.start, one.end, one.score) for one in _distinct(found, k)]


def _names(query: str) -> set[str]:
    """The words that are written like names: with a capital, though not the first, or with a digit."""
    if query.isupper():
        return set()
    import re

    runs = re.findall(_RUN, query)
    marked = [run for run in runs[1:] if run != _lower(run)] + [run for run in runs if any(map(str.isdigit, run))]
    return set(_words(_lower(" ".join(marked))))


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return [(words[i], words[i + 1]) for i in range(len(words) - 1)]


def _words(low: str) -> list[str]:
    import re

    words: list[str] = []
    for run in re.findall(_RUN, low):
        if len(run) > 2 and re.match(_IS_UNSPACED, run):
            words.extend(run[i : i + 2] for i in range(len(run) - 1))
        else:
            words.append(run)
    return words


def _lower(text: str) -> str:
    low = text.lower()
    if len(low) == len(text):
        return low
    # A few letters have two in lower case; they keep theirs, so that positions stay true.
    return "".join(small if len(small) == 1 else char for char, small in ((char, char.lower()) for char in text))


def _candidates(words: list[_Word], most: int) -> list[tuple[int, int]]:
    """The windows, as (first, last) position of a word in them, that hold the heaviest sets of the rarest words."""
    events: list[tuple[int, int]] = []  # (position, word)
    rarest = sorted((index for index, word in enumerate(words) if word.found), key=lambda i: -words[i].weight)
    for index in rarest:
        if events and len(events) + len(words[index].found) > _EVENTS:
            break
        events.extend((at, index) for at in words[index].found)
    events.sort()
    windows: list[tuple[float, int, int, int]] = []
    left, size = 0, len(events)
    for right, (at, _) in enumerate(events):
        while at - events[left][0] > PASSAGE:
            left += 1
        if right + 1 == size or events[right + 1][0] - events[left][0] > PASSAGE:  # it can't grow to the right
            weight = sum(words[index].weight for index in {index for _, index in events[left : right + 1]})
            windows.append((-round(weight, 6), right - left, left, right))
    import heapq

    best = heapq.nsmallest(most, windows)
    return list(dict.fromkeys(stretch for _, _, left, right in best for stretch in _narrowed(events[left : right + 1])))


def _narrowed(events: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first and last positions of the tightest stretches that still have every word of the window."""
    counts: dict[int, int] = {}
    missing = len({index for _, index in events})
    left, found = 0, []
    for at, index in events:
        counts[index] = counts.get(index, 0) + 1
        missing -= counts[index] == 1
        complete = not missing
        while not missing:
            first, other = events[left]
            counts[other] -= 1
            missing += counts[other] == 0
            left += 1
        if complete:
            found.append((first, at))
    return found


def _passage(text: str, first: int, last: int) -> tuple[int, int]:
    """The sentences or lines that hold text[first:last] and the word at `last`, and more while they are short."""
    import re

    last = min(last + 1, len(text))
    reach = max(LONGEST - (last - first), 100)
    low, high = max(0, first - reach), min(len(text), last + reach)
    cuts = [low + found.end() for found in re.finditer(_BREAK, text[low:high])]
    before = [low, *(cut for cut in cuts if cut <= first)]
    after = [*(cut for cut in cuts if cut >= last), high][::-1]
    start, end = before.pop(), after.pop()
    if end - start > LONGEST:
        side = max(LONGEST - (last - first), 100) // 2
        start, end = max(start, first - side), min(end, last + side)
    else:
        while after and after[-1] - start <= PASSAGE:
            end = after.pop()
            if before and end - before[-1] <= PASSAGE:
                start = before.pop()
        while before and end - before[-1] <= PASSAGE:
            start = before.pop()
    while start < first and text[start].isspace():
        start += 1
    while end > last and text[end - 1].isspace():
        end -= 1
    # Of other lines no part is shown, of this one all that fits: its other half may be what is asked for.
    low = max(0, end - LONGEST)
    if (line := text.rfind("\n", low, start)) >= 0 or not low or (line := text.find("\n", start, first)) >= 0:
        start = line + 1
    high = min(len(text), start + LONGEST)
    if (line := text.find("\n", end, high)) >= 0 or high == len(text):
        end = line if line >= 0 else high
    elif (line := text.rfind("\n", last, end)) >= 0:
        end = line
    return start, end


def _score(low: str, weights: dict[str, float], pairs: list[tuple[str, str]]) -> float:
    """The weights of the distinct words present, and a quarter for pairs that stand together as asked."""
    present = _words(low)
    together = set(_pairs(present))
    score = sum(weight * _presence(word, present) for word, weight in weights.items())
    score += sum(min(weights[one], weights[two]) / 4 for one, two in pairs if (one, two) in together)
    return round(score, 6)


def _presence(word: str, present: list[str]) -> float:
    """1 if the word is there, 0.7 if one is that differs by a short ending, else 0."""
    if word in present:
        return 1.0
    stem = max(4, len(word) - 3)
    near = any(len(other) <= len(word) + 3 and other.startswith(word[:stem]) for other in present)
    return 0.7 if near and len(word) >= 4 else 0.0


def _distinct(found: list[_Found], k: int) -> list[_Found]:
    """The first k that neither overlap one before them nor repeat its text."""
    taken: list[_Found] = []
    seen = set()
    for one in found:
        passage = one.text[one.start : one.end]
        if passage not in seen and not any(_overlap(one, other) for other in taken):
            seen.add(passage)
            taken.append(one)
        if len(taken) == k:
            break
    return taken


def _overlap(one: _Found, other: _Found) -> bool:
    first, second = sorted((one, other), key=lambda found: found.position)
    return bool(second.position < first.position + first.end - first.start)


def lines_of(places: Iterable[tuple[str, int]]) -> list[int]:
    """The line of each (text, offset); a text is counted through once, however many places are in it."""
    lines: dict[tuple[int, int], int] = {}
    before: tuple[int, int, int] = (0, 0, 1)  # text, offset, line
    listed = list(places)
    for text, start in sorted(listed, key=lambda place: (id(place[0]), place[1])):
        counted, line = before[1:] if before[0] == id(text) else (0, 1)
        before = (id(text), start, line + text.count("\n", counted, start))
        lines[id(text), start] = before[2]
    return [lines[id(text), start] for text, start in listed]
