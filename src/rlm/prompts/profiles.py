"""Profiles: how a root model is spoken to. Words and settings are in the folders beside this file, one a profile."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from rlm.errors import ConfigError
from rlm.prompts import profile_file
from rlm.types import JSON, CellResult, Limits, Message

# Characters a token, on the careful side, for telling a model how much fits into a sub-call.
_CHARS_PER_TOKEN = 3
_FOLDER = Path(__file__).parent
# What a sub-call is told to take where nobody knows how much fits.
_CALL_CHARS = 100_000


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
    """How one kind of root model is spoken to; docs/profiles.md says more of each field.

    Attributes:
        name: The folder's.
        folders: Where its texts are, first its own: the first that has a text gives it.
        match: What names of models it is for, as regular expressions.
        system: Whether it is given instructions at all.
        system_role: Whether they are a system message, and not the beginning of the user's first.
        direct: Whether a short input may go to it in a plain call.
        bare_final: Whether a `FINAL(...)` without a fence counts as a cell.
        fence: The language of the fence that it is shown.
        fences: The languages of fences that are cells; empty for a fence without one, where there is no other.
        output_chars: Characters of a cell's output that it is shown, unless `Limits` say otherwise.
        call_chars: The most characters that a sub-call to this model should have; None for what fits.
        switch: A line at the end of its first message, such as one that switches its thinking off.
        stop: Strings that end a reply.
        request: More fields of each request.
    """

    name: str
    folders: tuple[Path, ...]
    match: tuple[str, ...]
    system: bool
    system_role: bool
    direct: bool
    bare_final: bool
    fence: str
    fences: tuple[str, ...]
    output_chars: int
    switch: str
    stop: tuple[str, ...]
    call_chars: int | None = None
    request: Mapping[str, JSON] = field(default_factory=dict)

    def is_for(self, model: str) -> bool:
        """Whether its patterns are found in the last part of a model's name, whoever serves it."""
        name = model.rstrip("/").rpartition("/")[2].lower().removesuffix(".gguf")
        return any(re.search(pattern, name, re.IGNORECASE) for pattern in self.match)

    def reads(self, window: int | None) -> int | None:
        """The tokens that a sub-call to this model should have at most, of a window of so many; None if unknown."""
        if self.call_chars is None:
            return window
        return min(window or self.call_chars, self.call_chars // _CHARS_PER_TOKEN)

    def opening(
        self,
        question: str,
        description: str,
        *,
        functions: Collection[str],
        limits: Limits,
        sub_window: int | None,
        models: Sequence[Offer] = (),
        given: Sequence[str] = (),
    ) -> tuple[Message, ...]:
        """The messages that a node's conversation begins with.

        Args:
            question: What is asked.
            description: What the input is.
            functions: What is offered in the REPL, by name.
            limits: The run's.
            sub_window: Tokens that a sub-call takes; None if unknown.
            models: Those that cells may name.
            given: The user's own tools and values, and those of the sandbox, each in words.
        """
        headline = description.partition("\n")[0]
        first = self._text("first.md").substitute(question=question, description=description, headline=headline)
        told = self._text("given.md").substitute(given=_items(given)) if given else ""
        if told and not self.system:
            first = f"{first}\n\n{told}"
        if self.switch:
            first = f"{first}\n\n{self.switch}"
        if not self.system:
            return (Message("user", first),)
        instructions = self._system(functions, limits, sub_window, models, told)
        if not self.system_role:
            return (Message("user", f"{instructions}\n\n{first}"),)
        return (Message("system", instructions), Message("user", first))

    def again(self, earlier: int, forgotten: int, contexts: Sequence[str], made: Sequence[str] | None) -> str:
        """What a root is told beside the question where it is one of several; empty where there is nothing to say.

        Args:
            earlier: How many questions were asked before it.
            forgotten: How many of those `history` leaves out.
            contexts: Those beside the input, each in words.
            made: The variables that earlier cells have made, each in words; None: they are gone.
        """
        text = _sections(self.folders, "again.md")
        parts = ["history"] if earlier else []
        parts += ["forgotten"] if forgotten else []
        parts += ["contexts"] if contexts else []
        if earlier:
            parts.append("gone" if made is None else "made" if made else "nothing")
        values = {"earlier": earlier, "forgotten": forgotten, "contexts": _items(contexts), "made": _items(made or ())}
        return "\n\n".join(Template(text[part]).substitute(values) for part in parts if part in text)

    def output(self, result: CellResult, limits: Limits) -> str:
        """The message that shows what a cell did, and the output in it cut head and tail."""
        parts = [shown] if (shown := self.shown(result, limits)) else []
        if result.error:
            error = result.error if self.system else result.error.strip().rpartition("\n")[2]
            parts.append(cut(error, self._limit(limits)))
        if result.lost:
            parts.append(f"[the REPL was lost: {result.lost}; a new one has started: assign your names again]")
        elif result.interrupted:
            parts.append(f"[interrupted after {result.seconds:.0f} s; the names assigned so far are kept]")
        if result.resumed:
            parts.append("[the run was cut off while this cell ran, and it has been run again from its start]")
        return self._text("output.md").substitute(output="\n".join(parts) or "(no output)")

    def shown(self, result: CellResult, limits: Limits) -> str:
        """A cell's output as the model sees it: head and tail, with the true size between them."""
        output = result.output.rstrip("\n")
        return cut(output, self._limit(limits), result.output_size - len(result.output) + len(output))

    def nudge(self) -> str:
        """What a reply without a cell is answered with."""
        return self._text("nudge.md").substitute(fence=self.fence)

    def wrap_up(self, reason: str) -> str:
        """What the model is asked when a limit is reached."""
        return self._text("wrap_up.md").substitute(reason=reason)

    def _system(
        self,
        functions: Collection[str],
        limits: Limits,
        sub_window: int | None,
        models: Sequence[Offer],
        told: str,
    ) -> str:
        fits = (
            f"About {sub_window * _CHARS_PER_TOKEN:,} characters fit."
            if sub_window
            else "How much fits is not known: begin with small prompts."
        )
        named = {*functions, "model"} if models and "llm_query" in functions else functions
        offered = [text for name, text in _functions().items() if name in named]
        filled = {"sub_window": fits, "models": "\n".join(f"  - {offer}" for offer in models)}
        fitting = sub_window * _CHARS_PER_TOKEN if sub_window else _CALL_CHARS
        call_chars = min(fitting, self.call_chars or fitting)
        advice = self._text("delegation.md" if "llm_query" in functions else "alone.md")
        listed = "\n".join(f"- {Template(text).safe_substitute(filled)}" for text in offered)
        return self._text("system.md").substitute(
            functions=f"{listed}\n\n{told}" if told else listed,
            output_chars=f"{self._limit(limits):,}",
            cell_seconds=f"{limits.cell_seconds:g}",
            turns=limits.turns,
            delegation=advice.substitute(call_chars=f"{call_chars:,}"),
            fence=self.fence,
        )

    def _limit(self, limits: Limits) -> int:
        return limits.output_chars or self.output_chars

    def _text(self, file: str) -> Template:
        return _template(self.folders, file)


@cache
def shipped() -> Mapping[str, Profile]:
    """The profiles that come with rlm, by name."""
    return {name: load(_FOLDER / name) for name in _names()}


@cache
def profile_for(model: str) -> Profile:
    """The profile of a model, by its name."""
    return next((one for one in shipped().values() if one.is_for(model)), shipped()["default"])


def find(spec: str | Path) -> Profile:
    """The profile that a caller names, or whose folder or `profile.toml` is given.

    Raises:
        ConfigError: There is none, or it can't be used; says why.
    """
    if isinstance(spec, str) and spec in shipped():
        return shipped()[spec]
    path = Path(spec).expanduser()
    if isinstance(spec, str) and "/" not in spec and not os.path.exists(path):
        raise ConfigError(f"no profile {spec!r}: {', '.join(shipped())}, or the folder of one of yours")
    return load(path.parent if path.name == profile_file.FILE else path)


def load(folder: Path) -> Profile:
    """The profile in a folder: what it leaves out is as in its `base`, and in the end as in `default`.

    Raises:
        ConfigError: There is none, or something in it is wrong; names the file, the field, and what it must be.
    """
    fields = {"match": [], **(_ours(folder) if folder.parent == _FOLDER else profile_file.read(folder))}
    folders = [folder]
    while folders[-1] != _FOLDER / "default":
        name = fields.pop("base", "default")
        base = _FOLDER / name
        if name not in (names := _names()) or base in folders:
            raise ConfigError(f"{folders[-1] / profile_file.FILE}: base is one of {', '.join(names)}, not {name!r}")
        folders.append(base)
        fields = {**_ours(base), **fields}  # what it is for is its own: each has a `match`
    made: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return Profile(name=folder.resolve().name, folders=tuple(folders), **made)


@cache
def _ours(folder: Path) -> Mapping[str, Any]:
    """The fields of a profile that comes with rlm: most of them are the base of another one."""
    return profile_file.read(folder)


@cache
def _names() -> list[str]:
    """Of the profiles that come with rlm."""
    return sorted(path.parent.name for path in _FOLDER.glob(f"*/{profile_file.FILE}"))


def task() -> str:
    """The question that stands for a prompt which is question and input in one."""
    return _template((_FOLDER,), "task.md").template


def direct(question: str, context: str) -> str:
    """The prompt of a plain call, for an input that is short."""
    return _template((_FOLDER,), "direct.md").substitute(question=question, context=context)


def cut(text: str, limit: int, true_size: int | None = None) -> str:
    """`text` in at most about `limit` characters: its head and its tail, and between them how much is missing."""
    size = len(text) if true_size is None else true_size
    if len(text) <= limit:
        return text
    half = limit // 2
    head, tail = text[:half], text[len(text) - half :]
    return f"{head}\n[... {size - len(head) - len(tail):,} of {size:,} characters cut ...]\n{tail}"


def _items(texts: Sequence[str]) -> str:
    return "\n".join(f"- {text}".replace("\n", "\n  ") for text in texts)


@cache
def _template(folders: tuple[Path, ...], file: str) -> Template:
    path = next(path for folder in folders if (path := folder / file).is_file())
    return Template(path.read_text(encoding="utf-8").rstrip("\n"))


@cache
def _functions() -> dict[str, str]:
    """Name -> description of each function that a cell may be offered, in the order of the file; `model` is no such."""
    return _sections((_FOLDER / "default",), "functions.md")


def _sections(folders: tuple[Path, ...], file: str) -> dict[str, str]:
    """The texts of a file that has several, by their headings."""
    sections = _template(folders, file).template.split("## ")[1:]
    return {name.strip(): text.strip() for name, _, text in (section.partition("\n") for section in sections)}
