"""Search: the passage that shares the rare words, in any language, at any place."""

import random
import re
from itertools import pairwise

import pytest

from rlm.sandbox.corpus import Corpus, Loaded, Piece

COMMON = re.findall(r"\w+", "the of and to in a is that it was he for on with as his they be at one have this from or")


def prose(size: int, seed: int = 1) -> str:
    """Sentences of common words and a few hundred rarer ones, about `size` characters of them."""
    rnd = random.Random(seed)
    rarer = ["".join(rnd.choices("bdfglmnprstaeiou", k=rnd.randint(4, 9))) for _ in range(400)]
    pool = COMMON * 40 + rarer + ["vault", "code", "port"] * 3
    sentences, total = [], 0
    while total < size:
        sentence = " ".join(rnd.choices(pool, k=rnd.randint(5, 20))).capitalize() + "." + rnd.choice(" \n")
        sentences.append(sentence)
        total += len(sentence)
    return "".join(sentences)


def planted(text: str, sentence: str, place: float) -> str:
    at = text.index(".", int(len(text) * place)) + 1
    return text[:at] + " " + sentence + text[at:]


@pytest.mark.parametrize("place", [0.0, 0.3, 0.62, 0.99])
def test_the_sentence_that_answers_comes_first(place):
    text = prose(600_000)
    for i, near in enumerate(
        [
            "The vault code of Port Ellmore is 1111.",
            "Port Ellery has no vault to speak of.",
            "The vault code of Saint Ellery is 2222.",
            "The harbour code of Port Ellery is 3333.",
        ]
    ):
        text = planted(text, near, 0.1 + i / 5)
    text = planted(text, "The vault code of Port Ellery is 4417.", place)
    hits = Loaded(text).search("What is the vault code of Port Ellery?", 3)
    assert "The vault code of Port Ellery is 4417." in hits[0]
    assert all(text[hit.start : hit.end] == hit for hit in hits)
    assert all(text.count("\n", 0, hit.start) + 1 == hit.line for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(isinstance(hit, Piece) and 0 < len(hit) <= 400 for hit in hits)


def test_capitals_do_not_matter():
    text = planted(prose(50_000), "THE VAULT CODE OF PORT ELLERY IS 4417.", 0.5)
    for query in ("vault code port ellery", "VAULT CODE PORT ELLERY"):
        assert "4417" in Loaded(text).search(query, 1)[0]


def test_words_that_do_not_occur_are_ignored():
    text = planted(prose(50_000), "Zelkova slept.", 0.5)
    assert "Zelkova" in Loaded(text).search("frobnicated Zelkova quuxly", 1)[0]
    assert Loaded(text).search("frobnicated quuxly", 3) == []
    assert Loaded(text).search("", 3) == []
    assert Loaded(text).search("?!", 3) == []
    assert Loaded(text).search("Zelkova", 0) == []
    assert Loaded("").search("Zelkova", 3) == []


def test_a_word_inside_another_is_not_that_word():
    text = "The announcement was planned. " * 20 + "Ann left. " + "The announcement was planned. " * 20
    assert "Ann left." in Loaded(text).search("Ann", 1)[0]


def test_an_ending_more_or_less_is_still_the_word():
    text = prose(50_000) + "\nThe lighthouses were closed by 1904.\n" + prose(50_000, 2)
    assert "1904" in Loaded(text).search("lighthouse closed", 1)[0]


def test_a_passage_keeps_whole_sentences_about_the_match():
    text = "First one here. Second one there. The needle is sharp. Then another. " + "Filler words go on. " * 50
    (hit,) = Loaded(text).search("needle", 1)
    assert hit.startswith("First one here.")
    assert hit.endswith("Filler words go on.")
    assert 250 < len(hit) <= 300


def test_a_line_without_end_is_cut_about_the_match():
    text = "x," * 50_000 + "needle" + ",y" * 50_000
    (hit,) = Loaded(text).search("needle", 1)
    assert "needle" in hit
    assert len(hit) <= 410


def test_passages_neither_overlap_nor_repeat():
    text = ("needle one. " * 3 + "\n" + "hay goes here. " * 40 + "\n") * 30
    hits = Loaded(text).search("needle", 50)
    assert len(set(hits)) == len(hits)
    spans = sorted((hit.start, hit.end) for hit in hits)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_equals_come_in_the_order_of_the_input():
    text = "\n".join(f"{'pad ' * 120}\nneedle {i}" for i in range(8))
    assert [hit.line for hit in Loaded(text).search("needle", 8)] == sorted(
        hit.line for hit in Loaded(text).search("needle", 8)
    )


@pytest.mark.parametrize(
    ("text", "query", "want"),
    [
        ("今日は晴れです。灯台の暗証番号は四千です。明日は雨です。" * 1, "灯台の暗証番号は何ですか", "四千"),
        ("天气很好。港口的密码是四四一七。我们回家了。", "港口的密码是什么？", "四四一七"),
        ("Погода хорошая. Код сейфа в Эллери равен 4417. Мы дома.", "какой код сейфа в ЭЛЛЕРИ?", "4417"),
        ("Ο κωδικός του Ελλέρι είναι 4417. Καλημέρα.", "κωδικός ελλέρι", "4417"),
        ("İstanbul'un şifresi 4417. Ankara'da hava güzel.", "İstanbul şifresi", "4417"),
        ("Emoji 😀 first. The code 🚢 of the ship is 4417.", "code of the ship", "4417"),
    ],
)
def test_any_language(text, query, want):
    pad = "Nothing to see in this line at all.\n" * 50
    whole = pad + text + "\n" + pad
    hit = Loaded(whole).search(query, 1)[0]
    assert want in hit
    assert whole[hit.start : hit.end] == hit


def test_letters_with_two_in_lower_case_do_not_shift_places():
    text = "İİİİ " * 100 + "the needle is here. " + "İ " * 100
    (hit,) = Loaded(text).search("needle", 1)
    assert "needle" in hit
    assert text[hit.start : hit.end] == hit


def test_a_word_across_two_slices_is_found():
    for size in range((1 << 17) - 8, (1 << 17) + 3):
        text = "x " * (size // 2) + " " * (size % 2) + "zelkova " + "y " * 70_000
        (hit,) = Loaded(text).search("zelkova", 1)
        assert "zelkova" in hit
        text = "x" * size + "zelkova " + "y " * 70_000  # no word begins there
        assert Loaded(text).search("zelkova", 1) == []


def test_files_and_strings_of_json():
    files = Loaded(
        Corpus({"a.txt": prose(5000), "b.txt": "Zelkova is here.\nAnd\nits code is 9.", "c.txt": prose(200_000)})
    )
    (hit, *_) = files.search("code of Zelkova", 3)
    assert (hit.name, hit.line, hit.start) == ("b.txt", 1, 0)
    assert files.search("Zelkova", 3, names="a*") == []
    value = Loaded([{"id": i, "text": f"row {i} says nothing"} for i in range(5000)] + [{"text": "Zelkova spoke"}])
    (hit,) = value.search("Zelkova", 3)
    assert (hit, hit.where) == ("Zelkova spoke", "[5000]['text']:1")


def test_words_of_neighbouring_files_are_not_one_passage():
    loaded = Loaded(Corpus({"a": "vault", "b": "code", "c": "ellery", "d": "vault code ellery"}))
    assert loaded.search("vault code ellery", 1)[0].name == "d"


def test_a_question_of_common_words_alone_still_finds_something():
    text = prose(3_000_000)
    assert len(Loaded(text).search("the of and to in", 3)) == 3


SAID = ["He walked on, and the rain came down.", "Nobody spoke of it again that evening, nor did they ask.", "Why?"]
TOLD = "48 euros appears in the ledger as the entry fee belonging to Boiler No. 3."
NEAR = [
    "The entry fee of Quillon Dam was given as 12 by the people responsible.",
    "12 has been given as the outstanding balance by the people responsible for Boiler No. 3.",
]


def test_a_line_with_all_words_is_found_whole_whatever_stands_around_it():
    for seed in range(300):
        rng = random.Random(seed)
        lines = [" ".join(rng.choices(SAID, k=rng.randint(1, 6))) for _ in range(30)]
        place = rng.randrange(20)
        lines[place : place + 3] = rng.sample([*NEAR, TOLD], 3)
        hits = Loaded("\n".join(lines)).search("entry fee Boiler No. 3", 4)
        assert any(TOLD in hit for hit in hits), seed


def test_no_sentence_ends_behind_an_abbreviation():
    told = "The entry fee that the harbour master, Mr. Osk, asks for Boiler No. 3 and its like is 48 euros a day."
    text = f"{' '.join(SAID)} {told} {' '.join(SAID)}" * 3
    assert told in Loaded(text).search("entry fee Boiler No. 3", 1)[0]


def test_words_on_one_line_come_before_words_on_two():
    apart = "The rental of Quillon Dam is the entry fee.\nBoiler Ward has a rental of 12.\n"
    told = "48 euros appears as the entry fee belonging to Boiler Ward.\n"
    between = "\n".join(SAID * 9)
    first, *_ = Loaded(f"{between}\n{apart}{between}\n{told}{between}").search("Boiler Ward: entry fee", 2)
    assert told.strip() in first
