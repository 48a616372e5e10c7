"""What a cell sees, through a real worker."""

import re

import pytest

from rlm.types import Answer
from sandbox.support import output, run_cell, run_cells


def last(*codes, **options):
    *before, result = run_cells(*codes, **options)
    assert [(one.error, one.lost) for one in before] == [(None, None)] * len(before)
    return result


def test_the_input_and_the_question_are_there():
    assert output("print(len(context), repr(question))", value="12345", question="why?") == "5 'why?'\n"
    assert output("context['a'][1]", value={"a": [1, "x"]}) == "'x'\n"
    assert output("print([h.line for h in grep('b')])", value="a\nb\nab\n") == "[2, 3]\n"
    assert output("[len(c) for c in chunks(4)]", value="abc\ndef\n") == "[4, 4]\n"


def test_names_live_on_and_so_do_those_with_an_underscore():
    assert last("x, _y = 1, 2", "def f(): return x + _y + later", "later = 10", "f()").output == "13\n"


def test_names_assigned_before_an_exception_survive():
    first, second = run_cells("a = 1\n_b = 2\n1 / 0\nc = 3", "print(a, _b, 'c' in globals())")
    assert first.error.endswith("ZeroDivisionError: division by zero")
    assert second.output == "1 2 False\n"


def test_a_trailing_expression_is_shown_as_a_notebook_would():
    assert output("x = 'a'\nx") == "'a'\n"
    assert output("None") == ""
    assert output("print('hi')") == "hi\n"
    assert output("5;") == "5\n"
    assert output("x = 5") == ""
    assert output("# nothing") == ""
    assert output("for i in range(2): i") == ""


@pytest.mark.parametrize("code", ["*[1], 2", "(y := 7)", "", "\n'a'\n", "1 if 0 else 'b' # c", "r'\\d'", "f'{1}'"])
def test_a_cell_of_one_line_is_as_it_is_in_many(code):
    alone, among = output(code), output("x = 0\n" + code)
    assert alone == among


@pytest.mark.parametrize(
    "code", [" 1", "y := 5", "a if", "1 / 0", "'\0'", "return 1", "(1", "missing", "print(1, end=2)"]
)
def test_what_is_wrong_in_a_cell_of_one_line_is_told_as_in_many(code):
    alone, among = run_cells(code)[0].error, run_cells("x = 0\n" + code)[0].error
    assert among is not None
    assert alone == among.replace("line 2", "line 1")


def test_await_works_at_the_top_and_keeps_its_loop():
    code = "import asyncio\ntask = asyncio.ensure_future(asyncio.sleep(0.01, 'late'))\nawait asyncio.sleep(0)\n'soon'"
    first, second = run_cells(code, "await task")
    assert (first.output, second.output) == ("'soon'\n", "'late'\n")
    assert output("import asyncio\nasync def f(): return 7\nprint(asyncio.run(f()))") == "7\n"


def test_clobbered_names_come_back():
    result = last(
        "context = llm_query = grep = FINAL = outputs = 3\nanswer = 'no'\nquestion = None",
        "print(len(context), callable(llm_query), callable(grep), question, outputs)\nanswer['content'] = 1\nFINAL(2)",
    )
    assert result.output == "8 True True why? ['']\n"
    assert result.answer == Answer(2)


def test_only_the_functions_that_are_offered_are_there():
    names = "[n for n in ('llm_query', 'llm_query_batched', 'llm_map', 'rlm_query') if n in globals()]"
    assert output(names, functions=("llm_query", "llm_map")) == "['llm_query', 'llm_map']\n"
    assert run_cell("llm_query('x')", functions=()).error.endswith("NameError: name 'llm_query' is not defined")


def test_a_traceback_has_the_cells_own_frames_and_their_source():
    result = last("def f(n):\n    return json.loads(n)", "import json\nf('{')")
    # Where the marks below a line stand differs between versions of Python.
    assert re.sub(r"\n +[~^]+(?=\n)", "", result.error) == (
        "Traceback (most recent call last):\n"
        '  File "<cell 2>", line 2, in <module>\n'
        "    f('{')\n"
        '  File "<cell 1>", line 2, in f\n'
        "    return json.loads(n)\n"
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    )


