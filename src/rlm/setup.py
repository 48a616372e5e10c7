"""What an engine gives to each of its runs, and what a trace says of it: enough to make the like again, and no key."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import urlsplit

from rlm import config
from rlm.approval import Approve, Confirm
from rlm.context import Context
from rlm.errors import ConfigError
from rlm.lms.base import LM
from rlm.prompts import profiles
from rlm.prompts.profiles import Profile
from rlm.replies import Folder
from rlm.route import Route
from rlm.sandbox.launchers.base import Launcher
from rlm.sandbox.options import Sandbox
from rlm.tools import Toolset
from rlm.trace.events import Event
from rlm.trace.runs import Retention
from rlm.types import JSON, Limits

# Of a client's settings, what is told; `extra` and headers are the user's own, and may hold a key.
_TOLD = ("max_tokens", "temperature", "reasoning_effort", "effort", "thinking_tokens", "cache", "format")


class Listener(Protocol):
    """What is told the events of one run."""

    def take(self, event: Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What an engine gives to each of its runs; `RLM` has what each part means."""

    model: LM
    sub_model: LM
    sub_models: Mapping[str, LM]
    launcher: Launcher
    require: frozenset[str] | None
    limits: Limits
    route: Route
    trace: bool | Path
    verbose: bool
    once: bool
    kept: Folder | None
    approve: Approve | None
    confirm: Confirm | None
    profile: Profile | None
    sandbox: Sandbox | None = None  # the options that the launcher was made with
    tools: Toolset = field(default_factory=Toolset)
    sub_tools: Toolset | None = None  # of children; None: the same
    redact: Callable[[str], str] | None = None
    keep: Retention | None = None
    tracer: Callable[[], Listener] | None = None  # makes what is told a run's events


def models(setup: Setup) -> dict[str | None, LM]:
    """What cells may call a model: its name in the pool, its own, or that without the provider's."""
    models: dict[str | None, LM] = {None: setup.sub_model}
    models.update(setup.sub_models)
    known = [setup.sub_model, setup.model, *setup.sub_models.values()]
    for lm in known:
        models.setdefault(lm.name, lm)
    for lm in known:
        models.setdefault(lm.name.partition("/")[2] or lm.name, lm)
    return models


def profile(setup: Setup, lm: LM) -> Profile:
    """How a model is spoken to: what the caller gave is for the root's."""
    given = setup.profile
    return given if given is not None and lm is setup.model else profiles.profile_for(lm.name)


def offers(setup: Setup) -> list[profiles.Offer]:
    """What a root is told of the models that cells may call, the one by default before the pool."""
    found = []
    for name, lm in {"": setup.sub_model, **setup.sub_models}.items():
        price = (lm.price.input_mtok, lm.price.output_mtok) if lm.price else None
        found.append(profiles.Offer(name, lm.name, profile(setup, lm).reads(lm.window), price))
    return found


def retention() -> Retention:
    """How long traces are kept: as the environment or the config file says, else as `Retention` does.

    Raises:
        ConfigError: What is said is no number of days or of gigabytes.
    """
    said = config.read().trace
    found: dict[str, float | None] = {}
    for name in ("days", "gb"):
        variable = f"RLM_KEEP_{name.upper()}"
        value = os.environ.get(variable) or said.get(f"keep_{name}")
        if value is not None:
            try:
                number = float(value)
            except ValueError:
                number = -1.0
            if not number >= 0:
                raise ConfigError(f"{variable}, or keep_{name} of the config file, is a number from 0, or inf")
            found[name] = None if math.isinf(number) else number
    return Retention(**found)


def tracer() -> Callable[[], Listener]:
    """Makes listeners that tell OpenTelemetry.

    Raises:
        ConfigError: It is not installed.
    """
    from rlm.trace.spans import tracer

    return tracer()


def described(setup: Setup) -> dict[str, JSON]:
    """A setup as its run's trace tells it: named fields alone, since any option as given may hold a key."""
    return {
        "model": told(setup.model),
        "sub_model": told(setup.sub_model),
        "sub_models": {name: told(lm) for name, lm in setup.sub_models.items()},
        "sandbox": setup.launcher.name,
        "sandbox_options": [] if setup.sandbox is None else cast(list[JSON], setup.sandbox.given()),
        "require": None if setup.require is None else cast(list[JSON], sorted(setup.require)),
        "route": setup.route,
        "profile": None if setup.profile is None else setup.profile.name,
        "once": setup.once,
        "cache": setup.kept is not None,
        "approve": setup.approve is not None,
        "redact": setup.redact is not None,
        "tools": [*(tool.name for tool in setup.tools.tools), *(type(one).__name__ for one in setup.tools.sources)],
        "values": [*setup.tools.values],
    }


def check_question(asked: object) -> None:
    """Refuses a question that says nothing: it would be paid for.

    Raises:
        ConfigError: It is None, or empty.
    """
    if asked is None or (isinstance(asked, str) and not asked.strip()):
        raise ConfigError(f"the question is {'None' if asked is None else 'empty'}")


def only_in_cells(setup: Setup) -> str:
    """What was given that only cells have, in words; empty where there is nothing."""
    if setup.tools:
        return "tools or values"
    sandbox = setup.sandbox
    return "files or an output folder" if sandbox is not None and (sandbox.files or sandbox.output) else ""


def told(lm: LM) -> dict[str, JSON]:
    """What a trace tells of a model."""
    settings: Mapping[str, JSON] = getattr(lm, "settings", None) or {}
    told: dict[str, JSON] = {
        name: settings[name] for name in _TOLD if isinstance(settings.get(name), int | float | str)
    }
    url = settings.get("url")
    return {
        "name": lm.name,
        "window": lm.window,
        "price": None if lm.price is None else asdict(lm.price),
        "host": urlsplit(url).hostname if isinstance(url, str) else None,
        "settings": told,
    }


def source(value: object, context: Context) -> dict[str, JSON]:
    """What a run's input was, as `RunBegin.source` has it: files by their paths, anything else whole."""
    if isinstance(value, str):
        return {"kind": "text", "text": value}
    paths = [value] if isinstance(value, Path) else value
    if isinstance(paths, list | tuple) and paths and all(isinstance(path, Path) for path in paths):
        return {"kind": "paths", "paths": [str(path.absolute()) for path in paths]}
    return {"kind": "json", "text": context.blob.read().decode("utf-8", "surrogatepass")}
