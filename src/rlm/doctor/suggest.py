"""What was found, as a profile."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from rlm.doctor.findings import Findings
from rlm.prompts.profiles import Profile, shipped

# The end of a cell's fence. It also ends a cell that has such a fence in a string of its own, which is rare.
_END = "\n```\n"
_MARKED = ("repl", "python", "python3", "py")
_CHARS_PER_TOKEN = 3
_LEAST_SHOWN = 1_000


def suggest(found: Findings, profile: Profile) -> None:
    """Fills in what a profile for the model should say, and why.

    Args:
        found: What was found.
        profile: What the model was spoken to with.
    """
    fields: dict[str, object] = {}
    advice: list[str] = []
    base = next(folder.name for folder in profile.folders if folder.name in shipped())
    thinks = bool(found.thinking_tokens or found.habits.thought or found.thinking_cut)
    if thinks and base == "default":
        base = "thinking"
        fields["base"] = base
        advice.append("it thinks: it is told to think briefly")
    _fences(found, profile, fields, advice)
    _stop(found, profile, fields, advice)
    habits = found.habits
    if habits.bare_finals and not profile.bare_final:
        fields["bare_final"] = True
        advice.append("it gives FINAL(...) as bare text: that is taken")
    if not habits.system_role and profile.system_role:
        fields["system_role"] = False
        advice.append("its endpoint takes no system message: the instructions go into the first message of the user")
    _window(found, profile, fields, advice)
    if found.thinking_cut or habits.cut:
        room = (
            "its thinking needs more room, or a switch that stops it" if thinks else "there is too little room for them"
        )
        advice.append(f"replies were cut off by their length: {room}")
    if habits.loops:
        advice.append("it ran the same cell again and again: another model would do better as the root")
    if fields:
        fields = {"match": [_pattern(found.model)], "base": base, **fields}
    found.suggested, found.advice = fields, advice


def _fences(found: Findings, profile: Profile, fields: dict[str, object], advice: list[str]) -> None:
    fences = found.habits.fences
    known = {fence: count for fence, count in fences.items() if fence in _MARKED}
    most = max(known, key=lambda fence: known[fence], default=None)
    family = {"py": "python", "python3": "python"}
    if most is not None and family.get(most, most) != profile.fence and known[most] * 3 >= 2 * sum(fences.values()):
        fields["fence"] = family.get(most, most)
        advice.append(f"it writes ```{most} though it was shown ```{profile.fence}: it is shown what it writes")
    # What is no cell anywhere, such as ```json or a tool call, is not made one.
    more = [fence for fence in fences if fence not in profile.fences and fence in ("tool_code", "code", "", *_MARKED)]
    if more:
        fields["fences"] = [*profile.fences, *sorted(more)]
        shown = ", ".join(f"```{fence}" if fence else "a fence without a mark" for fence in sorted(more))
        advice.append(f"it writes {shown}: that is taken for a cell")
    odd = sorted(set(fences) - set(more) - set(profile.fences))
    if odd:
        advice.append(f"it writes {', '.join(f'```{fence}' for fence in odd)}, which is no cell")


def _stop(found: Findings, profile: Profile, fields: dict[str, object], advice: list[str]) -> None:
    habits, stop = found.habits, found.controls.stop
    goes_on = habits.invented or habits.several_cells
    if stop == "refused" and profile.stop:
        fields["stop"] = []
        advice.append("its endpoint refuses stop strings")
    elif goes_on and stop == "honoured" and "" not in habits.fences and _END not in profile.stop:
        fields["stop"] = [*profile.stop, _END]
        advice.append("it goes on after its cell: the cell's end stops it")
    elif goes_on:
        advice.append("it goes on after its cell: what follows is dropped, and paid for")


def _window(found: Findings, profile: Profile, fields: dict[str, object], advice: list[str]) -> None:
    window = found.window
    if window.tokens is None or window.how == "at_least":
        return
    if window.listed is not None and window.tokens < 0.9 * window.listed:
        advice.append(
            f"its window is {window.tokens:,} tokens, not {window.listed:,}: give model_options={{'window': "
            f"{window.tokens}}}" + (", or have its server take more" if window.how == "cut" else "")
        )
    elif window.listed is None and window.how != "told":
        advice.append(f"its window was not known: give model_options={{'window': {window.tokens}}}")
    room = window.tokens * _CHARS_PER_TOKEN
    if profile.output_chars * 5 > room * 2:  # a few outputs have to fit beside the instructions
        fields["output_chars"] = max(room // 8 // 100 * 100, _LEAST_SHOWN)
        advice.append(f"its window is small: it is shown {fields['output_chars']:,} characters of an output")


def _pattern(model: str) -> str:
    name = model.rstrip("/").rpartition("/")[2].lower().removesuffix(".gguf")
    return f"^{re.escape(name)}$"


def as_toml(found: Findings) -> str:
    """The suggested fields as a profile.toml; what they are, with what was found above them."""
    lines = [f"# {found.model}, as rlm doctor found it.", *(f"# - {line}" for line in found.advice)]
    return "\n".join([*lines, *(f"{name} = {_value(value)}" for name, value in found.suggested.items()), ""])


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)} = {_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)  # strings, numbers, true and false are the same in TOML
