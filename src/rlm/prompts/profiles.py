"""Profiles: how a root model is spoken to. The words are in the .md files beside this one."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Template

from rlm.types import CellResult, Limits, Message

# Characters a token, on the careful side, for telling a model how much fits into a sub-call.
_CHARS_PER_TOKEN = 3
_CHARS_PER_LINE = 40


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that cells may name.

    Attributes:
        name: As `model=` takes it; empty for the one that answers without it.
        model: The model's own name.
        window: Tokens of prompt and answer together; None if unknown.
        price: US dollars per million tokens, in and out, at worst; None if unknown.
    """

    name: str
    model: str
    window: int | None
    price: tuple[float, float] | None

    def __str__(self) -> str:
        fits = f"about {self.window * _CHARS_PER_TOKEN:,} characters fit" if self.window else "how much fits is unknown"
        costs = "${:g} in and ${:g} out a million tokens".format(*self.price) if self.price else "price unknown"
        return f"{f'`model={self.name!r}`' if self.name else 'without it'}: {self.model}, {fits}, {costs}"


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of root model is spoken to.

    Attributes:
        name: The folder that its texts are in; a text that it lacks is taken from `default`.
        system: Whether there is a system prompt.
        output_chars: Characters of a cell's output that it is shown, unless `Limits` say otherwise.
        bare_final: Whether a `FINAL(...)` without a fence counts as a cell.
        direct: Whether a short input may go to it in a plain call.
    """

    name: str
    system: bool = True
    output_chars: int = 20_000
    bare_final: bool = False
    direct: bool = True

    def opening(
        self,
        question: str,
        description: str,
        *,
        functions: Collection[str],
        limits: Limits,
        sub_window: int | None,
        models: Sequence[Offer] = (),
    ) -> tuple[Message, ...]:
        """The messages that a node's conversation begins with; `models` are those that cells may name."""
        headline = description.partition("\n")[0]
        if not self.system:
            headline = _as_text(headline)
        first = self._text("first.md").substitute(question=question, description=description, headline=headline)
        if not self.system:
            return (Message("user", first),)
        return (Message("system", self._system(functions, limits, sub_window, models)), Message("user", first))

    def output(self, result: CellResult, limits: Limits) -> str:
        """The message that shows what a cell did, and the output in it cut head and tail."""
        parts = [shown] if (shown := self.shown(result, limits)) else []
        if result.error:
            error = result.error if self.system else result.error.strip().rpartition("\n")[2]
            parts.append(cut(error, self._limit(limits)))
        if result.interrupted:
            parts.append(f"[interrupted after {result.seconds:.0f} s; the names assigned so far are kept]")
        if result.lost:
            parts.append(f"[the REPL was lost: {result.lost}; a new one has started: assign your names again]")
        return self._text("output.md").substitute(output="\n".join(parts) or "(no output)")

    def shown(self, result: CellResult, limits: Limits) -> str:
        """A cell's output as the model sees it: head and tail, with the true size between them."""
        output = result.output.rstrip("\n")
        return cut(output, self._limit(limits), result.output_size - len(result.output) + len(output))

    def nudge(self) -> str:
        """What a reply without a cell is answered with."""
        return self._text("nudge.md").template

    def wrap_up(self, reason: str) -> str:
        """What the model is asked when a limit is reached."""
        return self._text("wrap_up.md").substitute(reason=reason)

    def _system(
        self, functions: Collection[str], limits: Limits, sub_window: int | None, models: Sequence[Offer]
    ) -> str:
        fits = (
            f"About {sub_window * _CHARS_PER_TOKEN:,} characters fit."
            if sub_window
            else "How much fits is not known: begin with small prompts."
        )
        named = {*functions, "model"} if models and "llm_query" in functions else functions
        offered = [text for name, text in _functions().items() if name in named]
        given = {"sub_window": fits, "models": "\n".join(f"  - {offer}" for offer in models)}
        delegation = (
            "Hand reading to `llm_query_batched` in pieces that fill its window: few large prompts, not many tiny ones."
            if "llm_query" in functions
            else "There are no sub-calls in this run: read what matters yourself, a little at a time."
        )
        return self._text("system.md").substitute(
            functions="\n".join(f"- {Template(text).safe_substitute(given)}" for text in offered),
            output_chars=f"{self._limit(limits):,}",
            cell_seconds=f"{limits.cell_seconds:g}",
            turns=limits.turns,
            delegation=delegation,
        )

    def _limit(self, limits: Limits) -> int:
        return limits.output_chars or self.output_chars

    def _text(self, file: str) -> Template:
        return _template(self.name, file)


DEFAULT = Profile("default")
NANO = Profile("nano", system=False, output_chars=1500, direct=False)


def profile_for(model: str) -> Profile:
    """The profile of a model, by its name."""
    return NANO if model.split("/")[-1] == "nano" else DEFAULT


def task() -> str:
    """The question that stands for a prompt which is question and input in one."""
    return _template(".", "task.md").template


def direct(question: str, context: str) -> str:
    """The prompt of a plain call, for an input that is short."""
    return _template(".", "direct.md").substitute(question=question, context=context)


def cut(text: str, limit: int, true_size: int | None = None) -> str:
    """`text` in at most about `limit` characters: its head and its tail, and between them how much is missing."""
    size = len(text) if true_size is None else true_size
    if len(text) <= limit:
        return text
    half = limit // 2
    head, tail = text[:half], text[len(text) - half :]
    return f"{head}\n[... {size - len(head) - len(tail):,} of {size:,} characters cut ...]\n{tail}"


def _as_text(headline: str) -> str:
    """A folder's first line as that of one text of its size.

    The model in the box learnt to ask after facts and mentions in texts, and takes a folder for code; its functions
    treat both alike.
    """
    size = re.search(r"([\d,]+) characters", headline)
    if size is None or not headline.startswith("folder"):
        return headline
    characters = int(size[1].replace(",", ""))
    return f"str, {characters:,} characters, {characters // _CHARS_PER_LINE:,} lines"


@cache
def _template(profile: str, file: str) -> Template:
    folder = resources.files("rlm.prompts")
    path = folder / profile / file
    if not path.is_file():
        path = folder / "default" / file
    return Template(path.read_text(encoding="utf-8").rstrip("\n"))


@cache
def _functions() -> dict[str, str]:
    """Name -> description of each function that a cell may be offered, in the order of the file; `model` is no such."""
    sections = _template("default", "functions.md").template.split("## ")[1:]
    return {name.strip(): text.strip() for name, _, text in (section.partition("\n") for section in sections)}
