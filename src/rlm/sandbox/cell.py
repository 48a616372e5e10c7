"""Runs cells in one live namespace, as a notebook would, and keeps what they set as the answer.

Worker-side: standard library only, Python 3.8+.
"""

from __future__ import annotations

import math
import sys
import types

from . import protocol

TYPE_CHECKING = False  # the real one is in typing, which takes 0.5 MB of every worker
if TYPE_CHECKING:
    from typing import Any

MAX_ERROR = 20_000  # characters of a traceback
# What a SystemExit carries that FINAL raises. That class and no other: threads end silently by it, and
# `except Exception` lets it pass.
_ANSWER_GIVEN = object()
_CO_COROUTINE = 0x80  # as in `inspect`, whose import costs more than a cell
_FLAGS = 0x2000  # `ast.PyCF_ALLOW_TOP_LEVEL_AWAIT`
_FEW = 20  # items of a container, or characters, that SHOW_VARS() shows
_MAX_LINE = 200  # characters of one variable in SHOW_VARS()
_MAX_TOLD = 100  # variables that the host is told of
_MAX_LEFT = 4 * 2**20  # characters of JSON of all variables together, where they are all that is left
_MAX_DIGITS_BITS = 14_000  # an int beyond this has more digits than Python will print


class Text(str):
    """A string that shows itself as it is, so that `SHOW_VARS()` reads well as a trailing expression."""

    def __repr__(self) -> str:
        return str(self)


class Cells:
    """The namespace that cells share.

    Args:
        names: What every cell finds, whatever earlier cells did to it.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        # A module, because dataclasses, typing and pickle look a class's module up by name.
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.namespace = module.__dict__
        self.outputs: list[str] = []
        self._loop: Any = None
        self._lines: dict[str, Any] = {}  # of cells, which `linecache` doesn't have yet
        self.begin(names)

    def begin(self, names: dict[str, Any]) -> None:
        """A question begins, the first or a later one: there is no answer yet; what cells have made stays."""
        self.outputs.clear()
        self.namespace.pop("answer", None)
        self._answer: dict[str, Any] = {"content": "", "ready": False}
        self._reported: dict[str, Any] | None = None
        self._given = dict(names)
        self._given.update(
            outputs=self.outputs,
            FINAL=self._final,
            FINAL_VAR=self._final_var,
            SHOW_VARS=self._show_vars,
            __variables__=self._variables,
            __name__="__main__",
            __builtins__=sys.modules["builtins"],
        )

    def run(self, code: str, number: int) -> BaseException | None:
        """Runs one cell, whose output goes to `sys.stdout`, and returns what it raised."""
        self.namespace.update(self._given)
        if not isinstance(self.namespace.get("answer"), dict):
            self.namespace["answer"] = self._answer
        self._answer = self.namespace["answer"]
        name = f"<cell {number}>"
        self._lines[name] = (len(code), None, (code + "\n").splitlines(True), name)
        if "import" in code or "linecache" in sys.modules:  # what imports nothing can't look at its lines
            self._show_lines()
        try:
            self._execute(code, name)
        except BaseException as error:  # noqa: BLE001 - whatever a cell raises is shown to the model, SystemExit too
            return None if isinstance(error, SystemExit) and error.code is _ANSWER_GIVEN else error
        return None

    def describe(self, error: BaseException) -> str:
        """What a cell raised, as the model should see it: a traceback of the cells' own frames alone."""
        self._show_lines()
        return _describe(error)

    def _show_lines(self) -> None:
        import linecache  # 7 ms, with `re`: zygotes load it when they are idle

        linecache.cache.update(self._lines)
        self._lines.clear()

    def answer(self) -> dict[str, Any] | None:
        """The answer as `done` carries it, if the last cell changed it."""
        given = self.namespace.get("answer")
        if not isinstance(given, dict):
            return None
        value = given.get("content")
        ready = _true(given.get("ready"))
        if not ready and (value is None or (isinstance(value, str) and not value)):
            return None
        plain, fits = _as_json(value, 0)
        found = {"value": plain if fits else _repr(value), "is_repr": not fits, "ready": ready}
        if found == self._reported:
            return None
        self._reported = found
        return found

    def _execute(self, code: str, name: str) -> None:
        alone = _expression(code, name)
        if alone is not None:
            self._show(self._evaluate(alone))
            return
        import _ast  # 1 ms; `ast` itself takes 2

        tree = compile(code, name, "exec", _FLAGS | _ast.PyCF_ONLY_AST, dont_inherit=True)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], _ast.Expr) else None
        # Both are compiled before either runs: a mistake in the last line must not run the others first.
        body = compile(tree, name, "exec", _FLAGS, dont_inherit=True)
        tail = compile(_ast.Expression(last.value), name, "eval", _FLAGS, dont_inherit=True) if last else None
        self._evaluate(body)
        if tail is not None:
            self._show(self._evaluate(tail))

    def _show(self, value: Any) -> None:
        if value is not None:
            print(repr(value) + "\n", end="")  # in one piece: each takes its time to keep

    def _evaluate(self, code: types.CodeType) -> Any:
        value = eval(code, self.namespace)
        if not code.co_flags & _CO_COROUTINE:
            return value
        import asyncio  # 20 ms, for the cells that await

        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        task = self._loop.create_task(value)
        try:
            return self._loop.run_until_complete(task)
        except BaseException:
            task.cancel()
            raise

    def _final(self, value: Any) -> None:
        """Gives the final answer and ends the cell."""
        self.namespace["answer"] = self._answer = {"content": value, "ready": True}
        raise SystemExit(_ANSWER_GIVEN)

    def _final_var(self, name: str) -> None:
        """Gives a variable's value as the final answer and ends the cell."""
        key = str(name).strip().strip("\"'")
        if key not in self.namespace:
            raise NameError(f"FINAL_VAR: there is no variable {key!r}; there are: {', '.join(self._own()) or 'none'}")
        self._final(self.namespace[key])

    def _show_vars(self) -> str:
        """The variables that cells have made: name, type, size or value."""
        return Text("\n".join(map(self._line, self._own())) or "no variables yet")

    def _line(self, name: str) -> str:
        value = self.namespace[name]
        shown = _repr(value) if _is_short(value) else ""
        return f"{name}: {_size(value)} {shown}".rstrip()[:_MAX_LINE]

    def made(self, known: dict[str, Any]) -> list[str]:
        """The variables that cells have made, as `SHOW_VARS()` has them, the last ones first; not those of `known`."""
        nothing = object()
        names = [name for name in self._own() if self.namespace[name] is not known.get(name, nothing)]
        return [self._line(name) for name in names[: -_MAX_TOLD - 1 : -1]]

    def _variables(self) -> dict[str, Any]:
        """What the cells' names hold, for a run that ends without its model: values as JSON has them, or their size."""
        found = {}
        left = _MAX_LEFT
        for name in self._own():
            value = self.namespace[name]
            if isinstance(value, (type, types.FunctionType)):
                continue
            found[name], size = _in_json(value, left)
            left -= size
        return found

    def _own(self) -> list[str]:
        given = self._given
        return [
            name
            for name, value in self.namespace.items()
            if name not in given
            and name != "answer"
            and not name.startswith("__")
            and not isinstance(value, types.ModuleType)
        ]


