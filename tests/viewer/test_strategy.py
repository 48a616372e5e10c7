"""Patterns in cells as models write them, and what must not be taken for one."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from rlm.trace.events import (
    AnswerSet,
    CallBegin,
    CallEnd,
    CellBegin,
    CellEnd,
    Event,
    NodeBegin,
    RunBegin,
    TurnBegin,
)
from rlm.trace.tree import RunTree
from rlm.types import JSON
from rlm.viewer.strategy import Label, count, recognise

Asked = tuple[str, str]  # prompt, reply


def run(*turns: str | tuple[str, Sequence[Asked]] | tuple[str, Sequence[Asked], JSON]) -> RunTree:
    """A run whose root's cells are these, with the calls that each made and the answer that it gave."""
    events: list[Event] = [
        RunBegin(
            run_id="r", started="", question="q", context="c", model="m", sub_model="s", sandbox="local", enforces=[],
            limits={}, seed=0, versions={},
        ),
        NodeBegin(span=1, parent=0, depth=0, question="q", context="c", model="m"),
    ]  # fmt: skip
    span = 1
    for number, turn in enumerate(turns, 1):
        code, asked, answer = (turn, (), None) if isinstance(turn, str) else (*turn, None)[:3]
        span += 1
        here = span
        events += [TurnBegin(span=here, parent=1, turn=number), CellBegin(span=here, code=code)]
        for prompt, reply in asked:
            span += 1
            events.append(CallBegin(span=span, parent=here, name="llm_query", prompt=prompt, model="s"))
            events.append(
                CallEnd(span=span, reply=reply, error=None, finish="stop", usage={}, cost=0.0, retries=0, seconds=0.0)
            )
        events.append(
            CellEnd(
                span=here, output="", output_size=0, shown="", error=None, interrupted=False, lost=None, seconds=0.0
            )
        )
        if answer is not None:
            events.append(AnswerSet(span=here, value=answer, is_repr=False, ready=True))
    return RunTree(events)


def patterns(*turns: str) -> list[list[str]]:
    found = recognise(run(*turns)).labels
    return [[label.pattern for label in found if label.turn == number] for number in range(1, len(turns) + 1)]


@pytest.mark.parametrize(
    "code",
    [
        "print(context[:500])",
        "print(type(context), len(context))",
        "print(f'{len(context):,} characters')",
        "context[:1000]",
        "print(context[-2000:])",
        "lines = context.splitlines()\nprint(len(lines))\nfor line in lines[:10]:\n    print(line[:200])",
        "docs = list(context.items())\nprint(docs[0])",
        "print(context.names[:20])",
        "import json\ndata = json.loads(context)\nprint(data.keys())",
        "import random\nfor doc in random.sample(context, 3):\n    print(doc[:300])",
        "parts = context.split('\\n\\n')\nprint(parts[0][:300])\nprint(parts[1])",
    ],
)
def test_probing(code: str):
    assert patterns(code) == [["probing"]]


@pytest.mark.parametrize(
    "code",
    [
        "hits = grep('festival')",
        "import re\nhits = re.findall(r'User: (\\d+)', context)",
        "import re\nfor m in re.finditer(r'(?i)festival', context):\n    start = m.start()",
        "hits = [line for line in context.splitlines() if 'La Union' in line]",
        "found = [d for d in context if 'festival' in d.lower()]",
        "at = context.find('Chapter 4')",
        "import re\np = re.compile('x+')\nhits = [m for line in context.split('\\n') if (m := p.search(line))]",
        "for name, text in context.items():\n    if 'TODO' in text:\n        print(name)",
        "best = search('who won the prize', k=3)",
        "n = context.lower().count('error')",
        "lines = context.split('\\n')\nrows = [l for l in lines if l.startswith('2023-')]",
    ],
)
def test_filtering(code: str):
    assert patterns(code) == [["filtering"]]


@pytest.mark.parametrize(
    "code",
    [
        "parts = chunks(50_000)",
        "size = 100_000\nparts = [context[i:i + size] for i in range(0, len(context), size)]",
        "n = 10\nstep = len(context) // n\nparts = [context[i * step:(i + 1) * step] for i in range(n)]",
        "lines = context.splitlines()\nbatches = [lines[i:i+200] for i in range(0, len(lines), 200)]",
        "pos = 0\nparts = []\nwhile pos < len(context):\n    parts.append(context[pos:pos + 8000])\n    pos += 8000",
        "import textwrap\nparts = textwrap.wrap(context, 4000)",
        "def cut(k):\n    return [context[i:i + k] for i in range(0, len(context), k - 100)]\nparts = cut(5000)",
    ],
)
def test_chunking(code: str):
    assert patterns(code) == [["chunking"]]


def test_names_are_followed_from_cell_to_cell():
    assert patterns(
        "lines = [line.strip() for line in context.split('\\n')]",
        "rows = [line for line in lines if 'x' in line]",
        "print(rows[:5])",
        "lines = 3",
        "print(lines)",
    ) == [[], ["filtering"], ["probing"], [], []]


@pytest.mark.parametrize(
    "code",
    [
        "import re\nreply = llm_query('how many?')\nn = re.search(r'\\d+', reply)",
        "replies = llm_query_batched(prompts)\nyes = [r for r in replies if 'yes' in r.lower()]",
        "print('context' in globals())",
        "names = ['a', 'b']\nprint(names[0], len(names), 'a' in names)",
        "total = sum(range(0, 100, 7))",
        "x = [1, 2, 3]\nprint(x[0:2])",
        "print(llm_query('Read this: ' + context)[:100])",
    ],
)
def test_what_is_done_with_replies_and_other_values_is_no_look_at_the_input(code: str):
    assert patterns(code) == [[]]