def test_chained_and_grouped_errors_are_trimmed_too():
    error = run_cell("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('worse') from e").error
    assert "The above exception was the direct cause" in error
    assert error.count('File "<cell 1>"') == 2
    assert "rlm" not in error
    group = run_cell(
        "import json\ntry:\n    json.loads('{')\nexcept ValueError as e:\n    raise ExceptionGroup('g', [e])"
    )
    assert "decoder.py" not in group.error
    assert "JSONDecodeError" in group.error


def test_a_syntax_error_shows_where_and_runs_nothing():
    first, second = run_cells("x = 1\nprint('no')\ny = = 2", "'x' in globals()")
    assert first.error == '  File "<cell 1>", line 3\n    y = = 2\n        ^\nSyntaxError: invalid syntax'
    assert (first.output, second.output) == ("", "False\n")


def test_an_endless_traceback_is_cut():
    result = run_cell("raise ValueError('x' * 10**6)")
    assert len(result.error) < 20_100
    assert "characters cut" in result.error


def test_odd_errors_are_shown_as_errors():
    class_code = "class E(Exception):\n    def __str__(self): raise TypeError('worse')\nraise E"
    assert "E: <exception str() failed>" in run_cell(class_code).error
    assert run_cell("import sys\nsys.exit(3)").error.endswith("SystemExit: 3")
    assert run_cell("raise KeyboardInterrupt").error.endswith("KeyboardInterrupt")
    assert run_cell("raise GeneratorExit").error.endswith("GeneratorExit")
    assert "null bytes" in run_cell("x = 1\0").error
    assert run_cell("def f(): return f()\nf()").error.endswith("RecursionError: maximum recursion depth exceeded")


def test_final_records_the_answer_and_ends_the_cell():
    result = run_cell(
        "print('before')\ntry:\n    FINAL([1, 2])\nexcept Exception:\n    print('caught')\nprint('after')"
    )
    assert (result.output, result.error, result.answer) == ("before\n", None, Answer([1, 2]))


def test_final_in_a_thread_and_in_a_coroutine_counts():
    thread = "import threading\nt = threading.Thread(target=FINAL, args=('t',))\nt.start()\nt.join()\nprint('on')"
    result = run_cell(thread)
    assert (result.output, result.error, result.answer) == ("on\n", None, Answer("t"))
    result = run_cell("async def f(): FINAL('c')\nawait f()\nprint('not reached')")
    assert (result.output, result.error, result.answer) == ("", None, Answer("c"))


def test_final_var_takes_a_variable_by_name():
    assert run_cell("result = {'a': 1}\nFINAL_VAR('result')").answer == Answer({"a": 1})
    assert run_cell("result = 5\nFINAL_VAR(' \"result\" ')").answer == Answer(5)
    result = run_cell("mine = 1\nFINAL_VAR('other')")
    assert result.error.endswith("NameError: FINAL_VAR: there is no variable 'other'; there are: mine")
    assert result.answer is None