def _expression(code: str, name: str) -> types.CodeType | None:
    """A cell that is one line and an expression: without a tree, it is compiled in a third of the time.

    One with a backslash is left to the tree: Python would warn of a wrong escape twice.
    """
    if "\n" in code.strip() or "\\" in code:
        return None
    try:
        alone: types.CodeType = compile(code, name, "eval", _FLAGS, dont_inherit=True)
    except (SyntaxError, ValueError):  # whatever is wrong is found again
        return None
    return alone


def _in_json(value: Any, most: int) -> tuple[Any, int]:
    """A value as JSON has it and the length of that; where it is no JSON or longer than `most`, its size in words."""
    if not isinstance(value, (str, bytes)) or len(value) <= most:
        try:
            plain, fits = _as_json(value, 0)
            size = len(protocol.to_json(plain)) if fits else most + 1
            if size <= most:
                return plain, size
        except (MemoryError, RecursionError):
            pass
    return f"<{_size(value)}>", _MAX_LINE


def _size(value: Any) -> str:
    try:
        return f"{type(value).__name__} of {len(value)}"
    except Exception:  # noqa: BLE001 - the model's own method
        return type(value).__name__


def _is_short(value: Any) -> bool:
    if isinstance(value, (str, bytes, list, tuple, dict, set)):
        return len(value) <= _FEW
    return isinstance(value, (bool, int, float, complex))


def _true(value: Any) -> bool:
    try:
        return bool(value)
    except Exception:  # noqa: BLE001 - the model's own method
        return False


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - the model's own method
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"


def _as_json(value: Any, depth: int) -> tuple[Any, bool]:
    """The value as JSON carries it, and whether it can: exact types, finite numbers, string keys."""
    if isinstance(value, str):
        return str(value), True
    kind = type(value)
    if value is None or kind is bool:
        return value, True
    if kind is int:
        return value, value.bit_length() <= _MAX_DIGITS_BITS
    if kind is float:
        return value, math.isfinite(value)
    if depth > 50:
        return None, False
    if kind is list:
        pairs = [_as_json(item, depth + 1) for item in value]
        return [item for item, _ in pairs], all(fits for _, fits in pairs)
    if kind is dict:
        plain = {str(key): _as_json(item, depth + 1) for key, item in value.items() if isinstance(key, str)}
        fits = len(plain) == len(value) and all(fits for _, fits in plain.values())
        return {key: item for key, (item, _) in plain.items()}, fits
    return None, False


def _describe(error: BaseException) -> str:
    import traceback  # 2 ms, for the cells that fail

    try:
        found = traceback.TracebackException.from_exception(error)
        _trim(found, 0)
        text = "".join(found.format()).rstrip("\n")
    except (MemoryError, RecursionError):
        text = type(error).__name__
    if len(text) > MAX_ERROR:
        half = MAX_ERROR // 2
        text = f"{text[:half]}\n[... {len(text) - 2 * half} characters cut ...]\n{text[-half:]}"
    return text


def _trim(found: Any, depth: int) -> None:
    frames = [frame for frame in found.stack if frame.filename.startswith("<cell ")]
    found.stack[:] = frames
    for chained in (found.__cause__, found.__context__, *(getattr(found, "exceptions", None) or ())):
        if chained is not None and depth < 50:
            _trim(chained, depth + 1)
