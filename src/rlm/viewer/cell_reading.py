"""One cell, read as code: what in it is the input, a part of it, or what a model replied, and what is done with that.

The value of an expression is told apart only as far as the patterns need: `whole` (the input, or all of it in pieces),
`part` (some of it), `reply` (of a model), or None, anything else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

Sight: TypeAlias = ast.expr | ast.stmt

_ASKING = frozenset(("llm_query", "llm_query_batched", "llm_map", "rlm_query", "rlm_query_batched"))
_FINDING = frozenset(("grep", "search"))
_PASSING = frozenset(("list", "tuple", "str", "sorted", "set", "enumerate", "reversed", "iter", "dict", "zip", "repr"))
_SAME = frozenset(
    ("splitlines", "split", "strip", "lstrip", "rstrip", "lower", "upper", "casefold", "replace", "values", "items",
     "copy", "encode", "decode", "partition", "expandtabs", "get")
)  # fmt: skip
_READING = frozenset(("split", "loads", "join", "wrap", "StringIO", "reader", "DictReader", "fromstring"))
_MATCHING = frozenset(("findall", "finditer", "search", "match", "fullmatch"))
_SEEKING = frozenset(("find", "rfind", "index", "rindex", "count", "startswith", "endswith"))
_CUTTING = frozenset(("chunks", "wrap", "batched", "array_split"))
_SAMPLING = frozenset(("sample", "choice", "choices"))
_GROWING = frozenset(("append", "extend", "insert", "update", "add", "write", "setdefault"))
_SHAPE = frozenset(("len", "type", "dir", "min", "max"))
_SAMPLE = 20_000  # characters or items of a sample, at most
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


class Given(NamedTuple):
    """An answer that a cell gives: the expression, and the variables in it."""

    node: ast.expr
    names: tuple[str, ...]


class Cell:
    """What a cell does.

    Args:
        tree: Its code.
        names: What the names of earlier cells hold; those of this one are added.

    Attributes:
        probes, filters, chunkings, asserts: The places of each.
        grown: The variables that it adds to.
        answer: What it gives as the answer, if it does.
        said: The texts that stand in it, such as the wording of prompts.
    """

    def __init__(self, tree: ast.Module, names: dict[str, str]) -> None:
        self.names = names
        self.probes: list[Sight] = []
        self.filters: list[Sight] = []
        self.chunkings: list[Sight] = []
        self.asserts: list[Sight] = []
        self.grown: set[str] = set()
        self.answer: Given | None = None
        self.said = tuple(_literals(tree))
        self._steps = _steps(tree)
        self._shown = 0  # inside what is printed
        for number, statement in enumerate(tree.body):
            if number == len(tree.body) - 1 and isinstance(statement, ast.Expr):
                self._show([statement.value])  # shown as a notebook would
            else:
                self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            self._expression(node.value)
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                self._assign(target, self.kind(node.value))
                self._gives(target, node.value)
                if _adds(target, node.value):
                    self._grows(target)
        elif isinstance(node, ast.AugAssign):
            self._expression(node.value)
            self._grows(node.target)
            self._gives(node.target, node.value)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._expression(node.iter)
            self._assign(node.target, _element(self.kind(node.iter)))
            self._body([*node.body, *node.orelse])
        elif isinstance(node, ast.Assert):
            self._expression(node.test)
            self.asserts.append(node)
        else:
            for field_value in ast.iter_child_nodes(node):
                if isinstance(field_value, ast.expr):
                    self._expression(field_value)
                elif isinstance(field_value, ast.stmt):
                    self._statement(field_value)
                else:  # handlers, with items, match cases: what is in them
                    self._inside(field_value)

    def _inside(self, node: ast.AST) -> None:
        if isinstance(node, ast.withitem):
            self._expression(node.context_expr)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                self._statement(child)
            elif isinstance(child, ast.expr):
                self._expression(child)

    def _body(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    def _expression(self, node: ast.expr) -> None:
        """Notes what an expression does, and what is inside it."""
        if isinstance(node, _COMPREHENSIONS):
            self._comprehension(node)
            return
        if isinstance(node, ast.NamedExpr):
            self._assign(node.target, self.kind(node.value))
        if isinstance(node, ast.Call):
            self._call(node)
            if isinstance(node.func, ast.Name) and node.func.id == "print":
                self._show(node.args)
                return
            if isinstance(node.func, ast.Name) and node.func.id in _ASKING:  # what is asked is not what is printed
                shown, self._shown = self._shown, 0
                for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    self._expression(part)
                self._shown = shown
                return
        elif isinstance(node, ast.Compare):
            self._compare(node)
        elif isinstance(node, ast.Subscript):
            self._subscript(node)
        elif isinstance(node, ast.Attribute) and self._shown and node.attr == "names" and self.kind(node.value):
            self.probes.append(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._expression(child)
            elif isinstance(child, ast.keyword | ast.FormattedValue):
                self._expression(child.value)

    def _show(self, nodes: Sequence[ast.expr]) -> None:
        self._shown += 1
        for node in nodes:
            self._expression(node)
        self._shown -= 1

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        before = dict(self.names)
        for generator in node.generators:
            self._expression(generator.iter)
            self._assign(generator.target, _element(self.kind(generator.iter)))
            for test in generator.ifs:
                self._expression(test)
        for part in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            self._expression(part)
        self.names.clear()
        self.names.update(before)

    def _call(self, node: ast.Call) -> None:
        function = node.func
        arguments = [self.kind(argument) for argument in node.args]
        if isinstance(function, ast.Name):
            self._named_call(node, function.id, arguments)
        elif isinstance(function, ast.Attribute):
            self._method_call(node, function, arguments)

    def _named_call(self, node: ast.Call, name: str, arguments: Sequence[str | None]) -> None:
        """`grep(...)`, `len(...)`, `FINAL(...)`."""
        first = arguments[0] if arguments else None
        if name in _FINDING:
            self.filters.append(node)
        elif name in _CUTTING or (name == "range" and len(node.args) == 3 and self._is_size(node.args[1])):
            if name in ("chunks", "range") or "whole" in arguments:
                self.chunkings.append(node)
        elif name in _SHAPE and self._shown and _is_input(first):
            self.probes.append(node)
        elif name == "FINAL" and node.args:
            self.answer = Given(node.args[0], _names_in(node.args[0]))
        elif name == "FINAL_VAR" and node.args:
            named = node.args[0]
            is_text = isinstance(named, ast.Constant) and isinstance(named.value, str)
            self.answer = Given(node, (str(named.value),) if is_text else _names_in(named))  # type: ignore[attr-defined]

    def _method_call(self, node: ast.Call, function: ast.Attribute, arguments: Sequence[str | None]) -> None:
        """`re.findall(...)`, `context.find(...)`, `random.sample(...)`, `out.append(...)`."""
        name, owner = function.attr, self.kind(function.value)
        if (name in _MATCHING and any(map(_is_input, arguments))) or (name in _SEEKING and _is_input(owner)):
            self.filters.append(node)
        elif name in _CUTTING and "whole" in arguments:
            self.chunkings.append(node)
        elif (name == "keys" and self._shown and _is_input(owner)) or (name in _SAMPLING and "whole" in arguments):
            self.probes.append(node)
        elif name in _GROWING:
            self._grows(function.value)

    def _compare(self, node: ast.Compare) -> None:
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn) and _is_input(self.kind(right)):
                self.filters.append(node)
                return

    def _subscript(self, node: ast.Subscript) -> None:
        owner = self.kind(node.value)
        if not _is_input(owner):
            return
        index = node.slice
        if isinstance(index, ast.Slice) and _moves(index, self._steps):
            self.chunkings.append(node)
        elif self._shown and _is_sample(index):
            self.probes.append(node)

    def _assign(self, target: ast.expr, kind: str | None) -> None:
        if isinstance(target, ast.Name):
            if kind is None:
                self.names.pop(target.id, None)
            else:
                self.names[target.id] = kind
        elif isinstance(target, ast.Tuple | ast.List):  # of `for number, line in enumerate(lines)`, the last
            for item in target.elts:
                self._assign(item, kind if item is target.elts[-1] else None)
        elif isinstance(target, ast.Starred):
            self._assign(target.value, kind)

    def _gives(self, target: ast.expr, value: ast.expr) -> None:
        """`answer["content"] = value`."""
        if (
            isinstance(target, ast.Subscript)
            and isinstance(target.value, ast.Name)
            and target.value.id == "answer"
            and isinstance(target.slice, ast.Constant)
            and target.slice.value == "content"
        ):
            self.answer = Given(value, _names_in(value))

    def _grows(self, target: ast.expr) -> None:
        while isinstance(target, ast.Subscript | ast.Attribute | ast.Call):
            target = target.func if isinstance(target, ast.Call) else target.value
        if isinstance(target, ast.Name):
            self.grown.add(target.id)

    def _is_size(self, node: ast.expr) -> bool:
        """Whether it is the length of the input, or a variable: `range(0, n, size)`."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len" and node.args:
            return self.kind(node.args[0]) == "whole"
        return isinstance(node, ast.Name)

    def kind(self, node: ast.expr) -> str | None:
        """What an expression's value is."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Call):
            return self._kind_of_call(node)
        if isinstance(node, ast.Subscript):
            owner = self.kind(node.value)
            return "part" if owner == "whole" and not _is_key(node.slice) else owner
        if isinstance(node, _COMPREHENSIONS):
            return self._kind_of_comprehension(node)
        if isinstance(node, ast.Attribute):
            return self.kind(node.value) if node.attr in ("text", "names") else None
        if isinstance(node, ast.BinOp):
            return _either(self.kind(node.left), self.kind(node.right))
        if isinstance(node, ast.JoinedStr):
            return _either(*(self.kind(part.value) for part in node.values if isinstance(part, ast.FormattedValue)))
        if isinstance(node, ast.IfExp):
            return _either(self.kind(node.body), self.kind(node.orelse))
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return _either(*map(self.kind, node.elts))
        return self.kind(node.value) if isinstance(node, ast.NamedExpr | ast.Starred) else None

    def _kind_of_call(self, node: ast.Call) -> str | None:
        # Each argument is looked at once: twice would be exponential in how deep calls are nested.
        function = node.func
        if isinstance(function, ast.Name):
            if function.id in _ASKING:
                return "reply"
            if function.id in _FINDING:
                return "part"
            if function.id == "chunks":
                return "whole"
            if function.id in ("filter", "map") and len(node.args) > 1:
                second = self.kind(node.args[1])
                return "part" if function.id == "filter" and second == "whole" else second
            return self.kind(node.args[0]) if function.id in _PASSING and node.args else None
        if not isinstance(function, ast.Attribute):
            return None
        if function.attr in _READING:
            return _either(self.kind(function.value), *map(self.kind, node.args))
        if function.attr in _MATCHING:
            found = _either(*map(self.kind, node.args))
            return "part" if _is_input(found) else found
        return self.kind(function.value) if function.attr in _SAME else None

    def _kind_of_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> str | None:
        before = dict(self.names)
        source: str | None = None
        for generator in node.generators:
            over = self.kind(generator.iter)
            source = _either(source, over)
            self._assign(generator.target, _element(over))
        made = self.kind(node.value if isinstance(node, ast.DictComp) else node.elt)
        self.names.clear()
        self.names.update(before)
        if made == "part" and source == "whole" and not any(generator.ifs for generator in node.generators):
            return "whole"
        return made


def _is_input(kind: str | None) -> bool:
    return kind in ("whole", "part")


def _element(kind: str | None) -> str | None:
    """What iterating over it gives."""
    return "part" if kind == "whole" else kind


def _either(*kinds: str | None) -> str | None:
    """What is made of several: a prompt that holds a reply is no longer the input alone."""
    return next((kind for kind in ("reply", "whole", "part") if kind in kinds), None)


def _adds(target: ast.expr, value: ast.expr) -> bool:
    """`out = out + more`."""
    return isinstance(target, ast.Name) and isinstance(value, ast.BinOp) and target.id in _names_in(value)


def _names_in(node: ast.expr) -> tuple[str, ...]:
    return tuple(dict.fromkeys(child.id for child in ast.walk(node) if isinstance(child, ast.Name)))


def _is_key(index: ast.expr) -> bool:
    return isinstance(index, ast.Constant) and isinstance(index.value, str)


def _is_sample(index: ast.expr) -> bool:
    """Whether it is one item, or a slice between fixed places that is not long."""
    if not isinstance(index, ast.Slice):
        return isinstance(index, ast.Constant | ast.UnaryOp)
    if index.step is not None:
        return True
    low, high = _number(index.lower, 0), _number(index.upper, None)
    if low is None or (high is None and (index.upper is not None or low >= 0)):
        return False
    return abs(low) <= _SAMPLE if high is None else 0 <= high - low <= _SAMPLE or (low < 0 and high < 0)


def _number(node: ast.expr | None, default: int | None) -> int | None:
    if node is None:
        return default
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    return sign * node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def _literals(tree: ast.AST) -> Iterator[str]:
    """The texts in some code, those between the braces of an f-string too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _steps(tree: ast.AST) -> frozenset[str]:
    """The variables that go up by steps: of a loop over a range, and those that are added to (`at += size`)."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.comprehension):
            if (
                isinstance(node.iter, ast.Call)
                and isinstance(node.iter.func, ast.Name)
                and node.iter.func.id == "range"
            ):
                found.update(_names_in(node.target))
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            found.update(_names_in(node.target))
        elif isinstance(node, ast.Assign) and _adds(node.targets[0], node.value):
            found.update(_names_in(node.targets[0]))
    return frozenset(found)


def _moves(index: ast.Slice, steps: frozenset[str]) -> bool:
    """Whether a slice is one of a row of equal ones: `[i : i + size]`, `[n * size : (n + 1) * size]`."""
    low, high = index.lower, index.upper
    if low is None or not isinstance(high, ast.BinOp):
        return False
    names = set(_names_in(low))
    if not names & steps or not names <= set(_names_in(high)):
        return False
    if isinstance(high.op, ast.Add):
        return True
    return isinstance(high.op, ast.Mult) and isinstance(low, ast.BinOp) and isinstance(low.op, ast.Mult)
