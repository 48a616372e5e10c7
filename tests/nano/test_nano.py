"""The model in the box, end to end: a small slice of what benchmarks/box_model.py scores."""

import pytest

from rlm.engine import RLM
from rlm.lms.llamacpp import BOX_FILE

LINES = [
    "The ferry was late again, and the passengers had begun to complain about the cold.",
    "The vault code of Port Ellery is 48213.",
    "The vault code of Port Averly is 77120.",
    "Port Ellery's tide gauge was repaired in March by two men from the city.",
    "Nobody remembers who planted the elms along the canal, or why they were felled.",
    "The chief inspector of Quillon Dam is Mirel Osk.",
    "Zelkova trees lined the avenue; the Zelkova outside the bank was the oldest.",
    "Some say the last Zelkova will be felled next spring.",
    "In the evening the band played, and the mayor danced with the baker's wife.",
]
TEXT = "\n".join(LINES)


@pytest.fixture(scope="module")
def engine():
    return RLM(model="nano", trace=False)


def test_it_fits_into_the_box():
    assert BOX_FILE.stat().st_size <= 20_000_000


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the vault code of Port Ellery?", "48213"),
        ("Tell me the vault code of Port Averly.", "77120"),
        ("Who is the chief inspector of Quillon Dam?", "Mirel Osk"),
        ("What is the vault code of Port Morrow?", "not found"),
        ("How many times does Zelkova appear?", 3),
        ("Where is Zelkova mentioned?", ["line 7", "line 8"]),
        ("Where is Brackenfell mentioned?", "not found"),
    ],
)
def test_it_answers_from_the_text(engine, question, answer):
    result = engine.completion(question, context=TEXT)
    assert (result.status, result.answer) == ("done", answer)


def test_it_finds_where_a_function_and_a_class_are_defined(engine, tmp_path):
    (tmp_path / "one.py").write_text("import os\n\n\nasync def load_tiles(path):\n    return path\n", encoding="utf-8")
    (tmp_path / "two.py").write_text("class TileStore:\n    def load(self):\n        pass\n", encoding="utf-8")
    assert engine.completion("Where is the function load_tiles defined?", context=tmp_path).answer == ["one.py:4"]
    assert engine.completion("Which file defines class TileStore?", context=tmp_path).answer == ["two.py:1"]


def test_what_it_cannot_answer_it_quotes_and_says_so(engine):
    answer = engine.completion("Why did the mayor dance with the baker's wife?", context=TEXT).response
    assert answer.startswith("Quoted, not answered:")
    assert LINES[-1] in answer
    assert (
        engine.completion("How come zebras migrate?", context=TEXT).response
        == "Not answered: nothing in the input bears on it."
    )


@pytest.mark.parametrize(
    "line",
    [
        "[2031-04-17] deductible of Alma Reyes = [6379]",
        "Alma Reyes, deductible: [6379] (checked).",
        "The deductible of Alma Reyes is “6379”.",
        "| Alma Reyes | deductible | 6379 |",
    ],
)
def test_signs_around_a_value_are_not_of_it(engine, line):
    assert engine.completion("What is the deductible of Alma Reyes?", context=f"{LINES[0]}\n{line}\n").answer == "6379"