def test_answer_is_reported_when_it_changes():
    results = run_cells(
        "x = 1",
        "answer['content'] = ['draft']",
        "y = 2",
        "answer['content'].append('more')",
        "answer['ready'] = True",
        "answer = {'content': 'new', 'ready': True}",
    )
    assert [result.answer for result in results] == [
        None,
        Answer(["draft"], ready=False),
        None,
        Answer(["draft", "more"], ready=False),
        Answer(["draft", "more"]),
        Answer("new"),
    ]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("'text'", "text"),
        ("grep('one')[0]", "one two"),
        ("{'a': [None, True, 1, 1.5, 'x'], 'b': {}}", {"a": [None, True, 1, 1.5, "x"], "b": {}}),
        ("10 ** 1000", 10**1000),
        ("''", ""),
        ("None", None),
    ],
)
def test_an_answer_that_json_can_carry_is_carried(code, value):
    assert run_cell(f"FINAL({code})").answer == Answer(value)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("(1, 2)", "(1, 2)"),
        ("{1: 2}", "{1: 2}"),
        ("{3}", "{3}"),
        ("[1.5, float('nan')]", "[1.5, nan]"),
        ("float('inf')", "inf"),
        ("b'x'", "b'x'"),
        ("type('B', (), {'__repr__': lambda s: 1 / 0})()", "<B whose repr raises ZeroDivisionError>"),
        ("__import__('decimal').Decimal('1.10')", "Decimal('1.10')"),
    ],
)
def test_any_other_answer_is_its_repr_and_marked_so(code, value):
    assert run_cell(f"FINAL({code})").answer == Answer(value, is_repr=True)


def test_an_answer_within_itself_and_one_nested_too_deep_are_reprs():
    assert run_cell("a = []\na.append(a)\nFINAL(a)").answer == Answer("[[...]]", is_repr=True)
    deep = run_cell("a = 1\nfor _ in range(60): a = [a]\nFINAL(a)").answer
    assert deep == Answer("[" * 60 + "1" + "]" * 60, is_repr=True)


@pytest.mark.slow
def test_an_answer_that_no_frame_holds_is_an_error():
    result = run_cell("FINAL('x' * (33 * 2**20))")
    assert result.answer is None
    assert "the answer can't be sent: more than 32 MiB" in result.error
    result = run_cell("FINAL([0] * 2_500_000)")
    assert result.answer is None
    assert "the answer can't be sent: more than 1,048,576 values" in result.error


def test_show_vars_names_types_and_sizes():
    code = "import json\nn = 3\nbig = list(range(1000))\nrows = [1, 2]\ndef f(): pass\n"
    lines = output(code + "print(SHOW_VARS())").splitlines()
    assert lines[:3] == ["n: int 3", "big: list of 1000", "rows: list of 2 [1, 2]"]
    assert lines[3:] == ["f: function"]
    assert output(code + "SHOW_VARS()") == "\n".join(lines) + "\n"


def test_output_is_cut_in_the_reply_and_whole_in_outputs():
    first, second = run_cells("print('a' * 5000)", "print(len(outputs[0]), outputs[0][:3])", max_output=200)
    assert first.output_size == 5001
    assert len(first.output) <= 200
    assert "characters cut" in first.output
    assert second.output == "5001 aaa\n"


def test_stderr_and_warnings_are_output_and_stdin_is_empty():
    assert output("import sys\nprint('e', file=sys.stderr)\nsys.stdout.write('o\\n')\nNone") == "e\no\n"
    assert run_cell("input()").error.endswith("EOFError: EOF when reading a line")


def test_a_replaced_stdout_comes_back():
    assert last("import sys, io\nsys.stdout = io.StringIO()\nprint('lost')", "print('back')").output == "back\n"
    assert last("import sys\nsys.stdout.close()", "print('back')").output == "back\n"


def test_classes_know_the_module_they_are_in():
    code = (
        "import dataclasses, pickle, typing\n"
        "@dataclasses.dataclass\nclass P:\n    x: 'int'\n"
        "print(pickle.loads(pickle.dumps(P(3))), typing.get_type_hints(P), __name__)"
    )
    assert output(code) == "P(x=3) {'x': <class 'int'>} __main__\n"


def test_chance_repeats_with_the_seed_and_hashes_are_constant():
    code = "import random\nprint(random.random(), hash('word'))"
    assert output(code, seed=1) == output(code, seed=1)
    assert output(code, seed=1).split()[0] != output(code, seed=2).split()[0]
    assert output(code, seed=1).split()[1] == output(code, seed=2).split()[1]


def test_lone_surrogates_do_not_break_the_wire():
    assert output("print('a\\ud800b')") == "a?b\n"
