"""Which models the price list knows at whom, and the nearest to a name that it does not know.

The first look-up loads the list, about 0.2 s, so nothing here is called before something went wrong or was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING

from rlm.lms.prices import listing

if TYPE_CHECKING:
    from rlm.lms.providers import Provider


@cache
def models(url: str) -> tuple[str, ...]:
    """The models that are listed for the endpoint at `url`, without what is listed as outdated; empty if unknown."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        provider = get_snapshot().find_provider(None, None, url)
    except LookupError:
        return ()
    names = (model.id for model in provider.models if not model.deprecated)
    # Vertex resells others' models, which are listed as Google's too and speak another format.
    return tuple(name for name in names if provider.id != "google" or name.startswith(("gemini", "gemma")))


def nearest(model: str, url: str) -> str:
    """The listed model that `model` was probably meant to be; empty if it is listed itself, or none is near."""
    if not url or listing(model, url) is not None:
        return ""
    names = {_bare(name): name for name in models(url)}
    near = get_close_matches(_bare(model), names, 1, 0.8)
    return names[near[0]] if near else ""


def providers_of(model: str, providers: Iterable[Provider]) -> list[str]:
    """Those of the providers at whom a model of exactly this name is listed."""
    return [one.name for one in providers if one.url and model in models(one.url)]


def _bare(name: str) -> str:
    """A name without what people leave out of it: `gpt5-mini` is as good as `gpt-5-mini`."""
    return re.sub(r"[-_. ]", "", name).lower()
