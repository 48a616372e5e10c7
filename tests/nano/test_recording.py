"""The experts whose dialogues the model in the box learns from, in the real loop."""

import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "training" / "nano"))

import domains
import facts
import sentences
import values
import wording
import written
from crossing import Crossing
from dialogue import drills, fence, imitate, last_cell
from facts import SLOT, Fact, aside, beside, decoys, noun_fact, overlaps, surrounded, written_sentence
from record import Expert, give
from renaming import Renaming
from rewording import GROUPS, Rewording
from scenes import GREP, NAMED, NOT_FOUND, Scene, copied, scene
from spans import FIRST, INSIDE, OUTSIDE, UNASKED, Spans

from rlm.engine import RLM
from rlm.lms.scripted import Scripted
from rlm.types import Limits

BOOK = "\n".join(
    f"The {n}th traveller came down to the harbour before dawn, and nobody asked him his name. He waited there, silent."
    for n in range(40)
)


@pytest.fixture
def world(tmp_path):
    (tmp_path / "book.txt").write_text(BOOK, encoding="utf-8")
    return wording.World(random.Random(5), tmp_path)


@pytest.mark.parametrize("kind", ["find", "short", "count", "lines", "files", "mention", "which", "define", "other"])
def test_the_imitated_dialogue_is_the_recorded_one(world, tmp_path, kind):
    expert = Expert()
    engine = RLM(model=Scripted(expert.reply, name="nano"), limits=Limits(turns=2), trace=False)
    expert.scene = played = next(one for one in iter(lambda: scene(world, {kind: 1.0}), None) if imitate(one))
    folder = tmp_path / "given"
    folder.mkdir()
    result = engine.completion(played.question, context=give(folder, played))
    assert result.status == "done"
    assert imitate(played) == expert.told
    assert expert.told[1] == ("assistant", fence(played.cell))
    if played.value is not None:
        assert result.answer == played.value


def test_counts_are_of_whole_names():
    expert = Expert()
    engine = RLM(model=Scripted(expert.reply, name="nano"), limits=Limits(turns=1), trace=False)
    context = "Oak Oakley (Oak) oak\nOak."
    expert.scene = Scene("count", context, "?", NAMED.format('" Oak"') + f"FINAL(len({GREP}))")
    assert engine.completion("?", context=context).answer == 3


def test_words_are_copied_with_the_space_that_they_have_in_the_question():
    assert copied("What is the vault code of Port Ellery?", "vault code") == '" vault code"'
    assert copied("Port Ellery's code?", "Port Ellery") == '"Port Ellery"'
    assert copied("Where is `TileStore` defined?", "TileStore") == '"TileStore"'
    assert copied("tell me the RANK of ghost rank", "rank") == '" RANK"'
    assert copied("the host of ghost", "host") == '" host"'
    assert copied("Who?", "owner") == '" owner"'


def test_a_value_is_marked_with_a_space_where_it_has_one():
    fact = Scene("find", "", "?", "", "oak")
    for line, marked in (
        ("N is oak, they say", "N is [[ oak ]]"),
        ("oak is it", "[[ oak ]]"),
        ("N (oak)", "N ([[oak ]]"),
        ("N [oak]", "N [[[oak ]]"),
        ("N: soak", None),
    ):
        said = last_cell(fact, f"wood | {line} | {line}")
        assert said == (marked and f'FINAL(r""" {marked}""".rpartition("[[")[2][:-3].strip())')


def test_the_expert_says_the_value_whatever_stands_beside_it(world):
    for played in (scene(world, {"short": 1.0}) for _ in range(200)):
        if played.kind == "find" and (told := imitate(played)):
            said = []
            exec(told[3][1].removeprefix("```repl\n").removesuffix("\n```"), {"FINAL": said.append})
            assert said == [played.value], played.sentence


@pytest.mark.parametrize("signs", ["[oak]", "[[oak]]", "([oak])", "[ oak ]", "<oak>"])
def test_signs_around_a_value_are_not_of_it(signs):
    fact = Scene("find", "", "?", "", "oak")
    line = f"N has [one] wood: {signs}, it says"
    said = []
    exec(last_cell(fact, f"wood | {line} | {line}"), {"FINAL": said.append})
    assert said == ["oak"]


