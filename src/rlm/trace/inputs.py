"""What a run was asked about, and its limits, made again from what its trace says that they were."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from rlm.errors import ConfigError, ContextError
from rlm.trace.events import RunBegin
from rlm.types import JSON, Limits


def value_of(source: Mapping[str, JSON], digest: str, run: str, what: str = "") -> object:
    """An input as `context.load` takes it.

    Args:
        source: What it was, as `RunBegin.source` has it.
        digest: Its SHA-256.
        run: The run, for errors.
        what: Its name, where it was added to a session: that can't be given in another way.

    Raises:
        ConfigError: It is not in the trace, or not as it was.
        ContextError: A file of it is not there any more.
    """
    kind, text, paths, name = source.get("kind"), source.get("text"), source.get("paths"), what or "input"
    give = "ask again, in a new session" if what else "give it as `context`, from Python"
    if kind == "paths" and isinstance(paths, list) and paths:
        files = [Path(str(path)) for path in paths]
        if (missing := next((path for path in files if not os.path.exists(path)), None)) is not None:
            instead = "" if what else ", or give `context` from Python"
            raise ContextError(f"the run's {name} is not there any more: {missing}; put it back{instead}")
        return files[0] if len(files) == 1 else files
    if kind == "none":
        raise ConfigError(f"the run {run} ended before its {name} was loaded: ask again")
    if kind == "incomplete":
        raise ConfigError(f"the run {run} was killed while its {name} was stored: {give}")
    if kind not in ("text", "json") or not isinstance(text, str):
        raise ConfigError(f"the trace of {run} does not say what its {name} was: {give}")
    if hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() != digest:
        raise ConfigError(f"the run's {name} was redacted in its trace: {give}")
    return text if kind == "text" else json.loads(text)


def limits_of(begin: RunBegin) -> Limits:
    """The limits that a run had."""
    known = {field.name for field in fields(Limits)}
    return Limits(**{name: value for name, value in begin.limits.items() if name in known})  # type: ignore[arg-type]