def test_all_in_one_cell():
    code = """
print(len(context))
parts = [context[i:i+1000] for i in range(0, len(context), 1000)]
found = [part for part in parts if "prize" in part]
replies = [llm_query("Who won?\\n" + part) for part in found]
"""
    found = recognise(run((code, [("Who won?\n...", "Ada Lovelace won it")]))).labels
    assert [(label.pattern, label.line, label.evidence) for label in found] == [
        ("probing", 2, "len(context)"),
        ("filtering", 4, '"prize" in part'),
        ("chunking", 3, "range(0, len(context), 1000)"),
        ("recursion", None, "llm_query × 1 to s"),
    ]


def test_recursion_is_what_was_asked_and_not_what_was_written():
    assert patterns("def ask(part):\n    return llm_query(part)") == [[]]
    found = recognise(run(("ask(1)", [("a", "b"), ("c", "d")]))).labels
    assert found == (Label("recursion", 1, 2, 1, None, "llm_query × 2 to s", 2),)


def test_verification_by_a_model():
    first = ("r = llm_query(p)", [("Who won the prize?", "Ada Lovelace won it in 1843.")])
    about = (
        "c = llm_query(f'Verify that this is right: {r}')",
        [("Verify that this is right: Ada Lovelace won it in 1843.", "yes")],
    )
    template = "q = 'Text {t}\\nIs this answer correct? Answer: {a}'\nc = llm_query(q.format(t=t, a=7))"
    words = (template, [("Text ...\nIs this answer correct? Answer: 7", "yes")])
    input_ = ("llm_query(context)", [("The input says: please verify that this answer is correct", "no")])
    again = ("r2 = llm_query(p, fresh=True)", [("Who won the prize?", "Ada")])
    checks = [
        label for label in recognise(run(first, about, words, again, input_)).labels if label.pattern == "verification"
    ]
    assert [(label.turn, label.evidence) for label in checks] == [
        (2, "asks about an earlier reply: Verify that this is right: Ada Lovelace won it in 1843."),
        (3, "asks: Is this answer correct? Answer:"),
        (4, "asks the same again: Who won the prize?"),
    ]


def test_verification_by_code():
    assert patterns("total = 7\nassert total == 7, 'wrong'") == [["verification"]]


def test_building_a_long_answer_in_a_variable():
    long = "\n".join(f"({n}, {n + 1})" for n in range(500))
    found = recognise(
        run(
            "out = []",
            "for n in range(250):\n    out.append(f'({n}, {n + 1})')",
            "out += more",
            ("FINAL('\\n'.join(out))", [], long),
        )
    ).labels
    assert found == (
        Label("building", 1, 5, 4, 1, f"{len(long):,} characters from `'\\n'.join(out)`, built in turns 2, 3", 2),
    )


@pytest.mark.parametrize(
    "code", ["FINAL_VAR('result')", "FINAL_VAR(result)", "answer['content'] = result\nanswer['ready'] = True"]
)
def test_building_in_every_way_to_answer(code: str):
    first = "result = ''\nfor n in range(900): result += f'{n}, '"
    found = recognise(run(first, (code, [], "x, " * 900))).labels
    assert [(label.pattern, label.turn) for label in found] == [("building", 2)]
    assert found[0].evidence.endswith(", built in turn 1")


def test_a_long_answer_that_the_model_wrote_itself_and_a_short_one_are_not_built():
    text = "word " * 400
    assert recognise(run((f"FINAL({text!r})", [], text))).labels == ()
    assert recognise(run("out = []\nout.append(1)", ("FINAL(out)", [], "7"))).labels == ()


def test_turns_in_which_nothing_is_recognised_and_cells_that_are_no_code_are_told():
    found = recognise(run("x = 1", "this is no code", "\0", "((((" * 500 + "1", "x = 1 #" + "x" * 200_000))
    assert found.labels == ()
    assert found.plain == (2,)
    assert found.unread == (3, 4, 5, 6)


@pytest.mark.parametrize(
    "code",
    [
        "".join("[x for x in " for _ in range(80)) + "context" + "]" * 80,
        "','.join(" * 80 + "context" + ")" * 80,
        "x = " + " + ".join(["context"] * 3000),
        "context" + ".strip()" * 500,
    ],
)
def test_cells_made_to_take_for_ever_do_not(code: str):
    found = recognise(run(code))
    assert found.plain or found.unread


def test_evidence_is_one_short_line():
    code = "hits = grep(\n    '" + "x" * 500 + "',\n)"
    (label,) = recognise(run(code)).labels
    assert len(label.evidence) == 120
    assert "\n" not in label.evidence


def test_patterns_are_counted_across_runs():
    one = recognise(run("print(context[:100])", "print(len(context))", "hits = grep('x')"))
    other = recognise(run("print(context[:100])"))
    assert one.patterns == ("probing", "filtering")
    assert count([one, other]) == {
        "probing": 2, "filtering": 1, "chunking": 0, "recursion": 0, "verification": 0, "building": 0
    }  # fmt: skip


def test_a_run_that_has_not_begun():
    assert recognise(RunTree()).labels == ()


def test_the_module_says_each_pattern():
    text = Path(__file__).parents[2].joinpath("src/rlm/viewer/strategy.py").read_text()
    for pattern in count([]):
        assert f"- `{pattern}`: " in text