def test_a_domain_has_values_for_its_attributes_and_whole_templates():
    rng = random.Random(2)
    for name, domain in domains.DOMAINS.items():
        assert all(domain.values.values()), name
        for template in domain.sentences:
            assert set(re.findall(r"{([ANV])}", template)) == {"A", "N", "V"}, template
            assert template.count("{V}") == 1, template
        for template in domain.questions:
            assert sorted(re.findall(r"{([ANV])}", template)) == ["A", "N"], template
    attribute, kind = domains.attribute(rng)
    shapes = {re.sub(r"\d", "0", one) for one in domains.DOMAINS[kind].values[attribute]}
    assert {re.sub(r"\d", "0", domains.value(rng, attribute, kind)) for _ in range(200)} <= shapes


def test_a_drill_is_an_exchange_without_what_is_always_the_same(world):
    told = next(one for one in played(world) if "[[" in one[3][1])
    first, last = drills(told)
    assert first[0] == told[0]
    assert told[1][1].startswith(first[1][1])
    assert first[1][1].endswith('"])\nh =')
    assert last[0] == told[2]
    assert told[3][1] == last[1][1] + '""".rpartition("[[")[2][:-3].strip())\n```'


def test_the_drill_of_an_absent_fact_is_its_question_alone(world):
    told = next(one for one in played(world) if "[[" not in one[3][1])
    assert [exchange[0] for exchange in drills(told)] == [told[0]]


def played(world):
    return (one for _ in range(1000) if (one := imitate(scene(world, {"short": 1.0}))))


def test_a_crossed_sentence_names_each_thing_once():
    crossing = Crossing(
        ["The {A} of {N} is {V}.", "Ask for the {A} at {N}, it was {V}!", "{V} is {N}'s {A}", "{N} {N}"]
    )
    rng = random.Random(3)
    found = {crossing.template(rng) for _ in range(200)}
    assert "The {A} of {N}, it was {V}!" in found
    assert all(sorted(re.findall(r"{[A-Z]}", one)) == ["{A}", "{N}", "{V}"] for one in found)


def test_hand_written_wordings_have_their_slots():
    for template in written.lines("sentences"):
        assert sorted(re.findall(r"{[A-Z]+}", template)) == ["{A}", "{N}", "{V}"], template
    for template in written.lines("questions"):
        assert sorted(re.findall(r"{[A-Z]+}", template)) == ["{A}", "{N}"], template
    for kind in ("count", "lines", "files", "mention", "which", "define"):
        for template in written.lines(kind):
            assert re.findall(r"{[A-Z]+}", template) in (["{N}"], ["{K}", "{N}"]), template


def test_what_a_sentence_says_besides_has_values_but_not_the_one_it_states(world):
    for place in ("leads", "tails", "within"):
        said = [aside(world, place, "7") for _ in range(50)]
        assert not any(re.search(r"\b7\b", one) or "{" in one for one in said)
        assert len(set(said)) > 25
    words = {
        word
        for one in sentences.ASIDES["leads"]
        for word in re.findall(r"(?<!\w)[A-Za-z]{3,}(?!\w)", SLOT.sub("", one))
    }
    for word in words:  # another template is taken then
        assert not re.search(rf"(?i)\b{word}\b", aside(world, "leads", word))
    slots = {slot for place in sentences.ASIDES.values() for one in place for slot in re.findall(r"{(\w+)}", one)}
    assert slots - {"V"} <= values.VALUES.keys()
    assert all(one.count("{") == one.count("{V}") == 1 for one in sentences.ASIDES["around"])


def test_a_written_sentence_states_its_value_once(world):
    said = [written_sentence(world, A="depth", N="Zorby", V="Qqq") for _ in range(200)]
    assert all(one.count("Qqq") == 1 for one in said)


