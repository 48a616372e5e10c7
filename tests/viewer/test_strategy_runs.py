"""Whole runs with cells as models write them, each with what every turn does: a label too many is as wrong as one too
few. They follow what the RLM paper reports of its benchmarks (questions on all lines of an input, on a few documents of
many, on a code repository, on a needle, on a book), and go through the real engine.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.viewer.support import cell

from rlm import RLM, Limits
from rlm.lms.scripted import Scripted
from rlm.trace.reader import Reader
from rlm.trace.tree import RunTree
from rlm.types import JSON, Request
from rlm.viewer.strategy import recognise

Turn = tuple[str, set[str]]

LINES = "".join(
    f"Date: Feb {n % 28 + 1:02}, 2023 || User: {10000 + n % 7} || Instance: Who verified item {n}, and can you confirm "
    "that this is correct?\n"
    for n in range(400)
)
DOCS: JSON = {
    f"doc{n}": f"Document {n}. The festival of La Union was double-checked in {1950 + n}." * 20 for n in range(30)
}
BOOK = "".join(f"CHAPTER {n}\n\nAnn walked to town {n} to verify that the bridge stood.\n" * 30 for n in range(1, 9))

COUNT_LINES: list[Turn] = [
    ("print(len(context))\nprint(context[:800])", {"probing"}),
    (
        "lines = [l for l in context.split('\\n') if l.startswith('Date:')]\nprint(len(lines), lines[0])",
        {"probing", "filtering"},
    ),
    (
        "batch_size = 100\nbatches = [lines[i:i+batch_size] for i in range(0, len(lines), batch_size)]\n"
        "prompts = ['Classify each question as one of: abbreviation, entity, human. One label a line.\\n\\n' + "
        "'\\n'.join(b) for b in batches]\nout = llm_query_batched(prompts)",
        {"chunking", "recursion"},
    ),
    (
        "from collections import Counter\ncounts = Counter()\nfor o in out:\n    counts.update(l.strip() for l in "
        "o.splitlines())\nprint(counts)",
        set(),
    ),
    ("FINAL(f'Label: {counts.most_common(1)[0][0]}')", set()),
]
A_FEW_DOCUMENTS: list[Turn] = [
    ("print(type(context), len(context))\nfor k in list(context)[:3]:\n    print(k, context[k][:200])", {"probing"}),
    (
        "import re\nhits = {}\nfor name, text in context.items():\n    m = re.findall(r'(?i)la union', text)\n"
        "    if m:\n        hits[name] = len(m)\nprint(hits)",
        {"filtering"},
    ),
    (
        "doc = context['doc3']\nans = llm_query(f'In which year was the festival first held? Document:\\n{doc}')\n"
        "print(ans)",
        {"recursion"},
    ),
    (
        "check = llm_query(f'Verify that this answer is supported by the document. Answer: {ans}\\n\\n{doc}')\n"
        "print(check)",
        {"recursion", "verification"},
    ),
    ("FINAL(ans)", set()),
]
PAIRS: list[Turn] = [
    (
        "import re\nrows = re.findall(r'User: (\\d+) \\|\\| Instance: (.*)', context)\n"
        "print(len(rows))\nprint(rows[:3])",
        {"filtering", "probing"},
    ),
    (
        "labels = llm_query_batched([f'What is asked for here, a person or a place? {q}' for u, q in rows[:20]])",
        {"recursion"},
    ),
    (
        "users = sorted({u for u, q in rows})\npairs = []\nfor i, a in enumerate(users):\n    for b in users[i+1:]:\n"
        "        pairs.append(f'({a}, {b}) have asked for the same kind of thing on at least one day of the year')\n"
        "result = '\\n'.join(pairs)",
        set(),
    ),
    ("FINAL_VAR('result')", {"building"}),
]
A_REPOSITORY: list[Turn] = [
    ("print(len(context))\nprint(list(context.keys())[:10])", {"probing"}),
    ("hits = grep('festival', limit=5)\nprint(hits)", {"filtering"}),
    ("print(llm_query('What does this file do?\\n' + context['doc1']))", {"recursion"}),
    ("answer['content'] = 'B'\nanswer['ready'] = True", set()),
]
A_NEEDLE: list[Turn] = [
    ("import re\nm = re.search(r'Ann walked to town (\\d)', context)\nprint(m.group(0) if m else None)", {"filtering"}),
    ("FINAL(m.group(1))", set()),
]
A_BOOK: list[Turn] = [
    ("import re\nparts = re.split(r'CHAPTER \\d+', context)\nprint(len(parts))\nprint(parts[1][:300])", {"probing"}),
    (
        "notes = []\nfor i, part in enumerate(parts[1:5]):\n"
        "    notes.append(llm_query(f'Summarise chapter {i + 1} in one paragraph:\\n{part}'))",
        {"recursion"},
    ),
    (
        "report = '# The book\\n\\n'\nfor i, note in enumerate(notes):\n"
        "    report += f'## Chapter {i + 1}\\n\\n{note}\\n\\n' + 'It is told at length there. ' * 12\nFINAL(report)",
        {"building"},
    ),
]
A_BUFFER: list[Turn] = [
    (
        "size = 20000\nbuffer = ''\nfor i in range(0, len(context), size):\n    piece = context[i:i + size]\n"
        "    buffer = llm_query(f'So far: {buffer}\\nRead on, and tell who is named:\\n{piece}')\n    if i > 40000:\n"
        "        break\nprint(buffer)",
        {"chunking", "recursion"},
    ),
    ("FINAL(buffer)", set()),
]
CHECKED_BY_CODE: list[Turn] = [
    ("nums = [int(l.split('User: ')[1][:5]) for l in context.splitlines()]\ntotal = sum(nums)", set()),
    ("assert len(nums) == 400\nassert total == sum(sorted(nums))\nFINAL(total)", {"verification"}),
]
AROUND_A_HIT: list[Turn] = [
    (
        "import re\nfor m in list(re.finditer('bridge', context))[:5]:\n    s = max(0, m.start() - 100)\n"
        "    print(context[s:s + 200])\nat = context.find('town 4')\nprint(context[at:at + 300])",
        {"filtering"},
    ),
    ("FINAL(context[at:at + 2000])", set()),
]
ONLY_COUNTED: list[Turn] = [
    (
        "words = {}\nfor w in context.split():\n    words[w] = words.get(w, 0) + 1\nFINAL(max(words, key=words.get))",
        set(),
    )
]
WORDS_OF_THE_INPUT: list[Turn] = [
    (
        "prompts = [f'Who asks this? {l}' for l in context.splitlines()[:30]]\nout = llm_query_batched(prompts)",
        {"recursion"},
    ),
    ("more = [llm_query('Name the user: ' + l) for l in context.splitlines()[30:60]]\nFINAL(len(out))", {"recursion"}),
]
A_MODEL_WROTE_IT: list[Turn] = [
    ("long = llm_query('Write a long report on this.\\n' + context[:3000])", {"recursion"}),
    ("FINAL(long)", set()),
]
A_TEMPLATE: list[Turn] = [
    (
        "T = 'Claim: {c}\\nIs this claim correct? Text:\\n{t}'\nfirst = llm_query('Who walked? ' + context[:500])",
        {"recursion"},
    ),
    ("print(llm_query(T.format(c='Ann walked', t=context[:500])))\nFINAL(first)", {"recursion", "verification"}),
]


def reply(request: Request) -> str:
    asked = request.messages[-1].content
    if asked.startswith("Write a long report"):
        return "This is what happened. " * 80
    if "numbered" in asked or "JSON" in asked:
        return '["x"]'
    return "Ann and Bo, in 1953." if "Summarise" not in asked else "Ann walks to a town and looks at its bridge."


@pytest.mark.parametrize(
    ("turns", "context"),
    [
        (COUNT_LINES, LINES),
        (A_FEW_DOCUMENTS, DOCS),
        (PAIRS, LINES),
        (A_REPOSITORY, DOCS),
        (A_NEEDLE, BOOK),
        (A_BOOK, BOOK),
        (A_BUFFER, BOOK),
        (CHECKED_BY_CODE, LINES),
        (AROUND_A_HIT, BOOK),
        (ONLY_COUNTED, LINES),
        (WORDS_OF_THE_INPUT, LINES),
        (A_MODEL_WROTE_IT, BOOK),
        (A_TEMPLATE, BOOK),
    ],
    ids=[
        *("lines", "documents", "pairs", "code", "needle", "book", "buffer", "checked", "around", "counted"),
        *("words", "written", "template"),
    ],
)
def test_each_turn_has_the_labels_that_a_reader_would_give(tmp_path: Path, turns: list[Turn], context: JSON) -> None:
    root = Scripted([cell(code) for code, _ in turns])
    sub: Callable[[Request], str] = reply
    rlm = RLM(model=root, sub_model=Scripted(sub), trace=tmp_path, route="never", limits=Limits(turns=len(turns)))
    done = rlm.completion("What is asked?", context=context)
    assert done.trace is not None
    tree = RunTree(Reader(done.trace))
    assert tree.root is not None
    found: list[set[str]] = [set() for _ in turns]
    for label in recognise(tree).labels:
        found[label.turn - 1].add(label.pattern)
    assert [(turn.cell_end.error if turn.cell_end else None) for turn in tree.root.turns] == [None] * len(turns)
    assert found == [labels for _, labels in turns]
