"""Models by name."""

from __future__ import annotations

import os
from typing import Any

from rlm.errors import ConfigError
from rlm.lms.base import LM


def resolve(spec: str | LM, **options: Any) -> LM:
    """The model that `spec` names; an object is taken as it is."""
    if not isinstance(spec, str):
        return spec
    raise ConfigError(f"no model {spec!r}")


def default_model() -> str:
    """The model to use where none is named."""
    return os.environ.get("RLM_MODEL") or ("openai/gpt-5-mini" if os.environ.get("OPENAI_API_KEY") else "nano")