def test_words_around_a_value_leave_its_sentence_whole(world, monkeypatch):
    monkeypatch.setattr(facts, "HEDGED", 0.7)
    monkeypatch.setattr(facts, "WRAPPED", 0)
    for start, end in ("The {A} of {N} is", ", as the list has it."), ("{N} stands at", " as its {A}"):
        said = {surrounded(world, f"{start} {{V}}{end}", "7") for _ in range(100)}
        assert all(one.startswith(start) and one.endswith(end) and one.count("{V}") == 1 for one in said)
        assert len({one.partition("{V}")[0] for one in said}) > 20
        assert len({one.partition("{V}")[2] for one in said}) > 20
    for record in "{N}\t{A}\t{V}", "{N}: {A} = {V}", "{V} is the {A} of {N}.", "the {A} of {N} ({V})":
        assert surrounded(world, record, "7") == record


def test_reworded_sentences_keep_their_slots_and_their_grammar():
    reworded = Rewording([["old clerk", "usher"], ["old", "ochre"]])
    template = "An old man of {old} and an old clerk of {N} left an oldish, old thing: {V}, the old-clerk's."
    assert {reworded(random.Random(seed), template, 0.5) for seed in range(300)} == {
        f"An {first} man of {{old}} and {who} of {{N}} left an oldish, {last} thing: {{V}}, the old-clerk's."
        for first in ("old", "ochre")
        for who in ("an old clerk", "an usher")
        for last in ("old", "ochre")
    }
    assert reworded(random.Random(1), template, 0) == template


def test_no_word_is_in_two_groups():
    members = [member for group in GROUPS for member in group]
    assert len(members) == len(set(members)) > 5000
    assert all(re.fullmatch(r"[\w' ’.,-]+", member) and member.strip() == member for member in members)


def test_signs_around_a_value_are_those_of_no_other_word(world, monkeypatch):
    monkeypatch.setattr(facts, "HEDGED", 0)
    monkeypatch.setattr(facts, "WRAPPED", 1)
    for start, end in ("The {A} of {N}: ", "."), ("As its {A} {N} has ", ""), ("{N}, ", " as {A}"):
        said = {surrounded(world, f"{start}{{V}}{end}", "7") for _ in range(100)}
        assert said <= {f"{start}{one}{end}" for one in sentences.ASIDES["around"]}
        assert len(said) > 20
    for template in "{N}\t{A}\t{V}", "{V} is the {A} of {N}.", "the {A} of {N} ({V})", "{N}'s {A} is “{V}”":
        assert surrounded(world, template, "7") == template


def test_what_stands_beside_a_fact_does_not_state_it(world):
    fact = Fact("Zorby", "depth", "count", "Qqq", "The depth of Zorby is Qqq.", "", "depth")
    said = {beside(world, fact).sentence for _ in range(60)}
    assert all(one.count(fact.sentence) == one.count("Qqq") == 1 for one in said)
    assert any(one.startswith(fact.sentence + " ") for one in said)
    assert any(one.endswith(" " + fact.sentence) for one in said)


# The tokens of `1 | 5 6 7 8 | 5 6 7 8\n` and, of a second cell, `""" 5 [[ 6 7 ]]`.
SPANS = Spans(quote=90, opening=frozenset({91, 92}), closing=[93, 94], bar=95, ends=frozenset({96, 97}))
PRINTED, MARKED = [1, 95, 5, 6, 7, 8, 95, 5, 6, 7, 8, 96, 2, 97], [90, 5, 92, 91, 6, 7, 93, 94, 94]


def test_the_value_is_asked_for_where_its_sentence_is_read_again():
    asked = SPANS(np.array(PRINTED + MARKED, np.uint16)).tolist()
    assert asked[6:11] == [OUTSIDE, FIRST, INSIDE, OUTSIDE, OUTSIDE]
    assert set(asked[:6] + asked[11:]) == {UNASKED}


def test_a_value_that_stands_first_is_asked_for_at_the_bar():
    asked = SPANS(np.array([*PRINTED, 90, 91, 91, 5, 6, 93, 94, 94], np.uint16)).tolist()
    assert asked[6:11] == [FIRST, INSIDE, OUTSIDE, OUTSIDE, OUTSIDE]


def test_a_bracket_before_the_value_is_not_of_the_mark():
    printed = [1, 95, 5, 91, 7, 8, 95, 5, 91, 7, 8, 96, 2, 97]
    asked = SPANS(np.array([*printed, 90, 5, 91, 91, 91, 7, 93, 94, 94], np.uint16)).tolist()
    assert asked[6:11] == [OUTSIDE, OUTSIDE, FIRST, OUTSIDE, OUTSIDE]


@pytest.mark.parametrize("cell", [[], [90, 5, 6], [90, 5, 92, 91, 7, 8, 93, 94, 94], [5, 92, 91, 6, 93, 94]])
def test_where_no_value_is_marked_that_was_read_none_is_asked_for(cell):
    assert set(SPANS(np.array(PRINTED + cell, np.uint16)).tolist()) == {UNASKED}


RENAMING = Renaming({10: 20, 20: 10, 11: 21, 21: 11}, {10: None, 11: None}, frozenset({8, 9}))  # 20 is 10 after a space


def renamed(*ids: int, ask: list[int]) -> set[tuple[int, ...]]:
    told, where = np.array(ids, np.uint16), np.array(ask, np.uint16)
    found = {tuple(RENAMING(told, where, random.Random(seed)).tolist()) for seed in range(200)}
    assert told.tolist() == list(ids)
    return found


def test_a_word_that_is_copied_becomes_another_one_throughout():
    assert renamed(1, 20, 5, 2, 20, 6, ask=[3, 4]) == {(1, 20, 5, 2, 20, 6), (1, 21, 5, 2, 21, 6)}
    assert renamed(1, 20, 5, 2, 10, 6, ask=[3, 4]) == {(1, 20, 5, 2, 10, 6), (1, 21, 5, 2, 11, 6)}


def test_what_is_no_copy_and_what_has_a_sense_is_left_as_it_is():
    assert renamed(1, 7, 5, 2, 10, 6, ask=[3, 4]) == {(1, 7, 5, 2, 10, 6)}
    assert renamed(1, 20, 20, 20, 5, 2, 20, 6, ask=[5, 6]) == {(1, 20, 20, 20, 5, 2, 20, 6)}
    assert renamed(1, 20, 5, 2, 20, 6, *[0] * 110, ask=[3, 4]) == {(1, 20, 5, 2, 20, 6, *[0] * 110)}


def test_of_a_line_that_is_read_only_the_value_is_renamed():
    line = (1, 20, 5, 2, 20, 9, 5)
    assert renamed(*line, ask=[3, 4, 5]) == {line}
    assert renamed(1, 20, 5, 2, 20, 8, 5, ask=[3, 4, 5]) == {(1, 20, 5, 2, 20, 8, 5)}
    assert renamed(1, 5, 20, 2, 5, 9, 20, ask=[3, 4, 5]) == {(1, 5, 20, 2, 5, 9, 20), (1, 5, 21, 2, 5, 9, 21)}


@pytest.mark.slow
def test_decoys_never_state_the_fact(world):
    for _ in range(200):
        fact = noun_fact(world)
        for sentence in decoys(world, fact):
            assert fact.value not in sentence
            assert sentence != fact.sentence


def test_an_attribute_within_another_overlaps_it():
    assert overlaps("code", "vault code")
    assert overlaps("vault code", "code")
    assert not overlaps("radio code", "vault code")


def test_held_out_templates_are_never_trained_on(tmp_path):
    templates = [f"template {n}" for n in range(200)]
    seen = wording.World(random.Random(1), tmp_path)
    kept = wording.World(random.Random(1), tmp_path, held_out=True)
    trained = {seen.pick(templates) for _ in range(2000)}
    tested = {kept.pick(templates) for _ in range(2000)}
    assert trained | tested == set(templates)
    assert not trained & tested
    assert 10 < len(tested) < 50


@pytest.mark.slow
def test_an_absent_fact_is_answered_with_not_found(world):
    for _ in range(50):
        played = scene(world, {"find": 1.0})
        if played.kind == "absent":
            assert played.value == NOT_FOUND
            assert imitate(played)[-1] == ("assistant", fence('FINAL("not found")'))
            return
    pytest.fail("no absent fact in 50 scenes")
